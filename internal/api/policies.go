package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// PolicySource is the text of a policy.
type PolicySource struct {
	Source string `json:"source" doc:"A Rego module, v0 or v1, of the package that the policy is named by"`
	File   string `json:"file,omitempty" doc:"File that it comes from, for people"`
}

// PolicyCandidate is a policy that might come to judge.
type PolicyCandidate struct {
	Name   string `json:"name,omitempty" doc:"A policy that is there, such as one that is switched off"`
	Source string `json:"source,omitempty" doc:"A Rego module; absent takes the policy of that name"`
}

type policyAct struct {
	ByName
	IfMatch string `header:"If-Match" doc:"The revision that was read; the act is refused if the policy was changed since"`
}

func policies(a *API) {
	register(a, operation{method: http.MethodGet, path: "/policies", id: "list-policies", summary: "List policies, the standard ones included"},
		access.Read, func(ctx context.Context, by access.Actor, in *Paging) (*reply[store.Listing[policy.Policy]], error) {
			list, err := a.Policies.List(ctx, by, in.page())
			return &reply[store.Listing[policy.Policy]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/policies/{name}", id: "get-policy", summary: "Get a policy"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByName) (*object[policy.Policy], error) {
			p, err := a.Policies.Get(ctx, by, in.Name)
			return policyObject(p), err
		})
	register(a, operation{method: http.MethodPut, path: "/policies/{name}", id: "put-policy", proposes: true, summary: "Make or change a policy, in force at once"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
			ByName
			Version
			Body PolicySource
		},
		) (*object[policy.Policy], error) {
			if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
				return nil, err // before the source is read
			}
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			if m, err := policy.Read(in.Body.File, in.Body.Source); err == nil && m.Name != in.Name {
				return nil, fault.New(fault.Unprocessable, "other_package", "the module is of the package %s, not %s", m.Name, in.Name).
					At("source").Fix("a policy is named by its package: put it to /api/v1/policies/%s", m.Name)
			}
			p, _, err := a.Policies.Put(ctx, by, policy.Draft{Source: in.Body.Source, File: in.Body.File, Revision: &revision})
			return policyObject(p), err
		})
	register(a, operation{
		method: http.MethodDelete, path: "/policies/{name}", id: "delete-policy", proposes: true, status: http.StatusNoContent,
		summary: "Delete a policy that somebody put; a standard one of the same package is back",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByName
		Version
	},
	) (*none, error) {
		revision, err := in.revision()
		if err == nil {
			err = a.Policies.Delete(ctx, by, in.Name, revision)
		}
		return &none{}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/policies:try", id: "try-policy", status: http.StatusOK,
		summary: "What a policy says of an input and why, rule by rule, and whether its tests pass; nothing is stored",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[policy.Trial]) (*reply[policy.Tried], error) {
		tried, err := a.Policies.Try(ctx, by, in.Body)
		return &reply[policy.Tried]{Body: tried}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/policies:dry-run", id: "dry-run-policy", status: http.StatusOK,
		summary: "Which flags a policy would refuse that are not refused now; nothing is stored",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *reply[PolicyCandidate]) (*reply[review.PolicyTrial], error) {
		if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
			return nil, err // before a policy is looked up
		}
		source := in.Body.Source
		if source == "" {
			p, err := a.Policies.Get(ctx, by, in.Body.Name)
			if err != nil {
				return nil, err
			}
			source = p.Source
		}
		trial, err := a.Desk.DryRun(ctx, by, source)
		return &reply[review.PolicyTrial]{Body: trial}, err
	})
	for name, active := range map[string]bool{"activate": true, "deactivate": false} {
		register(a, operation{method: http.MethodPost, path: "/policies/{name}/" + name, id: name + "-policy", proposes: true, summary: "Switch a policy on or off"},
			access.GovernWrite, func(ctx context.Context, by access.Actor, in *policyAct) (*object[policy.Policy], error) {
				revision, err := Version{IfMatch: in.IfMatch}.revision()
				if err != nil {
					return nil, err
				}
				read := &revision
				if in.IfMatch == "" {
					read = nil
				}
				p, err := a.Policies.SetActive(ctx, by, in.Name, active, read)
				return policyObject(p), err
			})
	}
}

func policyObject(p policy.Policy) *object[policy.Policy] {
	return &object[policy.Policy]{Status: http.StatusOK, ETag: etag(p.Revision), Body: p}
}
