package measure

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// Polling is what a replica knows of clients that ask by themselves, now and then, for all flags. It tells them apart by key and
// host, and knows how long each usually waits.
type Polling struct {
	Clients int        `json:"clients" doc:"Clients that ask again by themselves"`
	Asked   int        `json:"asked" doc:"Of those, the ones that have asked since, and so have it"`
	DueAt   *time.Time `json:"due_at,omitempty" doc:"When the last of the others is due, by its habit"`
	Unknown int        `json:"unknown" doc:"Of the others, the ones whose habit is not known yet"`
}

// Plus adds up what two replicas know.
func (p Polling) Plus(other Polling) Polling {
	sum := Polling{Clients: p.Clients + other.Clients, Asked: p.Asked + other.Asked, Unknown: p.Unknown + other.Unknown, DueAt: p.DueAt}
	if sum.DueAt == nil || other.DueAt != nil && other.DueAt.After(*sum.DueAt) {
		sum.DueAt = other.DueAt
	}
	return sum
}

// Part is what one replica says of how a revision got to its clients.
type Part struct {
	Handed
	Polling Polling `json:"polling"`
}

// settled tells whether nothing more will come of the streams.
func (p Part) settled() bool { return p.Waiting == 0 && p.Reconnecting == 0 }

// ReplicaPart is a Part and whose it is.
type ReplicaPart struct {
	Name     string `json:"name"`
	Answered bool   `json:"answered" doc:"It serves the revision and said how far that got; false: it is silent"`
	Part
}

// Receipt is how a revision got to all clients: what each replica says, and the sum.
type Receipt struct {
	Clients  Handed        `json:"clients" doc:"Open streams of all replicas"`
	Polling  Polling       `json:"polling" doc:"Clients that ask by themselves, of all replicas"`
	Replicas []ReplicaPart `json:"replicas"`
	Silent   []string      `json:"silent" doc:"Names of replicas that live and have not answered"`
	Settled  bool          `json:"settled" doc:"Every replica has answered, and no stream is waiting or reconnecting"`
}

// Sum makes a receipt of the parts, in the order of the replicas' names.
func Sum(parts []ReplicaPart) Receipt {
	r := Receipt{Replicas: slices.Clone(parts), Silent: []string{}, Settled: len(parts) > 0}
	slices.SortFunc(r.Replicas, func(a, b ReplicaPart) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range r.Replicas {
		if !p.Answered {
			r.Silent, r.Settled = append(r.Silent, p.Name), false
			continue
		}
		r.Clients, r.Polling = r.Clients.Plus(p.Handed), r.Polling.Plus(p.Polling)
		r.Settled = r.Settled && p.settled()
	}
	return r
}

// Place is a revision of an environment.
type Place struct {
	Environment string
	Revision    int64
}

// Replicas is this process among those that serve SDKs. Each tells the others that it lives, and writes down how the revisions
// of kills got to its clients, as long as somebody wants to know; other changes cost nothing.
type Replicas struct {
	DB   *store.DB
	Now  func() time.Time // must not be wound back: time.Now keeps the monotonic clock
	Log  *slog.Logger
	ID   string
	Name string // for people, such as web-1:8080
	// Topic is announced when there is something new that Wanted gives: the revisions that a receipt is wanted of.
	Topic  string
	Wanted func(ctx context.Context, tx *store.Tx) ([]Place, error)
	// Part says how a revision got to the clients of this replica; false while it does not serve the revision.
	Part func(p Place) (Part, bool)

	mu      sync.Mutex
	seen    map[string]sighting // guarded by mu
	written map[Place]Part      // by Run alone
}

// sighting is a replica as this one saw it.
type sighting struct {
	beats int64
	at    time.Time // when beats had last grown
}

// How often replicas tell that they live, how soon one that does not is left out, and how often parts are looked at while
// somebody wants them.
const (
	beatEvery  = 5 * time.Second
	silentFor  = 16 * time.Second
	lookEvery  = 100 * time.Millisecond
	forgetting = 24 * time.Hour
)

// Run tells of this replica until ctx ends, and then that it is no more.
func (r *Replicas) Run(ctx context.Context) {
	wake, stop := r.DB.Subscribe(r.Topic)
	defer stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	r.written = map[Place]Part{}
	due, wanted := true, true
	for {
		if due {
			r.warn(ctx, "replica not heard of", r.Beat(ctx))
			due, wanted = false, true
		}
		if wanted {
			more, err := r.Report(ctx)
			r.warn(ctx, "receipt of a kill not written", err)
			wanted = err == nil && more
		}
		asked := look.C
		if !wanted {
			asked = nil
		}
		select {
		case <-ctx.Done():
			r.leave(context.WithoutCancel(ctx))
			return
		case <-beat.C:
			due = true
		case <-wake:
			wanted = true
		case <-asked:
		}
	}
}

func (r *Replicas) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		r.Log.LogAttrs(ctx, slog.LevelDebug, what, slog.Any("error", err))
	}
}

