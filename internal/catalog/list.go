package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Filter narrows a list of apps; its zero value is all that the actor may see, newest first.
type Filter struct {
	Category string
	Owner    string // group
	Search   string // in slug, name, category, owner and description; typing errors are forgiven
	Status   Word   // empty is any
	Sort     Sort   // empty is the best first with a search, else the newest
	Reverse  bool
}

// Sort is what a list is ordered by.
type Sort string

// The orders: names from A on, times from the newest on; Reverse turns them around.
const (
	ByName    Sort = "name"
	ByCreated Sort = "created"
	ByUpdated Sort = "updated"
	byRank    Sort = "rank"
)

// Word says in one word how an app does.
type Word string

// The words.
const (
	Live       Word = "live"        // on for somebody in production
	RollingOut Word = "rolling_out" // a rollout of it is under way
	Off        Word = "off"         // approved, and off in production
	Waiting    Word = "waiting"     // its publishing is not approved yet
	Retired    Word = "retired"     // all of its flags were removed
)

// Status is how an app does.
type Status struct {
	Word  Word   `json:"word" enum:"live,rolling_out,off,waiting,retired"`
	Words string `json:"words" doc:"In plain words"`
}

// Listed is an app in a list, with how it does.
type Listed struct {
	App
	Status Status `json:"status"`
}

// List gives the apps that the actor may see: listed ones, and those of the actor's own groups. Who governs the
// installation sees all.
func (c *Catalog) List(ctx context.Context, by access.Actor, f Filter, p store.Page) (store.Listing[Listed], error) {
	var list store.Listing[Listed]
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return list, err
	}
	after, err := p.After()
	if err != nil {
		return list, err
	}
	err = c.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		x, err := c.indexAt(ctx, tx)
		if err != nil {
			return err
		}
		order, found := f.find(x, by)
		start, err := startOf(order, f.Reverse, x, found, after)
		if err != nil {
			return err
		}
		list, err = fill(ctx, tx, x, found, start, order, f.Status, p)
		return err
	})
	return list, err
}

// find gives the places of the apps that the filter lets through, save by status, in order.
func (f Filter) find(x *Index, by access.Actor) (Sort, []int) {
	all := seesAll(by)
	let := func(a App) bool {
		return (all || a.Listed || by.In(a.Owner)) && (f.Category == "" || a.Category == f.Category) && (f.Owner == "" || a.Owner == f.Owner)
	}
	order := f.Sort
	if strings.TrimSpace(f.Search) != "" {
		found := x.Find(f.Search, let)
		if order == "" {
			return byRank, found
		}
		slices.SortFunc(found, func(a, b int) int { return compare(order, f.Reverse, x.apps[a], x.apps[b]) })
		return order, found
	}
	order = cmp.Or(order, ByCreated)
	found := make([]int, 0, len(x.apps))
	for _, i := range x.orders[order] {
		if let(x.apps[i]) {
			found = append(found, i)
		}
	}
	if f.Reverse {
		slices.Reverse(found)
	}
	return order, found
}

func compare(order Sort, reverse bool, a, b App) int {
	var sign int
	switch order {
	case ByName, byRank:
		sign = cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Slug, b.Slug))
	case ByCreated:
		sign = cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.Slug, a.Slug))
	case ByUpdated:
		sign = cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.Slug, a.Slug))
	}
	if reverse {
		return -sign
	}
	return sign
}

// key is what a cursor holds of the last app of a page, so that the next page begins after it whatever came or went.
func key(order Sort, a App) []string {
	switch order {
	case ByName:
		return []string{string(order), a.Name, a.Slug}
	case ByCreated:
		return []string{string(order), strconv.FormatInt(store.Micros(a.CreatedAt), 10), a.Slug}
	case ByUpdated:
		return []string{string(order), strconv.FormatInt(store.Micros(a.UpdatedAt), 10), a.Slug}
	case byRank:
	}
	return nil
}

// startOf gives the place in found at which the page begins.
func startOf(order Sort, reverse bool, x *Index, found []int, after []string) (int, error) {
	if after == nil {
		return 0, nil
	}
	bad := fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
		Fix("leave the cursor out to begin at the start")
	if after[0] != string(order) {
		return 0, bad
	}
	if order == byRank {
		if len(after) != 2 {
			return 0, bad
		}
		at, err := strconv.Atoi(after[1])
		if err != nil || at < 0 {
			return 0, bad
		}
		return min(at, len(found)), nil
	}
	if len(after) != 3 {
		return 0, bad
	}
	last := App{Name: after[1], Slug: after[2]}
	if order != ByName {
		micros, err := strconv.ParseInt(after[1], 10, 64)
		if err != nil {
			return 0, bad
		}
		last.CreatedAt, last.UpdatedAt = store.Time(micros), store.Time(micros)
	}
	at, same := slices.BinarySearchFunc(found, last, func(i int, last App) int { return compare(order, reverse, x.apps[i], last) })
	if same {
		at++
	}
	return at, nil
}

// chunk is how many apps are asked for their status at once.
const chunk = 200

