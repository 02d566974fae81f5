package watch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// Times of a stream: how often it shows that it lives, how long its reader may take for one write, and how long a browser
// waits before it comes back, spread over streams so that not all come back at once.
const (
	heartbeatEvery = 15 * time.Second
	writeTime      = 10 * time.Second
	comeBackAfter  = time.Second
	comeBackSpread = 2 * time.Second
)

// Serve sends what changes until somebody ends it: the reader, the end of the credential, or the server that stops. last is
// the Last-Event-ID of a browser that comes back, else empty. An error means that the stream was refused and nothing was
// sent: TooMany if the person has too many, Unavailable if the server is being stopped.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, by access.Actor, last string) error {
	s, err := h.open(by)
	if err != nil {
		return err
	}
	defer h.close(s, false)
	if err := h.current(r.Context(), by); err != nil {
		return err
	}
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)

	now := h.tail.Load()
	at, text := now.next, fmt.Appendf(nil, "retry: %d\n", retryAfter(by.Credential.ID).Milliseconds())
	if last != "" {
		var ok bool
		if at, ok = now.position(last); !ok {
			text = append(text, resync...)
		}
	}
	text = appendPosition(text, at)
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for {
		if text != nil && !out.send(text) {
			return nil
		}
		text = nil
		if now = h.tail.Load(); at < now.next || at > now.next {
			text = now.since(at, *s.by.Load())
			at = now.next
			continue
		}
		select {
		case <-now.replaced:
		case <-beat.C:
			text = appendPosition([]byte(": here\n"), at)
		case <-s.ended:
			return nil
		case <-h.over:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// current makes the rights of the person's streams those of now: they may have changed between the sign-in of the request and the
// moment from which the hub keeps them for this stream.
func (h *Hub) current(ctx context.Context, by access.Actor) error {
	h.rights.Lock()
	defer h.rights.Unlock()
	return h.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		whose := by.Identity().Key()
		own := slices.DeleteFunc(h.readers(), func(s *stream) bool { return s.whose != whose })
		return errors.Join(h.refresh(ctx, tx, own), h.expelOf(ctx, tx, own))
	})
}

// resync says that something may have been missed.
const resync = "event: resync\ndata: {}\n\n"

// appendPosition says where a stream that comes back begins. It is an event of its own without data, of which browsers
// remember the id and nothing else.
func appendPosition(text []byte, at int64) []byte { return fmt.Appendf(text, "id: %d\n\n", at) }

// position is where a stream that comes back begins; ok is false if changes since then are not known any more.
func (t *tail) position(last string) (at int64, ok bool) {
	at, err := strconv.ParseInt(last, 10, 64)
	if err != nil || at < t.first || at > t.next {
		return t.next, false
	}
	return at, true
}

// since returns what a reader at the position is sent; nil if nothing of it is for that reader.
func (t *tail) since(at int64, by access.Actor) (text []byte) {
	if at < t.first || at > t.next {
		return appendPosition([]byte(resync), t.next)
	}
	from, _ := slices.BinarySearchFunc(t.changes, at, func(c told, at int64) int { return int(c.leaf - at) })
	for i := from; i < len(t.changes); i++ {
		if t.changes[i].may(by) {
			text = append(text, t.changes[i].text...)
		}
	}
	if text == nil {
		return nil
	}
	return appendPosition(text, t.next)
}

// retryAfter spreads the streams of a server that stopped over two seconds.
func retryAfter(id string) time.Duration {
	sum := uint32(0)
	for _, b := range []byte(id) {
		sum = sum*31 + uint32(b)
	}
	return comeBackAfter + time.Duration(sum)%comeBackSpread
}

// eventWriter sends to one reader, and gives up on who does not read.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send reports whether the text went out.
func (o *eventWriter) send(text []byte) bool {
	stuck := time.AfterFunc(writeTime, func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer stuck.Stop()
	if _, err := o.w.Write(text); err != nil {
		return false
	}
	return o.control.Flush() == nil
}
