package access

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// LinkKind is what a one-time link is for.
type LinkKind string

// The kinds of links.
const (
	LinkSetup  LinkKind = "setup"  // makes the first administrator
	LinkInvite LinkKind = "invite" // lets somebody new choose a password
	LinkReset  LinkKind = "reset"  // lets somebody choose a new password
)

// valid is how long a link may be used.
func (k LinkKind) valid() time.Duration {
	switch k {
	case LinkSetup, LinkReset:
		return 24 * time.Hour
	case LinkInvite:
		return 7 * 24 * time.Hour
	}
	return 0
}

// linkPrefix begins the secret of a link. The secret is in the fragment, which browsers send to no server and no log sees.
const linkPrefix = "soukjoin_"

// NewLink is a one-time link, which cannot be had again.
type NewLink struct {
	Link      string    `json:"link" doc:"Shown this once; whoever opens it first may choose the password"`
	Kind      LinkKind  `json:"kind" enum:"setup,invite,reset"`
	Email     string    `json:"email,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Invitation says more about somebody who is invited.
type Invitation struct {
	DisplayName string   `json:"display_name,omitempty" doc:"What people read; absent leaves it as it is"`
	Groups      []string `json:"groups,omitempty" doc:"Groups that the person is to be in"`
}

// Link is what a one-time link tells whoever holds it.
type Link struct {
	Kind        LinkKind  `json:"kind" enum:"setup,invite,reset"`
	Email       string    `json:"email,omitempty" doc:"Whose password it sets; absent for set-up, where one says who one is"`
	DisplayName string    `json:"display_name,omitempty"`
	InvitedBy   string    `json:"invited_by,omitempty" doc:"Name of who made the link"`
	Groups      []string  `json:"groups" nullable:"false" doc:"Titles of the groups that the person is in"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// LinkUse is what one says when one uses a link.
type LinkUse struct {
	Secret      string `json:"secret" doc:"What follows # in the link"`
	Email       string `json:"email,omitempty" doc:"For set-up: one's own address"`
	DisplayName string `json:"display_name,omitempty" doc:"What people read; absent leaves it as it is"`
	Password    string `json:"password" doc:"12 to 200 characters"`
}

// Invite makes the person, if there is none yet, adds it to the groups, and gives a link by which it can join. Inviting again
// voids the link before.
func (a *Accounts) Invite(ctx context.Context, by Actor, email string, spec Invitation) (link NewLink, err error) {
	if err := Can(by, PeopleWrite, Scope{Person: email}); err != nil {
		return NewLink{}, err
	}
	email, wanted, err := checkPerson(email, PersonSpec{DisplayName: spec.DisplayName, Groups: spec.Groups})
	if err != nil {
		return NewLink{}, err
	}
	var waiting *Proposal
	err = a.Directory.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		c := change{by: by, at: a.Now()}
		before, exists, err := PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := a.inviteable(ctx, tx, before, exists); err != nil {
			return err
		}
		if wanted.DisplayName == "" {
			wanted.DisplayName = before.DisplayName
		}
		var p Person
		if p, _, waiting, err = putPerson(ctx, tx, c, email, wanted); err != nil || waiting != nil {
			return err
		}
		link, err = a.makeLink(ctx, tx, c, LinkInvite, p)
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	return link, err
}

func (a *Accounts) inviteable(ctx context.Context, tx *store.Tx, p Person, exists bool) error {
	if !exists {
		return nil
	}
	if err := mayJoin(p); err != nil {
		return err
	}
	_, has, err := store.One(ctx, tx, store.ScanString, `SELECT person_id FROM password WHERE person_id = $1`, p.ID)
	if err != nil {
		return wrap("read password", err)
	}
	if has {
		return fault.New(fault.Conflict, "has_joined", "%s has a password already", p.Email).At("email").
			Fix("make a link to choose a new password instead")
	}
	return nil
}

func mayJoin(p Person) error {
	if p.Agent {
		return fault.New(fault.Conflict, "is_agent", "%s is an agent, which signs in by tokens alone", p.Email).At("email").
			Fix("make an API token for it instead")
	}
	if !p.Active {
		return fault.New(fault.Conflict, "not_active", "%s may no longer sign in", p.Email).At("email").Fix("activate the person first")
	}
	return nil
}

// ResetLink gives a link by which the person can choose a new password; the one before, and sessions, hold until it is used.
func (a *Accounts) ResetLink(ctx context.Context, by Actor, email string) (link NewLink, err error) {
	if err := Can(by, PeopleWrite, Scope{Person: email}); err != nil {
		return NewLink{}, err
	}
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, ok, err := PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if !ok {
			people, _, err := Names(ctx, tx)
			if err != nil {
				return err
			}
			return unknown("person", "email", email, people)
		}
		if err := mayJoin(p); err != nil {
			return err
		}
		if err := notForAdmins(ctx, tx, by, p); err != nil {
			return err
		}
		link, err = a.makeLink(ctx, tx, change{by: by, at: a.Now()}, LinkReset, p)
		return err
	})
	return link, err
}

