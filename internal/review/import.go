package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Limits of what a request shows of an import: beyond them it counts, and its content has the rest.
const (
	shownFlags      = 200
	shownGaps       = 50
	shownDefinition = 4 << 10 // bytes
)

// importing is import_flags: flags of another system, taken over into an environment.
type importing struct {
	bare
	target
	Plan  *importer.Plan // what the import would do; nil: it cannot be told
	Fault *fault.Error   // why not
}

func (*importing) title(c Content) string {
	return fmt.Sprintf("Import flags from %s into %s", quoted(c.Format, "?"), quoted(c.Environment, "?"))
}

func (*importing) takes() []string {
	return []string{"app", "environment", "format", "document", "map", "from"}
}

// source is what an import reads.
func (c Content) source() importer.Source {
	return importer.Source{Format: c.Format, Document: c.Document, Map: c.Map, From: c.From, Into: c.Environment}
}

// load reads the document and what it meets in the environment. The requester's rights decide which flags it may change.
func (s *importing) load(ctx context.Context, tx *store.Tx, r record, w World) error {
	if slug := appOf(r.content).Slug; slug != "" {
		if err := s.loadApp(ctx, tx, slug); err != nil {
			return err
		}
	}
	plan, err := planImport(ctx, tx, r.content, s.App, w)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Unavailable {
		s.Fault = e
		return nil
	}
	if err == nil {
		s.Plan = &plan
	}
	return err
}

// refers is what the flags of the document refer to, as far as it can be read.
func (s *importing) refers() *registry.References {
	var names registry.References
	if s.Plan != nil {
		names = s.Plan.Refers()
	}
	return &names
}

func (s *importing) ask(by access.Actor, c Content) error {
	if slug := appOf(c).Slug; slug != "" && s.App == nil {
		return unknownApp(slug)
	}
	return access.Can(by, access.FlagImport, access.Scope{OwnerGroup: s.app().Owner})
}

func (s *importing) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	if s.Plan == nil {
		return nil, s.Fault
	}
	if !s.Plan.Changes() {
		return nil, nil
	}
	take := s.Plan.Take()
	take.ID = m.r.id
	return takeOver(ctx, m.tx, m.change(registry.CauseImported), take)
}

// audiences are what the flags that change refer to, themselves or by evaluators, and so do those whose evaluators alone change.
func (s *importing) audiences(Assessed, World) map[string][]string {
	if s.Plan == nil || !s.Plan.Governed {
		return nil
	}
	take, in := s.Plan.Take(), s.Plan.Environment
	shared := rulesAfter(take)
	all := map[string][]string{}
	for name := range take.Evaluators {
		for _, key := range take.Met.Users[name] {
			state, _ := take.Met.Flags[key].In(in)
			all[key] = shared.Uses(in, state.Serving.Targeting)
		}
	}
	for _, one := range take.Flags {
		all[one.Key] = shared.Uses(in, one.Imported.Definition)
	}
	return all
}

// rulesAfter are the evaluators of the environment as they are once an import is taken over.
func rulesAfter(i registry.Import) registry.SharedRules {
	return registry.SharedRules{}.With(i.Environment, i.Met.Evaluators).With(i.Environment, i.Evaluators)
}

func planImport(ctx context.Context, tx *store.Tx, c Content, app *catalog.App, w World) (importer.Plan, error) {
	doc, err := w.documents.Read(ctx, c.source())
	if err != nil {
		return importer.Plan{}, err
	}
	keys := doc.Keys()
	ground, err := registry.GroundOf(ctx, tx, c.Environment, keys, doc.Evaluators)
	if err != nil {
		return importer.Plan{}, err
	}
	doc = doc.Of(ground)
	lives, err := lifecycle.States(ctx, tx, keys)
	if err != nil {
		return importer.Plan{}, err
	}
	ends := map[string]string{}
	for key, life := range lives {
		switch {
		case life.ExpiresAt != nil:
			ends[key] = "its time ends on " + life.ExpiresAt.UTC().Format(time.DateOnly)
		case life.TTLDays > 0:
			ends[key] = fmt.Sprintf("its time is %d days", life.TTLDays)
		}
	}
	known, err := importer.KnownTo(ctx, tx, doc, ground, app)
	if err != nil {
		return importer.Plan{}, err
	}
	return importer.PlanFor(doc, ground, known, app, ends, w.Requester), nil
}

