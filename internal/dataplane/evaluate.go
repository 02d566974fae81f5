package dataplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/sdkkey"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/telemetry"
)

// call is one authenticated request.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	plane     *Plane
	key       *sdkkey.Key
	share     *share
	served    *live.Served
	now       time.Time
	buffer    *buffer
	announced int64 // the revision whose announcement made the client ask; 0 if none did
	usage     *measure.Caller
	span      *telemetry.Span // nil: nobody traces
}

// refuse answers 400, or 408 to who did not send in time. Without a key it was a bulk request.
func (c *call) refuse(err error, key ...string) {
	status, code := http.StatusBadRequest, flag.ParseError
	if bad, ok := errors.AsType[*flag.ContextError](err); ok {
		code = bad.Code
	}
	switch {
	case errors.Is(err, errBodyTooBig): // 400 as OFREP has it for a context that is none: its clients read no body of a 413
		code = flag.InvalidContext
		c.w.Header().Set("Connection", "close")
	case errors.Is(err, errBodyTooSlow):
		status, code = http.StatusRequestTimeout, flag.General
		c.w.Header().Set("Connection", "close")
	}
	f := failure{Code: string(code), Details: err.Error()}
	if len(key) > 0 {
		f.Key = &key[0]
		c.usage.Fail(key[0], code)
		c.failed(key[0], code, err.Error(), nil)
	}
	answer(c.w, status, f)
}

func (c *call) single(name string) {
	if err := c.buffer.read(c.r); err != nil {
		c.refuse(err, name)
		return
	}
	context := c.served.Flags.Context(c.now)
	defer context.Release()
	if err := context.Parse(string(c.buffer.in)); err != nil {
		c.refuse(err, name)
		return
	}
	c.remember()
	var outcome *flag.Outcome
	if c.served.Visible(name, c.key.App, c.key.ClientSide) {
		outcome = c.served.Flags.Evaluate(name, context)
	}
	if outcome == nil {
		key := name // which would be on the heap for every answer, else
		c.usage.Fail(key, flag.FlagNotFound)
		c.failed(key, flag.FlagNotFound, "", context)
		answer(c.w, http.StatusNotFound, failure{
			Key: &key, Code: string(flag.FlagNotFound), Details: "there is no flag " + strconv.Quote(name) + " for this SDK key",
		})
		return
	}
	c.usage.Count(outcome)
	c.evaluated(outcome, context)
	c.w.Header()["Content-Type"] = typeJSON
	if outcome.Code != "" {
		c.w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = c.w.Write(outcome.JSON)
}

// remember keeps the context of the request if it is its turn.
func (c *call) remember() {
	if c.plane.Recent == nil || !c.plane.Recent.Due(c.key.Environment, c.now) {
		return
	}
	var body struct{ Context map[string]any }
	if json.Unmarshal(c.buffer.in, &body) == nil { // what evaluation reads and this does not is not worth an error
		c.plane.Recent.Keep(c.key.Environment, body.Context)
	}
}

// announcedWait is how long a bulk request waits for a revision that the client knows of and this replica does not: a stream of one
// replica announced it, and the request reached another, which finds it within two seconds even if nobody tells it.
const announcedWait = 3 * time.Second

// awaitAnnounced reads flagConfigEtag, which a client sends when a stream made it ask, and waits for what it names. Without that, the
// client would take the old answer for the new one and hear of nothing more.
func (c *call) awaitAnnounced() {
	number, _, ok := strings.Cut(c.r.URL.Query().Get("flagConfigEtag"), "-")
	revision, err := strconv.ParseInt(strings.Trim(number, `"`), 36, 64)
	if !ok || err != nil || revision <= 0 {
		return
	}
	c.announced = revision
	ctx, cancel := context.WithTimeout(c.r.Context(), announcedWait)
	defer cancel()
	c.plane.Live.Await(ctx, c.key.Environment, revision)
}

// bulk answers for all flags that the key sees. The ETag names the flags, the key and the body, so that a client that asks again
// hears 304 before its context is even read; where a rule reads the time, it names the answer.
func (c *call) bulk() {
	h := c.w.Header()
	if c.key.ClientSide {
		h["Vary"] = varyBoth
	} else {
		h["Vary"] = varyEncoding
	}
	if err := c.buffer.read(c.r); err != nil {
		c.refuse(err)
		return
	}
	timeless := !c.served.Flags.UsesTime()
	if timeless && c.unchanged(c.buffer.in) {
		c.usage.Unchanged(c.served.Flags, c.served, c.key.App, c.key.ClientSide)
		return
	}
	context := c.served.Flags.Context(c.now)
	defer context.Release()
	if err := context.Parse(string(c.buffer.in)); err != nil {
		delete(h, "Etag")
		c.refuse(err)
		return
	}
	c.remember()
	out := c.buffer.out[:0]
	out = append(out, `{"flags":[`...)
	usage := c.usage.Bulk()
	for outcome := range c.served.Flags.All(context) {
		if c.served.Visible(outcome.Key, c.key.App, c.key.ClientSide) {
			usage.Count(outcome)
			out = append(out, outcome.JSON...)
			out = append(out, ',')
		}
	}
	out = bytes.TrimSuffix(out, []byte{','})
	out = append(out, `],"metadata":`...)
	out = append(out, c.served.Flags.MetadataJSON()...)
	out = append(out, c.share.eventStreams...)
	out = append(out, '}')
	c.buffer.out = out
	if !timeless && c.unchanged(out) {
		return
	}
	if len(out) >= gzipFrom && takesGzip(c.r.Header["Accept-Encoding"]) {
		c.buffer.zipped = zip(c.buffer.zipped[:0], out)
		out = c.buffer.zipped
		h["Content-Encoding"] = codingGzip
		h["Etag"] = []string{"W/" + h["Etag"][0]} // another representation of the same (RFC 9110, 8.8.3.3)
	}
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(out))}
	_, _ = c.w.Write(out)
	c.applied()
}

