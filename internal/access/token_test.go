package access

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTokenActsAsItsPersonWithinItsScope(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		company(t, directory(db))
		clock := &wall{noon}
		tokens := &Tokens{DB: db, Now: clock.now}
		end := noon.Add(time.Hour)
		token, secret, err := tokens.Create(t.Context(), root, TokenSpec{As: "Alice@hyfin.example", Name: "CI", Scope: ScopeKill, ExpiresAt: &end})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(secret, "souk_") || len(secret) != 48 || token.Prefix != secret[:12] || token.As != alice || token.MadeBy != "local:root" {
			t.Errorf("got %+v with a secret of %d characters", token, len(secret))
		}
		by, err := tokens.Actor(t.Context(), secret)
		want := audit.Credential{Kind: "token", ID: token.ID, MadeBy: "local:root"}
		if err != nil || by.Email != alice || by.TokenScope != ScopeKill || by.Credential != want || !by.In("team-lunch") {
			t.Errorf("got %+v, %v", by, err)
		}
		clock.at = end
		_, err = tokens.Actor(t.Context(), secret)
		wantFault(t, err, fault.Unauthenticated, "bad_token")
		for _, other := range []string{"", "souk_", secret + "A", secret[:47] + "~", "souksdk_" + secret[5:], strings.Repeat("x", 1<<20)} {
			_, err := tokens.Actor(t.Context(), other)
			wantFault(t, err, fault.Unauthenticated, "bad_token")
		}
	})
}

func TestLastUseIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		company(t, directory(db))
		clock := &wall{noon}
		tokens := &Tokens{DB: db, Now: clock.now}
		_, secret, err := tokens.Create(t.Context(), root, TokenSpec{As: alice, Scope: ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []time.Time{noon, noon, noon.Add(time.Minute)} {
			if _, err := tokens.Actor(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			l, err := tokens.List(t.Context(), root, true, store.Page{})
			if err != nil || len(l.Items) != 1 || l.Items[0].LastUsed == nil || !l.Items[0].LastUsed.Equal(want) {
				t.Errorf("got %+v, %v, want a last use at %s", l.Items, err, want)
			}
			clock.add(30 * time.Second)
		}
	})
}

func TestTokensAreOnesOwnSaveForAdministrators(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		company(t, directory(db))
		tokens := &Tokens{DB: db, Now: (&wall{noon}).now}
		ctx, a, p := t.Context(), actor(t, db, alice), actor(t, db, "pat@hyfin.example")
		first, _, err := tokens.Create(ctx, a, TokenSpec{Scope: ScopeAll})
		if err != nil || first.As != alice || first.Name != "all" {
			t.Fatal(first, err)
		}
		second, secret, err := tokens.Create(ctx, p, TokenSpec{As: "PAT@hyfin.example", Scope: ScopeRead, Name: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = tokens.Create(ctx, p, TokenSpec{As: alice, Scope: ScopeAll})
		wantFault(t, err, fault.Forbidden, "forbidden")
		narrow, err := tokens.Actor(ctx, secret)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = tokens.Create(ctx, narrow, TokenSpec{Scope: ScopeAll})
		wantFault(t, err, fault.Forbidden, "token_scope")
		_, err = tokens.Revoke(ctx, p, first.ID, 0)
		wantFault(t, err, fault.NotFound, "unknown_token")
		list := func(by Actor, of string) (names []string) {
			l, err := tokens.ListOf(ctx, by, of, true, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range l.Items {
				names = append(names, item.Name)
			}
			return names
		}
		for _, c := range []struct {
			by   Actor
			of   string
			want []string
		}{
			{a, "", []string{"all"}},
			{p, "", []string{"mine"}},
			{root, "", []string{"mine", "all"}},
			{root, "PAT@hyfin.example", []string{"mine"}},
			{a, "pat@hyfin.example", nil},
			{root, "nobody@hyfin.example", nil},
		} {
			if diff := cmp.Diff(c.want, list(c.by, c.of)); diff != "" {
				t.Errorf("%s of %q: %s", c.by.Email, c.of, diff)
			}
		}
		_, err = tokens.Revoke(ctx, p, second.ID, 7)
		wantFault(t, err, fault.Stale, "stale")
		for range 2 {
			if got, err := tokens.Revoke(ctx, p, second.ID, 1); err != nil || got.RevokedAt == nil || got.Revision != 2 {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		_, err = tokens.Actor(ctx, secret)
		wantFault(t, err, fault.Unauthenticated, "bad_token")
	})
}

func TestLeavingRevokesTokensForGood(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d, no, yes := directory(db), false, true
		company(t, d)
		tokens := &Tokens{DB: db, Now: (&wall{noon}).now}
		_, secret, err := tokens.Create(t.Context(), root, TokenSpec{As: alice, Scope: ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		for _, active := range []*bool{&no, &yes} {
			mustPerson(t, d, alice, PersonSpec{Active: active})
			_, err = tokens.Actor(t.Context(), secret)
			wantFault(t, err, fault.Unauthenticated, "bad_token")
		}
	})
}

func TestBadTokensAreRefusedAtTheirField(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	company(t, directory(db))
	tokens := &Tokens{DB: db, Now: (&wall{noon}).now}
	past := noon
	for field, spec := range map[string]TokenSpec{
		"scope":      {As: alice, Scope: "reed"},
		"as":         {As: "nobody", Scope: ScopeAll},
		"name":       {As: alice, Scope: ScopeAll, Name: "a\u202eb"},
		"expires_at": {As: alice, Scope: ScopeAll, ExpiresAt: &past},
	} {
		_, _, err := tokens.Create(t.Context(), root, spec)
		if e, ok := err.(*fault.Error); !ok || e.Kind != fault.Invalid || e.Field != field || e.Remediation == "" { //nolint:errorlint // exactly that
			t.Errorf("%s: got %v", field, err)
		}
	}
	_, _, err := tokens.Create(t.Context(), root, TokenSpec{As: "alcie@hyfin.example", Scope: ScopeAll})
	if e := wantFault(t, err, fault.NotFound, "unknown_person"); !strings.Contains(e.Remediation, alice) {
		t.Error(e.Remediation)
	}
	_, _, err = tokens.Create(t.Context(), root, TokenSpec{Scope: ScopeAll}) // the local socket is nobody to act as
	wantFault(t, err, fault.Invalid, "invalid_email")
}