// notForAdmins refuses a link by which one administrator could act as another, and so be both who proposes and who confirms.
func notForAdmins(ctx context.Context, tx *store.Tx, by Actor, p Person) error {
	if by.Credential.Kind == credentialLocal || by.Credential.Kind == credentialSystem || by.Email == p.Email {
		return nil
	}
	theirs, err := ActorOf(ctx, tx, p.Email, by.Credential, ScopeAll)
	if err != nil || !theirs.Has(Admin) {
		return err
	}
	return fault.New(fault.Conflict, "second_admin", "%s is an administrator, too, whose password only they and the server itself can reset", p.Email).
		At("email").Fix("on the server, run: souk invite --reset %s", p.Email)
}

// SetUpLink gives the link that makes the first administrator and voids the one before; false where there is an
// administrator already.
func (a *Accounts) SetUpLink(ctx context.Context) (link NewLink, needed bool, err error) {
	err = a.Directory.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		admins, err := countAdmins(ctx, tx)
		if needed = admins == 0; err != nil || !needed {
			return err
		}
		link, err = a.makeLink(ctx, tx, change{by: System("setup"), at: a.Now()}, LinkSetup, Person{})
		return err
	})
	return link, needed && err == nil, err
}

// makeLink is a step: a new link of the kind for the person, or for set-up, in place of any before.
func (a *Accounts) makeLink(ctx context.Context, tx *store.Tx, c change, kind LinkKind, p Person) (NewLink, error) {
	if err := voidLinks(ctx, tx, c.at, p.ID); err != nil {
		return NewLink{}, err
	}
	secret, hash := newSecret(linkPrefix)
	id, expires := store.NewID(), c.at.Add(kind.valid())
	if _, err := tx.Exec(ctx, `INSERT INTO one_time_link (id, hash, kind, person_id, made_by, created_at, expires_at, used) VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE)`,
		id, hash[:], string(kind), sql.NullString{String: p.ID, Valid: p.ID != ""}, c.by.Email, store.Micros(c.at), store.Micros(expires)); err != nil {
		return NewLink{}, wrap("write link", err)
	}
	subject := "installation"
	if p.Email != "" {
		subject = "person:" + p.Email
	}
	err := c.append(ctx, tx, "link.created", subject, nil, map[string]any{"link": id, "kind": kind, "expires_at": store.Time(store.Micros(expires))})
	return NewLink{Link: a.URL() + "/join#" + secret, Kind: kind, Email: p.Email, ExpiresAt: store.Time(store.Micros(expires))}, err
}

// voidLinks is a step: the open links of a person can no longer be used; those for set-up with an empty id.
func voidLinks(ctx context.Context, tx *store.Tx, now time.Time, personID string) error {
	_, err := tx.Exec(ctx, `UPDATE one_time_link SET ended_at = $1 WHERE ended_at IS NULL AND coalesce(person_id, '') = $2`, store.Micros(now), personID)
	return wrap("void links", err)
}

// heldLink is a link as it is stored.
type heldLink struct {
	id       string
	kind     LinkKind
	personID string
	madeBy   string
	expires  time.Time
	ended    *time.Time
	used     bool
}

func scanLink(row store.Row) (l heldLink, err error) {
	var person sql.NullString
	var ended sql.NullInt64
	var expires int64
	err = row.Scan(&l.id, &l.kind, &person, &l.madeBy, &expires, &ended, &l.used)
	l.personID, l.expires, l.ended = person.String, store.Time(expires), store.NullTime(ended)
	return l, err
}

// open tells why the link can no longer be used, if it cannot.
func (l heldLink) open(now time.Time) error {
	again := "ask an administrator for a new link"
	if l.kind == LinkSetup {
		again = "restart the server: it prints a new link while nobody is an administrator"
	}
	bad := func(code, words string) error {
		return fault.New(fault.Conflict, code, "%s", words).At("secret").Fix("%s", again)
	}
	switch {
	case l.used:
		return bad("link_used", "this link was used already")
	case l.ended != nil:
		return bad("link_void", "this link was replaced by a newer one")
	case !now.Before(l.expires):
		return bad("link_expired", "this link is too old")
	}
	return nil
}

