package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// wall is a clock that a test sets.
type wall struct{ at time.Time }

func (w *wall) now() time.Time { return w.at }

func (w *wall) add(d time.Duration) { w.at = w.at.Add(d) }

const alice = "alice@hyfin.example"

func sessions(t *testing.T, db *store.DB) (*Sessions, *wall) {
	t.Helper()
	company(t, directory(db))
	clock := &wall{noon}
	return &Sessions{DB: db, Now: clock.now, Idle: time.Hour, Lifetime: 10 * time.Hour}, clock
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func signIn(t *testing.T, s *Sessions, email string, had ...*http.Cookie) *http.Cookie {
	t.Helper()
	c, _, err := s.SignIn(t.Context(), request(had...), email)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func signedIn(t *testing.T, s *Sessions, cookies ...*http.Cookie) bool {
	t.Helper()
	_, ok, err := s.Actor(t.Context(), request(cookies...))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestSessionGivesItsPersonUntilSignOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		c := signIn(t, s, "Alice@hyfin.example")
		by, ok, err := s.Actor(t.Context(), request(c))
		if err != nil || !ok || by.Email != alice || by.TokenScope != ScopeAll || !by.In("team-lunch") ||
			by.Credential.Kind != "session" || by.Credential.ID == "" {
			t.Errorf("got %+v, %v, %v", by, ok, err)
		}
		gone, err := s.SignOut(t.Context(), request(c))
		if err != nil || gone.MaxAge >= 0 || gone.Name != c.Name || gone.Value != "" {
			t.Errorf("got %+v, %v", gone, err)
		}
		if signedIn(t, s, c) {
			t.Error("the session outlives sign-out")
		}
		if _, err := s.SignOut(t.Context(), request(c)); err != nil {
			t.Errorf("signing out twice: %v", err)
		}
		got := events(t, db)
		if diff := cmp.Diff([]string{"person.signed_in", "person.signed_out"}, got[len(got)-2:]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCookieReachesNobodyElse(t *testing.T) {
	t.Parallel()
	s, _ := sessions(t, storetest.Open(t, store.SQLite))
	c := signIn(t, s, alice)
	want := "; Path=/; Max-Age=36000; HttpOnly; Secure; SameSite=Lax"
	if got := c.String(); !strings.HasPrefix(got, "__Host-souk=") || !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestSignInRenewsTheSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		planted := signIn(t, s, alice)
		c := signIn(t, s, "pat@hyfin.example", planted)
		if c.Value == planted.Value || signedIn(t, s, planted) || !signedIn(t, s, c) {
			t.Error("the secret from before sign-in still signs in")
		}
	})
}

func TestStrangeCookiesSignNobodyIn(t *testing.T) {
	t.Parallel()
	s, _ := sessions(t, storetest.Open(t, store.SQLite))
	c, other := signIn(t, s, alice), signIn(t, s, "pat@hyfin.example")
	for name, cookies := range map[string][]*http.Cookie{
		"none":      nil,
		"two":       {c, other},
		"twice":     {c, c},
		"empty":     {{Name: Cookie}},
		"guess":     {{Name: Cookie, Value: strings.Repeat("A", 43)}},
		"long":      {{Name: Cookie, Value: strings.Repeat("A", 4000)}},
		"shortened": {{Name: Cookie, Value: c.Value[:42]}},
		"misnamed":  {{Name: "souk", Value: c.Value}},
	} {
		if signedIn(t, s, cookies...) {
			t.Errorf("%s: signed in", name)
		}
	}
}

func TestSessionEndsWhenIdleAndAtTheEndOfItsLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, clock := sessions(t, db)
		idle, used := signIn(t, s, alice), signIn(t, s, alice)
		for range 11 {
			clock.add(55 * time.Minute)
			if clock.at.Before(noon.Add(s.Lifetime)) != signedIn(t, s, used) {
				t.Fatalf("at %s the session in use is wrong", clock.at)
			}
		}
		if clock.at = noon.Add(61 * time.Minute); signedIn(t, s, idle) {
			t.Error("the idle session lasts")
		}
	})
}

