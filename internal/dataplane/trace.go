package dataplane

import (
	"net/http"
	"strings"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/telemetry"
)

// trace names the span of the request. Of a request for all flags there are no events: which of them a program uses, its own
// SDK knows.
func (c *call) trace(span *telemetry.Span, bulk bool) {
	c.span = span
	route := singlePath + "{key}"
	if bulk {
		route = bulkPath
	}
	span.Route(http.MethodPost, route)
}

func (c *call) evaluated(o *flag.Outcome, context *flag.Context) {
	if c.span != nil {
		evaluated(c.span, c.served, o, context.TargetingKey())
	}
}

func (c *call) failed(key string, code flag.ErrorCode, why string, context *flag.Context) {
	if c.span == nil {
		return
	}
	targeting := ""
	if context != nil { // it could be read
		targeting = context.TargetingKey()
	}
	failed(c.span, c.served, key, code, why, targeting)
}

// evaluated tells whoever traces of an answer.
func evaluated(span *telemetry.Span, served *live.Served, o *flag.Outcome, targeting string) {
	span.Evaluated(telemetry.Evaluation{
		Key: o.Key, Variant: o.Variant, Value: o.Value, Reason: string(o.Reason), Code: string(o.Code), Message: o.Details,
		Targeting: targeting, Environment: served.Environment, Revision: served.Revision,
	})
}

// failed tells whoever traces of an evaluation that gave no outcome.
func failed(span *telemetry.Span, served *live.Served, key string, code flag.ErrorCode, why, targeting string) {
	span.Evaluated(telemetry.Evaluation{
		Key: key, Reason: string(flag.Failed), Code: string(code), Message: why, Targeting: targeting,
		Environment: served.Environment, Revision: served.Revision,
	})
}

// told tells of the calls of flagd's protocol that evaluate: how long they took, and a span where somebody traces. A stream of events is
// none of them.
func (p *Plane) told(next http.Handler) http.Handler {
	evaluation := p.Tracing.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.Tracing.Span(r.Context()).Route(r.Method, r.URL.Path)
		began := p.Now()
		next.ServeHTTP(w, r)
		p.ToldFlagd.Took(strings.HasSuffix(r.URL.Path, "/ResolveAll"), p.Now().Sub(began))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/EventStream") {
			next.ServeHTTP(w, r)
			return
		}
		evaluation.ServeHTTP(w, r)
	})
}
