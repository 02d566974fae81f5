package rollout_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// restore is what review does when a restore_flag request is approved.
func (s *stall) restore(environment string) (o rollout.Outcome) {
	s.Helper()
	s.write(func(ctx context.Context, tx *store.Tx) (err error) {
		o, err = rollout.Restore(ctx, tx, registry.Change{By: pat, At: s.clock, Reason: "mended", RequestID: "request-2"}, s.flag.Key, environment)
		return err
	})
	return o
}

func TestAKillInProductionAbortsAndARestoreMakesTheRestReadyAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		for range 2 {
			s.must(s.rs.Promote(t.Context(), alice, s.id, rollout.Word{Reason: "go"}))
		}
		_, _, err := s.rs.Kill(t.Context(), pat, s.flag.Key, "production", rollout.Word{})
		s.refused(err, fault.Forbidden, "forbidden")
		flag, revision, err := s.rs.Kill(t.Context(), olu, s.flag.Key, "production", rollout.Word{})
		if err != nil {
			t.Fatal(err)
		}
		state, _ := flag.In("production")
		if state.Kill == nil || state.Kill.Reason != "turned off by olu@hyfin.example" || revision != state.Revision {
			t.Errorf("killed: %+v at %d", state, revision)
		}
		r := s.now()
		if r.State != rollout.Aborted || r.KilledIn != "production" || r.Steps[2].State != rollout.StepAborted {
			t.Errorf("rollout: %+v", r)
		}
		if _, again, err := s.rs.Kill(t.Context(), alice, s.flag.Key, "production", rollout.Word{Reason: "again"}); err != nil || again != revision {
			t.Errorf("a second kill: revision %d, %v", again, err)
		}
		s.restore("staging") // is not killed
		o := s.restore("production")
		if got := s.serves("production"); got != "on for 25 % of pilot" {
			t.Errorf("restored: %s", got)
		}
		want := []string{
			`production "pilot" 25% 1h0m0s person`, `production "pilot" 50% 2h0m0s person`, `production "pilot" 100% 1h0m0s time`,
		}
		if diff := cmp.Diff(want, told(o.Rollout.Steps)); diff != "" || o.Rollout.State != rollout.Ready || o.Rollout.RequestID != "request-2" {
			t.Error(diff, o.Rollout)
		}
		s.read(func(ctx context.Context, tx *store.Tx) error {
			all, err := rollout.OfFlag(ctx, tx, alice, s.clock, flag)
			if err == nil && (len(all) != 2 || all[0].ID != o.Rollout.ID || !slices.Equal(all[0].Can, []string{"start", "abort"})) {
				t.Errorf("rollouts of the flag: %+v", all)
			}
			return err
		})
		s.id = o.Rollout.ID
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		for range 3 {
			s.must(s.rs.Promote(t.Context(), alice, s.id, rollout.Word{Reason: "go"}))
		}
		if s.life().State != lifecycle.Active || s.serves("production") != "on for pilot" {
			t.Errorf("flag %s, production %s", s.life().State, s.serves("production"))
		}
	})
}

func TestAKillInStagingPausesAndNoStepStartsWhereAFlagIsKilled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		ctx := t.Context()
		if _, _, err := s.rs.Kill(ctx, alice, s.flag.Key, "staging", rollout.Word{Reason: "looks odd"}); err != nil {
			t.Fatal(err)
		}
		_, err := s.rs.Start(ctx, alice, s.id, rollout.Word{})
		s.refused(err, fault.Conflict, "flag_killed")
		if s.life().State != lifecycle.Approved || s.now().State != rollout.Ready {
			t.Errorf("a refused start left flag %s, rollout %s", s.life().State, s.now().State)
		}
		s.restore("staging")
		s.must(s.rs.Start(ctx, alice, s.id, rollout.Word{}))
		if _, _, err := s.rs.Kill(ctx, alice, s.flag.Key, "staging", rollout.Word{Reason: "looks odd"}); err != nil {
			t.Fatal(err)
		}
		if r := s.now(); r.State != rollout.Paused || r.Reason != "turned off in staging: looks odd" {
			t.Errorf("rollout: %+v", r)
		}
		_, err = s.rs.Resume(ctx, alice, s.id, rollout.Word{})
		s.refused(err, fault.Conflict, "flag_killed")
		s.restore("staging")
		s.must(s.rs.Resume(ctx, alice, s.id, rollout.Word{}))
		_, _, err = s.rs.Kill(ctx, alice, s.flag.Key, "prod", rollout.Word{})
		s.refused(err, fault.NotFound, "unknown_environment")
		_, _, err = s.rs.Kill(ctx, alice, "where2eat.nothing", "staging", rollout.Word{})
		s.refused(err, fault.NotFound, "unknown_flag")
		_, _, err = s.rs.Kill(ctx, olu, s.flag.Key, "staging", rollout.Word{Revision: 1})
		s.refused(err, fault.Stale, "stale")
		_, _, err = s.rs.Kill(ctx, access.Actor{}, s.flag.Key, "staging", rollout.Word{})
		s.refused(err, fault.Unauthenticated, "signed_out")
	})
}

