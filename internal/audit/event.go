// Package audit is the log that nobody can rewrite.
//
// An event is appended in the transaction of the change that it tells. Shortly after, the leader's sequencer gives it a
// leaf in a Merkle tree (RFC 6962) and signs checkpoints of the tree, so that anyone who holds an export can find, without
// the server, whether an event was changed, removed, reordered or slipped in.
package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/soukhq/souk/internal/store"
)

// Topic is announced with every appended event.
const Topic = "audit"

// Credential tells by which credential an act was done.
type Credential struct {
	Kind   string `json:"kind" enum:"session,token,sdk_key,local,system,link" doc:"What the actor showed"`
	ID     string `json:"id,omitempty" doc:"Id of the session, token or key; never the secret"`
	MadeBy string `json:"made_by,omitempty" doc:"E-mail of the person who made a token"`

	MadeByID string `json:"made_by_id,omitempty" doc:"Id of that person"`
}

// Event is what happened. Its first seven members after the id are those of the mission's event.json; they stand in the leaf as
// they are, the reason too. Free text in details stands in the leaf as a salted hash (Text).
type Event struct {
	ID        string    `json:"id"`
	Event     Name      `json:"event" doc:"What happened, such as flag.state_changed"`
	FlagID    string    `json:"flag_id,omitempty"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to,omitempty"`
	Actor     string    `json:"actor" doc:"E-mail of the person at that time, or the name of the part of Souk that acted"`
	Timestamp time.Time `json:"timestamp"`
	Reason    string    `json:"reason,omitempty"`

	FlagKey     string         `json:"flag_key,omitempty"`
	Environment string         `json:"environment,omitempty"`
	App         string         `json:"app,omitempty"`
	RequestID   string         `json:"request_id,omitempty"`
	RolloutID   string         `json:"rollout_id,omitempty"`
	ActorID     string         `json:"actor_id,omitempty" doc:"Id of the person who acted, whose address may change; absent for who is no person, and in events from before there were such ids"`
	Subject     string         `json:"subject,omitempty" doc:"What else was acted on, such as group:product"`
	Credential  Credential     `json:"credential"`
	Details     map[string]any `json:"details,omitempty" doc:"Free text in it is hashed in the leaf, and shown as long as it was not erased"`
}

// Append writes the event in the caller's transaction. It fills in the id if that is empty; Event, Actor, Timestamp and
// Credential.Kind are the caller's and required, and so is a reason for flag.state_changed. It refuses an event that is not in
// the catalogue. It returns the event's id.
func Append(ctx context.Context, tx *store.Tx, e Event) (id string, err error) {
	ids, err := appendAll(ctx, tx, []Event{e})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// appendRows is how many events go into one statement: SQLite looks up each of its values among all of them.
const appendRows = 50

// AppendAll is Append for many events, in their order, in as few statements as the engines allow.
func AppendAll(ctx context.Context, tx *store.Tx, events []Event) error {
	for part := range slices.Chunk(events, appendRows) {
		if _, err := appendAll(ctx, tx, part); err != nil {
			return err
		}
	}
	return nil
}

func appendAll(ctx context.Context, tx *store.Tx, events []Event) (ids []string, err error) {
	var rows, pending strings.Builder
	var values, pendingIDs []any
	texts := map[string]map[string]Text{}
	for i, e := range events {
		if e.ID == "" {
			e.ID = store.NewID()
		}
		e.Timestamp = e.Timestamp.UTC().Truncate(time.Microsecond)
		if err := e.complete(); err != nil {
			return nil, fmt.Errorf("append audit event: %w", err)
		}
		if texts[e.ID], err = e.takeTexts(); err != nil {
			return nil, fmt.Errorf("append audit event: %w", err)
		}
		body, err := Canonical(e)
		if err != nil {
			return nil, fmt.Errorf("append audit event: %w", err)
		}
		if i > 0 {
			rows.WriteString(", ")
			pending.WriteString(", ")
		}
		rows.WriteString("(" + store.In(len(values)+1, 12) + ")")
		values = append(values, e.ID, store.Micros(e.Timestamp), e.Event.text, e.Actor, e.ActorID, e.FlagKey, e.FlagID, e.App, e.RequestID, e.Subject,
			e.search(), string(body))
		pending.WriteString("(" + store.In(i+1, 1) + ")")
		pendingIDs, ids = append(pendingIDs, e.ID), append(ids, e.ID)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO audit_event (id, at, name, actor, actor_id, flag_key, flag_id, app, request_id, subject, search, body)
		VALUES `+rows.String(), values...); err != nil {
		return nil, fmt.Errorf("append audit event: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO audit_pending (event_id) VALUES `+pending.String(), pendingIDs...); err != nil {
		return nil, fmt.Errorf("append audit event: %w", err)
	}
	if err := insertTexts(ctx, tx, texts); err != nil {
		return nil, err
	}
	tx.Announce(Topic)
	return ids, tell(ctx, tx, events)
}

// search is what people find the event by, folded.
func (e Event) search() string {
	return strings.ToLower(strings.Join([]string{
		e.Event.text, e.Actor, e.FlagKey, e.FlagID, e.Environment, e.App, e.Subject, e.From, e.To, e.Reason,
	}, "\n"))
}

func (e Event) complete() error {
	_, known := KindOf(e.Event)
	switch {
	case !known:
		return fmt.Errorf("event %q is not in the catalogue", e.Event)
	case e.Actor == "" || e.Timestamp.IsZero() || e.Credential.Kind == "":
		return fmt.Errorf("event %q lacks an actor, a time or a credential", e.Event)
	case e.Event == FlagStateChanged && (strings.TrimSpace(e.Reason) == "" || e.FlagID == "" || e.From == "" || e.To == ""):
		return fmt.Errorf("a flag.state_changed of %s lacks a flag, a state or a reason", e.FlagKey)
	}
	return nil
}

// Canonical gives the RFC 8785 form of v: the bytes that hashes and digests are taken over.
func Canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	canonical, err := jcs.Transform(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("canonicalize: %w", err)
	}
	return canonical, nil
}