func TestClockSetBackProlongsNoSession(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, clock := sessions(t, db)
		idle := signIn(t, s, alice)
		clock.add(50 * time.Minute)
		used := signIn(t, s, "pat@hyfin.example")
		restarted := &Sessions{DB: db, Now: clock.now, Idle: s.Idle, Lifetime: s.Lifetime}
		for _, s := range []*Sessions{s, restarted} { // the second has nothing but the database to know it by
			clock.at = noon.Add(-24 * time.Hour)
			if !signedIn(t, s, used) {
				t.Error("a clock set back ended a session")
			}
			clock.add(11 * time.Minute)
			if signedIn(t, s, idle) {
				t.Error("a clock set back prolonged an idle session")
			}
			if !signedIn(t, s, used) {
				t.Error("a session in use ended")
			}
		}
		clock.add(11 * time.Hour)
		if signedIn(t, s, used) {
			t.Error("the session outlives its life")
		}
	})
}

func TestLossOfARoleCountsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		d, no, yes := directory(db), false, true
		c := signIn(t, s, "pat@hyfin.example")
		mustGroup(t, d, "product", GroupSpec{Members: []string{}})
		by, ok, err := s.Actor(t.Context(), request(c))
		if err != nil || !ok || by.Has(Approver) {
			t.Errorf("got %+v, %v, %v", by, ok, err)
		}
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{Active: &no})
		if signedIn(t, s, c) {
			t.Error("a person who left is signed in")
		}
		_, _, err = s.SignIn(t.Context(), request(), "pat@hyfin.example")
		wantFault(t, err, fault.Unauthenticated, "nobody")
		mustPerson(t, d, "pat@hyfin.example", PersonSpec{Active: &yes})
		if signedIn(t, s, c) {
			t.Error("coming back revived a session")
		}
	})
}

func TestOutageSignsNobodyOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		c := signIn(t, s, alice)
		tokens := &Tokens{DB: db, Now: s.Now}
		_, secret, err := tokens.Create(t.Context(), actor(t, db, alice), TokenSpec{Scope: ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0)) // the database does not answer in time
		defer cancel()
		_, _, err = s.Actor(late, request(c))
		wantFault(t, err, fault.Unavailable, "database_unavailable")
		_, err = tokens.Actor(late, secret)
		wantFault(t, err, fault.Unavailable, "database_unavailable")
		_, err = s.SignOut(late, request(c))
		wantFault(t, err, fault.Unavailable, "database_unavailable")
	})
}

func TestSessionFromATokenIsAsNarrowAndEndsWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		tokens := &Tokens{DB: db, Now: s.Now}
		token, secret, err := tokens.Create(t.Context(), root, TokenSpec{As: alice, Scope: ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := s.SignInWithToken(t.Context(), request(), secret)
		if err != nil {
			t.Fatal(err)
		}
		by, ok, err := s.Actor(t.Context(), request(c))
		want := audit.Credential{Kind: "session", ID: by.Credential.ID, MadeBy: "local:root"}
		if err != nil || !ok || by.TokenScope != ScopeRead || by.Credential != want {
			t.Errorf("got %+v, %v, %v", by, ok, err)
		}
		if _, err := tokens.Revoke(t.Context(), root, token.ID, 0); err != nil {
			t.Fatal(err)
		}
		if signedIn(t, s, c) {
			t.Error("the session outlives its token")
		}
		_, _, err = s.SignInWithToken(t.Context(), request(), secret)
		wantFault(t, err, fault.Unauthenticated, "bad_token")
	})
}

func TestSecretsAreNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	s, _ := sessions(t, db)
	c := signIn(t, s, alice)
	_, token, err := (&Tokens{DB: db, Now: s.Now}).Create(t.Context(), root, TokenSpec{As: alice, Scope: ScopeAll})
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := keys(db).Create(t.Context(), root, KeySpec{Environment: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string]string{
		"session": "hex(hash) || id", "api_token": "hex(hash) || prefix || name", "sdk_key": "hex(hash) || prefix || name", "audit_event": "body",
	} {
		rows := read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return store.List(ctx, tx, store.ScanString, "SELECT "+columns+" FROM "+table)
		})
		text := strings.Join(rows, "\n")
		for _, secret := range []string{c.Value, token, key} {
			if len(rows) == 0 || strings.Contains(text, secret) || strings.Contains(text, secret[len(secret)-20:]) {
				t.Errorf("%s is empty or holds a secret", table)
			}
		}
	}
}
