package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// changingFlag is change_flag: what a flag serves in one environment.
func changingFlag() trait {
	return trait{
		title: func(c Content) string {
			return fmt.Sprintf("Change %s in %s", quoted(c.FlagKey, "a switch"), quoted(c.Environment, "?"))
		},
		takes:    []string{"flag_key", "environment", "base_revision", "change"},
		about:    aboutChangingFlag,
		ask:      askFlag,
		conflict: conflictOfChange,
		check:    checkChangingFlag,
		base: func(c Content, f Facts) any {
			if f.Flag == nil {
				return int64(0)
			}
			state, _ := f.Flag.In(c.Environment)
			return map[string]any{"revision": state.Revision, "read_only": f.Flag.ReadOnly}
		},
		effect: changeFlag,
	}
}

func aboutChangingFlag(ctx context.Context, tx *store.Tx, at time.Time, r record, f *Facts) error {
	if err := aboutFlag(ctx, tx, at, r, f); err != nil || f.Flag == nil || r.content.Change == nil {
		return err
	}
	state, _ := f.Flag.In(r.content.Environment)
	return f.countAudience(ctx, tx, r.content.Change.Over(*f.Flag, state.Serving).Audience)
}

// Over gives what the flag would serve instead of what it serves now.
func (c FlagChange) Over(f registry.Flag, now registry.Serving) registry.Serving {
	next := registry.Serving{Mode: c.mode(now), Variants: now.Variants}
	if len(c.Variants) > 0 {
		next.Variants = c.Variants
	}
	switch next.Mode {
	case registry.ServeOff, registry.ServeOn:
	case registry.ServeAudience:
		next.Audience, next.Percent = orElse(c.Audience, orElse(now.Audience, f.Audience)), 100
		if now.Mode == registry.ServeAudience && next.Audience == now.Audience {
			next.Percent = now.Percent
		}
		if c.Percent != nil {
			next.Percent = *c.Percent
		}
	case registry.ServeCustom:
		next.DefaultVariant = orElse(c.DefaultVariant, now.DefaultVariant)
		if c.Mode == "" && c.Targeting == nil {
			next.Targeting, next.Title = now.Targeting, now.Title
		} else if len(c.Targeting) > 0 {
			next.Targeting, _ = json.Marshal(c.Targeting) //nolint:errchkjson // it came from JSON
		}
	}
	return next.Tidy()
}

// mode is the one that the change names, or that its other members imply.
func (c FlagChange) mode(now registry.Serving) registry.ServingMode {
	switch {
	case c.Mode != "":
		return c.Mode
	case len(c.Targeting) > 0 || c.DefaultVariant != "":
		return registry.ServeCustom
	case c.Audience != "" || c.Percent != nil:
		return registry.ServeAudience
	}
	return now.Mode
}

// conflictOfChange refuses to change what is read-only, what is not as it was read, and what a rollout is at work on.
func conflictOfChange(c Content, f Facts) *fault.Error {
	if f.Flag == nil {
		return nil
	}
	if e := readOnly(*f.Flag); e != nil {
		return e
	}
	if f.Flag.Imported != "" {
		return fault.New(fault.Conflict, "flag_imported", "%s was imported: what it serves is what its document says", f.Flag.Key).At("flag_key").
			Fix("change the document that it came from, and import it again").Showing(f.Flag)
	}
	state, _ := f.Flag.In(c.Environment)
	if c.BaseRevision != 0 && c.BaseRevision != state.Revision {
		return fault.New(fault.Conflict, "base_changed", "%s was changed in %s since you read it: you read revision %d, it is %d now",
			f.Flag.Key, c.Environment, c.BaseRevision, state.Revision).At("base_revision").
			Fix("look at what it serves now, and make your change to that").Showing(f.Flag)
	}
	environment, _ := f.environment(c.Environment)
	if f.Rollout == nil || c.Change == nil {
		return nil
	}
	widens := registry.Widens(*f.Flag, state.Serving, c.Change.Over(*f.Flag, state.Serving))
	if f.Rollout.Bakes(c.Environment) || environment.Governed && (widens || leads(*f.Rollout, c.Environment)) {
		return fault.New(fault.Conflict, "rollout_running", "a rollout of %s is %s", f.Flag.Key, f.Rollout.State).At("flag_key").
			Fix("wait until it is over, or abort it first").Showing(f.Rollout)
	}
	return nil
}

