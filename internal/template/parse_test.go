package template_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/template"
)

func mission(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/mission.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parse(t testing.TB, raw []byte) template.Document {
	t.Helper()
	doc, findings := template.Parse(raw)
	if len(findings) > 0 {
		t.Fatalf("unexpected findings: %v", findings)
	}
	return doc
}

func TestMissionTemplateIsTakenAsItStands(t *testing.T) {
	t.Parallel()
	doc := parse(t, mission(t))
	if diff := cmp.Diff([]string{"name", "owner", "default", "audiences", "ttl_days", "kill_switch"}, doc.Fields.Names()); diff != "" {
		t.Error(diff)
	}
	again, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(mission(t), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(again, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if first, second := bytes.Index(again, []byte(`"name"`)), bytes.Index(again, []byte(`"audiences"`)); first > second {
		t.Error("the order of the fields got lost")
	}
}

// edit replaces the first occurrence of a text in the mission's template.
func edit(t *testing.T, from, to string) []byte {
	t.Helper()
	raw := string(mission(t))
	if !strings.Contains(raw, from) {
		t.Fatalf("the template does not contain %s", from)
	}
	return []byte(strings.Replace(raw, from, to, 1))
}

func TestBadTemplateIsRefusedWhereItIsWrong(t *testing.T) {
	t.Parallel()
	ttl := `"ttl_days": { "type": "integer", "default": 30, "max": 365 }`
	kill := `"kill_switch": { "type": "boolean", "default": true }`
	owner := `"owner": { "type": "string", "required": true }`
	for name, c := range map[string]struct {
		raw               []byte
		field, code, says string
	}{
		"unknown member":        {edit(t, `"displayName"`, `"displayname"`), "displayname", "unknown_member", "displayName"},
		"unknown field member":  {edit(t, `"max"`, `"maxx"`), "fields.ttl_days.maxx", "unknown_member", "max"},
		"duplicate member":      {edit(t, owner, owner+","+owner), "fields.owner", "duplicate_member", "occurs twice"},
		"text for number":       {edit(t, `365`, `"365"`), "fields.ttl_days.max", "wrong_type", "must be a number, is a text"},
		"null":                  {edit(t, `"A boolean flag with staged rollout and kill switch"`, `null`), "description", "wrong_type", "is null"},
		"list for object":       {[]byte(`[]`), "", "wrong_type", "must be an object"},
		"not JSON":              {[]byte(`{"templateId": }`), "", "not_json", "near line 1"},
		"cut":                   {mission(t)[:200], "", "not_json", "ends too early"},
		"two documents":         {append(mission(t), '{'), "", "not_json", "follows the end"},
		"not UTF-8":             {edit(t, `Micro-app Basic`, "Micro\xff"), "", "invalid_text", "UTF-8"},
		"right-to-left":         {edit(t, `Micro-app Basic`, "Micro\u202e"), "displayName", "invalid_text", "U+202E"},
		"control character":     {edit(t, `Micro-app Basic`, `Micro\u0007`), "displayName", "invalid_text", "U+0007"},
		"deep":                  {edit(t, `"default": false`, `"default": `+strings.Repeat("[", 100)+strings.Repeat("]", 100)), "", "too_deep", "24 levels"},
		"huge":                  {append(mission(t), make([]byte, 300<<10)...), "", "too_large", "262144"},
		"blank id":              {edit(t, `"microapp-basic-toggle-v1"`, `" "`), "templateId", "bad_name", "short name"},
		"blank name":            {edit(t, `"Micro-app Basic Toggle"`, `" "`), "displayName", "missing", "empty"},
		"no owner":              {edit(t, owner+",", ``), "fields.owner", "missing_safeguard", "required field"},
		"optional owner":        {edit(t, owner, `"owner": {"type": "string"}`), "fields.owner", "missing_safeguard", "required field"},
		"no kill switch":        {edit(t, ",\n    "+kill, ``), "fields.kill_switch", "missing_safeguard", "turned off"},
		"kill switch optional":  {edit(t, kill, `"kill_switch": {"type": "boolean"}`), "fields.kill_switch", "missing_safeguard", "required"},
		"kill switch off":       {edit(t, kill, `"kill_switch": {"type": "boolean", "default": false}`), "fields.kill_switch.default", "missing_safeguard", "must be true"},
		"no TTL":                {edit(t, ttl+",", ``), "fields.ttl_days", "missing_safeguard", "for ever"},
		"TTL zero":              {edit(t, `"default": 30`, `"default": 0`), "fields.ttl_days.default", "missing_safeguard", "above 0"},
		"hidden owner":          {edit(t, owner, `"owner": {"type": "string", "required": true, "visible_if": {"default": true}}`), "fields.owner.visible_if", "missing_safeguard", "visible"},
		"unknown type":          {edit(t, `"type": "enum"`, `"type": "enumeration"`), "fields.audiences.type", "unknown_type", "enumeration"},
		"enum without values":   {edit(t, `"values": ["internal", "pilot", "beta"], `, ``), "fields.audiences.values", "missing", "values"},
		"default out of bounds": {edit(t, `"default": 30`, `"default": 400`), "fields.ttl_days.default", "bad_default", "at most 365"},
		"look-ahead":            {edit(t, owner, `"owner": {"type": "string", "required": true, "pattern": "(?=a)"}`), "fields.owner.pattern", "bad_pattern", "regular expression"},
		"pattern of RE2 only":   {edit(t, owner, `"owner": {"type": "string", "required": true, "pattern": "(?i)a"}`), "fields.owner.pattern", "bad_pattern", "browsers"},
		"huge pattern":          {edit(t, owner, `"owner": {"type": "string", "required": true, "pattern": "a{1000}{1000}"}`), "fields.owner.pattern", "bad_pattern", "cannot be used"},
		"placeholder":           {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "audience": "{team}", "percent": 5}], "requiredChecks"`), "rollout[0].audience", "unknown_field", "{team}"},
		"percent":               {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": 101}], "requiredChecks"`), "rollout[0].percent", "out_of_range", "101"},
		"percent of nothing":    {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": "{share}"}], "requiredChecks"`), "rollout[0].percent", "unknown_field", "{share}"},
		"percent of a text":     {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": "{owner}"}], "requiredChecks"`), "rollout[0].percent", "wrong_type", "no number"},
		"percent above all":     {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": "{ttl_days}"}], "requiredChecks"`), "rollout[0].percent", "out_of_range", "1 to 100"},
		"percent in words":      {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": "{ttl_days} %"}], "requiredChecks"`), "rollout[0].percent", "bad_value", "in braces"},
		"no percent":            {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production"}], "requiredChecks"`), "rollout[0].percent", "missing", "percentage"},
		"half a percent":        {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": 0.5}], "requiredChecks"`), "rollout[0].percent", "out_of_range", "0.5"},
		"bake":                  {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": 5, "bake": "soon"}], "requiredChecks"`), "rollout[0].bake", "bad_value", "30m"},
		"bake of a text":        {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": 5, "bake": "{owner}d"}], "requiredChecks"`), "rollout[0].bake", "wrong_type", "integer"},
		"bake without a least":  {edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "percent": 5, "bake": "{ttl_days}d"}], "requiredChecks"`), "rollout[0].bake", "out_of_range", "min"},
		"title of no choice":    {edit(t, `"values": ["internal", "pilot", "beta"]`, `"values": ["internal"], "value_titles": {"internl": "All"}`), "fields.audiences.value_titles.internl", "unknown_value", "internal"},
		"choice without words":  {edit(t, `"values": ["internal", "pilot", "beta"]`, `"values": ["internal"], "value_titles": {"internal": " "}`), "fields.audiences.value_titles.internal", "bad_value", "plain words"},
		"list of lists":         {edit(t, owner, owner+`, "x": {"type": "list", "items": "list"}`), "fields.x.items", "not_for_type", "lists"},
		"list of nothing known": {edit(t, owner, owner+`, "x": {"type": "list", "items": "tex"}`), "fields.x.items", "unknown_type", "tex"},
		"list of no choices":    {edit(t, owner, owner+`, "x": {"type": "list", "items": "enum"}`), "fields.x.values", "missing", "choices"},
		"choices of numbers":    {edit(t, owner, owner+`, "x": {"type": "list", "items": "integer", "values": ["1"]}`), "fields.x.values", "not_for_type", "integer"},
		"pattern of numbers":    {edit(t, owner, owner+`, "x": {"type": "list", "items": "integer", "pattern": "1"}`), "fields.x.pattern", "not_for_type", "texts"},
		"no off variant":        {edit(t, `"requiredChecks"`, `"flag": {"type": "string", "variants": {"a": "x", "b": "y"}, "on": "a"}, "requiredChecks"`), "flag.off", "missing", "kill serves off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := template.Parse(c.raw)
			for _, f := range findings {
				if (f.Field == c.field || c.code == "too_deep") && f.Code == c.code && f.Severity == fault.SeverityError {
					if text := f.Message + " " + f.Remediation; !strings.Contains(text, c.says) {
						t.Errorf("%q does not say %q", text, c.says)
					}
					if f.Remediation == "" {
						t.Error("no remediation")
					}
					return
				}
			}
			t.Errorf("no finding %s at %q among %+v", c.code, c.field, findings)
		})
	}
}

func TestEverythingThatATemplateMaySay(t *testing.T) {
	t.Parallel()
	doc := parse(t, []byte(`{"templateId": "all", "displayName": "All", "description": "x", "fields": {
		"name": {"type": "string", "required": true}, "owner": {"type": "user", "required": true},
		"ttl_days": {"type": "integer", "required": true}, "kill_switch": {"type": "boolean", "required": true},
		"audiences": {"type": "segment", "required": true}, "team": {"type": "team"}, "since": {"type": "date"},
		"share": {"type": "percentage", "default": 10}, "page": {"type": "url"}, "about": {"type": "text", "max": 500},
		"version": {"type": "semver"}, "mails": {"type": "list", "items": "email", "max": 3}, "price": {"type": "number", "min": 0.5},
		"why": {"type": "string", "required": true, "visible_if": {"audiences": "beta"}, "title": "Why", "help": "In a few words"}},
		"requiredChecks": ["audit_fields_present", "data_access"],
		"flag": {"type": "string", "variants": {"blue": "{team}", "grey": "no"}, "on": "blue", "off": "grey", "client_side": true},
		"rollout": [{"environment": "staging", "percent": 100, "bake": "30m", "promote": "time"},
			{"environment": "production", "audience": "{audience}", "percent": 5, "bake": "1d", "guards": ["error_rate"], "promote": "guard"}],
		"auto_start": true, "on_alert": "revert", "approvals": {"legal": 1},
		"lifecycle": {"max_active_days": 90, "reminder_schedule_days": [30, 14, 7, 1], "deprecated_grace_days": 7}}`))
	good := map[string]any{"name": "A", "owner": "a@b.example", "ttl_days": 3.0, "kill_switch": true, "audiences": "pilot", "share": 10.0}
	if findings := doc.Validate(good); len(findings) > 0 {
		t.Errorf("good fields are refused: %v", findings)
	}
	steps := doc.Steps(good)
	if steps[1].Audience != "pilot" || steps[1].BakeTime().Hours() != 24 || steps[0].BakeTime().Minutes() != 30 {
		t.Errorf("steps are %+v", steps)
	}
	for field, value := range map[string]any{
		"share": 101.0, "page": "javascript:alert(1)", "since": "2026-13-01", "version": "1.2", "price": 0.1,
		"mails": []any{"a@b.example", "nonsense"}, "about": strings.Repeat("x", 501), "team": "a\u202eb",
	} {
		bad := map[string]any{field: value}
		for name, v := range good {
			if _, ok := bad[name]; !ok {
				bad[name] = v
			}
		}
		findings := doc.Validate(bad)
		if len(findings) != 1 || findings[0].Field != "fields."+field || findings[0].Remediation == "" {
			t.Errorf("%s = %v: findings are %+v", field, value, findings)
		}
	}
	good["audiences"] = "beta"
	if findings := doc.Validate(good); len(findings) != 1 || findings[0].Field != "fields.why" {
		t.Errorf("a field that is visible now is not missed: %v", findings)
	}
}

func TestSchemaIsWhatTheFormIsBuiltFrom(t *testing.T) {
	t.Parallel()
	var got struct {
		Schema     string `json:"$schema"`
		Required   []string
		Properties map[string]map[string]any
	}
	if err := json.Unmarshal(parse(t, mission(t)).Schema(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "https://json-schema.org/draft/2020-12/schema" {
		t.Error(got.Schema)
	}
	want := map[string]any{
		"type": "integer", "title": "TTL in days", "default": 30.0, "minimum": 1.0, "maximum": 365.0,
		"x-souk-type": "integer", "x-souk-order": 4.0,
	}
	if diff := cmp.Diff(want, got.Properties["ttl_days"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"name", "owner", "audiences", "ttl_days", "kill_switch"}, got.Required); diff != "" {
		t.Error(diff)
	}
}

func TestFindingsAtTheField(t *testing.T) {
	t.Parallel()
	doc := parse(t, mission(t))
	good := map[string]any{"name": "Enabled", "owner": "alice@hyfin.example", "audiences": "pilot"}
	if findings := doc.Validate(doc.Fill(good)); len(findings) > 0 {
		t.Fatalf("good fields are refused: %v", findings)
	}
	setTo := func(path string, value any) []fault.Patch {
		return []fault.Patch{{Op: "add", Path: path, Value: value}}
	}
	for name, c := range map[string]struct {
		field string
		value any
		want  fault.Finding
	}{
		"too long a TTL": {"ttl_days", 500.0, fault.Finding{
			Code: "too_large", Message: "TTL in days must be at most 365, is 500",
			Remediation: "Set TTL in days to 365 or less", Patch: setTo("/fields/ttl_days", 365.0),
		}},
		"negative TTL": {"ttl_days", -3.0, fault.Finding{
			Code: "too_small", Message: "TTL in days must be at least 1, is -3",
			Remediation: "Set TTL in days to 1 or more", Patch: setTo("/fields/ttl_days", 1.0),
		}},
		"half a day": {"ttl_days", 1.5, fault.Finding{
			Code: "wrong_type", Message: "TTL in days must be a whole number, is 1.5",
			Remediation: "Give a whole number; the usual value is 30", Patch: setTo("/fields/ttl_days", 30.0),
		}},
		"blank owner": {"owner", " \u00a0\t", fault.Finding{
			Code: "blank", Message: "Owner must not be blank", Remediation: "Fill in Owner",
		}},
		"hidden mark": {"name", "En\u202eabled", fault.Finding{
			Code: "invalid_text", Message: "Name contains an invisible character", Remediation: "Type it anew instead of pasting it",
		}},
		"other audience": {"audiences", "everyone", fault.Finding{
			Code: "bad_value", Message: `Audience must be one of internal, pilot, beta, is "everyone"`,
			Remediation: "Choose one of internal, pilot, beta",
		}},
		"text for yes": {"kill_switch", "yes", fault.Finding{
			Code: "wrong_type", Message: `Kill switch must be yes or no, is "yes"`,
			Remediation: "Give yes or no; the usual value is yes", Patch: setTo("/fields/kill_switch", true),
		}},
		"typing error": {"ttl_day", 3.0, fault.Finding{
			Code: "unknown_field", Message: `The template Micro-app Basic Toggle has no field "ttl_day"`, Remediation: "Did you mean ttl_days?",
		}},
		"absent owner": {"owner", nil, fault.Finding{Code: "missing", Message: "Owner is missing", Remediation: "Fill in Owner"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := doc.Fill(good)
			fields[c.field] = c.value
			if c.value == nil {
				delete(fields, c.field)
			}
			c.want.Severity, c.want.Field = fault.SeverityError, "fields."+c.field
			if diff := cmp.Diff([]fault.Finding{c.want}, doc.Validate(fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEmptyRequestMissesWhatHasNoDefault(t *testing.T) {
	t.Parallel()
	doc := parse(t, mission(t))
	var missing []string
	for _, f := range doc.Validate(doc.Fill(map[string]any{"ttl_days": nil})) {
		missing = append(missing, fmt.Sprint(f.Field, " ", f.Code))
	}
	if diff := cmp.Diff([]string{"fields.name missing", "fields.owner missing", "fields.audiences missing"}, missing); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(mission(f))
	f.Add([]byte(`{"fields": {"a": {"type": "list", "default": [null]}}}`))
	f.Add([]byte(`{"a":` + strings.Repeat("[", 30)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, findings := template.Parse(raw)
		if len(findings) > 0 {
			return
		}
		if !json.Valid(doc.Schema()) {
			t.Error("the schema is not JSON")
		}
		doc.Validate(doc.Fill(nil))
		again, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, findings := template.Parse(again); len(findings) > 0 {
			t.Errorf("what was taken is refused when written again: %v\n%s", findings, again)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	doc := parse(b, mission(b))
	fields := doc.Fill(map[string]any{"name": "A", "owner": "a", "audiences": "pilot"})
	for b.Loop() {
		doc.Validate(fields)
	}
}
