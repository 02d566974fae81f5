package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
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
	Rollouts  []rollout.Rollout     `json:"rollouts" doc:"Newest first"`
	Audiences []review.AudienceSize `json:"audiences" doc:"The segments of groups that it refers to, with how many people they have and were approved for"`
	Gaps      []importer.Gap        `json:"gaps" doc:"What an imported flag lacks, and what does not work of it"`
	Can       []string              `json:"can" doc:"What the caller may do: kill, restore, change, rollback, tag, extend, deprecate, remove; each environment says it for itself"`
}

// KilledFlag is a flag after a kill, with proof of how far that got.
type KilledFlag struct {
	FlagDetail
	Progress
	Receipt Receipt `json:"receipt"`
}

// RestoredFlag is a flag after a restore or a rollback, or with the request that asks for it.
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
	App           string          `query:"app" doc:"Slug of the app"`
	Owner         string          `query:"owner" doc:"Group that owns the app"`
	Mine          bool            `query:"mine" doc:"Only flags that the caller owns"`
	Search        string          `query:"q" doc:"Text in key, name or description"`
	State         lifecycle.State `query:"state" enum:"proposed,approved,staged,active,deprecated,removed" doc:"Place in life; removed shows removed flags"`
	Template      string          `query:"template_id"`
	Tag           string          `query:"tag"`
	Environment   string          `query:"environment" doc:"Environment that serving and killed are about; absent is any"`
	Serving       string          `query:"serving" enum:"off,on,audience,custom,killed" doc:"What the flag serves there, or killed"`
	Killed        bool            `query:"killed" doc:"Only flags that are killed there"`
	Removed       bool            `query:"removed" doc:"Removed flags, too"`
	ExpiresBefore time.Time       `query:"expires_before" doc:"Only flags whose time is up before; RFC 3339"`
	CreatedBefore time.Time       `query:"created_before" doc:"RFC 3339"`
	Sort          registry.Sort   `query:"sort" enum:"created,key,updated,expires" default:"created"`
	Order         string          `query:"order" enum:"asc,desc" doc:"By default the newest first, keys from A and expiries from the next one on"`
}

// filter gives what the query asks for.
func (q flagQuery) filter(by access.Actor) registry.Filter {
	f := registry.Filter{
		App: q.App, OwnerGroup: q.Owner, Search: q.Search, State: string(q.State), TemplateID: q.Template, Environment: q.Environment,
		Tag: q.Tag, Serving: q.Serving, Killed: q.Killed, Removed: q.Removed || q.State == lifecycle.Removed,
		ExpiresBefore: moment(q.ExpiresBefore), CreatedBefore: moment(q.CreatedBefore), Sort: q.Sort,
	}
	if q.Mine {
		f.OwnedBy = &by
	}
	switch q.Order {
	case "asc":
		f.Ascending = true
	case "desc":
	default:
		f.Ascending = q.Sort == registry.SortKey || q.Sort == registry.SortExpires
	}
	return f
}

// moment is nil for a time that was not given.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

type historyQuery struct {
	ByKey
	Paging
	Environment string `query:"environment"`
}

type diffQuery struct {
	ByKey
	Environment string `query:"environment" required:"true"`
	From        int64  `query:"from" minimum:"0" doc:"Revision there; absent is the one before to"`
	To          int64  `query:"to" minimum:"0" doc:"Revision there; absent is the present one"`
}

// RollbackWords say where a rollback goes back to, and why.
type RollbackWords struct {
	Reason     string `json:"reason,omitempty"`
	ToRevision int64  `json:"to_revision,omitempty" minimum:"0" doc:"Revision of the environment in the flag's history; absent is the last good one"`
}

type rollbackAct struct {
	FlagIn
	IfMatch string `header:"If-Match" doc:"The flag's revision that was read; the act is refused if the flag has changed"`
	Body    *RollbackWords
}

type flagAct struct {
	FlagIn
	IfMatch string `header:"If-Match" doc:"The flag's revision that was read; the act is refused if the flag has changed"`
	Body    *Reason
}

