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

// SegmentSettings are what administrators set of a segment.
type SegmentSettings struct {
	Title       string   `json:"title" doc:"In plain words, such as People in the pilot group"`
	Description string   `json:"description,omitempty"`
	Everybody   bool     `json:"everybody,omitempty" doc:"The segment is everybody; it lists no groups or people then"`
	Groups      []string `json:"groups,omitempty"`
	People      []string `json:"people,omitempty" doc:"E-mail addresses, at most 1,000"`
}

func environments(a *API) {
	register(a, operation{method: http.MethodGet, path: "/environments", id: "list-environments", summary: "List environments, the most harmless first"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*reply[store.Listing[registry.Environment]], error) {
			all, err := a.Registry.Environments(ctx, by)
			return &reply[store.Listing[registry.Environment]]{Body: store.Listing[registry.Environment]{Items: all}}, err
		})
	register(a, operation{method: http.MethodPut, path: "/environments/{name}", id: "put-environment", summary: "Make or change an environment"},
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
	register(a, operation{method: http.MethodGet, path: "/segments", id: "list-segments", summary: "List segments, by name"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*reply[store.Listing[registry.Segment]], error) {
			all, err := a.Registry.Segments(ctx, by)
			return &reply[store.Listing[registry.Segment]]{Body: store.Listing[registry.Segment]{Items: all}}, err
		})
	register(a, operation{method: http.MethodPut, path: "/segments/{name}", id: "put-segment", summary: "Make or change a segment"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
			ByName
			Version
			Body SegmentSettings
		},
		) (*object[registry.Segment], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			s, err := a.Registry.PutSegment(ctx, by, registry.Segment{
				Name: in.Name, Title: in.Body.Title, Description: in.Body.Description, Everybody: in.Body.Everybody,
				Groups: in.Body.Groups, People: in.Body.People, Revision: revision,
			})
			return &object[registry.Segment]{Status: http.StatusOK, ETag: etag(s.Revision), Body: s}, err
		})
}
