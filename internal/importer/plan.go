package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
)

// Action is what an import does to a flag or an evaluator.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Keep   Action = "keep"   // it is just so already
	Refuse Action = "refuse" // it cannot be taken; all else can
)

// Plan is what an import does, flag by flag in the order of their keys.
type Plan struct {
	Environment string          `json:"environment"`
	Format      string          `json:"format"`
	App         string          `json:"app,omitempty" doc:"App that the flags are to belong to"`
	Governed    bool            `json:"governed" doc:"It takes a request that others approve"`
	Flags       []Step          `json:"flags"`
	Evaluators  []Step          `json:"evaluators"`
	Counts      map[string]int  `json:"counts" doc:"Of the flags, by action"`
	Gaps        []Gap           `json:"gaps" doc:"What flags that are taken lack, or what does not work of them"`
	take        registry.Import // what is to be carried out
	refers      registry.References
}

// Step is what happens to one flag or evaluator.
type Step struct {
	Key         string `json:"key"`
	Action      Action `json:"action" enum:"create,update,keep,refuse"`
	Code        string `json:"code,omitempty" doc:"Why it is refused, as a stable name"`
	Message     string `json:"message,omitempty" doc:"Why it is refused"`
	Remediation string `json:"remediation,omitempty"`
	Before      any    `json:"-"` // the definition that is there
	After       any    `json:"-"` // the one that it brings

	Ends string `json:"-"` // when the life of a flag that changes ends, in words; empty: it has no end

	Ownership *Ownership `json:"ownership,omitempty" doc:"What changes of who answers for it, of its TTL, its tags and what a kill serves"`
}

// Owns says in words what changes of who answers for the flag; empty if nothing does.
func (s Step) Owns() string {
	if s.Ownership == nil {
		return ""
	}
	return s.Ownership.words()
}

// Gap is something that a flag lacks, or that does not work of it. It keeps no flag out.
type Gap struct {
	Key         string `json:"key" doc:"Of the flag, or the name of a shared rule"`
	Code        string `json:"code" doc:"no_owner, no_contact, no_ttl, no_off_value, unknown_variant, does_not_work, not_synced, left_out; why something that was said of its ownership is not taken; or what the format says and Souk cannot, such as other_buckets and rule_left_out"`
	Message     string `json:"message"`
	Remediation string `json:"remediation"`
}

// Changes tells whether carrying the plan out changes anything.
func (p Plan) Changes() bool { return len(p.take.Flags)+len(p.take.Evaluators) > 0 }

// Since returns the plan with what an earlier one of the same document did, as far as that was carried out meanwhile: by now it is kept.
func (p Plan) Since(before Plan) Plan {
	did := func(steps, before []Step) []Step {
		steps = slices.Clone(steps)
		for i, step := range steps {
			if step.Action == Keep {
				steps[i] = before[i]
			}
		}
		return steps
	}
	p.Flags, p.Evaluators = did(p.Flags, before.Flags), did(p.Evaluators, before.Evaluators)
	p.Counts = counts(p.Flags)
	return p
}

func counts(flags []Step) map[string]int {
	of := map[string]int{}
	for _, step := range flags {
		of[string(step.Action)]++
	}
	return of
}

// Take gives what is to be carried out.
func (p Plan) Take() registry.Import { return p.take }

// Refers returns what the flags and evaluators of the document refer to; nothing where it is a map alone.
func (p Plan) Refers() registry.References { return p.refers }

// Refused tells whether something cannot be taken.
func (p Plan) Refused() bool {
	refused := func(s Step) bool { return s.Action == Refuse }
	return slices.ContainsFunc(p.Flags, refused) || slices.ContainsFunc(p.Evaluators, refused)
}

// PlanFor decides what taking a document over into an environment does. app is what all its flags are to belong to; nil leaves that to its
// map and to metadata. ends says by key, in words, when the life of a flag ends, where it has an end. Whoever asks must have the right for each flag that is there already.
func PlanFor(doc Document, ground registry.Ground, known Known, app *catalog.App, ends map[string]string, by access.Actor) Plan {
	w := work{
		doc: doc, ground: ground, known: known, app: app, ends: ends, by: by,
		steps: map[string]Step{}, named: map[string]Step{}, owns: map[string]settled{}, needs: map[string][]string{}, bound: map[string]bool{},
	}
	w.refers = registry.ReferencesOf(doc.Flags, doc.Evaluators)
	shared := registry.SharedRules{}.Also(ground.Environment.Name, w.refers.Evaluators)
	for key, names := range w.refers.Flags {
		w.needs[key] = shared.Behind(ground.Environment.Name, names)
	}
	for _, users := range ground.Users {
		for _, key := range users {
			w.bound[key] = true
		}
	}
	w.moved = moved(doc.Order, ground.Order)
	for _, key := range slices.Sorted(maps.Keys(doc.Flags)) {
		w.steps[key] = w.flag(key)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Evaluators)) {
		w.named[name] = w.evaluator(name)
	}
	for again := true; again; { // each round may refuse more, which the next one has to heed
		again = w.settle()
	}
	return w.plan()
}

