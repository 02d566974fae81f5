package audit

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// LeavesTopic is announced whenever events were given their leaves.
const LeavesTopic = "audit.leaves"

// Size is a step: how many leaves the log has.
func Size(ctx context.Context, tx *store.Tx) (int64, error) { return headSize(ctx, tx) }

// From is a step: at most limit events in the order of their leaves, beginning with the leaf of that number. Leaves have no
// gaps and never change, so that whoever remembers the last one misses none.
func From(ctx context.Context, tx *store.Tx, leaf int64, limit int) ([]Entry, error) {
	list, err := store.List(ctx, tx, scanEntry, `SELECT e.body, l.idx FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
		WHERE l.idx >= $1 ORDER BY l.idx LIMIT $2`, leaf, limit)
	if err != nil {
		return nil, fmt.Errorf("read audit events in order: %w", err)
	}
	return list, nil
}
