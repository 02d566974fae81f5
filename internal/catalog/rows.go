package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

const columns = `slug, name, description, category, owner, contact, kind, url, listed, created_at, updated_at, revision, data_classification, data_why`

func scan(row store.Row) (App, error) {
	var a App
	var created, updated int64
	err := row.Scan(&a.Slug, &a.Name, &a.Description, &a.Category, &a.Owner, &a.Contact, &a.Kind, &a.URL, &a.Listed, &created, &updated, &a.Revision,
		&a.Data.Classification, &a.Data.Why)
	a.CreatedAt, a.UpdatedAt = store.Time(created), store.Time(updated)
	return a, err
}

// values are those of columns, in their order.
func values(a App) []any {
	return []any{
		a.Slug, a.Name, a.Description, a.Category, a.Owner, a.Contact, string(a.Kind), a.URL, a.Listed,
		store.Micros(a.CreatedAt), store.Micros(a.UpdatedAt), a.Revision, string(a.Data.Classification), a.Data.Why,
	}
}

// searchable is what a search looks in, folded here because the engines fold differently.
func searchable(a App) string {
	return strings.ToLower(a.Slug + " " + a.Name + " " + a.Description)
}

// taken tells in words why a team may not take a slug; empty if it may.
func taken(ctx context.Context, tx *store.Tx, at time.Time, slug, owner string) (string, error) {
	var holder string
	var until sql.NullInt64
	_, ok, err := store.One(ctx, tx, func(row store.Row) (bool, error) { return true, row.Scan(&holder, &until) },
		`SELECT owner, held_until FROM app WHERE slug = $1`, slug)
	switch {
	case err != nil:
		return "", fmt.Errorf("look up slug: %w", err)
	case !ok:
		return "", nil
	case !until.Valid:
		return fmt.Sprintf("the short name %q is already in use", short(slug)), nil
	case holder != owner && store.Micros(at) < until.Int64:
		return fmt.Sprintf("the short name %q is kept for another team until %s", short(slug),
			store.Time(until.Int64).Format(time.DateOnly)), nil
	}
	return "", nil
}

func stale(now App) *fault.Error {
	return fault.New(fault.Stale, "stale", "somebody changed the app %s meanwhile", now.Slug).
		Fix("look at what changed, then try again").Showing(now)
}

func record(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, name audit.Name, slug, reason, requestID string, details map[string]any) error {
	e := by.Event(name, at)
	e.App, e.Reason, e.RequestID, e.Details = slug, reason, requestID, details
	_, err := audit.Append(ctx, tx, e)
	return err
}
