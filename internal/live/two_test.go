package live_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// until waits for something to hold.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestEveryReplicaServesAnEarlyOverride has replicas on one database, whose writer is held all the time: on PostgreSQL as processes of
// their own, and on SQLite, where there is one process, over the same messages inside it.
func TestEveryReplicaServesAnEarlyOverride(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		cfg := storetest.Config(t, engine)
		var shared *store.DB
		connect := func() *store.DB {
			if engine == store.SQLite && shared != nil {
				return shared
			}
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			shared = db
			return db
		}
		db := connect()
		var keys []string
		for i := range 3 {
			key := propose(t, db, "where2eat", fmt.Sprintf("Flag %d", i)).Key
			install(t, db, key)
			serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
			keys = append(keys, key)
		}
		var done acts
		// start returns a replica that runs until stop.
		start := func(dir string) (l *live.Live, stop func()) {
			l = open(t, connect(), dir, &done)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				l.Run(ctx)
			}()
			stop = func() { cancel(); <-ended }
			t.Cleanup(stop)
			return l, stop
		}
		dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
		first, stopFirst := start(dirs[0])
		second, _ := start(dirs[1])
		reason := strings.Repeat("it burns, says \"ops\" 🔥 ", 2000) // of many times what PostgreSQL carries at once
		var o live.Override
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			if _, err := tx.Exec(ctx, `UPDATE environment SET revision = revision`); err != nil { // whoever kills has to wait for that
				return err
			}
			o, err = first.Override(ctx, live.Override{
				ID: "1", Select: registry.Selection{App: "where2eat"}, Environment: "production", By: access.Identity{Email: "olu@hyfin.example"},
				Reason: reason, At: noon, Sent: live.Sent{IdempotencyKey: "k", Path: "/api/v1/kills"},
			})
			if err != nil {
				return err
			}
			until(t, "both confirm it to each other", func() bool {
				return len(first.Confirmed("1")) == 2 && len(second.Confirmed("1")) == 2
			})
			if diff := cmp.Diff([]live.Override{o}, second.Overrides()); diff != "" {
				t.Errorf("the other replica serves %s", diff)
			}
			// It is on disk there before it is confirmed; and one that begins now hears of it, too.
			if lines := overrideLines(t, dirs[1]); len(lines) != 1 {
				t.Errorf("%d lines on disk", len(lines))
			}
			third, _ := start(dirs[2])
			until(t, "the third confirms it", func() bool { return len(first.Confirmed("1")) == 3 && len(third.Confirmed("1")) == 3 })
			for _, l := range []*live.Live{first, second, third} {
				for _, key := range keys {
					if got := answer(t, l, "production", key); got != "false STATIC" {
						t.Errorf("%s serves %s", key, got)
					}
				}
			}
			// The one that took it dies; another one stands in for it.
			stopFirst()
			if third.Overrides()[0].Reason != reason {
				t.Error("it is not whole")
			}
			first, _ = start(t.TempDir()) // with nothing on its disk
			until(t, "it hears of it from the others", func() bool { return len(first.Confirmed("1")) >= 3 })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			kill(t, db, key, "production")
		}
		done.add("1")
		restore(t, db, keys[0], "production")
		for _, l := range []*live.Live{first, second} {
			until(t, "it ends everywhere, and the restore holds", func() bool {
				return len(l.Overrides()) == 0 && answer(t, l, "production", keys[0]) == "true STATIC"
			})
			if got := answer(t, l, "production", keys[1]); got != "false STATIC" {
				t.Errorf("afterwards it serves %s", got)
			}
			if c := l.Confirmed("1"); len(c) != 0 {
				t.Errorf("confirmed for good: %s", c)
			}
		}
	})
}
