package registry

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Life is what a flag knows of its place in life, which package lifecycle keeps: what lists are narrowed and sorted by, and
// whether it may still be changed.
type Life struct {
	State     string
	ExpiresAt *time.Time
	ReadOnly  bool
}

// Place tells a flag where it stands in its life. The event is the caller's. A key without a flag is left alone.
func Place(ctx context.Context, tx *store.Tx, at time.Time, key string, life Life) error {
	if _, err := tx.Exec(ctx, `UPDATE flag SET state = $1, expires_at = $2, read_only = $3, updated_at = $4, revision = revision + 1
		WHERE key = $5 AND (state <> $1 OR read_only <> $3 OR expires_at <> $2)`,
		life.State, expiry(life.ExpiresAt), life.ReadOnly, store.Micros(at), key); err != nil {
		return fmt.Errorf("place %s in its life: %w", key, err)
	}
	return nil
}

// never is the expiry of a flag that has none, so that it comes after all others.
const never = math.MaxInt64

func expiry(at *time.Time) int64 {
	if at == nil {
		return never
	}
	return store.Micros(*at)
}
