package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/template"
)

// checkNames finds which people, teams and audiences the fields name that do not exist. Who answers for the app and whom it is
// for, checks of their own look at.
func checkNames(t template.Document, fields map[string]any, w World, known []registry.Segment) (findings []fault.Finding) {
	if w.Offline {
		return nil
	}
	segments := make([]string, len(known))
	for i, s := range known {
		segments[i] = s.Name
	}
	look := func(path string, kind template.FieldType, value any) {
		name, ok := value.(string)
		what, among := namedBy(kind, w.People, w.Groups, segments)
		if !ok || name == "" || what == "" || slices.ContainsFunc(among, func(known string) bool { return strings.EqualFold(known, name) }) {
			return
		}
		findings = append(findings, wrong(path, "unknown_"+string(kind), fault.Meant(name, among, "choose one of those that exist"), "there is no %s %q", what, name))
	}
	for _, name := range t.Fields.Names() {
		if name == "owner" || name == "audiences" {
			continue
		}
		field, path := t.Fields[name], "fields."+name
		if list, ok := fields[name].([]any); ok && field.Type == "list" {
			for i, item := range list {
				look(fmt.Sprintf("%s[%d]", path, i), field.Items, item)
			}
			continue
		}
		look(path, field.Type, fields[name])
	}
	return findings
}

// namedBy gives what a type of field names, in words, and all there is of it.
func namedBy(kind template.FieldType, people, groups, segments []string) (what string, among []string) {
	switch kind {
	case "user":
		return "person", people
	case "team":
		return "team", groups
	case "segment":
		return "audience", segments
	default: // the others name nothing
		return "", nil
	}
}
