// Package signin is how people and programs show who they are: by passwords, one-time links, sessions and API tokens.
package signin

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Accounts are how people prove who they are: by a password, and by one-time links that let them choose one. It is safe for
// concurrent use.
//
// Guessing is slowed down three times: by network address and by link in the memory of this replica, and by account in the
// database. Where a person has signed in before counts for itself, so that whoever guesses from elsewhere, or guesses at
// others from the same address, keeps nobody out.
type Accounts struct {
	DB        *store.DB
	Now       func() time.Time
	Log       *slog.Logger
	Directory *access.Directory
	Sessions  *Sessions
	URL       func() string // where people reach the console, such as https://souk.example.com

	cost      cost // of hashes; the zero value is presentCost
	hashing   hashing
	decoy     func() string // guarded by lock while it is made; the hash of nobody's password
	lock      sync.Mutex
	addresses *meter // guarded by lock while it is made
	settled   atomic.Bool
}

// signInsPerAddress is for places where nobody of that name has signed in before: a company's first morning behind one
// address passes, somebody who tries a list of accounts does not.
var signInsPerAddress = allowance{burst: 30, every: 2 * time.Second}

func (a *Accounts) byAddress() *meter {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.addresses == nil {
		a.addresses = &meter{allowance: signInsPerAddress}
	}
	return a.addresses
}

// wrongPassword is what a sign-in is told, whether or not there is such a person.
func wrongPassword() error {
	return fault.New(fault.Unauthenticated, "wrong_password", "the e-mail address or the password is wrong").
		Fix("check both and try again; an administrator can give you a link to choose a new password")
}

// login is what is known of an account that somebody wants to sign in to.
type login struct {
	personID access.PersonID // empty where there is no such person
	password
	active  bool
	known   bool // somebody signed in to this account from this place before
	account []byte
}

// password is one as it is stored.
type password struct {
	hash   string           // empty where there is none
	made   access.Identity  // who made the link that it was chosen by, if that was another person
	makers access.PersonIDs // all who may be behind that link, besides the person
}

func scanLogin(row store.Row) (l login, err error) {
	err = row.Scan(&l.personID, &l.active, &l.hash, &l.made.Email, &l.made.ID, &l.makers)
	return l, err
}

// SignIn opens a session for whoever knows the password. The caller sets the cookie.
func (a *Accounts) SignIn(ctx context.Context, r *http.Request, email, password string) (*http.Cookie, access.Actor, error) {
	email, err := access.Email("email", email)
	if err != nil || utf8.RuneCountInString(password) > maxPassword || !utf8.ValidString(password) {
		return nil, access.Actor{}, wrongPassword() // which it cannot be; not worth a count
	}
	place := placeOf(r.RemoteAddr)
	l, err := a.prove(ctx, email, place, password)
	if err != nil {
		return nil, access.Actor{}, err
	}
	return a.Sessions.open(ctx, r, func(ctx context.Context, tx *store.Tx) (Token, error) {
		return l.letting(l.personID), a.admit(ctx, tx, l, email, place)
	})
}

// letting is what opens a session of a person by the password. Such a session is marked with who may have chosen that, but has no
// makers: its person may have changed the password (ADR 0037).
func (p password) letting(id access.PersonID) Token {
	return Token{AsID: id, Scope: access.ScopeAll, MadeBy: p.made.Email, MadeByID: p.made.ID, choosers: p.makers}
}

// prove tells whether the password is that of the account. The attempt is counted before the password is looked at, so that
// many at once count as many; admit takes it back.
func (a *Accounts) prove(ctx context.Context, email, place, password string) (l login, err error) {
	now := a.Now()
	err = a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		l, err = readLogin(ctx, tx, email, place)
		return err
	})
	if err != nil {
		return login{}, err
	}
	if !l.known && place != "" {
		if wait := a.byAddress().take(place, now); wait > 0 {
			return login{}, tooMany429(wait, "too many attempts to sign in from your network")
		}
	}
	if err := a.count(ctx, l, email, now); err != nil {
		return login{}, err
	}
	right := false
	err = a.hashing.do(ctx, func() { right = a.verify(l.hash, password) })
	if err != nil {
		return login{}, err
	}
	if !right || !l.active {
		return login{}, wrongPassword()
	}
	if !l.known && place != "" {
		a.byAddress().giveBack(place)
	}
	if parsed, err := parsePassword(l.hash); err == nil && parsed.cost != a.present() {
		err := a.hashing.do(ctx, func() { l.hash = hashPassword(password, a.present()) })
		if err != nil {
			return login{}, err
		}
	}
	return l, nil
}

