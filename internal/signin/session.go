package signin

import (
	"context"
	"database/sql"
	"net/http"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Cookie is the name of the session's cookie. Browsers take a __Host- cookie only with Secure, Path=/ and without Domain,
// so that no other host, such as that of a hosted app, can receive or set it. They take it on http://localhost, too.
const Cookie = "__Host-souk"

// How long sessions last unless said otherwise, and how often the last sight of one is written down.
const (
	defaultIdle     = 12 * time.Hour
	defaultLifetime = 7 * 24 * time.Hour
	touchEvery      = time.Minute
)

// Sessions are sign-ins by browser. They live in the database, so that every replica knows them and an end is an end
// everywhere; the cookie holds nothing but a random secret, of which the database knows the hash.
//
// This is no use of scs because scs reads the wall clock by itself, writes a row at each request once there is an idle
// limit, and keeps a person inside an opaque value, where neither a join nor the end of all sessions of a person reaches.
type Sessions struct {
	DB       *store.DB
	Now      func() time.Time
	Idle     time.Duration // a session ends after so long without a request; 0 is 12 hours
	Lifetime time.Duration // a session ends so long after sign-in, come what may; 0 is 7 days

	Publishers access.Publishers // who may ask for requests; everyone if empty
	clock      forward
	used       marks
}

func (s *Sessions) limits() (idle, lifetime time.Duration) {
	idle, lifetime = s.Idle, s.Lifetime
	if idle == 0 {
		idle = defaultIdle
	}
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	return idle, lifetime
}

// SignIn opens a session for a person who has already proven to be that person, and ends the one that the request came
// with, so that a secret known from before signs nobody in. The caller sets the cookie.
func (s *Sessions) SignIn(ctx context.Context, r *http.Request, email string) (*http.Cookie, access.Actor, error) {
	return s.open(ctx, r, func(ctx context.Context, tx *store.Tx) (Token, error) {
		p, _, err := access.PersonByEmail(ctx, tx, email)
		return Token{AsID: p.ID, Scope: access.ScopeAll}, err
	})
}

// SignInWithToken opens a session that may do what the API token may, and ends with it.
func (s *Sessions) SignInWithToken(ctx context.Context, r *http.Request, secret string) (*http.Cookie, access.Actor, error) {
	return s.open(ctx, r, func(ctx context.Context, tx *store.Tx) (Token, error) {
		return validToken(ctx, tx, secret, s.Now())
	})
}

func (s *Sessions) open(ctx context.Context, r *http.Request, proof func(ctx context.Context, tx *store.Tx) (Token, error)) (*http.Cookie, access.Actor, error) {
	secret, hash := access.NewSecret("")
	idle, lifetime := s.limits()
	var by access.Actor
	err := s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		token, err := proof(ctx, tx)
		if err != nil {
			return err
		}
		id := store.NewID()
		by, err = token.actor(ctx, tx, access.CredentialSession, id)
		if err != nil {
			return err
		}
		if err := endSessions(ctx, tx, r, s.Now()); err != nil {
			return err
		}
		now, err := s.now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM session WHERE seen_at < $1 OR created_at < $2`,
			store.Micros(now.Add(-idle)), store.Micros(now.Add(-lifetime))); err != nil {
			return fault.Wrap("remove ended sessions", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO session (id, hash, person_id, token_id, created_at, seen_at, user_agent, address, made_by, made_by_id, makers, choosers)
			VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11)`, id, hash[:], by.PersonID, sql.NullString{String: token.ID, Valid: token.ID != ""},
			store.Micros(now), clip(r.UserAgent(), access.MaxLine), hostOf(r.RemoteAddr), token.MadeBy, token.MadeByID, token.makers, token.choosers); err != nil {
			return fault.Wrap("open session", err)
		}
		if err := access.Joined(ctx, tx, by.PersonID); err != nil {
			return err
		}
		if err := seen(ctx, tx, id, now); err != nil {
			return err
		}
		by.PublishersOnly = s.Publishers == access.PublishersByRole
		e := by.Event(audit.PersonSignedIn, s.Now())
		e.Subject = "person:" + by.Email
		_, err = audit.Append(ctx, tx, e)
		return err
	})
	if err != nil {
		return nil, access.Actor{}, err
	}
	return cookie(secret, int(lifetime.Seconds())), by, nil
}

// SignOut ends the session that the request came with, if there is one. The caller sets the cookie, which removes the one
// that the browser holds.
func (s *Sessions) SignOut(ctx context.Context, r *http.Request) (*http.Cookie, error) {
	if len(r.CookiesNamed(Cookie)) > 0 {
		if err := s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return endSessions(ctx, tx, r, s.Now()) }); err != nil {
			return nil, err
		}
	}
	return cookie("", -1), nil
}

