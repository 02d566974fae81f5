package template_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/verdicts.json anew")

// verdicts are a schema and what it says of some fields. The console's tests read the same file, so that browser and server
// judge alike.
type verdicts struct {
	Schema json.RawMessage `json:"schema"`
	Cases  []verdict       `json:"cases"`
}

type verdict struct {
	Fields  map[string]any `json:"fields"`
	Refused []string       `json:"refused"`
}

func TestVerdictsThatTheBrowserSharesAreCurrent(t *testing.T) {
	t.Parallel()
	doc := parse(t, []byte(`{"templateId": "all", "displayName": "All", "description": "x", "requiredChecks": [], "fields": {
		"name": {"type": "string", "required": true, "max": 20}, "owner": {"type": "user", "required": true},
		"audiences": {"type": "enum", "values": ["internal", "pilot"], "required": true},
		"ttl_days": {"type": "integer", "required": true, "max": 365}, "kill_switch": {"type": "boolean", "required": true},
		"team": {"type": "team"}, "share": {"type": "percentage"}, "price": {"type": "number", "min": 0.5}, "about": {"type": "text", "max": 40},
		"contact": {"type": "email"}, "page": {"type": "url"}, "since": {"type": "date"}, "version": {"type": "semver"},
		"code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"}, "mails": {"type": "list", "items": "email", "max": 2},
		"why": {"type": "string", "required": true, "visible_if": {"audiences": "pilot"}}}}`))
	good := map[string]any{
		"name": "Enabled", "owner": "alice@hyfin.example", "audiences": "internal", "ttl_days": 30, "kill_switch": true,
	}
	v := verdicts{Schema: doc.Schema()}
	for _, change := range []map[string]any{
		{},
		{"name": ""},
		{"name": "  "},
		{"name": nil},
		{"name": strings.Repeat("n", 21)},
		{"name": 7},
		{"owner": nil},
		{"audiences": "everybody"},
		{"audiences": "pilot"},
		{"audiences": "pilot", "why": "to see"},
		{"why": "needless"},
		{"ttl_days": 0},
		{"ttl_days": -3},
		{"ttl_days": 365},
		{"ttl_days": 366},
		{"ttl_days": 1.5},
		{"ttl_days": "30"},
		{"kill_switch": "yes"},
		{"kill_switch": false},
		{"share": 0},
		{"share": 101},
		{"price": 0.4},
		{"price": 0.5},
		{"about": strings.Repeat("ä", 40)},
		{"about": strings.Repeat("ä", 41)},
		{"contact": "alice"},
		{"contact": "a@b.example"},
		{"page": "javascript:alert(1)"},
		{"page": "https://a.example/b?c"},
		{"since": "2026-02-30"},
		{"since": "2026-02-28"},
		{"version": "1.2"},
		{"version": "1.2.3-rc.1"},
		{"code": "AB12"},
		{"code": "ab12"},
		{"mails": []string{}},
		{"mails": []string{"a@b.example", "nonsense"}},
		{"mails": []string{"a@b.example", "b@b.example", "c@b.example"}},
		{"unknown": 1},
	} {
		fields := maps.Clone(good)
		for name, value := range change {
			if fields[name] = value; value == nil {
				delete(fields, name)
			}
		}
		refused := []string{}
		for _, f := range doc.Validate(fields) {
			name, _, _ := strings.Cut(strings.TrimPrefix(f.Field, "fields."), "[")
			refused = append(refused, name)
		}
		slices.Sort(refused)
		v.Cases = append(v.Cases, verdict{fields, slices.Compact(refused)})
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/verdicts.json"
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not current (%v): run this test with -update", file, err)
	}
}
