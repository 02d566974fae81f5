package kill

import (
	"context"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// Kill serves the off variant to everybody in an environment, in whatever state of its life the flag is, and stops the
// flag's rollout in the same transaction: a kill in production aborts it, any other pauses it. Owners, operators and admins
// do it; no reason is needed. It returns the act that holds the flag off: where it is killed already that is the one that did it, and
// the event flag.killed_again has the reason. A revision in w is the flag's.
//
// Where the writer is not free the act is served early: it has no CommittedAt yet. The same request sent again is the same act.
func (ks *Kills) Kill(ctx context.Context, by access.Actor, key, environment string, w rollout.Word, sent live.Sent) (Act, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Act{}, err
	}
	if err := rollout.CheckReason(w.Reason); err != nil {
		return Act{}, err
	}
	o := Order{Select: registry.Selection{Flag: key}, Environment: environment, Reason: w.Reason, Sent: sent}
	return ks.soon(ctx, by, o, func(ctx context.Context, tx *store.Tx) (Act, error) {
		_, e, err := Target(ctx, tx, by, access.Kill, key, environment, w)
		if err != nil {
			return Act{}, err
		}
		return killOne(ctx, tx, ks.killing(by, w.Reason), key, e)
	}, func(ctx context.Context, tx *store.Tx) ([]string, int, error) {
		_, _, err := Target(ctx, tx, by, access.Kill, key, environment, w)
		return []string{key}, 0, err
	})
}

// killing is who kills by an act of its own, when and why.
func (ks *Kills) killing(by access.Actor, reason string) registry.Change {
	return registry.Change{By: by, At: ks.now(), Reason: reasonOf(reason, by), KillID: store.NewID()}
}

// reasonOf is what is recorded as the reason of a kill.
func reasonOf(said string, by access.Actor) string {
	if strings.TrimSpace(said) == "" {
		return "turned off by " + by.Email
	}
	return said
}

// killOne kills one flag and stops its rollout, and returns the act that holds it off.
func killOne(ctx context.Context, tx *store.Tx, c registry.Change, key string, e registry.Environment) (Act, error) {
	// The rollout is locked before the flag, as in every other verb, so that none waits for the other in a circle.
	r, running, err := rollout.Unfinished(ctx, tx, key)
	if err != nil {
		return Act{}, err
	}
	flag, changed, err := registry.Kill(ctx, tx, c, key, e.Name)
	if err != nil {
		return Act{}, err
	}
	state, _ := flag.In(e.Name)
	if !changed {
		return standing(ctx, tx, key, state)
	}
	a := Act{
		ID: c.KillID, Select: registry.Selection{Flag: key}, Environment: e.Name, Revision: state.Revision, Flags: 1, Reason: c.Reason,
		By: c.By.Email, ByID: c.By.PersonID, At: c.At, CommittedAt: &c.At, Can: []string{},
	}
	if running {
		if a.Rollouts, err = rollout.Stop(ctx, tx, c, e, r, lifecycle.Of(flag)); err != nil {
			return Act{}, err
		}
	}
	return a, a.keep(ctx, tx, live.Sent{})
}

// standing is the act that holds a flag off, as it is known of the flag where that was before acts were kept.
func standing(ctx context.Context, tx *store.Tx, key string, state registry.FlagEnvironment) (Act, error) {
	if state.Kill.ID != "" {
		return load(ctx, tx, state.Kill.ID)
	}
	return Act{
		Select: registry.Selection{Flag: key}, Environment: state.Environment, Revision: state.Revision, Flags: 1, Standing: 1,
		Reason: state.Kill.Reason, By: state.Kill.By, ByID: state.Kill.ByID, At: state.Kill.At, CommittedAt: &state.Kill.At, Can: []string{},
	}, nil
}

// Restore undoes a kill. Where that kill aborted a rollout, what was left of its plan is ready again, from the step that it
// was in, for the owner to start. A flag that is not killed there stays as it is.
func Restore(ctx context.Context, tx *store.Tx, c registry.Change, key, environment string) (rollout.Outcome, error) {
	if _, _, err := rollout.Unfinished(ctx, tx, key); err != nil {
		return rollout.Outcome{}, err
	}
	flag, changed, err := registry.Restore(ctx, tx, c, key, environment)
	if err != nil {
		return rollout.Outcome{}, err
	}
	state, _ := flag.In(environment)
	o := rollout.Outcome{Environment: environment, Revision: state.Revision}
	if !changed {
		return o, nil
	}
	o.Rollout, err = rollout.Again(ctx, tx, c, flag, environment)
	return o, err
}

// Target is a step: the flag and the environment that somebody wants to do the action with the one in, if there are such and they
// may. A revision in w that is not the flag's is a fault of kind Stale.
func Target(
	ctx context.Context, tx *store.Tx, by access.Actor, action access.Action, key, environment string, w rollout.Word,
) (registry.Flag, registry.Environment, error) {
	flag, ok, err := registry.Get(ctx, tx, key)
	if err != nil {
		return flag, registry.Environment{}, err
	}
	if !ok {
		return flag, registry.Environment{}, unknownFlag(key)
	}
	if err := access.Can(by, action, flag.Scope()); err != nil {
		return flag, registry.Environment{}, err
	}
	if w.Revision != 0 && w.Revision != flag.Revision {
		return flag, registry.Environment{}, fault.New(fault.Stale, "stale", "the flag was changed since you read it").
			Fix("look at it as it is now, then try again").Showing(flag)
	}
	e, err := environmentNamed(ctx, tx, environment)
	return flag, e, err
}

func unknownFlag(key string) error {
	return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", key).At("flag_key").Fix("look its key up in the list of flags")
}

func environmentNamed(ctx context.Context, tx *store.Tx, name string) (registry.Environment, error) {
	e, ok, err := registry.EnvironmentNamed(ctx, tx, name)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", name).At("environment").
			Fix("name one of the flag's environments")
	}
	return e, err
}