// readOnly gives why a flag cannot be changed any more; nil if it can.
func readOnly(f registry.Flag) *fault.Error {
	e, ok := f.Writable().(*fault.Error) //nolint:errorlint // it gives the fault itself
	if !ok {
		return nil
	}
	return e.At("flag_key")
}

func leads(r rollout.Rollout, environment string) bool {
	return slices.ContainsFunc(r.Steps[r.Current:], func(s rollout.Step) bool { return s.Environment == environment })
}

func (f Facts) environment(name string) (registry.Environment, bool) {
	i := slices.IndexFunc(f.Environments, func(e registry.Environment) bool { return e.Name == name })
	if i < 0 {
		return registry.Environment{}, false
	}
	return f.Environments[i], true
}

func checkChangingFlag(c Content, f Facts) checked {
	seen := f.ofFlag(c)
	environment, ok := f.environment(c.Environment)
	switch {
	case f.Flag == nil:
		return seen
	case !ok:
		seen.schema = append(seen.schema, f.unknownEnvironment(c.Environment))
		return seen
	case c.Change == nil:
		seen.schema = append(seen.schema, wrong("change", "required", "say what the switch is to do from then on", "it is not said what changes"))
		return seen
	}
	state, _ := f.Flag.In(c.Environment)
	if !state.Live {
		seen.schema = append(seen.schema, wrong("flag_key", "flag_not_live", "wait until its request is approved",
			"%s is not in use in %s", c.FlagKey, c.Environment))
	}
	if c.BaseRevision == 0 {
		seen.schema = append(seen.schema, wrong("base_revision", "required",
			fmt.Sprintf("send the revision of the switch in %s that you read; it is %d now", c.Environment, state.Revision),
			"it is not said which state this changes"))
	}
	now, next := state.Serving, c.Change.Over(*f.Flag, state.Serving)
	problems := registry.CheckServing(*f.Flag, next, f.Segments)
	seen.schema = append(seen.schema, problems...)
	if next.Equal(now) {
		seen.schema = append(seen.schema, wrong("change", "nothing_changes", "say what is to be another", "%s serves that in %s already", c.FlagKey, c.Environment))
	}
	if state.Kill != nil {
		off := wrong("flag_key", "flag_killed", "restore it, when it is to be on again", "%s is turned off for everybody in %s; the change shows when that ends",
			c.FlagKey, c.Environment)
		off.Severity = fault.SeverityWarning
		seen.schema = append(seen.schema, off)
	}
	widens := registry.Widens(*f.Flag, now, next)
	seen.exposes, seen.lenient, seen.free = widens, !widens, !environment.Governed
	seen.says = map[string]any{"widens": widens, "change": c.Change, "before": now, "after": next}
	seen.findings = map[string]string{"fields.audiences": "change.audience", "fields.default": "change.default_variant"}
	if widens && environment.Governed && len(problems) == 0 {
		seen.plan, problems = rollout.PlanChange(f.stages(), *f.Flag, environment, now, next, f.planned())
		seen.schema = append(seen.schema, problems...)
	}
	seen.diff = append([]Change{{
		Path:  "flag." + f.Flag.Key + "." + c.Environment + ".serving",
		Words: fmt.Sprintf("In %s it is %s instead of %s", c.Environment, next.Words(), now.Words()), Before: now, After: next,
	}}, planChanges(seen.plan)...)
	seen.impact.Audience, seen.impact.People, seen.impact.Environments = next.Audience, f.AudienceSize, []string{c.Environment}
	seen.impact.Words = changeWordsOf(seen, environment, widens)
	return seen
}

