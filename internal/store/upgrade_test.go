package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// An installation of an older program is brought to the newest schema with what it holds.
func TestAnUpgradeMakesOldEventsFoundAndLeavesTheirBytes(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		db := openAt(t, engine, 14)
		const body = `{"actor":"Root@x","event":"group.updated","id":"e","subject":"group:product"}`
		execute(t, db, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body)
			VALUES ('e', 1, 'group.updated', 'Root@x', '', '', '', '', $1)`, body)
		execute(t, db, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body)
			VALUES ('f', 2, 'x', 'y', '', '', '', '', '{}')`)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
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

// openAt opens an empty database as the migrations up to a version leave it.
func openAt(t *testing.T, engine store.Engine, version int64) *store.DB {
	t.Helper()
	db := storetest.Unmigrated(t, engine)
	if err := store.MigrateTo(db, t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestAnUpgradeNamesTheActThatHoldsAFlagOff(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		db := openAt(t, engine, 22)
		for i, actor := range []string{"olu@x", "bob@x"} {
			execute(t, db, `INSERT INTO kill_act (id, environment, revision, kind, name, flags, rollouts, reason, actor, at)
				VALUES ($1, 'production', 1, 'app', 'a', 1, 0, '', $2, 7)`, "act"+strconv.Itoa(i), actor)
		}
		for key, killed := range map[string][2]any{"olu's": {"olu@x", 7}, "bob's": {"bob@x", 7}, "older": {"olu@x", 6}, "on": {"", nil}} {
			execute(t, db, `INSERT INTO flag (key, flag_id, app, name, description, type, owner_group, owner, contact, template_id, template_version,
					variants, on_variant, off_variant, outside_variant, audience, client_side, search, created_at, updated_at, revision)
				VALUES ($1, $1, 'a', '', '', 'boolean', '', '', '', '', 1, '{}', '', '', '', '', FALSE, '', 0, 0, 1)`, key)
			execute(t, db, `INSERT INTO flag_environment (flag_key, environment, live, revision, mode, audience, percent, killed_by, killed_at,
					kill_reason, definition, updated_at)
				VALUES ($1, 'production', TRUE, 1, 'on', '', 0, $2, $3, '', '{}', 0)`, key, killed[0], killed[1])
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for key, want := range map[string]string{"olu's": "act0", "bob's": "act1", "older": "", "on": ""} {
				var id sql.NullString
				if err := tx.QueryRow(ctx, `SELECT kill_id FROM flag_environment WHERE flag_key = $1`, key).Scan(&id); err != nil || id.String != want {
					t.Errorf("%s is held off by %q, %v", key, id.String, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnUpgradeKeepsWhoMayHaveChosenAPassword(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		db := openAt(t, engine, 110)
		for _, id := range []string{"ada", "bob"} {
			execute(t, db, `INSERT INTO person (id, email, display_name, agent, active, search, revision, created_at, updated_at)
				VALUES ($1, $1, '', FALSE, TRUE, '', 1, 0, 0)`, id)
			execute(t, db, `INSERT INTO password (person_id, hash, changed_at, made_by, made_by_id) VALUES ($1, '', 0, 'ada', 'ada')`, id)
		}
		for id, makers := range map[string]string{"by password": "", "by link": "ada"} {
			execute(t, db, `INSERT INTO session (id, hash, person_id, created_at, seen_at, user_agent, address, made_by, made_by_id, makers)
				VALUES ($1, $2, 'bob', 0, 0, '', '', 'ada', 'ada', $3)`, id, []byte(id), makers)
			execute(t, db, `INSERT INTO api_token (id, hash, prefix, name, person_id, scope, made_by, made_by_id, created_at, revision, makers)
				VALUES ($1, $2, '', '', 'bob', 'all', 'ada', 'ada', 0, 1, $3)`, id, []byte(id), makers)
			execute(t, db, `INSERT INTO one_time_link (id, hash, kind, person_id, made_by, made_by_id, created_at, expires_at, used, makers)
				VALUES ($1, $2, 'reset', 'bob', 'ada', 'ada', 0, 0, FALSE, $3)`, id, []byte(id), makers)
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for query, rows := range map[string]map[string]string{
				`SELECT makers FROM password WHERE person_id = $1`: {"ada": "", "bob": "ada"},
				`SELECT choosers FROM session WHERE id = $1`:       {"by password": "ada", "by link": ""},
				`SELECT choosers FROM api_token WHERE id = $1`:     {"by password": "ada", "by link": ""},
				`SELECT choosers FROM one_time_link WHERE id = $1`: {"by password": "ada", "by link": ""},
			} {
				for id, want := range rows {
					var got string
					if err := tx.QueryRow(ctx, query, id).Scan(&got); err != nil || got != want {
						t.Errorf("%s of %s: %q, %v", query, id, got, err)
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
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

func TestAnUpgradeLeavesNothingInProductionToTime(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		db := openAt(t, engine, 130)
		step := func(environment, state string) string {
			return `{"environment":"` + environment + `","percent":100,"bake_seconds":5,"promote":"time","state":"` + state + `"}`
		}
		for id, steps := range map[string]string{
			"in staging":    step("staging", "baking") + "," + step("production", "pending"),
			"in production": step("production", "promoted") + "," + step("production", "baking"),
		} {
			execute(t, db, `INSERT INTO rollout (id, flag_key, app, request_id, state, step, steps, reason, killed_in, due_at, created_at, updated_at, revision)
				VALUES ($1, $1, 'a', '', 'running', $2, $3, '', '', 7, 0, 0, 1)`, id, map[bool]int{true: 1}[id == "in production"], "["+steps+"]")
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for id, want := range map[string]string{"in staging": "time person, due 7", "in production": "time person, asks 7"} {
				var text string
				var due, ask sql.NullInt64
				if err := tx.QueryRow(ctx, `SELECT steps, due_at, ask_at FROM rollout WHERE id = $1`, id).Scan(&text, &due, &ask); err != nil {
					return err
				}
				var steps []struct{ Promote string }
				if err := json.Unmarshal([]byte(text), &steps); err != nil {
					return err
				}
				got := steps[0].Promote + " " + steps[1].Promote
				if due.Valid {
					got += ", due " + strconv.FormatInt(due.Int64, 10)
				}
				if ask.Valid {
					got += ", asks " + strconv.FormatInt(ask.Int64, 10)
				}
				if got != want {
					t.Errorf("%s: %s, want %s", id, got, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