type work struct {
	doc    Document
	ground registry.Ground
	known  Known
	app    *catalog.App
	ends   map[string]string
	by     access.Actor
	steps  map[string]Step // by key
	named  map[string]Step // by the name of the evaluator
	owns   map[string]settled
	refers registry.References
	needs  map[string][]string // names that flags refer to, themselves or by evaluators
	bound  map[string]bool     // keys of flags there that depend on evaluators that change
	moved  []string            // evaluators that are there in another order
}

// moved returns those of names that stand in both lists and, in the second, in another order.
func moved(names, there []string) []string {
	in := func(list []string) func(string) bool {
		has := make(map[string]bool, len(list))
		for _, name := range list {
			has[name] = true
		}
		return func(name string) bool { return !has[name] }
	}
	a, b := slices.DeleteFunc(slices.Clone(names), in(there)), slices.DeleteFunc(slices.Clone(there), in(names))
	for i := range a {
		if a[i] != b[i] {
			return a[i:]
		}
	}
	return nil
}

func refuse(key, code, remediation, format string, args ...any) Step {
	return Step{Key: key, Action: Refuse, Code: code, Message: fmt.Sprintf(format, args...), Remediation: remediation}
}

// flag decides about one flag by itself.
func (w *work) flag(key string) Step {
	wanted := w.doc.imported(key)
	there, ok := w.ground.Flags[key]
	own := w.own(key)
	w.owns[key] = own
	var changes *Ownership
	if own.changes.words() != "" {
		changes = &own.changes
	}
	if !ok {
		if own.refusal != nil {
			return *own.refusal
		}
		return Step{Key: key, Action: Create, After: wanted.Definition, Ownership: changes}
	}
	state, _ := there.In(w.ground.Environment.Name)
	if there.Imported == "" {
		served, _ := registry.Normal(state.Definition)
		if state.Live && bytes.Equal(served, wanted.Definition) {
			return Step{Key: key, Action: Keep}
		}
		return refuse(key, "made_here", "leave it out of the document, or ask for a change of it",
			"it is a switch of the app %s that was made here, from a template: an import does not change it", there.App)
	}
	now := state.Serving.Imported
	same := state.Live && now != nil && bytes.Equal(now.Whole(), wanted.Whole())
	if same && own.refusal == nil && changes == nil {
		return Step{Key: key, Action: Keep}
	}
	switch {
	case there.RemovedAt != nil:
		return refuse(key, "flag_removed", "give it another key", "it was removed, and its key stays taken")
	case there.ReadOnly:
		return refuse(key, "flag_read_only", "ask for more time for it first", "it is deprecated, and so it is not changed any more")
	case own.refusal != nil:
		return *own.refusal
	case access.Can(w.by, access.FlagImport, there.Scope()) != nil:
		return refuse(key, "not_yours", "ask an operator or an administrator to import it", "it is there already, and you may not change it")
	}
	if !state.Live || now == nil { // it was imported into another environment only
		return Step{Key: key, Action: Create, After: wanted.Definition, Ownership: changes}
	}
	return Step{Key: key, Action: Update, Before: now.Definition, After: wanted.Definition, Ownership: changes}
}

// evaluator decides about one evaluator by itself.
func (w *work) evaluator(name string) Step {
	rule := w.doc.Evaluators[name]
	segment, taken := w.ground.Segments[name]
	now, there := w.ground.Evaluators[name]
	switch {
	case taken && bytes.Equal(segment, rule), there && bytes.Equal(now, rule) && !slices.Contains(w.moved, name):
		return Step{Key: name, Action: Keep}
	case taken:
		return refuse(name, "evaluator_taken", "give it another name in the document",
			"an audience is named %s already, and means something else", name)
	case there:
		return Step{Key: name, Action: Update, Before: now, After: rule}
	}
	return Step{Key: name, Action: Create, After: rule}
}

