package measure

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// How long counts stay apart by minute and by hour, and how long by day and which client asked when.
const (
	minutesKept = 7 * time.Hour
	hoursKept   = 42 * 24 * time.Hour
	daysKept    = 800 * 24 * time.Hour
	flushesKept = 7 * 24 * time.Hour // a replica that is silent for longer does not send a part again
)

const tidyEvery = time.Minute

// tidySteps bounds what one Tidy moves, so that it ends; the next one goes on.
const tidySteps = 240

// RunTidy tidies every minute until ctx ends. The leader runs it; a second one does no harm.
func (u *Usage) RunTidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := u.Tidy(ctx); err != nil && ctx.Err() == nil {
			u.Log.Warn("usage not rolled up", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tidy moves old minutes into their hours and old hours into their days, and deletes what nobody asks for any longer. A count is
// moved in one transaction, so that it is never missing and never there twice; one that comes in late is moved by the next Tidy.
func (u *Usage) Tidy(ctx context.Context) error {
	now := u.Now()
	for _, move := range []struct {
		from, to time.Duration
		keep     time.Duration
	}{{time.Minute, time.Hour, minutesKept}, {time.Hour, day, hoursKept}, {day, 0, daysKept}} {
		for range tidySteps {
			more, err := u.move(ctx, move.from, move.to, start(now.Add(-move.keep), max(move.from, move.to)))
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	err := u.DB.Write(store.Last(ctx), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM usage_client WHERE last_at < $1`, store.Micros(now.Add(-daysKept))); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM usage_flush WHERE at < $1`, store.Micros(now.Add(-flushesKept)))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete old usage: %w", err)
	}
	return nil
}

const day = 24 * time.Hour

const selectOldest = `SELECT at FROM usage_count WHERE step = $1 AND at < $2 ORDER BY at LIMIT 1`

// move takes the oldest counts of one length and time, if they are from before, and adds them to those of the longer one they
// are in; to 0 they go nowhere. It tells whether there were any. The rows are those that the DELETE took, so that what another
// replica adds meanwhile is either among them or stays.
func (u *Usage) move(ctx context.Context, from, to time.Duration, before int64) (more bool, err error) {
	err = u.DB.Write(store.Last(ctx), func(ctx context.Context, tx *store.Tx) error {
		more = false
		at, ok, err := store.One(ctx, tx, func(row store.Row) (at int64, err error) {
			err = row.Scan(&at)
			return at, err
		}, selectOldest, from.Microseconds(), before)
		if err != nil || !ok {
			return err
		}
		more = true
		taken, err := store.List(ctx, tx, scanCount, `DELETE FROM usage_count WHERE step = $1 AND at = $2
			RETURNING flag_key, at, environment, step, variant, reason, code, count`, from.Microseconds(), at)
		if err != nil || to == 0 {
			return err
		}
		sums := make(map[countRow]int64, len(taken))
		for _, r := range taken {
			r.key.at, r.key.step = start(time.UnixMicro(r.key.at), to), to
			sums[r.key] += r.value
		}
		moved := take(sums, len(sums))
		slices.SortFunc(moved, byRow)
		return addCounts(ctx, tx, moved)
	})
	if err != nil {
		return false, fmt.Errorf("roll up usage: %w", err)
	}
	return more, nil
}
