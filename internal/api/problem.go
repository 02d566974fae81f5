package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/soukhq/souk/internal/fault"
)

// Problem is the body of every error: RFC 9457 problem details with a stable code, how to mend it, and what is wrong where.
type Problem struct {
	Type        string        `json:"type" doc:"Always about:blank; code tells which problem it is"`
	Title       string        `json:"title" doc:"The status in words"`
	Status      int           `json:"status"`
	Detail      string        `json:"detail" doc:"What is wrong, in plain words"`
	Instance    string        `json:"instance,omitempty" doc:"Path of the request"`
	Code        string        `json:"code" doc:"Stable name of the problem"`
	Remediation string        `json:"remediation,omitempty" doc:"How to mend it"`
	Errors      []ProblemItem `json:"errors,omitempty" doc:"What is wrong with each member"`
	Current     any           `json:"current,omitempty" doc:"The object as it is now, or what changed, where the request was stale"`
	TraceID     string        `json:"trace_id,omitempty" doc:"Found in the server's log too; given for internal errors"`

	retryAfter time.Duration // when to try again, where that is known
}

// ProblemItem is what is wrong with one member of a request.
type ProblemItem struct {
	Field       string `json:"field,omitempty" doc:"Path of the member, such as fields.ttl_days"`
	Code        string `json:"code"`
	Message     string `json:"message"`
	Remediation string `json:"remediation,omitempty"`
}

// Error tells the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders are the headers that go with the status.
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{"Cache-Control": {"no-store"}}
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(cmp.Or(p.retryAfter, 2*time.Second).Seconds()))))
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	}
	return header
}

// status maps the kinds of faults to HTTP statuses. Invalid is 400 whatever is wrong with what was sent: JSON that does not
// parse, unknown or duplicate members, wrong types. 422 is left for what is well formed and contradicts a rule.
func status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Stale:
		return http.StatusPreconditionFailed
	case fault.NoVersion:
		return http.StatusPreconditionRequired
	case fault.Unprocessable:
		return http.StatusUnprocessableEntity
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem turns an error into what its reader gets. Whatever is no fault is logged in full and shown as an internal error.
func (a *API) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	exchange, _ := ctx.Value(exchangeKey{}).(*exchange)
	if exchange == nil {
		exchange = newExchange("")
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		a.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("trace_id", exchange.trace),
			slog.String("path", exchange.path), slog.Any("error", err))
		return &Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError,
			Detail: "internal error", Instance: exchange.path, Code: "internal",
			Remediation: "try again; if it stays, tell the administrators the trace id", TraceID: exchange.trace,
		}
	}
	code := status(f.Kind)
	if cause := f.Unwrap(); cause != nil && code >= http.StatusInternalServerError {
		a.Log.LogAttrs(ctx, slog.LevelWarn, "request refused", slog.String("trace_id", exchange.trace),
			slog.String("path", exchange.path), slog.Any("error", err))
	}
	p := &Problem{
		Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: f.Message, Instance: exchange.path,
		Code: f.Code, Remediation: f.Remediation, Current: f.Current, retryAfter: f.RetryAfter,
	}
	if len(f.Findings) == 0 && f.Field != "" {
		p.Errors = []ProblemItem{{Field: f.Field, Code: f.Code, Message: f.Message, Remediation: f.Remediation}}
	}
	for _, finding := range f.Findings {
		p.Errors = append(p.Errors, ProblemItem{
			Field: finding.Field, Code: finding.Code, Message: finding.Message, Remediation: finding.Remediation,
		})
	}
	return p.bounded()
}

// Limits of a problem: it quotes what was sent, which may be a megabyte of faults.
const (
	maxItems = 100   // in errors
	maxText  = 2_000 // bytes of a text
)

func (p *Problem) bounded() *Problem {
	p.Errors = p.Errors[:min(len(p.Errors), maxItems)]
	for _, text := range []*string{&p.Detail, &p.Instance, &p.Remediation} {
		*text = fault.Clip(*text, maxText)
	}
	for i := range p.Errors {
		for _, text := range []*string{&p.Errors[i].Field, &p.Errors[i].Message, &p.Errors[i].Remediation} {
			*text = fault.Clip(*text, maxText)
		}
	}
	return p
}

// refuse answers a request with an error.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), err)
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	for name, values := range p.GetHeaders() {
		header[name] = values
	}
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	if err := json.NewEncoder(w).Encode(p); err != nil {
		a.Log.LogAttrs(r.Context(), slog.LevelDebug, "answer not written", slog.Any("error", err))
	}
}

// exchange is what is known of a request before anything else: its path and the id that joins answer and log.
type exchange struct {
	trace string
	path  string
	route *huma.Operation // nil: no operation answers
	then  func()          // answers once all that led there has returned: a stream that waits for hours keeps a small stack
}

type exchangeKey struct{}

func newExchange(path string) *exchange {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return &exchange{trace: hex.EncodeToString(id[:]), path: path}
}

// Huma has only package-level hooks for its own errors and for its schemas. They are set once, for all instances: its
// errors become Problems, and an array is never null, because register sends none.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(code int, msg string, errs ...error) huma.StatusError {
		return humaProblem(code, msg, errs)
	}
}

// humaProblem rewrites what Huma found wrong with parameters and bodies: 400 with one item for each member.
func humaProblem(code int, msg string, errs []error) *Problem {
	if code == http.StatusUnprocessableEntity {
		code = http.StatusBadRequest
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: msg, Code: strings.ReplaceAll(
		strings.ToLower(http.StatusText(code)), " ", "_")}
	if code != http.StatusBadRequest {
		return p
	}
	p.Code, p.Detail = "invalid", "the request is not valid"
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		p.Errors = append(p.Errors, humaItem(detail.ErrorDetail()))
	}
	switch len(p.Errors) {
	case 0:
		p.Detail = msg
	case 1:
		p.Detail = p.Errors[0].Message
		if field := p.Errors[0].Field; field != "" {
			p.Detail = field + ": " + p.Detail
		}
	default:
		p.Detail = strconv.Itoa(len(p.Errors)) + " members of the request are not valid"
	}
	p.Remediation = seeSchema
	return p.bounded()
}

const seeSchema = "see the schema of this call in /api/v1/openapi.json"

func humaItem(d *huma.ErrorDetail) ProblemItem {
	field := d.Location
	for _, where := range []string{"body.", "query.", "path.", "header."} {
		field = strings.TrimPrefix(field, where)
	}
	if field == "body" {
		field = ""
	}
	return ProblemItem{Field: field, Code: "invalid", Message: d.Message, Remediation: seeSchema}
}
