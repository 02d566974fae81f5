package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// InboxItem is one thing that waits for the caller.
type InboxItem struct {
	Kind      string    `json:"kind" enum:"approve,start_rollout,promote,fix_request,draft,waiting,nobody_left,comment,killed,uncommitted,outgrown,expiring,proposal,removal,objection,loosened,restored"`
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
	for _, look := range []func(context.Context, access.Actor) ([]InboxItem, error){
		a.requestItems, a.stuckItems, a.commentItems, a.rolloutItems, a.killedItems, a.uncommittedItems, a.outgrownItems, a.expiringItems, a.proposalItems, a.loosenedItems,
		a.restoredItems,
	} {
		some, err := look(ctx, by)
		if err != nil {
			return nil, err
		}
		items = append(items, some...)
	}
	slices.SortStableFunc(items, func(a, b InboxItem) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Href, b.Href)) })
	return items, nil
}

// requestItems are the requests that the actor may decide, and the actor's own that are not decided.
func (a *API) requestItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	var items []InboxItem
	waiting, err := a.Desk.List(ctx, by, review.Query{WaitingForMe: true}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, r := range waiting.Items {
		items = append(items, requestItem(r, "approve", r.Requester+" asks for your decision"))
	}
	mine, err := a.Desk.List(ctx, by, review.Query{Mine: true, States: []review.State{review.Draft, review.Checking, review.NeedsFixes, review.NeedsApproval}}, store.Page{})
	if err != nil {
		return nil, err
	}
	for _, r := range mine.Items {
		switch r.State {
		case review.Draft:
			items = append(items, requestItem(r, "draft", "a draft that you have not submitted"))
		case review.NeedsFixes:
			items = append(items, requestItem(r, "fix_request", toFix(r)))
		case review.Checking:
			items = append(items, requestItem(r, "waiting", "waits for "+strings.Join(unreported(r), " and ")+" to be checked"))
		case review.NeedsApproval:
			if lacking := lacks(r); len(lacking) > 0 {
				items = append(items, requestItem(r, "nobody_left", nobodyLeft(lacking, "ask an administrator to add")))
			} else {
				items = append(items, requestItem(r, "waiting", "waits for "+waitsFor(r)))
			}
		case review.Approved, review.Denied, review.Withdrawn:
		}
	}
	return items, nil
}

// unreported are the checks of the request that are still to be reported.
func unreported(r review.Request) (names []string) {
	for _, c := range r.Checks {
		if c.Status == review.Pending {
			names = append(names, c.Name)
		}
	}
	return names
}

// stuckItems are the requests of others that nobody is left to approve, for administrators, who can change that.
func (a *API) stuckItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	if !slices.Contains(access.Held(by), access.PeopleWrite) {
		return nil, nil
	}
	var items []InboxItem
	stuck, err := a.Desk.List(ctx, by, review.Query{Stuck: true}, store.Page{})
	for _, r := range stuck.Items {
		if lacking := lacks(r); len(lacking) > 0 && r.RequesterID != by.PersonID {
			items = append(items, requestItem(r, "nobody_left", nobodyLeft(lacking, "add")))
		}
	}
	return items, err
}

// lacks are the domains that there are too few people for who may still decide.
func lacks(r review.Request) []string {
	var domains []string
	for _, need := range r.ApprovalsNeeded {
		if need.Lacking > 0 {
			domains = append(domains, string(need.Domain))
		}
	}
	return domains
}

func nobodyLeft(domains []string, add string) string {
	return fmt.Sprintf("nobody is left who may approve it for %s; %s somebody to a group that approves for %s",
		strings.Join(domains, " and "), add, strings.Join(domains, " or for "))
}

// toFix says what a request needs before anybody can approve it.
func toFix(r review.Request) string {
	for _, decision := range r.Decisions {
		if decision.Verdict == review.VerdictAsked && decision.Void == "" {
			return decision.By + " asks for a change or an answer"
		}
	}
	return "its checks found something that you can fix"
}

// waitsFor names the domains that have not approved yet.
func waitsFor(r review.Request) string {
	var domains []string
	for _, need := range r.ApprovalsNeeded {
		if need.Given < need.Quorum {
			domains = append(domains, string(need.Domain))
		}
	}
	if len(domains) == 0 {
		return "approval"
	}
	return "approval by " + strings.Join(domains, " and ")
}

