package access

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// objectFor is how long an administrator has to object before their removal takes effect by itself. After it an objection ends a
// proposal that nobody confirmed.
const objectFor = 72 * time.Hour

// maxObjection is how many characters the reason of an objection has at most.
const maxObjection = 2000

// Removed is an administrator whom a proposal takes that from.
type Removed struct {
	ID         PersonID   `json:"id"`
	Email      string     `json:"email"`
	ObjectedAt *time.Time `json:"objected_at,omitempty"`
	Reason     string     `json:"reason,omitempty" doc:"Of the objection"`

	joined bool // has had what one signs in by
}

// removes reports whether the proposal takes the rights of an administrator from the person.
func (p Proposal) removes(id PersonID) bool {
	return slices.ContainsFunc(p.Removes, func(r Removed) bool { return r.ID == id })
}

// several reports whether the proposal removes more than one administrator besides whoever made it.
func (p Proposal) several() bool {
	others := 0
	for _, r := range p.Removes {
		if r.ID != p.ByID {
			others++
		}
	}
	return others > 1
}

// emailsOf returns the addresses of those people.
func emailsOf(all []Removed) []string {
	emails := make([]string, len(all))
	for i, r := range all {
		emails[i] = r.Email
	}
	return emails
}

// Concerns reports whether another administrator asks to take the rights of one from the actor.
func (p Proposal) Concerns(by Actor) bool { return p.concerns(by.PersonID) }

// concerns reports whether another administrator asks to take the rights of one from the person.
func (p Proposal) concerns(id PersonID) bool { return p.removes(id) && p.ByID != id }

// undecided refuses the word of an administrator on a proposal that takes that from them, or from somebody who may be behind
// them.
func (p Proposal) undecided(by Actor) error {
	if p.Concerns(by) {
		return concerned()
	}
	for _, r := range p.Removes {
		if p.concerns(r.ID) && slices.Contains(by.Behind(), r.ID) {
			return fault.New(fault.Forbidden, "own_credential", "this takes the rights of an administrator from %s, who made what you signed in with, "+
				"or the link by which your password was chosen", r.Email).
				Fix("sign in with what nobody else made; on the server, souk invite --reset %s makes a link for that", by.Email)
		}
	}
	return nil
}

// objected reports whether one of those whom the proposal removes objected.
func (p Proposal) objected() bool {
	return slices.ContainsFunc(p.Removes, func(r Removed) bool { return r.ObjectedAt != nil })
}

// removalFacts is what decides how a proposal that removes administrators goes on.
type removalFacts struct {
	upheld    bool // whoever made it may still make such changes
	others    int  // administrators besides whoever made it and those whom it removes
	free      int  // those of the others who are not suspended, and so may confirm it or withdraw it
	several   bool // it removes more than one besides whoever made it
	reachable bool // all whom it removes can sign in, and so object, except who never came
}

// alone reports whether nobody besides whoever made the proposal and the one whom it removes could ever confirm it. Several are never
// removed by time: each of them could decide about the others.
func (f removalFacts) alone() bool { return f.others == 0 && f.reachable && !f.several }

// course decides where an open proposal is to go: ProposalOpen is that it waits.
//
// Where another administrator could confirm a removal, it waits for that one. Where there is none, it takes effect after objectFor,
// unless somebody whom it removes objects. An objection ends it as soon as nobody else may decide, and after objectFor in any case.
func (p Proposal) course(f removalFacts, now time.Time) ProposalState {
	heard := !now.Before(p.At.Add(objectFor))
	switch {
	case !now.Before(p.ExpiresAt), len(p.Removes) > 0 && !f.upheld:
		return ProposalExpired
	case p.objected() && (f.free == 0 || heard):
		return ProposalRejected
	case p.TakesEffectAt != nil && !now.Before(*p.TakesEffectAt) && !p.objected() && f.alone():
		return ProposalUnopposed
	}
	return ProposalOpen
}

