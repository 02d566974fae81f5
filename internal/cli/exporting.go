package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
)

func (p *program) exportCommands() *cobra.Command {
	return group("export", "Write flags, or all that files can say, for other programs and for git", p.exportFlagsCommand(), p.exportAllCommand())
}

func (p *program) exportFlagsCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use: "flagd", Short: "Write what an environment serves as a document of flagd", Args: cobra.NoArgs,
		Long: `Print a document of flags. What was imported comes back as it was given; flags that were made here, and those
that are turned off for everybody, stand there as they are served.`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd.Context(), func(c *client) error {
				answer, err := c.send(cmd.Context(), http.MethodGet, "/api/v1"+pathf("/environments/%s/export?format=flagd", environment), nil)
				if err != nil {
					return err
				}
				defer answer.Body.Close()
				if _, err := io.Copy(p.Out, answer.Body); err != nil {
					return fmt.Errorf("write document: %w", err)
				}
				return nil
			})
		}),
	}
	cmd.Flags().StringVar(&environment, "environment", "sandbox", "environment whose flags are written")
	p.installation(cmd)
	return cmd
}

// allWritten is what export all did.
type allWritten struct {
	Directory string          `json:"directory"`
	Files     []string        `json:"files"`
	Documents int             `json:"documents"`
	Warnings  []fault.Finding `json:"warnings"`
}

func (p *program) exportAllCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "all DIR", Short: "Write people, groups, environments, segments, templates, policies, lifecycle and apps as files for apply", Args: cobra.ExactArgs(1),
		Long: `Write what files can say of an installation into a directory: souk apply -f DIR makes an empty installation the same, once the requests
for its apps are approved. What every installation begins with, and nobody changed, is left out, and so are what flags serve, kills and
credentials: souk backup has those.

The directory is made where there is none; one that has files is taken only if it holds an earlier export, which is replaced. Other files
in it stay.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			before, err := earlierExport(dir)
			if err != nil {
				return err
			}
			var exported apply.Exported
			if err := p.with(cmd.Context(), func(c *client) error { return c.get(cmd.Context(), "/export", &exported) }); err != nil {
				return err
			}
			files, err := apply.Files(exported.Documents)
			if err != nil {
				return err
			}
			if err := replaceFiles(cmd.Context(), dir, files, before); err != nil {
				return err
			}
			done := allWritten{Directory: dir, Files: namesOf(files), Documents: len(exported.Documents), Warnings: exported.Warnings}
			return p.write(done, func(w io.Writer) {
				for _, warning := range done.Warnings {
					fmt.Fprintln(w, findingLine("", warning))
				}
				fmt.Fprintf(w, "wrote %s in %s to %s\n", plural(done.Documents, "document"), plural(len(files), "file"), dir)
			})
		}),
	}
	p.installation(cmd)
	p.outputFlag(cmd)
	return cmd
}

// exportMark is the file that says which files of a directory an export wrote. Its name is hidden, so that apply leaves it out.
const exportMark = ".souk-export"

const exportMarkHead = "# Written by souk export all, which replaces these files the next time.\n"

// earlierExport returns the files that an earlier export wrote into the directory. One that has files and no export is refused.
func earlierExport(dir string) ([]string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, exportMark))
	if err == nil {
		var files []string
		for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
			if name := filepath.FromSlash(lines.Text()); !strings.HasPrefix(name, "#") && filepath.IsLocal(name) {
				files = append(files, name)
			}
		}
		return files, nil
	}
	unusable := func(err error) error {
		return fault.New(fault.Invalid, "no_directory", "%s cannot be used as a directory for the export", dir).
			Fix("name a directory that you may write to, or one that is not there yet").Because(err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, unusable(err)
	}
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, unusable(err)
	case len(entries) > 0:
		return nil, fault.New(fault.Conflict, "directory_not_empty", "%s has files that no export wrote, such as %s", dir, entries[0].Name()).
			Fix("name an empty directory, one that is not there yet, or one that holds an earlier export")
	}
	return nil, nil
}

func namesOf(files []apply.File) []string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	slices.Sort(names)
	return names
}

// replaceFiles writes files into a directory in the place of those that were written before. All are on the disk before the first takes
// its place, so that a full disk leaves what was there; each takes its place at once, the mark first, so that an export that was broken
// off can be repeated.
func replaceFiles(ctx context.Context, dir string, files []apply.File, before []string) (err error) {
	mark := apply.File{Name: exportMark, Data: []byte(exportMarkHead + strings.Join(namesOf(files), "\n") + "\n")}
	files = append([]apply.File{mark}, files...)
	var beside []string
	defer func() {
		for _, name := range beside {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			return cannotWrite(name, err)
		}
		written, err := writeBeside(name, func(w io.Writer) error {
			_, err := w.Write(file.Data)
			return errors.Join(err, ctx.Err())
		})
		if err != nil {
			return err
		}
		beside = append(beside, written)
	}
	for _, name := range before {
		if slices.ContainsFunc(files, func(f apply.File) bool { return filepath.FromSlash(f.Name) == name }) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cannotWrite(name, err)
		}
	}
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.Rename(beside[0], name); err != nil {
			return cannotWrite(name, err)
		}
		beside = beside[1:]
	}
	return nil
}

func cannotWrite(name string, err error) error {
	return fault.New(fault.Invalid, "cannot_write", "%s cannot be written", name).Fix("name a place that you may write to").Because(err)
}