func changeWordsOf(seen checked, environment registry.Environment, widens bool) string {
	switch {
	case !environment.Governed:
		return fmt.Sprintf("It takes effect in %s at once; nobody needs to approve it.", environment.Name)
	case widens:
		steps := fmt.Sprintf("%d steps that its owner starts", len(seen.plan))
		if len(seen.plan) == 1 {
			steps = "one step that its owner starts"
		}
		return fmt.Sprintf("More people may see it in %s. Once approved, it goes out in %s.", environment.Name, steps)
	}
	return fmt.Sprintf("Nobody gets more than now in %s. It takes effect as soon as it is approved.", environment.Name)
}

// stages are those of the template of the flag, for the fields that it was made with.
func (f Facts) stages() []rollout.Stage {
	if f.Template == nil {
		return nil
	}
	return stagesOf(*f.Template, f.fields())
}

// changeFlag serves at once what gives nobody more than now, or what needs nobody's approval; all else goes through a rollout.
func changeFlag(ctx context.Context, m move, a Assessed, f Facts) (map[string]int64, error) {
	c := m.r.content
	if len(a.Plan) > 0 {
		return leave(ctx, m, *f.Flag, a.Plan, f)
	}
	state, _ := f.Flag.In(c.Environment)
	flag, err := registry.Serve(ctx, m.tx, m.change(registry.CauseChanged), c.FlagKey, c.Environment, c.Change.Over(*f.Flag, state.Serving))
	if err != nil {
		return nil, err
	}
	state, _ = flag.In(c.Environment)
	return map[string]int64{c.Environment: state.Revision}, nil
}

// leave leaves a rollout ready, and begins it where the template says that nobody has to.
func leave(ctx context.Context, m move, flag registry.Flag, plan []rollout.Step, f Facts) (map[string]int64, error) {
	created, err := rollout.Create(ctx, m.tx, m.by, m.at, lifecycle.Of(flag), m.r.id, plan)
	if err != nil {
		return nil, err
	}
	m.r.rolloutID = created.ID
	if !f.document().AutoStart || killedIn(flag, created.Steps[0].Environment) != nil {
		return nil, nil
	}
	begun, err := rollout.Begin(ctx, m.tx, access.System("rollout"), m.at, lifecycle.Of(flag), created, "started by itself, as the template says")
	if err != nil {
		return nil, err
	}
	return revealed(begun), nil
}

// Rollback brings back what a flag served in an environment at an earlier revision, or else at the last good one: at once
// where the environment is not governed, or where that was approved before, was not turned off, and gives nobody more than
// now; otherwise it asks for it, once. A rollout that is at work there is aborted with it. Serving that already changes
// nothing. A revision in w is the flag's.
func (d *Desk) Rollback(ctx context.Context, by access.Actor, flagKey, environment string, to int64, w rollout.Word) (RestoreOutcome, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return RestoreOutcome{}, err
	}
	if err := checkReason(w.Reason); err != nil {
		return RestoreOutcome{}, err
	}
	var out RestoreOutcome
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		out, err = d.rollback(ctx, tx, by, flagKey, environment, to, w)
		return err
	})
	return out, err
}

