package foreign_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/foreign"
)

// several writes n pieces, each with its number, one after the other.
func several(n int, piece string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.ReplaceAll(piece, "%d", fmt.Sprint(i))
	}
	return strings.Join(all, ",")
}

// worked is how many bytes it takes to read a document: a measure of the work that does not hang on the machine.
func worked(t *testing.T, format, text string) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := foreign.Read(t.Context(), format, text, "", ""); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestFourTimesAsManyFlagsAreFourTimesTheWork runs by itself, so that nothing else takes memory meanwhile.
func TestFourTimesAsManyFlagsAreFourTimesTheWork(t *testing.T) {
	rule := `{"variation": 1, "clauses": [{"attribute": "a", "op": "in", "values": ["x"]}]}`
	for _, c := range []struct{ name, format, before, piece, after string }{
		{
			"flags of LaunchDarkly", foreign.LaunchDarkly, `{"flags": {`,
			`"f%d": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "rules": [` + rule + `]}`, `}}`,
		},
		{
			"rules of LaunchDarkly that are left out", foreign.LaunchDarkly, `{"flags": {"f": {"on": true, "variations": [true, false], "rules": [`,
			`{"clauses": [{"attribute": "a", "op": "matches", "values": ["x"]}]}`, `]}}}`,
		},
		{"flags of Unleash", foreign.Unleash, `{"features": [`, `{"name": "f%d", "enabled": true, "strategies": [{"name": "default", "novelty": 1}]}`, `]}`},
		{"flags of Flipt", foreign.Flipt, `{"flags": [`, `{"key": "f%d", "type": "BOOLEAN_FLAG_TYPE", "rollouts": [{"threshold": {"percentage": 5, "value": true}}]}`, `]}`},
		{"flags of GO Feature Flag", foreign.GOFF, `{`, `"f%d": {"variations": {"on": true}, "targeting": [{"query": "a eq 1", "variation": "on"}]}`, `}`},
		{"flags of GrowthBook", foreign.GrowthBook, `{"features": {`, `"f%d": {"defaultValue": false, "rules": [{"condition": {"a": 1}, "force": true}]}`, `}}`},
		{"flags that are refused", foreign.GOFF, `{`, `"f%d": {}`, `}`},
		{
			"conditions of a query", foreign.GOFF, `{"f": {"variations": {"on": true}, "targeting": [{"variation": "on", "query": "a eq 1`,
			` or a eq %d`, `"}]}}`,
		},
		{
			"clauses of a rule", foreign.LaunchDarkly, `{"flags": {"f": {"on": true, "variations": [true, false], "rules": [{"variation": 0, "clauses": [`,
			`{"attribute": "a%d", "op": "in", "values": ["x"]}`, `]}]}}}`,
		},
		{"conditions of GrowthBook", foreign.GrowthBook, `{"features": {"f": {"defaultValue": false, "rules": [{"force": true, "condition": {`, `"a%d": 1`, `}}]}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			of := func(n int) uint64 {
				pieces := several(n, c.piece)
				if strings.HasPrefix(c.piece, " or") {
					pieces = strings.ReplaceAll(pieces, ",", "")
				}
				return worked(t, c.format, c.before+pieces+c.after)
			}
			if few, many := of(1_250), of(5_000); many > 6*few {
				t.Errorf("1,250 take %d bytes, 5,000 take %d", few, many)
			}
		})
	}
}
