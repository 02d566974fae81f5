package review

import (
	"context"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// view is the request as its reader sees it, with diff, impact, comments and timeline.
func (d *Desk) view(ctx context.Context, tx *store.Tx, by access.Actor, r record) (Request, error) {
	world, err := electors(ctx, tx)
	if err != nil {
		return Request{}, err
	}
	world.Now = d.Now()
	view := r.summary(by, world)
	if r.assessment.Diff != nil {
		view.Diff = r.assessment.Diff
	}
	view.Impact = r.assessment.Impact
	if view.Impact.Lately, err = d.lately(ctx, tx, r, world); err != nil {
		return Request{}, err
	}
	if view.Comments, err = r.comments(ctx, tx); err != nil {
		return Request{}, err
	}
	if view.BaseChanged, err = d.outdated(ctx, tx, by, r); err != nil {
		return Request{}, err
	}
	entries, err := audit.OfRequest(ctx, tx, r.id)
	if err != nil {
		return Request{}, err
	}
	for _, e := range entries {
		if said, ok := e.Details["comment"].(string); ok {
			e.Reason = said
		}
		view.Timeline = append(view.Timeline, TimelineEntry{
			ID: e.ID, At: e.Timestamp, Event: e.Event.Event, By: e.Actor, ByID: access.PersonID(e.ActorID), Words: e.Words(), Reason: e.Reason, Leaf: e.Leaf,
		})
	}
	return view, nil
}

// outdated reports whether what an open request would change is another thing by now.
func (d *Desk) outdated(ctx context.Context, tx *store.Tx, by access.Actor, r record) (bool, error) {
	if r.content.Kind.subject().base(r.content) == nil || !r.state.undecided() {
		return false, nil
	}
	requester, err := r.actor(ctx, tx, by)
	if err != nil {
		return false, err
	}
	s, err := r.subject(ctx, tx, d.subjects(requester))
	if err != nil {
		return false, err
	}
	current, err := r.current(s)
	return !current, err
}

// summary is the request without diff, impact and timeline, as lists show it.
func (r record) summary(by access.Actor, w World) Request {
	electorate := r.electorate(w)
	view := Request{
		ID: r.id, Title: r.content.title(), Content: r.content, AppSlug: r.app, Comments: []Comment{}, State: r.state, Requester: r.requester.Email, RequesterID: r.requester.ID, Editors: []string{}, EditorIDs: []access.PersonID{}, TemplateVersion: r.templateVersion,
		Digest: r.digest, Revision: r.revision, Checks: r.assessment.Checks, Risk: r.assessment.Risk, RiskReasons: r.assessment.RiskReasons,
		ApprovalsNeeded: r.needs(electorate), Decisions: r.decisions, RolloutID: r.rolloutID, Plan: r.assessment.Plan, Stricter: r.stricter,
		Diff: []Change{}, Timeline: []TimelineEntry{}, Can: []string{}, CanDomains: []access.Domain{},
		Impact: Impact{Environments: []string{}, Downstream: []string{}}, CreatedAt: r.createdAt, UpdatedAt: r.updatedAt,
	}
	view.Document, view.Map = "", "" // megabytes that nobody reads in a list; the diff tells what it does
	if view.Decisions == nil {
		view.Decisions = []Decision{}
	}
	if view.Plan == nil {
		view.Plan = []rollout.Step{}
	}
	for _, author := range r.authors {
		if !author.Is(r.requester) {
			view.Editors, view.EditorIDs = append(view.Editors, author.Email), append(view.EditorIDs, author.ID)
		}
	}
	if r.flag.Key != "" {
		flag := r.flag
		view.Flag = &flag
	}
	if access.Can(by, access.RequestComment, access.Scope{}) == nil {
		view.Can = append(view.Can, "comment")
	}
	if r.open("changed") != nil {
		return view
	}
	waiting := r.waitingSince
	view.WaitingSince = &waiting
	if access.Can(by, access.RequestEdit, r.scope()) == nil {
		view.Can = append(view.Can, "edit", "withdraw")
		if r.state == Draft {
			view.Can = append(view.Can, "submit")
		} else {
			view.Can = append(view.Can, "resubmit")
		}
	}
	if r.mayAnswer(by) == nil && slices.ContainsFunc(r.decisions, Decision.open) {
		view.Can = append(view.Can, "answer")
	}
	if access.Can(by, access.RequestDecide, access.Scope{}) != nil {
		return view
	}
	_, decided := r.decisionOf(by.Identity())
	if decided {
		view.Can = append(view.Can, "take_back")
	}
	if domains := domainsOf(electorate, by.PersonID); len(domains) > 0 {
		by.Makers = nil // whoever may approve once they have signed in with a password may try, and is told so
		if r.state == NeedsApproval && r.another(electorate, by, VerdictApproved) == nil && (!decided || !w.Now.IsZero() && renews(r, VerdictApproved, w.Now)) {
			view.Can = append(view.Can, "approve")
		}
		view.Can = append(view.Can, "deny", "ask")
		view.CanDomains = domains
	}
	return view
}

// title names a request in a few plain words.
func (c Content) title() string {
	return c.Kind.subject().title(c)
}
