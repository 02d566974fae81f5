package template_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// second makes root and another administrator, both with a token, so that either may confirm what the other proposes.
func second(t *testing.T, db *store.DB) (root, other access.Actor, governors *access.Governors) {
	t.Helper()
	l := library(db)
	d := &access.Directory{DB: db, Now: l.Now}
	tokens := &signin.Tokens{DB: db, Now: l.Now}
	local := access.Local("test")
	root, other = admin, admin
	other.Email = "rita@hyfin.example"
	for _, by := range []*access.Actor{&root, &other} {
		p, _, err := d.PutPerson(t.Context(), local, by.Email, access.PersonSpec{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		by.PersonID = p.ID
	}
	if _, _, err := d.PutGroup(t.Context(), local, "admins", access.GroupSpec{
		Roles: []access.Role{access.Admin}, Members: []string{admin.Email, "rita@hyfin.example"},
	}, 0); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{admin.Email, "rita@hyfin.example"} {
		if _, _, err := tokens.Create(t.Context(), local, signin.TokenSpec{As: email, Name: "x", Scope: access.ScopeAll}); err != nil {
			t.Fatal(err)
		}
	}
	return root, other, &access.Governors{DB: db, Now: l.Now, Verbs: l.Governing()}
}

func TestALoosenedTemplateWaitsForASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := library(db)
		admin, rita, governors := second(t, db)
		strict := edit(t, `"requiredChecks"`, `"approvals": {"legal": 2}, "requiredChecks"`)
		if _, _, err := l.Put(t.Context(), access.Local("test"), strict); err != nil {
			t.Fatalf("a new template: %v", err)
		}
		loose := []byte(strings.Replace(strings.Replace(string(strict), `"legal": 2`, `"legal": 1`, 1), `"security_scan", `, ``, 1))
		_, created, err := l.Put(t.Context(), admin, loose)
		waiting, ok := errors.AsType[*access.Pending](err)
		if !ok || created || !strings.Contains(waiting.Error(), "security_scan") || !strings.Contains(waiting.Error(), "1 approvals of legal instead of 2") {
			t.Fatalf("a looser version is answered %v", err)
		}
		if got, err := l.Get(t.Context(), admin, "microapp-basic-toggle-v1", 0); err != nil || got.Version != 1 {
			t.Errorf("while it waits there is version %d, %v", got.Version, err)
		}
		if _, err := governors.Confirm(t.Context(), rita, waiting.Proposal.ID); err != nil {
			t.Fatal(err)
		}
		got, err := l.Get(t.Context(), admin, "microapp-basic-toggle-v1", 0)
		if err != nil || got.Version != 2 || got.CreatedBy != rita.Email || got.Fields.Names()[0] != "name" || got.Fields.Names()[5] != "kill_switch" {
			t.Errorf("confirmed is version %d by %s with the fields %v, %v", got.Version, got.CreatedBy, got.Fields.Names(), err)
		}
		if _, created, err := l.Put(t.Context(), admin, strict); err != nil || !created {
			t.Errorf("a stricter version waits: %v", err)
		}
		_, _, err = l.Put(t.Context(), admin, loose)
		waiting, ok = errors.AsType[*access.Pending](err)
		if !ok {
			t.Fatalf("loosened again: %v", err)
		}
		if _, _, err := l.Put(t.Context(), admin, edit(t, `"requiredChecks"`, `"approvals": {"legal": 3}, "requiredChecks"`)); err != nil {
			t.Fatal(err)
		}
		if _, err := governors.Confirm(t.Context(), rita, waiting.Proposal.ID); !fault.Is(err, fault.Stale) {
			t.Errorf("a proposal about an older version is answered %v", err)
		}
	})
}
