package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

type templateVersion struct {
	ByID
	Number int `query:"version" minimum:"1" doc:"A version; the latest if absent"`
}

type schemaAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        json.RawMessage
}

func templates(a *API) {
	register(a, operation{method: http.MethodGet, path: "/templates", id: "list-templates", summary: "List the latest version of each template, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[template.Template]], error) {
			list, err := a.Library.List(ctx, by, in.page())
			return &reply[store.Listing[template.Template]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/templates", id: "put-template", status: http.StatusCreated, also: []int{http.StatusOK},
		document: reflect.TypeFor[template.Document](),
		summary:  "Store a template: what changed is the next version (201), what is there already is not (200)",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[json.RawMessage]) (*object[template.Template], error) {
		t, created, err := a.Library.Put(ctx, by, in.Body)
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return &object[template.Template]{Status: status, ETag: etag(int64(t.Version)), Body: t}, err
	})
	register(a, operation{method: http.MethodGet, path: "/templates/{id}", id: "get-template", summary: "Get a template"},
		access.Read, func(ctx context.Context, by access.Actor, in *templateVersion) (*object[template.Template], error) {
			t, err := a.Library.Get(ctx, by, in.ID, in.Number)
			return &object[template.Template]{Status: http.StatusOK, ETag: etag(int64(t.Version)), Body: t}, err
		})
	register(a, operation{
		method: http.MethodGet, path: "/templates/{id}/schema", id: "get-template-schema",
		summary: "JSON Schema (2020-12) of a template's fields, for forms",
	}, access.Read, func(ctx context.Context, by access.Actor, in *templateVersion) (*schemaAnswer, error) {
		t, err := a.Library.Get(ctx, by, in.ID, in.Number)
		if err != nil {
			return nil, err
		}
		return &schemaAnswer{ContentType: "application/schema+json", Body: t.Schema()}, nil
	})
}
