package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

const key = "where2eat.enabled"

func (o *office) flag(key string) registry.Flag {
	o.Helper()
	r := registry.Registry{DB: o.db, Now: func() time.Time { return o.now }}
	f, err := r.Flag(o.Context(), o.as("root"), key)
	if err != nil {
		o.Fatal(err)
	}
	return f
}

func (o *office) serving(key, environment string) registry.FlagEnvironment {
	o.Helper()
	state, _ := o.flag(key).In(environment)
	return state
}

func (o *office) life(key string) (s lifecycle.Status) {
	o.Helper()
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		s, _, err = lifecycle.Get(ctx, tx, key)
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// published asks for where2eat and has it approved.
func (o *office) published() review.Request {
	o.Helper()
	return o.approve("sam", o.approve("pat", o.submit(where2eat())))
}

// active brings where2eat to its audience.
func (o *office) active() review.Request {
	o.Helper()
	r := o.published()
	o.rollOut(r.RolloutID)
	if s := o.life(key); s.State != lifecycle.Active {
		o.Fatalf("where2eat is %s", s.State)
	}
	return r
}

func (o *office) rollOut(id string) {
	o.Helper()
	if _, err := o.rollouts.Start(o.Context(), o.as("alice"), id, rollout.Word{}); err != nil {
		o.Fatal(err)
	}
	for range 20 {
		r, err := o.rollouts.Get(o.Context(), o.as("alice"), id)
		if err != nil {
			o.Fatal(err)
		}
		if r.State == rollout.Completed {
			return
		}
		o.now = o.now.Add(24 * time.Hour)
		if _, err := o.rollouts.Promote(o.Context(), o.as("alice"), id, rollout.Word{Reason: "all is well", Unseen: "no program runs in this test"}); err != nil {
			o.Fatal(err)
		}
	}
	o.Fatal("the rollout does not end")
}

func (o *office) change(environment string, c review.FlagChange) review.Content {
	o.Helper()
	return review.Content{
		Kind: review.ChangeFlag, FlagKey: key, Environment: environment, BaseRevision: o.serving(key, environment).Revision, Change: &review.ContentChange{FlagChange: c},
		Reason: "because",
	}
}

func (o *office) asks(name string, c review.Content) (review.Outcome, error) {
	o.Helper()
	return o.desk.Submit(o.Context(), o.as(name), c)
}

// mustFind fails unless a check of the request finds the code at the field.
func (o *office) mustFind(r review.Request, field, code string) {
	o.Helper()
	if !slices.ContainsFunc(findings(r.Checks, field), func(f fault.Finding) bool { return f.Code == code && f.Remediation != "" }) {
		o.Errorf("%s at %s is not found: %+v", code, field, r.Checks)
	}
}

func TestAFlagMoreOfAnAppIsMadeLikeTheFirst(t *testing.T) {
	each(t, func(o *office) {
		c := review.Content{
			Kind: review.CreateFlag, TemplateID: "microapp-basic-toggle-v1", App: &review.App{Slug: "where2eat"},
			Fields: map[string]any{"name": "Map", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 20.0},
		}
		_, err := o.asks("alice", c)
		o.refused(err, fault.NotFound, "unknown_app")
		first := o.submit(where2eat())
		early, err := o.asks("alice", c)
		if err != nil {
			o.Fatal(err)
		}
		o.mustFind(early.Request, "app.slug", "not_published")
		o.approve("sam", o.approve("pat", first))
		_, err = o.asks("eve", c)
		o.refused(err, fault.Forbidden, "forbidden")
		twice := c
		twice.Fields = map[string]any{"name": "Enabled", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 20.0}
		out, err := o.asks("alice", twice)
		if err != nil {
			o.Fatal(err)
		}
		o.mustFind(out.Request, "fields.name", "key_taken")
		wordy := c
		wordy.App = &review.App{Slug: "where2eat", Owner: "team-other"}
		if out, err = o.asks("alice", wordy); err != nil {
			o.Fatal(err)
		}
		o.mustFind(out.Request, "app.owner", "not_for_this_kind")
		if out, err = o.asks("alice", c); err != nil || out.Request.State != review.NeedsApproval || out.Request.Flag.Key != "where2eat.map" {
			o.Fatalf("%+v, %v", out.Request, err)
		}
		r := o.approve("pat", out.Request)
		if r.State != review.Approved || r.RolloutID == "" {
			o.Fatalf("%s %+v", r.State, r.ApprovalsNeeded)
		}
		f := o.flag("where2eat.map")
		if f.OwnerGroup != "team-lunch" || f.Contact != "alice"+at || f.InstalledAt == nil || o.serving(f.Key, "sandbox").Serving.Mode != registry.ServeOn {
			o.Errorf("%+v", f)
		}
		o.rollOut(r.RolloutID)
	})
}

func TestADeniedFlagFreesItsKey(t *testing.T) {
	each(t, func(o *office) {
		o.published()
		c := review.Content{
			Kind: review.CreateFlag, TemplateID: "microapp-basic-toggle-v1", App: &review.App{Slug: "where2eat"},
			Fields: map[string]any{"name": "Map", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 20.0},
		}
		for range 2 {
			out, err := o.asks("alice", c)
			if err != nil || out.Request.State != review.NeedsApproval {
				o.Fatalf("%+v, %v", out.Request, err)
			}
			if _, err := o.desk.Deny(o.Context(), o.as("pat"), out.Request.ID, review.Judgement{Digest: out.Request.Digest, Reason: "no maps"}); err != nil {
				o.Fatal(err)
			}
		}
	})
}

func TestAChangedAddressIsScannedAndANewTeamGetsTheFlags(t *testing.T) {
	each(t, func(o *office) {
		o.published()
		change := func(base int64, app review.App) (review.Outcome, error) {
			app.Slug = "where2eat"
			return o.asks("alice", review.Content{Kind: review.ChangeApp, App: &app, BaseRevision: base, Reason: "moved"})
		}
		out, err := change(0, review.App{URL: "http://192.168.0.1/"})
		if err != nil {
			o.Fatal(err)
		}
		o.mustFind(out.Request, "base_revision", "required")
		o.mustFind(out.Request, "app.url", "url_not_https")
		_, err = change(1, review.App{Description: "better"})
		o.refused(err, fault.Conflict, "base_changed")
		out, err = change(2, review.App{Description: "Where to have lunch"})
		if err != nil {
			o.Fatal(err)
		}
		o.mustFind(out.Request, "app", "nothing_changes")
		moved, err := change(2, review.App{URL: "https://lunch.hyfin.example"})
		if err != nil || moved.Request.State != review.NeedsApproval || len(moved.Request.ApprovalsNeeded) != 2 {
			o.Fatalf("a new address needs %+v, %v", moved.Request.ApprovalsNeeded, err)
		}
		given, err := change(2, review.App{Owner: "team-other", Contact: "eve" + at})
		if err != nil || given.Request.State != review.NeedsApproval || len(given.Request.ApprovalsNeeded) != 1 {
			o.Fatalf("%+v, %v", given.Request, err)
		}
		o.mustFind(given.Request, "app.owner", "not_a_member")
		if r := o.approve("pat", given.Request); r.State != review.Approved {
			o.Fatal(r.State)
		}
		f := o.flag(key)
		if f.OwnerGroup != "team-other" || f.Owner != "team-other" || f.Contact != "eve"+at {
			o.Errorf("the flag is still of %s, %s, %s", f.OwnerGroup, f.Owner, f.Contact)
		}
		// What the other request was made from is gone with that; an edit of its new owners takes it up.
		_, err = o.desk.Approve(o.Context(), o.as("sam"), moved.Request.ID, review.Judgement{Digest: moved.Request.Digest})
		o.refused(err, fault.Conflict, "base_changed")
		seen, err := o.desk.Get(o.Context(), o.as("eve"), moved.Request.ID)
		if err != nil || !seen.BaseChanged || !slices.Contains(seen.Can, "edit") {
			o.Errorf("base changed %v, eve can %v, %v", seen.BaseChanged, seen.Can, err)
		}
		edited, err := o.desk.Edit(o.Context(), o.as("eve"), moved.Request.ID, seen.Revision, json.RawMessage(`{"base_revision": 3}`))
		if err != nil || edited.Request.State != review.NeedsApproval || edited.Request.BaseChanged {
			o.Errorf("%+v, %v", edited.Request, err)
		}
	})
}

func TestAChangeWhereNothingIsGovernedIsDoneAtOnce(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		before := o.serving(key, "staging").Revision
		out, err := o.asks("alice", o.change("staging", review.FlagChange{Mode: registry.ServeOff}))
		if err != nil || out.Request.State != review.Approved || len(out.Request.ApprovalsNeeded) != 0 {
			o.Fatalf("%+v, %v", out.Request, err)
		}
		now := o.serving(key, "staging")
		if now.Serving.Mode != registry.ServeOff || out.Revealed["staging"] != now.Revision || now.Revision <= before {
			o.Errorf("staging serves %+v at %d, told %v", now.Serving, now.Revision, out.Revealed)
		}
		// What a check finds keeps it from being done, until it is mended.
		half := o.change("staging", review.FlagChange{Mode: registry.ServeCustom, Targeting: map[string]any{"if": []any{map[string]any{"$ref": "pilots"}, "on"}}})
		if out, err = o.asks("alice", half); err != nil || out.Request.State != review.NeedsFixes {
			o.Fatalf("%s, %v", out.Request.State, err)
		}
		o.mustFind(out.Request, "change.targeting", "unknown_segment")
		mended, err := o.desk.Edit(o.Context(), o.as("alice"), out.Request.ID, out.Request.Revision,
			json.RawMessage(`{"change": {"targeting": {"if": [{"$ref": "pilot"}, "on", "off"]}}}`))
		if err != nil || mended.Request.State != review.Approved || o.serving(key, "staging").Serving.Mode != registry.ServeCustom {
			o.Errorf("%s, %v", mended.Request.State, err)
		}
		_, err = o.asks("eve", o.change("staging", review.FlagChange{Mode: registry.ServeOn}))
		o.refused(err, fault.Forbidden, "forbidden")
	})
}

