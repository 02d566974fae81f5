package policy_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// steps returns the commands of the workflow of the article that Souk is built from, in order. To check out is what the test does.
func steps(t *testing.T) (commands []string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/workflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Uses, Run string }
		}
	}
	if err := yaml.Unmarshal(raw, &workflow); err != nil {
		t.Fatal(err)
	}
	for _, s := range workflow.Jobs["validate_template"].Steps {
		if s.Run != "" {
			commands = append(commands, s.Run)
		}
	}
	if len(commands) == 0 {
		t.Fatal("the workflow has no commands")
	}
	return commands
}

// checkout makes a directory with the template beside the conftest.toml and the policies that come with Souk.
func checkout(t *testing.T, template []byte) string {
	t.Helper()
	dir := t.TempDir()
	settings, err := os.ReadFile("../../conftest.toml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "conftest.toml"), string(settings))
	write(t, filepath.Join(dir, "template.json"), string(template))
	if err := os.CopyFS(filepath.Join(dir, "policies"), os.DirFS("../../policies")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheWorkflowIsRedOnATemplateWithoutSafeguardsAndGreenOnTheMissions(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("../review/testdata/template.json")
	if err != nil {
		t.Fatal(err)
	}
	set := compile(t, standard(t)...)
	tool := conftest(t, ".").Path
	for name, c := range map[string]struct {
		change func(fields map[string]any)
		says   string // empty: it is green
	}{
		"as it is":                {func(map[string]any) {}, ""},
		"no owner":                {func(f map[string]any) { delete(f, "owner") }, "does not ask for an owner"},
		"owner not required":      {func(f map[string]any) { f["owner"] = map[string]any{"type": "string"} }, "does not ask for an owner"},
		"no TTL":                  {func(f map[string]any) { delete(f, "ttl_days") }, "have no end"},
		"TTL of no days":          {func(f map[string]any) { f["ttl_days"] = map[string]any{"type": "integer", "default": 0} }, "have no end"},
		"no kill switch":          {func(f map[string]any) { delete(f, "kill_switch") }, "cannot be turned off"},
		"kill switch that is off": {func(f map[string]any) { f["kill_switch"] = map[string]any{"type": "boolean", "default": false} }, "cannot be turned off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var document map[string]any
			if err := json.Unmarshal(good, &document); err != nil {
				t.Fatal(err)
			}
			c.change(document["fields"].(map[string]any))
			template, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			if c.says == "" {
				template = good // to the letter
			}
			dir := checkout(t, template)
			for _, command := range steps(t) {
				cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", command) // as a runner of GitHub does
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(tool)+string(os.PathListSeparator)+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				if _, red := errors.AsType[*exec.ExitError](err); red != (c.says != "") || !strings.Contains(string(out), c.says) {
					t.Errorf("%q ends with %v and says:\n%s", command, err, out)
				}
			}
			findings, err := set.CheckTemplate(t.Context(), document)
			if err != nil || (len(findings) > 0) != (c.says != "") {
				t.Errorf("Souk says %+v, %v", findings, err)
			}
		})
	}
}

func TestStarterTemplatesPassConftest(t *testing.T) {
	t.Parallel()
	starters, err := filepath.Glob("../../templates/*.json")
	if err != nil || len(starters) == 0 {
		t.Fatal(starters, err)
	}
	for i, file := range starters {
		starters[i] = strings.TrimPrefix(file, "../../")
	}
	if out, err := conftest(t, "../..", append([]string{"test"}, starters...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
