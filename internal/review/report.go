package review

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/scan"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// ReportSpec is what a service account says of a check of a request.
type ReportSpec struct {
	Digest    string // of the content that was looked at; empty: as it is now
	Status    Status // passed, warned or failed
	Findings  []fault.Finding
	SARIF     []byte // a report of a scanner, whose findings are added; may be empty
	URL       string // where a person can read more; may be empty
	ExpiresAt *time.Time
}

// Reported is who reported a check, and what.
type Reported struct {
	By        string          `json:"by" doc:"E-mail address at that time of the service account"`
	ByID      access.PersonID `json:"by_id" doc:"Id of the service account"`
	At        time.Time       `json:"at"`
	Status    Status          `json:"status" enum:"passed,warned,failed"`
	URL       string          `json:"url,omitempty" doc:"Where a person can read more"`
	ExpiresAt *time.Time      `json:"expires_at,omitempty" doc:"From when on it counts no longer"`
}

// report is what is known of a check by the word of a service account.
type report struct {
	Reported
	Name     string
	Digest   string
	Findings []fault.Finding
	Makers   access.PersonIDs // of the token that it was reported with
}

// maxReported bounds the findings that a report gives itself; those of a SARIF document have a bound of their own.
const maxReported = 100

// waitsForReport is the code of the finding that nobody has reported a check yet.
const waitsForReport = "waits_for_report"

// reportable reports whether service accounts may say how the check went: those that Souk cannot run, and the scan, of which it looks at
// the address alone.
func reportable(name string) bool {
	return name == checkSecurity || !slices.Contains(template.Checks, name)
}

// unreported is the result of a check that Souk does not have, until a service account reports it.
func unreported(name string) CheckResult {
	return CheckResult{Name: name, Status: Pending, Findings: []fault.Finding{{
		Severity: fault.SeverityInfo, Code: waitsForReport, Message: "nobody has reported how this check went yet",
		Remediation: "wait for it; whoever runs it reports it with a token of scope checks",
	}}}
}

// join is the result of a check by what Souk found itself, what the requester attached, and the report: the worst of all. That nobody
// scanned the app, or reported the check, is no longer so.
func (r report) join(own CheckResult) CheckResult {
	findings := slices.DeleteFunc(slices.Clone(own.Findings), func(f fault.Finding) bool {
		return f.Source == "" && (f.Code == nothingToScan || f.Code == waitsForReport)
	})
	joined := result(own.Name, append(findings, r.Findings...))
	if own.Status == Pending && slices.Contains(template.Checks, own.Name) {
		joined.Status = Pending // there is nothing yet that could have been scanned
	}
	joined.Reported = &r.Reported
	return joined
}

// report makes the report that the actor gives, or says what is wrong with it.
func (s ReportSpec) report(by access.Actor, name string, now time.Time) (report, error) {
	r := report{Name: name, Digest: s.Digest, Findings: slices.Clone(s.Findings), Makers: by.Makers, Reported: Reported{
		By: by.Email, ByID: by.PersonID, At: store.Time(store.Micros(now)), Status: s.Status, URL: s.URL, ExpiresAt: s.ExpiresAt,
	}}
	if !slices.Contains([]Status{Passed, Warned, Failed}, s.Status) {
		return r, fault.New(fault.Invalid, "unknown_status", "a check is not reported as %q", fault.Clip(string(s.Status), 80)).At("status").
			Fix("report passed, warned or failed")
	}
	if s.ExpiresAt != nil && !s.ExpiresAt.After(now) {
		return r, fault.New(fault.Invalid, "expired", "the report would no longer count").At("expires_at").Fix("give a time to come, or none")
	}
	if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s.URL) > 2_000) {
		return r, fault.New(fault.Invalid, "bad_url", "the URL is no web address that people can open").At("url").
			Fix("give one that begins with https://, or none")
	}
	if err := store.CheckText("url", s.URL); err != nil {
		return r, err
	}
	if len(s.Findings) > maxReported {
		return r, fault.New(fault.Invalid, "too_many", "there are %d findings, at most %d may be", len(s.Findings), maxReported).At("findings").
			Fix("give the worst of them")
	}
	if len(s.SARIF) > 0 {
		results, ok := scan.SARIF(s.SARIF)
		if !ok {
			return r, fault.New(fault.Invalid, "bad_sarif", "this is not a SARIF 2.1.0 document").At("sarif").Fix("send one, or the findings alone")
		}
		r.Findings = append(r.Findings, results...)
	}
	for i, f := range r.Findings {
		for _, text := range []string{f.Field, f.File, f.Code, f.Message, f.Remediation} {
			if err := store.CheckText(fmt.Sprintf("findings.%d", i), text); err != nil {
				return r, err
			}
		}
		// What mends a request is for its requester to say, not for a tool.
		r.Findings[i].Source, r.Findings[i].Patch = by.Email, nil
	}
	if worst := result(name, slices.Clone(r.Findings)).Status; worst != s.Status && worst != Failed && s.Status != Passed {
		severity := map[Status]fault.Severity{Warned: fault.SeverityWarning, Failed: fault.SeverityError}[s.Status]
		r.Findings = append(r.Findings, fault.Finding{
			Severity: severity, Code: "reported_" + string(s.Status), Source: by.Email,
			Message: "it was reported as " + string(s.Status), Remediation: "look at its report, or ask " + by.Email,
		})
	}
	return r, nil
}

