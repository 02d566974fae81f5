// Package cli is the command line.
//
// Commands that touch an installation speak to its API: through DATA/souk.sock while a server runs on the data directory,
// else to a server that they open in this process, without a port. So there is one path for both, and one set of rights.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
)

// The exit statuses.
const (
	exitFine     = 0 // warnings included
	exitRefused  = 1 // findings, or a refused action
	exitUnusable = 2 // wrong usage, or it cannot run
)

// Console is what a command line is run with.
type Console struct {
	Args    []string // without the name of the program
	Environ []string // NAME=value
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
}

// program is one run of the command line.
type program struct {
	Console
	data     string
	database string
	output   string // text or json, of the command that runs
}

// errFindings ends a command with status 1 after it has said why.
var errFindings = errors.New("findings")

// ran marks the error of a command that was called rightly; all other errors are wrong usage.
type ran struct{ error }

// Unwrap gives the error itself.
func (r ran) Unwrap() error { return r.error }

// Run runs a command line and gives the exit status.
func Run(ctx context.Context, console Console) int {
	p := &program{Console: console}
	root := p.root()
	root.SetArgs(console.Args)
	root.SetIn(console.In)
	root.SetOut(console.Out)
	root.SetErr(console.Err)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	if _, ok := errors.AsType[ran](err); !ok {
		fmt.Fprintf(console.Err, "souk: %s\n  see %s --help\n", err, command.CommandPath())
		return exitUnusable
	}
	if errors.Is(err, errFindings) {
		return exitRefused
	}
	return p.explain(err)
}

// explain writes an error with how to mend it, and gives the exit status that it deserves.
func (p *program) explain(err error) int {
	if problem, ok := errors.AsType[*api.Problem](err); ok {
		fmt.Fprintf(p.Err, "souk: %s\n", problem.Detail)
		for _, item := range problem.Errors {
			if item.Message != problem.Detail {
				fmt.Fprintf(p.Err, "  %s: %s\n", item.Field, item.Message)
			}
			if item.Remediation != "" && item.Remediation != problem.Remediation {
				fmt.Fprintf(p.Err, "    → %s\n", item.Remediation)
			}
		}
		p.remedy(problem.Remediation)
		if problem.TraceID != "" {
			fmt.Fprintf(p.Err, "  trace id %s\n", problem.TraceID)
		}
		if problem.Status >= 500 {
			return exitUnusable
		}
		return exitRefused
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		fmt.Fprintf(p.Err, "souk: %s\n", err)
		return exitUnusable
	}
	message := f.Error()
	if f.Kind == fault.Conflict {
		message = f.Message // the cause of a refusal is no news
	}
	fmt.Fprintf(p.Err, "souk: %s\n", message)
	for _, finding := range f.Findings {
		fmt.Fprintf(p.Err, "  %s\n", findingLine("", finding))
	}
	p.remedy(f.Remediation)
	if len(f.Findings) > 0 {
		return exitRefused
	}
	return exitUnusable
}

func (p *program) remedy(remediation string) {
	if remediation != "" {
		fmt.Fprintf(p.Err, "  → %s\n", remediation)
	}
}

// story is what `souk help` shows: the loop, not an alphabet.
const story = `Souk is a marketplace for small apps inside a company. Every app lives behind flags, every change is
checked and approved, rolls out in steps, can be turned off at once, and leaves an audit event.

  Begin            souk demo                       a made-up company to play with, on this machine
                   souk serve                      the real thing, data in ./souk-data
                   souk invite EMAIL               a link by which a person joins
                   souk apply -f DIR               people, groups, templates and policies from files
                   souk token create               a key for a person's scripts, or to sign in with

  Publish          souk check FILE…                a template, policy, request or lifecycle, offline
                   (requests, approvals and rollouts happen in the console or over /api/v1)

  Serve            souk sdk-key create             a key for the SDKs of one environment
                   souk import FORMAT FILE         flags of another system, with a report of what they lack
                   souk export flagd               what an environment serves, as a document

  Stop             souk kill FLAG                  off for everybody, at once

  Prove            souk audit export               the whole log in one file
                   souk audit verify FILE          that nobody rewrote it; needs no server

  Keep             souk doctor                     what is wrong, and how to mend it
                   souk backup FILE                all of it in one file, while it runs
                   souk restore FILE               set up again from that file
                   souk export all DIR             people, groups, rules and apps as files for apply
                   souk migrate                    bring the database to this version; serve does it, too
                   souk version
                   souk completion SHELL           completion for bash, zsh, fish or PowerShell

Exit status: 0 fine, 1 findings or a refused action, 2 wrong usage or cannot run.
souk COMMAND --help tells more.
`

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "souk", Short: "A marketplace for small apps, with feature-flag governance", SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd == root {
			fmt.Fprint(cmd.OutOrStdout(), story)
			return
		}
		help(cmd, args)
	})
	root.AddCommand(p.serveCommand(), p.demoCommand(), p.checkCommand(), p.inviteCommand(), p.applyCommand(), p.tokenCommand(), p.keyCommand(),
		p.importCommand(), p.exportCommands(), p.complianceCommand(), p.killCommand(), p.killsCommand(), p.environmentCommand(), p.auditCommand(), p.doctorCommand(), p.backupCommand(), p.restoreCommand(), p.migrateCommand(), p.versionCommand())
	return root
}

// run wraps what a command does, so that its errors are told from those of its usage.
func run(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := do(cmd, args); err != nil {
			return ran{err}
		}
		return nil
	}
}

// oneOf is a flag whose value is one of a few words.
type oneOf struct {
	into  *string
	words []string
}

// String gives the present word.
func (o oneOf) String() string {
	if o.into == nil {
		return ""
	}
	return *o.into
}

// Set takes a word.
func (o oneOf) Set(word string) error {
	for _, known := range o.words {
		if word == known {
			*o.into = word
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(o.words, ", "))
}

// Type names the words, for the help.
func (o oneOf) Type() string { return strings.Join(o.words, "|") }

// outputFlag gives a command the flag -o.
func (p *program) outputFlag(cmd *cobra.Command, more ...string) {
	p.output = "text"
	cmd.Flags().VarP(oneOf{&p.output, append([]string{"text", "json"}, more...)}, "output", "o", "how to write the result")
}

// installation gives a command the flags that say which installation it touches.
func (p *program) installation(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.data, "data", "", "data directory (default ./souk-data)")
	cmd.Flags().StringVar(&p.database, "database", "", "URL of a PostgreSQL database (default: SQLite in the data directory)")
}

// config gives the configuration that holds for a command: souk.yaml, variables, flags.
func (p *program) config(file string) (serve.Config, error) {
	cfg := serve.Defaults()
	if err := readConfigFile(&cfg, file); err != nil {
		return cfg, err
	}
	for _, name := range cfg.ReadEnv(p.Environ) {
		fmt.Fprintf(p.Err, "souk: warning: the variable %s means nothing\n", name)
	}
	if p.data != "" {
		cfg.Data = p.data
	}
	if p.database != "" {
		cfg.DatabaseURL = p.database
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	return cfg, nil
}

// write writes a result: as JSON, or in the words that text gives.
func (p *program) write(v any, text func(w io.Writer)) error {
	if p.output != "json" {
		text(p.Out)
		return nil
	}
	encoder := json.NewEncoder(p.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
