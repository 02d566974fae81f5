package catalog

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// holdTime is how long the slug of a request that was denied or withdrawn is kept for the team that asked.
const holdTime = 30 * 24 * time.Hour

// Catalog lists and shows apps.
type Catalog struct {
	DB  *store.DB
	Now func() time.Time

	mu    sync.Mutex
	index *Index   // guarded by mu: of the state of the table that was read last
	state [2]int64 // guarded by mu: that state
}

// Get gives one app. An app that the actor may not see is not found.
func (c *Catalog) Get(ctx context.Context, by access.Actor, slug string) (App, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return App{}, err
	}
	var app App
	err := c.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, ok, err := Load(ctx, tx, slug)
		if err != nil {
			return err
		}
		if !ok || !found.Listed && !by.In(found.Owner) && !seesAll(by) {
			return notFound(slug)
		}
		app = found
		return nil
	})
	return app, err
}

func seesAll(by access.Actor) bool { return access.Can(by, access.GovernWrite, access.Scope{}) == nil }

func notFound(slug string) *fault.Error {
	return fault.New(fault.NotFound, "no_such_app", "there is no app %q", short(slug)).
		Fix("look it up in the marketplace; an app that was just asked for is shown to its owners only")
}

// Load gives an app, listed or not. One whose request was denied or withdrawn is none.
func Load(ctx context.Context, tx *store.Tx, slug string) (App, bool, error) {
	app, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM app WHERE slug = $1 AND held_until IS NULL`, slug)
	if err != nil {
		return App{}, false, fmt.Errorf("load app: %w", err)
	}
	return app, ok, nil
}

// All is a step: the apps by slug, listed or not.
func All(ctx context.Context, tx *store.Tx) ([]App, error) {
	apps, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM app WHERE held_until IS NULL ORDER BY slug COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("list apps: %w", err)
	}
	return apps, nil
}

// Vacant tells whether a team may take a slug: a finding at app.slug if not, with a slug that is free where one is near.
func Vacant(ctx context.Context, tx *store.Tx, at time.Time, slug, owner string) (*fault.Finding, error) {
	words, err := taken(ctx, tx, at, slug, owner)
	if err != nil || words == "" {
		return nil, err
	}
	f := finding("slug", "slug_taken", words, "choose another short name")
	for n := 2; n < 10; n++ {
		suffix := "-" + strconv.Itoa(n)
		proposal := slug[:min(len(slug), slugMax-len(suffix))] + suffix
		also, err := taken(ctx, tx, at, proposal, owner)
		if err != nil {
			return nil, err
		}
		if also == "" {
			f.Remediation += ", for example " + proposal
			f = mend(f, proposal)
			break
		}
	}
	return &f, nil
}

// Reserve makes an app that is not listed yet. A slug that is in use is a fault of kind Conflict; one that is held after a
// denial or withdrawal is free for the team that had asked, and for others once the hold is over.
func Reserve(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, app App, requestID string) (App, error) {
	held, err := taken(ctx, tx, at, app.Slug, app.Owner)
	if err != nil {
		return App{}, err
	}
	conflict := func(words string) error {
		return fault.New(fault.Conflict, "slug_taken", "%s", words).At("app.slug").Fix("choose another short name")
	}
	if held != "" {
		return App{}, conflict(held)
	}
	app.Listed, app.CreatedAt, app.UpdatedAt, app.Revision = false, at.UTC().Truncate(time.Microsecond), at.UTC().Truncate(time.Microsecond), 1
	// The condition says again what taken found, so that of two who reserve at once one is refused.
	n, err := tx.Exec(ctx, `INSERT INTO app (`+columns+`, search, held_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULL)
		ON CONFLICT (slug) DO UPDATE SET name = $2, description = $3, category = $4, owner = $5, contact = $6, kind = $7, url = $8,
			listed = $9, created_at = $10, updated_at = $11, revision = app.revision + 1, data_classification = $13, data_why = $14,
			search = $15, held_until = NULL
		WHERE app.held_until IS NOT NULL AND (app.owner = $5 OR app.held_until <= $16)`,
		append(values(app), searchable(app), store.Micros(at))...)
	if err != nil {
		return App{}, fmt.Errorf("reserve app: %w", err)
	}
	if n == 0 {
		return App{}, conflict(fmt.Sprintf("the short name %q is already in use", app.Slug))
	}
	saved, _, err := Load(ctx, tx, app.Slug)
	if err != nil {
		return App{}, err
	}
	return saved, record(ctx, tx, by, at, audit.AppReserved, saved.Slug, "", requestID, map[string]any{"owner": saved.Owner, "name": saved.Name})
}

// Publish lists an app in the marketplace. An app that is listed already stays as it is.
func Publish(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, slug, requestID string) (App, error) {
	app, ok, err := Load(ctx, tx, slug)
	if err != nil {
		return App{}, err
	}
	if !ok {
		return App{}, notFound(slug)
	}
	if app.Listed {
		return app, nil
	}
	n, err := tx.Exec(ctx, `UPDATE app SET listed = TRUE, updated_at = $3, revision = revision + 1 WHERE slug = $1 AND revision = $2`,
		slug, app.Revision, store.Micros(at))
	if err != nil {
		return App{}, fmt.Errorf("publish app: %w", err)
	}
	if n == 0 {
		return App{}, stale(app)
	}
	app.Listed, app.UpdatedAt, app.Revision = true, at.UTC().Truncate(time.Microsecond), app.Revision+1
	return app, record(ctx, tx, by, at, audit.AppPublished, slug, "", requestID, map[string]any{"owner": app.Owner, "name": app.Name, "url": app.URL})
}

// Hold takes back an app that was never listed, after its request was denied or withdrawn, and keeps the slug for its team
// for 30 days. Without such an app it does nothing.
func Hold(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, slug, reason, requestID string) error {
	app, ok, err := Load(ctx, tx, slug)
	if err != nil || !ok {
		return err
	}
	if app.Listed {
		return fault.New(fault.Conflict, "app_listed", "the app %s is listed in the marketplace", slug).
			Fix("a listed app keeps its short name; ask for its flags to be removed instead")
	}
	until := at.Add(holdTime)
	n, err := tx.Exec(ctx, `UPDATE app SET held_until = $1, revision = revision + 1 WHERE slug = $2 AND revision = $3`,
		store.Micros(until), slug, app.Revision)
	if err != nil {
		return fmt.Errorf("hold app: %w", err)
	}
	if n == 0 {
		return stale(app)
	}
	return record(ctx, tx, by, at, audit.AppHeld, slug, reason, requestID, map[string]any{"owner": app.Owner, "until": until.UTC()})
}

// Change writes what an app says of itself. The app carries the revision that was read, else it is a fault of kind Stale.
// Slug, kind, listing and time of making stay; without a change nothing is written.
func Change(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, app App, requestID string) (App, error) {
	before, ok, err := Load(ctx, tx, app.Slug)
	if err != nil {
		return App{}, err
	}
	if !ok {
		return App{}, notFound(app.Slug)
	}
	if before.Revision != app.Revision {
		return App{}, stale(before)
	}
	after := before
	after.Name, after.Description, after.Category = app.Name, app.Description, app.Category
	after.Owner, after.Contact, after.URL, after.Data = app.Owner, app.Contact, app.URL, app.Data
	if after == before {
		return before, nil
	}
	n, err := tx.Exec(ctx, `UPDATE app SET name = $1, description = $2, category = $3, owner = $4, contact = $5, url = $6, search = $7,
		updated_at = $10, data_classification = $11, data_why = $12, revision = revision + 1 WHERE slug = $8 AND revision = $9`,
		after.Name, after.Description, after.Category, after.Owner, after.Contact, after.URL, searchable(after), after.Slug, before.Revision,
		store.Micros(at), string(after.Data.Classification), after.Data.Why)
	if err != nil {
		return App{}, fmt.Errorf("change app: %w", err)
	}
	if n == 0 {
		return App{}, stale(before)
	}
	after.Revision, after.UpdatedAt = before.Revision+1, at.UTC().Truncate(time.Microsecond)
	return after, record(ctx, tx, by, at, audit.AppChanged, app.Slug, "", requestID, map[string]any{"changed": differences(before, after)})
}

// differences gives the members that differ, each with its value before and after.
func differences(before, after App) map[string]any {
	changed := map[string]any{}
	for _, m := range []struct{ name, before, after string }{
		{"name", before.Name, after.Name},
		{"description", before.Description, after.Description},
		{"category", before.Category, after.Category},
		{"owner", before.Owner, after.Owner},
		{"contact", before.Contact, after.Contact},
		{"url", before.URL, after.URL},
		{"data.classification", string(before.Data.Classification), string(after.Data.Classification)},
		{"data.why", before.Data.Why, after.Data.Why},
	} {
		if m.before != m.after {
			changed[m.name] = map[string]any{"before": m.before, "after": m.after}
		}
	}
	return changed
}
