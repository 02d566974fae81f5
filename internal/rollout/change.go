package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// change tells whether the rollout leads a flag that is out already to another serving.
func (r Rollout) change() bool {
	return len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].Serving != nil
}

// PlanChange makes the steps that lead an environment from what a flag serves there to something else: the steps of the
// template for that environment, or else the usual growing shares in production, and the whole change at the end. In each step
// a share of the people, and with them all of the steps before, has what the change gives; all others keep what they had.
// So nobody goes back and forth, and nobody who has the flag before and after loses it between. people is as for Plan. What keeps a plan from working is a finding at a path within the template.
func PlanChange(
	stages []Stage, f registry.Flag, environment registry.Environment, from, to registry.Serving, people int,
) ([]Step, []fault.Finding) {
	if from.Equal(to) {
		return nil, nil
	}
	p := changer{flag: f, environment: environment, people: people, from: from.Tidy(), to: to.Tidy()}
	var own []Stage
	for _, stage := range stages {
		if stage.Environment == environment.Name {
			own = append(own, stage)
		}
	}
	if len(own) == 0 {
		own = usual(people, []registry.Environment{environment})
	}
	if len(own) == 0 {
		own = []Stage{{Environment: environment.Name, Audience: Placeholder, Percent: 100}}
	}
	own = p.small(guarded(own, people, []registry.Environment{environment}))
	if !registry.Mixable(f, from, to) { // another value of the same variant comes to all at once
		same := to
		same.Variants = from.Variants
		if (people < 0 || !Few(people)) && registry.Widens(f, from, same) {
			return nil, []fault.Finding{{
				Severity: fault.SeverityError, Field: "change.variants", Code: "values_and_people",
				Message:     "other values come to everybody who has the switch at once, so that they are not changed together with whom it is for",
				Remediation: "change the values first, and whom it is for by a change of its own",
			}}
		}
		own = own[len(own)-1:]
		own[0].Audience, own[0].Percent = Placeholder, 100
	}
	if len(own) > maxSteps {
		own = own[len(own)-maxSteps:]
	}
	for i, stage := range own {
		p.step(fmt.Sprintf("rollout[%d]", max(slices.Index(stages, stage), 0)), stage, i == len(own)-1)
	}
	if len(p.found) > 0 {
		return nil, p.found
	}
	return p.steps, nil
}

type changer struct {
	flag        registry.Flag
	environment registry.Environment
	people      int
	from, to    registry.Serving
	moved       []registry.Share // who has what the change gives
	steps       []Step
	found       []fault.Finding
}

// small returns the stages with small shares of those whom the change is for before its first large one, in production and except for few
// people: a template may name others for its first steps, who say nothing of what comes to these.
func (p *changer) small(stages []Stage) []Stage {
	if p.environment.Tier != registry.TierProduction || p.people >= 0 && Few(p.people) {
		return stages
	}
	first := slices.IndexFunc(stages, func(s Stage) bool {
		return s.Audience == Placeholder || p.to.Mode == registry.ServeAudience && s.Audience == p.to.Audience
	})
	if first < 0 {
		return append(stages, usual(p.people, []registry.Environment{p.environment})...)
	}
	if stages[first].Percent <= careful {
		return stages
	}
	return slices.Insert(stages, first, sharesBelow(stages[first].Percent, p.people, p.environment)...)
}

func (p *changer) step(path string, stage Stage, last bool) {
	if stage.Percent < 1 || stage.Percent > 100 || stage.Bake < 0 || stage.Bake > maxBake {
		p.found = append(p.found, fault.Finding{
			Severity: fault.SeverityError, Field: path, Code: "out_of_range",
			Message: "a step reaches 1 to 100 percent and bakes for at most 90 days", Remediation: "mend the template",
		})
		return
	}
	share := registry.Share{Percent: stage.Percent}
	if stage.Audience != Placeholder {
		share.Audience = stage.Audience
	}
	whole := share.Percent == 100 && share.Audience == ""
	step := Step{
		Environment: p.environment.Name, Audience: share.Audience, Percent: stage.Percent,
		BakeSeconds: int64(stage.Bake / time.Second), State: StepPending,
		Promote: (&planner{}).promotion(path, stage, p.environment.Tier),
	}
	if step.Audience == "" && p.to.Mode == registry.ServeAudience {
		step.Audience = p.to.Audience
	}
	next := p.to
	if !whole {
		p.moved = append(p.moved, share)
		next = registry.Between(p.flag, p.from, p.to, p.moved)
	}
	before := p.from
	if len(p.steps) > 0 {
		before = *p.steps[len(p.steps)-1].Serving
	}
	if !next.Equal(before) { // a share that everybody of has it already needs no step
		step.Serving = &next
		if next.Mode == registry.ServeAudience {
			step.Percent = max(next.Percent, 1)
		}
		p.add(step)
	}
	if last && !next.Equal(p.to) {
		final := p.to
		step.Serving, step.Percent, step.Audience = &final, 100, ""
		if p.to.Mode == registry.ServeAudience {
			step.Audience, step.Percent = p.to.Audience, max(p.to.Percent, 1)
		}
		p.add(step)
	}
}

func (p *changer) add(step Step) {
	if p.environment.Tier == registry.TierProduction {
		step.few(p.to.Audience, p.people)
	}
	p.steps = append(p.steps, step)
}

// Halt aborts what is not over of a flag's rollout, if anything is; what SDKs see stays. The event is rollout.aborted.
func Halt(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, flag lifecycle.Ident, reason string) error {
	r, ok, err := Unfinished(ctx, tx, flag.Key)
	if err != nil || !ok {
		return err
	}
	_, err = motion{by: by, at: stored(at), ident: flag, reason: reason}.abort(ctx, tx, r, "")
	return err
}

// Open gives the rollout of a flag that is not over; ok is false if there is none.
func Open(ctx context.Context, tx *store.Tx, key string) (r Rollout, ok bool, err error) {
	return Unfinished(ctx, tx, key)
}

// Bakes tells whether a rollout is under way in an environment, or has been there and is on its way to another.
func (r Rollout) Bakes(environment string) bool {
	if r.State != Running && r.State != Paused {
		return false
	}
	return slices.ContainsFunc(r.Steps[:r.Current+1], func(s Step) bool { return s.Environment == environment })
}
