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
}

func applying(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/apply", id: "apply-documents", limit: maxApply,
		summary: "Make people, groups, environments, segments, templates, policies and the lifecycle what the documents say",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[Wanted]) (*reply[apply.Plan], error) {
		plan, err := a.Apply.Apply(ctx, by, in.Body.Documents, in.Body.DryRun)
		return &reply[apply.Plan]{Body: plan}, err
	})
}
