package lifecycle

import (
	"slices"
	"strings"
	"time"
)

// PlanDays is the TTL up to which a flag may become active without a removal plan.
const PlanDays = 30

// moves is the one table of legal moves. From deprecated, staged and active are open only to a flag that left that state.
var moves = map[State][]State{
	Proposed:   {Approved, Removed},
	Approved:   {Staged, Removed},
	Staged:     {Active, Deprecated, Removed},
	Active:     {Deprecated},
	Deprecated: {Staged, Active, Removed},
	Removed:    {},
}

// Legal tells whether a flag may move from one state to another. All that is not in the table is refused, staying included.
func Legal(from, to State) bool { return slices.Contains(moves[from], to) }

// Open gives the states that the flag may move to now, in the order of a life.
func (s Status) Open() []State {
	var open []State
	for _, to := range moves[s.State] {
		if s.State != Deprecated || to == Removed || to == s.Left {
			open = append(open, to)
		}
	}
	return open
}

// NeedsPlan tells whether the flag must have a removal plan before it becomes active, and has none.
func (s Status) NeedsPlan() bool {
	return s.TTLDays > PlanDays && strings.TrimSpace(s.RemovalPlan) == ""
}

// Expiry is when the flag's time is up: its TTL after the first production step or max_active_days after it became active,
// whichever is earlier. A flag that never was in production has none. An approved extension stands in the place of both, save
// that becoming active after it begins max_active_days anew.
func (s Status) Expiry() *time.Time {
	expiry := s.ExtendedUntil
	if expiry != nil {
		if s.ActiveAt == nil || s.ExtendedAt == nil || !s.ActiveAt.After(*s.ExtendedAt) {
			return expiry
		}
		s.ProductionAt = nil
	}
	for _, limit := range []struct {
		from *time.Time
		days int
	}{{s.ProductionAt, s.TTLDays}, {s.ActiveAt, s.MaxActiveDays}} {
		if limit.from == nil || limit.days <= 0 {
			continue
		}
		if end := limit.from.Add(time.Duration(limit.days) * 24 * time.Hour); expiry == nil || end.Before(*expiry) {
			expiry = &end
		}
	}
	return expiry
}

// list tells states in words: "staged", "staged or removed".
func list(states []State) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
