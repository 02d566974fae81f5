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

func TestKilledFlagsAndWhatPosesAsSuchDoNotOutgrowTheDocument(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 900_000)
	for name, definition := range map[string]string{
		"killed":         `{"state": "ENABLED", "variants": {"off": "` + large + `"}, "defaultVariant": "off", "metadata": {"killed": true}}`,
		"said in values": `{"state": "ENABLED", "variants": {"on": {"x": "` + large + `", "killed":true}, "off": {}}, "defaultVariant": "on"}`,
		"said by a rule": `{"state": "ENABLED", "variants": {"on": "` + large + `"}, "targeting": {"var": "on"}, "metadata": {"killed":true}}`,
	} {
		set := Set{Flags: map[string]json.RawMessage{
			"small": json.RawMessage(`{"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}`),
			"off":   json.RawMessage(`{"state": "ENABLED", "variants": {"off": "as it should be"}, "defaultVariant": "off", "metadata": {"killed": true}}`),
		}}
		for i := range 7 {
			set.Flags[fmt.Sprintf("large.%d", i)] = json.RawMessage(definition)
		}
		s, _ := set.Compile()
		document := s.Document(func(string) bool { return true })
		if len(document) > syncedLimit || !json.Valid(document) {
			t.Errorf("%s: the document has %d bytes", name, len(document))
		}
		for _, part := range []string{`"small":{`, "as it should be"} {
			if !strings.Contains(string(document), part) {
				t.Errorf("%s: %s is missing", name, part)
			}
		}
		for i := range 7 {
			key := fmt.Sprintf("large.%d", i)
			if there := strings.Contains(string(document), `"`+key+`":`); name == "killed" && !there {
				t.Errorf("the killed flag %s is left out", key)
			}
		}
	}
}
