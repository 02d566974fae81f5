package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
)

// rights is who may do what, written down from the semantics and to be reviewed as such: y may, - may not. The columns are
// somebody without any role (any), a member of the owning group, the same where the environment is governed, the person
// who is named as owner, who made the request, who is acted on, then people with one role each and no other relation,
// then who comes by the local socket, and Souk itself. All of them by a credential that narrows nothing.
const rights = `
                out  any  member  governed  named  requester  self  publisher  approver  operator  auditor  admin  local  souk
public          y    y    y       y         y      y          y     y          y         y         y        y      y      y
sign_in         -    y    y       y         y      y          y     y          y         y         y        y      y      y
read            -    y    y       y         y      y          y     y          y         y         y        y      y      y
request.make    -    -    y       y         y      -          -     -          -         -         -        -      y      y
request.edit    -    -    y       y         y      y          -     -          -         -         -        -      y      y
request.comment -    y    y       y         y      y          y     y          y         y         y        y      y      y
request.decide  -    -    -       -         -      -          -     -          y         -         -        -      -      y
check.report    -    -    -       -         -      -          -     -          -         -         -        -      -      y
kill            -    -    y       y         y      -          -     -          -         y         -        y      y      y
restore         -    -    y       y         y      -          -     -          -         y         -        y      y      y
rollout.run     -    -    y       y         y      -          -     -          -         -         -        -      -      y
rollout.early   -    -    -       -         -      -          -     -          -         y         -        y      y      y
rollout.stop    -    -    y       y         y      -          -     -          -         y         -        y      y      y
audit.read      -    -    -       -         -      -          -     -          -         -         y        y      y      y
people.write    -    -    -       -         -      -          -     -          -         -         -        y      y      y
govern.write    -    -    -       -         -      -          -     -          -         -         -        y      y      y
session.manage  -    -    -       -         -      -          y     -          -         -         -        y      y      y
group.join      -    y    y       y         y      y          y     y          y         y         y        y      y      y
token.make      -    -    -       -         -      -          y     -          -         -         -        y      y      y
key.make        -    -    y       -         y      -          -     -          -         y         -        y      y      y
backup          -    -    -       -         -      -          -     -          -         -         -        y      y      y
key.read        -    -    y       y         y      -          -     -          -         y         -        y      y      y
flag.import     -    -    y       y         y      -          -     -          -         y         -        y      y      y
flag.tag        -    -    y       y         y      -          -     -          -         y         -        y      y      y
proposal.read   -    -    -       -         -      -          -     -          -         -         -        y      y      y
proposal.object -    -    -       -         -      -          -     -          -         -         -        y      y      y
`

// narrowed is what a token of a scope lets somebody do who may do everything.
const narrowed = `
                all  read  requests  kill  outcomes  checks  unknown
public          y    y     y         y     y         y       y
sign_in         y    y     y         y     y         y       -
read            y    y     y         y     -         y       -
request.make    y    -     y         -     -         -       -
request.edit    y    -     y         -     -         -       -
request.comment y    -     y         -     -         -       -
request.decide  y    -     -         -     -         -       -
check.report    -    -     -         -     -         -       -
kill            y    -     -         y     -         -       -
restore         y    -     -         -     -         -       -
rollout.run     y    -     -         -     -         -       -
rollout.early   y    -     -         -     -         -       -
rollout.stop    y    -     -         y     -         -       -
audit.read      y    y     -         -     -         -       -
people.write    y    -     -         -     -         -       -
govern.write    y    -     -         -     -         -       -
session.manage  y    -     -         -     -         -       -
group.join      y    -     -         -     -         -       -
token.make      y    -     -         -     -         -       -
key.make        y    -     -         -     -         -       -
backup          y    -     -         -     -         -       -
key.read        y    y     -         -     -         -       -
flag.import     y    -     -         -     -         -       -
flag.tag        y    -     -         -     -         -       -
proposal.read   y    y     -         -     -         -       -
proposal.object y    -     -         -     -         -       -
`

