package measure

import "context"

// The bounds, for tests.
const (
	MaxSeries    = maxSeries
	MaxStrangers = maxStrangers
	MaxPending   = maxPending
)

// FlushUnheard flushes one part whose commit is never answered.
func (u *Usage) FlushUnheard(ctx context.Context) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	u.replica = "replica"
	u.Counters.mu.Lock()
	u.Counters.collect(u.Now())
	u.Counters.mu.Unlock()
	u.cut()
	return u.DB.Write(ctx, u.write)
}
