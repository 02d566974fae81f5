// Package measure keeps what is seen of flags in use: how often each was evaluated, with what answer, and by whom.
//
// The data plane counts in memory, without locks and without allocation; every few seconds each replica adds what it counted to
// the database. How many series are told apart is bounded everywhere; what is beyond is counted without its name.
package measure

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/flag"
)

// Kept is the reason of an answer that the client holds already: it asked for all flags and was told that nothing changed. It is
// OpenFeature's word for such answers; the variant is not known again.
const Kept flag.Reason = "CACHED"

// Bounds of what one replica tells apart.
const (
	maxSeries    = 20_000 // series at a time
	maxStrangers = 1_000  // of which those whose flag came from a caller's request
	spareSeries  = 1_024  // beyond: what is counted without its name, by environment, protocol, reason and code
	maxShards    = 8
	maxName      = 200 // bytes of a flag's key that a caller made up
)

// series is what is counted apart.
type series struct {
	environment string
	protocol    string
	key         string // id of the SDK key; empty for a caller that needs none
	flag        string // empty: beyond the bounds
	variant     string
	reason      flag.Reason
	code        flag.ErrorCode
	bulk        bool // the caller asked for all flags at once
}

// slot is a number that series are counted under. All is guarded by Counters.mu.
type slot struct {
	series
	stranger bool
	used     bool // since the last turn
	resting  bool // counted under no more; free after the next turn, when nobody can hold the number any longer
}

// slab is one shard's counts by number. Shards are far apart in memory, so that processors do not fight over a word.
type slab [maxSeries + spareSeries]atomic.Int64

// Counters counts evaluations in memory. Its zero value is not usable; see NewCounters.
type Counters struct {
	slabs   []*slab
	callers atomic.Pointer[map[string]*Caller] // by SDK key; its others, over other protocols, hang on next

	mu        sync.Mutex        // guards all below; never held on the path of an evaluation that was seen before
	numbers   map[series]uint32 // of slots that are not resting
	slots     []slot
	free      []uint32
	strangers int
	kept      []*keptView
	synced    map[syncID]*syncing
	bulks     map[bulkID]*bulkCount
	pending   pending
	totals    map[Total]int64
	beyond    int64 // evaluations that were counted without their names
	minute    int64 // of the last collection
}

type callerID struct {
	environment, key, protocol string
	bulk                       bool
}

type bulkID struct{ environment, protocol string }

// bulkCount counts requests for all flags at once.
type bulkCount struct{ evaluated, unchanged atomic.Int64 }

// NewCounters makes counters that nothing was counted with.
func NewCounters() *Counters {
	c := &Counters{
		numbers: map[series]uint32{}, slots: make([]slot, 1), bulks: map[bulkID]*bulkCount{}, totals: map[Total]int64{},
		pending: newPending(), synced: map[syncID]*syncing{},
	}
	shards := 1
	for shards < runtime.GOMAXPROCS(0) && shards < maxShards {
		shards *= 2
	}
	for range shards {
		c.slabs = append(c.slabs, new(slab))
	}
	c.callers.Store(&map[string]*Caller{})
	return c
}

// Caller counts for one SDK key of an environment over one protocol. A nil Caller counts nothing.
type Caller struct {
	counters *Counters
	id       callerID
	next     *Caller
	bulk     *bulkCount
	known    atomic.Pointer[map[*flag.Outcome]uint32]
	view     atomic.Pointer[keptView]

	fresh  map[*flag.Outcome]uint32 // known and what came after it; guarded by counters.mu
	misses int                      // guarded by counters.mu
}

// Caller returns who counts for an SDK key. Ask anew with each request: it forgets what is no longer served. Of nil counters it is nil.
func (c *Counters) Caller(environment, key, protocol string) *Caller {
	if c == nil {
		return nil
	}
	return c.caller(callerID{environment: environment, key: key, protocol: protocol})
}

