package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// In-process SDKs get a document and evaluate it themselves. Their engines take it as a whole or not at all:
// @openfeature/flagd-core 4.0.1 refuses all of it for one flag without a state or with a default that is no variant, and keeps
// the flags from before, so that a kill of another flag never arrives. It puts evaluators in by replacing text, each once in the
// order of the document, with what JavaScript's String.replaceAll makes of $& and the like. So what is synced of a flag is
// written anew, from the members that engines know, and a flag that they cannot load is left out alone.

// Limits of what is synced of one flag. The JavaScript engine's stack ends between 1,500 and 2,000 levels, others' at 1,000.
const (
	syncedDepth = 256
	tooLarge    = 1 << 20 // bytes of a rule with all that it refers to put in
)

// synced is what in-process SDKs get of a flag.
type synced struct {
	definition json.RawMessage // nil: the flag is left out
	names      []string        // evaluators that engines put in
	problem    *Problem        // why it is left out
	killed     bool
}

// definition is a flag with the members that engines know. Some refuse others.
type definition struct {
	State          string          `json:"state"`
	Variants       json.RawMessage `json:"variants"`
	DefaultVariant *string         `json:"defaultVariant,omitempty"`
	Targeting      json.RawMessage `json:"targeting,omitempty"`
	Metadata       json.RawMessage `json:"metadata,omitempty"`
}

// noValue stands for the values of a flag of which programs get their own default: engines take no flag without any.
var noValue = json.RawMessage(`{"off":false}`)

// noRule stands for targeting that cannot be compiled: no evaluator has that name, so that every engine answers PARSE_ERROR, too.
var noRule = json.RawMessage(`{"$ref":""}`)

// sync returns what in-process SDKs get of a compiled flag. A killed flag is never left out: they get its off value alone.
func (c *compiler) sync(f *compiled, members map[string]json.RawMessage, own map[string]any) synced {
	if members == nil {
		return leftOut(f.key, "it is not a JSON object", "give it state, variants and defaultVariant")
	}
	d := definition{State: "ENABLED"}
	if given, ok := members["state"]; ok && (json.Unmarshal(given, &d.State) != nil || d.State != "ENABLED" && d.State != "DISABLED") {
		return leftOut(f.key, "its state is neither ENABLED nor DISABLED", "write ENABLED or DISABLED")
	}
	if len(own) > 0 {
		d.Metadata = encode(own)
	}
	var variants map[string]json.RawMessage
	_ = json.Unmarshal(members["variants"], &variants) // what is no object holds none
	d.Variants = members["variants"]
	if json.Unmarshal(members["defaultVariant"], &d.DefaultVariant) != nil && members["defaultVariant"] != nil {
		return leftOut(f.key, "its defaultVariant is not the name of a variant", "name one of its variants")
	}
	if d.DefaultVariant != nil && *d.DefaultVariant == "" {
		d.DefaultVariant = nil // as engines have it
	}
	var rule any
	if given, ok := members["targeting"]; ok && decode(given, &rule) != nil {
		return leftOut(f.key, "its targeting is not JSON", "write a rule in JSON Logic")
	}
	if own["killed"] == true && isEmpty(rule) {
		return synced{definition: encode(c.off(d, variants)), killed: true}
	}
	s := c.load(f, d, variants, rule)
	if bytes.Equal(s.definition, f.raw) {
		s.definition = f.raw // one text in memory, not two
	}
	return s
}

func leftOut(key, why, fix string) synced {
	return synced{problem: &Problem{Flag: key, Message: "in-process SDKs do not get it: " + why, Remediation: fix, LeftOut: true}}
}

// load returns the definition of a flag that engines can load, or why there is none.
func (c *compiler) load(f *compiled, d definition, variants map[string]json.RawMessage, rule any) synced {
	if len(variants) == 0 {
		return leftOut(f.key, "it has no variants", `give the values by name, such as {"on": true, "off": false}`)
	}
	if d.DefaultVariant != nil {
		if _, ok := variants[*d.DefaultVariant]; !ok {
			return leftOut(f.key, "its default variant "+strconv.Quote(*d.DefaultVariant)+" is none of its variants",
				"add it to variants, or name another")
		}
	}
	for _, part := range []json.RawMessage{d.Variants, d.Metadata} {
		if why, fix := c.unloadable(part); why != "" {
			return leftOut(f.key, why, fix)
		}
	}
	if isEmpty(rule) {
		return synced{definition: encode(d)}
	}
	if f.broken {
		d.Targeting = noRule
		return synced{definition: encode(d)}
	}
	r := c.syncedRule(rule)
	switch {
	case r.depth > syncedDepth:
		return leftOut(f.key, "its rule, with what it refers to, nests deeper than "+strconv.Itoa(syncedDepth), "split it into several flags")
	case len(r.names) > 0 && r.size >= tooLarge:
		return leftOut(f.key, "its rule, with what it refers to, has more than 1 MB", "refer to less, or less often")
	}
	d.Targeting = r.text
	return synced{definition: encode(d), names: r.names}
}

