// Package foreign reads flag documents of other systems and says in flagd's words what they serve. What such a document says and flagd has no
// words for is in a report, item by item; where leaving it out could give something to more people, they get what the flag gives least.
package foreign

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// The formats.
const (
	LaunchDarkly = "launchdarkly"
	Unleash      = "unleash"
	GOFF         = "goff"
	Flipt        = "flipt"
	GrowthBook   = "growthbook"
	CSV          = "csv"
)

// Formats are those that Read reads.
var Formats = []string{LaunchDarkly, Unleash, GOFF, Flipt, GrowthBook, CSV}

// Note is something that a document says and Souk cannot, or that means something else here.
type Note struct {
	Key         string // of the flag, or the name of a shared rule; empty: of the document
	Code        string
	Message     string
	Remediation string
}

// Set is what a document says, in flagd's words.
type Set struct {
	Flagd   []byte // flagd's flag definitions
	Notes   []Note // each once
	Refused []Note // flags that cannot be taken at all
}

// readers read a document that was decoded with its numbers as they are written.
var readers = map[string]func(b *builder, ctx context.Context, document any) error{
	LaunchDarkly: (*builder).launchDarkly, Unleash: (*builder).unleash, GOFF: (*builder).goff, Flipt: (*builder).flipt, GrowthBook: (*builder).growthBook,
}

// Read reads a document of a format, as JSON, or as CSV of the format csv, until the context ends. environment is the one of its own environments, or namespaces, that is
// meant; empty takes the only one, and else the one with the name otherwise. What is no document of the format is a fault at document, an
// environment that is not named or not there one at from.
func Read(ctx context.Context, format, text, environment, otherwise string) (Set, error) {
	b := &builder{
		system: format, environment: environment, otherwise: otherwise, room: roomFor(text),
		flags: map[string]definition{}, evaluators: map[string]any{}, noted: map[Note]bool{}, said: map[string]int{}, out: map[string]bool{},
	}
	if format == CSV {
		if err := b.csv(ctx, text); err != nil {
			return Set{}, err
		}
		return b.set()
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return Set{}, b.unreadable("it is no JSON").Because(err)
	}
	if decoder.More() {
		return Set{}, b.unreadable("something follows after its end")
	}
	if err := readers[format](b, ctx, document); err != nil {
		return Set{}, err
	}
	return b.set()
}

// definition is a flag in flagd's words.
type definition struct {
	State          string         `json:"state"`
	Variants       map[string]any `json:"variants"`
	DefaultVariant *string        `json:"defaultVariant"`
	Targeting      any            `json:"targeting,omitempty"`
	Metadata       map[string]any `json:"metadata,omitempty"`
}

// builder collects what a document says.
type builder struct {
	system                 string
	environment, otherwise string
	flags                  map[string]definition
	evaluators             map[string]any
	room                   int // bytes that may still come out
	notes, refused         []Note
	noted                  map[Note]bool
	said                   map[string]int  // how many notes there are, by key
	out                    map[string]bool // keys of what is refused
}

func (b *builder) unreadable(why string) *fault.Error {
	return fault.New(fault.Invalid, "not_a_flag_document", "the document cannot be read as one of %s: %s", b.system, why).At("document").
		Fix("%s", wanted[b.system])
}

// wanted says what a document of each format looks like.
var wanted = map[string]string{
	LaunchDarkly: `give flags and segments as SDKs load them or as the REST API answers with summary=0: {"flags": …, "segments": …}`,
	Unleash:      `give an export of an environment, or what clients load: {"features": […]}`,
	GOFF:         `give a configuration file: {"my-flag": {"variations": …, "defaultRule": …}}`,
	Flipt:        `give a features file: {"namespace": …, "flags": […], "segments": […]}`,
	GrowthBook:   `give the features of an SDK connection, or of the REST API: {"features": …}`,
	CSV:          "give CSV whose first line is key, value and any of type, description, app, owner, contact, ttl_days, tags",
}

// maxNotes bounds what is said of one flag, or of one shared rule.
const maxNotes = 50

// note says once what is not as it was.
func (b *builder) note(key, code, remediation, format string, args ...any) {
	switch said := b.said[key]; {
	case said > maxNotes:
		return
	case said == maxNotes:
		code, remediation = "more", "look at what is listed first, and import it again"
		format, args = "more of it is not as it was than the %d things that are listed", []any{maxNotes}
	}
	n := Note{Key: key, Code: code, Message: fault.Clip(fmt.Sprintf(format, args...), 500), Remediation: remediation}
	if !b.noted[n] {
		b.noted[n] = true
		b.notes = append(b.notes, n)
		b.said[key]++
	}
}

