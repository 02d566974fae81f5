package access

import (
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

// Ends decides when the old secret ends and when the new one does. The old one never lasts longer than it would have, and
// the new one is good for as long as the old one was meant to be.
func (r Rotation) Ends(made time.Time, expires *time.Time, now time.Time) (oldEnd time.Time, newEnd *time.Time, err error) {
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

// Rotatable refuses to rotate a secret that is no longer good, or was rotated before.
func Rotatable(what string, revoked, expires *time.Time, replacedBy string, now time.Time) error {
	switch {
	case revoked != nil || expires != nil && !now.Before(*expires):
		return fault.New(fault.Conflict, "ended", "the %s is no longer good", what).Fix("make a new one")
	case replacedBy != "":
		return fault.New(fault.Conflict, "rotated_already", "the %s was replaced already", what).Fix("rotate the one that replaced it")
	}
	return nil
}

// Expiry gives an optional end in the precision in which it is stored, and refuses one that is past.
func Expiry(at *time.Time, now time.Time) (*time.Time, error) {
	if at == nil {
		return nil, nil //nolint:nilnil // no end is fine
	}
	if !at.After(now) || at.Year() > 9999 {
		return nil, fault.New(fault.Invalid, "invalid_expiry", "expires_at is not in the future").At("expires_at").
			Fix("give a later time, or leave it out")
	}
	rounded := store.Time(store.Micros(*at))
	return &rounded, nil
}
