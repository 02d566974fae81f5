package signin

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/access/accesstest"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// desk is an office with max, an administrator, and alice, who operates and acts by a session, a token, or a session by that token.
type desk struct {
	db       *store.DB
	accounts *Accounts
	tokens   *Tokens
	token    Token
	by       map[string]access.Actor // by the way in which alice signed in
}

func newDesk(t *testing.T, db *store.DB) desk {
	t.Helper()
	a, clock := accounts(t, db)
	accesstest.Group(t, a.Directory, "operators", access.GroupSpec{Roles: []access.Role{access.Operator}, Members: []string{accesstest.Alice}})
	d := desk{db: db, accounts: a, tokens: &Tokens{DB: db, Now: clock.Now}, by: map[string]access.Actor{}}
	end := accesstest.Noon.Add(time.Hour)
	token, secret, err := d.tokens.Create(t.Context(), accesstest.Actor(t, db, accesstest.Alice), TokenSpec{Scope: access.ScopeAll, ExpiresAt: &end})
	if err != nil {
		t.Fatal(err)
	}
	d.token = token
	if d.by["token"], err = d.tokens.Actor(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if _, d.by["session"], err = a.Sessions.SignIn(t.Context(), request(), accesstest.Alice); err != nil {
		t.Fatal(err)
	}
	if _, d.by["session by token"], err = a.Sessions.SignInWithToken(t.Context(), request(), secret); err != nil {
		t.Fatal(err)
	}
	return d
}

// act is a write of the actor, recognized before, that runs also.
func (d desk) act(ctx context.Context, by access.Actor, also func(ctx context.Context, tx *store.Tx) error) error {
	ctx = store.Guard(ctx, func(ctx context.Context, tx *store.Tx) error { return d.accounts.Sessions.Still(ctx, tx, by) })
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		_, err := audit.Append(ctx, tx, by.Event(audit.FlagTagged, accesstest.Noon))
		return err
	})
}

func nothing(context.Context, *store.Tx) error { return nil }

// losses is every way in which a right ends while a call is on its way, by what the caller acts with.
var losses = []struct {
	name string
	ways []string
	lose func(t *testing.T, d desk) error
	code string
}{
	{"the token is revoked", []string{"token", "session by token"}, func(t *testing.T, d desk) error {
		_, err := d.tokens.Revoke(t.Context(), accesstest.Root, d.token.ID, 0)
		return err
	}, "credential_ended"},
	{"the token expires", []string{"token", "session by token"}, func(_ *testing.T, d desk) error {
		d.accounts.Sessions.Now = func() time.Time { return accesstest.Noon.Add(2 * time.Hour) }
		return nil
	}, "credential_ended"},
	{"the session is ended", []string{"session"}, func(t *testing.T, d desk) error {
		return d.accounts.Sessions.End(t.Context(), accesstest.Root, d.by["session"].Credential.ID)
	}, "credential_ended"},
	{"the person is signed out everywhere", []string{"session", "session by token"}, func(t *testing.T, d desk) error {
		_, err := d.accounts.Sessions.SignOutEverywhere(t.Context(), accesstest.Root, accesstest.Alice)
		return err
	}, "credential_ended"},
	{"the password is reset", []string{"session", "session by token"}, func(t *testing.T, d desk) error {
		d.accounts.setPassword(t, accesstest.Alice, another)
		return nil
	}, "credential_ended"},
	{"the person is disabled", []string{"session", "token", "session by token"}, func(t *testing.T, d desk) error {
		no := false
		_, _, err := d.accounts.Directory.PutPerson(t.Context(), accesstest.Root, accesstest.Alice, access.PersonSpec{Active: &no}, 0)
		return err
	}, "credential_ended"},
	{"the person becomes an agent", []string{"session", "token", "session by token"}, func(t *testing.T, d desk) error {
		_, _, err := d.accounts.Directory.PutPerson(t.Context(), accesstest.Root, accesstest.Alice, access.PersonSpec{Agent: true}, 0)
		return err
	}, "rights_changed"},
	{"the group loses the role", []string{"session", "token", "session by token"}, func(t *testing.T, d desk) error {
		_, _, err := d.accounts.Directory.PutGroup(t.Context(), accesstest.Root, "operators", access.GroupSpec{}, 0)
		return err
	}, "rights_changed"},
	{"the person leaves the group", []string{"session", "token", "session by token"}, func(t *testing.T, d desk) error {
		_, _, err := d.accounts.Directory.PutGroup(t.Context(), accesstest.Root, "operators",
			access.GroupSpec{Roles: []access.Role{access.Operator}, Members: []string{}}, 0)
		return err
	}, "rights_changed"},
	{"the group is deleted", []string{"session", "token", "session by token"}, func(t *testing.T, d desk) error {
		return d.accounts.Directory.DeleteGroup(t.Context(), accesstest.Root, "operators", 0)
	}, "rights_changed"},
}

