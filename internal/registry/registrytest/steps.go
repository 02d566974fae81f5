package registrytest

import (
	"context"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// Noon is when everything of a test happens.
var Noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// By is a change by a person.
func By(email string) registry.Change {
	return registry.Change{
		By: access.Actor{Email: email, TokenScope: access.ScopeAll, Credential: audit.Credential{Kind: "session"}},
		At: Noon, Reason: "because", Cause: registry.CauseRollout,
	}
}

// Spec is a flag of an app with the variants on and off, for the audience pilot.
func Spec(app, name string) registry.Spec {
	return registry.Spec{
		App: app, Name: name, Type: "boolean", OwnerGroup: "team-lunch", Owner: "alice@hyfin.example",
		Contact: "alice@hyfin.example", TemplateID: "basic", TemplateVersion: 1,
		Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: "pilot",
	}
}

// Propose makes a flag that is not live yet.
func Propose(t testing.TB, db *store.DB, app, name string) registry.Flag {
	t.Helper()
	return storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
		return registry.Propose(ctx, tx, By("alice@hyfin.example"), Spec(app, name))
	})
}

// Install makes a proposed flag live.
func Install(t testing.TB, db *store.DB, key string) registry.Flag {
	t.Helper()
	return storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
		return registry.Install(ctx, tx, By("souk:review"), key)
	})
}

// Serve changes what a flag serves in an environment.
func Serve(t testing.TB, db *store.DB, key, environment string, s registry.Serving) registry.Flag {
	t.Helper()
	return storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
		return registry.Serve(ctx, tx, By("souk:rollout"), key, environment, s)
	})
}

// killing is what the operator does, as an act of its own.
func killing() registry.Change {
	c := By("olu@hyfin.example")
	c.KillID = store.NewID()
	return c
}

// Kill turns a flag off in an environment for everybody.
func Kill(t testing.TB, db *store.DB, key, environment string) (f registry.Flag, changed bool) {
	t.Helper()
	f = storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (f registry.Flag, err error) {
		f, changed, err = registry.Kill(ctx, tx, killing(), key, environment)
		return f, err
	})
	return f, changed
}

// Restore takes a kill back.
func Restore(t testing.TB, db *store.DB, key, environment string) (f registry.Flag, changed bool) {
	t.Helper()
	f = storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (f registry.Flag, err error) {
		f, changed, err = registry.Restore(ctx, tx, By("pat@hyfin.example"), key, environment)
		return f, err
	})
	return f, changed
}
