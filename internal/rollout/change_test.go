package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var (
	off        = registry.Serving{Mode: registry.ServeOff}
	on         = registry.Serving{Mode: registry.ServeOn}
	production = registry.Environment{Name: "production", Position: 3, Tier: registry.TierProduction, Governed: true}
	switchOf   = registry.Flag{
		Key: "where2eat.enabled", Type: "boolean", Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Outside: "off",
	}
)

func pilot(percent int) registry.Serving {
	return registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: percent}
}

func TestTheStepsOfAChangeGrowFromThePresentToTheNewServing(t *testing.T) {
	t.Parallel()
	custom := registry.Serving{Mode: registry.ServeCustom, Targeting: json.RawMessage(`{"if":[{"$ref":"beta"},"on"]}`)}
	own := []rollout.Stage{
		{Environment: "staging", Percent: 100},
		{Environment: "production", Audience: "beta", Percent: 100, Bake: time.Hour, Promote: "person"},
		{Environment: "production", Audience: rollout.Placeholder, Percent: 50, Bake: time.Hour, Promote: "time"},
	}
	for name, tt := range map[string]struct {
		stages   []rollout.Stage
		from, to registry.Serving
		people   int
		want     []string // what each step serves
	}{
		"out of nothing":                  {nil, off, pilot(100), 1000, []string{"on for 5 % of pilot", "on for 25 % of pilot", "on for 50 % of pilot", "on for pilot"}},
		"few people":                      {nil, off, pilot(100), 20, []string{"on for pilot"}},
		"a larger share":                  {nil, pilot(25), pilot(60), 1000, []string{"on for 50 % of pilot", "on for 60 % of pilot"}},
		"the last share":                  {nil, pilot(50), pilot(100), 1000, []string{"on for pilot"}},
		"to everybody":                    {nil, pilot(100), on, 20, []string{"on for everybody"}},
		"by its template":                 {own, pilot(10), pilot(80), 1000, []string{"on for 80 % of pilot for 5 % of beta, on for 10 % of pilot for all others", "on for 80 % of pilot for 25 % of beta, on for 10 % of pilot for all others", "on for 80 % of pilot for 50 % of beta, on for 10 % of pilot for all others", "on for 80 % of pilot for beta, on for 10 % of pilot for all others", "on for 80 % of pilot for beta and 5 % of everybody, on for 10 % of pilot for all others", "on for 80 % of pilot for beta and 25 % of everybody, on for 10 % of pilot for all others", "on for 80 % of pilot for beta and 50 % of everybody, on for 10 % of pilot for all others", "on for 80 % of pilot"}},
		"to a rule":                       {nil, pilot(10), custom, 1000, []string{"by a rule of its own for 5 % of everybody, on for 10 % of pilot for all others", "by a rule of its own for 25 % of everybody, on for 10 % of pilot for all others", "by a rule of its own for 50 % of everybody, on for 10 % of pilot for all others", "by a rule of its own"}},
		"its template names others alone": {own[:2], off, on, -1, []string{"on for everybody for 5 % of beta, off for all others", "on for everybody for 25 % of beta, off for all others", "on for everybody for 50 % of beta, off for all others", "on for everybody for beta, off for all others", "on for everybody for beta and 5 % of everybody, off for all others", "on for everybody for beta and 25 % of everybody, off for all others", "on for everybody for beta and 50 % of everybody, off for all others", "on for everybody"}},
		"nothing to do":                   {nil, on, on, 1000, nil},
	} {
		steps, found := rollout.PlanChange(tt.stages, switchOf, production, tt.from, tt.to, tt.people)
		var words []string
		for _, s := range steps {
			words = append(words, s.Serving.Words())
		}
		if diff := cmp.Diff(tt.want, words); diff != "" || len(found) > 0 {
			t.Errorf("%s: %s %v", name, diff, found)
		}
	}
	if steps, found := rollout.PlanChange([]rollout.Stage{{Environment: "production", Percent: 500}}, switchOf, production, off, on, 10); len(found) == 0 {
		t.Errorf("a share of 500 percent passed: %v", steps)
	}
	changed := registry.Serving{Mode: registry.ServeOn, Variants: map[string]any{"on": true, "more": true}}
	if steps, _ := rollout.PlanChange(nil, switchOf, production, on, changed, 1000); len(steps) != 4 {
		t.Errorf("a new variant comes in %d steps, want 4", len(steps))
	}
	theme := switchOf
	theme.Type, theme.Variants, theme.Outside = "string", map[string]any{"on": "dark", "off": ""}, "off"
	changed.Variants = map[string]any{"on": "black"}
	for _, from := range []registry.Serving{off, pilot(100)} { // a new value is no way around the steps
		if steps, found := rollout.PlanChange(nil, theme, production, from, changed, 1000); len(steps) > 0 || len(found) != 1 || found[0].Code != "values_and_people" {
			t.Errorf("other values for more people: %+v, %v", steps, found)
		}
	}
	if steps, _ := rollout.PlanChange(nil, theme, production, on, changed, 1000); len(steps) != 1 {
		t.Errorf("another value of the same variant comes in %d steps, want 1: both cannot be served at once", len(steps))
	}
}

