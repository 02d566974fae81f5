package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

type eventQuery struct {
	Paging
	Flag    string `query:"flag" doc:"Key or id of a flag; what happened to the segments that it refers to, and who joined and left their groups, is shown, too"`
	Actor   string `query:"actor" doc:"E-mail of who acted, of now or from before: it finds what that person did under any of theirs"`
	Event   string `query:"event" doc:"Name of the event, such as flag.killed, or how it begins and a star, such as flag.*"`
	App     string `query:"app" doc:"Slug of an app"`
	Request string `query:"request" doc:"Id of a request"`
	Subject string `query:"subject" doc:"What else was acted on, such as group:product or person:pat@hyfin.example"`
	From    string `query:"from" doc:"A time (RFC 3339): only what happened then or later"`
	To      string `query:"to" doc:"A time (RFC 3339): only what happened before"`
	Text    string `query:"q" doc:"Words of the event, such as a part of its reason. A page may hold few of them, or none, and yet have a next"`
	After   string `query:"after" doc:"A time (RFC 3339) or the id of an event: only what came after"`
}

type acknowledgement struct {
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why the newest copy of the database cannot be put in place; it becomes the first event of the log"`
	}
}

type erasing struct {
	ByID
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Which law or request demands it"`
	}
}

// Erased names the texts that were deleted.
type Erased struct {
	Paths []string `json:"paths" nullable:"false" doc:"JSON Pointers of where the texts stood in the event"`
}

type sizes struct {
	From int64 `query:"from" required:"true" doc:"Number of leaves of the earlier checkpoint"`
	To   int64 `query:"to" doc:"Number of leaves of the later one; absent is the log as it is now"`
}

// maxRests bounds how many segments of a flag, and how many groups, its events are looked for by; both engines limit their parameters.
const maxRests = 400

// restsOn are the subjects of events about the segments that a flag refers to, and about the groups in them.
func (a *API) restsOn(ctx context.Context, flag string) (segments, groups []string, err error) {
	if flag == "" {
		return nil, nil, nil
	}
	subjects := func(noun audit.Noun, names []string) (all []string) {
		for _, name := range names[:min(len(names), maxRests)] {
			all = append(all, string(noun)+":"+name)
		}
		return all
	}
	err = a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		names, err := registry.SegmentsUsedBy(ctx, tx, flag)
		if err != nil {
			return err
		}
		segments = subjects(audit.NounSegment, names)
		names, err = registry.GroupsOf(ctx, tx, names)
		groups = subjects(audit.NounGroup, names)
		return err
	})
	return segments, groups, err
}

func auditLog(a *API) {
	register(a, operation{method: http.MethodGet, path: "/audit/events", id: "list-audit-events", summary: "List audit events, newest first"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *eventQuery) (*reply[store.Listing[audit.Entry]], error) {
			q := audit.Query{
				Flag: in.Flag, Actor: in.Actor, Event: in.Event, App: in.App, Request: in.Request, After: in.After,
				Subject: in.Subject, From: in.From, To: in.To, Text: in.Text, Page: in.page(),
			}
			var err error
			if q.Rests, q.Members, err = a.restsOn(ctx, in.Flag); err != nil {
				return nil, err
			}
			list, err := a.Audit.Events(ctx, by, q)
			return &reply[store.Listing[audit.Entry]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/audit/events/{id}/proof", id: "get-audit-proof", summary: "Proof that an event is in the log"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *ByID) (*reply[audit.Proof], error) {
			proof, err := a.Audit.Proof(ctx, by, in.ID)
			return &reply[audit.Proof]{Body: proof}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/audit/events/{id}/erase", id: "erase-audit-texts", status: http.StatusOK,
		summary: "Delete the free text of an event, as law may demand; its hash stays, so that every proof holds",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *erasing) (*reply[Erased], error) {
		paths, err := a.Audit.Erase(ctx, by, in.ID, in.Body.Reason)
		return &reply[Erased]{Body: Erased{Paths: paths}}, err
	})
	register(a, operation{method: http.MethodGet, path: "/audit/checkpoint", id: "get-audit-checkpoint", summary: "Signed state of the log as it is now"},
		access.AuditRead, func(ctx context.Context, by access.Actor, _ *none) (*reply[audit.Checkpoint], error) {
			checkpoint, err := a.Audit.Checkpoint(ctx, by)
			return &reply[audit.Checkpoint]{Body: checkpoint}, err
		})
	register(a, operation{method: http.MethodGet, path: "/audit/checkpoints", id: "list-audit-checkpoints", summary: "List checkpoints, newest first"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[audit.Checkpoint]], error) {
			list, err := a.Audit.Checkpoints(ctx, by, in.page())
			return &reply[store.Listing[audit.Checkpoint]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/audit/consistency", id: "get-audit-consistency", summary: "Proof that the log only grew between two sizes"},
		access.AuditRead, func(ctx context.Context, by access.Actor, in *sizes) (*reply[audit.Consistency], error) {
			proof, err := a.Audit.Consistency(ctx, by, in.From, in.To)
			return &reply[audit.Consistency]{Body: proof}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/audit/acknowledge", id: "acknowledge-audit-log", proposes: true, status: http.StatusOK,
		summary: "Let a log that was set back go on under a new name, whose first event says what was given up. The answer is its checkpoint",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *acknowledgement) (*reply[audit.Checkpoint], error) {
		if err := a.Backups.Acknowledge(ctx, by, in.Body.Reason); err != nil {
			return nil, err
		}
		checkpoint, err := a.Audit.Checkpoint(ctx, by)
		return &reply[audit.Checkpoint]{Body: checkpoint}, err
	})
	register(a, operation{
		method: http.MethodGet, path: "/audit/export", id: "export-audit-log",
		summary: "The whole log as lines of JSON, for souk audit verify",
	}, access.AuditRead, func(_ context.Context, by access.Actor, _ *none) (*streamed, error) {
		return &streamed{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			out := &download{ResponseWriter: w, kind: "application/x-ndjson", name: "souk-audit.ndjson"}
			a.finish(out, r, a.Audit.Export(r.Context(), by, out)) // without its last line the file does not verify
		}}, nil
	})
	a.downloads("/audit/export", "application/x-ndjson")
}
