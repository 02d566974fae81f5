package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var root = access.Actor{
	Email: "root@hyfin.example", TokenScope: access.ScopeAll, Credential: audit.Credential{Kind: "session"},
	Groups: []access.Membership{{Group: "admins", Roles: []access.Role{access.Admin}}},
}

func rule(attribute string, op registry.Operator, values ...string) registry.SegmentRule {
	return registry.SegmentRule{Attribute: attribute, Operator: op, Values: values}
}

func TestRulesOfASegmentDecideWhoIsIn(t *testing.T) {
	t.Parallel()
	germans, adults := rule("country", registry.Equals, "DE"), rule("age", registry.Greater, "17")
	for name, c := range map[string]struct {
		segment registry.Segment
		in, out []string
	}{
		"equals":       {registry.Segment{Rules: []registry.SegmentRule{germans}}, []string{`{"country":"DE"}`}, []string{`{"country":"de"}`, `{}`, `{"country":["DE"]}`}},
		"a number":     {registry.Segment{Rules: []registry.SegmentRule{rule("floor", registry.Equals, "3")}}, []string{`{"floor":3}`, `{"floor":"3"}`}, []string{`{"floor":"03"}`, `{"floor":4}`}},
		"not equals":   {registry.Segment{Rules: []registry.SegmentRule{rule("country", registry.NotEquals, "DE")}}, []string{`{"country":"AT"}`, `{"country":""}`}, []string{`{"country":"DE"}`, `{}`, `{"country":null}`}},
		"one of":       {registry.Segment{Rules: []registry.SegmentRule{rule("country", registry.OneOf, "DE", "AT")}}, []string{`{"country":"AT"}`}, []string{`{"country":"CH"}`, `{}`}},
		"none of":      {registry.Segment{Rules: []registry.SegmentRule{rule("floor", registry.NotOneOf, "1", "2")}}, []string{`{"floor":3}`, `{"floor":0}`}, []string{`{"floor":2}`, `{"floor":"1"}`, `{}`}},
		"begins with":  {registry.Segment{Rules: []registry.SegmentRule{rule("cost_centre", registry.StartsWith, "4", "51")}}, []string{`{"cost_centre":"4711"}`, `{"cost_centre":"5100"}`}, []string{`{"cost_centre":"5"}`, `{"cost_centre":4711}`, `{}`}},
		"ends with":    {registry.Segment{Rules: []registry.SegmentRule{rule("email", registry.EndsWith, "@hyfin.example")}}, []string{`{"email":"a@hyfin.example"}`}, []string{`{"email":"a@evilhyfin.example.org"}`, `{}`}},
		"more than":    {registry.Segment{Rules: []registry.SegmentRule{adults}}, []string{`{"age":18}`, `{"age":"18"}`}, []string{`{"age":17}`, `{}`}},
		"less than":    {registry.Segment{Rules: []registry.SegmentRule{rule("age", registry.Less, "18")}}, []string{`{"age":0}`}, []string{`{"age":18}`, `{}`, `{"age":null}`}},
		"is true":      {registry.Segment{Rules: []registry.SegmentRule{rule("vip", registry.IsTrue)}}, []string{`{"vip":true}`}, []string{`{"vip":false}`, `{"vip":"yes"}`, `{}`}},
		"is false":     {registry.Segment{Rules: []registry.SegmentRule{rule("vip", registry.IsFalse)}}, []string{`{"vip":false}`}, []string{`{"vip":true}`, `{"vip":0}`, `{}`}},
		"nested":       {registry.Segment{Rules: []registry.SegmentRule{rule("profile.unit", registry.Equals, "cards")}}, []string{`{"profile":{"unit":"cards"}}`}, []string{`{"profile":{}}`}},
		"all of two":   {registry.Segment{Rules: []registry.SegmentRule{germans, adults}, Match: registry.MatchAll}, []string{`{"country":"DE","age":18}`}, []string{`{"country":"DE"}`, `{"age":18}`}},
		"any of two":   {registry.Segment{Rules: []registry.SegmentRule{germans, adults}, Match: registry.MatchAny}, []string{`{"country":"DE"}`, `{"age":18}`}, []string{`{}`, `{"age":3}`}},
		"group or all": {registry.Segment{Groups: []string{"pilot"}, Rules: []registry.SegmentRule{germans, adults}}, []string{`{"groups":["pilot"]}`, `{"country":"DE","age":18}`}, []string{`{"country":"DE"}`}},
		"nobody":       {registry.Segment{}, nil, []string{`{}`, `{"targetingKey":"a@b.example"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.segment.Name, c.segment.Title = "s", "S"
			if err := c.segment.Check(); err != nil {
				t.Fatal(err)
			}
			for context, want := range both(c.in, c.out) {
				if got := variantOf(t, c.segment, context); got != want {
					t.Errorf("%s is served %s", context, got)
				}
			}
		})
	}
}

// variantOf compiles a segment with the package that SDKs are served by; on is served to whom it lets in.
func variantOf(t fataler, s registry.Segment, context string) string {
	t.Helper()
	document, err := json.Marshal(map[string]any{
		"flags": map[string]any{"f": map[string]any{
			"state": "ENABLED", "variants": map[string]any{"on": true, "off": false}, "defaultVariant": "off",
			"targeting": map[string]any{"if": []any{map[string]any{"$ref": "s"}, "on"}},
		}},
		"$evaluators": map[string]any{"s": s.Logic()},
	})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	snapshot, problems, err := flag.Compile(document)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, problems %v in %s", err, problems, document)
	}
	evaluation := snapshot.Context(time.Unix(0, 0))
	defer evaluation.Release()
	if err := evaluation.Parse(`{"context":` + context + `}`); err != nil {
		t.Fatalf("parse %s: %v", context, err)
	}
	return snapshot.Evaluate("f", evaluation).Variant
}

// fataler is a test, or a property of one.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func both(in, out []string) map[string]string {
	all := map[string]string{}
	for _, context := range in {
		all[context] = "on"
	}
	for _, context := range out {
		all[context] = "off"
	}
	return all
}

func TestBadRulesOfASegmentAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule        registry.SegmentRule
		field, code string
	}{
		"no attribute":     {rule(" ", registry.Equals, "x"), "rules[0].attribute", "no_attribute"},
		"flagd's own":      {rule("$flagd.flagKey", registry.Equals, "x"), "rules[0].attribute", "bad_attribute"},
		"dots":             {rule("a..b", registry.Equals, "x"), "rules[0].attribute", "bad_attribute"},
		"no operator":      {rule("a", "", "x"), "rules[0].operator", "unknown_operator"},
		"typing error":     {rule("a", "equal", "x"), "rules[0].operator", "unknown_operator"},
		"two of equals":    {rule("a", registry.Equals, "x", "y"), "rules[0].values", "one_value"},
		"nothing":          {rule("a", registry.OneOf, " "), "rules[0].values", "no_value"},
		"text for number":  {rule("a", registry.Greater, "many"), "rules[0].values", "not_a_number"},
		"infinity":         {rule("a", registry.Less, "1e999"), "rules[0].values", "not_a_number"},
		"value of is true": {rule("a", registry.IsTrue, "x"), "rules[0].values", "no_values"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registry.Segment{Name: "s", Title: "S", Rules: []registry.SegmentRule{c.rule}}
			err := s.Tidy().Check()
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Field != c.field || f.Code != c.code || f.Remediation == "" {
				t.Errorf("%v at %+v", err, f)
			}
		})
	}
}

func TestASegmentIsDeletedOnlyWhileNoFlagUsesIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }}
		made, err := r.PutSegment(t.Context(), root, registry.Segment{
			Name: "germans", Title: "People in Germany", Rules: []registry.SegmentRule{rule(" country ", registry.OneOf, "DE", " DE")},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(made.Rules) != 1 || made.Rules[0].Attribute != "country" || len(made.Rules[0].Values) != 1 || made.Match != registry.MatchAll {
			t.Errorf("stored is %+v", made)
		}
		if got, _, err := r.Segment(t.Context(), root, "germans"); err != nil || got.Rules[0].Words() != "country is one of DE" {
			t.Errorf("read back is %+v, %v", got, err)
		}
		propose(t, db, "where2eat", "enabled")
		install(t, db, "where2eat.enabled")
		err = r.DeleteSegment(t.Context(), root, "pilot", 1)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "where2eat.enabled") {
			t.Errorf("a segment that a flag was approved for is answered %v", err)
		}
		serve(t, db, "where2eat.enabled", "staging", registry.Serving{
			Mode: registry.ServeCustom, Targeting: json.RawMessage(`{"if": [{"$ref": "germans"}, "on", "off"]}`), DefaultVariant: "off",
		})
		if err := r.DeleteSegment(t.Context(), root, "germans", made.Revision); !fault.Is(err, fault.Conflict) {
			t.Errorf("a segment that targeting refers to is answered %v", err)
		}
		kill(t, db, "where2eat.enabled", "staging")
		if err := r.DeleteSegment(t.Context(), root, "germans", made.Revision); !fault.Is(err, fault.Conflict) {
			t.Errorf("a segment that the targeting of a killed flag refers to is answered %v", err)
		}
		must(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			f, _, err := registry.Restore(ctx, tx, by("olu@hyfin.example"), "where2eat.enabled", "staging")
			return f, err
		})
		serve(t, db, "where2eat.enabled", "staging", registry.Serving{Mode: registry.ServeOff})
		if err := r.DeleteSegment(t.Context(), root, "beta", 1); err != nil {
			t.Errorf("a segment that nothing uses: %v", err)
		}
		inUse := "where2eat.enabled is being rolled out to it"
		r.SegmentInUse = func(context.Context, *store.Tx, string) (string, error) { return inUse, nil }
		if err := r.DeleteSegment(t.Context(), root, "germans", made.Revision); !fault.Is(err, fault.Conflict) {
			t.Errorf("a segment in use is answered %v", err)
		}
		inUse = ""
		if err := r.DeleteSegment(t.Context(), root, "germans", made.Revision+1); !fault.Is(err, fault.Stale) {
			t.Errorf("a stale deletion is answered %v", err)
		}
		if err := r.DeleteSegment(t.Context(), by("alice@hyfin.example").By, "germans", made.Revision); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a deletion by somebody else is answered %v", err)
		}
		if err := r.DeleteSegment(t.Context(), root, "germans", made.Revision); err != nil {
			t.Error(err)
		}
		if _, _, err := r.Segment(t.Context(), root, "german"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a deleted segment is answered %v", err)
		}
	})
}
