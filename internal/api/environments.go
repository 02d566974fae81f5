package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// ByName names an object by its name.
type ByName struct {
	Name string `path:"name"`
}

// EnvironmentSettings are what administrators set of an environment.
type EnvironmentSettings struct {
	Position int           `json:"position" minimum:"0" maximum:"1000" doc:"Order, from the most harmless on"`
	Tier     registry.Tier `json:"tier" enum:"sandbox,test,production"`
	Governed bool          `json:"governed,omitempty" doc:"Changes need a request"`
}

func environments(a *API) {
	register(a, operation{method: http.MethodGet, path: "/environments", id: "list-environments", summary: "List environments, the most harmless first"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*reply[store.Listing[registry.Environment]], error) {
			all, err := a.Registry.Environments(ctx, by)
			return &reply[store.Listing[registry.Environment]]{Body: store.Listing[registry.Environment]{Items: all}}, err
		})
	register(a, operation{method: http.MethodPut, path: "/environments/{name}", id: "put-environment", summary: "Make or change an environment; what is there already answers 200, whatever the version"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
			ByName
			Version
			Body EnvironmentSettings
		},
		) (*object[registry.Environment], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			e, err := a.Registry.PutEnvironment(ctx, by, registry.Environment{
				Name: in.Name, Position: in.Body.Position, Tier: in.Body.Tier, Governed: in.Body.Governed, Version: revision,
			})
			return &object[registry.Environment]{Status: http.StatusOK, ETag: etag(e.Version), Body: e}, err
		})
}