// settle refuses evaluators that would change flags which are not in the document, and then flags that need a refused one. It
// tells whether it did.
func (w *work) settle() bool {
	again := false
	for name, step := range w.named {
		if step.Action != Create && step.Action != Update {
			continue
		}
		var others []string
		for _, user := range w.ground.Users[name] {
			if s, ok := w.steps[user]; !ok || s.Action == Refuse {
				others = append(others, user)
			}
		}
		if len(others) > 0 {
			w.named[name] = refuse(name, "evaluator_taken", "give it another name in the document, or put those flags into it, too",
				"other flags there refer to %s, and would change with it: %s", name, some(others))
			again = true
		}
	}
	for key, step := range w.steps {
		if step.Action == Refuse {
			continue
		}
		if needed := w.lacking(key); needed != "" {
			w.steps[key] = refuse(key, "needs_evaluator", w.named[needed].Remediation, "it refers to the evaluator %s, which cannot be taken", needed)
			again = true
		}
	}
	return again
}

// lacking gives a refused evaluator that a flag needs, itself or by another evaluator; empty if it needs none.
func (w *work) lacking(key string) string {
	for _, name := range w.needs[key] {
		if w.named[name].Action == Refuse {
			return name
		}
	}
	return ""
}

// some lists a few of many keys.
func some(keys []string) string {
	const few = 5
	slices.Sort(keys)
	list := make([]string, 0, few)
	for _, key := range keys[:min(len(keys), few)] {
		list = append(list, fault.Clip(key, 80))
	}
	if len(keys) > few {
		list = append(list, fmt.Sprintf("%d more", len(keys)-few))
	}
	return strings.Join(list, ", ")
}

func (w *work) plan() Plan {
	p := Plan{
		Environment: w.ground.Environment.Name, Format: w.doc.Format, Governed: w.ground.Environment.Governed,
		Flags: []Step{}, Evaluators: []Step{}, Gaps: []Gap{},
	}
	p.take = registry.Import{Environment: p.Environment, Format: p.Format, Evaluators: map[string]json.RawMessage{}, Met: w.ground}
	if w.app != nil {
		p.App = w.app.Slug
	}
	if !w.doc.There {
		p.refers = w.refers
	}
	for _, bad := range w.doc.Bad {
		step := Step{Key: bad.Key, Action: Refuse, Code: bad.Code, Message: bad.Message, Remediation: bad.Remediation}
		if bad.Code == "bad_evaluator" {
			p.Evaluators = append(p.Evaluators, step)
		} else {
			p.Flags = append(p.Flags, step)
		}
	}
	known := w.ground.Known()
	for _, name := range slices.Sorted(maps.Keys(w.named)) {
		step := w.named[name]
		p.Evaluators = append(p.Evaluators, step)
		if step.Action == Create || step.Action == Update {
			known[name] = w.doc.Evaluators[name]
			p.take.Evaluators[name], p.take.Order = w.doc.Evaluators[name], w.doc.Order
		}
	}
	found := w.problems(known)
	for _, key := range slices.Sorted(maps.Keys(w.steps)) {
		step := w.steps[key]
		if step.Action == Create || step.Action == Update {
			step.Ends = w.ends[key]
			p.take.Flags = append(p.take.Flags, w.taken(key))
		}
		p.Flags = append(p.Flags, step)
		if there, ok := w.ground.Flags[key]; step.Action == Refuse || ok && there.Imported == "" {
			continue
		}
		p.Gaps = append(p.Gaps, w.gaps(key, found[key])...)
	}
	p.Gaps = append(p.Gaps, w.doc.Notes...)
	for _, key := range slices.Sorted(maps.Keys(w.doc.Map)) {
		if _, ok := w.steps[key]; !ok {
			p.Gaps = append(p.Gaps, Gap{
				Key: key, Code: "not_in_document", Message: "the map has it, and the document does not", Remediation: "look for it in the document",
			})
		}
	}
	slices.SortStableFunc(p.Flags, func(a, b Step) int { return strings.Compare(a.Key, b.Key) })
	p.Counts = counts(p.Flags)
	return p
}

// problems tells by key what evaluating the flags of the document would find wrong.
func (w *work) problems(known map[string]json.RawMessage) map[string][]flag.Problem {
	set := flag.Set{Flags: w.doc.Flags, Evaluators: known, Metadata: w.doc.Metadata}
	_, problems := set.Compile()
	found := map[string][]flag.Problem{}
	for _, problem := range problems {
		found[problem.Flag] = append(found[problem.Flag], problem)
	}
	return found
}

func (w *work) taken(key string) registry.ImportedFlag {
	one := registry.ImportedFlag{Imported: w.doc.imported(key), Key: key, Revision: w.ground.Flags[key].Revision, Owned: w.owns[key].owned}
	one.OffVariant, one.Bound = w.owns[key].off, w.bound[key]
	return one
}
