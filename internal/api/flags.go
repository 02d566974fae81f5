package api

import (
	"context"
	"net/http"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// FlagSummary is a flag and its place in its life.
type FlagSummary struct {
	registry.Flag
	Lifecycle lifecycle.Status `json:"lifecycle"`
}

// FlagDetail is all of a flag, and what the caller may do with it.
type FlagDetail struct {
	FlagSummary
	Rollouts []rollout.Rollout `json:"rollouts" doc:"Newest first"`
	Can      []string          `json:"can" doc:"What the caller may do: kill, restore"`
}

// KilledFlag is a flag after a kill, with proof that the kill is served.
type KilledFlag struct {
	FlagDetail
	Receipt Receipt `json:"receipt"`
}

// Receipt tells since when a revision is served by the replica that answers.
type Receipt struct {
	Environment string     `json:"environment"`
	Revision    int64      `json:"revision"`
	ServedHere  bool       `json:"served_here" doc:"This replica serves the revision; others follow within 2 seconds"`
	CommittedAt time.Time  `json:"committed_at"`
	ServedAt    *time.Time `json:"served_at,omitempty"`
}

// RestoredFlag is a flag after a restore, or with the request that asks for it.
type RestoredFlag struct {
	FlagDetail
	Request *review.Request `json:"request,omitempty" doc:"The request that was made, where the environment is governed"`
}

// ByKey names a flag.
type ByKey struct {
	Key string `path:"key" doc:"Key of the flag, such as where2eat.enabled"`
}

// FlagIn names a flag in an environment.
type FlagIn struct {
	ByKey
	Environment string `path:"environment"`
}

type flagQuery struct {
	Paging
	App     string `query:"app" doc:"Slug of the app"`
	Owner   string `query:"owner" doc:"Group that owns the app"`
	Search  string `query:"q" doc:"Text in key, name or description"`
	Killed  bool   `query:"killed" doc:"Only flags that are killed somewhere"`
	Removed bool   `query:"removed" doc:"Removed flags, too"`
}

type historyQuery struct {
	ByKey
	Paging
	Environment string `query:"environment"`
}

type flagAct struct {
	FlagIn
	IfMatch string `header:"If-Match" doc:"The flag's revision that was read; the act is refused if the flag has changed"`
	Body    *Reason
}

func flags(a *API) {
	register(a, operation{method: http.MethodGet, path: "/flags", id: "list-flags", summary: "List flags, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *flagQuery) (*reply[store.Listing[FlagSummary]], error) {
			list, err := a.flags(ctx, by, in)
			return &reply[store.Listing[FlagSummary]]{Body: list}, err
		})
	register(a, operation{method: http.MethodGet, path: "/flags/{key}", id: "get-flag", summary: "Get a flag with its state everywhere"},
		access.Read, func(ctx context.Context, by access.Actor, in *ByKey) (*object[FlagDetail], error) {
			flag, err := a.flag(ctx, by, in.Key)
			return &object[FlagDetail]{Status: http.StatusOK, ETag: etag(flag.Revision), Body: flag}, err
		})
	register(a, operation{method: http.MethodGet, path: "/flags/{key}/history", id: "get-flag-history", summary: "What a flag was before, newest first"},
		access.Read, func(ctx context.Context, by access.Actor, in *historyQuery) (*reply[store.Listing[registry.Revision]], error) {
			list, err := a.Registry.History(ctx, by, in.Key, in.Environment, in.page())
			return &reply[store.Listing[registry.Revision]]{Body: list}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/kill", id: "kill-flag", also: []int{http.StatusAccepted},
		summary: "Turn a flag off for everybody, now; 202 if this replica does not serve it within a second",
	}, access.Kill, func(ctx context.Context, by access.Actor, in *flagAct) (*object[KilledFlag], error) {
		return a.kill(ctx, by, in)
	})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/restore", id: "restore-flag", also: []int{http.StatusAccepted},
		summary: "Turn a killed flag on again: at once, or as a request where the environment is governed (202)",
	}, access.Kill, func(ctx context.Context, by access.Actor, in *flagAct) (*object[RestoredFlag], error) {
		return a.restore(ctx, by, in)
	})
}

