package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/rollout"
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

type templateQuery struct {
	Paging
	Active bool `query:"active" doc:"Leave out templates that were retired"`
}

// TemplateTrial is a document to look at before it is stored.
type TemplateTrial struct {
	Document json.RawMessage `json:"document" doc:"The template document"`
	Fields   map[string]any  `json:"fields,omitempty" doc:"What a publisher might fill in"`
}

// StoredTemplate is a template that was stored, and what is to be said of it all the same.
type StoredTemplate struct {
	template.Template
	Findings []fault.Finding `json:"findings,omitempty" doc:"Warnings of what its plan says and no rollout does"`
}

func templates(a *API) {
	register(a, operation{method: http.MethodGet, path: "/templates", id: "list-templates", summary: "List the latest version of each template, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *templateQuery) (*reply[store.Listing[template.Template]], error) {
			list, err := a.Library.List(ctx, by, template.Filter{Active: in.Active}, in.page())
			return &reply[store.Listing[template.Template]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/templates", id: "put-template", proposes: true, status: http.StatusCreated, also: []int{http.StatusOK},
		document: reflect.TypeFor[template.Document](),
		summary:  "Store a template: what changed is the next version (201), what is there already is not (200)",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[json.RawMessage]) (*object[StoredTemplate], error) {
		t, created, err := a.Library.Put(ctx, by, in.Body)
		if err != nil {
			return nil, err
		}
		findings, err := a.unstaged(ctx, t.Document)
		status := http.StatusOK
		if created {
			status = http.StatusCreated
		}
		return &object[StoredTemplate]{Status: status, ETag: etag(int64(t.Version)), Body: StoredTemplate{t, findings}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/templates:check", id: "check-template", status: http.StatusOK,
		summary: "What is wrong with a template document, and the form and the plan that it would make; nothing is stored",
	}, access.Read, func(ctx context.Context, by access.Actor, in *reply[TemplateTrial]) (*reply[template.Checked], error) {
		checked, err := a.checkTemplate(ctx, by, in.Body)
		return &reply[template.Checked]{Body: checked}, err
	})
	register(a, operation{method: http.MethodGet, path: "/templates/{id}/versions", id: "list-template-versions", summary: "List all versions of a template, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *struct {
			ByID
			Paging
		},
		) (*reply[store.Listing[template.Template]], error) {
			list, err := a.Library.Versions(ctx, by, in.ID, in.page())
			return &reply[store.Listing[template.Template]]{Body: list}, err
		})
	for name, active := range map[string]bool{"activate": true, "retire": false} {
		register(a, operation{
			method: http.MethodPost, path: "/templates/{id}/" + name, id: name + "-template", proposes: active,
			summary: map[bool]string{true: "Let a retired template be used again", false: "Let nothing new be made from a template"}[active],
		}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *ByID) (*object[template.Template], error) {
			t, err := a.Library.SetActive(ctx, by, in.ID, active)
			return &object[template.Template]{Status: http.StatusOK, ETag: etag(int64(t.Version)), Body: t}, err
		})
	}
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

func (a *API) checkTemplate(ctx context.Context, by access.Actor, trial TemplateTrial) (template.Checked, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return template.Checked{}, err
	}
	checked := template.Check(trial.Document, trial.Fields)
	if checked.Document == nil {
		return checked, nil
	}
	var document any
	if err := json.Unmarshal(trial.Document, &document); err != nil {
		return checked, nil //nolint:nilerr // the findings say so
	}
	said, err := a.Policies.CheckTemplate(ctx, by, document)
	if err != nil {
		return checked, err
	}
	unstaged, err := a.unstaged(ctx, *checked.Document)
	checked.Findings = slices.Concat(checked.Findings, said, unstaged)
	return checked, err
}

// unstaged is what a document's plan says and no rollout here does.
func (a *API) unstaged(ctx context.Context, d template.Document) (found []fault.Finding, err error) {
	err = a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		found, err = rollout.UnstagedIn(ctx, tx, d)
		return err
	})
	return found, err
}
