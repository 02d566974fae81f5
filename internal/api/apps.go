package api

import (
	"context"
	"net/http"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// AppSummary is an app in a list.
type AppSummary struct {
	catalog.Listed
	Can []string `json:"can" doc:"What the caller may do: change (ask for a change of the app or its switches), turn_off"`
}

// AppDetail is all of an app that its screen shows.
type AppDetail struct {
	AppSummary
	Flags        []FlagSummary    `json:"flags" doc:"Those that are not removed, newest first; at most 100"`
	OpenRequests []review.Request `json:"open_requests" doc:"Those that are not decided, newest first"`
	History      []AppEvent       `json:"history" doc:"What happened to the app and its switches, newest first; at most 50"`
}

// AppEvent is one thing that happened; it is an audit event in words.
type AppEvent struct {
	ID        string     `json:"id"`
	At        time.Time  `json:"at"`
	By        string     `json:"by"`
	Event     audit.Name `json:"event"`
	Words     string     `json:"words"`
	Reason    string     `json:"reason,omitempty"`
	FlagKey   string     `json:"flag_key,omitempty"`
	RequestID string     `json:"request_id,omitempty"`
}

// BySlug names an app.
type BySlug struct {
	Slug string `path:"slug" doc:"Slug of the app, such as where2eat"`
}

type appQuery struct {
	Paging
	Owner    string       `query:"owner" doc:"Group that owns the app"`
	Category string       `query:"category"`
	Search   string       `query:"q" doc:"Words in short name, name, category, owner or description; typing errors are forgiven"`
	Status   catalog.Word `query:"status" enum:"live,rolling_out,off,waiting,retired"`
	Sort     catalog.Sort `query:"sort" enum:"name,created,updated" doc:"Absent is the best first with a search, else created"`
	Order    string       `query:"order" enum:"asc,desc" doc:"Absent is asc for name, desc for times"`
}

func (q *appQuery) filter() catalog.Filter {
	usual := "desc"
	if q.Sort == catalog.ByName {
		usual = "asc"
	}
	return catalog.Filter{
		Owner: q.Owner, Category: q.Category, Search: q.Search, Status: q.Status, Sort: q.Sort, Reverse: q.Order != "" && q.Order != usual,
	}
}

func apps(a *API) {
	register(a, operation{method: http.MethodGet, path: "/apps", id: "list-apps", summary: "List the apps that the caller may see"},
		access.Read, func(ctx context.Context, by access.Actor, in *appQuery) (*reply[store.Listing[AppSummary]], error) {
			list, err := a.Catalog.List(ctx, by, in.filter(), in.page())
			out := store.Listing[AppSummary]{Next: list.Next}
			for _, app := range list.Items {
				out.Items = append(out.Items, summaryOf(by, app))
			}
			return &reply[store.Listing[AppSummary]]{Body: out}, err
		})
	register(a, operation{
		method: http.MethodGet, path: "/apps/categories", id: "count-apps", summary: "How many apps the caller may see, by category and owner",
	}, access.Read, func(ctx context.Context, by access.Actor, in *struct {
		Search string `query:"q" doc:"Count only what a search finds"`
	},
	) (*reply[catalog.Facets], error) {
		facets, err := a.Catalog.Facets(ctx, by, in.Search)
		return &reply[catalog.Facets]{Body: facets}, err
	})
	register(a, operation{method: http.MethodGet, path: "/apps/{slug}", id: "get-app", summary: "Get an app with its switches, open requests and history"},
		access.Read, func(ctx context.Context, by access.Actor, in *BySlug) (*object[AppDetail], error) {
			app, err := a.app(ctx, by, in.Slug)
			return &object[AppDetail]{Status: http.StatusOK, ETag: etag(app.Revision), Body: app}, err
		})
}

func summaryOf(by access.Actor, app catalog.Listed) AppSummary {
	out := AppSummary{Listed: app, Can: []string{}}
	on := access.Scope{OwnerGroup: app.Owner}
	if access.Can(by, access.RequestMake, on) == nil {
		out.Can = append(out.Can, "change")
	}
	if access.Can(by, access.Kill, on) == nil {
		out.Can = append(out.Can, "turn_off")
	}
	return out
}

// app gives all of an app.
func (a *API) app(ctx context.Context, by access.Actor, slug string) (AppDetail, error) {
	app, err := a.Catalog.Get(ctx, by, slug)
	if err != nil {
		return AppDetail{}, err
	}
	var out AppDetail
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		statuses, err := catalog.StatusOf(ctx, tx, []string{slug})
		if err != nil {
			return err
		}
		out.AppSummary = summaryOf(by, catalog.Listed{App: app, Status: statuses[slug]})
		flags, err := registry.List(ctx, tx, registry.Filter{App: slug}, store.Page{})
		if err != nil {
			return err
		}
		keys := make([]string, len(flags.Items))
		for i, f := range flags.Items {
			keys[i] = f.Key
		}
		lives, err := lifecycle.States(ctx, tx, keys)
		if err != nil {
			return err
		}
		for _, f := range flags.Items {
			out.Flags = append(out.Flags, FlagSummary{Flag: f, Lifecycle: lives[f.Key]})
		}
		out.History, err = history(ctx, tx, slug)
		return err
	}); err != nil {
		return AppDetail{}, err
	}
	open, err := a.Desk.List(ctx, by, review.Query{App: slug, States: []review.State{review.Checking, review.NeedsFixes, review.NeedsApproval}}, store.Page{})
	out.OpenRequests = open.Items
	return out, err
}

func history(ctx context.Context, tx *store.Tx, slug string) ([]AppEvent, error) {
	entries, err := audit.OfApp(ctx, tx, slug, 50)
	if err != nil {
		return nil, err
	}
	events := make([]AppEvent, len(entries))
	for i, e := range entries {
		events[i] = AppEvent{
			ID: e.ID, At: e.Timestamp, By: e.Actor, Event: e.Event.Event, Words: e.Words(), Reason: e.Reason,
			FlagKey: e.FlagKey, RequestID: e.RequestID,
		}
	}
	return events, nil
}
