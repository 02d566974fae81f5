package flag_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/flag"
)

// TestADerivedSnapshotAnswersAsOneCompiledAnew changes random flags and evaluators again and again, while a context of the
// snapshot before is in use.
func TestADerivedSnapshotAnswersAsOneCompiledAnew(t *testing.T) {
	t.Parallel()
	rules := []string{
		``, `{"if":[{"$ref":"pilot"},"on"]}`, `{"if":[{"==":[{"var":"country"},"CH"]},"on","off"]}`, `{"fractional":[["on",30],["off",70]]}`,
		`{"if":[{"$ref":"beta"},"on",{"in":["x",{"var":"user.tags"}]},"on"]}`, `{"nonsense":1}`, `{"if":[{"$ref":"gone"},"on"]}`,
		`{"if":[{">":[{"var":"$flagd.timestamp"},5]},"on"]}`,
	}
	definition := func(t *rapid.T) json.RawMessage {
		text := fmt.Sprintf(`{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"%s"`, rapid.SampledFrom([]string{"on", "off"}).Draw(t, "default"))
		if rule := rapid.SampledFrom(rules).Draw(t, "rule"); rule != "" {
			text += `,"targeting":` + rule
		}
		return json.RawMessage(text + `}`)
	}
	evaluators := func(t *rapid.T) map[string]json.RawMessage {
		group := rapid.SampledFrom([]string{"a", "b", "$&"}).Draw(t, "group")
		return map[string]json.RawMessage{
			"pilot": json.RawMessage(`{"in":["` + group + `",{"var":"groups"}]}`), "beta": json.RawMessage(`{"in":[{"var":"targetingKey"},["p1","p2"]]}`),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		set := flag.Set{Flags: map[string]json.RawMessage{}, Evaluators: evaluators(t), Metadata: json.RawMessage(`{"flagSetId":"test"}`)}
		keys := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		for _, key := range rapid.SliceOf(keys).Draw(t, "first") {
			set.Flags[key] = definition(t)
		}
		derived, _ := set.Compile()
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			changed := map[string]json.RawMessage{}
			var replaced map[string]json.RawMessage
			if rapid.Bool().Draw(t, "other evaluators") {
				replaced = evaluators(t)
				set.Evaluators = replaced
				for key, d := range set.Flags {
					changed[key] = d
				}
			}
			for _, key := range rapid.SliceOf(keys).Draw(t, "changed") {
				if rapid.Bool().Draw(t, "gone") {
					changed[key] = nil
					delete(set.Flags, key)
				} else {
					changed[key] = definition(t)
					set.Flags[key] = changed[key]
				}
			}
			before := derived.Context(time.Unix(9, 0))
			derived, _ = derived.With(changed, replaced)
			before.Release()
			anew, _ := set.Compile()
			if derived.Len() != anew.Len() || anew.UsesTime() && !derived.UsesTime() {
				t.Fatalf("%d flags, want %d", derived.Len(), anew.Len())
			}
			if got, want := derived.Document(all), anew.Document(all); string(got) != string(want) {
				t.Fatalf("synced as %s, want %s", got, want)
			}
			for i := range 8 {
				attributes := map[string]any{
					"targetingKey": fmt.Sprintf("p%d", i), "groups": []string{[]string{"a", "b"}[i%2]}, "country": []string{"CH", "DE"}[i/2%2],
					"user": map[string]any{"tags": []any{[]string{"x", "y"}[i/4%2]}},
				}
				if got, want := answers(derived, attributes), answers(anew, attributes); !slices.Equal(got, want) {
					t.Fatalf("%v: %v, want %v", attributes, got, want)
				}
			}
		}
	})
}

func answers(s *flag.Snapshot, attributes map[string]any) []string {
	c := s.Context(time.Unix(9, 0))
	defer c.Release()
	c.Set(attributes)
	var all []string
	for o := range s.All(c) {
		all = append(all, string(o.JSON))
	}
	return all
}
