package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func person(name, group string, roles ...access.Role) access.Actor {
	return access.Actor{
		PersonID: access.PersonID(name), Email: name + "@hyfin.example", TokenScope: access.ScopeAll,
		Groups:     []access.Membership{{Group: group, Roles: roles}},
		Credential: audit.Credential{Kind: "session"},
	}
}

var (
	alice = person("alice", "team-lunch", access.Publisher)
	olu   = person("olu", "on-call", access.Operator)
	root  = person("root", "admins", access.Admin)
	lunch = lifecycle.Ident{Key: "where2eat.enabled", FlagID: "microapp-where2eat-001", App: "where2eat"}
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != kind || f.Code != code || f.Remediation == "" {
		t.Fatalf("got %v, want a fault %s %s with a remediation", err, kind, code)
	}
}

func begin(t *testing.T, db *store.DB, key string, terms lifecycle.Terms) (s lifecycle.Status, err error) {
	t.Helper()
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = lifecycle.Begin(ctx, tx, noon, key, terms)
		return err
	})
	return s, err
}

func move(t *testing.T, db *store.DB, to lifecycle.State, reason string) (s lifecycle.Status, err error) {
	t.Helper()
	return moveAt(t, db, noon, to, reason)
}

func moveAt(t *testing.T, db *store.DB, at time.Time, to lifecycle.State, reason string) (s lifecycle.Status, err error) {
	t.Helper()
	err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		s, err = lifecycle.Move(ctx, tx, alice, at, lunch, to, reason, "request-1")
		return err
	})
	return s, err
}

func bodies(t *testing.T, db *store.DB) []string {
	t.Helper()
	var all []string
	must(t, db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, store.ScanString, `SELECT body FROM audit_event ORDER BY id`)
		return err
	}))
	return all
}

func TestAFlagLivesFromProposedToRemovedWithAnEventForEachMove(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		must(t, err)
		if s.MaxActiveDays != 90 {
			t.Errorf("max_active_days is %d, want the deployment's 90", s.MaxActiveDays)
		}
		graceOver := noon.Add(7 * 24 * time.Hour)
		for _, to := range []lifecycle.State{lifecycle.Approved, lifecycle.Staged, lifecycle.Active, lifecycle.Deprecated, lifecycle.Removed} {
			at := noon
			if to == lifecycle.Removed {
				_, err = moveAt(t, db, graceOver.Add(-time.Second), to, "because")
				wantFault(t, err, fault.Conflict, "grace_not_over")
				at = graceOver
			}
			s, err = moveAt(t, db, at, to, "because")
			must(t, err)
			if to == lifecycle.Staged {
				for range 2 { // the second time changes nothing
					must(t, db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
						s, err = lifecycle.EnterProduction(ctx, tx, alice, noon, lunch)
						return err
					}))
				}
			}
		}
		end := noon.Add(30 * 24 * time.Hour)
		want := lifecycle.Status{
			FlagKey: lunch.Key, State: lifecycle.Removed, Since: graceOver, TTLDays: 30, MaxActiveDays: 90, Left: lifecycle.Deprecated,
			ProductionAt: &noon, ActiveAt: &noon, ExpiresAt: &end, Revision: 7, GraceDays: 7,
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Error(diff)
		}
		must(t, db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			all, err := lifecycle.States(ctx, tx, []string{lunch.Key, "no.such"})
			if diff := cmp.Diff(map[string]lifecycle.Status{lunch.Key: want}, all); diff != "" {
				t.Error(diff)
			}
			return err
		}))
		events := bodies(t, db)
		if len(events) != 6 {
			t.Fatalf("%d events, want 6: %v", len(events), events)
		}
		for _, member := range []string{
			`"event":"flag.state_changed"`, `"flag_id":"microapp-where2eat-001"`, `"from":"staged"`, `"to":"active"`,
			`"actor":"alice@hyfin.example"`, `"timestamp":"2026-01-10T12:00:00Z"`, `"reason":"because"`, `"request_id":"request-1"`,
		} {
			if !strings.Contains(events[3], member) {
				t.Errorf("%s lacks %s", events[3], member)
			}
		}
	})
}

func TestAnIllegalMoveNamesTheStateAndWhatIsPossible(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, err := begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		must(t, err)
		_, err = move(t, db, lifecycle.Active, "too early")
		wantFault(t, err, fault.Conflict, "illegal_move")
		want := "the flag where2eat.enabled is proposed and cannot become active"
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
		if f, _ := errors.AsType[*fault.Error](err); f.Remediation != "from proposed it can become approved or removed" {
			t.Error(f.Remediation)
		}
		_, err = move(t, db, lifecycle.Approved, " \n")
		wantFault(t, err, fault.Invalid, "required")
		if events := bodies(t, db); len(events) > 0 {
			t.Errorf("refused moves left events: %v", events)
		}
	})
}

