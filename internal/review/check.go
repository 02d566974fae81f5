package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/scan"
	"github.com/soukhq/souk/internal/template"
)

// The checks that exist. Schema and policy always run, the others where the template asks for them.
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

// Facts is what a check knows of the world besides the content. The desk reads them in the transaction that submits; `souk
// check` makes them up from files.
type Facts struct {
	Requester    access.Actor
	Template     *template.Template // nil: there is no such template
	TemplateIDs  []string
	Policies     *policy.Set
	Owner        *access.Group  // the group app.owner; nil: there is none
	FieldOwner   *access.Person // the person fields.owner; nil: there is none
	People       []string       // e-mail addresses, to name near ones
	Groups       []string       // likewise
	Approvers    []access.Group
	Agents       []string // e-mail addresses of people who are agents
	Authors      []Author
	Segments     []registry.Segment
	Environments []registry.Environment
	AudienceSize int // people known to be in the audience
	Rules        lifecycle.Rules
	Slug         *fault.Finding // why the slug is not to be had; nil: it is
	KeyTaken     bool           // by another flag
	Flag         *registry.Flag // restore_flag: the flag; nil: there is none
	App          *catalog.App   // restore_flag: the app of the flag
	Origin       *Content       // restore_flag: the request that the flag came from
	Offline      bool           // people and groups are not known, so that nothing is said about them
}

// Assessed is what Check makes of a content.
type Assessed struct {
	Assessment
	Content Content // with the template's defaults filled in
	Quorum  map[access.Domain]int
}

// Check runs every check that needs no I/O beyond the facts: a pure function, save that ctx bounds the time of policies.
// What cannot run yet, since something that it needs is absent, is pending. It errs only if ctx ends.
func Check(ctx context.Context, c Content, f Facts) (Assessed, error) {
	if c.Kind == RestoreFlag {
		return checkRestore(ctx, c, f)
	}
	out := Assessed{Content: c}
	schema := checkContent(c, f)
	names := []string{checkSchema}
	if f.Template != nil {
		out.Content.Fields = f.Template.Fill(c.Fields)
		schema = append(schema, f.Template.Validate(out.Content.Fields)...)
		var problems []fault.Finding
		out.Plan, problems = planOf(*f.Template, out.Content, f)
		for _, problem := range problems {
			// A field that schema found wrong needs no second finding.
			if !slices.ContainsFunc(schema, func(f fault.Finding) bool { return f.Field == problem.Field }) {
				schema = append(schema, problem)
			}
		}
		names = append(names, f.Template.RequiredChecks...)
	} else {
		names = append(names, checkAudit, checkSecurity)
	}
	names = append(names, checkPolicy)
	slices.SortFunc(names, byCheck)
	names = slices.Compact(names)
	results := map[string]CheckResult{checkSchema: result(checkSchema, schema)}
	for _, name := range names {
		switch name {
		case checkSchema, checkPolicy:
		case checkAudit:
			results[name] = result(name, checkAuditFields(out.Content, f))
		case checkSecurity:
			results[name] = scanExternal(out.Content)
		case checkDependency, checkData:
			// Nothing declares a dependency or a data set yet, so there is nothing that could be wrong.
			results[name] = result(name, nil)
		default:
			results[name] = result(name, []fault.Finding{{
				Severity: fault.SeverityError, Field: "template_id", Code: "unknown_check",
				Message:     fmt.Sprintf("the template asks for the check %q, which cannot be run here", name),
				Remediation: "choose another template, or ask an administrator to take the check out of this one",
			}})
		}
	}
	verdict, err := judge(ctx, out, results, f)
	if err != nil {
		return Assessed{}, err
	}
	results[checkPolicy] = result(checkPolicy, verdict.Findings)
	if f.Template == nil {
		results[checkPolicy] = CheckResult{Name: checkPolicy, Status: Pending, Findings: []fault.Finding{}}
	}
	for _, name := range names {
		out.Checks = append(out.Checks, results[name])
	}
	out.settleNeeds(verdict, f, f.place(c))
	return out, nil
}

