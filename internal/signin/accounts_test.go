package signin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

const (
	phrase  = "lamp trellis onion"
	another = "gravel sunday kettle"
	office  = "192.0.2.7:4000"
	distant = "203.0.113.9:4000"
)

// accounts is the company with accounts, and alice's password set.
func accounts(t *testing.T, db *store.DB) (*Accounts, *accesstest.Wall) {
	t.Helper()
	d := directory(db)
	accesstest.Company(t, d)
	clock := &accesstest.Wall{At: accesstest.Noon}
	d.Now = clock.Now
	a := &Accounts{
		DB: db, Now: clock.Now, Directory: d, Sessions: &Sessions{DB: db, Now: clock.Now},
		URL: func() string { return "https://souk.hyfin.example" }, cost: cost{memory: 64, passes: 1, threads: 1},
	}
	a.setPassword(t, accesstest.Alice, phrase)
	return a, clock
}

// setPassword gives the person a password by a link, from an address of its own.
func (a *Accounts) setPassword(t *testing.T, email, password string) *http.Cookie {
	t.Helper()
	link, err := a.ResetLink(t.Context(), accesstest.Root, email)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := a.UseLink(t.Context(), from("198.51.100.1:1"), LinkUse{Secret: secretOf(t, link), Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// secretOf is what follows # in a link.
func secretOf(t *testing.T, link NewLink) string {
	t.Helper()
	secret, ok := strings.CutPrefix(link.Link, "https://souk.hyfin.example/join#")
	if !ok {
		t.Fatalf("the link is %q", link.Link)
	}
	return secret
}

// from is a request from a network address.
func from(address string, cookies ...*http.Cookie) *http.Request {
	r := request(cookies...)
	r.RemoteAddr = address
	return r
}

func (a *Accounts) signIn(t *testing.T, address, email, password string) error {
	t.Helper()
	_, _, err := a.SignIn(t.Context(), from(address), email, password)
	return err
}

func TestPasswordSignsInItsPersonAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		c, by, err := a.SignIn(t.Context(), from(office), " Alice@hyfin.example ", phrase)
		if err != nil || by.Email != accesstest.Alice || !by.In("team-lunch") || by.Credential.Kind != "session" || !signedIn(t, a.Sessions, c) {
			t.Fatalf("got %+v, %v", by, err)
		}
		has, setUp, err := a.Standing(t.Context(), by)
		if err != nil || !has || setUp {
			t.Errorf("has a password: %v, in set-up: %v, %v", has, setUp, err)
		}
		// Whatever is wrong, the words are the same.
		accesstest.Person(t, a.Directory, "robot@hyfin.example", access.PersonSpec{Agent: true})
		no := false
		a.setPassword(t, "pat@hyfin.example", another)
		accesstest.Person(t, a.Directory, "pat@hyfin.example", access.PersonSpec{DisplayName: "pat", Active: &no})
		want := accesstest.WantFault(t, wrongPassword(), fault.Unauthenticated, "wrong_password")
		for email, password := range map[string]string{
			accesstest.Alice: "wrong", "nobody@hyfin.example": phrase, "ada@hyfin.example": phrase, "robot@hyfin.example": phrase, "pat@hyfin.example": another,
			"' OR 1=1": phrase, "": phrase, "bob@hyfin.example": strings.Repeat("x", 201), "eve@hyfin.example": "\xff",
		} {
			got := accesstest.WantFault(t, a.signIn(t, office, email, password), fault.Unauthenticated, "wrong_password")
			if diff := cmp.Diff(want.Message+want.Remediation+want.Field, got.Message+got.Remediation+got.Field); diff != "" {
				t.Errorf("%q: %s", email, diff)
			}
		}
	})
}

func TestHashOfAnotherCostIsMadeAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		stored := func() string {
			return accesstest.Read(t, db, func(ctx context.Context, tx *store.Tx) (string, error) {
				hash, _, err := store.One(ctx, tx, store.ScanString, `SELECT hash FROM password`)
				return hash, err
			})
		}
		old := hashPassword(phrase, cheap)
		if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE password SET hash = $1`, old)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		accesstest.WantFault(t, a.signIn(t, office, accesstest.Alice, another), fault.Unauthenticated, "wrong_password")
		if stored() != old {
			t.Error("a wrong password changed the hash")
		}
		for range 2 {
			if err := a.signIn(t, office, accesstest.Alice, phrase); err != nil {
				t.Fatal(err)
			}
			h, err := parsePassword(stored())
			if err != nil || h.cost != a.cost || !h.matches(phrase) {
				t.Errorf("kept as %q, %v", stored(), err)
			}
		}
	})
}

func TestGuessingAtAnAccountEndsSoonAndLastsOverReplicas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		if err := a.signIn(t, office, accesstest.Alice, phrase); err != nil { // she works here
			t.Fatal(err)
		}
		for _, email := range []string{accesstest.Alice, "nobody@hyfin.example"} { // who exists cannot be told from who does not
			var codes []string
			for i := range 20 {
				b := a
				if i%2 == 1 { // another replica, which remembers nothing itself
					b = &Accounts{DB: a.DB, Now: a.Now, Directory: a.Directory, Sessions: a.Sessions, URL: a.URL, cost: a.cost}
				}
				err := b.signIn(t, fmt.Sprintf("203.0.113.%d:1", i), email, "a guess of many words")
				codes = append(codes, string(fault.Of(err)))
			}
			got := strings.Join(codes, " ")
			want := strings.Repeat("unauthenticated ", freeFailures) + strings.TrimSpace(strings.Repeat("too_many ", 20-freeFailures))
			if got != want {
				t.Errorf("%s: got %s", email, got)
			}
		}
		// The right password is refused as well while it rests, or the wait would tell nothing.
		e := accesstest.WantFault(t, a.signIn(t, distant, accesstest.Alice, phrase), fault.TooMany, "too_many_attempts")
		if e.RetryAfter != firstWait {
			t.Errorf("try again after %s", e.RetryAfter)
		}
		// Where she signed in before, she is not kept out.
		if err := a.signIn(t, office, accesstest.Alice, phrase); err != nil {
			t.Errorf("the guesser keeps alice out: %v", err)
		}
		// Nor are others, anywhere.
		a.setPassword(t, "pat@hyfin.example", another)
		if err := a.signIn(t, distant, "pat@hyfin.example", another); err != nil {
			t.Errorf("the guesser keeps pat out: %v", err)
		}
		clock.Add(firstWait)
		if err := a.signIn(t, distant, accesstest.Alice, phrase); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		for range 3 { // success forgets the failures
			accesstest.WantFault(t, a.signIn(t, "203.0.113.77:1", accesstest.Alice, "a guess of many words"), fault.Unauthenticated, "wrong_password")
		}
		// They are told once an hour, whatever happens between.
		told := count(accesstest.Events(t, db), "person.guessed_at")
		for range 8 {
			clock.Add(longestWait)
			_ = a.signIn(t, distant, "ada@hyfin.example", "a guess of many words")
		}
		if now := count(accesstest.Events(t, db), "person.guessed_at") - told; now != 2 {
			t.Errorf("guesses of two hours are told %d times", now)
		}
		clock.Add(time.Hour)
		if err := a.signIn(t, distant, accesstest.Alice, phrase); err != nil {
			t.Fatal(err)
		}
		told = count(accesstest.Events(t, db), "person.guessed_at")
		for range 3 {
			_ = a.signIn(t, distant, accesstest.Alice, "a guess of many words")
			if err := a.signIn(t, distant, accesstest.Alice, phrase); err != nil {
				t.Fatal(err)
			}
		}
		if now := count(accesstest.Events(t, db), "person.guessed_at") - told; now != 1 {
			t.Errorf("guesses between successes are told %d times in the same hour", now)
		}
		clock.Add(time.Hour)
		if err := a.signIn(t, distant, accesstest.Alice, phrase); err != nil {
			t.Fatal(err)
		}
		if now := count(accesstest.Events(t, db), "person.guessed_at") - told; now != 2 {
			t.Errorf("guesses of the hour before are told %d times", now)
		}
		clock.Add(time.Hour)
		if err := a.signIn(t, distant, accesstest.Alice, phrase); err != nil {
			t.Fatal(err)
		}
		if now := count(accesstest.Events(t, db), "person.guessed_at") - told; now != 2 {
			t.Error("signing in is told as a failure")
		}
	})
}

func count(all []string, name string) (n int) {
	for _, s := range all {
		if s == name {
			n++
		}
	}
	return n
}

func TestManyGuessesAtOnceAreCountedEach(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		var wrong int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if err := a.signIn(t, distant, accesstest.Alice, "a guess of many words"); fault.Is(err, fault.Unauthenticated) {
					mu.Lock()
					wrong++
					mu.Unlock()
				} else if !fault.Is(err, fault.TooMany) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if wrong != freeFailures {
			t.Errorf("%d of 30 guesses were looked at, want %d", wrong, freeFailures)
		}
	})
}

func TestSprayingFromOneAddressIsSlowedAndFairToNeighbours(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		if err := a.signIn(t, office, accesstest.Alice, phrase); err != nil {
			t.Fatal(err)
		}
		refused := 0
		for i := range 60 {
			if fault.Is(a.signIn(t, office, fmt.Sprintf("person%d@hyfin.example", i), "Welcome to 2026!"), fault.TooMany) {
				refused++
			}
		}
		if refused != 60-signInsPerAddress.burst {
			t.Errorf("%d of 60 refused", refused)
		}
		if err := a.signIn(t, office, accesstest.Alice, phrase); err != nil {
			t.Errorf("alice, who signed in there before, is kept out: %v", err)
		}
		a.setPassword(t, "pat@hyfin.example", another)
		accesstest.WantFault(t, a.signIn(t, office, "pat@hyfin.example", another), fault.TooMany, "too_many_attempts")
		if err := a.signIn(t, distant, "pat@hyfin.example", another); err != nil {
			t.Errorf("pat is kept out elsewhere: %v", err)
		}
		clock.Add(signInsPerAddress.every)
		if err := a.signIn(t, office, "pat@hyfin.example", another); err != nil {
			t.Errorf("pat still waits: %v", err)
		}
	})
}

func TestSignInByPasswordRenewsTheSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		planted := signIn(t, a.Sessions, "pat@hyfin.example")
		c, _, err := a.SignIn(t.Context(), from(office, planted), accesstest.Alice, phrase)
		if err != nil || c.Value == planted.Value || signedIn(t, a.Sessions, planted) || !signedIn(t, a.Sessions, c) {
			t.Errorf("the secret from before sign-in still signs in; %v", err)
		}
		failed := signIn(t, a.Sessions, "pat@hyfin.example")
		if _, _, err := a.SignIn(t.Context(), from(office, failed), accesstest.Alice, another); err == nil || !signedIn(t, a.Sessions, failed) {
			t.Errorf("a wrong password signs out whoever is in; %v", err)
		}
	})
}

func TestChangedPasswordEndsOtherSessionsAndLinks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		other, _, err := a.SignIn(t.Context(), from(distant), accesstest.Alice, phrase)
		if err != nil {
			t.Fatal(err)
		}
		mine, by, err := a.SignIn(t.Context(), from(office), accesstest.Alice, phrase)
		if err != nil {
			t.Fatal(err)
		}
		link, err := a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice)
		if err != nil {
			t.Fatal(err)
		}
		change := func(by access.Actor, current, wanted string) error {
			return a.ChangePassword(t.Context(), by, from(office, mine), current, wanted)
		}
		accesstest.WantFault(t, change(by, another, "another three words"), fault.Unprocessable, "wrong_password")
		accesstest.WantFault(t, change(by, phrase, phrase), fault.Invalid, "same_password")
		if e := accesstest.WantFault(t, change(by, phrase, "short"), fault.Invalid, "password_too_short"); e.Field != "new" {
			t.Errorf("the finding is at %q", e.Field)
		}
		token := by
		token.Credential.Kind = access.CredentialToken
		accesstest.WantFault(t, change(token, phrase, another), fault.Forbidden, "session_needed")
		narrow := by
		narrow.TokenScope = access.ScopeRead
		accesstest.WantFault(t, change(narrow, phrase, another), fault.Forbidden, "token_scope")
		accesstest.WantFault(t, change(accesstest.Root, phrase, another), fault.Forbidden, "session_needed")
		if !signedIn(t, a.Sessions, other) {
			t.Fatal("a refused change ended a session")
		}
		if err := change(by, phrase, another); err != nil {
			t.Fatal(err)
		}
		if signedIn(t, a.Sessions, other) || !signedIn(t, a.Sessions, mine) {
			t.Error("the wrong sessions lasted")
		}
		accesstest.WantFault(t, a.signIn(t, office, accesstest.Alice, phrase), fault.Unauthenticated, "wrong_password")
		if err := a.signIn(t, office, accesstest.Alice, another); err != nil {
			t.Error(err)
		}
		_, err = a.ReadLink(t.Context(), from(office), secretOf(t, link))
		accesstest.WantFault(t, err, fault.Conflict, "link_void")
		for range freeFailures { // whoever finds an open browser guesses no faster
			_ = change(by, "a guess of many words", "another three words")
		}
		accesstest.WantFault(t, change(by, another, "another three words"), fault.TooMany, "too_many_attempts")
	})
}

func TestDistrustedTokensAreSlowedByAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		clock := &accesstest.Wall{At: accesstest.Noon}
		tokens := &Tokens{DB: db, Now: clock.Now}
		var secrets []string
		for range 2 {
			_, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeAll})
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, secret)
		}
		use := func(address, secret string) error {
			_, err := tokens.Recognize(t.Context(), from(address), secret)
			return err
		}
		if err := use(office, secrets[0]); err != nil {
			t.Fatal(err)
		}
		for i := range badTokens.burst {
			guess, _ := access.NewSecret(tokenPrefix)
			if i%2 == 0 {
				guess = "nonsense"
			}
			accesstest.WantFault(t, use(office, guess), fault.Unauthenticated, "bad_token")
		}
		accesstest.WantFault(t, use(office, "souk_"+strings.Repeat("A", 43)), fault.TooMany, "too_many_attempts")
		if err := use(office, secrets[0]); err != nil {
			t.Errorf("a job that runs beside the guesser is kept out: %v", err)
		}
		if err := use(distant, secrets[1]); err != nil {
			t.Errorf("others are kept out: %v", err)
		}
		if err := use("@", "nonsense"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the local socket: %v", err)
		}
		clock.Add(2 * time.Second)
		if err := use(office, secrets[1]); err != nil {
			t.Errorf("after a while: %v", err)
		}
		// Remembered as good is not good for ever.
		token, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: accesstest.Alice, Scope: access.ScopeAll})
		if err != nil || use(office, secret) != nil {
			t.Fatal(err)
		}
		if _, err := tokens.Revoke(t.Context(), accesstest.Root, token.ID, 0); err != nil {
			t.Fatal(err)
		}
		accesstest.WantFault(t, use(office, secret), fault.Unauthenticated, "bad_token")
	})
}
