package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// tagLimit is how many tags a flag may have. Each has the form of a slug, so that it is typed and read out without doubt.
const tagLimit = 20

// hasTag is the condition on a flag f that it has a tag.
const hasTag = `f.key IN (SELECT t.flag_key FROM flag_tag t WHERE t.tag = ?)`

// Tag is a word that flags are found by, and turned off together by.
type Tag struct {
	Name  string `json:"name"`
	Flags int    `json:"flags" doc:"How many flags that are not removed have it"`
}

// SetTags gives a flag these tags instead of those it has: owners, operators and admins do it, as they may turn the flag off. SDKs
// see nothing of it. revision is the flag's revision that was read; a flag that has the tags already is left as it is, whatever
// the revision. The event is flag.tagged.
func (r *Registry) SetTags(ctx context.Context, by access.Actor, key string, tags []string, revision int64) (f Flag, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Flag{}, err
	}
	err = r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if f, err = lock(ctx, tx, key); err != nil {
			return err
		}
		if err := access.Can(by, access.FlagTag, f.Scope()); err != nil {
			return err
		}
		if tags, err = tidyTags(tags); err != nil {
			return err
		}
		switch {
		case slices.Equal(tags, f.Tags):
			return nil
		case revision != f.Revision:
			return stale("flag", key).Showing(f)
		case f.RemovedAt != nil:
			return fault.New(fault.Conflict, "flag_removed", "%s is removed", key).Fix("tag a flag that is in use")
		}
		return f.retag(ctx, tx, Change{By: by, At: r.Now()}, tags)
	})
	if err != nil {
		return Flag{}, err
	}
	return f, nil
}

func (f *Flag) retag(ctx context.Context, tx *store.Tx, c Change, tags []string) error {
	before := f.Tags
	if _, err := tx.Exec(ctx, `DELETE FROM flag_tag WHERE flag_key = $1`, f.Key); err != nil {
		return fmt.Errorf("take tags off %s: %w", f.Key, err)
	}
	for _, tag := range tags {
		if _, err := tx.Exec(ctx, `INSERT INTO flag_tag (tag, flag_key) VALUES ($1, $2)`, tag, f.Key); err != nil {
			return fmt.Errorf("tag %s: %w", f.Key, err)
		}
	}
	f.Tags, f.UpdatedAt = tags, store.Time(store.Micros(c.At))
	f.Revision++
	if _, err := tx.Exec(ctx, `UPDATE flag SET revision = $1, updated_at = $2 WHERE key = $3`, f.Revision, store.Micros(c.At), f.Key); err != nil {
		return fmt.Errorf("write %s: %w", f.Key, err)
	}
	return c.tell(ctx, tx, *f, audit.FlagTagged, "", map[string]any{"before": before, "after": tags})
}

// CheckTags is nil if a flag may have the tags, each of them once.
func CheckTags(tags []string) error {
	if len(tags) > tagLimit {
		return fault.New(fault.Invalid, "too_many_tags", "a flag has at most %d tags, not %d", tagLimit, len(tags)).At("tags").
			Fix("keep those that people look for")
	}
	for i, tag := range tags {
		if tag == "" || Slug(tag) != tag {
			said := fault.New(fault.Invalid, "bad_tag", "%q cannot be a tag", fault.Clip(tag, 80)).At(fmt.Sprintf("tags[%d]", i))
			if slug := Slug(tag); slug != "" {
				return said.Fix("write it %s: lower-case letters, digits and hyphens", slug)
			}
			return said.Fix("use up to %d lower-case letters, digits and hyphens", slugLimit)
		}
	}
	return nil
}

// tidyTags gives the tags in order, each once.
func tidyTags(tags []string) ([]string, error) {
	if err := CheckTags(tags); err != nil {
		return nil, err
	}
	tidy := append([]string{}, tags...)
	slices.Sort(tidy)
	return slices.Compact(tidy), nil
}

// tagsListed bounds how many tags are offered at once.
const tagsListed = 100

// Tags lists the tags that flags have and that hold the text, by name, the first 100 of them. It reads the index alone, and compares
// texts once a tag, not once a flag.
func (r *Registry) Tags(ctx context.Context, by access.Actor, search string) ([]Tag, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) ([]Tag, error) {
		all, err := store.List(ctx, tx, func(row store.Row) (t Tag, err error) {
			err = row.Scan(&t.Name, &t.Flags)
			return t, err
		}, `SELECT tag, flags FROM (
				SELECT tag, COUNT(*) AS flags FROM flag_tag WHERE flag_key NOT IN (SELECT key FROM flag WHERE removed_at IS NOT NULL) GROUP BY tag
			) AS every WHERE tag LIKE $1 ESCAPE '\' ORDER BY tag COLLATE "C" LIMIT $2`,
			store.LikePattern(strings.ToLower(search)), tagsListed)
		if err != nil {
			return nil, fmt.Errorf("list tags: %w", err)
		}
		return all, nil
	})
}

// fillTags adds its tags to each flag, in order; at says which flag of the list has a key.
func fillTags(ctx context.Context, tx *store.Tx, flags []Flag, at map[string]int, keys []any) error {
	all, err := store.List(ctx, tx, func(row store.Row) (pair [2]string, err error) {
		err = row.Scan(&pair[0], &pair[1])
		return pair, err
	}, `SELECT flag_key, tag FROM flag_tag WHERE flag_key IN (`+store.In(1, len(keys))+`) ORDER BY flag_key, tag COLLATE "C"`, keys...)
	if err != nil {
		return fmt.Errorf("list tags of flags: %w", err)
	}
	for _, pair := range all {
		f := &flags[at[pair[0]]]
		f.Tags = append(f.Tags, pair[1])
	}
	return nil
}

// TagOwners is a step: whose the flags with a tag are, each owner once; none if no flag has it.
func TagOwners(ctx context.Context, tx *store.Tx, tag string) ([]access.Scope, error) {
	all, err := store.List(ctx, tx, scanOwners, `SELECT DISTINCT f.owner_group, f.owner, f.owner_id FROM flag_tag t JOIN flag f ON f.key = t.flag_key
		WHERE t.tag = $1 AND f.removed_at IS NULL ORDER BY 1, 2`, tag)
	if err != nil {
		return nil, fmt.Errorf("list owners of flags with a tag: %w", err)
	}
	return all, nil
}
