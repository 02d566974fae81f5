package registry_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// tester is what tests, benchmarks and properties have in common.
type tester interface {
	Helper()
	Context() context.Context
}

func list(t tester, db *store.DB, filter registry.Filter, page store.Page) (listing store.Listing[registry.Flag], err error) {
	t.Helper()
	err = db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		listing, err = registry.List(ctx, tx, filter, page)
		return err
	})
	return listing, err
}

// TestEveryListIsWhatAPersonWouldFilterAndSort compares lists, page by page, with what Go makes of all flags.
func TestEveryListIsWhatAPersonWouldFilterAndSort(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const n = 1200
		registrytest.Seed(t, db, n)
		all, err := list(t, db, registry.Filter{Removed: true}, store.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		rest, err := list(t, db, registry.Filter{Removed: true}, store.Page{Limit: 1000, Cursor: all.Next})
		if err != nil || len(all.Items)+len(rest.Items) != n {
			t.Fatalf("%d and %d flags, %v", len(all.Items), len(rest.Items), err)
		}
		flags := slices.Concat(all.Items, rest.Items)
		rapid.Check(t, func(t *rapid.T) {
			filter := registry.Filter{
				App:        rapid.SampledFrom([]string{"", "", "app7", "nowhere"}).Draw(t, "app"),
				OwnerGroup: rapid.SampledFrom([]string{"", "", "team7"}).Draw(t, "team"),
				TemplateID: rapid.SampledFrom([]string{"", "", "template7"}).Draw(t, "template"),
				State:      rapid.SampledFrom([]string{"", "active", "deprecated", "staged"}).Draw(t, "state"),
				Search:     rapid.SampledFrom([]string{"", "PART 11", "100%", "_"}).Draw(t, "search"),
				Serving:    rapid.SampledFrom([]string{"", "", "off", "on", "audience", "custom", "killed"}).Draw(t, "serving"),
				Sort:       rapid.SampledFrom([]registry.Sort{"", registry.SortCreated, registry.SortKey, registry.SortUpdated, registry.SortExpires}).Draw(t, "sort"),
				Ascending:  rapid.Bool().Draw(t, "ascending"),
			}
			if rapid.Bool().Draw(t, "there") {
				filter.Environment = "production"
			}
			if rapid.Bool().Draw(t, "mine") {
				filter.OwnedBy = &access.Actor{PersonID: "team3", Groups: []access.Membership{{Group: "team7"}, {Group: "team8"}}}
			}
			if rapid.Bool().Draw(t, "old") {
				at := registrytest.Start.Add(time.Duration(rapid.IntRange(0, n).Draw(t, "age")) * time.Second)
				filter.CreatedBefore = &at
			}
			if rapid.Bool().Draw(t, "ending") {
				at := registrytest.Start.Add(30*24*time.Hour + time.Duration(rapid.IntRange(0, n).Draw(t, "end"))*time.Second)
				filter.ExpiresBefore = &at
			}
			want := expected(flags, filter)
			var got []string
			page := store.Page{Limit: rapid.SampledFrom([]int{3, 100, 1000}).Draw(t, "limit")}
			if len(want) > 20*page.Limit {
				page.Limit = 1000
			}
			for {
				listing, err := list(t, db, filter, page)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range listing.Items {
					got = append(got, f.Key)
				}
				if page.Cursor = listing.Next; page.Cursor == "" {
					break
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("%+v: %s", filter, diff)
			}
		})
	})
}

// expected is what a list holds, made by hand.
func expected(flags []registry.Flag, f registry.Filter) (keys []string) {
	kept := slices.DeleteFunc(slices.Clone(flags), func(flag registry.Flag) bool {
		state := "active"
		if flag.ReadOnly {
			state = "deprecated"
		}
		ends, mortal := ending(flag)
		owned := f.OwnedBy == nil || flag.OwnerID == f.OwnedBy.PersonID ||
			slices.ContainsFunc(f.OwnedBy.Groups, func(m access.Membership) bool { return m.Group == flag.OwnerGroup })
		serves := f.Serving == "" || slices.ContainsFunc(flag.Environments, func(e registry.FlagEnvironment) bool {
			killed := e.Kill != nil
			return (f.Environment == "" || e.Environment == f.Environment) &&
				(f.Serving == registry.ServingKilled && killed || string(e.Serving.Mode) == f.Serving && !killed)
		})
		text := strings.ToLower(flag.Key + " " + flag.Name + " " + flag.Description)
		fits := (f.App == "" || flag.App == f.App) && (f.OwnerGroup == "" || flag.OwnerGroup == f.OwnerGroup) &&
			(f.TemplateID == "" || flag.TemplateID == f.TemplateID) && (f.State == "" || state == f.State) &&
			strings.Contains(text, strings.ToLower(f.Search)) && owned && serves &&
			(f.CreatedBefore == nil || flag.CreatedAt.Before(*f.CreatedBefore)) && (f.ExpiresBefore == nil || mortal && ends.Before(*f.ExpiresBefore))
		return !fits
	})
	slices.SortFunc(kept, func(a, b registry.Flag) int {
		order := cmp.Compare(a.Key, b.Key)
		switch f.Sort {
		case registry.SortKey:
		case registry.SortUpdated:
			order = cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), order)
		case registry.SortExpires:
			endsA, _ := ending(a)
			endsB, _ := ending(b)
			order = cmp.Or(endsA.Compare(endsB), order)
		default:
			order = cmp.Or(a.CreatedAt.Compare(b.CreatedAt), order)
		}
		if f.Ascending {
			return order
		}
		return -order
	})
	for _, flag := range kept {
		keys = append(keys, flag.Key)
	}
	return keys
}

