package kill_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestAnEarlyKillThatAnotherOneCoversKeepsItsReasonItsKeyAndItsSelection(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		all, err := r.kills.Panic(t.Context(), olu, kill.Order{Select: registry.Selection{Environment: "production"}, Reason: "all of it", ExpectFlags: 9})
		if err != nil {
			t.Fatal(err)
		}
		word := rollout.Word{Reason: "mine above all"}
		one, err := r.kills.Kill(t.Context(), alice, s.Flag.Key, "production", word, asked)
		if err != nil || one.ID == all.ID || one.Reason != word.Reason || one.By != alice.Email || one.Select.Flag != s.Flag.Key {
			t.Fatalf("%+v, %v", one, err)
		}
		letGo()
		if n, err := r.commit(); n != 2 || err != nil {
			t.Fatalf("%d were committed: %v", n, err)
		}
		again, err := r.kills.Kill(t.Context(), alice, s.Flag.Key, "production", word, asked)
		if err != nil || again.ID != one.ID || again.CommittedAt == nil || again.Reason != word.Reason {
			t.Errorf("the same request after the commit: %+v, %v", again, err)
		}
		if state := s.State("production"); state.Kill == nil || state.Kill.ID != all.ID {
			t.Errorf("it is held off by %+v", state.Kill)
		}
		if diff := cmp.Diff([]string{"flag.killed", "flag.killed_again"}, s.Events("flag.killed")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnotherRequestWithTheKeyOfAnEarlyKillIsRefusedWhateverDiffers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		order := kill.Order{Select: registry.Selection{Environment: "production"}, Reason: "it burns", ExpectFlags: 9, Sent: asked}
		act, err := r.kills.Panic(t.Context(), olu, order)
		if err != nil {
			t.Fatal(err)
		}
		others := map[string]func(o *kill.Order){
			"selection":   func(o *kill.Order) { o.Select, o.Environment = registry.Selection{Owner: "team-lunch"}, "production" },
			"environment": func(o *kill.Order) { o.Select.Environment = "staging" },
			"reason":      func(o *kill.Order) { o.Reason = "it smokes" },
			"no reason":   func(o *kill.Order) { o.Reason = "" },
		}
		check := func(when string) {
			for what, change := range others {
				other := order
				change(&other)
				if _, err := r.kills.Panic(t.Context(), olu, other); !fault.Is(err, fault.Unprocessable) {
					t.Errorf("another %s %s: %v", what, when, err)
				}
			}
			if again, err := r.kills.Panic(t.Context(), olu, order); err != nil || again.ID != act.ID {
				t.Errorf("the same %s: %+v, %v", when, again, err)
			}
		}
		check("while it is served")
		letGo()
		if _, err := r.commit(); err != nil {
			t.Fatal(err)
		}
		r.load()
		check("once it is committed")
	})
}

func TestKillsThatAreNotCommittedAreListedAndToldToWhoeverMayTurnThatOff(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		committed, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "staging", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		letGo := hold(t, db, "production")
		defer letGo()
		early, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		listed := func(by access.Actor, f kill.Filter, page store.Page) (ids []string, first kill.Act, next string) {
			list, err := r.kills.List(t.Context(), by, f, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range list.Items {
				ids = append(ids, a.ID)
			}
			if len(list.Items) > 0 {
				first = list.Items[0]
			}
			return ids, first, list.Next
		}
		ids, first, _ := listed(root, kill.Filter{}, store.Page{})
		if diff := cmp.Diff([]string{early.ID, committed.ID}, ids); diff != "" || first.CommittedAt != nil || !cmp.Equal(first.Can, []string{"end"}) {
			t.Errorf("%s, the first is %+v", diff, first)
		}
		ids, _, next := listed(olu, kill.Filter{}, store.Page{Limit: 1})
		rest, _, _ := listed(olu, kill.Filter{}, store.Page{Limit: 1, Cursor: next})
		if diff := cmp.Diff([]string{early.ID, committed.ID}, append(ids, rest...)); diff != "" {
			t.Errorf("page by page: %s", diff)
		}
		for what, want := range map[kill.Filter][]string{
			{Uncommitted: true}: {early.ID}, {Environment: "staging"}: {committed.ID}, {Many: true}: nil, {Uncommitted: true, Environment: "staging"}: nil,
		} {
			if ids, _, _ := listed(olu, what, store.Page{}); !cmp.Equal(want, ids) {
				t.Errorf("%+v lists %v", what, ids)
			}
		}
		for by, want := range map[*access.Actor]int{&olu: 1, &alice: 1, &pat: 0} {
			if all, err := r.kills.Uncommitted(t.Context(), *by); err != nil || len(all) != want {
				t.Errorf("%s is told of %d, %v", by.Email, len(all), err)
			}
		}
		letGo()
		if _, err := r.commit(); err != nil {
			t.Fatal(err)
		}
		if ids, _, _ := listed(olu, kill.Filter{Uncommitted: true}, store.Page{}); ids != nil { // though it is still served as it was
			t.Errorf("after the commit %v are listed", ids)
		}
	})
}

func TestAReplicaThatHeardNothingOfAKillTurnsItsFlagNotOnAndServesItOnceItReadsTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r, other := serving(t, db), serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		if _, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		letGo()
		o := r.live.Overrides()[0]
		note := func() { s.Write(func(ctx context.Context, tx *store.Tx) error { return kill.Note(ctx, tx, o) }) }
		note()
		note() // as often as it is told
		if len(other.live.Overrides()) != 0 {
			t.Fatal("the other replica heard of it")
		}
		if err := other.free("production", s.Flag.Key); !fault.Is(err, fault.Conflict) {
			t.Errorf("a restore there: %v", err)
		}
		if err := other.free("staging", s.Flag.Key); err != nil {
			t.Errorf("a restore elsewhere: %v", err)
		}
		other.load()
		if !other.off("production", s.Flag.Key) {
			t.Error("it does not serve it")
		}
		if n, err := other.commit(); n != 1 || err != nil {
			t.Errorf("it committed %d, %v", n, err)
		}
		note() // by a replica that has not heard of the end
		for _, one := range []*replica{r, other} {
			one.load()
			if err := one.free("production", s.Flag.Key); err != nil || len(one.live.Overrides()) != 0 || !one.off("production", s.Flag.Key) {
				t.Errorf("after the commit: %v, %d are left", err, len(one.live.Overrides()))
			}
		}
	})
}

func TestTwoReplicasThatCommitAKillAtOnceCommitItOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		act, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		letGo()
		// The first one stops in its transaction, at its event, until the second one has begun.
		inside, begun := make(chan struct{}), make(chan struct{})
		var first sync.Once
		audit.Listen(db, func(context.Context, *store.Tx, []audit.Event) error {
			first.Do(func() {
				close(inside)
				<-begun
			})
			return nil
		})
		o := r.live.Overrides()[0]
		type result struct {
			committed bool
			err       error
		}
		results := make(chan result, 2)
		commit := func(name string) {
			committed, err := r.kills.Commit(t.Context(), access.System("kills"), o, name)
			results <- result{committed, err}
		}
		go commit("a")
		<-inside
		go func() {
			close(begun)
			commit("b")
		}()
		one, two := <-results, <-results
		if err := errors.Join(one.err, two.err); err != nil || one.committed == two.committed {
			t.Errorf("%+v and %+v", one, two)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM kill_act WHERE id = $1`, act.ID); n != 1 {
			t.Errorf("%d acts", n)
		}
		if diff := cmp.Diff([]string{"flag.killed"}, s.Events("flag.killed")); diff != "" {
			t.Error(diff)
		}
	})
}
