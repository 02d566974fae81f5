package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
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
	register(a, operation{method: http.MethodPut, path: "/environments/{name}", id: "put-environment", proposes: true, summary: "Make or change an environment; what is there already answers 200, whatever the version"},
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
	register(a, operation{
		method: http.MethodPost, path: "/environments/{name}/follow", id: "follow-environment", also: []int{http.StatusAccepted},
		summary: "Follow a database again that came back older than what is served; what was turned off stays so",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByName
		Body FollowOrder
	},
	) (*object[registry.Environment], error) {
		return a.follow(ctx, by, in.Name, in.Body)
	})
}

// FollowOrder gives up what is served for an older database.
type FollowOrder struct {
	Served int64  `json:"served" minimum:"1" doc:"Revision that is served and given up, as souk doctor names it"`
	Reason string `json:"reason,omitempty"`
}

// follow gives up what this replica serves of an environment, and waits until it serves what the database has.
func (a *API) follow(ctx context.Context, by access.Actor, name string, order FollowOrder) (*object[registry.Environment], error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return nil, err
	}
	all := a.Live.Behind()
	at := slices.IndexFunc(all, func(b live.Behind) bool { return b.Environment == name })
	switch {
	case at < 0:
		return nil, fault.New(fault.Conflict, "not_behind", "the database is not older than what is served of %s", name).Fix("there is nothing to do")
	case all[at].Served != order.Served:
		return nil, fault.New(fault.Conflict, "other_revision", "revision %d of %s is served, not %d", all[at].Served, name, order.Served).At("served").
			Fix("look at what souk doctor says now").Showing(all[at])
	}
	if err := a.Kills.FollowOlder(ctx, by, all[at], order.Reason); err != nil {
		return nil, err
	}
	environments, err := a.Registry.Environments(ctx, by)
	if err != nil {
		return nil, err
	}
	for _, e := range environments {
		if e.Name == name {
			return &object[registry.Environment]{Status: a.served(ctx, map[string]int64{name: e.Revision}), ETag: etag(e.Version), Body: e}, nil
		}
	}
	return nil, fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", name)
}
