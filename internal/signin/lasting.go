package signin

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// lastingRows is how many credentials one query asks for; both engines limit its parameters.
const lastingRows = 400

// Lasting is a step: it reports which of the credentials still let somebody in, for streams and transactions, which come after
// the request that showed them began. Asking is no use of a session. A credential of another kind than session and token lasts.
func (s *Sessions) Lasting(ctx context.Context, tx *store.Tx, shown []audit.Credential) (lasting map[audit.Credential]bool, err error) {
	byID := map[string]map[string]audit.Credential{access.CredentialSession: {}, access.CredentialToken: {}}
	lasting = make(map[audit.Credential]bool, len(shown))
	for _, c := range shown {
		if known := byID[c.Kind]; known != nil {
			known[c.ID] = c
		} else {
			lasting[c] = true
		}
	}
	now, err := s.now(ctx, tx)
	if err != nil {
		return nil, err
	}
	idle, lifetime := s.limits()
	for kind, query := range lastingQueries {
		for ids := range slices.Chunk(idsOf(byID[kind]), lastingRows) {
			rows, err := store.List(ctx, tx, scanLasting, query+` IN (`+store.In(1, len(ids))+`)`, ids...)
			if err != nil {
				return nil, fault.Wrap("look at credentials", err)
			}
			for _, row := range rows {
				if row.seen.Valid {
					row.seen.Int64 = store.Micros(s.used.since(row.id, store.Time(row.seen.Int64)))
				}
				if row.lasts(now, s.Now(), idle, lifetime) {
					lasting[byID[kind][row.id]] = true
				}
			}
		}
	}
	return lasting, nil
}

var lastingQueries = map[string]string{
	access.CredentialSession: `SELECT s.id, p.active, s.created_at, s.seen_at, t.expires_at, t.revoked_at
		FROM session s JOIN person p ON p.id = s.person_id LEFT JOIN api_token t ON t.id = s.token_id WHERE s.id`,
	access.CredentialToken: `SELECT t.id, p.active, NULL, NULL, t.expires_at, t.revoked_at
		FROM api_token t JOIN person p ON p.id = t.person_id WHERE t.id`,
}

// lastingRow is what the end of a credential hangs on; what it does not have does not end it.
type lastingRow struct {
	id                              string
	active                          bool
	created, seen, expires, revoked sql.NullInt64
}

func scanLasting(row store.Row) (l lastingRow, err error) {
	err = row.Scan(&l.id, &l.active, &l.created, &l.seen, &l.expires, &l.revoked)
	return l, err
}

// lasts tells whether the credential is still good: sessions age by a clock that never goes back, tokens by the wall's.
func (l lastingRow) lasts(aged, wall time.Time, idle, lifetime time.Duration) bool {
	return l.active && !l.revoked.Valid &&
		(!l.expires.Valid || wall.Before(store.Time(l.expires.Int64))) &&
		(!l.seen.Valid || aged.Sub(store.Time(l.seen.Int64)) < idle) &&
		(!l.created.Valid || aged.Sub(store.Time(l.created.Int64)) < lifetime)
}

func idsOf(known map[string]audit.Credential) []any {
	ids := make([]any, 0, len(known))
	for id := range known {
		ids = append(ids, id)
	}
	return ids
}
