package rollout

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

const columns = `id, flag_key, app, request_id, state, step, steps, reason, killed_in, paused_at, due_at, created_at, updated_at, revision, ask_at, unseen, waits_at`

func scan(row store.Row) (Rollout, error) {
	var r Rollout
	var steps string
	var paused, due, ask, waits sql.NullInt64
	var created, updated int64
	err := row.Scan(&r.ID, &r.FlagKey, &r.App, &r.RequestID, &r.State, &r.Current, &steps, &r.Reason, &r.KilledIn,
		&paused, &due, &created, &updated, &r.Revision, &ask, &r.Unseen, &waits)
	if err != nil {
		return Rollout{}, err
	}
	if err := json.Unmarshal([]byte(steps), &r.Steps); err != nil {
		return Rollout{}, fmt.Errorf("decode steps of rollout %s: %w", r.ID, err)
	}
	r.PausedAt, r.WaitsAt = store.NullTime(paused), store.NullTime(waits)
	r.CreatedAt, r.UpdatedAt = store.Time(created), store.Time(updated)
	return r, nil
}

// values are those of columns, in their order.
func (r Rollout) values() ([]any, error) {
	steps, err := json.Marshal(r.Steps)
	if err != nil {
		return nil, fmt.Errorf("encode steps: %w", err)
	}
	return []any{
		r.ID, r.FlagKey, r.App, r.RequestID, string(r.State), r.Current, string(steps), r.Reason, r.KilledIn,
		store.NullMicros(r.PausedAt), store.NullMicros(r.due()), store.Micros(r.CreatedAt), store.Micros(r.UpdatedAt), r.Revision,
		store.NullMicros(r.asks()), r.Unseen, store.NullMicros(r.WaitsAt),
	}, nil
}

func load(ctx context.Context, tx *store.Tx, id, suffix string) (Rollout, error) {
	r, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE id = $1`+suffix, id)
	if err != nil {
		return Rollout{}, fmt.Errorf("load rollout: %w", err)
	}
	if !ok {
		return Rollout{}, fault.New(fault.NotFound, "unknown_rollout", "there is no such rollout").Fix("open it from its flag")
	}
	return r, nil
}

// Unfinished is a step: it returns the flag's rollout that is not over, for the transaction to change. Whoever changes flag and rollout
// locks the rollout first.
func Unfinished(ctx context.Context, tx *store.Tx, key string) (Rollout, bool, error) {
	r, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE flag_key = $1 AND state IN ($2, $3, $4)`+tx.ForUpdate(),
		key, Ready, Running, Paused)
	if err != nil {
		return Rollout{}, false, fmt.Errorf("find rollout of %s: %w", key, err)
	}
	return r, ok, nil
}

// newest gives the flag's rollouts, the newest first.
func newest(ctx context.Context, tx *store.Tx, key string) ([]Rollout, error) {
	all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE flag_key = $1
		ORDER BY created_at DESC, id COLLATE "C" DESC`, key)
	if err != nil {
		return nil, fmt.Errorf("list rollouts of %s: %w", key, err)
	}
	return all, nil
}

func insert(ctx context.Context, tx *store.Tx, r Rollout) (added bool, err error) {
	values, err := r.values()
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `INSERT INTO rollout (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`, values...)
	if err != nil {
		return false, fmt.Errorf("insert rollout: %w", err)
	}
	return n == 1, nil
}

// save writes a rollout that carries the revision it was read with.
func save(ctx context.Context, tx *store.Tx, r Rollout) (Rollout, error) {
	values, err := r.values()
	if err != nil {
		return Rollout{}, err
	}
	n, err := tx.Exec(ctx, `UPDATE rollout SET flag_key = $2, app = $3, request_id = $4, state = $5, step = $6, steps = $7, reason = $8,
		killed_in = $9, paused_at = $10, due_at = $11, created_at = $12, updated_at = $13, revision = revision + 1,
		ask_at = $15, unseen = $16, waits_at = $17 WHERE id = $1 AND revision = $14`, values...)
	if err != nil {
		return Rollout{}, fmt.Errorf("save rollout: %w", err)
	}
	if n == 0 {
		return Rollout{}, stale(r)
	}
	r.Revision++
	return r, nil
}

func stale(now Rollout) *fault.Error {
	return fault.New(fault.Stale, "stale", "somebody changed the rollout meanwhile").
		Fix("look at where it stands now, then try again").Showing(now)
}
