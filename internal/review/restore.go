package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// RestoreOutcome is the request that was made, or else the revisions that SDKs are to see.
type RestoreOutcome struct {
	Request  *Request
	Revealed map[string]int64
}

// Restore turns a killed flag on again: at once where the environment is not governed, else as a request, of which there is
// one at a time. Restoring what is not killed changes nothing. A revision in w is the flag's.
func (d *Desk) Restore(ctx context.Context, by access.Actor, flagKey, environment string, w rollout.Word) (RestoreOutcome, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return RestoreOutcome{}, err
	}
	if err := checkReason(w.Reason); err != nil {
		return RestoreOutcome{}, err
	}
	var out RestoreOutcome
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		out = RestoreOutcome{}
		flag, env, err := rollout.Target(ctx, tx, by, flagKey, environment, w)
		if err != nil {
			return err
		}
		if kill(flag, environment) == nil {
			return nil
		}
		if !env.Governed {
			change := registry.Change{By: by, At: d.Now(), Reason: orElse(w.Reason, "turned on again by "+by.Email), Cause: registry.CauseRestore}
			o, err := rollout.Restore(ctx, tx, change, flagKey, environment)
			out.Revealed = revealed(o)
			return err
		}
		// Whoever clicks twice waits here, and finds the request of the first click.
		if flag, err = registry.Lock(ctx, tx, flagKey); err != nil || kill(flag, environment) == nil {
			return err
		}
		r, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
			WHERE flag_key = $1 AND environment = $2 AND kind = $3 AND state IN ($4, $5) ORDER BY id DESC LIMIT 1`,
			flagKey, environment, RestoreFlag, NeedsApproval, NeedsFixes)
		if err != nil {
			return fmt.Errorf("look for an open request: %w", err)
		}
		if ok { // one for an earlier kill is of no use
			if ok, err = r.current(Facts{Flag: &flag}); err != nil {
				return err
			}
		}
		if !ok {
			r, err = d.submit(ctx, tx, by, Content{
				Kind: RestoreFlag, FlagKey: flagKey, Environment: environment, Reason: orElse(w.Reason, "turn on again"),
			})
			if err != nil {
				return err
			}
		}
		view, err := d.view(ctx, tx, by, r)
		out.Request = &view
		return err
	})
	return out, err
}

// kill gives the kill of a flag in an environment; nil if it is not killed there.
func kill(f registry.Flag, environment string) *registry.Killed {
	state, _ := f.In(environment)
	return state.Kill
}

// checkRestore checks a request to turn a flag on again. What policy says of a flag that was approved before only warns.
func checkRestore(ctx context.Context, c Content, f Facts) (Assessed, error) {
	findings := checkTexts(c)
	add := func(field, code, message, remediation string) {
		findings = append(findings, fault.Finding{
			Severity: fault.SeverityError, Field: field, Code: code, Message: message, Remediation: remediation,
		})
	}
	if c.App != nil || c.Fields != nil || c.TemplateID != "" {
		findings = append(findings, misplaced("app, fields and template_id", PublishApp))
	}
	switch {
	case f.Flag == nil:
		add("flag_key", "unknown_flag", fmt.Sprintf("there is no flag %q", c.FlagKey), "look it up in the list of flags")
	case !slices.ContainsFunc(f.Environments, func(e registry.Environment) bool { return e.Name == c.Environment }):
		add("environment", "unknown_environment", fmt.Sprintf("there is no environment %q", c.Environment), "choose one of those that the flag has")
	case kill(*f.Flag, c.Environment) == nil:
		add("flag_key", "not_killed", fmt.Sprintf("%s is not turned off in %s", c.FlagKey, c.Environment), "withdraw this request: there is nothing to turn on again")
	}
	out := Assessed{Content: c}
	results := map[string]CheckResult{checkSchema: result(checkSchema, findings)}
	judged := Assessed{Content: c}
	if f.Origin != nil {
		judged.Content.App, judged.Content.Fields = f.Origin.App, f.Origin.Fields
		if f.Template != nil {
			judged.Content.Fields = f.Template.Fill(f.Origin.Fields)
		}
	}
	verdict, err := judge(ctx, judged, results, f)
	if err != nil {
		return Assessed{}, err
	}
	for i := range verdict.Findings {
		if verdict.Findings[i].Severity == fault.SeverityError {
			verdict.Findings[i].Severity = fault.SeverityWarning
		}
	}
	out.Checks = []CheckResult{results[checkSchema], result(checkPolicy, verdict.Findings)}
	out.settleNeeds(verdict, f, f.place(c))
	return out, nil
}
