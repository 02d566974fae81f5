package kill

import (
	"context"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// Kill serves the off variant to everybody in an environment, in whatever state of its life the flag is, and stops the
// flag's rollout in the same transaction: a kill in production aborts it, any other pauses it. Owners, operators and admins
// do it; no reason is needed. It gives the revision of the environment that SDKs must come to see. A flag that is killed
// there already stays as it is. A revision in w is the flag's.
func (ks *Kills) Kill(ctx context.Context, by access.Actor, key, environment string, w rollout.Word) (registry.Flag, int64, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return registry.Flag{}, 0, err
	}
	if err := rollout.CheckReason(w.Reason); err != nil {
		return registry.Flag{}, 0, err
	}
	var flag registry.Flag
	err := ks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		flag, err = ks.kill(ctx, tx, by, key, environment, w)
		return err
	})
	if err != nil {
		return registry.Flag{}, 0, err
	}
	state, _ := flag.In(environment)
	return flag, state.Revision, nil
}

func (ks *Kills) kill(ctx context.Context, tx *store.Tx, by access.Actor, key, environment string, w rollout.Word) (registry.Flag, error) {
	_, e, err := Target(ctx, tx, by, key, environment, w)
	if err != nil {
		return registry.Flag{}, err
	}
	return ks.killIn(ctx, tx, by, key, e, w.Reason, store.NewID())
}

// killIn kills one flag, under the id of an act.
func (ks *Kills) killIn(
	ctx context.Context, tx *store.Tx, by access.Actor, key string, e registry.Environment, reason, id string,
) (registry.Flag, error) {
	c, err := ks.killing(ctx, tx, by, e, reason)
	if err != nil {
		return registry.Flag{}, err
	}
	// The rollout is locked before the flag, as in every other verb, so that none waits for the other in a circle.
	r, running, err := rollout.Unfinished(ctx, tx, key)
	if err != nil {
		return registry.Flag{}, err
	}
	flag, changed, err := registry.Kill(ctx, tx, c, key, e.Name)
	if err != nil || !changed {
		return flag, err
	}
	act := Act{
		ID: id, Select: registry.Selection{Flag: key}, Environment: e.Name, Flags: 1, Reason: c.Reason, By: by.Email, At: c.At,
	}
	state, _ := flag.In(e.Name)
	act.Revision = state.Revision
	if running {
		stopped, err := rollout.Stop(ctx, tx, c, e, r, lifecycle.Of(flag))
		if err != nil {
			return flag, err
		}
		act.Rollouts = stopped
	}
	return flag, act.keep(ctx, tx)
}

// killing is who kills in an environment, when and why.
func (ks *Kills) killing(ctx context.Context, tx *store.Tx, by access.Actor, e registry.Environment, reason string) (registry.Change, error) {
	if strings.TrimSpace(reason) == "" {
		reason = "turned off by " + by.Email
	}
	at, err := free(ctx, tx, e.Name, by.Email, ks.now())
	return registry.Change{By: by, At: at, Reason: reason}, err
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

// Target gives the flag and the environment that somebody wants to kill or restore the one in, if there are such and they
// may. A revision in w that is not the flag's is a fault of kind Stale.
func Target(ctx context.Context, tx *store.Tx, by access.Actor, key, environment string, w rollout.Word) (registry.Flag, registry.Environment, error) {
	flag, ok, err := registry.Get(ctx, tx, key)
	if err != nil {
		return flag, registry.Environment{}, err
	}
	if !ok {
		return flag, registry.Environment{}, unknownFlag(key)
	}
	if err := access.Can(by, access.Kill, flag.Scope()); err != nil {
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
