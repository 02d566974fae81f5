package kill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var (
	root = access.Actor{
		PersonID: "root", Email: "root@hyfin.example", TokenScope: access.ScopeAll, Credential: audit.Credential{Kind: "session", ID: "r"},
		Groups: []access.Membership{{Group: "admins", Roles: []access.Role{access.Admin}}},
	}
	asked = live.Sent{IdempotencyKey: "k", Path: "/kill"}
)

// replica is a process that serves what is in a database, with its directory, over restarts.
type replica struct {
	*testing.T
	db    *store.DB
	dir   string
	live  *live.Live
	kills *kill.Kills
}

func serving(t *testing.T, db *store.DB) *replica {
	t.Helper()
	r := &replica{T: t, db: db, dir: t.TempDir()}
	r.restart()
	return r
}

// restart is what comes after kill -9: nothing was closed, and only the directory is left.
func (r *replica) restart() {
	r.Helper()
	r.live = &live.Live{DB: r.db, Dir: r.dir, Log: slog.New(slog.DiscardHandler), Replica: store.NewID(), Ended: kill.Carried, Note: kill.Note, Noted: kill.Noted}
	r.kills = &kill.Kills{DB: r.db, Live: r.live, Now: func() time.Time { return noon }}
	r.load()
}

func (r *replica) load() {
	r.Helper()
	if err := r.live.Load(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// off reports whether everybody gets the off variant of a killed flag in an environment.
func (r *replica) off(environment, key string) bool {
	r.Helper()
	var document struct{ Flags map[string]json.RawMessage }
	if err := json.Unmarshal(r.live.Snapshot(environment).Document(), &document); err != nil {
		r.Fatal(err)
	}
	return bytes.Contains(document.Flags[key], []byte(`"killed":true`))
}

// commit writes the early kills into the database, as serve does.
func (r *replica) commit() (committed int, err error) {
	for _, o := range r.live.Overrides() {
		done, failed := r.kills.Commit(r.Context(), access.System("kills"), o, "here")
		if failed != nil {
			return committed, failed
		}
		if done {
			committed++
		}
	}
	return committed, nil
}

// undo looks whether somebody may take an act back.
func (r *replica) undo(by access.Actor, id string) error {
	return r.db.Read(r.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, _, err := r.kills.TargetAct(ctx, tx, by, id)
		return err
	})
}

// free asks whether flags may be turned on again.
func (r *replica) free(environment string, keys ...string) error {
	return r.db.Read(r.Context(), func(ctx context.Context, tx *store.Tx) error { return r.kills.Free(ctx, tx, environment, keys...) })
}

// hold keeps the writer busy with a transaction that has changed an environment, until it is let go.
func hold(t *testing.T, db *store.DB, environment string) (letGo func()) {
	t.Helper()
	held, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		ended <- db.Write(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE environment SET version = version + 1 WHERE name = $1`, environment)
			once.Do(func() { close(held) })
			<-end
			return err
		})
	}()
	<-held
	return sync.OnceFunc(func() {
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAKillIsServedWhileTheWriterIsHeldAndCommittedOnceAfter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		word := rollout.Word{Reason: "it burns"}
		act, err := r.kills.Kill(t.Context(), alice, s.Flag.Key, "production", word, asked)
		if err != nil {
			t.Fatal(err)
		}
		want := kill.Act{
			ID: act.ID, Select: registry.Selection{Flag: s.Flag.Key}, Environment: "production", Flags: 1, Standing: 1, Reason: "it burns",
			By: alice.Email, ByID: alice.PersonID, At: noon, ServedAt: &noon, Can: []string{},
		}
		if diff := cmp.Diff(want, act); diff != "" {
			t.Error(diff)
		}
		if !r.off("production", s.Flag.Key) || r.off("staging", s.Flag.Key) || s.State("production").Kill != nil {
			t.Error("it is not served, or it is committed while the writer is held")
		}
		again, err := r.kills.Kill(t.Context(), alice, s.Flag.Key, "production", word, asked)
		if diff := cmp.Diff(act, again); err != nil || diff != "" {
			t.Errorf("the same request again: %v %s", err, diff)
		}
		if _, err := r.kills.Kill(t.Context(), alice, "other", "production", word, asked); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("another request with its key: %v", err)
		}
		if got, err := r.kills.Get(t.Context(), olu, act.ID); err != nil || got.CommittedAt != nil {
			t.Errorf("asked for by its id: %+v, %v", got, err)
		}
		if err := r.free("production", "x", s.Flag.Key); !fault.Is(err, fault.Conflict) {
			t.Errorf("a restore meanwhile: %v", err)
		}
		if err := r.free("staging", s.Flag.Key); err != nil {
			t.Errorf("a restore elsewhere: %v", err)
		}
		eve := access.Actor{PersonID: "eve", Email: "eve@x", TokenScope: access.ScopeAll}
		early, other, stranger := r.undo(alice, act.ID), r.undo(alice, "nothing"), r.undo(eve, act.ID)
		if f, ok := errors.AsType[*fault.Error](early); !ok || f.Code != "kill_uncommitted" || f.Remediation == "" {
			t.Errorf("taking it back meanwhile: %v", early)
		}
		if !fault.Is(other, fault.NotFound) || !fault.Is(stranger, fault.Forbidden) {
			t.Errorf("taking back what is none: %v; by who may not: %v", other, stranger)
		}

		r.restart()
		if !r.off("production", s.Flag.Key) {
			t.Error("after a restart it is on")
		}
		letGo()
		// The right was there when it was served: what becomes of it later does not matter.
		s.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE flag SET owner_group = 'others', owner = 'others'`)
			return err
		})
		if n, err := r.commit(); n != 1 || err != nil {
			t.Errorf("%d were committed: %v", n, err)
		}
		if n, err := r.commit(); n != 0 || err != nil {
			t.Errorf("%d were committed again: %v", n, err)
		}
		r.load()
		if left := r.live.Overrides(); len(left) != 0 || !r.off("production", s.Flag.Key) {
			t.Errorf("after the commit %+v are left", left)
		}
		if err := r.undo(alice, act.ID); !fault.Is(err, fault.Forbidden) { // no longer hers
			t.Errorf("taking it back after the commit: %v", err)
		}
		if err := r.undo(olu, act.ID); err != nil {
			t.Errorf("taking it back after the commit: %v", err)
		}
		committed, err := r.kills.Kill(t.Context(), alice, s.Flag.Key, "production", word, asked)
		if err != nil || committed.ID != act.ID || committed.CommittedAt == nil || committed.ServedAt == nil || committed.Revision == 0 {
			t.Errorf("the same request after the commit: %+v, %v", committed, err)
		}
		if state := s.State("production"); state.Kill == nil || state.Kill.ID != act.ID || state.Kill.By != alice.Email {
			t.Errorf("in the database: %+v", state.Kill)
		}
		if diff := cmp.Diff([]string{"flag.killed"}, s.Events("flag.killed")); diff != "" {
			t.Error(diff)
		}
		s.Read(func(ctx context.Context, tx *store.Tx) error {
			var body string
			err := tx.QueryRow(ctx, `SELECT body FROM audit_event WHERE name = 'flag.killed'`).Scan(&body)
			for _, part := range []string{`"served_at":"2026-01-10T12:00:00Z"`, `"committed_at"`, `"actor":"alice@hyfin.example"`, `"kill":"` + act.ID, `"reason":"it burns"`} {
				if !strings.Contains(body, part) {
					t.Errorf("%s is not in %s", part, body)
				}
			}
			return err
		})
	})
}

