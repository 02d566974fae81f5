package flag

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTheDocumentOfInProcessSDKsStaysWithinWhatTheirClientsTake(t *testing.T) {
	t.Parallel()
	flag := func(size int, more string) json.RawMessage {
		return json.RawMessage(`{"state": "ENABLED", "variants": {"on": "` + strings.Repeat("x", size) + `", "off": ""}, "defaultVariant": "on"` + more + `}`)
	}
	set := Set{Flags: map[string]json.RawMessage{}, Evaluators: map[string]json.RawMessage{
		"wide": json.RawMessage(`{"in": [{"var": "email"}, ["` + strings.Repeat("y", 600_000) + `"]]}`),
	}}
	for i := range 40 {
		set.Flags[fmt.Sprintf("small.%d", i)] = flag(1_000, "")
	}
	for i := range 3 {
		set.Flags[fmt.Sprintf("large.%d", i)] = flag(1_500_000+i, "")
	}
	set.Flags["ruled"] = flag(900_000, `, "targeting": {"if": [{"$ref": "wide"}, "off"]}`)
	set.Flags["killed"] = flag(1_600_000, `, "metadata": {"killed": true}`)
	check := func(s *Snapshot, when string, want ...string) {
		t.Helper()
		document := s.Document(func(string) bool { return true })
		if len(document) > syncedLimit {
			t.Errorf("%s the document has %d bytes", when, len(document))
		}
		var out []string
		for _, p := range s.LeftOut() {
			out = append(out, p.Flag)
			if !p.LeftOut || p.Code != "" || p.Remediation == "" {
				t.Errorf("%s: %+v", when, p)
			}
		}
		if !slices.Equal(out, want) {
			t.Errorf("%s %v are left out, want %v", when, out, want)
		}
		if !strings.Contains(string(document), `"small.7"`) || !strings.Contains(string(document), `"killed":{`) {
			t.Errorf("%s others are left out, too", when)
		}
	}
	s, problems := set.Compile()
	check(s, "at first", "large.0", "large.1", "large.2")
	if len(problems) != 3 {
		t.Errorf("problems: %v", problems)
	}
	s, _ = s.With(map[string]json.RawMessage{"large.0": nil, "large.1": nil, "large.2": nil}, nil)
	check(s, "once the large ones are gone")
}
