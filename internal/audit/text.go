package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Text is free text that stands in an event as {"salted_sha256": …}: the hexadecimal SHA-256 of the salt's bytes and then the
// text's. Whoever has only the hash cannot guess the text.
type Text struct {
	Salt []byte `json:"salt" doc:"16 bytes, base64"`
	Text string `json:"text"`
}

// saltedHash is the member of the object that stands for a text.
const saltedHash = "salted_sha256"

const saltSize = 16

func (t Text) hash() string {
	sum := sha256.Sum256(append(bytes.Clone(t.Salt), t.Text...))
	return hex.EncodeToString(sum[:])
}

// textNames are the members of details that hold what a person wrote, be it a single word. Any other string with a space in it
// is taken for free text too, whatever its name.
var textNames = []string{"answer", "comment", "description", "display_name", "message", "text", "title", "words"}

// mayHoldText reports whether encoded details may hold free text, without looking closely: most events hold none.
func mayHoldText(raw []byte) bool {
	if bytes.ContainsAny(raw, ` \`) || bytes.ContainsFunc(raw, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return true
	}
	return slices.ContainsFunc(textNames, func(name string) bool { return bytes.Contains(raw, []byte(`"`+name+`":`)) })
}

// takeTexts replaces the free text of the event's details by salted hashes and returns it by its JSON Pointer (RFC 6901). The
// other members of the event stay as they are, its reason too.
func (e *Event) takeTexts() (map[string]Text, error) {
	if len(e.Details) == 0 {
		return nil, nil
	}
	raw, err := encodeLine(e.Details)
	if err != nil || !mayHoldText(raw) {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var details map[string]any
	if err := decoder.Decode(&details); err != nil {
		return nil, fmt.Errorf("decode details: %w", err)
	}
	texts := map[string]Text{}
	for name, value := range details {
		details[name] = withoutTexts(value, "/details/"+escape(name), name, texts)
	}
	e.Details = details
	return texts, nil
}

func withoutTexts(value any, path, name string, texts map[string]Text) any {
	switch v := value.(type) {
	case map[string]any:
		for member, inner := range v {
			v[member] = withoutTexts(inner, path+"/"+escape(member), member, texts)
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutTexts(inner, path+"/"+strconv.Itoa(i), name, texts)
		}
	case string:
		if v == "" || !slices.Contains(textNames, name) && !strings.ContainsFunc(v, unicode.IsSpace) {
			return v
		}
		salt := make([]byte, saltSize)
		_, _ = rand.Read(salt) // never fails
		text := Text{Salt: salt, Text: v}
		texts[path] = text
		return map[string]any{saltedHash: text.hash()}
	}
	return value
}

func escape(member string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(member) }

// replace puts into the value what with makes of that which stands at the pointer, where there is such a place.
func replace(value any, pointer string, with func(any) any) {
	names := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, name := range names {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		last := i == len(names)-1
		switch v := value.(type) {
		case map[string]any:
			inner, ok := v[name]
			if !ok {
				return
			}
			if last {
				v[name] = with(inner)
				return
			}
			value = inner
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(v) || strconv.Itoa(n) != name {
				return
			}
			if last {
				v[n] = with(v[n])
				return
			}
			value = v[n]
		default:
			return
		}
	}
}

// standsFor reports whether the value is what an event holds in place of the text.
func (t Text) standsFor(value any) bool {
	object, ok := value.(map[string]any)
	return ok && len(object) == 1 && object[saltedHash] == t.hash()
}

func insertTexts(ctx context.Context, tx *store.Tx, all map[string]map[string]Text) error {
	var values []any
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, path := range slices.Sorted(maps.Keys(all[id])) {
			values = append(values, id, path, all[id][path].Salt, all[id][path].Text)
		}
	}
	const columns = 4
	for part := range slices.Chunk(values, columns*(rowsSize/columns)) {
		rows := make([]string, 0, len(part)/columns)
		for i := range len(part) / columns {
			rows = append(rows, "("+store.In(columns*i+1, columns)+")")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO audit_text (event_id, path, salt, text) VALUES `+strings.Join(rows, ", "), part...); err != nil {
			return fmt.Errorf("append texts of audit events: %w", err)
		}
	}
	return nil
}