func TestAChangeThatGivesLessActsWhenApprovedAndOneThatGivesMoreGoesInSteps(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		half := 50
		out, err := o.asks("alice", o.change("production", review.FlagChange{Percent: &half}))
		if err != nil || out.Request.State != review.NeedsApproval || out.Request.Risk != review.Low || len(out.Request.Plan) != 0 {
			o.Fatalf("%+v, %v", out.Request, err)
		}
		r := o.approve("pat", out.Request)
		if now := o.serving(key, "production").Serving; r.State != review.Approved || r.RolloutID != "" || now.Percent != 50 || now.Audience != "pilot" {
			o.Fatalf("%s: %+v", r.State, now)
		}
		if out, err = o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOn})); err != nil || len(out.Request.Plan) == 0 {
			o.Fatalf("%+v, %v", out.Request, err)
		}
		r = o.approve("pat", out.Request)
		if now := o.serving(key, "production").Serving; r.RolloutID == "" || now.Percent != 50 {
			o.Fatalf("before its rollout it serves %+v", now)
		}
		_, err = o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
		o.refused(err, fault.Conflict, "rollout_running")
		o.rollOut(r.RolloutID)
		if now := o.serving(key, "production").Serving; now.Mode != registry.ServeOn {
			o.Errorf("after its rollout it serves %+v", now)
		}
	})
}

