package measure

import "context"

// The bounds, for tests.
const (
	MaxSeries    = maxSeries
	MaxStrangers = maxStrangers
	MaxPending   = maxPending
)

// Selects are the queries that have to stay fast however much was counted, with some arguments.
var Selects = map[string][]any{
	selectCounts:  {1, 2, 3, "production", "f"},
	selectUntold:  {1, 2, "production"},
	selectClients: {"f", "production", 10},
	selectLast:    {"f", "production"},
	selectOldest:  {1, 2},
}

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
