package review_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// upgraded is an office as version 02035e8 left it, the last that knew people by their addresses: three requests that are half
// approved (asked for by alice; by bob and edited by alice; by who held the server), a draft of alice's, a flag that olu turned off,
// and what root proposes. testdata/before-ids.jsonl.gz is the dump that it wrote.
func upgraded(t *testing.T, engine store.Engine) *office {
	t.Helper()
	db := storetest.Unmigrated(t, engine)
	o := &office{TB: t, db: db, now: start.Add(time.Hour)}
	now := func() time.Time { return o.now }
	zip, err := gzip.NewReader(bytes.NewReader(o.file("before-ids.jsonl.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Fill(t.Context(), zip); err != nil {
		t.Fatal(err)
	}
	o.policies = &policy.Engine{DB: db, Now: now}
	o.rollouts, o.kills = &rollout.Rollouts{DB: db, Now: now}, &kill.Kills{DB: db, Now: now}
	o.desk = &review.Desk{DB: db, Now: now, Policies: o.policies}
	return o
}

func eachUpgraded(t *testing.T, test func(o *office)) {
	t.Helper()
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		test(upgraded(t, engine))
	})
}

// of finds the open request about an app.
func (o *office) of(app string) review.Request {
	o.Helper()
	list, err := o.desk.List(o.Context(), o.as("pat"), review.Query{App: app}, store.Page{})
	if err != nil || len(list.Items) != 1 {
		o.Fatalf("of %s there are %d requests, %v", app, len(list.Items), err)
	}
	return list.Items[0]
}

func TestAnUpgradeKeepsDigestsAndApprovalsAndWhoMadeThem(t *testing.T) {
	eachUpgraded(t, func(o *office) {
		id := func(name string) access.PersonID { return o.as(name).PersonID }
		for app, want := range map[string]struct {
			digest    string
			requester access.Identity
			editors   []access.PersonID
			approver  string
		}{
			"half": {
				"sha256:76163da9446a69f800c17d4d35d1c1ebcda990f7826ed3e30f3a84d95f0b2afd", o.as("alice").Identity(), []access.PersonID{}, "pat",
			},
			"edited": {
				"sha256:4fdbd90c6ca0a86c0e9ddd723d1868212fe9902caee0cdc3472d6f0404d9a13a", o.as("bob").Identity(),
				[]access.PersonID{id("alice")},
				"max",
			},
			"filed": {
				"sha256:2dc53f7cc914e3f2a9be6a2a0d3cc99c48f073648888158c417a5d0a68186f23",
				access.Identity{Email: "local:ops"},
				[]access.PersonID{},
				"pat",
			},
		} {
			r := o.of(app)
			if r.State != review.NeedsApproval || r.Digest != want.digest || r.BaseChanged {
				o.Errorf("%s is %s by %s", app, r.State, r.Digest)
			}
			if r.Requester != want.requester.Email || r.RequesterID != want.requester.ID {
				o.Errorf("%s was asked for by %q, %q", app, r.Requester, r.RequesterID)
			}
			if diff := cmp.Diff(want.editors, r.EditorIDs); diff != "" {
				o.Errorf("%s was edited by others (-want +got):\n%s", app, diff)
			}
			if len(r.Decisions) != 1 || r.Decisions[0].Void != "" || r.Decisions[0].ByID != id(want.approver) {
				o.Errorf("%s was decided by %+v", app, r.Decisions)
			}
		}
		drafts, err := o.desk.List(o.Context(), o.as("alice"), review.Query{Mine: true, States: []review.State{review.Draft}}, store.Page{})
		if err != nil || len(drafts.Items) != 1 {
			o.Errorf("alice has %d drafts, %v", len(drafts.Items), err)
		}
		flag := storetest.Write(o.TB, o.db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Lock(ctx, tx, "where2eat.enabled")
		})
		if state, _ := flag.In("production"); flag.OwnerID != id("alice") || state.Kill == nil || state.Kill.ByID != id("olu") {
			o.Errorf("the flag is of %q, and off by %+v", flag.OwnerID, state.Kill)
		}
		waiting, err := (&access.Governors{DB: o.db, Now: func() time.Time { return o.now }}).List(o.Context(), o.as("ada"), store.Page{})
		if err != nil || len(waiting.Items) != 1 || waiting.Items[0].ByID != id("root") {
			o.Errorf("there wait %+v, %v", waiting.Items, err)
		}
	})
}

