package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/telemetry"
)

//go:generate go test -run TestTheReferenceIsCurrent -update .

var update = flag.Bool("update", false, "write docs/reference anew")

const reference = "../../docs/reference"

// TestTheReferenceIsCurrent compares docs/reference with what the program says of itself.
func TestTheReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"commands.md": commandsPage(), "configuration.md": configurationPage(), "api.md": apiPage(t), "metrics.md": metricsPage(), "events.md": eventsPage(),
	} {
		file := filepath.Join(reference, name)
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // a page for everybody
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(golden), text); diff != "" {
			t.Errorf("%s is not current: run go generate ./internal/cli\n%s", file, diff)
		}
	}
}

const generated = "Made from the program by `make generate`; do not edit.\n"

// commandsPage tells of every command with its flags.
func commandsPage() string {
	p := &program{Console: Console{Out: io.Discard, Err: io.Discard}}
	root := p.root()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	fmt.Fprintf(&b, "# Commands\n\n%s\n```\n%s```\n", generated, story)
	var tell func(cmd *cobra.Command)
	tell = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
				continue
			}
			if c.HasSubCommands() {
				tell(c)
				continue
			}
			fmt.Fprintf(&b, "\n## %s %s\n\n%s.\n", cmd.CommandPath(), c.Use, strings.TrimSuffix(c.Short, "."))
			if c.Long != "" {
				fmt.Fprintf(&b, "\n%s\n", c.Long)
			}
			tellFlags(&b, c)
		}
	}
	tell(root)
	return b.String()
}

// metricsPage tells of every metric.
func metricsPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Metrics\n\n%s\nWhat Prometheus reads at `/metrics`. Besides these there are those of the Go runtime (`go_…`) and of the process (`process_…`).\n"+
		"[Operating](../guide/operating.md) says what to watch. A label has few values, all of the installation itself; none is the key of a flag: that is on the page of each flag.\n\n"+
		"| metric | type | labels | what it is |\n|---|---|---|---|\n", generated)
	for _, m := range telemetry.All() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, labels, m.Help)
	}
	return b.String()
}

// eventsPage lists every event of the audit log.
func eventsPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Events\n\n%s\nEvery change appends one of these to the audit log. The second column is what it changes, as `GET /api/v1/watch` tells it. The third\n"+
		"is what the console says of it; with an event at hand it says more, such as where and which switch.\n\n"+
		"| event | changes | says |\n|---|---|---|\n", generated)
	for _, k := range audit.Catalogue() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, k.Noun, k.Words())
	}
	return b.String()
}

func tellFlags(b *strings.Builder, cmd *cobra.Command) {
	var rows []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		if kind := f.Value.Type(); kind != "bool" {
			name += " " + strings.ReplaceAll(kind, "|", ", ")
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", name, strings.ReplaceAll(f.Usage, "|", `\|`)))
	})
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| flag | |\n|---|---|\n%s", strings.Join(rows, ""))
	}
}

// configurationPage tells of every setting.
func configurationPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Configuration\n\n%s\n", generated)
	b.WriteString("`souk serve` reads souk.yaml (or `--config FILE`), then variables, then flags; the later wins. A member of souk.yaml that is none of\n" +
		"these is an error, such a variable a warning. `souk serve --print-config` shows what holds, secrets masked.\n\n" +
		"| souk.yaml | variable | |\n|---|---|---|\n")
	for _, s := range serve.Settings() {
		name := "`" + s.Name + "`"
		if s.VariableOnly {
			name = "–"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", name, s.Variable, s.Words)
	}
	return b.String()
}

// apiPage lists every operation of openapi.json.
func apiPage(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Summary string   `json:"summary"`
			Action  string   `json:"x-souk-action"`
			Tags    []string `json:"tags"`
		} `json:"paths"`
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&document); err != nil {
		t.Fatal(err)
	}
	nouns := map[string][]string{}
	methods := []string{"get", "post", "put", "patch", "delete"}
	var paths []string
	for path := range document.Paths {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		for _, method := range methods {
			if o, ok := document.Paths[path][method]; ok {
				nouns[o.Tags[0]] = append(nouns[o.Tags[0]], fmt.Sprintf("| `%s %s` | %s | %s |\n", strings.ToUpper(method), path, o.Summary, o.Action))
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# HTTP API\n\n%s\n", generated)
	b.WriteString("`/api/v1/openapi.json` of a running server has every shape, with examples. Send an API token as `Authorization: Bearer …`. Lists are\n" +
		"`{\"items\": […], \"next\": \"cursor\"}`. Edits carry `If-Match` with the ETag that was read; `Idempotency-Key` makes a repeated request do its\n" +
		"thing once. Errors are RFC 9457 problems with a `code`, and `errors` for what a person can mend. The last column is the right that is needed.\n")
	var names []string
	for noun := range nouns {
		names = append(names, noun)
	}
	slices.Sort(names)
	for _, noun := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| call | does | right |\n|---|---|---|\n%s", noun, strings.Join(nouns[noun], ""))
	}
	return b.String()
}
