package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

const flagColumns = `f.key, f.flag_id, f.app, f.name, f.description, f.type, f.owner_group, f.owner, f.owner_id, f.contact,
	f.template_id, f.template_version, f.variants, f.on_variant, f.off_variant, f.outside_variant, f.audience, f.client_side,
	f.created_at, f.updated_at, f.installed_at, f.removed_at, f.read_only, f.revision, f.imported`

func scanFlag(row store.Row) (f Flag, err error) {
	var variants string
	var created, updated int64
	var installed, removed sql.NullInt64
	if err := row.Scan(&f.Key, &f.FlagID, &f.App, &f.Name, &f.Description, &f.Type, &f.OwnerGroup, &f.Owner, &f.OwnerID, &f.Contact,
		&f.TemplateID, &f.TemplateVersion, &variants, &f.On, &f.Off, &f.Outside, &f.Audience, &f.ClientSide,
		&created, &updated, &installed, &removed, &f.ReadOnly, &f.Revision, &f.Imported); err != nil {
		return Flag{}, err
	}
	f.CreatedAt, f.UpdatedAt = store.Time(created), store.Time(updated)
	f.InstalledAt, f.RemovedAt = store.NullTime(installed), store.NullTime(removed)
	if err := json.Unmarshal([]byte(variants), &f.Variants); err != nil {
		return Flag{}, fmt.Errorf("read variants of %s: %w", f.Key, err)
	}
	f.Environments, f.Tags = []FlagEnvironment{}, []string{}
	return f, nil
}

const stateColumns = `s.flag_key, s.environment, s.live, s.revision, s.mode, s.audience, s.percent, s.serving, s.kill_id, s.killed_at, s.killed_by, s.killed_by_id,
	s.kill_reason, s.definition, s.updated_at`

type flagState struct {
	key string
	FlagEnvironment
}

func scanState(row store.Row) (s flagState, err error) {
	var mode, rest, by, reason, definition string
	var byID access.PersonID
	var id sql.NullString
	var at sql.NullInt64
	var updated int64
	if err := row.Scan(&s.key, &s.Environment, &s.Live, &s.Revision, &mode, &s.Serving.Audience, &s.Serving.Percent, &rest,
		&id, &at, &by, &byID, &reason, &definition, &updated); err != nil {
		return flagState{}, err
	}
	if rest != "" {
		if err := json.Unmarshal([]byte(rest), &s.Serving); err != nil {
			return flagState{}, fmt.Errorf("read serving of %s: %w", s.key, err)
		}
	}
	s.Serving.Mode, s.Definition, s.UpdatedAt = ServingMode(mode), json.RawMessage(definition), store.Time(updated)
	if at.Valid {
		s.Kill = &Killed{ID: id.String, By: by, ByID: byID, At: store.Time(at.Int64), Reason: reason}
	}
	return s, nil
}

// Get gives a flag with its state in every environment; ok is false if there is none. Removed flags are given too.
func Get(ctx context.Context, tx *store.Tx, key string) (f Flag, ok bool, err error) {
	return get(ctx, tx, key, "")
}

// known is Get where a flag that does not exist is a fault of kind NotFound.
func known(ctx context.Context, tx *store.Tx, key string) (Flag, error) {
	f, ok, err := Get(ctx, tx, key)
	if err == nil && !ok {
		err = unknownFlag(key)
	}
	return f, err
}

// Lock gives a flag that the transaction is about to act on; nobody else changes it until the transaction ends. A flag that
// does not exist is a fault of kind NotFound.
func Lock(ctx context.Context, tx *store.Tx, key string) (Flag, error) { return lock(ctx, tx, key) }

func get(ctx context.Context, tx *store.Tx, key, suffix string) (Flag, bool, error) {
	f, ok, err := store.One(ctx, tx, scanFlag, `SELECT `+flagColumns+` FROM flag f WHERE f.key = $1`+suffix, key)
	if err != nil {
		return Flag{}, false, fmt.Errorf("get flag %s: %w", key, err)
	}
	if !ok {
		return Flag{}, false, nil
	}
	flags := []Flag{f}
	if err := fill(ctx, tx, flags); err != nil {
		return Flag{}, false, err
	}
	return flags[0], true, nil
}

