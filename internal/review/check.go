package review

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/template"
)

// The checks that exist. Schema and policy always run, the others where the kind or the template asks for them.
const (
	checkSchema     = "schema"
	checkAudit      = "audit_fields_present"
	checkPolicy     = "policy"
	checkDependency = "dependency_check"
	checkSecurity   = "security_scan"
	checkData       = "data_access"
)

// Limits of what a request may carry.
const (
	maxReason      = 2_000   // characters of a reason or a removal plan
	maxWords       = 1_000   // bytes of a text of a finding, which may quote what was sent
	maxAttachments = 20      // files
	maxAttachment  = 512_000 // bytes of one file
)

// Assessed is what Check makes of a content.
type Assessed struct {
	Assessment
	Content Content // with the template's defaults filled in
	Quorum  map[access.Domain]int
	app     App // that it is about, as it is now
	uses    []policy.Exception
}

// Check runs every check that needs no I/O beyond the facts: a pure function, except that ctx bounds the time of policies.
// What cannot run yet, since something that it needs is absent, is pending. It errs only if ctx ends.
func Check(ctx context.Context, c Content, f Facts) (Assessed, error) {
	seen := f.subject.check(c, f.World)
	schema := append(misplaced(c, f.subject.takes()), checkTexts(c)...)
	if e := f.subject.conflict(c, f.World); e != nil {
		schema = append(schema, findingOf(e))
	}
	schema = append(schema, seen.schema...)
	results := map[string]CheckResult{}
	names := []string{checkSchema, checkPolicy}
	for name, r := range seen.results {
		if i := slices.IndexFunc(f.Reports, func(said report) bool { return said.Name == name }); i >= 0 {
			r = f.Reports[i].join(r)
		}
		results[name] = r
		names = append(names, name)
	}
	slices.SortFunc(names, byCheck)
	if len(seen.each) == 0 {
		seen.each = []perspective{{about: f.subject.about(), seen: seen}}
	}
	var verdict policy.Verdict
	for _, from := range seen.each {
		one, err := judge(ctx, from.seen, results[checkSecurity], f.World, from.about)
		if err != nil {
			return Assessed{}, err
		}
		verdict = strictest(verdict, one)
	}
	if risks[seen.atLeast] > risks[Risk(verdict.Risk)] {
		verdict.Risk, verdict.RiskReasons = string(seen.atLeast), append(verdict.RiskReasons, "it reaches more switches than are judged each")
		for _, domain := range []string{"product", "security", "platform"} { // as the standard policy asks for a high risk
			verdict.Approvals[domain] = max(verdict.Approvals[domain], 1)
		}
	}
	if seen.blind {
		verdict.Findings = nil
	}
	one := policy.OneForEachField(seen.fields, schema, verdict.Findings)
	judged := result(checkPolicy, seen.place(one[1]))
	if seen.blind {
		judged.Status = Pending
	}
	results[checkSchema], results[checkPolicy] = result(checkSchema, one[0]), judged
	out := Assessed{Content: seen.content, app: seen.app, uses: verdict.Exceptions}
	out.Plan, out.Diff, out.Impact = seen.plan, shortened(seen.diff), seen.impact
	out.Impact.Audience, out.Impact.Words = fault.Clip(out.Impact.Audience, maxWords), fault.Clip(out.Impact.Words, maxWords)
	for _, name := range names {
		out.Checks = append(out.Checks, results[name])
	}
	out.settleNeeds(verdict, seen, f)
	return out, nil
}

// strictest is the verdict that holds where each of two does: the higher risk, all findings, the approvals that either needs.
func strictest(a, b policy.Verdict) policy.Verdict {
	if risks[Risk(a.Risk)] > risks[Risk(b.Risk)] {
		a, b = b, a
	}
	for _, f := range a.Findings {
		if !slices.ContainsFunc(b.Findings, func(g fault.Finding) bool { return g.Code == f.Code && g.Field == f.Field && g.Message == f.Message }) {
			b.Findings = append(slices.Clip(b.Findings), f)
		}
	}
	for _, e := range a.Exceptions {
		if !slices.Contains(b.Exceptions, e) {
			b.Exceptions = append(slices.Clip(b.Exceptions), e)
		}
	}
	needs := map[string]int{}
	maps.Copy(needs, b.Approvals)
	for domain, n := range a.Approvals {
		needs[domain] = max(needs[domain], n)
	}
	b.Approvals = needs
	return b
}

