package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Reader is who reads the log: somebody who can tell whether they may. access.Actor is one.
type Reader interface {
	MayReadAudit() error
}

// Entry is an event with its place in the log.
type Entry struct {
	Event
	Leaf *int64 `json:"leaf" doc:"Number of the event's leaf; null until it is sequenced, for about a second"`
}

// Query says which events are wanted. Empty members do not filter.
type Query struct {
	Flag    string   // key or flag id
	Rests   []string // with Flag: subjects that it rests on, such as segment:pilot, whose events are its own, too
	Members []string // with Flag: subjects whose members it is for, such as group:pilot: who came and left is its own, too
	Actor   string   // an address that a person has or had, which finds what they did under any; or the name of who is no person
	Event   string   // a name, or the beginning of one and *
	App     string
	Request string
	Subject string // what else was acted on, such as group:product
	After   string // id of an event, or a time (RFC 3339): only what came after
	From    string // a time (RFC 3339): only what happened then or later
	To      string // a time (RFC 3339): only what happened before
	Text    string // what one of the event's words contains, whatever the case
	Page    store.Page
}

// searched is how many events a page looks through for what no index finds. A page that found less than it holds before it
// came to the end of them says where the next goes on, so that no page takes long however rare the word is.
const searched = 20_000

// Events lists events, the newest first.
func (l *Log) Events(ctx context.Context, by Reader, q Query) (list store.Listing[Entry], err error) {
	if err := by.MayReadAudit(); err != nil {
		return list, err
	}
	w, err := q.where()
	if err != nil {
		return list, err
	}
	if err := l.byActor(ctx, w, q.Actor); err != nil {
		return list, err
	}
	query, args, searches := q.statement(w)
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		items, err := listEntries(ctx, tx, query, args...)
		if err != nil {
			return fmt.Errorf("list audit events: %w", err)
		}
		list = store.Cut(q.Page, items, func(e Entry) []string {
			return []string{strconv.FormatInt(store.Micros(e.Timestamp), 10), e.ID}
		})
		if !searches || list.Next != "" {
			return nil
		}
		last, more, err := store.One(ctx, tx, func(row store.Row) (keys [2]string, err error) {
			err = row.Scan(&keys[0], &keys[1])
			return keys, err
		}, `SELECT CAST(e.at AS TEXT), e.id FROM (`+w.newest(searched)+`) e`+newestFirst+` LIMIT 1 OFFSET `+strconv.Itoa(searched-1), w.args...)
		if more {
			list.Next = store.Cursor(last[:]...)
		}
		return err
	})
	return list, err
}

// statement lists one page, and one event more where there are more. searches is set where it looks through what no index finds.
func (q Query) statement(w *where) (query string, args []any, searches bool) {
	found, args := q.loose(w.args)
	limit := q.Page.Size() + 1
	if found != "" {
		query = `SELECT e.body, l.idx - h.first FROM (` + w.newest(searched) + `) e` + leafOf + ` WHERE ` + found
	} else {
		query = `SELECT e.body, l.idx - h.first FROM (` + w.newest(limit) + `) e` + leafOf
	}
	return query + newestFirst + ` LIMIT ` + strconv.Itoa(limit), args, found != ""
}

const newestFirst = ` ORDER BY e.at DESC, e.id DESC`

// where is what indexes find.
func (q Query) where() (*where, error) {
	w := &where{}
	if q.Flag != "" {
		terms := `e.flag_key = ? OR e.flag_id = ?`
		if len(q.Rests) > 0 {
			terms += ` OR e.subject IN (` + marks(len(q.Rests)) + `)`
		}
		args := append([]any{q.Flag, q.Flag}, store.Values(q.Rests)...)
		if len(q.Members) > 0 {
			terms += ` OR e.subject IN (` + marks(len(q.Members)) + `) AND e.name IN (` + marks(len(Membership)) + `)`
			args = append(args, store.Values(q.Members)...)
			for _, name := range Membership {
				args = append(args, name.text)
			}
		}
		w.add(`(`+terms+`)`, args...)
	}
	exact := q.Event
	if strings.HasSuffix(exact, "*") {
		exact = ""
	}
	for _, f := range []struct{ column, value string }{
		{"e.name", exact}, {"e.app", q.App}, {"e.request_id", q.Request}, {"e.subject", q.Subject},
	} {
		if f.value != "" {
			w.add(f.column+` = ?`, f.value)
		}
	}
	if err := w.after(q.After); err != nil {
		return nil, err
	}
	for _, bound := range []struct{ name, value, term string }{{"from", q.From, `e.at >= ?`}, {"to", q.To, `e.at < ?`}} {
		if bound.value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, bound.value)
		if err != nil {
			return nil, fault.New(fault.Invalid, "bad_time", "%q is not a time", fault.Clip(bound.value, 100)).At(bound.name).
				Fix("write it like 2026-01-10T15:42:00Z")
		}
		w.add(bound.term, store.Micros(at))
	}
	keys, err := q.Page.After()
	if err != nil || keys == nil {
		return w, err
	}
	at, err := strconv.ParseInt(keys[0], 10, 64)
	if err != nil || len(keys) != 2 {
		return nil, badCursor()
	}
	w.add(`(e.at, e.id) < (?, ?)`, at, keys[1])
	return w, nil
}

