package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// Times of a stream: how often it shows that it lives, how long its reader may take for one write, and how long a browser
// waits before it comes back, spread over streams so that not all come back at once.
const (
	heartbeatEvery = 15 * time.Second
	writeTime      = 10 * time.Second
	comeBackAfter  = time.Second
	comeBackSpread = 2 * time.Second
)

func watching(a *API) {
	register(a, operation{
		method: http.MethodGet, path: "/watch", id: "watch",
		summary: "What changes, as it changes: server-sent events. A change names what to fetch again; resync says to fetch all that is shown",
	}, access.Read, func(_ context.Context, by access.Actor, in *watchQuery) (*watchAnswer, error) {
		if err := access.Can(by, access.Read, access.Scope{}); err != nil {
			return nil, err
		}
		if site := in.Site; site != "" && site != "same-origin" && site != "none" {
			return nil, fault.New(fault.Forbidden, "cross_origin", "the request comes from another site").Fix("open the console itself")
		}
		return &watchAnswer{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			if exchange, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
				exchange.then = func() { a.stream(w, r, by, in.Last) }
			}
		}}, nil
	})
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[WatchChange](), true, "")
	op := a.described(http.MethodGet, prefix+"/watch")
	op.Responses["200"].Description = "Events named change, whose data is a WatchChange, and events named resync"
	op.Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}
}

type watchAnswer struct {
	Body func(huma.Context)
}

type watchQuery struct {
	Last string `header:"Last-Event-ID" doc:"Sent by browsers when they come back: begin where the stream before ended"`
	Site string `header:"Sec-Fetch-Site" hidden:"true"`
}

// stream sends what changes until somebody ends it: the reader, the end of the credential, or the server that stops.
func (a *API) stream(w http.ResponseWriter, r *http.Request, by access.Actor, last string) {
	s, err := a.watch.open(by)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	defer a.watch.close(s, false)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)

	now := a.watch.tail.Load()
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
			return
		}
		text = nil
		if now = a.watch.tail.Load(); at < now.next || at > now.next {
			text = now.since(at, *s.by.Load())
			at = now.next
			continue
		}
		select {
		case <-now.replaced:
		case <-beat.C:
			text = appendPosition([]byte(": here\n"), at)
		case <-s.ended:
			return
		case <-a.watch.over:
			return
		case <-r.Context().Done():
			return
		}
	}
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

// since gives what a reader at the position is sent; nil if nothing of it is for that reader.
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

// send tells whether the text went out.
func (o *eventWriter) send(text []byte) bool {
	stuck := time.AfterFunc(writeTime, func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer stuck.Stop()
	if _, err := o.w.Write(text); err != nil {
		return false
	}
	return o.control.Flush() == nil
}
