package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// Proposed is the answer, with status 202, to a change that waits for a second administrator.
type Proposed struct {
	Proposal access.Proposal `json:"proposal"`
}

// pending answers with a proposal where a verb says that its change waits. Huma takes it for an error with a status of its own.
type pending struct{ Proposed }

// Error says what it waits for.
func (p *pending) Error() string { return p.Proposal.Words }

// GetStatus is 202: accepted, and not done yet.
func (p *pending) GetStatus() int { return http.StatusAccepted }

// SetupChecklist is what a new installation wants.
type SetupChecklist struct {
	Items []access.SetupItem `json:"items"`
}

func proposals(a *API) {
	register(a, operation{method: http.MethodGet, path: "/proposals", id: "list-proposals", summary: "List changes that wait for a second administrator"},
		access.ProposalRead, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[access.Proposal]], error) {
			list, err := a.Governors.List(ctx, by, in.page())
			return &reply[store.Listing[access.Proposal]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/proposals/{id}/confirm", id: "confirm-proposal", status: http.StatusOK, summary: "Do what another administrator proposed",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *ByID) (*reply[Proposed], error) {
		p, err := a.Governors.Confirm(ctx, by, in.ID)
		return &reply[Proposed]{Body: Proposed{p}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/proposals/{id}/withdraw", id: "withdraw-proposal", status: http.StatusOK, summary: "End a proposal without doing it",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *ByID) (*reply[Proposed], error) {
		p, err := a.Governors.Withdraw(ctx, by, in.ID)
		return &reply[Proposed]{Body: Proposed{p}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/proposals/{id}/object", id: "object-to-proposal", status: http.StatusOK,
		summary: "Object to losing one's own rights as an administrator",
	}, access.ProposalObject, func(ctx context.Context, by access.Actor, in *struct {
		ByID
		Body Reason
	},
	) (*reply[Proposed], error) {
		p, err := a.Governors.Object(ctx, by, in.ID, in.Body.Reason)
		return &reply[Proposed]{Body: Proposed{p}}, err
	})
	register(a, operation{method: http.MethodGet, path: "/setup", id: "get-setup", summary: "What a new installation wants, and what of it is done"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, _ *none) (*reply[SetupChecklist], error) {
			items, err := a.Directory.Setup(ctx, by)
			return &reply[SetupChecklist]{Body: SetupChecklist{Items: items}}, err
		})
}
