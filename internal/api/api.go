// Package api is the HTTP interface for people and their tools, under /api/v1, and serves the console.
//
// It authenticates, reads bodies strictly, and calls the verbs of the packages below, which hold the rights. Every operation
// is registered with the action that its verb asks for, and is described by openapi.json, which is generated from here and
// from which the console's types are.
//
// Statuses: 400 for anything wrong with what was sent, 401 and 403 for rights, 404, 409 where the state of the object forbids
// the act, 412 and 428 for If-Match, 413 and 415 for bodies, 422 for what is well formed but contradicts a rule, 503 while the
// database is away or busy, and 500 with a trace id for all else. Every error is a Problem.
package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
)

//go:generate go test -run TestOpenAPIIsCurrent -update .

// maxQuery bounds the query of an address: no filter needs more.
const maxQuery = 16 << 10

// prefix is where every operation lives.
const prefix = "/api/v1"

// API answers the requests of the control plane and serves the console.
type API struct {
	Deps
	huma  huma.API
	mux   *http.ServeMux
	inner http.Handler
	turns turns // of requests that have the same Idempotency-Key
}

// New makes the handler.
func New(deps Deps) *API {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil { // as where it is only described
		deps.Now = func() time.Time { return time.Time{} }
	}
	a := &API{Deps: deps, mux: http.NewServeMux()}
	config := huma.DefaultConfig("Souk", "v1")
	config.Info.Description = "The marketplace for micro-apps with feature-flag governance built in."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token, souk_…"},
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-souk"},
	}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", nameSchema)
	prepareSchemas(config.Components.Schemas)
	a.huma = humago.New(a.mux, config)
	a.huma.UseMiddleware(a.admit)
	for _, noun := range []func(*API){
		session, inbox, templates, requests, apps, flags, tags, usage, trying, kills, rollouts, auditLog, people, memberships, links, sessions, proposals, environments, segments, policies, lifecycles, tokens, sdkKeys, applying, imports, insights, upkeep,
	} {
		noun(a)
	}
	watching(a)
	a.showExamples()
	document := sync.OnceValue(a.Document)
	a.mux.HandleFunc("GET "+prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document())
	})
	a.mux.HandleFunc("POST "+HerePath, a.killHere)
	for _, machines := range []string{"/api", "/mcp", "/ofrep", "/otlp", "/scim"} { // no screen is there, also where nothing is as yet
		a.mux.HandleFunc(machines, a.unknown)
		a.mux.HandleFunc(machines+"/", a.unknown)
	}
	a.mux.HandleFunc("GET /healthz", a.healthz)
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.mux.Handle("/", newConsole(deps.Console))
	csrf := http.NewCrossOriginProtection()
	if deps.Origin != "" {
		if err := csrf.AddTrustedOrigin(deps.Origin); err != nil {
			deps.Log.Warn("writes from the console are told by Sec-Fetch-Site alone", slog.Any("error", err))
		}
	}
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, r, fault.New(fault.Forbidden, "cross_origin", "the request comes from another site").
			Fix("open the console itself, or use an API token outside a browser"))
	}))
	a.inner = csrf.Handler(a.mux)
	return a
}

// Document gives the OpenAPI description, indented and always in the same order.
func (a *API) Document() []byte {
	raw, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("describe the API: %v", err)) // it is made of constants
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", " "); err != nil {
		panic(fmt.Sprintf("describe the API: %v", err))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// ServeHTTP answers one request. A panic is an internal error of this request and of no other.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &answerWriter{ResponseWriter: w}
	exchange, begun := newExchange(r.URL.Path), a.Now()
	if id := a.Tracing.Span(r.Context()).TraceID(); id != "" {
		exchange.trace = id
	}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, exchange))
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler || answer.begun { //nolint:errorlint // a sentinel, as net/http compares it
			a.Log.LogAttrs(r.Context(), slog.LevelError, "answer broken off", slog.String("path", r.URL.Path), slog.Any("panic", cause))
			panic(http.ErrAbortHandler)
		}
		a.refuse(answer, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		a.tell(r, exchange, answer.status, a.Now().Sub(begun))
	}()
	header := answer.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Cache-Control", "no-store")
	a.answer(answer, r)
	a.tell(r, exchange, answer.status, a.Now().Sub(begun))
	if exchange.then != nil {
		exchange.then()
	}
}

