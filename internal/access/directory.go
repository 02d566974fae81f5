package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Directory is the people and groups. It is safe for concurrent use.
type Directory struct {
	DB  *store.DB
	Now func() time.Time
	// Uses names what hangs on a group, such as "the app where2eat", so that it is not deleted; nil is nothing. Access may not
	// know apps and flags; serve does.
	Uses func(ctx context.Context, tx *store.Tx, group string) ([]string, error)
	// AudienceOf returns the keys of the flags whose people in a governed environment a group decides; nil: none. Access may not know flags;
	// verbs does.
	AudienceOf func(ctx context.Context, tx *store.Tx, group string) ([]string, error)
	// Listed counts the apps that the marketplace shows; nil is none.
	Listed func(ctx context.Context, tx *store.Tx) (int, error)
	// EndCredentials ends all by which a person could sign in or act, so that it stays ended if the person ever comes back.
	// SignIns returns how people sign in, by their ids; nil knows of nobody. Access may not know credentials; serve does.
	EndCredentials func(ctx context.Context, tx *store.Tx, personID PersonID, at time.Time) error
	SignIns        func(ctx context.Context, tx *store.Tx, personIDs []PersonID, now time.Time) (map[PersonID]SignIns, error)
	// Readdress writes the new address of a person beside their id, wherever that is shown as their address of now; nil: nowhere but
	// here. Access may not know flags and requests; verbs does.
	Readdress func(ctx context.Context, tx *store.Tx, who Identity) error
}

// PersonSpec is what an administrator says of a person.
type PersonSpec struct {
	Email       string   `json:"email,omitempty" yaml:"-" doc:"The person's address from now on; absent leaves it as it is"`
	DisplayName string   `json:"display_name,omitempty" yaml:"display_name" doc:"What people read; the address if absent"`
	Groups      []string `json:"groups,omitempty" yaml:"groups" doc:"Adds the person to these groups; what is not named stays. In files, a group that lists its members is left out"`
	Agent       bool     `json:"agent,omitempty" yaml:"agent" doc:"A service account or an AI agent, not a human"`
	Active      *bool    `json:"active,omitempty" yaml:"active" doc:"False ends sign-in, sessions and tokens, and suspends another administrator until a second one agrees; absent leaves it as it is"`
}

// GroupSpec is what an administrator says of a group.
type GroupSpec struct {
	Title     string        `json:"title,omitempty" yaml:"title" doc:"What people read; the name if absent"`
	Roles     []Role        `json:"roles,omitempty" yaml:"roles"`
	Domains   []Domain      `json:"domains,omitempty" yaml:"domains" doc:"What an approver group decides, such as product or security"`
	Delegated bool          `json:"delegated,omitempty" yaml:"delegated" doc:"An approver group that decides requests of low risk only"`
	Scope     ApprovalScope `json:"scope,omitzero" yaml:"scope" doc:"What an approver group decides about; an absent list is everything"`
	Members   []string      `json:"members,omitzero" yaml:"members" doc:"E-mail addresses: if present, even if empty, the whole membership"`
	Joinable  *bool         `json:"joinable,omitempty" yaml:"joinable" doc:"People may join and leave by themselves; absent leaves it as it is"`
	// absent leaves it as it is
	MaxMembers *int `json:"max_members,omitempty" yaml:"max_members" minimum:"0" maximum:"1000000" doc:"So many people may be in the group for somebody to join it by themselves while a switch in a governed environment is for it; 0 is the usual 199, absent leaves it as it is"`
}

// Effect tells what a Put did.
type Effect string

// The effects.
const (
	Created   Effect = "created"
	Updated   Effect = "updated"
	Unchanged Effect = "unchanged" // nothing was written, no event appended
)

