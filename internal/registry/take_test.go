package registry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/registry"
)

func TestPartsOfAnImportHaveEachFlagOnceAndChangeEvaluatorsWithWhatStandsOnThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 10).Draw(t, "size")
		in := registry.Import{ID: "i", Environment: "sandbox", Format: "flagd", Order: []string{"e"}, Evaluators: map[string]json.RawMessage{"e": json.RawMessage(`true`)}}
		for i, bound := range rapid.SliceOf(rapid.Bool()).Draw(t, "bound") {
			in.Flags = append(in.Flags, registry.ImportedFlag{Key: fmt.Sprint(i), Bound: bound})
		}
		var all []string
		bound := 0
		for n, part := range in.Parts(size) {
			if first := n == 0; first != (len(part.Evaluators) == 1 && len(part.Order) == 1) {
				t.Errorf("part %d has the evaluators %v in the order %v", n, part.Evaluators, part.Order)
			}
			if n > 0 && (len(part.Flags) == 0 || len(part.Flags) > size) {
				t.Errorf("part %d has %d flags, of %d at most", n, len(part.Flags), size)
			}
			if part.ID != in.ID || part.Environment != in.Environment || part.Format != in.Format {
				t.Errorf("part %d is of %+v", n, part)
			}
			for _, f := range part.Flags {
				all = append(all, f.Key)
				if f.Bound {
					bound++
					if n > 0 {
						t.Errorf("%s changes after what it stands on", f.Key)
					}
				}
			}
		}
		want := 0
		for i, f := range in.Flags {
			if !slices.Contains(all, fmt.Sprint(i)) {
				t.Errorf("flag %d is in no part", i)
			}
			if f.Bound {
				want++
			}
		}
		if len(all) != len(in.Flags) || bound != want {
			t.Errorf("the parts have %d flags of %d", len(all), len(in.Flags))
		}
	})
}