// fill adds to each flag its tags and its state in every environment, in their order.
func fill(ctx context.Context, tx *store.Tx, flags []Flag) error {
	if len(flags) == 0 {
		return nil
	}
	at := make(map[string]int, len(flags))
	keys := make([]any, len(flags))
	for i, f := range flags {
		at[f.Key], keys[i] = i, f.Key
	}
	states, err := store.List(ctx, tx, scanState, `SELECT `+stateColumns+`
		FROM flag_environment s JOIN environment e ON e.name = s.environment
		WHERE s.flag_key IN (`+store.In(1, len(keys))+`) ORDER BY e.position, e.name`, keys...)
	if err != nil {
		return fmt.Errorf("list states of flags: %w", err)
	}
	for _, s := range states {
		f := &flags[at[s.key]]
		f.Environments = append(f.Environments, s.FlagEnvironment)
	}
	return fillTags(ctx, tx, flags, at, keys)
}

type revisionRow struct {
	id string
	Revision
}

const revisionColumns = `id, environment, revision, cause, serving, killed, definition, actor, at, reason, request_id, rollout_id`

func scanRevision(row store.Row) (r revisionRow, err error) {
	var cause, serving, definition string
	var at int64
	if err := row.Scan(&r.id, &r.Environment, &r.Revision.Revision, &cause, &serving, &r.Killed, &definition, &r.By, &at, &r.Reason,
		&r.RequestID, &r.RolloutID); err != nil {
		return revisionRow{}, err
	}
	r.Cause, r.Definition, r.At = Cause(cause), json.RawMessage(definition), store.Time(at)
	if err := json.Unmarshal([]byte(serving), &r.Serving); err != nil {
		return revisionRow{}, fmt.Errorf("read serving: %w", err)
	}
	return r, nil
}

// History gives what a flag was, newest first; an empty environment is all of them.
func History(ctx context.Context, tx *store.Tx, key, environment string, page store.Page) (store.Listing[Revision], error) {
	after, err := page.After()
	if err != nil {
		return store.Listing[Revision]{}, err
	}
	query := `SELECT ` + revisionColumns + ` FROM flag_revision WHERE flag_key = $1`
	args := []any{key}
	if environment != "" {
		args = append(args, environment)
		query += ` AND environment = $` + strconv.Itoa(len(args))
	}
	if after != nil {
		args = append(args, after[0])
		query += ` AND id < $` + strconv.Itoa(len(args))
	}
	args = append(args, page.Size()+1)
	rows, err := store.List(ctx, tx, scanRevision, query+` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return store.Listing[Revision]{}, fmt.Errorf("list history of %s: %w", key, err)
	}
	cut := store.Cut(page, rows, func(r revisionRow) []string { return []string{r.id} })
	listing := store.Listing[Revision]{Items: make([]Revision, len(cut.Items)), Next: cut.Next}
	for i, r := range cut.Items {
		listing.Items[i] = r.Revision
	}
	return listing, nil
}

func scanEnvironment(row store.Row) (e Environment, err error) {
	var tier string
	err = row.Scan(&e.Name, &e.Position, &tier, &e.Governed, &e.Revision, &e.Version)
	e.Tier = Tier(tier)
	return e, err
}

const environmentColumns = `name, position, tier, governed, revision, version`

// Environments gives all environments, from the most harmless on.
func Environments(ctx context.Context, tx *store.Tx) ([]Environment, error) {
	all, err := store.List(ctx, tx, scanEnvironment, `SELECT `+environmentColumns+` FROM environment ORDER BY position, name`)
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	return all, nil
}

// EnvironmentNamed gives one environment; ok is false if there is none of the name.
func EnvironmentNamed(ctx context.Context, tx *store.Tx, name string) (e Environment, ok bool, err error) {
	e, ok, err = store.One(ctx, tx, scanEnvironment, `SELECT `+environmentColumns+` FROM environment WHERE name = $1`, name)
	if err != nil {
		return Environment{}, false, fmt.Errorf("get environment %s: %w", name, err)
	}
	return e, ok, nil
}