// People lists people by address; search, if given, is looked for in address and name.
func (d *Directory) People(ctx context.Context, by Actor, search string, page store.Page) (store.Listing[Profile], error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return store.Listing[Profile]{}, err
	}
	after, err := page.After()
	if err != nil {
		return store.Listing[Profile]{}, err
	}
	if err := Line("search", search); err != nil {
		return store.Listing[Profile]{}, err
	}
	from := ""
	if len(after) > 0 {
		from = after[0]
	}
	var profiles []Profile
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		people, err := store.List(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p
			WHERE p.email COLLATE "C" > $1 AND p.search LIKE $2 ESCAPE '\' ORDER BY p.email COLLATE "C" LIMIT $3`,
			from, store.LikePattern(strings.ToLower(search)), page.Size()+1)
		if err != nil {
			return fault.Wrap("list people", err)
		}
		if err := fillGroups(ctx, tx, people); err != nil {
			return err
		}
		profiles, err = d.profilesOf(ctx, tx, by, people)
		return err
	})
	if err != nil {
		return store.Listing[Profile]{}, err
	}
	return store.Cut(page, profiles, func(p Profile) []string { return []string{p.Email} }), nil
}

// Person gives one person.
func (d *Directory) Person(ctx context.Context, by Actor, email string) (profile Profile, err error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return Profile{}, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, ok, err := PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if ok {
			profiles, err := d.profilesOf(ctx, tx, by, []Person{p})
			if err == nil {
				profile = profiles[0]
			}
			return err
		}
		return UnknownPerson(ctx, tx, "email", email)
	})
	return profile, err
}

// Groups lists groups by name.
func (d *Directory) Groups(ctx context.Context, by Actor, page store.Page) (store.Listing[Group], error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return store.Listing[Group]{}, err
	}
	after, err := page.After()
	if err != nil {
		return store.Listing[Group]{}, err
	}
	from := ""
	if len(after) > 0 {
		from = after[0]
	}
	var groups []Group
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		groups, err = store.List(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g
			WHERE g.name COLLATE "C" > $1 ORDER BY g.name COLLATE "C" LIMIT $2`, from, page.Size()+1)
		if err != nil {
			return fault.Wrap("list groups", err)
		}
		return fillMembers(ctx, tx, groups, false)
	})
	if err != nil {
		return store.Listing[Group]{}, err
	}
	return store.Cut(page, groups, func(g Group) []string { return []string{g.Name} }), nil
}

// Group gives one group.
func (d *Directory) Group(ctx context.Context, by Actor, name string) (g Group, err error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return Group{}, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		var ok bool
		if g, ok, err = GroupByName(ctx, tx, name); ok || err != nil {
			return err
		}
		_, groups, err := Names(ctx, tx)
		if err != nil {
			return err
		}
		return unknown("group", "name", name, groups)
	})
	return g, err
}

// PutPerson makes the person, or makes it what spec says, which may be another address: the person stays the same one, and whoever is
// made with the address that was given up is somebody new. A revision other than 0 must be the present one, or Absent for one
// that is to be new. The groups that spec names must exist.
func (d *Directory) PutPerson(ctx context.Context, by Actor, email string, spec PersonSpec, revision int64) (p Person, effect Effect, err error) {
	if err := Can(by, PeopleWrite, Scope{}); err != nil {
		return Person{}, "", err
	}
	email, spec, err = CheckPerson(email, spec)
	if err != nil {
		return Person{}, "", err
	}
	var waiting *Proposal
	err = d.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		p, effect, waiting, err = d.SetPerson(ctx, tx, Change{by, d.Now(), revision}, email, spec)
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return Person{}, "", err
	}
	return p, effect, nil
}

// PutGroup makes the group, or makes it what spec says. A revision other than 0 must be the present one, or Absent for one
// that is to be new. The members that
// spec names must exist. To put people and groups that name each other: people without groups first, then groups, then
// people again.
func (d *Directory) PutGroup(ctx context.Context, by Actor, name string, spec GroupSpec, revision int64) (g Group, effect Effect, err error) {
	if err := Can(by, PeopleWrite, Scope{}); err != nil {
		return Group{}, "", err
	}
	if spec, err = checkGroup(name, spec); err != nil {
		return Group{}, "", err
	}
	var waiting *Proposal
	err = d.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		g, effect, waiting, err = d.setGroup(ctx, tx, Change{by, d.Now(), revision}, name, spec)
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return Group{}, "", err
	}
	return g, effect, nil
}

// Exclusively runs one change of people or groups and refuses it if it takes the last administrator away. Changes wait for one
// another, else two that each leave one administrator could together leave none.
func (d *Directory) Exclusively(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error) error {
	return d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := LockGroups(ctx, tx); err != nil {
			return err
		}
		before, err := Admins(ctx, tx)
		if err != nil {
			return err
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		after, err := Admins(ctx, tx)
		if err != nil {
			return err
		}
		if len(before) > 0 && len(after) == 0 {
			return fault.New(fault.Conflict, "last_admin", "this would leave nobody with the role admin").
				Fix("give somebody else the role admin first")
		}
		tx.Announce(Topic)
		return nil
	})
}

// Admins is a step: the addresses of the active humans with the role admin, sorted.
func Admins(ctx context.Context, tx *store.Tx) ([]string, error) {
	all, err := store.List(ctx, tx, store.ScanString, `SELECT DISTINCT p.email FROM person p JOIN person_group m ON m.person_id = p.id
		JOIN grp g ON g.name = m.group_name WHERE p.active AND NOT p.agent AND g.roles LIKE '%"admin"%' ORDER BY p.email`)
	return all, fault.Wrap("list administrators", err)
}

// LockGroups is a step: it makes changes of people and groups wait for one another.
func LockGroups(ctx context.Context, tx *store.Tx) error {
	_, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM grp ORDER BY name COLLATE "C"`+tx.ForUpdate())
	return fault.Wrap("lock groups", err)
}

