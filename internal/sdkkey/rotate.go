package sdkkey

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Rotate makes a new key of the same kind in place of one, which stays good for the overlap. The secret cannot be had again.
func (k *Keys) Rotate(ctx context.Context, by access.Actor, id string, r access.Rotation) (fresh Key, secret string, err error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Key{}, "", err
	}
	now := k.Now()
	secret, hash := access.NewSecret(keyPrefix)
	err = k.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, err := k.own(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := access.Rotatable("SDK key", old.RevokedAt, old.ExpiresAt, old.ReplacedBy, now); err != nil {
			return err
		}
		end, expires, err := r.Ends(old.CreatedAt, old.ExpiresAt, now)
		if err != nil {
			return err
		}
		fresh = old
		fresh.ID, fresh.Prefix, fresh.MadeBy, fresh.CreatedAt = store.NewID(), secret[:access.Shown], by.Email, store.Time(store.Micros(now))
		fresh.MadeByID, fresh.ExpiresAt, fresh.LastUsed, fresh.Revision = by.PersonID, expires, nil, 1
		if err := insertKey(ctx, tx, fresh, hash); err != nil {
			return err
		}
		after := old
		after.ExpiresAt, after.ReplacedBy, after.Revision = &end, fresh.ID, old.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE sdk_key SET expires_at = $1, replaced_by = $2, revision = $3 WHERE id = $4 AND revision = $5`,
			store.Micros(end), fresh.ID, after.Revision, id, old.Revision)
		if err != nil {
			return fault.Wrap("rotate SDK key", err)
		}
		if err := access.Written("SDK key", rows); err != nil {
			return err
		}
		if err := k.tell(ctx, tx, by, now, audit.SDKKeyRotated, old, after); err != nil {
			return err
		}
		return k.tell(ctx, tx, by, now, audit.SDKKeyCreated, nil, fresh)
	})
	if err != nil {
		return Key{}, "", err
	}
	return fresh, secret, nil
}
