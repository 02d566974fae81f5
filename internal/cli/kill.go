package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// killOptions are what souk kill is told.
type killOptions struct {
	registry.Selection
	environment, reason string
	all, here           bool
	expect              int
}

func (p *program) killCommand() *cobra.Command {
	var o killOptions
	cmd := &cobra.Command{
		Use: "kill FLAG --environment ENV", Short: "Turn a flag off for everybody, at once", Args: cobra.MaximumNArgs(1),
		Long: `Turn a flag off for everybody in an environment, or with --app, --owner, --tag or --all everything of an app, of a group,
with a tag or of the environment, and print how far that got. It is one act: either all of it is off, or nothing.

With --here, on a server whose database is away or locked, a flag is turned off on that server alone: at once, over restarts, and
as an ordinary kill as soon as the database is back.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Flag = args[0]
			}
			if o.all {
				o.Selection.Environment = o.environment
			}
			if err := o.meant(); err != nil {
				return err
			}
			switch {
			case o.here:
				return p.killHere(cmd.Context(), o)
			case o.Flag != "":
				return p.killFlag(cmd.Context(), o)
			}
			return p.killMany(cmd.Context(), o)
		}),
	}
	cmd.Flags().StringVar(&o.environment, "environment", "", "environment to turn it off in")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for the audit log")
	cmd.Flags().StringVar(&o.App, "app", "", "everything of this app")
	cmd.Flags().StringVar(&o.Owner, "owner", "", "everything of this group")
	cmd.Flags().StringVar(&o.Tag, "tag", "", "everything that has this tag")
	cmd.Flags().BoolVar(&o.all, "all", false, "everything in the environment")
	cmd.Flags().IntVar(&o.expect, "expect", -1, "turn nothing off if it is more flags than this (default as many as there are)")
	cmd.Flags().BoolVar(&o.here, "here", false, "on this server alone, while its database is away")
	_ = cmd.MarkFlagRequired("environment") // it is defined above
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

// meant refuses what cannot be meant.
func (o killOptions) meant() error {
	if o.Check() != nil {
		return fault.New(fault.Invalid, "one_selection", "it is not said what to turn off").Fix("name a flag, or give one of --app, --owner, --tag and --all")
	}
	if o.here && o.Flag == "" {
		return fault.New(fault.Invalid, "one_flag", "--here turns off one flag at a time").Fix("name the flag")
	}
	return nil
}

func (p *program) killFlag(ctx context.Context, o killOptions) error {
	var killed api.KilledFlag
	err := p.with(ctx, func(c *client) error {
		return c.post(ctx, pathf("/flags/%s/environments/%s/kill", o.Flag, o.environment), api.Reason{Reason: o.reason}, &killed)
	})
	if err != nil {
		return err
	}
	return p.write(killed, func(w io.Writer) {
		if killed.Committed {
			fmt.Fprintf(w, "%s is off for everybody in %s since %s (revision %d)\n",
				killed.Key, o.environment, killed.Receipt.CommittedAt.Format(time.RFC3339), killed.Receipt.Revision)
		} else {
			fmt.Fprintf(w, "%s is off for everybody in %s since %s; kill %s is being written to the log\n",
				killed.Key, o.environment, killed.Receipt.ServedAt.Format(time.RFC3339), killed.KillID)
		}
		printReceipt(w, killed.Receipt)
	})
}

func (p *program) killMany(ctx context.Context, o killOptions) error {
	order := api.KillOrder{Select: o.Selection, Environment: o.environment, Reason: o.reason, ExpectFlags: &o.expect}
	var act api.CarriedOut
	err := p.with(ctx, func(c *client) error {
		if o.expect < 0 {
			var extent registry.Extent
			if err := c.post(ctx, "/kills:count", api.KillCountOrder{Select: order.Select, Environment: order.Environment}, &extent); err != nil {
				return err
			}
			o.expect = extent.Flags
		}
		return c.post(ctx, "/kills", order, &act)
	})
	if err != nil {
		return err
	}
	return p.write(act, func(w io.Writer) {
		fmt.Fprintf(w, "%s off for everybody in %s since %s (kill %s, ", are(act.Flags, "flag"), act.Environment, act.At.Format(time.RFC3339), act.ID)
		if act.Committed {
			fmt.Fprintf(w, "revision %d)\n", act.Revision)
		} else {
			fmt.Fprintln(w, "which is being written to the log)")
		}
		if act.Rollouts > 0 {
			fmt.Fprintf(w, "%s stopped\n", are(act.Rollouts, "rollout"))
		}
		printReceipt(w, act.Receipt)
	})
}

func are(n int, one string) string {
	if n == 1 {
		return "1 " + one + " is"
	}
	return plural(n, one) + " are"
}

// killHere turns a flag off through the local socket of the server on the data directory, which is asked even though its database
// is away.
func (p *program) killHere(ctx context.Context, o killOptions) error {
	cfg, err := p.config("")
	if err != nil {
		return err
	}
	c, err := dialSocket(cfg.Data)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }()
	var done api.HereDone
	order := api.HereOrder{Flag: o.Flag, Environment: o.environment, Reason: o.reason}
	if err := c.postTo(ctx, api.HerePath, order, &done); err != nil {
		return err
	}
	return p.write(done, func(w io.Writer) {
		fmt.Fprintf(w, "%s is off for everybody who asks this server in %s; it becomes an ordinary kill when the database is back\n", o.Flag, o.environment)
	})
}

// printReceipt says how far a kill got.
func printReceipt(w io.Writer, r api.Receipt) {
	for _, line := range receiptLines(r, time.Now()) {
		fmt.Fprintln(w, line)
	}
}

func receiptLines(r api.Receipt, now time.Time) []string {
	var lines []string
	c := r.Clients
	connected := c.Sent + c.Waiting + c.Unreachable + c.Reconnecting
	switch {
	case connected == 0 && r.Polling.Clients == 0:
		lines = append(lines, "no client is connected")
	case connected > 0:
		line := fmt.Sprintf("%d of %s", c.Sent, plural(connected, "connected client"))
		if c.Sent > 0 {
			line += fmt.Sprintf(" were sent it, the last after %d ms; the hosts of %d have it", c.LastMS, c.ConfirmedByHost)
		} else {
			line += " were sent it"
		}
		lines = append(lines, line)
	}
	if c.InProcess > 0 {
		lines = append(lines, fmt.Sprintf("%d of these evaluate by themselves: nothing tells whether they apply it", c.InProcess))
	}
	if c.Refetched > 0 {
		lines = append(lines, plural(c.Refetched, "client")+" fetched the flags again because of it")
	}
	var lost []string
	for _, part := range []struct {
		n     int
		words string
	}{{c.Waiting, "wait for it"}, {c.Reconnecting, "are reconnecting"}, {c.Unreachable, "cannot be reached and keep what they had"}} {
		if part.n > 0 {
			lost = append(lost, fmt.Sprintf("%d %s", part.n, part.words))
		}
	}
	if len(lost) > 0 {
		lines = append(lines, strings.Join(lost, ", "))
	}
	if p := r.Polling; p.Clients > 0 {
		line := fmt.Sprintf("%d of %s that ask by themselves have asked since", p.Asked, plural(p.Clients, "client"))
		if p.DueAt != nil {
			line += fmt.Sprintf("; the last is due in %s", max(0, p.DueAt.Sub(now)).Round(time.Second))
		}
		lines = append(lines, line)
	}
	if len(r.Silent) > 0 {
		lines = append(lines, "not heard of yet: "+strings.Join(r.Silent, ", "))
	}
	if !r.ServedHere {
		lines = append(lines, "it is committed, but the server that answered does not serve it yet")
	}
	return lines
}

func (p *program) killsCommand() *cobra.Command {
	var uncommitted bool
	list := &cobra.Command{
		Use: "list", Short: "What was turned off for everybody, newest first, a hundred at most", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			var acts store.Listing[kill.Act]
			path := "/kills"
			if uncommitted {
				path += "?uncommitted=true"
			}
			if err := p.with(cmd.Context(), func(c *client) error { return c.get(cmd.Context(), path, &acts) }); err != nil {
				return err
			}
			return p.write(acts, func(w io.Writer) {
				for _, act := range acts.Items {
					fmt.Fprintln(w, killLine(act))
				}
			})
		}),
	}
	list.Flags().BoolVar(&uncommitted, "uncommitted", false, "only those that are served and not in the log yet")
	var reason string
	end := &cobra.Command{
		Use: "end KILL --reason WHY", Short: "Let go of a kill that is served and that the database refuses", Args: cobra.ExactArgs(1),
		Long: `A kill that is served before it is committed stays so until it is. Where the database refuses to have it, souk doctor says why. This lets go of
it: its flags are served as the database has them. Administrators do it, and the audit log has it with the reason.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			err := p.with(cmd.Context(), func(c *client) error {
				return c.post(cmd.Context(), pathf("/kills/%s/end", args[0]), api.Reason{Reason: reason}, nil)
			})
			if err == nil {
				fmt.Fprintf(p.Out, "kill %s is ended; what it held off is served as the database has it\n", args[0])
			}
			return err
		}),
	}
	end.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	_ = end.MarkFlagRequired("reason") // it is defined above
	p.installation(list)
	p.outputFlag(list)
	p.installation(end)
	return group("kills", "What was turned off for everybody", list, end)
}

