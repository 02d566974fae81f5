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

// LoadQueries are those that a snapshot is kept current by.
var LoadQueries = map[string]string{"changed": loadChanged, "sum": loadSum}

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

// Refresh loads what changed, as Run does, and leaves the copies on disk as they are.
func (l *Live) Refresh(ctx context.Context) error { return l.refresh(ctx) }
