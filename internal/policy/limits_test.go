package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
)

func limiting(severity fault.Severity, code string, value any) fault.Finding {
	return fault.Finding{
		Severity: severity, Field: "fields.ttl_days", Code: code, Message: code + " says so", Remediation: "Do as " + code + " says",
		Patch: []fault.Patch{{Op: "add", Path: "/fields/ttl_days", Value: value}},
	}
}

func TestLimitsOfOneFieldAreOneSentenceAndOnePatch(t *testing.T) {
	t.Parallel()
	const e, w = fault.SeverityError, fault.SeverityWarning
	other := fault.Finding{Severity: e, Field: "fields.ttl_days", Code: "other", Message: "It is prime"}
	named := fault.Finding{Severity: e, Field: "fields.n", Code: "n", Message: "n", Patch: []fault.Patch{{Op: "add", Path: "/fields/n", Value: 5.0}}}
	told := func(f fault.Finding, message, remediation string, value float64) fault.Finding {
		f.Message, f.Remediation = message, remediation
		f.Patch = []fault.Patch{{Op: "add", Path: "/fields/ttl_days", Value: value}}
		return f
	}
	for name, c := range map[string]struct {
		is           any
		schema, said []fault.Finding
		want         [][]fault.Finding
	}{
		"365, 180 and a warning at 90": {
			400.0,
			nil,
			[]fault.Finding{limiting(e, "a", json.Number("365")), limiting(e, "b", 180.0), named, limiting(w, "c", json.Number("90"))},
			[][]fault.Finding{nil, {
				told(limiting(e, "b", nil), "b says so, and at most 90 to go without a warning", "Set ttl_days to at most 90", 90), named,
			}},
		},
		"the strictest is an error": {
			400.0,
			nil,
			[]fault.Finding{limiting(w, "a", 365.0), limiting(e, "b", 180.0)},
			[][]fault.Finding{nil, {told(limiting(e, "b", nil), "b says so", "Do as b says", 180)}},
		},
		"warnings alone": {
			200.0,
			nil,
			[]fault.Finding{limiting(w, "a", 100.0), limiting(w, "b", 90.0)},
			[][]fault.Finding{nil, {told(limiting(w, "b", nil), "b says so", "Do as b says", 90)}},
		},
		"schema and policy say the same": {
			400.0,
			[]fault.Finding{limiting(e, "a", 365.0)},
			[]fault.Finding{limiting(e, "b", 180.0)},
			[][]fault.Finding{{told(limiting(e, "a", nil), "b says so", "Do as b says", 180)}, {told(limiting(e, "b", nil), "b says so", "Do as b says", 180)}},
		},
		"a warning of the other check": {
			400.0,
			[]fault.Finding{limiting(e, "a", 365.0)},
			[]fault.Finding{limiting(w, "b", 90.0)},
			[][]fault.Finding{
				{told(limiting(e, "a", nil), "a says so, and at most 90 to go without a warning", "Set ttl_days to at most 90", 90)},
				{told(limiting(w, "b", nil), "b says so", "Do as b says", 90)},
			},
		},
		"at least": {
			1.0,
			nil,
			[]fault.Finding{limiting(e, "a", 5.0), limiting(e, "b", 7.0)},
			[][]fault.Finding{nil, {told(limiting(e, "b", nil), "b says so", "Do as b says", 7)}},
		},
		"limits that exclude each other": {
			50.0,
			nil,
			[]fault.Finding{limiting(e, "a", 40.0), limiting(e, "b", 60.0)},
			[][]fault.Finding{nil, {limiting(e, "a", 40.0), limiting(e, "b", 60.0)}},
		},
		"no number yet": {
			"many",
			nil,
			[]fault.Finding{limiting(e, "a", 40.0), limiting(e, "b", 30.0)},
			[][]fault.Finding{nil, {limiting(e, "a", 40.0), limiting(e, "b", 30.0)}},
		},
		"alone": {200.0, nil, []fault.Finding{other, limiting(e, "a", 40.0)}, [][]fault.Finding{nil, {other, limiting(e, "a", 40.0)}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policy.OneForEachField(map[string]any{"ttl_days": c.is, "n": 7.0}, c.schema, c.said)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestThePatchOfAFieldSatisfiesEveryLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		is := rapid.Float64Range(100, 1000).Draw(t, "is")
		var findings []fault.Finding
		for range rapid.IntRange(2, 6).Draw(t, "n") {
			severity := rapid.SampledFrom([]fault.Severity{fault.SeverityError, fault.SeverityWarning}).Draw(t, "severity")
			findings = append(findings, limiting(severity, "x", rapid.Float64Range(1, 99).Draw(t, "limit")))
		}
		split := rapid.IntRange(0, len(findings)).Draw(t, "split")
		for _, one := range policy.OneForEachField(map[string]any{"ttl_days": is}, findings[:split], findings[split:]) {
			if len(one) > 1 {
				t.Fatalf("a check says %+v", one)
			}
			for _, f := range one {
				for _, other := range findings {
					if f.Patch[0].Value.(float64) > other.Patch[0].Value.(float64) {
						t.Fatalf("the patch to %v does not satisfy %v", f.Patch[0].Value, other.Patch[0].Value)
					}
				}
			}
		}
	})
}
