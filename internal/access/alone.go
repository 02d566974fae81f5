package access

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
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
	p, err := l.keep(ctx, tx, by, at, proposalAlone)
	if err != nil {
		return err
	}
	return p.tell(ctx, tx, by, at, audit.ProposalAlone)
}

// Alone lists what one person alone loosened of late, the newest first, for other administrators and for approvers; for anybody
// else, and for who did it, that is nothing.
func (g *Governors) Alone(ctx context.Context, by Actor) (all []Proposal, err error) {
	if err := Can(by, Read, Scope{}); err != nil {
		return nil, err
	}
	if !by.Has(Admin) && !by.Has(Approver) {
		return nil, nil
	}
	err = g.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all, err = store.List(ctx, tx, scanProposal, `SELECT `+proposalColumns+` FROM proposal
			WHERE state = $1 AND made_at > $2 AND COALESCE(NULLIF(made_by_id, ''), made_by) <> $3 ORDER BY id COLLATE "C" DESC LIMIT 100`,
			proposalAlone, store.Micros(g.Now().Add(-toldFor)), by.Identity().Key())
		return fault.Wrap("list what was loosened alone", err)
	})
	return all, err
}