func TestEveryPlanOfAChangeEndsAtTheNewServing(t *testing.T) {
	t.Parallel()
	draw := func(t *rapid.T, label string) registry.Serving {
		switch rapid.IntRange(0, 3).Draw(t, label) {
		case 0:
			return off
		case 1:
			return on
		case 2:
			return registry.Serving{Mode: registry.ServeCustom, DefaultVariant: rapid.SampledFrom([]string{"on", "off"}).Draw(t, label+" default")}
		}
		return pilot(rapid.IntRange(0, 100).Draw(t, label+" percent"))
	}
	rapid.Check(t, func(t *rapid.T) {
		from, to := draw(t, "from"), draw(t, "to")
		var stages []rollout.Stage
		for range rapid.IntRange(0, 5).Draw(t, "stages") {
			stages = append(stages, rollout.Stage{
				Environment: "production", Audience: rapid.SampledFrom([]string{"", "beta", rollout.Placeholder}).Draw(t, "audience"),
				Percent: rapid.IntRange(1, 100).Draw(t, "percent"),
			})
		}
		steps, found := rollout.PlanChange(stages, switchOf, production, from, to, rapid.SampledFrom([]int{-1, 10, 500}).Draw(t, "people"))
		switch {
		case len(found) > 0:
			t.Fatal(found)
		case len(steps) == 0 && !from.Equal(to):
			t.Fatalf("no step from %s to %s", from.Words(), to.Words())
		case len(steps) > 0 && !steps[len(steps)-1].Serving.Equal(to):
			t.Fatalf("it ends at %s, not at %s", steps[len(steps)-1].Serving.Words(), to.Words())
		}
		for _, s := range steps {
			if s.Percent < 1 || s.Percent > 100 || s.Environment != "production" {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// change leaves a rollout ready that leads production to a serving.
func change(s *rollouttest.Stall, to registry.Serving) {
	s.Helper()
	s.Write(func(ctx context.Context, tx *store.Tx) error {
		flag, err := registry.Lock(ctx, tx, s.Flag.Key)
		if err != nil {
			return err
		}
		now, _ := flag.In("production")
		steps, found := rollout.PlanChange(nil, flag, production, now.Serving, to, 1000)
		if len(found) > 0 {
			return errors.New(found[0].Message)
		}
		r, err := rollout.Create(ctx, tx, alice, s.Clock, lifecycle.Of(flag), "request-2", steps)
		s.ID = r.ID
		return err
	})
}

// finish starts the rollout and promotes it to its end.
func finish(s *rollouttest.Stall) {
	s.Helper()
	s.Must(s.Rollouts.Start(s.Context(), alice, s.ID, rollout.Word{}))
	for s.Now().State == rollout.Running {
		s.GoOn()
	}
}

func TestAChangeOfAnActiveFlagRollsOutAndLeavesItActive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 10)
		finish(s)
		change(s, on)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		if got := s.Serves("production"); got != "on for everybody for 5 % of everybody, on for pilot for all others" {
			t.Errorf("the first step serves %s", got)
		}
		if _, err := s.Kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		s.Restore("production")
		again := s.Now().FlagKey
		rollouts, err := s.Rollouts.List(t.Context(), alice, rollout.Filter{FlagKey: again}, store.Page{})
		if err != nil || len(rollouts.Items) != 3 || rollouts.Items[0].State != rollout.Ready || rollouts.Items[0].Steps[0].Serving == nil {
			t.Fatalf("what was left of the change is not ready again: %v %+v", err, rollouts.Items)
		}
		s.ID = rollouts.Items[0].ID
		finish(s)
		if got := s.Serves("production"); got != "on for everybody" {
			t.Errorf("at the end it serves %s", got)
		}
		if got := s.Life().State; got != lifecycle.Active {
			t.Errorf("the flag is %s", got)
		}
	})
}

func TestHaltEndsARolloutAndLeavesWhatIsServed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 1000)
		halt := func() {
			s.Write(func(ctx context.Context, tx *store.Tx) error {
				return rollout.Halt(ctx, tx, alice, s.Clock, lifecycle.Of(s.Flag), "the flag is deprecated")
			})
		}
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		s.Must(s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "fine"}))
		before := s.Serves("production")
		for range 2 { // the second time nothing is left to halt
			halt()
		}
		if r := s.Now(); r.State != rollout.Aborted || r.Reason != "the flag is deprecated" || s.Serves("production") != before {
			t.Errorf("%+v, production serves %s after %s", r, s.Serves("production"), before)
		}
	})
}

