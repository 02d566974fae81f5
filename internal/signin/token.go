package signin

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// tokenPrefix is how people, and scanners for leaked secrets, recognize an API token.
const tokenPrefix = "souk_"

// Token is an API token: it acts as a person, within a scope. Its secret is shown once, when it is made.
type Token struct {
	ID         string            `json:"id"`
	As         string            `json:"as" doc:"E-mail of the person that it acts as"`
	AsID       access.PersonID   `json:"as_id" doc:"Id of that person"`
	Name       string            `json:"name"`
	Prefix     string            `json:"prefix" doc:"How the secret begins"`
	Scope      access.TokenScope `json:"scope" enum:"all,read,requests,kill,outcomes,checks"`
	MadeBy     string            `json:"made_by"`
	MadeByID   access.PersonID   `json:"made_by_id,omitempty" doc:"Absent where no person made it"`
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  *time.Time        `json:"expires_at,omitempty"`
	RevokedAt  *time.Time        `json:"revoked_at,omitempty"`
	LastUsed   *time.Time        `json:"last_used,omitempty" doc:"To about a minute"`
	ReplacedBy string            `json:"replaced_by,omitempty" doc:"Id of the token that it was rotated to"`
	Revision   int64             `json:"revision"`

	makers, choosers access.PersonIDs // who may hold it, too, and who may have chosen its person's password (access.Actor)
}

// TokenSpec says what token is wanted.
type TokenSpec struct {
	As        string            `json:"as,omitempty" doc:"E-mail of the person that it acts as; oneself if absent"`
	Name      string            `json:"name,omitempty" doc:"What it is for"`
	Scope     access.TokenScope `json:"scope" enum:"all,read,requests,kill,outcomes,checks"`
	ExpiresAt *time.Time        `json:"expires_at,omitempty" doc:"Absent: never, or with the token that it is made with"`
}

// Tokens makes, lists, revokes and recognizes API tokens.
type Tokens struct {
	DB         *store.DB
	Now        func() time.Time
	Publishers access.Publishers // who may ask for requests; everyone if empty
	strangers  strangers
	used       marks
}

const tokenColumns = `t.id, p.email, p.id, t.name, t.prefix, t.scope, t.made_by, t.made_by_id, t.created_at, t.expires_at, t.revoked_at, t.last_used, t.replaced_by, t.revision, t.makers, t.choosers`

func scanToken(row store.Row) (t Token, err error) {
	var created int64
	var expires, revoked, used sql.NullInt64
	err = row.Scan(&t.ID, &t.As, &t.AsID, &t.Name, &t.Prefix, &t.Scope, &t.MadeBy, &t.MadeByID, &created, &expires, &revoked, &used, &t.ReplacedBy, &t.Revision, &t.makers, &t.choosers)
	t.CreatedAt = store.Time(created)
	t.ExpiresAt, t.RevokedAt, t.LastUsed = store.NullTime(expires), store.NullTime(revoked), store.NullTime(used)
	return t, err
}

// as is who the token acts as.
func (t Token) as() access.Identity { return access.Identity{ID: t.AsID, Email: t.As} }

// actor is a step: whom the token lets act, by a credential of the kind that was opened by it, or is it.
func (t Token) actor(ctx context.Context, tx *store.Tx, kind, id string) (access.Actor, error) {
	credential := audit.Credential{Kind: kind, ID: id, MadeBy: t.MadeBy, MadeByID: string(t.MadeByID)}
	by, err := access.ActorOf(ctx, tx, t.AsID, credential, t.Scope)
	by.Makers, by.Choosers, by.Ends = t.makers, t.choosers, t.ExpiresAt
	return by, err
}

// Create makes a token and returns its secret, which cannot be had again. One that is made with a token that ends does not outlast it.
func (s *Tokens) Create(ctx context.Context, by access.Actor, spec TokenSpec) (token Token, secret string, err error) {
	if strings.TrimSpace(spec.As) == "" && by.PersonID != "" {
		spec.As = by.Email
	}
	now := s.Now()
	secret, hash := access.NewSecret(tokenPrefix)
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, ok, err := access.PersonByEmail(ctx, tx, spec.As)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.TokenMake, access.Scope{Person: p.Identity()}); err != nil {
			return err
		}
		if spec, err = checkToken(by, spec, now); err != nil {
			return err
		}
		if !ok || !p.Active {
			return access.UnknownPerson(ctx, tx, "as", spec.As)
		}
		maker := by.Maker(p.Identity())
		token = Token{
			ID: store.NewID(), As: p.Email, AsID: p.ID, Name: spec.Name, Prefix: secret[:access.Shown], Scope: spec.Scope, MadeBy: maker.Email,
			MadeByID: maker.ID, CreatedAt: store.Time(store.Micros(now)), ExpiresAt: spec.ExpiresAt, Revision: 1,
			makers: by.MakersFor(p.ID), choosers: by.Choosers.Without(p.ID),
		}
		if err := insertToken(ctx, tx, token, hash); err != nil {
			return err
		}
		return access.Change{By: by, At: now}.Append(ctx, tx, audit.TokenCreated, "token:"+token.ID, nil, token)
	})
	if err != nil {
		return Token{}, "", err
	}
	return token, secret, nil
}

