// Package storetest runs database tests on every engine, each on a database of its own.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"github.com/soukhq/souk/internal/store"
)

// PostgresEnv names the variable with the URL of a PostgreSQL server on which tests may make and drop databases.
// `make test` starts a throwaway one and sets it.
const PostgresEnv = "SOUK_TEST_POSTGRES"

// EnginesEnv names the variable that leaves one engine to tests of both: sqlite or postgres. The gate runs all of SQLite without the race
// detector, which takes ten times as long, and what is about things at the same time with it.
const EnginesEnv = "SOUK_TEST_ENGINES"

// Each runs test on SQLite and on PostgreSQL, with a migrated, empty database. Without a PostgreSQL server that half is
// skipped, unless SOUK_REQUIRE_ALL is set.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	OnEach(t, func(t *testing.T, engine store.Engine) { test(t, Open(t, engine)) })
}

// OnEach runs test for each engine, of those that EnginesEnv leaves.
func OnEach(t *testing.T, test func(t *testing.T, engine store.Engine)) {
	t.Helper()
	on(t, test, func(engine store.Engine, only string) bool { return only == "" || only == string(engine) })
}

// AtOnce is OnEach for a test of what happens at the same time: on SQLite it runs beside PostgreSQL, too, with the race detector.
func AtOnce(t *testing.T, test func(t *testing.T, engine store.Engine)) {
	t.Helper()
	on(t, test, func(engine store.Engine, only string) bool {
		return engine == store.SQLite || only != string(store.SQLite)
	})
}

func on(t *testing.T, test func(t *testing.T, engine store.Engine), runs func(engine store.Engine, only string) bool) {
	t.Helper()
	only := os.Getenv(EnginesEnv)
	for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
		if runs(engine, only) {
			t.Run(string(engine), func(t *testing.T) {
				t.Parallel()
				test(t, engine)
			})
		}
	}
}

// Open gives a migrated, empty database that is closed and dropped when the test ends.
func Open(t testing.TB, engine store.Engine) *store.DB {
	t.Helper()
	cfg := Config(t, engine)
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// Unmigrated opens a database without any table, for tests of upgrades. It is closed and dropped when the test ends.
func Unmigrated(t testing.TB, engine store.Engine) *store.DB {
	t.Helper()
	cfg := store.Config{Dir: t.TempDir()}
	if engine == store.PostgreSQL { // an empty schema in a database that is migrated already
		cfg = Config(t, engine)
		made, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = made.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `CREATE SCHEMA old`)
			return err
		})
		if err := errors.Join(err, made.Close()); err != nil {
			t.Fatal(err)
		}
		cfg.URL += map[bool]string{true: "&", false: "?"}[strings.Contains(cfg.URL, "?")] + "search_path=old"
	}
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Write runs a step in a transaction of its own.
func Write[T any](t testing.TB, db *store.DB, step func(ctx context.Context, tx *store.Tx) (T, error)) (result T) {
	t.Helper()
	if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		result, err = step(ctx, tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return result
}

// Plan returns how the engine would carry out a query, a step in each line.
func Plan(t testing.TB, db *store.DB, query string, args []any) []string {
	t.Helper()
	scan, explain := store.ScanString, `EXPLAIN `
	if db.Engine() == store.SQLite {
		explain = `EXPLAIN QUERY PLAN `
		scan = func(row store.Row) (detail string, err error) {
			var id, parent, unused int
			err = row.Scan(&id, &parent, &unused, &detail)
			return detail, err
		}
	}
	var steps []string
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		if db.Engine() == store.PostgreSQL { // of so few flags it may prefer to read all: is there an index at all?
			if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
		}
		steps, err = store.List(ctx, tx, scan, explain+query, args...)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return steps
}

// Config gives the configuration of a database of the test's own, already migrated, to open more than once or by a program
// under test.
func Config(t testing.TB, engine store.Engine) store.Config {
	t.Helper()
	if engine == store.SQLite {
		pattern, err := file()
		if err != nil {
			t.Fatalf("make the database that tests are copied from: %v", err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "souk.db"), pattern, 0o600); err != nil {
			t.Fatal(err)
		}
		return store.Config{Dir: dir}
	}
	server := os.Getenv(PostgresEnv)
	if server == "" {
		if os.Getenv("SOUK_REQUIRE_ALL") != "" {
			t.Fatalf("%s is not set: run the tests with make test", PostgresEnv)
		}
		t.Skipf("%s is not set: no PostgreSQL to test on", PostgresEnv)
	}
	pattern, err := template()
	if err != nil {
		t.Fatalf("make the database that tests are copied from: %v", err)
	}
	name := newName()
	if err := admin(server, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, pattern)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin(server, fmt.Sprintf(`DROP DATABASE IF EXISTS %s WITH (FORCE)`, name)); err != nil {
			t.Error(err)
		}
	})
	return store.Config{URL: withDatabase(server, name)}
}

// file makes, once per process, the migrated SQLite file that all others are copies of.
var file = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "souk-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "souk.db"))
})

// template makes, once per process, the migrated database that all others are copied from: copying takes a tenth of the
// time of migrating. It returns its name, and how it is copied: by its files, since from PostgreSQL 15 on it would otherwise go page by
// page through the write-ahead log, which takes twice the processor.
var template = sync.OnceValues(func() (string, error) {
	server := os.Getenv(PostgresEnv)
	name := newName()
	if err := admin(server, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: withDatabase(server, name)})
	if err != nil {
		return "", err
	}
	if err := db.Migrate(ctx); err != nil {
		return "", err
	}
	if admin(server, `SELECT 1 / (current_setting('server_version_num')::int / 150000)`) == nil {
		name += " STRATEGY FILE_COPY"
	}
	return name, db.Close()
})

func newName() string { return "souk_test_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(fmt.Sprintf("%s is not a URL: %v", PostgresEnv, err))
	}
	u.Path = "/" + name
	return u.String()
}

func admin(server, statement string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