// unloadable returns why engines cannot take a part of a flag that is no rule.
func (c *compiler) unloadable(raw json.RawMessage) (why, fix string) {
	if depthOf(raw) > syncedDepth {
		return "its variants nest deeper than " + strconv.Itoa(syncedDepth), "make the values flatter"
	}
	if !MayRefer(raw) {
		return "", ""
	}
	var value any
	if decode(raw, &value) != nil {
		return "", ""
	}
	for _, name := range referred(value, nil) {
		if _, ok := c.evaluators[name]; ok { // engines put evaluators in everywhere
			return "a part of it looks like a reference to the evaluator " + strconv.Quote(name), "name the evaluator, or that member, in another way"
		}
	}
	return "", ""
}

// off is a killed flag with nothing but its off value, or without a value where there is none that can be loaded.
func (c *compiler) off(d definition, variants map[string]json.RawMessage) definition {
	if why, _ := c.unloadable(d.Metadata); why != "" {
		d.Metadata = nil
	}
	if d.DefaultVariant != nil {
		if value, ok := variants[*d.DefaultVariant]; ok {
			if why, _ := c.unloadable(value); why == "" {
				d.Variants = encode(map[string]json.RawMessage{*d.DefaultVariant: value})
				return d
			}
		}
	}
	d.DefaultVariant, d.Variants = nil, noValue
	return d
}

// syncedRule is a rule as a document has it: a flag's own, or an evaluator.
type syncedRule struct {
	text   json.RawMessage
	names  []string // evaluators that engines put in, each once, in the order of their names
	inline bool     // engines cannot put it in: it stands in the rules that refer to it
	value  any      // the same as text, where inline
	size   int      // bytes with everything put in, at most tooLarge
	depth  int      // JSON levels with everything put in
}

// syncedRule returns a rule that refers only to what engines can put in.
func (c *compiler) syncedRule(rule any) syncedRule {
	r := syncedRule{value: rule, text: encode(rule)}
	own := depthOf(r.text)
	r.size, r.depth = len(r.text), own
	refs := referred(rule, nil)
	inlines := false
	for _, name := range refs {
		inner := c.shareable(name)
		switch {
		case inner != nil:
			r.size, r.depth = r.size+inner.size, max(r.depth, own+inner.depth)
			inlines = inlines || inner.inline
		case c.evaluators[name] != nil: // it refers to itself, which has no size
			r.size = tooLarge
		}
		r.size = min(r.size, tooLarge)
	}
	if inlines && r.size < tooLarge {
		r.value = c.inlined(rule)
		r.text = encode(r.value)
		refs = referred(r.value, nil)
	}
	r.names = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(refs))), func(name string) bool { return c.shareable(name) == nil })
	return r
}

// inlined puts into a rule what engines cannot.
func (c *compiler) inlined(rule any) any {
	switch rule := rule.(type) {
	case map[string]any:
		if name, ok := reference(rule); ok {
			if p := c.shareable(name); p != nil && p.inline {
				return p.value
			}
			return rule
		}
		members := make(map[string]any, len(rule))
		for name, member := range rule {
			members[name] = c.inlined(member)
		}
		return members
	case []any:
		items := make([]any, len(rule))
		for i, item := range rule {
			items[i] = c.inlined(item)
		}
		return items
	}
	return rule
}

// shareable returns an evaluator as documents have it; nil if there is none, or if it refers to itself.
func (c *compiler) shareable(name string) *syncedRule {
	if known, ok := c.rules[name]; ok {
		return known
	}
	c.rules[name] = nil // for what refers to it from within
	raw, ok := c.evaluators[name]
	var rule any
	if !ok || decode(raw, &rule) != nil {
		return nil
	}
	p := c.syncedRule(rule)
	p.inline = !plainName(name) || holdsPattern(p.value)
	if !p.inline {
		p.value = nil
	}
	c.rules[name] = &p
	return &p
}

// plainName reports whether engines find the references to an evaluator, and keep its place in the document: they look for the
// name as it is, not as JSON writes it, and JavaScript puts members that are integers first.
func plainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, `"\`) && !strings.ContainsFunc(name, unicode.IsControl) &&
		strings.Trim(name, "0123456789") != ""
}

// holdsPattern reports whether a text of a rule, or a name in it, holds one of the patterns that JavaScript's replaceAll fills in.
func holdsPattern(rule any) bool {
	switch rule := rule.(type) {
	case string:
		return isPattern(rule)
	case []any:
		return slices.ContainsFunc(rule, holdsPattern)
	case map[string]any:
		for name, member := range rule {
			if isPattern(name) || holdsPattern(member) {
				return true
			}
		}
	}
	return false
}

func isPattern(text string) bool {
	for i := strings.IndexByte(text, '$'); i >= 0 && i+1 < len(text); {
		if strings.IndexByte("$&`'", text[i+1]) >= 0 {
			return true
		}
		next := strings.IndexByte(text[i+1:], '$')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// MayRefer reports whether a definition may refer to an evaluator: JSON can spell $ref with escapes, too.
