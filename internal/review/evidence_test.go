package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// usualApprovals takes the office's own policy of approvals away, so that the standard one counts.
func (o *office) usualApprovals() {
	o.Helper()
	p, err := o.policies.Get(o.Context(), access.System("test"), "marketplace.approvals")
	if err != nil {
		o.Fatal(err)
	}
	if err := o.policies.Delete(o.Context(), access.System("test"), p.Name, p.Revision); err != nil {
		o.Fatal(err)
	}
}

// quorum is what a request needs, such as "product security".
func quorum(r review.Assessment) string {
	var domains []string
	for _, need := range r.ApprovalsNeeded {
		domains = append(domains, string(need.Domain))
	}
	return strings.Join(domains, " ")
}

func (o *office) checked(c review.Content) review.Assessment {
	o.Helper()
	a, err := o.desk.Check(o.Context(), o.as("alice"), c, "")
	if err != nil {
		o.Fatal(err)
	}
	return a
}

func (o *office) app(slug string) (app catalog.App) {
	o.Helper()
	if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		app, _, err = catalog.Load(ctx, tx, slug)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return app
}

func check(checks []review.CheckResult, name string) review.CheckResult {
	if i := slices.IndexFunc(checks, func(c review.CheckResult) bool { return c.Name == name }); i >= 0 {
		return checks[i]
	}
	return review.CheckResult{}
}

