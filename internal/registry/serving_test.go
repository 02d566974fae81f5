package registry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
)

var (
	lunch = registry.Flag{
		Key: "where2eat.enabled", Type: "boolean", Variants: map[string]any{"on": true, "off": false},
		On: "on", Off: "off", Outside: "off",
	}
	theme = registry.Flag{
		Key: "where2eat.theme", Type: "string", Variants: map[string]any{"new": "dark", "old": "light", "none": ""},
		On: "new", Off: "none", Outside: "old",
	}
	size = registry.Flag{
		Key: "where2eat.size", Type: "number", Variants: map[string]any{"on": 2.0, "off": 1.0}, On: "on", Off: "off", Outside: "off",
	}
	layout = registry.Flag{
		Key: "where2eat.layout", Type: "object", Variants: map[string]any{"on": map[string]any{"a": 1.0}, "off": map[string]any{}},
		On: "on", Off: "off", Outside: "off",
	}
	audiences = []registry.Segment{
		{Name: "internal", Title: "All", Everybody: true},
		{Name: "pilot", Title: "Pilot", Groups: []string{"pilot"}},
		{Name: "beta", Title: "Beta", Groups: []string{"beta"}},
	}
)

func ruled(text string) registry.Serving {
	return registry.Serving{Mode: registry.ServeCustom, Targeting: json.RawMessage(text)}
}

func TestNoServingThatDoesNotWorkPassesItsCheck(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat(`{"!":`, 3000) + "true" + strings.Repeat("}", 3000)
	tests := map[string]struct {
		flag    registry.Flag
		serving registry.Serving
		want    string // fields and codes
	}{
		"off":                  {lunch, registry.Serving{Mode: registry.ServeOff}, ""},
		"an audience":          {lunch, registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 5}, ""},
		"a rule":               {lunch, ruled(`{"if":[{"$ref":"pilot"},"on","off"]}`), ""},
		"a rule over context":  {lunch, ruled(`{"if":[{"==":[{"var":"country"},"CH"]},"on"]}`), ""},
		"no rule":              {lunch, ruled(`null`), ""},
		"another default":      {theme, registry.Serving{Mode: registry.ServeCustom, DefaultVariant: "new"}, ""},
		"another value":        {theme, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"new": "black"}}, ""},
		"another variant":      {theme, registry.Serving{Mode: registry.ServeCustom, DefaultVariant: "x", Variants: map[string]any{"x": "red"}}, ""},
		"no mode":              {lunch, registry.Serving{}, "change.mode unknown_mode"},
		"a mode mistyped":      {lunch, registry.Serving{Mode: "custm"}, "change.mode unknown_mode"},
		"no audience":          {lunch, registry.Serving{Mode: registry.ServeAudience, Percent: 5}, "change.audience no_audience"},
		"an unknown audience":  {lunch, registry.Serving{Mode: registry.ServeAudience, Audience: "pilots", Percent: 5}, "change.audience unknown_segment"},
		"too much percent":     {lunch, registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 101}, "change.percent percent_range"},
		"below nothing":        {lunch, registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: -1}, "change.percent percent_range"},
		"an unknown reference": {lunch, ruled(`{"if":[{"$ref":"pilots"},"on"]}`), "change.targeting unknown_segment"},
		"an unknown variant":   {lunch, ruled(`{"if":[{"$ref":"pilot"},"onn"]}`), "change.targeting bad_rule"},
		"an unknown operator":  {lunch, ruled(`{"iff":[{"$ref":"pilot"},"on"]}`), "change.targeting bad_rule"},
		"no object":            {lunch, ruled(`"on"`), "change.targeting not_a_rule"},
		"no JSON":              {lunch, ruled(`{"if":`), "change.targeting not_a_rule"},
		"far too deep":         {lunch, ruled(nested), "change.targeting bad_rule"},
		"far too long":         {lunch, ruled(`{"in":["x","` + strings.Repeat("x", 40_000) + `"]}`), "change.targeting too_large"},
		"an unknown default":   {lunch, registry.Serving{Mode: registry.ServeCustom, DefaultVariant: "x"}, "change.default_variant unknown_variant"},
		"a text in a switch":   {lunch, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"maybe": "true"}}, "change.variants.maybe wrong_type"},
		"a value too large":    {size, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": 9007199254740993.0}}, "change.variants.on inexact_number"},
		"one within a value": {
			layout, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": map[string]any{"id": []any{-1e18}}}}, "change.variants.on inexact_number",
		},
		"a number larger than integers": {size, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": 1e300}}, ""},
		"a value like a reference": {
			layout, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": map[string]any{"$ref": "pilot"}}}, "change.variants not_synced",
		},
		"an integer too large": {lunch, ruled(`{"if":[{"==":[{"var":"n"},9007199254740993]},"on"]}`), "change.targeting inexact_number"},
		"null":                 {theme, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"new": nil}}, "change.variants.new wrong_type"},
		"an off that is on":    {lunch, registry.Serving{Mode: registry.ServeOff, Variants: map[string]any{"off": true}}, "change.variants.off fixed_variant"},
		"an on that is off":    {lunch, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": false}}, "change.variants.on fixed_variant"},
		"another off value":    {theme, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"none": "x"}}, "change.variants.none fixed_variant"},
		"a blank name":         {theme, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{" ": "x"}}, "change.variants.  bad_name"},
		"hidden text":          {theme, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"new": "a\u202eb"}}, "change.variants invalid_text"},
	}
	for name, tt := range tests {
		found := registry.CheckServing(tt.flag, tt.serving, audiences)
		lines := make([]string, len(found))
		for i, f := range found {
			lines[i] = f.Field + " " + f.Code
			if f.Remediation == "" || f.Message == "" || f.Severity != fault.SeverityError {
				t.Errorf("%s: an incomplete finding: %+v", name, f)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(lines, "; ")); diff != "" {
			t.Errorf("%s: %s %v", name, diff, found)
		}
	}
}

