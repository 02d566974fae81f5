package review_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
)

func each(t *testing.T, test func(o *office)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(open(t, db)) })
}

func statuses(r review.Request) map[string]review.Status {
	all := map[string]review.Status{}
	for _, c := range r.Checks {
		all[c.Name] = c.Status
	}
	return all
}

func findings(checks []review.CheckResult, field string) []fault.Finding {
	var found []fault.Finding
	for _, c := range checks {
		for _, f := range c.Findings {
			if f.Field == field {
				found = append(found, f)
			}
		}
	}
	return found
}

func (o *office) refused(err error, kind fault.Kind, code string) {
	o.Helper()
	e, ok := err.(*fault.Error) //nolint:errorlint // the verbs give the fault itself
	if !ok || e.Kind != kind || e.Code != code {
		o.Errorf("got %v, want a fault %s %s", err, kind, code)
	}
}

func TestTheMissionsRequestGoesFromSubmitToAReadyRollout(t *testing.T) {
	each(t, func(o *office) {
		o.missionPolicy()
		r := o.submit(where2eat())
		want := map[string]review.Status{
			"schema": review.Passed, "audit_fields_present": review.Passed, "policy": review.Passed,
			"dependency_check": review.NotNeeded, "security_scan": review.Warned, "data_access": review.NotNeeded,
		}
		if diff := cmp.Diff(want, statuses(r)); diff != "" {
			o.Errorf("checks differ (-want +got):\n%s\n%+v", diff, r.Checks)
		}
		if r.State != review.NeedsApproval || r.Risk != review.Low || r.Flag == nil || r.Flag.Key != "where2eat.enabled" ||
			r.Flag.FlagID != "microapp-where2eat-001" {
			o.Errorf("got state %s, risk %s, flag %+v", r.State, r.Risk, r.Flag)
		}
		r = o.approve("pat", r)
		if r.State != review.NeedsApproval || r.RolloutID != "" {
			o.Errorf("after one of two approvals: %s, rollout %q", r.State, r.RolloutID)
		}
		r = o.approve("sam", r)
		if r.State != review.Approved || r.RolloutID == "" {
			o.Fatalf("after both approvals: %s, rollout %q", r.State, r.RolloutID)
		}
		var events []string
		for _, e := range r.Timeline {
			events = append(events, e.Event.String())
		}
		for _, event := range []string{"request.submitted", "flag.created", "flag.approval.granted", "request.approved", "flag.state_changed"} {
			if !strings.Contains(strings.Join(events, " "), event) {
				o.Errorf("the timeline lacks %s: %v", event, events)
			}
		}
		again := o.approve("sam", r)
		if again.Revision != r.Revision {
			o.Error("approving again changed the request")
		}
	})
}

func TestATemplateMayStartItsRolloutItself(t *testing.T) {
	each(t, func(o *office) {
		library := &template.Library{DB: o.db, Now: func() time.Time { return o.now }}
		raw := strings.Replace(string(o.file("template.json")), `"templateId"`, `"auto_start": true, "templateId"`, 1)
		if _, _, err := library.Put(o.Context(), access.System("test"), []byte(raw)); err != nil {
			o.Fatal(err)
		}
		first := o.submit(where2eat())
		r := o.approve("sam", o.approve("pat", first))
		started, err := o.rollouts.Get(o.Context(), o.as("alice"), r.RolloutID)
		if err != nil || started.State != rollout.Running || started.Steps[0].State != rollout.StepBaking {
			o.Errorf("the rollout is %s, %v", started.State, err)
		}

		// Where the flag was turned off meanwhile, it waits for a person, and the approval stands.
		second := where2eat()
		second.App.Slug = "dinner"
		second.App.URL = "https://dinner.hyfin.example"
		asked := o.submit(second)
		if _, err := o.kills.Kill(o.Context(), o.as("olu"), asked.Flag.Key, "staging", rollout.Word{}, live.Sent{}); err != nil {
			o.Fatal(err)
		}
		r = o.approve("sam", o.approve("pat", asked))
		waiting, err := o.rollouts.Get(o.Context(), o.as("alice"), r.RolloutID)
		if err != nil || r.State != review.Approved || waiting.State != rollout.Ready {
			o.Errorf("request %s, rollout %s, %v", r.State, waiting.State, err)
		}
	})
}

