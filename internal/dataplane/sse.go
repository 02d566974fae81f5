package dataplane

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/live"
)

// How a stream of OFREP behaves. Clients whose page is hidden for inactivityDelay seconds close it; who lost it comes back after
// comeBackAfter and a random part of comeBackSpread, so that those of a server that stopped do not come all at once.
const (
	inactivityDelay = 120
	comeBackAfter   = time.Second
	comeBackSpread  = 3 * time.Second
)

// here is a comment, which clients skip: it keeps proxies from ending the stream, and finds clients that are gone.
const here = ": here\n\n"

// eventOf gives the event that has OFREP clients fetch their flags again.
func eventOf(tag string, at time.Time) []byte {
	return fmt.Appendf(nil, "id: %s\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"%s\",\"lastModified\":%d}\n\n", tag, tag, at.Unix())
}

// stream tells the client whenever a flag that its key sees changes, and at once unless it shows that it has the newest: stock
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
	if !p.share(&key).admit(w, &key, now) {
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
	control := http.NewResponseController(w)
	// The server's limit for the arrival of a request would end the stream. A writer without deadlines is a test's.
	_ = control.SetReadDeadline(time.Time{})
	write := func(text []byte) error {
		return s.write(control, func() error {
			if _, err := w.Write(text); err != nil {
				return err
			}
			return control.Flush()
		})
	}
	known := strings.TrimSpace(r.Header.Get("Last-Event-ID"))
	end = s.follow(r.Context(), live.View{App: key.App, Browser: key.ClientSide}, func(rev, before *revision) error {
		if before != nil {
			return write(rev.event)
		}
		first := fmt.Appendf(nil, "retry: %d\n", (comeBackAfter + rand.N(comeBackSpread)).Milliseconds())
		if known == rev.tag {
			return write(append(first, here...))
		}
		return write(append(first, rev.event...))
	}, func() error { return write([]byte(here)) })
}