// eachCell calls check for every cell of a table, and fails if the table lacks an action or has one too many.
func eachCell(t *testing.T, table string, check func(action Action, column string, want bool)) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	columns := strings.Fields(lines[0])
	var actions []Action
	for _, text := range lines[1:] {
		cells := strings.Fields(text)
		if len(cells) != len(columns)+1 {
			t.Fatalf("row %q has %d cells, want %d", text, len(cells)-1, len(columns))
		}
		actions = append(actions, Action(cells[0]))
		for i, cell := range cells[1:] {
			check(Action(cells[0]), columns[i], cell == "y")
		}
	}
	if diff := cmp.Diff(set(Actions()), set(actions)); diff != "" {
		t.Errorf("actions of the code and of the table differ:\n%s", diff)
	}
}

var lou = Identity{ID: "2", Email: "lou@hyfin.example"}

// somebody is a person with the roles, each by a group of its own.
func somebody(roles ...Role) Actor {
	a := Actor{PersonID: "1", Email: alice, TokenScope: ScopeAll, Credential: audit.Credential{Kind: "session"}}
	for _, role := range roles {
		a.Groups = append(a.Groups, Membership{Group: "of-" + string(role), Roles: []Role{role}})
	}
	return a
}

func TestRightsAreThoseOfTheReviewedTable(t *testing.T) {
	t.Parallel()
	member := somebody()
	member.Groups = []Membership{{Group: "team-lunch"}}
	theirs := Scope{OwnerGroup: "team-lunch", OwnerPerson: lou, Requester: lou, Person: lou}
	governed, named, requested, self := theirs, theirs, theirs, theirs
	me := somebody().Identity()
	governed.Governed, named.OwnerPerson, requested.Requester, self.Person = true, me, me, me
	type column struct {
		by Actor
		on Scope
	}
	columns := map[string]column{
		"out": {Actor{}, theirs}, "any": {somebody(), theirs}, "member": {member, theirs}, "governed": {member, governed},
		"named": {somebody(), named}, "requester": {somebody(), requested}, "self": {somebody(), self},
		"local": {Local("root"), governed}, "souk": {System("rollout"), governed},
	}
	for _, role := range roles {
		columns[string(role)] = column{somebody(role), governed}
	}
	eachCell(t, rights, func(action Action, name string, want bool) {
		c := columns[name]
		err := Can(c.by, action, c.on)
		if (err == nil) != want {
			t.Errorf("%s, %s: %v", action, name, err)
		}
		if kind := fault.Of(err); err != nil && kind != fault.Forbidden && (name != "out" || kind != fault.Unauthenticated) {
			t.Errorf("%s, %s: refused with %q", action, name, kind)
		}
	})
}

func TestTokensNarrowAsTheReviewedTableSays(t *testing.T) {
	t.Parallel()
	by := somebody(roles...)
	me := by.Identity()
	on := Scope{OwnerPerson: me, Requester: me, Person: me}
	eachCell(t, narrowed, func(action Action, scope string, want bool) {
		by.TokenScope = TokenScope(scope)
		if err := Can(by, action, on); (err == nil) != want {
			t.Errorf("%s, %s: %v", action, scope, err)
		}
	})
}

func TestOnlyAServiceAccountReportsChecksByATokenForThatAlone(t *testing.T) {
	t.Parallel()
	by := somebody(roles...)
	for _, agent := range []bool{true, false} {
		for _, scope := range TokenScopes() {
			by.Agent, by.TokenScope = agent, scope
			if err := Can(by, CheckReport, Scope{}); (err == nil) != (agent && scope == ScopeChecks) {
				t.Errorf("agent %t, %s: %v", agent, scope, err)
			}
		}
	}
}

