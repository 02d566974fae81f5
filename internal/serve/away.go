package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/web"
)

// retryEvery is how often a server that started while its database was away looks for it.
const retryEvery = time.Second

// reachTime is how long a database may take to answer at all.
const reachTime = 5 * time.Second

// reach tells whether the database is there.
func (a *App) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	return a.db.Ping(ctx)
}

// startAway lets a server start while its database is away, if the copies on disk let it serve flags: evaluations are answered,
// and everything that needs the database says that it has to wait.
func (a *App) startAway(ctx context.Context, cause error) error {
	if !a.cfg.mayBeAway || !fault.Is(cause, fault.Unavailable) {
		return cause
	}
	reading, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	if a.live.Load(reading) != nil || !a.Keys.LoadCopy() { // nothing to evaluate, or nobody who could
		return cause
	}
	a.log.LogAttrs(ctx, slog.LevelWarn, "started without the database; serving flags from disk", slog.Any("error", cause))
	return a.route(api.New(api.Deps{
		DB: a.db, Log: a.log, Now: a.cfg.Now, Mode: a.cfg.Mode, Version: a.cfg.Version, Console: web.Files, Ready: a.live.Ready, Live: a.live,
		KillHere: a.killHere, Metrics: a.metrics, Tracing: a.tracing,
		Answers: a.cfg.answers, Origin: a.cfg.origin(),
		Away: fault.New(fault.Unavailable, "database_unavailable", "the database cannot be used right now").
			Fix("nothing was changed; try again in a moment"),
	}))
}

// connectLater connects once the database is back. Another error than its absence, such as a secret key that is not the
// installation's, ends the server: it would never serve more than it does.
func (a *App) connectLater(ctx context.Context) error {
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-retry.C:
		}
		err := a.connect(ctx)
		switch {
		case err == nil:
			a.log.LogAttrs(ctx, slog.LevelInfo, "the database is there; everything is served")
			return nil
		case ctx.Err() != nil:
			return nil
		case !fault.Is(err, fault.Unavailable) && !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("start: %w", err)
		}
	}
}
