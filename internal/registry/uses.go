package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/store"
)

// SharedRules are the evaluators that imports brought, by environment: name → the names that its rule refers to. Segments are none of
// them, and refer to nothing.
type SharedRules map[string]map[string][]string

// AllSharedRules is a step: the evaluators of all environments.
func AllSharedRules(ctx context.Context, tx *store.Tx) (SharedRules, error) {
	shared := SharedRules{}
	_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var environment, name, rule string
		err = row.Scan(&environment, &name, &rule)
		shared.add(environment, name, json.RawMessage(rule))
		return none, err
	}, `SELECT environment, name, rule FROM evaluator`)
	if err != nil {
		return nil, fmt.Errorf("list evaluators: %w", err)
	}
	return shared, nil
}

func (s SharedRules) add(environment, name string, rule json.RawMessage) {
	if s[environment] == nil {
		s[environment] = map[string][]string{}
	}
	s[environment][name] = Refs(rule)
}

// With returns the evaluators as they are once these come into an environment.
func (s SharedRules) With(environment string, evaluators map[string]json.RawMessage) SharedRules {
	all := maps.Clone(s)
	all[environment] = maps.Clone(s[environment])
	for name, rule := range evaluators {
		all.add(environment, name, rule)
	}
	return all
}

// References are the names that the flags of a document, by key, and its evaluators, by name, refer to themselves. One that refers to nothing
// is not there.
type References struct {
	Flags      map[string][]string `json:"flags,omitempty"`
	Evaluators map[string][]string `json:"evaluators,omitempty"`
}

// ReferencesOf returns what flags and evaluators refer to.
func ReferencesOf(flags, evaluators map[string]json.RawMessage) References {
	of := func(rules map[string]json.RawMessage) map[string][]string {
		all := map[string][]string{}
		for name, rule := range rules {
			if refers := Refs(rule); len(refers) > 0 {
				all[name] = refers
			}
		}
		return all
	}
	return References{of(flags), of(evaluators)}
}

// Also returns the evaluators as they are now together with what these of the same names may make of them.
func (s SharedRules) Also(environment string, evaluators map[string][]string) SharedRules {
	all := maps.Clone(s)
	all[environment] = maps.Clone(s[environment])
	if all[environment] == nil {
		all[environment] = map[string][]string{}
	}
	for name, refers := range evaluators {
		all[environment][name] = slices.Concat(all[environment][name], refers)
	}
	return all
}

// Uses returns what a rule or a definition refers to in an environment, itself or by evaluators, each name once.
func (s SharedRules) Uses(environment string, raw json.RawMessage) []string {
	return s.Behind(environment, Refs(raw))
}

// Behind returns the names, and those that evaluators of these names refer to, themselves or by others.
func (s SharedRules) Behind(environment string, names []string) []string {
	all, seen := slices.Clone(names), map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for i := 0; i < len(all); i++ {
		for _, next := range s[environment][all[i]] {
			if !seen[next] {
				seen[next], all = true, append(all, next)
			}
		}
	}
	return all
}

// lead reports whether an evaluator of any environment refers to the segment, itself or by others.
func (s SharedRules) lead(segment string) bool {
	for _, evaluators := range s {
		for _, names := range evaluators {
			if slices.Contains(names, segment) {
				return true
			}
		}
	}
	return false
}

// Decided are the flags whose people in a governed environment a segment decides.
type Decided struct {
	Keys []string // in order, each once
	// Ruled is set where a rule of one of them refers to the segment. What it does with it is not known: the flag may be for whoever is
	// not in the segment.
	Ruled bool
}

// And returns the flags of both.
func (d Decided) And(other Decided) Decided {
	keys := slices.Concat(d.Keys, other.Keys)
	slices.Sort(keys)
	return Decided{Keys: slices.Compact(keys), Ruled: d.Ruled || other.Ruled}
}

// DecidedBy returns what a serving of a flag adds to what the segment decides.
func DecidedBy(segment, key string, s Serving) (d Decided) {
	if slices.Contains(s.Uses(), segment) {
		d = Decided{Keys: []string{key}, Ruled: s.Mode == ServeCustom}
	}
	return d
}

// use is that a flag which is not removed is for a segment.
type use struct {
	flag     string
	governed bool // in a governed environment
	ruled    bool // by a rule that refers to it
}

