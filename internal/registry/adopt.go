package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// Keepers are who answers for an app from now on.
type Keepers struct {
	Group   string
	Contact string
	People  []access.PersonID // members of the group
}

// Adopt makes the flags of an app, save the removed ones, those of its new owners. A person who answered for a flag and is
// not among them gives way to the group. What SDKs see stays. The event is flag.updated, one for each flag that changes.
func Adopt(ctx context.Context, tx *store.Tx, c Change, app string, by Keepers) error {
	keys, err := store.List(ctx, tx, store.ScanString, `SELECT key FROM flag WHERE app = $1 AND removed_at IS NULL
		AND (owner_group <> $2 OR contact <> $3) ORDER BY key`, app, by.Group, by.Contact)
	if err != nil {
		return fmt.Errorf("list flags of %s: %w", app, err)
	}
	for _, key := range keys {
		f, err := lock(ctx, tx, key)
		if err != nil {
			return err
		}
		before := map[string]any{"owner_group": f.OwnerGroup, "owner": f.Owner, "owner_id": f.OwnerID, "contact": f.Contact}
		f.OwnerGroup, f.Contact = by.Group, by.Contact
		if !slices.Contains(by.People, f.OwnerID) {
			f.Owner, f.OwnerID = by.Group, ""
		}
		f.Revision, f.UpdatedAt = f.Revision+1, store.Time(store.Micros(c.At))
		if _, err := tx.Exec(ctx, `UPDATE flag SET owner_group = $1, owner = $2, owner_id = $3, contact = $4, revision = $5, updated_at = $6 WHERE key = $7`,
			f.OwnerGroup, f.Owner, f.OwnerID, f.Contact, f.Revision, store.Micros(f.UpdatedAt), key); err != nil {
			return fmt.Errorf("hand over %s: %w", key, err)
		}
		if err := c.tell(ctx, tx, f, audit.FlagUpdated, "", map[string]any{
			"before": before, "after": map[string]any{"owner_group": f.OwnerGroup, "owner": f.Owner, "owner_id": f.OwnerID, "contact": f.Contact},
		}); err != nil {
			return err
		}
	}
	return nil
}
