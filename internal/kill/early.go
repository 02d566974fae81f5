package kill

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// patience is Kills.Patience where that says nothing.
const patience = 100 * time.Millisecond

// commitPatience is how long the commit of an early kill waits for the writer, and on PostgreSQL for each lock: what holds one up must not
// keep the connections that others are committed over.
const commitPatience = 2 * time.Second

// soon commits an order by write, or where the writer is not free within patience, serves it at once: decide checks it by what readers
// see and returns the flags that it is about, and how many of them are off already. What the caller had sent before is not done again.
func (ks *Kills) soon(
	ctx context.Context, by access.Actor, o Order,
	write func(ctx context.Context, tx *store.Tx) (Act, error), decide func(ctx context.Context, tx *store.Tx) (keys []string, off int, err error),
) (a Act, err error) {
	ctx = store.First(ctx)
	if a, ok, err := ks.sentBefore(ctx, by, o); ok || err != nil {
		return a, Away(err)
	}
	commit := func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = write(ctx, tx)
		return err
	}
	if ks.Live == nil {
		err = ks.DB.WriteLarge(ctx, commit)
	} else {
		err = ks.DB.WriteSoon(ctx, cmp.Or(ks.Patience, patience), commit)
	}
	if ks.Live == nil || !errors.Is(err, store.ErrBusy) {
		if err != nil {
			return Act{}, Away(err)
		}
		if ks.Live != nil && o.Select.Flag != "" {
			within, cancel := context.WithTimeout(ctx, cmp.Or(ks.Patience, patience)/2)
			defer cancel()
			ks.Live.Hasten(within, a.Environment, o.Select.Flag, a.Revision)
		}
		return a, nil
	}
	c := ks.killing(by, o.Reason)
	early := live.Override{
		ID: c.KillID, Select: o.Select, By: by.Identity(), Credential: by.Credential, Reason: c.Reason, At: c.At, Sent: o.Sent,
	}
	if early.Environment, err = o.place(); err != nil {
		return Act{}, err
	}
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		early.Keys, early.Off, err = decide(ctx, tx)
		return err
	})
	if err != nil {
		return Act{}, Away(err)
	}
	if early, err = ks.Live.Override(ctx, early); err != nil {
		return Act{}, err
	}
	if !o.asks(early.Select, early.Environment, early.Reason, by) { // sent at the same moment
		return Act{}, otherRequest()
	}
	return actOf(early), nil
}

// asks reports whether an act is what the order asks for.
func (o Order) asks(s registry.Selection, environment, reason string, by access.Actor) bool {
	where, err := o.place()
	return err == nil && s == o.Select && environment == where && reason == reasonOf(o.Reason, by)
}

func otherRequest() error {
	return fault.New(fault.Unprocessable, "other_request", "this Idempotency-Key was used for another request").
		At("Idempotency-Key").Fix("send a new key with a new request")
}

// Away names, where a kill failed for want of the database, or of something in it that is not free, the kill that works without
// it.
func Away(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unavailable {
		return err
	}
	other := "souk kill --here, on each server, turns a flag off without the database"
	if errors.Is(err, store.ErrBusy) {
		other = "try again in a moment; if it goes on, souk kill on the server needs no token, and " + other
	}
	return fault.New(f.Kind, f.Code, "%s", f.Message).Fix("%s", other).Because(err)
}

// actOf is an act that is served and not committed.
func actOf(o live.Override) Act {
	return Act{
		ID: o.ID, Select: o.Select, Environment: o.Environment, Flags: len(o.Keys) - o.Off, Standing: len(o.Keys) - o.Off, Reason: o.Reason, By: o.By.Email, ByID: o.By.ID,
		At: o.At, ServedAt: &o.At, Can: []string{},
	}
}

// early finds an act that is served and not committed, as far as this replica knows.
func (ks *Kills) early(is func(live.Override) bool) (live.Override, bool) {
	if ks == nil || ks.Live == nil {
		return live.Override{}, false
	}
	all := ks.Live.Overrides()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return live.Override{}, false
}

