package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"
)

// How a stream of OFREP behaves. Clients whose page is hidden for inactivityDelay seconds close it; who lost it comes back after
// comeBackAfter and a random part of comeBackSpread, so that those of a server that stopped do not come all at once.
const (
	inactivityDelay = 120
	heartbeatEvery  = 15 * time.Second
	writeTime       = 10 * time.Second
	comeBackAfter   = time.Second
	comeBackSpread  = 3 * time.Second
)

// here is a comment, which clients skip: it keeps proxies from ending the stream, and finds clients that are gone.
const here = ": here\n\n"

// eventOf gives the event that has OFREP clients fetch their flags again.
func eventOf(tag string, at time.Time) []byte {
	return fmt.Appendf(nil, "id: %s\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"%s\",\"lastModified\":%d}\n\n", tag, tag, at.Unix())
}

// stream tells the client whenever the flags of its environment change, and at once unless it shows that it has them: stock
// clients do not fetch by themselves when a stream that was lost is back.
func (p *Plane) stream(w http.ResponseWriter, r *http.Request, token string) {
	now := p.Now()
	key, ok := p.keyOf(token, now)
	if !ok {
		unauthorized(w, "the stream is unknown, or its SDK key is no longer valid")
		return
	}
	if !crossStream(w, r, &key) {
		answer(w, http.StatusForbidden, failure{Details: "this SDK key may not be used from this web page"})
		return
	}
	if !p.admit(w, &key, p.caller(&key), now) {
		return
	}
	s, refused := p.open(KindOFREP, key, key.Environment, r)
	switch refused {
	case "":
	case EndTooMany:
		tooMany(w, comeBackAfter+comeBackSpread, "this SDK key has as many streams open as it may")
		return
	case EndDrain:
		unavailable(w, "the server is being stopped")
		return
	case EndUnserved, EndClient, EndSlow, EndRevoked, EndExpired, EndFailed:
		unavailable(w, "the flags of "+key.Environment+" are not loaded")
		return
	}
	end := EndFailed
	defer func() { s.close(end) }()
	h := w.Header()
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Accel-Buffering"] = []string{"no"} // nginx would hold events back
	out := events{w: w, control: http.NewResponseController(w)}
	// The server's limit for the arrival of a request would end the stream. A writer without deadlines is a test's.
	_ = out.control.SetReadDeadline(time.Time{})
	end = p.follow(s, out, key.Environment, r)
}

// follow sends until the stream has to end, and says why.
func (p *Plane) follow(s *stream, out events, environment string, r *http.Request) End {
	e := p.environment(environment)
	held := e.current()
	if held == nil {
		return EndUnserved
	}
	first := fmt.Appendf(nil, "retry: %d\n", (comeBackAfter + rand.N(comeBackSpread)).Milliseconds())
	if strings.TrimSpace(r.Header.Get("Last-Event-ID")) == held.tag {
		first = append(first, here...)
	} else {
		first = append(first, held.event...)
	}
	if end := out.send(first); end != "" {
		return end
	}
	s.sent(held.served.Revision, p.Now())
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for {
		text, news := []byte(here), false
		select {
		case <-s.ended:
			return s.why()
		case <-r.Context().Done():
			return EndClient
		case <-held.served.Replaced():
			if held = e.current(); held == nil {
				return EndUnserved
			}
			text, news = held.event, true
		case <-beat.C:
		}
		if end := out.send(text); end != "" {
			return end
		}
		if news {
			s.sent(held.served.Revision, p.Now())
		}
	}
}

// events sends to one client, and gives up on one that does not read.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send writes and flushes. It says why the stream has to end; nothing if the text went out.
func (o events) send(text []byte) End {
	stuck := time.AfterFunc(writeTime, func() { _ = o.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer stuck.Stop()
	_, err := o.w.Write(text)
	if err == nil {
		err = o.control.Flush()
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		return EndSlow
	}
	return EndClient
}
