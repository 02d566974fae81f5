package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/store"
)

// compareLast is how many of the newest leaves Compare looks at.
const compareLast = 50_000

// maxDiffers bounds how many differences Compare names.
const maxDiffers = 5

// storedEvent is an event with all that is stored beside its leaf.
type storedEvent struct {
	leaf    int64
	id      string
	body    sql.NullString // not valid if somebody took the event away
	columns [9]string      // as indexed
	at      int64
}

// Compare looks whether the newest 50,000 events in the database are those in the tree, whether the columns that they are found
// by say what they say, and whether the texts beside them are those that were hashed. It returns at most five differences, in
// words.
func (l *Log) Compare(ctx context.Context, by Reader) (differs []string, err error) {
	if err := by.MayReadAudit(); err != nil {
		return nil, err
	}
	var t tree
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		t, err = readTree(ctx, tx)
		return err
	})
	for from := max(0, t.size-compareLast); err == nil && from < t.size && len(differs) < maxDiffers; from += rowsSize {
		err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
			found, err := t.compare(ctx, tx, from, min(from+rowsSize, t.size))
			differs = append(differs, found...)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("compare audit events with the tree: %w", err)
	}
	return differs[:min(len(differs), maxDiffers)], nil
}

func (t tree) compare(ctx context.Context, tx *store.Tx, from, to int64) (differs []string, err error) {
	events, err := store.List(ctx, tx, func(row store.Row) (e storedEvent, err error) {
		var at sql.NullInt64
		var columns [9]sql.NullString
		c := &columns
		err = row.Scan(&e.leaf, &e.id, &e.body, &at, &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7], &c[8])
		e.at, e.leaf = at.Int64, e.leaf-t.first
		for i := range columns {
			e.columns[i] = columns[i].String
		}
		return e, err
	}, `SELECT l.idx, l.event_id, e.body, e.at, e.id, e.name, e.actor, e.flag_key, e.flag_id, e.app, e.request_id, e.subject, e.actor_id
		FROM audit_leaf l LEFT JOIN audit_event e ON e.id = l.event_id WHERE l.idx >= $1 AND l.idx < $2 ORDER BY l.idx`, t.first+from, t.first+to)
	if err != nil {
		return nil, err
	}
	if missing := to - from - int64(len(events)); missing > 0 {
		differs = append(differs, fmt.Sprintf("%d of the leaves %d to %d are missing", missing, from, to-1))
	}
	indexes, ids := make([]int64, len(events)), make([]string, len(events))
	for i, e := range events {
		indexes[i], ids[i] = tlog.StoredHashIndex(0, e.leaf), e.id
	}
	hashes, err := t.hashes(ctx, tx, indexes)
	if err != nil {
		return nil, err
	}
	texts, err := textsOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		if what := e.differs(hashes[indexes[i]], texts[e.id]); what != "" {
			differs = append(differs, fmt.Sprintf("event %s (leaf %d): %s", e.id, e.leaf, what))
		}
	}
	return differs, nil
}

// differs says how an event differs from its leaf, of which hash is the hash; empty if it does not.
func (e storedEvent) differs(hash tlog.Hash, texts map[string]Text) string {
	if !e.body.Valid {
		return "it was taken out of the database"
	}
	if tlog.RecordHash([]byte(e.body.String)) != hash {
		return "it was changed: it is not what was hashed"
	}
	var is Event
	if err := json.Unmarshal([]byte(e.body.String), &is); err != nil {
		return "it cannot be read"
	}
	says := [9]string{is.ID, is.Event.text, is.Actor, is.FlagKey, is.FlagID, is.App, is.RequestID, is.Subject, is.ActorID}
	names := [9]string{"id", "name", "actor", "flag_key", "flag_id", "app", "request_id", "subject", "actor_id"}
	for i := range says {
		if says[i] != e.columns[i] {
			return fmt.Sprintf("it is found by another %s than it has: %q, not %q", names[i], e.columns[i], says[i])
		}
	}
	if e.at != store.Micros(is.Timestamp) {
		return "it is found by another time than it has"
	}
	if path, err := checkTexts([]byte(e.body.String), texts); err != nil {
		return fmt.Sprintf("its text %s was changed", path)
	}
	return ""
}

// Sample is a step: of events of these kinds, at most limit, the newest of each thing, by what id names the thing by. One half is the
// newest events, the other those before a moment of the log that is another each time, so that in the end all is looked at.
func Sample(ctx context.Context, tx *store.Tx, limit int, id func(Event) string, kinds ...Name) (map[string]Event, error) {
	args := []any{limit / 2, nil}
	for _, kind := range kinds {
		args = append(args, kind.text)
	}
	var span [2]int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MIN(at), 0), COALESCE(MAX(at), 0) FROM audit_event`).Scan(&span[0], &span[1]); err != nil {
		return nil, fmt.Errorf("read how long the log is: %w", err)
	}
	sampled := map[string]Event{}
	for _, until := range []int64{span[0] + rand.Int64N(span[1]-span[0]+1), math.MaxInt64} { //nolint:gosec // nobody gains by guessing what is looked at
		args[1] = until
		list, err := store.List(ctx, tx, scanEntry, selectEntry+` WHERE e.name IN (`+store.In(3, len(kinds))+`) AND e.at <= $2
			ORDER BY e.at DESC, e.id DESC LIMIT $1`, args...)
		if err != nil {
			return nil, fmt.Errorf("sample events: %w", err)
		}
		for _, e := range slices.Backward(list) { // the newest is put last
			sampled[id(e.Event)] = e.Event
		}
	}
	delete(sampled, "") // what is no such thing
	return sampled, nil
}
