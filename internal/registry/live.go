package registry

import (
	"context"
	"encoding/json"
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
	copying sync.Mutex         // guards copied, and is held while copies are written
	copied  map[string]*Served // by environment: what its copy on disk holds
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
	Tag         string // names the content of Document
	flags       map[string]definedFlag
	evaluators  map[string]json.RawMessage
	sum         int64 // of the revisions of flags
	digest      digest
	fromDisk    bool
	replaced    chan struct{} // closed by the successor
}

// Replaced gives a channel that is closed when the environment serves something else, or is no more.
func (s *Served) Replaced() <-chan struct{} { return s.replaced }

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
	l.copyOut()
	return err
}

// Run keeps the snapshots current until ctx ends: it hears of changes, and looks for what it may have missed.
func (l *Live) Run(ctx context.Context) {
	wake, stop := l.DB.Subscribe(Topic)
	defer stop()
	// Copies are written beside, so that a kill never waits for the disk; what changes while one is written is in the next.
	changed := make(chan struct{}, 1)
	var copying sync.WaitGroup
	copying.Go(func() {
		for range changed {
			l.copyOut()
		}
	})
	defer copying.Wait()
	defer close(changed)
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
		case changed <- struct{}{}:
		default:
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

// Replaced gives a channel that is closed when any environment serves something else; nil while nothing is served yet.
func (l *Live) Replaced() <-chan struct{} {
	if h := l.held.Load(); h != nil {
		return h.replaced
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

// refresh loads what changed in the environments whose revision did, and swaps them in.
func (l *Live) refresh(ctx context.Context) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	old := map[string]*Served{}
	if h := l.held.Load(); h != nil {
		old = h.environments
	}
	fresh := map[string]*Served{}
	var loads []loaded
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
			ld, err := load(ctx, tx, e, before)
			if err != nil {
				return err
			}
			loads = append(loads, ld)
		}
		return nil
	})
	l.stale.Store(err != nil)
	if err != nil {
		return err
	}
	for _, ld := range loads {
		served, problems := ld.serve()
		l.report(old[served.Environment], served, problems)
		fresh[served.Environment] = served
	}
	if !l.Ready() || !maps.Equal(fresh, old) {
		l.swap(fresh)
	}
	return nil
}

// copyOut brings the copies on disk up to what is served.
func (l *Live) copyOut() {
	h := l.held.Load()
	if l.Dir == "" || h == nil {
		return
	}
	l.copying.Lock()
	defer l.copying.Unlock()
	if l.copied == nil {
		l.copied = map[string]*Served{}
	}
	for name, served := range h.environments {
		if l.copied[name] != served && !served.fromDisk {
			l.writeCopy(served)
			l.copied[name] = served
		}
	}
}

func (l *Live) swap(environments map[string]*Served) {
	before := l.held.Swap(&held{environments: environments, replaced: make(chan struct{})})
	if before == nil {
		return
	}
	close(before.replaced)
	for name, served := range before.environments {
		if environments[name] != served {
			close(served.replaced)
		}
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
