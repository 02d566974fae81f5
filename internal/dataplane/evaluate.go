package dataplane

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/telemetry"
)

// call is one authenticated request.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	key    access.SDKKey
	served *registry.Served
	now    time.Time
	buffer *buffer
	usage  *measure.Caller
	span   *telemetry.Span // nil: nobody traces
}

// refuse answers 400. key is nil for a bulk request.
func (c *call) refuse(key *string, err error) {
	code := flag.ParseError
	if bad, ok := errors.AsType[*flag.ContextError](err); ok {
		code = bad.Code
	} else if errors.Is(err, errBodyTooBig) {
		code = flag.InvalidContext
	}
	if key != nil {
		c.usage.Fail(*key, code)
		c.failed(*key, code, err.Error(), nil)
	}
	answer(c.w, http.StatusBadRequest, failure{Key: key, Code: string(code), Details: err.Error()})
}

func (c *call) single(name string) {
	if err := c.buffer.read(c.r); err != nil {
		c.refuse(&name, err)
		return
	}
	context := c.served.Flags.Context(c.now)
	defer context.Release()
	if err := context.Parse(string(c.buffer.in)); err != nil {
		c.refuse(&name, err)
		return
	}
	var outcome *flag.Outcome
	if c.served.Visible(name, c.key.App, c.key.ClientSide) {
		outcome = c.served.Flags.Evaluate(name, context)
	}
	if outcome == nil {
		c.usage.Fail(name, flag.FlagNotFound)
		c.failed(name, flag.FlagNotFound, "", context)
		answer(c.w, http.StatusNotFound, failure{
			Key: &name, Code: string(flag.FlagNotFound), Details: "there is no flag " + strconv.Quote(name) + " for this SDK key",
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

// bulk answers for all flags that the key sees. The ETag names the flags, the key's view and the body, so that a client
// that asks again hears 304 before its context is even read; where a rule reads the time, it names the answer.
func (c *call) bulk() {
	if err := c.buffer.read(c.r); err != nil {
		c.refuse(nil, err)
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
		c.w.Header().Del("Etag")
		c.refuse(nil, err)
		return
	}
	out := c.buffer.out[:0]
	out = append(out, `{"flags":[`...)
	c.usage.Bulk()
	usage := c.usage.Batch()
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
	out = append(out, '}')
	c.buffer.out = out
	if !timeless && c.unchanged(out) {
		return
	}
	c.w.Header()["Content-Type"] = typeJSON
	_, _ = c.w.Write(out)
}

// unchanged sets the ETag over the content, and answers 304 if the client has it.
func (c *call) unchanged(content []byte) bool {
	hash := sha256.New()
	hash.Write([]byte(c.key.App + "\x00" + strconv.FormatBool(c.key.ClientSide) + "\x00"))
	hash.Write(content)
	var sum [sha256.Size]byte
	tag := `"` + strconv.FormatInt(c.served.Revision, 36) + "-" + c.served.Tag + "-" + hex.EncodeToString(hash.Sum(sum[:0])[:8]) + `"`
	c.w.Header()["Etag"] = []string{tag}
	for known := range strings.SplitSeq(c.r.Header.Get("If-None-Match"), ",") {
		// Compared as HTTP compares for If-None-Match: weakly; some clients leave out the quotes.
		known = strings.Trim(strings.TrimPrefix(strings.TrimSpace(known), "W/"), `"`)
		if known == strings.Trim(tag, `"`) {
			c.w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}
