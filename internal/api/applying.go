package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
)

// Wanted is what an installation should be.
type Wanted struct {
	Documents []apply.Document `json:"documents"`
	DryRun    bool             `json:"dry_run,omitempty" doc:"Plan only"`
	Prune     bool             `json:"prune,omitempty" doc:"Remove what earlier documents named and these do not"`
}

// applied is a plan that was carried out, and whether this replica serves it.
type applied struct {
	Status int
	Body   apply.Plan
}

func applying(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/apply", id: "apply-documents", limit: maxApply, also: []int{http.StatusAccepted},
		summary: "Make an installation what documents say; apps and flags are changed by requests",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[Wanted]) (*applied, error) {
		plan, err := a.Apply.Apply(ctx, by, in.Body.Documents, apply.Options{DryRun: in.Body.DryRun, Prune: in.Body.Prune})
		if err != nil {
			return nil, err
		}
		return &applied{Status: a.served(ctx, plan.Revealed), Body: plan}, nil
	})
	register(a, operation{
		method: http.MethodGet, path: "/export", id: "export-documents",
		summary: "What files can say of an installation, as documents that make an empty one the same",
	}, access.Backup, func(ctx context.Context, by access.Actor, _ *none) (*reply[apply.Exported], error) {
		exported, err := a.Apply.Export(ctx, by)
		return &reply[apply.Exported]{Body: exported}, err
	})
}
