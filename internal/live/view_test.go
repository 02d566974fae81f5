package live_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// members gives the names of the flags and of the evaluators in the document of a view.
func members(t *testing.T, s *live.Served, view live.View) (flags, evaluators []string) {
	t.Helper()
	var d struct {
		Flags      map[string]json.RawMessage `json:"flags"`
		Evaluators map[string]json.RawMessage `json:"$evaluators"`
	}
	if err := json.Unmarshal(s.DocumentOf(view), &d); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(d.Flags)), slices.Sorted(maps.Keys(d.Evaluators))
}

func TestAViewHoldsItsFlagsAndTheSegmentsThatTheyName(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for app, audience := range map[string]string{"where2eat": "pilot", "travel": "beta"} {
			key := propose(t, db, app, "Enabled").Key
			install(t, db, key)
			serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: audience, Percent: 50})
		}
		s := load(t, db, "", nil).Snapshot("production")
		flags, evaluators := members(t, s, live.View{App: "where2eat"})
		if diff := cmp.Diff([][]string{{"where2eat.enabled"}, {"pilot"}}, [][]string{flags, evaluators}); diff != "" {
			t.Error(diff)
		}
		if flags, evaluators := members(t, s, live.View{}); len(flags) != 2 || !slices.Contains(evaluators, "pilot") || !slices.Contains(evaluators, "beta") {
			t.Errorf("all of it: %v, %v", flags, evaluators)
		}
		if flags, evaluators := members(t, s, live.View{App: "nobody", Browser: true}); len(flags)+len(evaluators) != 0 {
			t.Errorf("an app that is none: %v, %v", flags, evaluators)
		}
	})
}

func TestWhatChangedIsNamedExactly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Reached: nothing}
		key, other := propose(t, db, "where2eat", "Enabled").Key, propose(t, db, "travel", "Enabled").Key
		install(t, db, key)
		install(t, db, other)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		l := load(t, db, "", nil)
		step := func(what string, do func(), view live.View, want live.Changes) {
			t.Helper()
			before := l.Snapshot("production")
			do()
			if err := l.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := l.Snapshot("production")
			if diff := cmp.Diff(want, after.Since(before, view)); diff != "" {
				t.Error(what, diff)
			}
			select {
			case <-before.Replaced():
				if after == before {
					t.Errorf("%s: replaced by itself", what)
				}
			default:
				if after != before {
					t.Errorf("%s: nobody is told", what)
				}
			}
		}
		all := live.View{}
		step("nothing", func() {}, all, live.Changes{})
		step("a kill", func() { kill(t, db, other, "production") }, all, live.Changes{Changed: []string{other}})
		step("a restore", func() { restore(t, db, other, "production") }, all, live.Changes{Changed: []string{other}})
		step("elsewhere", func() { kill(t, db, other, "staging") }, all, live.Changes{})
		step("of another app", func() { kill(t, db, other, "production") }, live.View{App: "where2eat"}, live.Changes{})
		step("the people in a segment", func() {
			pilot := registry.Segment{Name: "pilot", Title: "Pilots", People: []string{"ann@hyfin.example"}, Revision: 1}
			if _, err := r.PutSegment(t.Context(), access.System("test"), pilot); err != nil {
				t.Fatal(err)
			}
		}, all, live.Changes{Changed: []string{key}})
		if diff := cmp.Diff(live.Changes{Changed: []string{other, key}}, l.Snapshot("production").Since(nil, all)); diff != "" {
			t.Error("since nothing", diff)
		}
	})
}
