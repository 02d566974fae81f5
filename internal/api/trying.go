package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
)

// Attempt is a context to try a flag with, and maybe a change to try besides.
type Attempt struct {
	Context map[string]any     `json:"context" doc:"As an SDK sends it: targetingKey and other attributes"`
	Change  *review.FlagChange `json:"change,omitempty" doc:"As a request of kind change_flag has it"`
}

// Intention is a change that somebody may ask for.
type Intention struct {
	Change review.FlagChange `json:"change" doc:"As a request of kind change_flag has it"`
}

func trying(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/try", id: "try-flag",
		summary: "What a flag answers for a context, and why; with a change, what it would answer then. Nothing is changed or counted",
	}, access.Read, func(ctx context.Context, by access.Actor, in *struct {
		FlagIn
		Body Attempt
	},
	) (*reply[registry.Trial], error) {
		var edit registry.Edit
		if in.Body.Change != nil {
			edit = in.Body.Change.Over
		}
		trial, err := a.Registry.Try(ctx, by, in.Key, in.Environment, in.Body.Context, edit)
		return &reply[registry.Trial]{Body: trial}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/rehearse", id: "rehearse-flag",
		summary: "What a change would do to the answers for contexts that SDKs asked this replica with lately. Nothing is changed",
	}, access.RequestMake, func(ctx context.Context, by access.Actor, in *struct {
		FlagIn
		Body Intention
	},
	) (*reply[registry.Rehearsal], error) {
		rehearsal, err := a.Registry.Rehearse(ctx, by, in.Key, in.Environment, in.Body.Change.Over, a.Recent.Of(in.Environment))
		return &reply[registry.Rehearsal]{Body: rehearsal}, err
	})
}
