// Package registrytest fills a database with flags, so that tests and benchmarks see what a large installation sees.
package registrytest

import (
	"context"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Start is when the first flag was made; each further one was made a second later.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Seed makes flags "app0.flag1", "app1.flag2" and so on, n of them over 1,000 apps of 100 teams, live in every environment that
// there is and with a history of one revision. Of a hundred flags in production one is killed, one serves a rule, five serve an
// audience, ten are on and all others off; of a thousand five are deprecated, and nine in ten have an expiry. It goes past the
// steps of registry, which would take minutes, and writes what they would.
func Seed(t testing.TB, db *store.DB, n int) {
	t.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2) `
	const second = 1_000_000
	start := store.Micros(Start)
	write := func(do func(ctx context.Context, tx *store.Tx) error) {
		t.Helper()
		if err := db.Write(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	const part = 500 // well within the time that a transaction has, under the race detector on a busy machine, too
	for from := 1; from <= n; from += part {
		to := min(from+part-1, n)
		write(func(ctx context.Context, tx *store.Tx) error {
			for _, statement := range []struct {
				text string
				args []any
			}{
				{`INSERT INTO flag (key, flag_id, app, name, description, type, owner_group, owner, owner_id, contact, template_id, template_version,
					variants, on_variant, off_variant, outside_variant, audience, client_side, search, created_at, updated_at, installed_at,
					read_only, state, expires_at, revision) ` + numbers + `
				SELECT 'app' || CAST(i % 1000 AS TEXT) || '.flag' || CAST(i AS TEXT), 'microapp-app' || CAST(i % 1000 AS TEXT) || '-' || CAST(i AS TEXT),
					'app' || CAST(i % 1000 AS TEXT), 'Flag ' || CAST(i AS TEXT), 'Lets people see part ' || CAST(i AS TEXT) || ' of the app',
					'boolean', 'team' || CAST(i % 100 AS TEXT), 'team' || CAST(i % 100 AS TEXT), 'team' || CAST(i % 100 AS TEXT), 'it@hyfin.example',
					'template' || CAST(i % 10 AS TEXT), 1, '{"on":true,"off":false}', 'on', 'off', 'off', 'pilot', FALSE,
					'app' || CAST(i % 1000 AS TEXT) || '.flag' || CAST(i AS TEXT) || ' flag ' || CAST(i AS TEXT) || ' lets people see part '
						|| CAST(i AS TEXT) || ' of the app',
					$3 + i * 1000000, $3 + i * 1000000, $3 + i * 1000000, i % 1000 < 5, CASE WHEN i % 1000 < 5 THEN 'deprecated' ELSE 'active' END,
					CASE WHEN i % 10 = 0 THEN 9223372036854775807 ELSE $3 + (i + 2592000) * 1000000 END, 1 FROM n`, []any{from, to, start}},
				{`INSERT INTO flag_environment (flag_key, environment, live, revision, mode, audience, percent, serving, killed_at, killed_by,
					kill_reason, definition, updated_at) ` + numbers + `
				SELECT 'app' || CAST(i % 1000 AS TEXT) || '.flag' || CAST(i AS TEXT), e.name, TRUE, e.revision + i,
					CASE WHEN i % 100 = 1 THEN 'custom' WHEN i % 100 < 7 THEN 'audience' WHEN i % 100 < 17 THEN 'on' ELSE 'off' END,
					CASE WHEN i % 100 > 1 AND i % 100 < 7 THEN 'pilot' ELSE '' END, CASE WHEN i % 100 > 1 AND i % 100 < 7 THEN 25 ELSE 0 END,
					CASE WHEN i % 100 = 1 THEN '{"mode":"custom","targeting":{"if":[{"in":["@hyfin.example",{"var":"email"}]},"on"]}}' ELSE '' END,
					CASE WHEN i % 100 = 99 THEN $3 + i * 1000000 END, CASE WHEN i % 100 = 99 THEN 'olu@hyfin.example' ELSE '' END,
					CASE WHEN i % 100 = 99 THEN 'it failed' ELSE '' END,
					'{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"' || CASE WHEN i % 100 > 6 AND i % 100 < 17 THEN 'on' ELSE 'off' END || '"'
						|| CASE WHEN i % 100 = 1 THEN ',"targeting":{"if":[{"in":["@hyfin.example",{"var":"email"}]},"on"]}'
							WHEN i % 100 < 7 THEN ',"targeting":{"if":[{"$ref":"pilot"},{"fractional":[["on",25],["off",75]]}]}' ELSE '' END
						|| ',"metadata":{"app":"app' || CAST(i % 1000 AS TEXT) || '","flag_id":"microapp-app' || CAST(i % 1000 AS TEXT) || '-' || CAST(i AS TEXT) || '"}}',
					$3 + i * 1000000 FROM n CROSS JOIN environment e`, []any{from, to, start}},
				{`INSERT INTO flag_revision (id, flag_key, environment, revision, cause, serving, killed, definition, actor, at, reason,
					request_id, rollout_id)
				SELECT s.flag_key || '/' || s.environment, s.flag_key, s.environment, s.revision, 'approved',
					CASE WHEN s.serving <> '' THEN s.serving WHEN s.mode = 'audience' THEN '{"mode":"audience","audience":"pilot","percent":25}'
						ELSE '{"mode":"' || s.mode || '"}' END,
					FALSE, s.definition, 'seed@hyfin.example', s.updated_at, 'seeded', '', '' FROM flag_environment s
				WHERE s.updated_at BETWEEN $1 AND $2`, []any{start + int64(from)*second, start + int64(to)*second}},
				{`INSERT INTO lifecycle (flag_key, state, left_state, since, ttl_days, max_active_days, production_at, active_at, removal_plan, revision)
				SELECT f.key, f.state, CASE WHEN f.read_only THEN 'active' ELSE '' END, f.created_at, 30, 90, f.created_at, f.created_at, '', 1 FROM flag f
				WHERE f.created_at BETWEEN $1 AND $2`, []any{start + int64(from)*second, start + int64(to)*second}},
			} {
				if _, err := tx.Exec(ctx, statement.text, statement.args...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	write(func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE environment SET revision = revision + $1 + 1`, n); err != nil {
			return err
		}
		if db.Engine() == store.SQLite { // it goes without, as on anybody's machine
			return nil
		}
		_, err := tx.Exec(ctx, `ANALYZE`) // as the database does by itself, in time
		return err
	})
}
