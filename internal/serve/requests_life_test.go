package serve_test

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

const theFlag = "/api/v1/flags/where2eat.enabled"

// live gives where2eat after its rollout, and the key that production is evaluated with.
func (o *office) live() string {
	o.Helper()
	o.mission()
	var key api.NewKey
	o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "production"}).must(201).into(&key)
	o.completed(o.approved(where2eat(30)).RolloutID)
	return key.Secret
}

// completed brings a rollout to its end by its owner, and by operations where that is before the time.
func (o *office) completed(id string) {
	o.Helper()
	var r rollout.Rollout
	o.do("alice", "POST", "/api/v1/rollouts/"+id+"/start", nil).must(200).into(&r)
	o.eventually("the rollout completes", func() bool {
		o.do("alice", "GET", "/api/v1/rollouts/"+id, nil).must(200).into(&r)
		if r.State == rollout.Running {
			who := "alice"
			if r.Steps[r.Current].Environment == "production" {
				who = "olu"
			}
			o.do(who, "POST", "/api/v1/rollouts/"+id+"/promote", map[string]any{"reason": "fine", "unseen": "nothing runs here"})
		}
		return r.State == rollout.Completed
	})
}

func (o *office) revisionIn(environment string) int64 {
	o.Helper()
	var flag api.FlagDetail
	o.do("bob", "GET", theFlag, nil).must(200).into(&flag)
	state, _ := flag.In(environment)
	return state.Revision
}

// asked posts a request of alice about where2eat's flag.
func (o *office) asked(kind review.Kind, more map[string]any) answer {
	o.Helper()
	body := map[string]any{"kind": kind, "flag_key": "where2eat.enabled", "reason": "for lunch"}
	maps.Copy(body, more)
	return o.do("alice", "POST", "/api/v1/requests", body)
}

func (o *office) decided(a answer) (r review.Request) {
	o.Helper()
	a.must(201).into(&r)
	for _, need := range r.ApprovalsNeeded {
		who := map[string]string{"product": "pat", "security": "sam", "platform": "petra"}[string(need.Domain)]
		o.do(who, "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200).into(&r)
	}
	if r.State != review.Approved {
		o.Fatalf("%s is %s: %+v", r.Title, r.State, r.Checks)
	}
	return r
}

func TestAFlagIsChangedKeptRetiredAndRemovedThroughTheAPI(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		key := o.live()
		o.eventually("a pilot has it", func() bool { return o.evaluate(key, "bob", "pilot").Value == true })

		// What gives less acts when it is approved, and is served when the approval is answered.
		o.decided(o.asked(review.ChangeFlag, map[string]any{
			"environment": "production", "base_revision": o.revisionIn("production"), "change": map[string]any{"mode": "off"},
		}))
		if e := o.evaluate(key, "bob", "pilot"); e.Value != false {
			t.Fatalf("after the change a pilot gets %+v", e)
		}
		// What gives more goes in steps.
		wider := o.decided(o.asked(review.ChangeFlag, map[string]any{
			"environment": "production", "base_revision": o.revisionIn("production"), "change": map[string]any{"mode": "on"},
		}))
		if e := o.evaluate(key, "eve", "team-other"); wider.RolloutID == "" || e.Value != false {
			t.Fatalf("before its rollout eve gets %+v", e)
		}
		o.asked(review.ChangeFlag, map[string]any{
			"environment": "production", "base_revision": o.revisionIn("production"), "change": map[string]any{"mode": "off"},
		}).problem(409, "rollout_running")
		o.completed(wider.RolloutID)
		o.eventually("everybody has it", func() bool { return o.evaluate(key, "eve", "team-other").Value == true })

		// Back to less is one click, which is served when it is answered.
		o.do("olu", "POST", theFlag+"/environments/production/rollback", map[string]any{"reason": "too many"}).must(200)
		if e := o.evaluate(key, "eve", "team-other"); e.Value != false {
			t.Fatalf("after the rollback eve gets %+v", e)
		}

		var flag api.FlagDetail
		o.do("bob", "GET", theFlag, nil).must(200).into(&flag)
		until := flag.Lifecycle.ExpiresAt.AddDate(0, 0, 5)
		o.decided(o.asked(review.ExtendTTL, map[string]any{"until": until.Format(time.DateOnly)}))
		o.decided(o.asked(review.Deprecate, map[string]any{"removal_plan": "alice deletes it from the page"}))
		o.asked(review.ChangeFlag, map[string]any{
			"environment": "staging", "base_revision": o.revisionIn("staging"), "change": map[string]any{"mode": "off"},
		}).problem(409, "flag_read_only")
		var early review.Request
		o.asked(review.Remove, nil).must(201).into(&early)
		if early.State != review.NeedsFixes || !found(early, "flag_key", "grace_not_over") {
			t.Fatalf("in its grace: %s %+v", early.State, early.Checks)
		}
		o.ahead.Add(int64(40 * 24 * time.Hour))
		o.decided(o.asked(review.Remove, map[string]any{"removal_plan": "it is deleted from the page"}))
		o.do("bob", "GET", theFlag, nil).must(200).into(&flag)
		if flag.Lifecycle.State != lifecycle.Removed || flag.RemovedAt == nil {
			t.Fatalf("it is %s", flag.Lifecycle.State)
		}
		gone := o.do("", "POST", "/ofrep/v1/evaluate/flags/where2eat.enabled", map[string]any{"context": map[string]any{"targetingKey": "bob"}}, "X-API-Key", key)
		if gone.Status != http.StatusNotFound {
			t.Errorf("a removed flag is answered %d: %s", gone.Status, gone.Body)
		}
		o.do("alice", "GET", "/api/v1/requests/"+early.ID, nil).must(200).into(&early)
		if early.State != review.Withdrawn {
			t.Errorf("what else was asked of it is %s", early.State)
		}
	})
}

