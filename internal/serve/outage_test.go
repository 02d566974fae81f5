package serve_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestWithoutItsDatabaseEvaluationsGoOnAndWritesWait(t *testing.T) {
	t.Parallel()
	where := storetest.Config(t, store.PostgreSQL)
	o := open(t, where)
	o.mission()
	o.approved(where2eat(30))
	var key api.NewKey
	o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "production"}).must(201).into(&key)
	drop(t, where.URL)

	for _, call := range [][2]string{{"GET", "/api/v1/flags"}, {"POST", "/api/v1/requests"}} {
		a := o.do("alice", call[0], call[1], where2eat(30))
		a.problem(503, "database_unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s does not say when to try again", call[0], call[1])
		}
	}
	if e := o.evaluate(key.Secret, "bob", "pilot"); e.Value != false {
		t.Errorf("without a database a pilot gets %+v", e)
	}
	o.do("", "GET", "/readyz", nil).must(200)
}

// drop takes the database away, with everybody who uses it.
func drop(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", os.Getenv(storetest.PostgresEnv))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), `DROP DATABASE `+strings.TrimPrefix(u.Path, "/")+` WITH (FORCE)`); err != nil {
		t.Fatal(err)
	}
}

func TestOffLoopbackPlainHTTPIsTakenFromTheProxyOnly(t *testing.T) {
	t.Parallel()
	cfg := serve.Defaults()
	cfg.Data, cfg.Addr, cfg.PublicURL, cfg.TrustedProxies = t.TempDir(), "0.0.0.0:8080", "https://souk.example.com", []string{"10.1.0.0/16"}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	for from, status := range map[string]int{"10.1.2.3:4000": 200, "127.0.0.1:4000": 200, "@": 200, "10.2.0.1:4000": 403, "[2001:db8::1]:4000": 403} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		app.Handler().ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("a request from %s is answered %d, not %d", from, w.Code, status)
		}
	}
}

func TestLocalSocketIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "souk") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	stale := serve.Socket(dir)
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listening, ended := make(chan []string, 1), make(chan error, 1)
	cfg := serve.Defaults()
	cfg.Data, cfg.Addr, cfg.Listening = dir, "127.0.0.1:0", func(addresses []string) { listening <- addresses }
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- app.Run(ctx) }()
	addresses := <-listening
	info, err := os.Stat(stale)
	if err != nil || info.Mode().Type() != os.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	answer, err := http.Get("http://" + addresses[0] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(stale + "*"); len(left) > 0 {
		t.Errorf("the server left %v behind", left)
	}
}
