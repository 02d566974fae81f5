package live

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/registry"
)

// overlay makes what is served of the base and what lies over it: overrides, kills that it is not at yet, and what a database that came
// back older has killed.
// What did not change is taken from before.
func (h *held) overlay(before *held) {
	h.environments, h.over = make(map[string]*Served, len(h.base)), map[string]string{}
	for name, base := range h.base {
		var keys []string
		for _, o := range h.overridden {
			if o.Environment == name {
				keys = append(keys, o.Keys...)
			}
		}
		for _, a := range h.ahead {
			if a.environment == name {
				keys = append(keys, a.key)
			}
		}
		keys = append(keys, h.behind[name].kills...)
		slices.Sort(keys)
		keys = slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
			f, ok := base.flags[key]
			return !ok || killed(f.definition)
		})
		h.over[name] = strings.Join(keys, "\n")
		switch {
		case before != nil && before.base[name] == base && before.over[name] == h.over[name]:
			h.environments[name] = before.environments[name]
		case len(keys) == 0 && base.used():
			h.environments[name] = base.anew()
		case len(keys) == 0:
			h.environments[name] = base
		default:
			h.environments[name] = base.kill(keys)
		}
	}
}

// used tells whether what is served was replaced already, so that nobody who waits for its successor would wait.
func (s *Served) used() bool {
	select {
	case <-s.replaced:
		return true
	default:
		return false
	}
}

// anew gives the same once more, with a successor of its own to wait for.
func (s *Served) anew() *Served {
	same := *s
	same.replaced, same.Serial = make(chan struct{}), serial.Add(1)
	return &same
}

// kill gives what is served with some of its flags killed, under the same revision: none of the database says so.
func (s *Served) kill(keys []string) *Served {
	over := s.anew()
	over.flags = maps.Clone(s.flags)
	changed := make(map[string]json.RawMessage, len(keys))
	for _, key := range keys {
		f := s.flags[key]
		over.digest.remove(f)
		f.definition = killedDefinition(f.definition, f.label.Off)
		over.digest.add(f)
		over.flags[key], changed[key] = f, f.definition
	}
	over.Flags, _ = s.Flags.With(changed, nil)
	over.Tag = over.digest.tag(s.evaluators)
	return over
}

// killedDefinition turns the definition of a flag into that of the killed flag: the off variant to everybody. Where the off variant
// is not known it is one that is called so, or else the default variant, without targeting. A disabled flag without any stays
// disabled: its default would turn on what was off.
func killedDefinition(definition json.RawMessage, off string) json.RawMessage {
	var d map[string]json.RawMessage
	var variants map[string]json.RawMessage
	if json.Unmarshal(definition, &d) != nil || json.Unmarshal(d["variants"], &variants) != nil {
		return encode(map[string]any{"state": "DISABLED", "variants": map[string]any{}}) // it serves nothing as it stands
	}
	if _, ok := variants[off]; !ok {
		off = registry.OffAmong(variants)
	}
	switch {
	case off != "":
		d["state"], d["defaultVariant"] = encode("ENABLED"), encode(off)
	case string(d["state"]) != string(encode("DISABLED")):
		d["state"] = encode("ENABLED")
	}
	metadata := map[string]json.RawMessage{}
	_ = json.Unmarshal(d["metadata"], &metadata) // absent or no object: there is none
	metadata["killed"] = json.RawMessage("true")
	d["metadata"] = encode(metadata)
	delete(d, "targeting")
	return encode(d)
}
