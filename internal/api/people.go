package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// ByEmail names a person.
type ByEmail struct {
	Email string `path:"email"`
}

type peopleQuery struct {
	Paging
	Search string `query:"q" doc:"Text in address or name"`
}

func people(a *API) {
	register(a, operation{method: http.MethodGet, path: "/people", id: "list-people", summary: "List people, by address"},
		access.Read, func(ctx context.Context, by access.Actor, in *peopleQuery) (*reply[store.Listing[access.Profile]], error) {
			list, err := a.Directory.People(ctx, by, in.Search, in.page())
			return &reply[store.Listing[access.Profile]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/people/{email}", id: "get-person", summary: "Get a person"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByEmail) (*object[access.Profile], error) {
			p, err := a.Directory.Person(ctx, by, in.Email)
			return &object[access.Profile]{Status: http.StatusOK, ETag: etag(p.Revision), Body: p}, err
		})
	register(a, operation{
		method: http.MethodPut, path: "/people/{email}", id: "put-person", summary: "Make or change a person", also: []int{http.StatusCreated}, proposes: true,
	}, access.PeopleWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByEmail
		Version
		Body access.PersonSpec
	},
	) (*object[access.Person], error) {
		revision, err := in.exact()
		if err != nil {
			return nil, err
		}
		p, effect, err := a.Directory.PutPerson(ctx, by, in.Email, in.Body, revision)
		return &object[access.Person]{Status: putStatus(effect), ETag: etag(p.Revision), Body: p}, err
	})
	register(a, operation{method: http.MethodGet, path: "/groups", id: "list-groups", summary: "List groups, by name"},
		access.Read, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[access.Group]], error) {
			list, err := a.Directory.Groups(ctx, by, in.page())
			return &reply[store.Listing[access.Group]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/groups/{name}", id: "get-group", summary: "Get a group"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByName) (*object[access.Group], error) {
			g, err := a.Directory.Group(ctx, by, in.Name)
			return &object[access.Group]{Status: http.StatusOK, ETag: etag(g.Revision), Body: g}, err
		})
	register(a, operation{
		method: http.MethodPut, path: "/groups/{name}", id: "put-group", summary: "Make or change a group", also: []int{http.StatusCreated}, proposes: true,
	}, access.PeopleWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByName
		Version
		Body access.GroupSpec
	},
	) (*object[access.Group], error) {
		revision, err := in.exact()
		if err != nil {
			return nil, err
		}
		g, effect, err := a.Directory.PutGroup(ctx, by, in.Name, in.Body, revision)
		return &object[access.Group]{Status: putStatus(effect), ETag: etag(g.Revision), Body: g}, err
	})
}

func memberships(a *API) {
	register(a, operation{method: http.MethodDelete, path: "/groups/{name}", id: "delete-group", proposes: true, summary: "Delete a group that owns nothing"},
		access.PeopleWrite, func(ctx context.Context, by access.Actor, in *struct {
			ByName
			Version
		},
		) (*none, error) {
			revision, err := in.exact()
			if err != nil {
				return nil, err
			}
			return &none{}, a.Directory.DeleteGroup(ctx, by, in.Name, revision)
		})
	register(a, operation{
		method: http.MethodPost, path: "/groups/{name}/join", id: "join-group", status: http.StatusOK, summary: "Join a group that people join by themselves",
	}, access.GroupJoin, func(ctx context.Context, by access.Actor, in *ByName) (*object[access.Group], error) {
		g, err := a.Directory.Join(ctx, by, in.Name)
		return &object[access.Group]{Status: http.StatusOK, ETag: etag(g.Revision), Body: g}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/groups/{name}/leave", id: "leave-group", status: http.StatusOK, summary: "Leave a group that people join by themselves",
	}, access.GroupJoin, func(ctx context.Context, by access.Actor, in *ByName) (*object[access.Group], error) {
		g, err := a.Directory.Leave(ctx, by, in.Name)
		return &object[access.Group]{Status: http.StatusOK, ETag: etag(g.Revision), Body: g}, err
	})
}

func putStatus(effect access.Effect) int {
	if effect == access.Created {
		return http.StatusCreated
	}
	return http.StatusOK
}