func TestAKillWinsOverWhateverThePublisherDoesMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			s.ask(name, 30, -1)
			ctx := t.Context()
			var all sync.WaitGroup
			all.Go(func() {
				_, _ = s.rs.Start(ctx, alice, s.id, rollout.Word{})
				for range 3 {
					_, _ = s.rs.Promote(ctx, alice, s.id, rollout.Word{Reason: "go"})
				}
			})
			var err error
			all.Go(func() { _, _, err = s.rs.Kill(ctx, olu, s.flag.Key, "production", rollout.Word{}) })
			all.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if s.serves("production") != "killed" {
				t.Error("the kill was lost")
			}
		}
	})
}

func TestAKillWorksInEveryStateOfALife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, 10)
		path := []lifecycle.State{lifecycle.Approved, lifecycle.Staged, lifecycle.Active, lifecycle.Deprecated, lifecycle.Removed}
		for i, state := range path {
			environment := "production"
			switch state {
			case lifecycle.Deprecated: // what is killed from here on stays so
				environment = "staging"
			case lifecycle.Removed:
				environment = "sandbox"
				s.clock = s.clock.Add(8 * 24 * time.Hour)
			default:
			}
			if i > 0 {
				s.write(func(ctx context.Context, tx *store.Tx) error {
					_, err := lifecycle.Move(ctx, tx, alice, s.clock, lifecycle.Of(s.flag), state, "because", "")
					return err
				})
			}
			if _, _, err := s.rs.Kill(t.Context(), alice, s.flag.Key, environment, rollout.Word{}); err != nil || s.serves(environment) != "killed" {
				t.Errorf("%s: %v", state, err)
			}
			if environment == "production" {
				s.restore(environment)
			}
		}
	})
}

// TestNoSequenceOfActsBreaksTheRules does random acts and holds, after each: every move of the lifecycle was a legal one, a
// killed environment serves the off variant and nothing else, and a share in an environment never shrinks.
func TestNoSequenceOfActsBreaksTheRules(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		s := &stall{T: t, clock: noon.Add(time.Duration(round) * 1000 * time.Hour)}
		s.rs = &rollout.Rollouts{DB: db, Now: func() time.Time { return s.clock }}
		round++
		s.ask("f"+string(rune('a'+round%26))+time.Duration(round).String(), rapid.SampledFrom([]int{30, 60}).Draw(rt, "ttl"), rapid.SampledFrom([]int{-1, 10}).Draw(rt, "people"))
		ctx, why := t.Context(), rollout.Word{Reason: "because"}
		state, killed, share := lifecycle.Approved, map[string]bool{}, map[string]int{}
		acts := map[string]func(){
			"start":   func() { _, _ = s.rs.Start(ctx, alice, s.id, why) },
			"promote": func() { _, _ = s.rs.Promote(ctx, alice, s.id, why) },
			"pause":   func() { _, _ = s.rs.Pause(ctx, alice, s.id, why) },
			"resume":  func() { _, _ = s.rs.Resume(ctx, alice, s.id, why) },
			"abort":   func() { _, _ = s.rs.Abort(ctx, alice, s.id, why) },
			"tick":    s.tick,
			"wait":    func() { s.clock = s.clock.Add(45 * time.Minute) },
			"clock":   func() { s.clock = s.clock.Add(-time.Hour) },
		}
		for _, e := range []string{"staging", "production"} {
			acts["kill "+e] = func() {
				if _, _, err := s.rs.Kill(ctx, olu, s.flag.Key, e, rollout.Word{}); err != nil {
					rt.Fatalf("a kill was refused: %v", err)
				}
				killed[e] = true
			}
			acts["restore "+e] = func() {
				if o := s.restore(e); o.Rollout.ID != "" {
					s.id = o.Rollout.ID
				}
				killed[e] = false
			}
		}
		names := make([]string, 0, len(acts))
		for name := range acts {
			names = append(names, name)
		}
		slices.Sort(names)
		usual := []string{"start", "promote", "promote", "wait", "tick"}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(append(names, usual...)), 1, 15).Draw(rt, "acts") {
			acts[name]()
			after := s.life().State
			if after != state && !lifecycle.Legal(state, after) {
				rt.Fatalf("%s moved the flag from %s to %s", name, state, after)
			}
			state = after
			for _, e := range []string{"staging", "production"} {
				is := s.state(e)
				if killed[e] != (is.Kill != nil) {
					rt.Fatalf("after %s, %s killed: %v", name, e, is.Kill)
				}
				if off := `"defaultVariant":"off"`; killed[e] && (!bytes.Contains(is.Definition, []byte(off)) || bytes.Contains(is.Definition, []byte(`"targeting"`))) {
					rt.Fatalf("after %s, %s serves %s", name, e, is.Definition)
				}
				now := is.Serving.Percent
				if is.Serving.Mode == registry.ServeOn {
					now = 100
				}
				if now < share[e] {
					rt.Fatalf("%s shrank %s from %d to %d percent", name, e, share[e], now)
				}
				share[e] = now
			}
		}
	})
}
