package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// record is a request as stored: what cannot be worked out anew.
type record struct {
	id              string
	state           State
	content         Content
	requester       string
	authors         []Author // the requester first, then the editors
	templateID      string   // that templateVersion is of
	templateVersion int
	digest          string
	assessment      Assessment
	quorum          map[access.Domain]int
	flag            FlagRef // empty until schema lets the flag be reserved
	rolloutID       string
	createdAt       time.Time
	updatedAt       time.Time
	revision        int64
	decisions       []Decision
}

const columns = `id, state, content, requester, authors, template_id, template_version, digest, assessment, quorum,
	flag_key, flag_id, rollout_id, created_at, updated_at, revision`

func scanRecord(row store.Row) (r record, err error) {
	var content, authors, assessment, quorum string
	var created, updated int64
	err = row.Scan(&r.id, &r.state, &content, &r.requester, &authors, &r.templateID, &r.templateVersion, &r.digest, &assessment, &quorum,
		&r.flag.Key, &r.flag.FlagID, &r.rolloutID, &created, &updated, &r.revision)
	if err != nil {
		return record{}, err
	}
	for _, part := range []struct {
		text string
		into any
	}{{content, &r.content}, {authors, &r.authors}, {assessment, &r.assessment}, {quorum, &r.quorum}} {
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return record{}, fmt.Errorf("decode request %s: %w", r.id, err)
		}
	}
	r.createdAt, r.updatedAt = store.Time(created), store.Time(updated)
	return r, nil
}

// load reads a request for change, with its decisions; nobody else changes it until the transaction ends.
func load(ctx context.Context, tx *store.Tx, id string) (record, error) {
	return read(ctx, tx, id, tx.ForUpdate())
}

func read(ctx context.Context, tx *store.Tx, id, suffix string) (record, error) {
	r, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE id = $1`+suffix, id)
	if err != nil {
		return record{}, fmt.Errorf("read request: %w", err)
	}
	if !ok {
		return record{}, fault.New(fault.NotFound, "no_such_request", "there is no request %s", id).
			Fix("look it up in the list of requests")
	}
	r.decisions, err = store.List(ctx, tx, scanDecision(r.digest), `SELECT id, digest, domain, person, verdict, reason, foreign_token, at
		FROM decision WHERE request_id = $1 ORDER BY id`, id)
	if err != nil {
		return record{}, fmt.Errorf("read decisions: %w", err)
	}
	return r, nil
}

func scanDecision(digest string) func(store.Row) (Decision, error) {
	return func(row store.Row) (d Decision, err error) {
		var at int64
		err = row.Scan(&d.ID, &d.Digest, &d.Domain, &d.By, &d.Verdict, &d.Reason, &d.ForeignToken, &at)
		d.At, d.Void = store.Time(at), d.Digest != digest
		return d, err
	}
}

// save writes the request, new if its revision is 0, else over exactly the revision that was read.
func (r *record) save(ctx context.Context, tx *store.Tx, now time.Time) error {
	r.updatedAt = now
	var texts [4]string
	for i, part := range []any{r.content, r.authors, r.assessment, r.quorum} {
		text, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		texts[i] = string(text)
	}
	app := appOf(r.content).Slug
	if r.revision == 0 {
		r.revision, r.createdAt = 1, now
		if _, err := tx.Exec(ctx, `INSERT INTO request (id, kind, state, app, flag_key, flag_id, environment, requester, authors, content,
				template_id, template_version, digest, assessment, quorum, rollout_id, created_at, updated_at, revision)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, 1)`,
			r.id, r.content.Kind, r.state, app, r.flag.Key, r.flag.FlagID, r.content.Environment, r.requester, texts[1], texts[0],
			r.templateID, r.templateVersion, r.digest, texts[2], texts[3], r.rolloutID, store.Micros(now)); err != nil {
			return fmt.Errorf("insert request: %w", err)
		}
		return nil
	}
	changed, err := tx.Exec(ctx, `UPDATE request SET state = $3, app = $4, flag_key = $5, flag_id = $6, authors = $7, content = $8,
			template_id = $9, template_version = $10, digest = $11, assessment = $12, quorum = $13, rollout_id = $14,
			updated_at = $15, revision = revision + 1
		WHERE id = $1 AND revision = $2`,
		r.id, r.revision, r.state, app, r.flag.Key, r.flag.FlagID, texts[1], texts[0],
		r.templateID, r.templateVersion, r.digest, texts[2], texts[3], r.rolloutID, store.Micros(now))
	if err != nil {
		return fmt.Errorf("update request: %w", err)
	}
	if changed == 0 {
		return fault.New(fault.Stale, "stale", "the request was changed meanwhile").Fix("read it again")
	}
	r.revision++
	return nil
}

func insertDecision(ctx context.Context, tx *store.Tx, request string, d Decision) error {
	_, err := tx.Exec(ctx, `INSERT INTO decision (id, request_id, digest, domain, person, verdict, reason, foreign_token, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		d.ID, request, d.Digest, d.Domain, d.By, d.Verdict, d.Reason, d.ForeignToken, store.Micros(d.At))
	if err != nil {
		return fmt.Errorf("insert decision: %w", err)
	}
	return nil
}

// digestOf names exact content: SHA-256 over the RFC 8785 form of what was asked for, the template's version and the
// revision of what it changes.
func digestOf(c Content, templateVersion int, base int64) (string, error) {
	canonical, err := audit.Canonical(map[string]any{"content": c, "template_version": templateVersion, "base_revision": base})
	if err != nil {
		return "", fmt.Errorf("digest of the request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