var codingGzip = []string{"gzip"}

// applied notes that the client has what a stream told it of.
func (c *call) applied() {
	if c.announced != 0 && c.announced <= c.served.Revision {
		c.plane.environment(c.key.Environment).refetched(c.announced)
	}
}

// appendTag appends the name of what an environment serves.
func appendTag(to []byte, served *live.Served) []byte {
	to = strconv.AppendInt(to, served.Revision, 36)
	return append(append(to, '-'), served.Tag...)
}

// unchanged sets the ETag over the content, and answers 304 if the client has it.
func (c *call) unchanged(content []byte) bool {
	// What follows the content in its buffer is free: it is hashed in one piece, the content last read or written.
	named := append(append(append(content, 0), c.key.ID...), c.share.token...) // a new token is a new answer
	sum := sha256.Sum256(named)
	var room [96]byte
	quoted := append(appendTag(append(room[:0], '"'), c.served), '-')
	quoted = append(hex.AppendEncode(quoted, sum[:8]), '"')
	tag := string(quoted)
	h := c.w.Header()
	for _, header := range c.r.Header["If-None-Match"] {
		for known := range strings.SplitSeq(header, ",") {
			// Compared as HTTP compares for If-None-Match: weakly; some clients leave out the quotes.
			known, weak := strings.CutPrefix(strings.TrimSpace(known), "W/")
			if known != "*" && strings.Trim(known, `"`) != tag[1:len(tag)-1] { // * is whatever there is (RFC 9110, 13.1.2)
				continue
			}
			if weak { // it has the compressed one
				tag = "W/" + tag
			}
			h["Etag"] = []string{tag}
			c.w.WriteHeader(http.StatusNotModified)
			c.applied()
			return true
		}
	}
	h["Etag"] = []string{tag}
	return false
}
