package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/insight"
	"github.com/soukhq/souk/internal/review"
)

type complianceQuery struct {
	Paging
	Lacks insight.Lack `query:"lacks" enum:"owner,contact,ttl,kill" doc:"Only flags that lack this"`
}

// Completing is what flags are to have that they lack.
type Completing struct {
	Flags  []Completed `json:"flags" doc:"At most 1,000"`
	Reason string      `json:"reason,omitempty"`
	DryRun bool        `json:"dry_run,omitempty" doc:"Plan only"`
}

// Completed is what one flag is to have.
type Completed struct {
	Key string `json:"key"`
	importer.Ownership
}

// Completion is what was done, or would be, in each environment; where others decide it is a request.
type Completion struct {
	DryRun   bool              `json:"dry_run"`
	Plans    []importer.Plan   `json:"plans"`
	Requests []*review.Request `json:"requests" doc:"Those that were made: one for each environment in which others approve"`
}

// completion answers with 202 where others decide something of it.
type completion struct {
	Status int
	Body   Completion
}

func insights(a *API) {
	register(a, operation{
		method: http.MethodGet, path: "/insight/compliance", id: "get-compliance",
		summary: "Flags without an owner, a contact, a TTL or a value for a kill, and how their number changes",
	}, access.Read, func(ctx context.Context, by access.Actor, in *complianceQuery) (*reply[insight.Compliance], error) {
		c, err := a.Insight.Compliance(ctx, by, in.Lacks, in.page())
		return &reply[insight.Compliance]{Body: c}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/insight/compliance", id: "complete-flags", limit: maxBody, also: []int{http.StatusAccepted}, inParts: true,
		summary: "Give many imported flags what they lack: at once, or as one request where others approve (202)",
	}, access.FlagImport, func(ctx context.Context, by access.Actor, in *reply[Completing]) (*completion, error) {
		return a.complete(ctx, by, in.Body)
	})
}

func (a *API) complete(ctx context.Context, by access.Actor, in Completing) (*completion, error) {
	flags := make(map[string]importer.Ownership, len(in.Flags))
	for _, f := range in.Flags {
		if _, twice := flags[f.Key]; twice {
			return nil, fault.New(fault.Invalid, "twice", "the flag %s is named twice", fault.Clip(f.Key, 200)).At("flags").Fix("name it once")
		}
		flags[f.Key] = f.Ownership
	}
	outcomes, err := a.Desk.Complete(ctx, by, flags, in.Reason, importID(ctx), in.DryRun)
	if err != nil {
		return nil, err
	}
	body, status := Completion{DryRun: in.DryRun, Plans: []importer.Plan{}, Requests: []*review.Request{}}, http.StatusOK
	for _, out := range outcomes {
		body.Plans = append(body.Plans, out.Plan)
		if served := a.served(ctx, out.Revealed); served != http.StatusOK {
			status = served
		}
		if out.Request != nil {
			body.Requests, status = append(body.Requests, out.Request), http.StatusAccepted
		}
	}
	return &completion{Status: status, Body: body}, nil
}
