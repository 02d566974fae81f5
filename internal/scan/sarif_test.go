package scan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/scan"
)

const head = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"grype"}},"results":[`

func TestSARIFLevelsBecomeSeverities(t *testing.T) {
	t.Parallel()
	report := head + `
		{"ruleId":"CVE-1","level":"error","message":{"text":"bad"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.js"},"region":{"startLine":3}}}]},
		{"message":{"text":"odd"}},
		{"level":"note","message":{"text":"fyi"}},
		{"level":"none","message":{"text":"fine"}}]}]}`
	got, ok := scan.SARIF([]byte(report))
	fix := "fix it in the app, then have it scanned again"
	want := []fault.Finding{
		{Severity: fault.SeverityError, Code: "CVE-1", File: "a.js:3", Message: "grype found: bad", Remediation: fix},
		{Severity: fault.SeverityWarning, Code: "scanner", Message: "grype found: odd", Remediation: fix},
		{Severity: fault.SeverityInfo, Code: "scanner", Message: "grype found: fyi", Remediation: fix},
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("ok %v, findings differ (-want +got):\n%s", ok, diff)
	}
}

func TestSARIFWithManyResultsSaysHowManyAreLeftOut(t *testing.T) {
	t.Parallel()
	var results []string
	for i := range 130 {
		results = append(results, fmt.Sprintf(`{"message":{"text":"%d"}}`, i))
	}
	got, _ := scan.SARIF([]byte(head + strings.Join(results, ",") + `]}]}`))
	if n := len(got); n != 101 || got[100].Message != "30 more results of the report are not shown" {
		t.Errorf("got %d findings, the last %+v", n, got[n-1])
	}
}

func TestOtherDocumentsAreNoSARIF(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "x", "{}", `{"version":"2.0.0","runs":[]}`, `{"version":"2.1.0"}`, `[]`, `{"runs":3}`} {
		if _, ok := scan.SARIF([]byte(content)); ok {
			t.Errorf("%q was taken for a SARIF report", content)
		}
	}
}

func FuzzSARIF(f *testing.F) {
	f.Add([]byte(head + `{"message":{"text":"x"}}]}]}`))
	f.Fuzz(func(_ *testing.T, content []byte) { scan.SARIF(content) })
}
