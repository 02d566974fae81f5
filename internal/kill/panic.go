package kill

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// Order is what somebody wants to turn off at once, and how many flags they were told that is.
type Order struct {
	Select      registry.Selection
	Environment string
	Reason      string
	ExpectFlags int
	Sent        live.Sent // the request, where it may come again
}

// place gives the environment of an order: where everything of one is selected, that is the one.
func (o Order) place() (string, error) {
	switch all := o.Select.Environment; {
	case all != "" && o.Environment != "" && all != o.Environment:
		return "", fault.New(fault.Unprocessable, "other_environment", "everything of %s is to be turned off, but in %s", all, o.Environment).At("environment").
			Fix("name the same environment twice, or leave one out")
	case all != "":
		return all, nil
	case o.Environment == "":
		return "", fault.New(fault.Invalid, "required", "the environment is missing").At("environment").Fix("say where it is to be turned off")
	}
	return o.Environment, nil
}

// Count tells how much an order would turn off, to whoever may give it.
func (ks *Kills) Count(ctx context.Context, by access.Actor, o Order) (e registry.Extent, err error) {
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		where, err := o.check(ctx, tx, by)
		if err != nil {
			return err
		}
		e, err = registry.Measure(ctx, tx, where.Name, o.Select)
		return err
	})
	return e, err
}

// check is nil if the actor may give the order. What nobody is signed in for is refused before anything is looked up.
func (o Order) check(ctx context.Context, tx *store.Tx, by access.Actor) (registry.Environment, error) {
	none := registry.Environment{}
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return none, err
	}
	if err := o.Select.Check(); err != nil {
		return none, err
	}
	name, err := o.place()
	if err != nil {
		return none, err
	}
	if err := rollout.CheckReason(o.Reason); err != nil {
		return none, err
	}
	if err := may(ctx, tx, by, access.Kill, o.Select); err != nil {
		return none, err
	}
	where, err := environmentNamed(ctx, tx, name)
	if err != nil || access.Can(by, access.Kill, access.Scope{}) == nil {
		return where, err
	}
	// Some flag of a team's app may be another's: who owns the app alone does not turn it off.
	owners, err := registry.Owners(ctx, tx, where.Name, o.Select)
	if err != nil {
		return none, err
	}
	for _, on := range owners {
		if err := access.Can(by, access.Kill, on); err != nil {
			return none, err
		}
	}
	return where, nil
}

// Panic kills every live flag of a selection in an environment, in one transaction and under one revision, and stops their
// rollouts as Kill does. Owners do it for what is theirs, operators and admins for anything. If there are more flags than the
// order says, nothing is killed: the fault is of kind Conflict and shows how many there are. Whoever asks again for what is off
// already gets the act that turned it off.
//
// The events are flag.killed or flag.killed_again for each flag, and kill.carried_out for the whole.
//
// Where the writer is not free the act is served early, like that of one flag.
func (ks *Kills) Panic(ctx context.Context, by access.Actor, o Order) (Act, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Act{}, err
	}
	return ks.soon(ctx, by, o, func(ctx context.Context, tx *store.Tx) (Act, error) {
		where, on, killed, err := o.decide(ctx, tx, by)
		if err != nil {
			return Act{}, err
		}
		c := ks.killing(by, o.Reason)
		a := Act{ID: c.KillID, Select: o.Select, Environment: where.Name, Reason: c.Reason, By: by.Email, ByID: by.PersonID, At: c.At, CommittedAt: &c.At}
		a, again, err := killMany(ctx, tx, c, where, a, slices.Sorted(slices.Values(slices.Concat(on, killed))))
		switch {
		case err != nil:
			return Act{}, err
		case a.Flags > o.ExpectFlags: // some came on since they were counted
			return Act{}, grown(where.Name, o, a.Flags)
		case a.Flags+again == 0:
			return Act{}, nothingOn(where.Name)
		case a.Flags == 0:
			before, ok, err := latest(ctx, tx, a)
			if err != nil {
				return Act{}, err
			}
			if ok {
				return before.seenBy(ctx, tx, by)
			}
		}
		if err := a.complete(ctx, tx, c, live.Sent{}); err != nil {
			return Act{}, err
		}
		return a.seenBy(ctx, tx, by)
	}, func(ctx context.Context, tx *store.Tx) ([]string, int, error) {
		where, on, killed, err := o.decide(ctx, tx, by)
		if err == nil && len(on)+len(killed) == 0 {
			err = nothingOn(where.Name)
		}
		// Of what is off it is said again, which voids the approvals of a restore that is pending.
		return slices.Sorted(slices.Values(slices.Concat(on, killed))), len(killed), err
	})
}

// decide returns the flags that an order is about, if the actor may give it and those that are on are no more than they were told.
func (o Order) decide(ctx context.Context, tx *store.Tx, by access.Actor) (where registry.Environment, on, killed []string, err error) {
	if where, err = o.check(ctx, tx, by); err != nil {
		return where, nil, nil, err
	}
	on, killed, err = registry.SelectedKeys(ctx, tx, where.Name, o.Select)
	if err == nil && len(on) > o.ExpectFlags {
		err = grown(where.Name, o, len(on))
	}
	return where, on, killed, err
}