// settleNeeds turns the verdict of policy into risk and needs, and warns of a domain that nobody can fill.
func (out *Assessed) settleNeeds(verdict policy.Verdict, f Facts, where ApprovalPlace) {
	out.Risk, out.RiskReasons = Risk(verdict.Risk), verdict.RiskReasons
	if out.RiskReasons == nil {
		out.RiskReasons = []string{}
	}
	out.Quorum = map[access.Domain]int{}
	for domain, n := range verdict.Approvals {
		out.Quorum[access.Domain(domain)] = n
	}
	if f.Template != nil {
		for domain, n := range f.Template.Approvals {
			out.Quorum[access.Domain(domain)] = max(out.Quorum[access.Domain(domain)], n)
		}
	}
	if slices.ContainsFunc(out.Checks, func(c CheckResult) bool { return c.Name == checkSecurity && c.Status == Warned }) {
		out.Quorum["security"] = max(out.Quorum["security"], 1)
	}
	electorate := Elect(out.Quorum, out.Risk, f.Approvers, where, f.Authors, f.Agents)
	_, out.ApprovalsNeeded = Settle(out.Checks, electorate, nil)
	if f.Offline {
		return
	}
	for _, need := range out.ApprovalsNeeded {
		if len(need.Eligible) >= need.Quorum {
			continue
		}
		i := slices.IndexFunc(out.Checks, func(c CheckResult) bool { return c.Name == checkPolicy })
		out.Checks[i] = result(checkPolicy, append(out.Checks[i].Findings, fault.Finding{
			Severity: fault.SeverityWarning, Code: "nobody_can_approve",
			Message:     fmt.Sprintf("%s must approve this, %d of %d people who may are there", need.Domain, len(need.Eligible), need.Quorum),
			Remediation: fmt.Sprintf("ask an administrator to add an approver for %s; the request can be submitted all the same", need.Domain),
		}))
	}
}

// checkContent is the part of schema that holds whatever the template is.
func checkContent(c Content, f Facts) []fault.Finding {
	findings := checkTexts(c)
	if c.Kind != PublishApp {
		return append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: "kind", Code: "unknown_kind",
			Message:     fmt.Sprintf("%q is not something that can be asked for", c.Kind),
			Remediation: "use publish_app or restore_flag",
		})
	}
	if c.FlagKey != "" || c.Environment != "" {
		findings = append(findings, misplaced("flag_key and environment", "restore_flag"))
	}
	if f.Template == nil {
		finding := fault.Finding{
			Severity: fault.SeverityError, Field: "template_id", Code: "unknown_template",
			Message: fmt.Sprintf("there is no template %q", c.TemplateID), Remediation: fault.Meant(c.TemplateID, f.TemplateIDs, "choose one of the templates"),
		}
		if c.TemplateID == "" {
			finding.Code, finding.Message = "required", "a template is needed"
		}
		findings = append(findings, finding)
	}
	if c.App == nil {
		return append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: "app", Code: "required", Message: "the app is not described",
			Remediation: "give the app a short name, a name, a category, an owner, a contact and a URL",
		})
	}
	findings = append(findings, catalog.Check(c.App.catalogApp())...)
	if f.Slug != nil {
		findings = append(findings, *f.Slug)
	}
	if f.KeyTaken {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: "fields.name", Code: "key_taken",
			Message: "the app has a switch of that name already", Remediation: "choose another name for the switch",
		})
	}
	return findings
}

func misplaced(members string, kind Kind) fault.Finding {
	return fault.Finding{
		Severity: fault.SeverityError, Field: strings.Fields(members)[0], Code: "not_for_this_kind",
		Message: fmt.Sprintf("%s belong to %s only", members, kind), Remediation: "leave them out",
	}
}

