package review

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// extending is extend_ttl: a flag may stay for longer, and a deprecated one comes back to life.
type extending struct{ ofFlag }

func (*extending) title(c Content) string {
	return fmt.Sprintf("Keep %s until %s", quoted(c.FlagKey, "a switch"), quoted(c.Until, "?"))
}

func (*extending) takes() []string { return []string{"flag_key", "until"} }

func (s *extending) base(Content) any {
	if s.Life == nil {
		return int64(0)
	}
	return map[string]any{"state": s.Life.State, "expires_at": s.Life.ExpiresAt}
}

// untilOf reads a date, which counts to its end, or a time.
func untilOf(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.Add(24*time.Hour - time.Second), nil
	}
	return time.Parse(time.RFC3339, text)
}

func (s *extending) check(c Content, w World) checked {
	seen := s.begin(c, w)
	until, err := untilOf(c.Until)
	switch {
	case c.Until == "":
		seen.schema = append(seen.schema, wrong("until", "required", "choose a day", "it is not said until when"))
	case err != nil:
		seen.schema = append(seen.schema, wrong("until", "bad_value", "give a date such as 2026-12-31", "%q is no date", fault.Clip(c.Until, maxWords/2)))
	}
	if s.Life == nil || err != nil {
		return seen
	}
	found := lifecycle.CheckExtend(*s.Life, w.Rules, w.Now, until)
	beyond := false
	for _, finding := range found {
		beyond = beyond || finding.Code == lifecycle.BeyondMaxActive
	}
	seen.schema = append(seen.schema, found...)
	seen.says = map[string]any{"until": until.UTC(), "beyond_limit": beyond}
	if s.Life.ProductionAt != nil {
		seen.fields["ttl_days"] = int(math.Ceil(until.Sub(*s.Life.ProductionAt).Hours() / 24))
		seen.findings = map[string]string{"fields.ttl_days": "until"}
	}
	words := fmt.Sprintf("It may stay until %s", until.UTC().Format(dayOf))
	if s.Life.ExpiresAt != nil {
		words += fmt.Sprintf(" instead of %s", s.Life.ExpiresAt.UTC().Format(dayOf))
	}
	seen.diff = []Change{{Path: "flag." + s.Flag.Key + ".expires_at", Words: words, Before: s.Life.ExpiresAt, After: until.UTC()}}
	seen.impact.Words = "What people get stays as it is; it is asked about again before that day."
	if s.Life.State == lifecycle.Deprecated {
		seen.diff = append(seen.diff, s.lifeChange(s.Life.Left))
		seen.impact.Words = "It is no longer on its way out, and can be changed again."
	}
	return seen
}

func (*extending) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	until, _ := untilOf(m.r.content.Until)
	_, err := lifecycle.Extend(ctx, m.tx, m.by, m.at, m.ident(), until, m.reason(), m.r.id)
	return nil, err
}

// dayOf is how days are told.
const dayOf = "2 January 2006"

// endOfLife is what moves a flag towards its end.
type endOfLife struct{ ofFlag }

func (*endOfLife) takes() []string { return []string{"flag_key", "removal_plan"} }

func (s *endOfLife) base(Content) any {
	if s.Life == nil {
		return int64(0)
	}
	return map[string]any{"state": s.Life.State}
}

func (s *ofFlag) lifeChange(to lifecycle.State) Change {
	return Change{
		Path: "flag." + s.Flag.Key + ".lifecycle", Words: fmt.Sprintf("It is %s instead of %s", to, s.Life.State),
		Before: s.Life.State, After: to,
	}
}

// planChange tells of another removal plan.
func (s *endOfLife) planChange(c Content) []Change {
	if c.RemovalPlan == "" || c.RemovalPlan == s.Life.RemovalPlan {
		return nil
	}
	var before any
	if s.Life.RemovalPlan != "" {
		before = s.Life.RemovalPlan
	}
	return []Change{{
		Path: "removal_plan", Words: changeWords("Removal plan", before, c.RemovalPlan), Before: before, After: c.RemovalPlan,
	}}
}

