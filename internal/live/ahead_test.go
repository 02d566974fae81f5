package live_test

import (
	"context"
	"testing"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestACommittedKillIsServedBeforeWhatTheDatabaseSaysIs(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		eat := install(t, db, propose(t, db, "where2eat", "Enabled").Key).Key
		sleep := install(t, db, propose(t, db, "where2eat", "Sleep").Key).Key
		for _, key := range []string{eat, sleep} {
			serve(t, db, key, "sandbox", registry.Serving{Mode: registry.ServeOn})
			serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
		}
		dir := t.TempDir()
		l := open(t, db, dir, nil)
		before := l.Snapshot("production")
		at := func() int64 {
			state, _ := get(t, db, eat).In("production")
			return state.Revision
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		hasten := func() { l.Hasten(over, "production", eat, at()) }
		check := func(when, want string) {
			t.Helper()
			if got := answer(t, l, "production", eat); got != want {
				t.Errorf("%s it serves %s", when, got)
			}
			if got := answer(t, l, "production", sleep) + answer(t, l, "sandbox", eat); got != "true STATICtrue STATIC" {
				t.Errorf("%s others serve %s", when, got)
			}
		}
		kill(t, db, eat, "production")
		check("not read yet,", "true STATIC")
		hasten()
		hasten() // a double click
		check("at once", "false STATIC")
		select {
		case <-before.Replaced():
		default:
			t.Error("streams do not hear of it")
		}
		if s := l.Snapshot("production"); s.Revision != before.Revision || l.Serves("production", at()) {
			t.Errorf("it claims to serve revision %d; of the database it has read %d", s.Revision, before.Revision)
		}
		refresh := func() {
			t.Helper()
			if err := l.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		refresh()
		check("once read", "false STATIC")
		restore(t, db, eat, "production")
		refresh()
		check("restored", "true STATIC")
		kill(t, db, eat, "production")
		killed := at()
		restore(t, db, eat, "production")
		refresh()
		l.Hasten(over, "production", eat, killed)
		check("killed and restored before anybody looked", "true STATIC")
	})
}