func found(r review.Request, field, code string) bool {
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Field == field && f.Code == code && f.Remediation != "" {
				return true
			}
		}
	}
	return false
}

func TestChangesWhereNothingIsGovernedAreServedWhenTheyAreAnswered(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.live()
		var key api.NewKey
		o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "staging"}).must(201).into(&key)
		base := o.revisionIn("staging")
		change := map[string]any{
			"environment": "staging", "base_revision": base,
			"change": map[string]any{"mode": "custom", "targeting": map[string]any{"if": []any{map[string]any{"$ref": "pilot"}, "on", "off"}}},
		}
		var r review.Request
		first := o.asked(review.ChangeFlag, change)
		first.must(201).into(&r)
		if r.State != review.Approved || len(r.ApprovalsNeeded) != 0 || r.BaseChanged {
			t.Fatalf("%s %+v", r.State, r.Checks)
		}
		if o.evaluate(key.Secret, "bob", "pilot").Value != true || o.evaluate(key.Secret, "eve", "team-other").Value != false {
			t.Error("the rule is not served")
		}
		var p struct {
			api.Problem
			Current registry.Flag `json:"current"`
		}
		stale := o.asked(review.ChangeFlag, change)
		stale.problem(409, "base_changed")
		stale.into(&p)
		if state, _ := p.Current.In("staging"); state.Revision <= base {
			t.Errorf("the refusal shows revision %d", state.Revision)
		}
		// A second press of the button, with the same key, does and answers the same.
		change["base_revision"], change["change"] = o.revisionIn("staging"), map[string]any{"mode": "on"}
		body := map[string]any{"kind": "change_flag", "flag_key": "where2eat.enabled"}
		maps.Copy(body, change)
		once := o.do("alice", "POST", "/api/v1/requests", body, "Idempotency-Key", "k1").must(201)
		again := o.do("alice", "POST", "/api/v1/requests", body, "Idempotency-Key", "k1").must(201)
		if !bytes.Equal(once.Body, again.Body) {
			t.Errorf("the second answer differs: %s", again.Body)
		}
	})
}

