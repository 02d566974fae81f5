package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// beside is another data directory on the same database: of one more replica.
func (in installation) beside(t *testing.T) installation {
	t.Helper()
	other := installation{data: t.TempDir(), database: in.database}
	secret, err := os.ReadFile(filepath.Join(in.data, "secret.key"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other.data, "secret.key"), secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// A kill that was served before it could be committed outlives kill -9 of whoever served it, and is committed once: by another replica,
// or after a restart.
func TestAKillThatIsServedAndNotCommittedSurvivesKillNineAndIsCommittedOnce(t *testing.T) {
	t.Parallel()
	for name, replicas := range map[string]bool{"by another replica": true, "after a restart": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := published(t, store.PostgreSQL)
			db, err := store.Open(t.Context(), store.Config{URL: a.in.database})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			first := a.in.serve(t)
			defer func() { first.kill() }()
			var second *server
			if replicas {
				second = a.in.beside(t).serve(t)
				defer second.kill()
			}
			held, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- db.WriteLarge(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Exec(ctx, `UPDATE environment SET version = version + 1 WHERE name = 'sandbox'`)
					close(held)
					<-end
					return err
				})
			}()
			<-held
			var killed struct {
				ID        string `json:"kill_id"`
				Committed bool   `json:"committed"`
			}
			path := "/flags/" + a.flag + "/environments/sandbox/kill"
			status, err := call(t.Context(), first.base, a.tokens["alice"], http.MethodPost, path, map[string]any{"reason": "it burns"}, &killed)
			if err != nil || status != http.StatusAccepted || killed.Committed {
				t.Fatalf("%d, %+v, %v", status, killed, err)
			}
			if replicas {
				a.eventually(t, "the other replica serves it", func() bool { return a.evaluate(t, second).off() })
			}
			first.kill()
			close(end)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if !replicas {
				first = a.in.serve(t)
			}
			lives := first
			if replicas {
				lives = second
			}
			committed := func(s *server) bool {
				if !a.evaluate(t, s).off() {
					t.Fatal("it is on for a moment")
				}
				status, err := call(t.Context(), s.base, a.tokens["alice"], http.MethodGet, "/kills/"+killed.ID, nil, &killed)
				return err == nil && status == http.StatusOK && killed.Committed
			}
			a.eventually(t, "it is committed", func() bool { return committed(lives) })
			if replicas { // who served it first comes back, with its record
				first = a.in.serve(t)
				a.eventually(t, "it is committed there, too", func() bool { return committed(first) })
			}
			once := func(query string) {
				n := storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (n int, err error) {
					err = tx.QueryRow(ctx, query).Scan(&n)
					return n, err
				})
				if n != 1 {
					t.Errorf("%d of %s", n, query)
				}
			}
			once(`SELECT COUNT(*) FROM kill_act`)
			once(`SELECT COUNT(*) FROM audit_event WHERE name LIKE 'flag.killed%'`)
		})
	}
}