// refuse keeps a flag out.
func (b *builder) refuse(key, code, remediation, format string, args ...any) {
	b.out[key] = true
	b.refused = append(b.refused, Note{Key: key, Code: code, Message: fmt.Sprintf(format, args...), Remediation: remediation})
}

// narrower notes a part of a shared rule that cannot be said, so that fewer are in it than there.
func (b *builder) narrower(key string, part object, what, why string) {
	part.leave()
	b.note(key, "rule_left_out", wordings, "%s cannot be said as a whole: %s: fewer people are in it here, and no rule is taken for whoever is not in it", what, why)
}

// buckets notes that a share of people is told off otherwise here.
func (b *builder) buckets(key string) {
	b.note(key, "other_buckets", "expect some people to get another value than before; the shares stay the same",
		"it gives something to a share of people: the share is the same here, but it is other people")
}

// offRules notes rules of a flag that is off.
func (b *builder) offRules(key string) {
	b.note(key, "off_rules", "ask for the rules here when it is to be on again, or import it again then", "it is off there, and so off here: its rules are not taken")
}

// unread notes members that nobody knows.
func (b *builder) unread(key string, o object) {
	if b.out[key] {
		return
	}
	for _, path := range o.unread(maxNotes + 1) {
		b.note(key, "not_read", "look at what it says, and say it in another way if it matters", "%s has no meaning here", fault.Clip(path, 200))
	}
}

// add adds a flag that comes to a choice.
func (b *builder) add(key string, d definition, choice any) {
	if _, twice := b.flags[key]; twice {
		b.note(key, "twice", "keep one of them", "it is in the document twice; the last counts")
	}
	if d.State == "" {
		d.State = "ENABLED"
	}
	if !b.fits(d.Variants, d.Metadata, choice) {
		b.refuse(key, "too_large", "say once, as a segment, what many of its rules say, or import it in a document of its own",
			"what its rules say together with those that they refer to is too much for a document of this size")
		return
	}
	// The last branch of the rule is the default variant, where it is one: so it reads best, and a kill knows it. Who is to get no value would
	// get that one then.
	switch c := choice.(type) {
	case nil:
	case string:
		d.DefaultVariant = &c
	default:
		d.Targeting = c
		if rule, ok := c.(map[string]any); ok {
			if args, ok := rule["if"].([]any); ok {
				if last, ok := args[len(args)-1].(string); ok && !mayBeNothing(c) {
					d.DefaultVariant, d.Targeting = &last, op("if", args[:len(args)-1]...)
				}
			}
		}
	}
	b.flags[key] = d
}

// share adds a shared rule. ok is false where it holds for nobody instead.
func (b *builder) share(name string, rule any) (ok bool) {
	if ok = b.fits(rule); !ok {
		b.note(name, "too_large", "import it in a document of its own", "it is too much for a document of this size: it holds for nobody here")
		rule = false
	}
	b.evaluators[name] = rule
	return ok
}

// metadata keeps the texts that say something, of pairs of a name and a text.
func metadata(pairs ...string) map[string]any {
	all := map[string]any{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			all[pair[0]] = pair[1]
		}
	}
	return all
}

func (b *builder) set() (Set, error) {
	document := map[string]any{"flags": b.flags}
	if len(b.evaluators) > 0 {
		document["$evaluators"] = b.evaluators
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return Set{}, fmt.Errorf("encode flags: %w", err)
	}
	slices.SortStableFunc(b.notes, func(a, c Note) int { return strings.Compare(a.Key, c.Key) })
	return Set{Flagd: text.Bytes(), Notes: b.notes, Refused: b.refused}, nil
}

// choose picks one of the environments, or namespaces, of the document.
func (b *builder) choose(what string, names []string) (string, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	switch {
	case b.environment != "" && slices.Contains(names, b.environment):
		return b.environment, nil
	case b.environment == "" && len(names) == 1:
		return names[0], nil
	case b.environment == "" && slices.Contains(names, b.otherwise):
		return b.otherwise, nil
	case b.environment == "":
		return "", fault.New(fault.Invalid, "which_environment", "the document has several %ss: %s", what, fault.Clip(strings.Join(names, ", "), 500)).
			At("from").Fix("say which one is meant")
	}
	return "", fault.New(fault.Invalid, "unknown_environment", "the document has no %s %q", what, fault.Clip(b.environment, 80)).
		At("from").Fix("%s", fault.Meant(b.environment, names, "choose one of "+fault.Clip(strings.Join(names, ", "), 500)))
}

// sortedKeys are the names of an object in order.
func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }

// join writes tags in one text, as metadata has them.
func join(tags []string) string { return strings.Join(tags, ", ") }
