package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/store"
)

// Kept is what of a flag says who answers for it and what a kill serves.
type Kept struct {
	Key, Name, App, Owner, Contact, Off string
	Imported                            string
	Variants                            map[string]any
}

// Doubtful is a step: it returns how many flags there are that SDKs may see, and those of them, by key, that lack an owner, a contact or a
// value for a kill, or whose end is not known. A flag on its way out is neither.
func Doubtful(ctx context.Context, tx *store.Tx) (all int, found []Kept, err error) {
	const wanted = ` FROM flag WHERE removed_at IS NULL AND installed_at IS NOT NULL AND NOT read_only`
	if err := tx.QueryRow(ctx, `SELECT COUNT(*)`+wanted).Scan(&all); err != nil {
		return 0, nil, fmt.Errorf("count flags: %w", err)
	}
	found, err = store.List(ctx, tx, func(row store.Row) (k Kept, err error) {
		var variants string
		if err := row.Scan(&k.Key, &k.Name, &k.App, &k.Owner, &k.Contact, &k.Off, &k.Imported, &variants); err != nil {
			return k, err
		}
		return k, json.Unmarshal([]byte(variants), &k.Variants)
	}, `SELECT key, name, app, owner, contact, off_variant, imported, variants`+wanted+`
		AND (owner = '' OR contact = '' OR off_variant = '' OR expires_at = $1) ORDER BY key COLLATE "C"`, never)
	if err != nil {
		return 0, nil, fmt.Errorf("list flags that may lack something: %w", err)
	}
	return all, found, nil
}
