package serve

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTheDoctorFindsStatesThatNoEventSays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write := func(step func(ctx context.Context, tx *store.Tx) error) {
			t.Helper()
			if err := db.Write(t.Context(), step); err != nil {
				t.Fatal(err)
			}
		}
		now, by := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), access.System("test")
		write(func(ctx context.Context, tx *store.Tx) error {
			if _, err := lifecycle.Begin(ctx, tx, now, "eat.enabled", lifecycle.Terms{TTLDays: 30, MaxActiveDays: 90}); err != nil {
				return err
			}
			if _, err := lifecycle.Move(ctx, tx, by, now, lifecycle.Ident{Key: "eat.enabled", FlagID: "microapp-eat-001", App: "eat"}, lifecycle.Approved, "fine", "r1"); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO request (id, kind, state, app, flag_key, flag_id, environment, requester, authors, content,
				template_id, template_version, digest, assessment, quorum, rollout_id, created_at, updated_at, revision)
				VALUES ('r1', 'publish_app', 'denied', 'eat', '', '', '', 'a@example.com', '[]', '{}', '', 0, '', '{}', '{}', '', 0, 0, 1)`); err != nil {
				return err
			}
			e := by.Event(audit.RequestDenied, now)
			e.RequestID = "r1"
			_, err := audit.Append(ctx, tx, e)
			return err
		})
		differs := func() string {
			t.Helper()
			var v vitals
			if err := (&App{db: db}).examineStates(t.Context(), &v); err != nil {
				t.Fatal(err)
			}
			return strings.Join(v.differs, "; ")
		}
		if found := differs(); found != "" {
			t.Errorf("as the events say, and it finds %s", found)
		}
		write(func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE lifecycle SET state = 'active'`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE request SET state = 'approved'`)
			return err
		})
		want := "request r1 is approved, and its newest event says denied; eat.enabled is active, and its newest event says approved"
		if found := differs(); found != want {
			t.Errorf("it finds %q, want %q", found, want)
		}
	})
}
