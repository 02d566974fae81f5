// Package importer reads flag documents of other systems, and says what taking them over into an environment would do and what
// would be missing then. It writes documents too. It submits nothing and changes nothing.
package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/foreign"
	"github.com/soukhq/souk/internal/registry"
)

// Limits of a document.
const (
	MaxBytes = 4 << 20
	MaxFlags = 5_000
	maxName  = 500 // bytes of a key, or of the name of an evaluator
)

// Formats are those that are read, Written those that Write writes.
var (
	Formats = append([]string{registry.FormatFlagd}, foreign.Formats...)
	Written = []string{registry.FormatFlagd}
)

// Document is what was read: flags by key and evaluators by name in their normal form, the metadata of the set, and what
// could not be understood.
type Document struct {
	Format     string
	Flags      map[string]json.RawMessage
	Evaluators map[string]json.RawMessage
	Order      []string        // of the evaluators
	Metadata   json.RawMessage // nil: none
	Map        map[string]Ownership
	Bad        []Refusal
	Notes      []Gap // what the document says, and Souk cannot

	There bool                       // it is a map alone, about the flags that are there: Of fills them in
	Sets  map[string]json.RawMessage // then: the metadata of the set that each came with
}

// Of returns the document with the flags of its map as they are there, where it is a map alone.
func (d Document) Of(ground registry.Ground) Document {
	if !d.There {
		return d
	}
	d.Flags, d.Sets = map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for key := range d.Map {
		if state, _ := ground.Flags[key].In(ground.Environment.Name); state.Live && state.Serving.Imported != nil {
			d.Flags[key], d.Sets[key] = state.Serving.Imported.Definition, state.Serving.Imported.Set
		}
	}
	return d
}

// Keys are those of the flags that it is about.
func (d Document) Keys() []string {
	if d.There {
		return slices.Sorted(maps.Keys(d.Map))
	}
	return slices.Sorted(maps.Keys(d.Flags))
}

// Source is what is to be imported, as it was given.
type Source struct {
	Format   string
	Document string
	Map      string // CSV that says who answers for its flags; empty: none
	From     string // which of the document's own environments is meant; empty: the only one, or else the one with the name of Into
	Into     string // environment that they are imported into
}

// Refusal is a flag or an evaluator that cannot be taken, and why.
type Refusal struct {
	Key string // as far as it is known
	fault.Finding
}

// Read reads a document, until the context ends, and the map that came with it. What is wrong with one flag keeps that one out; a text that is no flag document is
// a fault at document, a map that cannot be read one at map.
func Read(ctx context.Context, from Source) (doc Document, err error) {
	if !slices.Contains(Formats, from.Format) {
		return Document{}, fault.New(fault.Invalid, "unknown_format", "flags of the format %q cannot be read", fault.Clip(from.Format, 80)).
			At("format").Fix("%s", fault.Meant(from.Format, Formats, "choose one of "+strings.Join(Formats, ", ")))
	}
	if len(from.Document) > MaxBytes {
		return Document{}, tooLarge()
	}
	if from.Document == "" && from.Map != "" {
		doc = Document{Format: from.Format, Flags: map[string]json.RawMessage{}, There: true}
	} else if doc, err = from.read(ctx); err != nil || from.Map == "" {
		return doc, err
	}
	doc.Map, err = ReadMap(from.Map)
	return doc, err
}

// read reads a document, which may be YAML where it does not begin as JSON does.
func (s Source) read(ctx context.Context) (doc Document, err error) {
	text := strings.TrimPrefix(s.Document, "\ufeff") // a mark of the order of bytes says nothing
	if start := strings.TrimSpace(text); s.Format != foreign.CSV && start != "" && !strings.ContainsAny(start[:1], "{[") {
		if text, err = FromYAML([]byte(text)); err != nil {
			return Document{}, err
		}
	}
	if s.Format == registry.FormatFlagd {
		return readFlagd(ctx, text)
	}
	set, err := foreign.Read(ctx, s.Format, text, s.From, s.Into)
	if err != nil {
		return Document{}, err
	}
	if doc, err = readFlagd(ctx, string(set.Flagd)); err != nil {
		return Document{}, err
	}
	doc.Format = s.Format
	for _, n := range set.Notes {
		doc.Notes = append(doc.Notes, Gap{Key: n.Key, Code: n.Code, Message: n.Message, Remediation: n.Remediation})
	}
	for _, n := range set.Refused {
		doc.refuse(n.Key, n.Code, n.Message, n.Remediation)
	}
	return doc, nil
}

// tooLarge does not say how large: who reads a file stops there.
func tooLarge() *fault.Error {
	return fault.New(fault.TooLarge, "document_too_large", "the document has over %d MB", MaxBytes>>20).
		At("document").Fix("split it into several, and import one after the other")
}

