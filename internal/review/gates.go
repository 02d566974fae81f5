package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/scan"
)

// checkAuditFields makes sure that somebody answers for the app and can be reached, and that it can be turned off.
func (s *making) checkAuditFields(app App, fields map[string]any, w World) []fault.Finding {
	findings := s.checkOwner(app, w)
	add := func(field, code, message, remediation string) {
		findings = append(findings, wrong(field, code, remediation, "%s", message))
	}
	owner, _ := fields["owner"].(string)
	switch {
	case strings.TrimSpace(owner) == "":
		add("fields.owner", "required", "nobody is named who answers for it", "name a person of the owning team, or the team itself")
	case w.Offline || owner == app.Owner && s.Owner != nil:
	case s.FieldOwner == nil:
		add("fields.owner", "unknown_person", fmt.Sprintf("nobody is known as %q", owner),
			fault.Meant(owner, append(slices.Clone(w.People), app.Owner), "name a person of the owning team, or the team itself"))
	case s.Owner != nil && !s.Owner.Has(s.FieldOwner.ID):
		add("fields.owner", "not_a_member", fmt.Sprintf("%s is not in the team %s", s.FieldOwner.Email, app.Owner),
			fault.Meant(owner, s.Owner.Members, "name a person of the owning team, or the team itself"))
	}
	if kill, ok := fields["kill_switch"].(bool); ok && !kill {
		finding := wrong("fields.kill_switch", "kill_switch_required", "turn the kill switch on",
			"an app without a way to turn it off cannot be published")
		finding.Patch = []fault.Patch{{Op: "replace", Path: "/fields/kill_switch", Value: true}}
		findings = append(findings, finding)
	}
	return findings
}

// checkOwner makes sure that a team owns the app, that the requester is in it, and that somebody can be reached.
func (s *making) checkOwner(app App, w World) []fault.Finding {
	var findings []fault.Finding
	add := func(field, code, message, remediation string) {
		findings = append(findings, wrong(field, code, remediation, "%s", message))
	}
	switch {
	case w.Offline:
	case app.Owner == "":
		add("app.owner", "required", "the app has no owner", "choose one of your teams")
	case s.Owner == nil:
		add("app.owner", "unknown_group", fmt.Sprintf("there is no team %q", app.Owner), fault.Meant(app.Owner, w.Groups, "choose one of your teams"))
	case access.Can(w.Requester, access.RequestMake, access.Scope{OwnerGroup: app.Owner}) != nil:
		add("app.owner", "not_a_member", fmt.Sprintf("you are not in the team %q", app.Owner),
			"choose one of your teams, or ask a member of "+app.Owner+" to publish the app")
	}
	if strings.TrimSpace(app.Contact) == "" {
		add("app.contact", "required", "nobody can be reached about the app", "give an e-mail address that is read")
	}
	return findings
}

// nothingToScan is the code of the finding that nobody has scanned an app whose word counts.
const nothingToScan = "nothing_to_scan"

// scanExternal judges what can be known of an external app without calling it: its URL, and the reports that its requester attached.
// These count against it and never for it: whoever asks for something may leave out of a report what they like. So it warns whatever
// is attached.
func scanExternal(url string, attachments []Attachment) CheckResult {
	if url == "" {
		return CheckResult{Name: checkSecurity, Status: Pending, Findings: []fault.Finding{}}
	}
	findings := catalog.CheckURL(url)
	for i, a := range attachments {
		findings = append(findings, attached(fmt.Sprintf("attachments.%d", i), a)...)
	}
	unscanned := fault.Finding{
		Severity: fault.SeverityWarning, Field: "attachments", Code: nothingToScan,
		Message:     "there is nothing to scan but the address of the app",
		Remediation: "nothing needs to be done: a service account may report a scan, and where it is needed somebody from security looks at it",
	}
	if len(attachments) > 0 {
		unscanned.Message = "nobody scanned the app but whoever asks for this, whose word is not enough"
	}
	return result(checkSecurity, append(findings, unscanned))
}

// attached reads what the requester attached as evidence.
func attached(field string, a Attachment) []fault.Finding {
	results, ok := scan.SARIF([]byte(a.Content))
	if !ok {
		return []fault.Finding{{
			Severity: fault.SeverityWarning, Field: field, File: a.Name, Code: "not_scanned", Source: fault.FromRequester,
			Message:     fmt.Sprintf("%s is not a SARIF 2.1.0 report, so nothing was read from it", a.Name),
			Remediation: "attach the report of a scanner as SARIF 2.1.0, or leave it out",
		}}
	}
	findings := []fault.Finding{{
		Severity: fault.SeverityInfo, Field: field, File: a.Name, Code: "evidence", Source: fault.FromRequester,
		Message: fmt.Sprintf("%s is a report of %d findings", a.Name, len(results)),
	}}
	for _, f := range results {
		f.Source = fault.FromRequester
		findings = append(findings, f)
	}
	return findings
}
