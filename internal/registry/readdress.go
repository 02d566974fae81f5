package registry

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Readdress is a step of access.Directory: a person has another address from now on. No flag changes its revision by it.
func Readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	for _, statement := range []string{
		`UPDATE flag SET owner = $1 WHERE owner_id = $2`,
		`UPDATE flag_environment SET killed_by = $1 WHERE killed_by_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, who.Email, who.ID); err != nil {
			return fault.Wrap("write address", err)
		}
	}
	return nil
}
