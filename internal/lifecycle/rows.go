package lifecycle

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

const columns = `flag_key, state, left_state, since, ttl_days, max_active_days, production_at, active_at, removal_plan, revision,
	extended_until, extended_at, grace_days, grace_ends_at`

func scan(row store.Row) (Status, error) {
	var s Status
	var since int64
	var production, active, until, extended, grace sql.NullInt64
	err := row.Scan(&s.FlagKey, &s.State, &s.Left, &since, &s.TTLDays, &s.MaxActiveDays, &production, &active, &s.RemovalPlan, &s.Revision,
		&until, &extended, &s.GraceDays, &grace)
	s.Since, s.ProductionAt, s.ActiveAt = store.Time(since), store.NullTime(production), store.NullTime(active)
	s.ExtendedUntil, s.ExtendedAt, s.GraceEndsAt = store.NullTime(until), store.NullTime(extended), store.NullTime(grace)
	s.ExpiresAt = s.Expiry()
	return s, err
}

// values are those of columns, in their order.
func values(s Status) []any {
	return []any{
		s.FlagKey, string(s.State), string(s.Left), store.Micros(s.Since), s.TTLDays, s.MaxActiveDays,
		store.NullMicros(s.ProductionAt), store.NullMicros(s.ActiveAt), s.RemovalPlan, s.Revision,
		store.NullMicros(s.ExtendedUntil), store.NullMicros(s.ExtendedAt), s.GraceDays, store.NullMicros(s.GraceEndsAt),
	}
}

// locked reads the row that the transaction is about to change.
func locked(ctx context.Context, tx *store.Tx, key string) (Status, error) {
	s, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM lifecycle WHERE flag_key = $1`+tx.ForUpdate(), key)
	if err != nil {
		return Status{}, fmt.Errorf("read lifecycle of %s: %w", key, err)
	}
	if !ok {
		return Status{}, unknown(key)
	}
	return s, nil
}

// save writes a status that carries the revision it was read with, and lets the flag know where it stands.
func save(ctx context.Context, tx *store.Tx, at time.Time, s Status) (Status, error) {
	n, err := tx.Exec(ctx, `UPDATE lifecycle SET state = $2, left_state = $3, since = $4, ttl_days = $5, max_active_days = $6,
		production_at = $7, active_at = $8, removal_plan = $9, revision = revision + 1,
		extended_until = $11, extended_at = $12, grace_days = $13, grace_ends_at = $14 WHERE flag_key = $1 AND revision = $10`, values(s)...)
	if err != nil {
		return Status{}, fmt.Errorf("write lifecycle of %s: %w", s.FlagKey, err)
	}
	if n == 0 {
		return Status{}, fault.New(fault.Stale, "stale", "somebody changed the flag %s meanwhile", s.FlagKey).Fix("look at it again")
	}
	s.Revision++
	s.ExpiresAt = s.Expiry()
	return s, s.place(ctx, tx, at, s.FlagKey)
}

// place tells flags what their lists are sorted by, and whether they may still be changed.
func (s Status) place(ctx context.Context, tx *store.Tx, at time.Time, keys ...string) error {
	return registry.Place(ctx, tx, at, registry.Life{
		State: string(s.State), ExpiresAt: s.ExpiresAt, ReadOnly: s.State == Deprecated || s.State == Removed,
	}, keys...)
}
