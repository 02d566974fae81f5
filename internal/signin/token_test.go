package signin

import (
	"strings"
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

func TestTokenActsAsItsPersonWithinItsScope(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		clock := &accesstest.Wall{At: accesstest.Noon}
		tokens := &Tokens{DB: db, Now: clock.Now}
		end := accesstest.Noon.Add(time.Hour)
		token, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: "Alice@hyfin.example", Name: "CI", Scope: access.ScopeKill, ExpiresAt: &end})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(secret, "souk_") || len(secret) != 48 || token.Prefix != secret[:12] || token.As != accesstest.Alice || token.MadeBy != "local:root" {
			t.Errorf("got %+v with a secret of %d characters", token, len(secret))
		}
		by, err := tokens.Actor(t.Context(), secret)
		want := audit.Credential{Kind: "token", ID: token.ID, MadeBy: "local:root"}
		if err != nil || by.Email != accesstest.Alice || by.TokenScope != access.ScopeKill || by.Credential != want || !by.In("team-lunch") {
			t.Errorf("got %+v, %v", by, err)
		}
		clock.At = end
		_, err = tokens.Actor(t.Context(), secret)
		accesstest.WantFault(t, err, fault.Unauthenticated, "bad_token")
		for _, other := range []string{"", "souk_", secret + "A", secret[:47] + "~", "souksdk_" + secret[5:], strings.Repeat("x", 1<<20)} {
			_, err := tokens.Actor(t.Context(), other)
			accesstest.WantFault(t, err, fault.Unauthenticated, "bad_token")
		}
	})
}

func TestLastUseIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		clock := &accesstest.Wall{At: accesstest.Noon}
		tokens := &Tokens{DB: db, Now: clock.Now}
		_, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []time.Time{accesstest.Noon, accesstest.Noon, accesstest.Noon.Add(time.Minute)} {
			if _, err := tokens.Actor(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			if err := tokens.WriteUse(t.Context()); err != nil {
				t.Fatal(err)
			}
			l, err := tokens.List(t.Context(), accesstest.Root, true, store.Page{})
			if err != nil || len(l.Items) != 1 || l.Items[0].LastUsed == nil || !l.Items[0].LastUsed.Equal(want) {
				t.Errorf("got %+v, %v, want a last use at %s", l.Items, err, want)
			}
			clock.Add(30 * time.Second)
		}
	})
}

func TestTokensAreOnesOwnSaveForAdministrators(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		tokens := &Tokens{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now}
		ctx, a, p := t.Context(), accesstest.Actor(t, db, accesstest.Alice), accesstest.Actor(t, db, "pat@hyfin.example")
		first, _, err := tokens.Create(ctx, a, TokenSpec{Scope: access.ScopeAll})
		if err != nil || first.As != accesstest.Alice || first.Name != "all" {
			t.Fatal(first, err)
		}
		second, secret, err := tokens.Create(ctx, p, TokenSpec{As: "PAT@hyfin.example", Scope: access.ScopeRead, Name: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = tokens.Create(ctx, p, TokenSpec{As: accesstest.Alice, Scope: access.ScopeAll})
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		narrow, err := tokens.Actor(ctx, secret)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = tokens.Create(ctx, narrow, TokenSpec{Scope: access.ScopeAll})
		accesstest.WantFault(t, err, fault.Forbidden, "token_scope")
		_, err = tokens.Revoke(ctx, p, first.ID, 0)
		accesstest.WantFault(t, err, fault.NotFound, "unknown_token")
		list := func(by access.Actor, of string) (names []string) {
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
			by   access.Actor
			of   string
			want []string
		}{
			{a, "", []string{"all"}},
			{p, "", []string{"mine"}},
			{accesstest.Root, "", []string{"mine", "all"}},
			{accesstest.Root, "PAT@hyfin.example", []string{"mine"}},
			{a, "pat@hyfin.example", nil},
			{accesstest.Root, "nobody@hyfin.example", nil},
		} {
			if diff := cmp.Diff(c.want, list(c.by, c.of)); diff != "" {
				t.Errorf("%s of %q: %s", c.by.Email, c.of, diff)
			}
		}
		_, err = tokens.Revoke(ctx, p, second.ID, 7)
		accesstest.WantFault(t, err, fault.Stale, "stale")
		for range 2 {
			if got, err := tokens.Revoke(ctx, p, second.ID, 1); err != nil || got.RevokedAt == nil || got.Revision != 2 {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		_, err = tokens.Actor(ctx, secret)
		accesstest.WantFault(t, err, fault.Unauthenticated, "bad_token")
	})
}

func TestLeavingRevokesTokensForGood(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d, no, yes := directory(db), false, true
		accesstest.Company(t, d)
		tokens := &Tokens{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now}
		_, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		for _, active := range []*bool{&no, &yes} {
			accesstest.Person(t, d, accesstest.Alice, access.PersonSpec{Active: active})
			_, err = tokens.Actor(t.Context(), secret)
			accesstest.WantFault(t, err, fault.Unauthenticated, "bad_token")
		}
	})
}

func TestBadTokensAreRefusedAtTheirField(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	accesstest.Company(t, directory(db))
	tokens := &Tokens{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now}
	past := accesstest.Noon
	for field, spec := range map[string]TokenSpec{
		"scope":      {As: accesstest.Alice, Scope: "reed"},
		"as":         {As: "nobody", Scope: access.ScopeAll},
		"name":       {As: accesstest.Alice, Scope: access.ScopeAll, Name: "a\u202eb"},
		"expires_at": {As: accesstest.Alice, Scope: access.ScopeAll, ExpiresAt: &past},
	} {
		_, _, err := tokens.Create(t.Context(), accesstest.Root, spec)
		if e, ok := err.(*fault.Error); !ok || e.Kind != fault.Invalid || e.Field != field || e.Remediation == "" { //nolint:errorlint // exactly that
			t.Errorf("%s: got %v", field, err)
		}
	}
	_, _, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: "alcie@hyfin.example", Scope: access.ScopeAll})
	if e := accesstest.WantFault(t, err, fault.NotFound, "unknown_person"); !strings.Contains(e.Remediation, accesstest.Alice) {
		t.Error(e.Remediation)
	}
	_, _, err = tokens.Create(t.Context(), accesstest.Root, TokenSpec{Scope: access.ScopeAll}) // the local socket is nobody to act as
	accesstest.WantFault(t, err, fault.Invalid, "invalid_email")
}
