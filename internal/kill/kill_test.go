package kill_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
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

var noon, alice, pat, olu = rollouttest.Noon, rollouttest.Alice, rollouttest.Pat, rollouttest.Olu

func TestAKillInProductionAbortsAndARestoreMakesTheRestReadyAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		for range 2 {
			s.GoOn()
		}
		_, err := s.Kills.Kill(t.Context(), pat, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		s.Refused(err, fault.Forbidden, "forbidden")
		act, err := s.Kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		state := s.State("production")
		if state.Kill == nil || state.Kill.Reason != "turned off by olu@hyfin.example" || state.Kill.ID != act.ID || act.Revision != state.Revision {
			t.Errorf("killed: %+v by %+v", state, act)
		}
		r := s.Now()
		if r.State != rollout.Aborted || r.KilledIn != "production" || r.Steps[2].State != rollout.StepAborted || act.Rollouts != 1 {
			t.Errorf("rollout: %+v", r)
		}
		s.Restore("staging") // is not killed
		o := s.Restore("production")
		if got := s.Serves("production"); got != "on for 25 % of pilot" {
			t.Errorf("restored: %s", got)
		}
		want := []string{
			`production "pilot" 25% 1h0m0s person`, `production "pilot" 50% 2h0m0s person`, `production "pilot" 100% 1h0m0s person`,
		}
		if diff := cmp.Diff(want, rollouttest.Told(o.Rollout.Steps)); diff != "" || o.Rollout.State != rollout.Ready || o.Rollout.RequestID != "request-2" {
			t.Error(diff, o.Rollout)
		}
		s.Read(func(ctx context.Context, tx *store.Tx) error {
			all, err := rollout.OfFlag(ctx, tx, alice, s.Clock, s.Flag)
			if err == nil && (len(all) != 2 || all[0].ID != o.Rollout.ID || !slices.Equal(all[0].Can, []string{"start", "abort"})) {
				t.Errorf("rollouts of the flag: %+v", all)
			}
			return err
		})
		s.ID = o.Rollout.ID
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		for range 3 {
			s.GoOn()
		}
		if s.Life().State != lifecycle.Active || s.Serves("production") != "on for pilot" {
			t.Errorf("flag %s, production %s", s.Life().State, s.Serves("production"))
		}
	})
}

