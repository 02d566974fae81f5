package registry

import (
	"context"
	"fmt"

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

// SegmentsOf is a step: the names of the segments that the group is part of.
func SegmentsOf(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	names, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM segment WHERE group_names LIKE $1 ESCAPE '\' ORDER BY name COLLATE "C"`,
		store.LikePattern(`"`+group+`"`))
	if err != nil {
		return nil, fmt.Errorf("list segments of a group: %w", err)
	}
	return names, nil
}