// Beat tells that this replica lives, and sees which others do.
func (r *Replicas) Beat(ctx context.Context) error {
	var rows []replica
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if _, err := tx.Exec(ctx, `INSERT INTO replica (id, name, beats) VALUES ($1, $2, 1)
			ON CONFLICT (id) DO UPDATE SET beats = replica.beats + 1`, r.ID, r.Name); err != nil {
			return fmt.Errorf("tell that the replica lives: %w", err)
		}
		if rows, err = replicas(ctx, tx); err != nil {
			return err
		}
		for _, old := range r.lost() {
			if _, err := tx.Exec(ctx, `DELETE FROM replica WHERE id = $1`, old); err != nil {
				return fmt.Errorf("forget a replica: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now, all := r.Now(), make(map[string]sighting, len(rows))
	for _, one := range rows {
		s, known := r.seen[one.id]
		if !known || s.beats != one.beats {
			s = sighting{beats: one.beats, at: now}
		}
		// A row that was there when this process began may be of a process that is long gone: it has to beat first.
		if !known && r.seen == nil && one.id != r.ID {
			s.at = now.Add(-silentFor)
		}
		all[one.id] = s
	}
	r.seen = all
	return nil
}

// lost gives replicas that have not been heard of for a day.
func (r *Replicas) lost() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, s := range r.seen {
		if r.Now().Sub(s.at) > forgetting {
			ids = append(ids, id)
		}
	}
	return ids
}

// leave lets nobody wait for this replica any more.
func (r *Replicas) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM replica WHERE id = $1`, r.ID)
		return err
	})
	r.warn(ctx, "replica not signed off", err)
}

// Report writes what is new of this replica's parts, and tells whether any is wanted still.
func (r *Replicas) Report(ctx context.Context) (more bool, err error) {
	var wanted []Place
	err = r.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		wanted, err = r.Wanted(ctx, tx)
		return err
	})
	if err != nil {
		return false, err
	}
	if r.written == nil {
		r.written = map[Place]Part{}
	}
	for place := range r.written {
		if slices.Contains(wanted, place) {
			continue
		}
		if err := r.drop(ctx, place); err != nil {
			return false, err
		}
		delete(r.written, place)
	}
	for _, place := range wanted {
		part, serves := r.Part(place)
		if before, ok := r.written[place]; !serves || ok && before.same(part) {
			continue
		}
		body, err := json.Marshal(part)
		if err != nil {
			return false, fmt.Errorf("encode receipt: %w", err)
		}
		err = r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO kill_receipt (environment, revision, replica, name, body) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (environment, revision, replica) DO UPDATE SET body = excluded.body`,
				place.Environment, place.Revision, r.ID, r.Name, string(body))
			return err
		})
		if err != nil {
			return false, fmt.Errorf("write receipt: %w", err)
		}
		r.written[place] = part
	}
	return len(wanted) > 0, nil
}

// drop takes back what this replica wrote, since the receipt is settled.
func (r *Replicas) drop(ctx context.Context, place Place) error {
	return r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM kill_receipt WHERE environment = $1 AND revision = $2 AND replica = $3`,
			place.Environment, place.Revision, r.ID)
		if err != nil {
			return fmt.Errorf("drop part of a receipt: %w", err)
		}
		return nil
	})
}

// same tells whether two parts say the same.
func (p Part) same(other Part) bool {
	a, b := p, other
	a.Polling.DueAt, b.Polling.DueAt = nil, nil
	return a == b
}

// Receipt gives how a revision got to all clients: what this replica knows now, and what the others wrote.
func (r *Replicas) Receipt(ctx context.Context, tx *store.Tx, place Place) (Receipt, error) {
	type row struct{ replica, name, body string }
	rows, err := store.List(ctx, tx, func(from store.Row) (one row, err error) {
		err = from.Scan(&one.replica, &one.name, &one.body)
		return one, err
	}, `SELECT replica, name, body FROM kill_receipt WHERE environment = $1 AND revision = $2`, place.Environment, place.Revision)
	if err != nil {
		return Receipt{}, fmt.Errorf("read receipts: %w", err)
	}
	part, serves := r.Part(place)
	answered, parts := map[string]bool{r.ID: true}, []ReplicaPart{{Name: r.Name, Answered: serves, Part: part}}
	for _, one := range rows {
		if answered[one.replica] {
			continue
		}
		answered[one.replica] = true
		p := ReplicaPart{Name: one.name, Answered: true}
		if err := json.Unmarshal([]byte(one.body), &p.Part); err != nil {
			return Receipt{}, fmt.Errorf("read receipt of %s: %w", one.name, err)
		}
		parts = append(parts, p)
	}
	others, err := replicas(ctx, tx)
	if err != nil {
		return Receipt{}, err
	}
	for _, other := range others {
		if !answered[other.id] && r.lives(other) {
			parts = append(parts, ReplicaPart{Name: other.name})
		}
	}
	return Sum(parts), nil
}

// Early returns the receipt of a kill that is served before it has a revision: which of the replicas that live serve it, by the ids of
// those that confirmed it. What clients got is known once it has a revision, so this receipt is never settled.
func (r *Replicas) Early(ctx context.Context, tx *store.Tx, confirmed []string) (Receipt, error) {
	all, err := replicas(ctx, tx)
	if err != nil {
		return Receipt{}, err
	}
	parts := []ReplicaPart{{Name: r.Name, Answered: slices.Contains(confirmed, r.ID)}}
	for _, one := range all {
		if one.id != r.ID && r.lives(one) {
			parts = append(parts, ReplicaPart{Name: one.name, Answered: slices.Contains(confirmed, one.id)})
		}
	}
	receipt := Sum(parts)
	receipt.Settled = false
	return receipt, nil
}

// lives tells whether a replica was heard of lately. One that is new since this one looked does.
func (r *Replicas) lives(other replica) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.seen[other.id]
	return !known || s.beats != other.beats || r.Now().Sub(s.at) < silentFor
}

// replica is a row: beats grows while it lives.
type replica struct {
	id, name string
	beats    int64
}

func replicas(ctx context.Context, tx *store.Tx) ([]replica, error) {
	all, err := store.List(ctx, tx, func(from store.Row) (one replica, err error) {
		err = from.Scan(&one.id, &one.name, &one.beats)
		return one, err
	}, `SELECT id, name, beats FROM replica ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list replicas: %w", err)
	}
	return all, nil
}