func TestASuspendedAdministratorKeepsOnlyWhatReadsAndObjects(t *testing.T) {
	t.Parallel()
	by := somebody(roles...)
	me := by.Identity()
	by.Suspended = true
	on := Scope{OwnerPerson: me, Requester: me, Person: me}
	for _, action := range Actions() {
		want := slices.Contains([]Action{Public, SignIn, Read, AuditRead, KeyRead, SessionManage, ProposalRead, ProposalObject}, action)
		if err := Can(by, action, on); (err == nil) != want {
			t.Errorf("%s: %v", action, err)
		}
	}
	wantFault(t, Can(by, SessionManage, Scope{Person: lou}), fault.Forbidden, "forbidden")
	wantFault(t, Can(by, Kill, on), fault.Forbidden, "suspended")
	rapid.Check(t, func(t *rapid.T) {
		by, action, on := anyCase(t)
		suspended := by
		suspended.Suspended = true
		if Can(suspended, action, on) == nil && Can(by, action, on) != nil {
			t.Fatal("more is allowed to somebody who is suspended")
		}
	})
}

func TestUnknownActionIsRefusedToEverybody(t *testing.T) {
	t.Parallel()
	for _, by := range []Actor{somebody(roles...), Local("root"), System("rollout")} {
		if err := Can(by, "anything", Scope{}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", by.Email, err)
		}
	}
}

func TestNobodyIsOwnerOfWhatHasNone(t *testing.T) {
	t.Parallel()
	nameless := somebody()
	nameless.Groups = []Membership{{Group: ""}}
	for _, by := range []Actor{nameless, {PersonID: "1"}, {Email: alice, TokenScope: ScopeAll}} {
		if by.Owns("", "") {
			t.Errorf("%+v owns nothing's things", by)
		}
	}
	// An address alone, without a person behind it, has the standing of nobody.
	ghost := Actor{Email: alice, TokenScope: ScopeAll, Groups: []Membership{{Group: "team-lunch"}}}
	me := Identity{Email: alice}
	on := Scope{OwnerGroup: "team-lunch", OwnerPerson: me, Requester: me, Person: me}
	for _, action := range []Action{Kill, RequestEdit, TokenMake} {
		if Can(ghost, action, on) == nil {
			t.Errorf("%s by a ghost", action)
		}
	}
}

func TestOperatorsAndAdminsStandInForTheOwnerOfWhatNobodyOwns(t *testing.T) {
	t.Parallel()
	for _, action := range []Action{RequestMake, RolloutRun, Kill, FlagImport} {
		for _, role := range []Role{Operator, Admin} {
			if err := Can(somebody(role), action, Scope{Unowned: true}); err != nil {
				t.Errorf("%s, %s: %v", action, role, err)
			}
		}
		e := wantFault(t, Can(somebody(Publisher, Approver, Auditor), action, Scope{Unowned: true}), fault.Forbidden, "forbidden")
		if want := "ask somebody with the role operator or somebody with the role admin"; e.Remediation != want {
			t.Errorf("%s: got %q, want %q", action, e.Remediation, want)
		}
	}
	if Can(somebody(Operator), RolloutRun, Scope{OwnerGroup: "team-lunch"}) == nil {
		t.Error("an operator starts the rollout of a team")
	}
}

func TestRefusalNamesWhomToAsk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action Action
		on     Scope
		want   string
	}{
		{RolloutRun, Scope{OwnerGroup: "team-lunch"}, "ask a member of team-lunch"},
		{Kill, Scope{OwnerGroup: "team-lunch", OwnerPerson: lou}, "ask a member of team-lunch or lou@hyfin.example or somebody with the role operator or somebody with the role admin"},
		{KeyMake, Scope{OwnerGroup: "team-lunch", Governed: true}, "ask somebody with the role operator or somebody with the role admin"},
		{RequestEdit, Scope{OwnerGroup: "team-lunch", Requester: lou}, "ask a member of team-lunch or lou@hyfin.example"},
		{PeopleWrite, Scope{}, "ask somebody with the role admin"},
	} {
		e := wantFault(t, Can(somebody(), c.action, c.on), fault.Forbidden, "forbidden")
		if e.Remediation != c.want {
			t.Errorf("%s: got %q, want %q", c.action, e.Remediation, c.want)
		}
	}
}

