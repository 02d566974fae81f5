package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var (
	root = Local("root")
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

const alice = "alice@hyfin.example"

func directory(db *store.DB) *Directory {
	return &Directory{
		DB: db, Now: func() time.Time { return noon },
		EndCredentials: func(context.Context, *store.Tx, PersonID, time.Time) error { return nil },
	}
}

// company makes team-lunch with alice, product with pat, admins with ada.
func company(t *testing.T, d *Directory) {
	t.Helper()
	for _, name := range []string{"alice", "pat", "ada"} {
		mustPerson(t, d, name+"@hyfin.example", PersonSpec{DisplayName: name})
	}
	mustGroup(t, d, "team-lunch", GroupSpec{Title: "Team Lunch", Roles: []Role{Publisher}})
	mustPerson(t, d, "alice@hyfin.example", PersonSpec{DisplayName: "alice", Groups: []string{"team-lunch"}})
	mustGroup(t, d, "product", GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"product"}, Members: []string{"pat@hyfin.example"}})
	mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example"}})
}

func mustPerson(t *testing.T, d *Directory, email string, spec PersonSpec) (Person, Effect) {
	t.Helper()
	p, effect, err := d.PutPerson(t.Context(), root, email, spec, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p, effect
}

func mustGroup(t *testing.T, d *Directory, name string, spec GroupSpec) (Group, Effect) {
	t.Helper()
	g, effect, err := d.PutGroup(t.Context(), root, name, spec, 0)
	if err != nil {
		t.Fatal(err)
	}
	return g, effect
}

func read[T any](t *testing.T, db *store.DB, fn func(ctx context.Context, tx *store.Tx) (T, error)) (value T) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		value, err = fn(ctx, tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// events gives the names and subjects of all audit events, oldest first.
func events(t *testing.T, db *store.DB) []string {
	t.Helper()
	return read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
		return store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event ORDER BY id`)
	})
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) *fault.Error {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Fatalf("got error %v, want a fault of kind %s and code %s", err, kind, code)
	}
	return e
}

func TestPersonAndGroupCarryRolesToTheActor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		scope := ApprovalScope{Apps: []string{"where2eat"}, Environments: []string{"production"}}
		mustGroup(t, d, "product", GroupSpec{
			Title: "Product", Roles: []Role{Approver, Operator}, Domains: []Domain{"product", "growth"}, Delegated: true, Scope: scope,
		})
		credential := audit.Credential{Kind: "session", ID: "s"}
		got := read(t, db, func(ctx context.Context, tx *store.Tx) (Actor, error) {
			return ActorAt(ctx, tx, "PAT@hyfin.example", credential, ScopeRead)
		})
		want := Actor{
			PersonID: got.PersonID, Email: "pat@hyfin.example", Name: "pat", TokenScope: ScopeRead, Credential: credential,
			Groups: []Membership{{
				Group: "product", Roles: []Role{Approver, Operator}, Domains: []Domain{"growth", "product"}, Delegated: true, Scope: scope,
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" || got.PersonID == "" {
			t.Errorf("actor (-want +got):\n%s", diff)
		}
	})
}

func TestGroupMembersAreTheWholeMembershipAndPersonGroupsAdd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		if p, _ := mustPerson(t, d, "alice@hyfin.example", PersonSpec{DisplayName: "alice", Groups: []string{"team-lunch", "product"}}); !slices.Contains(p.Groups, "product") {
			t.Errorf("got groups %v, want product among them", p.Groups)
		}
		if p, effect := mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat", Groups: []string{"product"}}); effect != Unchanged {
			t.Errorf("got %s with groups %v, want unchanged", effect, p.Groups)
		}
		// team-lunch lists none: groups add, and their absence takes nothing away.
		p, effect := mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat", Groups: []string{"team-lunch", "team-lunch"}})
		if effect != Updated || !cmp.Equal(p.Groups, []string{"product", "team-lunch"}) {
			t.Errorf("got %s with groups %v", effect, p.Groups)
		}
		if p, _ = mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "Pat", Groups: []string{}}); len(p.Groups) != 2 {
			t.Errorf("an empty list of groups left %v", p.Groups)
		}
		// A list, even an empty one, is the whole membership; no list leaves it.
		g, _ := mustGroup(t, d, "team-lunch", GroupSpec{Title: "Lunch", Roles: []Role{Publisher}})
		if !cmp.Equal(g.Members, []string{"alice@hyfin.example", "pat@hyfin.example"}) || g.Lists {
			t.Errorf("got members %v", g.Members)
		}
		g, _ = mustGroup(t, d, "team-lunch", GroupSpec{Members: []string{"Ada@hyfin.example", "pat@hyfin.example", "pat@hyfin.example"}})
		if !cmp.Equal(g.Members, []string{"ada@hyfin.example", "pat@hyfin.example"}) || !g.Lists {
			t.Errorf("got members %v", g.Members)
		}
		g, _ = mustGroup(t, d, "team-lunch", GroupSpec{Members: []string{}})
		again, err := d.Group(t.Context(), root, "team-lunch")
		if diff := cmp.Diff(g, again); diff != "" || err != nil || len(g.Members) != 0 {
			t.Errorf("error %v, members %v, returned and stored differ:\n%s", err, g.Members, diff)
		}
	})
}

func TestPutTwiceWritesOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		for round := range 2 {
			company(t, d)
			got := events(t, db)
			want := []string{
				"person.created", "person.created", "person.created", "group.created", "group.members_changed", "person.updated", "group.created", "group.created",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events after round %d (-want +got):\n%s", round, diff)
			}
		}
	})
}

func TestAuditEventOfAGroupTellsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		mustGroup(t, d, "product", GroupSpec{Title: "Product", Roles: []Role{Approver}, Domains: []Domain{"product"}})
		body := read(t, db, func(ctx context.Context, tx *store.Tx) (string, error) {
			text, _, err := store.One(ctx, tx, store.ScanString, `SELECT body FROM audit_event WHERE name = 'group.updated'`)
			return text, err
		})
		for _, want := range []string{`"actor":"local:root"`, `"subject":"group:product"`, `"before":{`, `"lists":true`, `"lists":false`} {
			if !strings.Contains(body, want) {
				t.Errorf("event lacks %s: %s", want, body)
			}
		}
	})
}

func TestStaleRevisionShowsWhatIsThereNow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		ctx := t.Context()
		g, err := d.Group(ctx, root, "team-lunch")
		if err != nil {
			t.Fatal(err)
		}
		p := mustRead(t, d, "pat@hyfin.example")
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat", Groups: []string{"team-lunch"}})
		now, _ := d.Group(ctx, root, "team-lunch")
		_, _, err = d.PutGroup(ctx, root, "team-lunch", GroupSpec{Title: "Mine"}, g.Revision)
		if diff := cmp.Diff(now, wantFault(t, err, fault.Stale, "stale").Current); diff != "" {
			t.Errorf("what it shows (-want +got):\n%s", diff)
		}
		_, _, err = d.PutPerson(ctx, root, "pat@hyfin.example", PersonSpec{DisplayName: "P"}, p.Revision)
		wantFault(t, err, fault.Stale, "stale")
		_, _, err = d.PutGroup(ctx, root, "never-was", GroupSpec{}, 3)
		wantFault(t, err, fault.Stale, "stale")
		if _, _, err := d.PutGroup(ctx, root, "team-lunch", GroupSpec{Title: "Mine"}, now.Revision); err != nil {
			t.Error(err)
		}
	})
}

func mustRead(t *testing.T, d *Directory, email string) Person {
	t.Helper()
	p, err := d.Person(t.Context(), root, email)
	if err != nil {
		t.Fatal(err)
	}
	return p.Person
}

func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		ctx, no := t.Context(), false
		_, _, err := d.PutGroup(ctx, root, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{}}, 0)
		wantFault(t, err, fault.Conflict, "last_admin")
		_, _, err = d.PutGroup(ctx, root, "admins", GroupSpec{Roles: []Role{Operator}}, 0)
		wantFault(t, err, fault.Conflict, "last_admin")
		_, _, err = d.PutPerson(ctx, root, "ada@hyfin.example", PersonSpec{Active: &no}, 0)
		wantFault(t, err, fault.Conflict, "last_admin")
		_, _, err = d.PutPerson(ctx, root, "ada@hyfin.example", PersonSpec{Agent: true}, 0)
		wantFault(t, err, fault.Conflict, "last_admin")
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"pat@hyfin.example"}})
	})
}

func TestTwoAdministratorsWhoRemoveEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d, no := directory(db), false
		company(t, d)
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{"ada@hyfin.example", "pat@hyfin.example"}})
		var wait sync.WaitGroup
		errs := make([]error, 2)
		for i, email := range []string{"ada@hyfin.example", "pat@hyfin.example"} {
			wait.Go(func() {
				_, _, errs[i] = d.PutPerson(t.Context(), root, email, PersonSpec{Active: &no}, 0)
			})
		}
		wait.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("want one to succeed: %v, %v", errs[0], errs[1])
		}
		wantFault(t, errors.Join(errs...), fault.Conflict, "last_admin")
	})
}

func TestOnlyAdministratorsChangePeople(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		for email, may := range map[string]bool{"alice@hyfin.example": false, "pat@hyfin.example": false, "ada@hyfin.example": true} {
			by := actor(t, db, email)
			_, _, person := d.PutPerson(t.Context(), by, "new@hyfin.example", PersonSpec{}, 0)
			_, _, group := d.PutGroup(t.Context(), by, "new", GroupSpec{}, 0)
			if may != (person == nil) || may != (group == nil) {
				t.Errorf("%s: %v, %v", email, person, group)
			}
		}
		_, err := d.People(t.Context(), Actor{}, "", store.Page{})
		wantFault(t, err, fault.Unauthenticated, "signed_out")
	})
}

func actor(t *testing.T, db *store.DB, email string) Actor {
	t.Helper()
	return read(t, db, func(ctx context.Context, tx *store.Tx) (Actor, error) {
		return ActorAt(ctx, tx, email, audit.Credential{Kind: "session", ID: "s"}, ScopeAll)
	})
}

func TestInactivePersonIsNoActorAndNoApprover(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d, no := directory(db), false
		company(t, d)
		approvers := func() []string {
			groups := read(t, db, ApproverGroups)
			if len(groups) != 1 || groups[0].Name != "product" {
				t.Fatalf("got groups %v", groups)
			}
			return groups[0].Members
		}
		if diff := cmp.Diff([]string{"pat@hyfin.example"}, approvers()); diff != "" {
			t.Error(diff)
		}
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{DisplayName: "pat", Active: &no})
		if got := approvers(); len(got) != 0 {
			t.Errorf("still approves: %v", got)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := ActorAt(ctx, tx, "pat@hyfin.example", audit.Credential{}, ScopeAll)
			return err
		})
		wantFault(t, err, fault.Unauthenticated, "nobody")
		if got := read(t, db, CountPeople); got != 2 {
			t.Errorf("got %d people, want 2", got)
		}
		members := read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return MembersOf(ctx, tx, []string{"product", "team-lunch", "admins"})
		})
		if diff := cmp.Diff([]string{"ada@hyfin.example", "alice@hyfin.example"}, members); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBadNamesAreRefusedAtTheirField(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	d := directory(db)
	company(t, d)
	person := func(email string, spec PersonSpec) error {
		_, _, err := d.PutPerson(t.Context(), root, email, spec, 0)
		return err
	}
	group := func(name string, spec GroupSpec) error {
		_, _, err := d.PutGroup(t.Context(), root, name, spec, 0)
		return err
	}
	for name, c := range map[string]struct {
		err               error
		field, code, hint string
	}{
		"no address":            {person("alice", PersonSpec{}), "email", "invalid_email", "alice@example.com"},
		"address with a blank":  {person("a lice@x.example", PersonSpec{}), "email", "invalid_email", ""},
		"look-alike address":    {person("аlice@hyfin.example", PersonSpec{}), "email", "invalid_email", ""},
		"part of Souk":          {person("souk:rollout", PersonSpec{}), "email", "invalid_email", ""},
		"overlong address":      {person(strings.Repeat("a", 250)+"@x.example", PersonSpec{}), "email", "invalid_email", ""},
		"right-to-left":         {person("x@x.example", PersonSpec{DisplayName: "a\u202Eb"}), "display_name", "invalid_text", "U+202E"},
		"isolate":               {person("x@x.example", PersonSpec{DisplayName: "a\u2066b"}), "display_name", "invalid_text", "U+2066"},
		"newline":               {person("x@x.example", PersonSpec{DisplayName: "a\nb"}), "display_name", "invalid_text", "one line"},
		"NUL":                   {person("x@x.example", PersonSpec{DisplayName: "a\x00b"}), "display_name", "invalid_text", "one line"},
		"not UTF-8":             {person("x@x.example", PersonSpec{DisplayName: "a\xffb"}), "display_name", "invalid_text", "UTF-8"},
		"overlong name":         {person("x@x.example", PersonSpec{DisplayName: strings.Repeat("x", 201)}), "display_name", "invalid_text", "200"},
		"unknown group":         {person("x@x.example", PersonSpec{Groups: []string{"prodcut"}}), "groups[0]", "unknown_group", "did you mean product?"},
		"group in capitals":     {group("Product", GroupSpec{}), "name", "invalid_name", "team-lunch"},
		"group with two dashes": {group("a--b", GroupSpec{}), "name", "invalid_name", "single hyphens"},
		"unknown role":          {group("x", GroupSpec{Roles: []Role{"aprover"}}), "roles[0]", "unknown_role", "did you mean approver?"},
		"strange role":          {group("x", GroupSpec{Roles: []Role{"emperor-of-all"}}), "roles[0]", "unknown_role", "viewer, publisher"},
		"unknown member":        {group("x", GroupSpec{Members: []string{"pat@hyfin.example", "alcie@hyfin.example"}}), "members[1]", "unknown_person", "did you mean alice@hyfin.example"},
		"approver of nothing":   {group("x", GroupSpec{Roles: []Role{Approver}}), "domains", "domains_missing", "product, security"},
		"domain without role":   {group("x", GroupSpec{Domains: []Domain{"product"}}), "roles", "not_an_approver", "approver"},
	} {
		e := wantFault(t, c.err, fault.Invalid, c.code)
		if e.Field != c.field || !strings.Contains(e.Remediation, c.hint) || e.Remediation == "" {
			t.Errorf("%s: got field %q and remediation %q", name, e.Field, e.Remediation)
		}
	}
	if got := events(t, db); len(got) != 8 {
		t.Errorf("refused puts left events: %v", got)
	}
	e := wantFault(t, group("X", GroupSpec{Title: "\t\n\x01", Roles: []Role{"a", "b"}}), fault.Invalid, "invalid_group")
	if len(e.Findings) != 4 {
		t.Errorf("got findings %v, want four at once", e.Findings)
	}
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		var want []string
		for i := range 5 {
			p, _ := mustPerson(t, d, fmt.Sprintf("p%d@hyfin.example", i), PersonSpec{DisplayName: fmt.Sprintf("Örni_%d", i)})
			mustGroup(t, d, fmt.Sprintf("g%d", i), GroupSpec{Members: []string{p.Email}})
			want = append(want, p.Email)
		}
		var got []string
		page := store.Page{Limit: 2}
		for {
			l, err := d.People(t.Context(), root, "öRNI_", page)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range l.Items {
				got = append(got, p.Email)
				if len(p.Groups) != 1 {
					t.Errorf("%s is in %v", p.Email, p.Groups)
				}
			}
			if page.Cursor = l.Next; l.Next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		l, err := d.Groups(t.Context(), root, store.Page{Limit: 5}) // beta comes before them
		if err != nil || len(l.Items) != 5 || l.Next == "" || !cmp.Equal(l.Items[4].Members, []string{"p3@hyfin.example"}) {
			t.Errorf("got %v, %v", l, err)
		}
		none, err := d.People(t.Context(), root, "%", store.Page{})
		if err != nil || none.Items == nil || len(none.Items) != 0 {
			t.Errorf("a percent sign found %v, %v", none, err)
		}
	})
}

func TestUnknownNamesSayWhatIsNear(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	d := directory(db)
	company(t, d)
	_, err := d.Person(t.Context(), root, "alcie@hyfin.example")
	if e := wantFault(t, err, fault.NotFound, "unknown_person"); !strings.Contains(e.Remediation, "alice@hyfin.example") {
		t.Error(e.Remediation)
	}
	_, err = d.Group(t.Context(), root, "admin")
	if e := wantFault(t, err, fault.NotFound, "unknown_group"); !strings.Contains(e.Remediation, "admins") {
		t.Error(e.Remediation)
	}
}
