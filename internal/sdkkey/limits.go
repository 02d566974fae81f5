package sdkkey

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// The limits of a key that names none: more than one replica answers on a small machine, so that they end a runaway loop on a
// large one and nothing else.
const (
	defaultRequests = 100_000
	defaultStreams  = 50_000
	maxLimit        = 1_000_000
)

// Limits bounds what one SDK key may ask of each replica, so that one client cannot take it from all others. 0 is the default.
type Limits struct {
	RequestsPerSecond int `json:"requests_per_second,omitempty" minimum:"0" maximum:"1000000" doc:"Evaluations a second on each replica; 100,000 if absent"`
	MaxStreams        int `json:"max_streams,omitempty" minimum:"0" maximum:"1000000" doc:"Streams open at once on each replica; 50,000 if absent"`
}

// Effective gives the limits with the defaults filled in.
func (l Limits) Effective() Limits {
	if l.RequestsPerSecond == 0 {
		l.RequestsPerSecond = defaultRequests
	}
	if l.MaxStreams == 0 {
		l.MaxStreams = defaultStreams
	}
	return l
}

// check finds what is wrong with the limits.
func (l Limits) check() (wrong fault.Findings) {
	for field, value := range map[string]int{"requests_per_second": l.RequestsPerSecond, "max_streams": l.MaxStreams} {
		if value < 0 || value > maxLimit {
			wrong.Add(fault.New(fault.Invalid, "invalid_limit", "%s is not between 1 and %d", field, maxLimit).At(field).
				Fix("give a number of that size, or leave it out for the default"))
		}
	}
	return wrong
}

// SetLimits changes what the key may ask. A revision other than 0 must be the present one. More than before waits for a second
// administrator where the environment is governed.
func (k *Keys) SetLimits(ctx context.Context, by access.Actor, id string, limits Limits, revision int64) (key Key, err error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Key{}, err
	}
	if err := limits.check().Fault("limits"); err != nil {
		return Key{}, err
	}
	var waiting *access.Proposal
	err = k.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if key, err = k.own(ctx, tx, by, id); err != nil {
			return err
		}
		c := access.Change{By: by, At: k.Now(), Revision: revision}
		if err := c.Check("SDK key", true, key.Revision, key); err != nil {
			return err
		}
		if !key.valid(c.At) {
			return fault.New(fault.Conflict, "ended", "the SDK key is no longer good").Fix("make a new one")
		}
		if key.Limits == limits {
			return nil
		}
		facts, err := k.Facts(ctx, tx, key.Environment, key.App)
		if err != nil {
			return err
		}
		before := key
		if facts.Governed {
			waiting, err = setLimits.Second(ctx, tx, by, c.At, before.Limits, limits, access.Loosening{
				Subject: "sdk_key:" + id, Change: limitsChange{id, limits}, Base: before.Revision,
			})
			if err != nil || waiting != nil {
				return err
			}
		}
		key.Limits, key.Revision = limits, key.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE sdk_key SET requests_per_second = $1, max_streams = $2, revision = $3 WHERE id = $4 AND revision = $5`,
			limits.RequestsPerSecond, limits.MaxStreams, key.Revision, id, before.Revision)
		if err != nil {
			return fmt.Errorf("write limits of SDK key: %w", err)
		}
		if err := access.Written("SDK key", rows); err != nil {
			return err
		}
		return k.tell(ctx, tx, by, c.At, audit.SDKKeyLimited, before, key)
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return Key{}, err
	}
	return key, nil
}
