package review_test

import (
	"testing"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
)

func TestAFlagLivesLongerByItsExtensionAndBeyondTheLimitPlatformIsAsked(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		ask := func(until string) review.Request {
			o.Helper()
			out, err := o.asks("alice", review.Content{Kind: review.ExtendTTL, FlagKey: key, Until: until, Reason: "still in use"})
			if err != nil {
				o.Fatal(err)
			}
			return out.Request
		}
		o.mustFind(ask(""), "until", "required")
		o.mustFind(ask("soon"), "until", "bad_value")
		o.mustFind(ask("2020-01-01"), "until", "in_the_past")
		beyond := ask(o.now.AddDate(2, 0, 0).Format(time.RFC3339))
		o.mustFind(beyond, "until", lifecycle.BeyondMaxActive)
		if beyond.Risk != review.Medium || len(beyond.ApprovalsNeeded) != 2 || beyond.State != review.NeedsApproval {
			o.Errorf("beyond the limit: %s, %s, %+v", beyond.State, beyond.Risk, beyond.ApprovalsNeeded)
		}
		until := o.now.AddDate(0, 0, 60)
		r := ask(until.Format(time.DateOnly))
		if r.Risk != review.Low || len(r.ApprovalsNeeded) != 1 {
			o.Errorf("within the limit: %s, %+v", r.Risk, r.ApprovalsNeeded)
		}
		if r = o.approve("pat", r); r.State != review.Approved {
			o.Fatal(r.State)
		}
		if end := o.life(key).ExpiresAt; end == nil || end.Format(time.DateOnly) != until.Format(time.DateOnly) {
			o.Errorf("it ends on %v", end)
		}
		_, err := o.desk.Approve(o.Context(), o.as("pat"), beyond.ID, review.Judgement{Digest: beyond.Digest})
		o.refused(err, fault.Conflict, "base_changed")
	})
}

func TestAFlagIsRetiredKeptAndRemoved(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		ask := func(c review.Content) review.Request {
			o.Helper()
			c.FlagKey = key
			out, err := o.asks("alice", c)
			if err != nil {
				o.Fatal(err)
			}
			return out.Request
		}
		o.mustFind(ask(review.Content{Kind: review.Remove, RemovalPlan: "alice takes it out"}), "flag_key", "flag_state")
		retire := func() {
			o.Helper()
			r := o.approve("pat", ask(review.Content{Kind: review.Deprecate, Reason: "nobody eats"}))
			if s := o.life(key); r.State != review.Approved || r.Risk != review.Low || s.State != lifecycle.Deprecated {
				o.Fatalf("%s, %s, %s", r.State, r.Risk, s.State)
			}
		}
		retire()
		_, err := o.asks("alice", o.change("staging", review.FlagChange{Mode: registry.ServeOff}))
		o.refused(err, fault.Conflict, "flag_read_only")
		o.approve("pat", ask(review.Content{Kind: review.ExtendTTL, Until: o.now.AddDate(0, 0, 40).Format(time.DateOnly)}))
		if s := o.life(key); s.State != lifecycle.Active {
			o.Fatalf("an extension left it %s", s.State)
		}
		o.now = o.now.Add(time.Hour)
		retire()
		early := ask(review.Content{Kind: review.Remove, RemovalPlan: "alice takes it out"})
		o.mustFind(early, "flag_key", "grace_not_over")
		if twice := ask(review.Content{Kind: review.Remove, RemovalPlan: "alice takes it out"}); twice.ID != early.ID || twice.Revision != early.Revision {
			o.Errorf("clicked twice it is %s at %d after %s at %d", twice.ID, twice.Revision, early.ID, early.Revision)
		}
		o.now = o.now.AddDate(0, 0, 30)
		if again := ask(review.Content{Kind: review.Remove, RemovalPlan: "alice takes it out"}); again.ID != early.ID || again.State != review.NeedsApproval {
			o.Errorf("after the grace it is %s, %+v", again.State, again.Checks)
		}
		gone := ask(review.Content{Kind: review.Remove, RemovalPlan: "alice takes it out of the code"})
		other := ask(review.Content{Kind: review.Remove, RemovalPlan: "bob takes it out"})
		r := o.approve("pat", gone)
		if s := o.life(key); r.State != review.Approved || s.State != lifecycle.Removed || o.flag(key).RemovedAt == nil {
			o.Fatalf("%s, %s", r.State, s.State)
		}
		for _, id := range []string{early.ID, other.ID} {
			if seen, err := o.desk.Get(o.Context(), o.as("alice"), id); err != nil || seen.State != review.Withdrawn {
				o.Errorf("what else was asked for of a removed flag is %s, %v", seen.State, err)
			}
		}
	})
}
