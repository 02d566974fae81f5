package rollout_test

import (
	"context"
	"slices"
	"testing"

	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestARolloutThatIsNotOverNeedsItsSegments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for key, state := range map[string]string{"a.open": "running", "b.over": "aborted"} {
				if _, err := tx.Exec(ctx, `INSERT INTO rollout (id, flag_key, app, request_id, state, step, steps, reason, killed_in, created_at, updated_at, revision)
					VALUES ($1, $1, 'x', '', $2, 0, $3, '', '', 0, 0, 1)`, key, state, `[{"audience":"people-of-`+state+`"}]`); err != nil {
					return err
				}
			}
			for segment, want := range map[string][]string{"people-of-running": {"a.open"}, "people-of-aborted": nil, "people-of": nil} {
				if got, err := rollout.ToSegment(ctx, tx, segment, nil); err != nil || !slices.Equal(got.Keys, want) {
					t.Errorf("%s is needed by %q, %v", segment, got.Keys, err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