func TestAnEarlyKillAbortsTheRolloutWhenItIsCommitted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		if _, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{}); err != nil {
			t.Fatal(err)
		}
		letGo()
		if _, err := r.commit(); err != nil {
			t.Fatal(err)
		}
		if got := s.Now(); got.State != rollout.Aborted || got.KilledIn != "production" {
			t.Errorf("the rollout is %+v", got)
		}
	})
}

func TestARefusalIsOneWhileTheWriterIsHeldToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		defer hold(t, db, "production")()
		for _, refused := range []struct {
			by               access.Actor
			key, environment string
			revision         int64
			kind             fault.Kind
		}{
			{pat, s.Flag.Key, "production", 0, fault.Forbidden},
			{access.Actor{}, s.Flag.Key, "production", 0, fault.Unauthenticated},
			{olu, "nothing", "production", 0, fault.NotFound},
			{olu, s.Flag.Key, "nowhere", 0, fault.NotFound},
			{olu, s.Flag.Key, "production", 99, fault.Stale},
		} {
			_, err := r.kills.Kill(t.Context(), refused.by, refused.key, refused.environment, rollout.Word{Revision: refused.revision}, live.Sent{})
			if !fault.Is(err, refused.kind) {
				t.Errorf("%s kills %s in %s: %v", refused.by.Email, refused.key, refused.environment, err)
			}
		}
		if left := r.live.Overrides(); len(left) != 0 {
			t.Errorf("%+v are served", left)
		}
	})
}