func countAdmins(ctx context.Context, tx *store.Tx) (int, error) {
	all, err := Admins(ctx, tx)
	return len(all), err
}

// Change is who changes something, when, and which revision of it they read; 0 is any.
type Change struct {
	By       Actor
	At       time.Time
	Revision int64
}

// Absent is the revision of a person or group that is to be new: if there is one already, putting it is a fault of kind Stale.
const Absent int64 = -1

// Check refuses, as a fault of kind Stale, a change of something that is not at the revision that was read.
func (c Change) Check(what string, exists bool, revision int64, current any) error {
	switch {
	case c.Revision == 0 || exists && c.Revision == revision || !exists && c.Revision == Absent:
		return nil
	case !exists:
		return fault.New(fault.Stale, "stale", "the %s does not exist any more", what).
			Fix("send it without the version that you read, to make it anew")
	}
	if c.Revision == Absent {
		return fault.New(fault.Stale, "stale", "there is such a %s already", what).
			Fix("look at what is there, and send your change with its revision").Showing(current)
	}
	return fault.New(fault.Stale, "stale", "the %s was changed since you read it: you have revision %d, now it is %d", what, c.Revision, revision).
		Fix("look at what is there now, and send your change again with that revision").Showing(current)
}

// Append is a step: the audit event of the change, with what was before, if anything was, and what is after.
func (c Change) Append(ctx context.Context, tx *store.Tx, name audit.Name, subject string, before, after any) error {
	e := c.By.Event(name, c.At)
	e.Subject, e.Details = subject, map[string]any{"after": after}
	if before != nil {
		e.Details["before"] = before
	}
	_, err := audit.Append(ctx, tx, e)
	return err
}

func unknown(what, field, word string, among []string) error {
	return fault.New(fault.NotFound, "unknown_"+what, "there is no %s %s", what, fault.Quote(word)).At(field).
		Fix("%s", fault.Meant(word, among, "look it up in the list under Admin"))
}

// UnknownPerson is a step: the fault that there is nobody of that address, with those whose address is near.
func UnknownPerson(ctx context.Context, tx *store.Tx, field, email string) error {
	people, _, err := Names(ctx, tx)
	if err != nil {
		return err
	}
	return unknown("person", field, email, people)
}

