package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Loosening is a change of what governs: a group, a policy, a template.
type Loosening struct {
	Subject string // what is changed, such as "group:product"
	Change  any    // what was asked for, whole: another administrator who asks for the same confirms it
	Base    int64  // the revision that it was made from; 0 is any

	action string
	right  Action
	words  []string // what gets looser
}

// Proposal is a change that waits for a second administrator.
type Proposal struct {
	ID        string    `json:"id"`
	Action    string    `json:"action" doc:"What it does, such as group.put"`
	Subject   string    `json:"subject" doc:"What it changes, such as group:product"`
	Words     string    `json:"words" doc:"What gets weaker, in plain words"`
	By        string    `json:"by" doc:"E-mail of the administrator who asked for it"`
	ByID      PersonID  `json:"by_id" doc:"Id of that administrator"`
	At        time.Time `json:"at"`
	ExpiresAt time.Time `json:"expires_at"`

	base   int64
	change json.RawMessage
}

// Pending is the error of a verb whose change was kept as a proposal: nothing went wrong, and nothing was changed yet.
type Pending struct{ Proposal Proposal }

// Error says what it waits for.
func (p *Pending) Error() string {
	return "another administrator has to ask for the same change, or confirm it: " + p.Proposal.Words
}

// proposalsFor is how long a proposal waits.
const proposalsFor = 7 * 24 * time.Hour

// The states of a proposal.
const (
	proposalOpen      = "open"
	proposalConfirmed = "confirmed"
	proposalWithdrawn = "withdrawn"
	proposalExpired   = "expired"
	proposalAlone     = "alone" // took effect on the word of one
)

// second is the step of Verb.Second.
func (l Loosening) second(ctx context.Context, tx *store.Tx, by Actor, at time.Time) (*Proposal, error) {
	if len(l.words) == 0 || by.Credential.Kind == CredentialSystem || by.Credential.Kind == CredentialLink {
		return nil, nil //nolint:nilnil // the change may take effect
	}
	if by.Credential.Kind == CredentialLocal {
		return nil, l.alone(ctx, tx, by, at)
	}
	if by.Agent {
		return nil, fault.New(fault.Forbidden, "human_needed", "an agent cannot loosen the rules, and is nobody's second").
			Fix("let a human administrator ask for it")
	}
	others, err := otherAdmins(ctx, tx, by)
	if err != nil {
		return nil, err
	}
	if others == 0 {
		return nil, l.alone(ctx, tx, by, at)
	}
	if by.Foreign() {
		return nil, fault.New(fault.Forbidden, "own_credential", "what loosens the rules is changed with a credential of one's own, and %s made this one",
			by.Credential.MadeBy).Fix("sign in with what nobody else made; on the server, souk invite --reset %s makes a link for that", by.Email)
	}
	digest, _, err := l.digest()
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE proposal SET state = $1, ended_at = $2 WHERE state = $3 AND expires_at <= $2`,
		proposalExpired, store.Micros(at), proposalOpen); err != nil {
		return nil, fault.Wrap("end old proposals", err)
	}
	p, found, err := store.One(ctx, tx, scanProposal, `SELECT `+proposalColumns+` FROM proposal WHERE subject = $1 AND digest = $2 AND state = $3`+tx.ForUpdate(),
		l.Subject, digest, proposalOpen)
	if err != nil {
		return nil, fault.Wrap("read proposal", err)
	}
	switch {
	case found && p.by().Is(by.Identity()) && p.base == l.Base:
		return &p, nil
	case found && p.by().Is(by.Identity()): // of a state that is no more: what it says may be wrong by now
		if err := p.end(ctx, tx, by, at, proposalExpired); err != nil {
			return nil, err
		}
		if err := p.tell(ctx, tx, by, at, audit.ProposalExpired); err != nil {
			return nil, err
		}
	case found:
		confirmed, err := p.confirm(ctx, tx, by, at, l.right)
		if err != nil || confirmed {
			return nil, err
		}
	}
	p, err = l.keep(ctx, tx, by, at, proposalOpen)
	if err != nil {
		return nil, err
	}
	return &p, p.tell(ctx, tx, by, at, audit.ProposalMade)
}

// keep is a step: writes the change down as a proposal of that state.
func (l Loosening) keep(ctx context.Context, tx *store.Tx, by Actor, at time.Time, state string) (Proposal, error) {
	digest, body, err := l.digest()
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{
		ID: store.NewID(), Action: l.action, Subject: l.Subject, Words: strings.Join(l.words, "; "), By: by.Email, ByID: by.PersonID,
		At: store.Time(store.Micros(at)), ExpiresAt: store.Time(store.Micros(at.Add(proposalsFor))),
	}
	_, err = tx.Exec(ctx, `INSERT INTO proposal (id, action, subject, digest, body, base, words, made_by, made_by_id, made_at, expires_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, p.ID, p.Action, p.Subject, digest, body, l.Base, p.Words, p.By, p.ByID,
		store.Micros(p.At), store.Micros(p.ExpiresAt), state)
	return p, fault.Wrap("write proposal", err)
}

