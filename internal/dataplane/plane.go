// Package dataplane answers SDKs.
//
// It reads nothing but memory: the snapshots that live.Live holds and the SDK keys that sdkkey.Keys holds. So it goes
// on while the database is down, and no request of an SDK ever waits for a transaction.
package dataplane

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/sdkkey"

	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/telemetry"
)

// Prefix is where a Plane is to be mounted.
const Prefix = "/ofrep/v1/"

// What evaluations are counted under, by the protocol that they came over.
const (
	OFREP = "ofrep"
	Flagd = "flagd"
)

// bodyLimit bounds the body of a request.
const bodyLimit = 64 << 10

// Plane serves OFREP 0.3 (https://github.com/open-feature/protocol): single, bulk, and the stream of changes.
type Plane struct {
	Lookup func(secret string, now time.Time) (sdkkey.Key, bool) // sdkkey.Keys.Lookup
	Live   *live.Live
	Now    func() time.Time
	Log    *slog.Logger // nil logs nothing
	// What is told of it; each may be nil.
	Usage     *measure.Counters
	Recent    *measure.Recent
	Told      *telemetry.Protocol
	ToldFlagd *telemetry.Protocol
	Tracing   *telemetry.Tracing // whose Handler has to be around the plane; Flagd puts it around its own

	// Keys tells open streams what became of their keys. Streams need it and Run.
	Keys interface {
		Lasts(id string, now time.Time) sdkkey.Lasting
		Replaced() <-chan struct{}
	}
	// Held gives a key by its id (sdkkey.Keys.Held) and Secret signs the tokens of OFREP's streams, the same on all replicas.
	// Without them no stream is offered.
	Held   func(id string, now time.Time) (sdkkey.Key, bool)
	Secret []byte

	buffers      sync.Pool // of *buffer
	shares       sync.Map  // of *share by the key's id
	environments sync.Map  // of *environment by name
	streams      streams
	patience     time.Duration // tests set it; 0 is writeTime
	polls        polls
}

// buffer holds a request and its answer.
type buffer struct{ in, out, zipped []byte }

// keptBuffer is the largest answer whose memory is kept for the next, in bytes.
const keptBuffer = 1 << 20

const (
	bulkPath   = Prefix + "evaluate/flags"
	singlePath = bulkPath + "/"
	streamPath = Prefix + "streams/"
)

var (
	typeJSON       = []string{"application/json"}
	errBodyTooBig  = errors.New("the request is larger than 64 kB")
	errBodyTooSlow = errors.New("the request took too long to arrive")
)

// ServeHTTP authenticates the caller's SDK key and evaluates. The key of a flag may hold slashes, escaped or not.
func (p *Plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := http.MethodPost
	name, single := strings.CutPrefix(r.URL.Path, singlePath)
	token, stream := "", false
	if !single && r.URL.Path != bulkPath {
		if token, stream = strings.CutPrefix(r.URL.Path, streamPath); !stream {
			answer(w, http.StatusNotFound, failure{Details: "there is nothing at this path"})
			return
		}
		method = http.MethodGet
	}
	switch r.Method {
	case method:
	case http.MethodOptions:
		preflight(w, r, method)
		return
	default:
		w.Header().Set("Allow", method+", OPTIONS")
		answer(w, http.StatusMethodNotAllowed, failure{Details: "use " + method + " here"})
		return
	}
	if stream {
		p.stream(w, r, token)
		return
	}
	defer p.rescue(w, r)
	now := p.Now()
	key, ok := p.Lookup(secret(r), now)
	if !ok {
		p.Told.Refuse(telemetry.RefusedKey)
		unauthorized(w, "the SDK key is missing, unknown or no longer valid")
		return
	}
	if !cross(w, r, &key) {
		p.Told.Refuse(telemetry.RefusedOrigin)
		answer(w, http.StatusForbidden, failure{Details: "this SDK key may not be used from this web page"})
		return
	}
	share := p.share(&key)
	if !share.admit(w, &key, now) {
		p.Told.Refuse(telemetry.RefusedLimit)
		return
	}
	c := call{
		w: w, r: r, plane: p, key: &key, share: share, now: now, usage: p.Usage.Caller(key.Environment, key.ID, OFREP),
	}
	if p.Tracing != nil {
		c.trace(p.Tracing.Span(r.Context()), !single)
	}
	if !single && r.URL.RawQuery != "" {
		c.awaitAnnounced()
	}
	if c.served = p.Live.Snapshot(key.Environment); c.served == nil {
		p.Told.Refuse(telemetry.RefusedNotLoaded)
		unavailable(w, "the flags of "+key.Environment+" are not loaded")
		return
	}
	p.markStale(w.Header())
	b, ok := p.buffers.Get().(*buffer)
	if !ok {
		b = &buffer{in: make([]byte, 0, 4<<10)}
	}
	defer p.keep(b)
	c.buffer = b
	if single {
		c.single(name)
	} else {
		p.polls.saw(key, r.RemoteAddr, now, c.served.Revision)
		c.bulk()
	}
	p.Told.Took(!single, p.Now().Sub(now))
}

// keep puts a buffer back, without what one huge answer made of it.
func (p *Plane) keep(b *buffer) {
	if cap(b.out) > keptBuffer || cap(b.zipped) > keptBuffer {
		b.out, b.zipped = nil, nil
	}
	p.buffers.Put(b)
}

// rescue answers for an evaluation that failed. Whatever is written is written last, so nothing was yet.
func (p *Plane) rescue(w http.ResponseWriter, r *http.Request) {
	failed := recover()
	if failed == nil {
		return
	}
	if failed == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
		panic(failed)
	}
	if p.Log != nil {
		p.Log.LogAttrs(r.Context(), slog.LevelError, "evaluation failed", slog.Any("panic", failed), slog.String("stack", string(debug.Stack())))
	}
	delete(w.Header(), "Etag")
	answer(w, http.StatusInternalServerError, failure{Details: "internal error"})
}

// secret gives the SDK key that the request shows.
func secret(r *http.Request) string {
	if shown := r.Header["Authorization"]; len(shown) > 0 {
		if scheme, token, ok := strings.Cut(shown[0], " "); ok && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	return r.Header.Get("X-API-Key")
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

// unauthorized answers 401. Every web page may read it: it says nothing of any flag, and a browser that may not read it takes it for
// a failure of the network and asks on.
func unauthorized(w http.ResponseWriter, details string) {
	h := w.Header()
	h.Set("WWW-Authenticate", `Bearer realm="souk"`)
	h.Set("Access-Control-Allow-Origin", "*")
	answer(w, http.StatusUnauthorized, failure{Details: details})
}

// unavailable answers 503, and spreads those who come back.
func unavailable(w http.ResponseWriter, details string) {
	w.Header()["Retry-After"] = []string{strconv.Itoa(1 + rand.IntN(3))}
	answer(w, http.StatusServiceUnavailable, failure{Details: details})
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
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errBodyTooSlow
		}
		if err != nil {
			return err
		}
	}
}