// ending is when the time of a seeded flag is up; one that has no end comes last.
func ending(f registry.Flag) (at time.Time, mortal bool) {
	var app, i int
	if _, err := fmt.Sscanf(f.Key, "app%d.flag%d", &app, &i); err != nil {
		panic(err)
	}
	if i%10 == 0 {
		return registrytest.Start.AddDate(1000, 0, 0), false
	}
	return registrytest.Start.Add(time.Duration(i+2592000) * time.Second), true
}

func TestACursorOfOneOrderIsRefusedByAnother(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	registrytest.Seed(t, db, 3)
	first, err := list(t, db, registry.Filter{}, store.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter registry.Filter
		cursor string
	}{
		{registry.Filter{Ascending: true}, first.Next},
		{registry.Filter{Sort: registry.SortKey}, first.Next},
		{registry.Filter{}, "WyJ4Il0"},
		{registry.Filter{}, "WyJjcmVhdGVkIGRlc2MiLCJ4IiwieSJd"},
	} {
		if _, err := list(t, db, tt.filter, store.Page{Cursor: tt.cursor}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", tt.filter, err)
		}
	}
}

// TestListsOfManyFlagsGoByAnIndex looks at the plans that both engines make, not at the clock: no list reads all flags and
// sorts them.
func TestListsOfManyFlagsGoByAnIndex(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("seeds thousands of flags")
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const n = 5_000
		registrytest.Seed(t, db, n)
		soon := registrytest.Start.Add(30*24*time.Hour + 100*time.Second)
		filters := map[string]registry.Filter{
			"all": {}, "by key": {Sort: registry.SortKey, Ascending: true}, "by update": {Sort: registry.SortUpdated},
			"by end": {Sort: registry.SortExpires, Ascending: true}, "removed too": {Removed: true}, "oldest": {Ascending: true},
			"of an app": {App: "app7"}, "of a team": {OwnerGroup: "team7"}, "of a template": {TemplateID: "template7"},
			"in a state": {State: "deprecated"}, "in the usual state": {State: "active"},
			"killed": {Killed: true, Environment: "production"}, "killed anywhere": {Serving: registry.ServingKilled},
			"custom": {Serving: "custom", Environment: "production"}, "off": {Serving: "off", Environment: "production"},
			"ending": {ExpiresBefore: &soon, Sort: registry.SortExpires, Ascending: true}, "common words": {Search: "people"},
		}
		for name, filter := range filters {
			first, err := list(t, db, filter, store.Page{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			if len(first.Items) == 0 {
				t.Fatalf("%s: no flag", name)
			}
			for _, cursor := range []string{"", first.Next} {
				query, args, err := registry.QueryOf(t.Context(), db, filter, store.Page{Limit: 10, Cursor: cursor})
				if err != nil {
					t.Fatal(err)
				}
				few := filter.Killed || filter.Serving == registry.ServingKilled || filter.Serving == "custom" || filter.State == "deprecated"
				checkPlan(t, name, storetest.Plan(t, db, query, args), few)
			}
		}
	})
}

// checkPlan fails on a plan that reads a table from end to end, or sorts what it found, unless that is few by an index.
func checkPlan(t *testing.T, name string, steps []string, few bool) {
	t.Helper()
	for _, step := range steps {
		whole := strings.Contains(step, "Seq Scan on flag") || strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "USING") ||
			strings.Contains(step, "flag_environment_changed (environment=?)")
		sorts := strings.Contains(step, "USE TEMP B-TREE FOR ORDER BY") && !few
		if rows, ok := sorted(step); ok {
			sorts = rows > 1000
		}
		if whole || sorts {
			t.Errorf("%s: %s\n%s", name, step, strings.Join(steps, "\n"))
			return
		}
	}
}

// sorted gives how many rows PostgreSQL expects to sort in a step.
func sorted(step string) (rows int, ok bool) {
	if !strings.Contains(step, "Sort  (") || strings.Contains(step, "Incremental Sort") {
		return 0, false
	}
	_, rest, _ := strings.Cut(step, "rows=")
	_, err := fmt.Sscanf(rest, "%d", &rows)
	return rows, err == nil
}

func BenchmarkListsOf100000Flags(b *testing.B) {
	db := storetest.Open(b, store.SQLite)
	registrytest.Seed(b, db, 100_000)
	for name, filter := range map[string]registry.Filter{
		"newest": {}, "by key": {Sort: registry.SortKey, Ascending: true}, "by end": {Sort: registry.SortExpires, Ascending: true},
		"of a team": {OwnerGroup: "team7"}, "killed": {Killed: true}, "off": {Serving: "off", Environment: "production"},
		"custom": {Serving: "custom", Environment: "production"}, "common words": {Search: "people"}, "rare words": {Search: "part 77777"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := list(b, db, filter, store.Page{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
