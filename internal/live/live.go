// Package live is what SDKs are served, and all that the data plane knows of flags: snapshots of each environment, their copies on
// disk, and what is turned off while the database is away.
package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// pollEvery bounds how long an announcement that got lost may delay a change.
const pollEvery = 2 * time.Second

// Live is what SDKs are served: for each environment a snapshot, swapped as a whole when something changed there. Reading
// it takes no lock and no database. With a Dir it keeps a copy on disk and starts from that while the database is away.
//
// What it once knew as killed it does not serve again because a database says less: kills are on disk before they are
// acknowledged (kept.go), what is killed on this replica alone lies over everything (override.go), and a database that comes
// back older is not followed until somebody says so (behind.go).
type Live struct {
	DB      *store.DB
	Dir     string // empty: no copy on disk
	Log     *slog.Logger
	Now     func() time.Time // nil: how old stale flags are is not known
	Replica string           // id of this process among those that serve the same database
	// Ended is a step: which of these acts no override needs to stand for any more, since they are in the database, or somebody ended
	// them there. nil: none.
	Ended func(ctx context.Context, tx *store.Tx, kills []string) ([]string, error)
	// Note and Noted are steps. They keep the overrides of all replicas in the database, beside what its writer does, for whoever asks
	// there and for replicas that missed the message. nil: none.
	Note  func(ctx context.Context, tx *store.Tx, o Override) error
	Noted func(ctx context.Context, tx *store.Tx) ([]Override, error)

	// Locks are taken in this order: refreshing, copying, recording, swapping, and any other.
	refreshing  sync.Mutex // one look at the database at a time
	copying     sync.Mutex // guards copied and copiedOwned, and is held while copies are written
	recording   sync.Mutex // guards recorded and former, and is held while overrides are written
	swapping    sync.Mutex // guards overrides; one swap at a time
	overrides   []Override
	ahead       []ahead         // guarded by swapping
	recorded    map[string]bool // ids of the overrides on disk
	former      bool            // there is a file of a version before
	talk        talk
	owned       atomic.Pointer[ownerships]
	copiedOwned *ownerships
	held        atomic.Pointer[held]
	stale       atomic.Bool
	readAt      atomic.Int64       // microseconds; when the database was last read, 0: never
	keeping     sync.Mutex         // held while the log of kills is written
	copied      map[string]*Served // by environment: what its copy on disk holds
}

// held is all that is served at one moment.
type held struct {
	environments map[string]*Served
	base         map[string]*Served // what the database or the disk gave, without what lies over it
	over         map[string]string  // by environment, the keys of what lies over its base
	behind       map[string]behind
	overridden   []Override
	ahead        []ahead
	replaced     chan struct{} // closed by the successor
	durable      chan struct{} // closed when the kills in it are on disk
}

