package catalog

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// OwnedBy is a step: the slugs of the apps that the group owns, those held for it after a denial not counted.
func OwnedBy(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	slugs, err := store.List(ctx, tx, store.ScanString, `SELECT slug FROM app WHERE owner = $1 AND held_until IS NULL ORDER BY slug COLLATE "C"`, group)
	if err != nil {
		return nil, fmt.Errorf("list apps of a group: %w", err)
	}
	return slugs, nil
}

// CountListed is a step: how many apps the marketplace shows.
func CountListed(ctx context.Context, tx *store.Tx) (count int, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM app WHERE listed`).Scan(&count); err != nil {
		return 0, fmt.Errorf("count apps: %w", err)
	}
	return count, nil
}
