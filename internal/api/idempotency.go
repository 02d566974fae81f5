package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/seal"
	"github.com/soukhq/souk/internal/store"
)

// How long an Idempotency-Key is remembered, how long it may be, and how long a repeated request waits for the answer of
// the first.
const (
	keptFor       = 24 * time.Hour
	maxKey        = 255
	waitForAnswer = 2 * time.Second
)

// attempt is a request with an Idempotency-Key. Its mark is committed in the transaction of its effect, so that the effect
// happens once, whatever crashes; its answer is written down after that, and repeated to whoever asks again.
type attempt struct {
	actor, path, key, digest string
	credential               audit.Credential // an answer that holds a secret is given again to this one alone
	inParts                  bool             // an attempt that ended without an answer is followed by another one, which goes on with it
}

// answered is what is remembered of an attempt; a status of 0 means that its answer is not written down (yet).
type answered struct {
	digest, etag, kind, body string
	status                   int
}

// attemptOf reads the header Idempotency-Key; nil without one, and for whoever is not signed in.
func attemptOf(r *http.Request, by access.Actor, body []byte) (*attempt, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || by.Email == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil, nil //nolint:nilnil // most requests have none
	}
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return nil, fault.New(fault.Invalid, "bad_idempotency_key", "the Idempotency-Key is too long or not plain text").At("Idempotency-Key").
			Fix("send at most %d plain characters, such as a UUID", maxKey)
	}
	digest := sha256.Sum256(append([]byte(r.Method+"\n"), body...))
	return &attempt{actor: by.Identity().Key(), path: r.URL.Path, key: key, digest: hex.EncodeToString(digest[:]), credential: by.Credential}, nil
}

// place is where the sealed answer of the attempt lies.
func (try *attempt) place() string {
	return strings.Join([]string{"idempotency", try.actor, try.path, try.key, try.digest, try.credential.Kind, try.credential.ID}, "\n")
}

// sealedKind begins the media type of an answer that is kept sealed.
const sealedKind = "sealed:"

// errRepeated ends an attempt whose mark is there already: another one got ahead.
var errRepeated = errors.New("done by another attempt")

// once runs a request that has an Idempotency-Key: the first time it is done, and each other time answered alike. Of several at once
// the others wait for the first one, except for what is done in parts: what is not committed when it is answered, such as a kill that
// is served early, has no mark that they could find.
func (a *API) once(c huma.Context, try *attempt, next func(huma.Context)) {
	r, w := humago.Unwrap(c)
	if try.inParts = c.Operation().Metadata[inParts] == true; !try.inParts {
		end, err := a.turns.take(r.Context(), strings.Join([]string{try.actor, try.path, try.key}, "\n"))
		if err != nil {
			return // nobody waits for an answer any more
		}
		defer end()
	}
	if a.repeat(w, r, try) {
		return
	}
	record := &recorder{ResponseWriter: w, try: try}
	ctx := store.Once(c.Context(), func(ctx context.Context, tx *store.Tx) error { return try.mark(ctx, tx, a.Now()) })
	ctx = context.WithValue(ctx, recorderKey{}, record)
	next(huma.WithContext(humago.NewContext(c.Operation(), r, record), ctx))
	switch {
	case record.repeated:
		if !a.repeat(w, r, try) {
			a.refuse(w, r, alreadyDone())
		}
	case record.early: // nothing is committed, and its record tells the same request again
		record.flush()
	case record.status < http.StatusMultipleChoices:
		a.remember(ctx, c.Operation(), try, record)
		record.flush()
	default:
		record.flush()
	}
}

// repeat answers a request that was made before, and tells whether it was.
func (a *API) repeat(w http.ResponseWriter, r *http.Request, try *attempt) bool {
	deadline := time.After(waitForAnswer)
	for {
		was, found, err := a.recall(r.Context(), try)
		switch {
		case err != nil:
			if killing(r.URL.Path) {
				err = kill.Away(err)
			}
			a.refuse(w, r, err)
			return true
		case !found:
			return false
		case was.digest != try.digest:
			a.refuse(w, r, fault.New(fault.Unprocessable, "other_request", "this Idempotency-Key was used for another request").
				At("Idempotency-Key").Fix("send a new key with a new request"))
			return true
		case was.status != 0:
			if err := a.unseal(&was, try); err != nil {
				a.refuse(w, r, alreadyDone())
				return true
			}
			if was.kind != "" {
				w.Header().Set("Content-Type", was.kind)
			}
			if was.etag != "" {
				w.Header().Set("ETag", was.etag)
			}
			w.Header().Set("Idempotent-Replayed", "true")
			w.WriteHeader(was.status)
			_, _ = w.Write([]byte(was.body))
			return true
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.Context().Done():
			return true
		case <-deadline:
			if try.inParts {
				return false
			}
			a.refuse(w, r, alreadyDone())
			return true
		}
	}
}

