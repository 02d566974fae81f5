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
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/seal"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
	"github.com/soukhq/souk/web"
)

// App is an installation that runs in this process.
type App struct {
	cfg      Config
	log      *slog.Logger
	db       *store.DB
	audit    *audit.Log
	keys     *access.Keys
	accounts *access.Accounts
	address  atomic.Pointer[string] // where it listens, once it does, as a URL
	live     *registry.Live
	rollouts *rollout.Rollouts
	secret   *seal.Key
	handler  http.Handler
	control  *api.API
	stop     context.CancelFunc
	running  sync.WaitGroup

	// The verbs, for a demo that tells its story through them.
	Directory *access.Directory
	Tokens    *access.Tokens
	Library   *template.Library
	Policies  *policy.Engine
	Registry  *registry.Registry
	Catalog   *catalog.Catalog
	Lifecycle *lifecycle.Lifecycles
	Desk      *review.Desk
	Apply     *apply.Target
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
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	a, err := build(ctx, cfg, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
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
	where := store.Config{Dir: cfg.Data, URL: cfg.DatabaseURL, MigrateURL: cfg.DatabaseMigrateURL, Log: cfg.Log}
	return store.Open(ctx, where)
}

func build(ctx context.Context, cfg Config, db *store.DB) (*App, error) {
	if err := db.Migrate(ctx); err != nil {
		return nil, err
	}
	log, err := audit.Open(ctx, db, audit.Config{
		Dir: cfg.Data, KeyFile: cfg.AuditKeyFile, Key: cfg.AuditKey, Log: cfg.Log, Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	secret, err := seal.Open(cfg.Data, cfg.SecretKey)
	if err != nil {
		return nil, err
	}
	if err := secret.Check(ctx, db, cfg.Now()); err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, log: cfg.Log, db: db, audit: log, secret: secret,
		keys:      &access.Keys{DB: db, Now: cfg.Now, Log: cfg.Log, Facts: keyFacts},
		live:      &registry.Live{DB: db, Dir: filepath.Join(cfg.Data, "snapshots"), Log: cfg.Log},
		rollouts:  &rollout.Rollouts{DB: db, Now: cfg.Now, Log: cfg.Log},
		Directory: &access.Directory{DB: db, Now: cfg.Now, Uses: usesOfGroup},
		Tokens:    &access.Tokens{DB: db, Now: cfg.Now, Publishers: access.Publishers(cfg.Publishers)},
		Library:   &template.Library{DB: db, Now: cfg.Now},
		Policies:  &policy.Engine{DB: db, Now: cfg.Now},
		Registry:  &registry.Registry{DB: db, Now: cfg.Now, Log: cfg.Log},
		Catalog:   &catalog.Catalog{DB: db, Now: cfg.Now},
		Lifecycle: &lifecycle.Lifecycles{DB: db, Now: cfg.Now},
	}
	a.accounts = a.newAccounts()
	a.Desk = &review.Desk{DB: db, Now: cfg.Now, Log: cfg.Log, Policies: a.Policies}
	a.Apply = &apply.Target{
		DB: db, Directory: a.Directory, Registry: a.Registry, Library: a.Library, Engine: a.Policies, Lifecycle: a.Lifecycle,
		Desk: a.Desk, Now: cfg.Now,
	}
	if err := a.Library.Seed(ctx); err != nil {
		return nil, fmt.Errorf("seed templates: %w", err)
	}
	if err := a.live.Load(ctx); err != nil {
		return nil, fmt.Errorf("load flags: %w", err)
	}
	if err := a.keys.Load(ctx); err != nil {
		return nil, fmt.Errorf("load SDK keys: %w", err)
	}
	a.handler, err = a.routes()
	return a, err
}

// routes puts the surfaces on one port.
func (a *App) routes() (http.Handler, error) {
	a.control = api.New(api.Deps{
		DB: a.db, Log: a.log, Now: a.cfg.Now, Mode: a.cfg.Mode, Version: a.cfg.Version, People: a.cfg.People, Console: web.Files,
		Ready: a.live.Ready, Directory: a.Directory, Sessions: a.accounts.Sessions, Accounts: a.accounts, Governors: a.newGovernors(), Tokens: a.Tokens,
		Keys: a.keys, Catalog: a.Catalog, Registry: a.Registry, Live: a.live, Rollouts: a.rollouts, Desk: a.Desk,
		Library: a.Library, Policies: a.Policies, Lifecycle: a.Lifecycle, Audit: a.audit, Apply: a.Apply, Secret: a.secret,
		Backups: &backup.Backups{DB: a.db, Audit: a.audit, Now: a.cfg.Now, Version: a.cfg.Version}, Doctor: a.Doctor,
	})
	mux := http.NewServeMux()
	mux.Handle("/", a.control)
	mux.Handle(dataplane.Prefix, a.own(&dataplane.Plane{Lookup: a.keys.Lookup, Live: a.live, Now: a.cfg.Now}))
	return a.peers(mux)
}

// keyFacts tells package access what it may not ask itself: who owns an app, and whether an environment is governed.
func keyFacts(ctx context.Context, tx *store.Tx, environment, app string) (access.KeyFacts, error) {
	var facts access.KeyFacts
	if environment != "" {
		e, ok, err := registry.EnvironmentNamed(ctx, tx, environment)
		if err != nil {
			return facts, err
		}
		if !ok {
			all, err := registry.Environments(ctx, tx)
			if err != nil {
				return facts, err
			}
			names := make([]string, len(all))
			for i, e := range all {
				names[i] = e.Name
			}
			return facts, unknown("environment", environment, names)
		}
		facts.Governed = e.Governed
	}
	if app != "" {
		found, ok, err := catalog.Load(ctx, tx, app)
		if err != nil {
			return facts, err
		}
		if !ok {
			return facts, unknown("app", app, nil)
		}
		facts.OwnerGroup = found.Owner
	}
	return facts, nil
}

func unknown(what, name string, known []string) error {
	return fault.New(fault.NotFound, "unknown_"+what, "there is no %s %q", what, name).At(what).
		Fix("%s", fault.Meant(name, known, "look it up in the list"))
}

// Handler answers every request: the console, the API and the data plane.
func (a *App) Handler() http.Handler { return a.handler }

// Start begins what runs by itself, until Close: the snapshots and keys follow the database, and whichever process leads
// sequences the audit log and promotes rollouts.
func (a *App) Start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, loop := range []func(context.Context){a.live.Run, a.keys.Run, a.control.Run, func(ctx context.Context) { a.db.Lead(ctx, a.lead) }} {
		a.running.Go(func() { loop(ctx) })
	}
}

// lead runs what only one process may do at a time.
func (a *App) lead(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { a.audit.Run(ctx) })
	loops.Go(func() { a.tickRollouts(ctx) })
	loops.Wait()
}

// tickEvery is how often rollouts are looked at.
const tickEvery = time.Second

func (a *App) tickRollouts(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		if err := a.rollouts.Tick(ctx); err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "rollouts not looked at", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close ends what Start began and closes the database.
func (a *App) Close() error {
	if a.stop != nil {
		a.stop()
		a.running.Wait()
	}
	return a.db.Close()
}
