package kill

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// CarryOut makes an ordinary kill of what was turned off on one replica while its database was away, in whatever state the flag is
// by now, and records that it was off there since. A flag that is killed already stays so; one that is no more is only recorded.
// Carrying out twice does it once, by the override's id; carried reports whether this did. The event is flag.killed_here, besides
// flag.killed. Who acts is the local user that turned it off, an administrator like all of them.
func (ks *Kills) CarryOut(ctx context.Context, by access.Actor, o live.Override, replica string) (carried bool, err error) {
	if err := access.Can(by, access.Kill, access.Scope{}); err != nil {
		return false, err
	}
	err = ks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		added, err := tx.Exec(ctx, `INSERT INTO kill_carried (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, o.ID, store.Micros(ks.Now()))
		if err != nil {
			return fmt.Errorf("carry out what was turned off: %w", err)
		}
		if carried = added > 0; !carried { // whatever became of the flag since was meant so
			return nil
		}
		tx.Announce(registry.Topic)
		e, known, err := registry.EnvironmentNamed(ctx, tx, o.Environment)
		if err != nil {
			return err
		}
		before, exists, err := registry.Get(ctx, tx, o.Select.Flag)
		if err != nil {
			return err
		}
		state, _ := before.In(o.Environment)
		outcome := "turned off for everybody"
		switch {
		case !known || !exists || before.RemovedAt != nil:
			outcome = "the flag is no more"
		case state.Kill != nil:
			outcome = "it was turned off already"
		default:
			if _, err := killOne(ctx, tx, ks.killing(by, o.Reason), o.Select.Flag, e); err != nil {
				return err
			}
		}
		event := by.Event("flag.killed_here", ks.now())
		event.FlagKey, event.FlagID, event.App, event.Environment, event.Reason = o.Select.Flag, before.FlagID, before.App, o.Environment, o.Reason
		event.Details = map[string]any{"since": o.At.UTC(), "replica": replica, "outcome": outcome, "override": o.ID}
		_, err = audit.Append(ctx, tx, event)
		return err
	})
	return carried && err == nil, err
}

// Carried is a step: which of these overrides were carried out, so that what the database says of their flags holds again.
func Carried(ctx context.Context, tx *store.Tx, ids []string) ([]string, error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	carried, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM kill_carried WHERE id IN (`+store.In(1, len(ids))+`)`, values...)
	if err != nil {
		return nil, fmt.Errorf("look for what was carried out: %w", err)
	}
	return carried, nil
}

// FollowOlder lets every replica follow a database again that came back older than what they serve, up to the revision served. What
// they know as killed and the database does not is killed there, so that giving up loses no kill. Admins do it.
func (ks *Kills) FollowOlder(ctx context.Context, by access.Actor, b live.Behind, reason string) error {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return err
	}
	if err := rollout.CheckReason(reason); err != nil {
		return err
	}
	return ks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		e, err := environmentNamed(ctx, tx, b.Environment)
		if err != nil {
			return err
		}
		if reason == "" {
			reason = "the database came back older"
		}
		for _, key := range b.Lost {
			_, err := killOne(ctx, tx, ks.killing(by, "was turned off before the database came back older: "+reason), key, e)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return registry.GiveUp(ctx, tx, registry.Change{By: by, At: ks.now(), Reason: reason}, e.Name, b.Served, map[string]any{
			"served": b.Served, "database": b.Database, "killed": b.Lost,
		})
	})
}
