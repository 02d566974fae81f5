package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	signin.Token
	Secret string `json:"secret" doc:"Shown this once"`
}

// Revocation names what is to be revoked and the version that was read.
type Revocation struct {
	ByID
	Version
}

// Including says what else a list is to hold.
type Including struct {
	Include string `query:"include" enum:"ended" doc:"ended: also those that expired or were revoked"`
}

func (i Including) ended() bool { return i.Include == "ended" }

type tokensQuery struct {
	Paging
	Including
	As string `query:"as" doc:"E-mail of the person whose tokens are wanted"`
}

// rotation names what is to be rotated and says how.
type rotation struct {
	ByID
	Body *access.Rotation
}

func (r rotation) how() access.Rotation {
	if r.Body == nil {
		return access.Rotation{}
	}
	return *r.Body
}

func tokens(a *API) {
	register(a, operation{method: http.MethodGet, path: "/tokens", id: "list-tokens", summary: "List one's own API tokens; administrators see all"},
		access.TokenMake, func(ctx context.Context, by access.Actor, in *tokensQuery) (*reply[store.Listing[signin.Token]], error) {
			list, err := a.Tokens.ListOf(ctx, by, in.As, in.ended(), in.page())
			return &reply[store.Listing[signin.Token]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/tokens", id: "make-token", secret: true, status: http.StatusCreated,
		summary: "Make an API token; its secret is in this answer only",
	}, access.TokenMake, func(ctx context.Context, by access.Actor, in *reply[signin.TokenSpec]) (*reply[NewToken], error) {
		token, secret, err := a.Tokens.Create(ctx, by, in.Body)
		return &reply[NewToken]{Body: NewToken{Token: token, Secret: secret}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/tokens/{id}/rotate", id: "rotate-token", secret: true, status: http.StatusCreated,
		summary: "Make a new API token in place of one, which stays good for the overlap",
	}, access.TokenMake, func(ctx context.Context, by access.Actor, in *rotation) (*reply[NewToken], error) {
		token, secret, err := a.Tokens.Rotate(ctx, by, in.ID, in.how())
		return &reply[NewToken]{Body: NewToken{Token: token, Secret: secret}}, err
	})
	register(a, operation{method: http.MethodDelete, path: "/tokens/{id}", id: "revoke-token", status: http.StatusOK, summary: "Revoke an API token, for good"},
		access.TokenMake, func(ctx context.Context, by access.Actor, in *Revocation) (*reply[signin.Token], error) {
			revision, err := in.exact()
			if err != nil {
				return nil, err
			}
			token, err := a.Tokens.Revoke(ctx, by, in.ID, revision)
			return &reply[signin.Token]{Body: token}, err
		})
}