func TestTheMissionsPolicyFindsTheTTLAtItsField(t *testing.T) {
	each(t, func(o *office) {
		o.missionPolicy()
		c := where2eat()
		c.Fields["ttl_days"] = 200.0
		a, err := o.desk.Check(o.Context(), o.as("alice"), c, "")
		if err != nil {
			o.Fatal(err)
		}
		found := findings(a.Checks, "fields.ttl_days")
		if len(found) == 0 || !strings.Contains(found[0].Message, "at most 180, is 200") || found[0].Severity != fault.SeverityError {
			o.Errorf("findings at fields.ttl_days: %+v", found)
		}
	})
}

func TestCheckTakesAnyPartOfARequestAndWritesNothing(t *testing.T) {
	each(t, func(o *office) {
		for _, c := range []review.Content{
			{},
			{Kind: review.PublishApp},
			{Kind: review.PublishApp, TemplateID: "microapp-basic-toggel-v1"},
			{Kind: review.PublishApp, TemplateID: "microapp-basic-toggle-v1", Fields: map[string]any{"ttl_days": -1.0}},
			{Kind: review.RestoreFlag},
			{Kind: "sell"},
		} {
			a, err := o.desk.Check(o.Context(), o.as("alice"), c, "")
			if err != nil {
				o.Fatalf("%+v: %v", c, err)
			}
			if a.Checks[0].Name != "schema" || a.Checks[0].Status != review.Failed {
				o.Errorf("%+v: the first check is %+v", c, a.Checks[0])
			}
		}
		list, err := o.desk.List(o.Context(), o.as("alice"), review.Query{}, store.Page{})
		if err != nil || len(list.Items) != 0 {
			o.Errorf("there are requests: %+v, %v", list, err)
		}
	})
}

func TestAnEditVoidsApprovalsAndAStaleOneIsRefused(t *testing.T) {
	each(t, func(o *office) {
		first := o.submit(where2eat())
		approved := o.approve("pat", first)
		patch := json.RawMessage(`{"fields": {"ttl_days": 20}}`)
		_, err := o.desk.Edit(o.Context(), o.as("alice"), first.ID, first.Revision, patch)
		o.refused(err, fault.Stale, "stale")
		out, err := o.desk.Edit(o.Context(), o.as("bob"), first.ID, approved.Revision, patch)
		if err != nil {
			o.Fatal(err)
		}
		edited := out.Request
		if edited.Digest == first.Digest || edited.ApprovalsNeeded[0].Given != 0 || edited.Decisions[0].Void != review.VoidEdited {
			o.Errorf("the approval still counts: %+v", edited.ApprovalsNeeded)
		}
		_, err = o.desk.Approve(o.Context(), o.as("pat"), first.ID, review.Judgement{Digest: first.Digest})
		o.refused(err, fault.Conflict, "digest_stale")
		r := o.approve("sam", o.approve("pat", edited))
		if r.State != review.Approved {
			o.Errorf("state is %s", r.State)
		}
		_, err = o.desk.Edit(o.Context(), o.as("alice"), first.ID, r.Revision, patch)
		o.refused(err, fault.Conflict, "request_approved")
	})
}

func TestEditingBackRevivesNoApproval(t *testing.T) {
	each(t, func(o *office) {
		first := o.submit(where2eat())
		r := o.approve("pat", first)
		for _, patch := range []string{`{"fields": {"ttl_days": 20}}`, `{"fields": {"ttl_days": 30}, "reason": "team lunch picks take too long"}`} {
			out, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision, json.RawMessage(patch))
			if err != nil {
				o.Fatal(err)
			}
			r = out.Request
		}
		if r.Digest != first.Digest {
			o.Fatal("the edits do not lead back to what was approved")
		}
		if r.ApprovalsNeeded[0].Given != 0 || r.Decisions[0].Void != review.VoidEdited {
			o.Errorf("the approval counts again: %+v, %+v", r.ApprovalsNeeded, r.Decisions)
		}
		if r = o.approve("sam", r); r.State != review.NeedsApproval {
			o.Errorf("one person's approval made it %s", r.State)
		}
		waiting, err := o.desk.List(o.Context(), o.as("pat"), review.Query{WaitingForMe: true}, store.Page{})
		if err != nil || len(waiting.Items) != 1 {
			o.Errorf("it does not wait for pat: %+v, %v", waiting.Items, err)
		}
		if r = o.approve("pat", r); r.State != review.Approved {
			o.Errorf("approved by both again it is %s", r.State)
		}
	})
}

