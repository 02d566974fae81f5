package lifecycle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
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
			found = append(found, finding(path, "out_of_range", fmt.Sprintf("must be between %d and %d, is %d", least, most, n),
				fmt.Sprintf("give a number of days between %d and %d", least, most)))
		}
	}
	between("lifecycle.max_active_days", r.MaxActiveDays, 1, maxDays)
	between("lifecycle.deprecated_grace_days", r.DeprecatedGraceDays, 0, maxDays)
	if len(r.ReminderScheduleDays) > maxReminders {
		found = append(found, finding("lifecycle.reminder_schedule_days", "too_many",
			fmt.Sprintf("has %d reminders; at most %d are allowed", len(r.ReminderScheduleDays), maxReminders), "leave some out"))
	}
	for i, days := range r.ReminderScheduleDays {
		path := fmt.Sprintf("lifecycle.reminder_schedule_days[%d]", i)
		between(path, days, 1, maxDays)
		if slices.Index(r.ReminderScheduleDays, days) < i {
			found = append(found, finding(path, "duplicate", fmt.Sprintf("%d days occur twice", days), "leave one out"))
		}
	}
	return found
}

// ParseRules reads a lifecycle policy from a file: JSON with lifecycle at the top. max_active_days is required; without a
// schedule it reminds 14, 7 and 1 days ahead, without a grace it grants 7 days. What is unknown, doubled or of another
// type is a finding.
func ParseRules(raw []byte) (Rules, []fault.Finding) {
	rules := Rules{ReminderScheduleDays: slices.Clone(usualSchedule), DeprecatedGraceDays: usualGrace}
	p := parser{}
	if len(raw) > maxSize {
		p.report("", "too_large", fmt.Sprintf("the document has %d bytes; at most %d are allowed", len(raw), maxSize), "shorten it")
		return Rules{}, p.found
	}
	given := false
	p.object("", raw, map[string]func(string, json.RawMessage){
		"lifecycle": func(path string, raw json.RawMessage) {
			given = true
			active := false
			p.object(path, raw, map[string]func(string, json.RawMessage){
				"max_active_days": func(path string, raw json.RawMessage) {
					active = true
					p.days(path, raw, &rules.MaxActiveDays)
				},
				"reminder_schedule_days": func(path string, raw json.RawMessage) {
					p.schedule(path, raw, &rules.ReminderScheduleDays)
				},
				"deprecated_grace_days": func(path string, raw json.RawMessage) { p.days(path, raw, &rules.DeprecatedGraceDays) },
			})
			if !active {
				p.report(path+".max_active_days", "required", "is missing", "say for how many days a flag may be active")
			}
		},
	})
	if !given && len(p.found) == 0 {
		p.report("lifecycle", "required", "is missing", "put the members of the policy into an object lifecycle")
	}
	if len(p.found) == 0 {
		p.found = rules.Check()
	}
	if len(p.found) > 0 {
		return Rules{}, p.found
	}
	slices.SortFunc(rules.ReminderScheduleDays, func(a, b int) int { return b - a })
	return rules, nil
}

// parser reads JSON along the members that are known, and collects what is wrong.
type parser struct{ found []fault.Finding }

func finding(path, code, message, remediation string) fault.Finding {
	if path != "" && !strings.HasPrefix(message, path) {
		message = path + " " + message
	}
	return fault.Finding{Severity: fault.SeverityError, Field: path, Code: code, Message: message, Remediation: remediation}
}

func (p *parser) report(path, code, message, remediation string) {
	p.found = append(p.found, finding(path, code, message, remediation))
}

// object reads the members of an object, each by its function.
func (p *parser) object(path string, raw []byte, members map[string]func(path string, raw json.RawMessage)) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		p.report(path, "not_an_object", "must be a JSON object", "write { … }")
		return
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err == nil && ok {
			err = decoder.Decode(&value)
		}
		if err != nil {
			p.report(path, "not_json", "is not JSON: "+err.Error(), "mend the JSON")
			return
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		read, known := members[name]
		switch {
		case seen[name]:
			p.report(at, "duplicate_member", "occurs twice", "keep one of them")
		case !known:
			names := make([]string, 0, len(members))
			for name := range members {
				names = append(names, name)
			}
			fix := "remove it"
			if near := access.Nearest(name, names); len(near) > 0 {
				fix = fmt.Sprintf("did you mean %s?", near[0])
			}
			p.report(at, "unknown_member", "is not a member that is known here", fix)
		default:
			read(at, value)
		}
		seen[name] = true
	}
	_, err := decoder.Token()
	if err == nil {
		if _, more := decoder.Token(); errors.Is(more, io.EOF) {
			return
		}
	}
	p.report(path, "not_json", "does not end where its JSON should", "mend the JSON")
}

func (p *parser) days(path string, raw json.RawMessage, into *int) {
	if string(raw) == "null" || json.Unmarshal(raw, into) != nil {
		p.report(path, "wrong_type", "must be a whole number of days", "give a whole number such as 7")
	}
}

func (p *parser) schedule(path string, raw json.RawMessage, into *[]int) {
	var days []*int
	if string(raw) == "null" || json.Unmarshal(raw, &days) != nil || slices.Contains(days, nil) {
		p.report(path, "wrong_type", "must be a list of whole numbers of days", "give a list such as [14, 7, 1]")
		return
	}
	*into = make([]int, len(days))
	for i, n := range days {
		(*into)[i] = *n
	}
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

// setRules stores rules that were checked; changed is false if they hold already.
func setRules(ctx context.Context, tx *store.Tx, rules Rules) (before Rules, changed bool, err error) {
	before, revision, err := defaultRules(ctx, tx)
	if err != nil {
		return before, false, err
	}
	if before.MaxActiveDays == rules.MaxActiveDays && before.DeprecatedGraceDays == rules.DeprecatedGraceDays &&
		slices.Equal(before.ReminderScheduleDays, rules.ReminderScheduleDays) {
		return before, false, nil
	}
	schedule, err := json.Marshal(rules.ReminderScheduleDays)
	if err != nil {
		return before, false, fmt.Errorf("encode reminder schedule: %w", err)
	}
	n, err := tx.Exec(ctx, `UPDATE lifecycle_rules SET max_active_days = $1, reminder_schedule = $2, grace_days = $3,
		revision = revision + 1 WHERE id = 1 AND revision = $4`,
		rules.MaxActiveDays, string(schedule), rules.DeprecatedGraceDays, revision)
	if err != nil {
		return before, false, fmt.Errorf("store lifecycle rules: %w", err)
	}
	if n == 0 {
		return before, false, fault.New(fault.Stale, "stale", "somebody changed the lifecycle policy meanwhile").Fix("try again")
	}
	return before, true, nil
}