// checkTexts bounds the free texts and refuses characters that could make a reader see something else.
func checkTexts(c Content) []fault.Finding {
	var findings []fault.Finding
	for _, text := range []struct{ field, value string }{{"reason", c.Reason}, {"removal_plan", c.RemovalPlan}} {
		if len([]rune(text.value)) > maxReason {
			findings = append(findings, fault.Finding{
				Severity: fault.SeverityError, Field: text.field, Code: "too_long",
				Message:     fmt.Sprintf("%s has over %d characters", text.field, maxReason),
				Remediation: fmt.Sprintf("shorten it to %d characters", maxReason),
			})
		}
		if strings.ContainsFunc(text.value, fault.Deceptive) {
			findings = append(findings, fault.Finding{
				Severity: fault.SeverityError, Field: text.field, Code: "control_characters",
				Message:     fmt.Sprintf("%s contains characters that cannot be seen", text.field),
				Remediation: "type the text anew instead of pasting it",
			})
		}
	}
	if len(c.Attachments) > maxAttachments {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: "attachments", Code: "too_many",
			Message: fmt.Sprintf("%d files are attached, at most %d may be", len(c.Attachments), maxAttachments), Remediation: "leave some out",
		})
	}
	for i, a := range c.Attachments {
		if len(a.Content) > maxAttachment || a.Name == "" || len(a.Name) > 200 || strings.ContainsFunc(a.Name, fault.Deceptive) {
			findings = append(findings, fault.Finding{
				Severity: fault.SeverityError, Field: fmt.Sprintf("attachments.%d", i), Code: "bad_attachment",
				Message:     fmt.Sprintf("the attached file has no proper name or over %d bytes", maxAttachment),
				Remediation: "attach a lockfile or a SARIF report with a plain file name",
			})
		}
	}
	return findings
}

// checkAuditFields makes sure that somebody answers for the app and can be reached, and that it can be turned off.
func checkAuditFields(c Content, f Facts) []fault.Finding {
	var findings []fault.Finding
	add := func(field, code, message, remediation string) {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: field, Code: code, Message: message, Remediation: remediation,
		})
	}
	app := appOf(c)
	switch {
	case f.Offline:
	case app.Owner == "":
		add("app.owner", "required", "the app has no owner", "choose one of your teams")
	case f.Owner == nil:
		add("app.owner", "unknown_group", fmt.Sprintf("there is no team %q", app.Owner), fault.Meant(app.Owner, f.Groups, "choose one of your teams"))
	case !f.Requester.In(app.Owner):
		add("app.owner", "not_a_member", fmt.Sprintf("you are not in the team %q", app.Owner),
			"choose one of your teams, or ask a member of "+app.Owner+" to publish the app")
	}
	owner, _ := c.Fields["owner"].(string)
	switch {
	case strings.TrimSpace(owner) == "":
		add("fields.owner", "required", "nobody is named who answers for it", "name a person of the owning team, or the team itself")
	case f.Offline || owner == app.Owner && f.Owner != nil:
	case f.FieldOwner == nil:
		add("fields.owner", "unknown_person", fmt.Sprintf("nobody is known as %q", owner),
			fault.Meant(owner, append(slices.Clone(f.People), app.Owner), "name a person of the owning team, or the team itself"))
	case f.Owner != nil && !slices.Contains(f.Owner.Members, f.FieldOwner.Email):
		add("fields.owner", "not_a_member", fmt.Sprintf("%s is not in the team %s", f.FieldOwner.Email, app.Owner),
			fault.Meant(owner, f.Owner.Members, "name a person of the owning team, or the team itself"))
	}
	if strings.TrimSpace(app.Contact) == "" {
		add("app.contact", "required", "nobody can be reached about the app", "give an e-mail address that is read")
	}
	if kill, ok := c.Fields["kill_switch"].(bool); ok && !kill {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: "fields.kill_switch", Code: "kill_switch_required",
			Message: "an app without a way to turn it off cannot be published", Remediation: "turn the kill switch on",
			Patch: []fault.Patch{{Op: "replace", Path: "/fields/kill_switch", Value: true}},
		})
	}
	return findings
}

