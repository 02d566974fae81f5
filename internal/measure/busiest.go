package measure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Evaluations is a step: how often each of the flags was asked for since a time, as far as it is counted in the database; those that nobody
// asked for are left out.
func Evaluations(ctx context.Context, tx *store.Tx, since time.Time, keys []string) (map[string]int64, error) {
	all := map[string]int64{}
	for part := range slices.Chunk(keys, 400) {
		if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var key string
			var count int64
			err = row.Scan(&key, &count)
			all[key] = count
			return none, err
		}, `SELECT flag_key, CAST(SUM(count) AS BIGINT) FROM usage_count WHERE at >= $1 AND flag_key IN (`+store.In(2, len(part))+`)
			GROUP BY flag_key`, append([]any{store.Micros(since)}, store.Values(part)...)...); err != nil {
			return nil, fmt.Errorf("count evaluations: %w", err)
		}
	}
	return all, nil
}