// CheckPerson judges what can be judged of a person by itself, and returns address and spec in the form in which they are kept.
func CheckPerson(email string, spec PersonSpec) (string, PersonSpec, error) {
	var wrong fault.Findings
	email, err := Email("email", email)
	wrong.Add(err)
	if spec.Email != "" {
		spec.Email, err = Email("email", spec.Email)
		wrong.Add(err)
	}
	spec.DisplayName = strings.TrimSpace(spec.DisplayName)
	wrong.Add(Line("display_name", spec.DisplayName))
	if len(spec.Groups) > maxGroups {
		wrong.Add(TooMany("groups", maxGroups))
	}
	return email, spec, wrong.Fault("person")
}

// CheckGroup judges what can be judged of a group by itself.
func CheckGroup(name string, spec GroupSpec) error {
	_, err := checkGroup(name, spec)
	return err
}

func checkGroup(name string, spec GroupSpec) (GroupSpec, error) {
	var wrong fault.Findings
	wrong.Add(Slug("name", "group", name))
	spec.Title = strings.TrimSpace(spec.Title)
	wrong.Add(Line("title", spec.Title))
	known := make([]string, len(roles))
	for i, role := range roles {
		known[i] = string(role)
	}
	for i, role := range spec.Roles {
		if !slices.Contains(roles, role) {
			wrong.Add(fault.New(fault.Invalid, "unknown_role", "there is no role %s", fault.Quote(string(role))).
				At(fmt.Sprintf("roles[%d]", i)).Fix("%s", fault.Meant(string(role), known, "the roles are "+strings.Join(known, ", "))))
		}
	}
	for i, domain := range spec.Domains {
		wrong.Add(Slug(fmt.Sprintf("domains[%d]", i), "domain", string(domain)))
	}
	for field, names := range map[string][]string{
		"scope.apps": spec.Scope.Apps, "scope.categories": spec.Scope.Categories, "scope.environments": spec.Scope.Environments,
	} {
		if len(names) > maxMembers {
			wrong.Add(TooMany(field, maxMembers))
		}
		for i, n := range names {
			wrong.Add(Line(fmt.Sprintf("%s[%d]", field, i), n))
		}
	}
	if len(spec.Domains) > maxDomains {
		wrong.Add(TooMany("domains", maxDomains))
	}
	if len(spec.Members) > maxMembers {
		wrong.Add(TooMany("members", maxMembers))
	}
	wrong.Add(checkApprover(spec))
	spec.Members = slices.Clone(spec.Members)
	for i, member := range spec.Members {
		email, err := Email(fmt.Sprintf("members[%d]", i), member)
		wrong.Add(err)
		spec.Members[i] = email
	}
	spec.Roles, spec.Domains = set(spec.Roles), set(spec.Domains)
	return spec, wrong.Fault("group")
}

// checkApprover refuses an approver group that can decide nothing, and the marks of one on a group that is none.
func checkApprover(spec GroupSpec) error {
	approver := slices.Contains(spec.Roles, Approver)
	marked := len(spec.Domains) > 0 || spec.Delegated ||
		len(spec.Scope.Apps)+len(spec.Scope.Categories)+len(spec.Scope.Environments) > 0
	switch {
	case approver && len(spec.Domains) == 0:
		return fault.New(fault.Invalid, "domains_missing", "a group with the role approver needs a domain to decide for").At("domains").
			Fix("name one or more, such as product, security or platform")
	case !approver && marked:
		return fault.New(fault.Invalid, "not_an_approver", "domains, delegated and scope are for groups with the role approver").At("roles").
			Fix("add the role approver, or leave them out")
	}
	return nil
}

// TooMany is what is wrong with a list that is longer than the limit.
func TooMany(field string, limit int) error {
	return fault.New(fault.TooLarge, "too_many", "%s has too many entries", field).At(field).Fix("at most %d", limit)
}
