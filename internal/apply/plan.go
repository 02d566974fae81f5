package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/strict"
	"github.com/soukhq/souk/internal/template"
)

// state is what an installation is now, as far as documents can say.
type state struct {
	people       map[string]access.Person // those that documents name
	groups       map[string]access.Group  // those that documents name
	peopleNames  []string                 // all of them
	groupNames   []string                 // all of them
	environments map[string]registry.Environment
	segments     map[string]registry.Segment
	templates    map[string]template.Document // the latest version of those that documents name
	policies     map[string]string            // active module by package
	lifecycle    lifecycle.Rules
	allPlaces    []string // names of all environments
	asked        map[thing]asked
	apps         []string                 // slugs of those that are published
	applied      map[thing]map[string]any // what files last said
}

// decode reads the specs, in the order in which they are carried out.
func decode(documents []Document) (wishes []wish, findings []fault.Finding) {
	seen := map[string]bool{}
	for _, d := range documents {
		w := wish{Document: d}
		wrong := w.name(seen)
		if len(wrong) == 0 {
			wrong = w.read()
		}
		for _, f := range wrong {
			if f.File == "" {
				f.File = d.Source
			}
			f.Message = fmt.Sprintf("%s %s: %s", d.Kind, d.Name, f.Message)
			findings = append(findings, f)
		}
		if refuse(wrong) == nil {
			wishes = append(wishes, w)
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return a.Kind.order() - b.Kind.order() })
	return wishes, findings
}

// name gives the document the name that the thing is stored by, and refuses the second of its kind and name.
func (w *wish) name(seen map[string]bool) []fault.Finding {
	if w.Kind.order() < 0 {
		return []fault.Finding{strict.Finding("kind", "unknown_kind", meant(string(w.Kind), kindNames()), "the kind %q is not known", w.Kind)}
	}
	if w.Kind == Person {
		email, err := access.Email("metadata.name", w.Name)
		if err != nil {
			return findingsOf(err)
		}
		w.Name = email
	}
	key := string(w.Kind) + " " + w.Name
	if seen[key] {
		return []fault.Finding{strict.Finding("metadata.name", "duplicate", "keep one of them", "it is described twice")}
	}
	seen[key] = true
	return nil
}

// diff decides, for each wish, what has to be done, and what cannot be.
func diff(now state, wishes []wish) (Plan, []fault.Finding) {
	d := &differ{now: now, groups: groupsOf(wishes), people: slices.Clone(now.peopleNames), apps: slices.Clone(now.apps), places: slices.Clone(now.allPlaces)}
	names := slices.Clone(now.groupNames)
	for _, w := range wishes {
		if w.Kind == Group {
			names = append(names, w.Name)
		}
		if w.Kind == Person {
			d.people = append(d.people, w.Name)
		}
		if w.Kind == App {
			d.apps = append(d.apps, w.Name)
		}
		if w.Kind == Environment {
			d.places = append(d.places, w.Name)
		}
	}
	d.groupNames = names
	plan := Plan{Steps: []Step{}, Warnings: []fault.Finding{}, Revealed: map[string]int64{}}
	for _, w := range wishes {
		step := Step{Action: Keep, Kind: w.Kind, Name: w.Name, Source: w.Source, Changes: []Change{}, Requests: []string{}}
		if w.Kind == App || w.Kind == Flag {
			plan.Steps = append(plan.Steps, d.ask(w, step))
			continue
		}
		before, after, exists := d.compare(w)
		step.Changes, step.wanted = changes(before, after), after
		drifted(step.Changes, now.applied[thing{w.Kind, w.Name}])
		switch {
		case !exists:
			step.Action = Create
		case len(step.Changes) > 0:
			step.Action = Update
		}
		plan.Steps = append(plan.Steps, step)
	}
	plan.Warnings = append(plan.Warnings, d.warnings...)
	return plan, d.findings
}

type differ struct {
	now        state
	groups     map[string]access.GroupSpec // the documents' groups
	groupNames []string                    // those there will be
	people     []string                    // those there will be
	apps       []string                    // those there will be
	places     []string                    // environments there will be
	findings   []fault.Finding
	warnings   []fault.Finding
}

// compare gives what the thing is and will be, member by member.
func (d *differ) compare(w wish) (before, after map[string]any, exists bool) {
	switch w.Kind {
	case Person:
		return d.person(w)
	case Group:
		return d.group(w)
	case Environment:
		now, exists := d.now.environments[w.Name]
		return members(environmentSpec{now.Position, now.Tier, now.Governed}, exists), members(w.environment, true), exists
	case Segment:
		now, exists := d.now.segments[w.Name]
		d.known(w, "spec.groups", "group", w.segment.Groups, d.groupNames)
		return members(specOf(now), exists), members(specOf(w.segment.of(w.Name)), true), exists
	case Template:
		now, exists := d.now.templates[w.Name]
		return members(now, exists), members(w.template, true), exists
	case Policy:
		now, exists := d.now.policies[w.Name]
		return members(policySpec{now}, exists), members(w.policy, true), exists
	case Lifecycle:
		return members(d.now.lifecycle, true), members(w.lifecycle, true), true
	case App, Flag: // asked for
	}
	return nil, nil, false
}

