package registry_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/registry"
)

// anySegment draws from so little that two of them are often alike.
func anySegment(t *rapid.T, label string) registry.Segment {
	rules := []registry.SegmentRule{
		rule("country", registry.Equals, "DE"), rule("age", registry.Greater, "17"), rule("vip", registry.IsTrue), rule("country", registry.NotEquals, "DE"),
	}
	s := registry.Segment{Name: "s", Title: "S", Revision: 1, Match: rapid.SampledFrom([]registry.Match{registry.MatchAll, registry.MatchAny}).Draw(t, label+" match")}
	if rapid.IntRange(0, 9).Draw(t, label+" everybody") == 0 {
		s.Everybody = true
		return s.Tidy()
	}
	s.People = rapid.SliceOfN(rapid.SampledFrom([]string{"a@x.example", "b@x.example"}), 0, 2).Draw(t, label+" people")
	s.Groups = rapid.SliceOfN(rapid.SampledFrom([]string{"pilot", "beta"}), 0, 2).Draw(t, label+" groups")
	s.Rules = rapid.SliceOfN(rapid.SampledFrom(rules), 0, 3).Draw(t, label+" rules")
	return s.Tidy()
}

func TestANarrowerSegmentLetsNobodyInWhomTheOneBeforeDidNot(t *testing.T) {
	t.Parallel()
	narrower := 0
	rapid.Check(t, func(t *rapid.T) {
		before, after := anySegment(t, "before"), anySegment(t, "after")
		if !after.Narrows(before) {
			return
		}
		narrower++
		context := map[string]any{}
		for attribute, values := range map[string][]any{
			"targetingKey": {"a@x.example", "b@x.example"}, "groups": {[]string{"pilot"}, []string{"beta"}, []string{"pilot", "beta"}},
			"country": {"DE", "AT"}, "age": {17, 18}, "vip": {true, false},
		} {
			if value := rapid.SampledFrom(append(values, nil)).Draw(t, attribute); value != nil {
				context[attribute] = value
			}
		}
		text, err := json.Marshal(context)
		if err != nil {
			t.Fatal(err)
		}
		if variantOf(t, after, string(text)) == "on" && variantOf(t, before, string(text)) != "on" {
			t.Fatalf("%s is let in by %+v and not by %+v", text, after, before)
		}
	})
	if narrower == 0 {
		t.Error("no pair was narrower")
	}
}

func TestWhatNarrowsASegmentIsSeen(t *testing.T) {
	t.Parallel()
	german, adult := rule("country", registry.Equals, "DE"), rule("age", registry.Greater, "17")
	of := func(match registry.Match, rules ...registry.SegmentRule) registry.Segment {
		return registry.Segment{Name: "s", Rules: rules, Match: match, Revision: 1}.Tidy()
	}
	for name, c := range map[string]struct {
		before, after registry.Segment
		narrows       bool
	}{
		"the same":                       {of("all", german), of("all", german), true},
		"one condition more":             {of("all", german), of("all", german, adult), true},
		"one condition less":             {of("all", german, adult), of("all", german), false},
		"one way less":                   {of("any", german, adult), of("any", german), true},
		"one way more":                   {of("any", german), of("any", german, adult), false},
		"any of them became all":         {of("any", german, adult), of("all", german, adult), true},
		"all of them became any":         {of("all", german, adult), of("any", german, adult), false},
		"no rules":                       {of("all", german), of("all"), true},
		"a first rule":                   {of("all"), of("all", german), false},
		"fewer people":                   {registry.Segment{People: []string{"a", "b"}}, registry.Segment{People: []string{"a"}}, true},
		"other people":                   {registry.Segment{People: []string{"a", "b"}}, registry.Segment{People: []string{"c"}}, false},
		"people instead of a group":      {registry.Segment{Groups: []string{"pilot"}}, registry.Segment{People: []string{"a"}}, false},
		"some instead of everybody":      {registry.Segment{Everybody: true}, registry.Segment{Groups: []string{"pilot"}}, true},
		"everybody instead of some":      {registry.Segment{Groups: []string{"pilot"}}, registry.Segment{Everybody: true}, false},
		"another title, the same people": {registry.Segment{Title: "A", Groups: []string{"pilot"}}, registry.Segment{Title: "B", Groups: []string{"pilot"}}, true},
	} {
		if got := c.after.Narrows(c.before); got != c.narrows {
			t.Errorf("%s: narrows is %v", name, got)
		}
	}
}
