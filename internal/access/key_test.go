package access

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// keys knows the app where2eat, of team-lunch, and governs production.
func keys(db *store.DB) *Keys {
	return &Keys{DB: db, Now: (&wall{noon}).now, Facts: func(_ context.Context, _ *store.Tx, environment, app string) (KeyFacts, error) {
		facts := KeyFacts{Governed: environment == "production"}
		if app == "where2eat" {
			facts.OwnerGroup = "team-lunch"
		} else if app != "" {
			return KeyFacts{}, fault.New(fault.NotFound, "unknown_app", "there is no app %s", app).At("app")
		}
		return facts, nil
	}}
}

func TestNewKeyIsServedAndARevokedOneIsNot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k, other := keys(db), keys(db) // other is another replica, or another process
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		for _, k := range []*Keys{k, other} {
			if err := k.Load(ctx); err != nil {
				t.Fatal(err)
			}
			running.Go(func() { k.Run(ctx) })
		}
		end := noon.Add(time.Hour)
		key, secret, err := k.Create(ctx, root, KeySpec{
			Environment: "production", App: "where2eat", ClientSide: true, Origins: []string{"https://a.example"}, ExpiresAt: &end,
		})
		if err != nil || !strings.HasPrefix(secret, "souksdk_") || key.Prefix != secret[:12] || key.Name != "where2eat production" {
			t.Fatal(key, err)
		}
		for _, k := range []*Keys{k, other} {
			if !k.Await(ctx, key) {
				t.Fatal("the key does not come to be served")
			}
			got, ok := k.Lookup(secret, noon)
			if diff := cmp.Diff(key, got); diff != "" || !ok {
				t.Errorf("served key (-want +got):\n%s", diff)
			}
			if _, ok := k.Lookup(secret, end); ok {
				t.Error("an expired key is served")
			}
			if _, ok := k.Lookup(secret[:len(secret)-1]+"~", noon); ok {
				t.Error("another secret is served")
			}
		}
		if k.Lasts(key.ID, noon) != KeyLasts || k.Lasts(key.ID, end) != KeyExpired {
			t.Errorf("it is said to be: %s, and %s at its end", k.Lasts(key.ID, noon), k.Lasts(key.ID, end))
		}
		replaced := k.Replaced()
		for range 2 {
			if key, err = k.Revoke(ctx, root, key.ID, 1); err != nil || key.RevokedAt == nil {
				t.Fatal(key, err)
			}
		}
		for _, k := range []*Keys{k, other} {
			if !k.Await(ctx, key) {
				t.Fatal("the key does not cease to be served")
			}
			if _, ok := k.Lookup(secret, noon); ok {
				t.Error("a revoked key is served")
			}
			if got := k.Lasts(key.ID, noon); got != KeyRevoked {
				t.Errorf("what it opened is told that it %s", got)
			}
		}
		select {
		case <-replaced:
		default:
			t.Error("nobody is told that the keys changed")
		}
	})
}

func TestAwaitGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	k := keys(storetest.Open(t, store.SQLite))
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	set := k.held.Load()
	synctest.Test(t, func(t *testing.T) {
		set.replaced = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if k.Await(ctx, SDKKey{ID: "never"}) {
			t.Error("a key that is not served was waited for")
		}
	})
}

func TestKeysOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := keys(db)
		_, secret, err := k.Create(t.Context(), root, KeySpec{Environment: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := k.Lookup(secret, noon); ok {
			t.Error("served before anything was loaded")
		}
		if err := k.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		down, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.Load(down); err == nil {
			t.Error("loaded from a database that is down")
		}
		if _, ok := k.Lookup(secret, noon); !ok {
			t.Error("a failed refresh lost the keys")
		}
	})
}