func TestDraftsCommentsAndCopiesThroughTheAPI(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		content := where2eat(30)
		content["draft"] = true
		var draft, r review.Request
		posted := o.do("alice", "POST", "/api/v1/requests", content).must(201)
		posted.into(&draft)
		path := "/api/v1/requests/" + draft.ID
		if draft.State != review.Draft || len(draft.Checks) != 0 || draft.Flag != nil {
			t.Fatalf("%+v", draft)
		}
		for _, who := range []string{"root", "ada", "pat"} {
			for _, call := range []struct{ method, path string }{
				{"GET", path}, {"GET", path + "/content"}, {"POST", path + "/comments"}, {"PATCH", path}, {"POST", path + "/withdraw"},
			} {
				var body any
				if call.method != "GET" {
					body = map[string]any{"reason": "x"}
				}
				o.do(who, call.method, call.path, body, "If-Match", `"1"`).problem(404, "no_such_request")
			}
		}
		var list store.Listing[review.Request]
		o.do("pat", "GET", "/api/v1/requests?state=draft&state=needs_approval", nil).must(200).into(&list)
		if len(list.Items) != 0 {
			t.Errorf("pat sees %+v", list.Items)
		}
		var inbox store.Listing[api.InboxItem]
		o.do("alice", "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
		if len(inbox.Items) != 1 || inbox.Items[0].Kind != "draft" || inbox.Items[0].Title != "Publish Where2Eat" {
			t.Errorf("alice's inbox holds %+v", inbox.Items)
		}
		o.do("alice", "PATCH", path, map[string]any{"draft": false}, "If-Match", posted.Header.Get("ETag")).must(200).into(&r)
		if r.State != review.NeedsApproval || r.WaitingSince == nil {
			t.Fatalf("%+v", r)
		}
		var comment review.Comment
		o.do("pat", "POST", path+"/comments", map[string]any{"reason": "<img src=x onerror=alert(1)> why?", "digest": r.Digest}).must(201).into(&comment)
		o.do("pat", "POST", path+"/comments", map[string]any{"reason": "why?", "digest": "sha256:0"}).problem(409, "digest_stale")
		o.do("pat", "POST", path+"/comments", map[string]any{"reason": ""}).problem(400, "required")
		o.do("pat", "POST", path+"/comments", map[string]any{"words": "why?"}).problem(400, "unknown_member")
		o.do("alice", "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
		kinds := make([]string, len(inbox.Items))
		for i, item := range inbox.Items {
			kinds[i] = item.Kind
		}
		if slices.Sort(kinds); strings.Join(kinds, " ") != "comment waiting" {
			t.Errorf("alice's inbox holds %+v", inbox.Items)
		}
		o.do("pat", "POST", path+"/deny", map[string]any{"digest": r.Digest, "reason": "we have one"}).must(200)
		var copied map[string]any
		o.do("alice", "GET", path+"/content", nil).must(200).into(&copied)
		if copied["id"] != nil || copied["draft"] != nil || copied["kind"] != "publish_app" {
			t.Errorf("the copy is %+v", copied)
		}
		delete(copied, "$schema")
		o.do("alice", "POST", "/api/v1/requests", copied).must(201).into(&r)
		if r.State != review.NeedsApproval {
			t.Errorf("the copy is %s: %+v", r.State, r.Checks)
		}
		for query, want := range map[string]int{
			"": 2, "kind=publish_app&risk=low": 2, "kind=remove": 0, "decided_by=me": 0, "q=where+lunch": 2, "requester=bob" + at: 0,
			"sort=risk&order=asc&limit=1": 1, "state=denied": 1, "state=denied&state=needs_approval": 2, "mine=true&flag_key=where2eat.enabled": 2,
		} {
			o.do("alice", "GET", "/api/v1/requests?"+query, nil).must(200).into(&list)
			if len(list.Items) != want {
				t.Errorf("?%s gives %d requests, not %d", query, len(list.Items), want)
			}
		}
		o.do("alice", "GET", "/api/v1/requests?state=lost", nil).problem(400, "invalid")
		o.do("alice", "GET", "/api/v1/requests?sort=%27", nil).problem(400, "invalid")
	})
}
