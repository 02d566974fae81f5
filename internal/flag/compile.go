package flag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/soukhq/souk/internal/fault"
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

	evaluators map[string]json.RawMessage
	shared     map[sharedKey]shared   // of evaluators, for whatever is derived from this
	rules      map[string]*syncedRule // of evaluators, as documents have them
	beyond     map[string]Problem     // flags that in-process SDKs do not get, since all together are too large
	emptied    map[string]bool        // killed flags that they get without their off value, for the same reason
}

// compiled is a flag: one answer for everybody, or a target.
type compiled struct {
	key    string
	static *Outcome
	target func(*Context) *Outcome
	raw    json.RawMessage
	broken bool // its targeting cannot be compiled
	synced synced
}

// Problem is something wrong with one flag of a document, or with the document where Flag is empty. The others are not
// touched by it.
type Problem struct {
	Flag        string
	Code        ErrorCode // what evaluating the flag answers; empty if the flag still works
	LeftOut     bool      // in-process SDKs do not get the flag
	Message     string
	Remediation string
}

// Compile reads and compiles a document of flagd's flag definitions (https://flagd.dev/schema/v0/flags.json). A flag that
// cannot be understood answers PARSE_ERROR and is among the problems. The error is for a text that is no flag document at all.
func Compile(document []byte) (*Snapshot, []Problem, error) {
	set, err := Parse(document)
	if err != nil {
		return nil, nil, err
	}
	s, problems := set.Compile()
	return s, problems, nil
}

// Parse takes a flag document apart.
func Parse(document []byte) (Set, error) {
	if len(document) > documentLimit {
		return Set{}, fmt.Errorf("the flag document has %d bytes, more than %d", len(document), documentLimit)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(document, &top); err != nil {
		return Set{}, fmt.Errorf("read flag document: %w", err)
	}
	flags, err := readFlags(top["flags"])
	if err != nil {
		return Set{}, err
	}
	set := Set{Flags: flags, Evaluators: map[string]json.RawMessage{}, Metadata: top["metadata"]}
	if raw, ok := top["$evaluators"]; ok {
		if err := json.Unmarshal(raw, &set.Evaluators); err != nil {
			return Set{}, fmt.Errorf("read $evaluators: %w", err)
		}
	}
	return set, nil
}

// Set is a flag document taken apart: the definitions of flags and evaluators by name, and the metadata of all. Its texts are
// kept by what is compiled from it; nobody may change them.
type Set struct {
	Flags      map[string]json.RawMessage
	Evaluators map[string]json.RawMessage
	Metadata   json.RawMessage
}

// Compile compiles a set as the function does its document.
func (set Set) Compile() (*Snapshot, []Problem) {
	c := newCompiler(set.Evaluators)
	s := &Snapshot{flags: make(map[string]*compiled, len(set.Flags)), order: make([]*compiled, 0, len(set.Flags))}
	s.metadata = c.metadata("", set.Metadata)
	s.head = []byte("{}")
	if len(s.metadata) > 0 {
		s.head = encode(s.metadata)
	}
	for _, key := range slices.Sorted(maps.Keys(set.Flags)) {
		f := c.flag(key, set.Flags[key], s.metadata)
		s.flags[key] = f
		s.order = append(s.order, f)
	}
	return c.finish(s)
}

func newCompiler(evaluators map[string]json.RawMessage) *compiler {
	c := &compiler{
		paths:      &path{},
		slots:      1,
		evaluators: evaluators,
		shared:     map[sharedKey]shared{},
		rules:      map[string]*syncedRule{},
	}
	c.paths.child("targetingKey", &c.slots).idle = true
	return c
}

// finish gives the snapshot what the compiler learnt, and returns it with all problems.
func (c *compiler) finish(s *Snapshot) (*Snapshot, []Problem) {
	s.paths, s.slots, s.usesTime, s.evaluators, s.shared, s.rules = c.paths, c.slots, c.usesTime, c.evaluators, c.shared, c.rules
	s.bound(syncedLimit)
	for _, key := range slices.Sorted(maps.Keys(s.beyond)) {
		c.problems = append(c.problems, s.beyond[key])
	}
	return s, c.problems
}

// With gives a snapshot in which some flags are others: nil takes one out. All else is shared, so that a change of one flag
// costs no more than a copy of an index, however many flags there are. Evaluators that are not nil replace all of them; then
// changed must hold every flag that refers to one. The problems are those of the changed flags.
func (s *Snapshot) With(changed map[string]json.RawMessage, evaluators map[string]json.RawMessage) (*Snapshot, []Problem) {
	c := compiler{
		paths: s.paths.clone(), slots: s.slots, usesTime: s.usesTime,
		evaluators: s.evaluators, shared: maps.Clone(s.shared), rules: maps.Clone(s.rules),
	}
	if evaluators != nil {
		c.evaluators, c.shared, c.rules = evaluators, map[sharedKey]shared{}, map[string]*syncedRule{}
	}
	next := &Snapshot{flags: maps.Clone(s.flags), metadata: s.metadata, head: s.head}
	fresh := make([]*compiled, 0, len(changed))
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		if changed[key] == nil {
			delete(next.flags, key)
			continue
		}
		f := c.flag(key, changed[key], s.metadata)
		next.flags[key] = f
		fresh = append(fresh, f)
	}
	next.order = make([]*compiled, 0, len(next.flags))
	for _, f := range s.order { // merges two lists that are both in order
		for len(fresh) > 0 && fresh[0].key < f.key {
			next.order, fresh = append(next.order, fresh[0]), fresh[1:]
		}
		if _, replaced := changed[f.key]; !replaced {
			next.order = append(next.order, f)
		}
	}
	next.order = append(next.order, fresh...)
	return c.finish(next)
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
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // what is no object has no members
	own := c.metadata(key, members["metadata"])
	f := c.compile(key, members, merged(own, set))
	f.key, f.raw = key, raw
	if c.trace == nil {
		f.synced = c.sync(f, members, own)
		if f.synced.problem != nil {
			c.problems = append(c.problems, *f.synced.problem)
		}
	}
	return f
}

