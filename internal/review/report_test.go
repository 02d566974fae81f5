package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// scanner is a service account with a token for checks that nobody of the company made.
func (o *office) scanner() access.Actor {
	o.Helper()
	directory := &access.Directory{DB: o.db, Now: o.desk.Now}
	if _, _, err := directory.PutPerson(o.Context(), access.System("test"), "scanner"+at, access.PersonSpec{Agent: true}, 0); err != nil {
		o.Fatal(err)
	}
	by := o.as("scanner")
	by.TokenScope, by.Credential = access.ScopeChecks, audit.Credential{Kind: access.CredentialToken, ID: "t-scanner"}
	return by
}

func (o *office) report(by access.Actor, r review.Request, name string, s review.ReportSpec) review.Request {
	o.Helper()
	out, err := o.desk.Report(o.Context(), by, r.ID, name, s)
	if err != nil {
		o.Fatal(err)
	}
	return out.Request
}

// externally makes the office's template ask for a check that Souk does not have.
func (o *office) externally() {
	o.Helper()
	library := &template.Library{DB: o.db, Now: o.desk.Now, Reported: func(context.Context, *store.Tx, time.Time) (bool, error) { return true, nil }}
	raw := strings.Replace(string(o.file("template.json")), `"security_scan"`, `"security_scan", "house_style"`, 1)
	if _, _, err := library.Put(o.Context(), access.System("test"), []byte(raw)); err != nil {
		o.Fatal(err)
	}
}

func needs(r review.Request) string {
	return quorum(review.Assessment{ApprovalsNeeded: r.ApprovalsNeeded})
}

var green = review.ReportSpec{Status: review.Passed, URL: "https://ci.hyfin.example/17"}

func TestAReportOfAServiceAccountTurnsTheScanGreenAndTakesSecurityOut(t *testing.T) {
	each(t, func(o *office) {
		by := o.scanner()
		r := o.submit(where2eat())
		if needs(r) != "product security" {
			o.Fatalf("unscanned it needs %s", needs(r))
		}
		r = o.report(by, r, "security_scan", review.ReportSpec{Status: review.Warned})
		if c := check(r.Checks, "security_scan"); c.Status != review.Warned || c.Reported == nil || needs(r) != "product security" {
			o.Errorf("reported with a warning: %+v, needs %s", c, needs(r))
		}
		r = o.report(by, r, "security_scan", green)
		c := check(r.Checks, "security_scan")
		if c.Status != review.Passed || c.Reported == nil || c.Reported.By != "scanner"+at || c.Reported.URL != green.URL || needs(r) != "product" {
			o.Errorf("reported green: %+v, needs %s", c, needs(r))
		}
		if r = o.approve("pat", r); r.State != review.Approved {
			o.Errorf("approved by product it is %s: %+v", r.State, r.ApprovalsNeeded)
		}
		_, err := o.desk.Report(o.Context(), by, r.ID, "security_scan", green)
		o.refused(err, fault.Conflict, "request_approved")
	})
}

// A report that takes the last missing approval away has the request carried out: by souk, on the approvals given.
func TestAReportCarriesOutWhatHasAllItsApprovals(t *testing.T) {
	each(t, func(o *office) {
		r := o.report(o.scanner(), o.approve("pat", o.submit(where2eat())), "security_scan", green)
		if r.State != review.Approved || r.RolloutID == "" {
			o.Fatalf("it is %s", r.State)
		}
		at := slices.IndexFunc(r.Timeline, func(e review.TimelineEntry) bool { return e.Event == audit.RequestApproved })
		if r.Timeline[at].By != "souk:review" {
			o.Errorf("carried out by %s", r.Timeline[at].By)
		}
	})
}

func TestWhatTheRequesterAttachedCountsBesideAGreenReport(t *testing.T) {
	each(t, func(o *office) {
		asked := where2eat()
		asked.Attachments = []review.Attachment{{Name: "a.sarif", Content: `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},
			"results":[{"ruleId":"CVE-1","level":"error","message":{"text":"bad"}}]}]}`}}
		r := o.report(o.scanner(), o.submit(asked), "security_scan", green)
		if c := check(r.Checks, "security_scan"); c.Status != review.Failed || r.State != review.NeedsFixes {
			o.Errorf("it is %s, the scan %+v", r.State, c)
		}
	})
}

