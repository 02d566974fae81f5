package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
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
	// Removes are the administrators who are none any more after it. None of them is the second.
	Removes []Identity

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

	State         ProposalState `json:"state" enum:"open,confirmed,withdrawn,expired,alone,rejected,unopposed"`
	Removes       []Removed     `json:"removes,omitempty" doc:"Administrators whom it takes that from: they do not confirm it, and may object"`
	TakesEffectAt *time.Time    `json:"takes_effect_at,omitempty" doc:"When it takes effect unless one whom it removes objects; absent where another administrator has to confirm it"`

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

// ProposalState is where a proposal stands.
type ProposalState string

// The states of a proposal.
const (
	ProposalOpen      ProposalState = "open"
	ProposalConfirmed ProposalState = "confirmed"
	ProposalWithdrawn ProposalState = "withdrawn"
	ProposalExpired   ProposalState = "expired"
	ProposalAlone     ProposalState = "alone"     // took effect on the word of one
	ProposalRejected  ProposalState = "rejected"  // ended by an objection
	ProposalUnopposed ProposalState = "unopposed" // took effect after nobody objected for objectFor
)

// ends are the events that tell of a proposal's end.
var ends = map[ProposalState]audit.Name{
	ProposalConfirmed: audit.ProposalConfirmed, ProposalWithdrawn: audit.ProposalWithdrawn, ProposalExpired: audit.ProposalExpired,
	ProposalRejected: audit.ProposalRejected, ProposalUnopposed: audit.ProposalUnopposed,
}

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
	others, _, err := adminsBeside(ctx, tx, by.PersonID)
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
	p, found, err := oneProposal(ctx, tx, `subject = $1 AND digest = $2 AND state = $3`+tx.ForUpdate(), l.Subject, digest, ProposalOpen)
	if err != nil {
		return nil, err
	}
	own := found && p.by().Is(by.Identity())
	switch {
	case !found:
	case !at.Before(p.ExpiresAt):
		err = p.close(ctx, tx, by, at, ProposalExpired)
	case own && p.base == l.Base:
		return &p, nil
	case own && len(p.Removes) > 0 && l.removesAs(p): // the time to object goes on
		return l.rebase(ctx, tx, p, by, at)
	case own: // of a state that is no more: what it says may be wrong by now
		err = p.close(ctx, tx, by, at, ProposalExpired)
	case slices.ContainsFunc(l.Removes, func(who Identity) bool { return who.Is(by.Identity()) }):
		err = concerned()
	default:
		var confirmed bool
		if confirmed, err = p.confirm(ctx, tx, by, at, l.right); err == nil && confirmed {
			return nil, nil //nolint:nilnil // the change may take effect
		}
	}
	if err != nil {
		return nil, err
	}
	p, err = l.keep(ctx, tx, by, at, ProposalOpen)
	if err != nil {
		return nil, err
	}
	return &p, p.tell(ctx, tx, by, at, audit.ProposalMade, "")
}

// concerned refuses the word of an administrator on what takes that from them.
func concerned() error {
	return fault.New(fault.Forbidden, "concerned", "this takes your own rights as an administrator, so another one decides about it").
		Fix("object to it under Admin, Proposals")
}

// removesAs reports whether the change removes those whom the proposal does.
func (l Loosening) removesAs(p Proposal) bool {
	return len(l.Removes) == len(p.Removes) && !slices.ContainsFunc(l.Removes, func(who Identity) bool { return !p.removes(who.ID) })
}

// rebase is a step: the proposal is from now on made from what is there now, which whoever made it has asked for anew.
func (l Loosening) rebase(ctx context.Context, tx *store.Tx, p Proposal, by Actor, at time.Time) (*Proposal, error) {
	p.base, p.Words = l.Base, strings.Join(l.words, "; ")
	if _, err := tx.Exec(ctx, `UPDATE proposal SET base = $1, words = $2 WHERE id = $3`, p.base, p.Words, p.ID); err != nil {
		return nil, fault.Wrap("write proposal", err)
	}
	return &p, p.tell(ctx, tx, by, at, audit.ProposalMade, "")
}

