package access

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// SetPerson is a step of PutPerson. Where it loosens what governs, and that needs a second administrator, it returns a proposal
// instead of an effect. Another administrator who is to be disabled is suspended meanwhile.
func (d *Directory) SetPerson(ctx context.Context, tx *store.Tx, c Change, email string, spec PersonSpec) (Person, Effect, *Proposal, error) {
	if err := awaitPerson(ctx, tx, email); err != nil {
		return Person{}, "", nil, err
	}
	before, exists, err := PersonByEmail(ctx, tx, email)
	if err != nil {
		return Person{}, "", nil, err
	}
	if err := c.Check("person", exists, before.Revision, before); err != nil {
		return Person{}, "", nil, err
	}
	after := before
	if !exists {
		after = Person{ID: PersonID(store.NewID()), Email: email, Active: true}
	}
	renamed := spec.Email != "" && spec.Email != after.Email
	if renamed {
		if err := vacant(ctx, tx, email, exists, spec.Email); err != nil {
			return Person{}, "", nil, err
		}
		after.Email = spec.Email
	}
	after.DisplayName, after.Agent = cmp.Or(spec.DisplayName, after.Email), spec.Agent
	if spec.Active != nil {
		after.Active = *spec.Active
	}
	if !after.Active {
		after.Suspended = ""
	}
	joined, err := toJoin(ctx, tx, before.Groups, spec.Groups)
	if err != nil {
		return Person{}, "", nil, err
	}
	after.Groups = set(append(slices.Clone(before.Groups), joined...))
	if exists && reflect.DeepEqual(before, after) {
		return before, Unchanged, nil, nil
	}
	was, err := deciderOf(ctx, tx, before)
	if err != nil {
		return Person{}, "", nil, err
	}
	is, err := deciderOf(ctx, tx, after)
	if err != nil {
		return Person{}, "", nil, err
	}
	change := Loosening{Subject: "person:" + email, Change: personChange{email, spec}, Base: c.Revision}
	if was.admin() && !is.admin() {
		change.Removes = []Identity{before.Identity()}
	}
	waiting, err := putPerson.Second(ctx, tx, c.By, c.At, was, is, change)
	if err == nil && waiting != nil && was.admin() && !after.Active && !before.Identity().Is(c.By.Identity()) {
		err = d.suspend(ctx, tx, c, before, *waiting)
	}
	if err != nil || waiting != nil {
		return Person{}, "", waiting, err
	}
	after.Revision++
	if err := writePerson(ctx, tx, c, after, exists); err != nil {
		return Person{}, "", nil, err
	}
	for _, group := range joined {
		if err := join(ctx, tx, c, after.ID, group); err != nil {
			return Person{}, "", nil, err
		}
		if err := c.Append(ctx, tx, audit.GroupMembersChanged, "group:"+group, nil, map[string]any{"person": after.Email}); err != nil {
			return Person{}, "", nil, err
		}
		if _, err := tx.Exec(ctx, `UPDATE grp SET revision = revision + 1, updated_at = $1 WHERE name = $2`,
			store.Micros(c.At), group); err != nil {
			return Person{}, "", nil, fault.Wrap("update group", err)
		}
	}
	if !after.Active {
		if err := d.EndCredentials(ctx, tx, after.ID, c.At); err != nil {
			return Person{}, "", nil, err
		}
	}
	if before.Suspended != "" && after.Suspended == "" {
		if err := outlived(ctx, tx, c, before.Suspended); err != nil {
			return Person{}, "", nil, err
		}
	}
	if !exists {
		return after, Created, nil, c.Append(ctx, tx, audit.PersonCreated, "person:"+email, nil, after)
	}
	if renamed {
		if err := d.readdress(ctx, tx, c, after.Identity(), before.Email); err != nil {
			return Person{}, "", nil, err
		}
		if err := c.Append(ctx, tx, audit.PersonRenamed, "person:"+email, before, after); err != nil {
			return Person{}, "", nil, err
		}
		after, err = PersonByID(ctx, tx, after.ID) // what waited and named the address has ended, and a suspension with it
		return after, Updated, nil, err
	}
	return after, Updated, nil, c.Append(ctx, tx, audit.PersonUpdated, "person:"+email, before, after)
}

// toJoin returns those of the wanted groups that a person is not in yet.
func toJoin(ctx context.Context, tx *store.Tx, in, wanted []string) ([]string, error) {
	var joined []string
	var wrong fault.Findings
	for i, name := range wanted {
		_, ok, err := store.One(ctx, tx, store.ScanString, `SELECT name FROM grp WHERE name = $1`, name)
		if err != nil {
			return nil, fault.Wrap("read group", err)
		}
		if !ok {
			_, groups, err := Names(ctx, tx)
			if err != nil {
				return nil, err
			}
			wrong.Add(unknown("group", fmt.Sprintf("groups[%d]", i), name, groups))
			continue
		}
		if !slices.Contains(in, name) && !slices.Contains(joined, name) {
			joined = append(joined, name)
		}
	}
	return joined, wrong.Fault("person")
}

