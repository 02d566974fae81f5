package access

import (
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// Action is something that a right is needed for. Every API operation names one.
type Action string

// The actions.
const (
	Public         Action = "public"          // no sign-in is needed
	SignIn         Action = "sign_in"         // any signed-in person, about themselves
	Read           Action = "read"            // see apps, flags, requests, rollouts, templates, policies, people and groups
	RequestMake    Action = "request.make"    // submit for a group: its members
	RequestEdit    Action = "request.edit"    // edit or withdraw: the requester or an owner
	RequestComment Action = "request.comment" // say something about a request: anybody who sees it
	RequestDecide  Action = "request.decide"  // approve or deny: an approver; which one, review decides
	CheckReport    Action = "check.report"    // say how a check of a request went: a service account by a token for it; of which requests, review decides
	Kill           Action = "kill"            // turn off: owners, operators, admins
	Restore        Action = "restore"         // turn on again what was turned off, or give more again: owners, operators, admins
	RolloutRun     Action = "rollout.run"     // start, promote, resume: owners
	RolloutEarly   Action = "rollout.early"   // promote a step in production before its bake is over: operators, admins
	RolloutStop    Action = "rollout.stop"    // pause, abort: owners, operators, admins
	AuditRead      Action = "audit.read"      // auditors and admins
	PeopleWrite    Action = "people.write"    // people and groups: admins
	GovernWrite    Action = "govern.write"    // templates, policies, lifecycle, environments, segments: admins
	SessionManage  Action = "session.manage"  // see and end sessions, change the password: one's own; see and end those of others: admins
	GroupJoin      Action = "group.join"      // join and leave groups that people join by themselves: any person
	TokenMake      Action = "token.make"      // make, list and revoke tokens: one's own; those of others: admins
	KeyMake        Action = "key.make"        // make and revoke SDK keys: operators and admins; owners for their app, not where governed
	Backup         Action = "backup"          // take a backup or an export of everything, see what ails the installation: admins
	KeyRead        Action = "key.read"        // list SDK keys: operators and admins; owners those of their app
	FlagImport     Action = "flag.import"     // take flags over from another system: operators and admins; owners for their app
	FlagTag        Action = "flag.tag"        // say by which words a flag is found and turned off: owners, operators, admins
	ProposalRead   Action = "proposal.read"   // see what waits for a second administrator: admins
	ProposalObject Action = "proposal.object" // object to losing one's own rights as an administrator: admins, suspended ones too
)

// Scope is what an action is about. Its zero value is the installation as a whole.
type Scope struct {
	OwnerGroup  string   // group that owns the app
	OwnerPerson Identity // the person that owns the flag
	Requester   Identity // who made the request
	Person      Identity // the person acted on
	Governed    bool     // the environment is governed
	Unowned     bool     // nobody owns it, as an imported flag without an app: operators and admins stand in for the owner
}

// standing is how an actor stands to the scope of an action, apart from roles.
type standing int

const (
	anybody         standing = 1 << iota // is signed in
	owner                                // is in the owning group, or is the named person
	ownerUngoverned                      // is an owner, and the environment is not governed
	requester                            // made the request
	self                                 // is the person acted on
	local                                // speaks through the local socket, as souk apply does for files
	reporter                             // is a service account that acts by a token of scope checks
)

// rule says who may do an action: anybody with one of the roles or one of the standings, by a session, a token of scope all or
// one of scopes.
type rule struct {
	action   Action
	roles    []Role
	standing standing
	scopes   []TokenScope
}

// rules is the whole of what may be done by whom. An action without a row is refused to everybody.
var rules = []rule{
	{SignIn, nil, anybody, []TokenScope{ScopeRead, ScopeRequests, ScopeKill, ScopeOutcomes, ScopeChecks}},
	{Read, nil, anybody, []TokenScope{ScopeRead, ScopeRequests, ScopeKill, ScopeChecks}},
	{RequestMake, nil, owner | local, []TokenScope{ScopeRequests}},
	{RequestEdit, nil, owner | requester | local, []TokenScope{ScopeRequests}},
	{RequestComment, nil, anybody, []TokenScope{ScopeRequests}},
	{RequestDecide, []Role{Approver}, 0, nil},
	{CheckReport, nil, reporter, []TokenScope{ScopeChecks}},
	{Kill, []Role{Operator, Admin}, owner, []TokenScope{ScopeKill}},
	{Restore, []Role{Operator, Admin}, owner, nil},
	{RolloutRun, nil, owner, nil},
	{RolloutEarly, []Role{Operator, Admin}, 0, nil},
	{RolloutStop, []Role{Operator, Admin}, owner, []TokenScope{ScopeKill}},
	{AuditRead, []Role{Auditor, Admin}, 0, []TokenScope{ScopeRead}},
	{PeopleWrite, []Role{Admin}, 0, nil},
	{GovernWrite, []Role{Admin}, 0, nil},
	{SessionManage, []Role{Admin}, self, nil},
	{GroupJoin, nil, anybody, nil},
	{TokenMake, []Role{Admin}, self, nil},
	{KeyMake, []Role{Operator, Admin}, ownerUngoverned, nil},
	{Backup, []Role{Admin}, 0, nil},
	{KeyRead, []Role{Operator, Admin}, owner, []TokenScope{ScopeRead}},
	{FlagImport, []Role{Operator, Admin}, owner, nil},
	{FlagTag, []Role{Operator, Admin}, owner, nil},
	{ProposalRead, []Role{Admin}, 0, []TokenScope{ScopeRead}},
	{ProposalObject, []Role{Admin}, 0, nil},
}

// Actions lists every action, those of the table in its order.
func Actions() []Action {
	all := []Action{Public}
	for _, r := range rules {
		all = append(all, r.action)
	}
	return all
}

// Held lists what the actor may do on the installation as a whole, on themselves, or for a group of theirs, so that a
// screen can leave out what would only be refused. Rights that hang on one app or request are not in it.
func Held(a Actor) []Action {
	scopes := []Scope{{}, {Person: a.Identity()}}
	held := []Action{}
	for _, action := range Actions() {
		may := func(on Scope) bool { return Can(a, action, on) == nil }
		if slices.ContainsFunc(scopes, may) || action == RequestMake && slices.ContainsFunc(a.Groups, func(m Membership) bool {
			return may(Scope{OwnerGroup: m.Group})
		}) {
			held = append(held, action)
		}
	}
	return held
}

// Can decides whether the actor may do the action on the scope: nil, or a fault of kind Unauthenticated or Forbidden that
// says who may. It is the only place where roles turn into rights.
func Can(a Actor, action Action, on Scope) error {
	if action == Public {
		return nil
	}
	if a.Email == "" {
		return fault.New(fault.Unauthenticated, "signed_out", "you are not signed in").Fix("sign in, or send an API token")
	}
	at := slices.IndexFunc(rules, func(r rule) bool { return r.action == action })
	if at < 0 {
		return fault.New(fault.Forbidden, "forbidden", "nobody may do %s", action)
	}
	if a.Credential.Kind == CredentialSystem {
		return nil
	}
	r := rules[at]
	if a.TokenScope != ScopeAll && !slices.Contains(r.scopes, a.TokenScope) {
		return fault.New(fault.Forbidden, "token_scope", "a token of scope %q may not do this", a.TokenScope).
			Fix("use a token of a scope that may, such as \"all\"")
	}
	if a.Suspended {
		left, may := r.suspended()
		if !may {
			return fault.New(fault.Forbidden, "suspended", "you are suspended as an administrator, and may only read and object").
				Fix("object under Admin, Proposals, or ask another administrator to withdraw the proposal")
		}
		r = left
	}
	if action == RequestMake && a.PublishersOnly && !a.Has(Publisher) {
		return fault.New(fault.Forbidden, "publishers_only", "only publishers may ask for this here").
			Fix("ask an administrator to add you to a group with the role publisher")
	}
	if r.standing&stand(a, on) != 0 || slices.ContainsFunc(r.roles, a.Has) {
		return nil
	}
	return fault.New(fault.Forbidden, "forbidden", "you may not do this").Fix("ask %s", r.who(on))
}

// suspended is what is left of the rule for a suspended administrator: to read, to object, and to manage their own sessions.
func (r rule) suspended() (left rule, may bool) {
	if r.action == SessionManage {
		return rule{action: r.action, standing: self, scopes: r.scopes}, true
	}
	return r, r.action == ProposalObject || slices.Contains(r.scopes, ScopeRead)
}

// keepers are who acts for what nobody owns.
var keepers = []Role{Operator, Admin}

// stand gives every standing that the actor has.
func stand(a Actor, on Scope) standing {
	s := anybody
	if a.Owns(on.OwnerGroup, on.OwnerPerson.ID) || on.Unowned && slices.ContainsFunc(keepers, a.Has) {
		s |= owner
		if !on.Governed {
			s |= ownerUngoverned
		}
	}
	if a.Credential.Kind == CredentialLocal {
		s |= local
	}
	if a.Agent && a.TokenScope == ScopeChecks {
		s |= reporter
	}
	if a.PersonID != "" && a.Identity().Is(on.Requester) {
		s |= requester
	}
	if a.PersonID != "" && a.Identity().Is(on.Person) {
		s |= self
	}
	return s
}

// who names, for a refusal, the people who may.
func (r rule) who(on Scope) string {
	var people []string
	if r.standing&owner != 0 || r.standing&ownerUngoverned != 0 && !on.Governed {
		if on.OwnerGroup != "" {
			people = append(people, "a member of "+on.OwnerGroup)
		}
		if on.OwnerPerson.Email != "" {
			people = append(people, on.OwnerPerson.Email)
		}
		if on.Unowned && len(r.roles) == 0 {
			r.roles = keepers
		}
	}
	if r.standing&requester != 0 && on.Requester.Email != "" {
		people = append(people, on.Requester.Email)
	}
	if r.standing&self != 0 && on.Person.Email != "" {
		people = append(people, on.Person.Email)
	}
	if r.standing&reporter != 0 {
		people = append(people, "a service account with a token of scope checks")
	}
	for _, role := range r.roles {
		people = append(people, "somebody with the role "+string(role))
	}
	if len(people) == 0 {
		return "an administrator whom to ask"
	}
	return strings.Join(people, " or ")
}
