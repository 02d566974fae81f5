package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestWhatWaitsForSomebodyIsListed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 1000)
		list := func(f rollout.Filter) (ids []string) {
			page := store.Page{Limit: 1}
			for {
				all, err := s.Rollouts.List(t.Context(), alice, f, page)
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
		key := s.Flag.Key
		waiting("ready", key)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		waiting("it bakes until time goes on")
		s.GoOn()
		waiting("a person is not asked before the bake is over")
		s.Clock = s.Clock.Add(2 * time.Hour)
		waiting("a person is asked", key)
		s.Must(s.Rollouts.Pause(t.Context(), alice, s.ID, rollout.Word{}))
		waiting("paused", key)
		s.Must(s.Rollouts.Abort(t.Context(), alice, s.ID, rollout.Word{}))
		waiting("over")

		s.Ask("Second", 30, 1000)
		if diff := cmp.Diff([]string{s.Flag.Key, key}, list(rollout.Filter{OwnedBy: &alice})); diff != "" {
			t.Errorf("alice's: %s", diff)
		}
		if diff := cmp.Diff([]string(nil), list(rollout.Filter{OwnedBy: &olu})); diff != "" {
			t.Errorf("olu's: %s", diff)
		}
		states := []rollout.State{rollout.Ready, rollout.Aborted}
		if diff := cmp.Diff([]string{s.Flag.Key, key}, list(rollout.Filter{States: states, App: "where2eat"})); diff != "" {
			t.Errorf("ready or aborted: %s", diff)
		}
		if diff := cmp.Diff([]string{key}, list(rollout.Filter{States: states[1:]})); diff != "" {
			t.Errorf("aborted: %s", diff)
		}
	})
}
