package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// Extent is how much of an environment a selection is.
type Extent struct {
	Flags  int      `json:"flags" doc:"Live and not turned off yet"`
	Killed int      `json:"killed" doc:"Turned off already"`
	Apps   int      `json:"apps" doc:"Apps that the flags belong to"`
	Keys   []string `json:"keys" doc:"The first of the flags, by key"`
}

// extentKeys is how many flags an Extent names.
const extentKeys = 20

// Measure is a step: how much a selection would turn off.
func Measure(ctx context.Context, tx *store.Tx, environment string, s Selection) (Extent, error) {
	from, args := s.in(environment)
	var e Extent
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) - COUNT(s.killed_at), COUNT(s.killed_at),
			COUNT(DISTINCT CASE WHEN s.killed_at IS NULL THEN f.app END)`+from, args...).Scan(&e.Flags, &e.Killed, &e.Apps); err != nil {
		return Extent{}, fmt.Errorf("count flags of %s: %w", environment, err)
	}
	var err error
	e.Keys, err = store.List(ctx, tx, store.ScanString, `SELECT f.key`+from+fmt.Sprintf(` AND s.killed_at IS NULL
		ORDER BY f.key COLLATE "C" LIMIT %d`, extentKeys), args...)
	if err != nil {
		return Extent{}, fmt.Errorf("list flags of %s: %w", environment, err)
	}
	return e, nil
}

// Owners is a step: whose the flags of a selection are that would be turned off, each owner once.
func Owners(ctx context.Context, tx *store.Tx, environment string, s Selection) ([]access.Scope, error) {
	from, args := s.in(environment)
	all, err := store.List(ctx, tx, scanOwners, `SELECT DISTINCT f.owner_group, f.owner, f.owner_id`+from+` AND s.killed_at IS NULL ORDER BY 1, 2`, args...)
	if err != nil {
		return nil, fmt.Errorf("list owners of flags of %s: %w", environment, err)
	}
	return all, nil
}

func scanOwners(row store.Row) (on access.Scope, err error) {
	err = row.Scan(&on.OwnerGroup, &on.OwnerPerson.Email, &on.OwnerPerson.ID)
	return on, err
}

// KillAll is Kill for the live flags of these keys, under one revision of the environment, so that SDKs hear once. It returns how
// many it killed and the revision, or 0 and 0 if there were none; and how many were killed already, which the act that did it goes on to
// hold off. The events are flag.killed or flag.killed_again, one for each flag.
func KillAll(ctx context.Context, tx *store.Tx, c Change, environment string, keys []string) (killed, again int, revision int64, err error) {
	var flags []Flag
	for part := range slices.Chunk(keys, manyRows) {
		locked, err := lockAll(ctx, tx, environment, store.In(1, len(part)), store.Values(part), func(_ Flag, state FlagEnvironment) bool { return state.Live })
		if err != nil {
			return 0, 0, 0, err
		}
		flags = append(flags, locked...)
	}
	var on []Flag
	var standing []audit.Event
	for _, f := range flags {
		state, _ := f.In(environment)
		if state.Kill == nil {
			on = append(on, f)
			continue
		}
		standing = append(standing, c.event(f, audit.FlagKilledAgain, environment, map[string]any{"kill": state.Kill.ID}))
	}
	for part := range slices.Chunk(standing, manyRows) {
		if err := audit.AppendAll(ctx, tx, part); err != nil {
			return 0, 0, 0, err
		}
	}
	if len(on) == 0 {
		return 0, len(standing), 0, nil
	}
	c.Cause = CauseKill
	revision, err = c.putAll(ctx, tx, environment, on, func(state *FlagEnvironment) { state.Kill = c.killed() },
		func(f Flag, state FlagEnvironment) audit.Event {
			return c.event(f, audit.FlagKilled, environment, map[string]any{"kill": c.KillID, "before": state.Serving})
		})
	return len(on), len(standing), revision, err
}

// SelectedKeys is a step: the keys of the live flags of a selection, those that are on and those that are killed, each in order.
func SelectedKeys(ctx context.Context, tx *store.Tx, environment string, s Selection) (on, killed []string, err error) {
	from, args := s.in(environment)
	type flag struct {
		key    string
		killed bool
	}
	all, err := store.List(ctx, tx, func(row store.Row) (f flag, err error) {
		err = row.Scan(&f.key, &f.killed)
		return f, err
	}, `SELECT f.key, s.killed_at IS NOT NULL`+from+` ORDER BY f.key COLLATE "C"`, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list flags of %s: %w", environment, err)
	}
	for _, f := range all {
		if f.killed {
			killed = append(killed, f.key)
		} else {
			on = append(on, f.key)
		}
	}
	return on, killed, nil
}

// StandingKill is a step: how many flags an act still holds off.
func StandingKill(ctx context.Context, tx *store.Tx, kill string) (n int, err error) {
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM flag_environment WHERE kill_id = $1 AND live`, kill).Scan(&n); err != nil {
		return 0, fmt.Errorf("count flags that are still off: %w", err)
	}
	return n, nil
}

