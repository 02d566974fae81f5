// Package dataplane answers SDKs.
//
// It reads nothing but memory: the snapshots that registry.Live holds and the SDK keys that access.Keys holds. So it goes
// on while the database is down, and no request of an SDK ever waits for a transaction.
package dataplane

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
)

// Prefix is where a Plane is to be mounted.
const Prefix = "/ofrep/v1/"

// bodyLimit bounds the body of a request.
const bodyLimit = 64 << 10

// Plane serves OFREP 0.3 (https://github.com/open-feature/protocol), single and bulk. Its zero value lacks all three.
type Plane struct {
	Lookup func(secret string, now time.Time) (access.SDKKey, bool) // access.Keys.Lookup
	Live   *registry.Live
	Now    func() time.Time

	// Keys tells open streams what became of their keys. Streams need it and Run.
	Keys interface {
		Lasts(id string, now time.Time) access.Lasting
		Replaced() <-chan struct{}
	}
	MaxStreams int // of one key; 0 is 20,000

	buffers      sync.Pool // of *buffer
	environments sync.Map  // of *environment by name
	streams      streams
	polls        polls
}

// buffer holds a request and its answer.
type buffer struct{ in, out []byte }

const (
	bulkPath   = Prefix + "evaluate/flags"
	singlePath = bulkPath + "/"
)

var (
	typeJSON      = []string{"application/json"}
	exposeETag    = []string{"ETag"}
	varyOrigin    = []string{"Origin"}
	errBodyTooBig = errors.New("the request is larger than 64 kB")
)

// ServeHTTP authenticates the caller's SDK key and evaluates. The key of a flag may hold slashes, escaped or not.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bulk := r.URL.Path == bulkPath
	name, single := strings.CutPrefix(r.URL.Path, singlePath)
	switch {
	case !bulk && !single:
		answer(w, http.StatusNotFound, failure{Details: "there is nothing at this path"})
		return
	case r.Method == http.MethodOptions:
		preflight(w, r)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		answer(w, http.StatusMethodNotAllowed, failure{Details: "evaluate with POST"})
		return
	}
	now := p.Now()
	key, ok := p.Lookup(secret(r), now)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="souk"`)
		answer(w, http.StatusUnauthorized, failure{Details: "the SDK key is missing, unknown or no longer valid"})
		return
	}
	if !cross(w, r, key) {
		answer(w, http.StatusForbidden, failure{Details: "this SDK key may not be used from this web page"})
		return
	}
	served := p.Live.Snapshot(key.Environment)
	if served == nil {
		w.Header().Set("Retry-After", "2")
		answer(w, http.StatusServiceUnavailable, failure{Details: "the flags of " + key.Environment + " are not loaded"})
		return
	}
	p.markStale(w.Header())
	b, ok := p.buffers.Get().(*buffer)
	if !ok {
		b = &buffer{in: make([]byte, 0, 4<<10)}
	}
	defer p.buffers.Put(b)
	call := call{w: w, r: r, key: key, served: served, now: now, buffer: b}
	if bulk {
		p.polls.saw(key, r.RemoteAddr, now, served.Revision)
		call.bulk()
	} else {
		call.single(name)
	}
}

// secret gives the SDK key that the request shows.
func secret(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-API-Key")
}

// preflight answers what a browser asks before it sends a key. It cannot know which key that will be, so it allows the
// question only; the answer to the request itself is shown to declared origins alone.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Vary"] = varyOrigin
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, X-API-Key")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// cross lets web pages of declared origins read the answer, and tells whether the request may go on. A key of a server is
// for no web page: its answer goes out without the header that would let one read it.
func cross(w http.ResponseWriter, r *http.Request, key access.SDKKey) bool {
	if !key.ClientSide {
		return true
	}
	h := w.Header()
	h["Vary"] = varyOrigin
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !key.AllowsOrigin(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h["Access-Control-Expose-Headers"] = exposeETag
	return true
}

// failure is the body of every answer that is not an evaluation.
type failure struct {
	Key     *string `json:"key,omitempty"`
	Code    string  `json:"errorCode,omitempty"`
	Details string  `json:"errorDetails"`
}

func answer(w http.ResponseWriter, status int, f failure) {
	body, err := json.Marshal(f)
	if err != nil {
		panic(err) // three texts always encode
	}
	w.Header()["Content-Type"] = typeJSON
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away hears nothing
}

// read gives the body of the request, at most bodyLimit bytes.
func (b *buffer) read(r *http.Request) (err error) {
	b.in = b.in[:0]
	if r.ContentLength > bodyLimit {
		return errBodyTooBig
	}
	for {
		if len(b.in) > bodyLimit {
			return errBodyTooBig
		}
		if len(b.in) == cap(b.in) {
			b.in = append(b.in, 0)[:len(b.in)]
		}
		n, err := r.Body.Read(b.in[len(b.in):cap(b.in)])
		b.in = b.in[:len(b.in)+n]
		if errors.Is(err, io.EOF) {
			if len(b.in) > bodyLimit {
				return errBodyTooBig
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
