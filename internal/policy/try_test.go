package policy_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var publisher = access.Actor{Email: "alice@hyfin.example", TokenScope: access.ScopeAll}

func TestATrialTellsRuleByRuleWhatHolds(t *testing.T) {
	t.Parallel()
	e := engine(storetest.Open(t, store.SQLite))
	got, err := e.Try(t.Context(), admin, policy.Trial{
		Source: `package marketplace.short
import rego.v1

deny contains "Too long." if {
	input.fields.ttl_days > 30
	not input.fields.exempt
}

warn contains "Nobody is named." if not input.fields.owner

allow if {
	input.request.kind == "publish_app"
	input.fields.ttl_days <= 90
}

test_long if count(deny) == 1 with input as {"fields": {"ttl_days": 31}}

test_wrong if count(deny) == 1 with input as {"fields": {"ttl_days": 3}}
`,
		Tests: `package marketplace.short_test
import rego.v1

test_kind if not data.marketplace.short.allow with input as {}
`,
		Input: map[string]any{"request": map[string]any{"kind": "publish_app"}, "fields": map[string]any{"ttl_days": 100.0, "owner": "a"}, "data": map[string]any{"classification": "none"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Decision != policy.Refused || len(got.Findings) != 1 || got.Findings[0].Message != "Too long." || got.Risk != "low" || got.Approvals["product"] != 1 {
		t.Errorf("the verdict is %+v", got)
	}
	want := []policy.RuleTrace{
		{Rule: "deny", Line: 4, Holds: true, Steps: []policy.StepTrace{
			{5, "input.fields.ttl_days > 30", "holds"}, {6, "not input.fields.exempt", "holds"},
		}},
		{Rule: "warn", Line: 9, Words: "owner must not be given", Field: "fields.owner", Steps: []policy.StepTrace{{9, "not input.fields.owner", "fails"}}},
		{Rule: "allow", Line: 11, Words: "ttl_days must be at most 90, is 100", Field: "fields.ttl_days", Steps: []policy.StepTrace{
			{12, `input.request.kind == "publish_app"`, "holds"}, {13, "input.fields.ttl_days <= 90", "fails"},
		}},
	}
	if diff := cmp.Diff(want, got.Rules); diff != "" {
		t.Error(diff)
	}
	var tests []string
	for _, r := range got.Tests {
		tests = append(tests, r.Name+map[bool]string{true: " passes", false: " fails"}[r.Passed])
	}
	if diff := cmp.Diff([]string{"test_long passes", "test_wrong fails", "test_kind passes"}, tests); diff != "" {
		t.Error(diff)
	}
}

func TestATrialOfWhatIsThereChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		for name, trial := range map[string]policy.Trial{
			"a standard one":   {Name: "marketplace.standard.ttl", Input: map[string]any{"fields": map[string]any{"ttl_days": 400.0}}},
			"one that is off":  {Name: "marketplace.decision.require_own_credential", Input: map[string]any{"approval": map[string]any{"by": "pat", "own_credential": false}}},
			"another standard": {Source: "package marketplace.standard.ttl\ndeny[msg] { input.fields.ttl_days > 5; msg := \"no\" }", Input: map[string]any{"fields": map[string]any{"ttl_days": 9.0}}},
		} {
			got, err := e.Try(t.Context(), admin, trial)
			if err != nil || got.Decision != policy.Refused || len(got.Rules) == 0 {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		for name, c := range map[string]struct {
			by   access.Actor
			try  policy.Trial
			kind fault.Kind
			says string
		}{
			"by a publisher":   {publisher, policy.Trial{Name: "marketplace.risk"}, fault.Forbidden, ""},
			"an unknown one":   {admin, policy.Trial{Name: "marketplace.rist"}, fault.NotFound, "marketplace.risk"},
			"one with a slip":  {admin, policy.Trial{Source: "package marketplace.x\ndeny contains msg if {"}, fault.Unprocessable, "line"},
			"unfit":            {admin, policy.Trial{Source: "package marketplace.x\nallow if missing_function(1)"}, fault.Unprocessable, "missing_function"},
			"tests with slips": {admin, policy.Trial{Name: "marketplace.risk", Tests: "package marketplace.t\ntest_x if {"}, fault.Unprocessable, "line"},
		} {
			_, err := e.Try(t.Context(), c.by, c.try)
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) && !strings.Contains(remediation(err), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		list, err := e.List(t.Context(), admin, store.Page{})
		if err != nil || slices.ContainsFunc(list.Items, func(p policy.Policy) bool { return p.Revision != 0 }) {
			t.Errorf("a trial left something: %v, %v", list, err)
		}
	})
}

func TestAPolicyIsDeletedAndWhatItReplacedIsBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		own, _ := put(t, e, "package marketplace.own\ndeny contains \"Never.\" if true")
		put(t, e, "package marketplace.standard.ttl\ndeny contains \"Never ever.\" if true")
		if said := messages(t, e); !slices.Contains(said, "Never.") || !slices.Contains(said, "Never ever.") {
			t.Fatalf("before: %q", said)
		}
		if err := e.Delete(t.Context(), admin, own.Name, own.Revision+1); !fault.Is(err, fault.Stale) {
			t.Errorf("a stale deletion is answered %v", err)
		}
		if err := e.Delete(t.Context(), publisher, own.Name, own.Revision); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a deletion by a publisher is answered %v", err)
		}
		for _, name := range []string{own.Name, "marketplace.standard.ttl"} {
			if err := e.Delete(t.Context(), admin, name, 1); err != nil {
				t.Fatal(err)
			}
		}
		if said := messages(t, e); len(said) != 0 {
			t.Errorf("after: %q", said)
		}
		if err := e.Delete(t.Context(), admin, "marketplace.standard.ttl", 0); !fault.Is(err, fault.Conflict) {
			t.Errorf("the deletion of a standard policy is answered %v", err)
		}
		if err := e.Delete(t.Context(), admin, own.Name, 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("a second deletion is answered %v", err)
		}
	})
}

func TestPoliciesOfDecisionsJudgeApprovalsOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		decide := func(own bool) (said []string) {
			t.Helper()
			if err := e.DB.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				set, err := e.At(ctx, tx)
				if err != nil {
					return err
				}
				findings, err := set.JudgeDecision(ctx, policy.Input{"approval": map[string]any{"by": "pat@hyfin.example", "own_credential": own}})
				for _, f := range findings {
					said = append(said, f.Code)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return said
		}
		if said := decide(false); said != nil {
			t.Errorf("off at first, and it says %q", said)
		}
		if _, err := e.SetActive(t.Context(), admin, "marketplace.decision.require_own_credential", true, nil); err != nil {
			t.Fatal(err)
		}
		if said := decide(false); !slices.Equal(said, []string{"foreign_credential"}) {
			t.Errorf("switched on, it says %q", said)
		}
		if said := decide(true); said != nil {
			t.Errorf("of the approver's own token it says %q", said)
		}
		if said := messages(t, e); len(said) != 0 {
			t.Errorf("of a request it says %q", said)
		}
		if _, err := e.SetActive(t.Context(), admin, "marketplace.decision.require_own_credential", false, nil); err != nil {
			t.Fatal(err)
		}
		if said := decide(false); said != nil {
			t.Errorf("switched off again, it says %q", said)
		}
	})
}

func remediation(err error) string {
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // what a verb gives is not wrapped
		return e.Remediation
	}
	return ""
}