// flags lists flags with their place in life.
func (a *API) flags(ctx context.Context, by access.Actor, in *flagQuery) (store.Listing[FlagSummary], error) {
	none := store.Listing[FlagSummary]{}
	list, err := a.Registry.Flags(ctx, by, registry.Filter{
		App: in.App, OwnerGroup: in.Owner, Search: in.Search, Killed: in.Killed, Removed: in.Removed,
	}, in.page())
	if err != nil {
		return none, err
	}
	keys := make([]string, len(list.Items))
	for i, f := range list.Items {
		keys[i] = f.Key
	}
	var lives map[string]lifecycle.Status
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		lives, err = lifecycle.States(ctx, tx, keys)
		return err
	}); err != nil {
		return none, err
	}
	all := store.Listing[FlagSummary]{Next: list.Next}
	for _, f := range list.Items {
		all.Items = append(all.Items, FlagSummary{Flag: f, Lifecycle: lives[f.Key]})
	}
	return all, nil
}

// flag gives all of a flag.
func (a *API) flag(ctx context.Context, by access.Actor, key string) (FlagDetail, error) {
	f, err := a.Registry.Flag(ctx, by, key)
	if err != nil {
		return FlagDetail{}, err
	}
	detail := FlagDetail{FlagSummary: FlagSummary{Flag: f}}
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if detail.Lifecycle, _, err = lifecycle.Get(ctx, tx, key); err != nil {
			return err
		}
		detail.Rollouts, err = rollout.OfFlag(ctx, tx, by, a.Now(), f)
		return err
	}); err != nil {
		return FlagDetail{}, err
	}
	if f.RemovedAt == nil && access.Can(by, access.Kill, access.Scope{OwnerGroup: f.OwnerGroup, OwnerPerson: f.Owner}) == nil {
		detail.Can = []string{"kill", "restore"}
	}
	return detail, nil
}

// kill turns a flag off and waits until this replica serves that.
func (a *API) kill(ctx context.Context, by access.Actor, in *flagAct) (*object[KilledFlag], error) {
	word, err := wordOf(in.IfMatch, in.Body)
	if err != nil {
		return nil, err
	}
	killed, revision, err := a.Rollouts.Kill(ctx, by, in.Key, in.Environment, word)
	if err != nil {
		return nil, err
	}
	state, _ := killed.In(in.Environment)
	receipt := Receipt{Environment: in.Environment, Revision: revision, CommittedAt: state.UpdatedAt}
	status := a.served(ctx, map[string]int64{in.Environment: revision})
	if status == http.StatusOK {
		now := a.Now().UTC()
		receipt.ServedHere, receipt.ServedAt = true, &now
	}
	flag, err := a.flag(ctx, by, in.Key)
	if err != nil {
		return nil, err
	}
	return &object[KilledFlag]{Status: status, ETag: etag(flag.Revision), Body: KilledFlag{FlagDetail: flag, Receipt: receipt}}, nil
}

// restore turns a flag on again, or asks for it.
func (a *API) restore(ctx context.Context, by access.Actor, in *flagAct) (*object[RestoredFlag], error) {
	word, err := wordOf(in.IfMatch, in.Body)
	if err != nil {
		return nil, err
	}
	out, err := a.Desk.Restore(ctx, by, in.Key, in.Environment, word)
	if err != nil {
		return nil, err
	}
	status := a.served(ctx, out.Revealed)
	if out.Request != nil {
		status = http.StatusAccepted
	}
	flag, err := a.flag(ctx, by, in.Key)
	if err != nil {
		return nil, err
	}
	return &object[RestoredFlag]{Status: status, ETag: etag(flag.Revision), Body: RestoredFlag{FlagDetail: flag, Request: out.Request}}, nil
}

// servedWithin is how long an answer waits for this replica to serve what was committed.
const servedWithin = time.Second

// served waits until this replica serves the revisions: 200, or 202 if that takes longer than a second.
func (a *API) served(ctx context.Context, revisions map[string]int64) int {
	ctx, cancel := context.WithTimeout(ctx, servedWithin)
	defer cancel()
	for environment, revision := range revisions {
		if !a.Live.Await(ctx, environment, revision) {
			return http.StatusAccepted
		}
	}
	return http.StatusOK
}