// retiring is deprecate: a flag is on its way out.
type retiring struct{ endOfLife }

func (*retiring) title(c Content) string {
	return fmt.Sprintf("Retire %s", quoted(c.FlagKey, "a switch"))
}

func (s *retiring) check(c Content, w World) checked {
	seen := s.begin(c, w)
	seen.lenient = true
	if s.Life == nil {
		return seen
	}
	seen.schema = append(seen.schema, lifecycle.CheckDeprecate(*s.Life, w.Rules, w.Now)...)
	seen.diff = append([]Change{s.lifeChange(lifecycle.Deprecated)}, s.planChange(c)...)
	grace := s.Life.GraceDays
	if grace < 0 {
		grace = w.Rules.DeprecatedGraceDays
	}
	seen.impact.Words = fmt.Sprintf("What people get stays, but it can no longer be changed, only turned off. For %d days an extension brings it back; after that it can be removed.", grace)
	return seen
}

func (*retiring) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	if err := rollout.Halt(ctx, m.tx, m.by, m.at, m.ident(), "deprecated: "+m.reason()); err != nil {
		return nil, err
	}
	_, err := lifecycle.Deprecate(ctx, m.tx, m.by, m.at, m.ident(), m.r.content.RemovalPlan, m.reason(), m.r.id)
	return nil, err
}

// removing is remove: a flag is gone for good.
type removing struct{ endOfLife }

func (*removing) title(c Content) string {
	return fmt.Sprintf("Remove %s", quoted(c.FlagKey, "a switch"))
}

func (s *removing) check(c Content, w World) checked {
	seen := s.begin(c, w)
	seen.lenient = true
	if s.Life == nil {
		return seen
	}
	seen.schema = append(seen.schema, lifecycle.CheckRemove(*s.Life, w.Rules, w.Now, c.RemovalPlan)...)
	seen.diff = append([]Change{s.lifeChange(lifecycle.Removed)}, s.planChange(c)...)
	for _, e := range s.Flag.Environments {
		if e.Live {
			seen.impact.Environments = append(seen.impact.Environments, e.Environment)
		}
	}
	seen.impact.Words = "It is gone for good: a program that still asks for it gets its own default. Its key stays taken and its history stays."
	return seen
}

// effect takes the flag from everybody, and with it what else was asked for of it.
func (*removing) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	if err := rollout.Halt(ctx, m.tx, m.by, m.at, m.ident(), "removed: "+m.reason()); err != nil {
		return nil, err
	}
	if _, err := lifecycle.Remove(ctx, m.tx, m.by, m.at, m.ident(), m.r.content.RemovalPlan, m.reason(), m.r.id); err != nil {
		return nil, err
	}
	flag, err := registry.Remove(ctx, m.tx, m.change(registry.CauseRemoved), m.r.flag.Key)
	if err != nil {
		return nil, err
	}
	gone := map[string]int64{}
	for _, e := range flag.Environments {
		gone[e.Environment] = e.Revision
	}
	return gone, m.closeOthers(ctx)
}

// closeOthers withdraws what else waits about a flag that is gone, since it could never be done.
func (m move) closeOthers(ctx context.Context) error {
	ids, err := store.List(ctx, m.tx, store.ScanString, `SELECT id FROM request WHERE flag_key = $1 AND id <> $2 AND `+undecided+` ORDER BY id`,
		m.r.flag.Key, m.r.id)
	if err != nil {
		return fmt.Errorf("list requests about %s: %w", m.r.flag.Key, err)
	}
	for _, id := range ids {
		other, err := load(ctx, m.tx, m.by, id)
		if err != nil {
			return err
		}
		other.state = Withdrawn
		if err := m.desk.close(ctx, m.tx, access.System("review"), &other, audit.RequestWithdrawn, m.r.flag.Key+" was removed"); err != nil {
			return err
		}
	}
	return nil
}
