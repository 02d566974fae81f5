package access

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestAddressesAreKeptInLowerCase(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		" Alice.O'Neil+ci@HyFin.Example ": "alice.o'neil+ci@hyfin.example",
		"root@localhost":                  "root@localhost",
		"a@b@c.example":                   "",
		"alice@-x.example":                "",
		"alice@x..example":                "",
		".alice@x.example":                "",
		"alice@x.example\r\nBcc: y":       "",
		"local:root":                      "",
		"a\u200b@x.example":               "",
	} {
		if got, err := Email("email", text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"alice@hyfin.example", "A@B", "souk:rollout", "a\u202e@b.example", "\x00@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		email, err := Email("email", text)
		if err != nil {
			return
		}
		again, err := Email("email", email)
		if err != nil || again != email {
			t.Errorf("%q is kept as %q, which is %q, %v", text, email, again, err)
		}
		if strings.ContainsFunc(email, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || unicode.IsUpper(r) }) ||
			strings.Count(email, "@") != 1 || strings.ContainsAny(email, ":,;<>\"\\") {
			t.Errorf("%q is taken as %q", text, email)
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, seed := range []string{"Alice", "Müller", "a\u202eb", "a\u2066b", "a\nb", "a\xff", "می\u200cخواهم"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if Line("name", text) != nil {
			return
		}
		if len(text) > 4*MaxLine || strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || strings.ContainsRune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", r)
		}) {
			t.Errorf("%q is taken as a name", text)
		}
	})
}

func TestActionsAreListedOnce(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(len(set(Actions())), len(Actions())); diff != "" {
		t.Error(diff)
	}
}