// takeOver carries an import out, or a part of one.
func takeOver(ctx context.Context, tx *store.Tx, c registry.Change, in registry.Import) (map[string]int64, error) {
	made, revision, err := registry.Take(ctx, tx, c, in)
	if err != nil {
		return nil, err
	}
	if err := lifecycle.TakeOver(ctx, tx, c.At, made); err != nil {
		return nil, err
	}
	days := map[string]int{}
	for _, one := range in.Flags {
		if one.TTLDays > 0 {
			days[one.Key] = one.TTLDays
		}
	}
	return map[string]int64{in.Environment: revision}, lifecycle.GiveTTL(ctx, tx, c.At, days)
}

// base is what an import would change, as it is there now.
func (s *importing) base(Content) any {
	if s.Plan == nil {
		return int64(0)
	}
	base := map[string]any{}
	for kind, steps := range map[string][]importer.Step{"flags.": s.Plan.Flags, "$evaluators.": s.Plan.Evaluators} {
		for _, step := range steps {
			before := ""
			if raw, ok := step.Before.(json.RawMessage); ok {
				sum := sha256.Sum256(raw)
				before = hex.EncodeToString(sum[:])
			}
			met := []string{string(step.Action), before, step.Owns()}
			if step.Ends != "" {
				met = append(met, step.Ends)
			}
			base[kind+step.Key] = met
		}
	}
	// What its flags refer to is what was approved with them, and so is who depends on the evaluators that change.
	brings, in := s.Plan.Take(), s.Plan.Environment
	shared := rulesAfter(brings)
	for _, one := range brings.Flags {
		for _, name := range shared.Uses(in, one.Imported.Definition) {
			if raw, met := brings.Met.Evaluators[name]; met && brings.Evaluators[name] == nil {
				sum := sha256.Sum256(raw)
				base["met."+name] = hex.EncodeToString(sum[:])
			}
		}
	}
	for name := range brings.Evaluators {
		if users := brings.Met.Users[name]; len(users) > 0 {
			base["users."+name] = users
		}
	}
	return base
}

// check judges an import. What cannot be taken only warns, as long as something can: the rest is taken.
func (s *importing) check(c Content, w World) checked {
	seen := checked{content: c, app: s.app(), fields: map[string]any{}, results: map[string]CheckResult{}, exposes: true, lenient: true}
	seen.judged = seen.app
	seen.impact = Impact{Environments: []string{c.Environment}, Downstream: []string{}}
	switch {
	case w.Offline:
		// Whoever reads files waits for it, and its time is bounded by the size of the document.
		if _, err := importer.Read(context.Background(), c.source()); err != nil {
			if e, ok := errors.AsType[*fault.Error](err); ok {
				seen.schema = append(seen.schema, findingOf(e))
			}
		}
		return seen
	case s.Fault != nil:
		seen.schema, seen.blind = append(seen.schema, findingOf(s.Fault)), true
		return seen
	case s.Plan == nil:
		seen.blind = true
		return seen
	}
	plan := *s.Plan
	seen.free = !plan.Governed
	if !plan.Changes() {
		seen.schema = append(seen.schema, wrong("document", "nothing_to_import", "fix what is listed, or withdraw this request",
			"nothing of the document can be taken that is not there already"))
	}
	seen.schema = append(seen.schema, importWarnings(plan)...)
	seen.says = map[string]any{"import": map[string]any{"format": plan.Format, "counts": plan.Counts, "gaps": len(plan.Gaps)}}
	seen.diff = importDiff(plan)
	seen.impact.Words = importWords(plan)
	return seen
}

