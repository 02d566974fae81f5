package rollout_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon, alice, pat, olu = rollouttest.Noon, rollouttest.Alice, rollouttest.Pat, rollouttest.Olu

func TestAnOwnerBringsAFlagToItsAudienceStepByStep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		o := s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		if o.Environment != "staging" || o.Revision != s.State("staging").Revision || s.Serves("staging") != "on for everybody" || s.Serves("production") != "off" {
			t.Errorf("after the start: %s at %d, staging %s, production %s", o.Environment, o.Revision, s.Serves("staging"), s.Serves("production"))
		}
		if life := s.Life(); life.State != lifecycle.Staged || life.ProductionAt != nil {
			t.Errorf("life: %+v", life)
		}
		s.Clock = s.Clock.Add(10 * time.Minute)
		s.Tick()
		if got := s.Serves("production"); got != "on for 5 % of pilot" {
			t.Errorf("production serves %s", got)
		}
		if life := s.Life(); life.ProductionAt == nil || !life.ProductionAt.Equal(s.Clock) {
			t.Errorf("the TTL did not start with the first production step: %+v", life)
		}
		s.Clock = s.Clock.Add(30 * time.Minute)
		s.Tick()
		if r := s.Now(); r.Verdict != rollout.AskPerson || r.Current != 1 {
			t.Errorf("time promoted what a person should: %+v", r)
		}
		for _, want := range []string{"on for 25 % of pilot", "on for 50 % of pilot", "on for pilot"} {
			o = s.GoOn()
			if got := s.Serves("production"); got != want || o.Environment != "production" || o.Revision != s.State("production").Revision {
				t.Errorf("production serves %s at %d, want %s", got, o.Revision, want)
			}
		}
		s.Clock = s.Clock.Add(time.Hour)
		s.Tick()
		if r := s.Now(); r.Verdict != rollout.AskPerson || r.State != rollout.Running {
			t.Errorf("in production time promoted the last step: %+v", r)
		}
		s.Must(s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "still fine"}))
		r := s.Now()
		if r.State != rollout.Completed || s.Life().State != lifecycle.Active || len(r.Can) > 0 {
			t.Errorf("rollout %+v, flag %s", r, s.Life().State)
		}
		if last := r.Steps[4]; last.Evidence != "none" || last.EndedBy != alice.Email {
			t.Errorf("last step: %+v", last)
		}
		if third := r.Steps[2]; third.Evidence != "none" || third.EndedBy != alice.Email || third.Reason != "nothing bad seen" {
			t.Errorf("third step: %+v", third)
		}
		want := []string{
			"rollout.created", "rollout.started", "rollout.step_started", "rollout.step_promoted", "rollout.step_started", "rollout.step_promoted",
			"rollout.step_started", "rollout.step_promoted", "rollout.step_started", "rollout.step_promoted", "rollout.step_started",
			"rollout.step_promoted", "rollout.completed",
		}
		if diff := cmp.Diff(want, s.Events("rollout.")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRepeatingWhatHoldsChangesNothingAndWhatDoesNotFitNamesTheState(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		ctx, why := t.Context(), rollout.Word{Reason: "because"}
		acts := map[string]func() (rollout.Outcome, error){
			"start":   func() (rollout.Outcome, error) { return s.Rollouts.Start(ctx, alice, s.ID, why) },
			"promote": func() (rollout.Outcome, error) { return s.Rollouts.Promote(ctx, alice, s.ID, why) },
			"pause":   func() (rollout.Outcome, error) { return s.Rollouts.Pause(ctx, alice, s.ID, why) },
			"resume":  func() (rollout.Outcome, error) { return s.Rollouts.Resume(ctx, alice, s.ID, why) },
			"abort":   func() (rollout.Outcome, error) { return s.Rollouts.Abort(ctx, alice, s.ID, why) },
		}
		refuses := func(names ...string) {
			t.Helper()
			for _, name := range names {
				_, err := acts[name]()
				s.Refused(err, fault.Conflict, "rollout_state")
				if state := string(s.Now().State); !strings.Contains(err.Error(), state) {
					t.Errorf("%s: %v does not name the state %s", name, err, state)
				}
			}
		}
		same := func(name string) {
			t.Helper()
			before := s.Now().Revision
			if o := s.Must(acts[name]()); o.Rollout.Revision != before || o.Revision != 0 {
				t.Errorf("%s again changed the rollout", name)
			}
		}
		refuses("promote", "pause", "resume")
		s.Must(acts["start"]())
		same("start")
		same("resume")
		s.Must(acts["pause"]())
		same("pause")
		refuses("start", "promote")
		s.Must(acts["resume"]())
		if r := s.Now(); r.Reason != "" || r.State != rollout.Running {
			t.Errorf("resumed: %+v", r)
		}
		s.Must(acts["abort"]())
		same("abort")
		refuses("start", "promote", "pause", "resume")
		if got := s.Serves("staging"); got != "on for everybody" {
			t.Errorf("an abort changed what staging serves: %s", got)
		}
		_, err := s.Rollouts.Start(ctx, alice, "no such id", why)
		s.Refused(err, fault.NotFound, "unknown_rollout")
	})
}

