package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// KilledAgain is an audit.Listener: a kill of what is killed already voids, in its own transaction, the approvals of the requests that
// would turn the flag on again. It locks no request, so that it and an approval never wait for each other in a circle.
func KilledAgain(ctx context.Context, tx *store.Tx, events []audit.Event) error {
	keys := map[string][]string{} // by environment
	for _, e := range events {
		if e.Event == audit.FlagKilledAgain {
			keys[e.Environment] = append(keys[e.Environment], e.FlagKey)
		}
	}
	for environment, killed := range keys {
		for part := range slices.Chunk(killed, killedRows) {
			args := append([]any{VoidKilledAgain, VerdictApproved, RestoreFlag, environment}, store.Values(part)...)
			if _, err := tx.Exec(ctx, `UPDATE decision SET void = $1 WHERE void = '' AND verdict = $2 AND request_id IN (
				SELECT id FROM request WHERE kind = $3 AND environment = $4 AND `+undecided+` AND flag_key IN (`+store.In(5, len(part))+`))`,
				args...); err != nil {
				return fmt.Errorf("void the approvals of restores: %w", err)
			}
		}
	}
	return nil
}

// killedRows is how many flags one statement names; both engines limit its parameters.
const killedRows = 400

// held reads the facts of a stored request, and with them the locks of what it is about, and after that its decisions anew: a kill,
// which holds these locks and none of a request, may have made them void since the request was read.
func (d *Desk) held(ctx context.Context, tx *store.Tx, r *record, by access.Actor) (Facts, error) {
	f, err := d.facts(ctx, tx, *r, by)
	if err != nil {
		return Facts{}, err
	}
	all := []record{*r}
	all[0].decisions = nil
	err = withDecisions(ctx, tx, all)
	r.decisions = all[0].decisions
	return f, err
}
