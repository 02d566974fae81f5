package review

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
)

func TestOfSeveralVerdictsTheRiskiestHoldsWithTheNeedsOfAll(t *testing.T) {
	t.Parallel()
	low := policy.Verdict{Risk: "low", RiskReasons: []string{}, Approvals: map[string]int{"product": 2}, Findings: []fault.Finding{{Code: "a"}, {Code: "b"}}}
	high := policy.Verdict{Risk: "high", RiskReasons: []string{"data"}, Approvals: map[string]int{"product": 1, "security": 1}, Findings: []fault.Finding{{Code: "b"}}}
	want := policy.Verdict{Risk: "high", RiskReasons: []string{"data"}, Approvals: map[string]int{"product": 2, "security": 1}, Findings: []fault.Finding{{Code: "b"}, {Code: "a"}}}
	for _, got := range []policy.Verdict{strictest(low, high), strictest(strictest(policy.Verdict{}, high), high)} {
		if got.Risk != want.Risk || got.Approvals["security"] != 1 {
			t.Errorf("got %+v", got)
		}
	}
	if diff := cmp.Diff(want, strictest(low, high)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Approvals, strictest(high, low).Approvals); diff != "" {
		t.Error(diff)
	}
}
