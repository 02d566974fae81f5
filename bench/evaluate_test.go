package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	"github.com/launchdarkly/go-sdk-common/v3/ldvalue"
	ldeval "github.com/launchdarkly/go-server-sdk-evaluation/v3"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldbuilders"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"
	"github.com/twmb/murmur3"

	"github.com/soukhq/souk/internal/flag"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// rows are what is evaluated: the same for Souk and for its peer.
var rows = []struct{ name, rule string }{
	{"static", ``},
	{"ends_with", `{"if":[{"ends_with":[{"var":"email"},"@hyfin.example"]},"on","off"]}`},
	{"rules", func() string {
		var branches []string
		for i := range 5 {
			branches = append(branches, fmt.Sprintf(
				`{"and":[{"==":[{"var":"country"},"CH"]},{"==":[{"var":"plan"},"pro"]},{"==":[{"var":"unit"},"u%d"]}]},"on"`, i))
		}
		return `{"if":[` + strings.Join(branches, ",") + `,"off"]}`
	}()},
	{"split", `{"fractional":[["on",50],["off",30],["maybe",20]]}`},
}

var attributes = map[string]any{
	"targetingKey": "ann@hyfin.example", "email": "ann@hyfin.example", "country": "CH", "plan": "pro", "unit": "u4",
}

// document is a flag document of n flags for each rule; the first of each has the name of its row as its key. Words are what is
// said of each flag in its metadata.
func document(n int, words string) []byte {
	flags := map[string]any{}
	for _, row := range rows {
		for i := range n {
			key := row.name
			if i > 0 {
				key = fmt.Sprintf("%s-%d", row.name, i)
			}
			one := map[string]any{
				"state": "ENABLED", "variants": map[string]any{"on": true, "off": false, "maybe": true}, "defaultVariant": "off",
			}
			if words != "" {
				one["metadata"] = map[string]any{"description": fmt.Sprintf("Flag %d of the kind %s. %s", i, row.name, words)}
			}
			if row.rule != "" {
				one["targeting"] = json.RawMessage(row.rule)
			}
			flags[key] = one
		}
	}
	raw, err := json.Marshal(map[string]any{"flags": flags})
	if err != nil {
		panic(err)
	}
	return raw
}

func compile(b *testing.B, n int) *flag.Snapshot {
	b.Helper()
	s, problems, err := flag.Compile(document(n, ""))
	if err != nil || len(problems) > 0 {
		b.Fatal(err, problems)
	}
	return s
}

// BenchmarkSouk evaluates with a context that is bound once, as a service does for each of its requests.
func BenchmarkSouk(b *testing.B) {
	s := compile(b, 1)
	c := s.Context(noon)
	defer c.Release()
	c.Set(attributes)
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if o := s.Evaluate(row.name, c); !o.HasValue {
					b.Fatal(o.Details)
				}
			}
		})
	}
}

// BenchmarkSoukBinding takes a context anew for every evaluation, from a map.
func BenchmarkSoukBinding(b *testing.B) {
	s := compile(b, 1)
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := s.Context(noon)
				c.Set(attributes)
				if o := s.Evaluate(row.name, c); !o.HasValue {
					b.Fatal(o.Details)
				}
				c.Release()
			}
		})
	}
}

// BenchmarkSoukBulk evaluates 500 flags.
func BenchmarkSoukBulk(b *testing.B) {
	s := compile(b, 125)
	c := s.Context(noon)
	defer c.Release()
	c.Set(attributes)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for o := range s.All(c) {
			n += len(o.Variant)
		}
		if n == 0 {
			b.Fatal("no answers")
		}
	}
}

// peerFlag is the flag of a row in LaunchDarkly's model.
func peerFlag(row string) *ldmodel.FeatureFlag {
	text := func(all ...string) (values []ldvalue.Value) {
		for _, v := range all {
			values = append(values, ldvalue.String(v))
		}
		return values
	}
	f := ldbuilders.NewFlagBuilder(row).On(true).Salt("salt").OffVariation(1).FallthroughVariation(1).
		Variations(ldvalue.Bool(true), ldvalue.Bool(false), ldvalue.Bool(true))
	switch row {
	case "ends_with":
		f.AddRule(ldbuilders.NewRuleBuilder().ID("mail").Variation(0).
			Clauses(ldbuilders.Clause("email", ldmodel.OperatorEndsWith, text("@hyfin.example")...)))
	case "rules":
		for i := range 5 {
			f.AddRule(ldbuilders.NewRuleBuilder().ID(fmt.Sprint(i)).Variation(0).Clauses(
				ldbuilders.Clause("country", ldmodel.OperatorIn, text("CH")...),
				ldbuilders.Clause("plan", ldmodel.OperatorIn, text("pro")...),
				ldbuilders.Clause("unit", ldmodel.OperatorIn, text(fmt.Sprintf("u%d", i))...)))
		}
	case "split":
		f.Fallthrough(ldbuilders.Rollout(ldbuilders.Bucket(0, 50_000), ldbuilders.Bucket(1, 30_000), ldbuilders.Bucket(2, 20_000)))
	}
	built := f.Build()
	ldmodel.PreprocessFlag(&built)
	return &built
}

func peerContext() ldcontext.Context {
	c := ldcontext.NewBuilder(attributes["targetingKey"].(string))
	for name, v := range attributes {
		if name != "targetingKey" {
			c.SetString(name, v.(string))
		}
	}
	return c.Build()
}

type nothing struct{}

func (nothing) GetFeatureFlag(string) *ldmodel.FeatureFlag { return nil }
func (nothing) GetSegment(string) *ldmodel.Segment         { return nil }

// BenchmarkPeer is LaunchDarkly's evaluator of its Go SDK, on the same rules, with a context that is bound once.
func BenchmarkPeer(b *testing.B) {
	evaluator, c := ldeval.NewEvaluator(nothing{}), peerContext()
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			f := peerFlag(row.name)
			b.ReportAllocs()
			for b.Loop() {
				if r := evaluator.Evaluate(f, c, nil); r.Detail.Value.IsNull() {
					b.Fatal("no value")
				}
			}
		})
	}
}

// BenchmarkFloor is what an evaluation cannot go below: the look-up of a key, the hash of one, four attributes of a map.
func BenchmarkFloor(b *testing.B) {
	flags := map[string]*flag.Outcome{}
	for i := range 500 {
		flags[fmt.Sprintf("flag-%d", i)] = &flag.Outcome{}
	}
	b.Run("map_look-up", func(b *testing.B) {
		for b.Loop() {
			if flags["flag-77"] == nil {
				b.Fatal("lost")
			}
		}
	})
	key := []byte("splitann@hyfin.example")
	b.Run("murmur3", func(b *testing.B) {
		for b.Loop() {
			if murmur3.Sum32(key) == 0 {
				b.Fatal("zero")
			}
		}
	})
	b.Run("four_attributes", func(b *testing.B) {
		for b.Loop() {
			if attributes["email"] == nil || attributes["country"] == nil || attributes["plan"] == nil || attributes["unit"] == nil {
				b.Fatal("lost")
			}
		}
	})
}
