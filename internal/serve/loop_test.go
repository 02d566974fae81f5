package serve_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// where2eat is the request of the contract, with a TTL.
func where2eat(ttl int) map[string]any {
	return map[string]any{
		"kind": "publish_app", "template_id": "microapp-basic-toggle-v1", "reason": "team lunch picks take too long",
		"app": map[string]any{
			"slug": "where2eat", "name": "Where2Eat", "description": "Where to have lunch today", "category": "dashboard",
			"owner": "team-lunch", "contact": "alice@hyfin.example", "kind": "external", "url": "https://where2eat.hyfin.example",
			"data": map[string]any{"classification": "none"},
		},
		"fields": map[string]any{"name": "Enabled", "owner": "alice@hyfin.example", "audiences": "pilot", "ttl_days": ttl},
	}
}

// evaluation is what OFREP answers.
type evaluation struct {
	Value    any            `json:"value"`
	Reason   string         `json:"reason"`
	Variant  string         `json:"variant"`
	Metadata map[string]any `json:"metadata"`
}

func (o *office) evaluate(key, person, group string) (e evaluation) {
	o.Helper()
	o.do("", "POST", "/ofrep/v1/evaluate/flags/where2eat.enabled",
		map[string]any{"context": map[string]any{"targetingKey": person + at, "groups": []string{group}}},
		"Authorization", "Bearer "+key).must(200).into(&e)
	return e
}

// mission installs the mission's template and policy.
func (o *office) mission() {
	o.Helper()
	if a := o.do("root", "POST", "/api/v1/templates", o.file("template.json")); a.Status != 200 && a.Status != 201 {
		o.Fatalf("the mission's template is answered %d: %s", a.Status, a.Body)
	}
	o.do("root", "PUT", "/api/v1/policies/marketplace.policy", map[string]any{"source": o.file("policy.rego")}, "If-None-Match", "*").must(200)
}

// approved submits the request and has everybody approve it who is needed.
func (o *office) approved(content map[string]any) (r review.Request) {
	o.Helper()
	o.do("alice", "POST", "/api/v1/requests", content).must(201).into(&r)
	approver := map[string]string{"product": "pat", "security": "sam", "platform": "petra"}
	for _, need := range r.ApprovalsNeeded {
		o.do(approver[string(need.Domain)], "POST", "/api/v1/requests/"+r.ID+"/approve",
			map[string]any{"digest": r.Digest, "reason": "fine"}).must(200).into(&r)
	}
	if r.State != review.Approved || r.RolloutID == "" {
		o.Fatalf("the request is %s, its rollout %q", r.State, r.RolloutID)
	}
	return r
}

// wired lets a program ask for a flag by its key in staging.
func (o *office) wired(flag string) {
	o.Helper()
	var key api.NewKey
	o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "staging"}).must(201).into(&key)
	o.do("", "POST", "/ofrep/v1/evaluate/flags/"+flag, map[string]any{"context": map[string]any{"targetingKey": "x"}}, "X-API-Key", key.Secret).must(200)
}

// toProduction starts the rollout, lets a program ask for its flag and brings it to the step in production, whose bake is then over.
func (o *office) toProduction(id string) (r rollout.Rollout) {
	o.Helper()
	o.do("alice", "POST", "/api/v1/rollouts/"+id+"/start", nil).must(200).into(&r)
	if r.State != rollout.Running || r.Steps[0].Environment != "staging" {
		o.Fatalf("the rollout is %s in %s", r.State, r.Steps[0].Environment)
	}
	o.wired(r.FlagKey)
	o.ahead.Add(int64(48 * time.Hour))
	o.eventually("the first step is promoted by time", func() bool {
		o.do("alice", "GET", "/api/v1/rollouts/"+id, nil).must(200).into(&r)
		return r.Current == 1
	})
	return r
}

func TestTheLoopThroughTheAPIAlone(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.finds200DaysTooLong()
		r := o.approved(where2eat(30))
		if r.Flag == nil || r.Flag.Key != "where2eat.enabled" || r.Flag.FlagID != "microapp-where2eat-001" {
			o.Fatalf("the flag is %+v", r.Flag)
		}
		var key api.NewKey
		o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "production"}).must(201).into(&key)
		if e := o.evaluate(key.Secret, "bob", "pilot"); e.Value != false {
			o.Fatalf("before the rollout a pilot gets %+v", e)
		}
		o.toProduction(r.RolloutID)
		o.eventually("a pilot gets the app", func() bool {
			e := o.evaluate(key.Secret, "bob", "pilot")
			return e.Value == true && e.Reason == "TARGETING_MATCH"
		})
		if e := o.evaluate(key.Secret, "eve", "team-other"); e.Value != false {
			o.Fatalf("in the rollout an outsider gets %+v", e)
		}
		o.ahead.Add(int64(72 * time.Hour))
		var after rollout.Rollout
		o.do("alice", "POST", "/api/v1/rollouts/"+r.RolloutID+"/promote", map[string]any{"reason": "pilot metrics within SLA"}).must(200).into(&after)
		var flag api.FlagDetail
		o.do("bob", "GET", "/api/v1/flags/where2eat.enabled", nil).must(200).into(&flag)
		if after.State != rollout.Completed || flag.Lifecycle.State != lifecycle.Active || len(flag.Can) != 0 {
			o.Fatalf("the rollout is %s, the flag %s, bob may %v", after.State, flag.Lifecycle.State, flag.Can)
		}
		o.killed(key.Secret)
		o.restoredByRequest()
		o.proven()
	})
}