// unseal opens an answer that was kept sealed, for whoever got it the first time.
func (a *API) unseal(was *answered, try *attempt) error {
	kind, sealed := strings.CutPrefix(was.kind, sealedKind)
	if !sealed {
		return nil
	}
	if a.Secret == nil {
		return seal.ErrSealed
	}
	plain, err := a.Secret.Unseal(try.place(), was.body)
	was.kind, was.body = kind, string(plain)
	return err
}

func alreadyDone() error {
	return fault.New(fault.Conflict, "done_already", "this was done already, and its answer cannot be given again").
		Fix("look at what it was to change; a secret that was lost is made anew")
}

// recall reads what is remembered of an attempt that is not too old.
func (a *API) recall(ctx context.Context, try *attempt) (was answered, found bool, err error) {
	err = a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		was, found, err = store.One(ctx, tx, func(row store.Row) (was answered, err error) {
			err = row.Scan(&was.digest, &was.status, &was.etag, &was.kind, &was.body)
			return was, err
		}, `SELECT digest, status, etag, kind, body FROM idempotency WHERE actor = $1 AND path = $2 AND key = $3 AND at >= $4`,
			try.actor, try.path, try.key, store.Micros(a.Now().Add(-keptFor)))
		return err
	})
	if err != nil {
		return answered{}, false, fmt.Errorf("read idempotency key: %w", err)
	}
	return was, found, nil
}

// mark is the step that says that the attempt is being done. It runs in the transaction of the effect.
func (try *attempt) mark(ctx context.Context, tx *store.Tx, now time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM idempotency WHERE at < $1`, store.Micros(now.Add(-keptFor))); err != nil {
		return fmt.Errorf("forget idempotency keys: %w", err)
	}
	marked, err := tx.Exec(ctx, `INSERT INTO idempotency (actor, path, key, digest, status, etag, kind, body, at)
		VALUES ($1, $2, $3, $4, 0, '', '', '', $5) ON CONFLICT (actor, path, key) DO UPDATE SET at = excluded.at
		WHERE $6 AND idempotency.status = 0 AND idempotency.digest = excluded.digest`,
		try.actor, try.path, try.key, try.digest, store.Micros(now), try.inParts)
	if err != nil {
		return fmt.Errorf("write idempotency key: %w", err)
	}
	if marked == 0 {
		return errRepeated
	}
	return nil
}

// remember writes the answer down. Without it a repeated request is refused instead of answered, and still does nothing.
func (a *API) remember(ctx context.Context, op *huma.Operation, try *attempt, record *recorder) {
	kind, body := record.Header().Get("Content-Type"), record.body.String()
	if op.Metadata[secretAnswer] == true {
		if a.Secret == nil {
			return // a secret lies nowhere in the open
		}
		kind, body = sealedKind+kind, a.Secret.Seal(try.place(), record.body.Bytes())
	}
	err := a.DB.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE idempotency SET status = $1, etag = $2, kind = $3, body = $4 WHERE actor = $5 AND path = $6 AND key = $7`,
			record.status, record.Header().Get("ETag"), kind, body, try.actor, try.path, try.key)
		return err
	})
	if err != nil {
		a.Log.LogAttrs(ctx, slog.LevelWarn, "answer not kept for its idempotency key", slog.Any("error", err))
	}
}

// recorder holds an answer back until it is written down.
type recorder struct {
	http.ResponseWriter
	status   int
	body     bytes.Buffer
	repeated bool // the handler failed because another attempt had done it
	early    bool // what was done is served and not committed yet
	try      *attempt
}

type recorderKey struct{}

// sentOf returns how the request of ctx is told from others when it is sent again; zero without an Idempotency-Key.
func sentOf(ctx context.Context) live.Sent {
	if record, ok := ctx.Value(recorderKey{}).(*recorder); ok {
		return live.Sent{IdempotencyKey: record.try.key, Path: record.try.path}
	}
	return live.Sent{}
}

// keepEarly leaves it to the record of an early kill to answer the same request again.
func keepEarly(ctx context.Context) {
	if record, ok := ctx.Value(recorderKey{}).(*recorder); ok {
		record.early = true
	}
}

// WriteHeader keeps the status.
func (w *recorder) WriteHeader(status int) { w.status = status }

// Write keeps a part of the body.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.body.Write(p)
}

func (w *recorder) flush() {
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(w.body.Bytes())
}
