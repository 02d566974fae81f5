// Package kill turns flags off for everybody and on again: one act, of one flag or of all that is selected.
package kill

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Kills holds the verbs.
type Kills struct {
	DB   *store.DB
	Now  func() time.Time
	Live *live.Live // serves a kill that would have to wait for the writer; nil: it waits

	// Patience is how long a kill waits for the writer, and on PostgreSQL for each lock, before it is served without; 0 is 100 ms.
	Patience time.Duration

	mu      sync.Mutex
	refused map[string]string // guarded by mu; why an early kill was not committed, by its id
}

// now is the time, as it is stored.
func (ks *Kills) now() time.Time { return store.Time(store.Micros(ks.Now())) }

// Act is one kill: what it turned off, where, and how much of that it still holds off.
type Act struct {
	ID          string             `json:"id"`
	Select      registry.Selection `json:"select"`
	Environment string             `json:"environment"`
	Revision    int64              `json:"revision" doc:"Revision of the environment in which SDKs hear of it"`
	Flags       int                `json:"flags" doc:"How many flags it turned off"`
	Rollouts    int                `json:"rollouts" doc:"How many rollouts it stopped"`
	Standing    int                `json:"standing" doc:"How many of the flags are still off because of it"`
	Reason      string             `json:"reason"`
	By          string             `json:"by"`
	ByID        access.PersonID    `json:"by_id,omitempty" doc:"Absent where no person turned it off"`
	At          time.Time          `json:"at" doc:"When it was turned off"`
	ServedAt    *time.Time         `json:"served_at,omitempty" doc:"The same, where that was before it was committed"`
	CommittedAt *time.Time         `json:"committed_at,omitempty" doc:"When it was in the database and its audit log; absent until then"`
	SettledAt   *time.Time         `json:"settled_at,omitempty" doc:"When its receipt went into the audit log"`
	Can         []string           `json:"can" nullable:"false" doc:"What the caller may do: restore; or end, while it is not committed"`

	Receipt json.RawMessage `json:"-"` // as it was when it was settled
}

const columns = `id, environment, revision, kind, name, flags, rollouts, reason, actor, actor_id, at, committed_at, settled_at, receipt`

func scan(row store.Row) (a Act, err error) {
	var kind, name, receipt string
	var at int64
	var committed, settled sql.NullInt64
	err = row.Scan(&a.ID, &a.Environment, &a.Revision, &kind, &name, &a.Flags, &a.Rollouts, &a.Reason, &a.By, &a.ByID, &at, &committed, &settled, &receipt)
	a.Select, a.At, a.SettledAt, a.Can = registry.Selected(kind, name), store.Time(at), store.NullTime(settled), []string{}
	turnedOff := a.At
	if a.CommittedAt = &turnedOff; committed.Valid {
		a.ServedAt, a.CommittedAt = &turnedOff, store.NullTime(committed)
	}
	if receipt != "" {
		a.Receipt = json.RawMessage(receipt)
	}
	return a, err
}

// keep stores an act, and which request it was where that may come again.
func (a Act) keep(ctx context.Context, tx *store.Tx, sent live.Sent) error {
	kind, name := a.Select.Kind()
	committed := a.CommittedAt
	if a.ServedAt == nil {
		committed = nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO kill_act (id, environment, revision, kind, name, flags, rollouts, reason, actor, actor_id, at, committed_at,
			sent_path, sent_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		a.ID, a.Environment, a.Revision, kind, name, a.Flags, a.Rollouts, a.Reason, a.By, a.ByID, store.Micros(a.At), store.NullMicros(committed),
		store.NullText(sent.Path), store.NullText(sent.IdempotencyKey)); err != nil {
		return fmt.Errorf("store kill: %w", err)
	}
	tx.Announce(Topic)
	return nil
}

// Topic is announced with every kill.
const Topic = "kills"

// seenBy fills in what depends on who looks and on what happened since.
func (a Act) seenBy(ctx context.Context, tx *store.Tx, by access.Actor) (_ Act, err error) {
	if a.Standing, err = registry.StandingKill(ctx, tx, a.ID); err != nil {
		return a, err
	}
	if a.Standing > 0 && may(ctx, tx, by, access.Restore, a.Select) == nil {
		a.Can = []string{"restore"}
	}
	return a, nil
}

// may is nil for who may turn off, or on again, what is selected: owners of the app, of the group or of everything with the tag,
// operators and admins. What does not exist is a fault of kind NotFound.
func may(ctx context.Context, tx *store.Tx, by access.Actor, action access.Action, s registry.Selection) error {
	on := access.Scope{OwnerGroup: s.Owner}
	switch {
	case s.Flag != "":
		f, ok, err := registry.Get(ctx, tx, s.Flag)
		if err == nil && !ok {
			err = unknownFlag(s.Flag)
		}
		if err != nil {
			return err
		}
		on = f.Scope()
	case s.App != "":
		app, ok, err := catalog.Load(ctx, tx, s.App)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "unknown_app", "there is no app %q", fault.Clip(s.App, 80)).At("select.app").Fix("look it up in the list of apps")
		}
		on.OwnerGroup = app.Owner
	case s.Tag != "":
		owners, err := registry.TagOwners(ctx, tx, s.Tag)
		if err == nil && len(owners) == 0 {
			err = fault.New(fault.NotFound, "unknown_tag", "no flag is tagged %q", fault.Clip(s.Tag, 80)).At("select.tag").Fix("look it up in the list of tags")
		}
		if err != nil {
			return err
		}
		for _, on := range owners {
			if err := access.Can(by, action, on); err != nil {
				return err
			}
		}
		return nil
	}
	return access.Can(by, action, on)
}