func (c *Counters) caller(id callerID) *Caller {
	if caller := (*c.callers.Load())[id.key].find(id); caller != nil {
		return caller
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	callers := *c.callers.Load()
	if caller := callers[id.key].find(id); caller != nil {
		return caller
	}
	in := bulkID{id.environment, id.protocol}
	if c.bulks[in] == nil {
		c.bulks[in] = &bulkCount{}
	}
	caller := &Caller{counters: c, id: id, next: callers[id.key], bulk: c.bulks[in]}
	caller.known.Store(&map[*flag.Outcome]uint32{})
	grown := maps.Clone(callers)
	grown[id.key] = caller
	c.callers.Store(&grown)
	return caller
}

func (c *Caller) find(id callerID) *Caller {
	for c != nil && c.id != id {
		c = c.next
	}
	return c
}

// Count counts an evaluation of a flag that was asked for by its key. It takes no lock and allocates nothing, except for an outcome that is
// new.
func (c *Caller) Count(o *flag.Outcome) {
	if c == nil {
		return
	}
	c.batch().Count(o)
}

// Batch counts the evaluations of a request for all flags, in one goroutine.
type Batch struct {
	caller *Caller
	known  map[*flag.Outcome]uint32
	slab   *slab
}

func (c *Caller) batch() Batch {
	slabs := c.counters.slabs
	return Batch{caller: c, known: *c.known.Load(), slab: slabs[rand.Uint32()&uint32(len(slabs)-1)]}
}

// Count counts one evaluation of the batch.
func (b Batch) Count(o *flag.Outcome) {
	if b.caller == nil {
		return
	}
	n, ok := b.known[o]
	if !ok {
		n = b.caller.learn(o)
	}
	b.slab[n].Add(1)
}

// Bulk counts a request for all flags that was evaluated. What it returns counts each evaluation besides.
func (c *Caller) Bulk() Batch {
	if c == nil {
		return Batch{}
	}
	c.bulk.evaluated.Add(1)
	id := c.id
	id.bulk = true
	return c.counters.caller(id).batch()
}

// Fail counts an evaluation that gave no outcome: of a flag that there is not, or with a context that cannot be read.
func (c *Caller) Fail(name string, code flag.ErrorCode) {
	if c == nil {
		return
	}
	if len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		name = ""
	}
	m := c.counters
	m.mu.Lock()
	n := m.number(series{
		environment: c.id.environment, protocol: c.id.protocol, key: c.id.key, flag: strings.Clone(name), reason: flag.Failed, code: code,
	}, true)
	m.mu.Unlock()
	m.slabs[0][n].Add(1)
}

// learn gives the number of an outcome, and remembers it once enough lookups asked for what known lacks.
func (c *Caller) learn(o *flag.Outcome) uint32 {
	m := c.counters
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.fresh == nil {
		c.fresh, c.misses = maps.Clone(*c.known.Load()), 0
	}
	n, ok := c.fresh[o]
	if !ok {
		n = m.number(series{
			environment: c.id.environment, protocol: c.id.protocol, key: c.id.key,
			flag: o.Key, variant: o.Variant, reason: o.Reason, code: o.Code, bulk: c.id.bulk,
		}, false)
		c.fresh[o] = n
	}
	if c.misses++; c.misses >= len(c.fresh) {
		known := c.fresh
		c.known.Store(&known)
		c.fresh = nil
	}
	return n
}

// number gives the number of a series, with mu held. Beyond the bounds it is that of what has no name.
func (c *Counters) number(s series, stranger bool) uint32 {
	if n, ok := c.numbers[s]; ok {
		c.slots[n].used = true
		return n
	}
	named := s.flag != ""
	if named && (len(c.slots)-len(c.free) > maxSeries || stranger && c.strangers >= maxStrangers) || !named && s.key != "" {
		return c.number(series{environment: s.environment, protocol: s.protocol, reason: s.reason, code: s.code}, false)
	}
	var n uint32
	switch {
	case len(c.free) > 0:
		n, c.free = c.free[len(c.free)-1], c.free[:len(c.free)-1]
	case len(c.slots) < len(slab{}):
		n = uint32(len(c.slots))
		c.slots = append(c.slots, slot{})
	default:
		return 0
	}
	c.numbers[s] = n
	c.slots[n] = slot{series: s, stranger: stranger, used: true}
	if stranger {
		c.strangers++
	}
	return n
}

// Shown tells which flags a caller sees, as live.Served does.
type Shown interface {
	Visible(key, app string, browser bool) bool
}

// keptView is what a caller holds who was told that nothing changed.
type keptView struct {
	caller  callerID
	flags   *flag.Snapshot
	shown   Shown
	app     string
	browser bool
	count   atomic.Int64
	used    bool // since the last turn; guarded by Counters.mu
}

// Unchanged counts a request for all flags that was answered with 304: the caller goes on with what it holds, which is all flags
// that it sees. Which variants those were is not looked up again.
func (c *Caller) Unchanged(flags *flag.Snapshot, shown Shown, app string, browser bool) {
	if c == nil {
		return
	}
	c.bulk.unchanged.Add(1)
	view := c.view.Load()
	if view == nil || view.flags != flags || view.app != app || view.browser != browser {
		m := c.counters
		m.mu.Lock()
		view = &keptView{caller: c.id, flags: flags, shown: shown, app: app, browser: browser, used: true}
		m.kept = append(m.kept, view)
		c.view.Store(view)
		m.mu.Unlock()
	}
	view.count.Add(1)
}