// usesOf returns what is for the segment: by what it was approved for, by the audience that it serves somewhere, or by a rule there
// that refers to the segment in any spelling, itself or by evaluators.
func usesOf(ctx context.Context, tx *store.Tx, shared SharedRules, segment string) ([]use, error) {
	environments, err := Environments(ctx, tx)
	if err != nil {
		return nil, err
	}
	governed := map[string]bool{}
	for _, e := range environments {
		if e.Governed {
			governed[e.Name] = true
		}
	}
	approved, err := store.List(ctx, tx, store.ScanString, `SELECT key FROM flag WHERE audience = $1 AND removed_at IS NULL`, segment)
	if err != nil {
		return nil, fmt.Errorf("look for flags approved for the segment %s: %w", segment, err)
	}
	var uses []use
	for _, key := range approved {
		uses = append(uses, use{flag: key, governed: len(governed) > 0})
	}
	// What the statement finds may refer to the segment; JSON spells any character with a backslash, too.
	text := `"` + segment + `"`
	if shared.lead(segment) {
		text = "$ref"
	}
	_, err = store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var key, environment, audience, definition, serving string
		if err := row.Scan(&key, &environment, &audience, &definition, &serving); err != nil {
			return none, err
		}
		refers := func(raw string) bool {
			return slices.Contains(shared.Uses(environment, json.RawMessage(raw)), segment)
		}
		ruled := refers(serving)
		if ruled || audience == segment || refers(definition) {
			uses = append(uses, use{flag: key, governed: governed[environment], ruled: ruled})
		}
		return none, nil
	}, `SELECT f.key, s.environment, s.audience, s.definition, s.serving FROM flag f JOIN flag_environment s ON s.flag_key = f.key
		WHERE f.removed_at IS NULL AND (s.audience = $1 OR s.definition LIKE $2 ESCAPE '\' OR s.serving LIKE $2 ESCAPE '\'
			OR s.definition LIKE $3 ESCAPE '\' OR s.serving LIKE $3 ESCAPE '\')`, segment, store.LikePattern(text), store.LikePattern(`\`))
	if err != nil {
		return nil, fmt.Errorf("look for flags of the segment %s: %w", segment, err)
	}
	return uses, nil
}

// flagsOf returns the keys of the flags of those uses that count, sorted.
func flagsOf(uses []use, counts func(use) bool) []string {
	var keys []string
	for _, u := range uses {
		if counts(u) {
			keys = append(keys, u.flag)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// usersOf lists the keys of the flags that are not removed and that were approved for the segment or refer to it somewhere.
func usersOf(ctx context.Context, tx *store.Tx, name string) ([]string, error) {
	shared, err := AllSharedRules(ctx, tx)
	if err != nil {
		return nil, err
	}
	uses, err := usesOf(ctx, tx, shared, name)
	return flagsOf(uses, func(use) bool { return true }), err
}

// GovernedBySegment is a step: the flags that are not removed and whose people in a governed environment the segment decides, by their
// audience or by a reference in their targeting, now or by what they were approved for; shared are the evaluators that there are, or
// other ones.
func GovernedBySegment(ctx context.Context, tx *store.Tx, shared SharedRules, name string) (Decided, error) {
	uses, err := usesOf(ctx, tx, shared, name)
	return Decided{
		Keys:  flagsOf(uses, func(u use) bool { return u.governed }),
		Ruled: slices.ContainsFunc(uses, func(u use) bool { return u.governed && u.ruled }),
	}, err
}

// SegmentsUsedBy is a step: the names of the segments that a flag, found by its key or its flag id, refers to in any environment, itself
// or by evaluators, whose names are among them, and of the one that it was approved for.
func SegmentsUsedBy(ctx context.Context, tx *store.Tx, flag string) ([]string, error) {
	shared, err := AllSharedRules(ctx, tx)
	if err != nil {
		return nil, err
	}
	var names []string
	_, err = store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var audience, environment, definition string
		err = row.Scan(&audience, &environment, &definition)
		names = append(names, shared.Uses(environment, json.RawMessage(definition))...)
		if audience != "" {
			names = append(names, audience)
		}
		return none, err
	}, `SELECT f.audience, e.environment, e.definition FROM flag f JOIN flag_environment e ON e.flag_key = f.key WHERE f.key = $1 OR f.flag_id = $1`, flag)
	if err != nil {
		return nil, fmt.Errorf("read what a flag refers to: %w", err)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
