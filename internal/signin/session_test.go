package signin

import (
	"context"
	"net/http"
	"net/http/httptest"
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

func directory(db *store.DB) *access.Directory {
	return &access.Directory{
		DB: db, Now: func() time.Time { return accesstest.Noon }, EndCredentials: EndCredentials, SignIns: SignInsOf,
	}
}

func sessions(t *testing.T, db *store.DB) (*Sessions, *accesstest.Wall) {
	t.Helper()
	accesstest.Company(t, directory(db))
	clock := &accesstest.Wall{At: accesstest.Noon}
	return &Sessions{DB: db, Now: clock.Now, Idle: time.Hour, Lifetime: 10 * time.Hour}, clock
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
		if err != nil || !ok || by.Email != accesstest.Alice || by.TokenScope != access.ScopeAll || !by.In("team-lunch") ||
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
		got := accesstest.Events(t, db)
		if diff := cmp.Diff([]string{"person.signed_in", "person.signed_out"}, got[len(got)-2:]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCookieReachesNobodyElse(t *testing.T) {
	t.Parallel()
	s, _ := sessions(t, storetest.Open(t, store.SQLite))
	c := signIn(t, s, accesstest.Alice)
	want := "; Path=/; Max-Age=36000; HttpOnly; Secure; SameSite=Lax"
	if got := c.String(); !strings.HasPrefix(got, "__Host-souk=") || !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestSignInRenewsTheSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		planted := signIn(t, s, accesstest.Alice)
		c := signIn(t, s, "pat@hyfin.example", planted)
		if c.Value == planted.Value || signedIn(t, s, planted) || !signedIn(t, s, c) {
			t.Error("the secret from before sign-in still signs in")
		}
	})
}

func TestStrangeCookiesSignNobodyIn(t *testing.T) {
	t.Parallel()
	s, _ := sessions(t, storetest.Open(t, store.SQLite))
	c, other := signIn(t, s, accesstest.Alice), signIn(t, s, "pat@hyfin.example")
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
		idle, used := signIn(t, s, accesstest.Alice), signIn(t, s, accesstest.Alice)
		for range 11 {
			clock.Add(55 * time.Minute)
			if clock.At.Before(accesstest.Noon.Add(s.Lifetime)) != signedIn(t, s, used) {
				t.Fatalf("at %s the session in use is wrong", clock.At)
			}
		}
		if clock.At = accesstest.Noon.Add(61 * time.Minute); signedIn(t, s, idle) {
			t.Error("the idle session lasts")
		}
	})
}

func TestClockSetBackProlongsNoSession(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, clock := sessions(t, db)
		idle := signIn(t, s, accesstest.Alice)
		clock.Add(50 * time.Minute)
		used := signIn(t, s, "pat@hyfin.example")
		restarted := &Sessions{DB: db, Now: clock.Now, Idle: s.Idle, Lifetime: s.Lifetime}
		for _, s := range []*Sessions{s, restarted} { // the second has nothing but the database to know it by
			clock.At = accesstest.Noon.Add(-24 * time.Hour)
			if !signedIn(t, s, used) {
				t.Error("a clock set back ended a session")
			}
			clock.Add(11 * time.Minute)
			if signedIn(t, s, idle) {
				t.Error("a clock set back prolonged an idle session")
			}
			if !signedIn(t, s, used) {
				t.Error("a session in use ended")
			}
		}
		clock.Add(11 * time.Hour)
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
		accesstest.Group(t, d, "product", access.GroupSpec{Members: []string{}})
		by, ok, err := s.Actor(t.Context(), request(c))
		if err != nil || !ok || by.Has(access.Approver) {
			t.Errorf("got %+v, %v, %v", by, ok, err)
		}
		accesstest.Person(t, d, "pat@hyfin.example", access.PersonSpec{Active: &no})
		if signedIn(t, s, c) {
			t.Error("a person who left is signed in")
		}
		_, _, err = s.SignIn(t.Context(), request(), "pat@hyfin.example")
		accesstest.WantFault(t, err, fault.Unauthenticated, "nobody")
		accesstest.Person(t, d, "pat@hyfin.example", access.PersonSpec{Active: &yes})
		if signedIn(t, s, c) {
			t.Error("coming back revived a session")
		}
	})
}

func TestOutageSignsNobodyOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		c := signIn(t, s, accesstest.Alice)
		tokens := &Tokens{DB: db, Now: s.Now}
		_, secret, err := tokens.Create(t.Context(), accesstest.Actor(t, db, accesstest.Alice), TokenSpec{Scope: access.ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0)) // the database does not answer in time
		defer cancel()
		_, _, err = s.Actor(late, request(c))
		accesstest.WantFault(t, err, fault.Unavailable, "database_unavailable")
		_, err = tokens.Actor(late, secret)
		accesstest.WantFault(t, err, fault.Unavailable, "database_unavailable")
		_, err = s.SignOut(late, request(c))
		accesstest.WantFault(t, err, fault.Unavailable, "database_unavailable")
	})
}

func TestSessionFromATokenIsAsNarrowAndEndsWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, _ := sessions(t, db)
		tokens := &Tokens{DB: db, Now: s.Now}
		token, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := s.SignInWithToken(t.Context(), request(), secret)
		if err != nil {
			t.Fatal(err)
		}
		by, ok, err := s.Actor(t.Context(), request(c))
		want := audit.Credential{Kind: "session", ID: by.Credential.ID, MadeBy: "local:root"}
		if err != nil || !ok || by.TokenScope != access.ScopeRead || by.Credential != want {
			t.Errorf("got %+v, %v, %v", by, ok, err)
		}
		if _, err := tokens.Revoke(t.Context(), accesstest.Root, token.ID, 0); err != nil {
			t.Fatal(err)
		}
		if signedIn(t, s, c) {
			t.Error("the session outlives its token")
		}
		_, _, err = s.SignInWithToken(t.Context(), request(), secret)
		accesstest.WantFault(t, err, fault.Unauthenticated, "bad_token")
	})
}

func TestSecretsAreNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	s, _ := sessions(t, db)
	c := signIn(t, s, accesstest.Alice)
	_, token, err := (&Tokens{DB: db, Now: s.Now}).Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeAll})
	if err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string]string{
		"session": "hex(hash) || id", "api_token": "hex(hash) || prefix || name", "audit_event": "body",
	} {
		rows := accesstest.Read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return store.List(ctx, tx, store.ScanString, "SELECT "+columns+" FROM "+table)
		})
		text := strings.Join(rows, "\n")
		for _, secret := range []string{c.Value, token} {
			if len(rows) == 0 || strings.Contains(text, secret) || strings.Contains(text, secret[len(secret)-20:]) {
				t.Errorf("%s is empty or holds a secret", table)
			}
		}
	}
}