func TestALongTTLNeedsARemovalPlanBeforeItIsActive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		spec := registry.Spec{
			App: "where2eat", Name: "Enabled", Type: "boolean", OwnerGroup: "team-lunch", Owner: alice.Email, Contact: alice.Email,
			Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: "pilot",
		}
		must(t, db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := registry.Propose(ctx, tx, registry.Change{By: alice, At: noon}, spec)
			return err
		}))
		_, err := begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 31})
		must(t, err)
		for _, to := range []lifecycle.State{lifecycle.Approved, lifecycle.Staged} {
			_, err = move(t, db, to, "because")
			must(t, err)
		}
		_, err = move(t, db, lifecycle.Active, "done")
		wantFault(t, err, fault.Conflict, "removal_plan_missing")
		l := &lifecycle.Lifecycles{DB: db, Now: func() time.Time { return noon }}
		_, err = l.PlanRemoval(t.Context(), olu, lunch.Key, "gone by spring")
		wantFault(t, err, fault.Forbidden, "forbidden")
		_, err = l.PlanRemoval(t.Context(), alice, lunch.Key, " ")
		wantFault(t, err, fault.Invalid, "required")
		for range 2 {
			_, err = l.PlanRemoval(t.Context(), alice, lunch.Key, "gone by spring")
			must(t, err)
		}
		s, err := move(t, db, lifecycle.Active, "done")
		must(t, err)
		if s.RemovalPlan != "gone by spring" || s.State != lifecycle.Active {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestOnlyAFlagThatWasTakenBackBeforeItsApprovalBeginsAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, err := begin(t, db, lunch.Key, lifecycle.Terms{})
		wantFault(t, err, fault.Invalid, "out_of_range")
		_, err = begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		must(t, err)
		s, err := begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 20, MaxActiveDays: 10, RemovalPlan: "soon"})
		must(t, err)
		if s.TTLDays != 20 || s.MaxActiveDays != 10 || s.RemovalPlan != "soon" {
			t.Errorf("the terms of a proposal cannot be set anew: %+v", s)
		}
		_, err = move(t, db, lifecycle.Removed, "withdrawn")
		must(t, err)
		s, err = begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		must(t, err)
		if s.State != lifecycle.Proposed || s.Left != "" {
			t.Errorf("status: %+v", s)
		}
		must(t, db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if err := lifecycle.Rename(ctx, tx, lunch.Key, "where2eat.voting"); err != nil {
				return err
			}
			return lifecycle.Rename(ctx, tx, "where2eat.voting", lunch.Key)
		}))
		_, err = move(t, db, lifecycle.Approved, "fine")
		must(t, err)
		_, err = begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		wantFault(t, err, fault.Conflict, "flag_exists")
		wantFault(t, db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return lifecycle.Rename(ctx, tx, lunch.Key, "where2eat.voting")
		}), fault.Conflict, "flag_approved")
		_, err = move(t, db, lifecycle.Removed, "not needed")
		must(t, err)
		_, err = begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30})
		wantFault(t, err, fault.Conflict, "flag_exists")
	})
}

func TestTheDeploymentsRulesAreSetByAdminsAndAudited(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := &lifecycle.Lifecycles{DB: db, Now: func() time.Time { return noon }}
		rules, err := l.Rules(t.Context(), alice)
		must(t, err)
		if diff := cmp.Diff(lifecycle.Rules{MaxActiveDays: 90, ReminderScheduleDays: []int{30, 14, 7, 1}, DeprecatedGraceDays: 7}, rules); diff != "" {
			t.Error(diff)
		}
		_, err = l.SetRules(t.Context(), alice, rules, "")
		wantFault(t, err, fault.Forbidden, "forbidden")
		_, err = l.SetRules(t.Context(), root, lifecycle.Rules{MaxActiveDays: -1}, "")
		wantFault(t, err, fault.Invalid, "invalid_lifecycle")
		_, err = l.SetRules(t.Context(), root, rules, "nothing new")
		must(t, err)
		want := lifecycle.Rules{MaxActiveDays: 60, ReminderScheduleDays: []int{}, DeprecatedGraceDays: 0}
		_, err = l.SetRules(t.Context(), root, want, "shorter")
		must(t, err)
		rules, err = l.Rules(t.Context(), alice)
		must(t, err)
		if diff := cmp.Diff(want, rules); diff != "" {
			t.Error(diff)
		}
		if events := bodies(t, db); len(events) != 1 || !strings.Contains(events[0], "lifecycle.rules_changed") {
			t.Errorf("events: %v", events)
		}
	})
}

func TestNoSequenceOfMovesLeavesTheTable(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		flag := lunch
		flag.Key = "where2eat.f" + strings.Repeat("x", run)
		s, err := begin(t, db, flag.Key, lifecycle.Terms{TTLDays: rapid.IntRange(1, 60).Draw(rt, "ttl")})
		must(t, err)
		at := noon
		for _, to := range rapid.SliceOfN(rapid.SampledFrom(states), 1, 10).Draw(rt, "moves") {
			at = at.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "days")) * 24 * time.Hour)
			var after lifecycle.Status
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
				after, err = lifecycle.Move(ctx, tx, alice, at, flag, to, "because", "")
				return err
			})
			legal := slices.Contains(s.Open(), to) && (to != lifecycle.Active || !s.NeedsPlan()) &&
				(to != lifecycle.Removed || s.GraceEndsAt == nil || !at.Before(*s.GraceEndsAt))
			if legal != (err == nil) {
				rt.Fatalf("%s → %s: %v", s.State, to, err)
			}
			if err == nil {
				if !lifecycle.Legal(s.State, after.State) {
					rt.Fatalf("%s → %s is not in the table", s.State, after.State)
				}
				s = after
			}
		}
	})
}
