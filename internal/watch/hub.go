// Package watch tells browsers what changes, as it changes. It follows the audit log, to which every change appends an event,
// and sends each reader, as server-sent events, the names of what that reader may see: what to fetch again, never the content.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// Limits of the hub. Who reads slower than keptChanges are made is told to fetch everything anew; so is everybody when the
// hub itself fell behind by maxBehind leaves.
const (
	keptChanges = 1024
	batchLeaves = 500
	maxBehind   = 5000
	maxStreams  = 100 // of one person; a browser has one
	lookEvery   = 500 * time.Millisecond
)

// Hub follows the audit log and wakes the streams. It keeps no queue for any of them: the last changes lie in one list that
// all read, each from its own position, and who fell out of the list starts anew.
type Hub struct {
	db       *store.DB
	log      *slog.Logger
	sessions *signin.Sessions

	tail atomic.Pointer[tail]
	over chan struct{} // closed when streams have to end
	end  sync.Once

	rights sync.Mutex // held while rights are read and kept, so that an older reading never replaces a newer one

	mu      sync.Mutex
	streams map[*stream]struct{} // guarded by mu
	counted map[string]int       // guarded by mu: streams by access.Identity.Key
}

// tail is the end of the log as streams read it. It never changes; its successor closes replaced.
type tail struct {
	first, next int64 // leaves: all changes of those from first on are in changes, and next comes next
	changes     []told
	replaced    chan struct{}
}

// stream is one reader. Its rights follow those of its person.
type stream struct {
	by    atomic.Pointer[access.Actor]
	whose string        // access.Identity.Key of by, which stays
	ended chan struct{} // closed by the hub when its credential ended
}

// NewHub returns a hub that is not fed yet: Run does.
func NewHub(db *store.DB, log *slog.Logger, sessions *signin.Sessions) *Hub {
	h := &Hub{
		db: db, log: log, sessions: sessions, over: make(chan struct{}),
		streams: map[*stream]struct{}{}, counted: map[string]int{},
	}
	h.tail.Store(&tail{replaced: make(chan struct{})})
	return h
}

// Drain ends the streams, so that the server can stop; browsers come back by themselves.
func (h *Hub) Drain() { h.end.Do(func() { close(h.over) }) }

// Run feeds the streams until ctx ends, and then ends them.
func (h *Hub) Run(ctx context.Context) {
	defer h.Drain()
	leaves, stopLeaves := h.db.Subscribe(audit.LeavesTopic)
	defer stopLeaves()
	rights, stopRights := h.db.Subscribe(access.Topic)
	defer stopRights()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	healthy := true
	for {
		err := h.follow(ctx)
		if err == nil {
			err = h.db.Read(ctx, h.expel)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && healthy:
			h.log.LogAttrs(ctx, slog.LevelWarn, "live updates not made", slog.Any("error", err))
		case err == nil && !healthy:
			h.log.LogAttrs(ctx, slog.LevelInfo, "live updates are made again")
		}
		healthy = err == nil
		select {
		case <-ctx.Done():
			return
		case <-leaves:
		case <-rights:
		case <-tick.C: // announcements may get lost, and credentials end with time
		}
	}
}

