package sdkkey

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Topic is announced with every change of the SDK keys.
const Topic = "access.keys"

// keyPrefix is how people, and scanners for leaked secrets, recognize an SDK key.
const keyPrefix = "souksdk_"

const maxOrigins = 50

// Key lets an SDK evaluate the flags of one environment. Its secret is shown once, when it is made.
type Key struct {
	ID          string   `json:"id"`
	Environment string   `json:"environment"`
	Name        string   `json:"name"`
	Prefix      string   `json:"prefix" doc:"How the secret begins"`
	App         string   `json:"app,omitempty" doc:"Sees the flags of this app only"`
	ClientSide  bool     `json:"client_side" doc:"For browsers and devices, where the secret is none: sees only flags marked as client-side"`
	Origins     []string `json:"origins" nullable:"false" doc:"Web pages that a client-side key may be used from"`
	MadeBy      string   `json:"made_by"`

	MadeByID access.PersonID `json:"made_by_id,omitempty" doc:"Absent where no person made it"`

	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	LastUsed   *time.Time `json:"last_used,omitempty" doc:"To about a minute"`
	ReplacedBy string     `json:"replaced_by,omitempty" doc:"Id of the key that it was rotated to"`
	Limits
	Revision int64 `json:"revision"`
}

// Spec says what SDK key is wanted.
type Spec struct {
	Environment string     `json:"environment"`
	Name        string     `json:"name,omitempty" doc:"What it is for"`
	App         string     `json:"app,omitempty" doc:"Slug of the app that it is for; all apps if absent"`
	ClientSide  bool       `json:"client_side,omitempty" doc:"For browsers and devices: sees only flags marked as client-side"`
	Origins     []string   `json:"origins,omitempty" doc:"Web pages that a client-side key may be used from, such as https://app.example.com"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"Never if absent"`
	Limits
}

// Facts is what the rights to a key hang on.
type Facts struct {
	OwnerGroup string // owns the app; empty for a key of all apps
	Governed   bool   // the environment is governed
}

// AllowsOrigin tells whether a web page of that origin, as browsers send it, may use the key. It must be one of the
// origins exactly: the end of a name says nothing about whose it is.
func (k Key) AllowsOrigin(origin string) bool { return slices.Contains(k.Origins, origin) }

// valid tells whether the key may be used now.
func (k Key) valid(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

const keyColumns = `id, environment, name, prefix, app, client_side, origins, made_by, made_by_id, created_at, expires_at, revoked_at, last_used, replaced_by, requests_per_second, max_streams, revision`

func scanKey(row store.Row) (Key, error) {
	k, _, err := scanHashedKey(func(dest ...any) error { return row.Scan(dest[:len(dest)-1]...) })
	return k, err
}

// scanHashedKey scans keyColumns and the hash after them.
func scanHashedKey(scan func(dest ...any) error) (k Key, hash []byte, err error) {
	var origins string
	var created int64
	var expires, revoked, used sql.NullInt64
	if err := scan(&k.ID, &k.Environment, &k.Name, &k.Prefix, &k.App, &k.ClientSide, &origins, &k.MadeBy, &k.MadeByID, &created, &expires,
		&revoked, &used, &k.ReplacedBy, &k.RequestsPerSecond, &k.MaxStreams, &k.Revision, &hash); err != nil {
		return Key{}, nil, err
	}
	if err := json.Unmarshal([]byte(origins), &k.Origins); err != nil {
		return Key{}, nil, fmt.Errorf("read key %s: %w", k.ID, err)
	}
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsed = store.Time(created), store.NullTime(expires), store.NullTime(revoked), store.NullTime(used)
	return k, hash, nil
}

// Create makes a key and gives its secret, which cannot be had again.
func (k *Keys) Create(ctx context.Context, by access.Actor, spec Spec) (key Key, secret string, err error) {
	// The right itself hangs on what Facts says inside the transaction; before that, whoever is signed in may ask.
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Key{}, "", err
	}
	now := k.Now()
	if spec, err = checkKey(spec, now); err != nil {
		return Key{}, "", err
	}
	secret, hash := access.NewSecret(keyPrefix)
	key = Key{
		ID: store.NewID(), Environment: spec.Environment, Name: spec.Name, Prefix: secret[:access.Shown], App: spec.App,
		ClientSide: spec.ClientSide, Origins: spec.Origins, MadeBy: by.Email, MadeByID: by.PersonID, CreatedAt: store.Time(store.Micros(now)),
		ExpiresAt: spec.ExpiresAt, Limits: spec.Limits, Revision: 1,
	}
	err = k.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := k.may(ctx, tx, by, access.KeyMake, spec.Environment, spec.App); err != nil {
			return err
		}
		if err := insertKey(ctx, tx, key, hash); err != nil {
			return err
		}
		return k.tell(ctx, tx, by, now, audit.SDKKeyCreated, nil, key)
	})
	if err != nil {
		return Key{}, "", err
	}
	return key, secret, nil
}

