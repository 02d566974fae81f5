package review

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/template"
)

func TestFieldsNameOnlyPeopleTeamsAndAudiencesThatExist(t *testing.T) {
	t.Parallel()
	document, wrong := template.Parse([]byte(`{
		"templateId": "x-v1", "displayName": "X", "description": "X", "requiredChecks": [],
		"fields": {
			"name": {"type": "string", "required": true}, "owner": {"type": "user", "required": true},
			"audiences": {"type": "segment", "required": true}, "ttl_days": {"type": "integer", "default": 30, "min": 1},
			"kill_switch": {"type": "boolean", "default": true},
			"helper": {"type": "user"}, "team": {"type": "team"}, "testers": {"type": "segment"}, "readers": {"type": "list", "items": "user"}
		}}`))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	world := World{People: []string{"alice@example.com"}, Groups: []string{"team-lunch"}}
	paths := func(fields map[string]any) map[string]string {
		found := map[string]string{}
		for _, f := range checkNames(document, fields, world, []registry.Segment{{Name: "pilot"}}) {
			found[f.Field] = f.Code
			if f.Remediation == "" {
				t.Errorf("%s has no remediation", f.Field)
			}
		}
		return found
	}
	fine := map[string]any{
		"owner": "nobody judged elsewhere", "helper": "Alice@example.com", "team": "team-lunch", "testers": "pilot", "readers": []any{"alice@example.com"},
	}
	if found := paths(fine); len(found) > 0 {
		t.Errorf("what exists: %v", found)
	}
	got := paths(map[string]any{
		"helper": "alicia@example.com", "team": "team-lnch", "testers": "pilots", "readers": []any{"alice@example.com", "bob@example.com"},
	})
	want := map[string]string{
		"fields.helper": "unknown_user", "fields.team": "unknown_team", "fields.testers": "unknown_segment", "fields.readers[1]": "unknown_user",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	world.Offline = true
	if found := paths(map[string]any{"team": "team-lnch"}); len(found) > 0 {
		t.Errorf("offline, nobody is known: %v", found)
	}
}