// HeldBy is a step: the keys of the flags that an act still holds off, and which may be changed.
func HeldBy(ctx context.Context, tx *store.Tx, kill string) ([]string, error) {
	keys, err := store.List(ctx, tx, store.ScanString, heldBy+` ORDER BY f.key COLLATE "C"`, kill)
	if err != nil {
		return nil, fmt.Errorf("list flags that are still off: %w", err)
	}
	return keys, nil
}

const heldBy = `SELECT f.key FROM flag f JOIN flag_environment s ON s.flag_key = f.key WHERE s.kill_id = $1 AND s.live AND NOT f.read_only`

// RestoreAll is Restore for every flag that an act still holds off in its environment, under one revision of that. Flags that are
// deprecated stay as they are. It returns the keys of the restored flags and the revision, or 0 without any. The events are
// flag.restored, one for each flag.
func RestoreAll(ctx context.Context, tx *store.Tx, c Change, environment, kill string) (keys []string, revision int64, err error) {
	held := func(f Flag, state FlagEnvironment) bool {
		return state.Live && state.Kill != nil && state.Kill.ID == kill && f.Writable() == nil
	}
	flags, err := lockAll(ctx, tx, environment, heldBy, []any{kill}, held)
	if err != nil || len(flags) == 0 {
		return nil, 0, err
	}
	killedBy := make(map[string]string, len(flags))
	for _, f := range flags {
		keys = append(keys, f.Key)
		killedBy[f.Key] = f.Environments[0].Kill.By
	}
	c.Cause = CauseRestore
	revision, err = c.putAll(ctx, tx, environment, flags, func(state *FlagEnvironment) { state.Kill = nil },
		func(f Flag, state FlagEnvironment) audit.Event {
			return c.event(f, audit.FlagRestored, environment, map[string]any{
				"kill": kill, "after": state.Serving, "words": state.Serving.Words(), "killed_by": killedBy[f.Key],
			})
		})
	return keys, revision, err
}

// manyRows is how many flags go into one statement: SQLite looks up each of its values among all of them.
const manyRows = 100

// lockAll reads the flags whose keys a query gives, with their state in the environment alone, for the transaction to change,
// and leaves out those that somebody changed meanwhile so that they do not fit.
func lockAll(
	ctx context.Context, tx *store.Tx, environment, keys string, args []any, fits func(Flag, FlagEnvironment) bool,
) ([]Flag, error) {
	flags, err := store.List(ctx, tx, scanFlag, `SELECT `+flagColumns+` FROM flag f WHERE f.key IN (`+keys+`) ORDER BY f.key`+tx.ForUpdate(), args...)
	if err != nil {
		return nil, fmt.Errorf("lock flags: %w", err)
	}
	var kept []Flag
	for part := range slices.Chunk(flags, manyRows) {
		at := make(map[string]int, len(part))
		values := []any{environment}
		for i, f := range part {
			at[f.Key] = i
			values = append(values, f.Key)
		}
		// Asked after the flags are locked, so that it sees what whoever held the locks before has done.
		states, err := store.List(ctx, tx, scanState, `SELECT `+stateColumns+` FROM flag_environment s
			WHERE s.environment = $1 AND s.flag_key IN (`+store.In(2, len(part))+`)`, values...)
		if err != nil {
			return nil, fmt.Errorf("read states of flags: %w", err)
		}
		for _, s := range states {
			if f := part[at[s.key]]; fits(f, s.FlagEnvironment) {
				f.Environments = []FlagEnvironment{s.FlagEnvironment}
				kept = append(kept, f)
			}
		}
	}
	return kept, nil
}

