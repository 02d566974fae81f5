package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// Judgement is an approval or a denial of one digest of a request.
type Judgement struct {
	Digest string        `json:"digest" doc:"Digest of what was read: an edit since makes it stale"`
	Domain access.Domain `json:"domain,omitempty" doc:"Needed from who may decide for several"`
	Reason string        `json:"reason,omitempty" doc:"Needed for a denial"`
}

func (j Judgement) judgement() review.Judgement {
	return review.Judgement{Digest: j.Digest, Domain: j.Domain, Reason: j.Reason}
}

// Reason is why something is done.
type Reason struct {
	Reason string `json:"reason,omitempty"`
}

// ByID names an object by its id.
type ByID struct {
	ID string `path:"id"`
}

type requestQuery struct {
	Paging
	State      review.State `query:"state" enum:"needs_fixes,needs_approval,approved,denied,withdrawn"`
	WaitingFor string       `query:"waiting_for" enum:"me" doc:"me: those that the caller may decide now"`
	Mine       bool         `query:"mine" doc:"Those that the caller made"`
	App        string       `query:"app" doc:"Slug of the app"`
	Flag       string       `query:"flag" doc:"Key of the flag"`
}

type checkInput struct {
	Editing string `query:"editing" doc:"Id of the request that the content is meant for; its own slug and key are not taken"`
	Body    review.Content
}

type requestPatch struct {
	ByID
	Version
	Body json.RawMessage
}

type judgementInput struct {
	ByID
	Body Judgement
}

func requests(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/requests:check", id: "check-request",
		summary: "Run the checks on any part of a request; nothing is written",
	}, access.Read, func(ctx context.Context, by access.Actor, in *checkInput) (*reply[review.Assessment], error) {
		found, err := a.Desk.Check(ctx, by, in.Body, in.Editing)
		return &reply[review.Assessment]{Body: found}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests", id: "submit-request", status: http.StatusCreated,
		summary: "Submit a request; what its checks find can be mended later",
	}, access.RequestMake, func(ctx context.Context, by access.Actor, in *reply[review.Content]) (*object[review.Request], error) {
		return requestObject(http.StatusCreated)(a.Desk.Submit(ctx, by, in.Body))
	})
	register(a, operation{method: http.MethodGet, path: "/requests", id: "list-requests", summary: "List requests, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *requestQuery) (*reply[store.Listing[review.Request]], error) {
			list, err := a.Desk.List(ctx, by, review.Query{
				State: in.State, WaitingForMe: in.WaitingFor == "me", Mine: in.Mine, App: in.App, FlagKey: in.Flag,
			}, in.page())
			return &reply[store.Listing[review.Request]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/requests/{id}", id: "get-request", summary: "Get a request with all that is known of it"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByID) (*object[review.Request], error) {
			return requestObject(http.StatusOK)(a.Desk.Get(ctx, by, in.ID))
		})
	register(a, operation{
		method: http.MethodPatch, path: "/requests/{id}", id: "edit-request", mergePatch: reflect.TypeFor[review.Content](),
		summary: "Edit a request by a merge patch (RFC 7396); this voids its approvals",
	}, access.RequestEdit, func(ctx context.Context, by access.Actor, in *requestPatch) (*object[review.Request], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		return requestObject(http.StatusOK)(a.Desk.Edit(ctx, by, in.ID, revision, in.Body))
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/approve", id: "approve-request", also: []int{http.StatusAccepted},
		summary: "Approve exactly what was read; the last approval needed carries it out",
	}, access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
		out, err := a.Desk.Approve(ctx, by, in.ID, in.Body.judgement())
		if err != nil {
			return nil, err
		}
		return requestObject(a.served(ctx, out.Revealed))(out.Request, nil)
	})
	register(a, operation{method: http.MethodPost, path: "/requests/{id}/deny", id: "deny-request", summary: "Deny a request, for good"},
		access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
			out, err := a.Desk.Deny(ctx, by, in.ID, in.Body.judgement())
			return requestObject(http.StatusOK)(out.Request, err)
		})
	register(a, operation{method: http.MethodPost, path: "/requests/{id}/withdraw", id: "withdraw-request", summary: "Take a request back"},
		access.RequestEdit, func(ctx context.Context, by access.Actor, in *struct {
			ByID
			Body *Reason
		},
		) (*object[review.Request], error) {
			return requestObject(http.StatusOK)(a.Desk.Withdraw(ctx, by, in.ID, reasonOf(in.Body)))
		})
}

func requestObject(status int) func(review.Request, error) (*object[review.Request], error) {
	return func(r review.Request, err error) (*object[review.Request], error) {
		return &object[review.Request]{Status: status, ETag: etag(r.Revision), Body: r}, err
	}
}

func reasonOf(body *Reason) string {
	if body == nil {
		return ""
	}
	return body.Reason
}
