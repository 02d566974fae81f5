package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func person(name, group string, roles ...access.Role) access.Actor {
	return access.Actor{
		PersonID: access.PersonID(name), Email: name + "@hyfin.example", TokenScope: access.ScopeAll,
		Groups:     []access.Membership{{Group: group, Roles: roles}},
		Credential: audit.Credential{Kind: "session"},
	}
}

var (
	alice = person("alice", "team-lunch", access.Publisher)
	bob   = person("bob", "team-dinner", access.Publisher)
	root  = person("root", "admins", access.Admin)
)

func write(t *testing.T, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) error {
	t.Helper()
	return db.Write(t.Context(), fn)
}

func reserve(t *testing.T, db *store.DB, by access.Actor, at time.Time, app catalog.App) (saved catalog.App, err error) {
	t.Helper()
	err = write(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
		saved, err = catalog.Reserve(ctx, tx, by, at, app, "request-1")
		return err
	})
	return saved, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
}

func events(t *testing.T, db *store.DB) []string {
	t.Helper()
	var names []string
	must(t, db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event ORDER BY id`)
		return err
	}))
	return names
}

func TestAnAppIsReservedPublishedAndChangedEachWithItsEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		app, err := reserve(t, db, alice, noon, where2eat())
		must(t, err)
		must(t, write(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			if app, err = catalog.Publish(ctx, tx, alice, noon, app.Slug, ""); err != nil {
				return err
			}
			app, err = catalog.Publish(ctx, tx, alice, noon, app.Slug, "")
			return err
		}))
		app.URL = "https://lunch.hyfin.example"
		must(t, write(t, db, func(ctx context.Context, tx *store.Tx) (err error) {
			app, err = catalog.Change(ctx, tx, alice, noon.Add(time.Hour), app, "")
			return err
		}))
		want := where2eat()
		want.URL, want.Listed, want.CreatedAt, want.UpdatedAt, want.Revision = "https://lunch.hyfin.example", true, noon, noon.Add(time.Hour), 3
		got, err := (&catalog.Catalog{DB: db}).Get(t.Context(), bob, "where2eat")
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"app.reserved", "app.published", "app.changed"}, events(t, db)); diff != "" {
			t.Error(diff)
		}
		app.Revision--
		app.Name = "Too late"
		wantKind(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := catalog.Change(ctx, tx, alice, noon, app, "")
			return err
		}), fault.Stale)
	})
}

func TestAHeldSlugIsFreeForItsTeamAndForOthersAfterThirtyDays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		hold := func(at time.Time) {
			t.Helper()
			must(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
				return catalog.Hold(ctx, tx, alice, at, "where2eat", "not now", "request-1")
			}))
		}
		_, err := reserve(t, db, alice, noon, where2eat())
		must(t, err)
		_, err = reserve(t, db, alice, noon, where2eat())
		wantKind(t, err, fault.Conflict)
		hold(noon)
		hold(noon) // there is nothing left to hold
		if _, err := (&catalog.Catalog{DB: db}).Get(t.Context(), alice, "where2eat"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a held app is shown: %v", err)
		}
		_, err = reserve(t, db, alice, noon.Add(time.Hour), where2eat())
		must(t, err)
		hold(noon)
		theirs := where2eat()
		theirs.Owner = "team-dinner"
		_, err = reserve(t, db, bob, noon.Add(30*24*time.Hour-time.Second), theirs)
		wantKind(t, err, fault.Conflict)
		_, err = reserve(t, db, bob, noon.Add(30*24*time.Hour), theirs)
		must(t, err)
	})
}

func TestATakenSlugIsAFindingWithOneThatIsFree(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, slug := range []string{"where2eat", "where2eat-2"} {
			app := where2eat()
			app.Slug = slug
			_, err := reserve(t, db, alice, noon, app)
			must(t, err)
		}
		must(t, db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			f, err := catalog.Vacant(ctx, tx, noon, "where2eat", "team-dinner")
			if err != nil {
				return err
			}
			if f == nil {
				return fmt.Errorf("no finding")
			}
			if diff := cmp.Diff([]string{"app.slug slug_taken → where2eat-3"}, told([]fault.Finding{*f})); diff != "" {
				t.Error(diff)
			}
			f, err = catalog.Vacant(ctx, tx, noon, "where3eat", "team-dinner")
			if f != nil {
				t.Errorf("finding: %v", f)
			}
			return err
		}))
	})
}

func TestOfTwoWhoReserveAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for round := range 5 {
			app := where2eat()
			app.Slug = fmt.Sprintf("app-%d", round)
			var all sync.WaitGroup
			errs := make([]error, 2)
			for i := range errs {
				all.Go(func() { _, errs[i] = reserve(t, db, alice, noon, app) })
			}
			all.Wait()
			if errs[0] != nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			must(t, errs[0])
			wantKind(t, errs[1], fault.Conflict)
		}
	})
}

func TestUnlistedAppsAreSeenByTheirOwnersAndAdminsOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i, slug := range []string{"lunch-a", "lunch-b", "lunch-c"} {
			app := where2eat()
			app.Slug = slug
			_, err := reserve(t, db, alice, noon.Add(time.Duration(i/2)*time.Hour), app)
			must(t, err)
		}
		must(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
			_, err := catalog.Publish(ctx, tx, alice, noon, "lunch-b", "")
			return err
		}))
		c := &catalog.Catalog{DB: db}
		see := func(by access.Actor, f catalog.Filter) []string {
			t.Helper()
			slugs := []string{}
			p := store.Page{Limit: 1}
			for {
				page, err := c.List(t.Context(), by, f, p)
				must(t, err)
				for _, app := range page.Items {
					slugs = append(slugs, app.Slug)
				}
				if p.Cursor = page.Next; page.Next == "" {
					return slugs
				}
			}
		}
		if diff := cmp.Diff([]string{"lunch-c", "lunch-b", "lunch-a"}, see(alice, catalog.Filter{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"lunch-b"}, see(bob, catalog.Filter{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"lunch-c"}, see(root, catalog.Filter{Search: "H-C", Category: "dashboard", Owner: "team-lunch"})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{}, see(root, catalog.Filter{Search: "%"})); diff != "" {
			t.Error(diff)
		}
		_, err := c.Get(t.Context(), bob, "lunch-a")
		wantKind(t, err, fault.NotFound)
		_, err = c.List(t.Context(), access.Actor{}, catalog.Filter{}, store.Page{})
		wantKind(t, err, fault.Unauthenticated)
		_, err = c.List(t.Context(), root, catalog.Filter{}, store.Page{Cursor: "WyJ4Il0"})
		wantKind(t, err, fault.Invalid)
	})
}