func (o *office) finds200DaysTooLong() {
	o.Helper()
	var found review.Assessment
	o.do("alice", "POST", "/api/v1/requests:check", where2eat(200)).must(200).into(&found)
	for _, check := range found.Checks {
		for _, f := range check.Findings {
			if check.Name == "policy" && f.Field == "fields.ttl_days" && strings.Contains(f.Message, "at most 180, is 200") {
				if check.Status != review.Failed || f.Remediation == "" {
					o.Fatalf("the check is %s: %+v", check.Status, f)
				}
				var list store.Listing[review.Request]
				o.do("alice", "GET", "/api/v1/requests", nil).must(200).into(&list)
				if len(list.Items) != 0 {
					o.Fatal("a dry run left a request")
				}
				return
			}
		}
	}
	o.Fatalf("200 days are not found too long: %+v", found.Checks)
}

func (o *office) killed(key string) {
	o.Helper()
	path := "/api/v1/flags/where2eat.enabled/environments/production/"
	o.do("eve", "POST", path+"kill", nil).problem(403, "forbidden")
	var killed api.KilledFlag
	o.do("olu", "POST", path+"kill", map[string]any{"reason": "wrong restaurants"}).must(200).into(&killed)
	if !killed.Receipt.ServedHere || killed.Receipt.Revision == 0 || killed.Receipt.ServedAt == nil {
		o.Fatalf("the receipt says %+v", killed.Receipt)
	}
	e := o.evaluate(key, "bob", "pilot")
	if e.Value != false || e.Reason != "STATIC" || e.Variant != "off" || e.Metadata["killed"] != true {
		o.Fatalf("after the kill a pilot gets %+v", e)
	}
	var again api.KilledFlag
	o.do("olu", "POST", path+"kill", nil).must(200).into(&again)
	if again.Receipt.Revision != killed.Receipt.Revision {
		o.Fatal("a second kill changed something")
	}
	var waiting store.Listing[api.InboxItem]
	o.do("alice", "GET", "/api/v1/inbox", nil).must(200).into(&waiting)
	if len(waiting.Items) != 1 || waiting.Items[0].Kind != "killed" || !strings.Contains(waiting.Items[0].Words, "wrong restaurants") {
		o.Fatalf("alice's inbox holds %+v", waiting.Items)
	}
}

func (o *office) restoredByRequest() {
	o.Helper()
	var asked api.RestoredFlag
	o.do("alice", "POST", "/api/v1/flags/where2eat.enabled/environments/production/restore",
		map[string]any{"reason": "mended"}).must(202).into(&asked)
	if asked.Request == nil || asked.Request.Kind != review.RestoreFlag || asked.Key != "where2eat.enabled" {
		o.Fatalf("restoring gives %+v", asked)
	}
	var history store.Listing[registry.Revision]
	o.do("bob", "GET", "/api/v1/flags/where2eat.enabled/history?environment=production", nil).must(200).into(&history)
	if len(history.Items) < 3 || !history.Items[0].Killed || history.Items[0].Cause != registry.CauseKill {
		o.Fatalf("the history is %+v", history.Items)
	}
}

// proven exports the log and verifies it, whole and with one byte changed.
func (o *office) proven() {
	o.Helper()
	o.do("alice", "GET", "/api/v1/audit/export", nil).problem(403, "forbidden")
	var events store.Listing[audit.Entry]
	o.do("ada", "GET", "/api/v1/audit/events?flag=where2eat.enabled&event=flag.state_changed", nil).must(200).into(&events)
	if len(events.Items) < 3 || events.Items[0].To != "active" || events.Items[0].Reason != "pilot metrics within SLA" {
		o.Fatalf("the events are %+v", events.Items)
	}
	log := o.do("ada", "GET", "/api/v1/audit/export", nil).must(200).Body
	report, err := audit.Verify(bytes.NewReader(log), audit.VerifyOptions{})
	if err != nil || !report.OK {
		o.Fatalf("the log does not verify: %v %+v", err, report.Problems)
	}
	forged := bytes.Replace(log, []byte("wrong restaurants"), []byte("wrong restaurant5"), 1)
	report, err = audit.Verify(bytes.NewReader(forged), audit.VerifyOptions{})
	if err != nil || report.OK {
		o.Fatalf("a changed byte is not found: %v", err)
	}
}

