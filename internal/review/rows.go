package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// record is a request as stored: what cannot be worked out anew.
type record struct {
	id              string
	state           State
	content         Content
	requester       access.Identity
	authors         []Author         // the requester first, then the editors
	makers          access.PersonIDs // of the credentials by which it was asked for and edited (access.Actor.Makers)
	templateID      string           // that templateVersion is of
	templateVersion int
	digest          string
	assessment      Assessment
	least           *int // people in its audience when it was judged, the fewest since it was asked for or edited; nil: not known
	quorum          map[access.Domain]int
	flag            FlagRef // empty until schema lets the flag be reserved
	app             string  // slug of the app that it is about
	owner           string  // group that owns the app
	category        string  // of the app
	was             State   // as stored; save tells by it since when the request waits
	wasDigest       string  // likewise
	waitingSince    time.Time
	rolloutID       string
	createdAt       time.Time
	updatedAt       time.Time
	revision        int64
	decisions       []Decision
	fieldOwnerID    access.PersonID      // whom fields.owner named when it was written; empty: not known, or no person
	rules           string               // by which alone it was judged
	resubmits       int64                // how often it was submitted again
	stuck           bool                 // too few are left who may decide
	stricter        bool                 // what counts for it is stricter than what it would be judged by now
	refers          *registry.References // what the flags of an import refer to; nil: not known
	whole           bool                 // its bulk was read, so that it may be saved
}

// undecided picks the requests that are submitted and not decided, in SQL.
const undecided = `state IN ('checking', 'needs_fixes', 'needs_approval')`

// undecided reports whether the request is submitted and not decided.
func (s State) undecided() bool { return s == Checking || s == NeedsFixes || s == NeedsApproval }

// columns are those that scanRecord reads: all but the bulk.
const columns = `id, state, content, requester, requester_id, authors, template_id, template_version, digest, assessment, quorum,
	flag_key, flag_id, app, owner, category, rollout_id, waiting_since, created_at, updated_at, revision, rules, resubmits, stricter, stuck,
	field_owner_id, makers`

func scanRecord(row store.Row) (record, error) { return scanColumns(row) }

func scanColumns(row store.Row, more ...any) (r record, err error) {
	var content, authors, assessment, quorum string
	var kept keptAssessment
	var waiting, created, updated int64
	columns := []any{
		&r.id, &r.state, &content, &r.requester.Email, &r.requester.ID, &authors, &r.templateID, &r.templateVersion, &r.digest, &assessment, &quorum,
		&r.flag.Key, &r.flag.FlagID, &r.app, &r.owner, &r.category, &r.rolloutID, &waiting, &created, &updated, &r.revision, &r.rules,
		&r.resubmits, &r.stricter, &r.stuck, &r.fieldOwnerID, &r.makers,
	}
	if err := row.Scan(append(columns, more...)...); err != nil {
		return record{}, err
	}
	for _, part := range []struct {
		text string
		into any
	}{{content, &r.content}, {authors, &r.authors}, {assessment, &kept}, {quorum, &r.quorum}} {
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return record{}, fmt.Errorf("decode request %s: %w", r.id, err)
		}
	}
	r.assessment, r.least = kept.Assessment, kept.Least
	r.createdAt, r.updatedAt, r.waitingSince = store.Time(created), store.Time(updated), store.Time(waiting)
	r.was, r.wasDigest = r.state, r.digest
	if r.owner == "" { // kept since requests have other kinds than publish_app
		r.owner, r.category = appOf(r.content).Owner, appOf(r.content).Category
	}
	return r, nil
}

// keptAssessment is an assessment as it is stored.
type keptAssessment struct {
	Assessment
	Least *int `json:"least,omitempty"`
}

