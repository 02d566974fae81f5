package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// furnish writes rows of every kind of value: text with what JSON escapes, bytes, booleans, NULL and numbers beyond 2^53.
func furnish(t *testing.T, db *store.DB) {
	t.Helper()
	write(t, db,
		`INSERT INTO person (id, email, display_name, agent, active, search, revision, created_at, updated_at)
			VALUES ('p1', 'alice@example.com', 'Alice "A" <é> \n', FALSE, TRUE, '', 9007199254740993, 1, 1)`,
		`INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body) VALUES ('e1', 1, 'x', 'a', '', '', '', '', '{}')`,
		`INSERT INTO audit_pending (event_id) VALUES ('e1')`,
	)
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO api_token (id, hash, prefix, name, person_id, scope, made_by, created_at, expires_at, revoked_at, last_used, revision)
			VALUES ('t1', $1, 'p', 'n', 'p1', 'all', 'p1', 1, NULL, 2, NULL, 1)`, []byte{0, 1, 2, 255})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func dump(t *testing.T, db *store.DB) string {
	t.Helper()
	var out bytes.Buffer
	if err := db.Dump(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestADumpFillsAnEmptyDatabaseOfEitherEngineWithTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, from *store.DB) {
		furnish(t, from)
		taken := dump(t, from)
		for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
			into := storetest.Open(t, engine)
			if err := into.Fill(t.Context(), strings.NewReader(taken)); err != nil {
				t.Fatal(err)
			}
			if engine == from.Engine() {
				if diff := cmp.Diff(taken, dump(t, into)); diff != "" {
					t.Errorf("filled differently (-dumped +filled):\n%s", diff)
				}
			}
			// What is counted goes on after what was filled in.
			write(t, into, `INSERT INTO audit_event (id, at, name, actor, flag_key, flag_id, app, request_id, body) VALUES ('e2', 1, 'x', 'a', '', '', '', '', '{}')`,
				`INSERT INTO audit_pending (event_id) VALUES ('e2')`)
		}
	})
}

func TestOnlyAWholeDumpIsRestoredAndOnlyIntoAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, from *store.DB) {
		furnish(t, from)
		taken := dump(t, from)
		if err := from.Fill(t.Context(), strings.NewReader(taken)); !fault.Is(err, fault.Conflict) {
			t.Errorf("filling a database in use gives %v", err)
		}
		lines := strings.SplitAfter(taken, "\n")
		for name, damaged := range map[string]string{
			"empty":            "",
			"no dump":          "hello\n",
			"cut off":          strings.Join(lines[:len(lines)-2], ""),
			"cut in a line":    taken[:len(taken)-4],
			"a row left out":   strings.Join(append(lines[:3:3], lines[4:]...), ""),
			"a newer schema":   strings.Replace(taken, `{"schema":`, `{"schema":9`, 1),
			"another table":    strings.Replace(taken, `"table":"person"`, `"table":"person; DROP TABLE person"`, 1),
			"another value":    strings.Replace(taken, `"alice@example.com"`, `17`, 1),
			"too few values":   strings.Replace(taken, `"alice@example.com",`, ``, 1),
			"nothing but rows": strings.Repeat("[]\n", 10),
		} {
			into := storetest.Open(t, from.Engine())
			before := dump(t, into)
			err := into.Fill(t.Context(), strings.NewReader(damaged))
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Invalid || f.Remediation == "" {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(before, dump(t, into)); diff != "" {
				t.Errorf("%s changed the database:\n%s", name, diff)
			}
		}
	})
}

func TestADatabaseTellsHowItIs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		v, err := db.Vitals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v.Engine != db.Engine() || v.Schema != v.Newest || v.Schema < 11 || v.Bytes < 10_000 || v.Server == "" {
			t.Errorf("%+v", v)
		}
		if postgres := db.Engine() == store.PostgreSQL; v.CanRewrite != postgres { // the tests' role owns the tables
			t.Errorf("the role may rewrite: %v", v.CanRewrite)
		}
	})
}
