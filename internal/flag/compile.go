package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
)

// documentLimit bounds the size of a flag document.
const documentLimit = 64 << 20

// Snapshot is a compiled flag document. It never changes, and any number of goroutines may evaluate it.
type Snapshot struct {
	flags    map[string]*compiled
	order    []*compiled // by key
	paths    *path
	slots    int
	usesTime bool
	metadata map[string]any
	head     []byte    // metadata as JSON
	pool     sync.Pool // of *Context
}

// compiled is a flag: one answer for everybody, or a target.
type compiled struct {
	key    string
	static *Outcome
	target func(*Context) *Outcome
}

// Problem is something wrong with one flag of a document, or with the document where Flag is empty. The others are not
// touched by it.
type Problem struct {
	Flag    string
	Code    ErrorCode // what evaluating the flag answers; empty if the flag still works
	Message string
}

// Compile reads a document of flagd's flag definitions (https://flagd.dev/schema/v0/flags.json). A flag that cannot be
// understood answers PARSE_ERROR and is among the problems. The error is for a text that is no flag document at all.
func Compile(document []byte) (*Snapshot, []Problem, error) {
	if len(document) > documentLimit {
		return nil, nil, fmt.Errorf("the flag document has %d bytes, more than %d", len(document), documentLimit)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(document, &top); err != nil {
		return nil, nil, fmt.Errorf("read flag document: %w", err)
	}
	flags, err := readFlags(top["flags"])
	if err != nil {
		return nil, nil, err
	}
	c := compiler{
		paths:      &path{children: map[string]*path{}},
		slots:      1,
		evaluators: map[string]json.RawMessage{},
		shared:     map[string]node{},
	}
	c.intern("targetingKey")
	if raw, ok := top["$evaluators"]; ok {
		if err := json.Unmarshal(raw, &c.evaluators); err != nil {
			return nil, nil, fmt.Errorf("read $evaluators: %w", err)
		}
	}
	s := &Snapshot{flags: make(map[string]*compiled, len(flags)), paths: c.paths}
	s.metadata = c.metadata("", top["metadata"])
	s.head = []byte("{}")
	if len(s.metadata) > 0 {
		s.head = encode(s.metadata)
	}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		f := c.flag(key, flags[key], s.metadata)
		s.flags[key] = f
		s.order = append(s.order, f)
	}
	s.slots, s.usesTime = c.slots, c.usesTime
	return s, c.problems, nil
}

// readFlags takes both forms of the member flags: an object by key, and a list of flags that name theirs.
func readFlags(raw json.RawMessage) (map[string]json.RawMessage, error) {
	flags := map[string]json.RawMessage{}
	if len(raw) == 0 || raw[0] != '[' {
		if err := json.Unmarshal(raw, &flags); err != nil || flags == nil {
			return nil, fmt.Errorf("the member flags is no object or list of flags")
		}
		return flags, nil
	}
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	for i, one := range all {
		var named struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(one, &named); err != nil || named.Key == "" {
			return nil, fmt.Errorf("the flag at position %d of the list has no key", i+1)
		}
		flags[named.Key] = one
	}
	return flags, nil
}

// Evaluate gives the answer for a flag, or nil if there is no such flag. c must come from this snapshot.
func (s *Snapshot) Evaluate(key string, c *Context) *Outcome {
	f, ok := s.flags[key]
	if !ok {
		return nil
	}
	return f.evaluate(s, c)
}

func (f *compiled) evaluate(s *Snapshot, c *Context) *Outcome {
	if f.static != nil {
		return f.static
	}
	if c.snapshot != s {
		panic("flag: the context belongs to another snapshot")
	}
	return f.target(c)
}

// All gives the answers for all flags, in the order of their keys. c must come from this snapshot.
func (s *Snapshot) All(c *Context) iter.Seq[*Outcome] {
	return func(yield func(*Outcome) bool) {
		for _, f := range s.order {
			if !yield(f.evaluate(s, c)) {
				return
			}
		}
	}
}

// Len is the number of flags.
func (s *Snapshot) Len() int { return len(s.order) }

// UsesTime tells whether some rule reads the time, so that the same context may get another answer later.
func (s *Snapshot) UsesTime() bool { return s.usesTime }

// Metadata is that of the flag set. Nobody may change it.
func (s *Snapshot) Metadata() map[string]any { return s.metadata }

// MetadataJSON is Metadata as a JSON object. Nobody may change it.
func (s *Snapshot) MetadataJSON() []byte { return s.head }