func TestNobodyDecidesTheirOwnRequestOrTwice(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		judge := func(name string, j review.Judgement) error {
			if j.Digest == "" {
				j.Digest = r.Digest
			}
			_, err := o.desk.Approve(o.Context(), o.as(name), r.ID, j)
			return err
		}
		o.refused(judge("alice", review.Judgement{}), fault.Forbidden, "own_request")
		o.refused(judge("eve", review.Judgement{}), fault.Forbidden, "forbidden")
		o.refused(judge("petra", review.Judgement{}), fault.Forbidden, "not_an_approver")
		o.refused(judge("max", review.Judgement{}), fault.Unprocessable, "domain_required")
		o.refused(judge("pat", review.Judgement{Domain: "security"}), fault.Forbidden, "not_your_domain")
		if err := judge("max", review.Judgement{Domain: "product"}); err != nil {
			o.Fatal(err)
		}
		o.refused(judge("max", review.Judgement{Domain: "security"}), fault.Conflict, "already_decided")
	})
}

func TestTwoApproversAtTheSameInstantBothCount(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		pat, sam := o.as("pat"), o.as("sam")
		var both sync.WaitGroup
		for _, by := range []access.Actor{pat, sam} {
			both.Go(func() {
				if _, err := o.desk.Approve(o.Context(), by, r.ID, review.Judgement{Digest: r.Digest}); err != nil {
					o.Error(err)
				}
			})
		}
		both.Wait()
		r, err := o.desk.Get(o.Context(), pat, r.ID)
		if err != nil || r.State != review.Approved || len(r.Decisions) != 2 {
			o.Errorf("state %s, %d decisions, %v", r.State, len(r.Decisions), err)
		}
	})
}

func TestManySubmitsOfOneSlugGiveItToOne(t *testing.T) {
	each(t, func(o *office) {
		alice := o.as("alice")
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := o.desk.Submit(o.Context(), alice, where2eat()); err != nil {
					o.Error(err)
				}
			})
		}
		all.Wait()
		list, err := o.desk.List(o.Context(), alice, review.Query{Mine: true}, store.Page{})
		if err != nil {
			o.Fatal(err)
		}
		got := map[review.State]int{}
		for _, r := range list.Items {
			got[r.State]++
		}
		if diff := cmp.Diff(map[review.State]int{review.NeedsApproval: 1, review.NeedsFixes: 5}, got); diff != "" {
			o.Errorf("states differ (-want +got):\n%s", diff)
		}
	})
}

func TestADeniedOrWithdrawnRequestFreesItsSlugForTheSameTeamOnly(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		_, err := o.desk.Deny(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Invalid, "reason_required")
		out, err := o.desk.Deny(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest, Reason: "we have one already"})
		if err != nil || out.Request.State != review.Denied {
			o.Fatalf("%s, %v", out.Request.State, err)
		}
		_, err = o.desk.Approve(o.Context(), o.as("sam"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Conflict, "request_denied")
		foreign := where2eat()
		foreign.App.Owner, foreign.Fields["owner"] = "team-other", "eve"+at
		asked, err := o.desk.Submit(o.Context(), o.as("eve"), foreign)
		if err != nil {
			o.Fatal(err)
		}
		theirs := asked.Request
		if len(findings(theirs.Checks, "app.slug")) == 0 || theirs.Flag != nil {
			o.Errorf("another team got the slug: %+v", theirs.Flag)
		}
		again := o.submit(where2eat())
		if again.State != review.NeedsApproval || again.Flag.FlagID != "microapp-where2eat-002" {
			o.Errorf("state %s, flag %+v", again.State, again.Flag)
		}
		withdrawn, err := o.desk.Withdraw(o.Context(), o.as("bob"), again.ID, "")
		if err != nil || withdrawn.State != review.Withdrawn {
			o.Errorf("%s, %v", withdrawn.State, err)
		}
	})
}