// follow reads what was appended to the log, lets changed rights take effect, and then tells the changes.
func (h *Hub) follow(ctx context.Context) error {
	h.rights.Lock()
	defer h.rights.Unlock()
	for {
		old := h.tail.Load()
		fresh := &tail{first: old.first, changes: old.changes, replaced: make(chan struct{})}
		var entries []audit.Entry
		var changes []told
		err := h.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if fresh.next, err = audit.Next(ctx, tx); err != nil || fresh.next == old.next {
				return err
			}
			if fresh.next < old.next || fresh.next-old.next > maxBehind || len(h.readers()) == 0 {
				// A restored database, a backlog, or nobody to tell it to: whoever reads on starts anew.
				fresh.first, fresh.changes = fresh.next, nil
				return h.refresh(ctx, tx, h.readers())
			}
			if entries, err = audit.From(ctx, tx, old.next, batchLeaves); err != nil || len(entries) == 0 {
				return err
			}
			fresh.next = *entries[len(entries)-1].Leaf + 1
			var people []string
			everybody := false
			for _, e := range entries {
				more, all := actorsOf(e.Event)
				people, everybody = append(people, more...), everybody || all
			}
			// Events name people by their addresses of then. A new address is such an event, after which a stream has it.
			same := func(s *stream) bool { return !everybody && !slices.Contains(people, s.by.Load().Email) }
			if err := errors.Join(h.refresh(ctx, tx, slices.DeleteFunc(h.readers(), same)), h.expel(ctx, tx)); err != nil {
				return err
			}
			changes, err = tellOf(ctx, tx, entries)
			return err
		})
		if err != nil || fresh.next == old.next {
			return err
		}
		fresh.changes = append(slices.Clone(fresh.changes), changes...)
		if over := len(fresh.changes) - keptChanges; over > 0 {
			fresh.first = fresh.changes[over-1].leaf + 1
			fresh.changes = slices.DeleteFunc(fresh.changes, func(t told) bool { return t.leaf < fresh.first })
		}
		h.tail.Store(fresh)
		close(old.replaced)
	}
}

// readers returns the streams that are open.
func (h *Hub) readers() []*stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*stream, 0, len(h.streams))
	for s := range h.streams {
		all = append(all, s)
	}
	return all
}

// refresh reads the rights of streams anew. Who is nobody any more is expelled.
func (h *Hub) refresh(ctx context.Context, tx *store.Tx, streams []*stream) error {
	known := map[access.PersonID]*access.Actor{}
	for _, s := range streams {
		was := s.by.Load()
		if was.PersonID == "" {
			continue
		}
		now, ok := known[was.PersonID]
		if !ok {
			found, err := access.ActorOf(ctx, tx, was.PersonID, was.Credential, was.TokenScope)
			if err != nil && !fault.Is(err, fault.Unauthenticated) {
				return err
			}
			if now = &found; err != nil {
				now = nil
			}
			known[was.PersonID] = now
		}
		if now == nil {
			h.close(s, true)
			continue
		}
		by := *now
		by.Credential, by.TokenScope = was.Credential, was.TokenScope
		s.by.Store(&by)
	}
	return nil
}

// expel is a step: it ends the streams whose credential lets nobody in any more.
func (h *Hub) expel(ctx context.Context, tx *store.Tx) error { return h.expelOf(ctx, tx, h.readers()) }

func (h *Hub) expelOf(ctx context.Context, tx *store.Tx, readers []*stream) error {
	if len(readers) == 0 {
		return nil
	}
	shown := make([]audit.Credential, len(readers))
	for i, s := range readers {
		shown[i] = s.by.Load().Credential
	}
	lasting, err := h.sessions.Lasting(ctx, tx, shown)
	if err != nil {
		return err // an outage of the database signs nobody out
	}
	for i, s := range readers {
		if !lasting[shown[i]] {
			h.close(s, true)
		}
	}
	return nil
}

// open begins a stream.
func (h *Hub) open(by access.Actor) (*stream, error) {
	s := &stream{whose: by.Identity().Key(), ended: make(chan struct{})}
	s.by.Store(&by)
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.over:
		return nil, fault.New(fault.Unavailable, "stopping", "the server is being stopped").Fix("try again in a moment")
	default:
	}
	if h.counted[s.whose] >= maxStreams {
		return nil, fault.New(fault.TooMany, "too_many_streams", "%d streams of yours are open already", maxStreams).
			Fix("close some, or read the lists instead")
	}
	h.streams[s] = struct{}{}
	h.counted[s.whose]++
	return s, nil
}

// close forgets a stream, and ends it if it did not end by itself.
func (h *Hub) close(s *stream, expelled bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.streams[s]; !open {
		return
	}
	delete(h.streams, s)
	if h.counted[s.whose]--; h.counted[s.whose] == 0 {
		delete(h.counted, s.whose)
	}
	if expelled {
		close(s.ended)
	}
}
