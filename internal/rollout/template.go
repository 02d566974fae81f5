package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// Stages are the steps that a template writes, with a publisher's fields put in.
func Stages(d template.Document, fields map[string]any) []Stage {
	var stages []Stage
	for _, s := range d.Steps(fields) {
		stages = append(stages, Stage{
			Environment: s.Environment, Audience: s.Audience, Percent: s.Percent, Bake: s.BakeTime(), Promote: s.Promote,
		})
	}
	return stages
}

// Unstaged returns warnings of what a template's plan says and no rollout does: in production nothing is promoted by time alone, and a
// large first step is for a closed list alone. closed reports whether an audience is such a list.
func Unstaged(stages []Stage, environments []registry.Environment, closed func(audience string) bool) (found []fault.Finding) {
	warn := func(i int, member, code, message, remediation string) {
		found = append(found, fault.Finding{
			Severity: fault.SeverityWarning, Field: fmt.Sprintf("rollout[%d].%s", i, member), Code: code, Message: message, Remediation: remediation,
		})
	}
	first := true
	for i, stage := range stages {
		if !slices.ContainsFunc(environments, func(e registry.Environment) bool {
			return e.Name == stage.Environment && e.Tier == registry.TierProduction
		}) {
			continue
		}
		if stage.Promote == string(ByTime) {
			warn(i, "promote", "by_time", "in production nothing is promoted by time alone: this step will wait for a person", `write "promote": "person"`)
		}
		if first && stage.Percent > careful && !closed(stage.Audience) {
			warn(i, "percent", "large_first_step", fmt.Sprintf("the first step in production reaches %d %% at once; unless the audience is a closed list of fewer than %d people, smaller ones will come before it",
				stage.Percent, fewPeople), fmt.Sprintf("begin with %d %% or less", careful))
		}
		first = false
	}
	return found
}

// UnstagedIn is a step: Unstaged for the environments and the segments of the installation.
func UnstagedIn(ctx context.Context, tx *store.Tx, d template.Document) ([]fault.Finding, error) {
	if len(d.Rollout) == 0 {
		return nil, nil
	}
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return nil, err
	}
	segments, err := registry.Segments(ctx, tx)
	if err != nil {
		return nil, err
	}
	return Unstaged(Stages(d, nil), environments, func(audience string) bool {
		return slices.ContainsFunc(segments, func(s registry.Segment) bool { return s.Name == audience && s.Closed() })
	}), nil
}