// putAll is put for many flags, under one revision of the environment. Each of them has its state there alone.
func (c Change) putAll(
	ctx context.Context, tx *store.Tx, environment string, flags []Flag, change func(*FlagEnvironment), event func(Flag, FlagEnvironment) audit.Event,
) (revision int64, err error) {
	if revision, err = advance(ctx, tx, environment); err != nil {
		return 0, err
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return 0, err
	}
	everybody := map[string]bool{}
	for _, s := range segments {
		everybody[s.Name] = s.Everybody
	}
	at := store.Micros(c.At)
	for part := range slices.Chunk(flags, manyRows) {
		events := make([]audit.Event, 0, len(part))
		keys := make([]any, 0, len(part))
		revisions := c.newRevisions(environment, revision)
		var killed Killed
		killedAt := store.NullMicros(nil)
		for i := range part {
			f, state := &part[i], &part[i].Environments[0]
			change(state)
			f.Revision++
			state.Revision, state.UpdatedAt = revision, store.Time(at)
			f.UpdatedAt = state.UpdatedAt
			state.Definition = define(*f, state.Serving, everybody[state.Serving.Audience], state.Kill != nil)
			if state.Kill != nil {
				killed, killedAt = *state.Kill, store.NullMicros(&state.Kill.At)
			}
			revisions.add(f.Key, *state)
			keys = append(keys, f.Key)
			events = append(events, event(*f, *state))
		}
		if err := revisions.write(ctx, tx); err != nil {
			return 0, err
		}
		definitions := store.NewRows(revision, killedAt, killed.By, killed.Reason, at, environment, store.NullText(killed.ID), killed.ByID)
		for _, f := range part {
			definitions.Add("(?, ?)", f.Key, string(f.Environments[0].Definition))
		}
		if _, err := tx.Exec(ctx, `UPDATE flag_environment SET revision = $1, killed_at = $2, killed_by = $3, kill_reason = $4,
				definition = v.column2, updated_at = $5, kill_id = $7, killed_by_id = $8 FROM (VALUES `+definitions.String()+`) AS v
			WHERE flag_environment.flag_key = v.column1 AND flag_environment.environment = $6`, definitions.Args()...); err != nil {
			return 0, fmt.Errorf("write flags in %s: %w", environment, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE flag SET revision = revision + 1, updated_at = $1 WHERE key IN (`+store.In(2, len(keys))+`)`,
			append([]any{at}, keys...)...); err != nil {
			return 0, fmt.Errorf("write flags: %w", err)
		}
		if err := audit.AppendAll(ctx, tx, events); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// revisions are rows of flag_revision that one change makes of many flags in an environment.
type revisions struct{ rows *store.Rows }

func (c Change) newRevisions(environment string, revision int64) revisions {
	return revisions{store.NewRows(environment, revision, string(c.Cause), c.By.Email, store.Micros(c.At), c.Reason, c.RequestID, c.RolloutID)}
}

func (r revisions) add(key string, state FlagEnvironment) {
	r.rows.Add("(?, ?, $1, $2, $3, ?, ?, ?, $4, $5, $6, $7, $8)", store.NewID(), key, string(encode(state.Serving)), state.Kill != nil,
		string(state.Definition))
}

func (r revisions) write(ctx context.Context, tx *store.Tx) error {
	if _, err := tx.Exec(ctx, `INSERT INTO flag_revision (id, flag_key, environment, revision, cause, serving, killed, definition, actor, at,
			reason, request_id, rollout_id) VALUES `+r.rows.String(), r.rows.Args()...); err != nil {
		return fmt.Errorf("record revisions: %w", err)
	}
	return nil
}
