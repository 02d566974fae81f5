package kill

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

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
