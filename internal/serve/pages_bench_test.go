package serve_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
)

// sizes are two installations, a hundred times apart; a page that is flat costs the same in both.
var sizes = []struct {
	name                string
	flags, apps, events int
}{{"small", 1_000, 100, 10_000}, {"large", 100_000, 10_000, 1_000_000}}

// pages are what people look at: the beginning of a list, somewhere deep in it, a filter, a sort, a search.
var pages = []struct {
	name, path string
	deep       int // pages to turn first
}{
	{"app switches: newest", "/flags", 0},
	{"app switches: fifth page", "/flags", 4},
	{"app switches: by key", "/flags?sort=key&order=asc", 0},
	{"app switches: what ends soon", "/flags?sort=expires&order=asc&state=active", 0},
	{"app switches: killed in production", "/flags?environment=production&serving=killed", 0},
	{"app switches: of one app", "/flags?app=app7", 0},
	{"apps: newest", "/apps?limit=30", 0},
	{"apps: a category by name", "/apps?limit=30&sort=name&category=dashboard", 0},
	{"apps: a search with a typing error", "/apps?limit=30&q=marketplcae", 0},
	{"audit: newest", "/audit/events", 0},
	{"audit: fifth page", "/audit/events", 4},
	{"audit: one person", "/audit/events?actor=person7%40hyfin.example", 0},
	{"audit: one kind of event", "/audit/events?event=flag.killed", 0},
	{"home: what waits", "/inbox", 0},
}

// BenchmarkPages asks the API for pages as the local administrator does.
func BenchmarkPages(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			dir := b.TempDir()
			db, err := store.Open(b.Context(), store.Config{Dir: dir})
			if err != nil {
				b.Fatal(err)
			}
			if err := db.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			registrytest.Seed(b, db, size.flags)
			fillApps(b, db, size.apps)
			fillLog(b, db, size.events)
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			cfg := serve.Defaults()
			cfg.Data = dir
			app, err := serve.New(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = app.Close() })
			for _, page := range pages {
				b.Run(page.name, func(b *testing.B) {
					path := "/api/v1" + page.path
					for range page.deep {
						path = turn(b, app, "/api/v1"+page.path, path)
					}
					for b.Loop() {
						ask(b, app, path)
					}
				})
			}
		})
	}
}

func ask(b *testing.B, app *serve.App, path string) []byte {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost:8080"
	w := httptest.NewRecorder()
	app.Handler().ServeHTTP(w, r.WithContext(serve.Local(r.Context())))
	if w.Code != 200 {
		b.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// turn gives the path of the page after the one at path.
func turn(b *testing.B, app *serve.App, first, path string) string {
	b.Helper()
	var list struct{ Next string }
	if err := json.Unmarshal(ask(b, app, path), &list); err != nil || list.Next == "" {
		b.Fatalf("%s has no next page: %v", path, err)
	}
	return first + "?cursor=" + url.QueryEscape(list.Next)
}

const numbers = `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2) `

// fill runs an INSERT over the numbers from 1 to n, in parts that a transaction has time for.
func fill(b *testing.B, db *store.DB, n int, statements ...string) {
	b.Helper()
	const part = 20_000
	for from := 1; from <= n; from += part {
		err := db.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s, from, min(from+part-1, n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func fillApps(b *testing.B, db *store.DB, n int) {
	b.Helper()
	fill(b, db, n, `INSERT INTO app (slug, name, description, category, owner, contact, kind, url, listed, search, created_at, updated_at, revision) `+numbers+`
		SELECT 'app' || CAST(i AS TEXT), 'Marketplace ' || CAST(i AS TEXT), 'Shows part ' || CAST(i AS TEXT) || ' of the day',
			CASE WHEN i % 3 = 0 THEN 'dashboard' ELSE 'automation' END, 'team' || CAST(i % 100 AS TEXT), 'it@hyfin.example', 'external', 'https://app.hyfin.example',
			TRUE, 'app' || CAST(i AS TEXT) || ' marketplace ' || CAST(i AS TEXT), i, i, 1 FROM n`)
}

func fillLog(b *testing.B, db *store.DB, n int) {
	b.Helper()
	fill(b, db, n, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body) `+numbers+`
		SELECT 'event' || CAST(10000000 + i AS TEXT), 1767225600000000 + i * 1000000, CASE WHEN i % 1000 = 0 THEN 'flag.killed' ELSE 'flag.updated' END,
			'person' || CAST(i % 500 AS TEXT) || '@hyfin.example', 'app' || CAST(i % 1000 AS TEXT) || '.enabled', '', 'app' || CAST(i % 1000 AS TEXT), '',
			'{"id":"event' || CAST(10000000 + i AS TEXT) || '","event":"flag.updated","actor":"person' || CAST(i % 500 AS TEXT) ||
				'@hyfin.example","timestamp":"' || strftime('%Y-%m-%dT%H:%M:%SZ', 1767225600 + i, 'unixepoch') || '","credential":{"kind":"session"}}' FROM n`,
		`INSERT INTO audit_leaf (idx, event_id) `+numbers+` SELECT i - 1, 'event' || CAST(10000000 + i AS TEXT) FROM n`)
}
