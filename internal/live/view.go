package live

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/flag"
)

// label is what decides who may see a flag, and what it serves when it is killed.
type label struct {
	App        string `json:"app"`
	ClientSide bool   `json:"client_side"`
	Off        string `json:"off"`
}

// View is a part of what an environment serves. Its zero value is all of it.
type View struct {
	App     string // only the flags of this app; empty is every app
	Browser bool   // only flags marked as client-side
}

// shows tells whether a flag is in the view.
func (v View) shows(f definedFlag) bool {
	return (v.App == "" || f.label.App == v.App) && (!v.Browser || f.label.ClientSide)
}

// Visible tells whether a flag is shown to callers that are bound to an app, and to browsers. An empty app is every app.
func (s *Served) Visible(key, app string, browser bool) bool {
	if app == "" && !browser {
		return true
	}
	f, ok := s.flags[key]
	return ok && View{App: app, Browser: browser}.shows(f)
}

// Document returns the document for in-process SDKs, made anew with each call.
func (s *Served) Document() json.RawMessage { return s.DocumentOf(View{}) }

// DocumentOf returns that of a view. Evaluators are in it as far as the view's flags refer to them, so that the key of one app
// learns nothing of the people in another's segments.
func (s *Served) DocumentOf(view View) json.RawMessage {
	return s.Flags.Document(func(key string) bool { return view.shows(s.flags[key]) })
}

// Changes are keys of flags, in order.
type Changes struct {
	Changed []string // new, or with another definition, or that refer to an evaluator while evaluators changed
	Removed []string // no longer served
}

// None tells whether nothing changed.
func (c Changes) None() bool { return len(c.Changed) == 0 && len(c.Removed) == 0 }

// Since tells what changed from what was served before to what is served now: kills and restores, too. What was not there
// before, and where before is nil all of it, counts as changed; what left the view counts as removed.
func (s *Served) Since(before *Served, view View) (c Changes) {
	if before == nil {
		before = &Served{}
	}
	evaluators := !maps.EqualFunc(s.evaluators, before.evaluators, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
	for key, f := range s.flags {
		if !view.shows(f) {
			continue
		}
		old, ok := before.flags[key]
		if !ok || !view.shows(old) || !bytes.Equal(old.definition, f.definition) || evaluators && flag.MayRefer(f.definition) {
			c.Changed = append(c.Changed, key)
		}
	}
	for key, old := range before.flags {
		if f, ok := s.flags[key]; view.shows(old) && (!ok || !view.shows(f)) {
			c.Removed = append(c.Removed, key)
		}
	}
	slices.Sort(c.Changed)
	slices.Sort(c.Removed)
	return c
}