// crowd is a number of people in all combinations of the groups.
func crowd() []map[string]any {
	var people []map[string]any
	for i := range 160 {
		groups := [][]string{{}, {"pilot"}, {"beta"}, {"pilot", "beta"}}[i%4]
		people = append(people, map[string]any{"targetingKey": fmt.Sprintf("p%d@hyfin.example", i), "groups": groups})
	}
	return people
}

// given tells which variant each of the people gets.
func given(t interface{ Fatal(...any) }, f registry.Flag, s registry.Serving, people []map[string]any) []string {
	evaluators := map[string]any{}
	everybody := false
	for _, a := range audiences {
		evaluators[a.Name] = registry.RuleOfAll(a)
		everybody = everybody || a.Everybody && a.Name == s.Audience
	}
	document, err := json.Marshal(map[string]any{
		"flags": map[string]any{f.Key: registry.Define(f, s, everybody, false)}, "$evaluators": evaluators,
	})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, problems, err := flag.Compile(document)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems, string(document))
	}
	variants := make([]string, len(people))
	for i, person := range people {
		c := snapshot.Context(noon)
		c.Set(person)
		variants[i] = snapshot.Evaluate(f.Key, c).Variant
		c.Release()
	}
	return variants
}

func drawServing(t *rapid.T, label string) registry.Serving {
	switch rapid.IntRange(0, 6).Draw(t, label) {
	case 0:
		return registry.Serving{Mode: registry.ServeOff}
	case 1:
		return registry.Serving{Mode: registry.ServeOn}
	case 2:
		return ruled(`{"if":[{"$ref":"beta"},"` + rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, label+" variant") + `"]}`)
	case 3:
		return registry.Serving{Mode: registry.ServeCustom, DefaultVariant: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, label+" default")}
	}
	return registry.Serving{
		Mode: registry.ServeAudience, Audience: rapid.SampledFrom([]string{"pilot", "beta", "internal"}).Draw(t, label+" audience"),
		Percent: rapid.SampledFrom([]int{0, 1, 5, 25, 50, 99, 100}).Draw(t, label+" percent"),
	}
}

