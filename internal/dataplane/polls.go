package dataplane

import (
	"net"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/sdkkey"
)

// Limits of what is remembered of clients that poll.
const (
	maxPollers = 50_000
	pollerGone = 15 * time.Minute // without a request for so long, a client is gone
	longestGap = 10 * time.Minute // a longer one is an absence, and no habit
)

// polls remembers who asks for all flags, and how often: only bulk requests, since a client that asks for one flag has what is
// served at that moment and keeps nothing.
type polls struct {
	mu      sync.Mutex
	clients map[pollKey]poller // guarded by mu
}

// pollKey tells clients apart as far as that can be told: several of one host with one key are one.
type pollKey struct{ keyID, host string }

type poller struct {
	environment string
	last        time.Time
	revision    int64         // that it was given then
	gap         time.Duration // usual time between two requests; 0: not known yet
}

// saw notes that a client asked for all flags, and was given a revision.
func (p *polls) saw(key sdkkey.Key, remote string, now time.Time, revision int64) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	k := pollKey{key.ID, host}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients == nil {
		p.clients = map[pollKey]poller{}
	}
	c, known := p.clients[k]
	if !known && len(p.clients) >= maxPollers {
		p.forget(now)
		if len(p.clients) >= maxPollers {
			return
		}
	}
	if gap := now.Sub(c.last); known && gap > 0 && gap < longestGap {
		if c.gap == 0 {
			c.gap = gap
		}
		c.gap += (gap - c.gap) / 4 // a running mean
	}
	c.environment, c.last, c.revision = key.Environment, now, revision
	p.clients[k] = c
}

// forget drops clients that are gone. The caller holds mu.
func (p *polls) forget(now time.Time) {
	for k, c := range p.clients {
		if age := now.Sub(c.last); age > pollerGone || age < -pollerGone { // or the clock was set back
			delete(p.clients, k)
		}
	}
}

// Polling is this replica's part of a receipt for clients that ask by themselves: which of them have asked since it served a
// revision, and when the others are due.
func (p *Plane) Polling(environment string, revision int64) (m measure.Polling) {
	p.polls.mu.Lock()
	defer p.polls.mu.Unlock()
	p.polls.forget(p.Now())
	for _, c := range p.polls.clients {
		if c.environment != environment {
			continue
		}
		m.Clients++
		switch {
		case c.revision >= revision:
			m.Asked++
		case c.gap == 0:
			m.Unknown++
		default:
			if due := c.last.Add(c.gap).UTC(); m.DueAt == nil || due.After(*m.DueAt) {
				m.DueAt = &due
			}
		}
	}
	return m
}
