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
		"why": {"type": "string", "required": true, "visible_if": {"audiences": "pilot"}},
		"channel": {"type": "enum", "values": ["mail", "chat"], "value_titles": {"mail": "E-mail", "chat": "Chat message"}},
		"people": {"type": "segment"}, "helper": {"type": "user"}, "note": {"type": "string", "min": 3},
		"words": {"type": "list", "min": 1}, "texts": {"type": "list", "items": "text"},
		"choices": {"type": "list", "items": "enum", "values": ["a", "b"]}, "picks": {"type": "list", "values": ["a", "b"]},
		"floors": {"type": "list", "items": "integer"}, "prices": {"type": "list", "items": "number"},
		"shares": {"type": "list", "items": "percentage"}, "answers": {"type": "list", "items": "boolean"},
		"pages": {"type": "list", "items": "url"}, "days": {"type": "list", "items": "date"}, "teams": {"type": "list", "items": "team"},
		"helpers": {"type": "list", "items": "user"}, "audience_list": {"type": "list", "items": "segment"},
		"versions": {"type": "list", "items": "semver"}, "codes": {"type": "list", "pattern": "^[A-Z]+$"}}}`))
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
		{"contact": "a@localhost"},
		{"contact": "a b@c.example"},
		{"page": "http://a.example"},
		{"page": "https://"},
		{"since": "28.02.2026"},
		{"version": "01.2.3"},
		{"version": "1.2.3+build.5"},
		{"share": 0.5},
		{"share": "5"},
		{"team": " "},
		{"team": strings.Repeat("t", 101)},
		{"name": "a\u202eb"},
		{"about": "two\nlines"},
		{"name": "two\nlines"},
		{"ttl_days": 1e3},
		{"kill_switch": nil},
		{"channel": "mail"},
		{"channel": "E-mail"},
		{"people": "pilot"},
		{"people": 1},
		{"helper": "a@b.example"},
		{"note": "ab"},
		{"note": "abc"},
		{"words": []any{}},
		{"words": []any{"a", "b"}},
		{"words": []any{"a", "a"}},
		{"words": []any{" "}},
		{"words": "a"},
		{"texts": []any{"two\nlines"}},
		{"words": []any{"two\nlines"}},
		{"choices": []any{"a"}},
		{"choices": []any{"c"}},
		{"picks": []any{"b", "a"}},
		{"picks": []any{"c"}},
		{"floors": []any{1, -2}},
		{"floors": []any{1.5}},
		{"floors": []any{"1"}},
		{"prices": []any{1.5, 2}},
		{"prices": []any{"cheap"}},
		{"shares": []any{0, 100}},
		{"shares": []any{101}},
		{"answers": []any{true, false}},
		{"answers": []any{"yes"}},
		{"pages": []any{"https://a.example"}},
		{"pages": []any{"javascript:alert(1)"}},
		{"days": []any{"2026-02-28"}},
		{"days": []any{"2026-02-29"}},
		{"teams": []any{"team-lunch"}},
		{"helpers": []any{"a@b.example", ""}},
		{"audience_list": []any{"pilot", "beta"}},
		{"versions": []any{"1.2.3"}},
		{"versions": []any{"1.2"}},
		{"codes": []any{"AB"}},
		{"codes": []any{"ab"}},
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
