package access

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestSomebodyIsWhoHasTheirID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b Identity
		same bool
	}{
		"the same id":                             {Identity{ID: "1", Email: "a@x"}, Identity{ID: "1", Email: "b@x"}, true},
		"another id, the same address":            {Identity{ID: "1", Email: "a@x"}, Identity{ID: "2", Email: "a@x"}, false},
		"the address of somebody nobody knows":    {Identity{ID: "1", Email: "a@x"}, Identity{Email: "a@x"}, false},
		"two whom nobody knows":                   {Identity{Email: "a@x"}, Identity{Email: "a@x"}, false},
		"who holds the server":                    {Identity{Email: "local:root"}, Identity{Email: "local:root"}, true},
		"another user of the server":              {Identity{Email: "local:root"}, Identity{Email: "local:ops"}, false},
		"a part of Souk":                          {Identity{Email: "souk:rollout"}, Identity{Email: "souk:rollout"}, true},
		"nobody is nobody":                        {Identity{}, Identity{}, false},
		"a person is not who holds the server":    {Identity{ID: "1", Email: "local:root"}, Identity{Email: "local:root"}, false},
		"an address that looks like a name of it": {Identity{Email: "x@local:root"}, Identity{Email: "x@local:root"}, true},
	} {
		if c.a.Is(c.b) != c.same || c.b.Is(c.a) != c.same {
			t.Errorf("%s: %t", name, !c.same)
		}
	}
}

// rename moves a person to another address, by whoever holds the server.
func rename(t *testing.T, d *Directory, from, to string) Person {
	t.Helper()
	p, effect, err := d.PutPerson(t.Context(), Local("root"), from, PersonSpec{Email: to}, 0)
	if err != nil || effect != Updated {
		t.Fatalf("%s, %v", effect, err)
	}
	return p
}

func TestARenamedPersonStaysTheSameAndTheirOldAddressIsSomebodyNew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		before := actor(t, db, alice)
		after := rename(t, d, alice, "Alice.Smith@hyfin.example")
		if after.ID != before.PersonID || after.Email != "alice.smith@hyfin.example" || !slices.Equal(after.Groups, []string{"team-lunch"}) ||
			after.DisplayName != "alice.smith@hyfin.example" {
			t.Errorf("renamed, alice is %+v", after)
		}
		again, effect, err := d.PutPerson(t.Context(), Local("root"), alice, PersonSpec{}, 0)
		if err != nil || effect != Created || again.ID == after.ID || len(again.Groups) != 0 {
			t.Errorf("who has the old address is %+v, %s, %v", again, effect, err)
		}
		if now := actor(t, db, "alice.smith@hyfin.example"); now.Covers(before) {
			t.Error("a call that began under the old address goes on")
		}
		for address, want := range map[string][]PersonID{
			alice: {after.ID, again.ID}, "ALICE.Smith@hyfin.example": {after.ID}, "eve@hyfin.example": nil, "local:root": nil,
		} {
			got := read(t, db, func(ctx context.Context, tx *store.Tx) ([]PersonID, error) { return Holders(ctx, tx, address) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s was held by others (-want +got):\n%s", address, diff)
			}
		}
	})
}

func TestWhatARenameIsRefusedFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		refusals := []struct {
			by       Actor
			from, to string
			kind     fault.Kind
			code     string
		}{
			{Local("root"), alice, "pat@hyfin.example", fault.Conflict, "address_taken"},
			{Local("root"), "eve@hyfin.example", "new@hyfin.example", fault.NotFound, "unknown_person"},
			{Local("root"), alice, "not an address", fault.Invalid, "invalid_email"},
			{actor(t, db, alice), alice, "new@hyfin.example", fault.Forbidden, "forbidden"},
		}
		for _, c := range refusals {
			_, _, err := d.PutPerson(t.Context(), c.by, c.from, PersonSpec{Email: c.to}, 0)
			wantFault(t, err, c.kind, c.code)
		}
		if want := 4; len(refusals) != want {
			t.Errorf("%d refusals, want %d", len(refusals), want)
		}
		if got := actor(t, db, alice); got.Email != alice {
			t.Errorf("alice is %s", got.Email)
		}
	})
}

// adaAndPat makes the two administrators, so that each needs the other.
func adaAndPat(t *testing.T, db *store.DB, d *Directory) {
	t.Helper()
	emails := []string{"ada@hyfin.example", "pat@hyfin.example"}
	mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: emails})
	for _, email := range emails {
		joined(t, db, email)
	}
}

func TestARenameNeedsASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		adaAndPat(t, db, d)
		ada, pat := actor(t, db, "ada@hyfin.example"), actor(t, db, "pat@hyfin.example")
		spec := PersonSpec{Email: "new@hyfin.example"}
		_, _, err := d.PutPerson(t.Context(), ada, alice, spec, 0)
		pending, ok := errors.AsType[*Pending](err)
		if !ok {
			t.Fatalf("one administrator alone: %v", err)
		}
		if pending.Proposal.ByID != ada.PersonID {
			t.Errorf("it is proposed by %+v", pending.Proposal)
		}
		// The first cannot confirm it under another address.
		rename(t, d, ada.Email, "ada.lovelace@hyfin.example")
		ada = actor(t, db, "ada.lovelace@hyfin.example")
		if _, _, err := d.PutPerson(t.Context(), ada, alice, spec, 0); !errors.As(err, &pending) {
			t.Errorf("the same administrator again: %v", err)
		}
		if p, _, err := d.PutPerson(t.Context(), pat, alice, spec, 0); err != nil || p.Email != "new@hyfin.example" {
			t.Errorf("with the second: %+v, %v", p, err)
		}
	})
}