func (a *Accounts) present() cost {
	if a.cost == (cost{}) {
		return presentCost
	}
	return a.cost
}

// verify tells whether the hash is that of the password. Where there is none, nobody's is looked at, so that its absence takes
// as long.
func (a *Accounts) verify(hash, password string) bool {
	parsed, err := parsePassword(hash)
	if err != nil {
		if parsed, err = parsePassword(a.nobodys()); err == nil {
			parsed.matches(password)
		}
		return false
	}
	return parsed.matches(password)
}

func (a *Accounts) nobodys() string {
	a.lock.Lock()
	if a.decoy == nil {
		a.decoy = sync.OnceValue(func() string { return hashPassword(store.NewID(), a.present()) })
	}
	decoy := a.decoy
	a.lock.Unlock()
	return decoy()
}

func readLogin(ctx context.Context, tx *store.Tx, email, place string) (login, error) {
	l, ok, err := store.One(ctx, tx, scanLogin, `SELECT p.id, p.active AND NOT p.agent, COALESCE(w.hash, ''), COALESCE(w.made_by, ''), COALESCE(w.made_by_id, ''),
		COALESCE(w.makers, '') FROM person p LEFT JOIN password w ON w.person_id = p.id WHERE p.email = $1`, email)
	if err != nil {
		return login{}, fault.Wrap("read password", err)
	}
	if ok && place != "" {
		_, l.known, err = store.One(ctx, tx, store.ScanString, `SELECT address FROM sign_in_place WHERE person_id = $1 AND address = $2`, l.personID, place)
		if err != nil {
			return login{}, fault.Wrap("read places of sign-in", err)
		}
	}
	account := email
	if l.known {
		account += "\n" + place
	}
	sum := sha256.Sum256([]byte(account))
	l.account = sum[:]
	return l, nil
}

// count writes one more failure of the account, or refuses the attempt while the account rests.
func (a *Accounts) count(ctx context.Context, l login, email string, now time.Time) error {
	var wait time.Duration
	err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sign_in_failure WHERE last_at < $1`, store.Micros(now.Add(-failuresCount))); err != nil {
			return fault.Wrap("forget failures to sign in", err)
		}
		// First a row to lock: of many first attempts at once, each is to see those before.
		if _, err := tx.Exec(ctx, `INSERT INTO sign_in_failure (account, failures, last_at) VALUES ($1, 0, $2) ON CONFLICT (account) DO NOTHING`,
			l.account, store.Micros(now)); err != nil {
			return fault.Wrap("count failure to sign in", err)
		}
		was, _, err := store.One(ctx, tx, scanFailed, `SELECT failures, last_at, untold, told_at FROM sign_in_failure WHERE account = $1`+tx.ForUpdate(), l.account)
		if err != nil {
			return fault.Wrap("read failures to sign in", err)
		}
		told := was.telling(now) // those before: whether this is one is not known yet
		var next failed
		next, wait = was.again(now)
		if next == was && told == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE sign_in_failure SET failures = $2, last_at = $3, untold = $4, told_at = $5, person_id = $6 WHERE account = $1`,
			l.account, next.count, store.Micros(next.last), next.untold, store.Micros(next.told), l.personID); err != nil {
			return fault.Wrap("count failure to sign in", err)
		}
		if told > 0 && l.personID != "" {
			return tellGuesses(ctx, tx, email, told, now)
		}
		return nil
	})
	if err == nil && wait > 0 {
		return tooMany429(wait, "too many attempts to sign in with this address")
	}
	return err
}

