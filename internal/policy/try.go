package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Trial is a policy to try: a source, or the name of one that is there, with an input and, where wanted, a module of tests.
type Trial struct {
	Source string         `json:"source,omitempty" doc:"A Rego module; absent tries the policy of that name as it stands"`
	Name   string         `json:"name,omitempty" doc:"Package of a policy that is there, switched off or not"`
	Tests  string         `json:"tests,omitempty" doc:"A module with test_ rules, as opa test runs them; those of the source itself run too"`
	Input  map[string]any `json:"input,omitempty" doc:"What the policy sees as input; absent is an empty one"`
}

// Tried is what a policy says of an input, and why.
type Tried struct {
	Name      string          `json:"name" doc:"Package of the policy"`
	Judges    Subject         `json:"judges" enum:"requests,templates,decisions"`
	Decision  Decision        `json:"decision" enum:"passed,warned,refused"`
	Findings  []fault.Finding `json:"findings" nullable:"false" doc:"What the policy says, as a publisher would read it"`
	Risk      string          `json:"risk" enum:"low,medium,high" doc:"With all policies in force"`
	Reasons   []string        `json:"risk_reasons" nullable:"false"`
	Approvals map[string]int  `json:"approvals" doc:"Approvals needed by domain, with all policies in force"`
	Rules     []RuleTrace     `json:"rules" nullable:"false" doc:"Every rule of the policy, in the order of its lines"`
	Tests     []TestResult    `json:"tests" nullable:"false"`
	Warnings  []fault.Finding `json:"warnings,omitempty" doc:"What of it nobody hears, what it reads that no request has, and what conftest hears otherwise"`
	Broken    bool            `json:"broken_off,omitempty" doc:"Not every rule was explained, since that took too long"`
}

// Decision is a closed set.
type Decision string

// The decisions.
const (
	Passed  Decision = "passed"
	Warned  Decision = "warned"
	Refused Decision = "refused"
)

// RuleTrace tells of one body of a rule whether it holds and, if not, which expression failed.
type RuleTrace struct {
	Rule  string      `json:"rule"`
	Line  int         `json:"line"`
	Holds bool        `json:"holds"`
	Words string      `json:"words,omitempty" doc:"Why it does not hold, where that can be told"`
	Field string      `json:"field,omitempty" doc:"Member of the input that it hangs on"`
	Steps []StepTrace `json:"steps" nullable:"false" doc:"Its expressions in order; none after the first that fails is evaluated"`
}

// StepTrace is one expression of a rule.
type StepTrace struct {
	Line   int    `json:"line"`
	Text   string `json:"text"`
	Result string `json:"result" enum:"holds,fails,not_asked"`
}

// TestResult is the outcome of one test.
type TestResult struct {
	Name   string `json:"name"`
	Line   int    `json:"line"`
	Passed bool   `json:"passed"`
	Words  string `json:"words,omitempty" doc:"Why it did not pass"`
}

// Bounds of a trial.
const (
	maxTraced = 100 // rules
	maxSteps  = 50  // expressions of a rule
	maxTests  = 200
)

// Try runs a policy on an input, among the policies in force, and explains it. Nothing is stored.
func (e *Engine) Try(ctx context.Context, by access.Actor, t Trial) (out Tried, err error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Tried{}, err
	}
	var m Module
	if t.Source != "" {
		if m, err = Read("", t.Source); err != nil {
			return Tried{}, err
		}
		m.Origin = Custom
	}
	var modules []Module
	var lint func(Module) []fault.Finding
	if err := e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		rows, err := load(ctx, tx)
		if err != nil {
			return err
		}
		if t.Source == "" {
			p, ok, err := find(rows, t.Name)
			if err != nil {
				return err
			}
			if !ok {
				return unknown(ctx, tx, t.Name)
			}
			m = p.Module
		}
		all, err := everything(rows)
		if err != nil {
			return err
		}
		if lint, err = e.lint(ctx, tx, all); err != nil {
			return err
		}
		modules, err = inForce(rows)
		return err
	}); err != nil {
		return Tried{}, err
	}
	err = e.Evaluate(ctx, func(ctx context.Context) error {
		set, err := With(modules, m)
		if err != nil {
			return err
		}
		if out, err = set.try(ctx, m.Name, t.Input, e.Now()); err != nil {
			return err
		}
		out.Warnings = lint(m)
		out.Tests, err = test(ctx, modules, m, t.Tests)
		return err
	})
	return out, err
}

// Candidate compiles the policies in force, and those with another source of one of them, or one more: what would judge if it
// were put.
func (e *Engine) Candidate(ctx context.Context, source string) (now, candidate *Set, err error) {
	m, err := Read("", source)
	if err != nil {
		return nil, nil, err
	}
	m.Origin = Custom
	var force Force
	if err := e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		force, err = e.InForce(ctx, tx)
		return err
	}); err != nil {
		return nil, nil, err
	}
	err = e.Evaluate(ctx, func(context.Context) error {
		if now, err = force.Set(); err != nil {
			return err
		}
		candidate, err = With(now.modules, m)
		return err
	})
	return now, candidate, err
}

