package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// Judgement is what an approver decides on one digest of a request.
type Judgement struct {
	Digest string        `json:"digest" doc:"Digest of what was read: an edit since makes it stale"`
	Domain access.Domain `json:"domain,omitempty" doc:"Needed from who may decide for several"`
	Reason string        `json:"reason,omitempty" doc:"Needed for a denial and to ask for a change"`
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
	State      []review.State `query:"state,explode" enum:"draft,checking,needs_fixes,needs_approval,approved,denied,withdrawn" doc:"May be given several times; drafts are the caller's own"`
	Kind       []review.Kind  `query:"kind,explode" enum:"publish_app,create_flag,change_app,change_flag,extend_ttl,deprecate,remove,restore_flag,import_flags,change_segment" doc:"May be given several times"`
	WaitingFor string         `query:"waiting_for" enum:"me" doc:"me: those that the caller may decide now"`
	Mine       bool           `query:"mine" doc:"Those that the caller made, drafts too"`
	DecidedBy  string         `query:"decided_by" enum:"me" doc:"me: those that the caller approved or denied"`
	App        string         `query:"app" doc:"Slug of the app"`
	Flag       string         `query:"flag_key" doc:"Key of the flag"`
	Risk       review.Risk    `query:"risk" enum:"low,medium,high"`
	Requester  string         `query:"requester" doc:"E-mail address of who asked"`
	Search     string         `query:"q" maxLength:"200" doc:"Words in title, app, flag, requester or reason"`
	Sort       review.Sort    `query:"sort" enum:"created,updated,risk" default:"created"`
	Order      string         `query:"order" enum:"asc,desc" default:"desc"`
}

func (in requestQuery) query() review.Query {
	return review.Query{
		States: in.State, Kinds: in.Kind, WaitingForMe: in.WaitingFor == "me", Mine: in.Mine, DecidedByMe: in.DecidedBy == "me",
		App: in.App, FlagKey: in.Flag, Risk: in.Risk, Requester: in.Requester, Search: in.Search,
		Sort: in.Sort, Ascending: in.Order == "asc",
	}
}

// Remark is what somebody says about a request.
type Remark struct {
	Reason  string `json:"reason" doc:"What is said"`
	Digest  string `json:"digest,omitempty" doc:"Digest of what was read: an edit since refuses the comment"`
	Answers bool   `json:"answers,omitempty" doc:"It answers what approvers asked for: the request needs approval again, and approvals stay"`
}

// CheckReport is what a service account says of a check of a request.
type CheckReport struct {
	Status    review.Status   `json:"status" enum:"passed,warned,failed"`
	Digest    string          `json:"digest,omitempty" doc:"Digest of the request that was looked at: an edit since refuses the report. Without it the report is about the request as it is now"`
	Findings  []fault.Finding `json:"findings,omitempty" doc:"At most 100; their severities count as much as the status"`
	SARIF     json.RawMessage `json:"sarif,omitempty" doc:"A SARIF 2.1.0 document, or its text, whose results become findings"`
	URL       string          `json:"url,omitempty" doc:"Where a person can read more"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty" doc:"From when on the report counts no longer"`
}

func (c CheckReport) spec() review.ReportSpec {
	s := review.ReportSpec{Digest: c.Digest, Status: c.Status, Findings: c.Findings, SARIF: c.SARIF, URL: c.URL, ExpiresAt: c.ExpiresAt}
	var text string
	if json.Unmarshal(c.SARIF, &text) == nil && text != "" {
		s.SARIF = []byte(text)
	}
	return s
}

type checkReportInput struct {
	ByID
	Name string `path:"name" maxLength:"100" doc:"Of the check: security_scan, or one that the template names and Souk does not have"`
	Body CheckReport
}