// flag compiles one flag. Whatever is wrong with it becomes its answer and a problem.
func (c *compiler) flag(key string, raw json.RawMessage, set map[string]any) *compiled {
	failed := func(details string) *compiled {
		c.problems = append(c.problems, Problem{Flag: key, Code: ParseError, Message: details})
		return &compiled{key: key, static: (&Outcome{
			Key: key, Reason: Failed, Code: ParseError, Details: details, Metadata: set,
		}).finish()}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return failed("the flag is not a JSON object")
	}
	metadata := c.metadata(key, members["metadata"])
	for name, v := range set {
		if _, own := metadata[name]; !own {
			if metadata == nil {
				metadata = map[string]any{}
			}
			metadata[name] = v
		}
	}
	var state string
	if given, ok := members["state"]; ok && (json.Unmarshal(given, &state) != nil || state != "ENABLED" && state != "DISABLED") {
		return failed("state is neither ENABLED nor DISABLED")
	}
	if state == "DISABLED" {
		return &compiled{key: key, static: (&Outcome{Key: key, Reason: Disabled, Metadata: metadata}).finish()}
	}
	a := answers{compiler: c, key: key, metadata: metadata, matches: map[string]*Outcome{}}
	if err := json.Unmarshal(members["variants"], &a.variants); err != nil || a.variants == nil {
		return failed("variants is not a JSON object")
	}
	var name *string
	if given, ok := members["defaultVariant"]; ok && json.Unmarshal(given, &name) != nil {
		return failed("defaultVariant is not the name of a variant")
	}
	var rule any
	if given, ok := members["targeting"]; ok {
		if err := json.Unmarshal(given, &rule); err != nil {
			return failed("targeting is not JSON")
		}
	}
	if empty, ok := rule.(map[string]any); rule == nil || ok && len(empty) == 0 {
		return &compiled{key: key, static: a.fallback(name, Static)}
	}
	a.standard = a.fallback(name, Default)
	c.key, c.parts = key, 0
	target, err := c.target(rule, &a, 0)
	if err != nil {
		return failed(err.Error())
	}
	return &compiled{key: key, target: target}
}

// metadata reads what may stand in metadata: texts, numbers and booleans.
func (c *compiler) metadata(key string, raw json.RawMessage) map[string]any {
	if len(raw) == 0 {
		return nil
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		c.problems = append(c.problems, Problem{Flag: key, Message: "metadata is not a JSON object; it is left out"})
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch members[name].(type) {
		case string, float64, bool:
		default:
			c.problems = append(c.problems, Problem{
				Flag: key, Message: fmt.Sprintf("metadata.%s is neither text, number nor boolean; it is left out", name),
			})
			delete(members, name)
		}
	}
	return members
}

// answers makes the outcomes of one flag, each once.
type answers struct {
	compiler *compiler
	key      string
	metadata map[string]any
	variants map[string]json.RawMessage
	matches  map[string]*Outcome
	standard *Outcome // where targeting gives null
	unknown  *Outcome
}

// fallback is the answer of the default variant; without one the caller's own default counts.
func (a *answers) fallback(name *string, reason Reason) *Outcome {
	if name == nil || *name == "" && a.variants[""] == nil {
		return (&Outcome{Key: a.key, Reason: Default, Metadata: a.metadata}).finish()
	}
	return a.outcome(*name, reason)
}

func (a *answers) outcome(variant string, reason Reason) *Outcome {
	raw, ok := a.variants[variant]
	if !ok {
		details := fmt.Sprintf("the flag has no variant %q", variant)
		a.compiler.problems = append(a.compiler.problems, Problem{Flag: a.key, Code: General, Message: details})
		return (&Outcome{Key: a.key, Reason: Failed, Code: General, Details: details, Metadata: a.metadata}).finish()
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		panic(err) // it was taken apart as JSON already
	}
	o := &Outcome{
		Key: a.key, HasValue: true, Raw: compact.Bytes(), Variant: variant, Reason: reason, Metadata: a.metadata,
	}
	if err := json.Unmarshal(raw, &o.Value); err != nil {
		return (&Outcome{
			Key: a.key, Reason: Failed, Code: General, Details: "the value cannot be read: " + err.Error(), Metadata: a.metadata,
		}).finish()
	}
	return o.finish()
}

// of gives the answer for what a constant part of targeting gives.
func (a *answers) of(v value) *Outcome {
	if v.kind == null {
		return a.standard
	}
	name, ok := v.variant()
	if !ok {
		return a.noVariant()
	}
	if a.matches[name] == nil {
		a.matches[name] = a.outcome(name, TargetingMatch)
	}
	return a.matches[name]
}

// noVariant is the answer where a rule gave something that names no variant of the flag.
func (a *answers) noVariant() *Outcome {
	if a.unknown == nil {
		a.unknown = (&Outcome{
			Key: a.key, Reason: Failed, Code: General, Metadata: a.metadata,
			Details: "targeting gave a variant that the flag does not have",
		}).finish()
	}
	return a.unknown
}

// lookUp makes the function that finds the answer for a computed value, among all variants of the flag.
func (a *answers) lookUp() func(value) *Outcome {
	for _, name := range slices.Sorted(maps.Keys(a.variants)) {
		a.of(textValue(name))
	}
	matches, standard, unknown := a.matches, a.standard, a.noVariant()
	return func(v value) *Outcome {
		if v.kind == null {
			return standard
		}
		if name, ok := v.variant(); ok {
			if o := matches[name]; o != nil {
				return o
			}
		}
		return unknown
	}
}
