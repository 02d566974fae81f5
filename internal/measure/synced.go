package measure

import (
	"iter"
	"sync"
	"time"
)

// Sync names a document that programs evaluate by themselves: the flags of a snapshot, by a number that no other in the process has, as an
// SDK key sees them.
type Sync struct {
	Serial  int64
	App     string
	Browser bool
}

type syncID struct {
	caller callerID
	sync   Sync
}

// syncing is how many streams hold a document, the flags in it, and the minute for which they were written last.
type syncing struct {
	streams int
	keys    []string
	minute  int64
}

// Synced counts a document that was sent to the caller, as delivered until the caller lets go of it: whether the program asks for any flag
// in it, nobody knows. keys are all flags of the snapshot. A nil Caller counts nothing.
func (c *Caller) Synced(document Sync, keys iter.Seq[string], shown Shown) (letGo func()) {
	if c == nil {
		return func() {}
	}
	m, id := c.counters, syncID{c.id, document}
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.synced[id]
	if held == nil {
		held = &syncing{}
		for key := range keys {
			if shown.Visible(key, document.App, document.Browser) {
				held.keys = append(held.keys, key)
			}
		}
		m.synced[id] = held
	}
	held.streams++
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		held.streams--
	})
}

// collectSynced moves what programs hold to what waits for the database, with mu held: what is new at once, and what is still held once
// a minute.
func (c *Counters) collectSynced(now time.Time) {
	minute := start(now, time.Minute)
	for id, held := range c.synced {
		if held.minute != minute {
			held.minute = minute
			for _, key := range held.keys {
				row := clientRow{flag: key, environment: id.caller.environment, key: id.caller.key}
				c.pending.client(row, now.UnixMicro(), seen{synced: now.UnixMicro()})
			}
		}
		if held.streams == 0 {
			delete(c.synced, id)
		}
	}
}
