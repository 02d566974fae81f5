// Package serve puts the program together: it knows every package, and nobody but the demo and the command line knows it.
//
// New opens an installation, migrates and seeds it. Start begins what runs by itself: the snapshots and keys of the data
// plane, and the loops of the leader. Run besides listens, and drains when told to stop.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/seal"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/telemetry"
	"github.com/soukhq/souk/internal/verbs"
	"github.com/soukhq/souk/internal/watch"
	"github.com/soukhq/souk/web"
)

// App is an installation that runs in this process.
type App struct {
	cfg      Config
	log      *slog.Logger
	db       *store.DB
	audit    *audit.Log
	address  atomic.Pointer[string] // where it listens, once it does, as a URL
	live     *live.Live
	plane    *dataplane.Plane
	usage    *measure.Usage
	metrics  *telemetry.Metrics
	tracing  *telemetry.Tracing
	current  atomic.Int64 // when what is served was last known to be current, in microseconds
	leading  atomic.Bool
	replicas *measure.Replicas
	secret   *seal.Key
	recent   measure.Recent
	handler  atomic.Pointer[http.Handler]
	watch    *watch.Hub
	stop     context.CancelFunc
	running  sync.WaitGroup

	connected atomic.Bool
	failed    chan error // what ends a server that started without its database

	*verbs.Verbs
}

// New opens the installation, brings its schema to the newest version, and stores the starter templates.
func New(ctx context.Context, cfg Config) (*App, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "no_data", "the data directory %s cannot be made", cfg.Data).At("data").
			Fix("name a directory that you may write to with --data").Because(err)
	}
	cfg.mayBeAway = cfg.DatabaseURL != "" && cfg.Mode != api.Demo
	tracing, err := telemetry.NewTracing(ctx)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_tracing", "%s", err.Error()).Fix("correct the OTEL_ variables, or unset them")
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	a := assemble(cfg, db)
	if a.secret, err = seal.Open(cfg.Data, cfg.SecretKey); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a.plane.Secret = a.secret.Derive("ofrep stream")
	a.tracing, a.plane.Tracing = tracing, tracing
	if err := a.connect(ctx); err != nil {
		if err = a.startAway(ctx, err); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return a, nil
}

// Migrate brings the schema to the newest version and does nothing else.
func Migrate(ctx context.Context, cfg Config) error {
	db, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx), db.Close())
}

func open(ctx context.Context, cfg Config) (*store.DB, error) {
	where := store.Config{Dir: cfg.Data, URL: cfg.DatabaseURL, MigrateURL: cfg.DatabaseMigrateURL, Log: cfg.Log, MayBeAway: cfg.mayBeAway}
	return store.Open(ctx, where)
}

// assemble makes the parts that need no database as yet.
func assemble(cfg Config, db *store.DB) *App {
	copies := filepath.Join(cfg.Data, "snapshots")
	a := &App{
		cfg: cfg, log: cfg.Log, db: db, failed: make(chan error, 1),
		live:  &live.Live{DB: db, Dir: copies, Log: cfg.Log, Now: cfg.Now, Ended: kill.Carried, Note: kill.Note, Noted: kill.Noted},
		usage: &measure.Usage{DB: db, Now: cfg.Now, Log: cfg.Log, Counters: measure.NewCounters()},
	}
	a.Verbs = verbs.New(verbs.Config{
		DB: db, Now: cfg.Now, Log: cfg.Log, Publishers: access.Publishers(cfg.Publishers), Copies: copies, Live: a.live, Usage: a.usage, URL: a.url,
	})
	a.plane = &dataplane.Plane{
		Lookup: a.Keys.Lookup, Held: a.Keys.Held, Keys: a.Keys, Live: a.live, Now: cfg.Now, Log: cfg.Log,
	}
	a.metrics = telemetry.NewMetrics()
	a.tellMetrics()
	a.Desk.Recent = a.recent.Of
	a.plane.Recent, a.plane.Usage, a.plane.Told = &a.recent, a.usage.Counters, a.metrics.Protocol(dataplane.OFREP)
	a.plane.ToldFlagd = a.metrics.Protocol(dataplane.Flagd)
	a.replicas = a.newReplicas()
	a.live.Replica = a.replicas.ID
	a.watch = watch.NewHub(db, cfg.Log, a.Accounts.Sessions)
	audit.Listen(db, review.KilledAgain, review.Mark)
	return a
}

// connect brings the schema to the newest version, reads what is served, and serves it.
func (a *App) connect(ctx context.Context) (err error) {
	if err := a.reach(ctx); err != nil {
		return err
	}
	if err := a.db.Migrate(ctx); err != nil {
		return err
	}
	if a.audit, err = audit.Open(ctx, a.db, audit.Config{
		Dir: a.cfg.Data, KeyFile: a.cfg.AuditKeyFile, Key: a.cfg.AuditKey, Log: a.log, Now: a.cfg.Now,
		Known: access.Known,
	}); err != nil {
		return err
	}
	if err := a.secret.Check(ctx, a.db, a.cfg.Now()); err != nil {
		return err
	}
	if err := a.Library.Seed(ctx); err != nil {
		return fmt.Errorf("seed templates: %w", err)
	}
	if err := a.live.Load(ctx); err != nil {
		return fmt.Errorf("load flags: %w", err)
	}
	if err := a.Keys.Load(ctx); err != nil {
		return fmt.Errorf("load SDK keys: %w", err)
	}
	if err := a.route(a.newControl()); err != nil {
		return err
	}
	a.connected.Store(true)
	return nil
}

