package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// FlagTags are the words that a flag is found by.
type FlagTags struct {
	Tags []string `json:"tags" nullable:"false" doc:"All of them: lower-case letters, digits and hyphens, at most 20"`
}

func tags(a *API) {
	register(a, operation{method: http.MethodGet, path: "/tags", id: "list-tags", summary: "List the tags that flags have, by name, the first 100 of them"},
		access.Read, func(ctx context.Context, by access.Actor, in *struct {
			Search string `query:"q" doc:"Only tags that hold this text"`
		},
		) (*reply[store.Listing[registry.Tag]], error) {
			all, err := a.Registry.Tags(ctx, by, in.Search)
			return &reply[store.Listing[registry.Tag]]{Body: store.Listing[registry.Tag]{Items: all}}, err
		})
	register(a, operation{method: http.MethodPut, path: "/flags/{key}/tags", id: "tag-flag", summary: "Say by which words a flag is found, and turned off together with others"},
		access.FlagTag, func(ctx context.Context, by access.Actor, in *struct {
			ByKey
			Version
			Body FlagTags
		},
		) (*object[FlagDetail], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			if _, err := a.Registry.SetTags(ctx, by, in.Key, in.Body.Tags, revision); err != nil {
				return nil, err
			}
			flag, err := a.flag(ctx, by, in.Key)
			return &object[FlagDetail]{Status: http.StatusOK, ETag: etag(flag.Revision), Body: flag}, err
		})
}
