package lifecycle

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
)

// setRules is the verb of this package that can loosen what governs, by either of its names.
var setRules = access.Verb[Rules]{Method: "Lifecycles.SetRules", Action: "lifecycle.set", Right: access.GovernWrite, Looser: looserRules}

// rulesChange is what a proposal keeps.
type rulesChange struct {
	Rules  Rules  `json:"rules"`
	Reason string `json:"reason,omitempty"`
}

// Governing is the rows of this package in the table of verbs that govern.
func (l *Lifecycles) Governing() []access.Governing {
	set := access.Row(setRules, func(ctx context.Context, by access.Actor, c rulesChange, base int64) error {
		_, err := l.setRules(ctx, by, c.Rules, c.Reason, func(_ Rules, revision int64) bool { return revision == base })
		return err
	})
	replace := set
	replace.Method = "Lifecycles.ReplaceRules"
	return []access.Governing{set, replace}
}

// looserRules says what flags are allowed for longer than before, or with less warning.
func looserRules(before, after Rules) (words []string) {
	if after.MaxActiveDays > before.MaxActiveDays {
		words = append(words, fmt.Sprintf("flags may be active for %d days instead of %d", after.MaxActiveDays, before.MaxActiveDays))
	}
	if after.DeprecatedGraceDays > before.DeprecatedGraceDays {
		words = append(words, fmt.Sprintf("deprecated flags are kept for %d days instead of %d", after.DeprecatedGraceDays, before.DeprecatedGraceDays))
	}
	first := func(r Rules) int { return slices.Max(append([]int{0}, r.ReminderScheduleDays...)) }
	switch {
	case len(after.ReminderScheduleDays) < len(before.ReminderScheduleDays):
		words = append(words, fmt.Sprintf("owners are reminded %d times instead of %d", len(after.ReminderScheduleDays), len(before.ReminderScheduleDays)))
	case first(after) < first(before):
		words = append(words, fmt.Sprintf("owners are first reminded %d days ahead instead of %d", first(after), first(before)))
	}
	return words
}
