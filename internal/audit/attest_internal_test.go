package audit

import (
	"context"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// What an export signs may be overtaken by the sequencer between its look at the database and the moment it is kept.
func TestWhatWasOvertakenIsLookedAtAgainBeforeItIsGivenOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log, err := Open(t.Context(), db, Config{Dir: t.TempDir(), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := Append(ctx, tx, Event{Event: FlagTagged, Actor: "a", Timestamp: time.Now(), Credential: Credential{Kind: "local"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		c, err := log.attest(t.Context(), func(context.Context, *store.Tx, tree, Checkpoint) error {
			if looks++; looks == 1 {
				return log.Sequence(t.Context())
			}
			return nil
		})
		if err != nil || looks != 2 || c.Size != 2 || log.latch.largest().size != 2 {
			t.Errorf("after %d looks %+v, %v", looks, c, err)
		}
	})
}
