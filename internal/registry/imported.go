package registry

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/flag"
)

// FormatFlagd is the format of flagd's flag definitions.
const FormatFlagd = "flagd"

// importAgain is how what an imported flag serves is changed.
const importAgain = "change the document that it came from, and import it again"

// Imported is what an import brought for a flag in one environment. It is served as it was given, so that nothing of it gets
// lost that Souk has no words for: a disabled flag, one without a default, a rule that works nowhere.
type Imported struct {
	Definition json.RawMessage `json:"definition" doc:"flagd definition as it was given"`
	Set        json.RawMessage `json:"set_metadata,omitempty" doc:"Metadata of the set that it came with; the flag's own goes before"`
	OffVariant string          `json:"off_variant,omitempty" doc:"Variant that a kill serves, where one was chosen"`
}

// offNames are the names of variants that a kill serves, the first that there is.
var offNames = []string{"off", "false", "disabled"}

// OffAmong gives the variant that a kill of an imported flag serves; empty if none says by its name that it is off.
func OffAmong[V any](variants map[string]V) string {
	for _, name := range offNames {
		if _, ok := variants[name]; ok {
			return name
		}
	}
	return ""
}

// Normal gives a value of JSON in the one way in which it is stored and compared; ok is false for what is no JSON, or holds a
// number that no program can.
func Normal(raw json.RawMessage) (normal json.RawMessage, ok bool) {
	var check any
	if json.Unmarshal(raw, &check) != nil {
		return nil, false
	}
	var value any
	if decodeNumbers(raw, &value) != nil {
		return nil, false
	}
	return encode(value), true
}

// exactly is the largest integer up to which programs hold each: a number of JSON is one of JavaScript's.
const exactly = 1 << 53

// Inexact returns an integer within a JSON value that programs hold as another; empty if there is none. A number that was decoded
// to a float64 is one from 2^53 on, since it may have been the next.
func Inexact(raw json.RawMessage) string {
	var value any
	if decodeNumbers(raw, &value) != nil {
		return ""
	}
	return inexact(value)
}