func TestAKillBetweenAskingAndApprovingStandsAndRefusesTheApproval(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOn}))
		if err != nil {
			o.Fatal(err)
		}
		if _, err := o.kills.Kill(o.Context(), o.as("olu"), key, "production", rollout.Word{Reason: "smoke"}, live.Sent{}); err != nil {
			o.Fatal(err)
		}
		_, err = o.desk.Approve(o.Context(), o.as("pat"), out.Request.ID, review.Judgement{Digest: out.Request.Digest})
		o.refused(err, fault.Conflict, "base_changed")
		if state := o.serving(key, "production"); state.Kill == nil {
			o.Error("the kill is undone")
		}
		// Denying it is still possible.
		if _, err := o.desk.Deny(o.Context(), o.as("pat"), out.Request.ID, review.Judgement{Digest: out.Request.Digest, Reason: "it smokes"}); err != nil {
			o.Error(err)
		}
	})
}

func TestWhoeverChangesFromAnOldStateIsToldOfTheNewOne(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		c := o.change("staging", review.FlagChange{Mode: registry.ServeOff})
		if _, err := o.asks("alice", c); err != nil {
			o.Fatal(err)
		}
		c.Change = &review.ContentChange{FlagChange: review.FlagChange{Mode: registry.ServeAudience}}
		_, err := o.asks("bob", c)
		o.refused(err, fault.Conflict, "base_changed")
		a, err := o.desk.Check(o.Context(), o.as("bob"), c, "")
		if err != nil || !slices.ContainsFunc(findings(a.Checks, "base_revision"), func(f fault.Finding) bool { return f.Code == "base_changed" }) {
			o.Errorf("a dry run finds %+v, %v", a.Checks, err)
		}
	})
}

