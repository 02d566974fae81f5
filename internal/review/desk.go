package review

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Desk is where requests are made and decided.
type Desk struct {
	DB       *store.DB
	Now      func() time.Time
	Log      *slog.Logger
	Policies *policy.Engine
	Segments *registry.Registry
	// Recent samples the contexts that SDKs asked with in an environment; nil samples none.
	Recent func(environment string) []map[string]any
	Kills  *kill.Kills // knows what is off before that is committed; nil: nothing is

	documents importer.Reader
}

// Judgement is what an approver says: to which digest, for which domain (needed only with several), and why.
type Judgement struct {
	Digest string
	Domain access.Domain
	Reason string
}

// Outcome is a request after an act, and the revisions that SDKs are to see because of it.
type Outcome struct {
	Request  Request
	Revealed map[string]int64 // environment → revision
}

// Check runs the checks on any part of a request, as a dry run: nothing is written. editing is the id of the request that the
// content is meant for, whose own slug and key are not taken by others; empty for a new one.
func (d *Desk) Check(ctx context.Context, by access.Actor, c Content, editing string) (Assessment, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Assessment{}, err
	}
	c.Draft = false // it is judged as if it were submitted
	d.readAhead(ctx, c)
	var facts Facts
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		var r record
		if editing != "" {
			if r, err = read(ctx, tx, by, editing, ""); err != nil {
				return err
			}
		}
		r.content = c
		facts, err = d.facts(ctx, tx, r, by)
		return err
	})
	if err != nil {
		return Assessment{}, err
	}
	var assessed Assessed
	err = d.Policies.Evaluate(ctx, func(ctx context.Context) error {
		assessed, err = Check(ctx, c, facts)
		return err
	})
	return assessed.Assessment, err
}

// Submit makes a request. What is missing or wrong does not refuse it: it is found by the checks, and the request can be
// edited until they pass. It is refused for a team that the actor does not belong to, for what does not exist, and where what
// it changes is not as it was read. What needs nobody's approval is done at once. A draft is only kept.
func (d *Desk) Submit(ctx context.Context, by access.Actor, c Content) (Outcome, error) {
	var out Outcome
	d.readAhead(ctx, c)
	err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		r, revealed, err := d.submit(ctx, tx, h, by, c)
		if err != nil {
			return err
		}
		out.Revealed = revealed
		out.Request, err = d.view(ctx, tx, by, r)
		return err
	})
	return out, err
}

func (d *Desk) submit(ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, c Content) (record, map[string]int64, error) {
	r := record{id: store.NewID(), content: c, requester: by.Identity(), authors: []Author{authorOf(by)}, makers: by.Makers}
	if !c.Kind.known() { // it could never be fixed, since an edit keeps the kind
		return record{}, nil, unknownKind(c.Kind)
	}
	if c.Draft {
		if err := d.keep(ctx, tx, by, &r); err != nil {
			return r, nil, err
		}
		err := appendEvent(ctx, tx, &r, by.Event(audit.RequestDrafted, d.Now()))
		return r, nil, err
	}
	facts, err := d.facts(ctx, tx, r, by)
	if err != nil {
		return record{}, nil, err
	}
	if err := mayAsk(by, c, facts); err != nil {
		return record{}, nil, err
	}
	if same, ok, err := r.twin(ctx, tx, facts); err != nil || ok && same.state != NeedsFixes {
		return same, nil, err
	} else if ok {
		return d.askAgain(ctx, tx, h, by, same, facts)
	}
	e := by.Event(audit.RequestSubmitted, d.Now())
	e.Reason = c.Reason
	revealed, err := d.assess(ctx, tx, h, by, &r, facts, e, "")
	if err != nil {
		return record{}, nil, err
	}
	err = r.save(ctx, tx, d.Now())
	return r, revealed, err
}

// keep stores a draft: nothing is checked. Saving it again is no event (audit.Unlogged); making it is, told to nobody but the
// requester and auditors.
func (d *Desk) keep(ctx context.Context, tx *store.Tx, by access.Actor, r *record) (err error) {
	if err := access.Can(by, access.RequestEdit, access.Scope{Requester: r.requester}); err != nil {
		return err
	}
	if findings := checkTexts(r.content); len(findings) > 0 {
		f := findings[0]
		return fault.New(fault.Invalid, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation).With(findings...)
	}
	r.state, r.app = Draft, appOf(r.content).Slug
	r.assessment = Assessment{Checks: []CheckResult{}, Risk: Low, RiskReasons: []string{}, ApprovalsNeeded: []Need{}}
	if r.digest, err = r.digestNow(nil); err != nil {
		return err
	}
	return r.save(ctx, tx, d.Now())
}

// mayAsk decides whether the actor may make the request at all, as things stand.
func mayAsk(by access.Actor, c Content, f Facts) error {
	if err := f.subject.ask(by, c); err != nil {
		return err
	}
	if e := f.subject.conflict(c, f.World); e != nil {
		return e
	}
	return nil
}

