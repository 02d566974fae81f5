package catalog_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// published makes an app that is listed; name is also its description.
func published(t *testing.T, db *store.DB, slug, name string, at time.Time) {
	t.Helper()
	app := where2eat()
	app.Slug, app.Name, app.Description = slug, name, name
	_, err := reserve(t, db, alice, at, app)
	must(t, err)
	must(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
		_, err := catalog.Publish(ctx, tx, alice, at, slug, "")
		return err
	}))
}

// all reads a list page by page.
func all(t *testing.T, c *catalog.Catalog, by access.Actor, f catalog.Filter, size int) (slugs []string) {
	t.Helper()
	slugs = []string{}
	for p := (store.Page{Limit: size}); ; {
		page, err := c.List(t.Context(), by, f, p)
		must(t, err)
		for _, app := range page.Items {
			slugs = append(slugs, app.Slug)
		}
		if p.Cursor = page.Next; p.Cursor == "" {
			return slugs
		}
		if len(page.Items) != size {
			t.Fatalf("a page of %d has %d items and a next one", size, len(page.Items))
		}
	}
}

func TestAppsAreSortedAndPagedWhateverTheOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := &catalog.Catalog{DB: db}
		for i, name := range []string{"Delta lunch", "alpha lunch", "Charlie lunch", "bravo lunch", "echo"} {
			published(t, db, fmt.Sprintf("app-%d", i), name, noon.Add(time.Duration(i)*time.Hour))
		}
		must(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
			app, _, err := catalog.Load(ctx, tx, "app-0")
			if err != nil {
				return err
			}
			app.Description = "Delta, changed"
			_, err = catalog.Change(ctx, tx, alice, noon.Add(100*time.Hour), app, "")
			return err
		}))
		for _, want := range []struct {
			filter catalog.Filter
			slugs  []string
		}{
			{catalog.Filter{}, []string{"app-4", "app-3", "app-2", "app-1", "app-0"}},
			{catalog.Filter{Sort: catalog.ByCreated, Reverse: true}, []string{"app-0", "app-1", "app-2", "app-3", "app-4"}},
			{catalog.Filter{Sort: catalog.ByUpdated}, []string{"app-0", "app-4", "app-3", "app-2", "app-1"}},
			{catalog.Filter{Sort: catalog.ByName}, []string{"app-1", "app-3", "app-2", "app-0", "app-4"}},
			{catalog.Filter{Sort: catalog.ByName, Reverse: true}, []string{"app-4", "app-0", "app-2", "app-3", "app-1"}},
			{catalog.Filter{Search: "lucnh"}, []string{"app-2", "app-0", "app-1", "app-3", "app-4"}},
			{catalog.Filter{Search: "lunch", Sort: catalog.ByName}, []string{"app-1", "app-3", "app-2", "app-0", "app-4"}},
			{catalog.Filter{Search: "nothing like it"}, []string{}},
			{catalog.Filter{Category: "other"}, []string{}},
		} {
			for _, size := range []int{1, 2, 5} {
				if diff := cmp.Diff(want.slugs, all(t, c, alice, want.filter, size)); diff != "" {
					t.Errorf("%+v in pages of %d: %s", want.filter, size, diff)
				}
			}
		}
		first, err := c.List(t.Context(), alice, catalog.Filter{}, store.Page{Limit: 2})
		must(t, err)
		published(t, db, "newer", "Newer", noon.Add(50*time.Hour))
		second, err := c.List(t.Context(), alice, catalog.Filter{}, store.Page{Limit: 2, Cursor: first.Next})
		must(t, err)
		if now := all(t, c, alice, catalog.Filter{}, 3); now[0] != "newer" {
			t.Errorf("an app that came after the first list is not in the next: %v", now)
		}
		if second.Items[0].Slug != "app-2" {
			t.Errorf("an app that came meanwhile moves the next page to %s", second.Items[0].Slug)
		}
		_, err = c.List(t.Context(), alice, catalog.Filter{Sort: catalog.ByName}, store.Page{Cursor: first.Next})
		wantKind(t, err, fault.Invalid)
	})
}

func TestAnAppTellsHowItDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := &catalog.Catalog{DB: db}
		change := registry.Change{By: alice, At: noon, Reason: "because", Cause: registry.CauseRollout}
		flagOf := func(slug string, then func(ctx context.Context, tx *store.Tx, key string) error) {
			t.Helper()
			published(t, db, slug, slug, noon)
			must(t, write(t, db, func(ctx context.Context, tx *store.Tx) error {
				f, err := registry.Propose(ctx, tx, change, registry.Spec{
					App: slug, Name: "Enabled", Type: "boolean", OwnerGroup: "team-lunch", Owner: alice.Email, Contact: alice.Email,
					TemplateID: "x", TemplateVersion: 1, Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: "pilot",
				})
				if err != nil {
					return err
				}
				if _, err := registry.Install(ctx, tx, change, f.Key); err != nil {
					return err
				}
				return then(ctx, tx, f.Key)
			}))
		}
		rolling := func(state string) func(ctx context.Context, tx *store.Tx, key string) error {
			return func(ctx context.Context, tx *store.Tx, key string) error {
				_, err := tx.Exec(ctx, `INSERT INTO rollout (id, flag_key, app, request_id, state, step, steps, reason, killed_in, created_at, updated_at, revision)
					VALUES ($1, $1, 'x', '', $2, 0, '[]', '', '', 0, 0, 1)`, key, state)
				return err
			}
		}
		serve := func(ctx context.Context, tx *store.Tx, key string) error {
			_, err := registry.Serve(ctx, tx, change, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
			return err
		}
		flagOf("live", serve)
		flagOf("off", func(context.Context, *store.Tx, string) error { return nil })
		flagOf("killed", func(ctx context.Context, tx *store.Tx, key string) error {
			if err := serve(ctx, tx, key); err != nil {
				return err
			}
			_, _, err := registry.Kill(ctx, tx, change, key, "production")
			return err
		})
		flagOf("rolling", rolling("running"))
		flagOf("ready", rolling("ready"))
		published(t, db, "retired", "Retired", noon)
		_, err := reserve(t, db, alice, noon, func() catalog.App { a := where2eat(); a.Slug = "waiting"; return a }())
		must(t, err)
		got := map[string]catalog.Status{}
		list, err := c.List(t.Context(), alice, catalog.Filter{}, store.Page{})
		must(t, err)
		for _, app := range list.Items {
			got[app.Slug] = app.Status
		}
		want := map[string]catalog.Status{
			"live":    {Word: catalog.Live, Words: "Live"},
			"off":     {Word: catalog.Off, Words: "Off"},
			"killed":  {Word: catalog.Off, Words: "Turned off for everybody"},
			"rolling": {Word: catalog.RollingOut, Words: "Reaching people step by step"},
			"ready":   {Word: catalog.Off, Words: "Approved, not turned on yet"},
			"retired": {Word: catalog.Retired, Words: "Retired"},
			"waiting": {Word: catalog.Waiting, Words: "Waiting for approval"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		off := all(t, c, alice, catalog.Filter{Status: catalog.Off}, 2)
		if slices.Sort(off); !slices.Equal(off, []string{"killed", "off", "ready"}) {
			t.Errorf("those that are off: %v", off)
		}
		facets, err := c.Facets(t.Context(), bob, "")
		must(t, err)
		if facets.Total != 6 || facets.Categories[0].Apps != 6 || len(facets.Categories) != len(catalog.Categories) || facets.Owners[0] != (catalog.Facet{Name: "team-lunch", Apps: 6}) {
			t.Errorf("counts for somebody of another team are %+v", facets)
		}
	})
}

// BenchmarkList lists 30 of 10,000 apps.
func BenchmarkList(b *testing.B) {
	db := storetest.Open(b, store.SQLite)
	apps := many(10_000)
	if err := db.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i, a := range apps {
			if _, err := tx.Exec(ctx, `INSERT INTO app (slug, name, description, category, owner, contact, kind, url, listed, created_at, updated_at, revision, search)
				VALUES ($1, $2, $3, $4, $5, 'c', 'external', 'https://x.example', TRUE, $6, $6, 1, '')`, a.Slug, a.Name, a.Description, a.Category, a.Owner, i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	c := &catalog.Catalog{DB: db}
	for name, f := range map[string]catalog.Filter{
		"newest": {}, "by name": {Sort: catalog.ByName}, "search": {Search: "mortgaeg"}, "status": {Status: catalog.Retired}, "none of that status": {Status: catalog.Live},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.List(b.Context(), alice, f, store.Page{Limit: 30}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
