package store

import "sync"

// hub wakes the subscribers of a topic within this process. A wake-up carries nothing: who is woken reads what is new, so
// that many wake-ups may fold into one and none needs an order.
type hub struct {
	mu          sync.Mutex
	subscribers map[string]map[chan struct{}]bool // guarded by mu
	inboxes     map[string]map[*Inbox]bool        // guarded by mu
}

// Subscribe gives a channel that is sent to after a transaction that announced topic was committed, by any process. On
// PostgreSQL it is also sent to when the listening connection came back, since something may have been missed.
// The caller ends it with stop.
func (db *DB) Subscribe(topic string) (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	h := &db.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers[topic] == nil {
		h.subscribers[topic] = map[chan struct{}]bool{}
	}
	h.subscribers[topic][ch] = true
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subscribers[topic], ch)
	}
}

func (h *hub) wake(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.subscribers[topic] {
		poke(ch)
	}
}

func (h *hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subscribers := range h.subscribers {
		for ch := range subscribers {
			poke(ch)
		}
	}
	for _, inboxes := range h.inboxes {
		for in := range inboxes {
			in.miss()
		}
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