func TestRightsOfACallAreThoseAtItsCommit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for way, by := range d.by {
			if err := d.act(t.Context(), by, nothing); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			accesstest.Group(t, d.accounts.Directory, "more", access.GroupSpec{Roles: []access.Role{access.Auditor}, Members: []string{accesstest.Alice}})
			if err := d.act(t.Context(), by, nothing); err != nil {
				t.Errorf("%s: whoever got more rights is refused: %v", way, err)
			}
		}
	})
	if len(losses) != 10 {
		t.Errorf("%d losses, want 10", len(losses))
	}
	for _, loss := range losses {
		t.Run(loss.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := newDesk(t, db)
				if err := loss.lose(t, d); err != nil {
					t.Fatal(err)
				}
				for _, way := range loss.ways {
					kind := fault.Unauthenticated
					if loss.code == "rights_changed" {
						kind = fault.Forbidden
					}
					accesstest.WantFault(t, d.act(t.Context(), d.by[way], nothing), kind, loss.code)
				}
				if slices.Contains(accesstest.Events(t, db), audit.FlagTagged.String()) {
					t.Error("it was done")
				}
			})
		})
	}
}

// The loss begins while the act is in its transaction: it waits, and stands behind the act in the log.
func TestALossOfRightsAndAnActHaveOneOrder(t *testing.T) {
	t.Parallel()
	for _, loss := range losses {
		if loss.name == "the token expires" || loss.name == "the password is reset" {
			continue // time waits for nobody; the test's own helper ends the test, which only the test itself may
		}
		t.Run(loss.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := newDesk(t, db)
				lost := make(chan error, 1)
				began := false
				err := d.act(t.Context(), d.by[loss.ways[0]], func(ctx context.Context, tx *store.Tx) error {
					if !began {
						began = true
						go func() { lost <- loss.lose(t, d) }()
					}
					return waitedFor(ctx, tx, db)
				})
				if err := <-lost; err != nil {
					t.Fatal(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				events := accesstest.Events(t, db)
				if len(events) == 0 || events[len(events)-1] == audit.FlagTagged.String() || !slices.Contains(events, audit.FlagTagged.String()) {
					t.Errorf("got %v, want the loss behind the act", events)
				}
			})
		})
	}
}

