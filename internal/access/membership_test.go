package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestPeopleJoinAndLeaveWhatIsJoinable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		by := actor(t, db, alice)
		for range 2 { // twice is once
			g, err := d.Join(t.Context(), by, "pilot")
			if err != nil || !slices.Contains(g.Members, alice) || g.Revision != 2 {
				t.Fatalf("got %+v, %v", g, err)
			}
		}
		if !actor(t, db, alice).In("pilot") {
			t.Error("alice is not in the group")
		}
		for range 2 {
			g, err := d.Leave(t.Context(), by, "pilot")
			if err != nil || slices.Contains(g.Members, alice) || g.Revision != 3 {
				t.Fatalf("got %+v, %v", g, err)
			}
		}
		if got := events(t, db); count(got, "group.joined") != 1 || count(got, "group.left") != 1 {
			t.Errorf("events %v", got)
		}
		_, err := d.Join(t.Context(), by, "product")
		wantFault(t, err, fault.Forbidden, "not_joinable")
		_, err = d.Leave(t.Context(), by, "team-lunch")
		wantFault(t, err, fault.Forbidden, "not_joinable")
		_, err = d.Join(t.Context(), by, "pilots")
		wantFault(t, err, fault.NotFound, "unknown_group")
		_, err = d.Join(t.Context(), root, "pilot")
		wantFault(t, err, fault.Forbidden, "no_person")
		_, err = d.Join(t.Context(), Actor{}, "pilot")
		wantFault(t, err, fault.Unauthenticated, "signed_out")
		// Nobody joins rights.
		yes := true
		_, _, err = d.PutGroup(t.Context(), root, "pilot", GroupSpec{Roles: []Role{Operator}}, 0)
		wantFault(t, err, fault.Invalid, "joinable_with_roles")
		_, _, err = d.PutGroup(t.Context(), root, "admins", GroupSpec{Roles: []Role{Admin}, Joinable: &yes}, 0)
		wantFault(t, err, fault.Invalid, "joinable_with_roles")
		if g, _ := mustGroup(t, d, "team-lunch", GroupSpec{Joinable: &yes}); !g.Joinable {
			t.Error("the group is not joinable")
		}
		if g, _ := mustGroup(t, d, "team-lunch", GroupSpec{Title: "Lunch"}); !g.Joinable {
			t.Error("what says nothing of it made it not joinable")
		}
	})
}

func TestManyJoinAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		var all sync.WaitGroup
		for _, email := range []string{alice, "pat@hyfin.example", "ada@hyfin.example"} {
			by := actor(t, db, email)
			for range 3 {
				all.Go(func() {
					if _, err := d.Join(t.Context(), by, "beta"); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		g, err := d.Group(t.Context(), root, "beta")
		if err != nil || len(g.Members) != 3 || g.Revision != 4 {
			t.Errorf("got %+v, %v", g, err)
		}
	})
}

func TestGroupThatIsNeededStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		d.Uses = func(_ context.Context, _ *store.Tx, group string) ([]string, error) {
			if group == "team-lunch" {
				return []string{"the app where2eat", "a", "b", "c", "d", "e", "f"}, nil
			}
			return nil, nil
		}
		e := wantFault(t, d.DeleteGroup(t.Context(), root, "team-lunch", 0), fault.Conflict, "group_in_use")
		if e.Message != "the group team-lunch is still needed: the app where2eat, a, b, c, d and 2 more" {
			t.Errorf("got %q", e.Message)
		}
		wantFault(t, d.DeleteGroup(t.Context(), root, "admins", 0), fault.Conflict, "last_admin")
		wantFault(t, d.DeleteGroup(t.Context(), root, "product", 7), fault.Stale, "stale")
		wantFault(t, d.DeleteGroup(t.Context(), root, "prodct", 0), fault.NotFound, "unknown_group")
		wantFault(t, d.DeleteGroup(t.Context(), actor(t, db, alice), "product", 0), fault.Forbidden, "forbidden")
		before, _ := mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat"})
		if err := d.DeleteGroup(t.Context(), root, "product", 1); err != nil {
			t.Fatal(err)
		}
		pat, err := d.Person(t.Context(), root, "pat@hyfin.example")
		if err != nil || len(pat.Groups) != 0 || pat.Revision != before.Revision+1 || actor(t, db, "pat@hyfin.example").Has(Approver) {
			t.Errorf("got %+v, %v", pat, err)
		}
		if got := events(t, db); count(got, "group.deleted") != 1 {
			t.Errorf("events %v", got)
		}
		wantFault(t, d.DeleteGroup(t.Context(), root, "product", 0), fault.NotFound, "unknown_group")
		mustGroup(t, d, "product", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"product"}})
	})
}

func TestPublishersOnlyTakesNothingButRequests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		by, action, on := anyCase(t)
		strict := by
		strict.PublishersOnly = true
		was, is := Can(by, action, on), Can(strict, action, on)
		if was != nil && is == nil || was == nil && is != nil && (action != RequestMake || by.Has(Publisher)) {
			t.Fatalf("%s: %v became %v", action, was, is)
		}
	})
}

func TestChecklistFollowsTheFacts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		listed := 0
		d.Listed = func(context.Context, *store.Tx) (int, error) { return listed, nil }
		done := func() (ids []string) {
			t.Helper()
			items, err := d.Setup(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range items {
				if item.Title == "" || item.Words == "" || item.Href == "" {
					t.Errorf("%s says nothing", item.ID)
				}
				if item.Done {
					ids = append(ids, item.ID)
				}
			}
			return ids
		}
		if got := done(); len(got) != 0 {
			t.Errorf("nothing was done, and %v is", got)
		}
		for _, step := range []struct {
			do func()
			id string
		}{
			{func() {
				mustPerson(t, d, "root@hyfin.example", PersonSpec{})
				mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"root@hyfin.example"}})
			}, ""},
			{func() {
				mustPerson(t, d, alice, PersonSpec{})
				mustPerson(t, d, "pat@hyfin.example", PersonSpec{})
			}, "people"},
			{func() { mustGroup(t, d, "team-lunch", GroupSpec{Members: []string{alice}}) }, "team"},
			{func() {
				mustGroup(t, d, "nobody", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"product"}})
			}, ""},
			{func() {
				mustGroup(t, d, "product", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"product"}, Members: []string{"pat@hyfin.example"}})
			}, "approver-product"},
			{func() {
				mustGroup(t, d, "others", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"platform", "security"}, Members: []string{alice}})
			}, "approver-platform approver-security"},
			{func() {
				mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"root@hyfin.example", alice}})
			}, "second-admin"},
			{func() { mustGroup(t, d, "pilot", GroupSpec{Members: []string{alice}}) }, "pilot"},
			{func() { listed = 1 }, "app"},
		} {
			before := done()
			step.do()
			came := []string{}
			for _, id := range done() {
				if !slices.Contains(before, id) {
					came = append(came, id)
				}
			}
			if got := strings.Join(came, " "); got != step.id {
				t.Errorf("got %q, want %q", got, step.id)
			}
		}
		_, err := d.Setup(t.Context(), actor(t, db, "pat@hyfin.example"))
		wantFault(t, err, fault.Forbidden, "forbidden")
	})
}
