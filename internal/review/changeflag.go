package review

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// changingFlag is change_flag: what a flag serves in one environment.
type changingFlag struct {
	ofFlag
	Audience crowd // that it would be served to
}

func (*changingFlag) title(c Content) string {
	return fmt.Sprintf("Change %s in %s", quoted(c.FlagKey, "a switch"), quoted(c.Environment, "?"))
}

func (*changingFlag) takes() []string {
	return []string{"flag_key", "environment", "base_revision", "change"}
}

func (s *changingFlag) load(ctx context.Context, tx *store.Tx, r record, w World) error {
	if err := s.ofFlag.load(ctx, tx, r, w); err != nil || s.Flag == nil || r.content.Change == nil {
		return err
	}
	state, _ := s.Flag.In(r.content.Environment)
	var err error
	s.Audience, err = crowdOf(ctx, tx, s.Segments, r.content.Change.Over(*s.Flag, state.Serving).Audience)
	return err
}

func (s *changingFlag) base(c Content) any {
	if s.Flag == nil {
		return int64(0)
	}
	state, _ := s.Flag.In(c.Environment)
	return map[string]any{"revision": state.Revision, "read_only": s.Flag.ReadOnly}
}

// Over returns what the flag would serve instead of what it serves now.
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

// conflict refuses to change what is read-only, what is not as it was read, and what a rollout is at work on.
func (s *changingFlag) conflict(c Content, w World) *fault.Error {
	if s.Flag == nil {
		return nil
	}
	if e := readOnly(*s.Flag); e != nil {
		return e
	}
	if s.Flag.Imported != "" {
		return fault.New(fault.Conflict, "flag_imported", "%s was imported: what it serves is what its document says", s.Flag.Key).At("flag_key").
			Fix("change the document that it came from, and import it again").Showing(s.Flag)
	}
	state, _ := s.Flag.In(c.Environment)
	if c.BaseRevision != 0 && c.BaseRevision != state.Revision {
		return fault.New(fault.Conflict, "base_changed", "%s was changed in %s since you read it: you read revision %d, it is %d now",
			s.Flag.Key, c.Environment, c.BaseRevision, state.Revision).At("base_revision").
			Fix("look at what it serves now, and make your change to that").Showing(s.Flag)
	}
	environment, _ := w.environment(c.Environment)
	if s.Rollout == nil || c.Change == nil {
		return nil
	}
	widens := registry.Widens(*s.Flag, state.Serving, c.Change.Over(*s.Flag, state.Serving))
	if s.Rollout.Bakes(c.Environment) || environment.Governed && (widens || leads(*s.Rollout, c.Environment)) {
		return fault.New(fault.Conflict, "rollout_running", "a rollout of %s is %s", s.Flag.Key, s.Rollout.State).At("flag_key").
			Fix("wait until it is over, or abort it first").Showing(s.Rollout)
	}
	return nil
}

// readOnly returns why a flag cannot be changed any more; nil if it can.
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

func (s *changingFlag) check(c Content, w World) checked {
	seen := s.begin(c, w)
	environment, ok := w.environment(c.Environment)
	switch {
	case s.Flag == nil:
		return seen
	case !ok:
		seen.schema = append(seen.schema, w.unknownEnvironment(c.Environment))
		return seen
	case c.Change == nil:
		seen.schema = append(seen.schema, wrong("change", "required", "say what the switch is to do from then on", "it is not said what changes"))
		return seen
	}
	if !reflect.ValueOf(c.Change.SegmentChange).IsZero() {
		seen.schema = append(seen.schema, wrong("change", "not_for_this_kind", "leave out what is of an audience", "the change says something of an audience"))
	}
	state, _ := s.Flag.In(c.Environment)
	if !state.Live {
		seen.schema = append(seen.schema, wrong("flag_key", "flag_not_live", "wait until its request is approved",
			"%s is not in use in %s", c.FlagKey, c.Environment))
	}
	if c.BaseRevision == 0 {
		seen.schema = append(seen.schema, wrong("base_revision", "required",
			fmt.Sprintf("send the revision of the switch in %s that you read; it is %d now", c.Environment, state.Revision),
			"it is not said which state this changes"))
	}
	now, next := state.Serving, c.Change.Over(*s.Flag, state.Serving)
	problems := registry.CheckServing(*s.Flag, next, s.Segments)
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
	widens := registry.Widens(*s.Flag, now, next)
	seen.exposes, seen.lenient, seen.free = widens, !widens, !environment.Governed
	seen.says = map[string]any{"widens": widens, "change": c.Change.FlagChange, "before": now, "after": next}
	seen.findings = map[string]string{"fields.audiences": "change.audience", "fields.default": "change.default_variant"}
	if widens && environment.Governed && len(problems) == 0 {
		seen.plan, problems = rollout.PlanChange(s.stages(), *s.Flag, environment, now, next, s.Audience.planned())
		seen.schema = append(seen.schema, problems...)
	}
	seen.diff = append([]Change{{
		Path:  "flag." + s.Flag.Key + "." + c.Environment + ".serving",
		Words: fmt.Sprintf("In %s it is %s instead of %s", c.Environment, next.Words(), now.Words()), Before: now, After: next,
	}}, planChanges(seen.plan)...)
	seen.impact.Audience, seen.impact.People, seen.impact.Environments = next.Audience, s.Audience.People, []string{c.Environment}
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

// stages are those of the template of the flag, for the fields that it was made with, except whom it was made for: {audience} stands for
// whom the change is for.
func (s *changingFlag) stages() []rollout.Stage {
	if s.Template == nil {
		return nil
	}
	fields := maps.Clone(s.fields())
	delete(fields, "audiences")
	return rollout.Stages(s.Template.Document, fields)
}

// effect serves at once what gives nobody more than now, or what needs nobody's approval; all else goes through a rollout.
func (s *changingFlag) effect(ctx context.Context, m move, a Assessed) (map[string]int64, error) {
	c := m.r.content
	if len(a.Plan) > 0 {
		return s.leave(ctx, m, *s.Flag, a.Plan)
	}
	state, _ := s.Flag.In(c.Environment)
	flag, err := registry.Serve(ctx, m.tx, m.change(registry.CauseChanged), c.FlagKey, c.Environment, c.Change.Over(*s.Flag, state.Serving))
	if err != nil {
		return nil, err
	}
	state, _ = flag.In(c.Environment)
	return map[string]int64{c.Environment: state.Revision}, nil
}

func (s *changingFlag) audiences(a Assessed, w World) map[string][]string {
	c := a.Content
	if e, _ := w.environment(c.Environment); !e.Governed {
		return nil
	}
	state, _ := s.Flag.In(c.Environment)
	next := c.Change.Over(*s.Flag, state.Serving)
	names := append(registry.Refs(next.Targeting), next.Audience)
	slices.Sort(names)
	return map[string][]string{"": slices.Compact(names)}
}