type remarkInput struct {
	ByID
	Body Remark
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
		method: http.MethodPost, path: "/requests", id: "submit-request", status: http.StatusCreated, also: []int{http.StatusAccepted},
		summary: "Submit a request, or keep a draft; what its checks find can be mended later, and what needs no approval is done at once",
	}, access.RequestMake, func(ctx context.Context, by access.Actor, in *reply[review.Content]) (*object[review.Request], error) {
		out, err := a.Desk.Submit(ctx, by, in.Body)
		return a.outcome(ctx, http.StatusCreated, out, err)
	})
	register(a, operation{method: http.MethodGet, path: "/requests", id: "list-requests", summary: "List requests, newest first unless sorted otherwise"},
		access.Read, func(ctx context.Context, by access.Actor, in *requestQuery) (*reply[store.Listing[review.Request]], error) {
			list, err := a.Desk.List(ctx, by, in.query(), in.page())
			return &reply[store.Listing[review.Request]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/requests/{id}", id: "get-request", summary: "Get a request with all that is known of it"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByID) (*object[review.Request], error) {
			return requestObject(http.StatusOK)(a.Desk.Get(ctx, by, in.ID))
		})
	register(a, operation{
		method: http.MethodPatch, path: "/requests/{id}", id: "edit-request", mergePatch: reflect.TypeFor[review.Edit](), also: []int{http.StatusAccepted},
		summary: "Edit a request by a merge patch (RFC 7396), which voids its approvals; draft: false submits a draft, resubmit: true has it judged anew",
	}, access.RequestEdit, func(ctx context.Context, by access.Actor, in *requestPatch) (*object[review.Request], error) {
		revision, err := in.revision()
		if err != nil {
			return nil, err
		}
		out, err := a.Desk.Edit(ctx, by, in.ID, revision, in.Body)
		return a.outcome(ctx, http.StatusOK, out, err)
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/approve", id: "approve-request", also: []int{http.StatusAccepted},
		summary: "Approve exactly what was read; the last approval needed carries it out",
	}, access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
		out, err := a.Desk.Approve(ctx, by, in.ID, in.Body.judgement())
		return a.outcome(ctx, http.StatusOK, out, err)
	})
	register(a, operation{method: http.MethodPost, path: "/requests/{id}/deny", id: "deny-request", summary: "Deny a request, for good"},
		access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
			out, err := a.Desk.Deny(ctx, by, in.ID, in.Body.judgement())
			return requestObject(http.StatusOK)(out.Request, err)
		})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/ask", id: "ask-for-change",
		summary: "Return a request to its requester with what should be changed or answered, not for good",
	}, access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
		return requestObject(http.StatusOK)(a.Desk.Ask(ctx, by, in.ID, in.Body.judgement()))
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/take-back", id: "take-back-decision",
		summary: "Take back one's own approval, or what one asked for, until the request is carried out",
	}, access.RequestDecide, func(ctx context.Context, by access.Actor, in *judgementInput) (*object[review.Request], error) {
		return requestObject(http.StatusOK)(a.Desk.TakeBack(ctx, by, in.ID, in.Body.judgement()))
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/comments", id: "comment-request", status: http.StatusCreated,
		summary: "Say something about a request, in whatever state it is, or answer what approvers asked for",
	}, access.RequestComment, func(ctx context.Context, by access.Actor, in *remarkInput) (*reply[review.Comment], error) {
		comment, err := a.Desk.Comment(ctx, by, in.ID, review.CommentSpec{
			Words: in.Body.Reason, Digest: in.Body.Digest, Answers: in.Body.Answers,
		})
		return &reply[review.Comment]{Body: comment}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/requests/{id}/checks/{name}", id: "report-check", also: []int{http.StatusAccepted},
		summary: "Report how a check of a request went, in the place of what was last said of the same content",
	}, access.CheckReport, func(ctx context.Context, by access.Actor, in *checkReportInput) (*object[review.Request], error) {
		out, err := a.Desk.Report(ctx, by, in.ID, in.Name, in.Body.spec())
		return a.outcome(ctx, http.StatusOK, out, err)
	})
	register(a, operation{
		method: http.MethodGet, path: "/requests/{id}/content", id: "get-request-content",
		summary: "What a request asked for, as the beginning of a new one",
	}, access.Read, func(ctx context.Context, by access.Actor, in *ByID) (*reply[review.Content], error) {
		content, err := a.Desk.Content(ctx, by, in.ID)
		return &reply[review.Content]{Body: content}, err
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

// outcome answers with a request after an act: 202 where this replica does not serve within a second what the act changed.
func (a *API) outcome(ctx context.Context, status int, out review.Outcome, err error) (*object[review.Request], error) {
	if err == nil && a.served(ctx, out.Revealed) == http.StatusAccepted {
		status = http.StatusAccepted
	}
	return requestObject(status)(out.Request, err)
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