func insertKey(ctx context.Context, tx *store.Tx, key Key, hash access.SecretHash) error {
	origins, err := json.Marshal(key.Origins)
	if err != nil {
		return fmt.Errorf("write origins: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO sdk_key (id, hash, prefix, name, environment, app, client_side, origins, made_by, made_by_id, created_at, expires_at,
			requests_per_second, max_streams, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`, key.ID, hash[:], key.Prefix, key.Name, key.Environment, key.App,
		key.ClientSide, string(origins), key.MadeBy, key.MadeByID, store.Micros(key.CreatedAt), store.NullMicros(key.ExpiresAt),
		key.RequestsPerSecond, key.MaxStreams, key.Revision)
	return fault.Wrap("write SDK key", err)
}

// may asks for the right to keys of an environment and an app, by what Facts knows of them.
func (k *Keys) may(ctx context.Context, tx *store.Tx, by access.Actor, action access.Action, environment, app string) error {
	facts, err := k.Facts(ctx, tx, environment, app)
	if err != nil {
		return err
	}
	on := access.Scope{OwnerGroup: facts.OwnerGroup, Governed: facts.Governed}
	if app == "" { // a key of all apps is nobody's own
		on.OwnerGroup = ""
	}
	return access.Can(by, action, on)
}

func (k *Keys) tell(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, name audit.Name, before any, key Key) error {
	e := by.Event(name, at)
	e.Subject, e.Environment, e.App, e.Details = "sdk_key:"+key.ID, key.Environment, key.App, map[string]any{"after": key}
	if before != nil {
		e.Details["before"] = before
	}
	tx.Announce(Topic)
	_, err := audit.Append(ctx, tx, e)
	return err
}

func checkKey(spec Spec, now time.Time) (Spec, error) {
	wrong := spec.check()
	wrong.Add(access.Slug("environment", "environment", spec.Environment))
	if spec.App != "" {
		wrong.Add(access.Slug("app", "app", spec.App))
	}
	if spec.Name = strings.TrimSpace(spec.Name); spec.Name == "" {
		spec.Name = strings.TrimPrefix(spec.App+" "+spec.Environment, " ")
	}
	wrong.Add(access.Line("name", spec.Name))
	var bad error
	spec.ExpiresAt, bad = access.Expiry(spec.ExpiresAt, now)
	wrong.Add(bad)
	if len(spec.Origins) > maxOrigins {
		wrong.Add(access.TooMany("origins", maxOrigins))
		return spec, wrong.Fault("key")
	}
	if len(spec.Origins) > 0 && !spec.ClientSide {
		wrong.Add(fault.New(fault.Invalid, "not_client_side", "origins are for client-side keys: browsers must not hold another").At("origins").
			Fix("set client_side, or leave origins out"))
	}
	origins := make([]string, 0, len(spec.Origins))
	for i, text := range spec.Origins {
		origin, err := checkOrigin(fmt.Sprintf("origins[%d]", i), text)
		wrong.Add(err)
		origins = append(origins, origin)
	}
	slices.Sort(origins)
	spec.Origins = slices.Compact(origins)
	return spec, wrong.Fault("key")
}

var hostForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// checkOrigin gives the origin in the form in which browsers send it (RFC 6454, 6.2): in lower case, without a port that
// goes without saying.
func checkOrigin(field, text string) (string, error) {
	bad := fault.New(fault.Invalid, "invalid_origin", "%s is not the origin of a web page", fault.Quote(text)).At(field).
		Fix("write it like https://app.example.com or http://localhost:3000, without a path, a pattern or a slash at the end")
	u, err := url.Parse(strings.ToLower(text))
	if err != nil || len(text) > 300 || u.Opaque != "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery ||
		strings.ContainsAny(text, "#?@\\") {
		return "", bad
	}
	host, port := u.Hostname(), u.Port()
	ip, ipErr := netip.ParseAddr(host)
	if ipErr == nil && ip.WithZone("").String() != host || ipErr != nil && (len(host) > 253 || !hostForm.MatchString(host)) {
		return "", bad
	}
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ipErr == nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", bad
	}
	if strings.HasSuffix(u.Host, ":") {
		return "", bad
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' {
			return "", bad
		}
	}
	origin := u.Scheme + "://" + u.Host
	if port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		origin = strings.TrimSuffix(origin, ":"+port)
	}
	return origin, nil
}

// List gives the keys of an app, or of all with an empty app, the newest first; those that are no longer good only if ended is
// asked for. Owners see those of their app.
func (k *Keys) List(ctx context.Context, by access.Actor, app string, ended bool, page store.Page) (store.Listing[Key], error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return store.Listing[Key]{}, err
	}
	before, err := page.Before()
	if err != nil {
		return store.Listing[Key]{}, err
	}
	if app != "" {
		if err := access.Slug("app", "app", app); err != nil {
			return store.Listing[Key]{}, err
		}
	}
	var keys []Key
	err = k.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := k.may(ctx, tx, by, access.KeyRead, "", app); err != nil {
			return err
		}
		keys, err = store.List(ctx, tx, scanKey, `SELECT `+keyColumns+` FROM sdk_key
			WHERE id COLLATE "C" < $1 AND (app = $2 OR $2 = '') AND ($4 OR revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $5))
			ORDER BY id COLLATE "C" DESC LIMIT $3`, before, app, page.Size()+1, ended, store.Micros(k.Now()))
		return fault.Wrap("list SDK keys", err)
	})
	if err != nil {
		return store.Listing[Key]{}, err
	}
	return store.Cut(page, keys, func(key Key) []string { return []string{key.ID} }), nil
}

// own is a step: the key of that id, locked, if it is the actor's to end or rotate.
func (k *Keys) own(ctx context.Context, tx *store.Tx, by access.Actor, id string) (Key, error) {
	key, ok, err := store.One(ctx, tx, scanKey, `SELECT `+keyColumns+` FROM sdk_key WHERE id = $1`+tx.ForUpdate(), id)
	if err != nil {
		return Key{}, fault.Wrap("read SDK key", err)
	}
	if !ok {
		return Key{}, fault.New(fault.NotFound, "unknown_key", "there is no such SDK key").Fix("look it up in the list of keys")
	}
	return key, k.may(ctx, tx, by, access.KeyMake, key.Environment, key.App)
}

// Revoke ends the key, for good. Revoking it again changes nothing. A revision other than 0 must be the present one.
func (k *Keys) Revoke(ctx context.Context, by access.Actor, id string, revision int64) (key Key, err error) {
	if err := access.Can(by, access.SignIn, access.Scope{}); err != nil {
		return Key{}, err
	}
	err = k.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if key, err = k.own(ctx, tx, by, id); err != nil {
			return err
		}
		if key.RevokedAt != nil {
			return nil
		}
		c := access.Change{By: by, At: k.Now(), Revision: revision}
		if err := c.Check("SDK key", true, key.Revision, key); err != nil {
			return err
		}
		before, at := key, store.Time(store.Micros(c.At))
		key.RevokedAt, key.Revision = &at, key.Revision+1
		rows, err := tx.Exec(ctx, `UPDATE sdk_key SET revoked_at = $1, revision = $2 WHERE id = $3 AND revision = $4`,
			store.Micros(at), key.Revision, id, before.Revision)
		if err != nil {
			return fault.Wrap("revoke SDK key", err)
		}
		if err := access.Written("SDK key", rows); err != nil {
			return err
		}
		return k.tell(ctx, tx, by, c.At, audit.SDKKeyRevoked, before, key)
	})
	if err != nil {
		return Key{}, err
	}
	return key, nil
}
