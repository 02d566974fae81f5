package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestWhatWaitsForSomebodyIsListed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, 1000)
		list := func(f rollout.Filter) (ids []string) {
			page := store.Page{Limit: 1}
			for {
				all, err := s.rs.List(t.Context(), alice, f, page)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range all.Items {
					ids = append(ids, r.FlagKey)
				}
				if page.Cursor = all.Next; page.Cursor == "" {
					return ids
				}
			}
		}
		waiting := func(why string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, list(rollout.Filter{Waiting: true})); diff != "" {
				t.Errorf("%s: %s", why, diff)
			}
		}
		key := s.flag.Key
		waiting("ready", key)
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		waiting("it bakes until time goes on")
		s.must(s.rs.Promote(t.Context(), alice, s.id, rollout.Word{Reason: "fine"}))
		waiting("a person is not asked before the bake is over")
		s.clock = s.clock.Add(2 * time.Hour)
		waiting("a person is asked", key)
		s.must(s.rs.Pause(t.Context(), alice, s.id, rollout.Word{}))
		waiting("paused", key)
		s.must(s.rs.Abort(t.Context(), alice, s.id, rollout.Word{}))
		waiting("over")

		s.ask("Second", 30, 1000)
		if diff := cmp.Diff([]string{s.flag.Key, key}, list(rollout.Filter{OwnedBy: &alice})); diff != "" {
			t.Errorf("alice's: %s", diff)
		}
		if diff := cmp.Diff([]string(nil), list(rollout.Filter{OwnedBy: &olu})); diff != "" {
			t.Errorf("olu's: %s", diff)
		}
		states := []rollout.State{rollout.Ready, rollout.Aborted}
		if diff := cmp.Diff([]string{s.flag.Key, key}, list(rollout.Filter{States: states, App: "where2eat"})); diff != "" {
			t.Errorf("ready or aborted: %s", diff)
		}
		if diff := cmp.Diff([]string{key}, list(rollout.Filter{States: states[1:]})); diff != "" {
			t.Errorf("aborted: %s", diff)
		}
	})
}
