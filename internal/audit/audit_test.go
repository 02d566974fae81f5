package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// auditor may read the log, stranger may not.
type auditor struct{}

func (auditor) MayReadAudit() error { return nil }

type stranger struct{}

func (stranger) MayReadAudit() error {
	return fault.New(fault.Forbidden, "forbidden", "you may not do this")
}

var start = time.Date(2026, 1, 10, 15, 42, 0, 0, time.UTC)

func now() time.Time { return start }

// Two fixed keys, so that notes in golden files stay the same. They sign nothing but tests.
const (
	keyA  = "PRIVATE+KEY+souk/test+c3607c77+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
	vkeyA = "souk/test+c3607c77+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
	keyB  = "PRIVATE+KEY+souk/other+94a945f5+AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"
	vkeyB = "souk/other+94a945f5+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
)

func open(t *testing.T, db *store.DB, cfg audit.Config) *audit.Log {
	t.Helper()
	if cfg.Dir == "" && cfg.Key == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Now = now
	log, err := audit.Open(t.Context(), db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func event(n int) audit.Event {
	return audit.Event{
		Event: audit.FlagStateChanged, FlagID: "microapp-where2eat-001", FlagKey: "where2eat.enabled", From: "staged", To: "active",
		Actor: "alice@example.com", Timestamp: start.Add(time.Duration(n) * time.Second), Reason: fmt.Sprintf("reason %d", n),
		App: "where2eat", RequestID: "r1", Credential: audit.Credential{Kind: "session"},
		Details: map[string]any{"n": n, "share": 0.1, "text": "<a> & \u00e4 \u2028"},
	}
}

func appendEvents(ctx context.Context, db *store.DB, events ...audit.Event) error {
	return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, e := range events {
			if _, err := audit.Append(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func appendN(t *testing.T, db *store.DB, n int) {
	t.Helper()
	var list []audit.Event
	for i := range n {
		list = append(list, event(i))
	}
	if err := appendEvents(t.Context(), db, list...); err != nil {
		t.Fatal(err)
	}
}

func export(t *testing.T, log *audit.Log) string {
	t.Helper()
	var b bytes.Buffer
	if err := log.Export(t.Context(), auditor{}, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func verify(t *testing.T, text string, options audit.VerifyOptions) audit.Report {
	t.Helper()
	report, err := audit.Verify(strings.NewReader(text), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func count(t *testing.T, db *store.DB, query string) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, query).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func exec(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAuditRowsCannotBeChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		appendN(t, db, 2)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := export(t, log)
		columns := map[string]string{"audit_event": "body", "audit_leaf": "event_id", "audit_hash": "hash", "audit_checkpoint": "note", "audit_key": "vkey"}
		for table, column := range columns {
			statements := []string{
				"UPDATE " + table + " SET " + column + " = " + column,
				"DELETE FROM " + table,
			}
			switch db.Engine() {
			case store.PostgreSQL:
				statements = append(statements, "TRUNCATE "+table, "TRUNCATE "+table+" CASCADE")
			case store.SQLite:
				statements = append(statements, "INSERT OR REPLACE INTO "+table+" SELECT * FROM "+table+" WHERE true",
					"UPDATE OR REPLACE "+table+" SET "+column+" = "+column)
			}
			for _, statement := range statements {
				if table == "audit_checkpoint" && strings.HasPrefix(statement, "INSERT") {
					continue // has no key that could conflict
				}
				err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Exec(ctx, statement)
					return err
				})
				if err == nil {
					t.Errorf("%s was not refused", statement)
				}
			}
		}
		if after := export(t, log); after != before {
			t.Errorf("the log changed:\n%s\nbecame\n%s", before, after)
		}
	})
}

func TestStateChangeNeedsAReason(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, spoil := range map[string]func(*audit.Event){
			"blank reason":  func(e *audit.Event) { e.Reason = " \t" },
			"no actor":      func(e *audit.Event) { e.Actor = "" },
			"no time":       func(e *audit.Event) { e.Timestamp = time.Time{} },
			"no flag":       func(e *audit.Event) { e.FlagID = "" },
			"no old state":  func(e *audit.Event) { e.From = "" },
			"no credential": func(e *audit.Event) { e.Credential = audit.Credential{} },
		} {
			e := event(1)
			spoil(&e)
			if err := appendEvents(t.Context(), db, e); err == nil {
				t.Errorf("%s: the event was appended", name)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_event`); n != 0 {
			t.Errorf("%d events were left", n)
		}
	})
}