// linkOf is a step: the link of the secret, if it can be used now.
func linkOf(ctx context.Context, tx *store.Tx, secret string, now time.Time) (heldLink, error) {
	unknown := fault.New(fault.NotFound, "unknown_link", "there is no such link").At("secret").
		Fix("open the whole link again, or ask an administrator for a new one")
	hash, ok := hashOf(linkPrefix, strings.TrimSpace(secret))
	if !ok {
		return heldLink{}, unknown
	}
	l, ok, err := store.One(ctx, tx, scanLink, `SELECT id, kind, person_id, made_by, expires_at, ended_at, used FROM one_time_link WHERE hash = $1`+tx.ForUpdate(), hash[:])
	if err != nil {
		return heldLink{}, wrap("read link", err)
	}
	if !ok {
		return heldLink{}, unknown
	}
	return l, l.open(now)
}

// ReadLink tells what a link is for. It uses up nothing.
func (a *Accounts) ReadLink(ctx context.Context, r *http.Request, secret string) (link Link, err error) {
	err = a.limited(r, func() error {
		return a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
			held, err := linkOf(ctx, tx, secret, a.Now())
			if err != nil {
				return err
			}
			link, err = held.describe(ctx, tx)
			return err
		})
	})
	return link, err
}

// limited runs what somebody does with the secret of a link, unless too many wrong ones came from that place.
func (a *Accounts) limited(r *http.Request, do func() error) error {
	place := "link " + placeOf(r.RemoteAddr)
	if wait := a.byAddress().wait(place, a.Now()); wait > 0 {
		return tooMany429(wait, "too many links from your network were wrong")
	}
	err := do()
	if fault.Is(err, fault.NotFound) {
		a.byAddress().take(place, a.Now())
	}
	return err
}

func (l heldLink) describe(ctx context.Context, tx *store.Tx) (Link, error) {
	link := Link{Kind: l.kind, ExpiresAt: l.expires, Groups: []string{}}
	if l.kind == LinkSetup {
		return link, nil
	}
	p, err := personByID(ctx, tx, l.personID)
	if err != nil {
		return Link{}, err
	}
	link.Email, link.InvitedBy = p.Email, l.madeBy
	if p.DisplayName != p.Email {
		link.DisplayName = p.DisplayName
	}
	if by, ok, err := PersonByEmail(ctx, tx, l.madeBy); err != nil {
		return Link{}, err
	} else if ok {
		link.InvitedBy = by.DisplayName
	}
	if strings.Contains(l.madeBy, ":") { // somebody on the server itself
		link.InvitedBy = ""
	}
	link.Groups, err = store.List(ctx, tx, store.ScanString, `SELECT g.title FROM grp g JOIN person_group m ON m.group_name = g.name
		WHERE m.person_id = $1 ORDER BY g.name COLLATE "C"`, p.ID)
	return link, wrap("read groups", err)
}