func TestWhatARequesterAttachesNeverTurnsACheckGreen(t *testing.T) {
	const sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"grype"}},"results":[RESULTS]}]}`
	report := func(results string) string { return strings.Replace(sarif, "RESULTS", results, 1) }
	each(t, func(o *office) {
		for name, c := range map[string]struct {
			attached []string
			want     review.Status
			code     string // of a finding from the requester
		}{
			"nothing":                     {nil, review.Warned, ""},
			"an empty report":             {[]string{report("")}, review.Warned, "evidence"},
			"two empty reports":           {[]string{report(""), report("")}, review.Warned, "evidence"},
			"a note":                      {[]string{report(`{"ruleId":"N-1","level":"note","message":{"text":"fyi"}}`)}, review.Warned, "N-1"},
			"a vulnerability":             {[]string{report(`{"ruleId":"CVE-1","level":"error","message":{"text":"bad"}}`)}, review.Failed, "CVE-1"},
			"no report":                   {[]string{"fine"}, review.Warned, "not_scanned"},
			"a vulnerability and a clean": {[]string{report(`{"ruleId":"CVE-1","level":"error","message":{"text":"bad"}}`), report("")}, review.Failed, "CVE-1"},
		} {
			asked := where2eat()
			for _, content := range c.attached {
				asked.Attachments = append(asked.Attachments, review.Attachment{Name: "scan.sarif", Content: content})
			}
			a := o.checked(asked)
			scanned := check(a.Checks, "security_scan")
			said := func(f fault.Finding) bool { return f.Code == c.code && f.Source == fault.FromRequester }
			if scanned.Status != c.want || c.code != "" && !slices.ContainsFunc(scanned.Findings, said) {
				o.Errorf("%s: security_scan %s: %+v", name, scanned.Status, scanned.Findings)
			}
			if !strings.Contains(quorum(a), "security") {
				o.Errorf("%s: security need not look: %s", name, quorum(a))
			}
		}
	})
}

func TestWhatIsSmallIsDecidedByProductAlone(t *testing.T) {
	none := func(c *review.Content) {}
	each(t, func(o *office) {
		o.usualApprovals()
		for name, c := range map[string]struct {
			change func(c *review.Content)
			needs  string
		}{
			"no data, for a closed list":       {none, "product"},
			"with an empty report":             {func(c *review.Content) { c.Attachments = []review.Attachment{{Name: "a", Content: "x"}} }, "product"},
			"for everybody":                    {func(c *review.Content) { c.Fields["audiences"] = "internal" }, "product security"},
			"internal data":                    {func(c *review.Content) { c.App.Data = catalog.Data{Classification: catalog.Internal, Why: "x"} }, "product security platform"},
			"nothing said of data":             {func(c *review.Content) { c.App.Data = catalog.Data{} }, "product security platform"},
			"on for people outside it":         {func(c *review.Content) { c.Fields["default"] = true }, "product security platform"},
			"confidential, however it is said": {func(c *review.Content) { c.App.Data.Classification = catalog.Confidential }, "product security platform"},
		} {
			asked := where2eat()
			c.change(&asked)
			if got := quorum(o.checked(asked)); got != c.needs {
				o.Errorf("%s needs %s, want %s", name, got, c.needs)
			}
		}

		directory := &access.Directory{DB: o.db, Now: o.desk.Now}
		if _, _, err := directory.PutPerson(o.Context(), access.System("test"), "dora"+at, access.PersonSpec{}, 0); err != nil {
			o.Fatal(err)
		}
		if _, _, err := directory.PutGroup(o.Context(), access.System("test"), "delegates", access.GroupSpec{
			Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}, Delegated: true, Members: []string{"dora" + at},
		}, 0); err != nil {
			o.Fatal(err)
		}
		if r := o.approve("dora", o.submit(where2eat())); r.State != review.Approved {
			o.Errorf("approved by a delegated approver it is %s: %+v", r.State, r.ApprovalsNeeded)
		}
	})
}

func TestDataAccessSaysWhatNobodySaid(t *testing.T) {
	each(t, func(o *office) {
		library := &template.Library{DB: o.db, Now: o.desk.Now}
		asks := strings.NewReplacer(`"templateId": "microapp-basic-toggle-v1"`, `"templateId": "asks-v1"`,
			`"name": {`, `"data_classification": {"type": "enum", "values": ["none", "internal", "confidential"]}, "name": {`,
		).Replace(string(o.file("template.json")))
		if _, _, err := library.Put(o.Context(), access.System("test"), []byte(asks)); err != nil {
			o.Fatal(err)
		}
		for name, c := range map[string]struct {
			data   catalog.Data
			field  string // of the template; empty: it has none
			status review.Status
			risk   review.Risk
		}{
			"nothing":                          {catalog.Data{}, "", review.Warned, review.Medium},
			"none":                             {catalog.Data{Classification: "none"}, "", review.NotNeeded, review.Low},
			"internal and why":                 {catalog.Data{Classification: "internal", Why: "menus"}, "", review.Passed, review.Medium},
			"internal without why":             {catalog.Data{Classification: "internal"}, "", review.Warned, review.Medium},
			"confidential and why":             {catalog.Data{Classification: "confidential", Why: "salaries"}, "", review.Passed, review.High},
			"no classification":                {catalog.Data{Classification: "public"}, "", review.Warned, review.Medium},
			"the template's none":              {catalog.Data{}, "none", review.NotNeeded, review.Low},
			"the template's confidential":      {catalog.Data{}, "confidential", review.Warned, review.High},
			"none and the template's internal": {catalog.Data{Classification: "none"}, "internal", review.Warned, review.Medium},
			"confidential and its none":        {catalog.Data{Classification: "confidential", Why: "x"}, "none", review.Passed, review.High},
		} {
			asked := where2eat()
			asked.App.Data = c.data
			if c.field != "" {
				asked.TemplateID, asked.Fields["data_classification"] = "asks-v1", c.field
			}
			a := o.checked(asked)
			if got := check(a.Checks, "data_access"); got.Status != c.status || a.Risk != c.risk {
				o.Errorf("%s: data_access %s %+v, risk %s, want %s and %s", name, got.Status, got.Findings, a.Risk, c.status, c.risk)
			}
		}
		if got := check(o.checked(where2eat()).Checks, "dependency_check"); got.Status != review.NotNeeded {
			o.Errorf("without edges dependency_check is %s", got.Status)
		}
	})
}

// What an app says of its data counts for what is asked of it later, and saying less is as risky as what it said before.
func TestWhatAnAppSaysOfItsDataCountsLater(t *testing.T) {
	each(t, func(o *office) {
		asked := where2eat()
		asked.App.Data = catalog.Data{Classification: catalog.Confidential, Why: "who eats what"}
		r := o.submit(asked)
		for _, name := range []string{"pat", "sam", "petra"} {
			r = o.approve(name, r)
		}
		if r.State != review.Approved {
			o.Fatalf("%s: %+v", r.State, r.ApprovalsNeeded)
		}
		more := review.Content{
			Kind: review.CreateFlag, TemplateID: "microapp-basic-toggle-v1", App: &review.App{Slug: "where2eat"},
			Fields: map[string]any{"name": "Map", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 20.0},
		}
		if a := o.checked(more); a.Risk != review.High {
			o.Errorf("another switch of the app is of risk %s", a.Risk)
		}
		change := func(d catalog.Data) review.Content {
			return review.Content{Kind: review.ChangeApp, App: &review.App{Slug: "where2eat", Data: d}, BaseRevision: o.app("where2eat").Revision}
		}
		less := o.checked(change(catalog.Data{Classification: catalog.NoData}))
		if less.Risk != review.High || check(less.Checks, "data_access").Status != review.NotNeeded {
			o.Errorf("saying less is of risk %s: %+v", less.Risk, less.Checks)
		}
		if a := o.checked(change(catalog.Data{Why: "who ate what"})); a.Risk != review.Low || len(a.Diff) != 1 || a.Diff[0].Path != "app.data.why" {
			o.Errorf("other words for the same are of risk %s: %+v", a.Risk, a.Diff)
		}
		r = o.submit(change(catalog.Data{Classification: catalog.NoData}))
		for _, name := range []string{"pat", "sam", "petra"} {
			r = o.approve(name, r)
		}
		if now := o.app("where2eat").Data; r.State != review.Approved || now.Classification != catalog.NoData {
			o.Errorf("%s, the app says %+v", r.State, now)
		}
		if a := o.checked(more); a.Risk != review.Low {
			o.Errorf("after that another switch is of risk %s: %v", a.Risk, a.RiskReasons)
		}
	})
}

func TestAnEditOfTheDataVoidsApprovals(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("pat", o.submit(where2eat()))
		out, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision, json.RawMessage(`{"app": {"data": {"classification": "internal", "why": "menus"}}}`))
		if err != nil || out.Request.Digest == r.Digest || out.Request.Decisions[0].Void != review.VoidEdited || out.Request.Risk != review.Medium {
			o.Errorf("%+v, %v", out.Request.Decisions, err)
		}
	})
}
