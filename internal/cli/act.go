package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/signin"
)

func (p *program) applyCommand() *cobra.Command {
	var dir string
	var dryRun, prune bool
	cmd := &cobra.Command{
		Use: "apply -f DIR", Short: "Make an installation what files say", Args: cobra.NoArgs,
		Long: `Read documents (apiVersion: souk/v1; kinds Environment, Person, Group, Segment, Template, Policy, Lifecycle, App, Flag), bare
templates, *.rego and lifecycle files from a directory, print what would change, and change it. Applying again changes nothing.

Apps and flags are changed by requests, which people decide. What was changed by hand since the last apply is marked. What earlier
files named and these do not stays, unless --prune is given.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			info, err := os.Stat(dir)
			if err != nil || !info.IsDir() {
				return fault.New(fault.Invalid, "no_directory", "%s is not a directory", dir).Fix("name a directory with -f")
			}
			documents, warnings, err := apply.Load(os.DirFS(dir))
			if err != nil {
				return err
			}
			if i := slices.IndexFunc(warnings, func(f fault.Finding) bool { return f.Code == apply.EmptyFile }); prune && i >= 0 {
				return fault.New(fault.Invalid, apply.EmptyFile, "nothing is in %s, and --prune would remove what it said before", warnings[i].File).
					Fix("write its documents into it, or delete it if all of them are to go")
			}
			return p.with(cmd.Context(), func(c *client) error {
				var plan apply.Plan
				wanted := api.Wanted{Documents: documents, DryRun: true, Prune: prune}
				if err := c.post(cmd.Context(), "/apply", wanted, &plan); err != nil {
					return err
				}
				if p.output == "text" {
					for _, warning := range warnings {
						fmt.Fprintln(p.Out, findingLine("", warning))
					}
					printPlan(p.Out, plan)
				}
				done := "nothing was changed (dry run)"
				if !dryRun {
					wanted.DryRun, done = false, "done"
					if err := c.post(cmd.Context(), "/apply", wanted, &plan); err != nil {
						return err
					}
				}
				plan.Warnings = append(warnings, plan.Warnings...)
				return p.write(plan, func(w io.Writer) {
					for _, step := range plan.Steps {
						for _, id := range step.Requests {
							fmt.Fprintf(w, "%s %s: request %s\n", step.Kind, step.Name, id)
						}
						if !dryRun && !step.Done && step.Action != apply.Keep {
							fmt.Fprintf(w, "%s %s: %s\n", step.Kind, step.Name, step.Waiting)
						}
					}
					fmt.Fprintln(w, done)
				})
			})
		}),
	}
	cmd.Flags().StringVarP(&dir, "filename", "f", "", "directory with the files")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the plan and stop")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove what earlier files named and these do not")
	_ = cmd.MarkFlagRequired("filename") // it is defined above
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func printPlan(w io.Writer, plan apply.Plan) {
	for _, warning := range plan.Warnings {
		fmt.Fprintln(w, findingLine("", warning))
	}
	for _, step := range plan.Steps {
		if step.Action != apply.Keep || step.Waiting != "" {
			fmt.Fprintf(w, "%-9s %s %s\n", step.Action, step.Kind, step.Name)
		}
		if step.Waiting != "" {
			fmt.Fprintf(w, "          %s\n", step.Waiting)
		}
		for _, change := range step.Changes {
			if step.Action != apply.Update && step.Action != apply.Ask {
				continue
			}
			fmt.Fprintf(w, "          %s: %s → %s", change.Field, short(change.Before), short(change.After))
			if change.Drift {
				fmt.Fprint(w, "  (changed by hand since the last apply)")
			}
			fmt.Fprintln(w)
		}
	}
	var counts []string
	for _, c := range []struct {
		action apply.Action
		words  string
	}{{apply.Create, "to create"}, {apply.Update, "to update"}, {apply.Ask, "to ask for"}, {apply.Remove, "to remove"}, {apply.Keep, "unchanged"}} {
		if n := plan.Count(c.action); n > 0 || c.action != apply.Ask && c.action != apply.Remove {
			counts = append(counts, fmt.Sprintf("%d %s", n, c.words))
		}
	}
	fmt.Fprintln(w, strings.Join(counts, ", "))
}

func short(v any) string {
	text := strings.Join(strings.Fields(fmt.Sprint(v)), " ")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}

func (p *program) tokenCommand() *cobra.Command {
	var spec signin.TokenSpec
	var scope string
	var valid time.Duration
	create := &cobra.Command{
		Use: "create --as EMAIL --scope SCOPE", Short: "Make an API token; its secret is printed once, alone", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			spec.Scope = access.TokenScope(scope)
			if valid > 0 {
				at := time.Now().Add(valid)
				spec.ExpiresAt = &at
			}
			var token api.NewToken
			err := p.with(cmd.Context(), func(c *client) error {
				return c.post(cmd.Context(), "/tokens", spec, &token)
			})
			if err != nil {
				return err
			}
			return p.write(token, func(w io.Writer) { fmt.Fprintln(w, token.Secret) })
		}),
	}
	create.Flags().StringVar(&spec.As, "as", "", "person that it acts as")
	create.Flags().Var(oneOf{&scope, []string{"all", "read", "requests", "kill", "outcomes"}}, "scope", "what it may be used for")
	create.Flags().StringVar(&spec.Name, "name", "", "what it is for")
	create.Flags().DurationVar(&valid, "valid", 0, "how long it is valid, such as 720h (default for ever)")
	_ = create.MarkFlagRequired("as")    // they are defined above
	_ = create.MarkFlagRequired("scope") //
	p.installation(create)
	p.outputFlag(create)
	return group("token", "API tokens: for scripts, and to sign in with", create)
}

func (p *program) keyCommand() *cobra.Command {
	var spec sdkkey.Spec
	var valid time.Duration
	create := &cobra.Command{
		Use: "create --environment ENV", Short: "Make an SDK key; its secret is printed once, alone", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			if valid > 0 {
				at := time.Now().Add(valid)
				spec.ExpiresAt = &at
			}
			var key api.NewKey
			err := p.with(cmd.Context(), func(c *client) error {
				return c.post(cmd.Context(), "/sdk-keys", spec, &key)
			})
			if err != nil {
				return err
			}
			return p.write(key, func(w io.Writer) { fmt.Fprintln(w, key.Secret) })
		}),
	}
	create.Flags().StringVar(&spec.Environment, "environment", "", "environment whose flags it reads")
	create.Flags().StringVar(&spec.App, "app", "", "app whose flags it reads (default all)")
	create.Flags().StringVar(&spec.Name, "name", "", "what it is for")
	create.Flags().BoolVar(&spec.ClientSide, "client-side", false, "for browsers: reads only flags marked as client-side")
	create.Flags().StringArrayVar(&spec.Origins, "origin", nil, "web page that a client-side key may be used from")
	create.Flags().IntVar(&spec.RequestsPerSecond, "requests-per-second", 0, "how often it may ask each replica (default 100000)")
	create.Flags().IntVar(&spec.MaxStreams, "max-streams", 0, "how many streams it may have open on each replica (default 50000)")
	create.Flags().DurationVar(&valid, "valid", 0, "how long it is valid, such as 720h (default for ever)")
	_ = create.MarkFlagRequired("environment") // it is defined above
	p.installation(create)
	p.outputFlag(create)
	return group("sdk-key", "Keys of SDKs", create)
}

// group is a command that only holds others.
func group(name, about string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: about, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("say what to do with %s", cmd.Name())
	}}
	cmd.AddCommand(commands...)
	return cmd
}
