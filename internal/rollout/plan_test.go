package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
)

var environments = []registry.Environment{
	{Name: "production", Position: 3, Tier: registry.TierProduction, Governed: true},
	{Name: "sandbox", Position: 1, Tier: registry.TierSandbox},
	{Name: "staging", Position: 2, Tier: registry.TierTest},
}

func wrong(found []fault.Finding) []string {
	var lines []string
	for _, f := range found {
		lines = append(lines, f.Field+" "+f.Code)
	}
	return lines
}

func TestTheUsualPlanGrowsInProduction(t *testing.T) {
	t.Parallel()
	full := []string{
		`staging "" 100% 10m0s time`,
		`production "pilot" 5% 30m0s person`,
		`production "pilot" 25% 1h0m0s person`,
		`production "pilot" 50% 2h0m0s person`,
		`production "pilot" 100% 1h0m0s person`,
	}
	few := []string{full[0], full[4]}
	for people, want := range map[int][]string{-1: full, 0: few, 199: few, 200: full, 10_000: full} {
		steps, found := rollout.Plan(nil, "pilot", people, environments)
		if diff := cmp.Diff(want, rollouttest.Told(steps)); diff != "" || len(found) > 0 {
			t.Errorf("%d people: %s %v", people, diff, found)
		}
	}
}

func TestATemplatesStagesBecomeSteps(t *testing.T) {
	t.Parallel()
	steps, found := rollout.Plan([]rollout.Stage{
		{Environment: "staging", Percent: 100, Bake: time.Minute},
		{Environment: "production", Percent: 10, Promote: "guard"},
		{Environment: "production", Audience: "{audience}", Percent: 60, Promote: "time", Bake: time.Hour},
		{Environment: "production", Audience: "internal", Percent: 50},
		{Environment: "production", Audience: "internal", Percent: 100},
	}, "pilot", 5, environments)
	want := []string{
		`staging "" 100% 1m0s time`,
		`production "pilot" 10% 0s person`,
		`production "pilot" 60% 1h0m0s person`,
		`production "internal" 50% 0s person`,
		`production "internal" 100% 0s person`,
	}
	if diff := cmp.Diff(want, rollouttest.Told(steps)); diff != "" || len(found) > 0 {
		t.Error(diff, found)
	}
}

func TestALargeFirstStepInProductionIsForAClosedListOfFewAlone(t *testing.T) {
	t.Parallel()
	all := []rollout.Stage{{Environment: "staging", Percent: 100}, {Environment: "production", Percent: 60, Bake: time.Hour, Promote: "time"}, {Environment: "production", Percent: 100}}
	large := []string{`staging "" 100% 0s time`, `production "pilot" 60% 1h0m0s person`, `production "pilot" 100% 0s person`}
	small := slices.Insert(slices.Clone(large), 1,
		`production "pilot" 5% 30m0s person`, `production "pilot" 25% 1h0m0s person`, `production "pilot" 50% 2h0m0s person`)
	for people, want := range map[int][]string{-1: small, 0: large, 199: large, 200: small} {
		steps, found := rollout.Plan(all, "pilot", people, environments)
		if diff := cmp.Diff(want, rollouttest.Told(steps)); diff != "" || len(found) > 0 {
			t.Errorf("%d people: %s %v", people, diff, found)
		}
	}
	two := slices.Clone(environments) // a test environment that is called production takes no guard from the real one
	for i := range two {
		if two[i].Name == "staging" {
			two[i].Tier = registry.TierProduction
		}
	}
	if steps, _ := rollout.Plan(all, "pilot", -1, two); len(steps) != 3+3+3 {
		t.Errorf("two environments of production: %v", rollouttest.Told(steps))
	}
	all[1].Percent = 25
	if steps, _ := rollout.Plan(all, "pilot", -1, environments); len(steps) != 3 {
		t.Errorf("a small first step is left alone: %v", rollouttest.Told(steps))
	}
}