// scanExternal judges what can be known of an external app without calling it: its URL and the reports that came with it.
func scanExternal(c Content) CheckResult {
	app := appOf(c)
	if app.URL == "" {
		return CheckResult{Name: checkSecurity, Status: Pending, Findings: []fault.Finding{}}
	}
	findings := catalog.CheckURL(app.URL)
	scanned := false
	for i, a := range c.Attachments {
		results, ok := scan.SARIF([]byte(a.Content))
		if !ok {
			findings = append(findings, fault.Finding{
				Severity: fault.SeverityWarning, Field: fmt.Sprintf("attachments.%d", i), File: a.Name, Code: "not_scanned",
				Message:     fmt.Sprintf("%s is not a SARIF 2.1.0 report, so nothing was read from it", a.Name),
				Remediation: "attach the report of a scanner as SARIF 2.1.0; security looks at the app otherwise",
			})
			continue
		}
		scanned = true
		findings = append(findings, results...)
	}
	if !scanned && len(c.Attachments) == 0 {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityWarning, Field: "attachments", Code: "nothing_to_scan",
			Message:     "there is nothing to scan but the address of the app",
			Remediation: "nothing needs to be done: somebody from security looks at it; a scanner's report (SARIF) saves them the time",
		})
	}
	return result(checkSecurity, findings)
}

// judge asks the policies, with the input that domain.md and docs/reference name.
func judge(ctx context.Context, a Assessed, results map[string]CheckResult, f Facts) (policy.Verdict, error) {
	app := appOf(a.Content)
	input := policy.Input{
		"request":      map[string]any{"kind": a.Content.Kind, "reason": a.Content.Reason, "removal_plan": a.Content.RemovalPlan, "plan": a.Plan},
		"fields":       a.Content.Fields,
		"app":          app,
		"environment":  governed(f.Environments),
		"requester":    map[string]any{"email": f.Requester.Email, "agent": f.Requester.Agent, "groups": groupsOf(f.Requester)},
		"dependencies": map[string]any{"downstream": []string{}, "upstream": []string{}},
		"data":         map[string]any{"datasets": []string{}, "classification": classification(a.Content)},
		"scan":         map[string]any{"findings": results[checkSecurity].Findings, "status": results[checkSecurity].Status},
		"bundle":       map[string]any{"files": []string{}, "egress": []string{}},
		"lifecycle":    f.Rules,
	}
	if a.Content.Fields == nil {
		input["fields"] = map[string]any{}
	}
	if f.Template != nil {
		input["template"] = f.Template
	}
	if f.Flag != nil {
		input["flag"] = f.Flag
	}
	verdict, err := f.Policies.Judge(ctx, input)
	if err != nil {
		return policy.Verdict{}, fmt.Errorf("judge by policy: %w", err)
	}
	return verdict, nil
}

// classification is what the publisher says of the data that the app shows; none unless said.
func classification(c Content) string {
	if s, ok := c.Fields["data_classification"].(string); ok && s != "" {
		return s
	}
	return "none"
}

func groupsOf(a access.Actor) []string {
	names := make([]string, 0, len(a.Groups))
	for _, m := range a.Groups {
		names = append(names, m.Group)
	}
	return names
}

// governed names the first governed environment, the one that approvals are about.
func governed(environments []registry.Environment) string {
	for _, e := range environments {
		if e.Governed {
			return e.Name
		}
	}
	return ""
}

func appOf(c Content) App {
	if c.App == nil {
		return App{}
	}
	return *c.App
}

func (a App) catalogApp() catalog.App {
	return catalog.App{
		Slug: a.Slug, Name: a.Name, Description: a.Description, Category: a.Category, Owner: a.Owner, Contact: a.Contact,
		Kind: catalog.Kind(a.Kind), URL: a.URL,
	}
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

// byCheck puts the checks in the order in which a person mends them: what was typed first, then who answers, then the rules.
func byCheck(a, b string) int {
	order := []string{checkSchema, checkAudit, checkPolicy, checkDependency, checkSecurity, checkData}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}
