package signin

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Restored is a step after a backup was restored: links that nobody had used when it was taken end, since they may have been used
// after it. It returns how many, and how many tokens work again, some of which may have been revoked after it.
func Restored(ctx context.Context, tx *store.Tx, now time.Time) (links, tokens int64, err error) {
	links, err = tx.Exec(ctx, `UPDATE one_time_link SET ended_at = $1 WHERE ended_at IS NULL`, store.Micros(now))
	if err != nil {
		return 0, 0, fault.Wrap("end links", err)
	}
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM api_token WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)`, store.Micros(now)).Scan(&tokens)
	return links, tokens, fault.Wrap("count tokens", err)
}