// byActor narrows to what an actor did.
func (l *Log) byActor(ctx context.Context, w *where, actor string) error {
	if actor == "" {
		return nil
	}
	ids, names := []string(nil), []string{actor}
	if l.cfg.Known != nil {
		err := l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			ids, names, err = l.cfg.Known(ctx, tx, actor)
			return err
		})
		if err != nil {
			return fmt.Errorf("look up who acted: %w", err)
		}
	}
	slices.Sort(names) // two people may have had one address
	for _, id := range ids {
		w.either = append(w.either, w.term(`e.actor_id = ?`, id))
	}
	for _, name := range slices.Compact(names) {
		w.either = append(w.either, w.term(`e.actor_id = '' AND e.actor = ?`, name))
	}
	return nil
}

// marks is a list of n question marks for where.add.
func marks(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

// loose is what no index finds, with the values of both; empty if the query has none of it.
func (q Query) loose(args []any) (term string, all []any) {
	w := &where{args: slices.Clone(args)}
	if prefix, ok := strings.CutSuffix(q.Event, "*"); ok {
		w.add(`e.name LIKE ? ESCAPE '\'`, strings.TrimPrefix(store.LikePattern(prefix), "%"))
	}
	if q.Text != "" {
		w.add(`e.search LIKE ? ESCAPE '\'`, store.LikePattern(strings.ToLower(q.Text)))
	}
	return strings.Join(w.terms, ` AND `), w.args
}

func badCursor() error {
	return fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
		Fix("leave the cursor out to begin at the start")
}

// where builds a condition; its question marks become numbered placeholders.
type where struct {
	terms  []string // which all hold
	either []string // of which one holds besides, if there are any; no event fits two of them
	args   []any
}

func (w *where) add(term string, args ...any) { w.terms = append(w.terms, w.term(term, args...)) }

func (w *where) term(term string, args ...any) string {
	for _, arg := range args {
		w.args = append(w.args, arg)
		term = strings.Replace(term, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	return term
}

func (w *where) after(after string) error {
	if after == "" {
		return nil
	}
	if at, err := time.Parse(time.RFC3339Nano, after); err == nil {
		w.add(`e.at > ?`, store.Micros(at))
		return nil
	}
	if _, err := uuid.Parse(after); err != nil {
		return fault.New(fault.Invalid, "bad_after", "%q is neither a time nor the id of an event", after).At("after").
			Fix("give a time such as 2026-01-10T15:42:00Z, or the id of an event of this log")
	}
	w.add(`(e.at, e.id) > (SELECT a.at, a.id FROM audit_event a WHERE a.id = ?)`, after)
	return nil
}

func (w *where) text() string {
	if len(w.terms) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(w.terms, ` AND `)
}

// newest lists the newest events that fit, at most limit. Those of each alternative are listed by themselves first: an index has them
// in their order, so that it is never all that somebody did which is read and sorted.
func (w *where) newest(limit int) string {
	order := newestFirst + ` LIMIT ` + strconv.Itoa(limit)
	if len(w.either) == 0 {
		return `SELECT e.id, e.at, e.name, e.search, e.body FROM audit_event e` + w.text() + order
	}
	parts := make([]string, len(w.either))
	for i, term := range w.either {
		all := where{terms: append(slices.Clone(w.terms), term)}
		parts[i] = `SELECT p.id, p.at, p.name, p.search, p.body FROM (` + all.newest(limit) + `) p`
	}
	return `SELECT e.id, e.at, e.name, e.search, e.body FROM (` + strings.Join(parts, ` UNION ALL `) + `) e` + order
}

// leafOf is the leaf of an event in the log as it goes on; it may have had others in logs that were given up.
const leafOf = ` LEFT JOIN audit_head h ON true LEFT JOIN audit_leaf l ON l.event_id = e.id AND l.idx >= h.first`

const selectEntry = `SELECT e.body, l.idx - h.first FROM audit_event e` + leafOf

func scanEntry(row store.Row) (e Entry, err error) {
	var body string
	if err := row.Scan(&body, &e.Leaf); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(body), &e.Event); err != nil {
		return e, fmt.Errorf("decode audit event: %w", err)
	}
	return e, nil
}

// OfRequest is a step: the events of a request, the oldest first.
func OfRequest(ctx context.Context, tx *store.Tx, requestID string) ([]Entry, error) {
	list, err := listEntries(ctx, tx, selectEntry+` WHERE e.request_id = $1 ORDER BY e.at, e.id`, requestID)
	if err != nil {
		return nil, fmt.Errorf("list audit events of a request: %w", err)
	}
	return list, nil
}

// OfFlag is a step: at most limit events of the flag with the key, the newest first.
func OfFlag(ctx context.Context, tx *store.Tx, key string, limit int) ([]Entry, error) {
	list, err := listEntries(ctx, tx, selectEntry+` WHERE e.flag_key = $1 ORDER BY e.at DESC, e.id DESC LIMIT $2`, key, limit)
	if err != nil {
		return nil, fmt.Errorf("list audit events of a flag: %w", err)
	}
	return list, nil
}

// OfApp is a step: at most limit events of an app and its flags, the newest first.
func OfApp(ctx context.Context, tx *store.Tx, slug string, limit int) ([]Entry, error) {
	list, err := listEntries(ctx, tx, selectEntry+` WHERE e.app = $1 ORDER BY e.at DESC, e.id DESC LIMIT $2`, slug, limit)
	if err != nil {
		return nil, fmt.Errorf("list audit events of an app: %w", err)
	}
	return list, nil
}

// Checkpoint signs the log as it is now with this server's key.
func (l *Log) Checkpoint(ctx context.Context, by Reader) (c Checkpoint, err error) {
	if err := by.MayReadAudit(); err != nil {
		return Checkpoint{}, err
	}
	if c, err = l.attest(ctx, nil); err != nil {
		return Checkpoint{}, fmt.Errorf("sign audit checkpoint: %w", err)
	}
	return c, nil
}

// Proof shows that an event is in the log: hashed with the leaf's, the hashes give the root of the checkpoint (RFC 6962,
// section 2.1.1).
type Proof struct {
	Event      json.RawMessage `json:"event" doc:"The event in the form that was hashed"`
	Leaf       int64           `json:"leaf"`
	LeafHash   string          `json:"leaf_hash" doc:"Base64 of SHA-256 of a zero byte and the event's RFC 8785 form"`
	Hashes     []string        `json:"hashes" nullable:"false" doc:"The path from the leaf to the root, base64"`
	Checkpoint Checkpoint      `json:"checkpoint"`
	Texts      map[string]Text `json:"texts,omitempty" doc:"Free text whose salted hash the event holds, by its JSON Pointer, as far as it was not erased"`
}

// Proof proves that the event with the id is in the log.
func (l *Log) Proof(ctx context.Context, by Reader, id string) (p Proof, err error) {
	if err := by.MayReadAudit(); err != nil {
		return Proof{}, err
	}
	_, err = l.attest(ctx, func(ctx context.Context, tx *store.Tx, t tree, c Checkpoint) error {
		p, err = prove(ctx, tx, t, id)
		p.Checkpoint = c
		return err
	})
	if err != nil {
		return Proof{}, err
	}
	return p, nil
}

func prove(ctx context.Context, tx *store.Tx, t tree, id string) (p Proof, err error) {
	var leaf *int64
	body, ok, err := store.One(ctx, tx, func(row store.Row) (body string, err error) {
		err = row.Scan(&body, &leaf)
		return body, err
	}, selectEntry+` WHERE e.id = $1`, id)
	switch {
	case err != nil:
		return p, fmt.Errorf("read audit event: %w", err)
	case !ok:
		return p, fault.New(fault.NotFound, "no_such_event", "there is no audit event %s", id).Fix("look it up in the list of events")
	case leaf == nil:
		return p, fault.New(fault.Conflict, "not_sequenced", "the event is not in the tree yet").Fix("try again in a second")
	}
	p = Proof{Event: json.RawMessage(body), Leaf: *leaf, LeafHash: tlog.RecordHash([]byte(body)).String(), Hashes: []string{}}
	path, err := tlog.ProveRecord(t.size, *leaf, t.reader(ctx, tx))
	if err != nil {
		return p, fmt.Errorf("prove audit event: %w", err)
	}
	for _, hash := range path {
		p.Hashes = append(p.Hashes, hash.String())
	}
	texts, err := textsOf(ctx, tx, []string{id})
	p.Texts = texts[id]
	return p, err
}
