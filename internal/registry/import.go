package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Ground is what an import into an environment meets there.
type Ground struct {
	Environment Environment
	Flags       map[string]Flag            // of the keys that it brings
	Evaluators  map[string]json.RawMessage // that were imported there
	Order       []string                   // of these, as their documents had them
	Segments    map[string]json.RawMessage // as evaluators, which every environment knows
	Users       map[string][]string        // evaluators that would change → flags there that depend on them, by key
}

// GroundOf reads what an import of flags and evaluators meets in an environment. The flags stay as they are until the
// transaction ends. There is fault.NotFound for an unknown environment.
func GroundOf(ctx context.Context, tx *store.Tx, environment string, keys []string, evaluators map[string]json.RawMessage) (Ground, error) {
	g := Ground{Segments: map[string]json.RawMessage{}, Users: map[string][]string{}}
	var ok bool
	var err error
	if g.Environment, ok, err = EnvironmentNamed(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	if !ok {
		return Ground{}, fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", fault.Clip(environment, 80)).
			At("environment").Fix("name one that exists, such as sandbox")
	}
	if g.Flags, err = lockKeys(ctx, tx, keys); err != nil {
		return Ground{}, err
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return Ground{}, err
	}
	for _, s := range segments {
		g.Segments[s.Name] = plain(encode(evaluator(s)))
	}
	if g.Evaluators, err = Evaluators(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	if g.Order, err = evaluatorOrder(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	err = g.findUsers(ctx, tx, evaluators)
	return g, err
}

// Known gives all rules with a name that flags of the environment may refer to.
func (g Ground) Known() map[string]json.RawMessage {
	all := maps.Clone(g.Segments)
	maps.Copy(all, g.Evaluators)
	return all
}

// findUsers fills in which flags depend on evaluators that would be others than now, themselves or by other evaluators.
func (g *Ground) findUsers(ctx context.Context, tx *store.Tx, evaluators map[string]json.RawMessage) error {
	changing := map[string]bool{}
	for name, rule := range evaluators {
		if !bytes.Equal(g.Evaluators[name], rule) {
			changing[name] = true
		}
	}
	if len(changing) == 0 {
		return nil
	}
	shared := SharedRules{}.With(g.Environment.Name, g.Evaluators)
	type user struct{ key, serving string }
	users, err := store.List(ctx, tx, func(row store.Row) (u user, err error) {
		err = row.Scan(&u.key, &u.serving)
		return u, err
	}, `SELECT flag_key, serving FROM flag_environment WHERE environment = $1 AND live AND mode = 'custom'
		AND (serving LIKE '%$ref%' OR serving LIKE $2 ESCAPE '\') ORDER BY flag_key`, g.Environment.Name, store.LikePattern(`\`))
	if err != nil {
		return fmt.Errorf("look for flags that refer to evaluators: %w", err)
	}
	for _, u := range users {
		for _, name := range shared.Uses(g.Environment.Name, json.RawMessage(u.serving)) {
			if changing[name] {
				g.Users[name] = append(g.Users[name], u.key)
			}
		}
	}
	return nil
}

// Evaluators gives the rules with a name that were imported into an environment.
func Evaluators(ctx context.Context, tx *store.Tx, environment string) (map[string]json.RawMessage, error) {
	type row struct{ name, rule string }
	rows, err := store.List(ctx, tx, func(from store.Row) (r row, err error) {
		err = from.Scan(&r.name, &r.rule)
		return r, err
	}, `SELECT name, rule FROM evaluator WHERE environment = $1`, environment)
	if err != nil {
		return nil, fmt.Errorf("list evaluators of %s: %w", environment, err)
	}
	all := make(map[string]json.RawMessage, len(rows))
	for _, r := range rows {
		all[r.name] = json.RawMessage(r.rule)
	}
	return all, nil
}

// evaluatorOrder returns the names of the rules that were imported into an environment, as their documents had them.
func evaluatorOrder(ctx context.Context, tx *store.Tx, environment string) ([]string, error) {
	names, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM evaluator WHERE environment = $1 ORDER BY position, name COLLATE "C"`, environment)
	if err != nil {
		return nil, fmt.Errorf("list order of evaluators of %s: %w", environment, err)
	}
	return names, nil
}

// AllEvaluators gives what rules in an environment may refer to: the segments, and what imports brought.
func AllEvaluators(ctx context.Context, tx *store.Tx, environment string, segments []Segment) (map[string]json.RawMessage, error) {
	all, err := Evaluators(ctx, tx, environment)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = make(map[string]json.RawMessage, len(segments))
	}
	for _, s := range segments {
		all[s.Name] = encode(evaluator(s))
	}
	return all, nil
}

// vacant refuses a segment whose name an imported evaluator has, or that rules in a governed environment refer to while there is no such
// segment: those would mean others from then on.
func (r *Registry) vacant(ctx context.Context, tx *store.Tx, s Segment) error {
	where, ok, err := store.One(ctx, tx, store.ScanString, `SELECT environment FROM evaluator WHERE name = $1 AND rule <> $2 ORDER BY environment LIMIT 1`,
		s.Name, string(plain(encode(evaluator(s)))))
	if err != nil {
		return fmt.Errorf("look for an evaluator %s: %w", s.Name, err)
	}
	if ok {
		return fault.New(fault.Conflict, "evaluator_named_so", "imported flags in %s refer to a rule that is named %s already", where, s.Name).
			At("name").Fix("choose another name")
	}
	_, ok, err = store.One(ctx, tx, store.ScanString, `SELECT name FROM environment e WHERE governed
		AND NOT EXISTS (SELECT 1 FROM evaluator v WHERE v.environment = e.name AND v.name = $1) LIMIT 1`, s.Name)
	if err != nil {
		return fmt.Errorf("look for an evaluator %s: %w", s.Name, err)
	}
	if !ok { // the same rule has the name wherever others decide
		return nil
	}
	decided, err := r.reached(ctx, tx, s.Name)
	if err != nil || len(decided.Keys) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "referred_to_already", "rules refer to an audience %s that is not there, and it would decide who gets %s", s.Name, some(decided.Keys)).
		At("name").Fix("choose another name")
}
