package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Approve gives the actor's approval to exact content. When it is the last one needed, what was asked for is done in the
// same transaction. Approving again changes nothing.
func (d *Desk) Approve(ctx context.Context, by access.Actor, id string, j Judgement) (Outcome, error) {
	return d.decide(ctx, by, id, VerdictApproved, j)
}

// Deny ends the request. A denial is final and needs a reason that the requester can act on.
func (d *Desk) Deny(ctx context.Context, by access.Actor, id string, j Judgement) (Outcome, error) {
	return d.decide(ctx, by, id, VerdictDenied, j)
}

func (d *Desk) decide(ctx context.Context, by access.Actor, id string, v Verdict, j Judgement) (Outcome, error) {
	if err := access.Can(by, access.RequestDecide, access.Scope{}); err != nil {
		return Outcome{}, err
	}
	if v == VerdictDenied && strings.TrimSpace(j.Reason) == "" {
		return Outcome{}, fault.New(fault.Invalid, "reason_required", "a denial needs a reason").At("reason").
			Fix("say what the requester should change")
	}
	if err := checkReason(j.Reason); err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		out = Outcome{}
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		facts, err := d.held(ctx, tx, &r, by)
		if err != nil {
			return err
		}
		repeated, err := d.admit(&r, facts, by, v, &j)
		if err != nil {
			return err
		}
		if !repeated && v == VerdictDenied {
			if err := d.deny(ctx, tx, by, &r, j); err != nil {
				return err
			}
		}
		if !repeated && v == VerdictApproved {
			if out.Revealed, err = d.approve(ctx, tx, h, by, &r, facts, j); err != nil {
				return err
			}
		}
		out.Request, err = d.view(ctx, tx, by, r)
		return err
	})
	return out, err
}

// renews reports whether saying the same once more counts: approvals that the request is no longer carried out on are renewed by it.
func renews(r record, v Verdict, now time.Time) bool {
	return v == VerdictApproved && r.state == NeedsApproval && r.expired(now)
}

// checkReason judges why somebody acts on a request or a kill; it may be empty.
func checkReason(reason string) error {
	if len([]rune(reason)) > maxReason {
		return fault.New(fault.Invalid, "too_long", "the reason has over %d characters", maxReason).At("reason").Fix("shorten it")
	}
	return store.CheckText("reason", reason)
}

// wroteIt reports whether the actor asked for the request or edited it, and so decides nothing on it.
func (r record) wroteIt(by access.Actor) bool {
	return slices.ContainsFunc(r.authors, func(a Author) bool { return a.Is(by.Identity()) })
}

// another makes sure that whoever decides is another human than who wrote the request and, for an approval, than who approved it
// already. Somebody who made a credential may be who acts by it (access.Actor.Users).
func (r record) another(e Electorate, by access.Actor, v Verdict) error {
	others := strings.Join(eligibleOf(r.needs(e)), ", ")
	if r.wroteIt(by) {
		return fault.New(fault.Forbidden, "own_request", "you asked for this or edited it, so others must decide it").Fix("ask one of: %s", others)
	}
	if slices.Contains(r.makers, by.PersonID) {
		return fault.New(fault.Forbidden, "own_request", "this was asked for or edited with a token or link that you made, so others must decide it").
			Fix("let somebody else approve, such as %s, or have it asked for again by somebody who signed in with a password", others)
	}
	if v != VerdictApproved {
		return nil
	}
	users := by.Users()
	if users.Meet(e.Wrote) {
		return fault.New(fault.Forbidden, "own_credential", "this was asked for or edited by whoever made the token or link that you signed in with").
			Fix("sign in with a password, or let somebody else approve, such as %s", others)
	}
	if i := slices.IndexFunc(r.decisions, func(x Decision) bool {
		return x.approves() && x.ByID != by.PersonID && users.Meet(x.users())
	}); i >= 0 {
		e := fault.New(fault.Conflict, "already_decided", "%s approved this already, and with a token or link that one person made for both, or one of you "+
			"for the other; nobody counts twice", r.decisions[i].By)
		if len(by.Makers) > 0 {
			return e.Fix("sign in with a password, or leave the rest to others")
		}
		return e.Fix("leave the rest to others")
	}
	if e.inhuman(users) {
		return fault.New(fault.Forbidden, "human_needed", "an agent asked for this or edited it, so a human must approve it").Fix("ask one of: %s", others)
	}
	return nil
}

