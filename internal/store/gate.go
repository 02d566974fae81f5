package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// lane is whom a transaction waits behind: first before all others, last after them.
type lane int

const (
	normal lane = iota
	first
	last
)

type laneKey struct{}

// First returns a context whose transactions are let in before all others that wait, and have connections of their own, which nobody
// else can use up; SQLite's only writer is shared. It is for kills, aborts and reverts, and the credentials of those who ask for them.
func First(ctx context.Context) context.Context { return context.WithValue(ctx, laneKey{}, first) }

// Last returns a context whose transactions are let in only while no others wait. It is for what one owner collects and writes
// later, such as marks of last use, in short transactions; one that ends with ErrBusy is tried again.
func Last(ctx context.Context) context.Context { return context.WithValue(ctx, laneKey{}, last) }

func laneOf(ctx context.Context) lane {
	l, _ := ctx.Value(laneKey{}).(lane)
	return l
}

// pool is connections and the gate before them. Whoever was let in finds one free.
type pool struct {
	conns *sql.DB
	gate  *gate
	wait  time.Duration // how long a transaction waits for each lock; 0 is as long as its deadline
}

// enter waits for a connection, at most as long as wait says, and 0 is as long as ctx. Whoever was let in leaves by the gate.
func (p pool) enter(ctx context.Context, wait time.Duration) error {
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	err := p.gate.enter(ctx, laneOf(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return busy(ErrBusy)
	}
	return err
}

// gate lets so many in at a time: lane by lane, and within a lane in the order in which they came. The waiting list of database/sql
// is unfair and knows no lanes.
type gate struct {
	mu      sync.Mutex
	free    int                // guarded by mu; above 0 only while nobody waits
	waiting [3][]chan struct{} // guarded by mu; by lane, oldest first; closed when it is the turn of who waits
}

func newGate(size int) *gate { return &gate{free: size} }

// enter returns nil when it is the caller's turn, and the error of ctx when that ends first.
func (g *gate) enter(ctx context.Context, in lane) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.waiting[in] = append(g.waiting[in], turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := slices.Index(g.waiting[in], turn); at >= 0 {
		g.waiting[in] = slices.Delete(g.waiting[in], at, at+1)
	} else { // its turn came at the same moment; somebody else may have it
		g.next()
	}
	return ctx.Err()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next lets in who waits first; mu is held.
func (g *gate) next() {
	for _, in := range []lane{first, normal, last} {
		if len(g.waiting[in]) > 0 {
			close(g.waiting[in][0])
			g.waiting[in] = slices.Delete(g.waiting[in], 0, 1)
			return
		}
	}
	g.free++
}