func tellGuesses(ctx context.Context, tx *store.Tx, email string, failures int64, now time.Time) error {
	return access.Change{By: access.System("access"), At: now}.Append(ctx, tx, audit.PersonGuessedAt, "person:"+email, nil,
		map[string]any{"failures": failures})
}

// attemptEnds is how long after an attempt it is known at the latest whether that failed.
const attemptEnds = time.Minute

// TellGuesses tells the audit log of failures to sign in after which nobody tried again, once an hour an account. One process at a
// time runs it, every minute or so.
func (a *Accounts) TellGuesses(ctx context.Context) error {
	now := a.Now()
	type guessed struct {
		failed
		account []byte
		email   string
	}
	var all []guessed
	err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, func(row store.Row) (g guessed, err error) {
			var told int64
			err = row.Scan(&g.account, &g.untold, &told, &g.email)
			g.told = store.Time(told)
			return g, err
		}, `SELECT f.account, f.untold, f.told_at, p.email FROM sign_in_failure f JOIN person p ON p.id = f.person_id
			WHERE f.untold > 0 AND f.told_at <= $1 AND f.last_at <= $2 LIMIT 1000`,
			store.Micros(now.Add(-tellEvery)), store.Micros(now.Add(-attemptEnds)))
		return err
	})
	if err != nil {
		return fault.Wrap("look for failures to sign in", err)
	}
	for _, g := range all {
		if err := a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			told, err := tx.Exec(ctx, `UPDATE sign_in_failure SET untold = 0, told_at = $1 WHERE account = $2 AND untold = $3 AND told_at = $4`,
				store.Micros(now), g.account, g.untold, store.Micros(g.told))
			if err != nil || told == 0 { // somebody tried again meanwhile, which tells of it
				return fault.Wrap("tell of failures to sign in", err)
			}
			return tellGuesses(ctx, tx, g.email, g.untold, now)
		}); err != nil {
			return err
		}
	}
	return nil
}

func scanFailed(row store.Row) (f failed, err error) {
	var last, told int64
	err = row.Scan(&f.count, &last, &f.untold, &told)
	f.last, f.told = store.Time(last), store.Time(told)
	return f, err
}