// assess runs the checks on the content of r, reserves what it needs once that is known to be good, and settles; where nobody
// needs to approve it is done. e is the event that tells of the act, why is why what was decided before no longer counts.
func (d *Desk) assess(
	ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, r *record, f Facts, e audit.Event, why Void,
) (map[string]int64, error) {
	assessed, err := h.judge(question{content: r.content, facts: f})
	if err != nil {
		return nil, err
	}
	about := f.subject.about()
	if t := about.Template; t != nil {
		r.templateID, r.templateVersion = t.TemplateID, t.Version
	}
	r.assessment, r.quorum, r.stricter = assessed.Assessment, assessed.Quorum, false
	r.least, r.refers = &assessed.Impact.People, nil
	if s, ok := f.subject.(*importing); ok {
		r.refers = s.refers()
	}
	if r.rules, err = f.rules(); err != nil {
		return nil, err
	}
	r.app, r.owner, r.category = assessed.app.Slug, assessed.app.Owner, assessed.app.Category
	if flag := about.Flag; flag != nil {
		r.flag = FlagRef{Key: flag.Key, FlagID: flag.FlagID}
	}
	if r.digest, err = r.digestNow(f.subject); err != nil {
		return nil, err
	}
	if err := r.void(ctx, tx, why, func(x Decision) bool { return x.Digest != r.digest }); err != nil {
		return nil, err
	}
	if _, err := d.settle(ctx, tx, r, f.World); err != nil {
		return nil, err
	}
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return nil, err
	}
	m := move{desk: d, tx: tx, by: by, at: d.Now(), w: f.World, r: r}
	if err := f.subject.reserve(ctx, m, assessed.Assessed); err != nil {
		return nil, err
	}
	if r.state != Approved {
		return nil, m.recordExceptions(ctx, assessed.uses)
	}
	return m.carryOut(ctx, f.subject, assessed.Assessed)
}

// carryOut does what was asked for, and tells which revisions SDKs are to see.
func (m move) carryOut(ctx context.Context, s subject, a Assessed) (map[string]int64, error) {
	e := m.by.Event(audit.RequestApproved, m.at)
	if len(m.r.quorum) == 0 {
		e.Reason = "nobody needs to approve this"
	}
	if err := appendEvent(ctx, m.tx, m.r, e); err != nil {
		return nil, err
	}
	if err := m.recordExceptions(ctx, a.uses); err != nil {
		return nil, err
	}
	seen, err := s.effect(ctx, m, a)
	if err != nil {
		return nil, err
	}
	return seen, m.keepSizes(ctx, s.audiences(a, m.w))
}

// recordExceptions writes down which policies let pass what they refuse, and who answers for it until when.
func (m move) recordExceptions(ctx context.Context, uses []policy.Exception) error {
	for _, use := range uses {
		e := m.by.Event(audit.RequestExcepted, m.at)
		e.Details = map[string]any{"policy": use.Policy, "rule": use.Rule, "owner": use.Owner, "expires": use.Expires}
		if err := appendEvent(ctx, m.tx, m.r, e); err != nil {
			return err
		}
	}
	return nil
}

func (r record) electorate(w World) Electorate {
	where := placeOf(App{Slug: r.app, Category: r.category}, r.content, w)
	return Elect(r.quorum, r.assessment.Risk, w.Approvers, where, r.wrote(w.Agents), w.Agents)
}

// Edit applies an RFC 7396 merge patch of an Edit to a request that is not decided yet. It voids the approvals given, and has the
// request judged by the rules of now alone. revision is the one that the editor read. A draft stays one until the patch says
// otherwise, which submits it. A patch that changes nothing does nothing, unless it submits the request again.
func (d *Desk) Edit(ctx context.Context, by access.Actor, id string, revision int64, patch json.RawMessage) (Outcome, error) {
	var out Outcome
	err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		out = Outcome{}
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.RequestEdit, r.scope()); err != nil {
			return err
		}
		if r.revision != revision {
			view, err := d.view(ctx, tx, by, r)
			if err != nil {
				return err
			}
			return fault.New(fault.Stale, "stale", "the request was changed since you read it: you read version %d, it is version %d now", revision, r.revision).
				Fix("look at what changed and make your change again").Showing(view)
		}
		if err := r.open("edited"); err != nil {
			return err
		}
		e, err := merge(r.content, patch)
		if err != nil {
			return err
		}
		if err := fitEdit(r.content, e); err != nil {
			return err
		}
		same, err := r.content.says(e.Content)
		if err != nil {
			return err
		}
		if same && !e.Resubmit {
			out.Request, err = d.view(ctx, tx, by, r)
			return err
		}
		r.written(by)
		if out.Revealed, err = d.edit(ctx, tx, h, by, &r, e); err != nil {
			return err
		}
		out.Request, err = d.view(ctx, tx, by, r)
		return err
	})
	return out, err
}