// admit decides whether the judgement may be taken, and fills in the domain where it is clear. repeated is true if the
// actor said just this before.
func (d *Desk) admit(r *record, f Facts, by access.Actor, v Verdict, j *Judgement) (repeated bool, err error) {
	e := r.electorate(f.World)
	if err := r.another(e, by, v); err != nil {
		return false, err
	}
	mine, decided := r.decisionOf(by.Identity())
	if decided && mine.Verdict == v && (j.Digest == "" || j.Digest == r.digest) && (j.Domain == "" || j.Domain == mine.Domain) &&
		(v != VerdictAsked || j.Reason == mine.Reason) {
		if !renews(*r, v, f.Now) {
			return true, nil
		}
		j.Domain, j.Digest = mine.Domain, r.digest
		return false, r.timely(f)
	}
	if err := r.open("decided"); err != nil {
		return false, err
	}
	if err := r.names(j.Digest); err != nil {
		return false, err
	}
	if v == VerdictApproved {
		if err := r.timely(f); err != nil {
			return false, err
		}
	}
	if decided && mine.Verdict == v && v != VerdictAsked {
		return false, fault.New(fault.Conflict, "already_decided", "you decided this already, for %s; nobody counts twice", mine.Domain).
			Fix("leave the rest to others")
	}
	if i := slices.IndexFunc(r.decisions, Decision.open); i >= 0 && v == VerdictApproved {
		return false, fault.New(fault.Conflict, "change_asked", "%s asked for a change, which is neither made nor answered",
			r.decisions[i].By).Fix("wait for the requester; whoever asked can take it back").Showing(map[string]any{"state": r.state})
	}
	if r.state == Checking && v == VerdictApproved {
		return false, fault.New(fault.Conflict, "checking", "a check is still to be reported, so there is nothing to approve yet").
			Fix("wait until whoever runs it has reported it").Showing(map[string]any{"state": r.state})
	}
	if r.state != NeedsApproval && v == VerdictApproved {
		return false, fault.New(fault.Conflict, "needs_fixes", "a check still fails, so there is nothing to approve yet").
			Fix("wait until the requester has fixed it").Showing(map[string]any{"state": r.state})
	}
	domains := domainsOf(e, by.PersonID)
	if j.Domain == "" && decided && slices.Contains(domains, mine.Domain) {
		j.Domain = mine.Domain
	}
	switch {
	case len(domains) == 0:
		return false, fault.New(fault.Forbidden, "not_an_approver", "you are no approver for this request").
			Fix("ask one of: %s", strings.Join(eligibleOf(r.needs(e)), ", "))
	case j.Domain == "" && len(domains) > 1:
		return false, fault.New(fault.Unprocessable, "domain_required", "you may decide for %s", list(domains)).At("domain").
			Fix("name the one that you decide for")
	case j.Domain == "":
		j.Domain = domains[0]
	case !slices.Contains(domains, j.Domain):
		return false, fault.New(fault.Forbidden, "not_your_domain", "you may not decide for %s here", j.Domain).At("domain").
			Fix("decide for %s", list(domains))
	}
	return false, nil
}

// decisionOf returns what a person decided, where it still counts.
func (r record) decisionOf(who access.Identity) (Decision, bool) {
	i := slices.IndexFunc(r.decisions, func(x Decision) bool { return x.by().Is(who) && x.Void == "" })
	if i < 0 {
		return Decision{}, false
	}
	return r.decisions[i], true
}

// names refuses a digest that is not the one of the content.
func (r record) names(digest string) error {
	if digest == "" {
		return fault.New(fault.Invalid, "digest_required", "a decision names the exact content that it is about").At("digest").
			Fix("send the digest of the request that you read")
	}
	if digest != r.digest {
		return digestStale(r)
	}
	return nil
}

// approvalInput is an approval as the policies that judge approvals see it.
func (r record) approvalInput(by access.Actor, j Judgement) map[string]any {
	return map[string]any{
		"by": by.Email, "domain": j.Domain, "reason": j.Reason, "credential": by.Credential, "own_credential": !foreign(by),
		"made_author_credential": r.lent(by),
	}
}

// judgeApproval asks the policies that judge approvals about the one in the question.
func judgeApproval(ctx context.Context, q question) ([]fault.Finding, error) {
	f := q.facts
	set, err := f.Policies.Set()
	if err != nil {
		return nil, err
	}
	seen := f.subject.check(q.content, f.World)
	input := inputOf(seen, seen.results[checkSecurity], f.World, f.subject.about())
	input["approval"] = q.approval
	return set.JudgeDecision(ctx, input)
}

// refusedApproval is the first of the findings that refuses an approval; nil if none does.
func refusedApproval(findings []fault.Finding) error {
	for _, finding := range findings {
		if finding.Severity == fault.SeverityError {
			return fault.New(fault.Forbidden, finding.Code, "%s", finding.Message).At(finding.Field).Fix("%s", finding.Remediation).With(findings...)
		}
	}
	return nil
}

// foreign reports whether the actor acts by a token that somebody else made, also by a session that was opened with it.
func foreign(by access.Actor) bool {
	return by.Credential.MadeBy != "" && !by.Maker(by.Identity()).Is(by.Identity())
}

// timely refuses to approve what cannot be done as it was asked for: what it changes is not as it was then, or something is in
// its way.
func (r record) timely(f Facts) error {
	current, err := r.current(f.subject)
	if err != nil {
		return err
	}
	if !current {
		about := f.subject.about()
		var now any = about.Flag
		if about.Flag == nil {
			now = about.App
		}
		return fault.New(fault.Conflict, "base_changed", "what this would change is not as it was when it was asked for").
			Fix("its requester can submit it again as it is now, edit it, or withdraw it").Showing(now)
	}
	if e := f.subject.conflict(r.content, f.World); e != nil {
		return e
	}
	return nil
}

