// Package accesstest is a small company for tests of what signs people in and lets programs in.
package accesstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Alice is a member of team-lunch.
const Alice = "alice@hyfin.example"

// Noon is when the tests begin.
var Noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Root is whoever holds the server.
var Root = access.Local("root")

// Wall is a clock that a test sets.
type Wall struct{ At time.Time }

// Now reads the clock.
func (w *Wall) Now() time.Time { return w.At }

// Add sets the clock on.
func (w *Wall) Add(d time.Duration) { w.At = w.At.Add(d) }

// Company makes team-lunch with alice, product with pat, admins with ada.
func Company(t *testing.T, d *access.Directory) {
	t.Helper()
	for _, name := range []string{"alice", "pat", "ada"} {
		Person(t, d, name+"@hyfin.example", access.PersonSpec{DisplayName: name})
	}
	Group(t, d, "team-lunch", access.GroupSpec{Title: "Team Lunch", Roles: []access.Role{access.Publisher}})
	Person(t, d, Alice, access.PersonSpec{DisplayName: "alice", Groups: []string{"team-lunch"}})
	Group(t, d, "product", access.GroupSpec{
		Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}, Members: []string{"pat@hyfin.example"},
	})
	Group(t, d, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: []string{"ada@hyfin.example"}})
}

// Person puts a person.
func Person(t *testing.T, d *access.Directory, email string, spec access.PersonSpec) {
	t.Helper()
	if _, _, err := d.PutPerson(t.Context(), Root, email, spec, 0); err != nil {
		t.Fatal(err)
	}
}

// Group puts a group.
func Group(t *testing.T, d *access.Directory, name string, spec access.GroupSpec) {
	t.Helper()
	if _, _, err := d.PutGroup(t.Context(), Root, name, spec, 0); err != nil {
		t.Fatal(err)
	}
}

// Actor is the person, signed in.
func Actor(t *testing.T, db *store.DB, email string) access.Actor {
	t.Helper()
	return Read(t, db, func(ctx context.Context, tx *store.Tx) (access.Actor, error) {
		return access.ActorAt(ctx, tx, email, audit.Credential{Kind: access.CredentialSession, ID: "s"}, access.ScopeAll)
	})
}

// Read is what the step reads.
func Read[T any](t *testing.T, db *store.DB, step func(ctx context.Context, tx *store.Tx) (T, error)) (value T) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		value, err = step(ctx, tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Events are the names of all audit events, oldest first.
func Events(t *testing.T, db *store.DB) []string {
	t.Helper()
	return Read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
		return store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event ORDER BY id`)
	})
}

// WantFault fails the test unless the error is a fault of that kind and code.
func WantFault(t *testing.T, err error, kind fault.Kind, code string) *fault.Error {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Fatalf("got error %v, want a fault of kind %s and code %s", err, kind, code)
	}
	return e
}
