package rollout

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// unseen returns a fault of kind Conflict and code not_seen if the step would be the flag's first in production while no program has asked
// for it by its key outside production since the rollout was approved; else nil. A flag that no program asks for is a switch that is not
// wired to anything, and watching it in production would show nothing. What was only delivered proves nothing either way.
func unseen(ctx context.Context, tx *store.Tx, r Rollout, step Step, environments []registry.Environment) (*fault.Error, error) {
	production, before := false, []string{}
	for _, e := range environments {
		if e.Tier != registry.TierProduction {
			before = append(before, e.Name)
		} else if e.Name == step.Environment {
			production = true
		}
	}
	if !production {
		return nil, nil
	}
	status, _, err := lifecycle.Get(ctx, tx, r.FlagKey)
	if err != nil || status.ProductionAt != nil || status.State == lifecycle.Active {
		return nil, err
	}
	use, err := measure.UseSince(ctx, tx, r.FlagKey, before, r.CreatedAt)
	if err != nil || use.AskedAt != nil {
		return nil, err
	}
	f := fault.New(fault.Conflict, "not_seen", "no program has asked for %s by its key outside %s since it was approved%s", r.FlagKey, step.Environment, delivered(use))
	return f.At("unseen").Fix("let the app ask for it once with an SDK key of another environment; or say under unseen why it goes to %s all the same", step.Environment), nil
}

// delivered says how a flag that nobody asked for came to programs all the same.
func delivered(use measure.Use) string {
	at := func(t *time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
	switch {
	case use.SyncedAt != nil:
		return "; it was delivered in a document that a program evaluates by itself, last on " + at(use.SyncedAt) + ", and nobody knows whether that asks for it"
	case use.BulkAt != nil:
		return "; it was delivered with all flags, last on " + at(use.BulkAt)
	}
	return ""
}

// next is the step that would begin after the current one, or the first one of a rollout that is ready; ok is false after the last.
func (r Rollout) next() (step Step, ok bool) {
	i := r.Current
	if r.State != Ready {
		i++
	}
	if i >= len(r.Steps) {
		return Step{}, false
	}
	return r.Steps[i], true
}

// missing is unseen for what an act would begin.
func (r Rollout) missing(ctx context.Context, tx *store.Tx) (*fault.Error, error) {
	step, ok := r.next()
	if !ok {
		return nil, nil
	}
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return nil, err
	}
	return unseen(ctx, tx, r, step, environments)
}
