package access

import (
	"context"
	"database/sql"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Profile is a person with how they sign in, which only administrators and the person are told.
type Profile struct {
	Person
	LastSeen    *time.Time `json:"last_seen,omitempty" doc:"To about a minute; told to administrators and the person"`
	HasPassword bool       `json:"has_password" doc:"Told to administrators and the person"`
	Invited     bool       `json:"invited" doc:"Has an open invitation; told to administrators"`
}

type signInFacts struct {
	id                   string
	seen                 *time.Time
	hasPassword, invited bool
}

func scanSignInFacts(row store.Row) (s signInFacts, err error) {
	var seen sql.NullInt64
	err = row.Scan(&s.id, &seen, &s.hasPassword, &s.invited)
	s.seen = store.NullTime(seen)
	return s, err
}

// profilesOf is a step: what the actor may know of each person.
func profilesOf(ctx context.Context, tx *store.Tx, by Actor, now time.Time, people []Person) ([]Profile, error) {
	profiles := make([]Profile, len(people))
	at, ids := map[string]int{}, []any{store.Micros(now)}
	for i, p := range people {
		profiles[i].Person = p
		if Can(by, SessionManage, Scope{Person: p.Email}) == nil {
			at[p.ID] = i
			ids = append(ids, p.ID)
		}
	}
	if len(at) == 0 {
		return profiles, nil
	}
	known, err := store.List(ctx, tx, scanSignInFacts, `SELECT p.id, p.last_seen, EXISTS (SELECT 1 FROM password w WHERE w.person_id = p.id),
		EXISTS (SELECT 1 FROM one_time_link l WHERE l.person_id = p.id AND l.kind = 'invite' AND l.ended_at IS NULL AND l.expires_at > $1)
		FROM person p WHERE p.id IN (`+store.In(2, len(at))+`)`, ids...)
	if err != nil {
		return nil, wrap("read how people sign in", err)
	}
	for _, k := range known {
		p := &profiles[at[k.id]]
		p.LastSeen, p.HasPassword, p.Invited = k.seen, k.hasPassword, k.invited
	}
	return profiles, nil
}
