package rollout

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Filter narrows a list of rollouts; its zero value is all.
type Filter struct {
	FlagKey string
	App     string
	States  []State
	OwnedBy *access.Actor // only those of flags whose owner this is
	Waiting bool          // only those that wait for a person: to be started, resumed, or told whether to go on
}

// List returns rollouts, the newest first.
func (rs *Rollouts) List(ctx context.Context, by access.Actor, f Filter, p store.Page) (store.Listing[Rollout], error) {
	var none store.Listing[Rollout]
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return none, err
	}
	query, args, err := f.query(p, store.Micros(rs.Now()))
	if err != nil {
		return none, err
	}
	var all []Rollout
	err = rs.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if all, err = store.List(ctx, tx, scan, query, args...); err != nil {
			return fmt.Errorf("list rollouts: %w", err)
		}
		return rs.show(ctx, tx, by, all)
	})
	if err != nil {
		return none, err
	}
	return store.Cut(p, all, func(r Rollout) []string {
		return []string{strconv.FormatInt(store.Micros(r.CreatedAt), 10), r.ID}
	}), nil
}

// query is the text of the list's query at a time in microseconds.
func (f Filter) query(p store.Page, now int64) (string, []any, error) {
	after, err := p.After()
	if err != nil {
		return "", nil, err
	}
	var where []string
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	for _, narrow := range []struct{ column, value string }{{"flag_key", f.FlagKey}, {"app", f.App}} {
		if narrow.value != "" {
			where = append(where, narrow.column+" = "+arg(narrow.value))
		}
	}
	if len(f.States) > 0 {
		states := make([]string, len(f.States))
		for i, state := range f.States {
			states[i] = arg(string(state))
		}
		where = append(where, `state IN (`+strings.Join(states, ", ")+`)`)
	}
	if f.OwnedBy != nil {
		owned := []string{`owner_id = ` + arg(f.OwnedBy.Identity().Key())}
		for _, m := range f.OwnedBy.Groups {
			owned = append(owned, `owner_group = `+arg(m.Group))
		}
		where = append(where, `flag_key IN (SELECT key FROM flag WHERE `+strings.Join(owned, ` OR `)+`)`)
	}
	if f.Waiting {
		where = append(where, `(state IN ('ready', 'paused') OR state = 'running' AND (due_at IS NULL AND COALESCE(ask_at, 0) <= `+arg(now)+` OR waits_at IS NOT NULL))`)
	}
	if after != nil {
		micros, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil || len(after) != 2 {
			return "", nil, fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
				Fix("leave the cursor out to begin at the start")
		}
		where = append(where, `(created_at, id) < (`+arg(micros)+`, `+arg(after[1])+`)`)
	}
	query := `SELECT ` + columns + ` FROM rollout`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	return query + ` ORDER BY created_at DESC, id DESC LIMIT ` + arg(p.Size()+1), args, nil
}
