package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// For reports whether a step is for the segment, by its audience or by a rule of its serving that refers to it.
func (s Step) For(segment string) bool {
	return s.Audience == segment || s.Serving != nil && slices.Contains(s.Serving.Uses(), segment)
}

// NeedsSegment is a step: it returns in words which rollout that is not over has a step for the segment; empty if none has.
func NeedsSegment(ctx context.Context, tx *store.Tx, name string) (string, error) {
	all, err := toSegment(ctx, tx, name)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return "the rollout of " + all[0].FlagKey, nil
}

// ToSegment is a step: the keys of the flags that a rollout which is not over has a step for to the segment, in one of the
// environments.
func ToSegment(ctx context.Context, tx *store.Tx, name string, environments []string) (keys []string, err error) {
	all, err := toSegment(ctx, tx, name)
	for _, r := range all {
		if slices.ContainsFunc(r.Steps, func(s Step) bool { return s.For(name) && slices.Contains(environments, s.Environment) }) {
			keys = append(keys, r.FlagKey)
		}
	}
	return keys, err
}

// toSegment lists the rollouts that are not over and have a step for the segment.
func toSegment(ctx context.Context, tx *store.Tx, name string) ([]Rollout, error) {
	// What the statement finds may have one; JSON spells any character with a backslash, too.
	all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE state IN ('ready', 'running', 'paused')
		AND (steps LIKE $1 ESCAPE '\' OR steps LIKE $2 ESCAPE '\') ORDER BY flag_key`, store.LikePattern(`"`+name+`"`), store.LikePattern(`\`))
	if err != nil {
		return nil, fmt.Errorf("look for rollouts to a segment: %w", err)
	}
	return slices.DeleteFunc(all, func(r Rollout) bool {
		return !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.For(name) })
	}), nil
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
