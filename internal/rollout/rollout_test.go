package rollout_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func person(name, group string, roles ...access.Role) access.Actor {
	return access.Actor{
		PersonID: name, Email: name + "@hyfin.example", TokenScope: access.ScopeAll,
		Groups:     []access.Membership{{Group: group, Roles: roles}},
		Credential: audit.Credential{Kind: "session"},
	}
}

var (
	alice = person("alice", "team-lunch", access.Publisher)
	pat   = person("pat", "product", access.Approver)
	olu   = person("olu", "on-call", access.Operator)
)

// stall is a database with one approved flag whose rollout is ready, and a clock that the test moves.
type stall struct {
	*testing.T
	rs    *rollout.Rollouts
	clock time.Time
	flag  registry.Flag
	id    string // of the rollout
}

func open(t *testing.T, db *store.DB, ttl int, people int) *stall {
	t.Helper()
	s := &stall{T: t, clock: noon}
	s.rs = &rollout.Rollouts{DB: db, Now: func() time.Time { return s.clock }}
	s.ask("Enabled", ttl, people)
	return s
}

// ask makes another approved flag with a rollout that is ready.
func (s *stall) ask(name string, ttl, people int) {
	s.Helper()
	s.write(func(ctx context.Context, tx *store.Tx) error {
		c := registry.Change{By: alice, At: s.clock, RequestID: "request-1", Reason: "approved"}
		flag, err := registry.Propose(ctx, tx, c, registry.Spec{
			App: "where2eat", Name: name, Type: "boolean", OwnerGroup: "team-lunch", Owner: alice.Email, Contact: alice.Email,
			Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: "pilot",
		})
		if err != nil {
			return err
		}
		if _, err := lifecycle.Begin(ctx, tx, s.clock, flag.Key, lifecycle.Terms{TTLDays: ttl}); err != nil {
			return err
		}
		if _, err := lifecycle.Move(ctx, tx, pat, s.clock, lifecycle.Of(flag), lifecycle.Approved, "approved", "request-1"); err != nil {
			return err
		}
		if s.flag, err = registry.Install(ctx, tx, c, flag.Key); err != nil {
			return err
		}
		places, err := registry.Environments(ctx, tx)
		if err != nil {
			return err
		}
		steps, found := rollout.Plan(nil, "pilot", people, places)
		if len(found) > 0 {
			return errors.New(found[0].Message)
		}
		r, err := rollout.Create(ctx, tx, alice, s.clock, lifecycle.Of(flag), "request-1", steps)
		s.id = r.ID
		return err
	})
}