// sentBefore returns the act of a request that was served early and comes again by its Idempotency-Key.
func (ks *Kills) sentBefore(ctx context.Context, by access.Actor, o Order) (a Act, ok bool, err error) {
	if o.Sent == (live.Sent{}) {
		return Act{}, false, nil
	}
	early, ok := ks.early(func(e live.Override) bool { return e.Sent == o.Sent && e.By.Is(by.Identity()) })
	if ok {
		a = actOf(early)
	}
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		committed, found, err := store.One(ctx, tx, scan, `SELECT `+columns+` FROM kill_act
			WHERE COALESCE(NULLIF(actor_id, ''), actor) = $1 AND sent_path = $2 AND sent_key = $3`,
			by.Identity().Key(), o.Sent.Path, o.Sent.IdempotencyKey)
		if err != nil {
			return fmt.Errorf("look for the same kill: %w", err)
		}
		if found {
			ok = true
			a, err = committed.seenBy(ctx, tx, by)
		}
		return err
	})
	if err != nil && !ok { // the record alone says it, too
		return Act{}, false, err
	}
	if ok && !o.asks(a.Select, a.Environment, a.Reason, by) {
		return Act{}, false, otherRequest()
	}
	return a, ok, nil
}

// Commit writes an act into the database that was served before, and reports whether it did: once, by its id, whoever tries how often.
// Its rights and its flags were decided when it was served, and stand. Flags that are killed already stay so; those that are no more
// are left out. The events are those of an ordinary kill, with served_at and committed_at, and for one that was made on a replica
// without its database flag.killed_here besides. Souk does it by itself.
func (ks *Kills) Commit(ctx context.Context, by access.Actor, o live.Override, replica string) (committed bool, err error) {
	if err := access.Can(by, access.Kill, access.Scope{}); err != nil {
		return false, err
	}
	err = ks.DB.WriteSoon(ctx, commitPatience, func(ctx context.Context, tx *store.Tx) error {
		if committed, err = carried(ctx, tx, o.ID, ks.now()); err != nil || !committed { // whatever became of the flags since was meant so
			return err
		}
		c := registry.Change{By: actor(o), At: ks.now(), ServedAt: &o.At, Reason: o.Reason, KillID: o.ID}
		where, known, err := registry.EnvironmentNamed(ctx, tx, o.Environment)
		if err != nil {
			return err
		}
		if !known && !o.Here {
			return fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", o.Environment).Fix("let an administrator end the kill")
		}
		again := 0
		if known {
			a := actOf(o)
			a.CommittedAt = &c.At
			if a, again, err = killMany(ctx, tx, c, where, a, o.Keys); err != nil {
				return err
			}
			if err := a.complete(ctx, tx, c, o.Sent); err != nil {
				return err
			}
			if a.Flags > 0 {
				return killedHere(ctx, tx, c, o, replica, "turned off for everybody")
			}
		}
		if again > 0 {
			return killedHere(ctx, tx, c, o, replica, "it was turned off already")
		}
		return killedHere(ctx, tx, c, o, replica, "the flag is no more")
	})
	ks.mu.Lock()
	defer ks.mu.Unlock()
	delete(ks.refused, o.ID)
	if err != nil && !fault.Is(err, fault.Unavailable) {
		if ks.refused == nil {
			ks.refused = map[string]string{}
		}
		ks.refused[o.ID] = err.Error()
	}
	return committed && err == nil, err
}

// actor is who gave an act that was served before it was committed.
func actor(o live.Override) access.Actor {
	return access.Actor{PersonID: o.By.ID, Email: o.By.Email, Credential: o.Credential}
}

// carried says in the transaction that an act is over, and reports whether it was not.
func carried(ctx context.Context, tx *store.Tx, id string, at time.Time) (bool, error) {
	added, err := tx.Exec(ctx, `INSERT INTO kill_carried (id, at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, store.Micros(at))
	if err != nil {
		return false, fmt.Errorf("carry out what was turned off: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM kill_early WHERE id = $1`, id); err != nil {
		return false, fmt.Errorf("forget what was served before it was committed: %w", err)
	}
	tx.Announce(registry.Topic) // what is served looks whether it ended
	return added > 0, nil
}

