package access

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// governed is the company with two administrators who have joined, ada and max, and the proposals between them.
func governed(t *testing.T, db *store.DB) (*Governors, *Directory, *wall) {
	t.Helper()
	d, clock := directory(db), &wall{noon}
	d.Now = clock.now
	company(t, d)
	mustPerson(t, d, "max@hyfin.example", PersonSpec{DisplayName: "max"})
	mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "max@hyfin.example"}})
	for _, email := range []string{"ada@hyfin.example", "max@hyfin.example"} {
		joined(t, db, email)
	}
	return &Governors{DB: db, Now: clock.now, Verbs: d.Governing()}, d, clock
}

// wall is a clock that a test sets.
type wall struct{ at time.Time }

func (w *wall) now() time.Time { return w.at }

func (w *wall) add(d time.Duration) { w.at = w.at.Add(d) }

// joined makes the person one who has signed in before.
func joined(t *testing.T, db *store.DB, email string) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		p, _, err := PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		return Joined(ctx, tx, p.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(all []string, name string) (n int) {
	for _, s := range all {
		if s == name {
			n++
		}
	}
	return n
}

func wantPending(t *testing.T, err error) Proposal {
	t.Helper()
	p, ok := errors.AsType[*Pending](err)
	if !ok {
		t.Fatalf("got %v, want a proposal", err)
	}
	return p.Proposal
}

// moreApprovers is a change that adds an approver.
var moreApprovers = GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"product"}, Members: []string{"pat@hyfin.example", alice}}

func TestWhatLoosensTheRulesNeedsASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g, d, clock := governed(t, db)
		ada, other := actor(t, db, "ada@hyfin.example"), actor(t, db, "max@hyfin.example")
		put := func(by Actor, spec GroupSpec) error {
			_, _, err := d.PutGroup(t.Context(), by, "product", spec, 1)
			return err
		}
		p := wantPending(t, put(ada, moreApprovers))
		if p.By != ada.Email || p.Subject != "group:product" || p.Action != ActionPutGroup || !strings.Contains(p.Words, alice) ||
			!p.ExpiresAt.Equal(noon.Add(proposalsFor)) || actor(t, db, alice).Has(Approver) {
			t.Fatalf("got %+v", p)
		}
		if again := wantPending(t, put(ada, moreApprovers)); again.ID != p.ID { // asking twice is asking once
			t.Errorf("a second proposal %s", again.ID)
		}
		_, err := g.Confirm(t.Context(), ada, p.ID)
		wantFault(t, err, fault.Conflict, "own_proposal")
		_, err = g.Confirm(t.Context(), actor(t, db, "pat@hyfin.example"), p.ID)
		wantFault(t, err, fault.Forbidden, "forbidden")
		_, err = g.List(t.Context(), actor(t, db, "pat@hyfin.example"), store.Page{})
		wantFault(t, err, fault.Forbidden, "forbidden")
		borrowed := other
		borrowed.Credential.MadeBy = ada.Email // ada made herself a token that acts as other
		_, err = g.Confirm(t.Context(), borrowed, p.ID)
		wantFault(t, err, fault.Forbidden, "own_credential")
		robot := other
		robot.Agent = true
		_, err = g.Confirm(t.Context(), robot, p.ID)
		wantFault(t, err, fault.Forbidden, "human_needed")
		if l, err := g.List(t.Context(), other, store.Page{}); err != nil || len(l.Items) != 1 || l.Items[0].ID != p.ID || actor(t, db, alice).Has(Approver) {
			t.Fatalf("got %+v, %v", l, err)
		}
		if done, err := g.Confirm(t.Context(), other, p.ID); err != nil || done.ID != p.ID || !actor(t, db, alice).Has(Approver) {
			t.Fatalf("confirmed: %+v, %v", done, err)
		}
		_, err = g.Confirm(t.Context(), other, p.ID)
		wantFault(t, err, fault.Conflict, "proposal_ended")
		_, err = g.Confirm(t.Context(), other, "none")
		wantFault(t, err, fault.NotFound, "unknown_proposal")
		got := events(t, db)
		if count(got, "proposal.made") != 1 || count(got, "proposal.confirmed") != 1 {
			t.Errorf("events %v", got)
		}
		// What tightens, one decides alone; and what was changed since is not confirmed blindly.
		spec := moreApprovers
		spec.Delegated, spec.Scope = true, ApprovalScope{Apps: []string{"where2eat"}}
		if _, _, err := d.PutGroup(t.Context(), ada, "product", spec, 2); err != nil {
			t.Fatal(err)
		}
		wider := spec
		wider.Delegated = false
		_, _, err = d.PutGroup(t.Context(), ada, "product", wider, 3)
		p = wantPending(t, err)
		narrower := spec
		narrower.Members = []string{alice}
		if _, _, err := d.PutGroup(t.Context(), ada, "product", narrower, 3); err != nil {
			t.Fatal(err)
		}
		_, err = g.Confirm(t.Context(), other, p.ID)
		wantFault(t, err, fault.Stale, "stale")
		if _, err := g.Withdraw(t.Context(), other, p.ID); err != nil {
			t.Error(err)
		}
		_, err = g.Withdraw(t.Context(), ada, p.ID)
		wantFault(t, err, fault.Conflict, "proposal_ended")
		// Another administrator who asks for the same by themselves confirms it; after a week it is forgotten.
		for _, wait := range []time.Duration{proposalsFor, 0} {
			_, _, err = d.PutGroup(t.Context(), ada, "product", wider, 4)
			old := wantPending(t, err)
			clock.add(wait)
			_, _, err = d.PutGroup(t.Context(), other, "product", wider, 4)
			if wait == 0 {
				if err != nil {
					t.Errorf("two ask for the same: %v", err)
				}
				continue
			}
			fresh := wantPending(t, err)
			if fresh.ID == old.ID || fresh.By != other.Email {
				t.Errorf("after a week: %+v", fresh)
			}
			if _, err := g.Withdraw(t.Context(), other, fresh.ID); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOneAdministratorAndTheServerItselfAreNotHeldUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, d, _ := governed(t, db)
		ada := actor(t, db, "ada@hyfin.example")
		if _, _, err := d.PutGroup(t.Context(), root, "product", moreApprovers, 0); err != nil {
			t.Errorf("who holds the database: %v", err)
		}
		if _, _, err := d.PutGroup(t.Context(), ada, "other", GroupSpec{Title: "Other", Members: []string{alice}}, 0); err != nil {
			t.Errorf("a group without power: %v", err)
		}
		no, yes := false, true
		if _, _, err := d.PutPerson(t.Context(), root, "max@hyfin.example", PersonSpec{Active: &no}, 0); err != nil {
			t.Errorf("an administrator is taken out from the server: %v", err)
		}
		if _, _, err := d.PutGroup(t.Context(), ada, "security", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"security"}, Members: []string{alice}}, 0); err != nil {
			t.Errorf("the only administrator: %v", err)
		}
		// Somebody who was invited and never came cannot confirm, so nobody waits for them.
		mustPerson(t, d, "new@hyfin.example", PersonSpec{})
		if _, _, err := d.PutGroup(t.Context(), ada, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "new@hyfin.example"}}, 0); err != nil {
			t.Errorf("the second administrator: %v", err)
		}
		if _, _, err := d.PutGroup(t.Context(), ada, "platform", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"platform"}, Members: []string{alice}}, 0); err != nil {
			t.Errorf("the second has not joined: %v", err)
		}
		joined(t, db, "new@hyfin.example")
		// People get power by their own groups, and by coming back, too.
		mustGroup(t, d, "guests", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"growth"}})
		_, _, err := d.PutPerson(t.Context(), ada, alice, PersonSpec{DisplayName: "alice", Groups: []string{"guests"}}, 0)
		wantPending(t, err)
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "new@hyfin.example", "max@hyfin.example"}})
		_, _, err = d.PutPerson(t.Context(), ada, "max@hyfin.example", PersonSpec{Active: &yes}, 0)
		wantPending(t, err)
	})
}

func TestAnAgentIsNobodysSecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, d, _ := governed(t, db)
		put := func(by Actor) error {
			_, _, err := d.PutGroup(t.Context(), by, "product", moreApprovers, 1)
			return err
		}
		robot := actor(t, db, "max@hyfin.example")
		robot.Agent = true
		wantFault(t, put(robot), fault.Forbidden, "human_needed")
		// What an agent asked for before that was refused is confirmed by nobody.
		wantPending(t, put(actor(t, db, "max@hyfin.example")))
		mustPerson(t, d, "max@hyfin.example", PersonSpec{DisplayName: "max", Agent: true})
		mustPerson(t, d, "eve@hyfin.example", PersonSpec{DisplayName: "eve"})
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "max@hyfin.example", "eve@hyfin.example"}})
		joined(t, db, "eve@hyfin.example")
		wantPending(t, put(actor(t, db, "ada@hyfin.example")))
	})
}

