package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// view is the request as its reader sees it, with diff, impact and timeline.
func (d *Desk) view(ctx context.Context, tx *store.Tx, by access.Actor, r record) (Request, error) {
	world, err := d.electors(ctx, tx)
	if err != nil {
		return Request{}, err
	}
	flag, ok, err := registry.Get(ctx, tx, r.flag.Key)
	if err != nil {
		return Request{}, err
	}
	if ok && r.content.Kind == RestoreFlag {
		world.Flag = &flag
	}
	view := d.summary(by, r, world)
	t, _, err := template.Load(ctx, tx, r.templateID, r.templateVersion)
	if err != nil {
		return Request{}, err
	}
	view.Diff = diffOf(r, world.Flag, t.Document)
	segments, err := registry.Segments(ctx, tx)
	if err != nil {
		return Request{}, err
	}
	if view.Impact, err = d.impact(ctx, tx, r, segments); err != nil {
		return Request{}, err
	}
	entries, err := audit.OfRequest(ctx, tx, r.id)
	if err != nil {
		return Request{}, err
	}
	for _, e := range entries {
		view.Timeline = append(view.Timeline, TimelineEntry{
			ID: e.ID, At: e.Timestamp, Event: e.Event.Event, By: e.Actor, Words: tell(e.Event), Reason: e.Reason, Leaf: e.Leaf,
		})
	}
	return view, nil
}

// summary is the request without diff, impact and timeline, as lists show it.
func (d *Desk) summary(by access.Actor, r record, f Facts) Request {
	electorate := d.electorate(&r, f)
	view := Request{
		ID: r.id, Content: r.content, State: r.state, Requester: r.requester, Editors: []string{}, TemplateVersion: r.templateVersion,
		Digest: r.digest, Revision: r.revision, Checks: r.assessment.Checks, Risk: r.assessment.Risk, RiskReasons: r.assessment.RiskReasons,
		ApprovalsNeeded: r.needs(electorate), Decisions: r.decisions, RolloutID: r.rolloutID, Plan: r.assessment.Plan,
		Diff: []Change{}, Timeline: []TimelineEntry{}, Can: []string{}, CanDomains: []access.Domain{},
		Impact: Impact{Environments: []string{}, Downstream: []string{}}, CreatedAt: r.createdAt, UpdatedAt: r.updatedAt,
	}
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
	if r.open("changed") != nil {
		return view
	}
	if access.Can(by, access.RequestEdit, r.scope()) == nil {
		view.Can = append(view.Can, "edit", "withdraw")
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

// impact says whom the request reaches.
func (d *Desk) impact(ctx context.Context, tx *store.Tx, r record, segments []registry.Segment) (Impact, error) {
	i := Impact{Environments: []string{}, Downstream: []string{}}
	if r.content.Kind == RestoreFlag {
		i.Environments = []string{r.content.Environment}
		i.Words = "turned on again in " + r.content.Environment + ", for the people it reached before"
		return i, nil
	}
	i.Audience = text(r.content.Fields["audiences"])
	for _, step := range r.assessment.Plan {
		if !slices.Contains(i.Environments, step.Environment) {
			i.Environments = append(i.Environments, step.Environment)
		}
	}
	var err error
	if i.People, err = audienceSize(ctx, tx, segments, i.Audience); err != nil {
		return Impact{}, err
	}
	who := "nobody yet"
	if at := slices.IndexFunc(segments, func(s registry.Segment) bool { return s.Name == i.Audience }); at >= 0 {
		who = segments[at].Title
	}
	i.Words = fmt.Sprintf("Seen by: %s. Data: %s. It opens %s.", who, dataWords(classification(r.content)), orElse(appOf(r.content).URL, "no address yet"))
	return i, nil
}

func dataWords(classification string) string {
	if classification == "none" {
		return "no company data declared"
	}
	return classification + " data"
}

// tell puts an event of a request in plain words.
func tell(e audit.Event) string {
	switch e.Event {
	case "request.submitted":
		return "asked for this"
	case "request.edited":
		return "edited the request; approvals given before no longer count"
	case "request.withdrawn":
		return "withdrew the request"
	case "request.denied":
		return "the request is denied"
	case "request.approved":
		return "the last approval was given"
	case "flag.created":
		return "reserved the switch " + e.FlagKey
	case "flag.approval.granted":
		return fmt.Sprintf("approved for %v", e.Details["domain"])
	case "flag.approval.denied":
		return fmt.Sprintf("denied for %v", e.Details["domain"])
	case "flag.state_changed":
		return fmt.Sprintf("%s went from %s to %s", e.FlagKey, e.From, e.To)
	case "flag.restored":
		return fmt.Sprintf("%s is on again in %s", e.FlagKey, e.Environment)
	}
	return strings.ReplaceAll(strings.ReplaceAll(e.Event, ".", " "), "_", " ")
}
