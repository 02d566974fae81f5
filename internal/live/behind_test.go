package live_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// away is a database without tables: it answers every query with an error.
func away(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// twins are two databases with the same two flags: the one goes on, the other is the backup.
func twins(t *testing.T, engine store.Engine) (newer, backup *store.DB, eat, sleep string) {
	t.Helper()
	newer, backup = storetest.Open(t, engine), storetest.Open(t, engine)
	for _, db := range []*store.DB{newer, backup} {
		eat, sleep = propose(t, db, "where2eat", "Enabled").Key, propose(t, db, "where2eat", "Sleep").Key
		for _, key := range []string{eat, sleep} {
			install(t, db, key)
			serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
		}
	}
	return newer, backup, eat, sleep
}

func TestADatabaseThatComesBackOlderIsNotFollowedUntilSomebodySaysSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		newer, backup, eat, sleep := twins(t, db.Engine())
		dir := t.TempDir()
		kill(t, newer, eat, "production")
		served := load(t, newer, dir, nil).Snapshot("production").Revision
		var log bytes.Buffer
		l := load(t, backup, dir, &log)
		if !strings.Contains(log.String(), "came back older") {
			t.Errorf("log: %s", log.String())
		}
		if got := answer(t, l, "production", eat); got != "false STATIC" {
			t.Errorf("what was known as killed serves %s", got)
		}
		database := environment(t, backup, "production").Revision
		want := []live.Behind{{Environment: "production", Served: served, Database: database, Lost: []string{eat}}}
		if diff := cmp.Diff(want, l.Behind()); diff != "" {
			t.Error(diff)
		}
		// A kill in the older database is served all the same; anything else there waits, though it overtakes.
		kill(t, backup, sleep, "production")
		for range 3 {
			serve(t, backup, eat, "production", registry.Serving{Mode: registry.ServeOff})
			serve(t, backup, eat, "production", registry.Serving{Mode: registry.ServeOn})
		}
		reload(t, l)
		for _, key := range []string{eat, sleep} {
			if got := answer(t, l, "production", key); got != "false STATIC" {
				t.Errorf("%s serves %s", key, got)
			}
		}
		now := environment(t, backup, "production").Revision
		if b := l.Behind(); len(b) != 1 || b[0].Database != now || now <= served || !l.Serves("production", now) {
			t.Errorf("%+v, the database is at %d", b, now)
		}
		// So does one that starts from the copies, now that the database has overtaken them.
		if again := load(t, backup, dir, nil); len(again.Behind()) != 1 || answer(t, again, "production", eat) != "false STATIC" {
			t.Errorf("after a restart: %+v, %s", again.Behind(), answer(t, again, "production", eat))
		}
		storetest.Write(t, backup, func(ctx context.Context, tx *store.Tx) (none struct{}, err error) {
			return none, registry.GiveUp(ctx, tx, by("root@hyfin.example"), "production", served, nil)
		})
		reload(t, l)
		if b := l.Behind(); len(b) != 0 {
			t.Errorf("after it was given up: %+v", b)
		}
		if got := answer(t, l, "production", eat); got != "true STATIC" {
			t.Errorf("the database says otherwise than %s", got)
		}
		if r := l.Snapshot("production").Revision; r <= served {
			t.Errorf("revision %d is used twice", r)
		}
	})
}

func environment(t *testing.T, db *store.DB, name string) (e registry.Environment) {
	t.Helper()
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		e, _, err = registry.EnvironmentNamed(ctx, tx, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return e
}

func reload(t *testing.T, l *live.Live) {
	t.Helper()
	if err := l.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAKillIsOnDiskBeforeItIsAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newer, _, eat, sleep := twins(t, store.SQLite)
	l := load(t, newer, dir, nil) // writes the copies
	path := filepath.Join(dir, "kills.jsonl")
	half := func() { // as if it had died in the middle of a line
		before, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(before, `0123 {"environment":"prod`...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	half()
	for _, act := range []func() registry.Flag{
		func() registry.Flag { f, _ := kill(t, newer, sleep, "production"); return f },
		func() registry.Flag { f, _ := restore(t, newer, sleep, "production"); return f },
		func() registry.Flag { f, _ := kill(t, newer, eat, "production"); return f },
	} {
		f := act()
		if err := l.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, _ := f.In("production"); !l.Await(t.Context(), "production", state.Revision) {
			t.Fatal("in vain")
		}
	}
	half()
	again := load(t, away(t), dir, nil)
	if got := answer(t, again, "production", eat); got != "false STATIC" {
		t.Errorf("a killed flag serves %s", got)
	}
	if got := answer(t, again, "production", sleep); got != "true STATIC" {
		t.Errorf("a restored flag serves %s", got)
	}
	// Once the copies hold them, the lines are gone.
	after := load(t, newer, dir, nil)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the lines are still there: %v", err)
	}
	if got := answer(t, after, "production", eat); got != "false STATIC" {
		t.Errorf("a killed flag serves %s", got)
	}
}

func TestHowOldStaleFlagsAreIsKnown(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), storetest.Config(t, store.SQLite))
	if err != nil {
		t.Fatal(err)
	}
	now := noon
	l := &live.Live{DB: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	reload(t, l)
	if d, ok := l.StaleFor(); ok {
		t.Errorf("current flags are %s old", d)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	_ = l.Load(t.Context())
	if d, ok := l.StaleFor(); !ok || d != time.Minute {
		t.Errorf("%s old, known: %t", d, ok)
	}
	now = noon.Add(-time.Hour) // a clock that was set back
	if d, ok := l.StaleFor(); !ok || d != 0 {
		t.Errorf("%s old, known: %t", d, ok)
	}
}
