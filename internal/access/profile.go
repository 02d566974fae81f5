package access

import (
	"context"
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

// SignIns is how one person signs in.
type SignIns struct {
	LastSeen             *time.Time
	HasPassword, Invited bool
}

// profilesOf is a step: what the actor may know of each person.
func (d *Directory) profilesOf(ctx context.Context, tx *store.Tx, by Actor, people []Person) ([]Profile, error) {
	profiles := make([]Profile, len(people))
	var ids []PersonID
	for i, p := range people {
		profiles[i].Person = p
		if Can(by, SessionManage, Scope{Person: p.Identity()}) == nil {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 || d.SignIns == nil {
		return profiles, nil
	}
	known, err := d.SignIns(ctx, tx, ids, d.Now())
	for i, p := range people {
		if of, ok := known[p.ID]; ok {
			profiles[i].LastSeen, profiles[i].HasPassword, profiles[i].Invited = of.LastSeen, of.HasPassword, of.Invited
		}
	}
	return profiles, err
}