func inexact(value any) string {
	switch value := value.(type) {
	case json.Number:
		text := value.String()
		n, err := strconv.ParseInt(text, 10, 64)
		if strings.Trim(text, "-0123456789") == "" && (err != nil || n > exactly || n < -exactly) {
			return text
		}
	case float64:
		if whole := math.Abs(value); whole >= exactly && whole < 1e21 { // beyond that nobody wrote an integer
			return strconv.FormatFloat(value, 'f', -1, 64)
		}
	case []any:
		for _, item := range value {
			if found := inexact(item); found != "" {
				return found
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if found := inexact(value[name]); found != "" {
				return found
			}
		}
	}
	return ""
}

// parts are the members of a definition that decide what is served.
type parts struct {
	State    string                     `json:"state"`
	Variants map[string]json.RawMessage `json:"variants"`
	Default  *string                    `json:"defaultVariant"`
	Target   json.RawMessage            `json:"targeting"`
	Metadata json.RawMessage            `json:"metadata"`
	off      string                     // that was chosen
}

// parts takes a definition apart, as far as that can be done.
func (i Imported) parts() (p parts) {
	var members map[string]json.RawMessage
	if json.Unmarshal(i.Definition, &members) != nil {
		return p
	}
	_ = json.Unmarshal(members["state"], &p.State)       // what is of another type counts as absent,
	_ = json.Unmarshal(members["variants"], &p.Variants) // as the evaluator has it
	_ = json.Unmarshal(members["defaultVariant"], &p.Default)
	p.Target, p.Metadata, p.off = plain(members["targeting"]), members["metadata"], i.OffVariant
	if p.Default != nil && *p.Default == "" { // as engines have it
		p.Default = nil
	}
	return p
}

const disabled = "DISABLED"

// Words tells what an imported definition serves.
func (i Imported) Words() string {
	p := i.parts()
	switch {
	case p.State == disabled:
		return "disabled: programs get their own default"
	case p.Target != nil:
		return "by a rule of its own"
	case p.Default == nil:
		return "no variant: programs get their own default"
	}
	return "the variant " + *p.Default + " for everybody"
}

// Width is for how many people an imported flag may serve something else than its off value.
type Width int

// The widths.
const (
	ForNobody Width = iota
	ByRule
	ForEverybody
)

// Width returns how widely a definition serves: whom a rule is for is not known.
func (i Imported) Width() Width {
	p := i.parts()
	switch {
	case p.State == disabled:
		return ForNobody
	case p.Target != nil:
		return ByRule
	case p.Default == nil || *p.Default == OffAmong(p.Variants) || string(p.Variants[*p.Default]) == "false":
		return ForNobody
	}
	return ForEverybody
}

// serving gives the serving of an imported definition.
func (i Imported) serving() Serving {
	p := i.parts()
	s := Serving{Mode: ServeCustom, Targeting: p.Target, Imported: &i}
	if p.Default != nil {
		s.DefaultVariant = *p.Default
	}
	if p.State == disabled || p.Target == nil { // else the rule tells
		s.Title = i.Words()
	}
	return s
}

// killed returns what a kill serves: chosen is false where none was chosen and no variant says by its name that it is off. Then it is the
// default variant, or nothing, so that a program gets its own default, where there is none, it is no variant, or the flag is disabled.
func (p parts) killed() (variant string, chosen bool) {
	if _, ok := p.Variants[p.off]; ok && p.off != "" {
		return p.off, true
	}
	if off := OffAmong(p.Variants); off != "" {
		return off, true
	}
	if p.State == disabled || p.Default == nil || p.Variants[*p.Default] == nil {
		return "", false
	}
	return *p.Default, false
}

// define gives what SDKs get of an imported flag: what was given and, in its metadata, the metadata of its set and whose it is.
func (i Imported) define(f Flag, killed bool) json.RawMessage {
	p := i.parts()
	more := map[string]json.RawMessage{}
	_ = json.Unmarshal(i.Set, &more) // empty is none
	if f.App != "" {
		more["app"], more["flag_id"] = encode(f.App), encode(f.FlagID)
	}
	var own map[string]json.RawMessage
	if len(p.Metadata) > 0 && json.Unmarshal(p.Metadata, &own) != nil {
		own = nil
	}
	for name, value := range own {
		more[name] = value
	}
	delete(more, "killed") // Souk's own word, whatever the document says
	var d map[string]json.RawMessage
	if json.Unmarshal(i.Definition, &d) != nil {
		return i.Definition
	}
	if killed {
		more["killed"] = encode(true)
		variant, chosen := p.killed()
		d = map[string]json.RawMessage{"state": encode("ENABLED"), "variants": encode(p.Variants)}
		if variant != "" || chosen {
			d["defaultVariant"] = encode(variant)
		} else if p.State == disabled {
			d["state"] = encode(disabled)
		}
	}
	if len(more) > 0 {
		d["metadata"] = encode(more)
	}
	return encode(d)
}

// Whole gives the definition with the metadata of its set: two that serve the same are the same in it.
func (i Imported) Whole() json.RawMessage { return i.define(Flag{}, false) }

// Scope is what access.Can asks about the flag.
func (f Flag) Scope() access.Scope {
	return access.Scope{
		OwnerGroup: f.OwnerGroup, OwnerPerson: access.Identity{ID: f.OwnerID, Email: f.Owner}, Unowned: f.Imported != "" && f.OwnerGroup == "" && f.Owner == "",
	}
}

// KillServes gives the variant that a kill serves in an environment; empty means that programs get their own default. chosen
// is false where that is no variant that says off by its name.
func (f Flag) KillServes(environment string) (variant string, chosen bool) {
	state, _ := f.In(environment)
	if state.Serving.Imported != nil {
		return state.Serving.Imported.parts().killed()
	}
	return f.Off, f.Off != ""
}

// Chosen is the variant that was chosen for a kill of an imported flag in an environment; empty if none was.
func (f Flag) Chosen(environment string) string {
	state, _ := f.In(environment)
	if state.Serving.Imported == nil {
		return ""
	}
	return state.Serving.Imported.OffVariant
}

// Problems tells what is wrong with an imported flag in an environment whose evaluators these are, as its evaluation finds it.
func (i Imported) Problems(key string, evaluators map[string]json.RawMessage) []flag.Problem {
	set := flag.Set{Flags: map[string]json.RawMessage{key: i.Definition}, Evaluators: evaluators}
	_, problems := set.Compile()
	return slices.DeleteFunc(problems, func(p flag.Problem) bool { return p.Flag != key })
}

// Refs lists the evaluators that a definition or a rule names, each once.
func Refs(raw json.RawMessage) []string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return refs(value)
}

// typeOf is the type that all values have; mixed where they differ or are of no type of a flag.
func typeOf(variants map[string]any) string {
	for _, kind := range []string{"boolean", "string", "number", "object"} {
		all := len(variants) > 0
		for _, value := range variants {
			all = all && typed(kind, value)
		}
		if all {
			return kind
		}
	}
	return "mixed"
}
