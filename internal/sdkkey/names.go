package sdkkey

import (
	"context"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Name is what everybody may know of an SDK key.
type Name struct {
	ID         string
	Name       string
	App        string
	ClientSide bool
	Revoked    bool
}

// Names is a step: it names SDK keys by their ids, those that were revoked, too.
func Names(ctx context.Context, tx *store.Tx, ids []string) (map[string]Name, error) {
	named := make(map[string]Name, len(ids))
	if len(ids) == 0 {
		return named, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	all, err := store.List(ctx, tx, func(row store.Row) (n Name, err error) {
		err = row.Scan(&n.ID, &n.Name, &n.App, &n.ClientSide, &n.Revoked)
		return n, err
	}, `SELECT id, name, app, client_side, revoked_at IS NOT NULL FROM sdk_key WHERE id IN (`+store.In(1, len(ids))+`)`, args...)
	if err != nil {
		return nil, fault.Wrap("name SDK keys", err)
	}
	for _, n := range all {
		named[n.ID] = n
	}
	return named, nil
}
