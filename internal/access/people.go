package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Person is somebody who may sign in, or an agent that acts by tokens.
type Person struct {
	ID          PersonID `json:"id" doc:"Never changes"`
	Email       string   `json:"email" doc:"In lower case; administrators may change it"`
	DisplayName string   `json:"display_name"`
	Agent       bool     `json:"agent" doc:"A service account or an AI agent, not a human"`
	Active      bool     `json:"active" doc:"Otherwise the person can no longer sign in, decide or own"`
	Suspended   string   `json:"suspended,omitempty" doc:"Id of the proposal to disable this administrator, who may only read and object until it has ended"`
	Groups      []string `json:"groups" nullable:"false"`
	Revision    int64    `json:"revision"`
}

// Group is a team, a circle of approvers, or whoever else shares rights.
type Group struct {
	Name      string        `json:"name"`
	Title     string        `json:"title" doc:"What people read, such as Team Lunch"`
	Roles     []Role        `json:"roles" nullable:"false" enum:"viewer,publisher,approver,operator,auditor,admin"`
	Domains   []Domain      `json:"domains" nullable:"false" doc:"What an approver group decides, such as product or security"`
	Delegated bool          `json:"delegated" doc:"An approver group that decides requests of low risk only"`
	Scope     ApprovalScope `json:"scope" doc:"What an approver group decides about; an absent list is everything"`
	Members   []string      `json:"members" nullable:"false" doc:"E-mail addresses"`
	MemberIDs []PersonID    `json:"-"` // of the members, in the same order; nil of a group that was not read
	Joinable  bool          `json:"joinable" doc:"People join and leave by themselves"`

	MaxMembers int `json:"max_members,omitempty" doc:"So many people may be in the group for somebody to join it by themselves while a switch in a governed environment is for it; absent: 199"`

	Lists    bool  `json:"lists" doc:"Members were given as the whole membership, so that a person's own list of groups adds nobody"`
	Revision int64 `json:"revision"`
}

const personColumns = `p.id, p.email, p.display_name, p.agent, p.active, p.suspended, p.revision`

func scanPerson(row store.Row) (Person, error) {
	p := Person{Groups: []string{}}
	err := row.Scan(&p.ID, &p.Email, &p.DisplayName, &p.Agent, &p.Active, &p.Suspended, &p.Revision)
	return p, err
}

const groupColumns = `g.name, g.title, g.roles, g.domains, g.delegated, g.scope, g.lists, g.joinable, g.max_members, g.revision`

func scanGroup(row store.Row) (Group, error) {
	g := Group{Members: []string{}}
	var roles, domains, scope string
	if err := row.Scan(&g.Name, &g.Title, &roles, &domains, &g.Delegated, &scope, &g.Lists, &g.Joinable, &g.MaxMembers, &g.Revision); err != nil {
		return Group{}, err
	}
	if err := errors.Join(json.Unmarshal([]byte(roles), &g.Roles), json.Unmarshal([]byte(domains), &g.Domains),
		json.Unmarshal([]byte(scope), &g.Scope)); err != nil {
		return Group{}, fmt.Errorf("read group %s: %w", g.Name, err)
	}
	return g, nil
}

// PersonByEmail is a step: the person with that address, in any spelling of its case, active or not.
func PersonByEmail(ctx context.Context, tx *store.Tx, email string) (Person, bool, error) {
	email, err := Email("email", email)
	if err != nil {
		return Person{}, false, nil //nolint:nilerr // what is no address is nobody's
	}
	p, ok, err := store.One(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.email = $1`, email)
	if err != nil || !ok {
		return Person{}, false, fault.Wrap("read person", err)
	}
	people := []Person{p}
	if err := fillGroups(ctx, tx, people); err != nil {
		return Person{}, false, err
	}
	return people[0], true, nil
}

// PersonByID is a step: the person of that id, active or not.
func PersonByID(ctx context.Context, tx *store.Tx, id PersonID) (Person, error) {
	p, ok, err := store.One(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.id = $1`, id)
	if err == nil && !ok {
		err = fmt.Errorf("no person %s", id)
	}
	if err != nil {
		return Person{}, fault.Wrap("read person", err)
	}
	people := []Person{p}
	return people[0], fillGroups(ctx, tx, people)
}

