package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// ownership is what a flag is selected by besides its key and its app. SDKs see nothing of it, so it changes without a revision.
type ownership struct {
	Owner string   `json:"owner"`
	Tags  []string `json:"tags,omitempty"`
}

func (o ownership) equal(other ownership) bool {
	return o.Owner == other.Owner && slices.Equal(o.Tags, other.Tags)
}

// ownerships are those of all flags, by key. Nobody may change them.
type ownerships struct {
	flags  map[string]ownership
	latest int64 // microseconds: when the last flag was changed that was read
}

// of returns what is known of a flag; nothing is, if nothing was read as yet.
func (o *ownerships) of(key string) ownership {
	if o == nil {
		return ownership{}
	}
	return o.flags[key]
}

// unsure is how much before the latest change another one may be dated that was committed after it: by the deadline of a transaction,
// and by how far the clocks of two replicas are apart.
const unsure = 2 * time.Minute

const (
	ownersSince = `SELECT f.key, f.owner_group, f.updated_at FROM flag f WHERE f.updated_at > $1`
	tagsSince   = `SELECT t.flag_key, t.tag FROM flag f JOIN flag_tag t ON t.flag_key = f.key WHERE f.updated_at > $1 ORDER BY t.flag_key, t.tag`
)

// refreshOwned looks who owns what by now. It comes after what is served: a kill never waits for it. The caller holds refreshing.
func (l *Live) refreshOwned(ctx context.Context) error {
	var owned *ownerships
	err := l.DB.Read(store.First(ctx), func(ctx context.Context, tx *store.Tx) (err error) {
		owned, err = loadOwnerships(ctx, tx, l.owned.Load())
		return err
	})
	if err != nil {
		return err
	}
	l.owned.Store(owned)
	return nil
}

// loadOwnerships returns what is there now, or before itself if that is the same. Flags that are no more may stay in it.
func loadOwnerships(ctx context.Context, tx *store.Tx, before *ownerships) (*ownerships, error) {
	since, latest := int64(-1), int64(0)
	if before != nil {
		since, latest = before.latest-unsure.Microseconds(), before.latest
	}
	changed := map[string]ownership{}
	if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var key, owner string
		var at int64
		err = row.Scan(&key, &owner, &at)
		changed[key], latest = ownership{Owner: owner}, max(latest, at)
		return none, err
	}, ownersSince, since); err != nil {
		return nil, fmt.Errorf("read owners of flags: %w", err)
	}
	if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var key, tag string
		err = row.Scan(&key, &tag)
		is := changed[key]
		is.Tags = append(is.Tags, tag)
		changed[key] = is
		return none, err
	}, tagsSince, since); err != nil {
		return nil, fmt.Errorf("read tags of flags: %w", err)
	}
	if before == nil {
		return &ownerships{changed, latest}, nil
	}
	maps.DeleteFunc(changed, func(key string, is ownership) bool {
		was, known := before.flags[key]
		return known && is.equal(was)
	})
	if len(changed) == 0 && latest == before.latest {
		return before, nil
	}
	next := &ownerships{before.flags, latest}
	if len(changed) > 0 {
		next.flags = maps.Clone(before.flags)
		maps.Copy(next.flags, changed)
	}
	return next, nil
}

// ownedName is the file with a copy of the ownerships.
const ownedName = "owned.json"

// copyOwned brings the copy on disk up to what is known. The caller holds copying.
func (l *Live) copyOwned() {
	is := l.owned.Load()
	if is == l.copiedOwned {
		return
	}
	if l.copiedOwned != nil && maps.EqualFunc(is.flags, l.copiedOwned.flags, ownership.equal) {
		l.copiedOwned = is
		return
	}
	if err := writeSummed(filepath.Join(l.Dir, ownedName), is.flags); err != nil {
		l.Log.Error("copy of owners and tags not written", slog.Any("error", err))
		return
	}
	l.copiedOwned = is
}

// readOwned takes up the copy on disk, until the database says more. Without it only flags and apps can be selected meanwhile.
func (l *Live) readOwned() {
	var flags map[string]ownership
	err := readSummed(filepath.Join(l.Dir, ownedName), &flags)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.Log.Warn("copy of owners and tags ignored", slog.Any("error", err))
		return
	}
	l.owned.Store(&ownerships{flags: flags})
}
