package review_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

func (o *office) directory() *access.Directory {
	return &access.Directory{
		DB: o.db, Now: func() time.Time { return o.now },
		EndCredentials: func(context.Context, *store.Tx, access.PersonID, time.Time) error { return nil }, // nobody has any here
	}
}

// regroup puts the members of a group.
func (o *office) regroup(name string, g access.GroupSpec, members ...string) {
	o.Helper()
	g.Members = []string{}
	for _, member := range members {
		g.Members = append(g.Members, member+at)
	}
	if _, _, err := o.directory().PutGroup(o.Context(), access.System("test"), name, g, 0); err != nil {
		o.Fatal(err)
	}
}

func (o *office) disable(name string) {
	o.Helper()
	active := false
	spec := access.PersonSpec{Active: &active}
	if _, _, err := o.directory().PutPerson(o.Context(), access.System("test"), name+at, spec, 0); err != nil {
		o.Fatal(err)
	}
}

func TestARequestOfSomebodyWhoLeftTheTeamIsTakenOverByTheColleagueWhoEditsIt(t *testing.T) {
	each(t, func(o *office) {
		audit.Listen(o.db, review.Mark)
		r := o.approve("sam", o.submit(where2eat()))
		o.regroup("team-lunch", access.GroupSpec{}, "bob")
		if r = o.settled(r.ID); r.State != review.NeedsFixes {
			o.Fatalf("without alice in the team it is %s", r.State)
		}
		r = o.edit("bob", r, `{"fields": {"owner": "bob`+at+`"}, "app": {"contact": "bob`+at+`"}}`)
		if r.State != review.NeedsApproval || r.Requester != "bob"+at || !slices.Equal(r.Editors, []string{"alice" + at}) {
			o.Fatalf("taken over it is %s, of %s and %v: %+v", r.State, r.Requester, r.Editors, r.Checks)
		}
		if !slices.ContainsFunc(r.Timeline, func(e review.TimelineEntry) bool {
			return e.Event == audit.RequestEdited && strings.HasSuffix(e.Words, "taken over from alice"+at)
		}) || r.Decisions[0].Void != review.VoidEdited {
			o.Errorf("it is told as %+v, by %+v", r.Timeline, r.Decisions)
		}
		_, err := o.desk.Approve(o.Context(), o.as("alice"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Forbidden, "own_request")
		if r = o.approve("pat", o.approve("sam", r)); r.State != review.Approved {
			o.Error(r.State)
		}
	})
}

func TestARequestOfSomebodyWhoIsDisabledIsTakenOverBySubmittingItAgain(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOn}))
		if err != nil {
			o.Fatal(err)
		}
		if r := o.edit("bob", out.Request, `{"resubmit": true}`); r.Requester != "alice"+at {
			o.Fatalf("alice is there, and it is of %s", r.Requester)
		}
		o.disable("alice")
		r := o.get("bob", out.Request.ID)
		if r = o.edit("bob", r, `{"resubmit": true}`); r.Requester != "bob"+at || r.State != review.NeedsApproval {
			o.Fatalf("it is %s of %s", r.State, r.Requester)
		}
		mine, err := o.desk.List(o.Context(), o.as("bob"), review.Query{Mine: true}, store.Page{})
		if err != nil || len(mine.Items) != 1 {
			o.Errorf("bob has %d requests, %v", len(mine.Items), err)
		}
	})
}

func TestARequestThatTooFewAreLeftToApproveIsStuckUntilThereAreEnough(t *testing.T) {
	each(t, func(o *office) {
		audit.Listen(o.db, review.Mark)
		listed := func() []review.Request {
			o.Helper()
			list, err := o.desk.List(o.Context(), o.as("root"), review.Query{Stuck: true}, store.Page{})
			if err != nil {
				o.Fatal(err)
			}
			return list.Items
		}
		r := o.submit(where2eat())
		security := access.GroupSpec{Roles: []access.Role{access.Approver}, Domains: []access.Domain{"security"}}
		o.approvers("alice")
		if o.settled(r.ID); len(listed()) != 0 {
			o.Fatal("max is left for product, and sam for security")
		}
		o.regroup("security", security)
		r = o.settled(r.ID) // max alone is left for both
		if stuck := listed(); len(stuck) != 1 || stuck[0].ID != r.ID || r.ApprovalsNeeded[0].Lacking+r.ApprovalsNeeded[1].Lacking != 1 {
			o.Fatalf("listed are %+v, needed is %+v", stuck, r.ApprovalsNeeded)
		}
		o.regroup("security", security, "sam")
		if o.settled(r.ID); len(listed()) != 0 {
			o.Error("it is listed once there are enough")
		}
	})
}
