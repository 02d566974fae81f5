package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// InboxItem is one thing that waits for the caller.
type InboxItem struct {
	Kind      string    `json:"kind" enum:"approve,start_rollout,promote,fix_request,killed"`
	Title     string    `json:"title" doc:"What it is about"`
	Words     string    `json:"words" doc:"What is to be done, in plain words"`
	Href      string    `json:"href" doc:"Path in the console"`
	At        time.Time `json:"at" doc:"Since when it waits"`
	RequestID string    `json:"request_id,omitempty"`
	RolloutID string    `json:"rollout_id,omitempty"`
	FlagKey   string    `json:"flag_key,omitempty"`
}

func inbox(a *API) {
	register(a, operation{method: http.MethodGet, path: "/inbox", id: "list-inbox", summary: "What waits for the caller, longest first"},
		access.Read, func(ctx context.Context, by access.Actor, _ *none) (*reply[store.Listing[InboxItem]], error) {
			items, err := a.inbox(ctx, by)
			return &reply[store.Listing[InboxItem]]{Body: store.Listing[InboxItem]{Items: items}}, err
		})
}

// inbox puts together what several packages say waits for the actor. It looks at the newest hundred of each.
func (a *API) inbox(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	items := []InboxItem{}
	waiting, err := a.Desk.List(ctx, by, review.Query{WaitingForMe: true}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, r := range waiting.Items {
		items = append(items, requestItem(r, "approve", r.Requester+" asks for your decision"))
	}
	unfit, err := a.Desk.List(ctx, by, review.Query{Mine: true, State: review.NeedsFixes}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, r := range unfit.Items {
		items = append(items, requestItem(r, "fix_request", "its checks found something that you can mend"))
	}
	for _, state := range []rollout.State{rollout.Ready, rollout.Running} {
		list, err := a.Rollouts.List(ctx, by, rollout.Filter{State: state}, store.Page{})
		if err != nil {
			return nil, err
		}
		for _, r := range list.Items {
			if item, ok := rolloutItem(r); ok {
				items = append(items, item)
			}
		}
	}
	killed, err := a.Registry.Flags(ctx, by, registry.Filter{Killed: true}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, f := range killed.Items {
		items = append(items, killedItems(f, by)...)
	}
	slices.SortStableFunc(items, func(a, b InboxItem) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Href, b.Href)) })
	return items, nil
}

func requestItem(r review.Request, kind, words string) InboxItem {
	title := "Restore " + r.FlagKey
	if r.App != nil && r.App.Name != "" {
		title = "Publish " + r.App.Name
	} else if r.Kind == review.PublishApp {
		title = "Publish an app"
	}
	item := InboxItem{Kind: kind, Title: title, Words: words, Href: "/requests/" + r.ID, At: r.UpdatedAt, RequestID: r.ID}
	if r.Flag != nil {
		item.FlagKey = r.Flag.Key
	}
	return item
}

func rolloutItem(r rollout.Rollout) (InboxItem, bool) {
	item := InboxItem{Title: r.FlagKey, Href: flagPath(r.FlagKey), At: r.UpdatedAt, RolloutID: r.ID, FlagKey: r.FlagKey}
	switch {
	case r.State == rollout.Ready && slices.Contains(r.Can, "start"):
		item.Kind, item.Words = "start_rollout", "approved; start its rollout when you are ready"
		return item, true
	case r.Verdict == rollout.AskPerson && slices.Contains(r.Can, "promote"):
		step := r.Steps[r.Current]
		item.Kind, item.Words, item.At = "promote", "nothing bad seen in "+step.Environment+"; go on to the next step?", *step.BakedAt
		return item, true
	}
	return item, false
}

// killedItems tells the owners of a flag where it is turned off.
func killedItems(f registry.Flag, by access.Actor) (items []InboxItem) {
	if !by.Owns(f.OwnerGroup, f.Owner) {
		return nil
	}
	for _, e := range f.Environments {
		if e.Kill != nil {
			items = append(items, InboxItem{
				Kind: "killed", Title: f.Key, Words: e.Kill.By + " turned it off for everybody in " + e.Environment + ": " + e.Kill.Reason,
				Href: flagPath(f.Key), At: e.Kill.At, FlagKey: f.Key,
			})
		}
	}
	return items
}

func flagPath(key string) string { return "/flags/" + url.PathEscape(key) }
