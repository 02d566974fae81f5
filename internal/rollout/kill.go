package rollout

import (
	"context"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Kill serves the off variant to everybody in an environment, in whatever state of its life the flag is, and stops the
// flag's rollout in the same transaction: a kill in production aborts it, any other pauses it. Owners, operators and admins
// do it; no reason is needed. It gives the revision of the environment that SDKs must come to see. A flag that is killed
// there already stays as it is.
func (rs *Rollouts) Kill(ctx context.Context, by access.Actor, key, environment, reason string) (registry.Flag, int64, error) {
	return rs.turn(ctx, by, key, environment, reason, func(ctx context.Context, tx *store.Tx, c registry.Change, e registry.Environment) (registry.Flag, error) {
		if strings.TrimSpace(reason) == "" {
			c.Reason = "turned off by " + by.Email
		}
		// The rollout is locked before the flag, as in every other verb, so that none waits for the other in a circle.
		r, running, err := unfinished(ctx, tx, key)
		if err != nil {
			return registry.Flag{}, err
		}
		flag, changed, err := registry.Kill(ctx, tx, c, key, e.Name)
		if err != nil || !changed || !running {
			return flag, err
		}
		m := motion{by: by, at: c.At, ident: lifecycle.Of(flag), reason: "turned off in " + e.Name + ": " + c.Reason}
		switch {
		case r.State == Ready: // it has not begun; its start is refused while the flag is killed
		case e.Tier == registry.TierProduction:
			_, err = m.abort(ctx, tx, r, e.Name)
		case r.State == Running:
			_, err = m.pause(ctx, tx, r)
		}
		return flag, err
	})
}

// RestoreNow undoes a kill in an environment that is not governed; in a governed one it is a fault of kind Conflict, since
// that takes a request. Who may kill may do it. It gives the revision of the environment that SDKs must come to see.
func (rs *Rollouts) RestoreNow(ctx context.Context, by access.Actor, key, environment, reason string) (registry.Flag, int64, error) {
	return rs.turn(ctx, by, key, environment, reason, func(ctx context.Context, tx *store.Tx, c registry.Change, e registry.Environment) (registry.Flag, error) {
		if e.Governed {
			return registry.Flag{}, fault.New(fault.Conflict, "governed", "%s is governed: turning a flag on again there needs an approval", e.Name).
				Fix("ask for it with a request of the kind restore_flag")
		}
		if strings.TrimSpace(reason) == "" {
			c.Reason = "turned on again by " + by.Email
		}
		if _, err := Restore(ctx, tx, c, key, e.Name); err != nil {
			return registry.Flag{}, err
		}
		flag, _, err := registry.Get(ctx, tx, key)
		return flag, err
	})
}

// turn is what Kill and RestoreNow share: the right, the lookups and the revision.
func (rs *Rollouts) turn(
	ctx context.Context, by access.Actor, key, environment, reason string,
	do func(context.Context, *store.Tx, registry.Change, registry.Environment) (registry.Flag, error),
) (registry.Flag, int64, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return registry.Flag{}, 0, err
	}
	if err := checkReason(reason); err != nil {
		return registry.Flag{}, 0, err
	}
	var flag registry.Flag
	err := rs.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, ok, err := registry.Get(ctx, tx, key)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", key).At("flag_key").Fix("look its key up in the list of flags")
		}
		if err := access.Can(by, access.Kill, scope(before)); err != nil {
			return err
		}
		e, ok, err := registry.EnvironmentNamed(ctx, tx, environment)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", environment).At("environment").
				Fix("name one of the flag's environments")
		}
		flag, err = do(ctx, tx, registry.Change{By: by, At: stored(rs.Now()), Reason: reason}, e)
		return err
	})
	if err != nil {
		return registry.Flag{}, 0, err
	}
	state, _ := flag.In(environment)
	return flag, state.Revision, nil
}
