package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/fault"
)

func TestDeceptiveCharactersAreToldFromTextOfAnyScript(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\x00b", "a\u202eb", "a\u2066b", "\u200bpay", "bell\a", "a\u2028b", "\x7f", "\u0085", "\ufeffx"} {
		if !strings.ContainsFunc(text, fault.Deceptive) {
			t.Errorf("%q passed", text)
		}
	}
	for _, text := range []string{"Zoë's café – 50 %", "昼ごはん", "مرحبا", "👩‍🍳 lunch", "two\nlines\tand a tab\r\n", "क्षि"} {
		if strings.ContainsFunc(text, fault.Deceptive) {
			t.Errorf("%q did not pass", text)
		}
	}
}

func TestAFaultKeepsItsKindAndCauseThroughWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	err := fmt.Errorf("save: %w", fault.New(fault.Unavailable, "down", "cannot save").At("name").Fix("try again").Because(cause))
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, cause) || fault.Is(cause, fault.Unavailable) {
		t.Errorf("kind %q of %v", fault.Of(err), err)
	}
	if got, want := err.Error(), "save: cannot save: disk full"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
