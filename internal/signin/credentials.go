package signin

import (
	"context"
	"database/sql"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// EndCredentials is a step: it takes sessions, links and tokens from a person who may no longer sign in, so that they stay ended
// if the person ever comes back.
func EndCredentials(ctx context.Context, tx *store.Tx, personID access.PersonID, at time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM session WHERE person_id = $1`, personID); err != nil {
		return fault.Wrap("end sessions", err)
	}
	if err := voidLinks(ctx, tx, at, personID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE api_token SET revoked_at = $1, revision = revision + 1 WHERE person_id = $2 AND revoked_at IS NULL`,
		store.Micros(at), personID)
	return fault.Wrap("revoke tokens", err)
}

// SignInsOf is a step: how the people of those ids sign in.
func SignInsOf(ctx context.Context, tx *store.Tx, personIDs []access.PersonID, now time.Time) (map[access.PersonID]access.SignIns, error) {
	args := []any{store.Micros(now)}
	for _, id := range personIDs {
		args = append(args, id)
	}
	known := make(map[access.PersonID]access.SignIns, len(personIDs))
	_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var id access.PersonID
		var of access.SignIns
		var seen sql.NullInt64
		err = row.Scan(&id, &seen, &of.HasPassword, &of.Invited)
		of.LastSeen = store.NullTime(seen)
		known[id] = of
		return none, err
	}, `SELECT p.id, p.last_seen, EXISTS (SELECT 1 FROM password w WHERE w.person_id = p.id),
		EXISTS (SELECT 1 FROM one_time_link l WHERE l.person_id = p.id AND l.kind = 'invite' AND l.ended_at IS NULL AND l.expires_at > $1)
		FROM person p WHERE p.id IN (`+store.In(2, len(personIDs))+`)`, args...)
	return known, fault.Wrap("read how people sign in", err)
}
