package signin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/access/accesstest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// heldUp runs use while the only writer of SQLite is taken, and every row of the table is locked on PostgreSQL.
func heldUp(t *testing.T, db *store.DB, table string, use func()) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM `+table+tx.ForUpdate()); err != nil {
			return err
		}
		use()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoRequestWaitsUntilItsCredentialIsMarkedAsUsed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		clock := &accesstest.Wall{At: accesstest.Noon}
		tokens, sessions := &Tokens{DB: db, Now: clock.Now}, &Sessions{DB: db, Now: clock.Now}
		_, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		signingIn := httptest.NewRequest(http.MethodPost, "/", nil)
		cookie, _, err := sessions.SignIn(t.Context(), signingIn, accesstest.Alice)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		clock.Add(time.Hour)
		heldUp(t, db, "api_token", func() {
			if _, err := tokens.Actor(t.Context(), secret); err != nil {
				t.Error(err)
			}
		})
		heldUp(t, db, "session", func() {
			if _, ok, err := sessions.Actor(t.Context(), r); !ok || err != nil {
				t.Error(ok, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := sessions.WriteUse(ctx); err == nil {
				t.Error("the use of a session was written by a writer that is taken")
			}
		})
		clock.Add(defaultIdle - time.Minute) // after the use, and more than that after the sign-in
		if _, ok, err := sessions.Actor(t.Context(), r); !ok || err != nil {
			t.Errorf("a session whose use waits to be written ended as idle: %v", err)
		}
		for range 2 { // what is written is not written again
			if err := errors.Join(tokens.WriteUse(t.Context()), sessions.WriteUse(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if len(tokens.used.at)+len(sessions.used.at) > 0 {
			t.Errorf("%v and %v are left", tokens.used.at, sessions.used.at)
		}
		l, err := tokens.List(t.Context(), accesstest.Root, true, store.Page{})
		if err != nil || len(l.Items) != 1 || l.Items[0].LastUsed == nil || !l.Items[0].LastUsed.Equal(accesstest.Noon.Add(time.Hour)) {
			t.Errorf("got %+v, %v", l.Items, err)
		}
	})
}