// textsOf is a step: the texts of events that are still there, by event and JSON Pointer.
func textsOf(ctx context.Context, tx *store.Tx, ids []string) (map[string]map[string]Text, error) {
	all := map[string]map[string]Text{}
	for part := range slices.Chunk(ids, rowsSize) {
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var id, path string
			var t Text
			if err := row.Scan(&id, &path, &t.Salt, &t.Text); err != nil {
				return none, err
			}
			if all[id] == nil {
				all[id] = map[string]Text{}
			}
			all[id][path] = t
			return none, nil
		}, `SELECT event_id, path, salt, text FROM audit_text WHERE event_id IN (`+store.In(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read texts of audit events: %w", err)
		}
	}
	return all, nil
}

// listEntries is a step: it runs a query of selectEntry's columns, and puts the texts that are still there in their places.
func listEntries(ctx context.Context, tx *store.Tx, query string, args ...any) ([]Entry, error) {
	list, err := store.List(ctx, tx, scanEntry, query, args...)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range list {
		if len(e.Details) > 0 {
			ids = append(ids, e.ID)
		}
	}
	texts, err := textsOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		for path, text := range texts[e.ID] {
			replace(map[string]any{"details": e.Details}, path, func(value any) any {
				if text.standsFor(value) {
					return text.Text
				}
				return value
			})
		}
	}
	return list, nil
}

// errNoText says what is wrong with the text beside an event in an export.
var errNoText = errors.New("it is not the text that was hashed")

// checkTexts compares the texts beside an event, as it stands in a file, with the hashes in it.
func checkTexts(event []byte, texts map[string]Text) (path string, err error) {
	if len(texts) == 0 {
		return "", nil
	}
	var whole map[string]any
	if err := json.Unmarshal(event, &whole); err != nil {
		return "", fmt.Errorf("decode event: %w", err)
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		fits := false
		replace(whole, path, func(value any) any {
			fits = texts[path].standsFor(value)
			return value
		})
		if !fits {
			return path, errNoText
		}
	}
	return "", nil
}

// Eraser is who takes texts out of the log, as law demands: somebody who can tell whether they may. access.Actor is one.
type Eraser interface {
	MayEraseTexts() error
	Event(name Name, at time.Time) Event
}

// Erase deletes the texts of the event with the id, with a reason and an event that says so, and returns where they stood. What
// was hashed stays, so that every proof still holds. An event without texts is a fault of kind NotFound.
func (l *Log) Erase(ctx context.Context, by Eraser, id, reason string) (paths []string, err error) {
	if err := by.MayEraseTexts(); err != nil {
		return nil, err
	}
	if strings.TrimSpace(reason) == "" {
		return nil, fault.New(fault.Unprocessable, "no_reason", "no reason is given").At("reason").Fix("say which law or request demands it")
	}
	err = l.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		texts, err := textsOf(ctx, tx, []string{id})
		if err != nil {
			return err
		}
		if paths = slices.Sorted(maps.Keys(texts[id])); len(paths) == 0 {
			return fault.New(fault.NotFound, "no_texts", "the event %s has no texts", id).Fix("look the event up: they may be deleted already")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM audit_text WHERE event_id = $1`, id); err != nil {
			return fmt.Errorf("delete texts of an audit event: %w", err)
		}
		e := by.Event(TextsErased, l.cfg.Now())
		e.Subject, e.Reason, e.Details = "audit_event:"+id, reason, map[string]any{"paths": paths}
		_, err = Append(ctx, tx, e)
		return err
	})
	return paths, err
}
