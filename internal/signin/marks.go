package signin

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// writeUseEvery is how often last uses are written, lastWriteUse how long that may take when the server stops, and markBatch how many
// one transaction writes, so that it is short.
const (
	writeUseEvery = 5 * time.Second
	lastWriteUse  = 2 * time.Second
	markBatch     = 100
)

// marks are times of last use that wait to be written, by the id of what was used. No request waits for that: they are written in the
// last lane, and those of the last seconds before a kill -9 are lost. The zero value is empty. Each id is there once, however long
// the last lane is shut out.
type marks struct {
	mu      sync.Mutex
	at      map[string]time.Time // guarded by mu
	writing sync.Mutex
}

// set notes a use.
func (m *marks) set(id string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at == nil {
		m.at = map[string]time.Time{}
	}
	if at.After(m.at[id]) {
		m.at[id] = at
	}
}

// since returns the later of what the database knows and what waits.
func (m *marks) since(id string, stored time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.at[id]; at.After(stored) {
		return at
	}
	return stored
}

// write runs step for each mark that waits. A mark whose transaction fails is kept; step only ever moves a time forward, so that
// a mark may be written twice.
func (m *marks) write(ctx context.Context, db *store.DB, step func(ctx context.Context, tx *store.Tx, id string, at time.Time) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	m.mu.Lock()
	all := maps.Clone(m.at)
	m.mu.Unlock()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(all)), markBatch) { // in one order, so that replicas do not wait for each other in a circle
		if err := db.Write(store.Last(ctx), func(ctx context.Context, tx *store.Tx) error {
			for _, id := range ids {
				if err := step(ctx, tx, id, all[id]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		m.mu.Lock()
		for _, id := range ids {
			if m.at[id].Equal(all[id]) { // not used again meanwhile
				delete(m.at, id)
			}
		}
		m.mu.Unlock()
	}
	return nil
}

// WriteUse writes down, every few seconds until ctx ends and once more then, when tokens, sessions and their people were last seen.
func WriteUse(ctx context.Context, log *slog.Logger, tokens *Tokens, sessions *Sessions) {
	tick := time.NewTicker(writeUseEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		write, cancel := ctx, func() {}
		select {
		case <-ctx.Done():
			ended = true
			write, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWriteUse)
		case <-tick.C:
		}
		for _, each := range []func(context.Context) error{tokens.WriteUse, sessions.WriteUse} {
			if err := each(write); err != nil {
				log.Debug("last uses not written; they are kept in memory", slog.Any("error", err))
			}
		}
		cancel()
	}
}
