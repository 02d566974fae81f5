package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Lifecycles holds the verbs.
type Lifecycles struct {
	DB  *store.DB
	Now func() time.Time
}

// Ident names a flag in events.
type Ident struct {
	Key    string
	FlagID string
	App    string
}

// Of gives the ident of a flag.
func Of(f registry.Flag) Ident { return Ident{Key: f.Key, FlagID: f.FlagID, App: f.App} }

// Terms are what a flag's life is held to. A MaxActiveDays or GraceDays of 0 is the deployment's default.
type Terms struct {
	TTLDays       int
	MaxActiveDays int
	GraceDays     int
	RemovalPlan   string
}

// planLimit bounds a removal plan, in bytes.
const planLimit = 20_000

// Rules gives the deployment's lifecycle policy.
func (l *Lifecycles) Rules(ctx context.Context, by access.Actor) (rules Rules, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Rules{}, err
	}
	err = l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		rules, err = DefaultRules(ctx, tx)
		return err
	})
	return rules, err
}

// SetRules makes rules the deployment's lifecycle policy, for flags made from then on. Rules that hold already change nothing;
// looser ones wait for a second administrator.
func (l *Lifecycles) SetRules(ctx context.Context, by access.Actor, rules Rules, reason string) (Rules, error) {
	return l.setRules(ctx, by, rules, reason, func(Rules, int64) bool { return true })
}

// ReplaceRules is SetRules for who read the policy as it was before: if it is another by now, that is a fault of kind Stale.
func (l *Lifecycles) ReplaceRules(ctx context.Context, by access.Actor, was, rules Rules) (Rules, error) {
	return l.setRules(ctx, by, rules, "", func(now Rules, _ int64) bool { return was.equal(now) })
}

func (l *Lifecycles) setRules(ctx context.Context, by access.Actor, rules Rules, reason string, unmoved func(now Rules, revision int64) bool) (Rules, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Rules{}, err
	}
	if found := rules.Check(); len(found) > 0 {
		return Rules{}, fault.New(fault.Invalid, "invalid_lifecycle", "the lifecycle policy is not complete").With(found...).
			Fix("fix what is listed")
	}
	rules.ReminderScheduleDays = append([]int{}, rules.ReminderScheduleDays...)
	slices.SortFunc(rules.ReminderScheduleDays, func(a, b int) int { return b - a })
	var waiting *access.Proposal
	err := l.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, revision, err := defaultRules(ctx, tx)
		if err != nil {
			return err
		}
		if !unmoved(before, revision) {
			return fault.New(fault.Stale, "stale", "the lifecycle policy was changed since you read it").
				Fix("look at what is there now, and make your change again").Showing(before)
		}
		if before.equal(rules) {
			return nil
		}
		if waiting, err = setRules.Second(ctx, tx, by, l.Now(), before, rules, access.Loosening{
			Subject: "lifecycle", Change: rulesChange{rules, reason}, Base: revision,
		}); err != nil || waiting != nil {
			return err
		}
		if err := writeRules(ctx, tx, rules, revision); err != nil {
			return err
		}
		e := by.Event(audit.LifecycleRulesChanged, l.Now())
		e.Subject, e.Reason, e.Details = "lifecycle", reason, map[string]any{"before": before, "after": rules}
		_, err = audit.Append(ctx, tx, e)
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return Rules{}, err
	}
	return rules, nil
}

// PlanRemoval records how a flag will go, which one with a TTL over 30 days needs before it becomes active. Owners do it.
func (l *Lifecycles) PlanRemoval(ctx context.Context, by access.Actor, key, plan string) (Status, error) {
	var status Status
	err := l.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		flag, ok, err := registry.Get(ctx, tx, key)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.RolloutRun, flag.Scope()); err != nil {
			return err
		}
		if !ok {
			return unknown(key)
		}
		if err := checkPlan(plan); err != nil {
			return err
		}
		if strings.TrimSpace(plan) == "" {
			return fault.New(fault.Invalid, "required", "the removal plan is empty").At("removal_plan").
				Fix("say who takes the flag out, when, and what replaces it")
		}
		before, err := locked(ctx, tx, key)
		if err != nil {
			return err
		}
		if before.State == Removed {
			return fault.New(fault.Conflict, "flag_removed", "the flag %s is removed already", key).Fix("nothing is left to plan")
		}
		status = before
		if status.RemovalPlan = plan; plan == before.RemovalPlan {
			return nil
		}
		if status, err = save(ctx, tx, l.Now(), status); err != nil {
			return err
		}
		e := by.Event(audit.FlagRemovalPlanned, l.Now())
		e.FlagKey, e.FlagID, e.App = key, flag.FlagID, flag.App
		e.Details = map[string]any{"before": before.RemovalPlan, "after": plan}
		_, err = audit.Append(ctx, tx, e)
		return err
	})
	if err != nil {
		return Status{}, err
	}
	return status, nil
}

