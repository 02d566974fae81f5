package registry

import (
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// Selection picks the flags of an environment that are turned off and on together: one by its key, those of an app, those of a group
// that owns them, those with a tag, or all of them. Exactly one member is set; Check says so.
type Selection struct {
	Flag        string `json:"flag,omitempty" doc:"Key of one flag"`
	App         string `json:"app,omitempty" doc:"Slug of an app: all its flags"`
	Owner       string `json:"owner,omitempty" doc:"Group that owns apps: all their flags"`
	Tag         string `json:"tag,omitempty" doc:"All flags that have the tag, of whichever apps"`
	Environment string `json:"environment,omitempty" doc:"All flags of the environment"`
}

// selectionKinds are the members of a selection, by the name that it is stored with.
var selectionKinds = []struct {
	name string
	of   func(*Selection) *string
}{
	{"flag", func(s *Selection) *string { return &s.Flag }},
	{"app", func(s *Selection) *string { return &s.App }},
	{"owner", func(s *Selection) *string { return &s.Owner }},
	{"tag", func(s *Selection) *string { return &s.Tag }},
	{"environment", func(s *Selection) *string { return &s.Environment }},
}

// Selected is the selection of a kind, as Kind returns it: the way back from where it was stored.
func Selected(kind, name string) (s Selection) {
	for _, k := range selectionKinds {
		if k.name == kind {
			*k.of(&s) = name
		}
	}
	return s
}

// Kind returns the first member that is set, as flag, app, owner, tag or environment, and what it names; both are empty if none is.
func (s Selection) Kind() (kind, name string) {
	for _, k := range selectionKinds {
		if name := *k.of(&s); name != "" {
			return k.name, name
		}
	}
	return "", ""
}

// Check refuses a selection that names nothing, or more than one thing: a fault of kind Invalid at the field select.
func (s Selection) Check() error {
	kind, name := s.Kind()
	if kind == "" {
		return fault.New(fault.Invalid, "required", "it is not said what to turn off").At("select").
			Fix("name one of flag, app, owner, tag and environment")
	}
	if s != Selected(kind, name) {
		return fault.New(fault.Invalid, "many_selections", "%s is named, and something else besides", kind).At("select").
			Fix("name one of flag, app, owner, tag and environment")
	}
	return nil
}

// Words tells a selection as people say it.
func (s Selection) Words() string {
	switch {
	case s.Flag != "":
		return s.Flag
	case s.App != "":
		return "the app " + s.App
	case s.Owner != "":
		return "everything of " + s.Owner
	case s.Tag != "":
		return "everything tagged " + s.Tag
	}
	return "everything"
}

// Matches reports whether a selection picks the flag of a key, an app, a group that owns it, and tags.
func (s Selection) Matches(key, app, owner string, tags []string) bool {
	switch {
	case s.Flag != "":
		return key == s.Flag
	case s.App != "":
		return app == s.App
	case s.Owner != "":
		return owner == s.Owner
	case s.Tag != "":
		return slices.Contains(tags, s.Tag)
	}
	return s.Environment != ""
}

// in is the tables and the conditions of the selection's flags f and their states s in an environment.
func (s Selection) in(environment string) (from string, args []any) {
	var q query
	q.add(`s.environment = ?`, environment)
	q.where = append(q.where, `s.live`)
	switch {
	case s.Flag != "":
		q.add(`f.key = ?`, s.Flag)
	case s.App != "":
		q.add(`f.app = ?`, s.App)
	case s.Owner != "":
		q.add(`f.owner_group = ?`, s.Owner)
	case s.Tag != "":
		q.add(hasTag, s.Tag)
	}
	return ` FROM flag f JOIN flag_environment s ON s.flag_key = f.key WHERE ` + strings.Join(q.where, " AND "), q.args
}
