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
}

// Flags lists flags, newest first.
func (r *Registry) Flags(ctx context.Context, by access.Actor, filter Filter, page store.Page) (store.Listing[Flag], error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (store.Listing[Flag], error) {
		return List(ctx, tx, filter, page)
	})
}

// Flag gives one flag, or fault.NotFound.
func (r *Registry) Flag(ctx context.Context, by access.Actor, key string) (Flag, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (Flag, error) {
		f, ok, err := Get(ctx, tx, key)
		if err == nil && !ok {
			err = unknownFlag(key)
		}
		return f, err
	})
}

// History lists what a flag was in an environment, or in all of them, newest first.
func (r *Registry) History(
	ctx context.Context, by access.Actor, key, environment string, page store.Page,
) (store.Listing[Revision], error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (store.Listing[Revision], error) {
		_, ok, err := Get(ctx, tx, key)
		if err == nil && !ok {
			err = unknownFlag(key)
		}
		if err != nil {
			return store.Listing[Revision]{}, err
		}
		return History(ctx, tx, key, environment, page)
	})
}

// Environments lists all environments, from the most harmless on.
func (r *Registry) Environments(ctx context.Context, by access.Actor) ([]Environment, error) {
	return read(ctx, r, by, Environments)
}

// Segments lists all segments by name.
func (r *Registry) Segments(ctx context.Context, by access.Actor) ([]Segment, error) {
	return read(ctx, r, by, Segments)
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
// the caller's. Putting what is there already changes nothing, whatever the version. A new environment gets every flag that
// is not removed: live if it was approved, as after an approval.
func (r *Registry) PutEnvironment(ctx context.Context, by access.Actor, e Environment) (Environment, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Environment{}, err
	}
	if err := e.Check(); err != nil {
		return Environment{}, err
	}
	var result Environment
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
		case !exists:
			result, err = c.addEnvironment(ctx, tx, e)
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
		return c.govern(ctx, tx, "environment.updated", "environment:"+e.Name, map[string]any{"before": old, "after": result})
	})
	return result, err
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
		if f.InstalledAt != nil {
			state.Live, state.Serving = true, e.Tier.first()
		}
		state.Definition = define(f, state.Serving, false, false)
		if err := insertState(ctx, tx, f.Key, state); err != nil {
			return Environment{}, err
		}
	}
	tx.Announce(Topic)
	return e, c.govern(ctx, tx, "environment.created", "environment:"+e.Name, map[string]any{"after": e})
}

// PutSegment makes or changes a segment. s.Revision is the revision that was read, 0 for a new one. Putting what is there
// already changes nothing, whatever the revision. SDKs of every environment hear of changed people.
func (r *Registry) PutSegment(ctx context.Context, by access.Actor, s Segment) (Segment, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Segment{}, err
	}
	s.Groups, s.People = tidy(s.Groups), tidy(s.People)
	if err := s.Check(); err != nil {
		return Segment{}, err
	}
	var result Segment
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		c := Change{By: by, At: r.Now(), Cause: CauseSegment, Reason: "the segment " + s.Name + " changed"}
		old, exists, err := SegmentNamed(ctx, tx, s.Name)
		if err != nil {
			return err
		}
		result = s
		result.Revision = old.Revision
		switch {
		case exists && string(encode(result)) == string(encode(old)):
			return nil
		case s.Revision != old.Revision:
			return stale("segment", s.Name).Showing(old)
		}
		result.Revision++
		written, err := tx.Exec(ctx, `INSERT INTO segment (name, title, description, everybody, group_names, people, revision)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (name) DO UPDATE SET title = $2, description = $3, everybody = $4, group_names = $5, people = $6, revision = $7
			WHERE segment.revision = $8`,
			s.Name, s.Title, s.Description, s.Everybody, string(encode(s.Groups)), string(encode(s.People)), result.Revision, old.Revision)
		if err != nil {
			return fmt.Errorf("write segment %s: %w", s.Name, err)
		}
		if written == 0 {
			return stale("segment", s.Name)
		}
		if err := c.spread(ctx, tx, s); err != nil {
			return err
		}
		name := "segment.updated"
		if !exists {
			name = "segment.created"
		}
		return c.govern(ctx, tx, name, "segment:"+s.Name, map[string]any{"before": old, "after": result})
	})
	return result, err
}

// spread carries a changed segment into the environments: all of them know it, and flags that it is the audience of get a
// revision of their own, killed or not.
func (c Change) spread(ctx context.Context, tx *store.Tx, s Segment) error {
	environments, err := Environments(ctx, tx)
	if err != nil {
		return err
	}
	keys, err := store.List(ctx, tx, store.ScanString, `SELECT DISTINCT flag_key FROM flag_environment
		WHERE mode = 'audience' AND audience = $1 AND live ORDER BY flag_key`, s.Name)
	if err != nil {
		return fmt.Errorf("list flags for %s: %w", s.Name, err)
	}
	// Every step locks flags before environments; in another order, two of them could wait for each other.
	flags := make([]Flag, len(keys))
	for i, key := range keys {
		if flags[i], err = lock(ctx, tx, key); err != nil {
			return err
		}
	}
	for _, f := range flags {
		for _, state := range slices.Clone(f.Environments) {
			if !state.Live || state.Serving.Mode != ServeAudience || state.Serving.Audience != s.Name {
				continue
			}
			if err := f.put(ctx, tx, c, state.Environment, func(*FlagEnvironment) {}); err != nil {
				return err
			}
		}
	}
	for _, e := range environments {
		if _, err := advance(ctx, tx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

func (c Change) govern(ctx context.Context, tx *store.Tx, name, subject string, details map[string]any) error {
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

// Check judges what can be judged of the segment by itself.
func (s Segment) Check() error {
	switch {
	case s.Name == "" || Slug(s.Name) != s.Name:
		return fault.New(fault.Invalid, "bad_name", "%q cannot be the name of a segment", s.Name).At("name").
			Fix("use lower-case letters, digits and hyphens")
	case strings.TrimSpace(s.Title) == "" || len(s.Title) > titleLimit:
		return fault.New(fault.Invalid, "no_title", "a segment has a title of 1 to %d characters", titleLimit).At("title").
			Fix("say in a few plain words who is in it")
	case s.Everybody && len(s.Groups)+len(s.People) > 0:
		return fault.New(fault.Invalid, "everybody_and_some", "a segment of everybody lists no groups or people").At("everybody").
			Fix("clear everybody, or the lists")
	case len(s.People) > peopleLimit:
		return fault.New(fault.Invalid, "too_many_people", "a segment lists at most %d people, not %d", peopleLimit, len(s.People)).
			At("people").Fix("make a group of them, and list the group")
	case len(s.Groups) > groupLimit:
		return fault.New(fault.Invalid, "too_many_groups", "a segment lists at most %d groups, not %d", groupLimit, len(s.Groups)).
			At("groups").Fix("make one group of them")
	}
	for field, text := range map[string]string{
		"title": s.Title, "description": s.Description, "groups": strings.Join(s.Groups, ""), "people": strings.Join(s.People, ""),
	} {
		if err := store.CheckText(field, text); err != nil {
			return err
		}
	}
	return nil
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
