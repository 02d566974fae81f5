package signin

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Readdress is a step of access.Directory: a person has another address from now on.
func Readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	for _, table := range []string{"api_token", "session", "password", "one_time_link"} {
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET made_by = $1 WHERE made_by_id = $2`, who.Email, who.ID); err != nil {
			return fault.Wrap("write address", err)
		}
	}
	return nil
}
