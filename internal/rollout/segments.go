package rollout

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// NeedsSegment is a step: it tells in words which rollout that is not over has a step for the segment; empty if none has.
func NeedsSegment(ctx context.Context, tx *store.Tx, name string) (string, error) {
	key, ok, err := store.One(ctx, tx, store.ScanString, `SELECT flag_key FROM rollout
		WHERE state IN ('ready', 'running', 'paused') AND steps LIKE $1 ESCAPE '\' ORDER BY created_at LIMIT 1`,
		store.LikePattern(`"audience":"`+name+`"`))
	if err != nil {
		return "", fmt.Errorf("look for rollouts to a segment: %w", err)
	}
	if !ok {
		return "", nil
	}
	return "the rollout of " + key, nil
}
