package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// DeleteGroup removes a group that nothing hangs on, and with it everybody's membership. A revision other than 0 must be the
// present one. One of administrators waits for a second administrator.
func (d *Directory) DeleteGroup(ctx context.Context, by Actor, name string, revision int64) error {
	if err := Can(by, PeopleWrite, Scope{}); err != nil {
		return err
	}
	var waiting *Proposal
	err := d.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) error {
		g, ok, err := GroupByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if !ok {
			return unknownGroup(ctx, tx, name)
		}
		c := Change{By: by, At: d.Now(), Revision: revision}
		if err := c.Check("group", true, g.Revision, g); err != nil {
			return err
		}
		if err := d.unused(ctx, tx, name); err != nil {
			return err
		}
		removes, err := removedBy(ctx, tx, g, Group{})
		if err != nil {
			return err
		}
		waiting, err = deleteGroup.Second(ctx, tx, by, c.At, g, Group{Name: name, Title: g.Title}, Loosening{
			Subject: "group:" + name, Change: groupDeletion{name}, Base: revision, Removes: removes,
		})
		if err != nil || waiting != nil {
			return err
		}
		if err := awaitMembers(ctx, tx, name); err != nil {
			return err
		}
		for _, email := range g.Members {
			if _, _, err := touchPerson(ctx, tx, c, email); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM person_group WHERE group_name = $1`, name); err != nil {
			return fault.Wrap("remove members", err)
		}
		rows, err := tx.Exec(ctx, `DELETE FROM grp WHERE name = $1 AND revision = $2`, name, g.Revision)
		if err != nil {
			return fault.Wrap("delete group", err)
		}
		if err := Written("group", rows); err != nil {
			return err
		}
		return c.Append(ctx, tx, audit.GroupDeleted, "group:"+name, g, nil)
	})
	if err == nil {
		err = waiting.Pending()
	}
	return err
}

// unused refuses to delete a group that something hangs on, naming it.
func (d *Directory) unused(ctx context.Context, tx *store.Tx, name string) error {
	if d.Uses == nil {
		return nil
	}
	uses, err := d.Uses(ctx, tx, name)
	if err != nil || len(uses) == 0 {
		return err
	}
	more := ""
	if shown := 5; len(uses) > shown {
		more = fmt.Sprintf(" and %d more", len(uses)-shown)
		uses = uses[:shown]
	}
	return fault.New(fault.Conflict, "group_in_use", "the group %s is still needed: %s%s", name, strings.Join(uses, ", "), more).
		Fix("give these to another group first").Showing(uses)
}

func unknownGroup(ctx context.Context, tx *store.Tx, name string) error {
	_, groups, err := Names(ctx, tx)
	if err != nil {
		return err
	}
	return unknown("group", "name", name, groups)
}

// usualRoom is how many people a group may have for somebody to join it by themselves, where nothing else is said: of fewer than 200
// people a switch may reach all at once (rollout.Plan).
const usualRoom = 199

// membersLimit is the most that may be said instead.
const membersLimit = 1_000_000

// Room is how many people may be in the group for somebody to join it by themselves while a flag in a governed environment is for it.
func (g Group) Room() int { return cmp.Or(g.MaxMembers, usualRoom) }

// room refuses somebody who would join a full group that decides who gets a flag: it was approved for those who could be in it.
func (d *Directory) room(ctx context.Context, tx *store.Tx, g Group, joins PersonID) error {
	if d.AudienceOf == nil || len(g.Members) < g.Room() || slices.Contains(g.MemberIDs, joins) {
		return nil
	}
	flags, err := d.AudienceOf(ctx, tx, g.Name)
	if err != nil || len(flags) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "group_full", "%s has room for %d people, since %s is for it", g.Title, g.Room(), flags[0]).
		Fix("ask an administrator, under People, to add you or to give it more room")
}

// Join makes the actor a member of a group that people join by themselves. Joining again changes nothing.
func (d *Directory) Join(ctx context.Context, by Actor, name string) (Group, error) {
	return d.move(ctx, by, name, audit.GroupJoined, func(ctx context.Context, tx *store.Tx, c Change, g Group) error {
		if err := d.room(ctx, tx, g, by.PersonID); err != nil {
			return err
		}
		return join(ctx, tx, c, by.PersonID, g.Name)
	})
}

// Leave ends the actor's membership in a group that people join by themselves. Leaving again changes nothing.
func (d *Directory) Leave(ctx context.Context, by Actor, name string) (Group, error) {
	return d.move(ctx, by, name, audit.GroupLeft, func(ctx context.Context, tx *store.Tx, _ Change, g Group) error {
		if err := awaitPerson(ctx, tx, by.Email); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM person_group WHERE person_id = $1 AND group_name = $2`, by.PersonID, g.Name)
		return fault.Wrap("remove member", err)
	})
}

func (d *Directory) move(ctx context.Context, by Actor, name string, event audit.Name, do func(ctx context.Context, tx *store.Tx, c Change, g Group) error) (after Group, err error) {
	if err := Can(by, GroupJoin, Scope{}); err != nil {
		return Group{}, err
	}
	if by.PersonID == "" {
		return Group{}, fault.New(fault.Forbidden, "no_person", "only people join groups").Fix("sign in as a person")
	}
	err = d.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) error {
		before, ok, err := GroupByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if !ok {
			return unknownGroup(ctx, tx, name)
		}
		if !before.Joinable {
			return fault.New(fault.Forbidden, "not_joinable", "an administrator decides who is in %s", before.Title).
				Fix("ask an administrator, under People")
		}
		c := Change{By: by, At: d.Now()}
		if err := do(ctx, tx, c, before); err != nil {
			return err
		}
		if after, _, err = GroupByName(ctx, tx, name); err != nil || len(after.Members) == len(before.Members) {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE grp SET revision = revision + 1, updated_at = $1 WHERE name = $2`, store.Micros(c.At), name); err != nil {
			return fault.Wrap("update group", err)
		}
		if _, _, err := touchPerson(ctx, tx, c, by.Email); err != nil {
			return err
		}
		after.Revision++
		return c.Append(ctx, tx, event, "group:"+name, nil, map[string]any{"person": by.Email})
	})
	if err != nil {
		return Group{}, err
	}
	return after, nil
}
