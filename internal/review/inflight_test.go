package review_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/review"
)

// approvers puts the members of the group product, past the second administrator.
func (o *office) approvers(names ...string) {
	o.Helper()
	for i := range names {
		names[i] += at
	}
	directory := &access.Directory{DB: o.db, Now: func() time.Time { return o.now }}
	spec := access.GroupSpec{Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}, Members: names}
	if _, _, err := directory.PutGroup(o.Context(), access.System("test"), "product", spec, 0); err != nil {
		o.Fatal(err)
	}
}

func (o *office) settled(id string) review.Request {
	o.Helper()
	if err := o.desk.SettleMarked(o.Context()); err != nil {
		o.Fatal(err)
	}
	return o.get("alice", id)
}

// team puts the members of the group that asks for requests.
func (o *office) team(names ...string) {
	o.Helper()
	o.regroup("team-lunch", access.GroupSpec{}, names...)
}

// waitsForAlice is a request that pat and sam approved, while alice was not in the team for the moment of sam's approval.
func (o *office) waitsForAlice() review.Request {
	o.Helper()
	audit.Listen(o.db, review.Mark)
	r := o.approve("pat", o.submit(where2eat()))
	o.team("bob")
	if r = o.approve("sam", r); r.State != review.NeedsFixes {
		o.Fatalf("it is %s", r.State)
	}
	if r = o.settled(r.ID); r.State != review.NeedsFixes {
		o.Fatalf("without alice it is %s", r.State)
	}
	return r
}

func TestARequestThatHasAllItsApprovalsIsCarriedOutBySoukOnce(t *testing.T) {
	each(t, func(o *office) {
		r := o.waitsForAlice()
		o.team("alice", "bob")
		var all sync.WaitGroup
		for range 3 { // as when the leader changes
			all.Go(func() {
				if err := o.desk.SettleMarked(o.Context()); err != nil {
					o.Error(err)
				}
			})
		}
		all.Wait()
		r = o.get("alice", r.ID)
		var by []string
		for _, e := range r.Timeline {
			if e.Event == audit.RequestApproved {
				by = append(by, e.By)
			}
		}
		if r.State != review.Approved || r.RolloutID == "" || !slices.Equal(by, []string{"souk:review"}) {
			o.Errorf("it is %s, carried out by %v", r.State, by)
		}
	})
}

func TestApprovalsOlderThanAWeekAreRenewedByOneWhoApproved(t *testing.T) {
	each(t, func(o *office) {
		r := o.waitsForAlice()
		o.now = o.now.Add(8 * 24 * time.Hour)
		o.team("alice", "bob")
		if r = o.settled(r.ID); r.State != review.NeedsApproval {
			o.Fatalf("on approvals of last week it is %s", r.State)
		}
		if seen, err := o.desk.Get(o.Context(), o.as("sam"), r.ID); err != nil || !slices.Contains(seen.Can, "approve") {
			o.Errorf("sam may %v, %v", seen.Can, err)
		}
		r = o.approve("sam", r)
		counting := slices.DeleteFunc(slices.Clone(r.Decisions), func(d review.Decision) bool { return d.Void != "" })
		if r.State != review.Approved || len(counting) != 2 || len(r.Decisions) != 3 {
			o.Errorf("renewed, it is %s by %+v", r.State, r.Decisions)
		}
	})
}

func TestWhatBecomesStricterCountsAndWhatBecomesLooserDoesNot(t *testing.T) {
	each(t, func(o *office) {
		audit.Listen(o.db, review.Mark)
		r := o.approve("pat", o.submit(where2eat()))
		o.strictly("no apps about food")
		if r = o.settled(r.ID); r.State != review.NeedsFixes {
			o.Fatalf("under a stricter policy it is %s", r.State)
		}
		if _, err := o.policies.SetActive(o.Context(), access.System("test"), "marketplace.company", false, nil); err != nil {
			o.Fatal(err)
		}
		for range 2 { // the second time the rules are no others than before
			o.approvers("alice", "pat")
			o.approvers("pat")
			if r = o.settled(r.ID); r.State != review.NeedsFixes {
				o.Errorf("once the policy is off it is %s", r.State)
			}
		}
	})
}

func TestWhatFlagsServeIsNoRule(t *testing.T) {
	each(t, func(o *office) {
		audit.Listen(o.db, review.Mark)
		r := o.submit(where2eat())
		o.team("bob")
		if r = o.settled(r.ID); r.State != review.NeedsFixes {
			o.Fatalf("without alice it is %s", r.State)
		}
		o.team("alice", "bob")
		o.approve("sam", o.approve("pat", o.submit(another("dinner")))) // another flag is in every environment now
		if r = o.settled(r.ID); r.State != review.NeedsApproval || r.Stricter {
			o.Errorf("with alice it is %s, held by old rules: %t", r.State, r.Stricter)
		}
	})
}
