package registry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Registry is what people ask about flags, environments and segments, and where administrators set the latter two.
type Registry struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger

	// SegmentInUse tells in words what above the registry still needs a segment, empty if nothing does; nil asks nobody.
	SegmentInUse func(ctx context.Context, tx *store.Tx, name string) (string, error)
	// Reached returns the flags whose people in a governed environment a segment decides, or would by what is asked for; nil is
	// GovernedBySegment, which knows no rollouts and no requests.
	Reached func(ctx context.Context, tx *store.Tx, name string) (Decided, error)
}

// Flags lists flags, newest first.
func (r *Registry) Flags(ctx context.Context, by access.Actor, filter Filter, page store.Page) (store.Listing[Flag], error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (store.Listing[Flag], error) {
		return List(ctx, tx, filter, page)
	})
}

// Flag gives one flag, or fault.NotFound.
func (r *Registry) Flag(ctx context.Context, by access.Actor, key string) (Flag, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (Flag, error) { return known(ctx, tx, key) })
}

// History lists what a flag was in an environment, or in all of them, newest first.
func (r *Registry) History(
	ctx context.Context, by access.Actor, key, environment string, page store.Page,
) (store.Listing[Revision], error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (store.Listing[Revision], error) {
		if _, err := known(ctx, tx, key); err != nil {
			return store.Listing[Revision]{}, err
		}
		return History(ctx, tx, key, environment, page)
	})
}

// Environments lists all environments, from the most harmless on.
func (r *Registry) Environments(ctx context.Context, by access.Actor) ([]Environment, error) {
	return read(ctx, r, by, Environments)
}

func read[T any](
	ctx context.Context, r *Registry, by access.Actor, step func(ctx context.Context, tx *store.Tx) (T, error),
) (result T, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return result, err
	}
	err = r.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		result, err = step(ctx, tx)
		return err
	})
	return result, err
}

// PutEnvironment makes or changes an environment. e.Version is the version that was read, 0 for a new one; Revision is not
// the caller's. Putting what is there already changes nothing and succeeds, whatever the version, as RFC 9110, 13.1.1, allows:
// so whoever lost the answer to a change may send it again, and nothing of another's is overwritten by it. A new environment
// gets every flag that is not removed: live if it was approved, as after an approval. What loosens the rules of one waits for a
// second administrator.
func (r *Registry) PutEnvironment(ctx context.Context, by access.Actor, e Environment) (Environment, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Environment{}, err
	}
	if err := e.Check(); err != nil {
		return Environment{}, err
	}
	var result Environment
	var waiting *access.Proposal
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		c := Change{By: by, At: r.Now()}
		old, exists, err := EnvironmentNamed(ctx, tx, e.Name)
		if err != nil {
			return err
		}
		same := e
		same.Revision, same.Version = old.Revision, old.Version
		switch {
		case exists && same == old:
			result = old
			return nil
		case e.Version != old.Version:
			return stale("environment", e.Name).Showing(old)
		}
		if err := placeFree(ctx, tx, e, old); err != nil {
			return err
		}
		if !exists {
			result, err = c.addEnvironment(ctx, tx, e)
			return err
		}
		asked := e
		asked.Revision = 0
		if waiting, err = putEnvironment.Second(ctx, tx, by, c.At, old, same, access.Loosening{
			Subject: "environment:" + e.Name, Change: asked, Base: old.Version,
		}); err != nil || waiting != nil {
			return err
		}
		result = same
		result.Version++
		changed, err := tx.Exec(ctx, `UPDATE environment SET position = $1, tier = $2, governed = $3, version = version + 1
			WHERE name = $4 AND version = $5`, e.Position, string(e.Tier), e.Governed, e.Name, old.Version)
		if err != nil {
			return fmt.Errorf("update environment %s: %w", e.Name, err)
		}
		if changed == 0 {
			return stale("environment", e.Name)
		}
		return c.govern(ctx, tx, audit.EnvironmentUpdated, "environment:"+e.Name, map[string]any{"before": old, "after": result})
	})
	if err == nil {
		err = waiting.Pending()
	}
	return result, err
}

