package dataplane

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/live"
)

// environment is what the open streams of one environment share.
type environment struct {
	plane *Plane
	name  string
	held  atomic.Pointer[revision] // the newest that was seen

	mu       sync.Mutex
	arrivals []*arrival // guarded by mu; the newest last
	removed  []departed // guarded by mu; the newest last
}

// departed is flags that an environment no longer serves.
type departed struct {
	at   time.Time
	keys []string
}

// revision is what an environment serves, with what its streams send of it: each is made once, by the first that needs it,
// whatever the number of streams.
type revision struct {
	served *live.Served
	at     time.Time // when this replica had it
	tag    string    // names it for OFREP
	event  []byte    // that announces it on streams of OFREP

	mu        sync.Mutex
	documents map[live.View]*document // guarded by mu
	changes   map[step]live.Changes   // guarded by mu
}

// step is a way to a revision. It names by its serial what it comes from, so that no revision keeps older ones in memory; 0 is
// nothing. The number of the revision would not do: what is turned off on this replica alone has the revision of before.
type step struct {
	from int64
	view live.View
}

// arrival is when this replica had a revision.
type arrival struct {
	revision  int64
	at        time.Time
	refetched int
}

// keptArrivals bounds how many revisions back a receipt can be given.
const keptArrivals = 256

// environment gives what the streams of an environment share.
func (p *Plane) environment(name string) *environment {
	if e, ok := p.environments.Load(name); ok {
		return e.(*environment) //nolint:forcetypeassert // nothing else is stored
	}
	e, _ := p.environments.LoadOrStore(name, &environment{plane: p, name: name})
	return e.(*environment) //nolint:forcetypeassert // nothing else is stored
}

// current gives the newest revision, or nil while there is none. Streams ask again whenever its Served is replaced.
func (e *environment) current() *revision {
	held, served := e.held.Load(), e.plane.Live.Snapshot(e.name)
	if served == nil {
		return nil
	}
	if held != nil && held.served == served {
		return held
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	held, served = e.held.Load(), e.plane.Live.Snapshot(e.name)
	if served == nil || held != nil && held.served == served {
		return held
	}
	at, tag := e.plane.Now(), string(appendTag(nil, served))
	fresh := &revision{
		served: served, at: at, tag: tag, event: eventOf(tag, at), documents: map[live.View]*document{}, changes: map[step]live.Changes{},
	}
	e.arrivals = append(e.arrivals, &arrival{revision: served.Revision, at: fresh.at})
	if over := len(e.arrivals) - keptArrivals; over > 0 {
		e.arrivals = append([]*arrival(nil), e.arrivals[over:]...)
	}
	if held != nil {
		if keys := fresh.since(held, live.View{}).Removed; len(keys) > 0 {
			e.removed = append(e.removed, departed{at: fresh.at, keys: keys})
		}
	}
	e.forget(fresh.at)
	e.held.Store(fresh)
	return fresh
}

// forget drops what no client that comes back needs to hear. The lock is held.
func (e *environment) forget(now time.Time) {
	for len(e.removed) > 0 && now.Sub(e.removed[0].at) > goneFor {
		e.removed = e.removed[1:]
	}
}

// gone gives the flags that left the environment lately.
func (e *environment) gone(now time.Time) (keys []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(now)
	for _, d := range e.removed {
		keys = append(keys, d.keys...)
	}
	return keys
}

// arrival gives when this replica had a revision, or the first one after it; nil if it had neither. It must not be kept.
func (e *environment) arrival(number int64) *arrival {
	e.mu.Lock()
	defer e.mu.Unlock()
	// From the newest back, since a restored database may have begun to count anew.
	var found *arrival
	for i := len(e.arrivals) - 1; i >= 0 && e.arrivals[i].revision >= number; i-- {
		found = e.arrivals[i]
	}
	if found == nil {
		return nil
	}
	copied := *found
	return &copied
}

// refetched notes that an OFREP client fetched the flags again because of a revision.
func (e *environment) refetched(number int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.arrivals) - 1; i >= 0; i-- {
		if e.arrivals[i].revision == number {
			e.arrivals[i].refetched++
			return
		}
	}
}

// document gives the flag definitions of a view.
func (r *revision) document(view live.View) *document {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.documents[view]
	if d == nil {
		d = newDocument(r.served, view)
		r.documents[view] = d
	}
	return d
}

// since tells which flags of a view changed after an earlier revision; nil is before all of them.
func (r *revision) since(before *revision, view live.View) live.Changes {
	s := step{view: view}
	var earlier *live.Served
	if before != nil {
		s.from, earlier = before.served.Serial, before.served
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.changes[s]
	if !ok {
		c = r.served.Since(earlier, view)
		r.changes[s] = c
	}
	return c
}