// fitEdit refuses an edit that makes another thing of the request.
func fitEdit(before Content, after Edit) error {
	if after.Kind != before.Kind {
		return fault.New(fault.Unprocessable, "kind_is_fixed", "the kind of a request cannot be changed").At("kind").
			Fix("withdraw this request and make another")
	}
	if after.Draft && !before.Draft {
		return fault.New(fault.Conflict, "submitted", "the request is submitted and cannot become a draft again").At("draft").
			Fix("edit it as it is, or withdraw it and copy it to a new draft")
	}
	if before.Draft && after.Resubmit {
		return fault.New(fault.Conflict, "not_submitted", "the request is a draft, which nothing has judged yet").At("resubmit").
			Fix("submit it with draft: false")
	}
	return nil
}

func (d *Desk) edit(ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, r *record, after Edit) (map[string]int64, error) {
	before := r.content
	r.content = after.Content
	if r.content.Draft {
		return nil, d.keep(ctx, tx, by, r)
	}
	if after.Resubmit { // the newest version of its template is among the rules of now
		r.resubmits++
		r.templateID, r.templateVersion = "", 0
	}
	if text(before.Fields["owner"]) != text(r.content.Fields["owner"]) {
		r.fieldOwnerID = ""
	}
	left, err := d.left(ctx, tx, *r, by)
	if err != nil {
		return nil, err
	}
	leaver := r.requester
	if left {
		r.requester = by.Identity()
	}
	facts, err := d.facts(ctx, tx, *r, by)
	if err != nil {
		return nil, err
	}
	if err := mayAsk(by, r.content, facts); err != nil {
		return nil, err
	}
	e, why := by.Event(audit.RequestEdited, d.Now()), VoidEdited
	changes := edited(before, r.content, facts.subject.about().document())
	e.Details = map[string]any{"changes": changes}
	switch {
	case before.Draft:
		e = by.Event(audit.RequestSubmitted, d.Now())
		e.Reason = r.content.Reason
	case len(changes) == 0:
		e, why = by.Event(audit.RequestResubmitted, d.Now()), VoidResubmitted
		e.Details = map[string]any{"before": map[string]any{"risk": r.assessment.Risk, "approvals": r.quorum}}
	}
	if left {
		e.Details["taken_over_from"], e.Details["taken_over_from_id"] = leaver.Email, leaver.ID
	}
	revealed, err := d.assess(ctx, tx, h, by, r, facts, e, why)
	if err != nil {
		return nil, err
	}
	return revealed, r.save(ctx, tx, d.Now())
}

// left reports whether the requester may no longer ask for this, since they left the team or may not sign in any more. Then whoever
// edits the request takes it over. The leaver stays one of its authors, who decide nothing on it.
func (d *Desk) left(ctx context.Context, tx *store.Tx, r record, by access.Actor) (bool, error) {
	if r.requester.Is(by.Identity()) {
		return false, nil
	}
	requester, err := r.actor(ctx, tx, by)
	if err != nil {
		return false, err
	}
	s, err := r.subject(ctx, tx, d.subjects(requester))
	return err == nil && s.ask(requester, r.content) != nil, err
}

// open refuses an act on a request that is decided.
func (r record) open(act string) error {
	switch r.state {
	case Draft, Checking, NeedsFixes, NeedsApproval:
		return nil
	case Approved, Denied, Withdrawn:
	}
	return fault.New(fault.Conflict, "request_"+string(r.state), "the request is %s and can no longer be %s", r.state, act).
		Fix("make a new request").Showing(map[string]any{"state": r.state})
}

func (r record) scope() access.Scope {
	return access.Scope{OwnerGroup: r.owner, Requester: r.requester}
}

// Withdraw takes a request back: what it reserved is free again for the same team.
func (d *Desk) Withdraw(ctx context.Context, by access.Actor, id, reason string) (Request, error) {
	if err := checkReason(reason); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.RequestEdit, r.scope()); err != nil {
			return err
		}
		if r.state != Withdrawn {
			if err := r.open("withdrawn"); err != nil {
				return err
			}
			r.state = Withdrawn
			if err := d.close(ctx, tx, by, &r, audit.RequestWithdrawn, orElse(reason, "withdrawn by "+by.Email)); err != nil {
				return err
			}
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// close ends a request that is not to be: it frees what was reserved and records why.
func (d *Desk) close(ctx context.Context, tx *store.Tx, by access.Actor, r *record, event audit.Name, reason string) error {
	e := by.Event(event, d.Now())
	e.Reason = reason
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return err
	}
	if r.flag.Key != "" {
		if err := r.content.Kind.subject().release(ctx, move{desk: d, tx: tx, by: by, at: d.Now(), r: r}, reason); err != nil {
			return err
		}
	}
	return r.save(ctx, tx, d.Now())
}

// Get gives one request with everything that is known of it.
func (d *Desk) Get(ctx context.Context, by access.Actor, id string) (Request, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := read(ctx, tx, by, id, "")
		if err != nil {
			return err
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}
