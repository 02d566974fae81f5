package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Create leaves a rollout ready for a flag, to be started by its owner. A flag has one rollout at a time that is not over:
// a second is a fault of kind Conflict.
func Create(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag lifecycle.Ident, requestID string, steps []Step,
) (Rollout, error) {
	return create(ctx, tx, by, at, flag, requestID, steps, nil)
}

func create(
	ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag lifecycle.Ident, requestID string, steps []Step,
	details map[string]any,
) (Rollout, error) {
	if len(steps) == 0 {
		return Rollout{}, fault.New(fault.Invalid, "no_steps", "the rollout of %s has no steps", flag.Key).Fix("give it a plan")
	}
	at = stored(at)
	r := Rollout{
		ID: store.NewID(), FlagKey: flag.Key, App: flag.App, RequestID: requestID, State: Ready, Steps: steps,
		CreatedAt: at, UpdatedAt: at, Revision: 1, Verdict: Nothing, Can: []string{},
	}
	added, err := insert(ctx, tx, r)
	if err != nil {
		return Rollout{}, err
	}
	if !added {
		return Rollout{}, fault.New(fault.Conflict, "rollout_open", "the flag %s has a rollout that is not over", flag.Key).
			Fix("abort it first")
	}
	m := motion{by: by, at: at, ident: flag}
	all := map[string]any{"steps": len(steps)}
	for name, value := range details {
		all[name] = value
	}
	return r, m.record(ctx, tx, r, audit.RolloutCreated, "", "", all)
}

// OfFlag returns the rollouts of a flag, the newest first, with what the actor may do with each at the time.
func OfFlag(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag registry.Flag) ([]Rollout, error) {
	all, err := newest(ctx, tx, flag.Key)
	if err != nil {
		return nil, err
	}
	v, err := viewerIn(ctx, tx, by, at)
	if err != nil {
		return nil, err
	}
	for i, r := range all {
		all[i] = v.of(r, flag.Scope())
	}
	return append([]Rollout{}, all...), nil
}

// motion is who moves a rollout of which flag, when and why.
type motion struct {
	by     access.Actor
	at     time.Time
	ident  lifecycle.Ident
	reason string
	unseen string // why a flag that nobody asked for may enter production
}

func (m motion) change(r Rollout) registry.Change {
	return registry.Change{
		By: m.by, At: m.at, Reason: m.reason, RequestID: r.RequestID, RolloutID: r.ID, Cause: registry.CauseRollout,
	}
}

// record appends the event of a change of the rollout.
func (m motion) record(ctx context.Context, tx *store.Tx, r Rollout, name audit.Name, environment, reason string, details map[string]any) error {
	e := m.by.Event(name, m.at)
	e.FlagKey, e.FlagID, e.App = m.ident.Key, m.ident.FlagID, m.ident.App
	e.RequestID, e.RolloutID, e.Environment, e.Reason, e.Details = r.RequestID, r.ID, environment, reason, details
	_, err := audit.Append(ctx, tx, e)
	return err
}

// begin starts the current step: what it reaches is served from now on. It refuses while the flag is killed there.
func (m motion) begin(ctx context.Context, tx *store.Tx, r *Rollout, environments []registry.Environment) (revision int64, err error) {
	step := r.Steps[r.Current]
	if err := stillFew(ctx, tx, *r); err != nil {
		return 0, err
	}
	details := map[string]any{
		"step": r.Current + 1, "of": len(r.Steps), "audience": step.Audience, "percent": step.Percent,
		"bake_seconds": step.BakeSeconds, "promote": step.Promote,
	}
	missing, err := unseen(ctx, tx, *r, step, environments)
	switch {
	case err != nil:
		return 0, err
	case missing != nil && m.unseen == "":
		return 0, missing
	case missing != nil:
		r.Unseen, details["unseen"] = m.unseen, m.unseen
	}
	flag, err := registry.Serve(ctx, tx, m.change(*r), r.FlagKey, step.Environment, step.serving())
	if err != nil {
		return 0, err
	}
	for _, e := range environments {
		if e.Name == step.Environment && e.Tier == registry.TierProduction {
			if _, err := lifecycle.EnterProduction(ctx, tx, m.by, m.at, m.ident); err != nil {
				return 0, err
			}
		}
	}
	r.bake(m.at)
	state, _ := flag.In(step.Environment)
	return state.Revision, m.record(ctx, tx, *r, audit.RolloutStepStarted, step.Environment, m.reason, details)
}

