package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// Seen is what live updates need to know of a request.
type Seen struct {
	Revision int64
	Draft    bool
	Editors  []access.Identity // the requester first: who may see a draft
}

// States is a step: the states of those of the requests that exist, by their ids.
func States(ctx context.Context, tx *store.Tx, ids []string) (map[string]State, error) {
	states := make(map[string]State, len(ids))
	for part := range slices.Chunk(ids, watchRows) {
		if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var id string
			var s State
			err = row.Scan(&id, &s)
			states[id] = s
			return none, err
		}, `SELECT id, state FROM request WHERE id IN (`+store.In(1, len(part))+`)`, store.Values(part)...); err != nil {
			return nil, fmt.Errorf("read the states of requests: %w", err)
		}
	}
	return states, nil
}

// watchRows is how many requests one query asks for; both engines limit its parameters.
const watchRows = 400

// SeenBy is a step: of each of the requests that exist, its revision and who may see it.
func SeenBy(ctx context.Context, tx *store.Tx, ids []string) (map[string]Seen, error) {
	seen := make(map[string]Seen, len(ids))
	for part := range slices.Chunk(ids, watchRows) {
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var id, authors string
			var s Seen
			if err := row.Scan(&id, &s.Draft, &authors, &s.Revision); err != nil {
				return none, err
			}
			var all []Author
			if err := json.Unmarshal([]byte(authors), &all); err != nil {
				return none, fmt.Errorf("decode request %s: %w", id, err)
			}
			for _, author := range all {
				s.Editors = append(s.Editors, author.Identity)
			}
			seen[id] = s
			return none, nil
		}, `SELECT id, draft, authors, revision FROM request WHERE id IN (`+store.In(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("look at requests: %w", err)
		}
	}
	return seen, nil
}