func TestFaultyRequestsAreKeptWithFindingsAndCanBeMended(t *testing.T) {
	each(t, func(o *office) {
		c := where2eat()
		c.App.Slug, c.Fields["owner"] = "Where 2 Eat!", "alise"+at
		r := o.submit(c)
		if r.State != review.NeedsFixes || r.Flag != nil {
			o.Errorf("state %s, flag %+v", r.State, r.Flag)
		}
		if f := findings(r.Checks, "fields.owner"); len(f) == 0 || !strings.Contains(f[0].Remediation, "alice"+at) {
			o.Errorf("the near name is not told: %+v", f)
		}
		out, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision,
			json.RawMessage(`{"app": {"slug": "where2eat"}, "fields": {"owner": "team-lunch"}}`))
		mended := out.Request
		if err != nil || mended.State != review.NeedsApproval || mended.Flag == nil {
			o.Fatalf("state %s, %v, checks %+v", mended.State, err, mended.Checks)
		}
		out, err = o.desk.Edit(o.Context(), o.as("alice"), r.ID, mended.Revision,
			json.RawMessage(`{"app": {"slug": "lunch"}, "fields": {"name": "Shown"}}`))
		moved := out.Request
		if err != nil || moved.Flag.Key != "lunch.shown" {
			o.Errorf("flag %+v, %v", moved.Flag, err)
		}
	})
}

func TestARequestForAForeignTeamIsRefused(t *testing.T) {
	each(t, func(o *office) {
		_, err := o.desk.Submit(o.Context(), o.as("eve"), where2eat())
		o.refused(err, fault.Forbidden, "forbidden")
	})
}

func TestRestoreInProductionIsARequestAndElsewhereActs(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("sam", o.approve("pat", o.submit(where2eat())))
		for _, environment := range []string{"staging", "production"} {
			if _, err := o.kills.Kill(o.Context(), o.as("olu"), r.Flag.Key, environment, rollout.Word{Reason: "smoke"}, live.Sent{}); err != nil {
				o.Fatal(err)
			}
		}
		staging, err := o.desk.Restore(o.Context(), o.as("olu"), r.Flag.Key, "staging", rollout.Word{})
		if err != nil || staging.Request != nil || staging.Revealed["staging"] == 0 {
			o.Errorf("staging: %+v, %v", staging, err)
		}
		production, err := o.desk.Restore(o.Context(), o.as("alice"), r.Flag.Key, "production", rollout.Word{Reason: "mended"})
		if err != nil || production.Request == nil || production.Request.State != review.NeedsApproval {
			o.Fatalf("production: %+v, %v", production, err)
		}
		same, err := o.desk.Restore(o.Context(), o.as("olu"), r.Flag.Key, "production", rollout.Word{})
		if err != nil || same.Request.ID != production.Request.ID {
			o.Errorf("a second request was made: %+v, %v", same, err)
		}
		out, err := o.desk.Approve(o.Context(), o.as("pat"), production.Request.ID, review.Judgement{Digest: production.Request.Digest})
		if err != nil || out.Request.State != review.Approved || out.Revealed["production"] == 0 {
			o.Errorf("%+v, %v", out, err)
		}
		if out.Request.RolloutID != "" {
			o.Errorf("a rollout that had not begun was begun anew: %s", out.Request.RolloutID)
		}
		nothing, err := o.desk.Restore(o.Context(), o.as("olu"), r.Flag.Key, "production", rollout.Word{})
		if err != nil || nothing.Request != nil {
			o.Errorf("restoring what is on made %+v, %v", nothing, err)
		}
	})
}

func TestWaitingForMeListsWhatICanDecideAndHaveNot(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		waiting := func(name string) int {
			list, err := o.desk.List(o.Context(), o.as(name), review.Query{WaitingForMe: true}, store.Page{})
			if err != nil {
				o.Fatal(err)
			}
			return len(list.Items)
		}
		if waiting("pat") != 1 || waiting("sam") != 1 || waiting("alice") != 0 || waiting("petra") != 0 {
			o.Error("before a decision the wrong people are asked")
		}
		o.approve("pat", r)
		if waiting("pat") != 0 || waiting("sam") != 1 {
			o.Error("after a decision the wrong people are asked")
		}
	})
}