func insertToken(ctx context.Context, tx *store.Tx, t Token, hash access.SecretHash) error {
	if err := access.Joined(ctx, tx, t.AsID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO api_token (id, hash, prefix, name, person_id, scope, made_by, made_by_id, created_at, expires_at, revision, makers, choosers)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, t.ID, hash[:], t.Prefix, t.Name, t.AsID, t.Scope,
		t.MadeBy, t.MadeByID, store.Micros(t.CreatedAt), store.NullMicros(t.ExpiresAt), t.Revision, t.makers, t.choosers)
	return fault.Wrap("write token", err)
}

func checkToken(by access.Actor, spec TokenSpec, now time.Time) (TokenSpec, error) {
	var wrong fault.Findings
	as, err := access.Email("as", spec.As)
	wrong.Add(err)
	if scopes := access.TokenScopes(); !slices.Contains(scopes, spec.Scope) {
		known := make([]string, len(scopes))
		for i, scope := range scopes {
			known[i] = string(scope)
		}
		wrong.Add(fault.New(fault.Invalid, "unknown_scope", "there is no scope %s", fault.Quote(string(spec.Scope))).At("scope").
			Fix("%s", fault.Meant(string(spec.Scope), known, "the scopes are "+strings.Join(known, ", "))))
	}
	spec.As, spec.Name = as, strings.TrimSpace(spec.Name)
	if spec.Name == "" {
		spec.Name = string(spec.Scope)
	}
	wrong.Add(access.Line("name", spec.Name))
	var bad error
	spec.ExpiresAt, bad = access.Expiry(spec.ExpiresAt, now)
	wrong.Add(bad)
	end := by.EndOf(spec.ExpiresAt)
	if spec.ExpiresAt != nil && end != spec.ExpiresAt {
		wrong.Add(fault.New(fault.Invalid, "outlasts_its_maker", "the token that you act by ends at %s, and makes none that lasts longer",
			end.UTC().Format(time.RFC3339)).At("expires_at").Fix("give a time before that, or make it after you signed in by a browser"))
	}
	spec.ExpiresAt = end
	return spec, wrong.Fault("token")
}

// List gives tokens, the newest first: to administrators all, to others their own; those that are no longer good only if ended
// is asked for.
func (s *Tokens) List(ctx context.Context, by access.Actor, ended bool, page store.Page) (store.Listing[Token], error) {
	return s.ListOf(ctx, by, "", ended, page)
}

// ListOf lists the tokens that act as the person of that e-mail address alone; of everybody whom the actor may see without one.
func (s *Tokens) ListOf(ctx context.Context, by access.Actor, email string, ended bool, page store.Page) (store.Listing[Token], error) {
	own := access.PersonID("")
	if access.Can(by, access.TokenMake, access.Scope{}) != nil {
		if err := access.Can(by, access.TokenMake, access.Scope{Person: by.Identity()}); err != nil {
			return store.Listing[Token]{}, err
		}
		own = by.PersonID
	}
	before, err := page.Before()
	if err != nil {
		return store.Listing[Token]{}, err
	}
	var tokens []Token
	err = s.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		tokens, err = store.List(ctx, tx, scanToken, `SELECT `+tokenColumns+` FROM api_token t JOIN person p ON p.id = t.person_id
			WHERE t.id COLLATE "C" < $1 AND (t.person_id = $2 OR $2 = '') AND (p.email = $6 OR $6 = '')
			AND ($4 OR t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $5)) ORDER BY t.id COLLATE "C" DESC LIMIT $3`,
			before, own, page.Size()+1, ended, store.Micros(s.Now()), strings.ToLower(strings.TrimSpace(email)))
		return fault.Wrap("list tokens", err)
	})
	if err != nil {
		return store.Listing[Token]{}, err
	}
	return store.Cut(page, tokens, func(t Token) []string { return []string{t.ID} }), nil
}

