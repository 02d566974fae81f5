package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

type rolloutQuery struct {
	Paging
	Flag    string          `query:"flag" doc:"Key of the flag"`
	App     string          `query:"app" doc:"Slug of the app"`
	State   []rollout.State `query:"state,explode" enum:"ready,running,paused,completed,aborted" doc:"May be given several times"`
	Waiting bool            `query:"waiting" doc:"Only those that wait for a person: to be started, resumed, or told whether to go on"`
	Mine    bool            `query:"mine" doc:"Only those of flags that the caller owns"`
}

// RolloutWords say why a rollout begins or goes on.
type RolloutWords struct {
	Reason string `json:"reason,omitempty"`
	Unseen string `json:"unseen,omitempty" doc:"Why the first step in production begins although no program has asked for the flag by its key; without it that answers 409 not_seen"`
}

type rolloutGo struct {
	ByID
	IfMatch string `header:"If-Match" doc:"The revision that was read; the act is refused if the rollout has moved on"`
	Body    *RolloutWords
}

type rolloutAct struct {
	ByID
	IfMatch string `header:"If-Match" doc:"The revision that was read; the act is refused if the rollout has moved on"`
	Body    *Reason
}

type rolloutVerb func(*rollout.Rollouts, context.Context, access.Actor, string, rollout.Word) (rollout.Outcome, error)

func rollouts(a *API) {
	register(a, operation{method: http.MethodGet, path: "/rollouts", id: "list-rollouts", summary: "List rollouts, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *rolloutQuery) (*reply[store.Listing[rollout.Rollout]], error) {
			filter := rollout.Filter{FlagKey: in.Flag, App: in.App, States: in.State, Waiting: in.Waiting}
			if in.Mine {
				filter.OwnedBy = &by
			}
			list, err := a.Rollouts.List(ctx, by, filter, in.page())
			return &reply[store.Listing[rollout.Rollout]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/rollouts/{id}", id: "get-rollout", summary: "Get a rollout"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByID) (*object[rollout.Rollout], error) {
			r, err := a.Rollouts.Get(ctx, by, in.ID)
			return &object[rollout.Rollout]{Status: http.StatusOK, ETag: etag(r.Revision), Body: r}, err
		})
	for _, act := range []struct {
		name, summary string
		do            rolloutVerb
	}{
		{"start", "Begin the first step", (*rollout.Rollouts).Start},
		{"promote", "Go on to the next step; needs a reason, and in production before the bake is over the right rollout.early", (*rollout.Rollouts).Promote},
	} {
		register(a, operation{
			method: http.MethodPost, path: "/rollouts/{id}/" + act.name, id: act.name + "-rollout", summary: act.summary, also: []int{http.StatusAccepted},
		}, access.RolloutRun, func(ctx context.Context, by access.Actor, in *rolloutGo) (*object[rollout.Rollout], error) {
			if in.Body == nil {
				in.Body = &RolloutWords{}
			}
			word, err := wordOf(in.IfMatch, &Reason{Reason: in.Body.Reason})
			if err != nil {
				return nil, err
			}
			word.Unseen = in.Body.Unseen
			return a.moved(ctx, by, in.ID, word, act.do)
		})
	}
	for _, act := range []struct {
		name, summary string
		action        access.Action
		do            rolloutVerb
	}{
		{"pause", "Stay at this step until resumed", access.RolloutStop, (*rollout.Rollouts).Pause},
		{"resume", "Go on with the bake", access.RolloutRun, (*rollout.Rollouts).Resume},
		{"abort", "End the rollout for good; what SDKs see stays", access.RolloutStop, (*rollout.Rollouts).Abort},
	} {
		register(a, operation{
			method: http.MethodPost, path: "/rollouts/{id}/" + act.name, id: act.name + "-rollout", summary: act.summary,
			also: []int{http.StatusAccepted}, urgent: act.action == access.RolloutStop,
		}, act.action, func(ctx context.Context, by access.Actor, in *rolloutAct) (*object[rollout.Rollout], error) {
			word, err := wordOf(in.IfMatch, in.Body)
			if err != nil {
				return nil, err
			}
			return a.moved(ctx, by, in.ID, word, act.do)
		})
	}
}

// moved does an act to a rollout, and answers when what SDKs get by it is served.
func (a *API) moved(ctx context.Context, by access.Actor, id string, word rollout.Word, do rolloutVerb) (*object[rollout.Rollout], error) {
	out, err := do(a.Rollouts, ctx, by, id, word)
	if err != nil {
		return nil, err
	}
	revealed := map[string]int64{}
	if out.Environment != "" {
		revealed[out.Environment] = out.Revision
	}
	return &object[rollout.Rollout]{Status: a.served(ctx, revealed), ETag: etag(out.Rollout.Revision), Body: out.Rollout}, nil
}

// wordOf reads what was said with an act: why, and which revision it is meant for, if any.
func wordOf(ifMatch string, body *Reason) (rollout.Word, error) {
	revision, err := Version{IfMatch: ifMatch}.revision()
	if revision == 0 && ifMatch != "" {
		revision = access.Absent // nothing ever has it
	}
	return rollout.Word{Reason: reasonOf(body), Revision: revision}, err
}
