package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// BeyondMaxActive is the code of the warning that an extension goes beyond max_active_days, which takes elevated review.
const BeyondMaxActive = "beyond_max_active"

// day is how dates are told in words.
const day = "2 January 2006"

// CheckExtend tells what stands in the way of a flag living until a time. What is an error makes the extension impossible;
// the warning BeyondMaxActive says that it takes elevated review.
func CheckExtend(s Status, rules Rules, now, until time.Time) []fault.Finding {
	switch s.State {
	case Proposed, Approved:
		return one("flag_key", "not_in_production", fmt.Sprintf("%s was never in production, so its time has not begun", s.FlagKey),
			"start its rollout; an extension is for later")
	case Removed:
		return one("flag_key", "flag_removed", fmt.Sprintf("%s was removed", s.FlagKey), "ask for a new app switch")
	case Staged, Active, Deprecated:
	}
	expiry := s.Expiry()
	switch {
	case expiry == nil && s.ActiveAt == nil:
		return one("flag_key", "not_in_production", fmt.Sprintf("%s was never in production, so its time has not begun", s.FlagKey),
			"start its rollout; an extension is for later")
	case s.State == Deprecated && !s.inGrace(now):
		return one("flag_key", "grace_over", fmt.Sprintf("the time in which %s could be kept is over", s.FlagKey),
			"have it removed, and ask for a new app switch if it is still needed")
	case !until.After(now):
		return one("until", "in_the_past", "the new end lies in the past", "choose a later day")
	case until.Sub(now) > maxDays*24*time.Hour:
		return one("until", "out_of_range", fmt.Sprintf("the new end is more than %d days away", maxDays), "choose an earlier day")
	case s.State != Deprecated && expiry != nil && !until.After(*expiry):
		return one("until", "not_later", fmt.Sprintf("%s may stay until %s already", s.FlagKey, expiry.UTC().Format(day)),
			"choose a day after that")
	}
	from, most := s.ActiveAt, s.MaxActiveDays
	if from == nil {
		from = s.ProductionAt
	}
	if most <= 0 {
		most = rules.MaxActiveDays
	}
	if from == nil || most <= 0 {
		return nil
	}
	if end := from.Add(time.Duration(most) * 24 * time.Hour); until.After(end) {
		found := one("until", BeyondMaxActive, fmt.Sprintf("a flag is meant to live for %d days at most, which is until %s", most, end.UTC().Format(day)),
			"choose an earlier day, or have the platform team agree, too")
		found[0].Severity = fault.SeverityWarning
		return found
	}
	return nil
}

// CheckDeprecate tells what stands in the way of a flag being deprecated.
func CheckDeprecate(s Status, _ Rules, _ time.Time) []fault.Finding {
	switch s.State {
	case Staged, Active:
		return nil
	case Proposed:
		return one("flag_key", "flag_state", fmt.Sprintf("%s is not approved yet", s.FlagKey), "withdraw its request instead")
	case Approved:
		return one("flag_key", "flag_state", fmt.Sprintf("%s was never rolled out, so nothing has to be given up first", s.FlagKey), "ask for its removal instead")
	case Deprecated:
		return one("flag_key", "flag_state", fmt.Sprintf("%s is deprecated already", s.FlagKey), "withdraw this request")
	case Removed:
		return one("flag_key", "flag_removed", fmt.Sprintf("%s was removed already", s.FlagKey), "withdraw this request")
	}
	return one("flag_key", "flag_state", fmt.Sprintf("%s is in no known state", s.FlagKey), "ask an administrator")
}

// CheckRemove tells what stands in the way of a flag being removed. An empty plan stands for the one that the flag has.
func CheckRemove(s Status, _ Rules, now time.Time, plan string) []fault.Finding {
	var found []fault.Finding
	switch s.State {
	case Approved, Staged:
	case Deprecated:
		if s.inGrace(now) {
			found = one("flag_key", "grace_not_over", fmt.Sprintf("%s can still be kept until %s", s.FlagKey, s.GraceEndsAt.UTC().Format(day)),
				"ask again after that day")
		}
	case Proposed:
		return one("flag_key", "flag_state", fmt.Sprintf("%s is not approved yet", s.FlagKey), "withdraw its request instead")
	case Active:
		return one("flag_key", "flag_state", fmt.Sprintf("%s is in use", s.FlagKey), "deprecate it first; then it can be removed once its grace is over")
	case Removed:
		return one("flag_key", "flag_removed", fmt.Sprintf("%s was removed already", s.FlagKey), "withdraw this request")
	}
	if strings.TrimSpace(plan) == "" && strings.TrimSpace(s.RemovalPlan) == "" {
		found = append(found, one("removal_plan", "required", "nobody has said how the flag goes",
			"say who takes it out of the code, and what replaces it")...)
	}
	return found
}

