package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/insight"
)

func (p *program) complianceCommand() *cobra.Command {
	var table string
	in := api.Completing{}
	cmd := &cobra.Command{
		Use: "compliance", Short: "List flags without an owner, a contact, a TTL or a value for a kill", Args: cobra.NoArgs,
		Long: `List flags that lack an owner, a contact, a TTL or a variant that a kill serves, those that are used most first, and how their number changed.
Exits with 1 if there are any.

With --map they get what they lack: CSV with a line for each flag, and a first line of key and any of app, owner, contact, ttl_days, tags,
off_variant. That is done at once, or by one request where others approve.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), func(c *client) error {
				if table != "" {
					return p.complete(cmd, c, table, in)
				}
				all, err := compliance(cmd, c)
				if err != nil {
					return err
				}
				if err := p.write(all, func(w io.Writer) { printCompliance(w, all) }); err != nil {
					return err
				}
				if len(all.Items) > 0 {
					return errFindings
				}
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&table, "map", "", "CSV file that says what flags are to have")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the audit log and for who approves it")
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "with --map: print the plan, and stop")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

// compliance reads all pages.
func compliance(cmd *cobra.Command, c *client) (all insight.Compliance, err error) {
	items := []insight.Incomplete{}
	for {
		var page insight.Compliance
		if err := c.get(cmd.Context(), pathf("/insight/compliance?limit=1000&cursor=%s", all.Next), &page); err != nil {
			return all, err
		}
		items = append(items, page.Items...)
		if all = page; page.Next == "" {
			all.Items = items
			return all, nil
		}
	}
}

func (p *program) complete(cmd *cobra.Command, c *client, table string, in api.Completing) error {
	text, err := p.readMap(table)
	if err != nil {
		return err
	}
	flags, err := importer.ReadMap(text)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		in.Flags = append(in.Flags, api.Completed{Key: key, Ownership: flags[key]})
	}
	var done api.Completion
	if err := c.post(cmd.Context(), "/insight/compliance", in, &done); err != nil {
		return err
	}
	return p.write(done, func(w io.Writer) { printCompletion(w, done) })
}

func printCompliance(w io.Writer, c insight.Compliance) {
	for _, f := range c.Items {
		lacks := make([]string, len(f.Lacks))
		for i, lack := range f.Lacks {
			lacks[i] = string(lack)
		}
		fmt.Fprintf(w, "%-40s lacks %-28s asked for %d times in 7 days\n", f.Key, strings.Join(lacks, ", "), f.Evaluations)
	}
	fmt.Fprintf(w, "%d of %d flags are complete\n", c.Now.Complete, c.Now.Flags)
	days := progress(c)
	if len(days) < 2 {
		return
	}
	fmt.Fprintf(w, "\n%-10s %14s %9s %11s %7s %14s\n", "day", "complete", "no owner", "no contact", "no TTL", "no kill value")
	for _, d := range days {
		complete := fmt.Sprintf("%d of %d", d.Complete, d.Flags)
		fmt.Fprintf(w, "%-10s %14s %9d %11d %7d %14d\n", d.Day, complete, d.Owner, d.Contact, d.TTL, d.Kill)
	}
}

// progress returns the days that show how the number of complete flags changed: the first that is known, those of a year, a quarter, a
// month and a week ago, or the last known before, and today.
func progress(c insight.Compliance) (days []insight.Day) {
	now, err := time.Parse(time.DateOnly, c.Now.Day)
	if err != nil || len(c.Days) == 0 {
		return nil
	}
	days = c.Days[:1:1]
	for _, ago := range []int{365, 91, 30, 7} {
		until := now.AddDate(0, 0, -ago).Format(time.DateOnly)
		for _, d := range slices.Backward(c.Days) {
			if d.Day <= until {
				days = append(days, d)
				break
			}
		}
	}
	days = slices.CompactFunc(days, func(a, b insight.Day) bool { return a.Day == b.Day })
	return append(days, c.Now)
}

func printCompletion(w io.Writer, done api.Completion) {
	for _, plan := range done.Plans {
		for _, step := range plan.Flags {
			printStep(w, step, step.Key+" in "+plan.Environment)
		}
		printGaps(w, plan.Gaps)
	}
	for _, r := range done.Requests {
		fmt.Fprintf(w, "request %s waits for approval\n", r.ID)
	}
	if done.DryRun {
		fmt.Fprintln(w, "nothing was changed (dry run)")
	}
}
