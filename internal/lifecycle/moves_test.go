package lifecycle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/lifecycle"
)

var (
	noon   = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	states = []lifecycle.State{
		lifecycle.Proposed, lifecycle.Approved, lifecycle.Staged, lifecycle.Active, lifecycle.Deprecated, lifecycle.Removed,
	}
)

func TestTheTableOfMovesIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s", "from \\ to")
	for _, to := range states {
		fmt.Fprintf(&b, " %-10s", to)
	}
	for _, from := range states {
		fmt.Fprintf(&b, "\n%-10s", from)
		for _, to := range states {
			word := "-"
			if lifecycle.Legal(from, to) {
				word = "yes"
			}
			fmt.Fprintf(&b, " %-10s", word)
		}
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "moves.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if diff := cmp.Diff(string(golden), strings.Join(lines, "\n")+"\n"); diff != "" {
		t.Error(diff)
	}
}

func TestADeprecatedFlagGoesBackOnlyWhereItCameFrom(t *testing.T) {
	t.Parallel()
	for left, want := range map[lifecycle.State][]lifecycle.State{
		lifecycle.Staged: {lifecycle.Staged, lifecycle.Removed},
		lifecycle.Active: {lifecycle.Active, lifecycle.Removed},
	} {
		if diff := cmp.Diff(want, lifecycle.Status{State: lifecycle.Deprecated, Left: left}.Open()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheEarlierOfBothLimitsEnds(t *testing.T) {
	t.Parallel()
	day := func(n int) *time.Time { at := noon.Add(time.Duration(n) * 24 * time.Hour); return &at }
	tests := map[string]struct {
		status lifecycle.Status
		want   *time.Time
	}{
		"never in production":    {lifecycle.Status{TTLDays: 30, MaxActiveDays: 90}, nil},
		"TTL from production":    {lifecycle.Status{TTLDays: 30, MaxActiveDays: 90, ProductionAt: day(0)}, day(30)},
		"TTL ends first":         {lifecycle.Status{TTLDays: 30, MaxActiveDays: 90, ProductionAt: day(0), ActiveAt: day(5)}, day(30)},
		"max active ends first":  {lifecycle.Status{TTLDays: 180, MaxActiveDays: 90, ProductionAt: day(0), ActiveAt: day(5)}, day(95)},
		"an unlimited active":    {lifecycle.Status{TTLDays: 180, ProductionAt: day(0), ActiveAt: day(5)}, day(180)},
		"active without a begin": {lifecycle.Status{TTLDays: 180, MaxActiveDays: 90, ActiveAt: day(5)}, day(95)},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.status.Expiry()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestALifecyclePolicyIsReadStrictly(t *testing.T) {
	t.Parallel()
	mission := `{"lifecycle": {"max_active_days": 90, "reminder_schedule_days": [30,14,7,1], "deprecated_grace_days": 7}}`
	got, found := lifecycle.ParseRules([]byte(mission))
	want := lifecycle.Rules{MaxActiveDays: 90, ReminderScheduleDays: []int{30, 14, 7, 1}, DeprecatedGraceDays: 7}
	if diff := cmp.Diff(want, got); diff != "" || len(found) > 0 {
		t.Error(diff, found)
	}
	got, found = lifecycle.ParseRules([]byte(`{"lifecycle": {"max_active_days": 60}}`))
	want = lifecycle.Rules{MaxActiveDays: 60, ReminderScheduleDays: []int{14, 7, 1}, DeprecatedGraceDays: 7}
	if diff := cmp.Diff(want, got); diff != "" || len(found) > 0 {
		t.Error(diff, found)
	}
	for raw, want := range map[string]string{
		``:                    " not_json mend the JSON",
		`[]`:                  " wrong_type give an object",
		`{}`:                  "lifecycle required put the members of the policy into an object lifecycle",
		`{"lifecycle": null}`: "lifecycle wrong_type give an object",
		`{"lifecycle": {}}`:   "lifecycle.max_active_days required say for how many days a flag may be active",
		`{"lifecicle": {}}`:   "lifecicle unknown_member did you mean lifecycle?",
		`{"lifecycle": {"max_active_days": 9}} x`:                                  " not_json send one JSON object",
		`{"lifecycle": {"max_active_days": 9}`:                                     " not_json mend the JSON",
		`{"lifecycle": {"max_active_days": 9, "max_active_days": 10}}`:             "lifecycle.max_active_days duplicate_member keep one of them",
		`{"lifecycle": {"max_active_days": 9, "reminder_schedule": [1]}}`:          "lifecycle.reminder_schedule unknown_member did you mean reminder_schedule_days?",
		`{"lifecycle": {"max_active_days": "9"}}`:                                  "lifecycle.max_active_days wrong_type give a whole number",
		`{"lifecycle": {"max_active_days": 9.5}}`:                                  "lifecycle.max_active_days wrong_type give a whole number",
		`{"lifecycle": {"max_active_days": 0}}`:                                    "lifecycle.max_active_days out_of_range give a number of days between 1 and 3650",
		`{"lifecycle": {"max_active_days": 9, "deprecated_grace_days": -1}}`:       "lifecycle.deprecated_grace_days out_of_range give a number of days between 0 and 3650",
		`{"lifecycle": {"max_active_days": 9, "reminder_schedule_days": [1, 1]}}`:  "lifecycle.reminder_schedule_days[1] duplicate leave one out",
		`{"lifecycle": {"max_active_days": 9, "reminder_schedule_days": [null]}}`:  "lifecycle.reminder_schedule_days[0] wrong_type give a whole number",
		`{"lifecycle": {"max_active_days": 9, "reminder_schedule_days": [0]}}`:     "lifecycle.reminder_schedule_days[0] out_of_range give a number of days between 1 and 3650",
		`{"lifecycle": {"max_active_days": 9, "reminder_schedule_days": {"a":1}}}`: "lifecycle.reminder_schedule_days wrong_type give a list",
	} {
		rules, found := lifecycle.ParseRules([]byte(raw))
		lines := make([]string, len(found))
		for i, f := range found {
			lines[i] = f.Field + " " + f.Code + " " + f.Remediation
		}
		if diff := cmp.Diff(want, strings.Join(lines, "; ")); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
		if rules.MaxActiveDays != 0 {
			t.Errorf("%s: rules with findings: %v", raw, rules)
		}
	}
}
