package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func put(ctx context.Context, tx *store.Tx, slug string) error {
	_, err := tx.Exec(ctx, `INSERT INTO app (slug, name, description, category, owner, contact, kind, url, listed, search, created_at, revision)
		VALUES ($1, '', '', '', '', '', '', '', $2, '', 0, 1)`, slug, true)
	return err
}

func slugs(t *testing.T, db *store.DB) (all []string) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, store.ScanString, `SELECT slug FROM app ORDER BY slug COLLATE "C"`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnErrorRollsTheWholeWriteBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		failed := errors.New("failed")
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(put(ctx, tx, "half"), failed)
		})
		if !errors.Is(err, failed) || len(slugs(t, db)) != 0 {
			t.Errorf("got %v and %v", err, slugs(t, db))
		}
	})
}

func TestAReaderCannotWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error { return put(ctx, tx, "sly") }); err == nil {
			t.Error("a read transaction wrote")
		}
	})
}

func TestManyWritersAllGetTheirTurn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var all sync.WaitGroup
		for _, name := range strings.Split("abcdefghijklmnop", "") {
			all.Go(func() {
				if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return put(ctx, tx, name) }); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := strings.Join(slugs(t, db), ""); got != "abcdefghijklmnop" {
			t.Errorf("got %s", got)
		}
	})
}

func TestWritersThatRaceForAKeySeeEachOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var made, found atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				var there bool
				err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
					_, there, err = store.One(ctx, tx, store.ScanString, `SELECT slug FROM app WHERE slug = $1`, "one")
					if err != nil || there {
						return err
					}
					return put(ctx, tx, "one")
				})
				switch {
				case err != nil:
					t.Error(err)
				case there:
					found.Add(1)
				default:
					made.Add(1)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || found.Load() != 7 {
			t.Errorf("%d made it, %d found it", made.Load(), found.Load())
		}
	})
}

func TestSubscribersHearOfCommittedAnnouncementsOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		wake, stop := db.Subscribe("topic")
		defer stop()
		drained := func() bool {
			select {
			case <-wake:
				return true
			default:
				return false
			}
		}
		_ = db.Write(t.Context(), func(_ context.Context, tx *store.Tx) error {
			tx.Announce("topic")
			return errors.New("rolled back")
		})
		// A second topic that is committed later shows that the first would have arrived by now.
		later, stopLater := db.Subscribe("later")
		defer stopLater()
		announce(t, db, "later")
		heard(t, later)
		if db.Engine() == store.SQLite && drained() {
			t.Error("heard of what was rolled back")
		}
		announce(t, db, "topic")
		heard(t, wake)
	})
}

func announce(t *testing.T, db *store.DB, topic string) {
	t.Helper()
	err := db.Write(t.Context(), func(_ context.Context, tx *store.Tx) error {
		tx.Announce(topic)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func heard(t *testing.T, wake <-chan struct{}) {
	t.Helper()
	select {
	case <-wake:
	case <-time.After(time.Minute):
		t.Fatal("heard nothing within ten seconds")
	}
}

func TestAnotherProcessHearsAnnouncementsAndOnlyOneLeads(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	var dbs [2]*store.DB
	for i := range dbs {
		db, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		dbs[i] = db
	}
	wake, stop := dbs[1].Subscribe("topic")
	defer stop()
	heard(t, wake) // the listening connection came up
	announce(t, dbs[0], "topic")
	heard(t, wake)

	ctx, cancel := context.WithCancel(t.Context())
	var leading, most atomic.Int32
	led := make(chan struct{}, 2)
	var all sync.WaitGroup
	for _, db := range dbs {
		all.Go(func() {
			db.Lead(ctx, func(ctx context.Context) {
				most.Store(max(most.Load(), leading.Add(1)))
				led <- struct{}{}
				<-ctx.Done()
				leading.Add(-1)
			})
		})
	}
	heard(t, led)
	cancel()
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d led at once", most.Load())
	}
}

func TestASecondProcessOnTheSameFileIsRefused(t *testing.T) {
	t.Parallel()
	cfg := store.Config{Dir: t.TempDir()}
	first, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), cfg); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFileThatIsNoDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "souk.db")
	text := strings.Repeat("this is not a database ", 100)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err == nil {
		_ = db.Close()
		t.Error("the file was opened")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != text {
		t.Errorf("the file was changed, %v", err)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{URL: "postgres://nobody@127.0.0.1:1/none?sslmode=disable&connect_timeout=2"})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestMigratingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSQLiteTablesAreStrict(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		loose, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM sqlite_schema
			WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' AND sql NOT LIKE '%STRICT'`)
		if len(loose) > 0 {
			t.Errorf("tables that take any type: %v", loose)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPagesCoverAListOnceAndEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, limit := rapid.IntRange(0, 30).Draw(t, "total"), rapid.IntRange(1, 7).Draw(t, "limit")
		var seen []int
		page := store.Page{Limit: limit}
		for {
			after, err := page.After()
			if err != nil {
				t.Fatal(err)
			}
			first := 0
			if len(after) > 0 {
				first = int(after[0][0])
			}
			var items []int
			for i := first; i < min(total, first+limit+1); i++ {
				items = append(items, i)
			}
			list := store.Cut(page, items, func(i int) []string { return []string{string(rune(i + 1))} })
			seen = append(seen, list.Items...)
			if list.Next == "" {
				break
			}
			page.Cursor = list.Next
		}
		for i, item := range seen {
			if i != item {
				t.Fatalf("item %d is %d", i, item)
			}
		}
		if len(seen) != total {
			t.Fatalf("%d of %d items", len(seen), total)
		}
	})
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	for _, cursor := range []string{"x", "bnVsbA", "e30", strings.Repeat("A", 1000)} {
		if _, err := (store.Page{Cursor: cursor}).After(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}

func TestLikePatternsTakeTextLiterally(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(`%50\%\_\\%`, store.LikePattern(`50%_\`)); diff != "" {
		t.Error(diff)
	}
}
