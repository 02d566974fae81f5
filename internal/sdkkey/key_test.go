package sdkkey

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// keys knows the app where2eat, of team-lunch, and governs production.
func keys(db *store.DB) *Keys {
	return &Keys{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now, Facts: func(_ context.Context, _ *store.Tx, environment, app string) (Facts, error) {
		facts := Facts{Governed: environment == "production"}
		if app == "where2eat" {
			facts.OwnerGroup = "team-lunch"
		} else if app != "" {
			return Facts{}, fault.New(fault.NotFound, "unknown_app", "there is no app %s", app).At("app")
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
		end := accesstest.Noon.Add(time.Hour)
		key, secret, err := k.Create(ctx, accesstest.Root, Spec{
			Environment: "production", App: "where2eat", ClientSide: true, Origins: []string{"https://a.example"}, ExpiresAt: &end,
		})
		if err != nil || !strings.HasPrefix(secret, "souksdk_") || key.Prefix != secret[:12] || key.Name != "where2eat production" {
			t.Fatal(key, err)
		}
		for _, k := range []*Keys{k, other} {
			if !k.Await(ctx, key) {
				t.Fatal("the key does not come to be served")
			}
			got, ok := k.Lookup(secret, accesstest.Noon)
			if diff := cmp.Diff(key, got); diff != "" || !ok {
				t.Errorf("served key (-want +got):\n%s", diff)
			}
			if _, ok := k.Lookup(secret, end); ok {
				t.Error("an expired key is served")
			}
			if _, ok := k.Lookup(secret[:len(secret)-1]+"~", accesstest.Noon); ok {
				t.Error("another secret is served")
			}
		}
		if k.Lasts(key.ID, accesstest.Noon) != Lasts || k.Lasts(key.ID, end) != Expired {
			t.Errorf("it is said to be: %s, and %s at its end", k.Lasts(key.ID, accesstest.Noon), k.Lasts(key.ID, end))
		}
		replaced := k.Replaced()
		for range 2 {
			if key, err = k.Revoke(ctx, accesstest.Root, key.ID, 1); err != nil || key.RevokedAt == nil {
				t.Fatal(key, err)
			}
		}
		for _, k := range []*Keys{k, other} {
			if !k.Await(ctx, key) {
				t.Fatal("the key does not cease to be served")
			}
			if _, ok := k.Lookup(secret, accesstest.Noon); ok {
				t.Error("a revoked key is served")
			}
			if got := k.Lasts(key.ID, accesstest.Noon); got != Revoked {
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
		if k.Await(ctx, Key{ID: "never"}) {
			t.Error("a key that is not served was waited for")
		}
	})
}

func TestKeysOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := keys(db)
		_, secret, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := k.Lookup(secret, accesstest.Noon); ok {
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
		if _, ok := k.Lookup(secret, accesstest.Noon); !ok {
			t.Error("a failed refresh lost the keys")
		}
	})
}

func TestOwnersMakeKeysOfTheirAppOutsideGovernedEnvironments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := &access.Directory{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now}
		accesstest.Company(t, d)
		accesstest.Group(t, d, "on-call", access.GroupSpec{Roles: []access.Role{access.Operator}})
		accesstest.Person(t, d, "olu@hyfin.example", access.PersonSpec{Groups: []string{"on-call"}})
		k := keys(db)
		for _, c := range []struct {
			by, environment, app string
			may                  bool
		}{
			{accesstest.Alice, "sandbox", "where2eat", true},
			{accesstest.Alice, "production", "where2eat", false},
			{accesstest.Alice, "sandbox", "", false},
			{"pat@hyfin.example", "sandbox", "where2eat", false},
			{"olu@hyfin.example", "production", "where2eat", true},
			{"olu@hyfin.example", "production", "", true},
			{"ada@hyfin.example", "production", "", true},
		} {
			by := accesstest.Actor(t, db, c.by)
			key, _, err := k.Create(t.Context(), by, Spec{Environment: c.environment, App: c.app})
			if !c.may {
				accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
				continue
			}
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			_, err = k.Revoke(t.Context(), accesstest.Actor(t, db, "pat@hyfin.example"), key.ID, 0)
			accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		}
		l, err := k.List(t.Context(), accesstest.Actor(t, db, accesstest.Alice), "where2eat", true, store.Page{Limit: 1})
		if err != nil || len(l.Items) != 1 || l.Next == "" || l.Items[0].MadeBy != "olu@hyfin.example" {
			t.Errorf("got %+v, %v", l, err)
		}
		_, err = k.List(t.Context(), accesstest.Actor(t, db, accesstest.Alice), "", true, store.Page{})
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		all, err := k.List(t.Context(), accesstest.Root, "", true, store.Page{})
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
	key := Key{Origins: []string{"https://app.example.com"}}
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
	for field, spec := range map[string]Spec{
		"environment": {Environment: "Pro duction"},
		"app":         {Environment: "sandbox", App: "../x"},
		"name":        {Environment: "sandbox", Name: "a\x1bb"},
		"origins[1]":  {Environment: "sandbox", ClientSide: true, Origins: []string{"https://a.example", "null"}},
		"origins":     {Environment: "sandbox", Origins: []string{"https://a.example"}},
		"expires_at":  {Environment: "sandbox", ExpiresAt: &time.Time{}},
	} {
		_, _, err := k.Create(t.Context(), accesstest.Root, spec)
		if e, ok := err.(*fault.Error); !ok || e.Kind != fault.Invalid || e.Field != field || e.Remediation == "" { //nolint:errorlint // exactly that
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"https://app.example.com", "http://localhost:3000", "null", "https://[::1]:443", "https://*.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		origin, err := checkOrigin("origins[0]", text)
		if err != nil {
			return
		}
		if again, err := checkOrigin("origins[0]", origin); err != nil || again != origin {
			t.Errorf("%q is kept as %q, which is %q, %v", text, origin, again, err)
		}
		if strings.ContainsAny(origin, " *?#@\\%'\",;\r\n\x00") {
			t.Errorf("%q is taken as %q", text, origin)
		}
	})
}

func TestSecretOfAKeyIsNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	_, secret, err := keys(db).Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	for table, columns := range map[string]string{"sdk_key": "hex(hash) || prefix || name", "audit_event": "body"} {
		rows := accesstest.Read(t, db, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return store.List(ctx, tx, store.ScanString, "SELECT "+columns+" FROM "+table)
		})
		if text := strings.Join(rows, "\n"); len(rows) == 0 || strings.Contains(text, secret[len(secret)-20:]) {
			t.Errorf("%s is empty or holds the secret", table)
		}
	}
}
