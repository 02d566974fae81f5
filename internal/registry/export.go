package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Set is what an environment serves, for a document.
type Set struct {
	Flags      map[string]json.RawMessage
	Evaluators map[string]json.RawMessage // what was imported, and the segments that flags refer to
	Order      []string                   // of the evaluators: as their documents had them, then segments
	Metadata   json.RawMessage            // that every flag came with; nil: none
}

// Export gives what an environment serves: imported flags as they were given, all others, and those that are killed, as SDKs
// get them.
func (r *Registry) Export(ctx context.Context, by access.Actor, environment string) (Set, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (Set, error) { return export(ctx, tx, environment) })
}

type exported struct {
	key        string
	definition json.RawMessage
	set        json.RawMessage
}

func export(ctx context.Context, tx *store.Tx, environment string) (Set, error) {
	if _, ok, err := EnvironmentNamed(ctx, tx, environment); err != nil || !ok {
		if err == nil {
			err = fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", fault.Clip(environment, 80)).
				At("environment").Fix("name one that exists, such as sandbox")
		}
		return Set{}, err
	}
	rows, err := store.List(ctx, tx, scanExported, `SELECT flag_key, definition, serving, killed_at IS NOT NULL FROM flag_environment
		WHERE environment = $1 AND live`, environment)
	if err != nil {
		return Set{}, fmt.Errorf("list what %s serves: %w", environment, err)
	}
	s := Set{Flags: map[string]json.RawMessage{}}
	for i, row := range rows {
		if i == 0 {
			s.Metadata = row.set
		}
		if !bytes.Equal(s.Metadata, row.set) {
			s.Metadata = nil
			break
		}
	}
	if s.Evaluators, err = Evaluators(ctx, tx, environment); err != nil {
		return Set{}, err
	}
	if s.Order, err = evaluatorOrder(ctx, tx, environment); err != nil {
		return Set{}, err
	}
	named := map[string]bool{}
	note := func(raw json.RawMessage) {
		for _, name := range Refs(raw) {
			named[name] = true
		}
	}
	for _, row := range rows {
		s.Flags[row.key] = row.definition
		if s.Metadata == nil && row.set != nil {
			s.Flags[row.key] = Imported{Definition: row.definition, Set: row.set}.Whole()
		}
		note(row.definition)
	}
	for _, rule := range s.Evaluators {
		note(rule)
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return Set{}, err
	}
	for _, segment := range segments {
		if named[segment.Name] {
			if _, imported := s.Evaluators[segment.Name]; !imported {
				s.Order = append(s.Order, segment.Name)
			}
			s.Evaluators[segment.Name] = encode(evaluator(segment))
		}
	}
	return s, nil
}

func scanExported(row store.Row) (e exported, err error) {
	var definition, serving string
	var killed bool
	if err := row.Scan(&e.key, &definition, &serving, &killed); err != nil {
		return e, err
	}
	e.definition = json.RawMessage(definition)
	if serving == "" {
		return e, nil
	}
	var s Serving
	if err := json.Unmarshal([]byte(serving), &s); err != nil {
		return e, fmt.Errorf("read serving of %s: %w", e.key, err)
	}
	if s.Imported != nil {
		e.set = s.Imported.Set
		if !killed {
			e.definition = s.Imported.Definition
		}
	}
	return e, nil
}
