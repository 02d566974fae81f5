package registry

import (
	"context"
	"reflect"
	"slices"

	"github.com/soukhq/souk/internal/access"
)

// putEnvironment is the verb of this package that can loosen what governs.
var putEnvironment = access.Verb[Environment]{
	Method: "Registry.PutEnvironment", Action: "environment.put", Right: access.GovernWrite, Looser: looserEnvironment,
}

// Governing is the rows of this package in the table of verbs that govern.
func (r *Registry) Governing() []access.Governing {
	return []access.Governing{
		access.Row(putEnvironment, func(ctx context.Context, by access.Actor, e Environment, _ int64) error {
			_, err := r.PutEnvironment(ctx, by, e)
			return err
		}),
		access.Harmless("Registry.PutSegment", access.GovernWrite, "what may reach others in a governed environment is refused, and asked for by a request"),
		access.Harmless("Registry.DeleteSegment", access.GovernWrite, "no flag uses what is deleted"),
	}
}

// looserEnvironment says what is less guarded in an environment than before. Nothing is in a new one that was guarded.
func looserEnvironment(before, after Environment) (words []string) {
	if before.Governed && !after.Governed {
		words = append(words, "changes in "+after.Name+" need no request any more")
	}
	switch {
	case before.Tier == TierProduction && after.Tier != TierProduction:
		words = append(words, after.Name+" is production no more: what is promoted there is watched less")
	case before.Name != "" && before.Tier != TierProduction && after.Tier == TierProduction && !after.Governed:
		words = append(words, after.Name+" counts as production, where nothing needs a request")
	case before.Tier == TierTest && after.Tier == TierSandbox:
		words = append(words, "what is approved is on in "+after.Name+" at once")
	}
	if before.Position != after.Position {
		words = append(words, after.Name+" has another place in the order of environments")
	}
	return words
}

// Narrows reports whether everybody who is in the segment was in the one before, as far as that can be told from what they say
// alone: who is in a group, and who sends which attribute, cannot.
func (s Segment) Narrows(before Segment) bool {
	if before.Everybody {
		return true
	}
	if s.Everybody || len(more(before.People, s.People)) > 0 || len(more(before.Groups, s.Groups)) > 0 {
		return false
	}
	has := func(rules []SegmentRule, rule SegmentRule) bool {
		return slices.ContainsFunc(rules, func(r SegmentRule) bool { return reflect.DeepEqual(r, rule) })
	}
	each := func(rules, in []SegmentRule) bool {
		return !slices.ContainsFunc(rules, func(rule SegmentRule) bool { return !has(in, rule) })
	}
	switch {
	case len(s.Rules) == 0: // nobody is in by a rule
		return true
	case len(before.Rules) == 0:
		return false
	case before.Match == MatchAny && s.Match == MatchAny:
		return each(s.Rules, before.Rules)
	case before.Match == MatchAny: // one of the rules that all must hold let them in before
		return slices.ContainsFunc(s.Rules, func(rule SegmentRule) bool { return has(before.Rules, rule) })
	case s.Match == MatchAny:
		return len(s.Rules) == 1 && len(before.Rules) == 1 && each(s.Rules, before.Rules)
	}
	return each(before.Rules, s.Rules)
}

// SamePeople reports whether the segment says of the same people as the one before that they are in it.
func (s Segment) SamePeople(before Segment) bool { return reflect.DeepEqual(s.Logic(), before.Logic()) }

// more lists what is in the second list alone.
func more(some, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}
