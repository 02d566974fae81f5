package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
)

// NewKey is an SDK key with its secret, which is shown this once.
type NewKey struct {
	sdkkey.Key
	Secret string `json:"secret" doc:"Shown this once"`
}

type keyQuery struct {
	Paging
	Including
	App string `query:"app" doc:"Slug of the app; all apps if absent"`
}

type keyLimits struct {
	ByID
	Version
	Body sdkkey.Limits
}

type newKeyAnswer struct {
	Status int
	Body   NewKey
}

func sdkKeys(a *API) {
	register(a, operation{method: http.MethodGet, path: "/sdk-keys", id: "list-sdk-keys", summary: "List SDK keys; owners see those of their app"},
		access.KeyRead, func(ctx context.Context, by access.Actor, in *keyQuery) (*reply[store.Listing[sdkkey.Key]], error) {
			list, err := a.Keys.List(ctx, by, in.App, in.ended(), in.page())
			return &reply[store.Listing[sdkkey.Key]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/sdk-keys", id: "make-sdk-key", secret: true, status: http.StatusCreated, also: []int{http.StatusAccepted},
		summary: "Make an SDK key; its secret is in this answer only; 202 if this replica does not take it within a second",
	}, access.KeyMake, func(ctx context.Context, by access.Actor, in *reply[sdkkey.Spec]) (*newKeyAnswer, error) {
		key, secret, err := a.Keys.Create(ctx, by, in.Body)
		if err != nil {
			return nil, err
		}
		return a.newKey(ctx, key, secret), nil
	})
	register(a, operation{
		method: http.MethodPost, path: "/sdk-keys/{id}/rotate", id: "rotate-sdk-key", secret: true, status: http.StatusCreated, also: []int{http.StatusAccepted},
		summary: "Make a new SDK key in place of one, which stays good for the overlap; 202 if this replica does not take it within a second",
	}, access.KeyMake, func(ctx context.Context, by access.Actor, in *rotation) (*newKeyAnswer, error) {
		key, secret, err := a.Keys.Rotate(ctx, by, in.ID, in.how())
		if err != nil {
			return nil, err
		}
		return a.newKey(ctx, key, secret), nil
	})
	register(a, operation{
		method: http.MethodPut, path: "/sdk-keys/{id}/limits", id: "set-sdk-key-limits", proposes: true,
		summary: "Set what an SDK key may ask of each replica; what is absent goes back to its default",
	}, access.KeyMake, func(ctx context.Context, by access.Actor, in *keyLimits) (*object[sdkkey.Key], error) {
		revision, err := in.exact()
		if err != nil {
			return nil, err
		}
		key, err := a.Keys.SetLimits(ctx, by, in.ID, in.Body, revision)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, servedWithin)
		defer cancel()
		a.Keys.Await(ctx, key)
		return &object[sdkkey.Key]{Status: http.StatusOK, ETag: etag(key.Revision), Body: key}, nil
	})
	register(a, operation{method: http.MethodDelete, path: "/sdk-keys/{id}", id: "revoke-sdk-key", status: http.StatusOK, summary: "Revoke an SDK key, for good"},
		access.KeyMake, func(ctx context.Context, by access.Actor, in *Revocation) (*reply[sdkkey.Key], error) {
			revision, err := in.exact()
			if err != nil {
				return nil, err
			}
			key, err := a.Keys.Revoke(ctx, by, in.ID, revision)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, servedWithin)
			defer cancel()
			a.Keys.Await(ctx, key)
			return &reply[sdkkey.Key]{Body: key}, nil
		})
}

// newKey answers with a key once this replica takes it.
func (a *API) newKey(ctx context.Context, key sdkkey.Key, secret string) *newKeyAnswer {
	status := http.StatusCreated
	ctx, cancel := context.WithTimeout(ctx, servedWithin)
	defer cancel()
	if !a.Keys.Await(ctx, key) {
		status = http.StatusAccepted
	}
	return &newKeyAnswer{Status: status, Body: NewKey{Key: key, Secret: secret}}
}
