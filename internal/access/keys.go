package access

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Keys makes, lists and revokes SDK keys, and holds those that are valid in memory for the data plane, which asks for one
// at every evaluation and must live while the database is down.
type Keys struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger
	// Facts tells who owns an app and whether an environment is governed; each may be empty, and says nothing then. For one
	// that does not exist it gives a fault. Access may not know catalog and registry; serve does.
	Facts func(ctx context.Context, tx *store.Tx, environment, app string) (KeyFacts, error)

	loading sync.Mutex // held while loading, so that an older reading never replaces a newer one
	held    atomic.Pointer[keySet]
}

// keySet is all keys that are not revoked, as of one reading. It never changes.
type keySet struct {
	byHash   map[secretHash]SDKKey
	byID     map[string]bool
	version  [2]int64      // of the table: the number of rows and the sum of their revisions, which only grow
	replaced chan struct{} // closed when a newer set is held
}

// pollEvery is how long a change may stay unknown where its announcement was lost.
const pollEvery = 2 * time.Second

// Lookup gives the key of the secret if it is valid now. It takes no lock and asks no database.
func (k *Keys) Lookup(secret string, now time.Time) (SDKKey, bool) {
	set := k.held.Load()
	hash, ok := hashOf(keyPrefix, secret)
	if set == nil || !ok {
		return SDKKey{}, false
	}
	key, ok := set.byHash[hash]
	return key, ok && key.valid(now)
}

// Run keeps the held keys current until ctx ends.
func (k *Keys) Run(ctx context.Context) {
	wake, stop := k.DB.Subscribe(KeysTopic)
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := k.Load(ctx); err != nil && ctx.Err() == nil && k.Log != nil {
			k.Log.Warn("SDK keys not refreshed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
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
			return wrap("read version of SDK keys", err)
		}
		if old != nil && old.version == version {
			return nil
		}
		fresh = &keySet{byHash: map[secretHash]SDKKey{}, byID: map[string]bool{}, version: version, replaced: make(chan struct{})}
		_, err := store.List(ctx, tx, fresh.scan, `SELECT `+keyColumns+`, hash FROM sdk_key WHERE revoked_at IS NULL`)
		return wrap("read SDK keys", err)
	})
	if err != nil || fresh == nil {
		return err
	}
	k.held.Store(fresh)
	if old != nil {
		close(old.replaced)
	}
	return nil
}

func (s *keySet) scan(row store.Row) (none struct{}, err error) {
	key, hash, err := scanHashedKey(row.Scan)
	if err == nil && len(hash) == len(secretHash{}) {
		s.byHash[secretHash(hash)], s.byID[key.ID] = key, true
	}
	return none, err
}

// Await waits until Lookup knows what Create or Revoke gave back; it is false if ctx ends before. It needs Run.
func (k *Keys) Await(ctx context.Context, key SDKKey) bool {
	for {
		set := k.held.Load()
		if set == nil {
			return false
		}
		if set.byID[key.ID] == (key.RevokedAt == nil) {
			return true
		}
		select {
		case <-set.replaced:
		case <-ctx.Done():
			return false
		}
	}
}
