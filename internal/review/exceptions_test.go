package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// lunches refuses each request of its kind, with an exception for Where2Eat until the end of November 2026.
const lunches = `package marketplace.lunches

deny_lunch contains "There are enough lunch pickers" if input.app.category == "dashboard"

# METADATA
# custom:
#   expires: 2026-11-30
exception contains ["lunch"] if input.app.slug == "where2eat"
`

// used returns the details of the exceptions that the log has, the oldest first.
func (o *office) used() (details []map[string]any) {
	o.Helper()
	var texts []string
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		texts, err = store.List(ctx, tx, store.ScanString, `SELECT body FROM audit_event WHERE name = 'request.excepted' ORDER BY id`)
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	for _, text := range texts {
		var event struct {
			Details map[string]any `json:"details"`
		}
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			o.Fatal(err)
		}
		details = append(details, event.Details)
	}
	return details
}

func TestEachUseOfAnExceptionIsRecordedWithOwnerAndDay(t *testing.T) {
	each(t, func(o *office) {
		if _, _, err := o.policies.Put(o.Context(), o.as("root"), policy.Draft{Source: lunches}); err != nil {
			o.Fatal(err)
		}
		if _, err := o.desk.Check(o.Context(), o.as("alice"), where2eat(), ""); err != nil || len(o.used()) > 0 {
			o.Errorf("a dry run records %v, %v", o.used(), err)
		}
		r := o.submit(where2eat())
		use := map[string]any{"policy": "marketplace.lunches", "rule": "deny_lunch", "owner": "root" + at, "expires": "2026-11-30"}
		if diff := cmp.Diff([]map[string]any{use}, o.used()); diff != "" {
			o.Errorf("submitted: %s", diff)
		}
		shown := slices.ContainsFunc(r.Checks, func(c review.CheckResult) bool {
			return c.Name == "policy" && c.Status == review.Passed && len(c.Findings) == 1 && c.Findings[0].Code == "excepted"
		})
		if !shown {
			o.Errorf("its checks are %+v", r.Checks)
		}
		o.approve("pat", r)
		if r = o.approve("sam", r); r.State != review.Approved {
			o.Fatalf("it is %s", r.State)
		}
		if diff := cmp.Diff([]map[string]any{use, use}, o.used()); diff != "" {
			o.Errorf("approved: %s", diff)
		}
	})
}

func TestAnExceptionThatEndedNoLongerLetsPass(t *testing.T) {
	each(t, func(o *office) {
		if _, _, err := o.policies.Put(o.Context(), o.as("root"), policy.Draft{Source: lunches}); err != nil {
			o.Fatal(err)
		}
		r := o.submit(where2eat())
		o.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		if r = o.approve("pat", r); r.State != review.NeedsFixes {
			o.Errorf("approved after its day it is %s: %+v", r.State, r.Checks)
		}
		if used := o.used(); len(used) != 1 {
			o.Errorf("the log has %v", used)
		}
	})
}