// fill gives a page from start on, of apps with that status.
func fill(ctx context.Context, tx *store.Tx, x *Index, found []int, start int, order Sort, want Word, p store.Page) (store.Listing[Listed], error) {
	list := store.Listing[Listed]{Items: []Listed{}}
	for at := start; at < len(found); {
		size := chunk
		if want == "" {
			size = min(chunk, p.Size()-len(list.Items)+1)
		}
		part := found[at:min(at+size, len(found))]
		slugs := make([]string, len(part))
		for i, place := range part {
			slugs[i] = x.apps[place].Slug
		}
		statuses, err := StatusOf(ctx, tx, slugs)
		if err != nil {
			return list, err
		}
		for i, place := range part {
			a := x.apps[place]
			status, known := statuses[a.Slug]
			if !known || want != "" && status.Word != want {
				continue
			}
			if len(list.Items) == p.Size() {
				keys := []string{string(byRank), strconv.Itoa(at + i)}
				if order != byRank {
					keys = key(order, list.Items[len(list.Items)-1].App)
				}
				list.Next = store.Cut(store.Page{Limit: 1}, make([]int, 2), func(int) []string { return keys }).Next
				return list, nil
			}
			list.Items = append(list.Items, Listed{App: a, Status: status})
		}
		at += len(part)
	}
	return list, nil
}

// indexAt gives the index of the apps as of this transaction. It is made once for each state of the table: rows are never
// deleted and their revisions only grow, so that their count and sum name a state.
func (c *Catalog) indexAt(ctx context.Context, tx *store.Tx) (*Index, error) {
	state, _, err := store.One(ctx, tx, func(row store.Row) (s [2]int64, err error) {
		err = row.Scan(&s[0], &s[1])
		return s, err
	}, `SELECT count(*), CAST(coalesce(sum(revision), 0) AS BIGINT) FROM app`)
	if err != nil {
		return nil, fmt.Errorf("read state of the apps: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.index != nil && c.state == state {
		return c.index, nil
	}
	apps, err := All(ctx, tx)
	if err != nil {
		return nil, err
	}
	c.index, c.state = NewIndex(apps), state
	return c.index, nil
}

// StatusOf tells how apps do. It reads the tables of flags and rollouts in one query, since a list can only be filtered by
// what the query knows; nothing is written.
func StatusOf(ctx context.Context, tx *store.Tx, slugs []string) (map[string]Status, error) {
	statuses := map[string]Status{}
	if len(slugs) == 0 {
		return statuses, nil
	}
	args := make([]any, len(slugs))
	for i, slug := range slugs {
		args[i] = slug
	}
	_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var slug, how string
		if err := row.Scan(&slug, &how); err != nil {
			return none, err
		}
		statuses[slug] = words[how]
		return none, nil
	}, `SELECT a.slug, CASE
			WHEN NOT a.listed THEN 'waiting'
			WHEN EXISTS (SELECT 1 FROM flag f JOIN rollout r ON r.flag_key = f.key
				WHERE f.app = a.slug AND f.removed_at IS NULL AND r.state IN ('running', 'paused')) THEN 'rolling_out'
			WHEN EXISTS (SELECT 1 FROM flag f JOIN flag_environment s ON s.flag_key = f.key JOIN environment e ON e.name = s.environment
				WHERE f.app = a.slug AND f.removed_at IS NULL AND e.tier = 'production' AND s.live AND s.killed_at IS NULL
					AND s.mode <> 'off') THEN 'live'
			WHEN EXISTS (SELECT 1 FROM flag f JOIN flag_environment s ON s.flag_key = f.key JOIN environment e ON e.name = s.environment
				WHERE f.app = a.slug AND f.removed_at IS NULL AND e.tier = 'production' AND s.killed_at IS NOT NULL) THEN 'killed'
			WHEN EXISTS (SELECT 1 FROM flag f JOIN rollout r ON r.flag_key = f.key
				WHERE f.app = a.slug AND f.removed_at IS NULL AND r.state = 'ready') THEN 'ready'
			WHEN EXISTS (SELECT 1 FROM flag f WHERE f.app = a.slug AND f.removed_at IS NULL) THEN 'off'
			ELSE 'retired' END
		FROM app a WHERE a.held_until IS NULL AND a.slug IN (`+store.In(1, len(args))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read status of apps: %w", err)
	}
	return statuses, nil
}

var words = map[string]Status{
	"waiting":     {Waiting, "Waiting for approval"},
	"rolling_out": {RollingOut, "Reaching people step by step"},
	"live":        {Live, "Live"},
	"killed":      {Off, "Turned off for everybody"},
	"ready":       {Off, "Approved, not turned on yet"},
	"off":         {Off, "Off"},
	"retired":     {Retired, "Retired"},
}

// Facets count the apps that the actor may see, by what they can be narrowed to.
type Facets struct {
	Total      int     `json:"total"`
	Categories []Facet `json:"categories" nullable:"false" doc:"Every category, in the order of the form"`
	Owners     []Facet `json:"owners" nullable:"false" doc:"Owning groups, by name"`
}

// Facet is one value and how many apps have it.
type Facet struct {
	Name string `json:"name"`
	Apps int    `json:"apps"`
}

// Facets counts apps by category and owner; a search narrows what is counted.
func (c *Catalog) Facets(ctx context.Context, by access.Actor, search string) (out Facets, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Facets{}, err
	}
	err = c.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		x, err := c.indexAt(ctx, tx)
		if err != nil {
			return err
		}
		_, found := Filter{Search: search}.find(x, by)
		categories, owners := map[string]int{}, map[string]int{}
		for _, place := range found {
			categories[x.apps[place].Category]++
			owners[x.apps[place].Owner]++
		}
		out = Facets{Total: len(found), Categories: []Facet{}, Owners: []Facet{}}
		for _, name := range Categories {
			out.Categories = append(out.Categories, Facet{name, categories[name]})
		}
		for name, n := range owners {
			out.Owners = append(out.Owners, Facet{name, n})
		}
		slices.SortFunc(out.Owners, func(a, b Facet) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return out, err
}