// Revoke ends the token, for good. Revoking it again changes nothing. A revision other than 0 must be the present one.
func (s *Tokens) Revoke(ctx context.Context, by access.Actor, id string, revision int64) (token Token, err error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Token{}, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if token, err = s.own(ctx, tx, by, id); err != nil {
			return err
		}
		if token.RevokedAt != nil {
			return nil
		}
		if err := ownToken(by, token); err != nil {
			return err
		}
		c := access.Change{By: by, At: s.Now(), Revision: revision}
		if err := c.Check("token", true, token.Revision, token); err != nil {
			return err
		}
		before, at := token, store.Time(store.Micros(c.At))
		token.RevokedAt, token.Revision = &at, token.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE api_token SET revoked_at = $1, revision = $2 WHERE id = $3 AND revision = $4`,
			store.Micros(at), token.Revision, id, before.Revision)
		if err != nil {
			return fault.Wrap("revoke token", err)
		}
		if err := access.Written("token", rows); err != nil {
			return err
		}
		tx.Announce(access.Topic)
		return c.Append(ctx, tx, audit.TokenRevoked, "token:"+id, before, token)
	})
	if err != nil {
		return Token{}, err
	}
	return token, nil
}

// own is a step: the token of that id, locked, if it is the actor's to end or rotate.
func (s *Tokens) own(ctx context.Context, tx *store.Tx, by access.Actor, id string) (Token, error) {
	token, ok, err := store.One(ctx, tx, scanToken, `SELECT `+tokenColumns+` FROM api_token t JOIN person p ON p.id = t.person_id
		WHERE t.id = $1`+tx.ForUpdate(), id)
	if err != nil {
		return Token{}, fault.Wrap("read token", err)
	}
	// Somebody else's token is told from one that is not there to administrators only.
	if !ok || access.Can(by, access.TokenMake, access.Scope{Person: token.as()}) != nil {
		if err := access.Can(by, access.TokenMake, access.Scope{Person: by.Identity()}); err != nil {
			return Token{}, err
		}
		return Token{}, fault.New(fault.NotFound, "unknown_token", "you have no such token").Fix("look it up in the list of your tokens")
	}
	return token, nil
}

// Actor gives whom the secret lets act, with the rights of this moment. A secret that is not, or no longer, good is a
// fault of kind Unauthenticated; with the database down it is one of kind Unavailable.
func (s *Tokens) Actor(ctx context.Context, secret string) (by access.Actor, err error) {
	var token Token
	now := s.Now()
	err = s.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if token, err = validToken(ctx, tx, secret, now); err != nil {
			return err
		}
		by, err = token.actor(ctx, tx, access.CredentialToken, token.ID)
		return err
	})
	if err != nil {
		return access.Actor{}, err
	}
	by.PublishersOnly = s.Publishers == access.PublishersByRole
	var last time.Time
	if token.LastUsed != nil {
		last = *token.LastUsed
	}
	if now.Sub(s.used.since(token.ID, last)) >= touchEvery {
		s.used.set(token.ID, now)
	}
	return by, nil
}

// WriteUse writes down which tokens were used since the last time, and when their people were seen.
func (s *Tokens) WriteUse(ctx context.Context) error {
	return s.used.write(ctx, s.DB, func(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
		if _, err := tx.Exec(ctx, `UPDATE api_token SET last_used = $1 WHERE id = $2 AND (last_used IS NULL OR last_used < $1)`, store.Micros(at), id); err != nil {
			return fault.Wrap("write use of token", err)
		}
		_, err := tx.Exec(ctx, `UPDATE person SET last_seen = $1 WHERE id = (SELECT person_id FROM api_token WHERE id = $2)
			AND (last_seen IS NULL OR last_seen < $1)`, store.Micros(at), id)
		return fault.Wrap("write when a person was seen", err)
	})
}

// validToken is the token of that secret, if it may be used now.
func validToken(ctx context.Context, tx *store.Tx, secret string, now time.Time) (Token, error) {
	hash, ok := access.HashOf(tokenPrefix, secret)
	if !ok {
		return Token{}, badToken("this is not an API token of Souk")
	}
	token, ok, err := store.One(ctx, tx, scanToken, `SELECT `+tokenColumns+` FROM api_token t JOIN person p ON p.id = t.person_id
		WHERE t.hash = $1`, hash[:])
	if err != nil {
		return Token{}, fault.Wrap("read token", err)
	}
	if !ok {
		return Token{}, badToken("this API token is not known here")
	}
	return token, token.usable(now)
}

func (t Token) usable(now time.Time) error {
	switch {
	case t.RevokedAt != nil:
		return badToken("this API token was revoked")
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return badToken("this API token has expired")
	}
	return nil
}

func badToken(message string) error {
	return fault.New(fault.Unauthenticated, "bad_token", "%s", message).Fix("make a new one, or ask for one")
}

// Reporters is a step: it reports whether there is a service account with a token to report checks with.
func Reporters(ctx context.Context, tx *store.Tx, now time.Time) (bool, error) {
	_, found, err := store.One(ctx, tx, store.ScanString, `SELECT t.id FROM api_token t JOIN person p ON p.id = t.person_id
		WHERE t.scope = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2) AND p.agent AND p.active LIMIT 1`,
		access.ScopeChecks, store.Micros(now))
	return found, fault.Wrap("look for service accounts that report checks", err)
}
