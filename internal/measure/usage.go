package measure

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

const (
	flushEvery = 5 * time.Second // at most so much is lost when the process is killed
	lastFlush  = 2 * time.Second // how long the end of the process waits for what it counted to be written
	partRows   = 2_000           // rows in one transaction, so that a kill never waits long for the only writer of SQLite
	insertRows = 500             // rows in one INSERT; both engines limit its parameters
)

// Usage adds what this replica counted to the database, and tells what all of them counted.
type Usage struct {
	DB       *store.DB
	Now      func() time.Time
	Log      *slog.Logger
	Counters *Counters

	flushing sync.Mutex
	replica  string // names this run of the replica; guarded by flushing, as all below
	number   int64  // of the last part that was cut
	part     *part  // cut off and not known to be committed; sent again as it is
}

// part is what one transaction adds.
type part struct {
	number  int64
	counts  []row[countRow, int64]
	clients []row[clientRow, seen]
}

type row[K, V any] struct {
	key   K
	value V
}

// Run flushes every few seconds until ctx ends, and once more then. While the database is away, what was counted waits.
func (u *Usage) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	healthy := true
	for {
		select {
		case <-ctx.Done():
			u.flushLast(ctx)
			return
		case <-tick.C:
		}
		err := u.Flush(ctx)
		switch {
		case ctx.Err() != nil: // said above, if it stays so
		case err == nil && !healthy:
			u.Log.Info("usage is written again")
		case err != nil && healthy:
			u.Log.Warn("usage not written; it is kept in memory", slog.Any("error", err))
		}
		healthy = err == nil
	}
}

func (u *Usage) flushLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	if err := u.Flush(ctx); err != nil {
		u.Log.Warn("usage of the last seconds not written", slog.Any("error", err))
	}
}

// Flush adds all that was counted until now to the database. A part whose commit was not answered is sent again under the same
// number, and counts once.
func (u *Usage) Flush(ctx context.Context) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	if u.replica == "" {
		u.replica = store.NewID()
	}
	u.Counters.mu.Lock()
	u.Counters.collect(u.Now())
	u.Counters.mu.Unlock()
	for {
		if u.part == nil && !u.cut() {
			return nil
		}
		if err := u.DB.Write(store.Last(ctx), u.write); err != nil {
			return fmt.Errorf("write usage: %w", err)
		}
		u.part = nil
	}
}

// cut takes a part off what waits, and tells whether there was anything.
func (u *Usage) cut() bool {
	c := u.Counters
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &part{counts: take(c.pending.counts, partRows)}
	p.clients = take(c.pending.clients, partRows-len(p.counts))
	if len(p.counts)+len(p.clients) == 0 {
		return false
	}
	// In one order, so that two replicas never wait for each other.
	slices.SortFunc(p.counts, byRow)
	slices.SortFunc(p.clients, func(a, b row[clientRow, seen]) int {
		return cmp.Or(strings.Compare(a.key.flag, b.key.flag), strings.Compare(a.key.environment, b.key.environment), strings.Compare(a.key.key, b.key.key))
	})
	u.number++
	p.number = u.number
	u.part = p
	return true
}

func byRow(a, b row[countRow, int64]) int {
	return cmp.Or(strings.Compare(a.key.flag, b.key.flag), cmp.Compare(a.key.at, b.key.at), strings.Compare(a.key.environment, b.key.environment),
		cmp.Compare(a.key.step, b.key.step), strings.Compare(a.key.variant, b.key.variant), cmp.Compare(a.key.reason, b.key.reason),
		cmp.Compare(a.key.code, b.key.code))
}

// take takes at most n entries out of a map.
func take[K comparable, V any](from map[K]V, n int) []row[K, V] {
	var taken []row[K, V]
	for key, value := range from {
		if len(taken) == n {
			break
		}
		taken = append(taken, row[K, V]{key, value})
		delete(from, key)
	}
	return taken
}

// write adds the part, unless it was added before.
func (u *Usage) write(ctx context.Context, tx *store.Tx) error {
	fresh, err := tx.Exec(ctx, `INSERT INTO usage_flush (replica, part, at) VALUES ($1, $2, $3)
		ON CONFLICT (replica) DO UPDATE SET part = excluded.part, at = excluded.at WHERE usage_flush.part < excluded.part`,
		u.replica, u.part.number, store.Micros(u.Now()))
	if err != nil {
		return fmt.Errorf("mark part: %w", err)
	}
	if fresh == 0 {
		return nil
	}
	if err := addCounts(ctx, tx, u.part.counts); err != nil {
		return err
	}
	for rows := range slices.Chunk(u.part.clients, insertRows) {
		var args []any
		for _, r := range rows {
			v := r.value
			args = append(args, r.key.flag, r.key.environment, r.key.key, v.count, v.errors, v.first, v.last, v.asked, v.bulk, v.synced)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO usage_client (flag_key, environment, sdk_key, count, errors, first_at, last_at, asked_at, bulk_at, synced_at)
			VALUES `+values(10, len(rows))+` ON CONFLICT (flag_key, environment, sdk_key) DO UPDATE SET
				count = usage_client.count + excluded.count, errors = usage_client.errors + excluded.errors, `+
			latest("last_at", "asked_at", "bulk_at", "synced_at"), args...); err != nil {
			return fmt.Errorf("add to clients: %w", err)
		}
	}
	return nil
}

// latest lets columns of usage_client keep the later of two times.
func latest(columns ...string) string {
	for i, c := range columns {
		columns[i] = c + ` = CASE WHEN excluded.` + c + ` > usage_client.` + c + ` THEN excluded.` + c + ` ELSE usage_client.` + c + ` END`
	}
	return strings.Join(columns, ", ")
}

// addCounts is a step: it adds to rows of usage_count.
func addCounts(ctx context.Context, tx *store.Tx, all []row[countRow, int64]) error {
	for rows := range slices.Chunk(all, insertRows) {
		var args []any
		for _, r := range rows {
			k := r.key
			args = append(args, k.flag, k.at, k.environment, k.step.Microseconds(), k.variant, string(k.reason), string(k.code), r.value)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO usage_count (flag_key, at, environment, step, variant, reason, code, count) VALUES `+
			values(8, len(rows))+` ON CONFLICT (flag_key, at, environment, step, variant, reason, code)
				DO UPDATE SET count = usage_count.count + excluded.count`, args...); err != nil {
			return fmt.Errorf("add to counts: %w", err)
		}
	}
	return nil
}

// values gives the placeholders of rows of so many columns.
func values(columns, rows int) string {
	all := make([]string, rows)
	for i := range all {
		all[i] = "(" + store.In(1+i*columns, columns) + ")"
	}
	return strings.Join(all, ", ")
}

func scanCount(from store.Row) (r row[countRow, int64], err error) {
	var step int64
	var reason, code string
	err = from.Scan(&r.key.flag, &r.key.at, &r.key.environment, &step, &r.key.variant, &reason, &code, &r.value)
	r.key.step, r.key.reason, r.key.code = time.Duration(step)*time.Microsecond, flag.Reason(reason), flag.ErrorCode(code)
	return r, err
}