// fit names the variants A, B and C of a drawn serving as the flag does.
func fit(f registry.Flag, s registry.Serving) registry.Serving {
	names := strings.NewReplacer(`"A"`, `"`+f.On+`"`, `"B"`, `"`+f.Outside+`"`, `"C"`, `"`+f.Off+`"`)
	if len(s.Targeting) > 0 {
		s.Targeting = json.RawMessage(names.Replace(string(s.Targeting)))
	}
	switch s.DefaultVariant {
	case "A":
		s.DefaultVariant = f.On
	case "B":
		s.DefaultVariant = f.Outside
	case "C":
		s.DefaultVariant = f.Off
	}
	return s
}

func level(f registry.Flag, variant string) int {
	switch variant {
	case f.Off:
		return 0
	case f.On:
		return 2
	}
	return 1
}

func TestWhatDoesNotWidenGivesNobodyMore(t *testing.T) {
	t.Parallel()
	people := crowd()
	onByDefault := lunch
	onByDefault.Outside = "on"
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]registry.Flag{lunch, theme, onByDefault}).Draw(t, "flag")
		from, to := fit(f, drawServing(t, "from")), fit(f, drawServing(t, "to"))
		before, after := given(t, f, from, people), given(t, f, to, people)
		if registry.Widens(f, from, to) {
			return
		}
		for i := range people {
			if level(f, after[i]) > level(f, before[i]) {
				t.Fatalf("%s → %s: %v gets %s after %s", from.Words(), to.Words(), people[i], after[i], before[i])
			}
		}
	})
}

func TestWhatOnlyRemovesExposureDoesNotWiden(t *testing.T) {
	t.Parallel()
	pilot := func(percent int) registry.Serving {
		return registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: percent}
	}
	off, on := registry.Serving{Mode: registry.ServeOff}, registry.Serving{Mode: registry.ServeOn}
	custom := ruled(`{"if":[{"$ref":"pilot"},"on"]}`)
	for _, tt := range []struct {
		from, to registry.Serving
		want     bool
	}{
		{off, off, false},
		{on, off, false},
		{pilot(50), off, false},
		{custom, off, false},
		{custom, custom, false},
		{on, pilot(100), false},
		{pilot(50), pilot(25), false},
		{pilot(50), pilot(50), false},
		{pilot(50), pilot(0), false},
		{off, pilot(0), false},
		{custom, pilot(0), false},
		{off, on, true},
		{off, pilot(1), true},
		{pilot(50), pilot(51), true},
		{pilot(100), on, true},
		{off, custom, true},
		{on, custom, true},
		{custom, on, true},
		{custom, pilot(1), true},
		{pilot(100), registry.Serving{Mode: registry.ServeAudience, Audience: "beta", Percent: 1}, true},
		{on, registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"maybe": true}}, true},
		{on, registry.Serving{Mode: registry.ServeOff, Variants: map[string]any{"maybe": true}}, false},
	} {
		if got := registry.Widens(lunch, tt.from, tt.to); got != tt.want {
			t.Errorf("%s → %s widens: %v", tt.from.Words(), tt.to.Words(), got)
		}
	}
}

// TestAChangeNeverMovesAnybodyOutOnItsWay holds of every way between two servings: who has the same at both ends has it all
// the way, and who was given the new never goes back.
func TestAChangeNeverMovesAnybodyOutOnItsWay(t *testing.T) {
	t.Parallel()
	people := crowd()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]registry.Flag{lunch, theme}).Draw(t, "flag")
		from, to := fit(f, drawServing(t, "from")), fit(f, drawServing(t, "to"))
		start, end := given(t, f, from, people), given(t, f, to, people)
		before, moved := start, []registry.Share{}
		for _, percent := range slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(1, 99), 1, 4).Draw(t, "percents"))) {
			audience := rapid.SampledFrom([]string{"", "", "beta"}).Draw(t, "audience")
			moved = append(moved, registry.Share{Audience: audience, Percent: percent})
			between := registry.Between(f, from, to, moved)
			if found := registry.CheckServing(f, between, audiences); len(found) > 0 {
				t.Fatalf("%s: %v", between.Words(), found)
			}
			now := given(t, f, between, people)
			for i := range people {
				switch {
				case now[i] != start[i] && now[i] != end[i]:
					t.Fatalf("%s: %v gets %s, neither %s nor %s", between.Words(), people[i], now[i], start[i], end[i])
				case before[i] == end[i] && now[i] != end[i]:
					t.Fatalf("%s: %v goes back from %s to %s", between.Words(), people[i], before[i], now[i])
				}
			}
			before = now
		}
	})
}