func requestItem(r review.Request, kind, words string) InboxItem {
	item := InboxItem{Kind: kind, Title: r.Title, Words: words, Href: "/requests/" + r.ID, At: r.UpdatedAt, RequestID: r.ID}
	if r.WaitingSince != nil {
		item.At = *r.WaitingSince
	}
	if r.Flag != nil {
		item.FlagKey = r.Flag.Key
	}
	return item
}

// commentItems are the comments on the actor's open requests that wait for an answer.
func (a *API) commentItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	remarks, err := a.Desk.Unanswered(ctx, by)
	items := make([]InboxItem, len(remarks))
	for i, r := range remarks {
		items[i] = InboxItem{
			Kind: "comment", Title: r.Title, Words: r.By + " says: " + fault.Clip(r.Words, maxQuote), Href: "/requests/" + r.RequestID,
			At: r.At, RequestID: r.RequestID,
		}
	}
	return items, err
}

// maxQuote bounds what is quoted of a comment, in bytes.
const maxQuote = 300

func (a *API) rolloutItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	var items []InboxItem
	ready, err := a.Rollouts.List(ctx, by, rollout.Filter{OwnedBy: &by, Waiting: true}, store.Page{})
	for _, r := range ready.Items {
		if item, ok := rolloutItem(r); ok {
			items = append(items, item)
		}
	}
	return items, err
}

// killedItems tells the owners of a flag where it is turned off.
func (a *API) killedItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	var items []InboxItem
	killed, err := a.Registry.Flags(ctx, by, registry.Filter{OwnedBy: &by, Killed: true}, store.Page{})
	for _, f := range killed.Items {
		for _, e := range f.Environments {
			if e.Kill != nil {
				items = append(items, InboxItem{
					Kind: "killed", Title: f.Key, Words: e.Kill.By + " turned it off for everybody in " + e.Environment + ": " + e.Kill.Reason,
					Href: flagPath(f.Key), At: e.Kill.At, FlagKey: f.Key,
				})
			}
		}
	}
	return items, err
}

// uncommittedItems shows whoever may turn it off what is off by a kill that is served and not in the database yet.
func (a *API) uncommittedItems(ctx context.Context, by access.Actor) (items []InboxItem, err error) {
	all, err := a.Kills.Uncommitted(ctx, by)
	for _, u := range all {
		words := u.By.Email + " turned it off for everybody in " + u.Environment + "; it is served, and not in the log yet"
		if u.Refused != "" {
			words = u.By.Email + " turned it off for everybody in " + u.Environment + "; it is served, and the database refuses it: " + fault.Clip(u.Refused, maxQuote)
		}
		items = append(items, InboxItem{Kind: "uncommitted", Title: u.Select.Words(), Href: "/kills", At: u.At, FlagKey: u.Select.Flag, Words: words})
	}
	return items, err
}

// outgrownItems shows owners and approvers of a flag that it is for many more people than was approved, a card for each flag.
func (a *API) outgrownItems(ctx context.Context, by access.Actor) (items []InboxItem, err error) {
	outgrown, err := a.Desk.Outgrown(ctx, by)
	for _, o := range outgrown {
		words := fmt.Sprintf("its audience %s has %d people by now, and was approved for %d", o.Title, o.People, o.Approved)
		at := slices.IndexFunc(items, func(i InboxItem) bool { return i.FlagKey == o.FlagKey })
		if at < 0 {
			items = append(items, InboxItem{Kind: "outgrown", Title: o.FlagKey, Words: words, Href: flagPath(o.FlagKey), At: o.Since, FlagKey: o.FlagKey})
			continue
		}
		items[at].Words += "; " + words
		if o.Since.Before(items[at].At) {
			items[at].At = o.Since
		}
	}
	for i := range items {
		items[i].Words += ": look at who joined, ask for another audience, or ask for so many people to be approved"
	}
	return items, err
}

