package measure

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many contexts are kept of an environment, and how often one is: the first after a pause at once, up to recentBurst in a
// row, then one in recentEvery. So a busy environment shows its last ten minutes, a quiet one whatever it was asked last.
const (
	recentKept  = 600
	recentBurst = 100
	recentEvery = time.Second
)

// Recent is a sample of the contexts that SDKs asked this replica with lately. They may name people: they are kept in memory
// only, and shown to nobody but those who may change what these people get. Its zero value is ready.
type Recent struct{ rings sync.Map } // environment → *ring

type ring struct {
	due atomic.Int64 // when the burst would be used up, in nanoseconds: generic cell rate algorithm

	mu   sync.Mutex
	kept []map[string]any // guarded by mu; the oldest at next once it is full
	next int              // guarded by mu
}

func (r *Recent) ring(environment string) *ring {
	found, ok := r.rings.Load(environment)
	if !ok {
		found, _ = r.rings.LoadOrStore(environment, &ring{})
	}
	held, _ := found.(*ring) // nothing else is stored
	return held
}

// Due tells whether the next context of an environment is to be kept. It is for the path of an evaluation: mostly one look at
// one word.
func (r *Recent) Due(environment string, now time.Time) bool {
	ring := r.ring(environment)
	at := now.UnixNano()
	for {
		due := ring.due.Load()
		ahead := due - at
		if ahead > int64(recentBurst*recentEvery) { // no burst leads there: the clock was put back
			ahead = 0
		}
		if ahead > int64((recentBurst-1)*recentEvery) {
			return false
		}
		if ring.due.CompareAndSwap(due, at+max(ahead, 0)+int64(recentEvery)) {
			return true
		}
	}
}

// Keep keeps the attributes of a context that was due. Nobody may change them afterwards.
func (r *Recent) Keep(environment string, attributes map[string]any) {
	ring := r.ring(environment)
	ring.mu.Lock()
	defer ring.mu.Unlock()
	if len(ring.kept) < recentKept {
		ring.kept = append(ring.kept, attributes)
		return
	}
	ring.kept[ring.next] = attributes
	ring.next = (ring.next + 1) % recentKept
}

// Of gives the contexts kept of an environment, in no order. Nobody may change them.
func (r *Recent) Of(environment string) []map[string]any {
	ring := r.ring(environment)
	ring.mu.Lock()
	defer ring.mu.Unlock()
	return slices.Clone(ring.kept)
}
