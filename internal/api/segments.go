package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
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

// SettledSegment is a segment, and the request that was made where others decide about the change.
type SettledSegment struct {
	registry.Segment
	Request *review.Request `json:"request,omitempty" doc:"The request that was made, where the segment reaches others in a governed environment; the segment is as it was"`
}

// settledSegment answers 202 where a request was made, or this replica does not serve the change yet.
func (a *API) settledSegment(ctx context.Context, out review.SegmentOutcome, err error) (*object[SettledSegment], error) {
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if out.Request != nil {
		status = http.StatusAccepted
		if len(out.Revealed) > 0 { // it needed nobody's approval
			status = a.served(ctx, out.Revealed)
		}
	}
	return &object[SettledSegment]{Status: status, ETag: etag(out.Segment.Revision), Body: SettledSegment{Segment: out.Segment, Request: out.Request}}, nil
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
	register(a, operation{method: http.MethodPut, path: "/segments/{name}", id: "put-segment", also: []int{http.StatusAccepted}, summary: "Make or change a segment; as a request (202) where it may reach others in a governed environment"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
			ByName
			Version
			Body SegmentSettings
		},
		) (*object[SettledSegment], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			out, err := a.Desk.PutSegment(ctx, by, registry.Segment{
				Name: in.Name, Title: in.Body.Title, Description: in.Body.Description, Everybody: in.Body.Everybody,
				Groups: in.Body.Groups, People: in.Body.People, Rules: in.Body.Rules, Match: in.Body.Match, Revision: revision,
			}, "")
			return a.settledSegment(ctx, out, err)
		})
	register(a, operation{method: http.MethodGet, path: "/segments/{name}/history", id: "get-segment-history", summary: "What a segment was, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByName) (*reply[store.Listing[registry.SegmentRevision]], error) {
			all, err := a.Registry.SegmentHistory(ctx, by, in.Name)
			return &reply[store.Listing[registry.SegmentRevision]]{Body: store.Listing[registry.SegmentRevision]{Items: all}}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/segments/{name}/rollback", id: "roll-back-segment", also: []int{http.StatusAccepted},
		summary: "Put back what a segment was before: at once where nobody gets more by that, or else as a request (202)",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *ByName) (*object[SettledSegment], error) {
		out, err := a.Desk.RollBackSegment(ctx, by, in.Name)
		return a.settledSegment(ctx, out, err)
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