// killMany kills flags and stops their rollouts; it returns the act with how many that were, and how many were killed already.
func killMany(ctx context.Context, tx *store.Tx, c registry.Change, where registry.Environment, a Act, keys []string) (_ Act, again int, err error) {
	// Rollouts are locked before flags, as in every other verb.
	running, err := rollout.UnfinishedOf(ctx, tx, keys)
	if err != nil {
		return a, 0, err
	}
	if a.Flags, again, a.Revision, err = registry.KillAll(ctx, tx, c, where.Name, keys); err != nil {
		return a, 0, err
	}
	if a.Flags == 0 {
		a.Revision = where.Revision
	}
	for _, r := range running {
		flag, _, err := registry.Get(ctx, tx, r.FlagKey)
		if err != nil {
			return a, 0, err
		}
		if state, _ := flag.In(where.Name); state.Kill == nil || state.Kill.ID != a.ID { // this act did not turn it off
			continue
		}
		stopped, err := rollout.Stop(ctx, tx, c, where, r, lifecycle.Of(flag))
		if err != nil {
			return a, 0, err
		}
		a.Rollouts += stopped
	}
	return a, again, nil
}

// complete keeps an act, and records it where it is of more than one flag, of which the flag's event tells.
func (a Act) complete(ctx context.Context, tx *store.Tx, c registry.Change, sent live.Sent) error {
	if err := a.keep(ctx, tx, sent); err != nil || a.Select.Flag != "" {
		return err
	}
	details := map[string]any{"select": a.Select, "flags": a.Flags, "rollouts": a.Rollouts, "revision": a.Revision}
	if a.ServedAt != nil {
		details["served_at"], details["committed_at"] = a.ServedAt.UTC(), c.At.UTC()
	}
	a.At = c.At
	return a.record(ctx, tx, c.By, audit.KillCarriedOut, a.Reason, details)
}

func nothingOn(environment string) error {
	return fault.New(fault.Conflict, "nothing_on", "nothing of that is on in %s", environment).At("select").Fix("look at what is live there")
}

func grown(environment string, o Order, flags int) error {
	return fault.New(fault.Conflict, "more_flags", "%s in %s is %d flags now, not %d; nothing was turned off", o.Select.Words(), environment, flags, o.ExpectFlags).
		At("expect_flags").Fix("look at what came on since, then confirm the new number").Showing(registry.Extent{Flags: flags})
}

// latest returns, where everything that an act would turn off is off already, the last act that did that; ok is false if none did.
func latest(ctx context.Context, tx *store.Tx, a Act) (last Act, ok bool, err error) {
	kind, name := a.Select.Kind()
	last, ok, err = store.One(ctx, tx, scan, `SELECT `+columns+` FROM kill_act
		WHERE kind = $1 AND name = $2 AND environment = $3 ORDER BY id DESC LIMIT 1`, kind, name, a.Environment)
	if err != nil {
		return Act{}, false, fmt.Errorf("look for the kill before: %w", err)
	}
	return last, ok, nil
}

// record appends an event about the act.
func (a Act) record(ctx context.Context, tx *store.Tx, by access.Actor, name audit.Name, reason string, details map[string]any) error {
	e := by.Event(name, a.At)
	e.Environment, e.FlagKey, e.App, e.Subject, e.Reason, e.Details = a.Environment, a.Select.Flag, a.Select.App, "kill:"+a.ID, reason, details
	_, err := audit.Append(ctx, tx, e)
	return err
}

// Undo restores, step by step, what an act still holds off in an environment where nothing is governed: all of it under one
// revision. What the act had aborted is ready again, as after Restore. It gives how many flags it restored.
func Undo(ctx context.Context, tx *store.Tx, c registry.Change, a Act) (restored int, revision int64, err error) {
	keys, revision, err := registry.RestoreAll(ctx, tx, c, a.Environment, a.ID)
	if err != nil || len(keys) == 0 {
		return 0, 0, err
	}
	aborted, err := rollout.AbortedBy(ctx, tx, a.Environment)
	if err != nil {
		return 0, 0, err
	}
	is := make(map[string]bool, len(keys))
	for _, key := range keys {
		is[key] = true
	}
	for _, key := range aborted {
		if !is[key] {
			continue
		}
		flag, ok, err := registry.Get(ctx, tx, key)
		if err != nil || !ok {
			return 0, 0, err
		}
		if _, err := rollout.Again(ctx, tx, c, flag, a.Environment); err != nil {
			return 0, 0, err
		}
	}
	return len(keys), revision, a.undone(ctx, tx, c, map[string]any{"flags": len(keys), "revision": revision})
}

// undone records that somebody took back what is left of an act.
func (a Act) undone(ctx context.Context, tx *store.Tx, c registry.Change, details map[string]any) error {
	b := a
	b.At = c.At
	return b.record(ctx, tx, c.By, audit.KillRestored, strings.TrimSpace(c.Reason), details)
}

// TargetAct is a step: the act that somebody wants to take back and its environment, if they may. One that is served and not
// committed yet is a fault of kind Conflict.
func (ks *Kills) TargetAct(ctx context.Context, tx *store.Tx, by access.Actor, id string) (Act, registry.Environment, error) {
	// Before the act, which is there when this ends.
	early, found, err := ks.unwritten(ctx, tx, func(o live.Override) bool { return o.ID == id })
	if err != nil {
		return Act{}, registry.Environment{}, err
	}
	a, err := load(ctx, tx, id)
	if found && fault.Is(err, fault.NotFound) {
		if err = may(ctx, tx, by, access.Restore, early.Select); err == nil {
			err = uncommitted(early)
		}
	}
	if err != nil {
		return Act{}, registry.Environment{}, err
	}
	if err := may(ctx, tx, by, access.Restore, a.Select); err != nil {
		return Act{}, registry.Environment{}, err
	}
	where, err := environmentNamed(ctx, tx, a.Environment)
	if err != nil {
		return Act{}, registry.Environment{}, err
	}
	a, err = a.seenBy(ctx, tx, by)
	return a, where, err
}