func (s *stall) write(fn func(ctx context.Context, tx *store.Tx) error) {
	s.Helper()
	if err := s.rs.DB.Write(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

func (s *stall) must(o rollout.Outcome, err error) rollout.Outcome {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return o
}

func (s *stall) refused(err error, kind fault.Kind, code string) {
	s.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != kind || f.Code != code || f.Remediation == "" {
		s.Fatalf("got %v, want a fault %s %s with a remediation", err, kind, code)
	}
}

func (s *stall) tick() {
	s.Helper()
	if err := s.rs.Tick(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func (s *stall) now() rollout.Rollout {
	s.Helper()
	r, err := s.rs.Get(s.Context(), alice, s.id)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// serves tells what an environment serves, in words.
func (s *stall) serves(environment string) string {
	s.Helper()
	state := s.state(environment)
	if state.Kill != nil {
		return "killed"
	}
	return state.Serving.Words()
}

func (s *stall) state(environment string) (state registry.FlagEnvironment) {
	s.Helper()
	s.read(func(ctx context.Context, tx *store.Tx) error {
		flag, _, err := registry.Get(ctx, tx, s.flag.Key)
		state, _ = flag.In(environment)
		return err
	})
	return state
}

func (s *stall) life() (status lifecycle.Status) {
	s.Helper()
	s.read(func(ctx context.Context, tx *store.Tx) (err error) {
		status, _, err = lifecycle.Get(ctx, tx, s.flag.Key)
		return err
	})
	return status
}

func (s *stall) read(fn func(ctx context.Context, tx *store.Tx) error) {
	s.Helper()
	if err := s.rs.DB.Read(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

func (s *stall) events(prefix string) (names []string) {
	s.Helper()
	s.read(func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event WHERE name LIKE $1 ORDER BY id`, prefix+"%")
		return err
	})
	return names
}

func TestAnOwnerBringsAFlagToItsAudienceStepByStep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		o := s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		if o.Environment != "staging" || o.Revision != s.state("staging").Revision || s.serves("staging") != "on for everybody" || s.serves("production") != "off" {
			t.Errorf("after the start: %s at %d, staging %s, production %s", o.Environment, o.Revision, s.serves("staging"), s.serves("production"))
		}
		if life := s.life(); life.State != lifecycle.Staged || life.ProductionAt != nil {
			t.Errorf("life: %+v", life)
		}
		s.clock = s.clock.Add(10 * time.Minute)
		s.tick()
		if got := s.serves("production"); got != "on for 5 % of pilot" {
			t.Errorf("production serves %s", got)
		}
		if life := s.life(); life.ProductionAt == nil || !life.ProductionAt.Equal(s.clock) {
			t.Errorf("the TTL did not start with the first production step: %+v", life)
		}
		s.clock = s.clock.Add(30 * time.Minute)
		s.tick()
		if r := s.now(); r.Verdict != rollout.AskPerson || r.Current != 1 {
			t.Errorf("time promoted what a person should: %+v", r)
		}
		for _, want := range []string{"on for 25 % of pilot", "on for 50 % of pilot", "on for pilot"} {
			o = s.must(s.rs.Promote(t.Context(), alice, s.id, rollout.Word{Reason: "pilot metrics within SLA"}))
			if got := s.serves("production"); got != want || o.Environment != "production" || o.Revision != s.state("production").Revision {
				t.Errorf("production serves %s at %d, want %s", got, o.Revision, want)
			}
		}
		s.clock = s.clock.Add(time.Hour)
		s.tick()
		r := s.now()
		if r.State != rollout.Completed || s.life().State != lifecycle.Active || len(r.Can) > 0 {
			t.Errorf("rollout %+v, flag %s", r, s.life().State)
		}
		if last := r.Steps[4]; last.Evidence != "time" || last.EndedBy != "souk:rollout" {
			t.Errorf("last step: %+v", last)
		}
		if third := r.Steps[2]; third.Evidence != "none" || third.EndedBy != alice.Email || third.Reason != "pilot metrics within SLA" {
			t.Errorf("third step: %+v", third)
		}
		want := []string{
			"rollout.created", "rollout.started", "rollout.step_started", "rollout.step_promoted", "rollout.step_started", "rollout.step_promoted",
			"rollout.step_started", "rollout.step_promoted", "rollout.step_started", "rollout.step_promoted", "rollout.step_started",
			"rollout.step_promoted", "rollout.completed",
		}
		if diff := cmp.Diff(want, s.events("rollout.")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRepeatingWhatHoldsChangesNothingAndWhatDoesNotFitNamesTheState(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		ctx, why := t.Context(), rollout.Word{Reason: "because"}
		acts := map[string]func() (rollout.Outcome, error){
			"start":   func() (rollout.Outcome, error) { return s.rs.Start(ctx, alice, s.id, why) },
			"promote": func() (rollout.Outcome, error) { return s.rs.Promote(ctx, alice, s.id, why) },
			"pause":   func() (rollout.Outcome, error) { return s.rs.Pause(ctx, alice, s.id, why) },
			"resume":  func() (rollout.Outcome, error) { return s.rs.Resume(ctx, alice, s.id, why) },
			"abort":   func() (rollout.Outcome, error) { return s.rs.Abort(ctx, alice, s.id, why) },
		}
		refuses := func(names ...string) {
			t.Helper()
			for _, name := range names {
				_, err := acts[name]()
				s.refused(err, fault.Conflict, "rollout_state")
				if state := string(s.now().State); !strings.Contains(err.Error(), state) {
					t.Errorf("%s: %v does not name the state %s", name, err, state)
				}
			}
		}
		same := func(name string) {
			t.Helper()
			before := s.now().Revision
			if o := s.must(acts[name]()); o.Rollout.Revision != before || o.Revision != 0 {
				t.Errorf("%s again changed the rollout", name)
			}
		}
		refuses("promote", "pause", "resume")
		s.must(acts["start"]())
		same("start")
		same("resume")
		s.must(acts["pause"]())
		same("pause")
		refuses("start", "promote")
		s.must(acts["resume"]())
		if r := s.now(); r.Reason != "" || r.State != rollout.Running {
			t.Errorf("resumed: %+v", r)
		}
		s.must(acts["abort"]())
		same("abort")
		refuses("start", "promote", "pause", "resume")
		if got := s.serves("staging"); got != "on for everybody" {
			t.Errorf("an abort changed what staging serves: %s", got)
		}
		_, err := s.rs.Start(ctx, alice, "no such id", why)
		s.refused(err, fault.NotFound, "unknown_rollout")
	})
}

func TestOwnersRunAndOperatorsStop(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		ctx := t.Context()
		_, err := s.rs.Start(ctx, olu, s.id, rollout.Word{})
		s.refused(err, fault.Forbidden, "forbidden")
		_, err = s.rs.Get(ctx, access.Actor{}, s.id)
		s.refused(err, fault.Unauthenticated, "signed_out")
		o := s.must(s.rs.Start(ctx, alice, s.id, rollout.Word{}))
		if diff := cmp.Diff([]string{"promote", "pause", "abort"}, o.Rollout.Can); diff != "" {
			t.Error(diff)
		}
		_, err = s.rs.Promote(ctx, olu, s.id, rollout.Word{Reason: "why not"})
		s.refused(err, fault.Forbidden, "forbidden")
		_, err = s.rs.Promote(ctx, alice, s.id, rollout.Word{Reason: " "})
		s.refused(err, fault.Invalid, "required")
		_, err = s.rs.Pause(ctx, pat, s.id, rollout.Word{})
		s.refused(err, fault.Forbidden, "forbidden")
		_, err = s.rs.Pause(ctx, olu, s.id, rollout.Word{Reason: strings.Repeat("a", 2001)})
		s.refused(err, fault.Invalid, "too_long")
		o = s.must(s.rs.Pause(ctx, olu, s.id, rollout.Word{}))
		if diff := cmp.Diff([]string{"abort"}, o.Rollout.Can); diff != "" || o.Rollout.Reason != "paused by olu@hyfin.example" {
			t.Error(diff, o.Rollout.Reason)
		}
		page, err := s.rs.List(ctx, pat, rollout.Filter{FlagKey: s.flag.Key, App: "where2eat", States: []rollout.State{rollout.Paused}}, store.Page{})
		if err != nil || len(page.Items) != 1 || len(page.Items[0].Can) != 0 {
			t.Errorf("list: %+v, %v", page, err)
		}
	})
}

func TestRolloutsAreListedNewestFirstAndInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		want := []string{s.id}
		for _, name := range []string{"Voting", "Maps"} {
			s.clock = s.clock.Add(time.Minute)
			s.ask(name, 30, -1)
			want = append([]string{s.id}, want...)
		}
		var got []string
		for p := (store.Page{Limit: 2}); ; {
			page, err := s.rs.List(t.Context(), alice, rollout.Filter{}, p)
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
		_, err := s.rs.List(t.Context(), alice, rollout.Filter{}, store.Page{Cursor: "WyJ4Il0"})
		s.refused(err, fault.Invalid, "bad_cursor")
	})
}

func TestOfTwoWhoPromoteAtOnceOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		r := s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{})).Rollout
		for r.Current < 3 {
			var all sync.WaitGroup
			errs := make([]error, 3)
			for i := range errs {
				all.Go(func() {
					_, errs[i] = s.rs.Promote(t.Context(), alice, s.id, rollout.Word{Reason: "go", Revision: r.Revision})
				})
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				s.refused(err, fault.Stale, "stale")
			}
			before := r.Current
			if r = s.now(); won != 1 || r.Current != before+1 {
				t.Fatalf("%d won, step %d → %d", won, before, r.Current)
			}
		}
	})
}

func TestAPauseGivesTheBakeItsTimeBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, -1)
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		s.clock = s.clock.Add(4 * time.Minute)
		s.must(s.rs.Pause(t.Context(), alice, s.id, rollout.Word{}))
		s.clock = s.clock.Add(24 * time.Hour)
		s.tick()
		if r := s.now(); r.State != rollout.Paused || r.Current != 0 {
			t.Errorf("time promoted a paused rollout: %+v", r)
		}
		s.must(s.rs.Resume(t.Context(), alice, s.id, rollout.Word{}))
		s.clock = s.clock.Add(6*time.Minute - time.Second)
		s.tick()
		if r := s.now(); r.Current != 0 {
			t.Error("the bake ended too early")
		}
		s.clock = s.clock.Add(time.Second)
		s.tick()
		if r := s.now(); r.Current != 1 {
			t.Error("the bake did not end")
		}
	})
}

func TestAClockThatJumpsPromotesOneStepATick(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 30, 10)
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		s.clock = s.clock.Add(365 * 24 * time.Hour)
		s.tick()
		s.tick()
		r := s.now()
		if r.Current != 1 || r.State != rollout.Running || !r.Steps[1].BakedAt.Equal(s.clock.Add(time.Hour)) {
			t.Errorf("after the jump: %+v", r)
		}
	})
}

func TestARolloutThatCannotGoOnByItselfPausesAndSaysWhy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(t, db, 60, 10)
		s.must(s.rs.Start(t.Context(), alice, s.id, rollout.Word{}))
		for range 2 {
			s.clock = s.clock.Add(time.Hour)
			s.tick()
		}
		r := s.now()
		if r.State != rollout.Paused || !strings.Contains(r.Reason, "removal plan") || s.life().State != lifecycle.Staged {
			t.Errorf("rollout %s: %q, flag %s", r.State, r.Reason, s.life().State)
		}
		l := &lifecycle.Lifecycles{DB: db, Now: s.rs.Now}
		if _, err := l.PlanRemoval(t.Context(), alice, s.flag.Key, "the menu service replaces it by spring"); err != nil {
			t.Fatal(err)
		}
		s.must(s.rs.Resume(t.Context(), alice, s.id, rollout.Word{}))
		s.tick()
		if r := s.now(); r.State != rollout.Completed || s.life().State != lifecycle.Active {
			t.Errorf("rollout %s, flag %s", r.State, s.life().State)
		}
	})
}