// keep is a step: writes the change down as a proposal of that state.
func (l Loosening) keep(ctx context.Context, tx *store.Tx, by Actor, at time.Time, state ProposalState) (Proposal, error) {
	digest, body, err := l.digest()
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{
		ID: store.NewID(), Action: l.action, Subject: l.Subject, Words: strings.Join(l.words, "; "), By: by.Email, ByID: by.PersonID,
		At: store.Time(store.Micros(at)), ExpiresAt: store.Time(store.Micros(at.Add(proposalsFor))), State: state,
	}
	beside := []PersonID{by.PersonID}
	for _, who := range l.Removes {
		p.Removes, beside = append(p.Removes, Removed{ID: who.ID, Email: who.Email}), append(beside, who.ID)
	}
	if state == ProposalOpen && len(p.Removes) > 0 {
		others, _, err := adminsBeside(ctx, tx, beside...)
		if err != nil {
			return Proposal{}, err
		}
		if others == 0 {
			if p.several() {
				return Proposal{}, fault.New(fault.Conflict, "nobody_left_to_confirm", "this takes the rights of an administrator from %s, and leaves nobody "+
					"who could confirm it", strings.Join(emailsOf(p.Removes), ", ")).Fix("take them out one at a time, so that the others decide about each")
			}
			effect := p.At.Add(objectFor)
			p.TakesEffectAt = &effect
		}
	}
	if _, err = tx.Exec(ctx, `INSERT INTO proposal (id, action, subject, digest, body, base, words, made_by, made_by_id, made_at, expires_at, state, effect_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, p.ID, p.Action, p.Subject, digest, body, l.Base, p.Words, p.By, p.ByID,
		store.Micros(p.At), store.Micros(p.ExpiresAt), state, store.NullMicros(p.TakesEffectAt)); err != nil {
		return Proposal{}, fault.Wrap("write proposal", err)
	}
	for _, r := range p.Removes {
		if _, err := tx.Exec(ctx, `INSERT INTO proposal_removal (proposal_id, person_id) VALUES ($1, $2)`, p.ID, r.ID); err != nil {
			return Proposal{}, fault.Wrap("write whom a proposal removes", err)
		}
	}
	return p, nil
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
	upheld, err := p.upheld(ctx, tx, right)
	if err != nil {
		return false, err
	}
	state := ProposalConfirmed
	if !upheld {
		state = ProposalExpired
	}
	return upheld, p.close(ctx, tx, by, at, state)
}

// upheld is a step: it reports whether whoever made the proposal may still make such changes.
func (p Proposal) upheld(ctx context.Context, tx *store.Tx, right Action) (bool, error) {
	made, err := ActorOf(ctx, tx, p.ByID, audit.Credential{Kind: CredentialSession}, ScopeAll)
	if fault.Is(err, fault.Unauthenticated) {
		return false, nil
	}
	return err == nil && !made.Agent && Can(made, right, Scope{Governed: true}) == nil, err
}

// close is a step: ends the proposal and tells of that. If what it asks for is not done, a suspension that came with it ends, too.
func (p Proposal) close(ctx context.Context, tx *store.Tx, by Actor, at time.Time, state ProposalState) error {
	rows, err := tx.Exec(ctx, `UPDATE proposal SET state = $1, ended_by = $2, ended_at = $3 WHERE id = $4 AND state = $5`,
		state, by.Email, store.Micros(at), p.ID, ProposalOpen)
	if err != nil {
		return fault.Wrap("end proposal", err)
	}
	if err := Written("proposal", rows); err != nil {
		return err
	}
	p.State = state
	if err := p.tell(ctx, tx, by, at, ends[state], ""); err != nil || state == ProposalConfirmed || state == ProposalUnopposed {
		return err
	}
	return p.unsuspend(ctx, tx, Change{By: by, At: at})
}

// tell is a step: appends the event. What was objected stands in its reason, and nowhere else in it.
func (p Proposal) tell(ctx context.Context, tx *store.Tx, by Actor, at time.Time, name audit.Name, reason string) error {
	p.Removes = slices.Clone(p.Removes)
	for i := range p.Removes {
		p.Removes[i].Reason = ""
	}
	e := by.Event(name, at)
	e.Subject, e.Reason, e.Details = "proposal:"+p.ID, reason, map[string]any{"proposal": p}
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

const proposalColumns = `id, action, subject, words, made_by, made_by_id, made_at, expires_at, effect_at, state, base, body`

func scanProposal(row store.Row) (p Proposal, err error) {
	var made, expires int64
	var effect sql.NullInt64
	var body string
	err = row.Scan(&p.ID, &p.Action, &p.Subject, &p.Words, &p.By, &p.ByID, &made, &expires, &effect, &p.State, &p.base, &body)
	p.At, p.ExpiresAt, p.TakesEffectAt, p.change = store.Time(made), store.Time(expires), store.NullTime(effect), json.RawMessage(body)
	return p, err
}

// proposalsWhere is a step: the proposals that the rest of the query finds.
func proposalsWhere(ctx context.Context, tx *store.Tx, where string, args ...any) ([]Proposal, error) {
	all, err := store.List(ctx, tx, scanProposal, `SELECT `+proposalColumns+` FROM proposal WHERE `+where, args...)
	if err != nil {
		return nil, fault.Wrap("read proposals", err)
	}
	return all, fillRemoved(ctx, tx, all)
}

func oneProposal(ctx context.Context, tx *store.Tx, where string, args ...any) (Proposal, bool, error) {
	all, err := proposalsWhere(ctx, tx, where, args...)
	if err != nil || len(all) == 0 {
		return Proposal{}, false, err
	}
	return all[0], true, nil
}

// proposalOf is a step: the proposal of that id, in whatever state.
func proposalOf(ctx context.Context, tx *store.Tx, id string) (Proposal, error) {
	p, found, err := oneProposal(ctx, tx, `id = $1`, id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "unknown_proposal", "there is no such proposal").Fix("look it up in the list of what waits")
	}
	return p, err
}

// Governors is what waits for a second administrator.
type Governors struct {
	DB  *store.DB
	Now func() time.Time
	// Verbs are all that need a right to govern. Access may not know policies and templates; serve does.
	Verbs []Governing
	// SignIns returns how people sign in, by their ids: who could not do that could not object. Nil is that everybody can.
	SignIns func(ctx context.Context, tx *store.Tx, personIDs []PersonID, now time.Time) (map[PersonID]SignIns, error)
}

// List returns what waits, the newest first.
func (g *Governors) List(ctx context.Context, by Actor, page store.Page) (store.Listing[Proposal], error) {
	if err := Can(by, ProposalRead, Scope{}); err != nil {
		return store.Listing[Proposal]{}, err
	}
	before, err := page.Before()
	if err != nil {
		return store.Listing[Proposal]{}, err
	}
	var all []Proposal
	err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if all, err = proposalsWhere(ctx, tx, `state = $1 AND expires_at > $2 AND id COLLATE "C" < $3 ORDER BY id COLLATE "C" DESC LIMIT $4`,
			ProposalOpen, store.Micros(g.Now()), before, page.Size()+1); err != nil {
			return err
		}
		for i := range all {
			if all[i].TakesEffectAt == nil {
				continue
			}
			f, err := g.factsOf(ctx, tx, all[i])
			if err != nil {
				return err
			}
			if !f.alone() { // somebody became an administrator since
				all[i].TakesEffectAt = nil
			}
		}
		return nil
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
	if err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, err = g.open(ctx, tx, id)
		return err
	}); err != nil {
		return Proposal{}, err
	}
	if p.by().Is(by.Identity()) {
		return Proposal{}, fault.New(fault.Conflict, "own_proposal", "you asked for this yourself").Fix("another administrator has to confirm it")
	}
	if err := g.perform(ctx, by, p); err != nil {
		return Proposal{}, err
	}
	p.State = ProposalConfirmed
	return p, nil
}

// perform does what the proposal asks for.
func (g *Governors) perform(ctx context.Context, by Actor, p Proposal) error {
	v, err := g.verb(p.Action)
	if err != nil {
		return err
	}
	return v.Perform(ctx, by, p.change, p.base)
}

// verb is that of a proposal's action.
func (g *Governors) verb(action string) (Governing, error) {
	at := slices.IndexFunc(g.Verbs, func(v Governing) bool { return v.Action == action })
	if at < 0 {
		return Governing{}, fmt.Errorf("nothing performs %s", action)
	}
	return g.Verbs[at], nil
}

// Withdraw ends a proposal without doing what it asks for. Any administrator may, except one whom it removes, who may object, and
// one whom such a one may be behind. Of what removes somebody humans decide, and whoever holds the server.
func (g *Governors) Withdraw(ctx context.Context, by Actor, id string) (p Proposal, err error) {
	if err := Can(by, GovernWrite, Scope{}); err != nil {
		return Proposal{}, err
	}
	err = g.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := LockGroups(ctx, tx); err != nil {
			return err
		}
		if p, err = g.open(ctx, tx, id); err != nil {
			return err
		}
		if err := p.undecided(by); err != nil {
			return err
		}
		if len(p.Removes) > 0 && by.Agent && by.Credential.Kind != CredentialLocal {
			return fault.New(fault.Forbidden, "human_needed", "an agent decides nothing about who is an administrator").Fix("let a human administrator withdraw it")
		}
		if err := p.close(ctx, tx, by, g.Now(), ProposalWithdrawn); err != nil {
			return err
		}
		p.State = ProposalWithdrawn
		return nil
	})
	return p, err
}

// open is a step: the proposal, if it is still open.
func (g *Governors) open(ctx context.Context, tx *store.Tx, id string) (Proposal, error) {
	p, err := proposalOf(ctx, tx, id)
	if err != nil {
		return Proposal{}, err
	}
	if p.State == ProposalOpen && !g.Now().Before(p.ExpiresAt) {
		p.State = ProposalExpired
	}
	if p.State != ProposalOpen {
		return Proposal{}, fault.New(fault.Conflict, "proposal_ended", "this was %s already", p.State).Fix("ask for the change again if it is still wanted")
	}
	return p, nil
}