func importWords(plan importer.Plan) string {
	words := fmt.Sprintf("%d flags are new in %s and %d change, all at once and for everybody whom their own rules name.",
		plan.Counts["create"], plan.Environment, plan.Counts["update"])
	if plan.App == "" {
		words += " They belong to no app: operators and administrators act for them."
	}
	return words
}

// importWarnings tells what cannot be taken and what is missing of the rest, as warnings.
func importWarnings(plan importer.Plan) []fault.Finding {
	var all []fault.Finding
	add := func(field, code, message, remediation string) {
		all = append(all, fault.Finding{Severity: fault.SeverityWarning, Field: field, Code: code, Message: message, Remediation: remediation})
	}
	for _, step := range slices.Concat(plan.Evaluators, plan.Flags) {
		if step.Action == importer.Refuse && len(all) < shownGaps {
			add("document", step.Code, fmt.Sprintf("%s is not taken: %s", fault.Clip(step.Key, 80), step.Message), step.Remediation)
		}
	}
	keys := map[importer.Gap][]string{} // of flags that lack the same
	var order []importer.Gap
	for _, gap := range plan.Gaps {
		key := gap.Key
		gap.Key = ""
		if keys[gap] == nil {
			order = append(order, gap)
		}
		keys[gap] = append(keys[gap], fault.Clip(key, 80))
	}
	for _, gap := range order[:min(len(order), shownGaps)] {
		who := keys[gap][0]
		if n := len(keys[gap]); n > 1 {
			who = fmt.Sprintf("%d flags, such as %s", n, who)
		}
		add("document", gap.Code, fmt.Sprintf("%s: %s", who, gap.Message), gap.Remediation)
	}
	return all
}

// importDiff returns what changes: flags that are on for everybody first, since a long diff is cut; then evaluators, to which the others refer, flags
// that go by rules, and those that are off.
func importDiff(plan importer.Plan) []Change {
	var changes []Change
	more := 0
	add := func(path, what string, step importer.Step, serves string) {
		words := "is new"
		switch step.Action {
		case importer.Create:
		case importer.Update:
			words = "changes"
		case importer.Keep, importer.Refuse:
			return
		}
		if len(changes) >= shownFlags {
			more++
			return
		}
		changes = append(changes, Change{
			Path: plan.Environment + path + step.Key, Words: fmt.Sprintf("%s %s %s%s", what, fault.Clip(step.Key, 200), words, serves),
			Before: shown(step.Before), After: shown(step.After),
		})
	}
	serving := func(width registry.Width) {
		for _, step := range plan.Flags {
			after, _ := step.After.(json.RawMessage)
			brings := registry.Imported{Definition: after}
			if brings.Width() != width {
				continue
			}
			words := slices.DeleteFunc([]string{brings.Words(), step.Owns(), step.Ends}, func(text string) bool { return text == "" })
			add(".flags.", "The switch", step, ": "+strings.Join(words, "; "))
		}
	}
	serving(registry.ForEverybody)
	for _, step := range plan.Evaluators {
		add(".$evaluators.", "The shared rule", step, "")
	}
	serving(registry.ByRule)
	serving(registry.ForNobody)
	if more > 0 {
		changes = append(changes, Change{
			Path: plan.Environment + ".flags", After: more,
			Words: fmt.Sprintf("%d more are taken over; the content of the request has them", more),
		})
	}
	return changes
}

// shown is a definition as a diff has it.
func shown(definition any) any {
	raw, ok := definition.(json.RawMessage)
	if !ok {
		return nil
	}
	if len(raw) > shownDefinition {
		return fault.Clip(string(raw), maxWords)
	}
	return raw
}

// importOf asks for one flag as it was imported before.
func importOf(flag registry.Flag, environment string, was registry.Imported, reason string) (Content, error) {
	set := registry.Set{Flags: map[string]json.RawMessage{flag.Key: was.Definition}, Metadata: was.Set}
	document, err := importer.Write(registry.FormatFlagd, set)
	if err != nil {
		return Content{}, err
	}
	return Content{Kind: ImportFlags, Environment: environment, Format: registry.FormatFlagd, Document: string(document), Reason: reason}, nil
}
