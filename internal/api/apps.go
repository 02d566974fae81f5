package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/store"
)

// BySlug names an app.
type BySlug struct {
	Slug string `path:"slug" doc:"Slug of the app, such as where2eat"`
}

type appQuery struct {
	Paging
	Owner    string `query:"owner" doc:"Group that owns the app"`
	Category string `query:"category"`
	Search   string `query:"q" doc:"Text in slug, name or description"`
}

func apps(a *API) {
	register(a, operation{method: http.MethodGet, path: "/apps", id: "list-apps", summary: "List the apps that the caller may see, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *appQuery) (*reply[store.Listing[catalog.App]], error) {
			list, err := a.Catalog.List(ctx, by, catalog.Filter{Owner: in.Owner, Category: in.Category, Search: in.Search}, in.page())
			return &reply[store.Listing[catalog.App]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/apps/{slug}", id: "get-app", summary: "Get an app"},
		access.Read, func(ctx context.Context, by access.Actor, in *BySlug) (*object[catalog.App], error) {
			app, err := a.Catalog.Get(ctx, by, in.Slug)
			return &object[catalog.App]{Status: http.StatusOK, ETag: etag(app.Revision), Body: app}, err
		})
}