// killedHere records that a flag was off on one replica without its database, and since when.
func killedHere(ctx context.Context, tx *store.Tx, c registry.Change, o live.Override, replica, outcome string) error {
	if !o.Here {
		return nil
	}
	flag, _, err := registry.Get(ctx, tx, o.Select.Flag)
	if err != nil {
		return err
	}
	event := c.By.Event(audit.FlagKilledHere, c.At)
	event.FlagKey, event.FlagID, event.App, event.Environment, event.Reason = o.Select.Flag, flag.FlagID, flag.App, o.Environment, o.Reason
	event.Details = map[string]any{"since": o.At.UTC(), "replica": replica, "outcome": outcome, "override": o.ID}
	_, err = audit.Append(ctx, tx, event)
	return err
}

// Carried is a step: which of these acts are over, so that what the database says of their flags holds again.
func Carried(ctx context.Context, tx *store.Tx, ids []string) ([]string, error) {
	over, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM kill_carried WHERE id IN (`+store.In(1, len(ids))+`)`, store.Values(ids)...)
	if err != nil {
		return nil, fmt.Errorf("look for what was carried out: %w", err)
	}
	return over, nil
}

// Note is a step: it lets all replicas find a kill that is served and not committed. It is Noted until that is over.
func Note(ctx context.Context, tx *store.Tx, o live.Override) error {
	record, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode kill: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO kill_early (id, environment, record) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT 1 FROM kill_carried WHERE id = $1) ON CONFLICT (id) DO NOTHING`, o.ID, o.Environment, string(record)); err != nil {
		return fmt.Errorf("note kill: %w", err)
	}
	return nil
}

