package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
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

// OwnedAmong is a step: those of the flags that the actor owns, by their keys.
func OwnedAmong(ctx context.Context, tx *store.Tx, by access.Actor, keys []string) (map[string]bool, error) {
	owned := map[string]bool{}
	for part := range slices.Chunk(keys, ownersAtOnce) {
		if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var key, group string
			var owner access.PersonID
			err = row.Scan(&key, &group, &owner)
			owned[key] = by.Owns(group, owner)
			return none, err
		}, `SELECT key, owner_group, owner_id FROM flag WHERE key IN (`+store.In(1, len(part))+`)`, store.Values(part)...); err != nil {
			return nil, fmt.Errorf("read owners of flags: %w", err)
		}
	}
	return owned, nil
}

// ownersAtOnce is how many flags are looked up in one statement.
const ownersAtOnce = 400

// SegmentsOf is a step: the names of the segments that the group is part of.
func SegmentsOf(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	names, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM segment WHERE group_names LIKE $1 ESCAPE '\' ORDER BY name COLLATE "C"`,
		store.LikePattern(`"`+group+`"`))
	if err != nil {
		return nil, fmt.Errorf("list segments of a group: %w", err)
	}
	return names, nil
}

// GroupsOf is a step: the names of the groups that are part of any of the segments.
func GroupsOf(ctx context.Context, tx *store.Tx, segments []string) (groups []string, err error) {
	for _, name := range segments {
		s, _, err := SegmentNamed(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, s.Groups...)
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

// ForMembers is a step: the keys of the flags that are not removed and that refer in any environment to a segment which the group
// is part of, or were approved for one.
func ForMembers(ctx context.Context, tx *store.Tx, group string) (keys []string, err error) {
	segments, err := SegmentsOf(ctx, tx, group)
	for _, name := range segments {
		users, err := usersOf(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, users...)
	}
	slices.Sort(keys)
	return slices.Compact(keys), err
}
