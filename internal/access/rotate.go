package access

import (
	"context"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// How long both secrets are good after a rotation, in hours.
const (
	defaultOverlap = 24
	maxOverlap     = 30 * 24
)

// Rotation says how a secret is replaced.
type Rotation struct {
	OverlapHours *int `json:"overlap_hours,omitempty" minimum:"0" maximum:"720" doc:"How long the old secret stays good beside the new one; 24 if absent"`
}

// rotated decides when the old secret ends and when the new one does. The old one never lasts longer than it would have, and
// the new one is good for as long as the old one was meant to be.
func (r Rotation) rotated(made time.Time, expires *time.Time, now time.Time) (oldEnd time.Time, newEnd *time.Time, err error) {
	hours := defaultOverlap
	if r.OverlapHours != nil {
		hours = *r.OverlapHours
	}
	if hours < 0 || hours > maxOverlap {
		return time.Time{}, nil, fault.New(fault.Invalid, "invalid_overlap", "overlap_hours is not between 0 and %d", maxOverlap).At("overlap_hours").
			Fix("give the hours that it takes to bring the new secret everywhere, such as 24")
	}
	oldEnd = store.Time(store.Micros(now.Add(time.Duration(hours) * time.Hour)))
	if expires == nil {
		return oldEnd, nil, nil
	}
	if expires.Before(oldEnd) {
		oldEnd = *expires
	}
	end := store.Time(store.Micros(now.Add(max(expires.Sub(made), time.Hour))))
	return oldEnd, &end, nil
}

// live refuses to rotate a secret that is no longer good, or was rotated before.
func live(what string, revoked, expires *time.Time, replacedBy string, now time.Time) error {
	switch {
	case revoked != nil || expires != nil && !now.Before(*expires):
		return fault.New(fault.Conflict, "ended", "the %s is no longer good", what).Fix("make a new one")
	case replacedBy != "":
		return fault.New(fault.Conflict, "rotated_already", "the %s was replaced already", what).Fix("rotate the one that replaced it")
	}
	return nil
}

// Rotate makes a new token of the same kind in place of one, which stays good for the overlap. The secret cannot be had again.
func (s *Tokens) Rotate(ctx context.Context, by Actor, id string, r Rotation) (fresh Token, secret string, err error) {
	if err := Can(by, SignIn, Scope{}); err != nil {
		return Token{}, "", err
	}
	now := s.Now()
	secret, hash := newSecret(tokenPrefix)
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, err := s.own(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := live("token", old.RevokedAt, old.ExpiresAt, old.ReplacedBy, now); err != nil {
			return err
		}
		end, expires, err := r.rotated(old.CreatedAt, old.ExpiresAt, now)
		if err != nil {
			return err
		}
		fresh = Token{
			ID: store.NewID(), As: old.As, Name: old.Name, Prefix: secret[:shown], Scope: old.Scope, MadeBy: by.Email,
			CreatedAt: store.Time(store.Micros(now)), ExpiresAt: expires, Revision: 1,
		}
		if err := insertToken(ctx, tx, fresh, hash); err != nil {
			return err
		}
		after := old
		after.ExpiresAt, after.ReplacedBy, after.Revision = &end, fresh.ID, old.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE api_token SET expires_at = $1, replaced_by = $2, revision = $3 WHERE id = $4 AND revision = $5`,
			store.Micros(end), fresh.ID, after.Revision, id, old.Revision)
		if err != nil {
			return wrap("rotate token", err)
		}
		if err := written("token", rows); err != nil {
			return err
		}
		tx.Announce(Topic)
		c := change{by: by, at: now}
		if err := c.append(ctx, tx, "token.rotated", "token:"+id, old, after); err != nil {
			return err
		}
		return c.append(ctx, tx, "token.created", "token:"+fresh.ID, nil, fresh)
	})
	if err != nil {
		return Token{}, "", err
	}
	return fresh, secret, nil
}

// Rotate makes a new key of the same kind in place of one, which stays good for the overlap. The secret cannot be had again.
func (k *Keys) Rotate(ctx context.Context, by Actor, id string, r Rotation) (fresh SDKKey, secret string, err error) {
	if err := Can(by, SignIn, Scope{}); err != nil {
		return SDKKey{}, "", err
	}
	now := k.Now()
	secret, hash := newSecret(keyPrefix)
	err = k.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, err := k.own(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := live("SDK key", old.RevokedAt, old.ExpiresAt, old.ReplacedBy, now); err != nil {
			return err
		}
		end, expires, err := r.rotated(old.CreatedAt, old.ExpiresAt, now)
		if err != nil {
			return err
		}
		fresh = old
		fresh.ID, fresh.Prefix, fresh.MadeBy, fresh.CreatedAt = store.NewID(), secret[:shown], by.Email, store.Time(store.Micros(now))
		fresh.ExpiresAt, fresh.LastUsed, fresh.Revision = expires, nil, 1
		if err := insertKey(ctx, tx, fresh, hash); err != nil {
			return err
		}
		after := old
		after.ExpiresAt, after.ReplacedBy, after.Revision = &end, fresh.ID, old.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE sdk_key SET expires_at = $1, replaced_by = $2, revision = $3 WHERE id = $4 AND revision = $5`,
			store.Micros(end), fresh.ID, after.Revision, id, old.Revision)
		if err != nil {
			return wrap("rotate SDK key", err)
		}
		if err := written("SDK key", rows); err != nil {
			return err
		}
		if err := k.tell(ctx, tx, by, now, "sdk_key.rotated", old, after); err != nil {
			return err
		}
		return k.tell(ctx, tx, by, now, "sdk_key.created", nil, fresh)
	})
	if err != nil {
		return SDKKey{}, "", err
	}
	return fresh, secret, nil
}
