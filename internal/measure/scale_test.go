package measure_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// A report costs what its own flag was used, however many other flags there are: no query looks at all rows.
func TestAReportReadsTheRowsOfItsFlagAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("writes twelve thousand counts")
	}
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon
		u := replica(db, &now)
		outcomes := []*flag.Outcome{on}
		for i := range 4_000 {
			outcomes = append(outcomes, &flag.Outcome{Key: fmt.Sprintf("app-%d.enabled", i), Variant: "on", Reason: flag.Static})
		}
		for range 3 {
			for _, o := range outcomes {
				count(u, "key", o, 1)
			}
			flush(t, u)
			now = now.Add(time.Minute)
		}
		if r := report(t, u, measure.Query{}); r.Total != 3 {
			t.Errorf("%d evaluations, want 3", r.Total)
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			explain := "EXPLAIN QUERY PLAN "
			if db.Engine() == store.PostgreSQL {
				explain = "EXPLAIN "
				if _, err := tx.Exec(ctx, `ANALYZE usage_count, usage_client`); err != nil {
					return err
				}
			}
			for query, args := range measure.Selects {
				plan, err := store.List(ctx, tx, func(row store.Row) (line string, err error) {
					dest := []any{&line}
					if db.Engine() == store.SQLite {
						dest = []any{new(int), new(int), new(int), &line}
					}
					err = row.Scan(dest...)
					return line, err
				}, explain+query, args...)
				if err != nil {
					return err
				}
				text := strings.Join(plan, "\n")
				if !strings.Contains(text, "usage_") || strings.Contains(text, "Seq Scan") || strings.Contains(text, "SCAN usage") {
					t.Errorf("%s\nreads all rows:\n%s", query, text)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
