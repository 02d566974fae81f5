package measure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Use is when a flag was last used, in each grade; nil is never.
type Use struct {
	AskedAt  *time.Time `json:"asked_at,omitempty" doc:"When a program last asked for it by its key and got an answer; this alone shows that a program has its switch"`
	BulkAt   *time.Time `json:"bulk_at,omitempty" doc:"When it was last delivered with all flags of an SDK key, or known to be unchanged there"`
	SyncedAt *time.Time `json:"synced_at,omitempty" doc:"When a program last held it in a document that it evaluates by itself; whether it asks for it, nobody knows"`
}

// UseSince is a step: how a flag was used in the environments since a time, as far as it is counted in the database.
func UseSince(ctx context.Context, tx *store.Tx, key string, environments []string, since time.Time) (use Use, err error) {
	if len(environments) == 0 {
		return use, nil
	}
	var at [3]int64
	err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(asked_at), 0), COALESCE(MAX(bulk_at), 0), COALESCE(MAX(synced_at), 0) FROM usage_client
		WHERE flag_key = $1 AND environment IN (`+store.In(2, len(environments))+`)`,
		append([]any{key}, store.Values(environments)...)...).Scan(&at[0], &at[1], &at[2])
	if err != nil {
		return use, fmt.Errorf("look for use of %s: %w", key, err)
	}
	for i, grade := range []**time.Time{&use.AskedAt, &use.BulkAt, &use.SyncedAt} {
		if at[i] >= store.Micros(since) {
			*grade = ever(at[i])
		}
	}
	return use, nil
}

// ever is a time in microseconds; nil for 0, which is never.
func ever(micros int64) *time.Time {
	if micros == 0 {
		return nil
	}
	at := store.Time(micros)
	return &at
}

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
