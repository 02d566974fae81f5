package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// askedFor is a step: the flags that come to be for the segment, in one of the environments, once an open request is carried out, where
// these are the shared rules. It
// reads what the requests say, so that it knows those that were saved by earlier versions, too.
func askedFor(
	ctx context.Context, tx *store.Tx, shared registry.SharedRules, segment string, environments []string,
) (d registry.Decided, err error) {
	open, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE `+undecided+` AND flag_key <> ''
			AND (kind = $1 OR content LIKE $2 ESCAPE '\' OR assessment LIKE $2 ESCAPE '\')`,
		RestoreFlag, store.LikePattern(`"`+segment+`"`))
	if err != nil {
		return d, fmt.Errorf("look for requests to a segment: %w", err)
	}
	for _, r := range open {
		steps := r.assessment.Plan
		if r.content.Kind == RestoreFlag {
			left, err := rollout.Left(ctx, tx, r.flag.Key, r.content.Environment)
			if err != nil {
				return d, err
			}
			steps = left.Steps
		}
		d = d.And(r.asksFor(segment, environments)).And(rollout.DecidedBy(segment, r.flag.Key, steps, environments))
	}
	imports, err := store.List(ctx, tx, scanWhole, `SELECT `+wholeColumns+` FROM request WHERE `+undecided+` AND kind = $1`,
		ImportFlags)
	if err != nil {
		return d, fmt.Errorf("look for imports to a segment: %w", err)
	}
	type bringing struct {
		in    string
		flags map[string][]string // by key, the names that they refer to
	}
	var all []bringing
	rules, changed := shared, false // with what all of them bring: a flag of one may refer to an evaluator of another
	for _, r := range imports {
		in := r.content.Environment
		if !slices.Contains(environments, in) {
			continue
		}
		refers, err := r.refersTo(ctx)
		if err != nil {
			return d, err
		}
		all, rules, changed = append(all, bringing{in, refers.Flags}), rules.Also(in, refers.Evaluators), changed || len(refers.Evaluators) > 0
	}
	for _, one := range all {
		for key, names := range one.flags {
			if slices.Contains(rules.Behind(one.in, names), segment) {
				d = d.And(registry.Decided{Keys: []string{key}, Ruled: true})
			}
		}
	}
	if !changed {
		return d, nil
	}
	served, err := registry.GovernedBySegment(ctx, tx, rules, segment)
	return d.And(served), err
}

// refersTo is what the flags of an import refer to. It is kept beside the request, since whoever changes a segment asks for it of all that are
// open, while others wait to write. Of one that was judged by an earlier version the document is read; what cannot be read brings nothing.
func (r record) refersTo(ctx context.Context) (registry.References, error) {
	if r.refers != nil {
		return *r.refers, nil
	}
	doc, err := importer.Read(ctx, r.content.source())
	if err != nil {
		return registry.References{}, ctx.Err()
	}
	return registry.ReferencesOf(doc.Flags, doc.Evaluators), nil
}

// asksFor returns whether the flag of the request is to be for the segment in one of the environments: by the change, or by the audience
// of a new flag.
func (r record) asksFor(segment string, environments []string) (d registry.Decided) {
	switch c := r.content; {
	case c.Kind == ChangeFlag && c.Change != nil && slices.Contains(environments, c.Environment):
		return registry.DecidedBy(segment, r.flag.Key, c.Change.Over(registry.Flag{}, registry.Serving{}))
	case (c.Kind == PublishApp || c.Kind == CreateFlag) && r.assessment.Impact.Audience == segment: // also where the template fills it in
		d.Keys = []string{r.flag.Key}
	}
	return d
}

// NeedsSegment is a step: it returns in words what besides flags needs a segment: a rollout that is not over, or an open request that
// makes a flag be for it in a governed environment; empty if nothing does.
func NeedsSegment(ctx context.Context, tx *store.Tx, name string) (string, error) {
	rolling, err := rollout.ToSegment(ctx, tx, name, nil)
	if err != nil {
		return "", err
	}
	if len(rolling.Keys) > 0 {
		return "the rollout of " + rolling.Keys[0], nil
	}
	governed, err := governedNames(ctx, tx)
	if err != nil {
		return "", err
	}
	shared, err := registry.AllSharedRules(ctx, tx)
	if err != nil {
		return "", err
	}
	asked, err := askedFor(ctx, tx, shared, name, governed)
	if err != nil || len(asked.Keys) == 0 {
		return "", err
	}
	return "what is asked for of " + asked.Keys[0], nil
}

// governedNames returns the names of the environments that are governed.
func governedNames(ctx context.Context, tx *store.Tx) (names []string, err error) {
	environments, err := registry.Environments(ctx, tx)
	for _, e := range environments {
		if e.Governed {
			names = append(names, e.Name)
		}
	}
	return names, err
}