// Report takes what a service account says of a check of the request, in the place of what was last said of the same content. It is
// refused from whoever may have written the request. A request that has all it needs by that is carried out, by souk, on the approvals
// given.
func (d *Desk) Report(ctx context.Context, by access.Actor, id, name string, s ReportSpec) (Outcome, error) {
	if err := access.Can(by, access.CheckReport, access.Scope{}); err != nil {
		return Outcome{}, err
	}
	said, err := s.report(by, name, d.Now())
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err = d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		out = Outcome{}
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if said.Digest == "" { // what is edited from now on was not looked at
			said.Digest = r.digest
		}
		if err := r.mayReport(by, name, said.Digest); err != nil {
			return err
		}
		if out.Revealed, err = d.settleBy(ctx, tx, h, &r, by, said); err != nil {
			return err
		}
		out.Request, err = d.view(ctx, tx, by, r)
		return err
	})
	return out, err
}

// mayReport refuses a report by whoever may have written the request, of content that was edited since, and of what the request is not
// checked for.
func (r record) mayReport(by access.Actor, name, digest string) error {
	if err := r.open("checked"); err != nil {
		return err
	}
	if by.Users().Meet(r.writers()) {
		return fault.New(fault.Forbidden, "own_request", "whoever asked for this or edited it may be behind your token, so that your word is not enough").
			Fix("have it checked by a service account whose token neither the requester nor an editor made")
	}
	if digest != r.digest {
		return digestStale(r)
	}
	var names []string
	for _, c := range r.assessment.Checks {
		if reportable(c.Name) {
			names = append(names, c.Name)
		}
	}
	if slices.Contains(names, name) {
		return nil
	}
	if slices.Contains(template.Checks, name) && !reportable(name) {
		return fault.New(fault.Conflict, "own_check", "Souk runs the check %s by itself", name).Fix("report one of: %s", strings.Join(names, ", "))
	}
	return fault.New(fault.NotFound, "no_such_check", "the request has no check %q that is reported", fault.Clip(name, 80)).
		Fix("%s", fault.Meant(name, names, "report one of: "+orElse(strings.Join(names, ", "), "none")))
}

// writers are the people who wrote the request, and who made the credentials by which they did.
func (r record) writers() (all access.PersonIDs) {
	for _, author := range r.wrote(nil) {
		if author.ID != "" {
			all = all.With(access.PersonIDs{author.ID})
		}
	}
	return all
}

