package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// A server that is started while PostgreSQL is away evaluates from its disk, and serves everything once PostgreSQL is back.
func TestAServerStartsWhileItsDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.cfg.Mode = api.Serve
	o := storetest.NewOutage(t, s.cfg.DatabaseURL)
	s.published("eat")
	key, old := s.sdkKey("sandbox"), s.sdkKey("sandbox")
	_ = old
	token := s.as("root").token("all")
	context := object{"targetingKey": "bob" + at}
	s.eventually("the copies on disk are there", func() bool {
		raw, err := os.ReadFile(filepath.Join(s.cfg.Data, "snapshots", "sandbox.snapshot.json"))
		keys, errKeys := os.ReadFile(filepath.Join(s.cfg.Data, "snapshots", "sdk-keys.json"))
		return err == nil && errKeys == nil && strings.Contains(string(raw), "eat.enabled") && strings.Count(string(keys), `"hash"`) == 2
	})
	raw, err := os.ReadFile(filepath.Join(s.cfg.Data, "snapshots", "sdk-keys.json"))
	if err != nil || strings.Contains(string(raw), key) {
		t.Fatalf("the copy of keys holds a secret, or cannot be read: %v", err)
	}
	s.stop()
	o.Begin()
	s.start()
	if got := s.evaluate(key, "eat.enabled", context); got.at("value") != true {
		t.Errorf("%s while the database is away", got)
	}
	s.as("").get("/healthz").want(s, http.StatusOK)
	if got := s.as("").get("/readyz").want(s, http.StatusOK); !strings.Contains(got.text("database"), "away") {
		t.Errorf("%s", got)
	}
	for _, call := range [][2]string{{"GET", "/api/v1/flags"}, {"POST", "/api/v1/requests"}, {"GET", "/api/v1/session"}, {"GET", "/api/v1/watch"}, {"POST", "/api/v1/session"}} {
		got := token.do(call[0], call[1], nil).refused(s, http.StatusServiceUnavailable, "database_unavailable")
		if got.Header().Get("Retry-After") == "" {
			t.Errorf("%s does not say when to try again", got)
		}
	}
	if got := s.as("").get("/"); got.Code != http.StatusOK || !strings.Contains(got.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("the console is answered %s", got)
	}
	o.End()
	s.eventually("everything is served again", func() bool { return token.get("/api/v1/flags").Code == http.StatusOK })
	s.as("root").post("/api/v1/tokens", object{"scope": "read"})
	token.with(`If-None-Match: *`).do("PUT", "/api/v1/groups/new", object{}).want(s, http.StatusCreated)
	s.eventually("the audit log is sequenced", func() bool {
		return token.get("/api/v1/audit/events?limit=1").at("items", 0, "leaf") != nil
	})
}

func TestWithoutCopiesOnDiskAServerSaysThatItsDatabaseIsAway(t *testing.T) {
	t.Parallel()
	cfg := serve.Defaults()
	cfg.Data, cfg.DatabaseURL = t.TempDir(), storetest.Config(t, store.PostgreSQL).URL
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	drop(t, cfg.DatabaseURL)
	if err := os.WriteFile(filepath.Join(cfg.Data, "snapshots", "sdk-keys.json"), []byte(`{"sha256":"0","keys":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if app, err := serve.New(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("with a damaged copy: %v, %v", app, err)
	}
	cfg.Data = t.TempDir()
	if app, err := serve.New(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a copy: %v, %v", app, err)
	}
}
