package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

// pollEvery bounds how long an announcement that got lost may delay a change.
const pollEvery = 2 * time.Second

// Live is what SDKs are served: for each environment a snapshot, swapped as a whole when something changed there. Reading
// it takes no lock and no database. With a Dir it keeps a copy on disk and starts from that while the database is away.
type Live struct {
	DB  *store.DB
	Dir string // empty: no copy on disk
	Log *slog.Logger

	loading sync.Mutex // one refresh at a time
	held    atomic.Pointer[held]
	stale   atomic.Bool
}

// held is all that is served at one moment.
type held struct {
	environments map[string]*Served
	replaced     chan struct{} // closed by the successor
}

// Served is what one environment serves at one of its revisions. Nobody may change it.
type Served struct {
	Environment string
	Revision    int64
	Flags       *flag.Snapshot
	Document    json.RawMessage // flagd's flag definitions
	Tag         string          // names the content of Document
	labels      map[string]label
	fromDisk    bool
}

// label is what decides who may see a flag.
type label struct {
	App        string `json:"app"`
	ClientSide bool   `json:"client_side"`
}

// Visible tells whether a flag is shown to callers that are bound to an app, and to browsers. An empty app is every app.
func (s *Served) Visible(key, app string, browser bool) bool {
	if app == "" && !browser {
		return true
	}
	l, ok := s.labels[key]
	return ok && (app == "" || l.App == app) && (!browser || l.ClientSide)
}

// Load reads everything once, before the first answer. While the database is away it takes the copy on disk, and fails only
// if there is none.
func (l *Live) Load(ctx context.Context) error {
	if !l.Ready() {
		l.readCopies()
	}
	err := l.refresh(ctx)
	if err != nil && l.Ready() {
		l.Log.Warn("serving flags from disk: database away", slog.Any("error", err))
		return nil
	}
	return err
}

// Run keeps the snapshots current until ctx ends: it hears of changes, and looks for what it may have missed.
func (l *Live) Run(ctx context.Context) {
	wake, stop := l.DB.Subscribe(Topic)
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		wasStale := l.Stale()
		err := l.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !wasStale:
			l.Log.Error("flags not refreshed; serving the last known ones", slog.Any("error", err))
		case err == nil && wasStale:
			l.Log.Info("flags are current again")
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// Snapshot gives what an environment serves, or nil if it is not known.
func (l *Live) Snapshot(environment string) *Served {
	if h := l.held.Load(); h != nil {
		return h.environments[environment]
	}
	return nil
}

// Ready tells whether there is anything to serve.
func (l *Live) Ready() bool { return l.held.Load() != nil }

// Stale tells whether the database could not be read the last time, so that changes may be missing.
func (l *Live) Stale() bool { return l.stale.Load() }

// Await waits until the environment serves at least the revision, and tells whether it does: false if ctx ends before, or
// if there is no such environment.
func (l *Live) Await(ctx context.Context, environment string, revision int64) bool {
	for {
		h := l.held.Load()
		if h == nil || h.environments[environment] == nil {
			return false
		}
		if h.environments[environment].Revision >= revision {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-h.replaced:
		}
	}
}

// refresh loads the environments whose revision changed, and swaps them in.
func (l *Live) refresh(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	old := map[string]*Served{}
	if h := l.held.Load(); h != nil {
		old = h.environments
	}
	fresh := map[string]*Served{}
	var states []state
	err := l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		environments, err := Environments(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range environments {
			before := old[e.Name]
			if before != nil {
				fresh[e.Name] = before
			}
			if before != nil && before.Revision == e.Revision && !before.fromDisk {
				continue
			}
			s, err := load(ctx, tx, e)
			if err != nil {
				return err
			}
			states = append(states, s)
		}
		return nil
	})
	l.stale.Store(err != nil)
	if err != nil {
		return err
	}
	for _, s := range states {
		served, problems, err := s.serve()
		if err != nil { // the other environments go on
			l.Log.Error("flags not served; the last ones stay", slog.String("environment", s.Environment), slog.Any("error", err))
			continue
		}
		l.report(old[s.Environment], served, problems)
		fresh[s.Environment] = served
	}
	if l.Ready() && maps.Equal(fresh, old) {
		return nil
	}
	l.swap(fresh)
	for name, served := range fresh {
		if served != old[name] {
			l.writeCopy(served)
		}
	}
	return nil
}

func (l *Live) swap(environments map[string]*Served) {
	before := l.held.Swap(&held{environments: environments, replaced: make(chan struct{})})
	if before != nil {
		close(before.replaced)
	}
}

// report logs what an operator should know of a new snapshot. Going back means that the database was restored from a
// backup: what it says counts, but it must not go unnoticed, since a kill may have been lost.
func (l *Live) report(before, after *Served, problems []flag.Problem) {
	if before != nil && before.Revision > after.Revision {
		l.Log.Error("flags went back to an older revision: was the database restored?",
			slog.String("environment", after.Environment), slog.Int64("served", before.Revision), slog.Int64("database", after.Revision))
	}
	for i, p := range problems {
		if i == 10 {
			l.Log.Warn("more flags have problems", slog.String("environment", after.Environment), slog.Int("count", len(problems)-i))
			break
		}
		l.Log.Warn("flag has a problem", slog.String("environment", after.Environment), slog.String("flag", p.Flag),
			slog.String("problem", p.Message))
	}
}

// state is what a snapshot is made from, and what the copy on disk holds.
type state struct {
	Environment string           `json:"environment"`
	Revision    int64            `json:"revision"`
	Labels      map[string]label `json:"labels"`
	Document    json.RawMessage  `json:"document"`
}

type definedFlag struct {
	key, definition string
	label           label
}

// load reads all that an environment serves.
func load(ctx context.Context, tx *store.Tx, e Environment) (state, error) {
	flags, err := store.List(ctx, tx, func(row store.Row) (f definedFlag, err error) {
		err = row.Scan(&f.key, &f.label.App, &f.label.ClientSide, &f.definition)
		return f, err
	}, `SELECT f.key, f.app, f.client_side, s.definition FROM flag_environment s JOIN flag f ON f.key = s.flag_key
		WHERE s.environment = $1 AND s.live`, e.Name)
	if err != nil {
		return state{}, fmt.Errorf("load flags of %s: %w", e.Name, err)
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return state{}, err
	}
	definitions := make(map[string]json.RawMessage, len(flags))
	labels := make(map[string]label, len(flags))
	for _, f := range flags {
		definitions[f.key], labels[f.key] = json.RawMessage(f.definition), f.label
	}
	evaluators := map[string]any{}
	for _, s := range segments {
		evaluators[s.Name] = evaluator(s)
	}
	document, err := json.Marshal(map[string]any{
		"flags": definitions, "$evaluators": evaluators, "metadata": map[string]any{"flagSetId": e.Name},
	})
	if err != nil {
		return state{}, fmt.Errorf("write document of %s: %w", e.Name, err)
	}
	return state{Environment: e.Name, Revision: e.Revision, Labels: labels, Document: document}, nil
}

func (s state) serve() (*Served, []flag.Problem, error) {
	flags, problems, err := flag.Compile(s.Document)
	if err != nil {
		return nil, nil, fmt.Errorf("compile flags of %s: %w", s.Environment, err)
	}
	sum := sha256.Sum256(s.Document)
	return &Served{
		Environment: s.Environment, Revision: s.Revision, Flags: flags, Document: s.Document,
		Tag: hex.EncodeToString(sum[:8]), labels: maps.Clone(s.Labels),
	}, problems, nil
}