// placeFree refuses a position that another environment has: which of the two comes first would hang on their names. Those that shared
// one before stay where they are.
func placeFree(ctx context.Context, tx *store.Tx, e, old Environment) error {
	if e.Position == old.Position && old.Name != "" {
		return nil
	}
	all, err := Environments(ctx, tx)
	if err != nil {
		return err
	}
	last := 0
	for _, other := range all {
		last = max(last, other.Position)
	}
	for _, other := range all {
		if other.Name != e.Name && other.Position == e.Position {
			return fault.New(fault.Conflict, "position_taken", "%s is at the position %d already", other.Name, e.Position).At("position").
				Fix("choose another one, such as %d; to swap two, move one of them out of the way first", last+1)
		}
	}
	return nil
}

func (c Change) addEnvironment(ctx context.Context, tx *store.Tx, e Environment) (Environment, error) {
	e.Revision, e.Version = 1, 1
	added, err := tx.Exec(ctx, `INSERT INTO environment (name, position, tier, governed, revision, version)
		VALUES ($1, $2, $3, $4, 1, 1) ON CONFLICT (name) DO NOTHING`, e.Name, e.Position, string(e.Tier), e.Governed)
	if err != nil {
		return Environment{}, fmt.Errorf("insert environment %s: %w", e.Name, err)
	}
	if added == 0 {
		return Environment{}, stale("environment", e.Name)
	}
	flags, err := store.List(ctx, tx, scanFlag, `SELECT `+flagColumns+` FROM flag f WHERE f.removed_at IS NULL ORDER BY f.key`)
	if err != nil {
		return Environment{}, fmt.Errorf("list flags: %w", err)
	}
	for _, f := range flags {
		state := FlagEnvironment{Environment: e.Name, Revision: 1, Serving: Serving{Mode: ServeOff}, UpdatedAt: c.At}
		if f.InstalledAt != nil && f.Imported == "" { // an import is into one environment
			state.Live, state.Serving = true, e.Tier.first()
		}
		state.Definition = define(f, state.Serving, false, false)
		if err := insertState(ctx, tx, f.Key, state); err != nil {
			return Environment{}, err
		}
	}
	tx.Announce(Topic)
	return e, c.govern(ctx, tx, audit.EnvironmentCreated, "environment:"+e.Name, map[string]any{"after": e})
}

func (c Change) govern(ctx context.Context, tx *store.Tx, name audit.Name, subject string, details map[string]any) error {
	event := c.By.Event(name, c.At)
	event.Subject, event.Details = subject, details
	_, err := audit.Append(ctx, tx, event)
	return err
}

func stale(noun, name string) *fault.Error {
	return fault.New(fault.Stale, "stale_"+noun, "the %s %s was changed since it was read", noun, name).
		Fix("read it again, and repeat the change on what is there now")
}

// Limits of what administrators set.
const (
	peopleLimit = 1000
	groupLimit  = 100
	titleLimit  = 200
)

// Check judges what can be judged of the environment by itself.
func (e Environment) Check() error {
	switch {
	case e.Name == "" || Slug(e.Name) != e.Name:
		return fault.New(fault.Invalid, "bad_name", "%q cannot be the name of an environment", e.Name).At("name").
			Fix("use lower-case letters, digits and hyphens")
	case e.Position < 0 || e.Position > 1000:
		return fault.New(fault.Invalid, "bad_position", "the position lies between 0 and 1000").At("position").Fix("choose one in between")
	}
	switch e.Tier {
	case TierSandbox, TierTest, TierProduction:
		return nil
	}
	return fault.New(fault.Invalid, "unknown_tier", "there is no tier %q", e.Tier).At("tier").Fix("use sandbox, test or production")
}

// tidy trims, sorts and drops what is blank or twice.
func tidy(list []string) []string {
	kept := make([]string, 0, len(list))
	for _, item := range list {
		if item = strings.TrimSpace(item); item != "" {
			kept = append(kept, item)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}
