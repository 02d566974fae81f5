package access

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// PersonID names a person for good. Addresses change, and one that was given up may be somebody else's by now, so that who somebody is
// is decided by the id alone. It is empty for who is no person: the local socket and Souk itself.
type PersonID string

// PersonIDs are ids of people, which a column of a table holds separated by spaces.
type PersonIDs []PersonID

// Value writes them into a column.
func (ids PersonIDs) Value() (driver.Value, error) {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, " "), nil
}

// Scan reads them from a column.
func (ids *PersonIDs) Scan(from any) error {
	text, ok := from.(string)
	if !ok {
		return fmt.Errorf("read ids of people from %T", from)
	}
	*ids = nil
	for word := range strings.FieldsSeq(text) {
		*ids = append(*ids, PersonID(word))
	}
	return nil
}

// Meet reports whether any of them is among others.
func (ids PersonIDs) Meet(others []PersonID) bool {
	return slices.ContainsFunc(ids, func(id PersonID) bool { return slices.Contains(others, id) })
}

// With returns them with the others, each once.
func (ids PersonIDs) With(others PersonIDs) PersonIDs {
	for _, id := range others {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Without returns them except one.
func (ids PersonIDs) Without(one PersonID) PersonIDs {
	return slices.DeleteFunc(slices.Clone(ids), func(id PersonID) bool { return id == one })
}

// Identity is who did something: the id that stays, and the address of the person, or the name of who is no person.
type Identity struct {
	_     [0]func() // == would compare addresses, so that it does not compile; Is compares
	ID    PersonID  `json:"id,omitempty"`
	Email string    `json:"email"`
}

// Is reports whether both are the same person, or both the same that is no person. Addresses of people say nothing: one without an id
// is that of somebody whom nobody knows.
func (i Identity) Is(other Identity) bool {
	if i.ID != "" || other.ID != "" {
		return i.ID == other.ID
	}
	return i.Email != "" && i.Email == other.Email && !OfPerson(i.Email)
}

// Key names who it is in a table of the database, for good.
func (i Identity) Key() string { return cmp.Or(string(i.ID), i.Email) }

// Identity is who the actor is.
func (a Actor) Identity() Identity { return Identity{ID: a.PersonID, Email: a.Email} }

// Identity is who the person is.
func (p Person) Identity() Identity { return Identity{ID: p.ID, Email: p.Email} }

// Identities are the members of a group that was read.
func (g Group) Identities() []Identity {
	all := make([]Identity, len(g.MemberIDs))
	for i, id := range g.MemberIDs {
		all[i] = Identity{ID: id, Email: g.Members[i]}
	}
	return all
}

// Has reports whether the person is a member of a group that was read.
func (g Group) Has(person PersonID) bool { return slices.Contains(g.MemberIDs, person) }

// Holders is a step: everybody who has the address or ever had it.
func Holders(ctx context.Context, tx *store.Tx, email string) ([]PersonID, error) {
	email, err := Email("email", email)
	if err != nil {
		return nil, nil //nolint:nilerr // what is no address is nobody's
	}
	ids, err := store.List(ctx, tx, scanPersonID, `SELECT person_id FROM person_address WHERE email = $1 ORDER BY since`, email)
	return ids, fault.Wrap("look up address", err)
}

// Known is a step for filters of events by who acted: the ids of everybody who has the address or ever had it, and the names under which
// events that carry no id are theirs: the addresses that they were the first to have.
func Known(ctx context.Context, tx *store.Tx, name string) (ids, names []string, err error) {
	holders, err := Holders(ctx, tx, name)
	if err != nil || len(holders) == 0 {
		return nil, []string{name}, err
	}
	args := make([]any, len(holders))
	for i, id := range holders {
		ids, args[i] = append(ids, string(id)), id
	}
	names, err = store.List(ctx, tx, store.ScanString, `SELECT a.email FROM person_address a WHERE a.person_id IN (`+store.In(1, len(args))+`)
		AND NOT EXISTS (SELECT 1 FROM person_address b WHERE b.email = a.email AND b.since < a.since) ORDER BY a.email`, args...)
	return ids, names, fault.Wrap("look up address", err)
}

func scanPersonID(row store.Row) (id PersonID, err error) {
	err = row.Scan(&id)
	return id, err
}
