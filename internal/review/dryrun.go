package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// maxJudged is how many flags a dry run looks at, the newest first: each is judged twice by all policies.
const maxJudged = 1_000

// PolicyTrial is what a policy would find if every flag were asked for anew.
type PolicyTrial struct {
	Judged    int           `json:"judged" doc:"Flags that were looked at, the newest first"`
	More      bool          `json:"more" doc:"There are more flags, which were not looked at"`
	WouldFail []FailingFlag `json:"would_fail" doc:"Flags that would be refused, and are not by the policies in force"`
}

// FailingFlag is a flag that a policy would refuse.
type FailingFlag struct {
	FlagKey  string          `json:"flag_key"`
	App      string          `json:"app"`
	Owner    string          `json:"owner" doc:"Group that owns the app"`
	Findings []fault.Finding `json:"findings"`
}

// DryRun judges what every flag was made from by the policies in force with another source of one of them, or one more:
// which flags would be refused that are not refused now. Nothing is written. Who governs may do it.
func (d *Desk) DryRun(ctx context.Context, by access.Actor, source string) (PolicyTrial, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return PolicyTrial{}, err
	}
	trial := PolicyTrial{WouldFail: []FailingFlag{}}
	inForce, candidate, err := d.Policies.Candidate(ctx, source)
	if err != nil {
		return PolicyTrial{}, err
	}
	cursor := ""
	for {
		world, flags, next, err := d.tryPage(ctx, cursor)
		if err != nil {
			return PolicyTrial{}, err
		}
		for _, s := range flags {
			var findings []fault.Finding
			err := d.Policies.Evaluate(ctx, func(ctx context.Context) (err error) {
				findings, err = s.newlyRefused(ctx, world, inForce, candidate)
				return err
			})
			if err != nil {
				return PolicyTrial{}, err
			}
			trial.Judged++
			if f := s.Flag; len(findings) > 0 {
				trial.WouldFail = append(trial.WouldFail, FailingFlag{FlagKey: f.Key, App: f.App, Owner: f.OwnerGroup, Findings: findings})
			}
		}
		if next == "" {
			return trial, nil
		}
		if trial.Judged >= maxJudged {
			trial.More = true
			return trial, nil
		}
		cursor = next
	}
}

// tryPage reads a page of flags, which are judged once its transaction is over.
func (d *Desk) tryPage(ctx context.Context, cursor string) (world World, flags []*ofFlag, next string, err error) {
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		world = World{Now: d.Now(), Requester: access.System("policy")}
		if world.Environments, err = registry.Environments(ctx, tx); err != nil {
			return err
		}
		if world.Rules, err = lifecycle.DefaultRules(ctx, tx); err != nil {
			return err
		}
		page, err := registry.List(ctx, tx, registry.Filter{}, store.Page{Cursor: cursor})
		if err != nil {
			return err
		}
		for _, flag := range page.Items {
			s := &ofFlag{}
			if err := s.loadFlag(ctx, tx, flag.Key, world.Now); err != nil {
				return err
			}
			flags = append(flags, s)
		}
		next = page.Next
		return nil
	})
	return world, flags, next, err
}

// newlyRefused returns what the candidate finds wrong with the flag, if it were asked for now, and the policies in force do not.
func (s *ofFlag) newlyRefused(ctx context.Context, w World, inForce, candidate *policy.Set) ([]fault.Finding, error) {
	c := Content{Kind: PublishApp}
	if s.Origin != nil {
		c = *s.Origin
	}
	seen := s.begin(c, w)
	seen.exposes = true
	if s.Template != nil {
		seen.plan, _ = planOf(*s.Template, seen.fields, crowd{}, w)
	}
	refused := func(set *policy.Set) ([]fault.Finding, error) {
		w.Policies = policy.Fixed(set)
		verdict, err := judge(ctx, seen, CheckResult{}, w, &s.target)
		return slices.DeleteFunc(verdict.Findings, func(one fault.Finding) bool { return one.Severity != fault.SeverityError }), err
	}
	before, err := refused(inForce)
	if err != nil {
		return nil, err
	}
	after, err := refused(candidate)
	if err != nil {
		return nil, fmt.Errorf("judge %s: %w", s.Flag.Key, err)
	}
	return slices.DeleteFunc(after, func(one fault.Finding) bool {
		return slices.ContainsFunc(before, func(b fault.Finding) bool {
			return b.Code == one.Code && b.Field == one.Field && b.Message == one.Message
		})
	}), nil
}