func unreadable(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "not_a_flag_document", format, args...).At("document").
		Fix(`give a document of flagd's flag definitions, such as {"flags": {"my-flag": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}`)
}

// readFlagd reads flagd's flag definitions (https://flagd.dev/schema/v0/flags.json), in both forms of the member flags. As
// encoding/json, which flagd reads with, it takes the last of what is given twice.
func readFlagd(ctx context.Context, text string) (Document, error) {
	doc := Document{Format: registry.FormatFlagd, Flags: map[string]json.RawMessage{}, Evaluators: map[string]json.RawMessage{}}
	top, err := topOf([]byte(text))
	if err != nil {
		return doc, err
	}
	if err := doc.readFlags(ctx, top["flags"]); err != nil {
		return doc, err
	}
	if len(doc.Flags) > MaxFlags {
		return doc, fault.New(fault.TooLarge, "too_many_flags", "the document has %d flags; at most %d are taken at once", len(doc.Flags), MaxFlags).
			At("document").Fix("split it into several, and import one after the other")
	}
	if raw, ok := top["$evaluators"]; ok {
		var evaluators map[string]json.RawMessage
		if json.Unmarshal(raw, &evaluators) != nil {
			return doc, unreadable("the member $evaluators is no object")
		}
		for _, name := range membersOf(raw) {
			doc.evaluator(name, evaluators[name])
		}
	}
	if raw, ok := top["metadata"]; ok {
		members, ok := registry.Normal(raw)
		if !ok || members[0] != '{' && string(members) != "null" {
			return doc, unreadable("the member metadata is no object")
		}
		if len(members) > len("{}") && string(members) != "null" {
			doc.Metadata = members
		}
	}
	return doc, nil
}

// resource is a FeatureFlag of Kubernetes, whose document is within.
type resource struct {
	Kind string `json:"kind"`
	Spec struct {
		FlagSpec map[string]json.RawMessage `json:"flagSpec"`
	} `json:"spec"`
}

// topOf returns the members of a document: of the text, of the FeatureFlag of Kubernetes that it is, or of the only one among several documents.
func topOf(text []byte) (top map[string]json.RawMessage, err error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		for _, one := range list {
			var r resource
			if json.Unmarshal(one, &r) != nil || r.Kind != "FeatureFlag" {
				continue
			}
			if top != nil {
				return nil, unreadable("it has several documents of the kind FeatureFlag").Fix("import one after the other")
			}
			top = r.Spec.FlagSpec
		}
		if top == nil {
			return nil, unreadable("the document is no JSON object")
		}
		return top, nil
	}
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, unreadable("the document cannot be read").Because(err)
	}
	var r resource
	if json.Unmarshal(text, &r) == nil && r.Kind == "FeatureFlag" && r.Spec.FlagSpec != nil {
		return r.Spec.FlagSpec, nil
	}
	if top == nil {
		return nil, unreadable("the document is no JSON object")
	}
	return top, nil
}

func (d *Document) readFlags(ctx context.Context, raw json.RawMessage) error {
	var flags map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &flags) == nil && flags != nil {
		for _, key := range slices.Sorted(maps.Keys(flags)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			d.flag(key, flags[key])
		}
		return nil
	}
	var list []map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &list) != nil || list == nil {
		return unreadable("the member flags is no object or list of flags")
	}
	for i, members := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		var key string
		if json.Unmarshal(members["key"], &key) != nil || key == "" {
			d.refuse(fmt.Sprintf("flags[%d]", i), "no_key", "it has no key", "give it a member key")
			continue
		}
		delete(members, "key") // in an object it stands outside
		definition, err := json.Marshal(members)
		if err != nil {
			return fmt.Errorf("encode flag %s: %w", key, err)
		}
		d.flag(key, definition)
	}
	return nil
}

func (d *Document) refuse(key, code, message, remediation string) {
	d.Bad = append(d.Bad, Refusal{Key: key, Finding: fault.Finding{
		Severity: fault.SeverityError, Field: "flags." + fault.Clip(key, maxName), Code: code, Message: message, Remediation: remediation,
	}})
}

// legal tells what keeps a text from being a key, or the name of an evaluator; empty if nothing does.
func legal(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxName:
		return fmt.Sprintf("it has %d bytes; at most %d are allowed", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "it holds control characters"
	case strings.ContainsFunc(name, fault.Deceptive):
		return "it holds characters that cannot be seen or that turn the direction of text"
	}
	return ""
}