func TestReportsThatDoNotCountAreRefused(t *testing.T) {
	past := start.Add(-time.Minute)
	of := func(change func(o *office, by *access.Actor)) func(*office, *access.Actor) { return change }
	nobody := of(func(*office, *access.Actor) {})
	attempts := []struct {
		what string
		by   func(o *office, by *access.Actor) // changes the service account
		name string
		spec review.ReportSpec
		kind fault.Kind
		code string
	}{
		{"by a person", func(o *office, by *access.Actor) { *by = o.as("bob"); by.TokenScope = access.ScopeChecks }, "security_scan", green, fault.Forbidden, "forbidden"},
		{"by a token for all", func(_ *office, by *access.Actor) { by.TokenScope = access.ScopeAll }, "security_scan", green, fault.Forbidden, "forbidden"},
		{"by a token for requests", func(_ *office, by *access.Actor) { by.TokenScope = access.ScopeRequests }, "security_scan", green, fault.Forbidden, "token_scope"},
		{"by the requester", func(o *office, by *access.Actor) { by.PersonID, by.Email = o.as("alice").PersonID, "alice"+at }, "security_scan", green, fault.Forbidden, "own_request"},
		{"by an editor", func(o *office, by *access.Actor) { by.PersonID, by.Email = o.as("bob").PersonID, "bob"+at }, "security_scan", green, fault.Forbidden, "own_request"},
		{"by a token of the requester's making", func(o *office, by *access.Actor) { by.Makers = access.PersonIDs{o.as("alice").PersonID} }, "security_scan", green, fault.Forbidden, "own_request"},
		{"by a token of an editor's making", func(o *office, by *access.Actor) { by.Makers = access.PersonIDs{o.as("bob").PersonID} }, "security_scan", green, fault.Forbidden, "own_request"},
		{"by a token of whoever made the editor's", func(o *office, by *access.Actor) { by.Makers = access.PersonIDs{o.as("root").PersonID} }, "security_scan", green, fault.Forbidden, "own_request"},
		{"of what was edited since", nobody, "security_scan", review.ReportSpec{Status: review.Passed, Digest: "sha256:0"}, fault.Conflict, "digest_stale"},
		{"of a check of Souk's own", nobody, "data_access", green, fault.Conflict, "own_check"},
		{"of a check that there is not", nobody, "securty_scan", green, fault.NotFound, "no_such_check"},
		{"as not needed", nobody, "security_scan", review.ReportSpec{Status: review.NotNeeded}, fault.Invalid, "unknown_status"},
		{"that is over", nobody, "security_scan", review.ReportSpec{Status: review.Passed, ExpiresAt: &past}, fault.Invalid, "expired"},
		{"with a script for an address", nobody, "security_scan", review.ReportSpec{Status: review.Passed, URL: "javascript:alert(1)"}, fault.Invalid, "bad_url"},
		{"with no SARIF", nobody, "security_scan", review.ReportSpec{Status: review.Passed, SARIF: []byte("{}")}, fault.Invalid, "bad_sarif"},
		{"with too much", nobody, "security_scan", review.ReportSpec{Status: review.Warned, Findings: make([]fault.Finding, 101)}, fault.Invalid, "too_many"},
		{"with what reads as another", nobody, "security_scan", review.ReportSpec{Status: review.Warned, Findings: []fault.Finding{{Message: "a\u202eb"}}}, fault.Invalid, "invalid_text"},
	}
	if len(attempts) != 17 {
		t.Errorf("%d attempts", len(attempts))
	}
	each(t, func(o *office) {
		scanner, bob := o.scanner(), o.as("bob")
		bob.Makers = access.PersonIDs{o.as("root").PersonID}
		r := o.submit(where2eat())
		out, err := o.desk.Edit(o.Context(), bob, r.ID, r.Revision, json.RawMessage(`{"fields": {"ttl_days": 20}}`))
		if err != nil {
			o.Fatal(err)
		}
		for _, a := range attempts {
			by := scanner
			a.by(o, &by)
			_, err := o.desk.Report(o.Context(), by, r.ID, a.name, a.spec)
			if e, ok := err.(*fault.Error); !ok || e.Kind != a.kind || e.Code != a.code || e.Remediation == "" { //nolint:errorlint // the verbs return the fault itself
				o.Errorf("%s: %v", a.what, err)
			}
		}
		after, err := o.desk.Get(o.Context(), o.as("alice"), r.ID)
		if err != nil || after.Revision != out.Request.Revision {
			o.Errorf("a refused report changed the request: %d, %v", after.Revision, err)
		}
	})
}

