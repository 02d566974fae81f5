package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// messages is the topic on which replicas tell each other of overrides, while the writer of the database is held.
const messages = "overrides"

// message is what one replica tells the others.
type message struct {
	From     string    `json:"from"`
	Override *Override `json:"override,omitempty"` // it serves this
	Serves   string    `json:"serves,omitempty"`   // it serves the override with this id
	Asks     bool      `json:"asks,omitempty"`     // it may have missed something: whoever serves an override says so again
}

// talk is what a replica has to say, and what it heard.
type talk struct {
	mu        sync.Mutex
	unsent    []message                  // guarded by mu
	confirmed map[string]map[string]bool // guarded by mu; by id of an override, the ids of the replicas that said that they serve it
	over      map[string]bool            // guarded by mu; ids of overrides that ended, of which somebody may still speak
	waiting   chan struct{}              // guarded by mu; sent to when there is something to say
}

// wake returns the channel that is sent to when there is something to say. The caller holds mu.
func (t *talk) wake() chan struct{} {
	if t.waiting == nil {
		t.waiting = make(chan struct{}, 1)
	}
	return t.waiting
}

// say lets Run send a message, after those that wait.
func (t *talk) say(m message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent = append(t.unsent, m)
	select {
	case t.wake() <- struct{}{}:
	default:
	}
}

// next takes the message that is to be sent next.
func (t *talk) next() (m message, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.unsent) == 0 {
		return message{}, false
	}
	m, t.unsent = t.unsent[0], t.unsent[1:]
	return m, true
}

// back puts a message that could not be sent before those that wait.
func (t *talk) back(m message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.Override == nil || !t.over[m.Override.ID] {
		t.unsent = slices.Insert(t.unsent, 0, m)
	}
}

// confirm notes that a replica serves an override, and reports whether that is new.
func (t *talk) confirm(kill, replica string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over[kill] || t.confirmed[kill][replica] {
		return false
	}
	if t.confirmed == nil {
		t.confirmed = map[string]map[string]bool{}
	}
	if t.confirmed[kill] == nil {
		t.confirmed[kill] = map[string]bool{}
	}
	t.confirmed[kill][replica] = true
	return true
}

// end forgets overrides that are over.
func (t *talk) end(kills []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over == nil {
		t.over = map[string]bool{}
	}
	for _, id := range kills {
		t.over[id] = true
		delete(t.confirmed, id)
	}
	t.unsent = slices.DeleteFunc(t.unsent, func(m message) bool { return m.Override != nil && t.over[m.Override.ID] })
}

func (t *talk) isOver(kill string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over[kill]
}

// Confirmed returns the ids of the replicas that serve an override, as far as this one has heard.
func (l *Live) Confirmed(kill string) []string {
	l.talk.mu.Lock()
	defer l.talk.mu.Unlock()
	return slices.Sorted(maps.Keys(l.talk.confirmed[kill]))
}

// How long one message may take, and how soon after it failed it is tried again.
const (
	sayTime  = 2 * time.Second
	sayAgain = time.Second
)

// converse tells other replicas of the overrides of this one, and serves theirs, until ctx ends.
func (l *Live) converse(ctx context.Context) {
	inbox, stop := l.DB.Receive(messages)
	defer stop()
	again := time.NewTicker(sayAgain)
	defer again.Stop()
	l.talk.mu.Lock()
	wake := l.talk.wake()
	l.talk.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-inbox.Wake():
			heard, missed := inbox.Take()
			for _, text := range heard {
				l.hear(text)
			}
			if missed {
				l.repeat()
				l.talk.say(message{Asks: true})
			}
		case <-wake:
		case <-again.C:
		}
		l.confirm()
		l.send(ctx)
	}
}

// hear does what a message says. One that cannot be read, of a later version, is left to the database.
func (l *Live) hear(text []byte) {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		l.Log.Warn("message of another replica not read", slog.Any("error", err))
		return
	}
	switch {
	case m.From == l.Replica:
	case m.Asks:
		l.repeat()
	case m.Serves != "":
		l.talk.confirm(m.Serves, m.From)
	case m.Override != nil && !l.talk.isOver(m.Override.ID):
		l.take(*m.Override)
		l.talk.confirm(m.Override.ID, m.From)
	}
}

// take serves the override of another replica, whatever this one knows of its flags and its environment.
func (l *Live) take(o Override) {
	l.swapping.Lock()
	defer l.swapping.Unlock()
	if !slices.ContainsFunc(l.overrides, func(before Override) bool { return before.ID == o.ID }) {
		l.put(o)
	}
}

// repeat says again which overrides this replica serves, to those who may have missed it.
func (l *Live) repeat() {
	for _, o := range l.Overrides() {
		if !o.Here {
			l.talk.say(message{Override: &o})
		}
	}
}

// confirm says of the overrides that are on disk, once of each, that this replica serves them.
func (l *Live) confirm() {
	l.recording.Lock()
	defer l.recording.Unlock()
	if err := l.record(); err != nil {
		l.Log.Error("what another replica turned off is served here, but not on disk", slog.Any("error", err))
		return
	}
	for _, o := range l.Overrides() {
		if !o.Here && l.talk.confirm(o.ID, l.Replica) {
			l.talk.say(message{Serves: o.ID})
		}
	}
}

// send sends what is unsent, up to the first message that cannot be sent now.
func (l *Live) send(ctx context.Context) {
	for {
		m, ok := l.talk.next()
		if !ok {
			return
		}
		m.From = l.Replica
		err := l.tell(ctx, m)
		if err != nil {
			l.talk.back(m)
			l.Log.LogAttrs(ctx, slog.LevelDebug, "other replicas were not told", slog.Any("error", err))
			return
		}
	}
}

// tell sends a message, after it noted the override that it carries.
func (l *Live) tell(ctx context.Context, m message) error {
	ctx, cancel := context.WithTimeout(ctx, sayTime)
	defer cancel()
	if m.Override != nil && l.Note != nil {
		if err := l.DB.Aside(ctx, func(ctx context.Context, tx *store.Tx) error { return l.Note(ctx, tx, *m.Override) }); err != nil {
			return err
		}
	}
	return l.DB.Broadcast(ctx, messages, encode(m))
}
