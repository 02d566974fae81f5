package audit

import (
	"context"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// worked writes n events: of each hundred one is of each of a hundred people, by their ids in the second half, by their addresses before.
func worked(t *testing.T, db *store.DB, n int) {
	t.Helper()
	const part = 5_000
	for from := 1; from <= n; from += part {
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (int64, error) {
			return tx.Exec(ctx, `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
				INSERT INTO audit_event (id, at, name, actor, actor_id, flag_key, flag_id, app, request_id, body)
				SELECT 'event' || CAST(10000000 + i AS TEXT), i, 'flag.updated', 'person' || CAST(i % 100 AS TEXT),
					CASE WHEN i > $3 THEN 'id' || CAST(i % 100 AS TEXT) ELSE '' END, '', '', '', '', '{}' FROM n`, from, from+part-1, n/2)
		})
	}
	storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (int64, error) { return tx.Exec(ctx, `ANALYZE`) })
}

// TestWhatSomebodyDidIsFoundByIndexesInItsOrder looks at the plans that both engines make, not at the clock: of a million events neither
// all are read, nor all that somebody did.
func TestWhatSomebodyDidIsFoundByIndexesInItsOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		worked(t, db, 20_000)
		log := &Log{db: db, cfg: Config{Known: func(_ context.Context, _ *store.Tx, actor string) (ids, names []string, err error) {
			return []string{"id7"}, []string{actor, "person8"}, nil
		}}}
		for what, q := range map[string]Query{
			"newest":     {Actor: "person7"},
			"from a day": {Actor: "person7", From: "1970-01-01T00:00:00Z"},
			"words":      {Actor: "person7", Text: "lunch"},
			"next page":  {Actor: "person7", Page: store.Page{Cursor: store.Cursor("9000", "event10009000")}},
		} {
			q.Page.Limit = 10
			w, err := q.where()
			if err == nil {
				err = log.byActor(t.Context(), w, q.Actor)
			}
			if err != nil {
				t.Fatal(err)
			}
			query, args, _ := q.statement(w)
			steps := strings.Join(storetest.Plan(t, db, query, args), "\n")
			// The three lists of at most a page, or of at most what a search looks through, are merged.
			for _, index := range []string{"audit_event_actor_id", "audit_event_actor "} {
				if !strings.Contains(steps, index) {
					t.Errorf("%s: %s is not used:\n%s", what, index, steps)
				}
			}
			for _, other := range []string{"audit_event_time", "MULTI-INDEX OR", "Bitmap", "Seq Scan on audit_event"} {
				few := other == "Bitmap" && q.Text != "" // of these people there are fewer events than a search looks through
				if strings.Contains(steps, other) && !few {
					t.Errorf("%s: %s in the plan:\n%s", what, other, steps)
				}
			}
		}
	})
}