// place puts the findings of policy where this kind of request has its members, and softens them where they must not block.
func (seen checked) place(findings []fault.Finding) []fault.Finding {
	for i, f := range findings {
		if field, ok := seen.findings[f.Field]; ok {
			findings[i].Field, findings[i].Patch = field, nil
		}
		if seen.lenient && f.Severity == fault.SeverityError {
			findings[i].Severity = fault.SeverityWarning
		}
	}
	return findings
}

// settleNeeds turns the verdict of policy into risk and needs, and warns of a domain that nobody can fill.
func (out *Assessed) settleNeeds(verdict policy.Verdict, seen checked, f Facts) {
	out.Risk, out.RiskReasons = Risk(verdict.Risk), verdict.RiskReasons
	if out.RiskReasons == nil {
		out.RiskReasons = []string{}
	}
	out.Quorum = map[access.Domain]int{}
	if !seen.free {
		for domain, n := range verdict.Approvals {
			out.Quorum[access.Domain(domain)] = n
		}
		for _, from := range seen.each {
			if from.about.Template == nil || !seen.exposes {
				continue
			}
			for domain, n := range from.about.Template.Approvals {
				out.Quorum[access.Domain(domain)] = max(out.Quorum[access.Domain(domain)], n)
			}
		}
		if !seen.fastLane(out.Risk) && slices.ContainsFunc(out.Checks, func(c CheckResult) bool { return c.Name == checkSecurity && c.Status == Warned }) {
			out.Quorum["security"] = max(out.Quorum["security"], 1)
		}
	}
	electorate := Elect(out.Quorum, out.Risk, f.Approvers, placeOf(seen.app, out.Content, f.World), f.Authors, f.Agents)
	_, out.ApprovalsNeeded = Settle(out.Checks, electorate, nil)
	if f.Offline {
		return
	}
	for _, need := range out.ApprovalsNeeded {
		if need.Lacking == 0 {
			continue
		}
		i := slices.IndexFunc(out.Checks, func(c CheckResult) bool { return c.Name == checkPolicy })
		out.Checks[i] = result(checkPolicy, append(out.Checks[i].Findings, fault.Finding{
			Severity: fault.SeverityWarning, Code: "nobody_can_approve",
			Message:     fmt.Sprintf("%s must approve this, %d of %d people who may are there", need.Domain, need.Quorum-need.Lacking, need.Quorum),
			Remediation: fmt.Sprintf("ask an administrator to add an approver for %s; the request can be submitted all the same", need.Domain),
		}))
	}
}

// placeOf is what the scopes of approver groups are held against.
func placeOf(app App, c Content, w World) ApprovalPlace {
	return ApprovalPlace{App: app.Slug, Category: app.Category, Environment: orElse(c.Environment, w.governed())}
}

// misplaced finds members that belong to other kinds.
func misplaced(c Content, takes []string) []fault.Finding {
	var findings []fault.Finding
	for _, m := range members {
		if m.given(c) && !slices.Contains(takes, m.name) {
			findings = append(findings, wrong(m.name, "not_for_this_kind", "leave it out", "%s does not belong to %s", m.name, c.Kind))
		}
	}
	return findings
}

