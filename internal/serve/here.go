package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/store"
)

// askTime is how long a database may take to say that it is there before a kill on this replica alone is taken.
const askTime = time.Second

// killHere turns a flag off on this replica alone, while its database is away: on disk, from now on, and over restarts. With the
// database there it is refused, since an ordinary kill does more.
func (a *App) killHere(ctx context.Context, by access.Actor, flag, environment, reason string) (live.Override, error) {
	if err := access.Can(by, access.Kill, access.Scope{}); err != nil {
		return live.Override{}, err
	}
	if err := store.CheckText("reason", reason); err != nil {
		return live.Override{}, err
	}
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if a.db.Ping(asking) == nil {
		return live.Override{}, fault.New(fault.Conflict, "database_reachable", "the database answers, so that a kill reaches everybody").
			Fix("leave --here out")
	}
	if reason == "" {
		reason = "turned off by " + by.Email + " while the database was away"
	}
	o := live.Override{
		ID: store.NewID(), Environment: environment, Flag: flag, By: by.Name, Reason: reason, At: a.cfg.Now().UTC().Truncate(time.Microsecond),
	}
	if err := a.live.Override(o); err != nil {
		return live.Override{}, err
	}
	a.log.LogAttrs(ctx, slog.LevelWarn, "turned off on this replica alone", slog.String("flag", flag), slog.String("environment", environment),
		slog.String("by", by.Email), slog.String("reason", reason))
	return o, nil
}

// carryEvery is how often it is tried to carry out what was turned off on this replica alone.
const carryEvery = time.Second

// carryOut makes ordinary kills of what was turned off on this replica alone, in that order, once the database is back, until ctx
// ends. An override ends when its kill is served, so that at no moment the flag is on.
func (a *App) carryOut(ctx context.Context) {
	tick := time.NewTicker(carryEvery)
	defer tick.Stop()
	for {
		for _, o := range a.live.Overrides() {
			if err := a.carryOne(ctx, o); err != nil {
				if ctx.Err() == nil {
					a.log.LogAttrs(ctx, slog.LevelDebug, "what was turned off here is not carried out yet", slog.String("flag", o.Flag), slog.Any("error", err))
				}
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) carryOne(ctx context.Context, o live.Override) error {
	revision, err := a.kills.CarryOut(ctx, access.Local(o.By), o, a.replicas.Name)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	if revision != 0 && !a.live.Await(waiting, o.Environment, revision) {
		return fault.New(fault.Unavailable, "not_served", "the kill is not served yet").Fix("wait")
	}
	if err := a.live.EndOverride(o.ID); err != nil {
		return err
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "carried out what was turned off on this replica", slog.String("flag", o.Flag),
		slog.String("environment", o.Environment))
	return nil
}
