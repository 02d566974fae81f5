package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// The verbs of this package that can loosen what governs.
var (
	putGroup    = Verb[Group]{Method: "Directory.PutGroup", Action: ActionPutGroup, Right: PeopleWrite, Looser: looserGroup}
	deleteGroup = Verb[Group]{Method: "Directory.DeleteGroup", Action: ActionDeleteGroup, Right: PeopleWrite, Looser: looserGroup}
	putPerson   = Verb[decider]{Method: "Directory.PutPerson", Action: ActionPutPerson, Right: PeopleWrite, Looser: looserPerson}
)

// Their names in proposals.
const (
	ActionPutGroup    = "group.put"
	ActionDeleteGroup = "group.delete"
	ActionPutPerson   = "person.put"
)

// groupChange, groupDeletion and personChange are what proposals keep.
type groupChange struct {
	Name string    `json:"name"`
	Spec GroupSpec `json:"spec"`
}

type groupDeletion struct {
	Name string `json:"name"`
}

type personChange struct {
	Email string     `json:"email"`
	Spec  PersonSpec `json:"spec"`
}

// Governing is the rows of this package in the table of verbs that govern.
func (d *Directory) Governing() []Governing {
	return []Governing{
		Row(putGroup, func(ctx context.Context, by Actor, c groupChange, base int64) error {
			_, _, err := d.PutGroup(ctx, by, c.Name, c.Spec, base)
			return err
		}),
		Row(deleteGroup, func(ctx context.Context, by Actor, c groupDeletion, base int64) error {
			return d.DeleteGroup(ctx, by, c.Name, base)
		}),
		Row(putPerson, func(ctx context.Context, by Actor, c personChange, base int64) error {
			_, _, err := d.PutPerson(ctx, by, c.Email, c.Spec, base)
			return err
		}),
		Harmless("Governors.Withdraw", GovernWrite, "it ends a proposal, and what was proposed does not take effect"),
	}
}

// powerful reports whether members of a group with these roles decide about others' changes.
func powerful(roles []Role) bool {
	return slices.Contains(roles, Approver) || slices.Contains(roles, Admin)
}

// looserGroup says how the change of a group lets more people decide, or decide more, or leaves fewer administrators who could
// object. A group that does not exist is one without anything.
func looserGroup(before, after Group) (words []string) {
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	for _, role := range []Role{Admin, Approver} {
		if slices.Contains(after.Roles, role) && !slices.Contains(before.Roles, role) && len(after.Members) > 0 {
			say("%s get the role %s", after.Title, role)
		}
	}
	if powerful(after.Roles) {
		if came := missing(before.Members, after.Members); len(came) > 0 {
			say("%s joins %s", strings.Join(came, ", "), after.Title)
		}
	}
	if slices.Contains(before.Roles, Admin) {
		left := missing(after.Members, before.Members)
		if !slices.Contains(after.Roles, Admin) {
			left = before.Members
		}
		if len(left) > 0 {
			say("%s can no longer object as an administrator", strings.Join(left, ", "))
		}
	}
	if slices.Contains(before.Roles, Approver) && slices.Contains(after.Roles, Approver) {
		if came := missing(sortedWords(before.Domains), sortedWords(after.Domains)); len(came) > 0 {
			say("%s decide for %s, too", after.Title, strings.Join(came, ", "))
		}
		if before.Delegated && !after.Delegated {
			say("%s decide on more than low risk", after.Title)
		}
		if !after.Scope.within(before.Scope) {
			say("%s decide about more", after.Title)
		}
	}
	if before.Revision > 0 && !before.Joinable && after.Joinable {
		say("everybody may join %s by themselves", after.Title)
	}
	if before.Revision > 0 && before.Joinable && after.Joinable && after.Room() > max(before.Room(), usualRoom) {
		say("%d people may join %s by themselves, not %d", after.Room(), after.Title, before.Room())
	}
	return words
}

func sortedWords(domains []Domain) []string {
	words := make([]string, len(domains))
	for i, domain := range domains {
		words[i] = string(domain)
	}
	slices.Sort(words)
	return words
}

// within reports whether everything that s covers is covered by other.
func (s ApprovalScope) within(other ApprovalScope) bool {
	inside := func(list, all []string) bool {
		return len(all) == 0 || len(list) > 0 && !slices.ContainsFunc(list, func(name string) bool { return !slices.Contains(all, name) })
	}
	return inside(s.Apps, other.Apps) && inside(s.Categories, other.Categories) && inside(s.Environments, other.Environments)
}

// decider is a person with those of their groups that decide about others' changes.
type decider struct {
	Person
	powers []Group // sorted by name
}

// admin reports whether the person can object to what others do.
func (s decider) admin() bool {
	return s.Active && !s.Agent && slices.ContainsFunc(s.powers, func(g Group) bool { return slices.Contains(g.Roles, Admin) })
}

// looserPerson says how the change of a person makes them decide about others' changes: by new groups, by coming back, by
// counting as a human, or by an address that somebody else may sign in by; or takes away an administrator who could object.
func looserPerson(before, after decider) (words []string) {
	if before.Revision > 0 && before.Email != after.Email {
		words = append(words, fmt.Sprintf("%s gets the address %s: whoever signs in by it is that person", before.Email, after.Email))
	}
	if before.admin() && !after.admin() {
		words = append(words, after.Email+" can no longer object as an administrator")
	}
	if !after.Active {
		return words
	}
	if before.Agent && !after.Agent {
		words = append(words, after.Email+" counts as a human")
	}
	for _, g := range after.powers {
		// Whoever comes back decides again, and somebody new does for the first time.
		if !before.Active || !slices.Contains(before.Groups, g.Name) {
			words = append(words, fmt.Sprintf("%s joins %s", after.Email, g.Title))
		}
	}
	return words
}

// deciderOf is a step: the person with those of their groups that decide about others' changes.
func deciderOf(ctx context.Context, tx *store.Tx, p Person) (s decider, err error) {
	s.Person = p
	for _, name := range p.Groups {
		g, ok, err := store.One(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g WHERE g.name = $1`, name)
		if err != nil {
			return decider{}, fault.Wrap("read group", err)
		}
		if ok && powerful(g.Roles) {
			s.powers = append(s.powers, g)
		}
	}
	return s, nil
}