func TestWhatWasHalfApprovedIsFinishedAfterAnUpgradeAndUnderNewAddresses(t *testing.T) {
	eachUpgraded(t, func(o *office) {
		people := access.Directory{DB: o.db, Now: func() time.Time { return o.now }}
		people.Readdress = func(ctx context.Context, tx *store.Tx, who access.Identity) error {
			return errors.Join(review.Readdress(ctx, tx, who), registry.Readdress(ctx, tx, who))
		}
		bob := o.as("bob")
		for _, name := range []string{"alice", "bob", "pat", "max"} {
			if _, _, err := people.PutPerson(o.Context(), access.Local("ops"), name+at, access.PersonSpec{Email: "new." + name + at}, 0); err != nil {
				o.Fatal(err)
			}
			if _, _, err := people.PutPerson(o.Context(), access.Local("ops"), name+at, access.PersonSpec{}, 0); err != nil {
				o.Fatal(err)
			}
		}
		for _, group := range []string{"product", "security"} { // who has the old addresses now may decide, and decided nothing yet
			_, _, err := people.PutGroup(o.Context(), access.Local("ops"), group, access.GroupSpec{
				Roles: []access.Role{access.Approver}, Domains: []access.Domain{access.Domain(group)},
				Members: []string{"pat" + at, "new.pat" + at, "sam" + at, "new.max" + at, "new.alice" + at, "alice" + at}, Title: group,
			}, 0)
			if err != nil {
				o.Fatal(err)
			}
		}
		for _, c := range []struct {
			by, app string
			domain  access.Domain
			kind    fault.Kind
			code    string
		}{
			{"new.alice", "half", "security", fault.Forbidden, "own_request"}, // asked for it
			{"new.alice", "edited", "product", fault.Forbidden, "own_request"},
			{"new.pat", "half", "security", fault.Conflict, "already_decided"}, // approved it
			{"new.max", "edited", "product", fault.Conflict, "already_decided"},
		} {
			r := o.of(c.app)
			_, err := o.desk.Approve(o.Context(), o.as(c.by), r.ID, review.Judgement{Digest: r.Digest, Domain: c.domain})
			o.refused(err, c.kind, c.code)
		}
		for app, by := range map[string]struct {
			who    string
			domain access.Domain
		}{"half": {"alice", "security"}, "edited": {"pat", "product"}, "filed": {"sam", "security"}} {
			r := o.of(app)
			out, err := o.desk.Approve(o.Context(), o.as(by.who), r.ID, review.Judgement{Digest: r.Digest, Domain: by.domain})
			if err != nil || out.Request.State != review.NeedsApproval {
				o.Fatalf("%s: %s, %v", app, out.Request.State, err)
			}
			if r = o.approve("petra", out.Request); r.State != review.Approved { // nobody said what data it shows, which is asked by now
				o.Fatalf("%s: %s, %+v", app, r.State, r.ApprovalsNeeded)
			}
		}
		owner := storetest.Write(o.TB, o.db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Lock(ctx, tx, "half.enabled")
		})
		if owner.OwnerID != bob.PersonID || owner.Owner != "new.bob"+at {
			o.Errorf("half.enabled is of %q, %q", owner.OwnerID, owner.Owner)
		}
	})
}

func TestTheLogOfAnUpgradedInstallationStaysAsItWas(t *testing.T) {
	eachUpgraded(t, func(o *office) {
		log, err := audit.Open(o.Context(), o.db, audit.Config{Dir: o.TempDir(), Now: time.Now, Known: access.Known})
		if err != nil {
			o.Fatal(err)
		}
		if err := log.Sequence(o.Context()); err != nil {
			o.Fatal(err)
		}
		if differs, err := log.Compare(o.Context(), o.as("root")); err != nil || len(differs) > 0 {
			o.Errorf("%v, %v", differs, err)
		}
		list, err := log.Events(o.Context(), o.as("root"), audit.Query{Actor: "pat" + at})
		if err != nil || len(list.Items) < 3 || slices.ContainsFunc(list.Items, func(e audit.Entry) bool { return e.ActorID != "" }) {
			o.Errorf("%d events of pat, %v", len(list.Items), err)
		}
	})
}
