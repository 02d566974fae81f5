package live

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/registry"
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

// Document gives flagd's flag definitions, made anew with each call.
func (s *Served) Document() json.RawMessage { return s.DocumentOf(View{}) }

// DocumentOf gives those of a view. Evaluators are in it as far as the view's flags name them, so that the key of one app
// learns nothing of the people in another's segments.
func (s *Served) DocumentOf(view View) json.RawMessage {
	keys := make([]string, 0, len(s.flags))
	size := 0
	for key, f := range s.flags {
		if view.shows(f) {
			keys = append(keys, key)
			size += len(key) + len(f.definition) + 8
		}
	}
	slices.Sort(keys)
	evaluators := s.evaluators
	if view != (View{}) {
		evaluators = s.named(keys)
	}
	// Each definition is JSON as it stands, so the document is put together, not encoded: at 500 flags that takes a
	// hundredth of the time, in which every stream waits.
	out := bytes.NewBuffer(make([]byte, 0, size+4<<10))
	out.WriteString(`{"$evaluators":`)
	out.Write(encode(evaluators))
	out.WriteString(`,"flags":{`)
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(encode(key))
		out.WriteByte(':')
		out.Write(s.flags[key].definition)
	}
	out.WriteString(`},"metadata":`)
	out.Write(registry.SetMetadata(s.Environment))
	out.WriteByte('}')
	return out.Bytes()
}

// named gives the evaluators that flags refer to, those that these refer to, and so on.
func (s *Served) named(keys []string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	var texts []json.RawMessage
	for _, key := range keys {
		texts = append(texts, s.flags[key].definition)
	}
	for len(texts) > 0 {
		last := len(texts) - 1
		text := texts[last]
		texts = texts[:last]
		if !mayRefer(text) {
			continue
		}
		var parsed any
		if err := json.Unmarshal(text, &parsed); err != nil {
			continue // compiling it said so
		}
		for _, name := range references(parsed, nil) {
			if evaluator, ok := s.evaluators[name]; ok && all[name] == nil {
				all[name] = evaluator
				texts = append(texts, evaluator)
			}
		}
	}
	return all
}

// mayRefer tells whether a definition may refer to an evaluator: JSON can spell $ref with escapes, too.
func mayRefer(definition json.RawMessage) bool {
	return bytes.Contains(definition, []byte(`$ref`)) || bytes.Contains(definition, []byte(`\u`))
}

// references collects what the members $ref of a JSON value name.
func references(v any, into []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && name == "$ref" {
				into = append(into, text)
				continue
			}
			into = references(member, into)
		}
	case []any:
		for _, item := range v {
			into = references(item, into)
		}
	}
	return into
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
		if !ok || !view.shows(old) || !bytes.Equal(old.definition, f.definition) || evaluators && mayRefer(f.definition) {
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
