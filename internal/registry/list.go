package registry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Filter narrows a list of flags and says how it is sorted. Its zero value is every flag that is not removed, newest first.
type Filter struct {
	App           string
	OwnerGroup    string
	OwnedBy       *access.Actor // only flags whose owner this is
	TemplateID    string
	Tag           string
	State         string // of its life
	Search        string // in key, name and description
	Environment   string // that Serving and Killed are about; empty is any
	Serving       string // a mode of serving, of flags that are live and not killed there; or ServingKilled
	Killed        bool   // only flags that are killed there
	Removed       bool   // removed flags too
	ExpiresBefore *time.Time
	CreatedBefore *time.Time
	Sort          Sort // empty is by creation
	Ascending     bool
}

// ServingKilled narrows a list to flags that are killed.
const ServingKilled = "killed"

// Sort is what a list of flags is sorted by. Flags that never expire come after all others.
type Sort string

// The sorts.
const (
	SortCreated Sort = "created"
	SortUpdated Sort = "updated"
	SortExpires Sort = "expires"
	SortKey     Sort = "key"
)

// column is what a sort compares first; the key decides between equals.
func (s Sort) column() string {
	switch s {
	case SortUpdated:
		return `f.updated_at`
	case SortExpires:
		return `f.expires_at`
	case SortKey:
		return ``
	case SortCreated, "":
	}
	return `f.created_at`
}

// of gives the value of the column.
func (s Sort) of(row listed) int64 {
	switch s {
	case SortUpdated:
		return store.Micros(row.UpdatedAt)
	case SortExpires:
		return row.expires
	case SortCreated, SortKey, "":
	}
	return store.Micros(row.CreatedAt)
}

type listed struct {
	Flag
	expires int64
}

func scanListed(row store.Row) (l listed, err error) {
	l.Flag, err = scanFlag(extended{row, &l.expires})
	return l, err
}

// extended scans one column more than is asked for.
type extended struct {
	store.Row
	last any
}

// Scan scans the columns that are asked for, and the last one.
func (e extended) Scan(into ...any) error { return e.Row.Scan(append(slices.Clone(into), e.last)...) }

// query gathers conditions and their arguments.
type query struct {
	where []string
	args  []any
}

// add adds a condition; each ? in it stands for a value.
func (q *query) add(condition string, values ...any) {
	for _, value := range values {
		condition = strings.Replace(condition, "?", q.arg(value), 1)
	}
	q.where = append(q.where, condition)
}

func (q *query) arg(value any) string {
	q.args = append(q.args, value)
	return "$" + strconv.Itoa(len(q.args))
}

// List gives a part of the flags.
func List(ctx context.Context, tx *store.Tx, filter Filter, page store.Page) (store.Listing[Flag], error) {
	rare, err := filter.rare(ctx, tx)
	if err != nil {
		return store.Listing[Flag]{}, err
	}
	text, args, err := filter.query(page, rare)
	if err != nil {
		return store.Listing[Flag]{}, err
	}
	rows, err := store.List(ctx, tx, scanListed, text, args...)
	if err != nil {
		return store.Listing[Flag]{}, fmt.Errorf("list flags: %w", err)
	}
	cut := store.Cut(page, rows, func(l listed) []string {
		return []string{filter.order(), strconv.FormatInt(filter.Sort.of(l), 10), l.Key}
	})
	listing := store.Listing[Flag]{Items: make([]Flag, len(cut.Items)), Next: cut.Next}
	for i, l := range cut.Items {
		listing.Items[i] = l.Flag
	}
	return listing, fill(ctx, tx, listing.Items)
}

// few is the number of flags up to which a list goes by what they serve, and not by the order that it is sorted in.
const few = 1000

// rare tells whether few flags serve what is asked for. Looking that up first keeps both cases flat: few flags are looked up
// by what they serve, and of many the next page is never far.
func (f Filter) rare(ctx context.Context, tx *store.Tx) (bool, error) {
	if f.Serving == "" && !f.Killed {
		return false, nil
	}
	q := query{}
	condition := f.served(&q)
	found, err := store.List(ctx, tx, func(row store.Row) (one int, err error) {
		err = row.Scan(&one)
		return one, err
	},
		`SELECT 1 FROM flag_environment s WHERE `+condition+` LIMIT `+q.arg(few+1), q.args...)
	if err != nil {
		return false, fmt.Errorf("count what flags serve: %w", err)
	}
	return len(found) <= few, nil
}