func TestAPlanThatCannotWorkHasFindings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stages   []rollout.Stage
		audience string
		want     []string
	}{
		"no audience":         {nil, " ", []string{"fields.audiences no_audience"}},
		"unknown environment": {[]rollout.Stage{{Environment: "producton", Percent: 100}}, "pilot", []string{"rollout[0].environment unknown_environment", "rollout no_production_step"}},
		"sandbox":             {[]rollout.Stage{{Environment: "sandbox", Percent: 100}, {Environment: "production", Percent: 100}}, "pilot", []string{"rollout[0].environment step_in_sandbox"}},
		"only staging":        {[]rollout.Stage{{Environment: "staging", Percent: 100}}, "pilot", []string{"rollout no_production_step"}},
		"backwards":           {[]rollout.Stage{{Environment: "production", Percent: 100}, {Environment: "staging", Percent: 100}}, "pilot", []string{"rollout[1].environment step_order"}},
		"shrinking":           {[]rollout.Stage{{Environment: "production", Percent: 50}, {Environment: "production", Percent: 25}}, "pilot", []string{"rollout[1].percent share_shrinks"}},
		"a share of nobody":   {[]rollout.Stage{{Environment: "staging", Percent: 50}, {Environment: "production", Percent: 25}}, "pilot", []string{"rollout[0].audience no_audience"}},
		"odd numbers":         {[]rollout.Stage{{Environment: "production", Percent: 0, Bake: -1, Promote: "hope"}}, "pilot", []string{"rollout[0].percent out_of_range", "rollout[0].bake out_of_range", "rollout[0].promote unknown_promotion"}},
	}
	for name, tt := range tests {
		steps, found := rollout.Plan(tt.stages, tt.audience, -1, environments)
		if diff := cmp.Diff(tt.want, wrong(found)); diff != "" || steps != nil {
			t.Errorf("%s: %s %v", name, diff, steps)
		}
		for _, f := range found {
			if f.Message == "" || f.Remediation == "" || strings.Contains(f.Message, "%!") {
				t.Errorf("%s: a finding without words: %+v", name, f)
			}
		}
	}
}

func TestTimePromotesOnlyWhereThePlanSaysSoAndTheBakeIsOver(t *testing.T) {
	t.Parallel()
	baked := noon.Add(time.Hour)
	r := func(state rollout.State, promote rollout.Promotion) rollout.Rollout {
		return rollout.Rollout{State: state, Steps: []rollout.Step{{Promote: promote, State: rollout.StepBaking, BakedAt: &baked}}}
	}
	tests := map[string]struct {
		r    rollout.Rollout
		now  time.Time
		want rollout.Verdict
	}{
		"it bakes":    {r(rollout.Running, rollout.ByTime), baked.Add(-1), rollout.Nothing},
		"by time":     {r(rollout.Running, rollout.ByTime), baked, rollout.GoOn},
		"by a person": {r(rollout.Running, rollout.ByPerson), baked, rollout.AskPerson},
		"paused":      {r(rollout.Paused, rollout.ByTime), baked, rollout.Nothing},
		"ready":       {r(rollout.Ready, rollout.ByTime), baked, rollout.Nothing},
		"completed":   {r(rollout.Completed, rollout.ByTime), baked, rollout.Nothing},
		"aborted":     {r(rollout.Aborted, rollout.ByTime), baked, rollout.Nothing},
	}
	for name, tt := range tests {
		if got := rollout.Next(tt.r, tt.now); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestWhatATemplatesPlanSaysAndNoRolloutDoesIsAWarning(t *testing.T) {
	t.Parallel()
	prod := func(percent int, promote string) rollout.Stage {
		return rollout.Stage{Environment: "production", Audience: rollout.Placeholder, Percent: percent, Promote: promote}
	}
	closed := prod(100, "person")
	closed.Audience = "five"
	for name, tt := range map[string]struct {
		stages []rollout.Stage
		want   []string
	}{
		"none":                   {nil, nil},
		"time in a test":         {[]rollout.Stage{{Environment: "staging", Percent: 100, Promote: "time"}, prod(25, "person")}, nil},
		"time in production":     {[]rollout.Stage{prod(25, "person"), prod(100, "time")}, []string{"rollout[1].promote by_time"}},
		"a large first step":     {[]rollout.Stage{{Environment: "staging", Percent: 100}, prod(26, "guard"), prod(100, "")}, []string{"rollout[1].percent large_first_step"}},
		"all, by time":           {[]rollout.Stage{prod(100, "time")}, []string{"rollout[0].promote by_time", "rollout[0].percent large_first_step"}},
		"a share of a field":     {[]rollout.Stage{prod(0, "person")}, nil},
		"all of a closed list":   {[]rollout.Stage{closed}, nil},
		"an unknown environment": {[]rollout.Stage{{Environment: "moon", Percent: 100, Promote: "time"}}, nil},
	} {
		found := rollout.Unstaged(tt.stages, environments, func(audience string) bool { return audience == "five" })
		if diff := cmp.Diff(tt.want, wrong(found)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, f := range found {
			if f.Severity != fault.SeverityWarning || f.Remediation == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}
