package review_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
)

// edit edits the request as it is.
func (o *office) edit(name string, r review.Request, patch string) review.Request {
	o.Helper()
	out, err := o.desk.Edit(o.Context(), o.as(name), r.ID, r.Revision, json.RawMessage(patch))
	if err != nil {
		o.Fatal(err)
	}
	return out.Request
}

func happened(r review.Request, event audit.Name) int {
	return len(slices.DeleteFunc(slices.Clone(r.Timeline), func(e review.TimelineEntry) bool { return e.Event != event }))
}

// heldByOldRules is a request that pat approved before a policy forbade it, and that policy is off again.
func (o *office) heldByOldRules() review.Request {
	o.Helper()
	audit.Listen(o.db, review.Mark)
	r := o.approve("pat", o.submit(where2eat()))
	o.strictly("no apps about food")
	if r = o.settled(r.ID); r.State != review.NeedsFixes || r.Stricter {
		o.Fatalf("under a stricter policy it is %s, held by old rules: %t", r.State, r.Stricter)
	}
	if e := r.Timeline[len(r.Timeline)-1]; e.Event != audit.RequestJudgedAnew || e.By != "souk:review" {
		o.Fatalf("it is told as %+v", e)
	}
	if _, err := o.policies.SetActive(o.Context(), access.System("test"), "marketplace.company", false, nil); err != nil {
		o.Fatal(err)
	}
	if r = o.settled(r.ID); r.State != review.NeedsFixes || !r.Stricter || !slices.Contains(r.Can, "resubmit") {
		o.Fatalf("once the policy is off it is %s, held by old rules: %t, alice can %v", r.State, r.Stricter, r.Can)
	}
	return r
}

func TestARequestSubmittedAgainIsJudgedByThePresentRulesAlone(t *testing.T) {
	each(t, func(o *office) {
		old := o.heldByOldRules()
		r := o.edit("alice", old, `{"resubmit": true}`)
		if r.State != review.NeedsApproval || r.Stricter || r.Digest == old.Digest || r.Decisions[0].Void != review.VoidResubmitted {
			o.Fatalf("submitted again it is %s, held by old rules: %t, by %+v", r.State, r.Stricter, r.Decisions)
		}
		if happened(r, audit.RequestResubmitted) != 1 || happened(r, audit.RequestEdited) != 0 || len(r.Editors) != 0 {
			o.Errorf("it is told as %+v, by %v too", r.Timeline, r.Editors)
		}
		if r = o.settled(r.ID); r.State != review.NeedsApproval || r.Stricter {
			o.Errorf("looked at again it is %s, held by old rules: %t", r.State, r.Stricter)
		}
		_, err := o.desk.Approve(o.Context(), o.as("sam"), r.ID, review.Judgement{Digest: old.Digest})
		o.refused(err, fault.Conflict, "digest_stale")
		if r = o.approve("pat", o.approve("sam", r)); r.State != review.Approved {
			o.Errorf("approved anew it is %s", r.State)
		}
	})
}

func TestARequestSubmittedAgainIsWhatItsRequesterGetsWhoAsksForTheSame(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		c := o.change("production", review.FlagChange{Mode: registry.ServeOn})
		first, err := o.asks("alice", c)
		if err != nil {
			o.Fatal(err)
		}
		o.edit("alice", o.edit("alice", first.Request, `{"resubmit": true}`), `{"resubmit": true}`)
		if same, err := o.asks("alice", c); err != nil || same.Request.ID != first.Request.ID {
			o.Errorf("asked for twice: %s beside %s, %v", same.Request.ID, first.Request.ID, err)
		}
	})
}

func TestAnEditThatChangesNothingDoesNothing(t *testing.T) {
	each(t, func(o *office) {
		r := o.waitsForAlice()
		o.team("alice", "bob") // it has all its approvals, and nobody has looked yet
		before := o.get("alice", r.ID)
		for _, patch := range []string{`{}`, `{"reason": "team lunch picks take too long"}`, `{"fields": {"ttl_days": 30}}`, `{"resubmit": false}`} {
			for _, name := range []string{"alice", "bob"} {
				if r = o.edit(name, before, patch); r.State != before.State || r.Revision != before.Revision || len(r.Editors) != 0 ||
					len(r.Timeline) != len(before.Timeline) {
					o.Errorf("after %s by %s it is %s at %d, edited by %v, %+v", patch, name, r.State, r.Revision, r.Editors, r.Timeline)
				}
			}
		}
		if r = o.settled(r.ID); r.State != review.Approved || r.Timeline[len(r.Timeline)-1].By != "souk:review" {
			o.Errorf("looked at, it is %s, carried out by %s", r.State, r.Timeline[len(r.Timeline)-1].By)
		}
	})
}

func TestSubmittingAgainIsRefusedToWhoMayNotAndWhereItMeansNothing(t *testing.T) {
	each(t, func(o *office) {
		r, done := o.submit(where2eat()), another("dinner")
		done.Draft = true
		draft := o.submit(done)
		done.Draft = false
		gone, err := o.desk.Withdraw(o.Context(), o.as("alice"), o.submit(done).ID, "")
		if err != nil {
			o.Fatal(err)
		}
		attempts := []struct {
			name  string
			r     review.Request
			patch string
			kind  fault.Kind
			code  string
		}{
			{"eve", r, `{"resubmit": true}`, fault.Forbidden, "forbidden"},
			{"pat", r, `{"resubmit": true}`, fault.Forbidden, "forbidden"},
			{"alice", draft, `{"resubmit": true}`, fault.Conflict, "not_submitted"},
			{"alice", gone, `{"resubmit": true}`, fault.Conflict, "request_withdrawn"},
			{"alice", r, `{"resubmit": "yes"}`, fault.Invalid, "wrong_type"},
			{"alice", r, `{"resubmits": true}`, fault.Invalid, "unknown_member"},
			{"alice", review.Request{ID: r.ID, Revision: r.Revision - 1}, `{"resubmit": true}`, fault.Stale, "stale"},
		}
		if len(attempts) != 7 {
			o.Errorf("%d attempts", len(attempts))
		}
		for _, a := range attempts {
			_, err := o.desk.Edit(o.Context(), o.as(a.name), a.r.ID, a.r.Revision, json.RawMessage(a.patch))
			o.refused(err, a.kind, a.code)
		}
		if got := o.get("alice", r.ID); got.Revision != r.Revision || got.Digest != r.Digest {
			o.Error("a refused act changed the request")
		}
	})
}

func TestWhatWasSubmittedAgainTakesUpWhatItChangesAsItIsNow(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		until := o.now.AddDate(0, 0, 60).Format(time.DateOnly)
		one, err := o.asks("alice", review.Content{Kind: review.ExtendTTL, FlagKey: key, Until: until})
		if err != nil {
			o.Fatal(err)
		}
		other, err := o.asks("alice", review.Content{Kind: review.ExtendTTL, FlagKey: key, Until: o.now.AddDate(0, 0, 50).Format(time.DateOnly)})
		if err != nil {
			o.Fatal(err)
		}
		o.approve("pat", other.Request)
		r := o.get("alice", one.Request.ID)
		if !r.BaseChanged {
			o.Fatal("the other request changed nothing")
		}
		if r = o.edit("alice", r, `{"resubmit": true}`); r.BaseChanged || r.State != review.NeedsApproval {
			o.Fatalf("submitted again it is %s, base changed: %t", r.State, r.BaseChanged)
		}
		if r = o.approve("pat", r); r.State != review.Approved {
			o.Error(r.State)
		}
	})
}
