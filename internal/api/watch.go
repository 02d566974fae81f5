package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/watch"
)

// watching registers the stream of changes; package watch sends it.
func watching(a *API) {
	register(a, operation{
		method: http.MethodGet, path: "/watch", id: "watch",
		summary: "What changes, as it changes: server-sent events. A change names what to fetch again; resync says to fetch all that is shown",
	}, access.Read, func(_ context.Context, by access.Actor, in *watchQuery) (*watchAnswer, error) {
		if err := access.Can(by, access.Read, access.Scope{}); err != nil {
			return nil, err
		}
		if site := in.Site; site != "" && site != "same-origin" && site != "none" {
			return nil, fault.New(fault.Forbidden, "cross_origin", "the request comes from another site").Fix("open the console itself")
		}
		return &watchAnswer{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			if exchange, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
				exchange.then = func() {
					if err := a.Watch.Serve(w, r, by, in.Last); err != nil {
						a.refuse(w, r, err)
					}
				}
			}
		}}, nil
	})
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[watch.Change](), true, "")
	op := a.described(http.MethodGet, prefix+"/watch")
	op.Responses["200"].Description = "Events named change, whose data is a WatchChange, and events named resync"
	op.Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}
}

type watchAnswer struct {
	Body func(huma.Context)
}

type watchQuery struct {
	Last string `header:"Last-Event-ID" doc:"Sent by browsers when they come back: begin where the stream before ended"`
	Site string `header:"Sec-Fetch-Site" hidden:"true"`
}
