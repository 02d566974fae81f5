package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/soukhq/souk/internal/fault"
)

// Input is what a policy sees as input, by the names of its members: request (with kind, reason, removal_plan and plan),
// fields, template, app, flag, environment (name of the governed one), requester, dependencies{downstream, upstream},
// data{datasets, classification}, scan{findings, status}, bundle{files, egress}, lifecycle (the rules that hold).
// Values are anything that encodes to JSON.
type Input map[string]any

// Verdict is what the policies say of a request.
type Verdict struct {
	Findings    []fault.Finding
	Exceptions  []Exception    // that were used
	Risk        string         // low, medium or high; a delegated approver suffices for low
	RiskReasons []string       // in plain words
	Approvals   map[string]int // how many of each domain must approve
}

// Judge asks every policy that judges requests, as of a time, until which exceptions may count. A policy that breaks or takes too long, and one of risk or approvals that
// breaks or says nothing, counts against the request. It fails if ctx ends, if the input is no JSON, and with
// fault.Unavailable if risk or approvals are not found out in time: a request must not need more approvals for good because
// the machine was busy once.
func (s *Set) Judge(ctx context.Context, in Input, now time.Time) (Verdict, error) {
	input, err := ast.InterfaceToValue(map[string]any(in))
	if err != nil {
		return Verdict{}, fmt.Errorf("read the input of the policies: %w", err)
	}
	var v Verdict
	if v.Findings, v.Exceptions, err = s.ask(ctx, input, Requests, now); err != nil {
		return Verdict{}, err
	}
	if v.Risk, v.RiskReasons, err = s.riskOf(ctx, input); err != nil {
		return Verdict{}, err
	}
	if v.Approvals, err = s.approvalsOf(ctx, input); err != nil {
		return Verdict{}, err
	}
	if err := ctx.Err(); err != nil {
		return Verdict{}, fmt.Errorf("judge by policy: %w", err)
	}
	return v, nil
}

// JudgeDecision asks the policies that judge approvals, those in packages marketplace.decision.*. Their input is that of the
// request, and approval {by, domain, reason, credential {kind, id, made_by}, own_credential, made_author_credential}: the last is whether
// whoever approves made a token or link of somebody who asked for the request or edited it.
func (s *Set) JudgeDecision(ctx context.Context, in Input) ([]fault.Finding, error) {
	if !slices.ContainsFunc(s.packages, func(j judge) bool { return j.about == Decisions }) {
		return nil, nil
	}
	input, err := ast.InterfaceToValue(map[string]any(in))
	if err != nil {
		return nil, fmt.Errorf("read the input of the policies: %w", err)
	}
	findings, _, err := s.ask(ctx, input, Decisions, time.Time{})
	return findings, err
}

// CheckTemplate asks the policies that judge template files, those in packages marketplace.template.*.
func (s *Set) CheckTemplate(ctx context.Context, document any) ([]fault.Finding, error) {
	input, err := ast.InterfaceToValue(document)
	if err != nil {
		return nil, fmt.Errorf("read the template for the policies: %w", err)
	}
	findings, _, err := s.ask(ctx, input, Templates, time.Time{})
	return findings, err
}

func (s *Set) ask(ctx context.Context, input ast.Value, about Subject, now time.Time) (findings []fault.Finding, used []Exception, err error) {
	findings = slices.Clone(s.broken)
	bounded, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	for _, j := range s.packages {
		if bounded.Err() != nil && ctx.Err() == nil {
			return append(findings, failing(j.module, "policy_slow", fmt.Sprintf("was not asked, since all together took longer than %v", judgeTime))), used, nil
		}
		if j.about == about {
			said, uses := s.hear(bounded, j, input, now)
			findings, used = append(findings, said...), append(used, uses...)
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("judge by policy: %w", err)
		}
	}
	return findings, used, nil
}