// flag takes one flag into the document, or refuses it. What a program could still evaluate is taken, however little sense it
// makes.
func (d *Document) flag(key string, raw json.RawMessage) {
	delete(d.Flags, key)
	if why := legal(key); why != "" {
		d.refuse(fault.Clip(strings.ToValidUTF8(key, "?"), maxName), "bad_key", "its key cannot be taken: "+why, "give it another key")
		return
	}
	definition, ok := registry.Normal(raw)
	var members map[string]json.RawMessage
	if !ok || json.Unmarshal(definition, &members) != nil || members == nil {
		d.refuse(key, "bad_flag", "it is no JSON object whose numbers a program can hold", "give state, variants and defaultVariant")
		return
	}
	if number := registry.Inexact(definition); number != "" {
		d.refuse(key, "inexact_number", "it has the number "+fault.Clip(number, 40)+", which is beyond 2^53, so that programs hold another", "write a smaller number, or a text")
		return
	}
	for _, must := range []struct {
		name string
		into any
		want string
	}{
		{"state", new(string), "ENABLED or DISABLED"},
		{"variants", &map[string]json.RawMessage{}, "an object of named values"},
		{"defaultVariant", new(string), "the name of a variant, or null"},
	} {
		if given, ok := members[must.name]; ok && json.Unmarshal(given, must.into) != nil {
			d.refuse(key, "bad_flag", must.name+" is not "+must.want, "mend it in the document")
			return
		}
	}
	var state string
	_ = json.Unmarshal(members["state"], &state) // checked above
	if _, given := members["state"]; given && state != "ENABLED" && state != "DISABLED" {
		d.refuse(key, "bad_flag", "state is not ENABLED or DISABLED", "mend it in the document")
		return
	}
	if variants := members["variants"]; len(variants) == 0 || bytes.Equal(variants, []byte("null")) {
		d.refuse(key, "bad_flag", "it has no variants", "give its values as variants")
		return
	}
	d.Flags[key] = definition
}

func (d *Document) evaluator(name string, raw json.RawMessage) {
	rule, ok := registry.Normal(raw)
	ok = ok && registry.Inexact(raw) == ""
	if why := legal(name); why != "" || !ok {
		d.Bad = append(d.Bad, Refusal{Key: "$evaluators." + fault.Clip(strings.ToValidUTF8(name, "?"), maxName), Finding: fault.Finding{
			Severity: fault.SeverityError, Field: "$evaluators", Code: "bad_evaluator",
			Message: "an evaluator cannot be taken: " + orElse(why, "it holds a number that no program can hold"), Remediation: "fix it in the document",
		}})
		return
	}
	d.Evaluators[name] = rule
	d.Order = append(d.Order, name)
}

// membersOf lists the members of a JSON object in their order, each once.
func membersOf(object json.RawMessage) (names []string) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	_, _ = decoder.Token() // {
	seen := map[string]bool{}
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			break // it was decoded once already
		}
		if name, ok := name.(string); ok && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// imported gives a flag of the document as it is stored.
func (d Document) imported(key string) registry.Imported {
	if d.There {
		return registry.Imported{Definition: d.Flags[key], Set: d.Sets[key]}
	}
	return registry.Imported{Definition: d.Flags[key], Set: d.Metadata}
}

// Write gives a document of an environment: what was imported as it was given, all else as it is served. Metadata that all
// flags came with stands at its top, as it did; of several sets each flag carries its own.
func Write(format string, set registry.Set) ([]byte, error) {
	if !slices.Contains(Written, format) {
		return nil, fault.New(fault.Invalid, "unknown_format", "flags cannot be written in the format %q", fault.Clip(format, 80)).
			At("format").Fix("%s", fault.Meant(format, Written, "choose "+strings.Join(Written, ", ")))
	}
	var b, indented bytes.Buffer
	b.WriteByte('{')
	if len(set.Order) > 0 {
		b.WriteString(`"$evaluators":`)
		if err := writeMembers(&b, set.Order, set.Evaluators); err != nil {
			return nil, err
		}
		b.WriteByte(',')
	}
	b.WriteString(`"flags":`)
	if err := writeMembers(&b, slices.Sorted(maps.Keys(set.Flags)), set.Flags); err != nil {
		return nil, err
	}
	if set.Metadata != nil {
		b.WriteString(`,"metadata":`)
		if err := writeUnescaped(&b, set.Metadata); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("indent document: %w", err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// writeMembers writes an object with its members in an order.
func writeMembers(b *bytes.Buffer, names []string, values map[string]json.RawMessage) error {
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err == nil {
			err = writeUnescaped(b, key)
		}
		if err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeUnescaped(b, values[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// writeUnescaped writes JSON without what web pages need escaped, and with its numbers as they are written.
func writeUnescaped(b *bytes.Buffer, raw json.RawMessage) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Errorf("decode document: %w", err)
	}
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode document: %w", err)
	}
	return nil
}
