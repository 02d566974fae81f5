package apply

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// prune finds what earlier documents named and these do not. Where it is asked for, the plan removes it, the last kind first;
// else it only says so. What no file ever named is left alone.
func (p *Plan) prune(applied map[thing]map[string]any, wishes []wish, wanted bool) {
	var gone []thing
	for what := range maps.Keys(applied) {
		if what.kind.prunable() && !slices.ContainsFunc(wishes, func(w wish) bool { return w.Kind == what.kind && w.Name == what.name }) {
			gone = append(gone, what)
		}
	}
	slices.SortFunc(gone, func(a, b thing) int { return cmp.Or(b.kind.order()-a.kind.order(), cmp.Compare(a.name, b.name)) })
	if len(gone) > 0 && !wanted {
		p.Warnings = append(p.Warnings, fault.Finding{
			Severity: fault.SeverityWarning, Code: "not_in_files",
			Message:     fmt.Sprintf("%s %s%s came from files and is in none of these", gone[0].kind, gone[0].name, others(len(gone)-1)),
			Remediation: "leave it, or remove it with --prune",
		})
		return
	}
	for _, what := range gone {
		p.Steps = append(p.Steps, Step{
			Action: Remove, Kind: what.kind, Name: what.name, Changes: changes(applied[what], nil), Requests: []string{},
		})
	}
}

func others(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " and one other"
	}
	return fmt.Sprintf(" and %d others", n)
}

// prunable tells whether a thing can go because files no longer name it. Environments hold the values of every flag; the
// lifecycle has a default always; apps and flags end by requests.
func (k Kind) prunable() bool {
	switch k {
	case Person, Group, Segment, Template, Policy:
		return true
	case Environment, Lifecycle, App, Flag:
	}
	return false
}

// remove takes away what files no longer name: people can no longer sign in, templates can no longer be chosen, all else is
// gone. What is gone already is fine.
func (t *Target) remove(ctx context.Context, by access.Actor, step Step) error {
	switch step.Kind {
	case Person:
		now, err := t.Directory.Person(ctx, by, step.Name)
		if err != nil {
			return unlessGone(err)
		}
		inactive := false
		_, _, err = t.Directory.PutPerson(ctx, by, step.Name,
			access.PersonSpec{DisplayName: now.DisplayName, Agent: now.Agent, Active: &inactive}, now.Revision)
		return err
	case Group:
		now, err := t.Directory.Group(ctx, by, step.Name)
		if err != nil {
			return unlessGone(err)
		}
		return unlessGone(t.Directory.DeleteGroup(ctx, by, step.Name, now.Revision))
	case Segment:
		var now registry.Segment
		var ok bool
		err := t.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			now, ok, err = registry.SegmentNamed(ctx, tx, step.Name)
			return err
		})
		if err != nil || !ok {
			return err
		}
		return unlessGone(t.Registry.DeleteSegment(ctx, by, step.Name, now.Revision))
	case Template:
		_, err := t.Library.SetActive(ctx, by, step.Name, false)
		return unlessGone(err)
	case Policy:
		now, err := t.Engine.Get(ctx, by, step.Name)
		if err != nil {
			return unlessGone(err)
		}
		return unlessGone(t.Engine.Delete(ctx, by, step.Name, now.Revision))
	case Environment, Lifecycle, App, Flag:
	}
	return fmt.Errorf("a %s cannot be removed", step.Kind)
}

func unlessGone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