func TestProposalOfWhoIsNoAdministratorAnyMoreConfirmsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g, d, _ := governed(t, db)
		ada := actor(t, db, "ada@hyfin.example")
		mustPerson(t, d, "eve@hyfin.example", PersonSpec{})
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "max@hyfin.example", "eve@hyfin.example"}})
		_, _, err := d.PutGroup(t.Context(), actor(t, db, "eve@hyfin.example"), "product", moreApprovers, 0)
		p := wantPending(t, err)
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "max@hyfin.example"}})
		_, err = g.Confirm(t.Context(), ada, p.ID)
		if fresh := wantPending(t, err); fresh.ID == p.ID || fresh.By != ada.Email || actor(t, db, alice).Has(Approver) {
			t.Errorf("got %+v", fresh)
		}
	})
}

func TestTwoAdministratorsAtOnceMakeOneChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, d, _ := governed(t, db)
		var all sync.WaitGroup
		errs := make([]error, 2)
		for i, email := range []string{"ada@hyfin.example", "max@hyfin.example"} {
			by := actor(t, db, email)
			all.Go(func() { _, _, errs[i] = d.PutGroup(t.Context(), by, "product", moreApprovers, 0) })
		}
		all.Wait()
		waiting := 0
		for _, err := range errs {
			if _, ok := errors.AsType[*Pending](err); ok {
				waiting++
			} else if err != nil {
				t.Error(err)
			}
		}
		if waiting != 1 || !actor(t, db, alice).Has(Approver) {
			t.Errorf("%d wait: %v", waiting, errs)
		}
	})
}

// anyGroup draws a group that has to do with approval often enough.
func anyGroup(t *rapid.T, name string) Group {
	names := func(of ...string) []string { return set(rapid.SliceOf(rapid.SampledFrom(of)).Draw(t, name)) }
	g := Group{Title: "g", Members: names("a", "b", "c"), Delegated: rapid.Bool().Draw(t, name)}
	g.Scope = ApprovalScope{Apps: names("x", "y"), Categories: names("u", "v"), Environments: names("p", "q")}
	for _, role := range names("admin", "approver", "operator") {
		g.Roles = append(g.Roles, Role(role))
	}
	for _, domain := range names("product", "security") {
		g.Domains = append(g.Domains, Domain(domain))
	}
	return g
}

// decides lists who may decide what by a group, as one sees it from outside.
func decides(g Group) map[string]bool {
	may := map[string]bool{}
	for _, member := range g.Members {
		if slices.Contains(g.Roles, Admin) {
			may[member+" governs"] = true
		}
		if !slices.Contains(g.Roles, Approver) {
			continue
		}
		for _, domain := range g.Domains {
			for _, app := range []string{"x", "y", "z"} {
				for _, category := range []string{"u", "v", "w"} {
					for _, environment := range []string{"p", "q", "r"} {
						for risk := range map[string]bool{"low": true, "high": true} {
							if g.Scope.Covers(app, category, environment) && (risk == "low" || !g.Delegated) {
								may[strings.Join([]string{member, string(domain), app, category, environment, risk}, " ")] = true
							}
						}
					}
				}
			}
		}
	}
	return may
}

func TestNothingLetsAnybodyDecideMoreWithoutBeingSaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := anyGroup(t, "before"), anyGroup(t, "after")
		if len(looserGroup(before, after)) > 0 {
			return
		}
		could := decides(before)
		for what := range decides(after) {
			if !could[what] {
				t.Fatalf("%q is new and not said: %+v became %+v", what, before, after)
			}
		}
	})
}

func TestTheSameChangeIsNoLoosening(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := anyGroup(t, "group")
		if words := looserGroup(g, g); len(words) > 0 {
			t.Fatalf("%v", words)
		}
		fewer := g
		fewer.Delegated = true
		if !slices.Contains(g.Roles, Admin) { // administrators who leave can no longer object
			fewer.Members = nil
		}
		if words := looserGroup(g, fewer); len(words) > 0 {
			t.Fatalf("fewer: %v", words)
		}
	})
}

func TestDigestOfAChangeIsThatOfItsContent(t *testing.T) {
	t.Parallel()
	of := func(action string, change any) string {
		digest, _, err := Loosening{action: action, Change: change}.digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	one := of("x", map[string]any{"a": 1, "b": []string{"c"}})
	if of("x", map[string]any{"b": []string{"c"}, "a": 1}) != one || of("y", map[string]any{"a": 1, "b": []string{"c"}}) == one || of("x", map[string]any{"a": 1}) == one {
		t.Error("digests differ where changes do not, or the other way round")
	}
}