// hear asks one policy by all its rules. An allow that is not true is explained only where nothing else refused.
func (s *Set) hear(ctx context.Context, j judge, input ast.Value, now time.Time) (findings []fault.Finding, used []Exception) {
	refused := false
	var exceptions any
	var broken error // of the exceptions
	if j.except != nil {
		exceptions, _, broken = ask(ctx, *j.except, input)
	}
	for _, q := range j.rules {
		value, defined, err := ask(ctx, q.prepared, input)
		if broken != nil {
			err = broken
		}
		var said []fault.Finding
		if err == nil && defined && q.rule != allow {
			said, err = spoken(j.module, q.severity, value)
		}
		switch {
		case errors.Is(err, errSlow):
			return append(findings, failing(j.module, "policy_slow", fmt.Sprintf("took longer than %v and was stopped", ruleTime))), used
		case err != nil:
			return append(findings, failing(j.module, "policy_failed", "could not be evaluated: "+clean(err.Error(), 200))), used
		case q.rule == allow:
			if !refused && (!defined || value != true) {
				findings = append(findings, s.explain(ctx, j.module, input))
			}
		}
		if len(said) > 0 && excepted(exceptions, q.rule) {
			var use *Exception
			if said, use = takenBack(j, q.rule, said, now); use != nil {
				findings, used = append(findings, said...), append(used, *use)
				continue
			}
		}
		refused = refused || q.severity == fault.SeverityError && len(said) > 0
		findings = append(findings, said...)
	}
	return findings, used
}

// failing is the finding for a policy that cannot do its work.
func failing(m Module, code, what string) fault.Finding {
	return fault.Finding{
		Severity: fault.SeverityError, Code: code, Message: fmt.Sprintf("The policy %s %s", m.Name, what),
		Remediation: "This is not yours to fix: " + whomToAsk(m),
	}
}

func whomToAsk(m Module) string {
	if m.Owner != "" {
		return fmt.Sprintf("ask %s about the policy %s", m.Owner, m.Name)
	}
	return fmt.Sprintf("ask an administrator about the policy %s", m.Name)
}

// riskOf reads level and reasons of data.marketplace.risk. Without a level that is known the risk is high.
func (s *Set) riskOf(ctx context.Context, input ast.Value) (level string, reasons []string, err error) {
	value, _, err := ask(ctx, s.risk, input)
	if errors.Is(err, errSlow) {
		return "", nil, slow("marketplace.risk")
	}
	said, _ := value.(map[string]any)
	level, _ = said["level"].(string)
	if err != nil || !slices.Contains([]string{"low", "medium", "high"}, level) {
		return "high", []string{"No policy says how risky this is"}, nil //nolint:nilerr // a policy that breaks fails closed
	}
	list, _ := said["reasons"].([]any)
	reasons = []string{}
	for _, reason := range list[:min(len(list), 20)] {
		if text, ok := reason.(string); ok {
			reasons = append(reasons, clean(text, 300))
		}
	}
	slices.Sort(reasons)
	return level, reasons, nil
}

func slow(name string) error {
	return fault.New(fault.Unavailable, "policy_slow", "the policy %s took longer than %v and was stopped", name, ruleTime).
		Fix("nothing was changed; try again, and tell an administrator if it stays so")
}

// approvalsOf reads data.marketplace.approvals: every member that is a number is a domain. Without one, all must approve.
func (s *Set) approvalsOf(ctx context.Context, input ast.Value) (map[string]int, error) {
	value, _, err := ask(ctx, s.needs, input)
	if errors.Is(err, errSlow) {
		return nil, slow("marketplace.approvals")
	}
	said, _ := value.(map[string]any)
	needs := map[string]int{}
	for domain, n := range said {
		if number, ok := n.(json.Number); ok {
			if quorum, err := number.Int64(); err == nil && quorum > 0 {
				needs[domain] = int(min(quorum, 100))
			}
		}
	}
	if err != nil || len(needs) == 0 {
		return map[string]int{"product": 1, "platform": 1, "security": 1}, nil //nolint:nilerr // a policy that breaks fails closed
	}
	return needs, nil
}