// person compares what a document says of a person. Groups are only added, and only where the group does not list its
// members itself.
func (d *differ) person(w wish) (before, after map[string]any, exists bool) {
	now, exists := d.now.people[w.Name]
	d.known(w, "spec.groups", "group", w.person.Groups, d.groupNames)
	will := map[string]any{"display_name": w.person.DisplayName, "agent": w.person.Agent, "active": !exists || now.Active, "groups": sorted(now.Groups)}
	if w.person.DisplayName == "" {
		will["display_name"] = w.Name
	}
	if w.person.Active != nil {
		will["active"] = *w.person.Active
	}
	joined := sorted(now.Groups)
	for i, name := range w.person.Groups {
		listed, lists := d.now.listed(d.groups, name)
		switch {
		case !lists:
			joined = append(joined, name)
		case !slices.ContainsFunc(listed.Members, func(m string) bool { return strings.EqualFold(m, w.Name) }):
			d.warnings = append(d.warnings, fault.Finding{
				Severity: fault.SeverityWarning, File: w.Source, Field: fmt.Sprintf("spec.groups[%d]", i), Code: "group_lists_members",
				Message:     fmt.Sprintf("%s is not added to %s, which lists its members itself", w.Name, name),
				Remediation: fmt.Sprintf("add %s to the members of %s, or leave the members of the group out", w.Name, name),
			})
		}
	}
	will["groups"] = sorted(joined)
	if !exists {
		return nil, will, false
	}
	return map[string]any{"display_name": now.DisplayName, "agent": now.Agent, "active": now.Active, "groups": sorted(now.Groups)}, will, true
}

// listed returns the members of a group once the documents are applied, and reports whether it lists them itself. Nobody is added to
// such a one by a document of their own.
func (now state) listed(documents map[string]access.GroupSpec, name string) (g access.GroupSpec, lists bool) {
	if g, described := documents[name]; described {
		return g, g.Members != nil
	}
	return access.GroupSpec{Members: now.groups[name].Members}, now.groups[name].Lists
}

// groupsOf are the groups among the documents.
func groupsOf(wishes []wish) map[string]access.GroupSpec {
	groups := map[string]access.GroupSpec{}
	for _, w := range wishes {
		if w.Kind == Group {
			groups[w.Name] = w.group
		}
	}
	return groups
}

func (d *differ) group(w wish) (before, after map[string]any, exists bool) {
	now, exists := d.now.groups[w.Name]
	d.known(w, "spec.members", "person", w.group.Members, d.people)
	joinable := now.Joinable // absent leaves it as it is
	if w.group.Joinable != nil {
		joinable = *w.group.Joinable
	}
	room := now.MaxMembers
	if w.group.MaxMembers != nil {
		room = *w.group.MaxMembers
	}
	of := func(title string, roles []access.Role, domains []access.Domain, delegated, joinable bool, room int, scope access.ApprovalScope, lists bool, names []string) map[string]any {
		m := members(struct {
			Title     string               `json:"title"`
			Roles     []access.Role        `json:"roles"`
			Domains   []access.Domain      `json:"domains"`
			Delegated bool                 `json:"delegated"`
			Joinable  bool                 `json:"joinable"`
			Room      int                  `json:"max_members"`
			Scope     access.ApprovalScope `json:"scope"`
		}{title, sorted(roles), sorted(domains), delegated, joinable, room, access.ApprovalScope{
			Apps: sorted(scope.Apps), Categories: sorted(scope.Categories), Environments: sorted(scope.Environments),
		}}, true)
		m["members"] = nil
		if lists {
			m["members"] = members(map[string]any{"list": sorted(names)}, true)["list"]
		}
		return m
	}
	title := w.group.Title
	if title == "" {
		title = w.Name
	}
	lower := make([]string, len(w.group.Members))
	for i, m := range w.group.Members {
		lower[i] = strings.ToLower(m)
	}
	after = of(title, w.group.Roles, w.group.Domains, w.group.Delegated, joinable, room, w.group.Scope, w.group.Members != nil, lower)
	if exists {
		before = of(now.Title, now.Roles, now.Domains, now.Delegated, now.Joinable, now.MaxMembers, now.Scope, now.Lists, now.Members)
	}
	return before, after, exists
}

// known reports names that neither the installation nor a document has.
func (d *differ) known(w wish, field, what string, names, among []string) {
	for i, name := range names {
		if !slices.ContainsFunc(among, func(other string) bool { return strings.EqualFold(other, name) }) {
			d.findings = append(d.findings, fault.Finding{
				Severity: fault.SeverityError, File: w.Source, Field: fmt.Sprintf("%s[%d]", field, i), Code: "unknown_" + what,
				Message: fmt.Sprintf("%s %s: there is no %s %q", w.Kind, w.Name, what, name), Remediation: meant(name, among),
			})
		}
	}
}

// changes tells the members that differ, by name. What did not exist before differs in all that is not empty.
func changes(before, after map[string]any) []Change {
	found := []Change{}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, is := before[name], after[name]
		if reflect.DeepEqual(was, is) || before == nil && empty(is) {
			continue
		}
		found = append(found, Change{Field: name, Before: was, After: is})
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[name]; !kept {
			found = append(found, Change{Field: name, Before: before[name]})
		}
	}
	return found
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// members gives the JSON members of v, so that both sides of a comparison have the same types; nil if the thing is not there.
func members(v any, exists bool) map[string]any {
	if !exists {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // specs are made of texts, numbers and lists
	}
	var m map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&m); err != nil {
		panic(fmt.Sprintf("decode %T: %v", v, err))
	}
	return m
}

// sorted gives the items in order, each once; never nil, so that no list and an empty list are the same.
func sorted[T ~string](items []T) []T {
	if len(items) == 0 {
		return []T{}
	}
	return slices.Compact(slices.Sorted(slices.Values(items)))
}