func TestASecondKillIsRecordedUnderTheActThatStands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		first, err := s.Kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{Reason: "it burns"}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.Kills.Kill(t.Context(), alice, s.Flag.Key, "production", rollout.Word{Reason: "it still burns"}, live.Sent{})
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Errorf("killed twice: %v %s", err, diff)
		}
		everything := kill.Order{Select: registry.Selection{Environment: "production"}, Reason: "all of it"}
		all, err := s.Kills.Panic(t.Context(), olu, everything)
		if err != nil || all.Flags != 0 || all.Standing != 0 || all.ID == first.ID || all.Revision != first.Revision {
			t.Errorf("a panic over what is off: %+v, %v", all, err)
		}
		if again, err := s.Kills.Panic(t.Context(), olu, everything); err != nil || again.ID != all.ID {
			t.Errorf("once more: %+v, %v", again, err)
		}
		if diff := cmp.Diff([]string{"flag.killed", "flag.killed_again", "flag.killed_again", "flag.killed_again"}, s.Events("flag.killed")); diff != "" {
			t.Error(diff)
		}
		var text string
		s.Read(func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT body FROM audit_event WHERE name = 'flag.killed_again' ORDER BY id LIMIT 1`).Scan(&text)
		})
		if !strings.Contains(text, `"reason":"it still burns"`) || !strings.Contains(text, `"kill":"`+first.ID+`"`) || !strings.Contains(text, `"actor":"alice@hyfin.example"`) {
			t.Errorf("recorded: %s", text)
		}
	})
}

func TestAKillInStagingPausesAndNoStepStartsWhereAFlagIsKilled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		ctx := t.Context()
		if _, err := s.Kills.Kill(ctx, alice, s.Flag.Key, "staging", rollout.Word{Reason: "looks odd"}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Rollouts.Start(ctx, alice, s.ID, rollout.Word{})
		s.Refused(err, fault.Conflict, "flag_killed")
		if s.Life().State != lifecycle.Approved || s.Now().State != rollout.Ready {
			t.Errorf("a refused start left flag %s, rollout %s", s.Life().State, s.Now().State)
		}
		s.Restore("staging")
		s.Must(s.Rollouts.Start(ctx, alice, s.ID, rollout.Word{}))
		if _, err := s.Kills.Kill(ctx, alice, s.Flag.Key, "staging", rollout.Word{Reason: "looks odd"}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		if r := s.Now(); r.State != rollout.Paused || r.Reason != "turned off in staging: looks odd" {
			t.Errorf("rollout: %+v", r)
		}
		_, err = s.Rollouts.Resume(ctx, alice, s.ID, rollout.Word{})
		s.Refused(err, fault.Conflict, "flag_killed")
		s.Restore("staging")
		s.Must(s.Rollouts.Resume(ctx, alice, s.ID, rollout.Word{}))
		_, err = s.Kills.Kill(ctx, alice, s.Flag.Key, "prod", rollout.Word{}, live.Sent{})
		s.Refused(err, fault.NotFound, "unknown_environment")
		_, err = s.Kills.Kill(ctx, alice, "where2eat.nothing", "staging", rollout.Word{}, live.Sent{})
		s.Refused(err, fault.NotFound, "unknown_flag")
		_, err = s.Kills.Kill(ctx, olu, s.Flag.Key, "staging", rollout.Word{Revision: 1}, live.Sent{})
		s.Refused(err, fault.Stale, "stale")
		_, err = s.Kills.Kill(ctx, access.Actor{}, s.Flag.Key, "staging", rollout.Word{}, live.Sent{})
		s.Refused(err, fault.Unauthenticated, "signed_out")
	})
}

func TestAKillWinsOverWhateverThePublisherDoesMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			s.Ask(name, 30, -1)
			ctx := t.Context()
			var all sync.WaitGroup
			all.Go(func() {
				_, _ = s.Rollouts.Start(ctx, alice, s.ID, rollout.Word{})
				for range 3 {
					_, _ = s.Rollouts.Promote(ctx, alice, s.ID, rollout.Word{Reason: "go"})
				}
			})
			var err error
			all.Go(func() { _, err = s.Kills.Kill(ctx, olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{}) })
			all.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if s.Serves("production") != "killed" {
				t.Error("the kill was lost")
			}
		}
	})
}

func TestAKillWorksInEveryStateOfALife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 10)
		path := []lifecycle.State{lifecycle.Approved, lifecycle.Staged, lifecycle.Active, lifecycle.Deprecated, lifecycle.Removed}
		for i, state := range path {
			environment := "production"
			switch state {
			case lifecycle.Deprecated: // what is killed from here on stays so
				environment = "staging"
			case lifecycle.Removed:
				environment = "sandbox"
				s.Clock = s.Clock.Add(8 * 24 * time.Hour)
			default:
			}
			if i > 0 {
				s.Write(func(ctx context.Context, tx *store.Tx) error {
					_, err := lifecycle.Move(ctx, tx, alice, s.Clock, lifecycle.Of(s.Flag), state, "because", "")
					return err
				})
			}
			if _, err := s.Kills.Kill(t.Context(), alice, s.Flag.Key, environment, rollout.Word{}, live.Sent{}); err != nil || s.Serves(environment) != "killed" {
				t.Errorf("%s: %v", state, err)
			}
			if environment == "production" {
				s.Restore(environment)
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
		s := rollouttest.Empty(t, db, noon.Add(time.Duration(round)*1000*time.Hour))
		round++
		s.Ask("f"+string(rune('a'+round%26))+time.Duration(round).String(), rapid.SampledFrom([]int{30, 60}).Draw(rt, "ttl"), rapid.SampledFrom([]int{-1, 10}).Draw(rt, "people"))
		ctx, why := t.Context(), rollout.Word{Reason: "because"}
		state, killed, share := lifecycle.Approved, map[string]bool{}, map[string]int{}
		acts := map[string]func(){
			"start":   func() { _, _ = s.Rollouts.Start(ctx, alice, s.ID, why) },
			"promote": func() { _, _ = s.Rollouts.Promote(ctx, alice, s.ID, why) },
			"pause":   func() { _, _ = s.Rollouts.Pause(ctx, alice, s.ID, why) },
			"resume":  func() { _, _ = s.Rollouts.Resume(ctx, alice, s.ID, why) },
			"abort":   func() { _, _ = s.Rollouts.Abort(ctx, alice, s.ID, why) },
			"tick":    s.Tick,
			"wait":    func() { s.Clock = s.Clock.Add(45 * time.Minute) },
			"clock":   func() { s.Clock = s.Clock.Add(-time.Hour) },
		}
		for _, e := range []string{"staging", "production"} {
			acts["kill "+e] = func() {
				if _, err := s.Kills.Kill(ctx, olu, s.Flag.Key, e, rollout.Word{}, live.Sent{}); err != nil {
					rt.Fatalf("a kill was refused: %v", err)
				}
				killed[e] = true
			}
			acts["restore "+e] = func() {
				if o := s.Restore(e); o.Rollout.ID != "" {
					s.ID = o.Rollout.ID
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
			after := s.Life().State
			if after != state && !lifecycle.Legal(state, after) {
				rt.Fatalf("%s moved the flag from %s to %s", name, state, after)
			}
			state = after
			for _, e := range []string{"staging", "production"} {
				is := s.State(e)
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