func one(field, code, message, remediation string) []fault.Finding {
	return []fault.Finding{{Severity: fault.SeverityError, Field: field, Code: code, Message: message, Remediation: remediation}}
}

// refusal makes a fault of the first error among findings; nil without one.
func refusal(found []fault.Finding) error {
	for _, f := range found {
		if f.Severity == fault.SeverityError {
			return fault.New(fault.Conflict, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation)
		}
	}
	return nil
}

// inGrace tells whether a deprecated flag may still be kept.
func (s Status) inGrace(now time.Time) bool {
	return s.State == Deprecated && s.GraceEndsAt != nil && now.Before(*s.GraceEndsAt)
}

func (s Status) graceFault() error {
	return fault.New(fault.Conflict, "grace_not_over", "%s can still be kept until %s", s.FlagKey, s.GraceEndsAt.UTC().Format(day)).
		At("flag_key").Fix("remove it after that day").Showing(s)
}

// Extend lets a flag live until a time, and brings a deprecated one back to the state that it left. The events are
// flag.extended and, with the latter, flag.state_changed. What CheckExtend finds an error is a fault of kind Conflict.
func Extend(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, until time.Time, reason, requestID string,
) (Status, error) {
	before, err := locked(ctx, tx, flag.Key)
	if err != nil {
		return Status{}, err
	}
	rules, err := DefaultRules(ctx, tx)
	if err != nil {
		return Status{}, err
	}
	found := CheckExtend(before, rules, at, until)
	if err := refusal(found); err != nil {
		return Status{}, err
	}
	after := before
	at, until = store.Time(store.Micros(at)), store.Time(store.Micros(until))
	after.ExtendedUntil, after.ExtendedAt = &until, &at
	if after, err = save(ctx, tx, at, after); err != nil {
		return Status{}, err
	}
	if err := record(ctx, tx, by, at, flag, audit.FlagExtended, reason, requestID, map[string]any{
		"before": before.ExpiresAt, "after": until, "beyond_max_active_days": len(found) > 0,
	}); err != nil || before.State != Deprecated {
		return after, err
	}
	return Move(ctx, tx, by, at, flag, before.Left, reason, requestID)
}

// Deprecate makes a flag read-only and begins its grace, after which it may be removed. A plan that is not empty becomes its
// removal plan. The event is flag.state_changed.
func Deprecate(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, plan, reason, requestID string,
) (Status, error) {
	if err := plans(ctx, tx, by, at, flag, plan, reason, requestID); err != nil {
		return Status{}, err
	}
	return Move(ctx, tx, by, at, flag, Deprecated, reason, requestID)
}

// Remove ends the life of a flag; registry.Remove takes it from the SDKs. A plan that is not empty becomes its removal plan.
// The event is flag.state_changed.
func Remove(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, plan, reason, requestID string,
) (Status, error) {
	if err := plans(ctx, tx, by, at, flag, plan, reason, requestID); err != nil {
		return Status{}, err
	}
	return Move(ctx, tx, by, at, flag, Removed, reason, requestID)
}

// plans stores a removal plan that came with a request.
func plans(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, plan, reason, requestID string) error {
	if strings.TrimSpace(plan) == "" {
		return nil
	}
	if err := checkPlan(plan); err != nil {
		return err
	}
	s, err := locked(ctx, tx, flag.Key)
	if err != nil || s.RemovalPlan == plan {
		return err
	}
	before := s.RemovalPlan
	s.RemovalPlan = plan
	if _, err := save(ctx, tx, at, s); err != nil {
		return err
	}
	return record(ctx, tx, by, at, flag, audit.FlagRemovalPlanned, reason, requestID, map[string]any{"before": before, "after": plan})
}

func record(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, name audit.Name, reason, requestID string, details map[string]any,
) error {
	e := by.Event(name, at)
	e.FlagKey, e.FlagID, e.App, e.RequestID, e.Reason, e.Details = flag.Key, flag.FlagID, flag.App, requestID, reason, details
	_, err := audit.Append(ctx, tx, e)
	return err
}
