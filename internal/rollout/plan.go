package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
)

// Stage is a step as a template writes it. The audience {audience} stands for the one that was asked for; an empty
// promotion is the usual one.
type Stage struct {
	Environment string
	Audience    string
	Percent     int
	Bake        time.Duration
	Promote     string // guard, person, time or empty
}

// Placeholder is what a template writes for the audience that was asked for.
const Placeholder = "{audience}"

const (
	// fewPeople is the number of people under which shares of an audience say nothing.
	fewPeople = 200
	// careful is the largest share, in percent, that a plan may begin with in production, except for few people.
	careful  = 25
	maxBake  = 90 * 24 * time.Hour
	maxSteps = 50
)

// Few reports whether shares of so many people say nothing, so that a switch may come to all of them at once.
func Few(people int) bool { return people < fewPeople }

// Plan makes the steps of a rollout to an audience: those of the template, or else staging for everybody and then growing shares of the
// audience in production. people is how many are on the closed list that the audience is, and fewer than 0 if it is none: nobody knows
// then how many it may reach, so that production is reached in no large step (guarded). What keeps a plan from working is a finding, at a
// path within the template or at fields.audiences; without findings there are steps.
func Plan(stages []Stage, audience string, people int, environments []registry.Environment) ([]Step, []fault.Finding) {
	environments = slices.Clone(environments)
	slices.SortFunc(environments, func(a, b registry.Environment) int { return a.Position - b.Position })
	if len(stages) == 0 {
		stages = usual(people, environments)
	}
	written := stages
	stages = guarded(stages, people, environments)
	p := planner{audience: audience, people: people, environments: environments, last: -1}
	if strings.TrimSpace(audience) == "" {
		p.report("fields.audiences", "no_audience", "nobody is named that the flag is for", "choose an audience")
	}
	if len(stages) > maxSteps {
		p.report("rollout", "too_many_steps", fmt.Sprintf("the plan has %d steps; at most %d are allowed", len(stages), maxSteps), "leave some out")
	}
	steps := make([]Step, 0, len(stages))
	for _, stage := range stages {
		steps = append(steps, p.step(fmt.Sprintf("rollout[%d]", max(slices.Index(written, stage), 0)), stage))
	}
	if !p.production {
		p.report("rollout", "no_production_step", "no step of the plan reaches production", "add a step in a production environment")
	}
	if len(p.found) > 0 {
		return nil, p.found
	}
	return steps, nil
}

// guarded returns the stages with smaller shares before the first one in each production environment, if that is a large one and the
// audience is no closed list of few people.
func guarded(stages []Stage, people int, environments []registry.Environment) []Stage {
	if people >= 0 && people < fewPeople {
		return stages
	}
	stages = slices.Clone(stages)
	for _, e := range environments {
		i := slices.IndexFunc(stages, func(s Stage) bool { return s.Environment == e.Name })
		if e.Tier != registry.TierProduction || i < 0 || stages[i].Percent <= careful || stages[i].Percent > 100 {
			continue
		}
		smaller := sharesBelow(stages[i].Percent, people, e)
		for j := range smaller {
			smaller[j].Audience = stages[i].Audience
		}
		stages = slices.Insert(stages, i, smaller...)
	}
	return stages
}

// sharesBelow are the usual shares in an environment that are smaller than one, in percent.
func sharesBelow(percent, people int, e registry.Environment) []Stage {
	return slices.DeleteFunc(usual(people, []registry.Environment{e}), func(s Stage) bool { return s.Percent >= percent })
}

// usual is the plan of a template that has none: environments for tests in their order, then production.
func usual(people int, environments []registry.Environment) []Stage {
	var stages []Stage
	for _, e := range environments {
		switch e.Tier {
		case registry.TierSandbox: // an approved flag is on there at once
		case registry.TierTest:
			stages = append(stages, Stage{Environment: e.Name, Percent: 100, Bake: 10 * time.Minute})
		case registry.TierProduction:
			if people < 0 || people >= fewPeople {
				stages = append(stages,
					Stage{Environment: e.Name, Audience: Placeholder, Percent: 5, Bake: 30 * time.Minute},
					Stage{Environment: e.Name, Audience: Placeholder, Percent: 25, Bake: time.Hour},
					Stage{Environment: e.Name, Audience: Placeholder, Percent: 50, Bake: 2 * time.Hour})
			}
			stages = append(stages, Stage{Environment: e.Name, Audience: Placeholder, Percent: 100, Bake: time.Hour})
		}
	}
	return stages
}

