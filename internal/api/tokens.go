package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	access.Token
	Secret string `json:"secret" doc:"Shown this once"`
}

// Revocation names what is to be revoked and the version that was read.
type Revocation struct {
	ByID
	Version
}

func tokens(a *API) {
	register(a, operation{method: http.MethodGet, path: "/tokens", id: "list-tokens", summary: "List one's own API tokens; administrators see all"},
		access.TokenMake, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[access.Token]], error) {
			list, err := a.Tokens.List(ctx, by, in.page())
			return &reply[store.Listing[access.Token]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/tokens", id: "make-token", secret: true, status: http.StatusCreated,
		summary: "Make an API token; its secret is in this answer only",
	}, access.TokenMake, func(ctx context.Context, by access.Actor, in *reply[access.TokenSpec]) (*reply[NewToken], error) {
		token, secret, err := a.Tokens.Create(ctx, by, in.Body)
		return &reply[NewToken]{Body: NewToken{Token: token, Secret: secret}}, err
	})
	register(a, operation{method: http.MethodDelete, path: "/tokens/{id}", id: "revoke-token", status: http.StatusOK, summary: "Revoke an API token, for good"},
		access.TokenMake, func(ctx context.Context, by access.Actor, in *Revocation) (*reply[access.Token], error) {
			revision, err := in.exact()
			if err != nil {
				return nil, err
			}
			token, err := a.Tokens.Revoke(ctx, by, in.ID, revision)
			return &reply[access.Token]{Body: token}, err
		})
}