func writePerson(ctx context.Context, tx *store.Tx, c Change, p Person, exists bool) error {
	now := store.Micros(c.At)
	query, args := `INSERT INTO person (email, display_name, agent, active, search, revision, updated_at, id, suspended, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7) ON CONFLICT DO NOTHING`,
		[]any{p.Email, p.DisplayName, p.Agent, p.Active, searchText(p), p.Revision, now, p.ID, p.Suspended}
	if exists {
		query = `UPDATE person SET email = $1, display_name = $2, agent = $3, active = $4, search = $5, revision = $6, updated_at = $7, suspended = $9
			WHERE id = $8 AND revision = $6 - 1`
	}
	rows, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return fault.Wrap("write person", err)
	}
	if err := Written("person", rows); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO person_address (email, person_id, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, p.Email, p.ID, now)
	return fault.Wrap("write address", err)
}

// vacant refuses an address that another person has, and one for a person who is not there.
func vacant(ctx context.Context, tx *store.Tx, email string, exists bool, wanted string) error {
	if !exists {
		return UnknownPerson(ctx, tx, "email", email)
	}
	_, taken, err := PersonByEmail(ctx, tx, wanted)
	if err == nil && taken {
		err = fault.New(fault.Conflict, "address_taken", "%s is the address of another person", wanted).At("email").
			Fix("give that person another address first")
	}
	return err
}