// waitedFor returns once another transaction waits for this one. On SQLite all do, at the gate.
func waitedFor(ctx context.Context, tx *store.Tx, db *store.DB) error {
	if db.Engine() == store.SQLite {
		return nil
	}
	for waiting := 0; waiting == 0; {
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`).Scan(&waiting); err != nil {
			return err
		}
	}
	return nil
}

// makers is every verb by which a credential makes another, done by alice, whose own credential mallory made; each returns who is
// said to have made what came of it.
var makers = map[string]func(t *testing.T, d desk, by access.Actor, r *http.Request) (madeBy string){
	"Tokens.Create": func(t *testing.T, d desk, by access.Actor, _ *http.Request) string {
		token, _, err := d.tokens.Create(t.Context(), by, TokenSpec{Scope: access.ScopeAll})
		return made(t, token.MadeBy, err)
	},
	"Tokens.Rotate": func(t *testing.T, d desk, by access.Actor, _ *http.Request) string {
		token, _, err := d.tokens.Rotate(t.Context(), by, d.token.ID, access.Rotation{})
		return made(t, token.MadeBy, err)
	},
	"Sessions.SignInWithToken": func(t *testing.T, d desk, by access.Actor, _ *http.Request) string {
		_, secret, err := d.tokens.Create(t.Context(), by, TokenSpec{Scope: access.ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		_, opened, err := d.accounts.Sessions.SignInWithToken(t.Context(), request(), secret)
		return made(t, opened.Credential.MadeBy, err)
	},
	"Accounts.ChangePassword": func(t *testing.T, d desk, by access.Actor, r *http.Request) string {
		if err := d.accounts.ChangePassword(t.Context(), by, r, phrase, another); err != nil {
			t.Fatal(err)
		}
		_, opened, err := d.accounts.SignIn(t.Context(), from(office), accesstest.Alice, another)
		return made(t, opened.Credential.MadeBy, err)
	},
	"Accounts.ResetLink": func(t *testing.T, d desk, by access.Actor, _ *http.Request) string {
		accesstest.Group(t, d.accounts.Directory, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: []string{accesstest.Alice}})
		by = accesstest.Actor(t, d.db, accesstest.Alice)
		by.Credential.MadeBy = mallory
		link, err := d.accounts.ResetLink(t.Context(), by, "pat@hyfin.example")
		return useLink(t, d, link, err)
	},
	"Accounts.Invite": func(t *testing.T, d desk, by access.Actor, _ *http.Request) string {
		accesstest.Group(t, d.accounts.Directory, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: []string{accesstest.Alice}})
		by = accesstest.Actor(t, d.db, accesstest.Alice)
		by.Credential.MadeBy = mallory
		link, err := d.accounts.Invite(t.Context(), by, "pat@hyfin.example", Invitation{})
		return useLink(t, d, link, err)
	},
	"Accounts.UseLink": func(t *testing.T, d desk, _ access.Actor, _ *http.Request) string {
		by := accesstest.Actor(t, d.db, mallory)
		link, err := d.accounts.ResetLink(t.Context(), by, accesstest.Alice)
		return useLink(t, d, link, err)
	},
	"Accounts.SignIn": func(t *testing.T, d desk, _ access.Actor, _ *http.Request) string {
		by := accesstest.Actor(t, d.db, mallory)
		link, err := d.accounts.ResetLink(t.Context(), by, accesstest.Alice)
		useLink(t, d, link, err)
		_, opened, err := d.accounts.SignIn(t.Context(), from(office), accesstest.Alice, another)
		return made(t, opened.Credential.MadeBy, err)
	},
}

// mallory is an administrator, as ada is.
const mallory = "ada@hyfin.example"

func made(t *testing.T, madeBy string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return madeBy
}

// useLink sets the password another by the link, and returns who made the session that it opens.
func useLink(t *testing.T, d desk, link NewLink, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	_, by, err := d.accounts.UseLink(t.Context(), from(distant), LinkUse{Secret: secretOf(t, link), Password: another})
	return made(t, by.Credential.MadeBy, err)
}

func TestWhatACredentialMakesInheritsWhoMadeIt(t *testing.T) {
	t.Parallel()
	for name, mint := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := newDesk(t, db)
				by := d.by["session"]
				by.Credential.MadeBy = mallory
				want := mallory
				if name == "Accounts.ResetLink" || name == "Accounts.Invite" { // what is for another person is of who acts
					want = accesstest.Alice
				}
				if got := mint(t, d, by, from(office)); got != want {
					t.Errorf("made by %q, want %q", got, want)
				}
			})
		})
	}
}

// TestNoTokenBecomesSomebodysOwnByADetour makes tokens out of tokens, each with the one before, and looks whose own the last one is.
func TestNoTokenBecomesSomebodysOwnByADetour(t *testing.T) {
	t.Parallel()
	const ada, alice = mallory, accesstest.Alice
	for name, one := range map[string]struct {
		first access.Actor // who makes the first; else ada, in person
		as    []string
		own   bool
	}{
		"for another with one's own from the server": {accesstest.Root, []string{ada, alice}, false},
		"for oneself with one's own from the server": {accesstest.Root, []string{ada, ada}, true},
		"for another and back":                       {access.Actor{}, []string{alice, ada}, false},
		"for another and on for the same":            {access.Actor{}, []string{alice, alice}, false},
		"over two and back":                          {access.Actor{}, []string{alice, "pat@hyfin.example", ada}, false},
		"for oneself":                                {access.Actor{}, []string{ada, ada}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				d := newDesk(t, db)
				everybody := []string{ada, alice, "pat@hyfin.example"}
				accesstest.Group(t, d.accounts.Directory, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: everybody})
				by := one.first
				if by.Email == "" {
					by = accesstest.Actor(t, db, ada)
				}
				for _, as := range one.as {
					token, secret, err := d.tokens.Create(t.Context(), by, TokenSpec{As: as, Scope: access.ScopeAll})
					if err != nil {
						t.Fatal(err)
					}
					if by, err = d.tokens.Actor(t.Context(), secret); err != nil {
						t.Fatalf("%s: %v", token.ID, err)
					}
				}
				if by.Foreign() == one.own {
					t.Errorf("the last, of %s, is foreign: %t; %+v made it", by.Email, by.Foreign(), by.Credential)
				}
			})
		})
	}
}
