package registry

import (
	"context"

	"github.com/soukhq/souk/internal/store"
)

// What tests of servings evaluate without a database.
var (
	Define    = define
	RuleOfAll = evaluator
)

// QueryOf gives the text of a list's query, for the engine to explain.
func QueryOf(ctx context.Context, db *store.DB, f Filter, page store.Page) (query string, args []any, err error) {
	err = db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		rare, err := f.rare(ctx, tx)
		if err == nil {
			query, args, err = f.query(page, rare)
		}
		return err
	})
	return query, args, err
}