// readdress shows the person's new address where the one before is shown as theirs. A group that they are in becomes another revision: a
// change of it that was made from the members before would now name somebody else. So would what waits for a second administrator
// and names either address: it ends.
func (d *Directory) readdress(ctx context.Context, tx *store.Tx, c Change, who Identity, was string) error {
	if _, err := tx.Exec(ctx, `UPDATE grp SET revision = revision + 1, updated_at = $1
		WHERE name IN (SELECT group_name FROM person_group WHERE person_id = $2)`, store.Micros(c.At), who.ID); err != nil {
		return fault.Wrap("update groups", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE proposal SET made_by = $1 WHERE made_by_id = $2`, who.Email, who.ID); err != nil {
		return fault.Wrap("write address", err)
	}
	ended, err := proposalsWhere(ctx, tx, `state = $1 AND (subject IN ($2, $3) OR body LIKE $4 ESCAPE '\' OR body LIKE $5 ESCAPE '\')`+tx.ForUpdate(),
		ProposalOpen, "person:"+was, "person:"+who.Email, store.LikePattern(`"`+was+`"`), store.LikePattern(`"`+who.Email+`"`))
	if err != nil {
		return err
	}
	for _, p := range ended {
		if err := p.close(ctx, tx, c.By, c.At, ProposalExpired); err != nil {
			return err
		}
	}
	if d.Readdress == nil {
		return nil
	}
	return d.Readdress(ctx, tx, who)
}

// setGroup is a step of PutGroup. Where it loosens what governs, and that needs a second administrator, it returns a proposal
// instead of an effect.
func (d *Directory) setGroup(ctx context.Context, tx *store.Tx, c Change, name string, spec GroupSpec) (Group, Effect, *Proposal, error) {
	before, exists, err := GroupByName(ctx, tx, name)
	if err != nil {
		return Group{}, "", nil, err
	}
	if err := c.Check("group", exists, before.Revision, before); err != nil {
		return Group{}, "", nil, err
	}
	after := Group{
		Name: name, Title: spec.Title, Roles: spec.Roles, Domains: spec.Domains, Delegated: spec.Delegated, Scope: spec.Scope,
		Members: set(spec.Members), Lists: spec.Members != nil, Revision: before.Revision,
	}
	if after.Title == "" {
		after.Title = name
	}
	if after.Joinable = before.Joinable; spec.Joinable != nil {
		after.Joinable = *spec.Joinable
	}
	if after.MaxMembers = before.MaxMembers; spec.MaxMembers != nil {
		after.MaxMembers = *spec.MaxMembers
	}
	if after.MaxMembers < 0 || after.MaxMembers > membersLimit {
		return Group{}, "", nil, fault.New(fault.Invalid, "out_of_range", "a group has room for 1 to %d people, not for %d", membersLimit, after.MaxMembers).
			At("max_members").Fix("give a number in between, or 0 for the usual %d", usualRoom)
	}
	if after.Joinable && slices.ContainsFunc(after.Roles, func(r Role) bool { return r != Viewer }) {
		return Group{}, "", nil, fault.New(fault.Invalid, "joinable_with_roles", "a group that people join by themselves carries no rights").At("joinable").
			Fix("leave its roles out, or set joinable to false")
	}
	if spec.Members == nil && exists {
		after.Members = before.Members
	}
	if exists && encode(before) == encode(after) {
		return before, Unchanged, nil, nil
	}
	removes, err := removedBy(ctx, tx, before, after)
	if err != nil {
		return Group{}, "", nil, err
	}
	waiting, err := putGroup.Second(ctx, tx, c.By, c.At, before, after, Loosening{
		Subject: "group:" + name, Change: groupChange{name, spec}, Base: c.Revision, Removes: removes,
	})
	if err != nil || waiting != nil {
		return Group{}, "", waiting, err
	}
	if exists {
		if err := awaitMembers(ctx, tx, name); err != nil {
			return Group{}, "", nil, err
		}
	}
	after.Revision++
	if err := writeGroup(ctx, tx, c, after, exists); err != nil {
		return Group{}, "", nil, err
	}
	if err := setMembers(ctx, tx, c, before, after, spec.Members); err != nil {
		return Group{}, "", nil, err
	}
	if !exists {
		return after, Created, nil, c.Append(ctx, tx, audit.GroupCreated, "group:"+name, nil, after)
	}
	event := audit.GroupUpdated
	if !slices.Equal(before.Members, after.Members) {
		event = audit.GroupMembersChanged
	}
	return after, Updated, nil, c.Append(ctx, tx, event, "group:"+name, before, after)
}

func writeGroup(ctx context.Context, tx *store.Tx, c Change, g Group, exists bool) error {
	now := store.Micros(c.At)
	query, args := `INSERT INTO grp (title, roles, domains, delegated, scope, lists, revision, updated_at, name, joinable, max_members, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8) ON CONFLICT DO NOTHING`,
		[]any{g.Title, encode(g.Roles), encode(g.Domains), g.Delegated, encode(g.Scope), g.Lists, g.Revision, now, g.Name, g.Joinable, g.MaxMembers}
	if exists {
		query = `UPDATE grp SET title = $1, roles = $2, domains = $3, delegated = $4, scope = $5, lists = $6, revision = $7, updated_at = $8, joinable = $10, max_members = $11
			WHERE name = $9 AND revision = $7 - 1`
	}
	rows, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return fault.Wrap("write group", err)
	}
	return Written("group", rows)
}

// setMembers turns the membership before into after, and moves the revision of everybody who came or went. named is
// after as it was written, for the places of findings.
func setMembers(ctx context.Context, tx *store.Tx, c Change, before, after Group, named []string) error {
	var wrong fault.Findings
	for _, email := range missing(before.Members, after.Members) {
		id, ok, err := touchPerson(ctx, tx, c, email)
		if err != nil {
			return err
		}
		if !ok {
			people, _, err := Names(ctx, tx)
			if err != nil {
				return err
			}
			wrong.Add(unknown("person", fmt.Sprintf("members[%d]", slices.Index(named, email)), email, people))
			continue
		}
		if err := join(ctx, tx, c, id, after.Name); err != nil {
			return err
		}
	}
	for _, email := range missing(after.Members, before.Members) {
		id, _, err := touchPerson(ctx, tx, c, email)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM person_group WHERE person_id = $1 AND group_name = $2`, id, after.Name); err != nil {
			return fault.Wrap("remove member", err)
		}
	}
	return wrong.Fault("group")
}

// awaitPerson waits for what is being done with the rights of the person, and makes what is to be done with them wait: each write
// transaction of a call locks the person who acts, for key share. So a loss of rights and an act have one order.
func awaitPerson(ctx context.Context, tx *store.Tx, email string) error {
	_, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM person WHERE email = $1`+tx.ForUpdate(), email)
	return fault.Wrap("lock person", err)
}

// awaitMembers is awaitPerson for all members of a group.
func awaitMembers(ctx context.Context, tx *store.Tx, group string) error {
	_, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM person
		WHERE id IN (SELECT person_id FROM person_group WHERE group_name = $1) ORDER BY id`+tx.ForUpdate(), group)
	return fault.Wrap("lock members", err)
}

// missing gives the members of all that are not in some, which is sorted.
func missing(some, all []string) (rest []string) {
	for _, word := range all {
		if _, found := slices.BinarySearch(some, word); !found {
			rest = append(rest, word)
		}
	}
	return rest
}

func touchPerson(ctx context.Context, tx *store.Tx, c Change, email string) (id PersonID, ok bool, err error) {
	id, ok, err = store.One(ctx, tx, scanPersonID,
		`UPDATE person SET revision = revision + 1, updated_at = $1 WHERE email = $2 RETURNING id`, store.Micros(c.At), email)
	return id, ok, fault.Wrap("update person", err)
}

func join(ctx context.Context, tx *store.Tx, c Change, personID PersonID, group string) error {
	_, err := tx.Exec(ctx, `INSERT INTO person_group (person_id, group_name, joined_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		personID, group, store.Micros(c.At))
	return fault.Wrap("add member", err)
}

// Written gives fault.Stale if a write that carried a revision, or that expected none, found another.
func Written(what string, rows int64) error {
	if rows == 1 {
		return nil
	}
	return fault.New(fault.Stale, "stale", "the %s was changed at the same time by somebody else", what).Fix("look at it and try again")
}