// Served is what one environment serves at one of its revisions. Nobody may change it.
type Served struct {
	Environment string
	Revision    int64
	Flags       *flag.Snapshot
	Tag         string // names the content of Document
	Serial      int64  // of this process: no two have the same, though they may be of one revision
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
		l.readOverrides()
		l.readOwned()
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
	wake, stop := l.DB.Subscribe(registry.Topic)
	defer stop()
	// Copies are written beside, so that a kill never waits for the disk; what changes while one is written is in the next.
	changed := make(chan struct{}, 1)
	var beside sync.WaitGroup
	beside.Go(func() {
		for range changed {
			l.copyOut()
		}
	})
	defer beside.Wait()
	defer close(changed)
	beside.Go(func() { l.converse(ctx) })
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	said := ""
	if l.Stale() { // as Load has logged
		said = flagsBehind
	}
	for {
		if said = l.look(ctx, said); ctx.Err() != nil {
			return
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

// What is logged of a look that failed.
const (
	flagsBehind  = "flags not refreshed; serving the last known ones"
	ownersBehind = "owners and tags of flags not refreshed; what is turned off by them is taken from the last known ones"
)

// look refreshes, and logs what is behind where that is something else than was said at the last look. It returns what is behind now,
// empty if nothing is.
func (l *Live) look(ctx context.Context, said string) string {
	err := l.refresh(ctx)
	now := ""
	switch {
	case ctx.Err() != nil:
		return said
	case err != nil && l.Stale():
		now = flagsBehind
	case err != nil:
		now = ownersBehind
	}
	switch {
	case now == said:
	case err != nil:
		l.Log.Error(now, slog.Any("error", err))
	default:
		l.Log.Info("flags are current again")
	}
	return now
}

// Environments names what is served, in order.
func (l *Live) Environments() []string {
	h := l.held.Load()
	if h == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(h.environments))
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

// StaleFor gives how long ago the database was read for the last time; ok is false if it can be read, or if that is not known.
func (l *Live) StaleFor() (d time.Duration, ok bool) {
	at := l.readAt.Load()
	if !l.stale.Load() || at == 0 || l.Now == nil {
		return 0, false
	}
	return max(0, l.Now().Sub(store.Time(at))), true
}

// Await waits until the environment serves at least the revision of the database, with every kill in it on disk, and tells whether
// that is so: false if ctx ends before, or if there is no such environment.
func (l *Live) Await(ctx context.Context, environment string, revision int64) bool {
	for {
		h := l.held.Load()
		if h == nil || h.environments[environment] == nil {
			return false
		}
		wait, has := h.replaced, h.has(environment) >= revision
		if has {
			wait = h.durable
		}
		select {
		case <-ctx.Done():
			return false
		case <-wait:
			if has {
				return true
			}
		}
	}
}

// Serves tells whether the environment serves at least the revision of the database.
func (l *Live) Serves(environment string, revision int64) bool {
	h := l.held.Load()
	return h != nil && h.environments[environment] != nil && h.has(environment) >= revision
}

// has gives the revision of the database up to which an environment serves what it says. Of a database that came back older that
// is what it kills, under the revision from before.
func (h *held) has(environment string) int64 {
	if b, ok := h.behind[environment]; ok {
		return b.Database
	}
	return h.base[environment].Revision
}

// refreshTime bounds how long one look at the database may take: one that does not answer counts as away.
const refreshTime = 10 * time.Second

// refresh loads what changed in the environments whose revision did, and swaps them in.
func (l *Live) refresh(ctx context.Context) error {
	l.refreshing.Lock()
	defer l.refreshing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	old := &held{base: map[string]*Served{}}
	if h := l.held.Load(); h != nil {
		old = h
	}
	next := &held{base: map[string]*Served{}, behind: map[string]behind{}}
	var loads []loaded
	var givenUp map[string]int64
	var standing, ended []string
	var noted []Override
	for _, o := range l.Overrides() {
		standing = append(standing, o.ID)
	}
	err := l.DB.Read(store.First(ctx), func(ctx context.Context, tx *store.Tx) error {
		environments, err := registry.Environments(ctx, tx)
		if err != nil {
			return err
		}
		if givenUp, err = registry.GivenUp(ctx, tx); err != nil {
			return err
		}
		// What is in the database by now is in the revisions that are read after it.
		if l.Ended != nil && len(standing) > 0 {
			if ended, err = l.Ended(ctx, tx, standing); err != nil {
				return err
			}
		}
		if l.Noted != nil {
			if noted, err = l.Noted(ctx, tx); err != nil {
				return err
			}
		}
		for _, e := range environments {
			before := old.base[e.Name]
			if before != nil {
				next.base[e.Name] = before
			}
			if b, ok := old.behind[e.Name]; ok && before.Revision > givenUp[e.Name] {
				next.behind[e.Name] = b
				if b.Database == e.Revision {
					continue
				}
			} else if before != nil && before.Revision == e.Revision && !before.fromDisk {
				continue
			}
			if _, ok := next.behind[e.Name]; ok {
				before = nil // all of it, since it does not go on from what is served
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
	if l.Now != nil {
		l.readAt.Store(store.Micros(l.Now()))
	}
	for _, ld := range loads {
		before := old.base[ld.environment]
		_, known := next.behind[ld.environment]
		if known || ld.older(before, givenUp[ld.environment]) {
			next.behind[ld.environment] = ld.behind(before)
			if !known {
				l.Log.Error("the database came back older than what is served: kept serving that, besides what is turned off there",
					slog.String("environment", ld.environment), slog.Int64("served", before.Revision), slog.Int64("database", ld.revision))
			}
			continue
		}
		served, problems := ld.serve()
		l.report(served, problems)
		next.base[served.Environment] = served
	}
	next.durable = make(chan struct{})
	if l.replace(old, next, ended, noted) {
		l.keepKills(old.base, next.base)
	}
	close(next.durable)
	return l.refreshOwned(ctx)
}

// replace serves what was read, and reports whether that is something else. What is turned off meanwhile waits for no disk here.
func (l *Live) replace(old, next *held, ended []string, noted []Override) bool {
	l.swapping.Lock()
	defer l.swapping.Unlock()
	changed := l.end(ended)
	changed = l.adopt(noted) || changed
	if !changed && l.Ready() && maps.Equal(next.base, old.base) && maps.EqualFunc(next.behind, old.behind, behind.equal) {
		return false
	}
	l.swap(next)
	return true
}

// again is the same base once more, for what lies over it now.
func (h *held) again() *held { return &held{base: h.base, behind: h.behind, durable: h.durable} }

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
	wrote := false
	for name, served := range h.base {
		if l.copied[name] != served && !served.fromDisk && l.writeCopy(served) {
			l.copied[name] = served
			wrote = true
		}
	}
	if wrote {
		l.trimKills()
	}
	l.copyOwned()
	l.trimOverrides()
}

// swap serves what next has as its base and what lies over it. Kills that come with it are on disk when next.durable is closed, which
// Await waits for: serving them never does. The caller holds swapping.
func (l *Live) swap(next *held) {
	before := l.held.Load()
	l.caughtUp(next)
	next.replaced, next.overridden, next.ahead = make(chan struct{}), l.overrides, l.ahead
	next.overlay(before)
	l.held.Store(next)
	if before != nil {
		close(before.replaced)
		for name, served := range before.environments {
			if next.environments[name] != served {
				close(served.replaced)
			}
		}
	}
}

// report logs what an operator should know of a new snapshot.
func (l *Live) report(after *Served, problems []flag.Problem) {
	for i, p := range problems {
		if i == 10 {
			l.Log.Warn("more flags have problems", slog.String("environment", after.Environment), slog.Int("count", len(problems)-i))
			break
		}
		l.Log.Warn("flag has a problem", slog.String("environment", after.Environment), slog.String("flag", p.Flag),
			slog.String("problem", p.Message))
	}
}