func TestEditVoidsApprovalsAndStaleEditsAreRefused(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		var r review.Request
		posted := o.do("alice", "POST", "/api/v1/requests", where2eat(30)).must(201)
		posted.into(&r)
		path := "/api/v1/requests/" + r.ID
		o.do("alice", "POST", path+"/approve", map[string]any{"digest": r.Digest}).problem(403, "own_request")
		o.do("pat", "POST", path+"/approve", map[string]any{"digest": r.Digest, "reason": "fine"}).must(200)
		o.do("alice", "PATCH", path, map[string]any{"reason": "more words"}).problem(428, "version_required")
		o.do("alice", "PATCH", path, map[string]any{"reason": "more words"}, "If-Match", posted.Header.Get("ETag")).problem(412, "stale")
		o.do("alice", "PATCH", path, map[string]any{"reasn": nil}, "If-Match", `"1"`).problem(400, "unknown_member")
		fresh := o.do("alice", "GET", path, nil).must(200).Header.Get("ETag")
		var edited review.Request
		o.do("alice", "PATCH", path, map[string]any{"fields": map[string]any{"ttl_days": 20}}, "If-Match", fresh,
			"Content-Type", "application/merge-patch+json").must(200).into(&edited)
		if edited.Digest == r.Digest || edited.Decisions[0].Void != review.VoidEdited {
			o.Fatalf("the approval still counts: %+v", edited.Decisions)
		}
		p := o.do("sam", "POST", path+"/approve", map[string]any{"digest": r.Digest, "reason": "fine"})
		p.must(409)
	})
}

func TestWhatIsSmallIsPublishedOnTheWordOfProductAlone(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.usualApprovals()
		o.mission()
		var r review.Request
		o.do("alice", "POST", "/api/v1/requests", where2eat(30)).must(201).into(&r)
		if len(r.ApprovalsNeeded) != 1 || r.Risk != review.Low {
			o.Fatalf("risk %s, %+v", r.Risk, r.ApprovalsNeeded)
		}
		if o.do("pat", "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200).into(&r); r.State != review.Approved {
			o.Errorf("it is %s", r.State)
		}
	})
}

func TestATemplateMayNameACheckThatAServiceAccountReports(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		var doc map[string]any
		if err := json.Unmarshal([]byte(o.file("template.json")), &doc); err != nil {
			o.Fatal(err)
		}
		doc["requiredChecks"] = append(doc["requiredChecks"].([]any), "house_style")
		o.do("root", "POST", "/api/v1/templates", doc).problem(422, "bad_template")
		o.do("", "PUT", "/api/v1/people/ci"+at, map[string]any{"agent": true}, "If-None-Match", "*").must(201)
		var token api.NewToken
		o.do("root", "POST", "/api/v1/tokens", map[string]any{"as": "ci" + at, "scope": "checks"}).must(201).into(&token)
		ci := []string{"Authorization", "Bearer " + token.Secret}
		o.do("root", "POST", "/api/v1/templates", doc).must(201)

		var r review.Request
		if o.do("alice", "POST", "/api/v1/requests", where2eat(30)).must(201).into(&r); r.State != review.Checking {
			o.Fatalf("it is %s", r.State)
		}
		var list struct{ Items []review.Request }
		if o.do("nobody", "GET", "/api/v1/requests?state=checking", nil, ci...).must(200).into(&list); len(list.Items) != 1 {
			o.Errorf("%d requests are being checked", len(list.Items))
		}
		path := "/api/v1/requests/" + r.ID + "/checks/"
		o.do("alice", "POST", path+"house_style", map[string]any{"status": "passed"}).problem(403, "forbidden")
		o.do("nobody", "POST", path+"house_style", map[string]any{"status": "fine"}, ci...).must(400)
		o.do("nobody", "POST", path+"house_style", map[string]any{"status": "passed", "digest": r.Digest}, ci...).must(200).into(&r)
		if r.State != review.NeedsApproval {
			o.Errorf("reported, it is %s", r.State)
		}
		sarif := `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "grype"}}, "results": []}]}`
		for _, document := range []any{json.RawMessage(sarif), sarif} {
			o.do("nobody", "POST", path+"security_scan", map[string]any{"status": "passed", "sarif": document}, ci...).must(200).into(&r)
		}
		if len(r.ApprovalsNeeded) != 1 || r.ApprovalsNeeded[0].Domain != "product" {
			o.Errorf("scanned, it needs %+v", r.ApprovalsNeeded)
		}
	})
}