// fillGroups sets the groups of each person.
func fillGroups(ctx context.Context, tx *store.Tx, people []Person) error {
	if len(people) == 0 {
		return nil
	}
	at, ids := map[PersonID]int{}, make([]any, len(people))
	for i, p := range people {
		at[p.ID], ids[i] = i, p.ID
	}
	pairs, err := store.List(ctx, tx, scanPair, `SELECT person_id, group_name FROM person_group
		WHERE person_id IN (`+store.In(1, len(ids))+`) ORDER BY group_name COLLATE "C"`, ids...)
	for _, pair := range pairs {
		p := &people[at[PersonID(pair[0])]]
		p.Groups = append(p.Groups, pair[1])
	}
	return fault.Wrap("read memberships", err)
}

// fillMembers sets the members of each group; actingOnly leaves out who can no longer sign in, or is suspended.
func fillMembers(ctx context.Context, tx *store.Tx, groups []Group, actingOnly bool) error {
	if len(groups) == 0 {
		return nil
	}
	at, names := map[string]int{}, make([]any, len(groups))
	for i, g := range groups {
		at[g.Name], names[i] = i, g.Name
	}
	acting := ""
	if actingOnly {
		acting = ` AND p.active AND p.suspended = ''`
	}
	rows, err := store.List(ctx, tx, func(row store.Row) (member [3]string, err error) {
		err = row.Scan(&member[0], &member[1], &member[2])
		return member, err
	}, `SELECT m.group_name, p.email, p.id FROM person_group m JOIN person p ON p.id = m.person_id
		WHERE m.group_name IN (`+store.In(1, len(names))+`)`+acting+` ORDER BY p.email COLLATE "C"`, names...)
	for _, member := range rows {
		g := &groups[at[member[0]]]
		g.Members, g.MemberIDs = append(g.Members, member[1]), append(g.MemberIDs, PersonID(member[2]))
	}
	return fault.Wrap("read members", err)
}

func scanPair(row store.Row) (pair [2]string, err error) {
	err = row.Scan(&pair[0], &pair[1])
	return pair, err
}

// GroupByName is a step: the group of that name with all its members.
func GroupByName(ctx context.Context, tx *store.Tx, name string) (Group, bool, error) {
	g, ok, err := store.One(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g WHERE g.name = $1`, name)
	if err != nil || !ok {
		return Group{}, false, fault.Wrap("read group", err)
	}
	groups := []Group{g}
	if err := fillMembers(ctx, tx, groups, false); err != nil {
		return Group{}, false, err
	}
	return groups[0], true, nil
}

// AllPeople is a step: everybody by address, active or not.
func AllPeople(ctx context.Context, tx *store.Tx) ([]Person, error) {
	people, err := store.List(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p ORDER BY p.email COLLATE "C"`)
	if err != nil {
		return nil, fault.Wrap("read people", err)
	}
	for some := range slices.Chunk(people, 1000) { // each is a parameter of the query
		if err := fillGroups(ctx, tx, some); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// AllGroups is a step: all groups by name, with all of their members.
func AllGroups(ctx context.Context, tx *store.Tx) ([]Group, error) {
	groups, err := store.List(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g ORDER BY g.name COLLATE "C"`)
	if err != nil {
		return nil, fault.Wrap("read groups", err)
	}
	for some := range slices.Chunk(groups, 1000) { // each is a parameter of the query
		if err := fillMembers(ctx, tx, some, false); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// ApproverGroups is a step: the groups with the role approver and, as Members, only those of their members who are active and not
// suspended.
func ApproverGroups(ctx context.Context, tx *store.Tx) ([]Group, error) {
	groups, err := store.List(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g
		WHERE g.roles LIKE '%"approver"%' ORDER BY g.name COLLATE "C"`)
	if err != nil {
		return nil, fault.Wrap("read approver groups", err)
	}
	return groups, fillMembers(ctx, tx, groups, true)
}

// MembersOf is a step: the addresses of the active members of any of the groups, sorted, each once.
func MembersOf(ctx context.Context, tx *store.Tx, groups []string) ([]string, error) {
	if len(groups) == 0 {
		return []string{}, nil
	}
	names := make([]any, len(groups))
	for i, name := range groups {
		names[i] = name
	}
	emails, err := store.List(ctx, tx, store.ScanString, `SELECT p.email FROM person p WHERE p.active AND p.id IN (
		SELECT m.person_id FROM person_group m WHERE m.group_name IN (`+store.In(1, len(names))+`))
		ORDER BY p.email COLLATE "C"`, names...)
	return emails, fault.Wrap("read members", err)
}

// RoomIn is a step: how many more people may join any of the groups by themselves (Group.Room), each counted in each group.
func RoomIn(ctx context.Context, tx *store.Tx, groups []string) (free int, err error) {
	if len(groups) == 0 {
		return 0, nil
	}
	err = tx.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN free > 0 THEN free ELSE 0 END), 0) FROM (
		SELECT CASE WHEN g.max_members > 0 THEN g.max_members ELSE $1 END
			- (SELECT COUNT(*) FROM person_group m WHERE m.group_name = g.name) AS free
		FROM grp g WHERE g.joinable AND g.name IN (`+store.In(2, len(groups))+`)) AS places`,
		append([]any{usualRoom}, store.Values(groups)...)...).Scan(&free)
	return free, fault.Wrap("count the places in groups", err)
}

// JoinedAt is a step: when those of the active members of the groups came whom so many joined before; the zero time of store if there
// are not so many. Each counts once, from the first of the groups that they joined.
func JoinedAt(ctx context.Context, tx *store.Tx, groups []string, before int) (time.Time, error) {
	at, _, err := store.One(ctx, tx, func(row store.Row) (at int64, err error) {
		err = row.Scan(&at)
		return at, err
	}, `SELECT MIN(m.joined_at) AS first FROM person_group m JOIN person p ON p.id = m.person_id
		WHERE p.active AND m.group_name IN (`+store.In(2, len(groups))+`) GROUP BY p.id ORDER BY first LIMIT 1 OFFSET $1`,
		append([]any{before}, store.Values(groups)...)...)
	return store.Time(at), fault.Wrap("read when people joined", err)
}

// CountPeople is a step: how many people are active, agents not counted.
func CountPeople(ctx context.Context, tx *store.Tx) (count int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*) FROM person WHERE active AND NOT agent`).Scan(&count)
	return count, fault.Wrap("count people", err)
}

