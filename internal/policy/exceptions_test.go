package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func until(day string) string { return "# METADATA\n# custom:\n#   expires: " + day + "\n" }

func TestAnExceptionCountsOnlyWithAnOwnerAndUntilItsDay(t *testing.T) {
	t.Parallel()
	const rules = "exception contains [\"ttl\"] if input.fields.n == 1\ndeny_ttl contains \"Too long.\" if input.fields.ttl_days > 180\n"
	for name, c := range map[string]struct {
		rego    string
		owner   string
		void    string // why it does not count; empty if it does
		expires string // if it does
	}{
		"to come":            {until("2026-12-31") + rules, "petra@hyfin.example", "", "2026-12-31"},
		"the last day":       {until("2026-01-10") + rules, "petra@hyfin.example", "", "2026-01-10"},
		"the day after":      {until("2026-01-09") + rules, "petra@hyfin.example", "it ended on 2026-01-09", ""},
		"in quotes":          {until(`"2026-12-31"`) + rules, "petra@hyfin.example", "", "2026-12-31"},
		"no day":             {rules, "petra@hyfin.example", "it names no day on which it ends", ""},
		"no such day":        {until("soon") + rules, "petra@hyfin.example", "it names no day on which it ends", ""},
		"another annotation": {"# METADATA\n# title: x\n" + rules, "petra@hyfin.example", "it names no day on which it ends", ""},
		"one of two":         {until("2026-12-31") + rules + "exception contains [\"x\"] if input.fields.n == 2", "petra@hyfin.example", "it names no day on which it ends", ""},
		"the earlier of two": {until("2026-12-31") + rules + until("2026-01-09") + "exception contains [\"x\"]", "petra@hyfin.example", "it ended on 2026-01-09", ""},
		"nobody's":           {until("2026-12-31") + rules, "", "nobody owns the policy", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := module(t, "package marketplace.test\n"+c.rego)
			m.Origin, m.Owner = policy.Custom, c.owner
			set := compile(t, m)
			got := judge(t, set, fields(map[string]any{"n": 1, "ttl_days": 200}))
			if c.void == "" {
				want := []policy.Exception{{Policy: "marketplace.test", Rule: "deny_ttl", Owner: c.owner, Expires: c.expires}}
				if diff := cmp.Diff(want, got.Exceptions); diff != "" {
					t.Error(diff)
				}
				if len(got.Findings) != 1 || got.Findings[0].Severity != fault.SeverityInfo || !strings.Contains(got.Findings[0].Remediation, c.owner) {
					t.Errorf("findings are %+v", got.Findings)
				}
			} else if len(got.Exceptions) > 0 || len(got.Findings) != 2 || got.Findings[0].Message != "Too long." || !strings.Contains(got.Findings[1].Message, c.void) {
				t.Errorf("used are %v, findings are %+v", got.Exceptions, got.Findings)
			}
			if got := judge(t, set, fields(map[string]any{"n": 3, "ttl_days": 200})); len(got.Findings) != 1 || len(got.Exceptions) > 0 {
				t.Errorf("where it does not apply: %+v", got)
			}
			if got := judge(t, set, fields(map[string]any{"n": 1, "ttl_days": 20})); len(got.Findings) > 0 || len(got.Exceptions) > 0 {
				t.Errorf("where there is nothing to except: %+v", got)
			}
		})
	}
}

func TestExceptionsOfPoliciesAboutTemplatesAndApprovalsDoNotCount(t *testing.T) {
	t.Parallel()
	const rules = "exception contains [\"x\"]\ndeny_x contains \"No.\""
	set := compile(t, module(t, "package marketplace.template.x\n"+until("2026-12-31")+rules), module(t, "package marketplace.decision.x\n"+until("2026-12-31")+rules))
	for what, ask := range map[string]func() ([]fault.Finding, error){
		"template": func() ([]fault.Finding, error) { return set.CheckTemplate(t.Context(), map[string]any{}) },
		"approval": func() ([]fault.Finding, error) { return set.JudgeDecision(t.Context(), policy.Input{}) },
	} {
		if got, err := ask(); err != nil || len(got) != 2 || got[0].Severity != fault.SeverityError || got[1].Code != "exception_void" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}

func TestANewPolicyWithExceptionsWaitsForASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e, admin, _ := administrators(t, db)
		put := func(source string) error {
			_, _, err := e.Put(t.Context(), admin, policy.Draft{Source: source})
			return err
		}
		if err := put("package marketplace.plain\ndeny contains \"x\" if input.fields.n"); err != nil {
			t.Errorf("a policy that only refuses: %v", err)
		}
		err := put("package marketplace.lax\n" + until("2026-12-31") + "exception contains [\"x\"]\ndeny_x contains \"x\"")
		waiting, ok := errors.AsType[*access.Pending](err)
		if !ok || !strings.Contains(waiting.Proposal.Words, "the policy marketplace.lax has exceptions") {
			t.Errorf("one with exceptions: %v", err)
		}
	})
}