// by is who asked for it.
func (p Proposal) by() Identity { return Identity{ID: p.ByID, Email: p.By} }

// Pending is the error that a verb gives back for a proposal; nil for none.
func (p *Proposal) Pending() error {
	if p == nil {
		return nil
	}
	return &Pending{*p}
}

// confirm is a step: the other administrator agrees. It is false, and the proposal ended, if whoever made it may no longer
// make such changes; an agent's word neither makes nor confirms one.
func (p Proposal) confirm(ctx context.Context, tx *store.Tx, by Actor, at time.Time, right Action) (bool, error) {
	if by.Agent {
		return false, fault.New(fault.Forbidden, "human_needed", "an agent cannot confirm what loosens the rules").Fix("let a human administrator confirm it")
	}
	made, err := ActorOf(ctx, tx, p.ByID, audit.Credential{Kind: CredentialSession}, ScopeAll)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		return false, err
	}
	state, event := proposalConfirmed, audit.ProposalConfirmed
	if err != nil || made.Agent || Can(made, right, Scope{Governed: true}) != nil {
		state, event = proposalExpired, audit.ProposalExpired
	}
	if err := p.end(ctx, tx, by, at, state); err != nil {
		return false, err
	}
	return state == proposalConfirmed, p.tell(ctx, tx, by, at, event)
}

func (p Proposal) end(ctx context.Context, tx *store.Tx, by Actor, at time.Time, state string) error {
	rows, err := tx.Exec(ctx, `UPDATE proposal SET state = $1, ended_by = $2, ended_at = $3 WHERE id = $4 AND state = $5`,
		state, by.Email, store.Micros(at), p.ID, proposalOpen)
	if err != nil {
		return fault.Wrap("end proposal", err)
	}
	return Written("proposal", rows)
}

func (p Proposal) tell(ctx context.Context, tx *store.Tx, by Actor, at time.Time, name audit.Name) error {
	e := by.Event(name, at)
	e.Subject, e.Details = "proposal:"+p.ID, map[string]any{"proposal": p}
	_, err := audit.Append(ctx, tx, e)
	return err
}

// digest gives the change in its canonical form, and the hash of that with the action: two who ask for the same have the same.
func (l Loosening) digest() (digest, body string, err error) {
	canonical, err := audit.Canonical(l.Change)
	if err != nil {
		return "", "", fault.Wrap("write change", err)
	}
	sum := sha256.Sum256(append([]byte(l.action+"\n"), canonical...))
	return hex.EncodeToString(sum[:]), string(canonical), nil
}

// Joined is a step: remembers that the person has had what one signs in or acts by.
func Joined(ctx context.Context, tx *store.Tx, id PersonID) error {
	_, err := tx.Exec(ctx, `UPDATE person SET joined = TRUE WHERE id = $1 AND NOT joined`, id)
	return fault.Wrap("remember who joined", err)
}