// killLine is a kill in a list.
func killLine(act kill.Act) string {
	state := fmt.Sprintf("%d of %d still off", act.Standing, act.Flags)
	if act.CommittedAt == nil {
		state = "served, not in the log yet"
	}
	return fmt.Sprintf("%s  %s  %s in %s, by %s: %s (%s)", act.ID, act.At.Format(time.RFC3339), act.Select.Words(), act.Environment, act.By, act.Reason, state)
}

func (p *program) environmentCommand() *cobra.Command {
	var served int64
	var reason string
	follow := &cobra.Command{
		Use: "follow ENV --served REVISION", Short: "Follow a database again that came back older than what is served", Args: cobra.ExactArgs(1),
		Long: `A server that finds its database older than what it serves, as after an old backup was restored, goes on serving what it has, besides
what is turned off in the database; souk doctor says so. This gives up the newer flags. What was turned off in them stays so.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			var e registry.Environment
			err := p.with(cmd.Context(), func(c *client) error {
				return c.post(cmd.Context(), pathf("/environments/%s/follow", args[0]), api.FollowOrder{Served: served, Reason: reason}, &e)
			})
			if err != nil {
				return err
			}
			return p.write(e, func(w io.Writer) {
				fmt.Fprintf(w, "%s serves what the database has, at revision %d\n", e.Name, e.Revision)
			})
		}),
	}
	follow.Flags().Int64Var(&served, "served", 0, "revision that is given up, as souk doctor names it")
	follow.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	_ = follow.MarkFlagRequired("served") // it is defined above
	p.installation(follow)
	p.outputFlag(follow)
	return group("environment", "Environments", follow)
}