// checkTexts bounds the free texts and refuses characters that could make a reader see something else.
func checkTexts(c Content) []fault.Finding {
	var findings []fault.Finding
	for _, text := range []struct{ field, value string }{{"reason", c.Reason}, {"removal_plan", c.RemovalPlan}} {
		if len([]rune(text.value)) > maxReason {
			findings = append(findings, wrong(text.field, "too_long", fmt.Sprintf("shorten it to %d characters", maxReason),
				"%s has over %d characters", text.field, maxReason))
		}
		if strings.ContainsFunc(text.value, fault.Deceptive) {
			findings = append(findings, wrong(text.field, "control_characters", "type the text anew instead of pasting it",
				"%s contains characters that cannot be seen", text.field))
		}
	}
	if len(c.Attachments) > maxAttachments {
		findings = append(findings, wrong("attachments", "too_many", "leave some out",
			"%d files are attached, at most %d may be", len(c.Attachments), maxAttachments))
	}
	for i, a := range c.Attachments {
		if len(a.Content) > maxAttachment || a.Name == "" || len(a.Name) > 200 || strings.ContainsFunc(a.Name, fault.Deceptive) {
			findings = append(findings, wrong(fmt.Sprintf("attachments.%d", i), "bad_attachment",
				"attach a lockfile or a SARIF report with a plain file name",
				"the attached file has no proper name or over %d bytes", maxAttachment))
		}
	}
	return findings
}

// judge asks the policies.
func judge(ctx context.Context, seen checked, scanned CheckResult, w World, about *target) (policy.Verdict, error) {
	set, err := w.Policies.Set()
	if err != nil {
		return policy.Verdict{}, err
	}
	verdict, err := set.Judge(ctx, inputOf(seen, scanned, w, about), w.Now)
	if err != nil {
		return policy.Verdict{}, fmt.Errorf("judge by policy: %w", err)
	}
	return verdict, nil
}

// inputOf is the input of policies that domain.md and docs/reference name.
func inputOf(seen checked, scanned CheckResult, w World, about *target) policy.Input {
	request := map[string]any{
		"kind": seen.content.Kind, "reason": seen.content.Reason, "removal_plan": seen.content.RemovalPlan, "plan": seen.plan,
		"environment": seen.content.Environment, "exposes": seen.exposes,
	}
	for name, value := range seen.says {
		request[name] = value
	}
	input := policy.Input{
		"request":      request,
		"fields":       seen.fields,
		"app":          seen.judged,
		"environment":  w.governed(),
		"requester":    map[string]any{"email": w.Requester.Email, "agent": w.Requester.Agent, "groups": groupsOf(w.Requester)},
		"dependencies": map[string]any{"downstream": []string{}, "upstream": []string{}},
		"data":         map[string]any{"datasets": []string{}, "classification": orElse(string(seen.data()), unsaid), "why": seen.judged.Data.Why},
		"scan":         map[string]any{"findings": scanned.Findings, "status": scanned.Status},
		"bundle":       map[string]any{"files": []string{}, "egress": []string{}},
		"lifecycle":    w.Rules,
	}
	if seen.audience != nil {
		input["audience"] = seen.audience
	}
	if seen.fields == nil {
		input["fields"] = map[string]any{}
	}
	if about.Template != nil {
		input["template"] = about.Template
	}
	if about.Flag != nil {
		input["flag"] = about.Flag
	}
	return input
}

func groupsOf(a access.Actor) []string {
	names := make([]string, 0, len(a.Groups))
	for _, m := range a.Groups {
		names = append(names, m.Group)
	}
	return names
}

// result makes a check's result: an error fails it, a warning warns.
func result(name string, findings []fault.Finding) CheckResult {
	r := CheckResult{Name: name, Status: Passed, Findings: findings}
	if findings == nil {
		r.Findings = []fault.Finding{}
	}
	for i, f := range findings {
		findings[i].Message, findings[i].Remediation = fault.Clip(f.Message, maxWords), fault.Clip(f.Remediation, maxWords)
		if len(f.Field) > maxWords { // no form has such a field
			findings[i].Field, findings[i].Patch = fault.Clip(f.Field, maxWords), nil
		}
		switch f.Severity {
		case fault.SeverityError:
			r.Status = Failed
		case fault.SeverityWarning:
			if r.Status == Passed {
				r.Status = Warned
			}
		case fault.SeverityInfo:
		}
	}
	return r
}

// byCheck puts the checks in the order in which a person fixes them: what was typed first, then who answers, then the rules.
func byCheck(a, b string) int {
	rank := func(name string) int {
		if i := slices.Index(template.Checks, name); i >= 0 {
			return i
		}
		return len(template.Checks)
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}