// removedBy is a step: the administrators who are none any more once the group is changed so.
func removedBy(ctx context.Context, tx *store.Tx, before, after Group) ([]Identity, error) {
	if !slices.Contains(before.Roles, Admin) {
		return nil, nil
	}
	var left []any
	for i, email := range before.Members {
		if _, stays := slices.BinarySearch(after.Members, email); !stays || !slices.Contains(after.Roles, Admin) {
			left = append(left, before.MemberIDs[i])
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	all, err := store.List(ctx, tx, scanIdentity, `SELECT p.id, p.email FROM person p WHERE p.active AND NOT p.agent AND p.id IN (`+store.In(2, len(left))+`)
		AND NOT EXISTS (SELECT 1 FROM person_group m JOIN grp g ON g.name = m.group_name
			WHERE m.person_id = p.id AND g.name <> $1 AND g.roles LIKE '%"admin"%') ORDER BY p.id`, append([]any{before.Name}, left...)...)
	return all, fault.Wrap("list administrators", err)
}

func scanIdentity(row store.Row) (who Identity, err error) {
	err = row.Scan(&who.ID, &who.Email)
	return who, err
}

// adminsBeside is a step: how many humans with the role admin have joined, besides those people, and how many of them are not
// suspended. Whoever joined stays joined, so that ending somebody's credentials leaves nobody alone with the rules; so does whoever is
// suspended.
func adminsBeside(ctx context.Context, tx *store.Tx, people ...PersonID) (all, free int, err error) {
	err = tx.QueryRow(ctx, `SELECT count(DISTINCT p.id), count(DISTINCT CASE WHEN p.suspended = '' THEN p.id END)
		FROM person p JOIN person_group m ON m.person_id = p.id JOIN grp g ON g.name = m.group_name
		WHERE p.active AND p.joined AND NOT p.agent AND g.roles LIKE '%"admin"%' AND p.id NOT IN (`+store.In(1, len(people))+`)`,
		store.Values(people)...).Scan(&all, &free)
	return all, free, fault.Wrap("count administrators", err)
}

// fillRemoved sets whom each of the proposals removes.
func fillRemoved(ctx context.Context, tx *store.Tx, all []Proposal) error {
	if len(all) == 0 {
		return nil
	}
	at, ids := map[string]int{}, make([]any, len(all))
	for i, p := range all {
		at[p.ID], ids[i] = i, p.ID
	}
	_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var id string
		var r Removed
		var objected sql.NullInt64
		err = row.Scan(&id, &r.ID, &r.Email, &r.joined, &objected, &r.Reason)
		r.ObjectedAt = store.NullTime(objected)
		p := &all[at[id]]
		p.Removes = append(p.Removes, r)
		return none, err
	}, `SELECT r.proposal_id, r.person_id, p.email, p.joined, r.objected_at, r.reason FROM proposal_removal r JOIN person p ON p.id = r.person_id
		WHERE r.proposal_id IN (`+store.In(1, len(ids))+`) ORDER BY r.person_id`, ids...)
	return fault.Wrap("read whom proposals remove", err)
}

// MayObject is a step: it reports whether an open proposal of another administrator would take the rights of one from the person, who
// therefore is not to be kept from objecting.
func MayObject(ctx context.Context, tx *store.Tx, id PersonID) (bool, error) {
	_, found, err := store.One(ctx, tx, store.ScanString, `SELECT p.id FROM proposal p JOIN proposal_removal r ON r.proposal_id = p.id
		WHERE p.state = $1 AND r.person_id = $2 AND p.made_by_id <> r.person_id LIMIT 1`, ProposalOpen, id)
	return found, fault.Wrap("read proposals", err)
}

// factsOf is a step: the facts of an open proposal, of which one that removes nobody needs none.
func (g *Governors) factsOf(ctx context.Context, tx *store.Tx, p Proposal) (f removalFacts, err error) {
	if len(p.Removes) == 0 {
		return removalFacts{}, nil
	}
	v, err := g.verb(p.Action)
	if err != nil {
		return removalFacts{}, err
	}
	if f.upheld, err = p.upheld(ctx, tx, v.Right); err != nil {
		return removalFacts{}, err
	}
	f.several = p.several()
	ids := []PersonID{p.ByID}
	for _, r := range p.Removes {
		ids = append(ids, r.ID)
	}
	if f.others, f.free, err = adminsBeside(ctx, tx, ids...); err != nil || g.SignIns == nil {
		f.reachable = true
		return f, err
	}
	known, err := g.SignIns(ctx, tx, ids, g.Now())
	f.reachable = !slices.ContainsFunc(p.Removes, func(r Removed) bool { return r.joined && !known[r.ID].HasPassword })
	return f, err
}

