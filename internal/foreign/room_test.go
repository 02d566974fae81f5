package foreign_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/foreign"
)

// needing are layers of flags of LaunchDarkly, each of which needs the next one so many times.
func needing(layers, times int) string {
	var flags []string
	for i := range layers {
		needs := ""
		if i < layers-1 {
			needs = strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"key": "f%d", "variation": 0},`, i+1), times), ",")
		}
		flags = append(flags, fmt.Sprintf(`"f%d": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "prerequisites": [%s],
			"rules": [{"variation": 1, "clauses": [{"attribute": "a", "op": "in", "values": ["x"]}]}]}`, i, needs))
	}
	return `{"flags": {` + strings.Join(flags, ",") + `}}`
}

// most is how many bytes may come out of a document: keys and what JSON escapes come on top of what is counted.
func most(text string) int { return min(64<<10+16*len(text), 8<<20) + 2*len(text) }

// TestWhatComesOutIsAsLargeAsWhatGoesIn has a row for each thing that a document says once and its rules may refer to many times.
func TestWhatComesOutIsAsLargeAsWhatGoesIn(t *testing.T) {
	long := strings.Repeat("n", 20_000)
	people := several(2_000, `"person-%d"`)
	rows := []struct{ name, format, text, refused string }{
		{"prerequisites, wide", foreign.LaunchDarkly, needing(6, 40), "f1"},
		{"prerequisites, narrower", foreign.LaunchDarkly, needing(6, 15), "f0"},
		{"name of an attribute", foreign.LaunchDarkly, `{"flags": {"f": {"on": true, "variations": [true, false], "rules": [{"variation": 0, "clauses": [{"attribute": "` + long +
			`", "op": "startsWith", "values": [` + people + `]}]}]}}}`, "f"},
		{"name of a variation", foreign.LaunchDarkly, `{"flags": {"f": {"on": true, "variations": [{"name": "` + long + `", "value": true}], "rules": [` +
			several(2_000, `{"variation": 0, "clauses": [{"attribute": "a", "op": "in", "values": [%d]}]}`) + `]}}}`, "f"},
		{"segment of Unleash", foreign.Unleash, `{"features": [{"name": "f", "enabled": true, "strategies": [` + several(2_000, `{"name": "default", "segments": [1]}`) +
			`]}], "segments": [{"id": 1, "constraints": [{"contextName": "a", "operator": "IN", "values": [` + people + `]}]}]}`, "f"},
		{"variants of Unleash", foreign.Unleash, `{"features": [{"name": "f", "enabled": true, "variants": [` + several(2_000, `{"name": "v%d", "weight": 1}`) +
			`], "strategies": [` + several(2_000, `{"name": "userWithId", "parameters": {"userIds": "%d"}}`) + `]}]}`, "f"},
		{"attribute of Unleash", foreign.Unleash, `{"features": [{"name": "f", "enabled": true, "strategies": [{"name": "default", "constraints": [{"contextName": "` + long +
			`", "operator": "STR_CONTAINS", "values": [` + people + `]}]}]}]}`, "f"},
		{"saved group of GrowthBook", foreign.GrowthBook, `{"savedGroups": {"g": [` + people + `]}, "features": {"f": {"defaultValue": 1, "rules": [` +
			several(2_000, `{"force": %d, "condition": {"a": {"$inGroup": "g"}}}`) + `]}}}`, "f"},
		{"attribute of GrowthBook", foreign.GrowthBook, `{"features": {"f": {"defaultValue": 1, "rules": [{"force": 2, "condition": {"` + long + `": ` +
			strings.Repeat(`{"$lt": 1, "$not": `, 2_000) + `{"$gt": 1}` + strings.Repeat("}", 2_000) + `}}]}}}`, "f"},
		{"attribute of GO Feature Flag", foreign.GOFF, `{"f": {"bucketingKey": "` + long + `", "variations": {"a": 1, "b": 2}, "targeting": [` +
			several(2_000, `{"query": "a eq %d", "percentage": {"a": 50, "b": 50}}`) + `]}}`, "f"},
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			set, err := foreign.Read(t.Context(), c.format, c.text, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Flagd) > most(c.text) {
				t.Errorf("%d bytes come to %d", len(c.text), len(set.Flagd))
			}
			refused := map[string]string{}
			for _, n := range set.Refused {
				refused[n.Key] = n.Code
				if n.Remediation == "" {
					t.Errorf("%+v", n)
				}
			}
			if refused[c.refused] != "too_large" {
				t.Errorf("refused are %v", refused)
			}
			// With the race detector pools drop some of what they hold, so that memory is taken several times.
			if took, bound := worked(t, c.format, c.text), 8<<20+uint64(1_000*len(c.text)); took > bound { //nolint:gosec // it is a length
				t.Errorf("%d bytes take %d of memory, over %d", len(c.text), took, bound)
			}
		})
	}
	if len(rows) != 10 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestFlagsThatNeedOneAnotherAreReadInTheirSize draws which flags need which, in rings, too.
func TestFlagsThatNeedOneAnotherAreReadInTheirSize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "flags")
		var flags []string
		for i := range n {
			var needs []string
			for _, other := range rapid.SliceOfN(rapid.IntRange(0, n), 0, 40).Draw(rt, "needs") {
				needs = append(needs, fmt.Sprintf(`{"key": "f%d", "variation": %d}`, other, other%2))
			}
			flags = append(flags, fmt.Sprintf(`"f%d": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "prerequisites": [%s],
				"rules": [{"variation": 1, "clauses": [{"attribute": "a", "op": "in", "values": ["x"]}]}]}`, i, strings.Join(needs, ",")))
		}
		text := `{"flags": {` + strings.Join(flags, ",") + `}}`
		set, err := foreign.Read(t.Context(), foreign.LaunchDarkly, text, "", "")
		if err != nil || len(set.Flagd) > most(text) {
			rt.Fatalf("%v: %d bytes come to %d", err, len(text), len(set.Flagd))
		}
	})
}

func TestReadingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for format, text := range map[string]string{
		foreign.LaunchDarkly: needing(2, 1),
		foreign.Unleash:      `{"features": [{"name": "f"}]}`,
		foreign.GOFF:         `{"f": {}}`,
		foreign.Flipt:        `{"flags": [{"key": "f"}]}`,
		foreign.GrowthBook:   `{"features": {"f": {}}}`,
		foreign.CSV:          "key,value\nf,1\n",
	} {
		if _, err := foreign.Read(ctx, format, text, "", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
