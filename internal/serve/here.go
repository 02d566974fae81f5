package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
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
		ID: store.NewID(), Here: true, Select: registry.Selection{Flag: flag}, Environment: environment, By: live.Actor{Email: by.Email},
		Credential: by.Credential, Reason: reason, At: store.Time(store.Micros(a.cfg.Now())),
	}
	return a.live.Override(ctx, o)
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
			if !o.Here {
				continue
			}
			carried, err := a.kills.CarryOut(ctx, access.Local(o.Credential.ID), o, a.replicas.Name)
			if err != nil {
				if ctx.Err() == nil {
					a.log.LogAttrs(ctx, slog.LevelDebug, "what was turned off here is not carried out yet", slog.String("what", o.Select.Words()), slog.Any("error", err))
				}
				break
			}
			if carried {
				a.log.LogAttrs(ctx, slog.LevelInfo, "carried out what was turned off on this replica", slog.String("what", o.Select.Words()),
					slog.String("environment", o.Environment))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