// expiringItems tells the owners of a flag that its time is up soon, from the first reminder of the lifecycle policy on.
func (a *API) expiringItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	rules, err := a.Lifecycle.Rules(ctx, by)
	if err != nil {
		return nil, err
	}
	ahead := 0
	for _, days := range rules.ReminderScheduleDays {
		ahead = max(ahead, days)
	}
	before := a.Now().Add(time.Duration(ahead) * 24 * time.Hour)
	due, err := a.Registry.Flags(ctx, by, registry.Filter{
		OwnedBy: &by, ExpiresBefore: &before, Sort: registry.SortExpires, Ascending: true,
	}, store.Page{})
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(due.Items))
	for i, f := range due.Items {
		keys[i] = f.Key
	}
	var lives map[string]lifecycle.Status
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		lives, err = lifecycle.States(ctx, tx, keys)
		return err
	}); err != nil {
		return nil, err
	}
	var items []InboxItem
	for _, f := range due.Items {
		since, ok := remindedSince(lives[f.Key], rules, a.Now())
		if words := expiryWords(lives[f.Key], a.Now()); ok && words != "" {
			items = append(items, InboxItem{Kind: "expiring", Title: f.Key, Words: words, Href: flagPath(f.Key), At: since, FlagKey: f.Key})
		}
	}
	return items, nil
}

// remindedSince is when the first reminder of a flag was due; ok is false before that. A reminder that is not shorter than the
// time that the flag was given is none.
func remindedSince(s lifecycle.Status, rules lifecycle.Rules, now time.Time) (since time.Time, ok bool) {
	if s.ExpiresAt == nil {
		return since, false
	}
	since = *s.ExpiresAt
	for _, days := range rules.ReminderScheduleDays {
		if at := s.ExpiresAt.Add(-time.Duration(days) * 24 * time.Hour); days < s.TTLDays && at.Before(since) {
			since = at
		}
	}
	return since, !now.Before(since)
}

// expiryWords say what is to be done before a flag's time is up; empty where nothing can be.
func expiryWords(s lifecycle.Status, now time.Time) string {
	const day = "2 January 2006"
	switch s.State {
	case lifecycle.Staged, lifecycle.Active:
		if s.ExpiresAt == nil {
			return ""
		}
		if s.ExpiresAt.Before(now) {
			return "its time was up on " + s.ExpiresAt.UTC().Format(day) + "; ask for more time, or retire it"
		}
		return "its time is up on " + s.ExpiresAt.UTC().Format(day) + "; ask for more time, or let it go"
	case lifecycle.Deprecated:
		if s.ExpiresAt == nil || s.GraceEndsAt == nil || s.GraceEndsAt.Before(now) {
			return ""
		}
		return "it is on its way out; until " + s.GraceEndsAt.UTC().Format(day) + " it can be kept by asking for more time"
	case lifecycle.Proposed, lifecycle.Approved, lifecycle.Removed:
	}
	return ""
}

// proposalItems are the changes that wait for a second administrator, and those that would take the rights of one from the actor.
func (a *API) proposalItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	if a.Governors == nil || !slices.Contains(access.Held(by), access.ProposalRead) {
		return nil, nil
	}
	open, err := a.Governors.List(ctx, by, store.Page{})
	items := make([]InboxItem, len(open.Items))
	for i, p := range open.Items {
		_, subject, _ := strings.Cut(p.Subject, ":")
		items[i] = InboxItem{Kind: "proposal", Title: subject, Words: proposalWords(p, by), Href: "/admin/proposals", At: p.At}
		switch {
		case p.Concerns(by):
			items[i].Kind = "removal"
		case p.ByID == by.PersonID: // for others to decide
			items[i].Kind = "waiting"
		}
	}
	return items, err
}

func proposalWords(p access.Proposal, by access.Actor) string {
	switch {
	case p.Concerns(by) && p.TakesEffectAt != nil:
		return p.By + " asks to take your rights as an administrator; it takes effect on " + effectWords(p) + " unless you object"
	case p.Concerns(by):
		return p.By + " asks to take your rights as an administrator; another administrator decides, and you may object"
	case p.TakesEffectAt != nil:
		return p.By + " asked for it, and it takes effect on " + effectWords(p) + " unless whom it concerns objects: " + p.Words
	case p.ByID == by.PersonID:
		return "waits for a second administrator: " + p.Words
	default:
		return p.By + " asks for a second administrator: " + p.Words
	}
}

func effectWords(p access.Proposal) string {
	return p.TakesEffectAt.UTC().Format("2 January 2006, 15:04 UTC")
}