// Names is a step: the addresses of all active people and the names of all groups, for Nearest.
func Names(ctx context.Context, tx *store.Tx) (people, groups []string, err error) {
	people, err = store.List(ctx, tx, store.ScanString, `SELECT email FROM person WHERE active ORDER BY email COLLATE "C"`)
	if err != nil {
		return nil, nil, fault.Wrap("read names", err)
	}
	groups, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM grp ORDER BY name COLLATE "C"`)
	return people, groups, fault.Wrap("read names", err)
}

// ActorOf is a step: the person as an actor, with the memberships of this transaction. For nobody, or for somebody who is no longer
// active, it returns a fault of kind Unauthenticated.
func ActorOf(ctx context.Context, tx *store.Tx, id PersonID, credential audit.Credential, scope TokenScope) (Actor, error) {
	p, ok, err := store.One(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.id = $1`, id)
	if err != nil {
		return Actor{}, fault.Wrap("read person", err)
	}
	if !ok || !p.Active {
		return Actor{}, nobody()
	}
	groups, err := store.List(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM grp g
		JOIN person_group m ON m.group_name = g.name WHERE m.person_id = $1 ORDER BY g.name COLLATE "C"`, p.ID)
	if err != nil {
		return Actor{}, fault.Wrap("read memberships", err)
	}
	a := Actor{
		PersonID: p.ID, Email: p.Email, Name: p.DisplayName, Agent: p.Agent, Suspended: p.Suspended != "", TokenScope: scope, Credential: credential,
	}
	for _, g := range groups {
		a.Groups = append(a.Groups, Membership{
			Group: g.Name, Roles: g.Roles, Domains: g.Domains, Delegated: g.Delegated, Scope: g.Scope,
		})
	}
	return a, nil
}

// ActorAt is a step: ActorOf the person who has that address now.
func ActorAt(ctx context.Context, tx *store.Tx, email string, credential audit.Credential, scope TokenScope) (Actor, error) {
	p, ok, err := PersonByEmail(ctx, tx, email)
	if err != nil {
		return Actor{}, err
	}
	if !ok {
		return Actor{}, nobody()
	}
	return ActorOf(ctx, tx, p.ID, credential, scope)
}

func nobody() error {
	return fault.New(fault.Unauthenticated, "nobody", "no active person has this address").Fix("ask an administrator to add you")
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // lists of strings always encode
	}
	return string(text)
}

// searchText is what a search for people looks in. Folding is done here, since the engines fold differently.
func searchText(p Person) string { return strings.ToLower(p.Email + " " + p.DisplayName) }

// Agents is a step: those who are not humans.
func Agents(ctx context.Context, tx *store.Tx) ([]PersonID, error) {
	agents, err := store.List(ctx, tx, scanPersonID, `SELECT id FROM person WHERE agent ORDER BY id`)
	return agents, fault.Wrap("list agents", err)
}
