package audit

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// LeavesTopic is announced whenever events were given their leaves.
const LeavesTopic = "audit.leaves"

// Next is a step: the number that the next leaf gets in the feed. Unlike the number of a leaf in its log it begins anew with
// no log, and only grows.
func Next(ctx context.Context, tx *store.Tx) (int64, error) {
	t, err := readTree(ctx, tx)
	return t.next(), err
}

// From is a step: at most limit events in the order of the feed, beginning with the number from; Leaf is the number of each.
// Numbers never change, so that whoever remembers the last one misses no event. An event that stood in a log that was given
// up is not told again.
func From(ctx context.Context, tx *store.Tx, from int64, limit int) ([]Entry, error) {
	list, err := listEntries(ctx, tx, `SELECT e.body, l.idx FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
		WHERE l.idx >= $1 AND NOT EXISTS (SELECT 1 FROM audit_leaf o WHERE o.event_id = l.event_id AND o.idx < l.idx)
		ORDER BY l.idx LIMIT $2`, from, limit)
	if err != nil {
		return nil, fmt.Errorf("read audit events in order: %w", err)
	}
	return list, nil
}
