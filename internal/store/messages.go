package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
)

// Messages go from one process to all, this one too, outside any transaction, for what cannot wait for the writer. Nobody keeps them:
// a process that is not connected misses them, and is told that it may have.

// messageLimit bounds a message, in bytes; partLimit bounds its parts, since PostgreSQL takes less than 8,000 bytes at once.
const (
	messageLimit = 16 << 20
	partLimit    = 7_500
)

// Broadcast sends a message to whoever receives the topic, in every process. It returns once PostgreSQL has taken the message, which
// it then hands to all that listen; it waits for no transaction and no connection of others.
func (db *DB) Broadcast(ctx context.Context, topic string, message []byte) error {
	if len(message) > messageLimit {
		return fmt.Errorf("broadcast to %s: %d bytes are more than %d", topic, len(message), messageLimit)
	}
	if db.engine == SQLite {
		db.hub.deliver(topic, message)
		return nil
	}
	if _, err := db.sender.ExecContext(ctx, `SELECT pg_notify('souk_message', part) FROM unnest($1::text[]) AS part`, split(topic, message)); err != nil {
		return classify(fmt.Errorf("broadcast to %s: %w", topic, err))
	}
	return nil
}

// Aside runs fn in a write transaction over the connection that messages go over, which waits for no transaction and no connection of
// others: fn writes only what nobody else locks. What it announces is not. On SQLite, whose file no other process has, it does nothing.
func (db *DB) Aside(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if db.engine == SQLite {
		return nil
	}
	return classify(db.over(ctx, pool{conns: db.sender}, nil, func(ctx context.Context, inner *sql.Tx) error {
		if err := fn(ctx, &Tx{tx: inner, engine: db.engine, topics: map[string]bool{}, kept: &db.kept}); err != nil {
			return err
		}
		return db.commit(ctx, inner)
	}))
}

// split returns the parts of a message as PostgreSQL carries them, in one transaction and so one after the other: the topic, the id of
// the message, the number of the part, how many there are, and the part itself, in base64.
func split(topic string, message []byte) []string {
	text, id := base64.StdEncoding.EncodeToString(message), NewID()
	parts := make([]string, max(1, (len(text)+partLimit-1)/partLimit))
	for i := range parts {
		part := text[i*partLimit : min((i+1)*partLimit, len(text))]
		parts[i] = fmt.Sprintf("%s %s %d %d %s", topic, id, i, len(parts), part)
	}
	return parts
}

// joiner puts a message together from its parts. A message of which a part was not heard is left out.
type joiner struct {
	id   string
	next int // number of the part that is due
	text bytes.Buffer
}

// add takes the next part; whole reports whether it was the last one of a message.
func (j *joiner) add(part string) (topic string, message []byte, whole bool) {
	var id string
	var number, count int
	if n, err := fmt.Sscanf(part, "%s %s %d %d", &topic, &id, &number, &count); n != 4 || err != nil {
		return "", nil, false
	}
	text := part[strings.LastIndexByte(part, ' ')+1:]
	if number == 0 {
		j.id, j.next = id, 0
		j.text.Reset()
	}
	if id != j.id || number != j.next || j.text.Len() > 2*messageLimit {
		j.id = ""
		return "", nil, false
	}
	j.text.WriteString(text)
	if j.next++; j.next < count {
		return "", nil, false
	}
	j.id = ""
	message, err := base64.StdEncoding.DecodeString(j.text.String())
	return topic, message, err == nil
}

// inboxLimit is how many messages wait for a receiver that is slow.
const inboxLimit = 1000

// Inbox collects the messages of a topic until somebody takes them.
type Inbox struct {
	wake     chan struct{}
	mu       sync.Mutex
	messages [][]byte // guarded by mu
	missed   bool     // guarded by mu
}

// Receive begins to collect the messages of a topic. The caller ends it with stop.
func (db *DB) Receive(topic string) (in *Inbox, stop func()) {
	in = &Inbox{wake: make(chan struct{}, 1), missed: true}
	poke(in.wake)
	h := &db.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inboxes[topic] == nil {
		h.inboxes[topic] = map[*Inbox]bool{}
	}
	h.inboxes[topic][in] = true
	return in, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.inboxes[topic], in)
	}
}

// Wake returns a channel that is sent to when there is something to take.
func (in *Inbox) Wake() <-chan struct{} { return in.wake }

// Take returns what has come since the last time, in order. missed reports that there may have been more: at the first time, after the
// connection was lost, and when too much had come.
func (in *Inbox) Take() (messages [][]byte, missed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	messages, missed = in.messages, in.missed
	in.messages, in.missed = nil, false
	return messages, missed
}

func (in *Inbox) put(message []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.messages) == inboxLimit {
		in.messages, in.missed = in.messages[1:], true
	}
	in.messages = append(in.messages, message)
	poke(in.wake)
}

func (in *Inbox) miss() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.missed = true
	poke(in.wake)
}

// deliver puts a message into the inboxes of its topic in this process.
func (h *hub) deliver(topic string, message []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for in := range h.inboxes[topic] {
		in.put(message)
	}
}
