package access

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// toldFor is how long administrators and approvers are told that one person alone loosened what governs.
const toldFor = 7 * 24 * time.Hour

// alone is a step: what gets looser takes effect on the word of one, and is marked as such. Before there is an administrator there
// is nobody whom it could concern.
func (l Loosening) alone(ctx context.Context, tx *store.Tx, by Actor, at time.Time) error {
	if admins, err := countAdmins(ctx, tx); err != nil || admins == 0 {
		return err
	}
	p, err := l.keep(ctx, tx, by, at, ProposalAlone)
	if err != nil {
		return err
	}
	return p.tell(ctx, tx, by, at, audit.ProposalAlone, "")
}

// Told lists what administrators and approvers are told of late, the newest first: what one person alone loosened, which they are not
// told themselves, and which removals of administrators took effect without objection, or ended by one. For anybody else that is
// nothing.
func (g *Governors) Told(ctx context.Context, by Actor) (all []Proposal, err error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return nil, err
	}
	if !by.Has(Admin) && !by.Has(Approver) {
		return nil, nil
	}
	err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all, err = proposalsWhere(ctx, tx, `(state = $1 AND COALESCE(NULLIF(made_by_id, ''), made_by) <> $5 OR state IN ($2, $3))
			AND COALESCE(ended_at, made_at) > $4 ORDER BY id COLLATE "C" DESC LIMIT 100`,
			ProposalAlone, ProposalRejected, ProposalUnopposed, store.Micros(g.Now().Add(-toldFor)), by.Identity().Key())
		return err
	})
	return all, err
}