// Get gives a flag's place in its life.
func Get(ctx context.Context, tx *store.Tx, key string) (Status, bool, error) {
	s, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM lifecycle WHERE flag_key = $1`, key)
	if err != nil {
		return Status{}, false, fmt.Errorf("read lifecycle of %s: %w", key, err)
	}
	return s, ok, nil
}

// States gives the places of several flags, by key; a flag without a life is left out.
func States(ctx context.Context, tx *store.Tx, keys []string) (map[string]Status, error) {
	found := map[string]Status{}
	for part := range slices.Chunk(keys, 500) {
		args := make([]any, len(part))
		for i, key := range part {
			args[i] = key
		}
		some, err := store.List(ctx, tx, scan,
			`SELECT `+columns+` FROM lifecycle WHERE flag_key IN (`+store.In(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read lifecycles: %w", err)
		}
		for _, s := range some {
			found[s.FlagKey] = s
		}
	}
	return found, nil
}

// Begin starts the life of a flag as proposed; registry's flag.created is the event. While the flag is still proposed it
// sets the terms anew, and a flag that was taken back before its approval may begin again. Any other is a fault of kind
// Conflict.
func Begin(ctx context.Context, tx *store.Tx, at time.Time, key string, terms Terms) (Status, error) {
	if terms.TTLDays < 1 {
		return Status{}, fault.New(fault.Invalid, "out_of_range", "the flag must live for at least one day").At("fields.ttl_days").
			Fix("give a number of days above 0")
	}
	if err := checkPlan(terms.RemovalPlan); err != nil {
		return Status{}, err
	}
	rules, err := DefaultRules(ctx, tx)
	if err != nil {
		return Status{}, err
	}
	if terms.MaxActiveDays <= 0 {
		terms.MaxActiveDays = rules.MaxActiveDays
	}
	if terms.GraceDays <= 0 {
		terms.GraceDays = rules.DeprecatedGraceDays
	}
	s := Status{
		FlagKey: key, State: Proposed, Since: store.Time(store.Micros(at)), TTLDays: terms.TTLDays,
		MaxActiveDays: terms.MaxActiveDays, RemovalPlan: terms.RemovalPlan, Revision: 1, GraceDays: terms.GraceDays,
	}
	n, err := tx.Exec(ctx, `INSERT INTO lifecycle (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (flag_key) DO NOTHING`, values(s)...)
	if err != nil {
		return Status{}, fmt.Errorf("begin lifecycle of %s: %w", key, err)
	}
	if n == 1 {
		return s, s.place(ctx, tx, at, key)
	}
	before, err := locked(ctx, tx, key)
	if err != nil {
		return Status{}, err
	}
	switch {
	case before.State == Proposed:
		s.Since = before.Since
	case before.State == Removed && before.Left == Proposed:
	default:
		return Status{}, fault.New(fault.Conflict, "flag_exists", "the flag %s is %s already", key, before.State).
			At("fields.name").Fix("choose another name")
	}
	s.Revision = before.Revision
	return save(ctx, tx, at, s)
}

// TakeOver begins the lives of flags that were imported, as active: somebody uses them already. They have no TTL until an extension
// gives them one. registry's flag.imported is the event.
func TakeOver(ctx context.Context, tx *store.Tx, at time.Time, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	rules, err := DefaultRules(ctx, tx)
	if err != nil {
		return err
	}
	at = store.Time(store.Micros(at))
	s := Status{State: Active, Since: at, ActiveAt: &at, Revision: 1, GraceDays: rules.DeprecatedGraceDays}
	for part := range slices.Chunk(keys, takeRows) {
		// A proposal that was taken back may have left its key free, and its life behind.
		if _, err := tx.Exec(ctx, `DELETE FROM lifecycle WHERE state = $1 AND left_state = $2 AND flag_key IN (`+store.In(3, len(part))+`)`,
			append([]any{Removed, Proposed}, store.Values(part)...)...); err != nil {
			return fmt.Errorf("clear lifecycles of imported flags: %w", err)
		}
		rows := store.NewRows(values(s)[1:]...)
		for _, key := range part {
			rows.Add("(?, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", key)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO lifecycle (`+columns+`) VALUES `+rows.String(), rows.Args()...); err != nil {
			return fmt.Errorf("begin lifecycles of imported flags: %w", err)
		}
		if err := s.place(ctx, tx, at, part...); err != nil {
			return err
		}
	}
	return nil
}

// takeRows is how many flags go into one statement: SQLite looks up each of its values among all of them.
const takeRows = 100

