package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// The actions of this package that can loosen what governs.
const (
	ActionPutGroup  = "group.put"
	ActionPutPerson = "person.put"
)

// groupChange and personChange are what proposals keep.
type groupChange struct {
	Name string    `json:"name"`
	Spec GroupSpec `json:"spec"`
}

type personChange struct {
	Email string     `json:"email"`
	Spec  PersonSpec `json:"spec"`
}

// Perform gives the verbs of this package for Governors.
func (d *Directory) Perform() map[string]func(ctx context.Context, by Actor, change json.RawMessage, base int64) error {
	return map[string]func(ctx context.Context, by Actor, change json.RawMessage, base int64) error{
		ActionPutGroup: func(ctx context.Context, by Actor, change json.RawMessage, base int64) error {
			var c groupChange
			if err := json.Unmarshal(change, &c); err != nil {
				return fault.Wrap("read proposal", err)
			}
			_, _, err := d.PutGroup(ctx, by, c.Name, c.Spec, base)
			return err
		},
		ActionPutPerson: func(ctx context.Context, by Actor, change json.RawMessage, base int64) error {
			var c personChange
			if err := json.Unmarshal(change, &c); err != nil {
				return fault.Wrap("read proposal", err)
			}
			_, _, err := d.PutPerson(ctx, by, c.Email, c.Spec, base)
			return err
		},
	}
}

// powerful tells whether members of a group with these roles decide about others' changes.
func powerful(roles []Role) bool {
	return slices.Contains(roles, Approver) || slices.Contains(roles, Admin)
}

// loosens tells, in words, how the change of a group lets more people decide, or decide more. A group that does not exist
// yet is one without anything.
func loosens(before, after Group) (words []string) {
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

// within tells whether everything that s covers is covered by other.
func (s ApprovalScope) within(other ApprovalScope) bool {
	inside := func(list, all []string) bool {
		return len(all) == 0 || len(list) > 0 && !slices.ContainsFunc(list, func(name string) bool { return !slices.Contains(all, name) })
	}
	return inside(s.Apps, other.Apps) && inside(s.Categories, other.Categories) && inside(s.Environments, other.Environments)
}

// empowers is a step: how the change of a person makes them decide about others' changes: by new groups, or by coming back.
func empowers(ctx context.Context, tx *store.Tx, before, after Person) (words []string, err error) {
	if !after.Active {
		return nil, nil
	}
	came := missing(before.Groups, after.Groups)
	if !before.Active { // whoever comes back decides again, and somebody new does for the first time
		came = after.Groups
	}
	for _, name := range came {
		g, ok, err := store.One(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g WHERE g.name = $1`, name)
		if err != nil {
			return nil, fault.Wrap("read group", err)
		}
		if ok && powerful(g.Roles) {
			words = append(words, fmt.Sprintf("%s joins %s", after.Email, g.Title))
		}
	}
	return words, nil
}
