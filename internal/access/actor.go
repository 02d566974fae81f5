// Package access knows who people are and what they may do.
//
// People belong to groups, groups carry roles, and Can is one pure function over an Actor, an Action and a Scope. Every
// exported verb of the packages above takes the Actor that acts and asks Can first, so that no surface can go round.
package access

import (
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
)

// Role is what a group lets its members do. Everybody who is signed in is a viewer.
type Role string

// The roles.
const (
	Viewer    Role = "viewer"
	Publisher Role = "publisher"
	Approver  Role = "approver"
	Operator  Role = "operator"
	Auditor   Role = "auditor"
	Admin     Role = "admin"
)

var roles = []Role{Viewer, Publisher, Approver, Operator, Auditor, Admin}

// Domain names a field of judgement that approvals come from, such as product, security or platform.
type Domain string

// TokenScope narrows what a credential may be used for.
type TokenScope string

// The scopes of API tokens. A session and the local socket have All.
const (
	ScopeAll      TokenScope = "all"      // whatever the person may
	ScopeRead     TokenScope = "read"     // reading only
	ScopeRequests TokenScope = "requests" // reading, and making and editing requests
	ScopeKill     TokenScope = "kill"     // reading, and turning things off
	ScopeOutcomes TokenScope = "outcomes" // reporting outcomes
	ScopeChecks   TokenScope = "checks"   // reading, and reporting checks of requests: of service accounts
)

// TokenScopes lists every scope.
func TokenScopes() []TokenScope {
	return []TokenScope{ScopeAll, ScopeRead, ScopeRequests, ScopeKill, ScopeOutcomes, ScopeChecks}
}

// Actor is who acts, by which credential, with the memberships that were true when the act began.
type Actor struct {
	PersonID   PersonID // empty for who is no person
	Email      string   // the address of now; also for the parts of Souk that act by themselves: "souk:rollout"
	Name       string
	Agent      bool // a service account or an AI agent, not a human
	Suspended  bool // an administrator who may only read and object
	Groups     []Membership
	TokenScope TokenScope
	Credential audit.Credential
	Makers     PersonIDs  // of the credential, and of what that was made with, besides the person: they may hold it, too
	Choosers   PersonIDs  // makers of the links by which passwords were chosen that the credential, or what made it, began with
	Ends       *time.Time // when the token ends that the actor acts by, or began the session with; nil: it does not, or there is none

	// PublishersOnly says that in this installation a request wants the role publisher, besides membership in the group.
	PublishersOnly bool
}

// Membership is an actor's belonging to a group, with what the group carries.
type Membership struct {
	Group     string
	Roles     []Role
	Domains   []Domain      // of an approver group
	Delegated bool          // approvals of low risk only
	Scope     ApprovalScope // of an approver group; the zero value is everything
}

// ApprovalScope narrows what an approver group decides. An empty list is everything.
type ApprovalScope struct {
	Apps         []string `json:"apps,omitempty" yaml:"apps,omitempty"`
	Categories   []string `json:"categories,omitempty" yaml:"categories,omitempty"`
	Environments []string `json:"environments,omitempty" yaml:"environments,omitempty"`
}

// Covers tells whether the scope includes an app of a category in an environment.
func (s ApprovalScope) Covers(app, category, environment string) bool {
	has := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	return has(s.Apps, app) && has(s.Categories, category) && has(s.Environments, environment)
}

// Publishers says who may ask for requests, besides being in the group that they are for.
type Publishers string

// The choices.
const (
	PublishersEveryone Publishers = "everyone"
	PublishersByRole   Publishers = "role" // only members of a group with the role publisher
)

// In tells whether the actor is a member of the group.
func (a Actor) In(group string) bool {
	return slices.ContainsFunc(a.Groups, func(m Membership) bool { return m.Group == group })
}

// Has tells whether one of the actor's groups carries the role.
func (a Actor) Has(role Role) bool {
	return slices.ContainsFunc(a.Groups, func(m Membership) bool { return slices.Contains(m.Roles, role) })
}

// Covers reports whether the actor still has every right that was had: the same person, in the same groups, which carry no less.
func (a Actor) Covers(had Actor) bool {
	if a.PersonID != had.PersonID || a.Email != had.Email || a.Agent && !had.Agent || a.Suspended && !had.Suspended {
		return false
	}
	return !slices.ContainsFunc(had.Groups, func(m Membership) bool { return !slices.ContainsFunc(a.Groups, m.within) })
}

// within reports whether other is of the same group and carries all that m does.
func (m Membership) within(other Membership) bool {
	return m.Group == other.Group && all(m.Roles, other.Roles) && all(m.Domains, other.Domains) && (m.Delegated || !other.Delegated) &&
		m.Scope.within(other.Scope)
}

