package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/strict"
)

// The bounds of a lifecycle policy.
const (
	maxDays      = 3650
	maxReminders = 20
	maxSize      = 64 << 10
)

// What a policy that leaves a member out means.
var (
	usualSchedule = []int{14, 7, 1}
	usualGrace    = 7
)

// Check tells what is wrong with rules, at the paths that they have in a file.
func (r Rules) Check() []fault.Finding {
	var found []fault.Finding
	between := func(path string, n, least, most int) {
		if n < least || n > most {
			found = append(found, strict.Finding(path, "out_of_range", fmt.Sprintf("give a number of days between %d and %d", least, most),
				"%s must be between %d and %d, is %d", path, least, most, n))
		}
	}
	between("lifecycle.max_active_days", r.MaxActiveDays, 1, maxDays)
	between("lifecycle.deprecated_grace_days", r.DeprecatedGraceDays, 0, maxDays)
	if len(r.ReminderScheduleDays) > maxReminders {
		found = append(found, strict.Finding("lifecycle.reminder_schedule_days", "too_many", "leave some out",
			"lifecycle.reminder_schedule_days has %d reminders; at most %d are allowed", len(r.ReminderScheduleDays), maxReminders))
	}
	for i, days := range r.ReminderScheduleDays {
		path := fmt.Sprintf("lifecycle.reminder_schedule_days[%d]", i)
		between(path, days, 1, maxDays)
		if slices.Index(r.ReminderScheduleDays, days) < i {
			found = append(found, strict.Finding(path, "duplicate", "leave one out", "%s: %d days occur twice", path, days))
		}
	}
	return found
}

// ParseRules reads a lifecycle policy from a file: JSON with lifecycle at the top. max_active_days is required; without a
// schedule it reminds 14, 7 and 1 days ahead, without a grace it grants 7 days. What is unknown, doubled or of another
// type is a finding.
func ParseRules(raw []byte) (Rules, []fault.Finding) {
	file, findings := strict.Decode[struct {
		Lifecycle *struct {
			MaxActiveDays        *int   `json:"max_active_days"`
			ReminderScheduleDays *[]int `json:"reminder_schedule_days"`
			DeprecatedGraceDays  *int   `json:"deprecated_grace_days"`
		} `json:"lifecycle"`
	}](raw, strict.Take{Bytes: maxSize})
	given := file.Lifecycle
	switch {
	case len(findings) > 0:
		return Rules{}, findings
	case given == nil:
		return Rules{}, []fault.Finding{strict.Finding("lifecycle", "required", "put the members of the policy into an object lifecycle", "lifecycle is missing")}
	case given.MaxActiveDays == nil:
		return Rules{}, []fault.Finding{strict.Finding("lifecycle.max_active_days", "required",
			"say for how many days a flag may be active", "lifecycle.max_active_days is missing")}
	}
	rules := Rules{MaxActiveDays: *given.MaxActiveDays, ReminderScheduleDays: slices.Clone(usualSchedule), DeprecatedGraceDays: usualGrace}
	if given.ReminderScheduleDays != nil {
		rules.ReminderScheduleDays = *given.ReminderScheduleDays
	}
	if given.DeprecatedGraceDays != nil {
		rules.DeprecatedGraceDays = *given.DeprecatedGraceDays
	}
	if findings := rules.Check(); len(findings) > 0 {
		return Rules{}, findings
	}
	slices.SortFunc(rules.ReminderScheduleDays, func(a, b int) int { return b - a })
	return rules, nil
}

// DefaultRules gives the deployment's lifecycle policy, which holds for flags whose template has none.
func DefaultRules(ctx context.Context, tx *store.Tx) (Rules, error) {
	rules, _, err := defaultRules(ctx, tx)
	return rules, err
}

func defaultRules(ctx context.Context, tx *store.Tx) (rules Rules, revision int64, err error) {
	var schedule string
	err = tx.QueryRow(ctx, `SELECT max_active_days, reminder_schedule, grace_days, revision FROM lifecycle_rules WHERE id = 1`).
		Scan(&rules.MaxActiveDays, &schedule, &rules.DeprecatedGraceDays, &revision)
	if err == nil {
		err = json.Unmarshal([]byte(schedule), &rules.ReminderScheduleDays)
	}
	if err != nil {
		return Rules{}, 0, fmt.Errorf("read lifecycle rules: %w", err)
	}
	return rules, revision, nil
}

func (r Rules) equal(other Rules) bool {
	return r.MaxActiveDays == other.MaxActiveDays && r.DeprecatedGraceDays == other.DeprecatedGraceDays &&
		slices.Equal(r.ReminderScheduleDays, other.ReminderScheduleDays)
}

// writeRules is a step: stores rules that were checked in the place of those of the revision.
func writeRules(ctx context.Context, tx *store.Tx, rules Rules, revision int64) error {
	schedule, err := json.Marshal(rules.ReminderScheduleDays)
	if err != nil {
		return fmt.Errorf("encode reminder schedule: %w", err)
	}
	n, err := tx.Exec(ctx, `UPDATE lifecycle_rules SET max_active_days = $1, reminder_schedule = $2, grace_days = $3,
		revision = revision + 1 WHERE id = 1 AND revision = $4`,
		rules.MaxActiveDays, string(schedule), rules.DeprecatedGraceDays, revision)
	if err != nil {
		return fmt.Errorf("store lifecycle rules: %w", err)
	}
	if n == 0 {
		return fault.New(fault.Stale, "stale", "somebody changed the lifecycle policy meanwhile").Fix("try again")
	}
	return nil
}