func flags(a *API) {
	register(a, operation{method: http.MethodGet, path: "/flags", id: "list-flags", summary: "List flags; newest first unless another order is asked for"},
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
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/kill", id: "kill-flag", also: []int{http.StatusAccepted}, urgent: true,
		summary: "Turn a flag off for everybody, now; 202 while it is served and not committed yet, or committed and not served here",
	}, access.Kill, func(ctx context.Context, by access.Actor, in *flagAct) (*object[KilledFlag], error) {
		return a.kill(ctx, by, in)
	})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/restore", id: "restore-flag", also: []int{http.StatusAccepted},
		summary: "Turn a killed flag on again: at once, or as a request where the environment is governed (202)",
	}, access.Restore, func(ctx context.Context, by access.Actor, in *flagAct) (*object[RestoredFlag], error) {
		return a.restore(ctx, by, in)
	})
	register(a, operation{method: http.MethodGet, path: "/flags/{key}/diff", id: "diff-flag", summary: "What differs between two revisions of a flag in an environment"},
		access.Read, func(ctx context.Context, by access.Actor, in *diffQuery) (*reply[registry.Comparison], error) {
			c, err := a.Registry.Compare(ctx, by, in.Key, in.Environment, in.From, in.To)
			return &reply[registry.Comparison]{Body: c}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/flags/{key}/environments/{environment}/rollback", id: "roll-back-flag", also: []int{http.StatusAccepted},
		summary: "Go back to what a flag served before: at once where that needs nobody's approval, or else as a request (202)",
	}, access.Kill, func(ctx context.Context, by access.Actor, in *rollbackAct) (*object[RestoredFlag], error) {
		return a.rollback(ctx, by, in)
	})
}

// flags lists flags with their place in life.
func (a *API) flags(ctx context.Context, by access.Actor, in *flagQuery) (store.Listing[FlagSummary], error) {
	none := store.Listing[FlagSummary]{}
	list, err := a.Registry.Flags(ctx, by, in.filter(by), in.page())
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
	f = a.Kills.Shown(f)
	detail := FlagDetail{FlagSummary: FlagSummary{Flag: f}}
	past := map[string][]registry.Revision{}
	var rules lifecycle.Rules
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if detail.Lifecycle, _, err = lifecycle.Get(ctx, tx, key); err != nil {
			return err
		}
		if rules, err = lifecycle.DefaultRules(ctx, tx); err != nil {
			return err
		}
		if detail.Gaps, err = gaps(ctx, tx, f, detail.Lifecycle); err != nil {
			return err
		}
		for _, e := range f.Environments {
			if past[e.Environment], err = registry.Past(ctx, tx, key, e.Environment); err != nil {
				return err
			}
		}
		if detail.Audiences, err = review.AudienceSizes(ctx, tx, by, f); err != nil {
			return err
		}
		detail.Rollouts, err = rollout.OfFlag(ctx, tx, by, a.Now(), f)
		return err
	}); err != nil {
		return FlagDetail{}, err
	}
	if f.Imported == "" {
		detail.Gaps = a.unsynced(f)
	}
	detail.allow(by, rules, past, a.Now())
	return detail, nil
}

