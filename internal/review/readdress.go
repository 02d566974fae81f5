package review

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Readdress is a step of access.Directory: a person has another address from now on. A search finds their requests by either. Neither
// digests nor revisions change, so that what is half approved stays so.
func Readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	for _, statement := range []string{
		`UPDATE request SET requester = $1, search = search || ' ' || $1 WHERE requester_id = $2`,
		`UPDATE decision SET person = $1 WHERE person_id = $2`,
		`UPDATE request_comment SET person = $1 WHERE person_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, who.Email, who.ID); err != nil {
			return fault.Wrap("write address", err)
		}
	}
	type written struct {
		id      string
		authors []Author
	}
	all, err := store.List(ctx, tx, func(row store.Row) (w written, err error) {
		var authors string
		err = row.Scan(&w.id, &authors)
		return w, errors.Join(err, json.Unmarshal([]byte(authors), &w.authors))
	}, `SELECT id, authors FROM request WHERE authors LIKE $1`+tx.ForUpdate(), store.LikePattern(`"`+string(who.ID)+`"`))
	if err != nil {
		return fault.Wrap("read authors", err)
	}
	for _, w := range all {
		for i, author := range w.authors {
			if author.Is(who) {
				w.authors[i].Email = who.Email
			}
		}
		authors, err := json.Marshal(w.authors)
		if err != nil {
			return fault.Wrap("encode authors", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE request SET authors = $1 WHERE id = $2`, string(authors), w.id); err != nil {
			return fault.Wrap("write address", err)
		}
	}
	return nil
}
