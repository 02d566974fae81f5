package access

import (
	"slices"

	"github.com/soukhq/souk/internal/fault"
)

// Action is something that a right is needed for. Every API operation names one.
type Action string

// The actions.
const (
	Public        Action = "public"         // no sign-in is needed
	SignIn        Action = "sign_in"        // any signed-in person, about themselves
	Read          Action = "read"           // see apps, flags, requests, rollouts, templates, policies, people and groups
	RequestMake   Action = "request.make"   // submit for a group one belongs to
	RequestEdit   Action = "request.edit"   // edit or withdraw: the requester or an owner
	RequestDecide Action = "request.decide" // approve or deny: an approver; which one, review decides
	Kill          Action = "kill"           // turn off: owners, operators, admins
	RolloutRun    Action = "rollout.run"    // start, promote, resume: owners
	RolloutStop   Action = "rollout.stop"   // pause, abort: owners, operators, admins
	AuditRead     Action = "audit.read"     // auditors and admins
	PeopleWrite   Action = "people.write"   // people and groups: admins
	GovernWrite   Action = "govern.write"   // templates, policies, lifecycle, environments, segments: admins
	TokenMake     Action = "token.make"     // a token for oneself; for others: admins
	KeyMake       Action = "key.make"       // SDK keys: operators and admins; owners for their app outside production
	KeyRead       Action = "key.read"       // list SDK keys: operators, admins, owners
)

// Scope is what an action is about. Its zero value is the installation as a whole.
type Scope struct {
	OwnerGroup  string // group that owns the app
	OwnerPerson string // e-mail of the person that owns the flag
	Requester   string // e-mail of who made the request
	Person      string // e-mail of the person acted on
	Governed    bool   // the environment is governed
}

// rule says who may do an action. An action without a rule is refused to everybody.
type rule struct {
	anyone     bool // signed in
	roles      []Role
	owner      bool // owners of the scope
	requester  bool // who made the request
	self       bool // the person acted on
	scopes     []TokenScope
	ungoverned bool // owner counts only outside governed environments
}

var rules = map[Action]rule{
	SignIn:        {anyone: true, scopes: []TokenScope{ScopeRead, ScopeRequests, ScopeKill}},
	Read:          {anyone: true, scopes: []TokenScope{ScopeRead, ScopeRequests, ScopeKill}},
	RequestMake:   {roles: []Role{Admin}, owner: true, scopes: []TokenScope{ScopeRequests}},
	RequestEdit:   {owner: true, requester: true, scopes: []TokenScope{ScopeRequests}},
	RequestDecide: {roles: []Role{Approver}},
	Kill:          {roles: []Role{Operator, Admin}, owner: true, scopes: []TokenScope{ScopeKill}},
	RolloutRun:    {owner: true},
	RolloutStop:   {roles: []Role{Operator, Admin}, owner: true, scopes: []TokenScope{ScopeKill}},
	AuditRead:     {roles: []Role{Auditor, Admin}, scopes: []TokenScope{ScopeRead}},
	PeopleWrite:   {roles: []Role{Admin}},
	GovernWrite:   {roles: []Role{Admin}},
	TokenMake:     {roles: []Role{Admin}, self: true},
	KeyMake:       {roles: []Role{Operator, Admin}, owner: true, ungoverned: true},
	KeyRead:       {roles: []Role{Operator, Admin}, owner: true, scopes: []TokenScope{ScopeRead}},
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
	r, ok := rules[action]
	if !ok {
		return fault.New(fault.Forbidden, "forbidden", "nobody may do %s", action)
	}
	if a.TokenScope != ScopeAll && !slices.Contains(r.scopes, a.TokenScope) {
		return fault.New(fault.Forbidden, "token_scope", "a token of scope %q may not do this", a.TokenScope).
			Fix("use a token of scope \"all\"")
	}
	owner := r.owner && a.Owns(on.OwnerGroup, on.OwnerPerson) && (!r.ungoverned || !on.Governed)
	if r.anyone || owner ||
		r.requester && on.Requester != "" && a.Email == on.Requester ||
		r.self && on.Person != "" && a.Email == on.Person ||
		slices.ContainsFunc(r.roles, a.Has) {
		return nil
	}
	return fault.New(fault.Forbidden, "forbidden", "you may not do this").Fix("%s", r.who(on))
}

// who tells, for a refusal, whom to ask.
func (r rule) who(on Scope) string {
	text := "ask "
	switch {
	case r.owner && on.OwnerGroup != "" && len(r.roles) > 0:
		text += "a member of " + on.OwnerGroup + " or a person with the role " + string(r.roles[0])
	case r.owner && on.OwnerGroup != "":
		text += "a member of " + on.OwnerGroup
	case len(r.roles) > 0:
		text += "a person with the role " + string(r.roles[0])
	case on.Requester != "":
		text += on.Requester
	default:
		text += "an administrator"
	}
	return text
}
