package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// Exported is what an installation is, as documents that make another one the same.
type Exported struct {
	Documents []Document      `json:"documents" nullable:"false" doc:"In the order in which they are carried out"`
	Warnings  []fault.Finding `json:"warnings" nullable:"false" doc:"What no document can say"`
}

// Export returns the documents of an installation as of one transaction: people, groups, environments, segments, templates, policies,
// the lifecycle, and the apps that the marketplace lists. Templates and policies that every installation begins with are left out. What
// flags serve, kills and credentials are not in it.
func (t *Target) Export(ctx context.Context, by access.Actor) (Exported, error) {
	if err := access.Can(by, access.Backup, access.Scope{}); err != nil {
		return Exported{}, err
	}
	x := &exporter{out: Exported{Documents: []Document{}, Warnings: []fault.Finding{}}}
	err := t.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, read := range []func(context.Context, *store.Tx) error{
			x.environments, x.directory, x.segments, x.templates, x.policies, x.lifecycle, x.apps,
		} {
			if err := read(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Exported{}, err
	}
	if n := len(x.out.Documents); n > maxDocuments {
		x.warn("too_many", "apply the folder in parts, its people first",
			"there are %d documents, and an apply takes %d", n, maxDocuments)
	}
	return x.out, nil
}

type exporter struct{ out Exported }

func (x *exporter) add(kind Kind, name string, spec any) error {
	raw, err := encode(spec)
	if err != nil {
		return fmt.Errorf("export %s %s: %w", kind, name, err)
	}
	x.out.Documents = append(x.out.Documents, Document{Kind: kind, Name: name, Spec: raw})
	return nil
}

func (x *exporter) warn(code, fix, format string, args ...any) {
	x.out.Warnings = append(x.out.Warnings, fault.Finding{
		Severity: fault.SeverityWarning, Code: code, Message: fmt.Sprintf(format, args...), Remediation: fix,
	})
}

// encode returns v as JSON whose texts stay as they are read.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := write(&b, v)
	return b.Bytes(), err
}

// said are the members of a spec that say something: those that are empty mean the same when they are absent.
func said(spec any) map[string]any {
	all := members(spec, true)
	maps.DeleteFunc(all, func(_ string, value any) bool { return empty(value) })
	return all
}

func (x *exporter) environments(ctx context.Context, tx *store.Tx) error {
	all, err := registry.Environments(ctx, tx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := x.add(Environment, e.Name, said(environmentSpec{e.Position, e.Tier, e.Governed})); err != nil {
			return err
		}
	}
	return nil
}

// directory exports people and groups. A membership stands at the group where that lists its members, else at the person.
func (x *exporter) directory(ctx context.Context, tx *store.Tx) error {
	groups, err := access.AllGroups(ctx, tx)
	if err != nil {
		return err
	}
	people, err := access.AllPeople(ctx, tx)
	if err != nil {
		return err
	}
	lists := map[string]bool{}
	for _, g := range groups {
		lists[g.Name] = g.Lists
	}
	for _, p := range people {
		spec := access.PersonSpec{Agent: p.Agent, Groups: slices.DeleteFunc(p.Groups, func(name string) bool { return lists[name] })}
		if p.DisplayName != p.Email {
			spec.DisplayName = p.DisplayName
		}
		if !p.Active { // left out of all others, so that old files let nobody in who was deactivated since
			spec.Active = &p.Active
		}
		if err := x.add(Person, p.Email, spec); err != nil {
			return err
		}
	}
	for _, g := range groups {
		spec := access.GroupSpec{
			Title: g.Title, Roles: g.Roles, Domains: g.Domains, Delegated: g.Delegated, Scope: g.Scope, Joinable: &g.Joinable, MaxMembers: &g.MaxMembers,
		}
		if g.Lists {
			spec.Members = g.Members
		}
		if err := x.add(Group, g.Name, spec); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) segments(ctx context.Context, tx *store.Tx) error {
	all, err := registry.Segments(ctx, tx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := x.add(Segment, s.Name, said(specOf(s))); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) templates(ctx context.Context, tx *store.Tx) error {
	starters, err := template.Starters()
	if err != nil {
		return err
	}
	begins := map[string]json.RawMessage{}
	for _, s := range starters {
		if begins[s.TemplateID], err = encode(s); err != nil {
			return fmt.Errorf("encode starter template: %w", err)
		}
	}
	all, err := template.Latest(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range all {
		raw, err := encode(t.Document)
		if err != nil {
			return fmt.Errorf("encode template: %w", err)
		}
		starter, ships := begins[t.TemplateID]
		switch {
		case !t.Active && ships:
			x.warn("template_retired", "retire it there as well", "the template %s, which every installation begins with, is retired here", t.TemplateID)
		case !t.Active:
			x.warn("template_retired", "activate it before, if it is to be used there", "the template %s is retired and left out", t.TemplateID)
		case bytes.Equal(raw, starter):
		default:
			if err := x.add(Template, t.TemplateID, raw); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *exporter) policies(ctx context.Context, tx *store.Tx) error {
	library, err := policy.StandardLibrary()
	if err != nil {
		return err
	}
	all, err := policy.All(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range all {
		same := slices.ContainsFunc(library, func(m policy.Module) bool { return m.Name == p.Name && m.Source == p.Source })
		switch {
		case !p.Active && p.OffFirst, p.Active && !p.OffFirst && same:
		case !p.Active && p.Origin == policy.Standard:
			x.warn("policy_off", "switch it off there as well", "the policy %s, which every installation begins with, is switched off here", p.Name)
		case !p.Active:
			x.warn("policy_off", "switch it on before, if it is to judge there", "the policy %s is switched off and left out", p.Name)
		default:
			if err := x.add(Policy, p.Name, policySpec{p.Source}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *exporter) lifecycle(ctx context.Context, tx *store.Tx) error {
	rules, err := lifecycle.DefaultRules(ctx, tx)
	if err != nil {
		return err
	}
	return x.add(Lifecycle, defaultLifecycle, rules)
}

// apps exports each app as it is now, with what its first flag was asked for by.
func (x *exporter) apps(ctx context.Context, tx *store.Tx) error {
	all, err := catalog.All(ctx, tx)
	if err != nil {
		return err
	}
	published, err := review.Published(ctx, tx)
	if err != nil {
		return err
	}
	for _, a := range all {
		if !a.Listed {
			continue
		}
		asked := published[a.Slug]
		err := x.add(App, a.Slug, appSpec{
			Name: a.Name, Description: a.Description, Category: a.Category, Owner: a.Owner, Contact: a.Contact, Kind: string(a.Kind), URL: a.URL,
			Data:       a.Data,
			TemplateID: asked.TemplateID, Fields: asked.Fields, RemovalPlan: asked.RemovalPlan,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