// merged returns a flag's own metadata over that of its set.
func merged(own, set map[string]any) map[string]any {
	if len(set) == 0 {
		return own
	}
	all := maps.Clone(set)
	maps.Copy(all, own)
	return all
}

// compile compiles the members of a flag; nil is a flag that is no object.
func (c *compiler) compile(key string, members map[string]json.RawMessage, metadata map[string]any) *compiled {
	failed := func(details, fix string) *compiled {
		c.problems = append(c.problems, Problem{Flag: key, Code: ParseError, Message: details, Remediation: fix})
		return &compiled{static: (&Outcome{
			Key: key, Reason: Failed, Code: ParseError, Details: details, Metadata: metadata,
		}).finish()}
	}
	if members == nil {
		return failed("the flag is not a JSON object", "give it state, variants and defaultVariant")
	}
	var state string
	if given, ok := members["state"]; ok && (json.Unmarshal(given, &state) != nil || state != "ENABLED" && state != "DISABLED") {
		return failed("state is neither ENABLED nor DISABLED", "write ENABLED or DISABLED")
	}
	if state == "DISABLED" {
		return &compiled{static: (&Outcome{Key: key, Reason: Disabled, Metadata: metadata}).finish()}
	}
	a := answers{compiler: c, key: key, metadata: metadata, matches: map[string]*Outcome{}}
	if err := json.Unmarshal(members["variants"], &a.variants); err != nil || a.variants == nil {
		return failed("variants is not a JSON object", `give the values by name, such as {"on": true, "off": false}`)
	}
	var name *string
	if given, ok := members["defaultVariant"]; ok && json.Unmarshal(given, &name) != nil {
		return failed("defaultVariant is not the name of a variant", "name one of the variants, or leave it out for the application's own default")
	}
	var rule any
	if given, ok := members["targeting"]; ok {
		if err := json.Unmarshal(given, &rule); err != nil {
			return failed("targeting is not JSON", "write a rule in JSON Logic")
		}
	}
	if isEmpty(rule) {
		return &compiled{static: a.fallback(name, Static)}
	}
	a.standard = a.fallback(name, Default)
	c.key, c.parts, c.fallible, c.open, c.mode = key, 0, false, nil, mode{}
	target, err := c.safely(rule, &a)
	if err != nil {
		bad, _ := errors.AsType[*fault.Error](err)
		f := failed(bad.Message, bad.Remediation)
		f.broken = true
		return f
	}
	if c.fallible {
		target = guarded(target, &a)
	}
	return &compiled{target: target}
}

// safely compiles targeting. A fault of the compiler costs the one flag its rule, and not all flags the process that serves them.
func (c *compiler) safely(rule any, a *answers) (target func(*Context) *Outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = refuse("write the rule in another way, and report this: it is a fault of Souk", "%s: %v", compilerFault, cause)
		}
	}()
	return c.target(rule, a, 0)
}

const compilerFault = "the compiler of targeting fails at this rule"

// isEmpty tells targeting that is none, as JavaScript sees it: without members, elements or characters.
func isEmpty(rule any) bool {
	switch rule := rule.(type) {
	case map[string]any:
		return len(rule) == 0
	case []any:
		return len(rule) == 0
	case string:
		return rule == ""
	}
	return true
}

// metadata reads what may stand in metadata: texts, numbers and booleans.
func (c *compiler) metadata(key string, raw json.RawMessage) map[string]any {
	if len(raw) == 0 {
		return nil
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		c.problems = append(c.problems, Problem{Flag: key, Message: "metadata is not a JSON object; it is left out", Remediation: "make it an object"})
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch members[name].(type) {
		case string, float64, bool:
		default:
			c.problems = append(c.problems, Problem{
				Flag: key, Message: fmt.Sprintf("metadata.%s is neither text, number nor boolean; it is left out", name),
				Remediation: "write it as a text",
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

// fallback is the answer of the default variant; without one, which an empty name means to engines, the caller's own default counts.
func (a *answers) fallback(name *string, reason Reason) *Outcome {
	if name == nil || *name == "" {
		return (&Outcome{Key: a.key, Reason: Default, Metadata: a.metadata}).finish()
	}
	return a.outcome(*name, reason)
}

func (a *answers) outcome(variant string, reason Reason) *Outcome {
	raw, ok := a.variants[variant]
	if !ok {
		details := fmt.Sprintf("the flag has no variant %q", variant)
		a.compiler.problems = append(a.compiler.problems, Problem{
			Flag: a.key, Code: General, Message: details, Remediation: "add it to variants, or name another",
		})
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
	name := v.toText()
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
		if o := matches[v.toText()]; o != nil {
			return o
		}
		return unknown
	}
}
