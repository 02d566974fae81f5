package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
)

func (p *program) auditCommand() *cobra.Command {
	return group("audit", "The log that nobody can rewrite", p.exportCommand(), p.verifyCommand(), p.acknowledgeCommand(), p.eraseCommand())
}

func (p *program) exportCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "export [-o FILE]", Short: "Write the whole log as lines of JSON, the signed checkpoint last", Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), func(c *client) error {
				if file == "" || file == "-" {
					return export(cmd.Context(), c, p.Out)
				}
				return replaceFile(file, func(w io.Writer) error { return export(cmd.Context(), c, w) })
			})
		}),
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write (default standard output)")
	p.installation(cmd)
	return cmd
}

func export(ctx context.Context, c *client, w io.Writer) error {
	answer, err := c.send(ctx, http.MethodGet, "/api/v1/audit/export", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("the export broke off: %w", err)
	}
	return nil
}

// replaceFile writes a file that is there as a whole or not at all.
func replaceFile(name string, write func(io.Writer) error) error {
	written, err := writeBeside(name, write)
	if err != nil {
		return err
	}
	if err := os.Rename(written, name); err != nil {
		return errors.Join(err, os.Remove(written))
	}
	return nil
}

// writeBeside writes a file of another name into the directory of the named one, and returns that name.
func writeBeside(name string, write func(io.Writer) error) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".souk-*")
	if err != nil {
		return "", fault.New(fault.Invalid, "cannot_write", "%s cannot be written", name).Fix("name a file in a directory that you may write to").Because(err)
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (p *program) verifyCommand() *cobra.Command {
	var options audit.VerifyOptions
	var since string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Prove that an export is what was signed; needs no server", Args: cobra.ExactArgs(1),
		Long: `Prove that an export holds exactly the events that were signed: none changed, removed, reordered or slipped in.

Give --key, which the server shows in GET /api/v1/audit/checkpoint, to know who signed; without it whoever held the server could
have rewritten all of it. Give --since, a checkpoint, an export or the file checkpoints of the data directory, kept from before,
to know that the log goes on from there; every line of it counts.`,
		RunE: run(func(_ *cobra.Command, args []string) error {
			if since != "" {
				f, err := open(since)
				if err != nil {
					return err
				}
				options.Since, err = audit.ReadCheckpoints(f, options.Keys)
				if err := errors.Join(err, f.Close()); err != nil {
					return err
				}
			}
			f, err := open(args[0])
			if err != nil {
				return err
			}
			report, err := audit.Verify(f, options)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			if err := p.write(report, func(w io.Writer) { printReport(w, report) }); err != nil {
				return err
			}
			for _, warning := range report.Warnings {
				fmt.Fprintf(p.Err, "souk: warning: %s\n", warning)
			}
			if !report.OK {
				return errFindings
			}
			return nil
		}),
	}
	cmd.Flags().StringArrayVar(&options.Keys, "key", nil, "verifier key of a server that may have signed; may be given several times")
	cmd.Flags().StringVar(&since, "since", "", "file with earlier checkpoints that the log has to continue")
	p.outputFlag(cmd)
	return cmd
}

func (p *program) acknowledgeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "acknowledge --reason TEXT", Short: "Let a log that was set back go on under a new name", Args: cobra.NoArgs,
		Long: `A log that does not continue what was published of it, such as after restoring a backup, is not published and grows no more. Put the
newest copy of the database in place. If there is none, acknowledge it: the log begins anew with all events that the database
holds, and its first event says which size and root were given up, by whom and why.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), func(c *client) error {
				var now audit.Checkpoint
				if err := c.post(cmd.Context(), "/audit/acknowledge", map[string]string{"reason": reason}, &now); err != nil {
					return err
				}
				return p.write(now, func(w io.Writer) { fmt.Fprintf(w, "the log goes on:\n%s", now.Note) })
			})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why what was published cannot be had back")
	_ = cmd.MarkFlagRequired("reason")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func (p *program) eraseCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "erase EVENT --reason TEXT", Short: "Delete the free text of an event, as law may demand", Args: cobra.ExactArgs(1),
		Long: `Comments, descriptions and other free text stand in the log as salted hashes, with text and salt beside them. This deletes those of one
event; the event, its hash and every proof of it stay. A reason is no such text: it is part of the event for good. What else holds
the text, such as the request that was commented, is not touched.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.with(cmd.Context(), func(c *client) error {
				var erased api.Erased
				if err := c.post(cmd.Context(), "/audit/events/"+url.PathEscape(args[0])+"/erase", map[string]string{"reason": reason}, &erased); err != nil {
					return err
				}
				return p.write(erased, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", strings.Join(erased.Paths, ", ")) })
			})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "which law or request demands it")
	_ = cmd.MarkFlagRequired("reason")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func open(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot_read", "%s cannot be read", name).Fix("check its name and who may read it").Because(err)
	}
	return f, nil
}

func printReport(w io.Writer, report audit.Report) {
	for _, problem := range report.Problems {
		if problem.Line > 0 {
			fmt.Fprintf(w, "line %d: ", problem.Line)
		}
		fmt.Fprintln(w, problem.Message)
	}
	if !report.OK {
		fmt.Fprintf(w, "NOT verified: %s\n", plural(len(report.Problems), "problem"))
		return
	}
	fmt.Fprintf(w, "verified: %s, signed by %v\n", plural(int(report.Events), "event"), report.SignedBy)
}
