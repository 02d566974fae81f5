package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

type eventQuery struct {
	Paging
	Flag    string `query:"flag" doc:"Key or id of a flag"`
	Actor   string `query:"actor" doc:"E-mail of who acted"`
	Event   string `query:"event" doc:"Name of the event, such as flag.killed"`
	App     string `query:"app" doc:"Slug of an app"`
	Request string `query:"request" doc:"Id of a request"`
	After   string `query:"after" doc:"A time (RFC 3339) or the id of an event: only what came after"`
}

type exportAnswer struct {
	Body func(huma.Context)
}

func auditLog(a *API) {
	register(a, operation{method: http.MethodGet, path: "/audit/events", id: "list-audit-events", summary: "List audit events, newest first"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *eventQuery) (*reply[store.Listing[audit.Entry]], error) {
			list, err := a.Audit.Events(ctx, by, audit.Query{
				Flag: in.Flag, Actor: in.Actor, Event: in.Event, App: in.App, Request: in.Request, After: in.After, Page: in.page(),
			})
			return &reply[store.Listing[audit.Entry]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/audit/events/{id}/proof", id: "get-audit-proof", summary: "Proof that an event is in the log"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *ByID) (*reply[audit.Proof], error) {
			proof, err := a.Audit.Proof(ctx, by, in.ID)
			return &reply[audit.Proof]{Body: proof}, err
		})
	register(a, operation{method: http.MethodGet, path: "/audit/checkpoint", id: "get-audit-checkpoint", summary: "Signed state of the log as it is now"},
		access.AuditRead, func(ctx context.Context, by access.Actor, _ *none) (*reply[audit.Checkpoint], error) {
			checkpoint, err := a.Audit.Checkpoint(ctx, by)
			return &reply[audit.Checkpoint]{Body: checkpoint}, err
		})
	register(a, operation{
		method: http.MethodGet, path: "/audit/export", id: "export-audit-log",
		summary: "The whole log as lines of JSON, for souk audit verify",
	}, access.AuditRead, func(_ context.Context, by access.Actor, _ *none) (*exportAnswer, error) {
		return &exportAnswer{Body: func(c huma.Context) { a.export(c, by) }}, nil
	})
	export := a.described(http.MethodGet, prefix+"/audit/export").Responses["200"]
	export.Content = map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}}
}

// export streams the log. An error before the first line is a problem; one after it breaks the connection off, and without
// its last line the file does not verify.
func (a *API) export(c huma.Context, by access.Actor) {
	r, w := humago.Unwrap(c)
	out := &exportWriter{ResponseWriter: w}
	err := a.Audit.Export(r.Context(), by, out)
	switch {
	case err == nil:
	case !out.begun:
		a.refuse(w, r, err)
	default:
		panic(http.ErrAbortHandler)
	}
}

type exportWriter struct {
	http.ResponseWriter
	begun bool
}

// Write sends a part of the log; the first one is preceded by the headers of a download.
func (w *exportWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Content-Disposition", `attachment; filename="souk-audit.ndjson"`)
	}
	return w.ResponseWriter.Write(p)
}
