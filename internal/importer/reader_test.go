package importer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
)

// TestAReaderReadsADocumentOnce reads again with a context that has ended, with which nothing is read anew.
func TestAReaderReadsADocumentOnce(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var reader importer.Reader
	source := func(i int) importer.Source {
		return importer.Source{Format: "goff", Document: fmt.Sprintf(`{"f%d": {"variations": {"on": true}, "defaultRule": {"variation": "on"}}}`, i), Into: "production"}
	}
	keeps := func(from importer.Source) bool {
		t.Helper()
		doc, err := reader.Read(ended, from)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if want, _ := importer.Read(t.Context(), from); err == nil && !cmp.Equal(want, doc) {
			t.Errorf("it is another document: %s", cmp.Diff(want, doc))
		}
		return err == nil
	}
	for i := range 9 {
		if _, err := reader.Read(t.Context(), source(i)); err != nil {
			t.Fatal(err)
		}
		if !keeps(source(0)) { // what is asked for again stays
			t.Errorf("the first is read anew after %d", i)
		}
	}
	if keeps(source(1)) {
		t.Error("it keeps any number")
	}
	elsewhere := source(8)
	elsewhere.Into = "staging"
	if !keeps(source(8)) || keeps(elsewhere) {
		t.Error("the environment makes no difference")
	}
	large := source(10)
	large.Document += strings.Repeat(" ", importer.MaxBytes-len(large.Document))
	for _, from := range []string{"a", "b", "c"} {
		large.From = from
		if _, err := reader.Read(t.Context(), large); err != nil {
			t.Fatal(err)
		}
	}
	if keeps(source(0)) || !keeps(large) {
		t.Error("it keeps any size")
	}
	wrong := importer.Source{Format: "flagd", Document: `{"flags": {"f": {"variants": {"on": true}}}, "$evaluators": []}`}
	for _, ctx := range []context.Context{t.Context(), ended} {
		if _, err := reader.Read(ctx, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("what is wrong with it is not kept: %v", err)
		}
	}
}