// Noted is a step: the kills that some replica serves and that are not committed, oldest first.
func Noted(ctx context.Context, tx *store.Tx) ([]live.Override, error) {
	all, err := store.List(ctx, tx, func(row store.Row) (o live.Override, err error) {
		var record string
		if err := row.Scan(&record); err != nil {
			return o, err
		}
		err = json.Unmarshal([]byte(record), &o)
		return o, err
	}, `SELECT record FROM kill_early WHERE NOT EXISTS (SELECT 1 FROM kill_carried c WHERE c.id = kill_early.id) ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list kills that are not committed: %w", err)
	}
	return all, nil
}

// Uncommitted is an act that is served and not committed, and what the database said when that was last tried; empty: not to be had.
type Uncommitted struct {
	live.Override
	Refused string
}

// Uncommitted returns the early kills of what the actor may turn off, oldest first.
func (ks *Kills) Uncommitted(ctx context.Context, by access.Actor) (all []Uncommitted, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil || ks.Live == nil {
		return nil, err
	}
	for _, o := range ks.Live.Overrides() {
		if !o.Here {
			all = append(all, Uncommitted{Override: o, Refused: ks.refusal(o.ID)})
		}
	}
	if len(all) == 0 || access.Can(by, access.Kill, access.Scope{}) == nil {
		return all, nil
	}
	err = ks.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		all = slices.DeleteFunc(all, func(u Uncommitted) bool {
			refused := may(ctx, tx, by, access.Kill, u.Select)
			if fault.Of(refused) == "" {
				err = cmp.Or(err, refused)
			}
			return refused != nil
		})
		return err
	})
	return all, err
}

// refusal is what the database said of an early kill when that was last tried; empty if it was not to be had.
func (ks *Kills) refusal(id string) string {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	return ks.refused[id]
}

// How long GiveWay waits at most, and how often it looks.
const (
	giveWayFor  = time.Second
	giveWayLook = 5 * time.Millisecond
)

// GiveWay waits until the kills are committed that are served early by now, and no longer than a second. Whoever writes much, in
// parts, lets them go before the next one. Nil Kills know of none.
func (ks *Kills) GiveWay(ctx context.Context) {
	if ks == nil || ks.Live == nil {
		return
	}
	waiting := slices.DeleteFunc(ks.Live.Overrides(), func(o live.Override) bool { return ks.refusal(o.ID) != "" })
	ctx, cancel := context.WithTimeout(ctx, giveWayFor)
	defer cancel()
	look := time.NewTicker(giveWayLook)
	defer look.Stop()
	for {
		standing := ks.Live.Overrides()
		waiting = slices.DeleteFunc(waiting, func(w live.Override) bool {
			return !slices.ContainsFunc(standing, func(o live.Override) bool { return o.ID == w.ID })
		})
		if len(waiting) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// Shown returns a flag as it is served: with the kills that are not committed yet, as far as this replica knows.
func (ks *Kills) Shown(f registry.Flag) registry.Flag {
	f.Environments = slices.Clone(f.Environments)
	for i, state := range f.Environments {
		o, off := ks.early(covering(state.Environment, f.Key))
		if off && state.Kill == nil {
			f.Environments[i].Kill = &registry.Killed{ID: o.ID, By: o.By.Email, ByID: o.By.ID, At: o.At, Reason: o.Reason, Uncommitted: true}
		}
	}
	return f
}

// covering finds an act by one of the flags that it turned off.
func covering(environment string, keys ...string) func(live.Override) bool {
	return func(o live.Override) bool {
		return o.Environment == environment && slices.ContainsFunc(keys, func(key string) bool {
			_, covers := slices.BinarySearch(o.Keys, key)
			return covers
		})
	}
}

// End lets go of an early kill that the database refuses: its flags are served again as the database has them. Admins do it, with a
// reason. One that is committed or ended already is a fault of kind NotFound. One that nothing refuses is committed, if it can be now,
// and is not ended: a fault of kind Conflict. The event is kill.ended.
func (ks *Kills) End(ctx context.Context, by access.Actor, id, reason string) error {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return err
	}
	if reason == "" {
		return fault.New(fault.Invalid, "required", "a reason is missing").At("reason").Fix("say why it is not to be off any more")
	}
	if err := rollout.CheckReason(reason); err != nil {
		return err
	}
	o, ok := ks.early(func(o live.Override) bool { return o.ID == id && !o.Here })
	if !ok {
		return unknownKill()
	}
	// A kill that only waits is turned on again as any other is, so that nobody gets round those who decide about that.
	// The commit is not what was asked for here, so it does not use up the caller's Idempotency-Key.
	if _, err := ks.Commit(store.Beside(ctx), access.System("kills"), o, ks.Live.Replica); err == nil || fault.Is(err, fault.Unavailable) {
		return fault.New(fault.Conflict, "not_refused", "nothing refuses this kill: it is in the log, or will be as soon as the database is free").
			Fix("turn on again what it turned off, once it is in the log")
	}
	return ks.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := ks.now()
		if ended, err := carried(ctx, tx, id, now); err != nil || !ended {
			if err == nil {
				err = unknownKill()
			}
			return err
		}
		a := actOf(o)
		a.At = now
		return a.record(ctx, tx, by, audit.KillEnded, reason, map[string]any{
			"select": o.Select, "flags": o.Keys, "served_at": o.At.UTC(), "killed_by": o.By.Email, "killed_by_id": o.By.ID, "killed_why": o.Reason,
		})
	})
}

// Free is a step: nil unless one of these flags is off by an early kill of any replica. Then nothing turns it on, until that is committed.
func (ks *Kills) Free(ctx context.Context, tx *store.Tx, environment string, keys ...string) error {
	o, found, err := ks.unwritten(ctx, tx, covering(environment, keys...))
	if err != nil || !found {
		return err
	}
	return uncommitted(o)
}

// unwritten is a step: the early kill of any replica that is so, if there is one.
func (ks *Kills) unwritten(ctx context.Context, tx *store.Tx, is func(live.Override) bool) (live.Override, bool, error) {
	if o, found := ks.early(is); found {
		return o, true, nil
	}
	noted, err := Noted(ctx, tx)
	if err != nil {
		return live.Override{}, false, err
	}
	if at := slices.IndexFunc(noted, is); at >= 0 {
		return noted[at], true, nil
	}
	return live.Override{}, false, nil
}

// uncommitted refuses to turn on again what an early kill holds off.
func uncommitted(o live.Override) error {
	return fault.New(fault.Conflict, "kill_uncommitted", "%s is turned off in %s by %s, which is being written to the log",
		o.Select.Words(), o.Environment, o.By.Email).
		Fix("wait until it is, then try again; if the database refuses it for good, as souk doctor tells, "+
			"an administrator ends it: souk kills end %s", o.ID)
}
