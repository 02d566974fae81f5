package registry

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// ChangedAt is a step: it tells when an environment came to a revision. ok is false where no flag is of that revision any longer.
func ChangedAt(ctx context.Context, tx *store.Tx, environment string, revision int64) (at time.Time, ok bool, err error) {
	var last sql.NullInt64
	if err := tx.QueryRow(ctx, `SELECT MAX(updated_at) FROM flag_environment WHERE environment = $1 AND revision = $2`,
		environment, revision).Scan(&last); err != nil {
		return time.Time{}, false, fmt.Errorf("look when %s changed: %w", environment, err)
	}
	return store.Time(last.Int64), last.Valid, nil
}
