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

// Place tells flags where they stand in their life. The event is the caller's. A key without a flag is left alone.
func Place(ctx context.Context, tx *store.Tx, at time.Time, life Life, keys ...string) error {
	args := append([]any{life.State, expiry(life.ExpiresAt), life.ReadOnly, store.Micros(at)}, store.Values(keys)...)
	if _, err := tx.Exec(ctx, `UPDATE flag SET state = $1, expires_at = $2, read_only = $3, updated_at = $4, revision = revision + 1
		WHERE key IN (`+store.In(5, len(keys))+`) AND (state <> $1 OR read_only <> $3 OR expires_at <> $2)`, args...); err != nil {
		return fmt.Errorf("place flags in their lives: %w", err)
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