// TestAReadOnlyFlagCanBeStoppedAndNothingElse goes through every verb in every state of a life.
func TestAReadOnlyFlagCanBeStoppedAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		word := rollout.Word{Reason: "because"}
		step := func(s *rollouttest.Stall, do func(ctx context.Context, tx *store.Tx) error) error {
			return s.Rollouts.DB.Write(t.Context(), do)
		}
		verbs := map[string]struct {
			do       func(s *rollouttest.Stall) error
			readOnly bool // works on a read-only flag
		}{
			"kill": {func(s *rollouttest.Stall) error {
				_, err := s.Kills.Kill(t.Context(), alice, s.Flag.Key, "sandbox", word, live.Sent{})
				return err
			}, true},
			"pause": {func(s *rollouttest.Stall) error {
				_, err := s.Rollouts.Pause(t.Context(), alice, s.ID, word)
				return err
			}, true},
			"abort": {func(s *rollouttest.Stall) error {
				_, err := s.Rollouts.Abort(t.Context(), alice, s.ID, word)
				return err
			}, true},
			"promote": {func(s *rollouttest.Stall) error {
				_, err := s.Rollouts.Promote(t.Context(), alice, s.ID, word)
				return err
			}, false},
			"resume": {func(s *rollouttest.Stall) error {
				if _, err := s.Rollouts.Pause(t.Context(), alice, s.ID, word); err != nil {
					return err
				}
				_, err := s.Rollouts.Resume(t.Context(), alice, s.ID, word)
				return err
			}, false},
			"serve": {func(s *rollouttest.Stall) error {
				return step(s, func(ctx context.Context, tx *store.Tx) error {
					c := registry.Change{By: alice, At: s.Clock, Reason: "because", Cause: registry.CauseChanged}
					_, err := registry.Serve(ctx, tx, c, s.Flag.Key, "staging", off)
					return err
				})
			}, false},
			"restore": {func(s *rollouttest.Stall) error {
				if _, err := s.Kills.Kill(t.Context(), alice, s.Flag.Key, "sandbox", word, live.Sent{}); err != nil {
					return err
				}
				return step(s, func(ctx context.Context, tx *store.Tx) error {
					_, err := kill.Restore(ctx, tx, registry.Change{By: alice, At: s.Clock, Reason: "because"}, s.Flag.Key, "sandbox")
					return err
				})
			}, false},
		}
		number := 0
		for name, verb := range verbs {
			for _, state := range []lifecycle.State{lifecycle.Staged, lifecycle.Deprecated, lifecycle.Removed} {
				number++
				s := rollouttest.Empty(t, db, noon.Add(time.Duration(number)*time.Hour))
				s.Ask(name+string(state), 30, 1000)
				s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, word))
				if state != lifecycle.Staged {
					s.Write(func(ctx context.Context, tx *store.Tx) error {
						_, err := lifecycle.Move(ctx, tx, alice, s.Clock, lifecycle.Of(s.Flag), state, "because", "")
						return err
					})
				}
				err := verb.do(s)
				if state == lifecycle.Staged || verb.readOnly {
					if err != nil {
						t.Errorf("%s of a %s flag: %v", name, state, err)
					}
					continue
				}
				if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Conflict || f.Code != "flag_read_only" || f.Remediation == "" {
					t.Errorf("%s of a %s flag: %v", name, state, err)
				}
			}
		}
	})
}

