package policy_test

import (
	"errors"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// administrators makes two people who govern the policies of an engine.
func administrators(t *testing.T, db *store.DB) (e *policy.Engine, one, other access.Actor) {
	t.Helper()
	e, one, other = engine(db), admin, admin
	other.Email = "rita@hyfin.example"
	local := access.Local("test")
	d, tokens := &access.Directory{DB: db, Now: e.Now}, &signin.Tokens{DB: db, Now: e.Now}
	for _, by := range []*access.Actor{&one, &other} {
		p, _, err := d.PutPerson(t.Context(), local, by.Email, access.PersonSpec{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		by.PersonID = p.ID
		if _, _, err := tokens.Create(t.Context(), local, signin.TokenSpec{As: by.Email, Name: "x", Scope: access.ScopeAll}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.PutGroup(t.Context(), local, "admins", access.GroupSpec{
		Roles: []access.Role{access.Admin}, Members: []string{one.Email, other.Email},
	}, 0); err != nil {
		t.Fatal(err)
	}
	return e, one, other
}

func TestALoosenedPolicyWaitsForASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e, admin, rita := administrators(t, db)
		governors := &access.Governors{DB: db, Now: e.Now, Verbs: e.Governing()}
		waits := func(what string, err error) string {
			t.Helper()
			waiting, ok := errors.AsType[*access.Pending](err)
			if !ok {
				t.Fatalf("%s is answered %v", what, err)
			}
			return waiting.Proposal.ID
		}
		const ttl, own = "marketplace.standard.ttl", "marketplace.own"

		put(t, e, "package marketplace.own\ndeny contains \"Never.\" if true") // new ones only add
		_, _, err := e.Put(t.Context(), admin, policy.Draft{Source: "package marketplace.own\ndeny contains \"Maybe.\" if false"})
		id := waits("another text", err)
		if p, err := e.Get(t.Context(), admin, own); err != nil || p.Revision != 1 {
			t.Errorf("while it waits it is %+v, %v", p, err)
		}
		if _, err := governors.Confirm(t.Context(), rita, id); err != nil {
			t.Fatal(err)
		}
		if p, err := e.Get(t.Context(), admin, own); err != nil || p.Revision != 2 || p.Owner != rita.Email {
			t.Errorf("confirmed it is %+v, %v", p, err)
		}

		_, err = e.SetActive(t.Context(), admin, ttl, false, nil)
		waits("switching off", err)
		if p, err := e.SetActive(t.Context(), rita, ttl, false, nil); err != nil || p.Active {
			t.Errorf("asked for by both it is %+v, %v", p, err)
		}
		if p, err := e.SetActive(t.Context(), admin, ttl, true, nil); err != nil || !p.Active {
			t.Errorf("switching on waits: %v", err)
		}

		id = waits("deleting", e.Delete(t.Context(), admin, own, 2))
		if _, err := governors.Confirm(t.Context(), rita, id); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Get(t.Context(), admin, own); !fault.Is(err, fault.NotFound) {
			t.Errorf("confirmed, a deletion leaves %v", err)
		}

		if _, _, err := e.Put(t.Context(), admin, policy.Draft{Source: "package marketplace.standard.ttl\nallow if missing(1)"}); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("what does not fit waits instead of being refused: %v", err)
		}
	})
}