func (a *API) answer(w http.ResponseWriter, r *http.Request) {
	if err := a.checkAddress(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	if a.Away != nil && strings.HasPrefix(r.URL.Path, prefix+"/") && r.URL.Path != prefix+"/openapi.json" {
		err := a.Away
		if killing(r.URL.Path) {
			err = kill.Away(err)
		}
		a.refuse(w, r, err)
		return
	}
	a.inner.ServeHTTP(w, r)
}

// killing reports whether a path turns something off for everybody.
func killing(path string) bool { return path == prefix+"/kills" || strings.HasSuffix(path, "/kill") }

// tell counts a request that was answered, or whose stream begins, and names its span.
func (a *API) tell(r *http.Request, e *exchange, status int, took time.Duration) {
	operation := "console"
	switch {
	case e.route != nil:
		operation = e.route.OperationID
		a.Tracing.Span(r.Context()).Route(e.route.Method, e.route.Path)
	case strings.HasPrefix(r.URL.Path, "/api/"):
		operation = "other"
	}
	a.Metrics.APIRequest(operation, cmp.Or(status, http.StatusOK), took)
}

// checkAddress refuses hosts that a demo does not answer to, so that no page can reach it by a name of its own, and text that
// no database takes.
func (a *API) checkAddress(r *http.Request) error {
	if a.Mode == Demo && r.Host != "" && !Local(r.Host) && !isLocal(r.Context()) {
		return &Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusMisdirectedRequest), Status: http.StatusMisdirectedRequest,
			Detail: "the demo answers to localhost only", Code: "wrong_host", Remediation: "open it at http://localhost",
		}
	}
	probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz" // machines ask by address
	if a.Answers != nil && !probe && !isLocal(r.Context()) && !a.Answers(r.Host) {
		return &Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusMisdirectedRequest), Status: http.StatusMisdirectedRequest,
			Detail: "this server does not answer to the host " + strconv.Quote(r.Host), Code: "wrong_host",
			Remediation: "open it at " + cmp.Or(a.Origin, "http://localhost") + "; administrators name another one by public_url",
		}
	}
	if len(r.URL.RawQuery) > maxQuery {
		return &Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusRequestURITooLong), Status: http.StatusRequestURITooLong,
			Detail: "the address is too long", Code: "address_too_long", Remediation: "ask for less at once",
		}
	}
	query := r.URL.Query()
	texts := []string{r.URL.Path}
	for name, values := range query {
		texts = append(append(texts, name), values...)
	}
	if slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }) {
		return fault.New(fault.Invalid, "invalid_text", "the address contains a NUL or is not valid UTF-8").Fix("check what was encoded into it")
	}
	return nil
}

// unknown answers paths of machines that no operation has: 405 if another method would have one, else 404.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := a.mux.Handler(&other); pattern != "" && !strings.HasPrefix(pattern, "/") {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		a.refuse(w, r, fault.New(fault.NotFound, "unknown_path", "there is nothing at %s", r.URL.Path).
			Fix("see /api/v1/openapi.json for what there is"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.refuse(w, r, &Problem{
		Type: "about:blank", Title: http.StatusText(http.StatusMethodNotAllowed), Status: http.StatusMethodNotAllowed,
		Detail: r.Method + " is not possible here", Code: "method_not_allowed", Instance: r.URL.Path,
		Remediation: "use " + strings.Join(allowed, " or "),
	})
}

// healthz tells that the process lives.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyz tells whether evaluations are served, and whether the database is reachable besides.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if a.Ready == nil || !a.Ready() {
		a.refuse(w, r, fault.New(fault.Unavailable, "not_ready", "the flags are not loaded yet").Fix("try again in a moment"))
		return
	}
	readiness := readiness{Status: "ready", Database: "reachable", Flags: "current", Behind: []string{}}
	if err := a.DB.Ping(ctx); err != nil {
		readiness.Database = "away: evaluations go on, changes have to wait"
	}
	if a.Live != nil {
		if a.Live.Stale() {
			readiness.Flags = "stale: the last known ones, since the database cannot be read"
			if age, ok := a.Live.StaleFor(); ok {
				seconds := int64(age.Seconds())
				readiness.StaleSeconds = &seconds
			}
		}
		for _, o := range a.Live.Overrides() {
			if o.Here {
				readiness.TurnedOffHere += len(o.Keys)
			}
		}
		for _, b := range a.Live.Behind() {
			readiness.Behind = append(readiness.Behind, b.Environment)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(readiness); err != nil {
		a.Log.LogAttrs(ctx, slog.LevelDebug, "answer not written", slog.Any("error", err))
	}
}

// readiness is the answer of readyz.
type readiness struct {
	Status        string   `json:"status"`
	Database      string   `json:"database"`
	Flags         string   `json:"flags"`
	StaleSeconds  *int64   `json:"stale_seconds,omitempty"` // since the database was read
	TurnedOffHere int      `json:"turned_off_here"`         // flags that are off on this replica alone
	Behind        []string `json:"behind"`                  // environments whose database came back older
}

// answerWriter remembers whether an answer was begun, and how.
type answerWriter struct {
	http.ResponseWriter
	begun  bool
	status int // 0 before it was begun
}

// WriteHeader begins the answer.
func (w *answerWriter) WriteHeader(code int) {
	if !w.begun {
		w.status = code
	}
	w.begun = true
	w.ResponseWriter.WriteHeader(code)
}

// Write writes a part of the body.
func (w *answerWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.status = http.StatusOK
	}
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
