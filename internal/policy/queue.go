package policy

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/fault"
)

// Queue lets so many evaluations of policies run at a time. The rest wait for their turn, first come, first served, and no
// longer than a deadline.
type Queue struct {
	slots chan struct{}
	wait  time.Duration
}

// NewQueue makes a queue with this many slots, in which an evaluation waits at most so long.
func NewQueue(slots int, wait time.Duration) *Queue {
	return &Queue{slots: make(chan struct{}, slots), wait: wait}
}

// Run runs fn when there is a slot. If none is free in time it is a fault.Unavailable with the code busy.
func (q *Queue) Run(ctx context.Context, fn func(ctx context.Context) error) error {
	deadline := time.NewTimer(q.wait)
	defer deadline.Stop()
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-deadline.C:
		return fault.New(fault.Unavailable, "busy", "too much is being judged by the policies right now").
			Fix("nothing was changed; try again in a moment, and tell an administrator if it stays so").After(q.wait / 2)
	}
	defer func() { <-q.slots }()
	return fn(ctx)
}
