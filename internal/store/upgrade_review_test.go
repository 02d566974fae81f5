package store_test

import (
	"context"
	"testing"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestAnUpgradeKeepsWhatWasDecidedAndVoidsForGoodWhatWasEditedSince(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		db := openAt(t, engine, 45)
		execute(t, db, `INSERT INTO request (id, kind, state, app, flag_key, flag_id, environment, requester, authors, content, template_id,
				template_version, digest, assessment, quorum, rollout_id, created_at, updated_at, revision)
			VALUES ('r', 'publish_app', 'needs_approval', '', '', '', '', 'alice@x', '[]', '{}', '', 1, 'now', '{}', '{}', '', 0, 0, 1)`)
		for id, d := range map[string][2]string{"a": {"before", "pat@x"}, "b": {"now", "pat@x"}, "c": {"before", "sam@x"}} {
			execute(t, db, `INSERT INTO decision (id, request_id, digest, domain, person, verdict, reason, foreign_token, at)
				VALUES ($1, 'r', $2, 'product', $3, 'approved', '', FALSE, 0)`, id, d[0], d[1])
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for id, want := range map[string]string{"a": "edited", "b": "", "c": "edited"} {
				var void string
				if err := tx.QueryRow(ctx, `SELECT void FROM decision WHERE id = $1`, id).Scan(&void); err != nil || void != want {
					t.Errorf("decision %s is void by %q, %v; want %q", id, void, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