func personByID(ctx context.Context, tx *store.Tx, id string) (Person, error) {
	p, ok, err := store.One(ctx, tx, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.id = $1`, id)
	if err == nil && !ok {
		err = fmt.Errorf("no person %s", id)
	}
	if err != nil {
		return Person{}, wrap("read person", err)
	}
	people := []Person{p}
	return people[0], fillGroups(ctx, tx, people)
}

// UseLink uses a link up: it sets the password, for set-up makes the first administrator, ends the person's other sessions
// and opens a new one. Of two who use it at once, one wins. The caller sets the cookie.
func (a *Accounts) UseLink(ctx context.Context, r *http.Request, use LinkUse) (cookie *http.Cookie, by Actor, err error) {
	use.DisplayName = strings.TrimSpace(use.DisplayName)
	var link Link
	if link, err = a.ReadLink(ctx, r, use.Secret); err != nil { // before a hash is paid for
		return nil, Actor{}, err
	}
	if use, err = use.check(link); err != nil {
		return nil, Actor{}, err
	}
	var hash string
	if err := a.hashing.do(ctx, func() { hash = hashPassword(use.Password, a.present()) }); err != nil {
		return nil, Actor{}, err
	}
	cookie, by, err = a.Sessions.open(ctx, r, func(ctx context.Context, tx *store.Tx) (Token, error) {
		email, err := a.useLink(ctx, tx, use, hash, placeOf(r.RemoteAddr))
		return Token{As: email, Scope: ScopeAll}, err
	})
	return cookie, by, err
}

// check judges what somebody says who uses the link, and completes it.
func (u LinkUse) check(link Link) (LinkUse, error) {
	var wrong findings
	name := u.DisplayName
	if link.Kind == LinkSetup {
		email, err := Email("email", u.Email)
		wrong.add(err)
		u.Email = email
	} else {
		u.Email = link.Email
	}
	if name == "" {
		name = link.DisplayName
	}
	wrong.add(line("display_name", u.DisplayName))
	wrong.add(checkPassword(u.Password, u.Email, name))
	return u, wrong.fault("account")
}

// useLink is the step that uses the link up and gives the address of its person.
func (a *Accounts) useLink(ctx context.Context, tx *store.Tx, use LinkUse, hash, place string) (string, error) {
	now := a.Now()
	if err := lockGroups(ctx, tx); err != nil { // of two who set up at once, one waits
		return "", err
	}
	held, err := linkOf(ctx, tx, use.Secret, now)
	if err != nil {
		return "", err
	}
	rows, err := tx.Exec(ctx, `UPDATE one_time_link SET ended_at = $1, used = TRUE WHERE id = $2 AND ended_at IS NULL`, store.Micros(now), held.id)
	if err != nil {
		return "", wrap("use link", err)
	}
	if rows == 0 {
		held.used = true
		return "", held.open(now)
	}
	c := change{at: now, by: Actor{
		Email: use.Email, Name: use.DisplayName, TokenScope: ScopeAll, Credential: audit.Credential{Kind: credentialLink, ID: held.id, MadeBy: held.madeBy},
	}}
	var p Person
	if held.kind == LinkSetup {
		p, err = firstAdmin(ctx, tx, c, use)
	} else {
		p, err = personByID(ctx, tx, held.personID)
		if err == nil {
			err = mayJoin(p)
		}
		if err == nil && use.DisplayName != "" && use.DisplayName != p.DisplayName {
			active := p.Active
			p, _, _, err = putPerson(ctx, tx, c, p.Email, PersonSpec{DisplayName: use.DisplayName, Active: &active})
		}
	}
	if err != nil {
		return "", err
	}
	if err := setPassword(ctx, tx, c, p.ID, hash, ""); err != nil {
		return "", err
	}
	if err := rememberPlace(ctx, tx, p.ID, place, now); err != nil {
		return "", err
	}
	event := map[LinkKind]string{LinkSetup: "installation.set_up", LinkInvite: "person.joined", LinkReset: "person.password_reset"}[held.kind]
	return p.Email, c.append(ctx, tx, event, "person:"+p.Email, nil, map[string]any{"link": held.id, "sessions": "ended"})
}

// firstAdmin is a step: the person, in a group with the role admin, which is made if there is none.
func firstAdmin(ctx context.Context, tx *store.Tx, c change, use LinkUse) (Person, error) {
	admins, err := countAdmins(ctx, tx)
	if err != nil {
		return Person{}, err
	}
	if admins > 0 {
		return Person{}, fault.New(fault.Conflict, "already_set_up", "this installation has an administrator already").At("secret").
			Fix("ask an administrator to invite you")
	}
	before, exists, err := PersonByEmail(ctx, tx, use.Email)
	if err != nil {
		return Person{}, err
	}
	active := true
	spec := PersonSpec{DisplayName: use.DisplayName, Active: &active}
	if exists && spec.DisplayName == "" {
		spec.DisplayName = before.DisplayName
	}
	if _, _, _, err := putPerson(ctx, tx, c, use.Email, spec); err != nil {
		return Person{}, err
	}
	name, ok, err := store.One(ctx, tx, store.ScanString, `SELECT name FROM grp WHERE roles LIKE '%"admin"%' ORDER BY name COLLATE "C" LIMIT 1`)
	if err != nil {
		return Person{}, wrap("read groups", err)
	}
	group := GroupSpec{Title: "Administrators", Roles: []Role{Admin}, Domains: []Domain{}, Members: []string{use.Email}}
	if ok {
		g, _, err := GroupByName(ctx, tx, name)
		if err != nil {
			return Person{}, err
		}
		group = GroupSpec{
			Title: g.Title, Roles: g.Roles, Domains: g.Domains, Delegated: g.Delegated, Scope: g.Scope, Members: append(g.Members, use.Email),
		}
	} else if name, err = vacantGroup(ctx, tx); err != nil {
		return Person{}, err
	}
	if _, _, _, err := putGroup(ctx, tx, c, name, group); err != nil {
		return Person{}, err
	}
	p, _, err := PersonByEmail(ctx, tx, use.Email)
	return p, err
}

// vacantGroup gives a name for the group of administrators: a group of that name without the role gets it from nobody.
func vacantGroup(ctx context.Context, tx *store.Tx) (string, error) {
	for i := 1; ; i++ {
		name := "admins"
		if i > 1 {
			name = fmt.Sprintf("admins-%d", i)
		}
		if _, taken, err := GroupByName(ctx, tx, name); err != nil || !taken {
			return name, err
		}
	}
}