// load gives one act.
func load(ctx context.Context, tx *store.Tx, id string) (Act, error) {
	a, ok, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM kill_act WHERE id = $1`, id)
	if err != nil {
		return Act{}, fmt.Errorf("load kill: %w", err)
	}
	if !ok {
		return Act{}, unknownKill()
	}
	return a, nil
}

func unknownKill() error {
	return fault.New(fault.NotFound, "unknown_kill", "there is no such kill").Fix("open it from the list of what was turned off")
}

// Get returns one kill. One that is served and not committed yet has no CommittedAt and no revision.
func (ks *Kills) Get(ctx context.Context, by access.Actor, id string) (a Act, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Act{}, err
	}
	o, early := ks.early(func(o live.Override) bool { return o.ID == id }) // before the database, which has it when this ends
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = load(ctx, tx, id)
		if early && fault.Is(err, fault.NotFound) {
			a = actOf(o).earlySeenBy(by)
			return nil
		}
		if err == nil {
			a, err = a.seenBy(ctx, tx, by)
		}
		return err
	})
	return a, err
}

// Filter narrows a list of kills.
type Filter struct {
	Many        bool   // only those of a selection, not of one flag
	Uncommitted bool   // only those that are served and not committed
	Environment string // empty is all
}

// has reports whether an act is in the list.
func (f Filter) has(a Act) bool {
	return (f.Environment == "" || f.Environment == a.Environment) && (!f.Many || a.Select.Flag == "")
}

// List returns kills, newest first, with those that are served and not committed yet.
func (ks *Kills) List(ctx context.Context, by access.Actor, filter Filter, page store.Page) (list store.Listing[Act], err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return list, err
	}
	after, err := page.After()
	if err != nil {
		return list, err
	}
	query, args := `SELECT `+columns+` FROM kill_act WHERE TRUE`, []any{}
	add := func(condition string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(` AND %s $%d`, condition, len(args))
	}
	if filter.Many {
		add(`kind <>`, "flag")
	}
	if filter.Environment != "" {
		add(`environment =`, filter.Environment)
	}
	if after != nil {
		add(`id <`, after[0])
	}
	args = append(args, page.Size()+1)
	early := ks.listed(by, filter, after) // before the database, which has them when they end
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		rows, err := store.List(ctx, tx, scan, query+fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args)), args...)
		if err != nil {
			return fmt.Errorf("list kills: %w", err)
		}
		if filter.Uncommitted {
			rows = nil
		}
		waiting, err := uncarried(ctx, tx, early)
		if err != nil {
			return err
		}
		rows = append(rows, waiting...)
		slices.SortFunc(rows, func(a, b Act) int { return strings.Compare(b.ID, a.ID) })
		list = store.Cut(page, rows[:min(len(rows), page.Size()+1)], func(a Act) []string { return []string{a.ID} })
		for i, a := range list.Items {
			if a.CommittedAt == nil {
				continue
			}
			if list.Items[i], err = a.seenBy(ctx, tx, by); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// listed returns the early kills of a list, as they are seen by the actor.
func (ks *Kills) listed(by access.Actor, filter Filter, after []string) (acts []Act) {
	if ks.Live == nil {
		return nil
	}
	for _, o := range ks.Live.Overrides() {
		if a := actOf(o); !o.Here && filter.has(a) && (len(after) == 0 || a.ID < after[0]) {
			acts = append(acts, a.earlySeenBy(by))
		}
	}
	return acts
}

// uncarried leaves out acts that are over by now.
func uncarried(ctx context.Context, tx *store.Tx, acts []Act) ([]Act, error) {
	if len(acts) == 0 {
		return nil, nil
	}
	ids := make([]string, len(acts))
	for i, a := range acts {
		ids[i] = a.ID
	}
	over, err := Carried(ctx, tx, ids)
	return slices.DeleteFunc(acts, func(a Act) bool { return slices.Contains(over, a.ID) }), err
}

// earlySeenBy fills in what the actor can do with an act that is not committed.
func (a Act) earlySeenBy(by access.Actor) Act {
	if access.Can(by, access.GovernWrite, access.Scope{}) == nil {
		a.Can = []string{"end"}
	}
	return a
}

// Open is a step: the kills whose receipts are not in the audit log yet, oldest first.
func Open(ctx context.Context, tx *store.Tx) ([]Act, error) {
	open, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM kill_act WHERE settled_at IS NULL ORDER BY id LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("list kills without a receipt: %w", err)
	}
	return open, nil
}

// Settle writes into the audit log, once, how a kill got to the clients; receipt is in the event's details. The event is
// flag.kill_delivered.
func (ks *Kills) Settle(ctx context.Context, by access.Actor, a Act, receipt any) error {
	if err := access.Can(by, access.Kill, access.Scope{}); err != nil {
		return err
	}
	text, err := json.Marshal(receipt)
	if err != nil {
		return fmt.Errorf("encode receipt: %w", err)
	}
	return ks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := ks.now()
		n, err := tx.Exec(ctx, `UPDATE kill_act SET settled_at = $1, receipt = $2 WHERE id = $3 AND settled_at IS NULL`,
			store.Micros(now), string(text), a.ID)
		if err != nil {
			return fmt.Errorf("settle kill: %w", err)
		}
		if n == 0 {
			return nil
		}
		a.At = now
		return a.record(ctx, tx, by, audit.FlagKillDelivered, "the receipt of a kill", map[string]any{
			"select": a.Select, "flags": a.Flags, "revision": a.Revision, "receipt": receipt,
		})
	})
}

// Readdress is a step of access.Directory: a person has another address from now on.
func Readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	_, err := tx.Exec(ctx, `UPDATE kill_act SET actor = $1 WHERE actor_id = $2`, who.Email, who.ID)
	return fault.Wrap("write address", err)
}