func TestAnEarlyPanicIsOneRecordOfTheFlagsThatWereCounted(t *testing.T) {
	t.Parallel()
	const flags, on = 5_000, 4_950 // one of a hundred is killed already
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		crowd(t, db, flags)
		r := serving(t, db)
		letGo := hold(t, db, "staging")
		defer letGo()
		order := kill.Order{Select: registry.Selection{Environment: "staging"}, Reason: "all of it", ExpectFlags: flags / 2, Sent: asked}
		if _, err := r.kills.Panic(t.Context(), olu, order); !fault.Is(err, fault.Conflict) {
			t.Errorf("with more flags than were expected: %v", err)
		}
		order.ExpectFlags = flags
		act, err := r.kills.Panic(t.Context(), olu, order)
		if err != nil || act.Flags != on || act.CommittedAt != nil || !r.off("staging", "app7.flag7") || r.off("production", "app7.flag7") {
			t.Fatalf("%+v, %v", act, err)
		}
		text, err := os.ReadFile(filepath.Join(r.dir, "overrides.jsonl"))
		if err != nil || bytes.Count(text, []byte(`"kill_id"`)) != 1 {
			t.Errorf("%d records, %v", bytes.Count(text, []byte(`"kill_id"`)), err)
		}
		letGo()
		if n, err := r.commit(); n != 1 || err != nil {
			t.Fatalf("%d were committed: %v", n, err)
		}
		got, err := r.kills.Panic(t.Context(), olu, order)
		if err != nil || got.ID != act.ID || got.CommittedAt == nil || got.Standing != on || got.Flags != on {
			t.Errorf("the same request after the commit: %+v, %v", got, err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_event WHERE name = 'kill.carried_out' AND body LIKE '%"served_at"%'`); n != 1 {
			t.Errorf("%d acts are recorded", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_event WHERE name = 'flag.killed_again'`); n != flags-on {
			t.Errorf("of %d flags that were off it is said again", n)
		}
	})
}

func TestAnEarlyKillThatIsRefusedForGoodStaysServedUntilAnAdminEndsIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		act, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		letGo()
		rename := func(from, to string) {
			s.Write(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE environment SET name = $2 WHERE name = $1`, from, to)
				return err
			})
		}
		rename("production", "elsewhere")
		if _, err := r.commit(); !fault.Is(err, fault.NotFound) {
			t.Errorf("committed where there is no such environment: %v", err)
		}
		all, err := r.kills.Uncommitted(t.Context(), olu)
		if err != nil || len(all) != 1 || all[0].ID != act.ID || !strings.Contains(all[0].Refused, "no environment") {
			t.Errorf("told: %+v", all)
		}
		rename("elsewhere", "production")
		for _, refused := range []struct {
			by     access.Actor
			id     string
			reason string
			kind   fault.Kind
		}{
			{olu, act.ID, "enough", fault.Forbidden},
			{root, act.ID, "", fault.Invalid},
			{root, "nothing", "enough", fault.NotFound},
		} {
			if err := r.kills.End(t.Context(), refused.by, refused.id, refused.reason); !fault.Is(err, refused.kind) {
				t.Errorf("%s ends %s: %v", refused.by.Email, refused.id, err)
			}
		}
		r.load()
		if !r.off("production", s.Flag.Key) {
			t.Error("it does not stay served")
		}
		rename("production", "elsewhere")
		if err := r.kills.End(t.Context(), root, act.ID, "it was meant for another"); err != nil {
			t.Fatal(err)
		}
		rename("elsewhere", "production")
		if n, err := r.commit(); n != 0 || err != nil {
			t.Errorf("%d were committed after the end: %v", n, err)
		}
		r.load()
		if r.off("production", s.Flag.Key) || len(r.live.Overrides()) != 0 {
			t.Error("it is off after it was ended")
		}
		if diff := cmp.Diff([]string{"kill.ended"}, s.Events("kill.")); diff != "" {
			t.Error(diff)
		}
		if err := r.kills.End(t.Context(), root, act.ID, "once more"); !fault.Is(err, fault.NotFound) {
			t.Errorf("ended twice: %v", err)
		}
	})
}

func TestAKillThatOnlyWaitsIsCommittedAndNotEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		r := serving(t, db)
		letGo := hold(t, db, "production")
		defer letGo()
		act, err := r.kills.Kill(t.Context(), olu, s.Flag.Key, "production", rollout.Word{}, live.Sent{})
		if err != nil {
			t.Fatal(err)
		}
		ctx := store.Once(t.Context(), func(context.Context, *store.Tx) error {
			t.Error("the call that is refused uses up its Idempotency-Key")
			return nil
		})
		for range 2 { // while it waits, and when it need not any more
			if err := r.kills.End(ctx, root, act.ID, "sooner than others decide"); !fault.Is(err, fault.Conflict) {
				t.Errorf("it is ended: %v", err)
			}
			letGo()
		}
		r.load()
		if got, err := r.kills.Get(t.Context(), olu, act.ID); err != nil || got.CommittedAt == nil || !r.off("production", s.Flag.Key) {
			t.Errorf("it is not in the log: %+v, %v", got, err)
		}
	})
}
