package access

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// FirstAdmin is a step: the person of that address, in a group with the role admin, which is made if there is none.
func (d *Directory) FirstAdmin(ctx context.Context, tx *store.Tx, c Change, email, displayName string) (Person, error) {
	admins, err := countAdmins(ctx, tx)
	if err != nil {
		return Person{}, err
	}
	if admins > 0 {
		return Person{}, fault.New(fault.Conflict, "already_set_up", "this installation has an administrator already").At("secret").
			Fix("ask an administrator to invite you")
	}
	before, exists, err := PersonByEmail(ctx, tx, email)
	if err != nil {
		return Person{}, err
	}
	active := true
	spec := PersonSpec{DisplayName: displayName, Active: &active}
	if exists && spec.DisplayName == "" {
		spec.DisplayName = before.DisplayName
	}
	if _, _, _, err := d.SetPerson(ctx, tx, c, email, spec); err != nil {
		return Person{}, err
	}
	name, ok, err := store.One(ctx, tx, store.ScanString, `SELECT name FROM grp WHERE roles LIKE '%"admin"%' ORDER BY name COLLATE "C" LIMIT 1`)
	if err != nil {
		return Person{}, fault.Wrap("read groups", err)
	}
	group := GroupSpec{Title: "Administrators", Roles: []Role{Admin}, Domains: []Domain{}, Members: []string{email}}
	if ok {
		g, _, err := GroupByName(ctx, tx, name)
		if err != nil {
			return Person{}, err
		}
		group = GroupSpec{
			Title: g.Title, Roles: g.Roles, Domains: g.Domains, Delegated: g.Delegated, Scope: g.Scope, Members: append(g.Members, email),
		}
	} else if name, err = vacantGroup(ctx, tx); err != nil {
		return Person{}, err
	}
	if _, _, _, err := d.setGroup(ctx, tx, c, name, group); err != nil {
		return Person{}, err
	}
	p, _, err := PersonByEmail(ctx, tx, email)
	return p, err
}

// vacantGroup gives a name for the group of administrators: a group of that name without the role gets it from nobody.
func vacantGroup(ctx context.Context, tx *store.Tx) (string, error) {
	for i := 1; ; i++ {
		name := "admins"
		if i > 1 {
			name = fmt.Sprintf("admins-%d", i)
		}
		if _, taken, err := GroupByName(ctx, tx, name); err != nil || !taken {
			return name, err
		}
	}
}
