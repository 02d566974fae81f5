package access

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// restAfter is how long after a suspension nobody is suspended again by one alone: else whoever suspends anew each time somebody comes
// back would keep them away for good.
const restAfter = 7 * 24 * time.Hour

// actionSuspendPerson is what a suspension is called where it is told. It takes effect at once, so that nothing performs it.
const actionSuspendPerson = "person.suspend"

// suspend is a step after a proposal to disable another administrator was kept: until it has ended they only read and object. All by
// which they could act ends. It is told as what one alone loosens. Somebody whose suspension ended less than restAfter ago stays as
// they are.
func (d *Directory) suspend(ctx context.Context, tx *store.Tx, c Change, before Person, with Proposal) error {
	rows, err := tx.Exec(ctx, `UPDATE person SET suspended = $1, revision = revision + 1, updated_at = $2
		WHERE id = $3 AND suspended = '' AND unsuspended_at <= $4`, with.ID, store.Micros(c.At), before.ID, store.Micros(c.At.Add(-restAfter)))
	if err != nil || rows == 0 {
		return fault.Wrap("suspend person", err)
	}
	// The suspension is no change that the proposal would be stale after.
	if _, err := tx.Exec(ctx, `UPDATE proposal SET base = base + 1 WHERE id = $1 AND base > 0`, with.ID); err != nil {
		return fault.Wrap("write proposal", err)
	}
	if err := d.EndCredentials(ctx, tx, before.ID, c.At); err != nil {
		return err
	}
	after := before
	after.Suspended, after.Revision = with.ID, before.Revision+1
	if err := c.Append(ctx, tx, audit.PersonSuspended, "person:"+before.Email, before, after); err != nil {
		return err
	}
	return Loosening{
		Subject: "person:" + before.Email, Change: map[string]string{"proposal": with.ID}, action: actionSuspendPerson,
		words: []string{before.Email + " is suspended as an administrator, and may only read and object"},
	}.alone(ctx, tx, c.By, c.At)
}

// unsuspend is a step after the proposal ended: whoever was suspended with it is an administrator again.
func (p Proposal) unsuspend(ctx context.Context, tx *store.Tx, c Change) error {
	id, suspended, err := store.One(ctx, tx, scanPersonID, `UPDATE person SET suspended = '', unsuspended_at = $1, revision = revision + 1, updated_at = $1
		WHERE suspended = $2 RETURNING id`, store.Micros(c.At), p.ID)
	if err != nil || !suspended {
		return fault.Wrap("end suspension", err)
	}
	tx.Announce(Topic)
	after, err := PersonByID(ctx, tx, id)
	if err != nil {
		return err
	}
	return c.Append(ctx, tx, audit.PersonUnsuspended, "person:"+after.Email, nil, after)
}

// outlived is a step after somebody who was suspended with the proposal was disabled in another way: it ends, if it is still open.
func outlived(ctx context.Context, tx *store.Tx, c Change, proposal string) error {
	p, err := proposalOf(ctx, tx, proposal)
	if err != nil || p.State != ProposalOpen {
		return err
	}
	return p.close(ctx, tx, c.By, c.At, ProposalExpired)
}