// otherAdmins counts the humans besides the actor who could confirm: administrators who have joined. Whoever joined stays joined, so
// that ending somebody's credentials leaves nobody alone with the rules.
func otherAdmins(ctx context.Context, tx *store.Tx, by Actor) (count int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(DISTINCT p.id) FROM person p JOIN person_group m ON m.person_id = p.id JOIN grp g ON g.name = m.group_name
		WHERE p.active AND p.joined AND NOT p.agent AND g.roles LIKE '%"admin"%' AND p.id <> $1`, by.PersonID).Scan(&count)
	return count, fault.Wrap("count administrators", err)
}

const proposalColumns = `id, action, subject, words, made_by, made_by_id, made_at, expires_at, base, body`

func scanProposal(row store.Row) (p Proposal, err error) {
	var made, expires int64
	var body string
	err = row.Scan(&p.ID, &p.Action, &p.Subject, &p.Words, &p.By, &p.ByID, &made, &expires, &p.base, &body)
	p.At, p.ExpiresAt, p.change = store.Time(made), store.Time(expires), json.RawMessage(body)
	return p, err
}

// Governors is what waits for a second administrator.
type Governors struct {
	DB  *store.DB
	Now func() time.Time
	// Verbs are all that need a right to govern. Access may not know policies and templates; serve does.
	Verbs []Governing
}

// List gives what waits, the newest first.
func (g *Governors) List(ctx context.Context, by Actor, page store.Page) (store.Listing[Proposal], error) {
	if err := Can(by, GovernWrite, Scope{}); err != nil {
		return store.Listing[Proposal]{}, err
	}
	before, err := page.Before()
	if err != nil {
		return store.Listing[Proposal]{}, err
	}
	var all []Proposal
	err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, scanProposal, `SELECT `+proposalColumns+` FROM proposal WHERE state = $1 AND expires_at > $2 AND id COLLATE "C" < $3
			ORDER BY id COLLATE "C" DESC LIMIT $4`, proposalOpen, store.Micros(g.Now()), before, page.Size()+1)
		return fault.Wrap("list proposals", err)
	})
	if err != nil {
		return store.Listing[Proposal]{}, err
	}
	return store.Cut(page, all, func(p Proposal) []string { return []string{p.ID} }), nil
}

// Confirm does what a proposal of another administrator asks for, as the actor. If what it changes was changed since, it is
// stale.
func (g *Governors) Confirm(ctx context.Context, by Actor, id string) (p Proposal, err error) {
	if err := Can(by, GovernWrite, Scope{}); err != nil {
		return Proposal{}, err
	}
	if p, err = g.open(ctx, id); err != nil {
		return Proposal{}, err
	}
	if p.by().Is(by.Identity()) {
		return Proposal{}, fault.New(fault.Conflict, "own_proposal", "you asked for this yourself").Fix("another administrator has to confirm it")
	}
	at := slices.IndexFunc(g.Verbs, func(v Governing) bool { return v.Action == p.Action })
	if at < 0 {
		return Proposal{}, fmt.Errorf("confirm proposal: nothing performs %s", p.Action)
	}
	return p, g.Verbs[at].Perform(ctx, by, p.change, p.base)
}

// Withdraw ends a proposal without doing what it asks for. Any administrator may.
func (g *Governors) Withdraw(ctx context.Context, by Actor, id string) (p Proposal, err error) {
	if err := Can(by, GovernWrite, Scope{}); err != nil {
		return Proposal{}, err
	}
	if p, err = g.open(ctx, id); err != nil {
		return Proposal{}, err
	}
	return p, g.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.end(ctx, tx, by, g.Now(), proposalWithdrawn); err != nil {
			return err
		}
		return p.tell(ctx, tx, by, g.Now(), audit.ProposalWithdrawn)
	})
}

func (g *Governors) open(ctx context.Context, id string) (p Proposal, err error) {
	err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		state, ok, err := store.One(ctx, tx, store.ScanString, `SELECT state FROM proposal WHERE id = $1`, id)
		if err != nil {
			return fault.Wrap("read proposal", err)
		}
		if !ok {
			return fault.New(fault.NotFound, "unknown_proposal", "there is no such proposal").Fix("look it up in the list of what waits")
		}
		if p, _, err = store.One(ctx, tx, scanProposal, `SELECT `+proposalColumns+` FROM proposal WHERE id = $1`, id); err != nil {
			return fault.Wrap("read proposal", err)
		}
		if state == proposalOpen && !g.Now().Before(p.ExpiresAt) {
			state = proposalExpired
		}
		if state != proposalOpen {
			return fault.New(fault.Conflict, "proposal_ended", "this was %s already", state).Fix("ask for the change again if it is still wanted")
		}
		return nil
	})
	return p, err
}