func MayRefer(definition json.RawMessage) bool {
	return bytes.Contains(definition, []byte(`$ref`)) || bytes.Contains(definition, []byte(`\u`))
}

// reference returns the name of the evaluator that an object is a reference to.
func reference(object map[string]any) (name string, ok bool) {
	if len(object) == 1 {
		name, ok = object["$ref"].(string)
	}
	return name, ok
}

// referred collects what the references within a JSON value name, as often as they do.
func referred(v any, into []string) []string {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := reference(v); ok {
			return append(into, name)
		}
		for _, member := range v {
			into = referred(member, into)
		}
	case []any:
		for _, item := range v {
			into = referred(item, into)
		}
	}
	return into
}

// depthOf counts the levels of a JSON text.
func depthOf(raw json.RawMessage) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
			deepest = max(deepest, depth)
		case b == '}' || b == ']':
			depth--
		}
	}
	return deepest
}

// decode decodes JSON with its numbers as they are written.
func decode(raw json.RawMessage, into *any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// Document is the document for in-process SDKs: flagd's flag definitions (https://flagd.dev/schema/v0/flags.json) of the flags that
// shows is true for, without those of LeftOut, and the evaluators that they refer to, each before those that it refers to itself.
func (s *Snapshot) Document(shows func(key string) bool) json.RawMessage {
	size := 0
	shown := make([]*compiled, 0, len(s.order))
	named := map[string]bool{}
	for _, f := range s.order {
		if _, beyond := s.beyond[f.key]; beyond || f.synced.definition == nil || !shows(f.key) {
			continue
		}
		shown = append(shown, f)
		size += len(f.key) + len(s.definition(f)) + 8
		for _, name := range f.synced.names {
			named[name] = true
		}
	}
	evaluators := s.outerFirst(slices.Sorted(maps.Keys(named)))
	for _, name := range evaluators {
		size += len(name) + len(s.rules[name].text) + 8
	}
	// Each definition is JSON as it stands, so the document is put together, not encoded: at 500 flags that takes a
	// hundredth of the time, in which every stream waits.
	out := bytes.NewBuffer(make([]byte, 0, size+1<<10))
	object := func(member string, size int, at func(i int) (name string, value json.RawMessage)) {
		out.WriteString(member)
		for i := range size {
			if i > 0 {
				out.WriteByte(',')
			}
			name, value := at(i)
			out.Write(encode(name))
			out.WriteByte(':')
			out.Write(value)
		}
	}
	object(`{"$evaluators":{`, len(evaluators), func(i int) (string, json.RawMessage) { return evaluators[i], s.rules[evaluators[i]].text })
	object(`},"flags":{`, len(shown), func(i int) (string, json.RawMessage) { return shown[i].key, s.definition(shown[i]) })
	out.WriteString(`},"metadata":`)
	out.Write(s.head)
	out.WriteByte('}')
	return out.Bytes()
}

// definition returns what the document says of a flag.
func (s *Snapshot) definition(f *compiled) json.RawMessage {
	if s.emptied[f.key] {
		return withoutValue
	}
	return f.synced.definition
}

// outerFirst returns evaluators and all that they refer to, each before what it refers to.
func (s *Snapshot) outerFirst(names []string) []string {
	var inner []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, next := range slices.Backward(s.rules[name].names) {
			visit(next)
		}
		inner = append(inner, name)
	}
	for _, name := range slices.Backward(names) {
		visit(name)
	}
	slices.Reverse(inner)
	return inner
}

// LeftOutOf returns why in-process SDKs do not get a flag, or only that it is off; ok is false where they get all of it, or there is none of
// the key.
func (s *Snapshot) LeftOutOf(key string) (p Problem, ok bool) {
	f := s.flags[key]
	if p, beyond := s.beyond[key]; beyond {
		return p, true
	}
	if s.emptied[key] {
		return Problem{
			Flag: key, LeftOut: true, Message: fmt.Sprintf("in-process SDKs get it off, with the application's own default: its off value has %d bytes, "+
				"and all flags together would have more than their clients take at once (4 MB)", len(f.synced.definition)),
			Remediation: "give it a smaller off value",
		}, true
	}
	if f == nil || f.synced.problem == nil {
		return Problem{}, false
	}
	return *f.synced.problem, true
}

// LeftOut returns which flags in-process SDKs do not get, and why, in the order of their keys.
func (s *Snapshot) LeftOut() []Problem {
	var all []Problem
	for _, f := range s.order {
		if p, ok := s.LeftOutOf(f.key); ok {
			all = append(all, p)
		}
	}
	return all
}