func TestOwnersMakeKeysOfTheirAppOutsideGovernedEnvironments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		company(t, d)
		mustGroup(t, d, "on-call", GroupSpec{Roles: []Role{Operator}})
		mustPerson(t, d, "olu@hyfin.example", PersonSpec{Groups: []string{"on-call"}})
		k := keys(db)
		for _, c := range []struct {
			by, environment, app string
			may                  bool
		}{
			{alice, "sandbox", "where2eat", true},
			{alice, "production", "where2eat", false},
			{alice, "sandbox", "", false},
			{"pat@hyfin.example", "sandbox", "where2eat", false},
			{"olu@hyfin.example", "production", "where2eat", true},
			{"olu@hyfin.example", "production", "", true},
			{"ada@hyfin.example", "production", "", true},
		} {
			by := actor(t, db, c.by)
			key, _, err := k.Create(t.Context(), by, KeySpec{Environment: c.environment, App: c.app})
			if !c.may {
				wantFault(t, err, fault.Forbidden, "forbidden")
				continue
			}
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			_, err = k.Revoke(t.Context(), actor(t, db, "pat@hyfin.example"), key.ID, 0)
			wantFault(t, err, fault.Forbidden, "forbidden")
		}
		l, err := k.List(t.Context(), actor(t, db, alice), "where2eat", true, store.Page{Limit: 1})
		if err != nil || len(l.Items) != 1 || l.Next == "" || l.Items[0].MadeBy != "olu@hyfin.example" {
			t.Errorf("got %+v, %v", l, err)
		}
		_, err = k.List(t.Context(), actor(t, db, alice), "", true, store.Page{})
		wantFault(t, err, fault.Forbidden, "forbidden")
		all, err := k.List(t.Context(), root, "", true, store.Page{})
		if err != nil || len(all.Items) != 4 {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

func TestOriginsAreExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://App.Example.com":         "https://app.example.com",
		"https://app.example.com:443":     "https://app.example.com",
		"https://app.example.com:8443":    "https://app.example.com:8443",
		"http://localhost:3000":           "http://localhost:3000",
		"http://LOCALHOST:80":             "http://localhost",
		"http://where2eat.localhost:8080": "http://where2eat.localhost:8080",
		"http://127.0.0.1:5173":           "http://127.0.0.1:5173",
		"http://[::1]:5173":               "http://[::1]:5173",
		"https://[2001:db8::1]":           "https://[2001:db8::1]",
		"null":                            "",
		"":                                "",
		"*":                               "",
		"https://":                        "",
		"https://*.example.com":           "",
		"http://app.example.com":          "",
		"http://localhost.example.com":    "",
		"https://app.example.com/":        "",
		"https://app.example.com/x":       "",
		"https://app.example.com?x":       "",
		"https://app.example.com#":        "",
		"https://u@app.example.com":       "",
		"https://app.example.com:":        "",
		"https://app.example.com:0":       "",
		"https://app.example.com:0443":    "",
		"https://app.example.com:99999":   "",
		"https://app.example.com.":        "",
		"https://app_x.example.com":       "",
		"https://bücher.example":          "",
		"https://[::1%25lo]":              "",
		"https://[0:0::1]":                "",
		"file:///etc/passwd":              "",
		"javascript:alert(1)":             "",
		"app.example.com":                 "",
		"https:app.example.com":           "",
		"\thttps://app.example.com":       "",
		"https://app.example.com\n":       "",
	} {
		got, err := checkOrigin("origins[0]", text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	key := SDKKey{Origins: []string{"https://app.example.com"}}
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "null": false, "": false, "https://evil-app.example.com": false,
		"https://app.example.com.evil.example": false, "http://app.example.com": false, "https://app.example.com:8443": false,
	} {
		if key.AllowsOrigin(origin) != want {
			t.Errorf("origin %q: want %v", origin, want)
		}
	}
}

func TestBadKeysAreRefusedAtTheirField(t *testing.T) {
	t.Parallel()
	k := keys(storetest.Open(t, store.SQLite))
	for field, spec := range map[string]KeySpec{
		"environment": {Environment: "Pro duction"},
		"app":         {Environment: "sandbox", App: "../x"},
		"name":        {Environment: "sandbox", Name: "a\x1bb"},
		"origins[1]":  {Environment: "sandbox", ClientSide: true, Origins: []string{"https://a.example", "null"}},
		"origins":     {Environment: "sandbox", Origins: []string{"https://a.example"}},
		"expires_at":  {Environment: "sandbox", ExpiresAt: &time.Time{}},
	} {
		_, _, err := k.Create(t.Context(), root, spec)
		if e, ok := err.(*fault.Error); !ok || e.Kind != fault.Invalid || e.Field != field || e.Remediation == "" { //nolint:errorlint // exactly that
			t.Errorf("%s: got %v", field, err)
		}
	}
}