// unsynced returns why in-process SDKs do not get a flag that was made here, in any environment, each reason once. An imported flag's
// gaps have it from its document.
func (a *API) unsynced(f registry.Flag) []importer.Gap {
	var gaps []importer.Gap
	for _, e := range f.Environments {
		served := a.Live.Snapshot(e.Environment)
		if served == nil {
			continue
		}
		p, left := served.Flags.LeftOutOf(f.Key)
		gap := importer.Gap{Key: f.Key, Code: "not_synced", Message: p.Message, Remediation: p.Remediation}
		if left && !slices.Contains(gaps, gap) {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// allow fills in what the actor may do with the flag, as a whole and in each environment.
func (d *FlagDetail) allow(by access.Actor, rules lifecycle.Rules, past map[string][]registry.Revision, now time.Time) {
	on := d.Scope()
	may := func(action access.Action) bool { return access.Can(by, action, on) == nil }
	stops, restores, asks := may(access.Kill), may(access.Restore), may(access.RequestMake)
	writable := d.Writable() == nil
	can := map[string]bool{}
	for i := range d.Environments {
		e := &d.Environments[i]
		serves, _ := d.KillServes(e.Environment)
		e.KillServes = &serves
		bakes := slices.ContainsFunc(d.Rollouts, func(r rollout.Rollout) bool { return r.Bakes(e.Environment) })
		good, back := registry.LastGood(e.Serving, past[e.Environment])
		back = back && (restores || stops && !registry.Widens(d.Flag, e.Serving, good.Serving))
		for _, act := range []struct {
			name string
			may  bool
		}{
			{"kill", stops && e.Kill == nil && d.RemovedAt == nil},
			{"restore", restores && e.Kill != nil && writable},
			{"change", asks && writable && e.Live && !bakes && d.Imported == ""},
			{"rollback", back && writable && e.Live && e.Kill == nil},
		} {
			if act.may {
				e.Can = append(e.Can, act.name)
				can[act.name] = true
			}
		}
	}
	if stops && d.RemovedAt == nil { // whatever holds already is answered with 200
		can["kill"], can["restore"] = true, restores && writable
	}
	later := now
	if d.Lifecycle.ExpiresAt != nil && d.Lifecycle.ExpiresAt.After(now) {
		later = *d.Lifecycle.ExpiresAt
	}
	can["tag"] = d.RemovedAt == nil && may(access.FlagTag)
	can["extend"] = asks && free(lifecycle.CheckExtend(d.Lifecycle, rules, now, later.Add(24*time.Hour)))
	can["deprecate"] = asks && free(lifecycle.CheckDeprecate(d.Lifecycle, rules, now))
	can["remove"] = asks && free(lifecycle.CheckRemove(d.Lifecycle, rules, now, "given with the request"))
	for _, name := range []string{"kill", "restore", "change", "rollback", "tag", "extend", "deprecate", "remove"} {
		if can[name] {
			d.Can = append(d.Can, name)
		}
	}
}

// free tells whether nothing stands in the way.
func free(found []fault.Finding) bool {
	return !slices.ContainsFunc(found, func(f fault.Finding) bool { return f.Severity == fault.SeverityError })
}

// named is a flag of which no more can be read at the moment than what it is called.
func named(key string) FlagDetail {
	return FlagDetail{
		FlagSummary: FlagSummary{Flag: registry.Flag{Key: key, Environments: []registry.FlagEnvironment{}, Variants: map[string]any{}, Tags: []string{}}},
		Rollouts:    []rollout.Rollout{}, Audiences: []review.AudienceSize{}, Gaps: []importer.Gap{}, Can: []string{},
	}
}

// kill turns a flag off and waits until this replica serves that. While the database is not free to show the flag after that, the answer
// is 202 with its key alone.
func (a *API) kill(ctx context.Context, by access.Actor, in *flagAct) (*object[KilledFlag], error) {
	word, err := wordOf(in.IfMatch, in.Body)
	if err != nil {
		return nil, err
	}
	act, err := a.Kills.Kill(ctx, by, in.Key, in.Environment, word, sentOf(ctx))
	if err != nil {
		return nil, err
	}
	receipt, status, err := a.receipt(ctx, act)
	if err != nil {
		return nil, err
	}
	flag, err := a.flag(ctx, by, in.Key)
	version := etag(flag.Revision)
	if fault.Is(err, fault.Unavailable) { // it is off, and whoever turned it off must not think that it is not
		flag, version, status, err = named(in.Key), "", http.StatusAccepted, nil
	}
	if err != nil {
		return nil, err
	}
	return &object[KilledFlag]{Status: status, ETag: version, Body: KilledFlag{FlagDetail: flag, Progress: receipt.progress(), Receipt: receipt}}, nil
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
	return a.changed(ctx, by, in.Key, out)
}

// rollback goes back to an earlier revision, or asks for it.
func (a *API) rollback(ctx context.Context, by access.Actor, in *rollbackAct) (*object[RestoredFlag], error) {
	said := RollbackWords{}
	if in.Body != nil {
		said = *in.Body
	}
	word, err := wordOf(in.IfMatch, &Reason{Reason: said.Reason})
	if err != nil {
		return nil, err
	}
	out, err := a.Desk.Rollback(ctx, by, in.Key, in.Environment, said.ToRevision, word)
	if err != nil {
		return nil, err
	}
	return a.changed(ctx, by, in.Key, out)
}

// changed gives a flag after an act, or with the request that the act became.
func (a *API) changed(ctx context.Context, by access.Actor, key string, out review.RestoreOutcome) (*object[RestoredFlag], error) {
	status := a.served(ctx, out.Revealed)
	if out.Request != nil {
		status = http.StatusAccepted
	}
	flag, err := a.flag(ctx, by, key)
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
