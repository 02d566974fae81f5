package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
)

// FuzzSegment holds that whatever passes the check of a segment is served: it compiles, and no flag has a problem with it.
func FuzzSegment(f *testing.F) {
	f.Add("country", "equals", "DE", "any")
	f.Add("profile.age", "greater", "1e3", "all")
	f.Add("a-b.0", "not_one_of", "x\ny\n5", "")
	f.Add("groups", "is_true", "", "all")
	f.Fuzz(func(t *testing.T, attribute, operator, values, match string) {
		r := registry.SegmentRule{Attribute: attribute, Operator: registry.Operator(operator)}
		if values != "" {
			r.Values = strings.Split(values, "\n")
		}
		s := registry.Segment{Name: "s", Title: "S", Rules: []registry.SegmentRule{r, r}, Match: registry.Match(match)}.Tidy()
		if s.Check() != nil {
			return
		}
		document, err := json.Marshal(map[string]any{
			"flags": map[string]any{"f": map[string]any{
				"state": "ENABLED", "variants": map[string]any{"on": true, "off": false}, "defaultVariant": "off",
				"targeting": map[string]any{"if": []any{map[string]any{"$ref": "s"}, "on"}},
			}},
			"$evaluators": map[string]any{"s": s.Logic()},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, problems, err := flag.Compile(document); err != nil || len(problems) > 0 {
			t.Errorf("%v, %v in %s", err, problems, document)
		}
	})
}