// With compiles modules with m in the place of the one of its package, or beside them. That m does not fit is a fault; others
// that no longer fit are left out, as where requests are judged.
func With(modules []Module, m Module) (*Set, error) {
	all := append(slices.DeleteFunc(slices.Clone(modules), func(other Module) bool { return other.Name == m.Name }), m)
	set, err := compileWhatFits(all)
	if err != nil {
		return nil, err
	}
	if slices.Contains(set.unfit, m.Name) {
		if _, err := Compile(all); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func (s *Set) try(ctx context.Context, name string, in map[string]any, now time.Time) (Tried, error) {
	if in == nil {
		in = map[string]any{}
	}
	input, err := ast.InterfaceToValue(in)
	if err != nil {
		return Tried{}, fmt.Errorf("read the input of the policies: %w", err)
	}
	out := Tried{Name: name, Judges: judges(name), Decision: Passed, Findings: []fault.Finding{}, Rules: []RuleTrace{}}
	bounded, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	for _, j := range s.packages {
		if j.module.Name == name {
			said, _ := s.hear(bounded, j, input, now)
			out.Findings = append(out.Findings, said...)
		}
	}
	for _, f := range out.Findings {
		switch f.Severity {
		case fault.SeverityError:
			out.Decision = Refused
		case fault.SeverityWarning:
			if out.Decision == Passed {
				out.Decision = Warned
			}
		case fault.SeverityInfo:
		}
	}
	if out.Risk, out.Reasons, err = s.riskOf(ctx, input); err != nil {
		return Tried{}, err
	}
	if out.Approvals, err = s.approvalsOf(ctx, input); err != nil {
		return Tried{}, err
	}
	at := slices.IndexFunc(s.modules, func(m Module) bool { return m.Name == name })
	x := s.explainer(s.modules[at], input)
	for _, rule := range s.modules[at].parsed.Rules {
		for ; rule != nil && !rule.Default && len(rule.Head.Args) == 0; rule = rule.Else {
			if strings.HasPrefix(nameOfRule(rule), "test_") {
				break
			}
			if len(out.Rules) == maxTraced || bounded.Err() != nil {
				out.Broken = true
				break
			}
			out.Rules = append(out.Rules, x.trace(bounded, rule))
		}
	}
	if err := ctx.Err(); err != nil {
		return Tried{}, fmt.Errorf("try a policy: %w", err)
	}
	return out, nil
}

func nameOfRule(rule *ast.Rule) string {
	ref := rule.Head.Ref()
	if head, ok := ref[0].Value.(ast.Var); ok {
		return string(head)
	}
	return ref.String()
}

// trace evaluates the body of one rule, expression by expression.
func (x *explainer) trace(ctx context.Context, rule *ast.Rule) RuleTrace {
	out := RuleTrace{Rule: nameOfRule(rule), Line: lineOf(rule.Location), Steps: []StepTrace{}}
	body := x.conditions(rule)
	failed := -1
	for k, expr := range body {
		if k == maxSteps {
			break
		}
		step := StepTrace{Line: lineOf(expr.Location), Text: textOf(expr), Result: "not_asked"}
		if failed < 0 {
			step.Result = "holds"
			if _, holds := x.evaluate(ctx, body[:k+1], nil); !holds {
				step.Result, failed = "fails", k
			}
		}
		out.Steps = append(out.Steps, step)
	}
	if out.Holds = failed < 0; out.Holds || ctx.Err() != nil {
		return out
	}
	for _, r := range x.failed(ctx, body[:failed], body[failed], 0) {
		out.Words, out.Field = cmp.Or(out.Words, clean(r.words, 300)), cmp.Or(out.Field, r.field)
	}
	return out
}

func lineOf(at *ast.Location) int {
	if at == nil {
		return 1
	}
	return at.Row
}

// textOf gives an expression as its author wrote it, on one line.
func textOf(expr *ast.Expr) string {
	if expr.Location != nil && len(expr.Location.Text) > 0 {
		return clean(strings.Join(strings.Fields(string(expr.Location.Text)), " "), 300)
	}
	return clean(expr.String(), 300)
}

// test runs the test_ rules of a module and of the module of tests that came with it.
func test(ctx context.Context, modules []Module, m Module, source string) ([]TestResult, error) {
	results := []TestResult{}
	tested := []Module{m}
	if source != "" {
		tests, err := Read("tests", source)
		if err != nil {
			if e, ok := errors.AsType[*fault.Error](err); ok {
				e.Field = "tests"
			}
			return nil, err
		}
		tests.Origin = Custom
		if tests.Name == m.Name {
			return nil, fault.New(fault.Unprocessable, "policy_twice", "the tests have the package of the policy itself").At("tests").
				Fix("give them the package %s_test", m.Name)
		}
		tested = append(tested, tests)
	}
	var names []string
	for _, t := range tested {
		for _, rule := range t.parsed.Rules {
			if strings.HasPrefix(nameOfRule(rule), "test_") && len(rule.Head.Args) == 0 {
				names = append(names, t.Name)
			}
		}
	}
	if len(names) == 0 {
		return results, nil
	}
	all := slices.DeleteFunc(slices.Clone(modules), func(other Module) bool {
		return slices.ContainsFunc(tested, func(t Module) bool { return t.Name == other.Name })
	})
	set, err := Compile(append(all, tested...))
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	seen := map[string]bool{}
	for _, t := range tested {
		for _, rule := range t.parsed.Rules {
			path := t.Name + "." + nameOfRule(rule)
			if !strings.HasPrefix(nameOfRule(rule), "test_") || len(rule.Head.Args) > 0 || seen[path] || len(results) == maxTests {
				continue
			}
			seen[path] = true
			results = append(results, set.test(bounded, path, rule))
		}
	}
	return results, nil
}

func (s *Set) test(ctx context.Context, path string, rule *ast.Rule) TestResult {
	out := TestResult{Name: nameOfRule(rule), Line: lineOf(rule.Location)}
	prepared, err := s.prepare(ctx, path)
	if err != nil {
		out.Words = clean(err.Error(), 300)
		return out
	}
	value, defined, err := ask(ctx, prepared, ast.NewObject())
	switch {
	case err != nil:
		out.Words = clean(err.Error(), 300)
	case !defined:
		out.Words = "one of its expressions does not hold"
	case value != true:
		out.Words = "it is " + told(value)
	default:
		out.Passed = true
	}
	return out
}
