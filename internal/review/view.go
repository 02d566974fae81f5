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
	world, err := d.electors(ctx, tx)
	if err != nil {
		return Request{}, err
	}
	view := d.summary(by, r, world)
	if r.assessment.Diff != nil {
		view.Diff = r.assessment.Diff
	}
	view.Impact = r.assessment.Impact
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
		view.Timeline = append(view.Timeline, TimelineEntry{
			ID: e.ID, At: e.Timestamp, Event: e.Event.Event, By: e.Actor, Words: Tell(e.Event), Reason: e.Reason, Leaf: e.Leaf,
		})
	}
	return view, nil
}

// outdated tells whether what an open request would change is another thing by now.
func (d *Desk) outdated(ctx context.Context, tx *store.Tx, by access.Actor, r record) (bool, error) {
	t, ok := r.content.Kind.trait()
	if !ok || t.base == nil || r.state != NeedsFixes && r.state != NeedsApproval {
		return false, nil
	}
	var f Facts
	var err error
	if f.Requester, err = r.actor(ctx, tx, by); err != nil {
		return false, err
	}
	if err := t.about(ctx, tx, d.Now(), r, &f); err != nil {
		return false, err
	}
	current, err := r.current(f)
	return !current, err
}

// summary is the request without diff, impact and timeline, as lists show it.
func (d *Desk) summary(by access.Actor, r record, f Facts) Request {
	electorate := d.electorate(&r, f)
	view := Request{
		ID: r.id, Title: titleOf(r.content), Content: r.content, AppSlug: r.app, Comments: []Comment{}, State: r.state, Requester: r.requester, Editors: []string{}, TemplateVersion: r.templateVersion,
		Digest: r.digest, Revision: r.revision, Checks: r.assessment.Checks, Risk: r.assessment.Risk, RiskReasons: r.assessment.RiskReasons,
		ApprovalsNeeded: r.needs(electorate), Decisions: r.decisions, RolloutID: r.rolloutID, Plan: r.assessment.Plan,
		Diff: []Change{}, Timeline: []TimelineEntry{}, Can: []string{}, CanDomains: []access.Domain{},
		Impact: Impact{Environments: []string{}, Downstream: []string{}}, CreatedAt: r.createdAt, UpdatedAt: r.updatedAt,
	}
	view.Document = "" // megabytes that nobody reads in a list; the diff tells what it does
	if view.Decisions == nil {
		view.Decisions = []Decision{}
	}
	if view.Plan == nil {
		view.Plan = []rollout.Step{}
	}
	for _, author := range r.authors {
		if author.Email != r.requester {
			view.Editors = append(view.Editors, author.Email)
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
		}
	}
	decided := slices.ContainsFunc(r.decisions, func(x Decision) bool { return x.By == by.Email && !x.Void })
	if domains := domainsOf(electorate, by.Email); len(domains) > 0 && !decided && access.Can(by, access.RequestDecide, access.Scope{}) == nil {
		if r.state == NeedsApproval {
			view.Can = append(view.Can, "approve")
		}
		view.Can = append(view.Can, "deny")
		view.CanDomains = domains
	}
	return view
}

// titleOf names a request in a few plain words.
func titleOf(c Content) string {
	if t, ok := c.Kind.trait(); ok {
		return t.title(c)
	}
	return string(c.Kind)
}
