package review_test

import (
	"context"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// toBeRestored is a request to turn where2eat on again in production, which product and security must approve.
func (o *office) toBeRestored() review.Request {
	o.Helper()
	o.active()
	o.strict("package marketplace.approvals\nproduct := 1\nsecurity := 1")
	o.killedAll()
	out, err := o.desk.Restore(o.Context(), o.as("alice"), key, "production", rollout.Word{Reason: "repaired"})
	if err != nil {
		o.Fatal(err)
	}
	return *out.Request
}

func (o *office) killAgain() error {
	_, err := o.kills.Kill(o.Context(), o.as("olu"), key, "production", rollout.Word{Reason: "it smokes again"}, live.Sent{})
	return err
}

func TestASecondKillVoidsTheApprovalsOfARestoreThatWaits(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(o *office) error{
		"of the flag": (*office).killAgain,
		"of all": func(o *office) error {
			_, err := o.kills.Panic(o.Context(), o.as("olu"), kill.Order{
				Select: registry.Selection{App: "where2eat"}, Environment: "production", Reason: "it smokes again",
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(o *office) {
				audit.Listen(o.db, review.KilledAgain, review.Mark)
				r := o.approve("pat", o.toBeRestored())
				elsewhere, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
				if err != nil {
					o.Fatal(err)
				}
				other := o.approve("pat", elsewhere.Request)
				if err := again(o); err != nil {
					o.Fatal(err)
				}
				if r = o.settled(r.ID); r.State != review.NeedsApproval || r.Decisions[0].Void != review.VoidKilledAgain {
					o.Fatalf("it is %s by %+v", r.State, r.Decisions)
				}
				if other = o.get("alice", other.ID); other.Decisions[0].Void != "" {
					o.Errorf("an approval of another request is void: %+v", other.Decisions)
				}
				if r = o.approve("sam", r); r.State != review.NeedsApproval {
					o.Fatalf("on one approval since it is %s", r.State)
				}
				if r = o.approve("pat", r); r.State != review.Approved || o.serving(key, "production").Kill != nil {
					o.Errorf("approved anew it is %s", r.State)
				}
			})
		})
	}
}

// The kill holds the flag while the last approval has read the one before and waits for the flag.
func TestASecondKillThatAnApprovalWaitsForVoidsTheOneBeforeIt(t *testing.T) {
	each(t, func(o *office) {
		r := o.toBeRestored()
		var approving sync.WaitGroup
		sam := o.as("sam")
		once := sync.OnceFunc(func() {
			approving.Go(func() {
				if _, err := o.desk.Approve(o.Context(), sam, r.ID, review.Judgement{Digest: r.Digest}); err != nil {
					o.Error(err)
				}
			})
			o.untilOneWaits()
		})
		audit.Listen(o.db, func(ctx context.Context, tx *store.Tx, events []audit.Event) error {
			if events[0].Event == audit.FlagKilledAgain {
				once()
			}
			return review.KilledAgain(ctx, tx, events)
		})
		r = o.approve("pat", r)
		if err := o.killAgain(); err != nil {
			o.Fatal(err)
		}
		approving.Wait()
		if r = o.get("alice", r.ID); r.State != review.NeedsApproval || o.serving(key, "production").Kill == nil {
			o.Errorf("it is %s by %+v", r.State, r.Decisions)
		}
	})
}

// untilOneWaits returns once some transaction waits for a row; on SQLite, where all wait for the writer, at once.
func (o *office) untilOneWaits() {
	o.Helper()
	if o.db.Engine() != store.PostgreSQL {
		return
	}
	for waiting := 0; waiting == 0; {
		if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		}); err != nil {
			o.Fatal(err)
		}
	}
}
