package lifecycle_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

const days = 24 * time.Hour

func after(d time.Duration) *time.Time { at := noon.Add(d); return &at }

func codes(found []fault.Finding) string {
	lines := make([]string, len(found))
	for i, f := range found {
		lines[i] = f.Field + " " + f.Code + " " + string(f.Severity)
	}
	return strings.Join(lines, "; ")
}

func TestWhatStandsInTheWayOfAnExtension(t *testing.T) {
	t.Parallel()
	rules := lifecycle.Rules{MaxActiveDays: 90, DeprecatedGraceDays: 7}
	active := lifecycle.Status{State: lifecycle.Active, TTLDays: 30, MaxActiveDays: 90, ProductionAt: &noon, ActiveAt: after(days)}
	staged, deprecated, over := active, active, active
	staged.State, staged.ActiveAt = lifecycle.Staged, nil
	deprecated.State, deprecated.Left, deprecated.GraceEndsAt = lifecycle.Deprecated, lifecycle.Active, after(17*days)
	over.State, over.GraceEndsAt = lifecycle.Deprecated, after(9*days)
	now := noon.Add(10 * days)
	for name, tt := range map[string]struct {
		status lifecycle.Status
		until  time.Duration // from noon
		want   string
	}{
		"longer":                        {active, 60 * days, ""},
		"the last day that is usual":    {active, 91 * days, ""},
		"a moment longer":               {active, 91*days + time.Second, "until beyond_max_active warning"},
		"staged":                        {staged, 90 * days, ""},
		"staged, beyond":                {staged, 91 * days, "until beyond_max_active warning"},
		"no longer than now":            {active, 30 * days, "until not_later error"},
		"in the past":                   {active, 10 * days, "until in_the_past error"},
		"for ever":                      {active, 4000 * days, "until out_of_range error"},
		"deprecated, within the grace":  {deprecated, 40 * days, ""},
		"deprecated, less than before":  {deprecated, 20 * days, ""},
		"deprecated, the grace is over": {over, 40 * days, "flag_key grace_over error"},
		"proposed":                      {lifecycle.Status{State: lifecycle.Proposed}, 40 * days, "flag_key not_in_production error"},
		"approved":                      {lifecycle.Status{State: lifecycle.Approved}, 40 * days, "flag_key not_in_production error"},
		"staged before production":      {lifecycle.Status{State: lifecycle.Staged}, 40 * days, "flag_key not_in_production error"},
		"removed":                       {lifecycle.Status{State: lifecycle.Removed}, 40 * days, "flag_key flag_removed error"},
	} {
		found := lifecycle.CheckExtend(tt.status, rules, now, noon.Add(tt.until))
		if diff := cmp.Diff(tt.want, codes(found)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatStandsInTheWayOfTheEnd(t *testing.T) {
	t.Parallel()
	rules := lifecycle.Rules{MaxActiveDays: 90, DeprecatedGraceDays: 7}
	deprecate := map[lifecycle.State]string{
		lifecycle.Proposed: "flag_key flag_state error", lifecycle.Approved: "flag_key flag_state error", lifecycle.Staged: "",
		lifecycle.Active: "", lifecycle.Deprecated: "flag_key flag_state error", lifecycle.Removed: "flag_key flag_removed error",
	}
	remove := map[lifecycle.State]string{
		lifecycle.Proposed: "flag_key flag_state error", lifecycle.Approved: "", lifecycle.Staged: "",
		lifecycle.Active: "flag_key flag_state error", lifecycle.Deprecated: "", lifecycle.Removed: "flag_key flag_removed error",
	}
	for _, state := range states {
		s := lifecycle.Status{State: state, GraceEndsAt: &noon}
		if diff := cmp.Diff(deprecate[state], codes(lifecycle.CheckDeprecate(s, rules, noon))); diff != "" {
			t.Errorf("deprecate %s: %s", state, diff)
		}
		if diff := cmp.Diff(remove[state], codes(lifecycle.CheckRemove(s, rules, noon, "alice deletes the code"))); diff != "" {
			t.Errorf("remove %s: %s", state, diff)
		}
	}
	early := lifecycle.Status{State: lifecycle.Deprecated, GraceEndsAt: after(time.Second), RemovalPlan: "as written"}
	if diff := cmp.Diff("flag_key grace_not_over error", codes(lifecycle.CheckRemove(early, rules, noon, ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("removal_plan required error", codes(lifecycle.CheckRemove(lifecycle.Status{State: lifecycle.Approved}, rules, noon, " "))); diff != "" {
		t.Error(diff)
	}
}

func TestAnExtensionWithinTheGraceLeadsBackAndAfterItNothingDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		step := func(do func(ctx context.Context, tx *store.Tx) (lifecycle.Status, error)) (s lifecycle.Status, err error) {
			err = db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
				s, err = do(ctx, tx)
				return err
			})
			return s, err
		}
		extend := func(at, until time.Time) (lifecycle.Status, error) {
			return step(func(ctx context.Context, tx *store.Tx) (lifecycle.Status, error) {
				return lifecycle.Extend(ctx, tx, alice, at, lunch, until, "still needed", "request-2")
			})
		}
		deprecate := func(at time.Time, plan string) (lifecycle.Status, error) {
			return step(func(ctx context.Context, tx *store.Tx) (lifecycle.Status, error) {
				return lifecycle.Deprecate(ctx, tx, alice, at, lunch, plan, "not needed", "request-3")
			})
		}
		_, err := begin(t, db, lunch.Key, lifecycle.Terms{TTLDays: 30, GraceDays: 3})
		must(t, err)
		_, err = extend(noon, noon.Add(40*days))
		wantFault(t, err, fault.Conflict, "not_in_production")
		for _, to := range []lifecycle.State{lifecycle.Approved, lifecycle.Staged} {
			_, err = move(t, db, to, "because")
			must(t, err)
		}
		_, err = step(func(ctx context.Context, tx *store.Tx) (lifecycle.Status, error) {
			return lifecycle.EnterProduction(ctx, tx, alice, noon, lunch)
		})
		must(t, err)
		s, err := extend(noon.Add(days), noon.Add(40*days))
		must(t, err)
		if diff := cmp.Diff(after(40*days), s.ExpiresAt); diff != "" || s.State != lifecycle.Staged {
			t.Error(diff, s.State)
		}
		_, err = extend(noon.Add(2*days), noon.Add(39*days))
		wantFault(t, err, fault.Conflict, "not_later")

		s, err = deprecate(noon.Add(2*days), "alice deletes the code")
		must(t, err)
		if diff := cmp.Diff(after(5*days), s.GraceEndsAt); diff != "" || s.Left != lifecycle.Staged || s.RemovalPlan != "alice deletes the code" {
			t.Error(diff, s)
		}
		_, err = deprecate(noon.Add(2*days), "")
		wantFault(t, err, fault.Conflict, "illegal_move")
		s, err = extend(noon.Add(4*days), noon.Add(20*days))
		must(t, err)
		if s.State != lifecycle.Staged || s.GraceEndsAt != nil || !s.ExpiresAt.Equal(noon.Add(20*days)) {
			t.Errorf("after an extension in the grace: %+v", s)
		}
		_, err = deprecate(noon.Add(5*days), "")
		must(t, err)
		_, err = extend(noon.Add(8*days), noon.Add(20*days))
		wantFault(t, err, fault.Conflict, "grace_over")
		s, err = step(func(ctx context.Context, tx *store.Tx) (lifecycle.Status, error) {
			return lifecycle.Remove(ctx, tx, alice, noon.Add(8*days), lunch, "", "gone", "request-4")
		})
		must(t, err)
		if s.State != lifecycle.Removed || s.GraceEndsAt != nil {
			t.Errorf("%+v", s)
		}
		var names []string
		for _, body := range bodies(t, db) {
			_, rest, _ := strings.Cut(body, `"event":"`)
			name, _, _ := strings.Cut(rest, `"`)
			names = append(names, name)
		}
		want := []string{
			"flag.state_changed", "flag.state_changed", "flag.ttl_started", "flag.extended", "flag.removal_planned", "flag.state_changed",
			"flag.extended", "flag.state_changed", "flag.state_changed", "flag.state_changed",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBecomingActiveAfterAnExtensionBeginsTheActiveDays(t *testing.T) {
	t.Parallel()
	s := lifecycle.Status{TTLDays: 30, MaxActiveDays: 90, ProductionAt: &noon, ExtendedUntil: after(200 * days), ExtendedAt: after(20 * days)}
	if diff := cmp.Diff(after(200*days), s.Expiry()); diff != "" {
		t.Errorf("before: %s", diff)
	}
	s.ActiveAt = after(25 * days)
	if diff := cmp.Diff(after(115*days), s.Expiry()); diff != "" {
		t.Errorf("becoming active later: %s", diff)
	}
	s.ActiveAt = after(10 * days)
	if diff := cmp.Diff(after(200*days), s.Expiry()); diff != "" {
		t.Errorf("active before: %s", diff)
	}
}
