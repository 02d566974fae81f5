package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/audit"
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

func TestNobodyJoinsAFullGroupThatASwitchIsFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		yes, two, none := true, 2, 0
		bounded := GroupSpec{Members: []string{}, Joinable: &yes, MaxMembers: &two}
		mustGroup(t, d, "tasters", bounded)
		served := []string{}
		d.AudienceOf = func(context.Context, *store.Tx, string) ([]string, error) { return served, nil }
		join := func(email string) error {
			_, err := d.Join(t.Context(), actor(t, db, email), "tasters")
			return err
		}
		names := []string{alice, "bob@hyfin.example", "cara@hyfin.example"}
		for _, email := range names {
			mustPerson(t, d, email, PersonSpec{})
		}
		for _, email := range names[:2] {
			if err := join(email); err != nil {
				t.Fatal(err)
			}
		}
		served = []string{"where2eat.enabled"}
		wantFault(t, join(names[2]), fault.Conflict, "group_full")
		if err := join(alice); err != nil {
			t.Errorf("who is in it already: %v", err)
		}
		if g, _ := mustGroup(t, d, "tasters", GroupSpec{MaxMembers: &none}); g.Room() != 199 {
			t.Errorf("it has room for %d", g.Room())
		}
		if err := join(names[2]); err != nil {
			t.Errorf("with more room: %v", err)
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

func TestWhoCameAndWhoLeftIsAnEventOfTheGroupAndNothingElseIs(t *testing.T) {
	t.Parallel()
	ways := map[string]struct {
		do   func(t *testing.T, d *Directory, by Actor)
		told int // events that others are members of pilot
	}{
		"the group lists somebody else": {func(t *testing.T, d *Directory, _ Actor) {
			mustGroup(t, d, "pilot", GroupSpec{Members: []string{"pat@hyfin.example"}})
		}, 1},
		"the group lists nobody": {func(t *testing.T, d *Directory, _ Actor) { mustGroup(t, d, "pilot", GroupSpec{Members: []string{}}) }, 1},
		"somebody is put in": {func(t *testing.T, d *Directory, _ Actor) {
			mustPerson(t, d, alice, PersonSpec{DisplayName: "alice", Groups: []string{"pilot"}})
		}, 1},
		"somebody new is put in": {func(t *testing.T, d *Directory, _ Actor) {
			mustPerson(t, d, "new@hyfin.example", PersonSpec{Groups: []string{"pilot", "team-lunch"}})
		}, 1},
		"somebody joins": {func(t *testing.T, d *Directory, by Actor) {
			if _, err := d.Join(t.Context(), by, "pilot"); err != nil {
				t.Fatal(err)
			}
		}, 1},
		"somebody leaves": {func(t *testing.T, d *Directory, by Actor) {
			mustPerson(t, d, alice, PersonSpec{DisplayName: "alice", Groups: []string{"pilot"}})
			if _, err := d.Leave(t.Context(), by, "pilot"); err != nil {
				t.Fatal(err)
			}
		}, 2},
		"who is in it is put in": {func(t *testing.T, d *Directory, _ Actor) {
			mustPerson(t, d, "ada@hyfin.example", PersonSpec{DisplayName: "Ada", Groups: []string{"pilot"}})
		}, 0},
		"the group has another title": {func(t *testing.T, d *Directory, _ Actor) { mustGroup(t, d, "pilot", GroupSpec{Title: "Pilots"}) }, 0},
		"a member has another address": {func(t *testing.T, d *Directory, _ Actor) {
			mustPerson(t, d, "ada@hyfin.example", PersonSpec{Email: "ada.lovelace@hyfin.example", DisplayName: "Ada"})
		}, 0},
	}
	if want := 9; len(ways) != want {
		t.Errorf("%d ways, want %d", len(ways), want)
	}
	for way, c := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := directory(db)
				company(t, d)
				yes := true
				mustGroup(t, d, "pilot", GroupSpec{Joinable: &yes})
				mustPerson(t, d, "ada@hyfin.example", PersonSpec{DisplayName: "ada", Groups: []string{"pilot"}})
				told := func() int {
					return read(t, db, func(ctx context.Context, tx *store.Tx) (n int, err error) {
						args := []any{"group:pilot"}
						for _, name := range audit.Membership {
							args = append(args, name.String())
						}
						err = tx.QueryRow(ctx, `SELECT count(*) FROM audit_event WHERE subject = $1 AND name IN (`+store.In(2, len(args)-1)+`)`, args...).Scan(&n)
						return n, err
					})
				}
				before := told()
				if c.do(t, d, actor(t, db, alice)); told()-before != c.told {
					t.Errorf("%d events, want %d", told()-before, c.told)
				}
			})
		})
	}
}

func TestWhenSomebodyJoinedIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		now := noon
		d.Now = func() time.Time { return now }
		company(t, d)
		for _, name := range []string{"alice", "pat", "ada"} {
			now = now.Add(time.Hour)
			mustPerson(t, d, name+"@hyfin.example", PersonSpec{DisplayName: name, Groups: []string{"team-lunch"}})
		}
		no := false
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat", Active: &no})
		// Alice was in the one and ada in the other from the start; pat may not sign in any more.
		for before, want := range []time.Time{noon, noon, store.Time(0)} {
			at := read(t, db, func(ctx context.Context, tx *store.Tx) (time.Time, error) {
				return JoinedAt(ctx, tx, []string{"team-lunch", "admins"}, before)
			})
			if !at.Equal(want) {
				t.Errorf("whom %d joined before came at %s, want %s", before, at, want)
			}
		}
	})
}
