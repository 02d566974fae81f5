package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
	"github.com/soukhq/souk/templates"
)

func TestWhatGovernsIsMadeTriedAndTakenBackOverTheAPI(t *testing.T) {
	t.Parallel()
	o := open(t, storetest.Config(t, store.SQLite))
	o.mission()
	o.approved(where2eat(30))

	// An app says how it does, is found in spite of a slip, and tells its story.
	var apps store.Listing[api.AppSummary]
	o.do("pat", "GET", "/api/v1/apps?q=wher2eat", nil).must(200).into(&apps)
	if len(apps.Items) != 1 || apps.Items[0].Status.Word != "off" || len(apps.Items[0].Can) != 0 {
		t.Errorf("found %+v", apps)
	}
	var app api.AppDetail
	o.do("alice", "GET", "/api/v1/apps/where2eat", nil).must(200).into(&app)
	if len(app.Flags) != 1 || len(app.OpenRequests) != 0 || len(app.History) < 3 || len(app.Can) != 2 {
		t.Errorf("the app is %+v", app)
	}
	o.do("alice", "GET", "/api/v1/apps?status=sleeping", nil).must(400)
	o.do("alice", "GET", "/api/v1/apps?sort=name&order=desc&cursor=WyJ4Il0", nil).must(400)

	// A segment by a rule, used by nothing, comes and goes.
	segment := map[string]any{"title": "Germans", "rules": []any{map[string]any{"attribute": "country", "operator": "equals", "values": []any{"DE"}}}}
	o.do("root", "PUT", "/api/v1/segments/germans", segment, "If-None-Match", "*").must(200)
	var detail api.SegmentDetail
	o.do("alice", "GET", "/api/v1/segments/germans", nil).must(200).into(&detail)
	if detail.Words != "Those whose country is DE" || detail.Reach != (registry.Reach{People: 0, Exact: false}) || detail.Match != registry.MatchAll {
		t.Errorf("the segment is %+v", detail)
	}
	o.do("root", "PUT", "/api/v1/segments/bad", map[string]any{
		"title": "Bad", "rules": []any{map[string]any{"attribute": "a", "operator": "equal", "values": []any{"x"}}},
	}, "If-None-Match", "*").must(400)
	o.do("root", "DELETE", "/api/v1/segments/germans", nil).must(http.StatusPreconditionRequired)
	o.do("root", "DELETE", "/api/v1/segments/germans", nil, "If-Match", `"7"`).must(http.StatusPreconditionFailed)
	o.do("root", "DELETE", "/api/v1/segments/pilot", nil, "If-Match", `"1"`).must(http.StatusConflict)
	o.do("root", "DELETE", "/api/v1/segments/germans", nil, "If-Match", `"1"`).must(204)

	// A template is looked at before it is stored, retired, and can then no longer be chosen.
	var checked template.Checked
	o.do("pat", "POST", "/api/v1/templates:check", map[string]any{"document": map[string]any{"templateId": "x", "displayName": "X"}}).must(200).into(&checked)
	if len(checked.Findings) == 0 {
		t.Error("a template without an owner is fine")
	}
	raw, err := templates.Files.ReadFile("microapp-basic-toggle-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	document := json.RawMessage(strings.Replace(string(raw), "Micro-app Basic Toggle", "Test", 1))
	o.do("root", "PUT", "/api/v1/policies/marketplace.template.names", map[string]any{
		"source": "package marketplace.template.names\ndeny contains \"Name it for people.\" if input.displayName == \"Test\"",
	}, "If-None-Match", "*").must(200)
	o.do("pat", "POST", "/api/v1/templates:check", map[string]any{"document": document}).must(200).into(&checked)
	if len(checked.Findings) != 1 || checked.Findings[0].Message != "Name it for people." || checked.Schema == nil {
		t.Errorf("a template that a policy refuses is %+v", checked.Findings)
	}
	if got := o.do("root", "POST", "/api/v1/templates", document).must(422); !strings.Contains(string(got.Body), "Name it for people.") {
		t.Errorf("a template that a policy refuses is answered %s", got.Body)
	}
	o.do("root", "POST", "/api/v1/templates/dashboard-v1/retire", nil).must(200)
	var made review.Assessment
	content := where2eat(30)
	content["template_id"] = "dashboard-v1"
	o.do("alice", "POST", "/api/v1/requests:check", content).must(200).into(&made)
	if made.Checks[0].Name != "schema" || made.Checks[0].Status != review.Failed {
		t.Errorf("a request from a retired template is %+v", made.Checks[0])
	}
	o.do("root", "POST", "/api/v1/templates/dashboard-v1/activate", nil).must(200)

	// A policy is tried and judged on all flags before it is put.
	const source = "package marketplace.short\ndeny contains \"Too long.\" if input.fields.ttl_days > 7"
	var tried policy.Tried
	o.do("root", "POST", "/api/v1/policies:try", map[string]any{
		"source": source, "input": map[string]any{"fields": map[string]any{"ttl_days": 30}},
	}).must(200).into(&tried)
	if tried.Decision != policy.Refused || len(tried.Rules) != 1 || !tried.Rules[0].Holds {
		t.Errorf("tried, it says %+v", tried)
	}
	var dry review.PolicyTrial
	o.do("root", "POST", "/api/v1/policies:dry-run", map[string]any{"source": source}).must(200).into(&dry)
	if dry.Judged != 1 || len(dry.WouldFail) != 1 || dry.WouldFail[0].FlagKey != "where2eat.enabled" {
		t.Errorf("of all flags it says %+v", dry)
	}
	got := o.do("root", "POST", "/api/v1/policies:try", map[string]any{"source": "package marketplace.x\nallow if {"}).must(422)
	if !strings.Contains(string(got.Body), "line 2") {
		t.Errorf("a slip is answered %s", got.Body)
	}
	o.do("root", "PUT", "/api/v1/policies/marketplace.short", map[string]any{"source": source}, "If-None-Match", "*").must(200)
	o.do("root", "DELETE", "/api/v1/policies/marketplace.short", nil, "If-Match", `"1"`).must(204)
}