// stillFew refuses a large step to a closed list that was approved as one of few people, where it is none or has more by now. What was
// begun small is watched as it grows.
func stillFew(ctx context.Context, tx *store.Tx, r Rollout) error {
	step := r.Steps[r.Current]
	begun := slices.ContainsFunc(r.Steps[:r.Current], func(s Step) bool { return s.Environment == step.Environment })
	if step.People == nil || step.Percent <= careful || begun {
		return nil
	}
	segment, ok, err := registry.SegmentNamed(ctx, tx, step.Audience)
	if err != nil || !ok {
		return err
	}
	reach, err := registry.ReachOf(ctx, tx, segment)
	if err != nil || segment.Closed() && Few(reach.Room) {
		return err
	}
	now := fmt.Sprintf("has %d people", reach.People)
	switch {
	case !segment.Closed():
		now = "is no closed list any more"
	case Few(reach.People):
		now = fmt.Sprintf("has room for %d people, who may join by themselves", reach.Room)
	}
	return fault.New(fault.Conflict, "audience_grew", "%d %% of %s were approved for %d people at once; by now it %s", step.Percent, segment.Title, *step.People, now).
		Fix("abort the rollout and ask for the same again: it then goes in steps of 5, 25, 50 and 100 %%")
}

// Begin starts a rollout that was just made ready, where its template says that nobody has to. One that would begin in production with a flag
// that no program has asked for stays ready: a person has to say why.
func Begin(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag lifecycle.Ident, r Rollout, reason string) (Outcome, error) {
	if missing, err := r.missing(ctx, tx); err != nil || missing != nil {
		return Outcome{Rollout: r}, err
	}
	return motion{by: by, at: stored(at), ident: flag, reason: reason}.start(ctx, tx, r)
}

// start brings an approved flag to staged and begins the first step.
func (m motion) start(ctx context.Context, tx *store.Tx, r Rollout) (Outcome, error) {
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	status, ok, err := lifecycle.Get(ctx, tx, r.FlagKey)
	if err != nil {
		return Outcome{}, err
	}
	// A staged flag is one whose plan goes on after a kill; an active one is changed.
	changes := r.change() && status.State == lifecycle.Active
	if !ok || status.State != lifecycle.Approved && status.State != lifecycle.Staged && !changes {
		return Outcome{}, fault.New(fault.Conflict, "flag_state", "the flag %s is %s; its rollout cannot start", r.FlagKey, status.State).
			Fix("a rollout starts from an approved or staged flag, and one of a change from an active flag, too")
	}
	if status.State == lifecycle.Approved {
		if _, err := lifecycle.Move(ctx, tx, m.by, m.at, m.ident, lifecycle.Staged, m.reason, r.RequestID); err != nil {
			return Outcome{}, err
		}
	}
	r.UpdatedAt = m.at
	if err := m.record(ctx, tx, r, audit.RolloutStarted, "", m.reason, map[string]any{"steps": len(r.Steps)}); err != nil {
		return Outcome{}, err
	}
	return m.step(ctx, tx, r, environments)
}

func (m motion) step(ctx context.Context, tx *store.Tx, r Rollout, environments []registry.Environment) (Outcome, error) {
	revision, err := m.begin(ctx, tx, &r, environments)
	if err != nil {
		return Outcome{}, err
	}
	environment := r.Steps[r.Current].Environment
	r, err = save(ctx, tx, r)
	return Outcome{Rollout: r, Environment: environment, Revision: revision}, err
}