// admit is a step after the password was right: its person may still sign in by it, and the attempt was no failure.
func (a *Accounts) admit(ctx context.Context, tx *store.Tx, l login, email, place string) error {
	now := a.Now()
	present, err := readLogin(ctx, tx, email, "")
	if err != nil {
		return err
	}
	if present.personID != l.personID || !present.active || present.hash == "" {
		return wrongPassword()
	}
	if present.hash != l.hash { // hashed anew at the present cost, or changed by somebody in between
		was, err := parsePassword(present.hash)
		if err != nil || was.cost == a.present() {
			return wrongPassword()
		}
		if _, err := tx.Exec(ctx, `UPDATE password SET hash = $1 WHERE person_id = $2 AND hash = $3`, l.hash, l.personID, present.hash); err != nil {
			return fault.Wrap("rehash password", err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE sign_in_failure SET failures = 0, untold = untold - 1 WHERE account = $1 AND untold > 0`, l.account); err != nil {
		return fault.Wrap("forget failures to sign in", err)
	}
	return rememberPlace(ctx, tx, l.personID, place, now)
}

// placesFor is how long it is remembered where somebody signed in from.
const placesFor = 90 * 24 * time.Hour

func rememberPlace(ctx context.Context, tx *store.Tx, personID access.PersonID, place string, now time.Time) error {
	if place == "" {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sign_in_place WHERE last_at < $1`, store.Micros(now.Add(-placesFor))); err != nil {
		return fault.Wrap("forget places of sign-in", err)
	}
	_, err := tx.Exec(ctx, `INSERT INTO sign_in_place (person_id, address, last_at) VALUES ($1, $2, $3)
		ON CONFLICT (person_id, address) DO UPDATE SET last_at = $3`, personID, place, store.Micros(now))
	return fault.Wrap("remember place of sign-in", err)
}

// ChangePassword replaces one's own password, ends one's other sessions and voids links that would set another.
func (a *Accounts) ChangePassword(ctx context.Context, by access.Actor, r *http.Request, current, wanted string) error {
	if err := access.Can(by, access.SessionManage, access.Scope{Person: by.Identity()}); err != nil {
		return err
	}
	if by.Credential.Kind != access.CredentialSession || by.PersonID == "" || by.TokenScope != access.ScopeAll {
		return fault.New(fault.Forbidden, "session_needed", "a password is changed by its person, signed in by a browser").
			Fix("sign in to the console and change it there")
	}
	if err := checkPassword(wanted, by.Email, by.Name); err != nil {
		return at(err, "new")
	}
	if wanted == current {
		return fault.New(fault.Invalid, "same_password", "the new password is the present one").At("new").Fix("choose another one")
	}
	place := placeOf(r.RemoteAddr)
	l, err := a.prove(ctx, by.Email, place, current)
	if fault.Is(err, fault.Unauthenticated) {
		return fault.New(fault.Unprocessable, "wrong_password", "the present password is wrong").At("current").
			Fix("type the one that you signed in with; an administrator can give you a link to choose a new one")
	}
	if err != nil {
		return err
	}
	var hash string
	if err := a.hashing.do(ctx, func() { hash = hashPassword(wanted, a.present()) }); err != nil {
		return err
	}
	return a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := a.admit(ctx, tx, l, by.Email, place); err != nil {
			return err
		}
		c := access.Change{By: by, At: a.Now()}
		chosen := password{hash: hash, made: l.made, makers: l.makers.With(by.Behind().Without(by.PersonID))}
		if by.Foreign() {
			chosen.made = by.Maker(by.Identity())
		}
		if err := chosen.replace(ctx, tx, c, by.PersonID, by.Credential.ID); err != nil {
			return err
		}
		return c.Append(ctx, tx, audit.PersonPasswordChanged, "person:"+by.Email, nil, map[string]any{"other_sessions": "ended"})
	})
}

// at moves a fault to another field.
func at(err error, field string) error {
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // made in this package
		return f.At(field)
	}
	return err
}

// replace is a step: the person's password from now on, the end of their sessions except one, and of links that would set another.
func (p password) replace(ctx context.Context, tx *store.Tx, c access.Change, personID access.PersonID, keepSession string) error {
	if _, err := tx.Exec(ctx, `INSERT INTO password (person_id, hash, changed_at, made_by, made_by_id, makers) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (person_id) DO UPDATE SET hash = $2, changed_at = $3, made_by = $4, made_by_id = $5, makers = $6`,
		personID, p.hash, store.Micros(c.At), p.made.Email, p.made.ID, p.makers); err != nil {
		return fault.Wrap("write password", err)
	}
	if err := access.Joined(ctx, tx, personID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM session WHERE person_id = $1 AND id <> $2`, personID, keepSession); err != nil {
		return fault.Wrap("end sessions", err)
	}
	tx.Announce(access.Topic)
	return voidLinks(ctx, tx, c.At, personID)
}

// Standing tells whether the actor has a password, and whether nobody is an administrator yet.
func (a *Accounts) Standing(ctx context.Context, by access.Actor) (hasPassword, setUp bool, err error) {
	if by.PersonID == "" && a.settled.Load() {
		return false, false, nil
	}
	err = a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if by.PersonID != "" {
			_, hasPassword, err = store.One(ctx, tx, store.ScanString, `SELECT person_id FROM password WHERE person_id = $1`, by.PersonID)
			if err != nil {
				return fault.Wrap("read password", err)
			}
		}
		if !a.settled.Load() {
			admins, err := access.Admins(ctx, tx)
			if err != nil {
				return err
			}
			setUp = len(admins) == 0
			a.settled.Store(!setUp) // the last administrator cannot be lost
		}
		return nil
	})
	return hasPassword, setUp, err
}

// clip makes foreign text one line that can be shown, of at most n bytes.
func clip(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || fault.Deceptive(r) {
			return -1
		}
		return r
	}, text)
	return fault.Clip(text, n)
}