// bulk is what of a request no list shows, and what may be megabytes.
type bulk struct {
	Document    string       `json:"document,omitempty"`
	Map         string       `json:"map,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Diff        []Change     `json:"diff,omitempty"`

	Refers *registry.References `json:"refers,omitempty"`
}

// wholeColumns are those that scanWhole reads.
const wholeColumns = columns + `, bulk`

func scanWhole(row store.Row) (record, error) {
	var text string
	r, err := scanColumns(row, &text)
	r.whole = true
	if err != nil || text == "" { // it was saved before there was the column, with all in content and assessment
		return r, err
	}
	var b bulk
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return record{}, fmt.Errorf("decode request %s: %w", r.id, err)
	}
	r.content.Document, r.content.Map, r.content.Attachments, r.assessment.Diff = b.Document, b.Map, b.Attachments, b.Diff
	r.refers = b.Refers
	return r, nil
}

// load reads a request for change, with its decisions; nobody else changes it until the transaction ends.
func load(ctx context.Context, tx *store.Tx, by access.Actor, id string) (record, error) {
	return read(ctx, tx, by, id, tx.ForUpdate())
}

// read returns a request with its decisions. To all but its requester a draft does not exist.
func read(ctx context.Context, tx *store.Tx, by access.Actor, id, suffix string) (record, error) {
	r, ok, err := store.One(ctx, tx, scanWhole, `SELECT `+wholeColumns+` FROM request WHERE id = $1`+suffix, id)
	if err != nil {
		return record{}, fmt.Errorf("read request: %w", err)
	}
	if !ok || r.content.Draft && !r.requester.Is(by.Identity()) {
		return record{}, fault.New(fault.NotFound, "no_such_request", "there is no request %s", id).
			Fix("look it up in the list of requests")
	}
	all := []record{r}
	err = withDecisions(ctx, tx, all)
	return all[0], err
}

// risks are the ranks that lists are sorted by.
var risks = map[Risk]int{Low: 1, Medium: 2, High: 3}

// rank of a draft is 0: nobody knows its risk.
func (r *record) rank() int {
	if r.content.Draft {
		return 0
	}
	return risks[r.assessment.Risk]
}

// maxSearch bounds what a search looks through, in bytes.
const maxSearch = 2_000

func (r *record) search() string {
	words := strings.Join([]string{r.content.title(), r.app, r.flag.Key, r.requester.Email, appOf(r.content).Name, r.content.Reason}, " ")
	return fault.Clip(strings.ToLower(words), maxSearch)
}

// save writes the request, new if its revision is 0, else over exactly the revision that was read.
func (r *record) save(ctx context.Context, tx *store.Tx, now time.Time) error {
	if r.revision > 0 && !r.whole {
		return fmt.Errorf("save request %s, which was read without its bulk", r.id)
	}
	r.updatedAt = now
	if r.state != r.was || r.digest != r.wasDigest {
		r.waitingSince, r.was, r.wasDigest = now, r.state, r.digest
	}
	content, assessment := r.content, r.assessment
	b := bulk{Document: content.Document, Map: content.Map, Attachments: content.Attachments, Diff: assessment.Diff, Refers: r.refers}
	content.Document, content.Map, content.Attachments, assessment.Diff = "", "", nil, nil
	var texts [5]string
	for i, part := range []any{content, r.authors, keptAssessment{assessment, r.least}, r.quorum, b} {
		text, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		texts[i] = string(text)
	}
	args := []any{
		r.id, r.state, r.app, r.flag.Key, r.flag.FlagID, r.content.Environment, texts[1], texts[0], r.templateID, r.templateVersion,
		r.digest, texts[2], texts[3], r.rolloutID, store.Micros(now), r.content.Draft, r.owner, r.category, r.rank(), r.search(),
		store.Micros(r.waitingSince), texts[4], r.rules, r.resubmits, r.stricter, r.stuck,
		r.requester.Email, r.requester.ID, r.fieldOwnerID, r.makers,
	}
	if r.revision == 0 {
		r.revision, r.createdAt, r.whole = 1, now, true
		if _, err := tx.Exec(ctx, `INSERT INTO request (id, state, app, flag_key, flag_id, environment, authors, content,
				template_id, template_version, digest, assessment, quorum, rollout_id, updated_at, draft, owner, category, risk, search,
				waiting_since, bulk, rules, resubmits, stricter, stuck, requester, requester_id, field_owner_id, makers,
				kind, created_at, revision)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $15, 1)`,
			append(args, r.content.Kind)...); err != nil {
			return fmt.Errorf("insert request: %w", err)
		}
		return nil
	}
	changed, err := tx.Exec(ctx, `UPDATE request SET state = $2, app = $3, flag_key = $4, flag_id = $5, environment = $6, authors = $7,
			content = $8, template_id = $9, template_version = $10, digest = $11, assessment = $12, quorum = $13, rollout_id = $14,
			updated_at = $15, draft = $16, owner = $17, category = $18, risk = $19, search = $20, waiting_since = $21, bulk = $22, rules = $23,
			resubmits = $24, stricter = $25, stuck = $26, requester = $27, requester_id = $28, field_owner_id = $29,
			makers = $30, revision = revision + 1
		WHERE id = $1 AND revision = $31`, append(args, r.revision)...)
	if err != nil {
		return fmt.Errorf("update request: %w", err)
	}
	if changed == 0 {
		return fault.New(fault.Stale, "stale", "the request was changed meanwhile").Fix("read it again")
	}
	r.revision++
	return nil
}

// withDecisions reads the decisions on the requests, oldest first.
func withDecisions(ctx context.Context, tx *store.Tx, records []record) error {
	if len(records) == 0 {
		return nil
	}
	at := map[string]int{}
	ids := make([]any, 0, len(records))
	for i, r := range records {
		at[r.id] = i
		ids = append(ids, r.id)
	}
	type owned struct {
		request string
		Decision
	}
	all, err := store.List(ctx, tx, func(row store.Row) (o owned, err error) {
		var micros int64
		err = row.Scan(&o.request, &o.ID, &o.Digest, &o.Domain, &o.By, &o.ByID, &o.Verdict, &o.Reason, &o.ForeignToken, &o.makers, &o.Void, &micros)
		o.At = store.Time(micros)
		return o, err
	}, `SELECT request_id, id, digest, domain, person, person_id, verdict, reason, foreign_token, makers, void, at FROM decision
		WHERE request_id IN (`+store.In(1, len(ids))+`) ORDER BY id`, ids...)
	if err != nil {
		return fmt.Errorf("list decisions: %w", err)
	}
	for _, o := range all {
		r := &records[at[o.request]]
		r.decisions = append(r.decisions, o.Decision)
	}
	return nil
}

// addDecision stores a decision. What the same person decided before no longer counts.
func (r *record) addDecision(ctx context.Context, tx *store.Tx, d Decision) error {
	if err := r.void(ctx, tx, VoidReplaced, func(x Decision) bool { return x.by().Is(d.by()) }); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO decision (id, request_id, digest, domain, person, person_id, verdict, reason, foreign_token, makers, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		d.ID, r.id, d.Digest, d.Domain, d.By, d.ByID, d.Verdict, d.Reason, d.ForeignToken, d.makers, store.Micros(d.At))
	if err != nil {
		return fmt.Errorf("insert decision: %w", err)
	}
	r.decisions = append(r.decisions, d)
	return nil
}

// void makes the decisions that still count and that which picks void for good.
func (r *record) void(ctx context.Context, tx *store.Tx, why Void, which func(Decision) bool) error {
	for i, d := range r.decisions {
		if d.Void != "" || !which(d) {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE decision SET void = $1 WHERE id = $2`, why, d.ID); err != nil {
			return fmt.Errorf("void decision: %w", err)
		}
		r.decisions[i].Void = why
	}
	return nil
}

// digestOf names exact content: SHA-256 over the RFC 8785 form of what was asked for, the template's version, the state of what it
// changes, and how often it was submitted again, so that an approval on its way is not one of what is judged anew.
func digestOf(c Content, templateVersion int, base any, resubmits int64) (string, error) {
	named := map[string]any{"content": c, "template_version": templateVersion, "base_revision": base}
	if resubmits > 0 {
		named["resubmits"] = resubmits
	}
	canonical, err := audit.Canonical(named)
	if err != nil {
		return "", fmt.Errorf("digest of the request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// digestNow is the digest of the request with what it changes as the subject has it; nil for a draft, whose base nobody reads.
func (r record) digestNow(s subject) (string, error) {
	var base any
	if s != nil {
		base = s.base(r.content)
	}
	if base == nil {
		base = int64(0)
	}
	return digestOf(r.content, r.templateVersion, base, r.resubmits)
}

// current reports whether what the request changes is still as it was when its digest was taken.
func (r record) current(s subject) (bool, error) {
	digest, err := r.digestNow(s)
	return digest == r.digest, err
}
