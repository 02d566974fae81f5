package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

// Limits of what a change may carry into every snapshot.
const (
	targetingLimit = 32 << 10 // bytes
	variantsLimit  = 100
	variantBytes   = 64 << 10 // bytes of all values together
)

// Tidy drops what the mode does not use, so that equal servings look equal.
func (s Serving) Tidy() Serving {
	tidy := Serving{Mode: s.Mode}
	switch s.Mode {
	case ServeOff, ServeOn:
	case ServeAudience:
		tidy.Audience, tidy.Percent = s.Audience, s.Percent
	case ServeCustom:
		tidy.DefaultVariant, tidy.Title = s.DefaultVariant, s.Title
		tidy.Targeting, tidy.Imported = plain(s.Targeting), s.Imported
	}
	if len(s.Variants) > 0 {
		tidy.Variants = s.Variants
	}
	return tidy
}

// plain gives a rule in the one way to write it, so that what it refers to is found by its text; nil for one that says
// nothing. What is no JSON stays as it is.
func plain(rule json.RawMessage) json.RawMessage {
	text := bytes.TrimSpace(rule)
	if len(text) == 0 {
		return nil
	}
	var value any
	if !json.Valid(text) || decodeNumbers(text, &value) != nil {
		return text
	}
	if object, ok := value.(map[string]any); value == nil || ok && len(object) == 0 {
		return nil
	}
	return encode(value)
}

