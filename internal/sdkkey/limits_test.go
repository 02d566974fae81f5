package sdkkey

import (
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestLimitsOfAKeyAreServedAndOutliveARotation(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := keys(db)
		want := Limits{RequestsPerSecond: 20, MaxStreams: 3}
		made, secret, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "production", App: "where2eat", Limits: want})
		if err != nil || made.Limits != want {
			t.Fatal(made, err)
		}
		served := func(secret string, want Limits) {
			t.Helper()
			if err := k.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, ok := k.Lookup(secret, accesstest.Noon)
			if !ok || got.Limits != want {
				t.Errorf("served with %+v, want %+v", got.Limits, want)
			}
			byID, ok := k.Held(got.ID, accesstest.Noon)
			if diff := cmp.Diff(got, byID); diff != "" || !ok {
				t.Errorf("by its id (-secret +id):\n%s", diff)
			}
		}
		served(secret, want)
		want = Limits{MaxStreams: 5}
		set, err := k.SetLimits(t.Context(), accesstest.Root, made.ID, want, 1)
		if err != nil || set.Limits != want || set.Revision != 2 {
			t.Fatal(set, err)
		}
		served(secret, want)
		if again, err := k.SetLimits(t.Context(), accesstest.Root, made.ID, want, 2); err != nil || again.Revision != 2 {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		fresh, other, err := k.Rotate(t.Context(), accesstest.Root, made.ID, access.Rotation{})
		if err != nil || fresh.Limits != want {
			t.Fatal(fresh, err)
		}
		served(other, want)
	})
}

func TestLimitsOfAKeyAreSetByWhoMayMakeIt(t *testing.T) {
	t.Parallel()
	k := keys(storetest.Open(t, store.SQLite))
	owner := access.Actor{PersonID: "lee", Email: "lee@hyfin.example", Name: "Lee", Credential: audit.Credential{Kind: "session", ID: "1"}, TokenScope: access.ScopeAll, Groups: []access.Membership{{Group: "team-lunch"}}}
	production, _, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "production", App: "where2eat"})
	if err != nil {
		t.Fatal(err)
	}
	sandbox, _, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox", App: "where2eat"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		by       access.Actor
		id       string
		limits   Limits
		revision int64
		kind     fault.Kind
	}{
		{"a stranger", access.Actor{PersonID: "eve", Email: "eve@hyfin.example", TokenScope: access.ScopeAll}, sandbox.ID, Limits{}, 1, fault.Forbidden},
		{"an owner in a governed environment", owner, production.ID, Limits{}, 1, fault.Forbidden},
		{"what was changed since", owner, sandbox.ID, Limits{}, 7, fault.Stale},
		{"below nothing", owner, sandbox.ID, Limits{MaxStreams: -1}, 1, fault.Invalid},
		{"beyond measure", owner, sandbox.ID, Limits{RequestsPerSecond: 1_000_001}, 1, fault.Invalid},
		{"no key", accesstest.Root, store.NewID(), Limits{}, 1, fault.NotFound},
	} {
		if _, err := k.SetLimits(t.Context(), c.by, c.id, c.limits, c.revision); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.name, err, c.kind)
		}
	}
	if _, err := k.SetLimits(t.Context(), owner, sandbox.ID, Limits{MaxStreams: 9}, 1); err != nil {
		t.Errorf("an owner outside production: %v", err)
	}
	if _, err := k.Revoke(t.Context(), accesstest.Root, production.ID, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SetLimits(t.Context(), accesstest.Root, production.ID, Limits{MaxStreams: 9}, 2); !fault.Is(err, fault.Conflict) {
		t.Errorf("a revoked key: %v", err)
	}
}

func TestHeldKeyEndsWithItsTime(t *testing.T) {
	t.Parallel()
	k := keys(storetest.Open(t, store.SQLite))
	if _, ok := k.Held("x", accesstest.Noon); ok {
		t.Error("held before anything was loaded")
	}
	end := accesstest.Noon.Add(time.Hour)
	key, _, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox", ExpiresAt: &end})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]bool{accesstest.Noon: true, end: false} {
		if _, ok := k.Held(key.ID, at); ok != want {
			t.Errorf("at %s: %v", at, ok)
		}
	}
}
