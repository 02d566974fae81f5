package review_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// shipped puts the policies in force that Souk brings along.
func (o *office) shipped() {
	o.Helper()
	modules, err := policy.StandardLibrary()
	if err != nil {
		o.Fatal(err)
	}
	for _, m := range modules {
		if _, _, err := o.policies.Put(o.Context(), access.System("test"), policy.Draft{Source: m.Source}); err != nil {
			o.Fatal(err)
		}
	}
	o.strict(securityLooks)
}

// wait makes n requests that pat and sam approved, sam while alice was not in the team, and marks them by putting her back.
func (o *office) wait(n int) (ids []string) {
	o.Helper()
	audit.Listen(o.db, review.Mark)
	var all []review.Request
	for i := range n {
		all = append(all, o.approve("pat", o.submit(another(fmt.Sprintf("lunch-%d", i)))))
	}
	o.team("bob")
	for _, r := range all {
		if r = o.approve("sam", r); r.State != review.NeedsFixes {
			o.Fatalf("without alice it is %s", r.State)
		}
		ids = append(ids, r.ID)
	}
	o.team("alice", "bob")
	return ids
}

// carriedOut are the requests that souk carried out, in the order in which it did.
func (o *office) carriedOut() []string {
	o.Helper()
	var ids []string
	if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		ids, err = store.List(ctx, tx, store.ScanString, `SELECT request_id FROM audit_event
			WHERE name = 'request.approved' AND actor = 'souk:review' ORDER BY id`)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return ids
}

func (o *office) marks() (n int) {
	o.Helper()
	if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM request_mark`).Scan(&n)
	}); err != nil {
		o.Fatal(err)
	}
	return n
}

func TestAHundredMarkedRequestsAreSettledOnceOverTwoReplicasOldestFirst(t *testing.T) {
	each(t, func(o *office) {
		o.shipped()
		ids := o.wait(100)
		var replicas sync.WaitGroup
		for range 2 { // as when the leader changes, and the one before has not noticed
			desk := &review.Desk{DB: o.db, Now: o.desk.Now, Policies: &policy.Engine{DB: o.db, Now: o.desk.Now}}
			replicas.Go(func() {
				if err := desk.SettleMarked(o.Context()); err != nil {
					o.Error(err)
				}
			})
		}
		replicas.Wait()
		if done := o.carriedOut(); !slices.Equal(done, ids) || o.marks() != 0 {
			o.Errorf("%d of %d were carried out, in order: %t; %d marks are left", len(done), len(ids), slices.IsSorted(done), o.marks())
		}
	})
}

func TestAnAnswerHasARequestCarriedOutThatHasAllItsApprovals(t *testing.T) {
	each(t, func(o *office) {
		r := o.waitsForAlice()
		asked, err := o.desk.Ask(o.Context(), o.as("max"), r.ID, review.Judgement{Digest: r.Digest, Domain: "product", Reason: "why?"})
		if err != nil {
			o.Fatal(err)
		}
		o.team("alice", "bob")
		if r = o.settled(asked.ID); r.State != review.NeedsFixes || o.marks() != 0 {
			o.Fatalf("while max waits for an answer it is %s, with %d marks", r.State, o.marks())
		}
		if err := o.answer("alice", r, "so that"); err != nil {
			o.Fatal(err)
		}
		if r = o.settled(r.ID); r.State != review.Approved {
			o.Errorf("answered it is %s", r.State)
		}
	})
}

func TestAWishThatIsTakenBackHasARequestCarriedOutThatHasAllItsApprovals(t *testing.T) {
	each(t, func(o *office) {
		r := o.waitsForAlice()
		asked, err := o.desk.Ask(o.Context(), o.as("max"), r.ID, review.Judgement{Digest: r.Digest, Domain: "product", Reason: "why?"})
		if err != nil {
			o.Fatal(err)
		}
		o.team("alice", "bob")
		o.settled(r.ID)
		if r = o.settled(o.takeBack("max", asked).ID); r.State != review.Approved {
			o.Errorf("with the wish taken back it is %s", r.State)
		}
	})
}

func TestARequestThatFailsOnceIsSettledLaterAndKeepsNoOtherWaiting(t *testing.T) {
	each(t, func(o *office) {
		ids := o.wait(3)
		failing := true
		audit.Listen(o.db, review.Mark, func(_ context.Context, _ *store.Tx, events []audit.Event) error {
			if failing && events[0].Event == audit.RequestApproved && events[0].RequestID == ids[0] {
				return errors.New("no luck")
			}
			return nil
		})
		var log bytes.Buffer
		o.desk.Log = slog.New(slog.NewTextHandler(&log, nil))
		settle := func(after time.Duration) []string {
			o.Helper()
			o.now = o.now.Add(after)
			if err := o.desk.SettleMarked(o.Context()); err != nil {
				o.Fatal(err)
			}
			return o.carriedOut()
		}
		if done := settle(0); !slices.Equal(done, ids[1:]) || o.marks() != 1 {
			o.Fatalf("carried out are %v of %v, %d marks are left", done, ids, o.marks())
		}
		for range 2 {
			settle(2 * time.Second)
		}
		if text := log.String(); !strings.Contains(text, "tries=3") || !strings.Contains(text, "no luck") || !strings.Contains(text, ids[0]) {
			o.Errorf("the log says %s", text)
		}
		if told := o.unsettled(); !slices.Equal(told, ids[:1]) {
			o.Errorf("doctor is told of %v", told)
		}
		failing = false
		if done := settle(3 * time.Second); len(done) != 2 {
			o.Error("it is tried again before it is due")
		}
		if done := settle(time.Second); len(done) != 3 || o.marks() != 0 || len(o.unsettled()) != 0 {
			o.Errorf("carried out are %v of %v, %d marks are left", done, ids, o.marks())
		}
	})
}

func (o *office) unsettled() (ids []string) {
	o.Helper()
	if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		ids, err = review.Unsettled(ctx, tx)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return ids
}

// BenchmarkSettleAHundred settles a hundred marked requests under the policies that Souk brings along; two seconds are the goal.
func BenchmarkSettleAHundred(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				o := open(b, storetest.Open(b, engine))
				o.shipped()
				ids := o.wait(100)
				b.StartTimer()
				if err := o.desk.SettleMarked(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if done := o.carriedOut(); len(done) != len(ids) {
					b.Fatalf("%d of %d were carried out", len(done), len(ids))
				}
				b.StartTimer()
			}
		})
	}
}
