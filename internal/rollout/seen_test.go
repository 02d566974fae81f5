package rollout_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// everyFlag shows all flags to every caller.
type everyFlag struct{}

func (everyFlag) Visible(string, string, bool) bool { return true }

// TestOnlyAskingByKeyOutsideProductionShowsThatASwitchIsWired goes through whatever may be known of a flag's use when its rollout comes to
// production.
func TestOnlyAskingByKeyOutsideProductionShowsThatASwitchIsWired(t *testing.T) {
	t.Parallel()
	bulk := "it was delivered with all flags"
	tests := map[string]struct {
		use   func(s *rollouttest.Stall)
		wired bool
		words string // of the refusal
	}{
		"nothing":                     {func(*rollouttest.Stall) {}, false, "since it was approved"},
		"asked for in the sandbox":    {func(s *rollouttest.Stall) { s.Caller("sandbox").Count(s.Outcome()) }, true, ""},
		"asked for in staging":        {func(s *rollouttest.Stall) { s.Caller("staging").Count(s.Outcome()) }, true, ""},
		"asked for in production":     {func(s *rollouttest.Stall) { s.Caller("production").Count(s.Outcome()) }, false, "outside production"},
		"asked for, and failed":       {func(s *rollouttest.Stall) { s.Caller("staging").Fail(s.Flag.Key, flag.FlagNotFound) }, false, "since it was approved"},
		"another flag was asked for":  {func(s *rollouttest.Stall) { s.Caller("staging").Count(&flag.Outcome{Key: "other", Variant: "on"}) }, false, ""},
		"delivered in bulk":           {func(s *rollouttest.Stall) { b := s.Caller("staging").Bulk(); b.Count(s.Outcome()) }, false, bulk},
		"delivered in bulk before":    {unchanged, false, bulk},
		"delivered in a document":     {func(s *rollouttest.Stall) { synced(s)() }, false, "nobody knows"},
		"held in a document":          {func(s *rollouttest.Stall) { s.Cleanup(synced(s)) }, false, "nobody knows"},
		"in bulk, and asked for once": {func(s *rollouttest.Stall) { unchanged(s); s.Caller("staging").Count(s.Outcome()) }, true, ""},
		"asked for before approval": {func(s *rollouttest.Stall) {
			s.Clock = s.Clock.Add(-time.Hour)
			s.Caller("staging").Count(s.Outcome())
			if err := s.Usage.Flush(s.Context()); err != nil {
				s.Fatal(err)
			}
			s.Clock = s.Clock.Add(time.Hour)
		}, false, "since it was approved"},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		number := 0
		for name, tt := range tests {
			number++
			s := rollouttest.Empty(t, db, noon.Add(time.Duration(number)*24*time.Hour))
			s.Approve(name, 30, 10)
			s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
			tt.use(s)
			o, err := s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "fine"})
			if tt.wired {
				if err != nil || o.Rollout.Unseen != "" {
					t.Errorf("%s: %v, %+v", name, err, o.Rollout)
				}
				continue
			}
			s.Refused(err, fault.Conflict, "not_seen")
			if f, _ := errors.AsType[*fault.Error](err); !cmp.Equal(f.Current, any(s.Now())) {
				t.Errorf("%s: the refusal shows %+v", name, f.Current)
			}
			if !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%s: %v does not say %q", name, err, tt.words)
			}
			if got := s.Serves("production"); got != "off" || s.Life().ProductionAt != nil {
				t.Errorf("%s: production serves %s", name, got)
			}
		}
		if number != len(tests) || number < 12 {
			t.Errorf("%d rows were tried", number)
		}
	})
}

func snapshot(s *rollouttest.Stall) *flag.Snapshot {
	s.Helper()
	flags, _, err := flag.Compile([]byte(`{"flags": {"` + s.Flag.Key + `": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}}}`))
	if err != nil {
		s.Fatal(err)
	}
	return flags
}

func unchanged(s *rollouttest.Stall) {
	s.Caller("staging").Unchanged(snapshot(s), everyFlag{}, "", false)
}

func synced(s *rollouttest.Stall) (letGo func()) {
	return s.Caller("staging").Synced(measure.Sync{Serial: 1}, snapshot(s).Keys(), everyFlag{})
}

func TestAReasonLetsAFlagThatNobodyAskedForIntoProductionAndIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Empty(t, db, noon)
		s.Approve("Enabled", 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{Unseen: "staging is no production"}))
		if r := s.Now(); r.Unseen != "" {
			t.Errorf("a reason that was not needed is kept: %q", r.Unseen)
		}
		_, err := s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Reason: "fine", Unseen: "  "})
		s.Refused(err, fault.Conflict, "not_seen")
		_, err = s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Unseen: strings.Repeat("a", 2001)})
		s.Refused(err, fault.Invalid, "too_long")
		s.Must(s.Rollouts.Promote(t.Context(), alice, s.ID, rollout.Word{Unseen: "the vendor runs no staging"}))
		r := s.Now()
		if r.Unseen != "the vendor runs no staging" || r.Steps[0].Reason != "the vendor runs no staging" || r.Current != 1 {
			t.Errorf("%+v", r)
		}
		if got := s.Details("rollout.step_started"); len(got) != 2 || strings.Contains(got[0], "unseen") || !strings.Contains(got[1], `"unseen":{"salted_sha256"`) {
			t.Errorf("events: %s", got)
		}
		s.GoOn() // later steps ask nothing
	})
}

func TestTimeWaitsBeforeProductionUntilAProgramAsks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Empty(t, db, noon)
		s.Approve("Enabled", 30, 10)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		waiting := func() []rollout.Rollout {
			list, err := s.Rollouts.List(t.Context(), alice, rollout.Filter{Waiting: true}, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			return list.Items
		}
		s.Clock = s.Clock.Add(time.Hour)
		for range 3 {
			s.Tick()
		}
		r := s.Now()
		if r.State != rollout.Running || r.Current != 0 || r.Verdict != rollout.WaitForUse || !r.WaitsAt.Equal(s.Clock) || s.Serves("production") != "off" {
			t.Fatalf("%+v, production serves %s", r, s.Serves("production"))
		}
		if all := waiting(); len(all) != 1 || !slices.Contains(all[0].Can, "promote") {
			t.Errorf("no card: %+v", all)
		}
		want := []string{"rollout.created", "rollout.started", "rollout.step_started", "rollout.waits"}
		if got := s.Events("rollout."); !slices.Equal(got, want) {
			t.Errorf("events: %v", got)
		}
		s.Caller("staging").Count(s.Outcome())
		s.Tick()
		if r = s.Now(); r.Current != 1 || r.WaitsAt != nil || r.Unseen != "" || s.Serves("production") != "on for pilot" || len(waiting()) != 0 {
			t.Errorf("%+v, production serves %s", r, s.Serves("production"))
		}
	})
}

func TestWhatIsStartedByItselfDoesNotBeginInProductionUnseen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Empty(t, db, noon)
		s.Approve("Enabled", 30, 10)
		r := s.Now()
		r.Steps = r.Steps[1:]
		var o rollout.Outcome
		s.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			o, err = rollout.Begin(ctx, tx, access.System("rollout"), s.Clock, lifecycle.Of(s.Flag), r, "by itself")
			return err
		})
		if o.Rollout.State != rollout.Ready || s.Life().State != lifecycle.Approved || s.Serves("production") != "off" {
			t.Errorf("%+v, flag %s", o.Rollout, s.Life().State)
		}
	})
}