func TestHeldIsWhatNeedsNoParticularApp(t *testing.T) {
	t.Parallel()
	member := somebody(Publisher)
	for _, c := range []struct {
		by   Actor
		want []Action
	}{
		{Actor{}, []Action{Public}},
		{somebody(), []Action{Public, SignIn, Read, RequestComment, SessionManage, GroupJoin, TokenMake}},
		{member, []Action{Public, SignIn, Read, RequestMake, RequestComment, SessionManage, GroupJoin, TokenMake}},
		{somebody(Operator), []Action{Public, SignIn, Read, RequestMake, RequestComment, Kill, Restore, RolloutEarly, RolloutStop, SessionManage, GroupJoin, TokenMake, KeyMake, KeyRead, FlagImport, FlagTag}},
		{Local("root"), []Action{Public, SignIn, Read, RequestMake, RequestEdit, RequestComment, Kill, Restore, RolloutEarly, RolloutStop, AuditRead, PeopleWrite, GovernWrite, SessionManage, GroupJoin, TokenMake, KeyMake, Backup, KeyRead, FlagImport, FlagTag, ProposalRead, ProposalObject}},
	} {
		if diff := cmp.Diff(c.want, Held(c.by)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.by.Groups, diff)
		}
	}
}

// anyCase draws an actor, an action and a scope that have to do with each other often enough.
func anyCase(t *rapid.T) (Actor, Action, Scope) {
	emails, people, groups := []string{"", alice, lou.Email}, []Identity{{}, {ID: "1", Email: alice}, lou, {Email: alice}}, []string{"", "team-lunch", "product"}
	membership := rapid.Custom(func(t *rapid.T) Membership {
		return Membership{Group: rapid.SampledFrom(groups).Draw(t, "group"), Roles: rapid.SliceOf(rapid.SampledFrom(roles)).Draw(t, "roles")}
	})
	by := Actor{
		PersonID:   rapid.SampledFrom([]PersonID{"", "1"}).Draw(t, "person"),
		Email:      rapid.SampledFrom(emails).Draw(t, "email"),
		Groups:     rapid.SliceOf(membership).Draw(t, "groups"),
		TokenScope: rapid.SampledFrom(TokenScopes()).Draw(t, "token scope"),
	}
	on := Scope{
		OwnerGroup:  rapid.SampledFrom(groups).Draw(t, "owner group"),
		OwnerPerson: rapid.SampledFrom(people).Draw(t, "owner person"),
		Requester:   rapid.SampledFrom(people).Draw(t, "requester"),
		Person:      rapid.SampledFrom(people).Draw(t, "acted on"),
		Governed:    rapid.Bool().Draw(t, "governed"),
	}
	return by, rapid.SampledFrom(Actions()).Draw(t, "action"), on
}

func TestMoreRolesNeverLoseARight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		by, action, on := anyCase(t)
		before := Can(by, action, on)
		more := by
		more.Groups = append(slices.Clone(by.Groups), Membership{Group: "more", Roles: rapid.SliceOf(rapid.SampledFrom(roles)).Draw(t, "more roles")})
		if after := Can(more, action, on); before == nil && after != nil {
			t.Fatalf("lost by more roles: %v", after)
		}
	})
}

func TestNarrowerTokenNeverGains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		by, action, on := anyCase(t)
		whole := by
		whole.TokenScope = ScopeAll
		if Can(by, action, on) == nil && Can(whole, action, on) != nil {
			t.Fatalf("a token of scope %s may more than its person", by.TokenScope)
		}
	})
}
