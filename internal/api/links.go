package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/signin"
)

// LinkSecret is what follows # in a one-time link.
type LinkSecret struct {
	Secret string `json:"secret" doc:"What follows # in the link"`
}

type linkQuestion struct {
	Request
	Body LinkSecret
}

type linkUse struct {
	Request
	Body signin.LinkUse
}

type invitation struct {
	ByEmail
	Body *signin.Invitation
}

func links(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/links:read", id: "read-link", status: http.StatusOK, summary: "What a one-time link is for; it is not used up",
	}, access.Public, func(ctx context.Context, _ access.Actor, in *linkQuestion) (*reply[signin.Link], error) {
		link, err := a.Accounts.ReadLink(ctx, in.http, in.Body.Secret)
		return &reply[signin.Link]{Body: link}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/links:use", id: "use-link", status: http.StatusOK, password: true,
		summary: "Choose a password by a one-time link, and sign in; the link is used up",
	}, access.Public, func(ctx context.Context, _ access.Actor, in *linkUse) (*sessionAnswer, error) {
		cookie, by, err := a.Accounts.UseLink(ctx, in.http, in.Body)
		if err != nil {
			return nil, err
		}
		return a.signedIn(ctx, cookie, by)
	})
	register(a, operation{
		method: http.MethodPost, path: "/people/{email}/invite", id: "invite-person", secret: true, status: http.StatusCreated, proposes: true,
		summary: "Make a link by which a person can join; makes the person if there is none, and voids the link before",
	}, access.PeopleWrite, func(ctx context.Context, by access.Actor, in *invitation) (*reply[signin.NewLink], error) {
		spec := signin.Invitation{}
		if in.Body != nil {
			spec = *in.Body
		}
		link, err := a.Accounts.Invite(ctx, by, in.Email, spec)
		return &reply[signin.NewLink]{Body: link}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/people/{email}/reset-link", id: "make-reset-link", secret: true, status: http.StatusCreated, proposes: true,
		summary: "Make a link by which a person can choose a new password",
	}, access.PeopleWrite, func(ctx context.Context, by access.Actor, in *ByEmail) (*reply[signin.NewLink], error) {
		link, err := a.Accounts.ResetLink(ctx, by, in.Email)
		return &reply[signin.NewLink]{Body: link}, err
	})
}