// What waits for a second administrator names people by their addresses: whoever gets one of those later is not meant.
func TestWhatWaitsAndNamesAnAddressThatIsGivenUpEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		adaAndPat(t, db, d)
		ada := actor(t, db, "ada@hyfin.example")
		for name, members := range map[string][]string{"named": {alice}, "like": {"xalice@hyfin.example"}, "next": {"new@hyfin.example"}} {
			mustPerson(t, d, members[0], PersonSpec{})
			_, _, err := d.PutGroup(t.Context(), ada, name, GroupSpec{Roles: []Role{Approver}, Domains: []Domain{"x"}, Members: members}, 0)
			if _, ok := errors.AsType[*Pending](err); !ok {
				t.Fatal(err)
			}
		}
		rename(t, d, "new@hyfin.example", "newer@hyfin.example")
		rename(t, d, alice, "new@hyfin.example")
		g := Governors{DB: db, Now: d.Now}
		waiting, err := g.List(t.Context(), ada, store.Page{})
		if err != nil || len(waiting.Items) != 1 || waiting.Items[0].Subject != "group:like" {
			t.Errorf("there wait %+v, %v", waiting.Items, err)
		}
		events := read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event WHERE name IN ('proposal.expired', 'person.renamed') ORDER BY name`)
		})
		if diff := cmp.Diff([]string{"person.renamed", "person.renamed", "proposal.expired", "proposal.expired"}, events); diff != "" {
			t.Errorf("events differ (-want +got):\n%s", diff)
		}
	})
}

func TestAGroupWhoseMembersHaveOtherAddressesIsAnotherRevision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		seen, err := d.Group(t.Context(), Local("root"), "product")
		if err != nil {
			t.Fatal(err)
		}
		rename(t, d, "pat@hyfin.example", "new@hyfin.example")
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{})
		spec := GroupSpec{Roles: seen.Roles, Domains: seen.Domains, Members: seen.Members, Title: "Product people"}
		_, _, err = d.PutGroup(t.Context(), Local("root"), "product", spec, seen.Revision)
		wantFault(t, err, fault.Stale, "stale")
	})
}

func TestACredentialIsOnesOwnByTheIDOfWhoMadeIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made    audit.Credential
		foreign bool
		maker   Identity
	}{
		"nobody else":                           {audit.Credential{}, false, Identity{ID: "1", Email: "new@x"}},
		"the same person under another address": {audit.Credential{MadeBy: "old@x", MadeByID: "1"}, false, Identity{ID: "1", Email: "old@x"}},
		"who had this address before":           {audit.Credential{MadeBy: "new@x", MadeByID: "2"}, true, Identity{ID: "2", Email: "new@x"}},
		"somebody whom nobody knows":            {audit.Credential{MadeBy: "new@x"}, true, Identity{Email: "new@x"}},
		"who holds the server":                  {audit.Credential{MadeBy: "local:root"}, false, Identity{Email: "local:root"}},
	} {
		by := Actor{PersonID: "1", Email: "new@x", Credential: c.made}
		if got := by.Maker(by.Identity()); by.Foreign() != c.foreign || got.ID != c.maker.ID || got.Email != c.maker.Email {
			t.Errorf("%s: foreign %t, made by %+v", name, by.Foreign(), got)
		}
		if got := by.Maker(Identity{ID: "3", Email: "other@x"}); !got.Is(by.Identity()) || got.Email != by.Email {
			t.Errorf("%s: what is made for another person is made by %+v", name, got)
		}
	}
}

func TestEventsAreFoundByEveryAddressThatAPersonHad(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		log, err := audit.Open(t.Context(), db, audit.Config{Dir: t.TempDir(), Now: time.Now, Known: Known})
		if err != nil {
			t.Fatal(err)
		}
		act := func(by Actor, what string) {
			storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (string, error) {
				e := by.Event(audit.PersonUpdated, noon)
				e.Subject = what
				return audit.Append(ctx, tx, e)
			})
		}
		first := actor(t, db, alice)
		old := first
		old.PersonID = "" // as before there were ids
		act(old, "before ids")
		act(first, "before")
		rename(t, d, alice, "new@hyfin.example")
		act(actor(t, db, "new@hyfin.example"), "after")
		mustPerson(t, d, alice, PersonSpec{})
		act(actor(t, db, alice), "another")
		act(Local("ops"), "local")
		for filter, want := range map[string][]string{
			"new@hyfin.example": {"after", "before", "before ids"}, alice: {"after", "another", "before", "before ids"}, "local:ops": {"local"},
			"eve@hyfin.example": nil,
		} {
			list, err := log.Events(t.Context(), Local("root"), audit.Query{Actor: filter})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range list.Items {
				got = append(got, e.Subject)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("of %s (-want +got):\n%s", filter, diff)
			}
		}
	})
}