func TestAPreapprovedRollbackServesNobodyWhoWasOutsideBefore(t *testing.T) {
	t.Parallel()
	people := crowd()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]registry.Flag{lunch, theme}).Draw(t, "flag")
		var past []registry.Revision // newest first
		now := registry.Serving{Mode: registry.ServeOff}
		for i := range rapid.IntRange(1, 8).Draw(t, "revisions") {
			r := registry.Revision{Revision: int64(i + 1), Cause: rapid.SampledFrom([]registry.Cause{
				registry.CauseApproved, registry.CauseRollout, registry.CauseChanged, registry.CauseRollback, registry.CauseKill, registry.CauseRestore,
			}).Draw(t, "cause")}
			switch r.Cause {
			case registry.CauseKill, registry.CauseRestore: // what is served stays
			default:
				now = fit(f, drawServing(t, "serving"))
			}
			r.Serving, r.Killed = now, r.Cause == registry.CauseKill
			past = slices.Insert(past, 0, r)
		}
		before := given(t, f, now, people)
		to := rapid.SampledFrom(past).Draw(t, "to")
		ok, why := registry.Preapproved(f, now, to, past)
		if ok == (why != "") {
			t.Fatalf("%v without or with a reason: %q", ok, why)
		}
		if !ok {
			return
		}
		for i, after := range given(t, f, to.Serving, people) {
			if level(f, after) > level(f, before[i]) {
				t.Fatalf("%s → %s: %v gets %s after %s", now.Words(), to.Serving.Words(), people[i], after, before[i])
			}
		}
		for _, later := range past {
			if later.Cause == registry.CauseKill && later.Revision >= to.Revision && later.Serving.Equal(to.Serving) {
				t.Fatalf("back to %s, for which the flag was turned off", to.Serving.Words())
			}
		}
	})
}

func TestTheLastGoodRevisionIsNeitherThePresentNorOneThatWasTurnedOff(t *testing.T) {
	t.Parallel()
	pilot := func(percent int) registry.Serving {
		return registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: percent}
	}
	past := []registry.Revision{
		{Revision: 7, Cause: registry.CauseRollout, Serving: pilot(50)},
		{Revision: 6, Cause: registry.CauseRestore, Serving: pilot(25)},
		{Revision: 5, Cause: registry.CauseKill, Serving: pilot(25), Killed: true},
		{Revision: 4, Cause: registry.CauseRollout, Serving: pilot(25)},
		{Revision: 3, Cause: registry.CauseRollout, Serving: pilot(5)},
		{Revision: 2, Cause: registry.CauseApproved, Serving: registry.Serving{Mode: registry.ServeOff}},
	}
	if got, ok := registry.LastGood(pilot(50), past); !ok || got.Revision != 3 {
		t.Errorf("revision %d %v, want 3", got.Revision, ok)
	}
	if got, ok := registry.LastGood(pilot(50), past[:1]); ok {
		t.Errorf("found %d where there is none", got.Revision)
	}
	for revision, want := range map[int64]bool{7: true, 6: false, 5: false, 4: false, 3: true, 2: true} {
		i := slices.IndexFunc(past, func(r registry.Revision) bool { return r.Revision == revision })
		if got, why := registry.Preapproved(lunch, pilot(50), past[i], past); got != want {
			t.Errorf("revision %d preapproved: %v (%s)", revision, got, why)
		}
	}
}

func TestAServingReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawServing(t, "serving")
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again registry.Serving
		if err := json.Unmarshal(raw, &again); err != nil || !again.Equal(s) {
			t.Fatalf("%s: %v %v", raw, again, err)
		}
	})
	if (registry.Serving{Mode: registry.ServeOn}).Equal(registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"x": true}}) {
		t.Error("other variants count as the same")
	}
}