func TestAReportIsOfExactContent(t *testing.T) {
	each(t, func(o *office) {
		by := o.scanner()
		r := o.report(by, o.submit(where2eat()), "security_scan", green)
		edited := o.edit("alice", r, `{"fields": {"ttl_days": 20}}`)
		if check(edited.Checks, "security_scan").Status != review.Warned || needs(edited) != "product security" {
			o.Errorf("edited, it needs %s: %+v", needs(edited), edited.Checks)
		}
		back := o.edit("alice", edited, `{"fields": {"ttl_days": 30}}`)
		if back.Digest != r.Digest || check(back.Checks, "security_scan").Status != review.Passed || needs(back) != "product" {
			o.Errorf("edited back, it needs %s: %+v", needs(back), back.Checks)
		}
		// Whoever made the token edits away and back: from then on the report is their own word.
		by.Makers = access.PersonIDs{o.as("bob").PersonID}
		lent := o.report(by, back, "security_scan", green)
		lent = o.edit("bob", o.edit("bob", lent, `{"fields": {"ttl_days": 20}}`), `{"fields": {"ttl_days": 30}}`)
		if lent.Digest != r.Digest || check(lent.Checks, "security_scan").Status != review.Warned {
			o.Errorf("reported by a token of an editor's making: %+v", lent.Checks)
		}
	})
}

// An edit that comes while the report is judged is not what was looked at.
func TestAReportIsNotTakenForWhatIsEditedMeanwhile(t *testing.T) {
	each(t, func(o *office) {
		by := o.scanner()
		r := o.submit(where2eat())
		o.whenJudging(func(n int) {
			if n == 1 {
				o.policies.Turn = nil
				o.edit("alice", r, `{"app": {"url": "https://elsewhere.hyfin.example"}}`)
			}
		})
		_, err := o.desk.Report(o.Context(), by, r.ID, "security_scan", green)
		o.refused(err, fault.Conflict, "digest_stale")
		now, err := o.desk.Get(o.Context(), o.as("alice"), r.ID)
		if err != nil || check(now.Checks, "security_scan").Status != review.Warned {
			o.Errorf("%+v, %v", now.Checks, err)
		}
	})
}

func TestARequestIsCheckedUntilWhatSoukDoesNotHaveIsReported(t *testing.T) {
	each(t, func(o *office) {
		o.externally()
		by := o.scanner()
		r := o.submit(where2eat())
		if c := check(r.Checks, "house_style"); r.State != review.Checking || c.Status != review.Pending || r.Flag == nil {
			o.Fatalf("it is %s: %+v", r.State, c)
		}
		_, err := o.desk.Approve(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Conflict, "checking")
		r = o.report(by, r, "house_style", review.ReportSpec{Status: review.Failed, Findings: []fault.Finding{
			{Severity: fault.SeverityError, Code: "tabs", Message: "tabs are not ours", Patch: []fault.Patch{{Op: "remove", Path: "/app"}}},
		}})
		if c := check(r.Checks, "house_style"); r.State != review.NeedsFixes || len(c.Findings) != 1 || c.Findings[0].Source != "scanner"+at || c.Findings[0].Patch != nil {
			o.Errorf("it is %s: %+v", r.State, c)
		}
		o.strict("package marketplace.company\nwarn contains \"too long\" if input.fields.ttl_days > 300") // other rules keep what failed, except a report
		until := o.now.Add(time.Hour)
		r = o.report(by, r, "house_style", review.ReportSpec{Status: review.Passed, ExpiresAt: &until})
		if c := check(r.Checks, "house_style"); r.State != review.NeedsApproval || c.Status != review.Passed || len(c.Findings) != 0 {
			o.Errorf("it is %s: %+v", r.State, c)
		}
		r = o.approve("pat", r)

		o.now = until.Add(-time.Second)
		if r = o.settled(r.ID); r.State != review.NeedsApproval {
			o.Errorf("before it expires it is %s", r.State)
		}
		o.now = until
		if r = o.settled(r.ID); r.State != review.Checking || check(r.Checks, "house_style").Status != review.Pending {
			o.Errorf("once it has expired it is %s: %+v", r.State, r.Checks)
		}
		r = o.report(by, r, "house_style", green)
		if r = o.approve("sam", r); r.State != review.Approved {
			o.Errorf("reported anew, and approved, it is %s", r.State)
		}
	})
}

// A service account that is no more proves nothing.
func TestAReportOfWhoeverIsNoServiceAccountAnyMoreCountsNot(t *testing.T) {
	each(t, func(o *office) {
		r := o.report(o.scanner(), o.submit(where2eat()), "security_scan", green)
		directory := &access.Directory{DB: o.db, Now: o.desk.Now}
		if _, _, err := directory.PutPerson(o.Context(), access.System("test"), "scanner"+at, access.PersonSpec{}, 0); err != nil {
			o.Fatal(err)
		}
		if r = o.approve("pat", r); r.State != review.NeedsApproval || needs(r) != "product security" {
			o.Errorf("it is %s, and needs %s", r.State, needs(r))
		}
	})
}
