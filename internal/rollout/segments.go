package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// NeedsSegment is a step: it returns in words which rollout that is not over has a step for the segment; empty if none has.
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

// ToSegment is a step: the keys of the flags that a rollout which is not over has a step for to the segment, in one of the
// environments.
func ToSegment(ctx context.Context, tx *store.Tx, name string, environments []string) (keys []string, err error) {
	all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout
		WHERE state IN ('ready', 'running', 'paused') AND steps LIKE $1 ESCAPE '\' ORDER BY flag_key`, store.LikePattern(`"audience":"`+name+`"`))
	if err != nil {
		return nil, fmt.Errorf("look for rollouts to a segment: %w", err)
	}
	for _, r := range all {
		if slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Audience == name && slices.Contains(environments, s.Environment) }) {
			keys = append(keys, r.FlagKey)
		}
	}
	return keys, nil
}

// Baking is a step: which of the flags bake in a governed environment.
func Baking(ctx context.Context, tx *store.Tx, environments []registry.Environment, keys []string) (baking []string, err error) {
	all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE state IN ('running', 'paused') ORDER BY flag_key`)
	if err != nil {
		return nil, fmt.Errorf("look for rollouts that bake: %w", err)
	}
	for _, r := range all {
		if slices.Contains(keys, r.FlagKey) &&
			slices.ContainsFunc(environments, func(e registry.Environment) bool { return e.Governed && r.Bakes(e.Name) }) {
			baking = append(baking, r.FlagKey)
		}
	}
	return baking, nil
}