func TestAFlagIsActiveOnlyWithItsFullAudienceInProduction(t *testing.T) {
	t.Parallel()
	staging := rollout.Stage{Environment: "staging", Percent: 100}
	share := func(percent int) rollout.Stage {
		return rollout.Stage{Environment: "production", Audience: rollout.Placeholder, Percent: percent}
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i, tt := range []struct {
			name   string
			stages []rollout.Stage
			want   lifecycle.State
		}{
			{"all", []rollout.Stage{staging, share(25), share(100)}, lifecycle.Active},
			{"ten", []rollout.Stage{staging, share(10)}, lifecycle.Staged},
			{"nearly all", []rollout.Stage{share(20), share(99)}, lifecycle.Staged},
		} {
			s := rollouttest.Empty(t, db, noon.Add(time.Duration(i)*1000*time.Hour))
			s.Ask(tt.name, 60, -1)
			plan(s, tt.stages)
			if tt.want == lifecycle.Active {
				l := &lifecycle.Lifecycles{DB: db, Now: s.Rollouts.Now}
				if _, err := l.PlanRemoval(t.Context(), alice, s.Flag.Key, "the menu service replaces it by spring"); err != nil {
					t.Fatal(err)
				}
			}
			finish(s)
			if got := s.Life().State; got != tt.want || s.Now().State != rollout.Completed {
				t.Errorf("%s: the flag is %s, its rollout %s", tt.name, got, s.Now().State)
			}
			if tt.want == lifecycle.Active {
				continue
			}
			// The rest is a change, and needs a removal plan as every long life does.
			l := &lifecycle.Lifecycles{DB: db, Now: s.Rollouts.Now}
			if _, err := l.PlanRemoval(t.Context(), alice, s.Flag.Key, "the menu service replaces it by spring"); err != nil {
				t.Fatal(err)
			}
			change(s, pilot(60))
			finish(s)
			if got := s.Life().State; got != lifecycle.Staged && tt.name == "ten" {
				t.Errorf("%s: with 60 %% the flag is %s", tt.name, got)
			}
			change(s, pilot(100))
			finish(s)
			if got := s.Life().State; got != lifecycle.Active {
				t.Errorf("%s: with all the flag is %s", tt.name, got)
			}
		}
	})
}

// plan replaces the rollout of an approved flag by one with these stages.
func plan(s *rollouttest.Stall, stages []rollout.Stage) {
	s.Helper()
	s.Must(s.Rollouts.Abort(s.Context(), alice, s.ID, rollout.Word{}))
	s.Write(func(ctx context.Context, tx *store.Tx) error {
		places, err := registry.Environments(ctx, tx)
		if err != nil {
			return err
		}
		steps, found := rollout.Plan(stages, "pilot", -1, places)
		if len(found) > 0 {
			return errors.New(found[0].Message)
		}
		r, err := rollout.Create(ctx, tx, alice, s.Clock, lifecycle.Of(s.Flag), "request-1", steps)
		s.ID = r.ID
		return err
	})
}
