package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// lockedAtOnce is how many flags' rollouts one statement locks.
const lockedAtOnce = 500

// UnfinishedOf is a step: the rollouts of these flags that are not over, for the transaction to change.
func UnfinishedOf(ctx context.Context, tx *store.Tx, keys []string) (all []Rollout, err error) {
	for part := range slices.Chunk(keys, lockedAtOnce) {
		some, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE state IN ($1, $2, $3) AND flag_key IN (`+
			store.In(4, len(part))+`) ORDER BY id`+tx.ForUpdate(), append([]any{string(Ready), string(Running), string(Paused)}, store.Values(part)...)...)
		if err != nil {
			return nil, fmt.Errorf("find rollouts of what is turned off: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// Stop is a step: it stops a rollout that is not over, since its flag was killed, and returns how many that are: a kill in production
// aborts it, any other pauses it.
func Stop(ctx context.Context, tx *store.Tx, c registry.Change, e registry.Environment, r Rollout, flag lifecycle.Ident) (stopped int, err error) {
	m := motion{by: c.By, at: c.At, ident: flag, reason: "turned off in " + e.Name + ": " + c.Reason}
	switch {
	case r.State == Ready: // it has not begun; its start is refused while the flag is killed
		return 0, nil
	case e.Tier == registry.TierProduction:
		_, err = m.abort(ctx, tx, r, e.Name)
	case r.State == Running:
		_, err = m.pause(ctx, tx, r)
	default: // paused already
		return 0, nil
	}
	return 1, err
}

// Again is a step: it makes what was left of the rollout that a kill in an environment aborted ready again. It returns the zero rollout
// if there is none.
func Again(ctx context.Context, tx *store.Tx, c registry.Change, flag registry.Flag, environment string) (Rollout, error) {
	left, err := Left(ctx, tx, flag.Key, environment)
	if err != nil || left.ID == "" {
		return Rollout{}, err
	}
	requestID := c.RequestID
	if requestID == "" {
		requestID = left.RequestID
	}
	// It sorts after the one that it goes on with, even where the clock stands still.
	at := c.At
	if !stored(at).After(left.CreatedAt) {
		at = left.CreatedAt.Add(time.Microsecond)
	}
	return create(ctx, tx, c.By, at, lifecycle.Of(flag), requestID, left.again(), map[string]any{"after": left.ID})
}

// Left is a step: the newest rollout of the flag, where a kill in the environment aborted it; else the zero rollout.
func Left(ctx context.Context, tx *store.Tx, key, environment string) (Rollout, error) {
	all, err := newest(ctx, tx, key)
	if err != nil || len(all) == 0 || all[0].State != Aborted || all[0].KilledIn != environment {
		return Rollout{}, err
	}
	return all[0], nil
}

// AbortedBy is a step: the keys of the flags with a rollout that a kill in an environment aborted.
func AbortedBy(ctx context.Context, tx *store.Tx, environment string) ([]string, error) {
	keys, err := store.List(ctx, tx, store.ScanString, `SELECT DISTINCT flag_key FROM rollout WHERE state = $1 AND killed_in = $2 ORDER BY flag_key`,
		string(Aborted), environment)
	if err != nil {
		return nil, fmt.Errorf("find rollouts that were aborted: %w", err)
	}
	return keys, nil
}
