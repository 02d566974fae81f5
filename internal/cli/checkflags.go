package cli

import (
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
)

// checkFlags checks a document of flagd's flag definitions: a flag that cannot be evaluated is an error, a rule that flagd's
// engines may compute differently a warning.
func checkFlags(raw []byte) []fault.Finding {
	set, err := flag.Parse(raw)
	if err != nil {
		return []fault.Finding{{
			Severity: fault.SeverityError, Field: "flags", Code: "bad_flags", Message: err.Error(),
			Remediation: "see https://flagd.dev/reference/flag-definitions/",
		}}
	}
	var findings []fault.Finding
	_, problems := set.Compile()
	for _, p := range problems {
		f := fault.Finding{
			Severity: fault.SeverityError, Field: "metadata", Code: "bad_flag", Message: p.Message, Remediation: p.Remediation,
		}
		if p.Flag != "" {
			f.Field = "flags." + p.Flag
		}
		switch {
		case p.LeftOut:
			f.Code = "not_synced"
		case p.Code == "": // the flag works without what is wrong
			f.Severity, f.Code = fault.SeverityWarning, "bad_metadata"
		}
		findings = append(findings, f)
	}
	for _, d := range set.Doubts() {
		f := fault.Finding{
			Severity: fault.SeverityWarning, Field: "flags." + d.Flag, Code: "engines_differ",
			Message: d.Message + ", at " + d.Path, Remediation: d.Remediation,
		}
		if d.Evaluator != "" {
			f.Field = "$evaluators." + d.Evaluator
		}
		findings = append(findings, f)
	}
	return findings
}
