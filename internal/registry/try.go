package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

// Edit gives what a flag would serve after a change, from what it serves now.
type Edit func(f Flag, now Serving) Serving

// Trial is what a flag answers somebody in an environment and how it comes to that, and the same after an edit.
type Trial struct {
	Environment string            `json:"environment"`
	Live        bool              `json:"live" doc:"SDKs get this; false until the flag is approved"`
	Killed      bool              `json:"killed" doc:"Turned off for everybody: the rule is not asked, and an edit waits for its restore"`
	Now         flag.Explanation  `json:"now"`
	Edited      *flag.Explanation `json:"edited,omitempty" doc:"After the edit, were the flag not turned off"`
}

// Rehearsal is what an edit would change for contexts that SDKs asked with lately.
type Rehearsal struct {
	Environment string  `json:"environment"`
	Contexts    int     `json:"contexts" doc:"How many contexts were tried"`
	Same        int     `json:"same" doc:"Of these, how many keep their answer"`
	Moves       []Moved `json:"moves" nullable:"false" doc:"The others, the most frequent first"`
}

// Moved is contexts whose answer an edit changes in the same way.
type Moved struct {
	Before   Answer           `json:"before"`
	After    Answer           `json:"after"`
	Count    int              `json:"count"`
	Examples []map[string]any `json:"examples" nullable:"false" doc:"A few of these contexts: the attributes that the rules read, by their paths"`
}

// Answer is what a flag answers, in short.
type Answer struct {
	Variant string          `json:"variant,omitempty"`
	Value   json.RawMessage `json:"value,omitempty" doc:"Absent: the application's own default counts"`
	Error   string          `json:"error,omitempty" doc:"Why there is no answer"`
}

// examplesShown bounds the examples of a move.
const examplesShown = 3

// Try explains what a flag answers for the attributes of a context, and what it would after an edit; edit may be nil. Nothing is
// written or counted.
func (r *Registry) Try(
	ctx context.Context, by access.Actor, key, environment string, attributes map[string]any, edit Edit,
) (Trial, error) {
	t, err := read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (trying, error) {
		f, err := known(ctx, tx, key)
		if err != nil {
			return trying{}, err
		}
		return prepare(ctx, tx, f, environment, edit)
	})
	if err != nil {
		return Trial{}, err
	}
	trial := Trial{Environment: environment, Live: t.state.Live, Killed: t.state.Kill != nil}
	trial.Now, _ = t.now.Explain(key, attributes, r.Now())
	if t.edited != nil {
		edited, _ := t.edited.Explain(key, attributes, r.Now())
		trial.Edited = &edited
	}
	return trial, nil
}

// Rehearse tells what an edit would change for contexts that SDKs asked with. They may name people, so that only those see
// them who may ask for the edit.
func (r *Registry) Rehearse(
	ctx context.Context, by access.Actor, key, environment string, edit Edit, contexts []map[string]any,
) (Rehearsal, error) {
	t, err := read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (trying, error) {
		f, err := known(ctx, tx, key)
		if err == nil {
			err = access.Can(by, access.RequestMake, f.Scope())
		}
		if err != nil {
			return trying{}, err
		}
		return prepare(ctx, tx, f, environment, edit)
	})
	if err != nil {
		return Rehearsal{}, err
	}
	rehearsal := Rehearsal{Environment: environment, Contexts: len(contexts), Moves: []Moved{}}
	before, after := t.now.Context(r.Now()), t.edited.Context(r.Now())
	defer before.Release()
	defer after.Release()
	reads := slices.Concat(t.now.Attributes(), t.edited.Attributes())
	for _, attributes := range contexts {
		before.Set(attributes)
		after.Set(attributes)
		was, is := answerOf(t.now.Evaluate(key, before)), answerOf(t.edited.Evaluate(key, after))
		if was.equal(is) {
			rehearsal.Same++
			continue
		}
		i := slices.IndexFunc(rehearsal.Moves, func(m Moved) bool { return m.Before.equal(was) && m.After.equal(is) })
		if i < 0 {
			i = len(rehearsal.Moves)
			rehearsal.Moves = append(rehearsal.Moves, Moved{Before: was, After: is, Examples: []map[string]any{}})
		}
		m := &rehearsal.Moves[i]
		if m.Count++; len(m.Examples) < examplesShown {
			m.Examples = append(m.Examples, only(attributes, reads))
		}
	}
	slices.SortStableFunc(rehearsal.Moves, func(a, b Moved) int { return b.Count - a.Count })
	return rehearsal, nil
}

// trying is a flag by itself, compiled as it is and as it would be.
type trying struct {
	flag        Flag
	state       FlagEnvironment
	now, edited *flag.Snapshot // edited is nil without an edit
}

// prepare compiles the flag as the data plane does, with the segments as they are.
func prepare(ctx context.Context, tx *store.Tx, f Flag, environment string, edit Edit) (t trying, err error) {
	t.flag = f
	var ok bool
	if t.state, ok = f.In(environment); !ok {
		return t, unknownEnvironment(environment)
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return t, err
	}
	shared, err := AllEvaluators(ctx, tx, environment, segments)
	if err != nil {
		return t, err
	}
	compile := func(definition json.RawMessage) *flag.Snapshot {
		set := flag.Set{
			Flags: map[string]json.RawMessage{f.Key: definition}, Evaluators: shared, Metadata: SetMetadata(environment),
		}
		s, _ := set.Compile() // what is wrong with the flag is its answer
		return s
	}
	t.now = compile(t.state.Definition)
	if edit == nil {
		return t, nil
	}
	s := edit(f, t.state.Serving).Tidy()
	if found := CheckServing(f, s, segments); len(found) > 0 {
		return t, fault.New(fault.Invalid, found[0].Code, "%s", found[0].Message).At(found[0].Field).Fix("%s", found[0].Remediation).With(found...)
	}
	everybody := slices.ContainsFunc(segments, func(one Segment) bool { return one.Name == s.Audience && one.Everybody })
	t.edited = compile(define(f, s, everybody, false))
	return t, nil
}

func answerOf(o *flag.Outcome) Answer {
	return Answer{Variant: o.Variant, Value: o.Raw, Error: o.Details}
}

func (a Answer) equal(b Answer) bool {
	return a.Variant == b.Variant && a.Error == b.Error && bytes.Equal(a.Value, b.Value)
}

// only keeps of a context what rules read, by the paths that they read it at. What lies above such a path is left out.
func only(attributes map[string]any, paths []string) map[string]any {
	kept := map[string]any{}
	for _, path := range paths {
		if slices.ContainsFunc(paths, func(other string) bool { return strings.HasPrefix(other, path+".") }) {
			continue
		}
		var value any = attributes
		for name := range strings.SplitSeq(path, ".") {
			switch parent := value.(type) {
			case map[string]any:
				value = parent[name]
			case []any:
				value = nil
				if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(parent) {
					value = parent[i]
				}
			default:
				value = nil
			}
		}
		if value != nil {
			kept[path] = value
		}
	}
	return kept
}
