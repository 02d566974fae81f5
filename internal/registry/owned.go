package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/store"
)

// OwnedBy is a step: the keys of the flags that the group owns, those removed not counted.
func OwnedBy(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	keys, err := store.List(ctx, tx, store.ScanString, `SELECT key FROM flag WHERE owner_group = $1 AND removed_at IS NULL ORDER BY key COLLATE "C"`, group)
	if err != nil {
		return nil, fmt.Errorf("list flags of a group: %w", err)
	}
	return keys, nil
}

// SegmentsUsedBy is a step: the names of the segments that a flag, found by its key or its flag id, refers to in any environment, and of
// the one that it was approved for.
func SegmentsUsedBy(ctx context.Context, tx *store.Tx, flag string) ([]string, error) {
	type part struct{ audience, definition string }
	parts, err := store.List(ctx, tx, func(row store.Row) (p part, err error) {
		err = row.Scan(&p.audience, &p.definition)
		return p, err
	}, `SELECT f.audience, e.definition FROM flag f JOIN flag_environment e ON e.flag_key = f.key WHERE f.key = $1 OR f.flag_id = $1`, flag)
	if err != nil {
		return nil, fmt.Errorf("read what a flag refers to: %w", err)
	}
	var names []string
	for _, p := range parts {
		names = append(names, Refs(json.RawMessage(p.definition))...)
		if p.audience != "" {
			names = append(names, p.audience)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// SegmentsOf is a step: the names of the segments that the group is part of.
func SegmentsOf(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	names, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM segment WHERE group_names LIKE $1 ESCAPE '\' ORDER BY name COLLATE "C"`,
		store.LikePattern(`"`+group+`"`))
	if err != nil {
		return nil, fmt.Errorf("list segments of a group: %w", err)
	}
	return names, nil
}
