package store_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// kept is how long a test waits for what it knows to be taken.
const kept = 20 * time.Millisecond

// hold runs a transaction over as many connections as n says, and returns once all are in it. They end with end.
func hold(
	t *testing.T, n int, run func(context.Context, func(context.Context, *store.Tx) error) error,
	do func(context.Context, *store.Tx) error,
) (end func()) {
	t.Helper()
	var all sync.WaitGroup
	in, out := make(chan struct{}), make(chan struct{})
	for range n {
		all.Go(func() {
			if err := run(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				err := do(ctx, tx)
				in <- struct{}{}
				<-out
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for range n {
		<-in
	}
	end = sync.OnceFunc(func() { close(out); all.Wait() })
	t.Cleanup(end)
	return end
}

func nothing(context.Context, *store.Tx) error { return nil }

func TestAKillDoesNotWaitForAWriterThatIsTaken(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		write(t, db, `INSERT INTO app (slug, name, description, category, owner, contact, kind, url, listed, search, created_at, revision)
			VALUES ('eat', '', '', '', '', '', '', '', TRUE, '', 0, 1)`)
		rename := func(name string) func(context.Context, *store.Tx) error {
			return func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE app SET name = $1 WHERE slug = 'eat'`, name)
				return err
			}
		}
		end := hold(t, 1, db.Write, rename("slow"))
		marks := 0
		ctx := store.Once(t.Context(), func(context.Context, *store.Tx) error { marks++; return nil })
		err := db.WriteSoon(ctx, kept, rename("off"))
		if !errors.Is(err, store.ErrBusy) {
			t.Errorf("got %v", err)
		}
		wantFault(t, err, "busy")
		guarded := store.Guard(t.Context(), rename("guarded"))
		if err := db.WriteSoon(guarded, kept, nothing); !errors.Is(err, store.ErrBusy) {
			t.Errorf("what guards it waits: %v", err)
		}
		end()
		if err := db.WriteSoon(ctx, kept, rename("off")); err != nil {
			t.Error(err)
		}
		_ = db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if name, _, err := store.One(ctx, tx, store.ScanString, `SELECT name FROM app`); name != "off" || err != nil {
				t.Errorf("the name is %q, %v", name, err)
			}
			return nil
		})
	})
}

func TestAKillDoesNotWaitForAnotherProcessThatHasTheFile(t *testing.T) {
	t.Parallel()
	config := storetest.Config(t, store.SQLite)
	db, err := store.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	other, err := sql.Open("sqlite", filepath.Join(config.Dir, "souk.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	holding, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.WriteSoon(t.Context(), kept, nothing)
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v", err)
	}
	wantFault(t, err, "busy")
	if err := holding.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.WriteSoon(t.Context(), kept, nothing); err != nil {
		t.Error(err)
	}
}

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unavailable || f.Code != code || f.Remediation == "" {
		t.Errorf("got %v, want a fault with the code %s", err, code)
	}
}

func TestWithEveryConnectionTakenTheFirstLaneReadsAndOthersHearThatItIsBusy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		hold(t, store.Readers[db.Engine()], db.Read, nothing)
		if err := db.Read(store.First(t.Context()), nothing); err != nil {
			t.Error(err)
		}
		if err := db.WriteSoon(t.Context(), kept, nothing); err != nil {
			t.Error(err)
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		for name, run := range map[string]func(context.Context, func(context.Context, *store.Tx) error) error{"read": db.Read, "write": db.Write} {
			if name == "write" && db.Engine() == store.SQLite { // its writer is free
				continue
			}
			ctx, cancel := context.WithTimeout(t.Context(), kept)
			err := run(ctx, nothing)
			cancel()
			wantFault(t, err, "busy")
		}
	})
}

// What changes a table (ALTER TABLE, VACUUM FULL) lets nobody read it.
func TestOnATableThatSomebodyChangesTheFirstLaneGivesUp(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.PostgreSQL)
	end := hold(t, 1, db.Write, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `LOCK TABLE person IN ACCESS EXCLUSIVE MODE`)
		return err
	})
	err := db.Read(store.First(t.Context()), func(ctx context.Context, tx *store.Tx) error {
		_, _, err := store.One(ctx, tx, store.ScanString, `SELECT email FROM person`)
		return err
	})
	end()
	if !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v", err)
	}
	wantFault(t, err, "busy")
}

func TestAReadGivesUpByItself(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for seconds")
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		hold(t, store.Readers[db.Engine()], db.Read, nothing)
		wantFault(t, db.Read(t.Context(), nothing), "busy")
	})
}

func TestOnTheOneWriterAKillGoesBeforeWhoCameEarlierAndMarksAfterWhoCameLater(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	end := hold(t, 1, db.Write, nothing)
	var all sync.WaitGroup
	var got []string // in the order of the one writer
	soon := func(ctx context.Context, fn func(context.Context, *store.Tx) error) error {
		return db.WriteSoon(ctx, time.Minute, fn)
	}
	plain := func(ctx context.Context) context.Context { return ctx }
	for n, who := range []struct {
		name string
		lane func(context.Context) context.Context
		run  func(context.Context, func(context.Context, *store.Tx) error) error
	}{
		{"mark", store.Last, db.Write},
		{"submit", plain, db.Write},
		{"import", plain, db.WriteLarge},
		{"abort", store.First, db.Write},
		{"kill", plain, soon},
	} {
		all.Go(func() {
			if err := who.run(who.lane(t.Context()), func(context.Context, *store.Tx) error { got = append(got, who.name); return nil }); err != nil {
				t.Error(err)
			}
		})
		for store.Queued(db) <= n {
			time.Sleep(time.Millisecond)
		}
	}
	end()
	all.Wait()
	if want := "abort kill submit import mark"; strings.Join(got, " ") != want {
		t.Errorf("served %v, want %s", got, want)
	}
}

// The ways to lose PostgreSQL, and when. What is done is neither answered as an internal error nor done twice.
func TestALostConnectionIsADatabaseThatIsAwayWheneverItIsLost(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"ended by the server", "cut"} {
		for _, moment := range []string{"idle before a read", "idle before a write", "in a read", "in a write", "between the last statement and the commit"} {
			t.Run(way+" "+moment, func(t *testing.T) {
				t.Parallel()
				where := storetest.Config(t, store.PostgreSQL)
				wire := storetest.NewWire(t, where.URL)
				lose := wire.Cut
				if way != "cut" {
					lose = func() { terminate(t, where.URL) }
				}
				db, err := store.Open(t.Context(), store.Config{URL: wire.URL})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				runs := 0
				step := func(run func(context.Context, func(context.Context, *store.Tx) error) error, do func(context.Context, *store.Tx) error) error {
					return run(t.Context(), func(ctx context.Context, tx *store.Tx) error {
						runs++
						return do(ctx, tx)
					})
				}
				look := func(ctx context.Context, tx *store.Tx) error {
					_, err := store.List(ctx, tx, store.ScanString, `SELECT slug FROM app`)
					return err
				}
				add := func(ctx context.Context, tx *store.Tx) error { return put(ctx, tx, "eat") }
				switch moment {
				case "idle before a read":
					lose()
					err = step(db.Read, look)
				case "idle before a write":
					lose()
					err = step(db.Write, add)
				case "in a read":
					err = step(db.Read, func(ctx context.Context, tx *store.Tx) error { lose(); return look(ctx, tx) })
				case "in a write":
					err = step(db.Write, func(ctx context.Context, tx *store.Tx) error { lose(); return add(ctx, tx) })
				default:
					err = step(db.Write, func(ctx context.Context, tx *store.Tx) error { defer lose(); return add(ctx, tx) })
				}
				// Idle connections are looked at first if they were so for long, so that it may have been done over another one.
				if err != nil || !strings.HasPrefix(moment, "idle") {
					wantFault(t, err, "database_unavailable")
				}
				if runs > 1 {
					t.Errorf("it ran %d times", runs)
				}
				for db.Read(t.Context(), look) != nil { // connections that were lost are given up one by one
					time.Sleep(time.Millisecond)
				}
				if got := slugs(t, db); err != nil && len(got) > 0 {
					t.Errorf("%v was written", got)
				}
			})
		}
	}
}

// terminate ends all connections to the database, which takes new ones.
func terminate(t *testing.T, url string) {
	t.Helper()
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
}

func TestACommitWhoseAnswerIsLostIsNeitherRetriedNorCalledUndone(t *testing.T) {
	t.Parallel()
	where := storetest.Config(t, store.PostgreSQL)
	wire := storetest.NewWire(t, where.URL)
	db, err := store.Open(t.Context(), store.Config{URL: wire.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for slug, fate := range map[string]int32{"lost": storetest.Lost, "unheard": storetest.Unheard} {
		runs := 0
		wire.Commit.Store(fate)
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			runs++
			return put(ctx, tx, slug)
		})
		wire.Commit.Store(storetest.Delivered)
		if !errors.Is(err, store.ErrOutcomeUnknown) || runs != 1 {
			t.Errorf("%s: %v after %d runs", slug, err, runs)
		}
		wantFault(t, err, "database_unavailable")
		if f, _ := errors.AsType[*fault.Error](err); strings.Contains(f.Remediation, "nothing was changed") {
			t.Errorf("%s: %s", slug, f.Remediation)
		}
	}
	if got := strings.Join(slugs(t, db), " "); got != "unheard" {
		t.Errorf("%s is there", got)
	}
}
