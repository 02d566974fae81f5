package measure

import (
	"maps"
	"time"

	"github.com/soukhq/souk/internal/flag"
)

// maxPending bounds the rows that wait for the database: some 20 MB.
const maxPending = 100_000

// Total is what all evaluations of a kind are counted under, for metrics.
type Total struct {
	Environment, Protocol string
	Reason                flag.Reason
	Code                  flag.ErrorCode
}

// Bulk is how often all flags were asked for at once.
type Bulk struct {
	Environment, Protocol string
	Evaluated, Unchanged  int64
}

// State is what the counters hold, for metrics.
type State struct {
	Totals  map[Total]int64 // evaluations since the start
	Bulks   []Bulk          // requests since the start
	Series  int             // told apart at present
	Beyond  int64           // evaluations since the start that were counted without their names
	Pending int             // rows that wait for the database
	Lost    int64           // evaluations since the start that are in no database, since it was away for too long
}

// State collects what was counted until now, and tells of it.
func (c *Counters) State(now time.Time) State {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.collect(now)
	s := State{
		Totals: maps.Clone(c.totals), Series: len(c.slots) - 1 - len(c.free), Beyond: c.beyond, Pending: c.pending.len(), Lost: c.pending.lost,
	}
	for in, n := range c.bulks {
		s.Bulks = append(s.Bulks, Bulk{in.environment, in.protocol, n.evaluated.Load(), n.unchanged.Load()})
	}
	return s
}

// collect moves what was counted since the last time to what waits for the database, with mu held. It counts for the minute of
// now, so that what is told of a minute may be off by the time between two collections.
func (c *Counters) collect(now time.Time) {
	for n := range c.slots {
		var count int64
		for _, s := range c.slabs {
			if s[n].Load() != 0 {
				count += s[n].Swap(0)
			}
		}
		if count != 0 {
			c.slots[n].used = true
			c.add(now, c.slots[n].series, count)
		}
	}
	for _, view := range c.kept {
		if view.count.Load() == 0 {
			continue
		}
		view.used = true
		count := view.count.Swap(0)
		for key := range view.flags.Keys() {
			if view.shown.Visible(key, view.app, view.browser) {
				c.add(now, series{
					environment: view.caller.environment, protocol: view.caller.protocol, key: view.caller.key, flag: key, reason: Kept, bulk: true,
				}, count)
			}
		}
	}
	c.collectSynced(now)
	if minute := start(now, time.Minute); minute != c.minute {
		c.minute = minute
		c.turn()
	}
}

// turn forgets, once a minute, what nobody asked for since the turn before. A number that an evaluation may just be holding is
// used again a whole turn later only.
func (c *Counters) turn() {
	c.callers.Store(&map[string]*Caller{})
	for n := range c.slots {
		s := &c.slots[n]
		switch {
		case s.environment == "": // number 0, or free
		case s.resting && !s.used:
			*s = slot{}
			c.free = append(c.free, uint32(n))
		case !s.used && !s.resting:
			delete(c.numbers, s.series)
			if s.stranger {
				c.strangers--
			}
			s.resting = true
		}
		s.used = false
	}
	kept := c.kept[:0]
	for _, view := range c.kept {
		if view.used {
			kept = append(kept, view)
		}
		view.used = false
	}
	clear(c.kept[len(kept):])
	c.kept = kept
}

func (c *Counters) add(now time.Time, s series, count int64) {
	c.totals[Total{s.environment, s.protocol, s.reason, s.code}] += count
	if s.flag == "" {
		c.beyond += count
	}
	c.pending.count(countRow{
		flag: s.flag, at: start(now, time.Minute), environment: s.environment, step: time.Minute, variant: s.variant, reason: s.reason, code: s.code,
	}, count)
	if s.flag != "" {
		used := seen{count: count}
		switch at := now.UnixMicro(); {
		case s.bulk:
			used.bulk = at
		case s.reason != flag.Failed: // who gets an error for an answer may have asked for what there is not
			used.asked = at
		}
		if s.reason == flag.Failed {
			used.errors = count
		}
		c.pending.client(clientRow{flag: s.flag, environment: s.environment, key: s.key}, now.UnixMicro(), used)
	}
}

// start is the begin of the step that a time is in, in microseconds.
func start(at time.Time, step time.Duration) int64 { return at.Truncate(step).UnixMicro() }

// countRow names a row of usage_count.
type countRow struct {
	flag        string
	at          int64
	environment string
	step        time.Duration
	variant     string
	reason      flag.Reason
	code        flag.ErrorCode
}

// clientRow names a row of usage_client.
type clientRow struct{ flag, environment, key string }

// seen is what a client did: how often, and in microseconds when first, when last, and when last in each grade.
type seen struct{ count, errors, first, last, asked, bulk, synced int64 }

// pending is what waits for the database.
type pending struct {
	counts  map[countRow]int64
	clients map[clientRow]seen
	lost    int64
	folded  int64 // the minute in which counts was folded last
}

func newPending() pending {
	return pending{counts: map[countRow]int64{}, clients: map[clientRow]seen{}}
}

func (p *pending) len() int { return len(p.counts) + len(p.clients) }

// count adds to a row. While the database is away for long, minutes are folded into hours; when even those are too many, new
// ones are lost, and that is counted.
func (p *pending) count(row countRow, n int64) {
	_, known := p.counts[row]
	if !known && len(p.counts) >= maxPending {
		if p.folded != row.at { // what does not get smaller is not tried again at every row
			p.fold()
			p.folded = row.at
		}
		row = row.inHour()
		if _, known = p.counts[row]; !known && len(p.counts) >= maxPending {
			p.lost += n
			return
		}
	}
	p.counts[row] += n
}

func (p *pending) fold() {
	folded := make(map[countRow]int64, len(p.counts))
	for row, n := range p.counts {
		folded[row.inHour()] += n
	}
	p.counts = folded
}

func (r countRow) inHour() countRow {
	r.at, r.step = start(time.UnixMicro(r.at), time.Hour), time.Hour
	return r
}

// client adds to a row what was used at a time.
func (p *pending) client(row clientRow, at int64, used seen) {
	s, known := p.clients[row]
	if !known {
		if len(p.clients) >= maxPending {
			return
		}
		s.first = at
	}
	s.count, s.errors, s.last = s.count+used.count, s.errors+used.errors, at
	s.asked, s.bulk, s.synced = max(s.asked, used.asked), max(s.bulk, used.bulk), max(s.synced, used.synced)
	p.clients[row] = s
}
