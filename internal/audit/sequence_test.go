package audit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestSequencersRaceWithWritersAndLoseNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const writers, each = 6, 25
		logs := []*audit.Log{open(t, db, audit.Config{Key: keyA}), open(t, db, audit.Config{Key: keyB})}
		var writing, sequencing sync.WaitGroup
		done := make(chan struct{})
		for w := range writers {
			writing.Go(func() {
				for i := range each {
					if err := appendEvents(t.Context(), db, event(w*each+i)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for _, log := range logs {
			sequencing.Go(func() {
				for {
					if err := log.Sequence(t.Context()); err != nil {
						t.Error(err)
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		writing.Wait()
		close(done)
		sequencing.Wait()
		if err := logs[0].Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		const all = writers*each + 2 // and the two keys
		report := verify(t, export(t, logs[1]), audit.VerifyOptions{Keys: []string{vkeyB}})
		if !report.OK || report.Events != all {
			t.Errorf("report %+v", report)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_pending`); n != 0 {
			t.Errorf("%d events are still pending", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id`); n != all {
			t.Errorf("%d of %d events have a leaf", n, all)
		}
	})
}

func TestSequencingInterruptedAnywhereLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		appendN(t, db, 3)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		appendN(t, db, 3)
		for _, step := range []string{"UPDATE ON audit_head", "INSERT ON audit_leaf", "INSERT ON audit_hash", "INSERT ON audit_checkpoint", "DELETE ON audit_pending"} {
			table := step[strings.LastIndex(step, " ")+1:]
			create, drop := `CREATE TRIGGER crash BEFORE `+step+` BEGIN SELECT RAISE(ABORT, 'crash'); END`, `DROP TRIGGER crash`
			if db.Engine() == store.PostgreSQL {
				create, drop = `CREATE TRIGGER crash BEFORE `+step+` FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`, `DROP TRIGGER crash ON `+table
			}
			exec(t, db, create)
			if err := log.Sequence(t.Context()); err == nil {
				t.Errorf("%s failed and no error came", step)
			}
			exec(t, db, drop)
			for query, want := range map[string]int64{
				`SELECT size FROM audit_head`: 4, `SELECT COUNT(*) FROM audit_leaf`: 4, `SELECT COUNT(*) FROM audit_hash`: 7,
				`SELECT COUNT(*) FROM audit_pending`: 3, `SELECT MAX(size) FROM audit_checkpoint`: 4,
			} {
				if got := count(t, db, query); got != want {
					t.Errorf("after a crash at %s: %s gives %d, want %d", step, query, got, want)
				}
			}
		}
		if report := verify(t, export(t, log), audit.VerifyOptions{}); !report.OK || report.Events != 7 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestRolledBackChangeLeavesNoEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		failed := errors.New("the change failed")
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := audit.Append(ctx, tx, event(1)); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		for _, table := range []string{"audit_event", "audit_pending"} {
			if n := count(t, db, `SELECT COUNT(*) FROM `+table); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
	})
}

func TestBatchesLargerThanOneTransaction(t *testing.T) {
	if testing.Short() {
		t.Skip("sequences 2,500 events")
	}
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		for range 25 {
			appendN(t, db, 100)
		}
		if report := verify(t, export(t, log), audit.VerifyOptions{Keys: []string{vkeyA}}); !report.OK || report.Events != 2501 {
			t.Errorf("report %+v", report)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_checkpoint`); n != 3 {
			t.Errorf("%d checkpoints, want one per 1,000 events", n)
		}
	})
}

func TestRunSequencesWhatIsAppendedAndStops(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		log := open(t, db, audit.Config{Dir: dir})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { log.Run(ctx) })
		running.Go(func() { log.Run(ctx) })
		for i := range 3 {
			if err := appendEvents(t.Context(), db, event(i)); err != nil {
				t.Fatal(err)
			}
			for count(t, db, `SELECT COUNT(*) FROM audit_pending`) > 0 {
				if err := db.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		stop()
		running.Wait()
		text, err := os.ReadFile(filepath.Join(dir, "checkpoints"))
		if err != nil {
			t.Fatal(err)
		}
		appendN(t, db, 2)
		if report := verify(t, export(t, log), audit.VerifyOptions{Since: since(t, string(text)), Keys: []string{log.VerifierKey()}}); !report.OK || len(report.Warnings) > 0 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestReplicasSignWithTheirOwnKeysAndAllAreExported(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 2)
		if err := a.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := open(t, db, audit.Config{Key: keyB})
		fromA, fromB := export(t, a), export(t, b)
		for vkey, text := range map[string]string{vkeyA: fromA, vkeyB: fromB} {
			last := text[strings.LastIndex(text[:len(text)-1], "\n")+1:]
			if !strings.Contains(last, vkeyA) || !strings.Contains(last, vkeyB) {
				t.Errorf("a key is missing: %s", last)
			}
			if report := verify(t, text, audit.VerifyOptions{Keys: []string{vkey}}); !report.OK {
				t.Errorf("report %+v", report)
			}
			if report := verify(t, text, audit.VerifyOptions{Keys: []string{vkeyA, vkeyB, vkeyA}}); !report.OK || len(report.SignedBy) != 1 {
				t.Errorf("with both keys: %+v", report)
			}
		}
		if report := verify(t, fromB, audit.VerifyOptions{Keys: []string{vkeyA, vkeyB}, Since: since(t, fromA)}); !report.OK {
			t.Errorf("the checkpoint of one replica against the export of the other: %+v", report)
		}
		keys, err := b.VerifierKeys(t.Context())
		if err != nil || len(keys) != 2 || keys[0] != vkeyB {
			t.Errorf("keys %v, %v", keys, err)
		}
	})
}

func TestEventTakenAwayBeforeItHadALeafIsToldAndBlocksNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var b bytes.Buffer
		log := open(t, db, audit.Config{Key: keyA, Log: slog.New(slog.NewTextHandler(&b, nil))})
		exec(t, db, `INSERT INTO audit_pending (event_id) VALUES ('gone')`)
		appendN(t, db, 2)
		if report := verify(t, export(t, log), audit.VerifyOptions{}); !report.OK || report.Events != 3 {
			t.Errorf("report %+v", report)
		}
		exec(t, db, `INSERT INTO audit_pending (event_id) VALUES ('gone too')`)
		if err := log.Sequence(t.Context()); err != nil {
			t.Error(err)
		}
		for _, id := range []string{"event=gone\n", `event="gone too"`} {
			if !strings.Contains(b.String(), id) {
				t.Errorf("%s was not told: %s", id, b.String())
			}
		}
	})
}