type planner struct {
	audience     string
	people       int
	environments []registry.Environment
	last         int // index of the environment of the step before
	before       Step
	production   bool
	found        []fault.Finding
}

func (p *planner) report(field, code, message, remediation string) {
	p.found = append(p.found, fault.Finding{
		Severity: fault.SeverityError, Field: field, Code: code, Message: message, Remediation: remediation,
	})
}

func (p *planner) step(path string, stage Stage) Step {
	step := Step{
		Environment: stage.Environment, Audience: strings.ReplaceAll(stage.Audience, Placeholder, p.audience),
		Percent: stage.Percent, BakeSeconds: int64(stage.Bake / time.Second), State: StepPending,
	}
	if stage.Percent < 1 || stage.Percent > 100 {
		p.report(path+".percent", "out_of_range", fmt.Sprintf("a step reaches 1 to 100 percent, not %d", stage.Percent), "give a percentage from 1 to 100")
	}
	if stage.Bake < 0 || stage.Bake > maxBake {
		p.report(path+".bake", "out_of_range", "a step bakes for at most 90 days", "give a time such as 30m or 24h")
	}
	i := slices.IndexFunc(p.environments, func(e registry.Environment) bool { return e.Name == stage.Environment })
	if i < 0 {
		p.report(path+".environment", "unknown_environment", fmt.Sprintf("there is no environment %q", stage.Environment), p.choices(stage.Environment))
		step.Promote = p.promotion(path, stage, registry.TierTest)
		return step
	}
	environment := p.environments[i]
	switch environment.Tier {
	case registry.TierSandbox:
		p.report(path+".environment", "step_in_sandbox", fmt.Sprintf("%s needs no step: an approved flag is on there at once", environment.Name), "leave the step out")
	case registry.TierTest:
	case registry.TierProduction:
		p.production = true
		if step.Audience == "" {
			step.Audience = p.audience
		}
		step.few(p.audience, p.people)
	}
	if step.Audience == "" && step.Percent < 100 {
		p.report(path+".audience", "no_audience", "a step for a share needs to say of whom", "add the audience "+Placeholder)
	}
	if i < p.last {
		p.report(path+".environment", "step_order", fmt.Sprintf("%s comes before %s", environment.Name, p.before.Environment), "put the steps in the order of the environments")
	}
	if i == p.last && step.Audience == p.before.Audience && step.Percent <= p.before.Percent {
		p.report(path+".percent", "share_shrinks", fmt.Sprintf("the step before reaches %d percent already", p.before.Percent), "let the share grow from step to step")
	}
	step.Promote = p.promotion(path, stage, environment.Tier)
	p.last, p.before = i, step
	return step
}

// few notes how many people are in the audience of the step, if that is a closed list of few.
func (s *Step) few(audience string, people int) {
	if s.Audience == audience && people >= 0 && people < fewPeople {
		s.People = &people
	}
}

// promotion is what ends a step. In production nothing goes on by time alone, whatever is written; a guard's steps are a person's for as
// long as nothing measures.
func (p *planner) promotion(path string, stage Stage, tier registry.Tier) Promotion {
	switch stage.Promote {
	case string(ByPerson), "guard":
		return ByPerson
	case string(ByTime), "":
		if tier == registry.TierProduction {
			return ByPerson
		}
		return ByTime
	}
	p.report(path+".promote", "unknown_promotion", fmt.Sprintf("%q is not a way to go on", stage.Promote), "choose guard, person or time")
	return ByPerson
}

func (p *planner) choices(word string) string {
	names := make([]string, len(p.environments))
	for i, e := range p.environments {
		names[i] = e.Name
	}
	return fault.Meant(word, names, "choose "+strings.Join(names, ", "))
}