func (d *Desk) rollback(ctx context.Context, tx *store.Tx, by access.Actor, flagKey, environment string, to int64, w rollout.Word) (out RestoreOutcome, err error) {
	_, env, err := kill.Target(ctx, tx, by, flagKey, environment, w)
	if err != nil {
		return out, err
	}
	// Whoever clicks twice waits here, and finds it done or asked for.
	flag, err := registry.Lock(ctx, tx, flagKey)
	if err != nil {
		return out, err
	}
	if e := readOnly(flag); e != nil {
		return out, e
	}
	state, _ := flag.In(environment)
	if state.Kill != nil {
		return out, fault.New(fault.Conflict, "flag_killed", "%s is turned off for everybody in %s", flagKey, environment).
			Fix("restore it first").Showing(flag)
	}
	past, err := registry.Past(ctx, tx, flagKey, environment)
	if err != nil {
		return out, err
	}
	target, err := backTo(ctx, tx, flag, environment, to, past)
	if err != nil || target.Serving.Equal(state.Serving) {
		return out, err
	}
	reason := orElse(w.Reason, fmt.Sprintf("back to revision %d: %s", target.Revision, target.Serving.Words()))
	if pre, _ := registry.Preapproved(flag, state.Serving, target, past); env.Governed && !pre {
		asked := Content{
			Kind: ChangeFlag, FlagKey: flagKey, Environment: environment, BaseRevision: state.Revision,
			Change: changeTo(flag, state.Serving, target.Serving), Reason: reason,
		}
		if target.Serving.Imported != nil {
			if asked, err = importOf(flag, environment, *target.Serving.Imported, reason); err != nil {
				return out, err
			}
		}
		r, revealed, err := d.submit(ctx, tx, by, asked)
		if err != nil {
			return out, err
		}
		view, err := d.view(ctx, tx, by, r)
		return RestoreOutcome{Request: &view, Revealed: revealed}, err
	}
	running, ok, err := rollout.Open(ctx, tx, flagKey)
	if err != nil {
		return out, err
	}
	// One that is ready waits for its owner, who sees what was done here.
	if ok && running.State != rollout.Ready && (running.Bakes(environment) || leads(running, environment)) {
		if err := rollout.Halt(ctx, tx, by, d.Now(), lifecycle.Of(flag), reason); err != nil {
			return out, err
		}
	}
	change := registry.Change{By: by, At: d.Now(), Reason: reason, RequestID: target.RequestID, Cause: registry.CauseRollback}
	if flag, err = registry.Serve(ctx, tx, change, flagKey, environment, target.Serving); err != nil {
		return out, err
	}
	state, _ = flag.In(environment)
	return RestoreOutcome{Revealed: map[string]int64{environment: state.Revision}}, nil
}

// backTo finds the revision to go back to.
func backTo(ctx context.Context, tx *store.Tx, flag registry.Flag, environment string, to int64, past []registry.Revision) (registry.Revision, error) {
	if to == 0 {
		state, _ := flag.In(environment)
		target, ok := registry.LastGood(state.Serving, past)
		if !ok {
			return target, fault.New(fault.Conflict, "nothing_to_go_back_to", "%s never served anything else in %s that was approved and not turned off",
				flag.Key, environment).Fix("turn it off, or ask for a change").Showing(flag)
		}
		return target, nil
	}
	target, ok, err := registry.RevisionAt(ctx, tx, flag.Key, environment, to)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "unknown_revision", "%s has no revision %d in %s", flag.Key, to, environment).At("to_revision").
			Fix("choose one of its history")
	}
	return target, err
}

// changeTo is the change that leads from one serving to another.
func changeTo(f registry.Flag, from, to registry.Serving) *FlagChange {
	change := &FlagChange{Mode: to.Mode, Audience: to.Audience, DefaultVariant: to.DefaultVariant}
	if to.Mode == registry.ServeAudience {
		change.Percent = &to.Percent
	}
	if len(to.Targeting) > 0 && json.Unmarshal(to.Targeting, &change.Targeting) != nil {
		change.Targeting = nil
	}
	for name := range from.Variants { // what is not said stays, so values of this environment alone are given up by name
		if value, ok := f.Variants[name]; ok {
			change.with(name, value)
		}
	}
	for name, value := range to.Variants {
		change.with(name, value)
	}
	return change
}

func (c *FlagChange) with(name string, value any) {
	if c.Variants == nil {
		c.Variants = map[string]any{}
	}
	c.Variants[name] = value
}
