package signin

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// SignedIn is a session as its person and administrators see it: a browser that is signed in.
type SignedIn struct {
	ID        string          `json:"id"`
	Person    string          `json:"person" doc:"E-mail address"`
	PersonID  access.PersonID `json:"person_id"`
	CreatedAt time.Time       `json:"created_at"`
	SeenAt    time.Time       `json:"seen_at" doc:"To about a minute"`
	UserAgent string          `json:"user_agent" doc:"What the browser says it is"`
	Address   string          `json:"address,omitempty" doc:"Network address of the sign-in"`
	Current   bool            `json:"current" doc:"This very session"`
}

const signedInColumns = `s.id, p.email, p.id, s.created_at, s.seen_at, s.user_agent, s.address`

func scanSignedIn(row store.Row) (s SignedIn, err error) {
	var created, seen int64
	err = row.Scan(&s.ID, &s.Person, &s.PersonID, &created, &seen, &s.UserAgent, &s.Address)
	s.CreatedAt, s.SeenAt = store.Time(created), store.Time(seen)
	return s, err
}

// List gives the sessions of a person that last, the newest first; one's own if email is empty.
func (s *Sessions) List(ctx context.Context, by access.Actor, email string, page store.Page) (store.Listing[SignedIn], error) {
	before, err := page.Before()
	if err != nil {
		return store.Listing[SignedIn]{}, err
	}
	idle, lifetime := s.limits()
	var all []SignedIn
	err = s.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		whose, err := whose(ctx, tx, by, email)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.SessionManage, access.Scope{Person: whose}); err != nil {
			return err
		}
		now, err := s.now(ctx, tx)
		if err != nil {
			return err
		}
		all, err = store.List(ctx, tx, scanSignedIn, `SELECT `+signedInColumns+` FROM session s JOIN person p ON p.id = s.person_id
			WHERE s.person_id = $1 AND s.seen_at > $2 AND s.created_at > $3 AND s.id COLLATE "C" < $4 ORDER BY s.id COLLATE "C" DESC LIMIT $5`,
			whose.ID, store.Micros(now.Add(-idle)), store.Micros(now.Add(-lifetime)), before, page.Size()+1)
		return fault.Wrap("list sessions", err)
	})
	if err != nil {
		return store.Listing[SignedIn]{}, err
	}
	for i := range all {
		all[i].Current = by.Credential.Kind == access.CredentialSession && by.Credential.ID == all[i].ID
	}
	return store.Cut(page, all, func(s SignedIn) []string { return []string{s.ID} }), nil
}

// whose is a step: who has the address, the actor without one; the zero Identity where nobody has.
func whose(ctx context.Context, tx *store.Tx, by access.Actor, email string) (access.Identity, error) {
	if email == "" {
		return by.Identity(), nil
	}
	p, _, err := access.PersonByEmail(ctx, tx, email)
	return p.Identity(), err
}

// End ends one session, one's own or, for an administrator, anybody's. To whoever may not, a session that is not there is
// refused alike.
func (s *Sessions) End(ctx context.Context, by access.Actor, id string) error {
	if err := access.Can(by, access.SessionManage, access.Scope{Person: by.Identity()}); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, ok, err := store.One(ctx, tx, scanSignedIn, `SELECT `+signedInColumns+` FROM session s JOIN person p ON p.id = s.person_id
			WHERE s.id = $1`+tx.ForUpdate(), id)
		if err != nil {
			return fault.Wrap("read session", err)
		}
		if err := access.Can(by, access.SessionManage, access.Scope{Person: found.person()}); err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "unknown_session", "there is no such session, or it has ended").Fix("look it up in the list of sessions")
		}
		if own := by.Credential.Kind == access.CredentialSession && by.Credential.ID == id; !own {
			if err := mayEnd(ctx, tx, by, found.person()); err != nil {
				return err
			}
		}
		return s.end(ctx, tx, by, found.person(), `id = $2`, id)
	})
}

// EndOthers ends all one's own sessions but the one that asks, and tells how many.
func (s *Sessions) EndOthers(ctx context.Context, by access.Actor) (ended int, err error) {
	if err := access.Can(by, access.SessionManage, access.Scope{Person: by.Identity()}); err != nil {
		return 0, err
	}
	keep := ""
	if by.Credential.Kind == access.CredentialSession {
		keep = by.Credential.ID
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if ended, err = countSessions(ctx, tx, by.PersonID, keep); err != nil || ended == 0 {
			return err
		}
		if err := mayEnd(ctx, tx, by, by.Identity()); err != nil {
			return err
		}
		return s.end(ctx, tx, by, by.Identity(), `id <> $2`, keep)
	})
	return ended, err
}

// SignOutEverywhere ends all sessions of a person and tells how many. Tokens stay: they are revoked each.
func (s *Sessions) SignOutEverywhere(ctx context.Context, by access.Actor, email string) (ended int, err error) {
	if err := access.Can(by, access.PeopleWrite, access.Scope{}); err != nil {
		return 0, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, ok, err := access.PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if !ok {
			return access.UnknownPerson(ctx, tx, "email", email)
		}
		if ended, err = countSessions(ctx, tx, p.ID, ""); err != nil || ended == 0 {
			return err
		}
		if err := mayEnd(ctx, tx, by, p.Identity()); err != nil {
			return err
		}
		return s.end(ctx, tx, by, p.Identity(), `id <> $2`, "")
	})
	return ended, err
}

func countSessions(ctx context.Context, tx *store.Tx, of access.PersonID, except string) (count int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM session WHERE person_id = $1 AND id <> $2`, of, except).Scan(&count)
	return count, fault.Wrap("count sessions", err)
}

// mayEnd is a step: it refuses to end sessions of somebody who may object to losing the rights of an administrator, since whoever ends
// them again and again would keep them from it: those of another person, and those of one's own by a credential that somebody else made.
// Whoever holds the server may.
func mayEnd(ctx context.Context, tx *store.Tx, by access.Actor, of access.Identity) error {
	own := by.Identity().Is(of)
	if own && len(by.Makers) == 0 || by.Credential.Kind == access.CredentialLocal {
		return nil
	}
	may, err := access.MayObject(ctx, tx, of.ID)
	if err != nil || !may {
		return err
	}
	if own {
		return ownCredential(by, of)
	}
	return fault.New(fault.Conflict, "may_object", "%s may object to losing the rights of an administrator, and needs a session for it", of.Email).
		Fix("deactivate the person, who then only reads and objects, or withdraw the proposal")
}

// person is whose session it is.
func (s SignedIn) person() access.Identity { return access.Identity{ID: s.PersonID, Email: s.Person} }

// end is a step: ends the sessions of a person that the condition on id names.
func (s *Sessions) end(ctx context.Context, tx *store.Tx, by access.Actor, of access.Identity, which, id string) error {
	rows, err := tx.Exec(ctx, `DELETE FROM session WHERE person_id = $1 AND `+which, of.ID, id)
	if err != nil {
		return fault.Wrap("end sessions", err)
	}
	tx.Announce(access.Topic)
	return access.Change{By: by, At: s.Now()}.Append(ctx, tx, audit.PersonSignedOut, "person:"+of.Email, nil, map[string]any{"sessions": rows})
}
