package review

import (
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/template"
)

// unsaid is what policies see as the classification where nobody said anything: it is as risky as internal data.
const unsaid = "unsaid"

// audience is whom a new flag is for, as policies see it.
type audience struct {
	Name   string `json:"name"`
	Closed bool   `json:"closed"` // a closed list (registry.Segment.Closed)
	People int    `json:"people"` // known to be in it
}

// data is how sensitive the data is that the request is judged by: the most sensitive of what the app and a field of its template say,
// and of what the app said before. It is empty where nobody said anything, or where that was so before and the app shows no more.
func (seen checked) data() catalog.Classification {
	most := catalog.Most(seen.judged.Data.Classification, catalog.Classification(text(seen.fields[template.DataField])), seen.was)
	if seen.was == unsaid && most == catalog.NoData {
		return ""
	}
	return most
}

// fastLane reports whether product alone decides though nobody scanned the app: what can go wrong is little, and among people who are
// known.
func (seen checked) fastLane(risk Risk) bool {
	return risk == Low && seen.data() == catalog.NoData && seen.audience != nil && seen.audience.Closed
}

// checkDataAccess judges what is said of the data that an app shows.
func checkDataAccess(d catalog.Data) CheckResult {
	switch d.Classification {
	case catalog.NoData:
		return notNeeded(checkData)
	case catalog.Internal, catalog.Confidential:
		if orElse(d.Why, "") != "" {
			return result(checkData, nil)
		}
		return result(checkData, []fault.Finding{{
			Severity: fault.SeverityWarning, Field: "app.data.why", Code: "data_without_why", Message: "nobody says which data it is, and what for",
			Remediation: "say in a sentence which data the app shows, and why it needs it",
		}})
	}
	return result(checkData, []fault.Finding{{
		Severity: fault.SeverityWarning, Field: "app.data.classification", Code: "data_unsaid",
		Message:     "nobody says what data the app shows, so that it is treated as internal",
		Remediation: "choose none, internal or confidential",
	}})
}

// notNeeded is the result of a check that has nothing to look at.
func notNeeded(name string) CheckResult {
	return CheckResult{Name: name, Status: NotNeeded, Findings: []fault.Finding{}}
}

func dataWords(c catalog.Classification) string {
	switch c {
	case catalog.NoData:
		return "no company data"
	case catalog.Internal, catalog.Confidential:
		return string(c) + " data"
	}
	return "data of which nothing is said"
}
