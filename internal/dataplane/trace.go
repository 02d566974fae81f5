package dataplane

import (
	"net/http"

	"github.com/soukhq/souk/internal/flag"
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

// evaluated tells whoever traces of an answer.
func (c *call) evaluated(o *flag.Outcome, context *flag.Context) {
	if c.span == nil {
		return
	}
	c.span.Evaluated(telemetry.Evaluation{
		Key: o.Key, Variant: o.Variant, Value: o.Value, Reason: string(o.Reason), Code: string(o.Code), Message: o.Details,
		Targeting: context.TargetingKey(), Environment: c.served.Environment, Revision: c.served.Revision,
	})
}

// failed tells whoever traces of an evaluation that gave no outcome. Without a context that could be read it is nil.
func (c *call) failed(key string, code flag.ErrorCode, why string, context *flag.Context) {
	if c.span == nil {
		return
	}
	e := telemetry.Evaluation{
		Key: key, Reason: string(flag.Failed), Code: string(code), Message: why, Environment: c.served.Environment, Revision: c.served.Revision,
	}
	if context != nil {
		e.Targeting = context.TargetingKey()
	}
	c.span.Evaluated(e)
}