// served is the condition on the states of a flag.
func (f Filter) served(q *query) string {
	var all []string
	if f.Environment != "" {
		all = append(all, `s.environment = `+q.arg(f.Environment))
	}
	switch {
	case f.Killed || f.Serving == ServingKilled:
		all = append(all, `s.killed_at > 0`) // is not null, in the words that both engines find the index by
	default:
		all = append(all, `s.mode = `+q.arg(f.Serving), `s.live`, `s.killed_at IS NULL`)
	}
	return strings.Join(all, ` AND `)
}

// order names a sort and its direction, so that no cursor is used for another one.
func (f Filter) order() string {
	sort := f.Sort
	if sort == "" {
		sort = SortCreated
	}
	if f.Ascending {
		return string(sort) + " asc"
	}
	return string(sort) + " desc"
}

// query is the text of the list's query. With rare it begins at what flags serve.
func (f Filter) query(page store.Page, rare bool) (string, []any, error) {
	q := query{}
	after, err := page.After()
	if err != nil {
		return "", nil, err
	}
	direction, beyond := ` DESC`, `<`
	if f.Ascending {
		direction, beyond = ``, `>`
	}
	column := f.Sort.column()
	if after != nil {
		if len(after) != 3 || after[0] != f.order() {
			return "", nil, badCursor()
		}
		value, err := strconv.ParseInt(after[1], 10, 64)
		switch {
		case err != nil:
			return "", nil, badCursor()
		case column == "":
			q.add(`f.key COLLATE "C" `+beyond+` ?`, after[2])
		default:
			q.add(`(`+column+`, f.key) `+beyond+` (?, ?)`, value, after[2])
		}
	}
	f.narrow(&q, rare)
	text := `SELECT ` + flagColumns + `, f.expires_at FROM flag f`
	if len(q.where) > 0 {
		text += ` WHERE ` + strings.Join(q.where, ` AND `)
	}
	if column == "" {
		text += ` ORDER BY f.key COLLATE "C"` + direction
	} else {
		text += ` ORDER BY ` + column + direction + `, f.key` + direction
	}
	return text + ` LIMIT ` + q.arg(page.Size()+1), q.args, nil
}

func (f Filter) narrow(q *query, rare bool) {
	for _, equal := range []struct{ column, value string }{
		{`f.app`, f.App}, {`f.owner_group`, f.OwnerGroup}, {`f.template_id`, f.TemplateID}, {`f.state`, f.State},
	} {
		if equal.value != "" {
			q.add(equal.column+` = ?`, equal.value)
		}
	}
	if f.OwnedBy != nil {
		owned := []string{`f.owner_id = ` + q.arg(f.OwnedBy.Identity().Key())}
		for _, m := range f.OwnedBy.Groups {
			owned = append(owned, `f.owner_group = `+q.arg(m.Group))
		}
		q.where = append(q.where, `(`+strings.Join(owned, ` OR `)+`)`)
	}
	if f.Tag != "" {
		q.add(hasTag, f.Tag)
	}
	if f.Search != "" {
		q.add(`f.search LIKE ? ESCAPE '\'`, store.LikePattern(strings.ToLower(f.Search)))
	}
	if f.ExpiresBefore != nil {
		q.add(`f.expires_at < ?`, store.Micros(*f.ExpiresBefore))
	}
	if f.CreatedBefore != nil {
		q.add(`f.created_at < ?`, store.Micros(*f.CreatedBefore))
	}
	switch {
	case f.Serving == "" && !f.Killed:
	case rare:
		q.where = append(q.where, `f.key IN (SELECT s.flag_key FROM flag_environment s WHERE `+f.served(q)+`)`)
	default:
		q.where = append(q.where, `EXISTS (SELECT 1 FROM flag_environment s WHERE s.flag_key = f.key AND `+f.served(q)+`)`)
	}
	if !f.Removed {
		q.add(`f.removed_at IS NULL`)
	}
}

func badCursor() error {
	return fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
		Fix("leave the cursor out to begin at the start")
}
