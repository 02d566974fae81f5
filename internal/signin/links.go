package signin

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
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
func (a *Accounts) Invite(ctx context.Context, by access.Actor, email string, spec Invitation) (link NewLink, err error) {
	if err := access.Can(by, access.PeopleWrite, access.Scope{}); err != nil {
		return NewLink{}, err
	}
	email, wanted, err := access.CheckPerson(email, access.PersonSpec{DisplayName: spec.DisplayName, Groups: spec.Groups})
	if err != nil {
		return NewLink{}, err
	}
	var waiting *access.Proposal
	err = a.Directory.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) error {
		c := access.Change{By: by, At: a.Now()}
		before, exists, err := access.PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := a.inviteable(ctx, tx, before, exists); err != nil {
			return err
		}
		if exists {
			if waiting, err = secondForAdmin(ctx, tx, by, c.At, before, LinkInvite); err != nil || waiting != nil {
				return err
			}
		}
		if wanted.DisplayName == "" {
			wanted.DisplayName = before.DisplayName
		}
		var p access.Person
		if p, _, waiting, err = a.Directory.SetPerson(ctx, tx, c, email, wanted); err != nil || waiting != nil {
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

func (a *Accounts) inviteable(ctx context.Context, tx *store.Tx, p access.Person, exists bool) error {
	if !exists {
		return nil
	}
	if err := mayJoin(p); err != nil {
		return err
	}
	_, has, err := store.One(ctx, tx, store.ScanString, `SELECT person_id FROM password WHERE person_id = $1`, p.ID)
	if err != nil {
		return fault.Wrap("read password", err)
	}
	if has {
		return fault.New(fault.Conflict, "has_joined", "%s has a password already", p.Email).At("email").
			Fix("make a link to choose a new password instead")
	}
	return nil
}

func mayJoin(p access.Person) error {
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
func (a *Accounts) ResetLink(ctx context.Context, by access.Actor, email string) (link NewLink, err error) {
	if err := access.Can(by, access.PeopleWrite, access.Scope{}); err != nil {
		return NewLink{}, err
	}
	var waiting *access.Proposal
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, ok, err := access.PersonByEmail(ctx, tx, email)
		if err != nil {
			return err
		}
		if !ok {
			return access.UnknownPerson(ctx, tx, "email", email)
		}
		if err := mayJoin(p); err != nil {
			return err
		}
		c := access.Change{By: by, At: a.Now()}
		if waiting, err = secondForAdmin(ctx, tx, by, c.At, p, LinkReset); err != nil || waiting != nil {
			return err
		}
		link, err = a.makeLink(ctx, tx, c, LinkReset, p)
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	return link, err
}

// linkFor is the verb of this package that can loosen what governs. Invite makes the person with the verb of the directory, too.
var linkFor = access.Verb[linkChange]{Method: "Accounts.ResetLink", Action: "link.create", Right: access.PeopleWrite, Looser: looserLink}

// linkChange is what such a proposal keeps.
type linkChange struct {
	Email string   `json:"email"`
	Kind  LinkKind `json:"kind"`
}

// looserLink says what a link to act as an administrator loosens: whoever proposes would also be whoever confirms.
func looserLink(_, after linkChange) []string {
	return []string{"whoever has the link signs in as " + after.Email + ", an administrator"}
}

// Governing is the rows of this package in the table of verbs that govern. A link is shown to whoever asks for it, so that the
// second administrator asks for it, too, instead of confirming what they would not see.
func (a *Accounts) Governing() []access.Governing {
	reset := access.Row(linkFor, func(context.Context, access.Actor, linkChange, int64) error {
		return fault.New(fault.Conflict, "ask_for_link", "a link is shown to whoever asks for it, so it is confirmed by asking for it").
			Fix("open the person under People and make the link there; as the second administrator you get it at once")
	})
	invite := reset
	invite.Method = "Accounts.Invite"
	return []access.Governing{
		reset, invite, access.Harmless("Sessions.SignOutEverywhere", access.PeopleWrite, "whoever is signed out signs in again"),
	}
}

// secondForAdmin is a step: a link by which one signs in as another administrator needs a second one, so that nobody becomes both
// who proposes and who confirms. It returns the proposal that waits for the second.
func secondForAdmin(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, p access.Person, kind LinkKind) (*access.Proposal, error) {
	if by.PersonID == p.ID || !p.Active {
		return nil, nil //nolint:nilnil // nobody has to confirm it
	}
	theirs, err := access.ActorOf(ctx, tx, p.ID, by.Credential, access.ScopeAll)
	if err != nil || !theirs.Has(access.Admin) {
		return nil, err
	}
	change := linkChange{p.Email, kind}
	return linkFor.Second(ctx, tx, by, at, linkChange{}, change, access.Loosening{Subject: "person:" + p.Email, Change: change})
}

// SetUpLink gives the link that makes the first administrator and voids the one before; false where there is an
// administrator already.
func (a *Accounts) SetUpLink(ctx context.Context) (link NewLink, needed bool, err error) {
	err = a.Directory.Exclusively(ctx, func(ctx context.Context, tx *store.Tx) error {
		admins, err := access.Admins(ctx, tx)
		if needed = len(admins) == 0; err != nil || !needed {
			return err
		}
		link, err = a.makeLink(ctx, tx, access.Change{By: access.System("setup"), At: a.Now()}, LinkSetup, access.Person{})
		return err
	})
	return link, needed && err == nil, err
}

// makeLink is a step: a new link of the kind for the person, or for set-up, in place of any before. It does not outlast a token that it
// is made with, nor does it let the person of one that ends choose a password, or whoever made the credential of the person.
func (a *Accounts) makeLink(ctx context.Context, tx *store.Tx, c access.Change, kind LinkKind, p access.Person) (NewLink, error) {
	if err := ownCredential(c.By, p.Identity()); err != nil {
		return NewLink{}, err
	}
	if c.By.Ends != nil && c.By.PersonID == p.ID {
		return NewLink{}, fault.New(fault.Forbidden, "outlasts_its_maker", "the token that you act by ends, and a password of your own would not").
			Fix("sign in by a browser, or let another administrator make the link")
	}
	if err := voidLinks(ctx, tx, c.At, p.ID); err != nil {
		return NewLink{}, err
	}
	secret, hash := access.NewSecret(linkPrefix)
	id, ends, maker := store.NewID(), c.At.Add(kind.valid()), c.By.Maker(p.Identity())
	expires := *c.By.EndOf(&ends)
	if _, err := tx.Exec(ctx, `INSERT INTO one_time_link (id, hash, kind, person_id, made_by, made_by_id, created_at, expires_at, makers, choosers, used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE)`,
		id, hash[:], string(kind), store.NullText(string(p.ID)), maker.Email, maker.ID, store.Micros(c.At), store.Micros(expires),
		c.By.MakersFor(p.ID), c.By.Choosers.Without(p.ID)); err != nil {
		return NewLink{}, fault.Wrap("write link", err)
	}
	subject := "installation"
	if p.Email != "" {
		subject = "person:" + p.Email
	}
	err := c.Append(ctx, tx, audit.LinkCreated, subject, nil, map[string]any{"link": id, "kind": kind, "expires_at": store.Time(store.Micros(expires))})
	return NewLink{Link: a.URL() + "/join#" + secret, Kind: kind, Email: p.Email, ExpiresAt: store.Time(store.Micros(expires))}, err
}

// voidLinks is a step: the open links of a person can no longer be used; those for set-up with an empty id.
func voidLinks(ctx context.Context, tx *store.Tx, now time.Time, personID access.PersonID) error {
	_, err := tx.Exec(ctx, `UPDATE one_time_link SET ended_at = $1 WHERE ended_at IS NULL AND coalesce(person_id, '') = $2`, store.Micros(now), personID)
	return fault.Wrap("void links", err)
}

// heldLink is a link as it is stored.
type heldLink struct {
	id       string
	kind     LinkKind
	personID access.PersonID
	made     access.Identity
	makers   access.PersonIDs // as those of a token
	choosers access.PersonIDs
	expires  time.Time
	ended    *time.Time
	used     bool
}

func scanLink(row store.Row) (l heldLink, err error) {
	var person sql.NullString
	var ended sql.NullInt64
	var expires int64
	err = row.Scan(&l.id, &l.kind, &person, &l.made.Email, &l.made.ID, &l.makers, &l.choosers, &expires, &ended, &l.used)
	l.personID, l.expires, l.ended = access.PersonID(person.String), store.Time(expires), store.NullTime(ended)
	return l, err
}

// usable tells why the link can no longer be used, if it cannot.
func (l heldLink) usable(now time.Time) error {
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
	hash, ok := access.HashOf(linkPrefix, strings.TrimSpace(secret))
	if !ok {
		return heldLink{}, unknown
	}
	l, ok, err := store.One(ctx, tx, scanLink, `SELECT id, kind, person_id, made_by, made_by_id, makers, choosers, expires_at, ended_at, used FROM one_time_link WHERE hash = $1`+tx.ForUpdate(), hash[:])
	if err != nil {
		return heldLink{}, fault.Wrap("read link", err)
	}
	if !ok {
		return heldLink{}, unknown
	}
	return l, l.usable(now)
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
	p, err := access.PersonByID(ctx, tx, l.personID)
	if err != nil {
		return Link{}, err
	}
	link.Email, link.InvitedBy = p.Email, l.made.Email
	if p.DisplayName != p.Email {
		link.DisplayName = p.DisplayName
	}
	if l.made.ID != "" {
		by, err := access.PersonByID(ctx, tx, l.made.ID)
		if err != nil {
			return Link{}, err
		}
		link.InvitedBy = by.DisplayName
	}
	if strings.Contains(l.made.Email, ":") { // somebody on the server itself
		link.InvitedBy = ""
	}
	link.Groups, err = store.List(ctx, tx, store.ScanString, `SELECT g.title FROM grp g JOIN person_group m ON m.group_name = g.name
		WHERE m.person_id = $1 ORDER BY g.name COLLATE "C"`, p.ID)
	return link, fault.Wrap("read groups", err)
}

// UseLink uses a link up: it sets the password, for set-up makes the first administrator, ends the person's other sessions
// and opens a new one. Of two who use it at once, one wins. The caller sets the cookie.
func (a *Accounts) UseLink(ctx context.Context, r *http.Request, use LinkUse) (cookie *http.Cookie, by access.Actor, err error) {
	use.DisplayName = strings.TrimSpace(use.DisplayName)
	var link Link
	if link, err = a.ReadLink(ctx, r, use.Secret); err != nil { // before a hash is paid for
		return nil, access.Actor{}, err
	}
	if use, err = use.check(link); err != nil {
		return nil, access.Actor{}, err
	}
	var hash string
	if err := a.hashing.do(ctx, func() { hash = hashPassword(use.Password, a.present()) }); err != nil {
		return nil, access.Actor{}, err
	}
	cookie, by, err = a.Sessions.open(ctx, r, func(ctx context.Context, tx *store.Tx) (Token, error) {
		return a.useLink(ctx, tx, use, hash, placeOf(r.RemoteAddr))
	})
	return cookie, by, err
}

// check judges what somebody says who uses the link, and completes it.
func (u LinkUse) check(link Link) (LinkUse, error) {
	var wrong fault.Findings
	name := u.DisplayName
	if link.Kind == LinkSetup {
		email, err := access.Email("email", u.Email)
		wrong.Add(err)
		u.Email = email
	} else {
		u.Email = link.Email
	}
	if name == "" {
		name = link.DisplayName
	}
	wrong.Add(access.Line("display_name", u.DisplayName))
	wrong.Add(checkPassword(u.Password, u.Email, name))
	return u, wrong.Fault("account")
}

// useLink is the step that uses the link up. It returns as whom it signs in, and who else could have used it: whoever made it.
func (a *Accounts) useLink(ctx context.Context, tx *store.Tx, use LinkUse, hash, place string) (Token, error) {
	now := a.Now()
	if err := access.LockGroups(ctx, tx); err != nil { // of two who set up at once, one waits
		return Token{}, err
	}
	held, err := linkOf(ctx, tx, use.Secret, now)
	if err != nil {
		return Token{}, err
	}
	rows, err := tx.Exec(ctx, `UPDATE one_time_link SET ended_at = $1, used = TRUE WHERE id = $2 AND ended_at IS NULL`, store.Micros(now), held.id)
	if err != nil {
		return Token{}, fault.Wrap("use link", err)
	}
	if rows == 0 {
		held.used = true
		return Token{}, held.usable(now)
	}
	c := access.Change{At: now, By: access.Actor{
		PersonID: held.personID, Email: use.Email, Name: use.DisplayName, TokenScope: access.ScopeAll,
		Credential: audit.Credential{Kind: access.CredentialLink, ID: held.id, MadeBy: held.made.Email, MadeByID: string(held.made.ID)},
	}}
	var p access.Person
	if held.kind == LinkSetup {
		p, err = a.Directory.FirstAdmin(ctx, tx, c, use.Email, use.DisplayName)
	} else {
		p, err = access.PersonByID(ctx, tx, held.personID)
		if err == nil {
			err = mayJoin(p)
		}
		if err == nil && use.DisplayName != "" && use.DisplayName != p.DisplayName {
			active := p.Active
			p, _, _, err = a.Directory.SetPerson(ctx, tx, c, p.Email, access.PersonSpec{DisplayName: use.DisplayName, Active: &active})
		}
	}
	if err != nil {
		return Token{}, err
	}
	chosen := password{hash: hash, makers: held.makers.With(held.choosers)}
	if access.OfPerson(held.made.Email) && !held.made.Is(p.Identity()) {
		chosen.made = held.made
	}
	if err := chosen.replace(ctx, tx, c, p.ID, ""); err != nil {
		return Token{}, err
	}
	if err := rememberPlace(ctx, tx, p.ID, place, now); err != nil {
		return Token{}, err
	}
	event := map[LinkKind]audit.Name{
		LinkSetup: audit.InstallationSetUp, LinkInvite: audit.PersonJoined, LinkReset: audit.PersonPasswordReset,
	}[held.kind]
	opening := chosen.letting(p.ID)
	opening.makers, opening.choosers = held.makers, held.choosers // who may be the one who uses it
	return opening, c.Append(ctx, tx, event, "person:"+p.Email, nil, map[string]any{"link": held.id, "sessions": "ended"})
}