// Rename follows a proposed flag to a new key, as registry.Revise gives it.
func Rename(ctx context.Context, tx *store.Tx, from, to string) error {
	if from == to {
		return nil
	}
	// A flag that was taken back before its approval has left the new key free.
	if _, err := tx.Exec(ctx, `DELETE FROM lifecycle WHERE flag_key = $1 AND state = $2 AND left_state = $3`, to, Removed, Proposed); err != nil {
		return fmt.Errorf("rename lifecycle of %s: %w", from, err)
	}
	n, err := tx.Exec(ctx, `UPDATE lifecycle SET flag_key = $1, revision = revision + 1 WHERE flag_key = $2 AND state = $3`, to, from, Proposed)
	if err != nil {
		return fmt.Errorf("rename lifecycle of %s: %w", from, err)
	}
	if n == 0 {
		return fault.New(fault.Conflict, "flag_approved", "the flag %s is not a proposal any more", from).Fix("its key stays as it is")
	}
	return nil
}

// Move brings a flag to another state and appends flag.state_changed. A move outside the table is a fault of kind Conflict
// that names the state and what is possible; so is becoming active without the removal plan that a long TTL needs.
func Move(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident, to State, reason, requestID string) (Status, error) {
	if strings.TrimSpace(reason) == "" {
		return Status{}, fault.New(fault.Invalid, "required", "a reason is missing").At("reason").Fix("say why")
	}
	before, err := locked(ctx, tx, flag.Key)
	if err != nil {
		return Status{}, err
	}
	if before.GraceDays < 0 && to == Deprecated {
		rules, err := DefaultRules(ctx, tx)
		if err != nil {
			return Status{}, err
		}
		before.GraceDays = rules.DeprecatedGraceDays
	}
	after, err := move(before, at, to)
	if err != nil {
		return Status{}, err
	}
	if after, err = save(ctx, tx, at, after); err != nil {
		return Status{}, err
	}
	e := by.Event(audit.FlagStateChanged, at)
	e.FlagKey, e.FlagID, e.App, e.RequestID = flag.Key, flag.FlagID, flag.App, requestID
	e.From, e.To, e.Reason = string(before.State), string(to), reason
	_, err = audit.Append(ctx, tx, e)
	return after, err
}

// move decides a move and gives the status after it.
func move(s Status, at time.Time, to State) (Status, error) {
	open := s.Open()
	if !slices.Contains(open, to) {
		f := fault.New(fault.Conflict, "illegal_move", "the flag %s is %s and cannot become %s", s.FlagKey, s.State, to).Showing(s)
		if len(open) == 0 {
			return s, f.Fix("a %s flag stays %s", s.State, s.State)
		}
		return s, f.Fix("from %s it can become %s", s.State, list(open))
	}
	at = store.Time(store.Micros(at))
	if to == Removed && s.inGrace(at) {
		return s, s.graceFault()
	}
	s.GraceEndsAt = nil
	switch to {
	case Active:
		if s.NeedsPlan() {
			return s, fault.New(fault.Conflict, "removal_plan_missing",
				"the flag %s lives for %d days, which is over %d, and nobody has said how it will be removed", s.FlagKey, s.TTLDays, PlanDays).
				At("removal_plan").Fix("write a removal plan: who takes the flag out, when, and what replaces it").Showing(s)
		}
		if s.ActiveAt == nil {
			s.ActiveAt = &at
		}
		s.Left = ""
	case Deprecated:
		ends := at.Add(time.Duration(s.GraceDays) * 24 * time.Hour)
		s.Left, s.GraceEndsAt = s.State, &ends
	case Removed:
		s.Left = s.State
	case Proposed, Approved, Staged:
		s.Left = ""
	}
	s.State, s.Since = to, at
	return s, nil
}

// EnterProduction starts the TTL with the first production step and appends flag.ttl_started; later ones change nothing.
func EnterProduction(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag Ident) (Status, error) {
	s, err := locked(ctx, tx, flag.Key)
	if err != nil || s.ProductionAt != nil {
		return s, err
	}
	if s.State != Staged && s.State != Active {
		return Status{}, fault.New(fault.Conflict, "illegal_move", "the flag %s is %s and cannot go to production", flag.Key, s.State).
			Fix("only a staged flag goes to production").Showing(s)
	}
	at = store.Time(store.Micros(at))
	s.ProductionAt = &at
	if s, err = save(ctx, tx, at, s); err != nil {
		return Status{}, err
	}
	e := by.Event(audit.FlagTTLStarted, at)
	e.FlagKey, e.FlagID, e.App = flag.Key, flag.FlagID, flag.App
	e.Details = map[string]any{"ttl_days": s.TTLDays, "expires_at": s.ExpiresAt}
	_, err = audit.Append(ctx, tx, e)
	return s, err
}

func checkPlan(plan string) error {
	if len(plan) > planLimit {
		return fault.New(fault.Invalid, "too_long", "the removal plan is too long").At("removal_plan").Fix("shorten it")
	}
	return store.CheckText("removal_plan", plan)
}

func unknown(key string) error {
	return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", key).At("flag_key").Fix("look its key up in the list of flags")
}
