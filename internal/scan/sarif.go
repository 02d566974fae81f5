// Package scan reads what security scanners found.
package scan

import (
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/fault"
)

// maxFindings bounds what one report adds to a request; a person reads them.
const maxFindings = 100

// sarif is as much of SARIF 2.1.0 (OASIS) as findings are made of.
type sarif struct {
	Version string `json:"version"`
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name string `json:"name"`
			} `json:"driver"`
		} `json:"tool"`
		Results []struct {
			RuleID  string `json:"ruleId"`
			Level   string `json:"level"`
			Message struct {
				Text string `json:"text"`
			} `json:"message"`
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct {
						URI string `json:"uri"`
					} `json:"artifactLocation"`
					Region struct {
						StartLine int `json:"startLine"`
					} `json:"region"`
				} `json:"physicalLocation"`
			} `json:"locations"`
		} `json:"results"`
	} `json:"runs"`
}

// SARIF gives the findings of a SARIF 2.1.0 report; ok is false if content is not one. The level "error" is an error,
// "warning" (which SARIF says is the default) a warning, "note" information, and "none" is left out. A report with more
// than 100 results ends in a finding that says how many were left out.
func SARIF(content []byte) (findings []fault.Finding, ok bool) {
	var report sarif
	if json.Unmarshal(content, &report) != nil || report.Version != "2.1.0" || report.Runs == nil {
		return nil, false
	}
	left := 0
	for _, run := range report.Runs {
		for _, result := range run.Results {
			severity, known := map[string]fault.Severity{
				"": fault.SeverityWarning, "warning": fault.SeverityWarning, "error": fault.SeverityError, "note": fault.SeverityInfo,
			}[result.Level]
			if !known {
				continue
			}
			if len(findings) == maxFindings {
				left++
				continue
			}
			f := fault.Finding{
				Severity: severity, Code: "scanner", Message: fmt.Sprintf("%s found: %s", run.Tool.Driver.Name, result.Message.Text),
				Remediation: "fix it in the app, then have it scanned again",
			}
			if result.RuleID != "" {
				f.Code = result.RuleID
			}
			if len(result.Locations) > 0 {
				place := result.Locations[0].PhysicalLocation
				f.File = place.ArtifactLocation.URI
				if place.Region.StartLine > 0 {
					f.File = fmt.Sprintf("%s:%d", f.File, place.Region.StartLine)
				}
			}
			findings = append(findings, f)
		}
	}
	if left > 0 {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityWarning, Code: "more_results",
			Message: fmt.Sprintf("%d more results of the report are not shown", left), Remediation: "fix the ones above first",
		})
	}
	return findings, true
}
