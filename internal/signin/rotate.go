package signin

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Rotate makes a new token of the same kind in place of one, which stays good for the overlap. The secret cannot be had again.
// Rotated with a token that ends, also with itself, the new one does not outlast that.
func (s *Tokens) Rotate(ctx context.Context, by access.Actor, id string, r access.Rotation) (fresh Token, secret string, err error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Token{}, "", err
	}
	now := s.Now()
	secret, hash := access.NewSecret(tokenPrefix)
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, err := s.own(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := ownToken(by, old); err != nil {
			return err
		}
		if err := access.Rotatable("token", old.RevokedAt, old.ExpiresAt, old.ReplacedBy, now); err != nil {
			return err
		}
		end, expires, err := r.Ends(old.CreatedAt, old.ExpiresAt, now)
		if err != nil {
			return err
		}
		expires = by.EndOf(expires)
		maker := by.Maker(old.as())
		fresh = Token{
			ID: store.NewID(), As: old.As, AsID: old.AsID, Name: old.Name, Prefix: secret[:access.Shown], Scope: old.Scope, MadeBy: maker.Email,
			MadeByID: maker.ID, CreatedAt: store.Time(store.Micros(now)), ExpiresAt: expires, Revision: 1,
			makers: by.MakersFor(old.AsID), choosers: by.Choosers.Without(old.AsID),
		}
		if err := insertToken(ctx, tx, fresh, hash); err != nil {
			return err
		}
		after := old
		after.ExpiresAt, after.ReplacedBy, after.Revision = &end, fresh.ID, old.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE api_token SET expires_at = $1, replaced_by = $2, revision = $3 WHERE id = $4 AND revision = $5`,
			store.Micros(end), fresh.ID, after.Revision, id, old.Revision)
		if err != nil {
			return fault.Wrap("rotate token", err)
		}
		if err := access.Written("token", rows); err != nil {
			return err
		}
		tx.Announce(access.Topic)
		c := access.Change{By: by, At: now}
		if err := c.Append(ctx, tx, audit.TokenRotated, "token:"+id, old, after); err != nil {
			return err
		}
		return c.Append(ctx, tx, audit.TokenCreated, "token:"+fresh.ID, nil, fresh)
	})
	if err != nil {
		return Token{}, "", err
	}
	return fresh, secret, nil
}
