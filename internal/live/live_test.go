package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon = registrytest.Noon

var (
	by      = registrytest.By
	propose = registrytest.Propose
	install = registrytest.Install
	serve   = registrytest.Serve
	kill    = registrytest.Kill
	restore = registrytest.Restore
)

func get(t *testing.T, db *store.DB, key string) (f registry.Flag) {
	t.Helper()
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		f, _, err = registry.Get(ctx, tx, key)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

// load starts from a database, or from the copies in a folder.
func load(t *testing.T, db *store.DB, dir string, log *bytes.Buffer) *live.Live {
	t.Helper()
	handler := slog.DiscardHandler
	if log != nil {
		handler = slog.NewTextHandler(log, nil)
	}
	l := &live.Live{DB: db, Dir: dir, Log: slog.New(handler)}
	if err := l.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// answer gives the OFREP item of a flag for a person of these groups.
func answer(t *testing.T, l *live.Live, environment, key string, groups ...string) string {
	t.Helper()
	served := l.Snapshot(environment)
	if served == nil {
		t.Fatalf("no snapshot of %s", environment)
	}
	c := served.Flags.Context(noon)
	defer c.Release()
	c.Set(map[string]any{"targetingKey": "ann@hyfin.example", "groups": groups})
	o := served.Flags.Evaluate(key, c)
	if o == nil {
		return "not found"
	}
	value, err := json.Marshal(o.Value)
	if err != nil {
		t.Fatal(err)
	}
	return string(value) + " " + string(o.Reason)
}

func TestLiveServesWhatIsLiveAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		before := load(t, db, "", nil)
		if got := answer(t, before, "production", key); got != "not found" {
			t.Errorf("a proposed flag is served: %s", got)
		}
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		l := load(t, db, "", nil)
		for want, got := range map[string]string{
			"true STATIC":          answer(t, l, "sandbox", key),
			"false STATIC":         answer(t, l, "staging", key),
			"true TARGETING_MATCH": answer(t, l, "production", key, "pilot"),
			"false DEFAULT":        answer(t, l, "production", key, "beta"),
		} {
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestKillReachesARunningLive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
		l := load(t, db, "", nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); l.Run(ctx) }()
		defer func() { cancel(); <-done }()

		f, _ := kill(t, db, key, "production")
		state, _ := f.In("production")
		waiting, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if !l.Await(waiting, "production", state.Revision) {
			t.Fatal("the kill did not arrive")
		}
		if got := answer(t, l, "production", key); got != "false STATIC" {
			t.Errorf("got %s", got)
		}
		if l.Stale() || !l.Ready() {
			t.Errorf("stale %t, ready %t", l.Stale(), l.Ready())
		}
		over, end := context.WithCancel(t.Context())
		end()
		if l.Await(over, "production", state.Revision+1) || l.Await(over, "nowhere", 1) {
			t.Error("a revision that does not exist is served")
		}
	})
}

func TestLiveStartsFromItsCopyWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := storetest.Open(t, store.SQLite)
	key := propose(t, db, "where2eat", "Enabled").Key
	install(t, db, key)
	kill(t, db, key, "sandbox")
	load(t, db, dir, nil)

	// A database without tables answers every query with an error.
	away, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = away.Close() })
	if err := os.WriteFile(filepath.Join(dir, "staging.snapshot.json"), []byte(`{"sha256":"00","state":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	l := load(t, away, dir, &log)
	if !l.Stale() || !l.Ready() {
		t.Errorf("stale %t, ready %t", l.Stale(), l.Ready())
	}
	if got := answer(t, l, "sandbox", key); got != "false STATIC" {
		t.Errorf("got %s", got)
	}
	if l.Snapshot("staging") != nil {
		t.Error("a damaged copy is served")
	}
	if !strings.Contains(log.String(), "copy of flags ignored") {
		t.Errorf("log: %s", log.String())
	}
	if err := (&live.Live{DB: away, Log: slog.New(slog.DiscardHandler)}).Load(t.Context()); err == nil {
		t.Error("ready without database and without copy")
	}
}

func TestChangedSegmentReachesEveryEnvironment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		admin := access.System("test")
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Reached: nothing}
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})

		pilot := registry.Segment{Name: "pilot", Title: "Pilots", People: []string{" ann@hyfin.example", "bob@hyfin.example", "ann@hyfin.example"}}
		if _, err := r.PutSegment(t.Context(), admin, pilot); !fault.Is(err, fault.Stale) {
			t.Errorf("without the version that was read: %v", err)
		}
		pilot.Revision = 1
		put, err := r.PutSegment(t.Context(), admin, pilot)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ann@hyfin.example", "bob@hyfin.example"}, put.People); diff != "" {
			t.Error(diff)
		}
		if got := answer(t, load(t, db, "", nil), "production", key); got != "true TARGETING_MATCH" {
			t.Errorf("got %s", got)
		}
		again, err := r.PutSegment(t.Context(), admin, put)
		if err != nil || again.Revision != put.Revision {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		history, err := r.History(t.Context(), admin, key, "production", store.Page{})
		if err != nil || history.Items[0].Cause != registry.CauseSegment {
			t.Errorf("history: %+v, %v", history.Items, err)
		}

		put.People, put.Everybody = nil, true
		if _, err := r.PutSegment(t.Context(), admin, put); err != nil {
			t.Fatal(err)
		}
		if got := answer(t, load(t, db, "", nil), "production", key); got != "true STATIC" {
			t.Errorf("for everybody: %s", got)
		}
		if _, err := r.PutSegment(t.Context(), by("alice@hyfin.example").By, put); !fault.Is(err, fault.Forbidden) {
			t.Errorf("alice: %v", err)
		}
	})
}

func TestNewEnvironmentHasEveryFlag(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		admin := access.System("test")
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Reached: nothing}
		approved, proposed := propose(t, db, "where2eat", "Enabled").Key, propose(t, db, "where2eat", "Later").Key
		install(t, db, approved)
		e := registry.Environment{Name: "play", Position: 0, Tier: registry.TierSandbox}
		made, err := r.PutEnvironment(t.Context(), admin, e)
		if err != nil {
			t.Fatal(err)
		}
		l := load(t, db, "", nil)
		if got := answer(t, l, "play", approved); got != "true STATIC" {
			t.Errorf("approved: %s", got)
		}
		if got := answer(t, l, "play", proposed); got != "not found" {
			t.Errorf("proposed: %s", got)
		}
		install(t, db, proposed)
		if got := answer(t, load(t, db, "", nil), "play", proposed); got != "true STATIC" {
			t.Errorf("then approved: %s", got)
		}
		made.Governed = true
		changed, err := r.PutEnvironment(t.Context(), admin, made)
		if err != nil || changed.Version != 2 {
			t.Errorf("got %+v, %v", changed, err)
		}
		made.Governed = false
		if _, err := r.PutEnvironment(t.Context(), admin, made); !fault.Is(err, fault.Stale) {
			t.Errorf("stale: %v", err)
		}
		all, err := r.Environments(t.Context(), admin)
		if err != nil || len(all) != 4 || all[0].Name != "play" || !all[0].Governed {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

// nothing says that no segment reaches a governed environment, so that tests put segments at once.
func nothing(context.Context, *store.Tx, string) (none registry.Decided, err error) { return none, nil }
