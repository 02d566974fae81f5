package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
)

func (p *program) doctorCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with an installation, and how to mend it", Args: cobra.NoArgs,
		Long: `Look at configuration, files, disk, database, audit log, clock, administrators, approvers, policies and what is about to end.
Exits with 1 if something does not work; warnings alone are 0.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(file)
			if err != nil {
				return err
			}
			var found api.Examination
			c, err := p.connectTo(cmd.Context(), cfg)
			if err == nil {
				err = errors.Join(c.get(cmd.Context(), "/doctor", &found), c.close())
			}
			if err != nil {
				found.Items = serve.Unopened(cfg, err)
			}
			if err := p.write(found, func(w io.Writer) { printExamination(w, found) }); err != nil {
				return err
			}
			if slices.ContainsFunc(found.Items, func(d api.Diagnosis) bool { return d.Status == api.Failed }) {
				return errFindings
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default ./souk.yaml if it is there)")
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

func printExamination(w io.Writer, found api.Examination) {
	for _, d := range found.Items {
		mark := "ok"
		switch d.Status {
		case api.Well:
		case api.Warning:
			mark = "warn"
		case api.Failed:
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%-5s %-16s %s\n", mark, d.Name, d.Words)
		if d.Remediation != "" {
			fmt.Fprintf(w, "%-22s → %s\n", "", d.Remediation)
		}
	}
}

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write all of an installation into one file, while it runs", Args: cobra.ExactArgs(1),
		Long: `Write all that was committed before the command began into one file, which souk restore reads on either database engine.
Keys and sessions are not in it: keep DATA/audit.key and DATA/secret.key (or SOUK_AUDIT_KEY and SOUK_SECRET_KEY) apart from it.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if _, err := os.Stat(name); err == nil {
				return fault.New(fault.Conflict, "file_exists", "%s is there already", name).Fix("name a file that is not, or move that one away")
			}
			var bytes int64
			err := p.with(cmd.Context(), func(c *client) error {
				answer, err := c.send(cmd.Context(), http.MethodGet, "/api/v1/backup", nil)
				if err != nil {
					return err
				}
				defer answer.Body.Close()
				bytes, err = writeWhole(name, answer.Body)
				return err
			})
			if err != nil {
				return err
			}
			return p.write(map[string]any{"file": name, "bytes": bytes}, func(w io.Writer) {
				fmt.Fprintf(w, "wrote %s, %d bytes\nthe keys are not in it: keep audit.key and secret.key of the data directory too, apart from it\n", name, bytes)
			})
		}),
	}
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

// writeWhole writes a file that has its name only once all of it is on disk.
func writeWhole(name string, from io.Reader) (n int64, err error) {
	part, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".part-*") // mode 0600
	if err != nil {
		return 0, fault.New(fault.Invalid, "cannot_write", "%s cannot be written", name).Fix("name a file in a directory that you may write to").Because(err)
	}
	n, err = io.Copy(part, from)
	if err = errors.Join(err, part.Sync(), part.Close()); err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		_ = os.Remove(part.Name())
		return 0, fmt.Errorf("write %s: %w", name, err)
	}
	return n, nil
}

func (p *program) restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Set an installation up again from a backup, in an empty place", Args: cobra.ExactArgs(1),
		Long: `Make an empty data directory (--data) or an empty PostgreSQL database (--database) what a backup says, all of it or nothing.
Put the keys of the old installation in place before you start a server there.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			cfg, err := p.config("")
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return fault.New(fault.Invalid, "no_file", "%s cannot be read", args[0]).Fix("name a file that souk backup wrote").Because(err)
			}
			defer file.Close()
			header, err := serve.Restore(cmd.Context(), cfg, file)
			if err != nil {
				return err
			}
			return p.write(header, func(w io.Writer) {
				fmt.Fprintf(w, "restored what version %s wrote on %s\n", header.Version, header.At.Format("2006-01-02 15:04 MST"))
				fmt.Fprintf(w, "before a server starts here, put the old audit.key and secret.key into %s; the log was signed by\n", cfg.Data)
				for _, key := range header.AuditKeys {
					fmt.Fprintf(w, "  %s\n", key)
				}
				fmt.Fprintf(w, "ended: %s; valid again: %s. Was one of them revoked after the backup? Revoke it once more, under Admin → Tokens\n",
					plural(int(header.Links), "one-time link"), plural(int(header.Tokens), "token"))
			})
		}),
	}
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}