func (a *App) newControl() *api.API {
	backups := a.newBackups()
	a.Governors.Verbs = append(a.Governors.Verbs, backups.Governing()...)
	if a.cfg.Mode == api.Demo { // where everybody signs in without a password
		a.Governors.SignIns = nil
	}
	return api.New(api.Deps{
		Verbs: *a.Verbs, DB: a.db, Log: a.log, Now: a.cfg.Now, Mode: a.cfg.Mode, Version: a.cfg.Version, People: a.cfg.People, Console: web.Files,
		Ready: a.live.Ready, Live: a.live, Usage: a.usage, Metrics: a.metrics, Tracing: a.tracing, Audit: a.audit, Recent: &a.recent,
		Watch: a.watch, Secret: a.secret, Replicas: a.replicas, KillHere: a.killHere, Answers: a.cfg.answers, Origin: a.cfg.origin(),
		Backups: backups, Doctor: a.Doctor,
	})
}

// route puts the surfaces on one port.
func (a *App) route(control http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("/", a.tracing.Handler(control))
	a.plane.Flagd(mux, dataplane.FlagdPort{Evaluation: true, Sync: true}, a.own)
	if a.cfg.MetricsAddr == "" {
		mux.Handle("GET "+metricsPath, a.metricsHandler())
	}
	evaluations := a.tracing.Handler(a.own(a.plane))
	handler, err := a.peers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Past the mux, which would clean the path of a flag whose key holds "//", and whose look-up is felt here.
		if strings.HasPrefix(r.URL.Path, dataplane.Prefix) {
			evaluations.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	if err != nil {
		return err
	}
	a.handler.Store(&handler)
	return nil
}

// Handler answers every request: the console, the API and the data plane.
func (a *App) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.handler.Load()).ServeHTTP(w, r) })
}

// Start begins what runs by itself, until Close: the snapshots and keys follow the database, and whichever process leads
// sequences the audit log and promotes rollouts.
func (a *App) Start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	a.running.Go(func() { a.live.Run(ctx) })
	a.running.Go(func() { a.Keys.Run(ctx) })
	a.running.Go(func() { a.plane.Run(ctx) })
	a.running.Go(func() { a.usage.Run(ctx) })
	a.running.Go(func() { a.watchServed(ctx) })
	a.running.Go(func() {
		if !a.connected.Load() {
			if err := a.connectLater(ctx); err != nil {
				a.failed <- err
				return
			}
			if a.connected.Load() {
				a.setUp(ctx)
			}
		}
		if ctx.Err() != nil {
			return
		}
		a.running.Go(func() { a.watch.Run(ctx) })
		a.running.Go(func() { a.replicas.Run(ctx) })
		a.running.Go(func() { a.audit.Follow(ctx) })
		a.running.Go(func() { a.carryOut(ctx) })
		a.running.Go(func() { signin.WriteUse(ctx, a.log, a.Tokens, a.Accounts.Sessions) })
		a.db.Lead(ctx, a.lead)
	})
}

// drain ends streams, which never end by themselves.
func (a *App) drain() {
	a.watch.Drain()
	a.plane.Drain()
}

// lead runs what only one process may do at a time.
func (a *App) lead(ctx context.Context) {
	a.leading.Store(true)
	defer a.leading.Store(false)
	var loops sync.WaitGroup
	loops.Go(func() { a.audit.Run(ctx) })
	loops.Go(func() { a.every(ctx, tickEvery, a.Rollouts.Tick, "rollouts not looked at") })
	loops.Go(func() { a.every(ctx, tickEvery, a.Governors.Settle, "proposals not settled") })
	loops.Go(func() { a.usage.RunTidy(ctx) })
	loops.Go(func() { a.every(ctx, complianceEvery, a.Insight.Keep, "compliance not kept") })
	loops.Go(func() { a.settleKills(ctx) })
	loops.Go(func() { a.settleRequests(ctx) })
	loops.Go(func() { a.every(ctx, guessesEvery, a.Accounts.TellGuesses, "failures to sign in not told") })
	loops.Wait()
}

// settleRequests settles the requests whose facts changed, as soon as they did. What is left of a failure is tried again after
// tickEvery.
func (a *App) settleRequests(ctx context.Context) {
	wake, stop := a.db.Subscribe(review.MarkTopic)
	defer stop()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		if err := a.Desk.SettleMarked(ctx); err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "requests not settled", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// tickEvery is how often it is looked at what goes on by time alone, such as rollouts.
const tickEvery = time.Second

// complianceEvery is how often the number of flags that lack something is written down, for the day.
const complianceEvery = 15 * time.Minute

// guessesEvery is how often it is looked for failures to sign in that the audit log was not told of.
const guessesEvery = time.Minute

// every does something again and again until ctx ends. What failed is logged with those words, and tried again.
func (a *App) every(ctx context.Context, pause time.Duration, do func(ctx context.Context) error, failed string) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, failed, slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lastSpans is how long the end waits for what is traced to be sent.
const lastSpans = 2 * time.Second

// Close ends what Start began and closes the database.
func (a *App) Close() error {
	if a.stop != nil {
		a.stop()
		a.running.Wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	if err := a.tracing.Close(ctx); err != nil {
		a.log.Warn("last spans not sent", slog.Any("error", err))
	}
	return a.db.Close()
}
