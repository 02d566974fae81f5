package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestWhatWasWrittenPastTheLogIsNamed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		if err := appendEvents(t.Context(), db, commented(1), event(2), commented(3), event(4)); err != nil {
			t.Fatal(err)
		}
		export(t, log)
		if _, err := log.Compare(t.Context(), stranger{}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a stranger is answered %v", err)
		}
		if found, err := log.Compare(t.Context(), auditor{}); err != nil || len(found) > 0 {
			t.Fatalf("all is well, but found is %v, %v", found, err)
		}
		const of = ` = (SELECT event_id FROM audit_leaf WHERE idx = `
		for _, way := range []struct{ do, undo, says string }{
			{
				`UPDATE audit_event SET body = replace(body, 'where2eat', 'elsewhere') WHERE id` + of + `2)`,
				`UPDATE audit_event SET body = replace(body, 'elsewhere', 'where2eat') WHERE id` + of + `2)`, "(leaf 2): it was changed",
			},
			{
				`UPDATE audit_event SET actor = 'mallory@example.com' WHERE id` + of + `3)`,
				`UPDATE audit_event SET actor = 'alice@example.com' WHERE id` + of + `3)`, "(leaf 3): it is found by another actor",
			},
			{`UPDATE audit_event SET flag_key = '' WHERE id` + of + `3)`, `UPDATE audit_event SET flag_key = 'where2eat.enabled' WHERE id` + of + `3)`, "another flag_key"},
			{`UPDATE audit_event SET at = at + 1 WHERE id` + of + `4)`, `UPDATE audit_event SET at = at - 1 WHERE id` + of + `4)`, "(leaf 4): it is found by another time"},
			{`UPDATE audit_text SET text = 'yes' WHERE text = 'no'`, `UPDATE audit_text SET text = 'no' WHERE text = 'yes'`, "(leaf 1): its text /details/comment was changed"},
			{`DELETE FROM audit_event WHERE id` + of + `0)`, "", "(leaf 0): it was taken out"},
		} {
			asOwner(t, db, way.do)
			found, err := log.Compare(t.Context(), auditor{})
			if err != nil || !strings.Contains(strings.Join(found, "\n"), way.says) {
				t.Errorf("%s: %v, %v", way.do, found, err)
			}
			if way.undo != "" {
				asOwner(t, db, way.undo)
			}
		}
	})
}

func TestASampleHasTheNewestAndInTheEndAll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const all = 20
		for i := range all {
			e := event(i)
			e.Event, e.RequestID = audit.RequestDenied, fmt.Sprintf("r%02d", i)
			if err := appendEvents(t.Context(), db, e); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{}
		for range 500 {
			sample := map[string]audit.Event{}
			if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
				sample, err = audit.Sample(ctx, tx, 4, func(e audit.Event) string { return e.RequestID }, audit.RequestDenied, audit.RequestApproved)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if len(sample) > 4 || sample["r19"].RequestID == "" || sample["r18"].RequestID == "" {
				t.Fatalf("the sample is %v", sample)
			}
			for id := range sample {
				seen[id] = true
			}
		}
		if len(seen) != all {
			t.Errorf("only %d of %d were ever seen", len(seen), all)
		}
	})
}
