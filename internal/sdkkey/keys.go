// Package sdkkey knows the keys by which SDKs are let in, and holds them in memory for the data plane.
package sdkkey

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Keys makes, lists and revokes SDK keys, and holds those that are valid in memory for the data plane, which asks for one
// at every evaluation and must live while the database is down.
type Keys struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger
	Dir string // for a copy of the held keys; empty: no copy on disk
	// Facts tells who owns an app and whether an environment is governed; each may be empty, and says nothing then. For one
	// that does not exist it gives a fault. Access may not know catalog and registry; serve does.
	Facts func(ctx context.Context, tx *store.Tx, environment, app string) (Facts, error)

	loading sync.Mutex // held while loading, so that an older reading never replaces a newer one
	held    atomic.Pointer[keySet]
}

// keySet is all keys that are not revoked, as of one reading. It never changes, save when its keys were used.
type keySet struct {
	byHash   map[access.SecretHash]heldKey
	byID     map[string]heldKey
	shown    sync.Map      // of heldKey by the secret, of secrets that were shown and are of a held key: hashing takes longer than all else
	version  [2]int64      // of the table: the number of rows and the sum of their revisions, which only grow
	old      *keySet       // while this one is being read
	replaced chan struct{} // closed when a newer set is held
}

// heldKey is a key in memory.
type heldKey struct {
	Key
	use *keyUse
}

// keyUse is when a key was last used, by this replica, in microseconds, and up to when that is written down. It outlives the
// sets that the key is in.
type keyUse struct {
	at      atomic.Int64
	written atomic.Int64
}

// pollEvery is how long a change may stay unknown where its announcement was lost; usedEvery how often the database learns which
// keys were used; usedStep how exactly memory knows it, so that many who use one key do not write to one word all the time.
const (
	pollEvery = 500 * time.Millisecond
	usedEvery = time.Minute
	usedStep  = time.Second
)

// Lookup gives the key of the secret if it is valid now. It takes no lock and asks no database.
func (k *Keys) Lookup(secret string, now time.Time) (Key, bool) {
	set := k.held.Load()
	if set == nil {
		return Key{}, false
	}
	if key, ok := set.shown.Load(secret); ok {
		return key.(heldKey).taken(now) //nolint:forcetypeassert // nothing else is stored
	}
	hash, ok := access.HashOf(keyPrefix, secret)
	if !ok {
		return Key{}, false
	}
	key, ok := set.byHash[hash]
	if ok {
		set.shown.Store(strings.Clone(secret), key)
	}
	return key.taken(now)
}

// Held gives the key of that id if it is valid now, for a caller who showed otherwise than by the secret that the key is theirs.
// It takes no lock and asks no database.
func (k *Keys) Held(id string, now time.Time) (Key, bool) {
	set := k.held.Load()
	if set == nil {
		return Key{}, false
	}
	return set.byID[id].taken(now)
}

// taken gives the key if it is there and valid now, and notes that it was used.
func (h heldKey) taken(now time.Time) (Key, bool) {
	if h.use == nil || !h.valid(now) {
		return Key{}, false
	}
	if at := store.Micros(now); at-h.use.at.Load() >= usedStep.Microseconds() {
		h.use.at.Store(at)
	}
	return h.Key, true
}

