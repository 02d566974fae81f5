package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
)

func (p *program) importCommand() *cobra.Command {
	in := api.Importing{}
	var from string
	cmd := &cobra.Command{
		Use: "import FORMAT FILE", Short: "Take the flags of another system over", Args: cobra.ExactArgs(2),
		Long: `Read a document of flags (FORMAT is one of ` + strings.Join(importer.Formats, ", ") + `; FILE - reads stdin, and
YAML is taken, too), keep its keys and shared rules, and serve them in an environment: at once in the sandbox and wherever nobody approves,
else as a request that others decide. What the format says and Souk cannot is a report, item by item.

What flags lack is a report and keeps none out: an owner, a contact, a TTL, a variant that they may come to, a value for off. Members owner,
contact, ttl_days, app, tags and off_variant of a flag's metadata say them; so does a map, which goes before: CSV with a line for each flag,
and a first line of key and any of app, owner, contact, ttl_days, tags, off_variant. Importing the same again changes nothing. Exits with 1 if a flag could not be taken; all others are.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			in.Format = args[0]
			if err := knownFormat(in.Format, importer.Formats); err != nil {
				return err
			}
			text, err := p.readDocument(args[1])
			if err != nil {
				return err
			}
			if in.Map, err = p.readMap(from); err != nil {
				return err
			}
			if in.Document, err = json.Marshal(text); err != nil {
				return fmt.Errorf("encode document: %w", err)
			}
			var done api.Imported
			if err := p.with(cmd.Context(), func(c *client) error { return c.post(cmd.Context(), "/imports", in, &done) }); err != nil {
				return err
			}
			if err := p.write(done, func(w io.Writer) { printImport(w, done) }); err != nil {
				return err
			}
			if done.Plan.Refused() {
				return errFindings
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&in.Environment, "environment", "sandbox", "environment to serve them in")
	cmd.Flags().StringVar(&in.App, "app", "", "short name of the app that they belong to (default none: operators and admins act for them)")
	cmd.Flags().StringVar(&in.From, "from", "", "which environment of the document is meant, where it has several")
	cmd.Flags().StringVar(&from, "map", "", "CSV file that says who answers for the flags")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the audit log and for who approves it")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "print the plan and what flags lack, and stop")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func knownFormat(name string, among []string) error {
	if slices.Contains(among, name) {
		return nil
	}
	return fault.New(fault.Invalid, "unknown_format", "there is no format %q of flags", name).
		Fix("%s", fault.Meant(name, among, "choose one of "+strings.Join(among, ", ")))
}

// readMap returns the text of a map; without a name there is none.
func (p *program) readMap(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := p.readFile(name, "name a CSV file")
	return string(text), err
}

// readFile reads a file, or standard input by the name -, as far as a document may be long.
func (p *program) readFile(name, remedy string) ([]byte, error) {
	unread := func(err error) error {
		return fault.New(fault.Invalid, "no_file", "%s cannot be read", name).Fix("%s", remedy).Because(err)
	}
	from := p.In
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, unread(err)
		}
		defer file.Close()
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, importer.MaxBytes+1))
	if err != nil {
		return nil, unread(err)
	}
	return text, nil
}

// readDocument returns the text of a document as JSON.
func (p *program) readDocument(name string) (string, error) {
	text, err := p.readFile(name, "name a file with flags")
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return importer.FromYAML(text)
	}
	return string(text), nil
}

func printImport(w io.Writer, done api.Imported) {
	plan := done.Plan
	for _, part := range []struct {
		what  string
		steps []importer.Step
	}{{"evaluator", plan.Evaluators}, {"flag", plan.Flags}} {
		for _, step := range part.steps {
			if step.Action == importer.Keep {
				continue
			}
			printStep(w, step, part.what+" "+step.Key)
		}
	}
	printGaps(w, plan.Gaps)
	fmt.Fprintf(w, "%d new, %d changed, %d unchanged, %d not taken\n",
		plan.Counts["create"], plan.Counts["update"], plan.Counts["keep"], plan.Counts["refuse"])
	switch {
	case done.DryRun:
		fmt.Fprintln(w, "nothing was changed (dry run)")
	case done.Request != nil:
		fmt.Fprintf(w, "request %s waits for approval: %s is changed by requests\n", done.Request.ID, plan.Environment)
	case plan.Counts["create"]+plan.Counts["update"] > 0:
		fmt.Fprintf(w, "%s serves them\n", plan.Environment)
	}
}

// printStep prints what happens to what is named, who is to answer for it, and why it is refused.
func printStep(w io.Writer, step importer.Step, what string) {
	fmt.Fprintf(w, "%-7s %s\n", step.Action, what)
	if owns := step.Owns(); owns != "" {
		fmt.Fprintf(w, "        %s\n", owns)
	}
	if step.Action == importer.Refuse {
		fmt.Fprintf(w, "        %s\n        → %s\n", step.Message, step.Remediation)
	}
}

// printGaps tells each gap once, with the flags that have it.
func printGaps(w io.Writer, gaps []importer.Gap) {
	keys := map[importer.Gap][]string{}
	var order []importer.Gap
	for _, gap := range gaps {
		key := gap.Key
		gap.Key = ""
		if keys[gap] == nil {
			order = append(order, gap)
		}
		keys[gap] = append(keys[gap], key)
	}
	for _, gap := range order {
		who := keys[gap]
		list := strings.Join(who[:min(len(who), 5)], ", ")
		if len(who) > 5 {
			list += fmt.Sprintf(" and %d more", len(who)-5)
		}
		fmt.Fprintf(w, "gap     %s: %s\n        of %s\n        → %s\n", gap.Code, gap.Message, list, gap.Remediation)
	}
}