// decodeNumbers decodes JSON with its numbers as they are written.
func decodeNumbers(raw json.RawMessage, into *any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// Equal tells whether two servings serve the same by the same words.
func (s Serving) Equal(other Serving) bool {
	a, errA := json.Marshal(s.Tidy())
	b, errB := json.Marshal(other.Tidy())
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// rest is what the columns mode, audience and percent do not hold; empty if they hold all.
func (s Serving) rest() string {
	if s.Mode != ServeCustom && len(s.Variants) == 0 {
		return ""
	}
	return string(encode(s))
}

// served gives the variants of an environment: the flag's, and over them those of the serving.
func (f Flag) served(s Serving) map[string]any {
	if len(s.Variants) == 0 {
		return f.Variants
	}
	all := maps.Clone(f.Variants)
	maps.Copy(all, s.Variants)
	return all
}

// fallback is the default variant of a custom serving.
func (f Flag) fallback(s Serving) string {
	if s.DefaultVariant != "" {
		return s.DefaultVariant
	}
	return f.Outside
}

// Writable is nil for a flag that may be changed, and a fault of kind Conflict for one that is deprecated or removed.
func (f Flag) Writable() error {
	switch {
	case f.RemovedAt != nil:
		return fault.New(fault.Conflict, "flag_removed", "%s was removed", f.Key).Fix("nothing of it can be changed any more").Showing(f)
	case f.ReadOnly:
		return fault.New(fault.Conflict, "flag_read_only", "%s is deprecated, and so it is not changed any more", f.Key).
			Fix("ask for more time first, or turn it off or remove it").Showing(f)
	}
	return nil
}

// CheckServing tells what keeps the flag from serving s, at the paths that a request gives: change.mode, change.targeting and
// so on. Targeting is compiled as the data plane will. It finds nothing in what may be stored.
func CheckServing(f Flag, s Serving, segments []Segment) []fault.Finding {
	c := servingCheck{flag: f, serving: s.Tidy(), segments: segments}
	switch {
	case f.Imported != "" && s.Imported == nil:
		c.report("change", "flag_imported", f.Key+" was imported: what it serves is what its document says", importAgain)
		return c.found
	case s.Imported != nil: // its import looked at it
		return nil
	}
	c.variants()
	switch s.Mode {
	case ServeOff, ServeOn:
	case ServeAudience:
		c.segment("change.audience", s.Audience)
		if s.Percent < 0 || s.Percent > 100 {
			c.report("change.percent", "percent_range", fmt.Sprintf("a percentage lies between 0 and 100, not at %d", s.Percent),
				"choose a percentage between 0 and 100")
		}
	case ServeCustom:
		c.custom()
	default: // what somebody typed
		c.report("change.mode", "unknown_mode", fmt.Sprintf("a flag cannot serve %q", s.Mode),
			fault.Meant(string(s.Mode), modes, "choose off, on, audience or custom"))
	}
	c.synced()
	return c.found
}

var modes = []string{string(ServeOff), string(ServeOn), string(ServeAudience), string(ServeCustom)}

type servingCheck struct {
	flag     Flag
	serving  Serving
	segments []Segment
	found    []fault.Finding
}

func (c *servingCheck) report(field, code, message, remediation string) {
	c.found = append(c.found, fault.Finding{
		Severity: fault.SeverityError, Field: field, Code: code, Message: message, Remediation: remediation,
	})
}

func (c *servingCheck) segment(field, name string) {
	switch {
	case name == "":
		c.report(field, "no_audience", "the audience is not named", "choose who is to get it")
	case !slices.ContainsFunc(c.segments, func(s Segment) bool { return s.Name == name }):
		names := make([]string, len(c.segments))
		for i, s := range c.segments {
			names[i] = s.Name
		}
		c.report(field, "unknown_segment", fmt.Sprintf("there is no audience %q", name),
			fault.Meant(name, names, "choose one of "+strings.Join(names, ", ")))
	}
}

// variants judges the variants of an environment's own. The values of off, and of on where the flag is a switch, stay: a
// kill serves what it always served.
func (c *servingCheck) variants() {
	own := c.serving.Variants
	if len(own) > variantsLimit {
		c.report("change.variants", "too_many", fmt.Sprintf("there are %d variants; at most %d are allowed", len(own), variantsLimit), "leave some out")
		return
	}
	values, err := json.Marshal(own)
	if err != nil || len(values) > variantBytes {
		c.report("change.variants", "too_large", "the values of the variants are too large", "make them shorter")
		return
	}
	if err := store.CheckText("change.variants", string(values)); err != nil {
		c.report("change.variants", "invalid_text", "a name or a value holds characters that cannot be seen", "type it anew instead of pasting it")
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		field := "change.variants." + name
		if strings.TrimSpace(name) != name || name == "" || len(name) > 100 {
			c.report(field, "bad_name", fmt.Sprintf("%q cannot be the name of a variant", name), "use a short name without spaces around it")
			continue
		}
		if !typed(c.flag.Type, own[name]) {
			c.report(field, "wrong_type", fmt.Sprintf("the value of %s is no %s, which all values of this flag are", name, c.flag.Type), hint(c.flag.Type))
			continue
		}
		if number := inexact(own[name]); number != "" {
			c.report(field, "inexact_number", fmt.Sprintf("%s is beyond 2^53, so that programs hold another number", number), "use a smaller number, or a text")
		}
		fixed := name == c.flag.Off || c.flag.Type == "boolean" && name == c.flag.On
		if before, known := c.flag.Variants[name]; fixed && known && !bytes.Equal(encode(before), encode(own[name])) {
			c.report(field, "fixed_variant", fmt.Sprintf("the value of %s stays as it is: turning off for everybody relies on it", name),
				"add another variant, or change another one")
		}
	}
}

// typed tells whether a value, as JSON has it, is of the type of a flag.
func typed(kind string, value any) bool {
	switch value.(type) {
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64, int, int64, json.Number:
		return kind == "number"
	case map[string]any:
		return kind == "object"
	}
	return false
}

func hint(kind string) string {
	switch kind {
	case "boolean":
		return "use true or false"
	case "string":
		return "put it in quotes"
	case "number":
		return "write a number without quotes"
	}
	return "write a JSON object in braces"
}

// custom judges a rule by compiling the very definition that SDKs would get.
func (c *servingCheck) custom() {
	s := c.serving
	variants := c.flag.served(s)
	if _, ok := variants[c.flag.fallback(s)]; !ok {
		names := slices.Sorted(maps.Keys(variants))
		c.report("change.default_variant", "unknown_variant", fmt.Sprintf("the flag has no variant %q", s.DefaultVariant),
			fault.Meant(s.DefaultVariant, names, "choose one of "+strings.Join(names, ", ")))
	}
	if len(s.Targeting) == 0 {
		return
	}
	const field = "change.targeting"
	if len(s.Targeting) > targetingLimit {
		c.report(field, "too_large", fmt.Sprintf("the rule has %d bytes; at most %d are allowed", len(s.Targeting), targetingLimit),
			"shorten it, or put long lists of people into an audience")
		return
	}
	if err := store.CheckText(field, string(s.Targeting)); err != nil {
		c.report(field, "invalid_text", "the rule holds characters that cannot be seen", "type it anew instead of pasting it")
		return
	}
	if number := Inexact(s.Targeting); number != "" {
		c.report(field, "inexact_number", fmt.Sprintf("the rule has the number %s, which is beyond 2^53, so that programs hold another", number), "use a smaller number, or a text")
		return
	}
	var rule map[string]any
	if err := json.Unmarshal(s.Targeting, &rule); err != nil {
		c.report(field, "not_a_rule", "the rule is not a JSON object", `write a rule in flagd's form, such as {"if": [{"$ref": "pilot"}, "on"]}`)
		return
	}
	before := len(c.found)
	for _, name := range refs(rule) {
		c.segment(field, name)
	}
	if len(c.found) > before {
		return
	}
	for _, p := range c.problems() {
		if len(c.found) == before { // one fault of a rule brings others with it
			c.report(field, "bad_rule", "the rule does not work: "+p.Message, "fix that part of the rule; try it in the sandbox first")
		}
	}
}

// problems compiles the very definition that SDKs would get.
func (c *servingCheck) problems() []flag.Problem {
	set := flag.Set{Flags: map[string]json.RawMessage{c.flag.Key: define(c.flag, c.serving, false, false)}, Evaluators: map[string]json.RawMessage{}}
	for _, segment := range c.segments {
		set.Evaluators[segment.Name] = encode(evaluator(segment))
	}
	_, problems := set.Compile()
	return slices.DeleteFunc(problems, func(p flag.Problem) bool { return p.Flag != c.flag.Key })
}

// synced refuses values for which in-process SDKs would not get the flag.
func (c *servingCheck) synced() {
	if len(c.found) > 0 || len(c.serving.Variants) == 0 {
		return
	}
	for _, p := range c.problems() {
		if p.LeftOut {
			c.report("change.variants", "not_synced", p.Message, p.Remediation)
		}
	}
}

// refs lists the segments that a rule names with $ref, each once.
func refs(rule any) []string {
	found := map[string]bool{}
	var walk func(any)
	walk = func(part any) {
		switch part := part.(type) {
		case []any:
			for _, p := range part {
				walk(p)
			}
		case map[string]any:
			for operator, p := range part {
				if list, ok := p.([]any); ok && len(list) == 1 && operator == "$ref" { // one argument may stand in a list
					p = list[0]
				}
				if name, ok := p.(string); ok && operator == "$ref" {
					found[name] = true
				}
				walk(p)
			}
		}
	}
	walk(rule)
	return slices.Sorted(maps.Keys(found))
}

// Uses lists the segments that a serving depends on.
func (s Serving) Uses() []string {
	switch s.Mode {
	case ServeOff, ServeOn:
	case ServeAudience:
		return []string{s.Audience}
	case ServeCustom:
		var rule any
		if json.Unmarshal(s.Targeting, &rule) == nil {
			return refs(rule)
		}
	}
	return nil
}
