package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// An installation of an older program is brought to the newest schema with what it holds.
func TestAnUpgradeMakesOldEventsFoundAndLeavesTheirBytes(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			cfg := store.Config{Dir: t.TempDir()}
			if engine == store.PostgreSQL { // an empty schema in a database that is migrated already
				cfg = storetest.Config(t, engine)
				made, err := store.Open(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				execute(t, made, `CREATE SCHEMA old`)
				if err := made.Close(); err != nil {
					t.Fatal(err)
				}
				cfg.URL += map[bool]string{true: "&", false: "?"}[strings.Contains(cfg.URL, "?")] + "search_path=old"
			}
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if err := store.MigrateTo(db, t.Context(), 14); err != nil {
				t.Fatal(err)
			}
			const body = `{"actor":"Root@x","event":"group.updated","id":"e","subject":"group:product"}`
			execute(t, db, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body)
				VALUES ('e', 1, 'group.updated', 'Root@x', '', '', '', '', $1)`, body)
			execute(t, db, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body)
				VALUES ('f', 2, 'x', 'y', '', '', '', '', '{}')`)
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			err = db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				var subject, search, kept, other string
				if err := tx.QueryRow(ctx, `SELECT subject, search, body FROM audit_event WHERE id = 'e'`).Scan(&subject, &search, &kept); err != nil {
					return err
				}
				if subject != "group:product" || !strings.EqualFold(search, body) || search == body || kept != body {
					t.Errorf("%q, %q, %q", subject, search, kept)
				}
				if err := tx.QueryRow(ctx, `SELECT subject FROM audit_event WHERE id = 'f'`).Scan(&other); err != nil || other != "" {
					t.Errorf("an event about nothing else: %q, %v", other, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			// Nobody changes an event after that either.
			err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE audit_event SET body = 'x' WHERE id = 'e'`)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("an event can be changed after the upgrade: %v", err)
			}
		})
	}
}

func execute(t *testing.T, db *store.DB, statement string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