// Object is what an administrator says against a proposal that takes that from them, suspended or not, and against all else that the
// same other administrator proposes of that kind. Where nobody else may decide, it ends these proposals, and with them a suspension;
// else it stands beside them for whoever decides. Objecting again changes nothing.
func (g *Governors) Object(ctx context.Context, by Actor, id, reason string) (p Proposal, err error) {
	if err := Can(by, ProposalObject, Scope{}); err != nil {
		return Proposal{}, err
	}
	if reason, err = checkObjection(reason); err != nil {
		return Proposal{}, err
	}
	err = g.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := LockGroups(ctx, tx); err != nil {
			return err
		}
		if p, err = g.open(ctx, tx, id); err != nil {
			return err
		}
		if p.by().Is(by.Identity()) {
			return fault.New(fault.Conflict, "own_proposal", "you asked for this yourself").Fix("withdraw it instead")
		}
		if !p.removes(by.PersonID) {
			return fault.New(fault.Forbidden, "not_concerned", "this takes no rights of an administrator from you").Fix("withdraw it if it should not be done")
		}
		all, err := store.List(ctx, tx, store.ScanString, `UPDATE proposal_removal SET objected_at = $1, reason = $2 WHERE person_id = $3 AND objected_at IS NULL
			AND proposal_id IN (SELECT id FROM proposal WHERE state = $4 AND made_by_id = $5) RETURNING proposal_id`,
			store.Micros(g.Now()), reason, by.PersonID, ProposalOpen, p.ByID)
		if err != nil {
			return fault.Wrap("write objection", err)
		}
		for _, one := range all {
			if err := g.objected(ctx, tx, by, one, reason); err != nil {
				return err
			}
		}
		p, err = proposalOf(ctx, tx, id)
		return err
	})
	return p, err
}

// objected is a step: it tells of the objection to a proposal, and ends that if nobody else may decide.
func (g *Governors) objected(ctx context.Context, tx *store.Tx, by Actor, id, reason string) error {
	p, err := proposalOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := p.tell(ctx, tx, by, g.Now(), audit.ProposalObjected, reason); err != nil {
		return err
	}
	f, err := g.factsOf(ctx, tx, p)
	if err != nil {
		return err
	}
	if next := p.course(f, g.Now()); next != ProposalOpen {
		return p.close(ctx, tx, by, g.Now(), next)
	}
	return nil
}

func checkObjection(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return "", fault.New(fault.Invalid, "reason_required", "an objection needs a reason").At("reason").Fix("say why you should stay an administrator")
	case utf8.RuneCountInString(reason) > maxObjection:
		return "", fault.New(fault.Invalid, "too_long", "the reason has over %d characters", maxObjection).At("reason").Fix("shorten it")
	}
	return reason, store.CheckText("reason", reason)
}

// Settle ends the proposals whose time is over, and carries out the removals that nobody objected to in time. One process at a time runs
// it, every second or so; if two did, each proposal would still be settled once.
func (g *Governors) Settle(ctx context.Context) error {
	var ids []string
	err := g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		ids, err = store.List(ctx, tx, store.ScanString, `SELECT p.id FROM proposal p WHERE p.state = $1 AND (p.expires_at <= $2
			OR EXISTS (SELECT 1 FROM proposal_removal r WHERE r.proposal_id = p.id)) ORDER BY p.id COLLATE "C"`, ProposalOpen, store.Micros(g.Now()))
		return fault.Wrap("list proposals", err)
	})
	for _, id := range ids {
		err = errors.Join(err, g.settle(ctx, id))
	}
	return err
}

// errMovedOn is that a proposal is no longer to be settled as it was to be a moment before.
var errMovedOn = errors.New("the proposal moved on")

func (g *Governors) settle(ctx context.Context, id string) error {
	var p Proposal
	judge := func(ctx context.Context, tx *store.Tx) (next ProposalState, err error) {
		if p, err = proposalOf(ctx, tx, id); err != nil || p.State != ProposalOpen {
			return ProposalOpen, err
		}
		f, err := g.factsOf(ctx, tx, p)
		return p.course(f, g.Now()), err
	}
	var found ProposalState
	err := g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		found, err = judge(ctx, tx)
		return err
	})
	if err != nil || found == ProposalOpen {
		return err
	}
	by := System("governors")
	// It locks what a change of people and an objection lock, so that one of them comes first.
	closing := func(as ProposalState) func(ctx context.Context, tx *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			if err := LockGroups(ctx, tx); err != nil {
				return err
			}
			if next, err := judge(ctx, tx); err != nil || next != found {
				return cmp.Or(err, errMovedOn)
			}
			return p.close(ctx, tx, by, g.Now(), as)
		}
	}
	if found == ProposalUnopposed {
		err = g.perform(store.Guard(ctx, closing(found)), by, p)
		if refused, ok := errors.AsType[*fault.Error](err); ok && refused.Kind != fault.Unavailable { // what it changes is no longer what it was
			err = g.DB.Write(ctx, closing(ProposalExpired))
		}
	} else {
		err = g.DB.Write(ctx, closing(found))
	}
	if errors.Is(err, errMovedOn) {
		return nil
	}
	return err
}
