package serve

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// askTime is how long a database may take to show the flag before a kill on this replica alone is taken.
const askTime = time.Second

// killHere turns a flag off on this replica alone, while its database is away, or locked as by who changes a table: on disk, from
// now on, and over restarts. With a database that can be read it is refused, since an ordinary kill does more, and needs no more to
// be served.
func (a *App) killHere(ctx context.Context, by access.Actor, flag, environment, reason string) (live.Override, error) {
	if err := access.Can(by, access.Kill, access.Scope{}); err != nil {
		return live.Override{}, err
	}
	if err := store.CheckText("reason", reason); err != nil {
		return live.Override{}, err
	}
	if a.shows(ctx, by, flag, environment) {
		return live.Override{}, fault.New(fault.Conflict, "database_reachable", "the database answers, so that a kill reaches everybody").
			Fix("leave --here out")
	}
	if reason == "" {
		reason = "turned off by " + by.Email + " while the database was away"
	}
	o := live.Override{
		ID: store.NewID(), Here: true, Select: registry.Selection{Flag: flag}, Environment: environment, By: by.Identity(),
		Credential: by.Credential, Reason: reason, At: store.Time(store.Micros(a.cfg.Now())),
	}
	return a.live.Override(ctx, o)
}

// shows reports whether the database can be read, as far as a kill of the flag and its answer have to.
func (a *App) shows(ctx context.Context, by access.Actor, flag, environment string) bool {
	ctx, cancel := context.WithTimeout(store.First(ctx), askTime)
	defer cancel()
	err := a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := access.Admins(ctx, tx); err != nil {
			return err
		}
		_, _, err := kill.Target(ctx, tx, by, access.Kill, flag, environment, rollout.Word{})
		return err
	})
	return ctx.Err() == nil && !fault.Is(err, fault.Unavailable)
}

// carryEvery is how often it is looked for kills that are served and not committed, carryAgain how soon one is tried again, and
// carryAtOnce how many are tried at a time: all of them stand in the first lane, so that nobody else's work comes between them.
const (
	carryEvery  = 50 * time.Millisecond
	carryAgain  = 250 * time.Millisecond
	carryAtOnce = 4
)

// carryOut commits what was turned off before the database had it, until ctx ends. An override ends when its kill is served, so that at
// no moment the flag is on. What is refused stays served, and holds nobody else up.
func (a *App) carryOut(ctx context.Context) {
	tick := time.NewTicker(carryEvery)
	defer tick.Stop()
	var tries sync.WaitGroup
	defer tries.Wait()
	ended := make(chan string, carryAtOnce)
	trying, again := map[string]bool{}, map[string]time.Time{}
	for {
		all := a.live.Overrides()
		maps.DeleteFunc(again, func(id string, _ time.Time) bool {
			return !slices.ContainsFunc(all, func(o live.Override) bool { return o.ID == id })
		})
		for _, o := range all {
			if trying[o.ID] || len(trying) == carryAtOnce || time.Now().Before(again[o.ID]) {
				continue
			}
			trying[o.ID] = true
			tries.Go(func() {
				a.commitEarly(ctx, o)
				ended <- o.ID
			})
		}
		select {
		case <-ctx.Done():
			return
		case id := <-ended:
			delete(trying, id)
			again[id] = time.Now().Add(carryAgain) // also of one that is committed: it ends when the database was read
		case <-tick.C:
		}
	}
}

// commitEarly tries to commit a kill that is served.
func (a *App) commitEarly(ctx context.Context, o live.Override) {
	committed, err := a.Kills.Commit(ctx, access.System("kills"), o, a.replicas.Name)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.LogAttrs(ctx, slog.LevelDebug, "a kill that is served is not committed yet", slog.String("kill", o.ID), slog.Any("error", err))
	case committed:
		a.log.LogAttrs(ctx, slog.LevelInfo, "committed a kill that was served before", slog.String("kill", o.ID), slog.String("what", o.Select.Words()),
			slog.String("environment", o.Environment))
	}
}