// promote ends the current step and begins the next; after the last the rollout is completed, and the flag active if it has its full
// audience in production.
func (m motion) promote(ctx context.Context, tx *store.Tx, r Rollout, evidence string) (Outcome, error) {
	number, step := r.Current+1, r.Steps[r.Current]
	early := step.BakedAt != nil && m.at.Before(*step.BakedAt)
	last := r.endStep(m.at, m.by.Email, m.reason, evidence)
	r.UpdatedAt = m.at
	if err := m.record(ctx, tx, r, audit.RolloutStepPromoted, step.Environment, m.reason, map[string]any{
		"step": number, "of": len(r.Steps), "percent": step.Percent, "evidence": evidence, "before_bake_was_over": early,
	}); err != nil {
		return Outcome{}, err
	}
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	if !last {
		return m.step(ctx, tx, r, environments)
	}
	if err := m.activate(ctx, tx, r, environments); err != nil {
		return Outcome{}, err
	}
	if err := m.record(ctx, tx, r, audit.RolloutCompleted, "", m.reason, nil); err != nil {
		return Outcome{}, err
	}
	r, err = save(ctx, tx, r)
	return Outcome{Rollout: r}, err
}

// activate makes a staged flag active after the last step, if that is its full audience in production. A plan that ends with a share of it,
// or before production, leaves the flag staged: the rest is asked for as a change of the flag.
func (m motion) activate(ctx context.Context, tx *store.Tx, r Rollout, environments []registry.Environment) error {
	if !r.full(environments) {
		return nil
	}
	if r.change() {
		status, _, err := lifecycle.Get(ctx, tx, r.FlagKey)
		if err != nil || status.State == lifecycle.Active {
			return err
		}
	}
	_, err := lifecycle.Move(ctx, tx, m.by, m.at, m.ident, lifecycle.Active, m.reason, r.RequestID)
	return err
}

// wait lets a rollout that time would promote wait for a program to ask for the flag.
func (m motion) wait(ctx context.Context, tx *store.Tx, r Rollout) (Outcome, error) {
	r.WaitsAt = &m.at
	return m.keep(ctx, tx, r, audit.RolloutWaits)
}

func (m motion) pause(ctx context.Context, tx *store.Tx, r Rollout) (Outcome, error) {
	r.pause(m.at, m.reason)
	return m.keep(ctx, tx, r, audit.RolloutPaused)
}

// resume goes on where the rollout was paused, unless the flag is killed there meanwhile.
func (m motion) resume(ctx context.Context, tx *store.Tx, r Rollout, flag registry.Flag) (Outcome, error) {
	step := r.Steps[r.Current]
	if state, _ := flag.In(step.Environment); state.Kill != nil {
		return Outcome{}, fault.New(fault.Conflict, "flag_killed", "%s is turned off for everybody in %s", r.FlagKey, step.Environment).
			Fix("restore it first")
	}
	r.resume(m.at)
	return m.keep(ctx, tx, r, audit.RolloutResumed)
}

func (m motion) abort(ctx context.Context, tx *store.Tx, r Rollout, killedIn string) (Outcome, error) {
	r.abort(m.at, m.by.Email, m.reason, killedIn)
	return m.keep(ctx, tx, r, audit.RolloutAborted)
}

// keep saves a change that SDKs do not see.
func (m motion) keep(ctx context.Context, tx *store.Tx, r Rollout, event audit.Name) (Outcome, error) {
	r.UpdatedAt = m.at
	r, err := save(ctx, tx, r)
	if err != nil {
		return Outcome{}, err
	}
	step := r.Steps[r.Current]
	return Outcome{Rollout: r}, m.record(ctx, tx, r, event, step.Environment, m.reason, map[string]any{
		"step": r.Current + 1, "of": len(r.Steps), "percent": step.Percent,
	})
}

// flagOf gives the flag of a rollout.
func flagOf(ctx context.Context, tx *store.Tx, r Rollout) (registry.Flag, error) {
	flag, ok, err := registry.Get(ctx, tx, r.FlagKey)
	if err == nil && !ok {
		err = fmt.Errorf("rollout %s is of the flag %s, which does not exist", r.ID, r.FlagKey)
	}
	return flag, err
}