func TestAskingTwiceForTheSameChangeAsksOnce(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		alice, c := o.as("alice"), o.change("production", review.FlagChange{Mode: registry.ServeOff})
		var all sync.WaitGroup
		ids := make([]string, 4)
		for i := range ids {
			all.Go(func() {
				out, err := o.desk.Submit(o.Context(), alice, c)
				if err != nil {
					o.Error(err)
				}
				ids[i] = out.Request.ID
			})
		}
		all.Wait()
		if ids = slices.Compact(slices.Sorted(slices.Values(ids))); len(ids) != 1 {
			o.Errorf("%d requests were made", len(ids))
		}
	})
}

func TestTwoChangesApprovedAtOnceLeaveOneDone(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		less := 10
		first, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
		if err != nil {
			o.Fatal(err)
		}
		second, err := o.asks("bob", o.change("production", review.FlagChange{Percent: &less}))
		if err != nil {
			o.Fatal(err)
		}
		var all sync.WaitGroup
		refusals := make([]error, 2)
		for i, r := range []review.Request{first.Request, second.Request} {
			by := o.as([]string{"pat", "max"}[i])
			all.Go(func() {
				_, refusals[i] = o.desk.Approve(o.Context(), by, r.ID, review.Judgement{Digest: r.Digest, Domain: "product"})
			})
		}
		all.Wait()
		done := slices.DeleteFunc(slices.Clone(refusals), func(err error) bool { return err != nil })
		if len(done) != 1 {
			o.Errorf("%d were done: %v", len(done), refusals)
		}
	})
}

func TestRollingBackToWhatGaveLessNeedsNobody(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		good := o.serving(key, "production").Revision
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOn}))
		if err != nil {
			o.Fatal(err)
		}
		o.rollOut(o.approve("pat", out.Request).RolloutID)
		back, err := o.desk.Rollback(o.Context(), o.as("olu"), key, "production", 0, rollout.Word{Reason: "too many"})
		if err != nil || back.Request != nil || back.Revealed["production"] == 0 {
			o.Fatalf("%+v, %v", back, err)
		}
		if now := o.serving(key, "production").Serving; now.Mode != registry.ServeAudience {
			o.Errorf("it serves %+v", now)
		}
		same, err := o.desk.Rollback(o.Context(), o.as("alice"), key, "production", good, rollout.Word{})
		if err != nil || same.Request != nil || same.Revealed != nil {
			o.Errorf("going where it is did %+v, %v", same, err)
		}
		_, err = o.desk.Rollback(o.Context(), o.as("alice"), key, "production", 99_999, rollout.Word{})
		o.refused(err, fault.NotFound, "unknown_revision")
		_, err = o.desk.Rollback(o.Context(), o.as("eve"), key, "production", 0, rollout.Word{})
		o.refused(err, fault.Forbidden, "forbidden")
	})
}

func TestRollingBackToWhatGaveMoreAsksOnce(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		wide := o.serving(key, "production").Revision
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
		if err != nil {
			o.Fatal(err)
		}
		o.approve("pat", out.Request)
		back, err := o.desk.Rollback(o.Context(), o.as("alice"), key, "production", wide, rollout.Word{})
		if err != nil || back.Request == nil || back.Request.Kind != review.ChangeFlag || back.Request.State != review.NeedsApproval {
			o.Fatalf("%+v, %v", back, err)
		}
		again, err := o.desk.Rollback(o.Context(), o.as("alice"), key, "production", wide, rollout.Word{})
		if err != nil || again.Request == nil || again.Request.ID != back.Request.ID {
			o.Errorf("asked twice: %+v, %v", again, err)
		}
	})
}

// strict puts a policy of the company in force.
func (o *office) strict(source string) {
	o.Helper()
	if _, _, err := o.policies.Put(o.Context(), access.System("test"), policy.Draft{Source: source}); err != nil {
		o.Fatal(err)
	}
}
