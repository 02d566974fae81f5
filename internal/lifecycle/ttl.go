package lifecycle

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// GiveTTL gives flags that were imported a TTL, by key in days. That of an active one runs from now on, since nobody knows when it reached
// production. A flag that has a TTL, an end or no life keeps what it has. registry's flag.imported is the event.
func GiveTTL(ctx context.Context, tx *store.Tx, at time.Time, days map[string]int) error {
	lives, err := States(ctx, tx, slices.Sorted(maps.Keys(days)))
	if err != nil {
		return err
	}
	at = store.Time(store.Micros(at))
	for _, key := range slices.Sorted(maps.Keys(lives)) {
		s := lives[key]
		if s.TTLDays > 0 || s.ExpiresAt != nil || s.State == Deprecated || s.State == Removed {
			continue
		}
		s.TTLDays = days[key]
		if s.State == Active && s.ProductionAt == nil {
			s.ProductionAt = &at
		}
		if _, err := save(ctx, tx, at, s); err != nil {
			return err
		}
	}
	return nil
}