// all reports whether each of some is among others.
func all[T comparable](some, others []T) bool {
	return !slices.ContainsFunc(some, func(one T) bool { return !slices.Contains(others, one) })
}

// Owns reports whether the actor is an owner in the sense of every rule: a member of the owning group, or the named person.
func (a Actor) Owns(ownerGroup string, owner PersonID) bool {
	return a.PersonID != "" && (ownerGroup != "" && a.In(ownerGroup) || a.PersonID == owner)
}

// Foreign reports whether another person made the actor's credential, and so may act by it, too. Who holds the server
// (local:…) is not another person: they hold everything.
func (a Actor) Foreign() bool {
	return OfPerson(a.Credential.MadeBy) && !a.made().Is(a.Identity())
}

// Maker is who counts as having made what the actor makes for a person to sign in or act by: the actor, except that what one makes
// for oneself is of whoever made one's own credential. So nobody passes for another person by what a credential makes out of another,
// and no credential becomes somebody's own by a detour.
func (a Actor) Maker(whose Identity) Identity {
	if a.Credential.MadeBy == "" || !a.Identity().Is(whose) {
		return a.Identity()
	}
	return a.made()
}

// Users are the people who may be behind what the actor does: the actor, and who made the credential or what that was made with. For
// deciding who is one and the same human each of them counts. Who is no person is behind nothing.
func (a Actor) Users() PersonIDs {
	if a.PersonID == "" {
		return nil
	}
	return append(PersonIDs{a.PersonID}, a.Makers...)
}

// MakersFor are the makers of a credential that the actor makes for a person: the users of the actor's own, except that person.
func (a Actor) MakersFor(whose PersonID) PersonIDs { return a.Users().Without(whose) }

// Behind are all people who may be behind what the actor does: the users, and who may have chosen a password that they signed in
// by. Where administrators decide about administrators each of them counts, and an approval by one of what another wrote is marked
// (ADR 0037).
func (a Actor) Behind() PersonIDs { return a.Users().With(a.Choosers) }

// EndOf is the end of what the actor makes to sign in or act by, where another one is wanted, or none: no later than that of the token
// that the actor acts by.
func (a Actor) EndOf(wanted *time.Time) *time.Time {
	if a.Ends != nil && (wanted == nil || wanted.After(*a.Ends)) {
		return a.Ends
	}
	return wanted
}

// made is who made the actor's credential.
func (a Actor) made() Identity {
	return Identity{ID: PersonID(a.Credential.MadeByID), Email: a.Credential.MadeBy}
}

// OfPerson reports whether an actor's name is the address of a person, not that of the local socket or of a part of Souk.
func OfPerson(name string) bool { return strings.Contains(name, "@") && !strings.Contains(name, ":") }

// Event begins an audit event of this actor at the given time.
func (a Actor) Event(name audit.Name, at time.Time) audit.Event {
	return audit.Event{Event: name, Actor: a.Email, ActorID: string(a.PersonID), Timestamp: at, Credential: a.Credential}
}

// MayReadAudit asks for the right to read the audit log, in the form in which package audit can ask it.
func (a Actor) MayReadAudit() error { return Can(a, AuditRead, Scope{}) }

// MayEraseTexts asks for the right to delete texts of audit events, as law may demand.
func (a Actor) MayEraseTexts() error { return Can(a, GovernWrite, Scope{}) }

// Topic is announced whenever somebody's rights, sessions or tokens changed, for streams that outlive a request.
const Topic = "access"

// The kinds of credentials that make an actor.
const (
	CredentialSession = "session"
	CredentialToken   = "token"
	CredentialLocal   = "local"
	CredentialLink    = "link"
	CredentialSystem  = "system"
)

// System is the actor of what Souk does by itself; part is such as "rollout". It may do everything.
func System(part string) Actor {
	return Actor{
		Email: "souk:" + part, Name: "Souk", TokenScope: ScopeAll,
		Credential: audit.Credential{Kind: CredentialSystem, ID: part},
	}
}

// Local is the actor of who speaks through the local socket or opens the database itself: whoever may read the data is an
// administrator. It is nobody's person, so it owns nothing and approves nothing; what it asks for, as souk apply does for
// files, a human decides.
func Local(osUser string) Actor {
	return Actor{
		Email: "local:" + osUser, Name: osUser, Agent: true, TokenScope: ScopeAll,
		Groups:     []Membership{{Group: "local:administrators", Roles: []Role{Admin}}},
		Credential: audit.Credential{Kind: CredentialLocal, ID: osUser},
	}
}
