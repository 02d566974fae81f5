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

// askedFor is a step: the keys of the flags that come to be for the segment, in one of the environments, once an open request is
// carried out. It reads what the requests say, so that it knows those that were saved by earlier versions, too.
func askedFor(ctx context.Context, tx *store.Tx, segment string, environments []string) (keys []string, err error) {
	shared, err := registry.AllSharedRules(ctx, tx)
	if err != nil {
		return nil, err
	}
	open, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE state IN ($1, $2) AND flag_key <> ''
			AND (kind = $3 OR content LIKE $4 ESCAPE '\' OR assessment LIKE $4 ESCAPE '\')`,
		NeedsApproval, NeedsFixes, RestoreFlag, store.LikePattern(`"`+segment+`"`))
	if err != nil {
		return nil, fmt.Errorf("look for requests to a segment: %w", err)
	}
	for _, r := range open {
		asks := r.asksFor(segment, environments)
		if r.content.Kind == RestoreFlag {
			left, err := rollout.Left(ctx, tx, r.flag.Key, r.content.Environment)
			if err != nil {
				return nil, err
			}
			asks = planned(left.Steps, segment, environments)
		}
		if asks {
			keys = append(keys, r.flag.Key)
		}
	}
	imports, err := store.List(ctx, tx, scanWhole, `SELECT `+wholeColumns+` FROM request WHERE state IN ($1, $2) AND kind = $3`,
		NeedsApproval, NeedsFixes, ImportFlags)
	if err != nil {
		return nil, fmt.Errorf("look for imports to a segment: %w", err)
	}
	for _, r := range imports {
		in := r.content.Environment
		doc, err := importer.Read(r.content.Format, r.content.Document)
		if err != nil || !slices.Contains(environments, in) { // what cannot be read brings nothing
			continue
		}
		rules := shared.With(in, doc.Evaluators)
		for key, definition := range doc.Flags {
			if slices.Contains(rules.Uses(in, definition), segment) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// asksFor reports whether the flag of the request is to be for the segment in one of the environments: by the change, by the audience
// of a new flag, or by a step of the plan.
func (r record) asksFor(segment string, environments []string) bool {
	c := r.content
	if c.Kind == ChangeFlag && c.Change != nil && slices.Contains(environments, c.Environment) {
		next := c.Change.Over(registry.Flag{}, registry.Serving{})
		if slices.Contains(append(registry.Refs(next.Targeting), next.Audience), segment) {
			return true
		}
	}
	if (c.Kind == PublishApp || c.Kind == CreateFlag) && r.assessment.Impact.Audience == segment { // also where the template fills it in
		return true
	}
	return planned(r.assessment.Plan, segment, environments)
}

// planned reports whether a step in one of the environments is for the segment.
func planned(steps []rollout.Step, segment string, environments []string) bool {
	return slices.ContainsFunc(steps, func(s rollout.Step) bool { return s.For(segment) && slices.Contains(environments, s.Environment) })
}

// NeedsSegment is a step: it returns in words what besides flags needs a segment: a rollout that is not over, or an open request that
// makes a flag be for it in a governed environment; empty if nothing does.
func NeedsSegment(ctx context.Context, tx *store.Tx, name string) (string, error) {
	rolling, err := rollout.ToSegment(ctx, tx, name, nil)
	if err != nil {
		return "", err
	}
	if len(rolling) > 0 {
		return "the rollout of " + rolling[0], nil
	}
	governed, err := governedNames(ctx, tx)
	if err != nil {
		return "", err
	}
	asked, err := askedFor(ctx, tx, name, governed)
	if err != nil || len(asked) == 0 {
		return "", err
	}
	return "what is asked for of " + slices.Min(asked), nil
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
