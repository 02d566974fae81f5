package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// DecidedBy returns what the steps of a flag in the environments, in any if there are none, add to what the segment decides.
func DecidedBy(segment, key string, steps []Step, environments []string) (d registry.Decided) {
	for _, s := range steps {
		if len(environments) > 0 && !slices.Contains(environments, s.Environment) {
			continue
		}
		if s.Audience == segment {
			d = d.And(registry.Decided{Keys: []string{key}})
		}
		if s.Serving != nil {
			d = d.And(registry.DecidedBy(segment, key, *s.Serving))
		}
	}
	return d
}

// ToSegment is a step: the flags that a rollout which is not over has a step for to the segment, in one of the environments; in any if
// there are none.
func ToSegment(ctx context.Context, tx *store.Tx, name string, environments []string) (d registry.Decided, err error) {
	// What the statement finds may have one; JSON spells any character with a backslash, too.
	all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE state IN ('ready', 'running', 'paused')
		AND (steps LIKE $1 ESCAPE '\' OR steps LIKE $2 ESCAPE '\') ORDER BY flag_key`, store.LikePattern(`"`+name+`"`), store.LikePattern(`\`))
	if err != nil {
		return d, fmt.Errorf("look for rollouts to a segment: %w", err)
	}
	for _, r := range all {
		d = d.And(DecidedBy(name, r.FlagKey, r.Steps, environments))
	}
	return d, nil
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