// Run keeps the held keys current, and writes down when they were used, until ctx ends.
func (k *Keys) Run(ctx context.Context) {
	wake, stop := k.DB.Subscribe(Topic)
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	used := time.NewTicker(usedEvery)
	defer used.Stop()
	for {
		if err := k.Load(ctx); err != nil && ctx.Err() == nil && k.Log != nil {
			k.Log.Warn("SDK keys not refreshed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			// What was used in the last minute is not lost at a shutdown in good order.
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			_ = k.WriteUse(late)
			cancel()
			return
		case <-used.C:
			if err := k.WriteUse(ctx); err != nil && ctx.Err() == nil && k.Log != nil {
				k.Log.Warn("use of SDK keys not written", slog.Any("error", err))
			}
		case <-wake:
		case <-tick.C:
		}
	}
}

// Load reads the keys if they changed. On an error those that are held stay.
func (k *Keys) Load(ctx context.Context) error {
	k.loading.Lock()
	defer k.loading.Unlock()
	old := k.held.Load()
	var fresh *keySet
	err := k.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		var version [2]int64
		if err := tx.QueryRow(ctx, `SELECT count(*), CAST(coalesce(sum(revision), 0) AS BIGINT) FROM sdk_key`).Scan(&version[0], &version[1]); err != nil {
			return fault.Wrap("read version of SDK keys", err)
		}
		if old != nil && old.version == version {
			return nil
		}
		fresh = &keySet{byHash: map[access.SecretHash]heldKey{}, byID: map[string]heldKey{}, old: old, version: version, replaced: make(chan struct{})}
		_, err := store.List(ctx, tx, fresh.scan, `SELECT `+keyColumns+`, hash FROM sdk_key WHERE revoked_at IS NULL`)
		return fault.Wrap("read SDK keys", err)
	})
	if err != nil || fresh == nil {
		return err
	}
	fresh.old = nil
	k.held.Store(fresh)
	if old != nil {
		close(old.replaced)
	}
	k.writeCopy(fresh)
	return nil
}

func (s *keySet) scan(row store.Row) (none struct{}, err error) {
	key, hash, err := scanHashedKey(row.Scan)
	if err != nil || len(hash) != len(access.SecretHash{}) {
		return none, err
	}
	use := &keyUse{}
	if s.old != nil && s.old.byID[key.ID].use != nil {
		use = s.old.byID[key.ID].use
	}
	s.hold(access.SecretHash(hash), heldKey{key, use})
	return none, nil
}

func (s *keySet) hold(hash access.SecretHash, key heldKey) { s.byHash[hash], s.byID[key.ID] = key, key }

// Lasting is what became of the key behind something that stays open.
type Lasting string

// What may have become of it.
const (
	Lasts   Lasting = "lasts"
	Revoked Lasting = "revoked"
	Expired Lasting = "expired"
)

// Lasts tells, by its id, whether a key that Lookup gave may still be used.
func (k *Keys) Lasts(id string, now time.Time) Lasting {
	set := k.held.Load()
	if set == nil {
		return Lasts // it was held once: an outage revokes nothing
	}
	key, ok := set.byID[id]
	switch {
	case !ok:
		return Revoked
	case !key.valid(now):
		return Expired
	}
	return Lasts
}

// Replaced gives a channel that is closed when the held keys change. Before the first Load it is nil.
func (k *Keys) Replaced() <-chan struct{} {
	if set := k.held.Load(); set != nil {
		return set.replaced
	}
	return nil
}

// Await waits until Lookup knows what Create, SetLimits or Revoke gave back; it is false if ctx ends before. It needs Run.
func (k *Keys) Await(ctx context.Context, key Key) bool {
	for {
		set := k.held.Load()
		if set == nil {
			return false
		}
		if held, ok := set.byID[key.ID]; ok == (key.RevokedAt == nil) && (!ok || held.Revision >= key.Revision) {
			return true
		}
		select {
		case <-set.replaced:
		case <-ctx.Done():
			return false
		}
	}
}

// WriteUse writes down which keys were used since the last time, in the last lane. It is not on the path of the data plane, and what
// was used in the seconds before a kill -9 is lost.
func (k *Keys) WriteUse(ctx context.Context) error {
	set := k.held.Load()
	if set == nil {
		return nil
	}
	used := map[string]int64{}
	for id, key := range set.byID {
		if at := key.use.at.Load(); at > key.use.written.Load() {
			used[id] = at
		}
	}
	if len(used) == 0 {
		return nil
	}
	err := k.DB.Write(store.Last(ctx), func(ctx context.Context, tx *store.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(used)) { // in one order, so that two replicas do not wait for each other
			if _, err := tx.Exec(ctx, `UPDATE sdk_key SET last_used = $1 WHERE id = $2 AND (last_used IS NULL OR last_used < $1)`, used[id], id); err != nil {
				return fault.Wrap("write use of SDK key", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, at := range used {
		set.byID[id].use.written.Store(at)
	}
	return nil
}

// Readdress is a step of access.Directory: a person has another address from now on.
func Readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	_, err := tx.Exec(ctx, `UPDATE sdk_key SET made_by = $1 WHERE made_by_id = $2`, who.Email, who.ID)
	return fault.Wrap("write address", err)
}
