package audit

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// Listener is a step that hears of events in the transaction that appends them; its error rolls that back. So a change reaches
// packages that the one which made it may not import.
type Listener func(ctx context.Context, tx *store.Tx, events []Event) error

type listenersKey struct{}

// Listen lets the listeners hear of all events of the database, in their order. It is called once, before the first event.
func Listen(db *store.DB, listeners ...Listener) { db.Keep(listenersKey{}, listeners) }

func tell(ctx context.Context, tx *store.Tx, events []Event) error {
	listeners, _ := tx.Kept(listenersKey{}).([]Listener)
	for _, hear := range listeners {
		if err := hear(ctx, tx, events); err != nil {
			return fmt.Errorf("tell of an event: %w", err)
		}
	}
	return nil
}
