package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// SegmentSettings are what administrators set of a segment.
type SegmentSettings struct {
	Title       string                 `json:"title" doc:"In plain words, such as People in the pilot group"`
	Description string                 `json:"description,omitempty"`
	Everybody   bool                   `json:"everybody,omitempty" doc:"The segment is everybody; it lists no groups, people or rules then"`
	Groups      []string               `json:"groups,omitempty"`
	People      []string               `json:"people,omitempty" doc:"E-mail addresses, at most 1,000"`
	Rules       []registry.SegmentRule `json:"rules,omitempty" doc:"Over the attributes that an app sends about the person"`
	Match       registry.Match         `json:"match,omitempty" enum:"all,any" doc:"Whether all of the rules must hold (as is usual), or any of them"`
}

// SegmentDetail is a segment and whom it reaches.
type SegmentDetail struct {
	registry.Segment
	Reach registry.Reach `json:"reach"`
	Words string         `json:"words" doc:"Who is in it, in one sentence"`
	Logic any            `json:"logic" doc:"The segment in JSON Logic, as SDKs get it"`
}

func segments(a *API) {
	register(a, operation{method: http.MethodGet, path: "/segments", id: "list-segments", summary: "List segments, by name"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*reply[store.Listing[registry.Segment]], error) {
			all, err := a.Registry.Segments(ctx, by)
			return &reply[store.Listing[registry.Segment]]{Body: store.Listing[registry.Segment]{Items: all}}, err
		})
	register(a, operation{method: http.MethodGet, path: "/segments/{name}", id: "get-segment", summary: "Get a segment, and how many people it is known to reach"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByName) (*object[SegmentDetail], error) {
			s, reach, err := a.Registry.Segment(ctx, by, in.Name)
			return &object[SegmentDetail]{
				Status: http.StatusOK, ETag: etag(s.Revision),
				Body: SegmentDetail{Segment: s, Reach: reach, Words: s.Words(), Logic: s.Logic()},
			}, err
		})
	register(a, operation{method: http.MethodPut, path: "/segments/{name}", id: "put-segment", proposes: true, summary: "Make or change a segment"},
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
				Groups: in.Body.Groups, People: in.Body.People, Rules: in.Body.Rules, Match: in.Body.Match, Revision: revision,
			})
			return &object[registry.Segment]{Status: http.StatusOK, ETag: etag(s.Revision), Body: s}, err
		})
	register(a, operation{
		method: http.MethodDelete, path: "/segments/{name}", id: "delete-segment", status: http.StatusNoContent,
		summary: "Delete a segment that no flag uses",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByName
		Version
	},
	) (*none, error) {
		revision, err := in.revision()
		if err == nil {
			err = a.Registry.DeleteSegment(ctx, by, in.Name, revision)
		}
		return &none{}, err
	})
}