// loosenedItems shows administrators and approvers what one person alone loosened of late, a card for each person, and how the removal
// of an administrator went on to which nobody but that one could say anything.
func (a *API) loosenedItems(ctx context.Context, by access.Actor) (items []InboxItem, err error) {
	if a.Governors == nil {
		return nil, nil
	}
	told, err := a.Governors.Told(ctx, by)
	var settled []InboxItem
	for _, p := range told {
		if p.State != access.ProposalAlone {
			settled = append(settled, settledItems(p)...)
			continue
		}
		at := slices.IndexFunc(items, func(i InboxItem) bool { return i.Title == p.By })
		switch {
		case at < 0:
			items = append(items, InboxItem{
				Kind: "loosened", Title: p.By, Words: "loosened the rules without a second administrator: " + p.Words, Href: subjectPath(p.Subject), At: p.At,
			})
		case len(items[at].Words) < maxQuote:
			items[at].Words += "; " + p.Words
		}
	}
	items = append(items, settled...)
	for i := range items {
		items[i].Words = fault.Clip(items[i].Words, maxQuote)
	}
	return items, err
}

// settledItems say who stays an administrator by an objection, or who is none any more since nobody objected.
func settledItems(p access.Proposal) (items []InboxItem) {
	if p.State == access.ProposalUnopposed {
		words := "asked for it, and nobody objected in time: " + p.Words
		return []InboxItem{{Kind: "loosened", Title: p.By, Words: words, Href: subjectPath(p.Subject), At: p.At}}
	}
	for _, r := range p.Removes {
		if r.ObjectedAt != nil {
			items = append(items, InboxItem{
				Kind: "objection", Title: r.Email, Words: "objected to what " + p.By + " proposed, and stays an administrator: " + r.Reason,
				Href: subjectPath(p.Subject), At: *r.ObjectedAt,
			})
		}
	}
	return items
}

// subjectPages are the pages of the console that show what proposals are about; those that end with a slash take its name.
var subjectPages = map[string]string{
	"person": "/admin/people/", "group": "/admin/groups/", "policy": "/admin/policies/", "template": "/admin/templates/",
	"environment": "/admin/environments", "lifecycle": "/admin/lifecycle", "sdk_key": "/admin/keys",
}

func subjectPath(subject string) string {
	kind, id, _ := strings.Cut(subject, ":")
	page := cmp.Or(subjectPages[kind], "/audit")
	if strings.HasSuffix(page, "/") {
		page += url.PathEscape(id)
	}
	return page
}

// restoredItems ask administrators, for two weeks after the restore of a backup, what was revoked since it was taken.
func (a *API) restoredItems(ctx context.Context, by access.Actor) ([]InboxItem, error) {
	if !slices.Contains(access.Held(by), access.Backup) {
		return nil, nil
	}
	since := a.Now().Add(-backup.RestoredLately)
	found, err := a.Audit.Events(ctx, by, audit.Query{
		Event: audit.InstallationRestored.String(), From: since.Format(time.RFC3339), Page: store.Page{Limit: 1},
	})
	var items []InboxItem
	for _, e := range found.Items {
		items = append(items, InboxItem{
			Kind: "restored", Title: "A backup was restored", Href: "/admin/tokens", At: e.Timestamp,
			Words: fmt.Sprintf("it is of %s, and what was revoked after that works again: of %v API tokens, and of SDK keys and people, end those that had ended",
				dayOf(e.Details["backup_at"]), e.Details["tokens_valid"]),
		})
	}
	return items, err
}

// dayOf is the day of a time as it stands in an event.
func dayOf(at any) string {
	text, _ := at.(string)
	day, _, _ := strings.Cut(text, "T")
	return day
}

func rolloutItem(r rollout.Rollout) (InboxItem, bool) {
	item := InboxItem{Title: r.FlagKey, Href: flagPath(r.FlagKey), At: r.UpdatedAt, RolloutID: r.ID, FlagKey: r.FlagKey}
	switch {
	case r.State == rollout.Ready && slices.Contains(r.Can, "start"):
		item.Kind, item.Words = "start_rollout", "approved; start its rollout when you are ready"
		return item, true
	case r.Verdict == rollout.WaitForUse && slices.Contains(r.Can, "promote"):
		item.Kind, item.Words, item.At = "promote", "no program has asked for its switch yet; it goes on to production by itself once one has, or when you say why it should all the same", *r.WaitsAt
		return item, true
	case r.Verdict == rollout.AskPerson && slices.Contains(r.Can, "promote"):
		step := r.Steps[r.Current]
		item.Kind, item.Words, item.At = "promote", "nothing bad seen in "+step.Environment+"; go on to the next step?", *step.BakedAt
		return item, true
	}
	return item, false
}

func flagPath(key string) string { return "/flags/" + url.PathEscape(key) }
