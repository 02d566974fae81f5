package signin

import (
	"context"
	"maps"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/fault"
)

// allowance is how often something may happen: burst times at once, and once more each time that every has passed.
type allowance struct {
	burst int
	every time.Duration
}

// take asks for one more at the time now. full is when all of the allowance is back, which is all that has to be remembered
// (the generic cell rate algorithm, ITU-T I.371). It gives the new full, or how long to wait. A clock that was set back makes
// nobody wait for longer than the whole allowance takes to come back.
func (a allowance) take(full, now time.Time) (time.Time, time.Duration) {
	whole := time.Duration(a.burst) * a.every
	if latest := now.Add(whole); full.After(latest) {
		full = latest
	}
	if full.Before(now) {
		full = now
	}
	if wait := full.Add(a.every).Sub(now) - whole; wait > 0 {
		return full, wait
	}
	return full.Add(a.every), 0
}

// maxMetered is how many keys a meter remembers. Beyond it some are forgotten: memory is bounded, and what must not be
// forgotten is in the database.
const maxMetered = 20_000

// meter counts what happens by key, in the memory of this replica. It is safe for concurrent use.
type meter struct {
	allowance
	mu   sync.Mutex
	full map[string]time.Time // guarded by mu
}

// take asks for one more for the key and gives how long to wait, 0 if it is granted.
func (m *meter) take(key string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full == nil {
		m.full = map[string]time.Time{}
	}
	full, wait := m.allowance.take(m.full[key], now)
	if wait == 0 {
		m.full[key] = full
		m.forget(now)
	}
	return wait
}

// wait tells how long one would have to wait for one more, without taking it.
func (m *meter) wait(key string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, wait := m.allowance.take(m.full[key], now)
	return wait
}

// giveBack undoes a take that turned out to be no guess.
func (m *meter) giveBack(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if full, ok := m.full[key]; ok {
		m.full[key] = full.Add(-m.every)
	}
}

func (m *meter) forget(now time.Time) {
	if len(m.full) <= maxMetered {
		return
	}
	maps.DeleteFunc(m.full, func(_ string, full time.Time) bool { return !full.After(now) })
	for key := range m.full {
		if len(m.full) <= maxMetered*3/4 {
			return
		}
		delete(m.full, key)
	}
}

// placeOf is what is counted of a network address: of IPv6 the /64, since whoever has one address has them all. Requests
// through the local socket have none.
func placeOf(remote string) string {
	ip, err := netip.ParseAddr(remote)
	if at, portErr := netip.ParseAddrPort(remote); portErr == nil {
		ip, err = at.Addr(), nil
	}
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.Addr().String()
		}
	}
	return ip.String()
}

// freeFailures may happen without a wait; each after that doubles it up to longestWait. A day without one forgets them.
const (
	freeFailures  = 5
	firstWait     = 15 * time.Second
	longestWait   = 15 * time.Minute
	failuresCount = 24 * time.Hour
)

// waitAfter is how long an account rests after so many failures in a row.
func waitAfter(failures int64) time.Duration {
	if failures < freeFailures {
		return 0
	}
	return min(longestWait, firstWait<<min(failures-freeFailures, 10))
}

// failed is the failures of an account in a row.
type failed struct {
	count  int64
	last   time.Time
	untold int64     // failures, in a row or not, that the audit log was not told of yet
	told   time.Time // when it was told last
}

// tellEvery is how often, at most, the audit log learns of failures of an account, so that a guesser cannot flood it.
const tellEvery = time.Hour

// telling returns how many failures the audit log is told of now; 0 is none. Then they are told.
func (f *failed) telling(now time.Time) (told int64) {
	if since := now.Sub(f.told); f.untold == 0 || since >= 0 && since < tellEvery {
		return 0
	}
	told, f.untold, f.told = f.untold, 0, now
	return told
}

// again decides about one more attempt at the time now: how long it has to wait, or what is remembered if it fails, too. The
// wait never exceeds that of the count, so that a clock that was set back locks nobody out.
func (f failed) again(now time.Time) (next failed, wait time.Duration) {
	since := now.Sub(f.last)
	if since >= failuresCount {
		f.count = 0
	}
	if rest := waitAfter(f.count); since >= 0 && since < rest {
		return f, rest - since
	} else if since < 0 && rest > 0 { // the clock was set back: begin the wait anew, once
		f.last = now
		return f, rest
	}
	f.count, f.last, f.untold = f.count+1, now, f.untold+1
	return f, 0
}

func tooMany429(wait time.Duration, what string) error {
	wait = max(wait, time.Second)
	return fault.New(fault.TooMany, "too_many_attempts", "%s", what).After(wait).
		Fix("wait %d seconds, then try again", int64(math.Ceil(wait.Seconds())))
}

// hashing bounds how many passwords are hashed at once, by memory, and how many wait for it. The zero value is ready.
type hashing struct {
	once  sync.Once
	slots chan struct{}
	queue chan struct{}
}

// How many passwords are hashed at once and may wait: at most 4 × 19 MiB, and about two seconds.
const (
	atOnce   = 4
	maxQueue = 100
)

// do runs fn when there is room for it. If too many wait already, it is a fault of kind TooMany.
func (h *hashing) do(ctx context.Context, fn func()) error {
	h.once.Do(func() { h.slots, h.queue = make(chan struct{}, atOnce), make(chan struct{}, maxQueue) })
	select {
	case h.queue <- struct{}{}:
	default:
		return tooMany429(2*time.Second, "too many people sign in at this moment")
	}
	defer func() { <-h.queue }()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap("wait to hash a password", ctx.Err())
	}
	defer func() { <-h.slots }()
	fn()
	return nil
}