func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: Cookie, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// endSessions ends every session that the request came with, and says so in the name of whose they were.
func endSessions(ctx context.Context, tx *store.Tx, r *http.Request, now time.Time) error {
	for _, c := range r.CookiesNamed(Cookie) {
		hash, ok := access.HashOf("", c.Value)
		if !ok {
			continue
		}
		was, ok, err := store.One(ctx, tx, scanEnded, `SELECT s.id, p.email, p.id FROM session s JOIN person p ON p.id = s.person_id WHERE s.hash = $1`, hash[:])
		if err != nil {
			return fault.Wrap("read session", err)
		}
		if !ok {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM session WHERE id = $1`, was[0]); err != nil {
			return fault.Wrap("end session", err)
		}
		tx.Announce(access.Topic)
		if _, err := audit.Append(ctx, tx, audit.Event{
			Event: audit.PersonSignedOut, Actor: was[1], ActorID: was[2], Timestamp: now, Subject: "person:" + was[1],
			Credential: audit.Credential{Kind: access.CredentialSession, ID: was[0]},
		}); err != nil {
			return err
		}
	}
	return nil
}

// scanEnded reads the id of a session, and the address and id of its person.
func scanEnded(row store.Row) (was [3]string, err error) {
	err = row.Scan(&was[0], &was[1], &was[2])
	return was, err
}

// session is a stored session with the token that it was opened with, if it was.
type session struct {
	Token         // as what lets in: as whom, and who made what it was opened by, if that was another person or the server itself
	created, seen time.Time
	token         *Token
}

func scanSession(row store.Row) (s session, err error) {
	var created, seen int64
	var id, scope sql.NullString
	var expires, revoked sql.NullInt64
	if err := row.Scan(&s.ID, &s.AsID, &s.MadeBy, &s.MadeByID, &s.makers, &s.choosers, &created, &seen, &id, &scope, &expires, &revoked); err != nil {
		return session{}, err
	}
	s.created, s.seen, s.Scope = store.Time(created), store.Time(seen), access.ScopeAll
	if id.Valid {
		s.Scope, s.ExpiresAt = access.TokenScope(scope.String), store.NullTime(expires)
		s.token = &Token{
			ID: id.String, ExpiresAt: s.ExpiresAt, RevokedAt: store.NullTime(revoked),
		}
	}
	return s, nil
}

// Actor gives who the request's session belongs to, with the rights of this moment. It is false for a request without a
// session that lasts. With the database down it is an error of kind Unavailable: nobody is signed out by an outage.
func (s *Sessions) Actor(ctx context.Context, r *http.Request) (by access.Actor, ok bool, err error) {
	cookies := r.CookiesNamed(Cookie)
	if len(cookies) != 1 { // of two, one was put there by somebody else
		return access.Actor{}, false, nil
	}
	hash, ok := access.HashOf("", cookies[0].Value)
	if !ok {
		return access.Actor{}, false, nil
	}
	var found session
	var now time.Time
	err = s.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, ok, err = store.One(ctx, tx, scanSession, `SELECT s.id, s.person_id, s.made_by, s.made_by_id, s.makers, s.choosers, s.created_at, s.seen_at,
			t.id, t.scope, t.expires_at, t.revoked_at
			FROM session s LEFT JOIN api_token t ON t.id = s.token_id WHERE s.hash = $1`, hash[:])
		if err != nil || !ok {
			return fault.Wrap("read session", err)
		}
		if now, err = s.now(ctx, tx); err != nil {
			return err
		}
		found.seen = s.used.since(found.ID, found.seen)
		if ok = s.lasts(found, now); !ok {
			return nil
		}
		by, err = found.actor(ctx, tx, access.CredentialSession, found.ID)
		by.PublishersOnly = s.Publishers == access.PublishersByRole
		if fault.Is(err, fault.Unauthenticated) {
			ok = false
			return nil
		}
		return err
	})
	if err != nil || !ok {
		return access.Actor{}, false, err
	}
	if now.Sub(found.seen) >= touchEvery {
		s.used.set(found.ID, now)
	}
	return by, true, nil
}

func (s *Sessions) lasts(found session, now time.Time) bool {
	idle, lifetime := s.limits()
	return now.Sub(found.seen) < idle && now.Sub(found.created) < lifetime &&
		(found.token == nil || found.token.usable(s.Now()) == nil)
}

// WriteUse writes down which sessions were used since the last time, and when their people were seen. At worst a session ends as idle.
func (s *Sessions) WriteUse(ctx context.Context) error {
	return s.used.write(ctx, s.DB, func(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
		if _, err := tx.Exec(ctx, `UPDATE session SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, store.Micros(at), id); err != nil {
			return fault.Wrap("write use of session", err)
		}
		return seen(ctx, tx, id, at)
	})
}

// seen is a step: the person of the session was there.
func seen(ctx context.Context, tx *store.Tx, session string, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE person SET last_seen = $1 WHERE id = (SELECT person_id FROM session WHERE id = $2)
		AND (last_seen IS NULL OR last_seen < $1)`, store.Micros(now), session)
	return fault.Wrap("write when a person was seen", err)
}

// now is the time by which sessions age. It is never before any that a session was seen at, so that a clock set back, with
// or without a restart, prolongs none. Only differences matter: that it may run ahead of the wall does no harm.
func (s *Sessions) now(ctx context.Context, tx *store.Tx) (time.Time, error) {
	var latest sql.NullInt64
	if err := tx.QueryRow(ctx, `SELECT max(seen_at) FROM session`).Scan(&latest); err != nil {
		return time.Time{}, fault.Wrap("read sessions", err)
	}
	return s.clock.tell(s.Now(), store.Time(latest.Int64)), nil
}

// forward is a clock that never goes back. When the wall clock is set back, it goes on by the time that really passes.
type forward struct {
	mu   sync.Mutex
	read time.Time // guarded by mu; what the wall clock said last, with its monotonic reading
	told time.Time // guarded by mu
}

// tell gives the time, not before floor, when the wall clock says wall.
func (c *forward) tell(wall, floor time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if passed := wall.Sub(c.read); !c.read.IsZero() && passed > 0 {
		c.told = c.told.Add(passed)
	}
	c.read = wall
	// Round strips the monotonic reading: the wall may also be ahead of it, after the machine slept.
	for _, other := range []time.Time{wall.Round(0), floor} {
		if other.After(c.told) {
			c.told = other
		}
	}
	return c.told
}