// deny ends the request.
func (d *Desk) deny(ctx context.Context, tx *store.Tx, by access.Actor, r *record, j Judgement) error {
	if err := d.decided(ctx, tx, by, r, VerdictDenied, j); err != nil {
		return err
	}
	r.state = Denied
	return d.close(ctx, tx, by, r, audit.RequestDenied, j.Reason)
}

// approve records an approval that the policies let pass and, when the request is decided by it, does what was asked for.
func (d *Desk) approve(
	ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, r *record, f Facts, j Judgement,
) (map[string]int64, error) {
	// The world may have moved since the request was submitted: policies, people, the flag itself. What fails now is shown
	// to the requester instead of being done.
	judged, err := h.judge(question{content: r.content, facts: f, approval: r.approvalInput(by, j)})
	if err != nil {
		return nil, err
	}
	if err := refusedApproval(judged.approval); err != nil {
		return nil, err
	}
	if err := d.decided(ctx, tx, by, r, VerdictApproved, j); err != nil {
		return nil, err
	}
	if err := r.inFlight(judged.Assessed, f); err != nil {
		return nil, err
	}
	if _, err := d.settle(ctx, tx, r, f.World); err != nil {
		return nil, err
	}
	var revealed map[string]int64
	if r.state == Approved {
		m := move{desk: d, tx: tx, by: by, at: d.Now(), w: f.World, r: r}
		if revealed, err = m.carryOut(ctx, f.subject, judged.Assessed); err != nil {
			return nil, err
		}
	}
	return revealed, r.save(ctx, tx, d.Now())
}

// decided records a decision.
func (d *Desk) decided(ctx context.Context, tx *store.Tx, by access.Actor, r *record, v Verdict, j Judgement) error {
	decision := Decision{
		ID: store.NewID(), Digest: r.digest, Domain: j.Domain, By: by.Email, ByID: by.PersonID, At: d.Now(), Verdict: v, Reason: j.Reason,
		ForeignToken: foreign(by) || r.lent(by), makers: by.Makers,
	}
	if err := r.addDecision(ctx, tx, decision); err != nil {
		return err
	}
	name := map[Verdict]audit.Name{
		VerdictApproved: audit.FlagApprovalGranted, VerdictDenied: audit.FlagApprovalDenied, VerdictAsked: audit.RequestChangeAsked,
	}[v]
	e := by.Event(name, decision.At)
	e.Reason = orElse(j.Reason, fmt.Sprintf("approved for %s", j.Domain))
	e.Details = map[string]any{"digest": r.digest, "domain": j.Domain, "foreign_token": decision.ForeignToken}
	return appendEvent(ctx, tx, r, e)
}

// stricter joins the needs known at submit with those of today: a request in flight keeps the stricter of both.
func stricter(was, is map[access.Domain]int) map[access.Domain]int {
	joined := map[access.Domain]int{}
	for _, quorum := range []map[access.Domain]int{was, is} {
		for domain, n := range quorum {
			joined[domain] = max(joined[domain], n)
		}
	}
	return joined
}

// domainsOf returns the needed domains that a person may decide for.
func domainsOf(e Electorate, who access.PersonID) []access.Domain {
	var domains []access.Domain
	for domain := range e.Eligible {
		if e.elects(domain, who) {
			domains = append(domains, domain)
		}
	}
	slices.SortFunc(domains, byDomain)
	return domains
}

// needs returns how many approvals of each domain there are, and who may still give those that lack. Of what is decided it is what was
// given then, whoever may decide by now.
func (r record) needs(e Electorate) []Need {
	_, needs := Settle(r.assessment.Checks, e, r.decisions)
	if r.state == Approved {
		for i, n := range needs {
			needs[i] = Need{Domain: n.Domain, Quorum: n.Quorum, Given: r.given(n.Domain), Eligible: []string{}}
		}
	}
	return needs
}

// given counts the approvals of a domain that stand.
func (r record) given(domain access.Domain) (n int) {
	for _, d := range r.decisions {
		if d.approves() && d.Domain == domain {
			n++
		}
	}
	return n
}

func eligibleOf(needs []Need) []string {
	var people []string
	for _, n := range needs {
		people = append(people, n.Eligible...)
	}
	slices.Sort(people)
	if people = slices.Compact(people); len(people) > 0 {
		return people
	}
	return []string{"an administrator"}
}

func list(domains []access.Domain) string { return strings.Join(words(domains), " or ") }

// appendEvent completes an event with what it is about and appends it.
func appendEvent(ctx context.Context, tx *store.Tx, r *record, e audit.Event) error {
	e.RequestID, e.FlagKey, e.FlagID = r.id, r.flag.Key, r.flag.FlagID
	if !r.content.Draft { // nobody else is to find a draft by its app
		e.App = r.app
	}
	_, err := audit.Append(ctx, tx, e)
	return err
}
