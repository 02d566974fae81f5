package review

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// Rollback brings back what a flag served in an environment at an earlier revision, or else at the last good one: at once
// where the environment is not governed, or where that was approved before, was not turned off, and gives nobody more than
// now; otherwise it asks for it, once. A rollout that is at work there is aborted with it. Serving that already changes
// nothing. A revision in w is the flag's.
func (d *Desk) Rollback(ctx context.Context, by access.Actor, flagKey, environment string, to int64, w rollout.Word) (RestoreOutcome, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return RestoreOutcome{}, err
	}
	if err := checkReason(w.Reason); err != nil {
		return RestoreOutcome{}, err
	}
	var out RestoreOutcome
	err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) (err error) {
		out, err = d.rollback(ctx, tx, h, by, flagKey, environment, to, w)
		return err
	})
	return out, err
}

func (d *Desk) rollback(ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, flagKey, environment string, to int64, w rollout.Word) (out RestoreOutcome, err error) {
	_, env, err := kill.Target(ctx, tx, by, access.Kill, flagKey, environment, w)
	if err != nil {
		return out, err
	}
	// Whoever clicks twice waits here, and finds it done or asked for.
	flag, err := registry.Lock(ctx, tx, flagKey)
	if err != nil {
		return out, err
	}
	if e := readOnly(flag); e != nil {
		return out, e
	}
	state, _ := flag.In(environment)
	if state.Kill != nil {
		return out, fault.New(fault.Conflict, "flag_killed", "%s is turned off for everybody in %s", flagKey, environment).
			Fix("restore it first").Showing(flag)
	}
	past, err := registry.Past(ctx, tx, flagKey, environment)
	if err != nil {
		return out, err
	}
	target, err := backTo(ctx, tx, flag, environment, to, past)
	if err != nil || target.Serving.Equal(state.Serving) {
		return out, err
	}
	if registry.Widens(flag, state.Serving, target.Serving) { // going back may also be turning on
		if err := access.Can(by, access.Restore, flag.Scope()); err != nil {
			return out, err
		}
	}
	reason := orElse(w.Reason, fmt.Sprintf("back to revision %d: %s", target.Revision, target.Serving.Words()))
	if pre, _ := registry.Preapproved(flag, state.Serving, target, past); env.Governed && !pre {
		asked := Content{
			Kind: ChangeFlag, FlagKey: flagKey, Environment: environment, BaseRevision: state.Revision,
			Change: changeTo(flag, state.Serving, target.Serving), Reason: reason,
		}
		if target.Serving.Imported != nil {
			if asked, err = importOf(flag, environment, *target.Serving.Imported, reason); err != nil {
				return out, err
			}
		}
		r, revealed, err := d.submit(ctx, tx, h, by, asked)
		if err != nil {
			return out, err
		}
		view, err := d.view(ctx, tx, by, r)
		return RestoreOutcome{Request: &view, Revealed: revealed}, err
	}
	running, ok, err := rollout.Open(ctx, tx, flagKey)
	if err != nil {
		return out, err
	}
	// One that is ready waits for its owner, who sees what was done here.
	if ok && running.State != rollout.Ready && (running.Bakes(environment) || leads(running, environment)) {
		if err := rollout.Halt(ctx, tx, by, d.Now(), lifecycle.Of(flag), reason); err != nil {
			return out, err
		}
	}
	change := registry.Change{By: by, At: d.Now(), Reason: reason, RequestID: target.RequestID, Cause: registry.CauseRollback}
	if flag, err = registry.Serve(ctx, tx, change, flagKey, environment, target.Serving); err != nil {
		return out, err
	}
	state, _ = flag.In(environment)
	return RestoreOutcome{Revealed: map[string]int64{environment: state.Revision}}, nil
}

// backTo finds the revision to go back to.
func backTo(ctx context.Context, tx *store.Tx, flag registry.Flag, environment string, to int64, past []registry.Revision) (registry.Revision, error) {
	if to == 0 {
		state, _ := flag.In(environment)
		target, ok := registry.LastGood(state.Serving, past)
		if !ok {
			return target, fault.New(fault.Conflict, "nothing_to_go_back_to", "%s never served anything else in %s that was approved and not turned off",
				flag.Key, environment).Fix("turn it off, or ask for a change").Showing(flag)
		}
		return target, nil
	}
	target, ok, err := registry.RevisionAt(ctx, tx, flag.Key, environment, to)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "unknown_revision", "%s has no revision %d in %s", flag.Key, to, environment).At("to_revision").
			Fix("choose one of its history")
	}
	return target, err
}

// changeTo is the change that leads from one serving to another.
func changeTo(f registry.Flag, from, to registry.Serving) *ContentChange {
	change := &ContentChange{FlagChange: FlagChange{Mode: to.Mode, Audience: to.Audience, DefaultVariant: to.DefaultVariant}}
	if to.Mode == registry.ServeAudience {
		change.Percent = &to.Percent
	}
	if len(to.Targeting) > 0 && json.Unmarshal(to.Targeting, &change.Targeting) != nil {
		change.Targeting = nil
	}
	for name := range from.Variants { // what is not said stays, so values of this environment alone are given up by name
		if value, ok := f.Variants[name]; ok {
			change.with(name, value)
		}
	}
	for name, value := range to.Variants {
		change.with(name, value)
	}
	return change
}

func (c *FlagChange) with(name string, value any) {
	if c.Variants == nil {
		c.Variants = map[string]any{}
	}
	c.Variants[name] = value
}