func TestOwnersRunAndOperatorsStop(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		ctx := t.Context()
		_, err := s.Rollouts.Start(ctx, olu, s.ID, rollout.Word{})
		s.Refused(err, fault.Forbidden, "forbidden")
		_, err = s.Rollouts.Get(ctx, access.Actor{}, s.ID)
		s.Refused(err, fault.Unauthenticated, "signed_out")
		o := s.Must(s.Rollouts.Start(ctx, alice, s.ID, rollout.Word{}))
		if diff := cmp.Diff([]string{"promote", "pause", "abort"}, o.Rollout.Can); diff != "" {
			t.Error(diff)
		}
		_, err = s.Rollouts.Promote(ctx, olu, s.ID, rollout.Word{Reason: "why not"})
		s.Refused(err, fault.Forbidden, "forbidden")
		_, err = s.Rollouts.Promote(ctx, alice, s.ID, rollout.Word{Reason: " "})
		s.Refused(err, fault.Invalid, "required")
		_, err = s.Rollouts.Pause(ctx, pat, s.ID, rollout.Word{})
		s.Refused(err, fault.Forbidden, "forbidden")
		_, err = s.Rollouts.Pause(ctx, olu, s.ID, rollout.Word{Reason: strings.Repeat("a", 2001)})
		s.Refused(err, fault.Invalid, "too_long")
		o = s.Must(s.Rollouts.Pause(ctx, olu, s.ID, rollout.Word{}))
		if diff := cmp.Diff([]string{"abort"}, o.Rollout.Can); diff != "" || o.Rollout.Reason != "paused by olu@hyfin.example" {
			t.Error(diff, o.Rollout.Reason)
		}
		page, err := s.Rollouts.List(ctx, pat, rollout.Filter{FlagKey: s.Flag.Key, App: "where2eat", States: []rollout.State{rollout.Paused}}, store.Page{})
		if err != nil || len(page.Items) != 1 || len(page.Items[0].Can) != 0 {
			t.Errorf("list: %+v, %v", page, err)
		}
	})
}

func TestBeforeItsBakeIsOverAStepInProductionIsPromotedByOperationsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		why := rollout.Word{Reason: "nobody complained"}
		o := s.Must(s.Rollouts.Promote(t.Context(), alice, s.ID, why)) // staging is no production
		if diff := cmp.Diff([]string{"pause", "abort"}, o.Rollout.Can); diff != "" || o.Rollout.Current != 1 {
			t.Errorf("at step %d alice may %s", o.Rollout.Current, diff)
		}
		_, err := s.Rollouts.Promote(t.Context(), alice, s.ID, why)
		s.Refused(err, fault.Forbidden, "bake_not_over")
		_, err = s.Rollouts.Promote(t.Context(), pat, s.ID, rollout.Word{Reason: "why not", Revision: 1}) // before all else
		s.Refused(err, fault.Forbidden, "forbidden")
		_, err = s.Rollouts.Promote(t.Context(), olu, s.ID, rollout.Word{})
		s.Refused(err, fault.Invalid, "required")
		o = s.Must(s.Rollouts.Promote(t.Context(), olu, s.ID, rollout.Word{Reason: "the trade fair opens at noon"}))
		if step := o.Rollout.Steps[1]; step.EndedBy != olu.Email || step.Reason != "the trade fair opens at noon" || o.Rollout.Current != 2 {
			t.Errorf("%+v", o.Rollout)
		}
		// A pause does not shorten the bake, and once it is over the step is the owner's again.
		s.Must(s.Rollouts.Pause(t.Context(), alice, s.ID, why))
		s.Clock = s.Clock.Add(2 * time.Hour)
		s.Must(s.Rollouts.Resume(t.Context(), alice, s.ID, why))
		_, err = s.Rollouts.Promote(t.Context(), alice, s.ID, why)
		s.Refused(err, fault.Forbidden, "bake_not_over")
		s.Clock = s.Clock.Add(time.Hour)
		_, err = s.Rollouts.Promote(t.Context(), olu, s.ID, why)
		s.Refused(err, fault.Forbidden, "forbidden")
		s.Must(s.Rollouts.Promote(t.Context(), alice, s.ID, why))
	})
}

func TestRolloutsAreListedNewestFirstAndInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		want := []string{s.ID}
		for _, name := range []string{"Voting", "Maps"} {
			s.Clock = s.Clock.Add(time.Minute)
			s.Ask(name, 30, -1)
			want = append([]string{s.ID}, want...)
		}
		var got []string
		for p := (store.Page{Limit: 2}); ; {
			page, err := s.Rollouts.List(t.Context(), alice, rollout.Filter{}, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Items {
				got = append(got, r.ID)
			}
			if p.Cursor = page.Next; p.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		_, err := s.Rollouts.List(t.Context(), alice, rollout.Filter{}, store.Page{Cursor: "WyJ4Il0"})
		s.Refused(err, fault.Invalid, "bad_cursor")
	})
}

func TestOfTwoWhoPromoteAtOnceOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{})).Rollout
		for r.Current < 3 {
			s.Clock = *r.Steps[r.Current].BakedAt
			var all sync.WaitGroup
			errs := make([]error, 3)
			for i := range errs {
				all.Go(func() {
					_, errs[i] = s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "go", Revision: r.Revision})
				})
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				s.Refused(err, fault.Stale, "stale")
			}
			before := r.Current
			if r = s.Now(); won != 1 || r.Current != before+1 {
				t.Fatalf("%d won, step %d → %d", won, before, r.Current)
			}
		}
	})
}

func TestAPauseGivesTheBakeItsTimeBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(4 * time.Minute)
		s.Must(s.Rollouts.Pause(t.Context(), alice, s.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(24 * time.Hour)
		s.Tick()
		if r := s.Now(); r.State != rollout.Paused || r.Current != 0 {
			t.Errorf("time promoted a paused rollout: %+v", r)
		}
		s.Must(s.Rollouts.Resume(t.Context(), alice, s.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(6*time.Minute - time.Second)
		s.Tick()
		if r := s.Now(); r.Current != 0 {
			t.Error("the bake ended too early")
		}
		s.Clock = s.Clock.Add(time.Second)
		s.Tick()
		if r := s.Now(); r.Current != 1 {
			t.Error("the bake did not end")
		}
	})
}

func TestAClockThatJumpsPromotesOneStepATick(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 10)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(365 * 24 * time.Hour)
		s.Tick()
		s.Tick()
		r := s.Now()
		if r.Current != 1 || r.State != rollout.Running || !r.Steps[1].BakedAt.Equal(s.Clock.Add(time.Hour)) {
			t.Errorf("after the jump: %+v", r)
		}
	})
}

func TestALongLivedFlagBecomesActiveOnlyWithARemovalPlan(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 60, 10)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(time.Hour)
		s.Tick()
		s.Clock = s.Clock.Add(time.Hour)
		goOn := func() (rollout.Outcome, error) {
			return s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "all is well"})
		}
		if _, err := goOn(); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "how it will be removed") || s.Life().State != lifecycle.Staged {
			t.Errorf("%v, flag %s", err, s.Life().State)
		}
		l := &lifecycle.Lifecycles{DB: db, Now: s.Rollouts.Now}
		if _, err := l.PlanRemoval(t.Context(), alice, s.Flag.Key, "the menu service replaces it by spring"); err != nil {
			t.Fatal(err)
		}
		if o := s.Must(goOn()); o.Rollout.State != rollout.Completed || s.Life().State != lifecycle.Active {
			t.Errorf("rollout %s, flag %s", o.Rollout.State, s.Life().State)
		}
	})
}

func TestARolloutThatCannotGoOnByItselfPausesAndSaysWhy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, 10)
		if _, err := s.Kills.Kill(t.Context(), alice, s.Flag.Key, "production", rollout.Word{Reason: "not yet"}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		r := s.Now()
		s.Must(s.Rollouts.Start(t.Context(), alice, r.ID, rollout.Word{}))
		s.Clock = s.Clock.Add(time.Hour)
		s.Tick()
		if r = s.Now(); r.State != rollout.Paused || !strings.Contains(r.Reason, "turned off for everybody in production") {
			t.Errorf("rollout %s: %q", r.State, r.Reason)
		}
	})
}

func TestWhatWasApprovedForAFewPeopleDoesNotBeginForMany(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		for statement, words := range map[string]string{
			`UPDATE segment SET everybody = TRUE, group_names = '[]' WHERE name = 'pilot'`: "is no closed list any more",
			`UPDATE grp SET joinable = TRUE, max_members = 900000 WHERE name = 'pilot'`:    "has room for 900000 people, who may join by themselves",
		} {
			t.Run(words, func(t *testing.T) {
				s := rollouttest.Open(t, storetest.Open(t, engine), 30, 10)
				s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
				s.Write(func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Exec(ctx, statement)
					return err
				})
				s.Clock = s.Clock.Add(time.Hour)
				s.Tick()
				r := s.Now()
				if r.State != rollout.Paused || r.Current != 0 || !strings.Contains(r.Reason, "approved for 10 people at once; by now it "+words) {
					t.Errorf("rollout %s at step %d: %q", r.State, r.Current+1, r.Reason)
				}
				if got := s.Serves("production"); got != "off" {
					t.Errorf("production serves %s", got)
				}
			})
		}
	})
}
