package review

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/template"
)

// maxValue bounds what a change shows of a value, in bytes of JSON: more than any form takes.
const maxValue = 64 << 10

// shortened keeps what somebody sent from coming back several times as long.
func shortened(changes []Change) []Change {
	for i, c := range changes {
		changes[i].Path, changes[i].Words = fault.Clip(c.Path, maxWords), fault.Clip(c.Words, maxWords)
		for _, value := range []*any{&changes[i].Before, &changes[i].After} {
			if text, err := json.Marshal(*value); err == nil && len(text) > maxValue {
				*value = fault.Clip(string(text), maxWords)
			}
		}
	}
	return changes
}

// planChanges tells the steps of a rollout as changes.
func planChanges(plan []rollout.Step) []Change {
	var changes []Change
	for i, step := range plan {
		changes = append(changes, Change{
			Path: "rollout." + step.Environment, After: step,
			Words: fmt.Sprintf("Step %d of the rollout, in %s: %s", i+1, step.Environment, stepWords(step)),
		})
	}
	return changes
}

func stepWords(s rollout.Step) string {
	if s.Serving != nil {
		return s.Serving.Words()
	}
	serving := registry.Serving{Mode: registry.ServeAudience, Audience: s.Audience, Percent: s.Percent}
	if s.Audience == "" {
		serving.Audience = "everybody"
	}
	return serving.Words()
}

// changed lists what differs of what is asked for: the app's members, the template's fields, the rest.
func changed(before, after Content, t template.Document) []Change {
	return compare(membersOf(before, t), membersOf(after, t))
}

// edited lists all that an edit changes, also what is no part of what is asked for: why, and from which revision.
func edited(before, after Content, t template.Document) []Change {
	aside := func(c Content) []member {
		members := membersOf(c, t)
		if c.Reason != "" {
			members = append(members, member{"reason", "Reason", c.Reason})
		}
		if c.BaseRevision != 0 {
			members = append(members, member{"base_revision", "Revision that it changes", c.BaseRevision})
		}
		if strange := strangeFields(c, t); strange != "" {
			members = append(members, member{"fields", "Fields that the template does not have", strange})
		}
		return members
	}
	return compare(aside(before), aside(after))
}

// compare lists the members that differ.
func compare(was, is []member) []Change {
	changes := []Change{}
	add := func(path, label string, before, after any) {
		if !reflect.DeepEqual(before, after) {
			changes = append(changes, Change{Path: path, Words: changeWords(label, before, after), Before: before, After: after})
		}
	}
	for _, m := range is {
		old := slices.IndexFunc(was, func(w member) bool { return w.path == m.path })
		if old < 0 {
			add(m.path, m.label, nil, m.value)
		} else {
			add(m.path, m.label, was[old].value, m.value)
		}
	}
	for _, m := range was {
		if !slices.ContainsFunc(is, func(n member) bool { return n.path == m.path }) {
			add(m.path, m.label, m.value, nil)
		}
	}
	return changes
}

// member is one thing that a content says.
type member struct {
	path, label string
	value       any
}

// membersOf lists what a content says, leaving out what it does not.
func membersOf(c Content, t template.Document) []member {
	var members []member
	app := appOf(c)
	text := func(path, label, value string) {
		if value != "" {
			members = append(members, member{path, label, value})
		}
	}
	text("app.name", "App", app.Name)
	text("app.slug", "Short name", app.Slug)
	text("app.description", "Description", app.Description)
	text("app.category", "Category", app.Category)
	text("app.owner", "Owner team", app.Owner)
	text("app.contact", "Contact", app.Contact)
	text("app.kind", "Kind of app", app.Kind)
	text("app.url", "Web address", app.URL)
	text("app.data.classification", "Data that it shows", string(app.Data.Classification))
	text("app.data.why", "What the data is for", app.Data.Why)
	for _, name := range t.Fields.Names() {
		if value, ok := c.Fields[name]; ok {
			members = append(members, member{"fields." + name, "Switch: " + t.Label(name), value})
		}
	}
	text("template_id", "Template", c.TemplateID)
	text("flag_key", "Switch", c.FlagKey)
	text("environment", "Environment", c.Environment)
	text("segment", "Audience", c.Segment)
	if c.Change != nil {
		members = append(members, member{"change", "Change", *c.Change})
	}
	text("until", "Until", c.Until)
	text("format", "Format", c.Format)
	if c.Document != "" {
		text("document", "Document", sizeAndSum(c.Document))
	}
	text("from", "Environment of the document", c.From)
	if c.Map != "" {
		text("map", "Who answers for its flags", sizeAndSum(c.Map))
	}
	text("removal_plan", "Removal plan", c.RemovalPlan)
	for i, a := range c.Attachments {
		text(fmt.Sprintf("attachments.%d", i), "Attached", fmt.Sprintf("%s, %s", a.Name, sizeAndSum(a.Content)))
	}
	return members
}

// strangeFields stands for the fields that the template does not have, of which there may be any number: empty for none.
func strangeFields(c Content, t template.Document) string {
	strange := maps.Clone(c.Fields)
	for _, name := range t.Fields.Names() {
		delete(strange, name)
	}
	encoded, err := json.Marshal(strange)
	if len(strange) == 0 || err != nil {
		return ""
	}
	return fault.Clip(strings.Join(slices.Sorted(maps.Keys(strange)), ", "), maxWords) + "; " + sizeAndSum(string(encoded))
}

// sizeAndSum stands for a text that is too long to show.
func sizeAndSum(text string) string {
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(text), sha256.Sum256([]byte(text)))
}

func changeWords(label string, before, after any) string {
	switch {
	case before == nil:
		return fmt.Sprintf("%s: %v", label, plain(after))
	case after == nil:
		return fmt.Sprintf("%s is no longer given (it was %v)", label, plain(before))
	}
	return fmt.Sprintf("%s: %v instead of %v", label, plain(after), plain(before))
}

// plain says yes and no where JSON says true and false.
func plain(value any) any {
	switch value {
	case true:
		return "yes"
	case false:
		return "no"
	}
	return value
}