// settleBy is a step: it keeps a report and settles the request by it. Where what counted for the request so far is what it would be judged
// by now, fewer approvals may be needed by the report; else the stricter ones stay, as always.
func (d *Desk) settleBy(ctx context.Context, tx *store.Tx, h *hearing, r *record, by access.Actor, said report) (map[string]int64, error) {
	f, err := d.held(ctx, tx, r, by)
	if err != nil {
		return nil, err
	}
	without, err := h.judge(question{content: r.content, facts: f})
	if err != nil {
		return nil, err
	}
	f.Reports = append(slices.DeleteFunc(slices.Clone(f.Reports), func(old report) bool { return old.Name == said.Name }), said)
	with, err := h.judge(question{content: r.content, facts: f})
	if err != nil {
		return nil, err
	}
	if err := r.inFlight(without.Assessed, f); err != nil {
		return nil, err
	}
	lessens := !r.stricter
	if err := r.inFlight(with.Assessed, f); err != nil {
		return nil, err
	}
	if lessens {
		r.quorum, r.stricter = with.Quorum, false
	}
	if _, err := d.settle(ctx, tx, r, f.World); err != nil {
		return nil, err
	}
	if r.state == Approved && (r.expired(f.Now) || refused(r.timely(f))) {
		r.state = NeedsApproval
	}
	if err := r.keepReport(ctx, tx, said); err != nil {
		return nil, err
	}
	e := by.Event(audit.RequestCheckReported, d.Now())
	e.Details = map[string]any{"check": said.Name, "status": said.Status, "digest": said.Digest, "findings": len(said.Findings), "url": said.URL}
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return nil, err
	}
	m := move{desk: d, tx: tx, by: access.System("review"), at: d.Now(), w: f.World, r: r}
	var revealed map[string]int64
	if r.state == Approved {
		if revealed, err = m.carryOut(ctx, f.subject, with.Assessed); err != nil {
			return nil, err
		}
	} else if err := m.recordExceptions(ctx, with.uses); err != nil {
		return nil, err
	}
	return revealed, r.save(ctx, tx, d.Now())
}

// keepReport writes a report down, and has the request settled anew once it expires.
func (r record) keepReport(ctx context.Context, tx *store.Tx, said report) error {
	findings, err := json.Marshal(said.Findings)
	if err != nil {
		return fmt.Errorf("encode findings: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO check_report (request_id, name, digest, status, findings, url, person, person_id, makers, at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (request_id, name, digest) DO UPDATE SET status = excluded.status, findings = excluded.findings, url = excluded.url,
			person = excluded.person, person_id = excluded.person_id, makers = excluded.makers, at = excluded.at, expires_at = excluded.expires_at`,
		r.id, said.Name, said.Digest, said.Status, string(findings), said.URL, said.By, said.ByID, said.Makers, store.Micros(said.At),
		store.NullMicros(said.ExpiresAt)); err != nil {
		return fmt.Errorf("keep report: %w", err)
	}
	if said.ExpiresAt == nil {
		return nil
	}
	return markAt(ctx, tx, r.id, *said.ExpiresAt)
}

// reports are what counts of what was reported of the content, as the facts have it: what has not expired, of service accounts that
// still are, and by nobody who may have written the request since.
func (r record) reports(ctx context.Context, tx *store.Tx, s subject, now time.Time) ([]report, error) {
	if t := s.about().Template; t != nil {
		r.templateID, r.templateVersion = t.TemplateID, t.Version
	}
	digest, err := r.digestNow(s)
	if err != nil {
		return nil, err
	}
	all, err := store.List(ctx, tx, scanReport, `SELECT c.name, c.digest, c.status, c.findings, c.url, c.person, c.person_id, c.makers, c.at, c.expires_at
		FROM check_report c JOIN person p ON p.id = c.person_id
		WHERE c.request_id = $1 AND c.digest = $2 AND p.agent AND p.active AND (c.expires_at IS NULL OR c.expires_at > $3) ORDER BY c.name`,
		r.id, digest, store.Micros(now))
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	writers := r.writers()
	return slices.DeleteFunc(all, func(one report) bool { return append(access.PersonIDs{one.ByID}, one.Makers...).Meet(writers) }), nil
}

func scanReport(row store.Row) (r report, err error) {
	var findings string
	var at int64
	var expires sql.NullInt64
	if err := row.Scan(&r.Name, &r.Digest, &r.Status, &findings, &r.URL, &r.By, &r.ByID, &r.Makers, &at, &expires); err != nil {
		return report{}, err
	}
	r.At, r.ExpiresAt = store.Time(at), store.NullTime(expires)
	return r, json.Unmarshal([]byte(findings), &r.Findings)
}
