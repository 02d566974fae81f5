package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
)

// LifecyclePolicy is the deployment's default, in the shape of the mission's lifecycle.json.
type LifecyclePolicy struct {
	Lifecycle lifecycle.Rules `json:"lifecycle"`
}

// RemovalPlan is how a flag is to go, and why it may stay longer than 30 days.
type RemovalPlan struct {
	RemovalPlan string `json:"removal_plan"`
}

func lifecycles(a *API) {
	register(a, operation{method: http.MethodGet, path: "/lifecycle", id: "get-lifecycle", summary: "The deployment's lifecycle policy"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*object[LifecyclePolicy], error) {
			rules, err := a.Lifecycle.Rules(ctx, by)
			return lifecycleObject(rules), err
		})
	register(a, operation{method: http.MethodPut, path: "/lifecycle", id: "put-lifecycle", proposes: true, summary: "Set the deployment's lifecycle policy, for flags made from then on"},
		access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
			Version
			Body LifecyclePolicy
		},
		) (*object[LifecyclePolicy], error) {
			if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
				return nil, err // before the present policy is shown
			}
			now, err := a.Lifecycle.Rules(ctx, by)
			if err != nil {
				return nil, err
			}
			if current := lifecycleObject(now); in.IfMatch != current.ETag {
				return nil, fault.New(fault.Stale, "stale", "the lifecycle policy was changed since you read it").
					Fix("look at what is there now, and send your change again with its ETag").Showing(current.Body)
			}
			rules, err := a.Lifecycle.ReplaceRules(ctx, by, now, in.Body.Lifecycle)
			return lifecycleObject(rules), err
		})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/removal-plan", id: "plan-flag-removal",
		summary: "Say how a flag is to go; needed before a flag with a TTL of over 30 days becomes active",
	}, access.RolloutRun, func(ctx context.Context, by access.Actor, in *struct {
		ByKey
		Body RemovalPlan
	},
	) (*reply[lifecycle.Status], error) {
		status, err := a.Lifecycle.PlanRemoval(ctx, by, in.Key, in.Body.RemovalPlan)
		return &reply[lifecycle.Status]{Body: status}, err
	})
}

// lifecycleObject gives the policy with a digest of it as its version: it has no history of its own.
func lifecycleObject(rules lifecycle.Rules) *object[LifecyclePolicy] {
	text, _ := audit.Canonical(rules) // numbers and lists of numbers always have a form
	digest := sha256.Sum256(text)
	return &object[LifecyclePolicy]{
		Status: http.StatusOK, ETag: strconv.Quote(hex.EncodeToString(digest[:8])), Body: LifecyclePolicy{Lifecycle: rules},
	}
}
