package audit

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Waiting tells how many events have no leaf yet, and since when the oldest has waited; nil if there is none.
func (l *Log) Waiting(ctx context.Context) (events int64, since *time.Time, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		var oldest sql.NullInt64
		if err := tx.QueryRow(ctx, `SELECT COUNT(*), MIN(e.at) FROM audit_pending p LEFT JOIN audit_event e ON e.id = p.event_id`).
			Scan(&events, &oldest); err != nil {
			return err
		}
		since = store.NullTime(oldest)
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("look for events to sequence: %w", err)
	}
	return events, since, nil
}
