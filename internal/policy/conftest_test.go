package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
)

// conftest returns a command of the real conftest in dir. Where it is not built it skips the test, or fails it if everything must be
// there.
func conftest(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	tool, err := filepath.Abs("../../.cache/bin/conftest")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tool); err != nil {
		const missing = "no conftest: run scripts/conftest --version, which builds it"
		if os.Getenv("SOUK_REQUIRE_ALL") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	return cmd
}

// rule is one policy of the corpus.
type rule struct {
	name     string
	old      bool // in Rego v0
	rego     string
	breaks   bool   // conftest fails at some inputs, and then says nothing of any
	refused  bool   // conftest fails at every input, so that Souk does not take it
	stricter string // code of what Souk says at activation of a policy that it hears and conftest does not
}

func (r rule) source() string { return "package marketplace." + r.name + "\n" + r.rego }

func (r rule) syntax() policy.Syntax {
	if r.old {
		return policy.V0
	}
	return policy.V1
}

// annotated is how an exception says until when it counts.
const annotated = "# METADATA\n# custom:\n#   expires: 2026-12-31\n"

// corpus has a policy of every name and shape that rules have, to be asked about each of the inputs.
var corpus = []rule{
	{name: "set", rego: `deny contains "long" if input.fields.ttl_days > 180`},
	{name: "words", rego: `deny contains msg if { input.fields.ttl_days > 180; msg := sprintf("%v days", [input.fields.ttl_days]) }`},
	{name: "bodies", rego: "deny contains \"long\" if input.fields.ttl_days > 180\ndeny contains \"owner\" if not input.fields.owner\ndeny contains \"long\" if input.fields.ttl_days > 90"},
	{name: "suffix", rego: `deny_ttl contains "long" if input.fields.ttl_days > 180`},
	{name: "two_suffixes", rego: `deny_ttl_2 contains "long" if input.fields.ttl_days > 180`},
	{name: "violation", rego: `violation contains "long" if input.fields.ttl_days > 180`},
	{name: "violation_suffix", rego: `violation_ttl contains {"msg": "long", "details": {"field": "fields.ttl_days"}} if input.fields.ttl_days > 180`},
	{name: "warn", rego: `warn contains "long" if input.fields.ttl_days > 180`},
	{name: "warn_suffix", rego: `warn_ttl contains "long" if input.fields.ttl_days > 180`},
	{name: "all_names", rego: "deny contains \"a\"\ndeny_b contains \"b\"\nviolation contains \"c\"\nviolation_d contains \"d\"\nwarn contains \"e\"\nwarn_f contains \"f\""},
	{name: "other_names", rego: "deny_ contains \"a\"\ndeny__b contains \"b\"\ndenyc contains \"c\"\nDeny contains \"d\"\ndeni contains \"e\"\nwarning contains \"f\"\nviolations contains \"g\""},
	{name: "truth", rego: `deny if input.fields.ttl_days > 180`},
	{name: "text", rego: `deny := "long" if input.fields.ttl_days > 180`},
	{name: "number", rego: `deny := 5 if input.fields.ttl_days > 180`},
	{name: "list", rego: `deny := ["long", "very"] if input.fields.ttl_days > 180`},
	{name: "whole_set", rego: `deny := {"long", "very"} if input.fields.ttl_days > 180`},
	{name: "comprehension", rego: `deny := [name | some name, value in input.fields; value == ""]`},
	{name: "set_comprehension", rego: `deny := {msg | some name, _ in input.fields; msg := sprintf("%s is there", [name])}`},
	{name: "empty_default", rego: "default deny := []\ndeny := [\"long\"] if input.fields.ttl_days > 180"},
	{name: "truth_default", rego: "default deny := false\ndeny := true if input.fields.ttl_days > 180"},
	{name: "otherwise", rego: `deny := ["very long"] if { input.fields.ttl_days > 300 } else := ["long"] if { input.fields.ttl_days > 90 }`},
	{name: "whole_object", rego: `deny := {"msg": "long"} if input.fields.ttl_days > 180`},
	{name: "keyed", rego: `deny[name] := "empty" if { some name, value in input.fields; value == "" }`},
	{name: "member", rego: `deny.ttl := "long" if input.fields.ttl_days > 180`},
	{name: "member_set", rego: `deny.ttl contains "long" if input.fields.ttl_days > 180`},
	{name: "object", rego: `deny contains {"msg": "long"} if input.fields.ttl_days > 180`},
	{name: "object_members", rego: `deny contains {"msg": "long", "field": "fields.ttl_days", "metadata": {"n": 1}, "_loc": {"file": "x", "line": 3}} if input.fields.ttl_days > 180`},
	{name: "no_msg", breaks: true, rego: `deny contains {"message": "long"} if input.fields.ttl_days > 180`},
	{name: "no_msg_warns", breaks: true, rego: `warn contains {"message": "long"} if input.fields.ttl_days > 180`},
	{name: "msg_number", breaks: true, rego: `deny contains {"msg": 7} if input.fields.ttl_days > 180`},
	{name: "empty_msg", rego: `deny contains {"msg": ""} if input.fields.ttl_days > 180`},
	{name: "empty_text", rego: `deny contains "" if input.fields.ttl_days > 180`},
	{name: "blank_text", rego: `deny contains "  " if input.fields.ttl_days > 180`},
	{name: "other_values", rego: `deny contains value if { some value in [1, true, false, null, ["long"], {"long"}]; input.fields.ttl_days > 180 }`},
	{name: "mixed", rego: `deny contains value if { some value in [1, "long", {"msg": "very"}]; input.fields.ttl_days > 180 }`},
	{name: "function", refused: true, rego: `deny(days) := ["long"] if days > 180`},
	{name: "function_suffix", refused: true, rego: "deny_ttl(days) if days > 180\ndeny contains \"long\" if deny_ttl(input.fields.ttl_days)"},
	{name: "helper", rego: "long if input.fields.ttl_days > 180\ndeny contains \"long\" if long"},
	{name: "without_contains", refused: true, rego: "deny[msg] if { input.fields.ttl_days > 180; msg := \"long\" }"},
	{name: "old_member_of_member", old: true, refused: true, rego: `deny.ttl[msg] { input.fields.ttl_days > 180; msg := "long" }`},
	{name: "conflict", breaks: true, rego: "deny := [\"a\"] if input.fields.ttl_days > 180\ndeny := [\"b\"] if input.fields.ttl_days > 300"},
	{name: "error_inside", rego: `deny contains "long" if to_number(input.fields.ttl_days) > 180`},
	{name: "negated_error", rego: `deny contains "no number" if not to_number(input.fields.ttl_days)`},
	{name: "undefined", rego: `deny contains "long" if input.fields.ttl_days.nothing > 180`},
	{name: "print", rego: `deny contains "long" if { print(input.fields); input.fields.ttl_days > 180 }`},
	{name: "every", rego: `deny contains "all empty" if every value in input.fields { value == "" }`},
	{name: "library", rego: `short if input.fields.ttl_days <= 180`},
	{name: "exception", rego: annotated + "exception contains [\"ttl\", \"other\"] if input.fields.owner\ndeny_ttl contains \"long\" if input.fields.ttl_days > 180\ndeny contains \"owner\" if input.fields.owner == \"\""},
	{name: "exception_of_all", rego: annotated + "exception contains [\"\"] if input.fields.owner\ndeny contains \"long\" if input.fields.ttl_days > 180\nviolation contains \"x\"\nwarn contains \"y\"\nwarn_x contains \"z\""},
	{name: "exception_shapes", rego: annotated + "exception contains {\"a\"}\n" + annotated + "exception contains {\"k\": \"b\"}\n" + annotated +
		"exception contains \"c\"\ndeny_a contains \"a\"\nviolation_b contains \"b\"\ndeny_c contains \"c\"\nwarn_a contains \"d\""},
	{name: "exception_list", rego: annotated + "exception := [[\"a\"]]\ndeny_a contains \"a\"\ndeny_b contains \"b\""},
	{name: "exception_object", rego: annotated + "exception[k] := [\"a\"] if { k := \"k\" }\ndeny_a contains \"a\"\ndeny_b contains \"b\""},
	{name: "exception_prefixes", rego: annotated + "exception contains [\"a\"]\nviolation_deny_a contains \"a\"\ndeny_violation_a contains \"b\""},
	{name: "exception_without_end", rego: "exception contains [\"ttl\"]\ndeny_ttl contains \"long\" if input.fields.ttl_days > 180", stricter: "exception_void"},
	{name: "old_exception", old: true, rego: annotated + "exception[rules] { rules := [\"ttl\"] }\ndeny_ttl[msg] { input.fields.ttl_days > 180; msg := \"long\" }"},
	{name: "allow", rego: "default allow := false\nallow if input.fields.ttl_days <= 180", stricter: "asks_allow"},
	{name: "old_set", old: true, rego: `deny[msg] { input.fields.ttl_days > 180; msg := "long" }`},
	{name: "old_text", old: true, rego: `deny["long"] { input.fields.ttl_days > 180 }`},
	{name: "old_member", old: true, rego: `deny.long { input.fields.ttl_days > 180 }`},
	{name: "old_object", old: true, rego: `violation[{"msg": msg, "details": {}}] { input.fields.ttl_days > 180; msg := "long" }`},
	{name: "old_suffix", old: true, rego: `warn_ttl[msg] { input.fields.ttl_days > 180; msg := "long" }`},
	{name: "old_truth", old: true, rego: `deny { input.fields.ttl_days > 180 }`},
	{name: "old_whole_text", old: true, rego: `deny = "long" { input.fields.ttl_days > 180 }`},
	{name: "old_list", old: true, rego: `deny = ["long"] { input.fields.ttl_days > 180 }`},
	{name: "old_keyed", old: true, rego: `deny[name] = value { value := input.fields[name]; value == "" }`},
	{name: "old_otherwise", old: true, rego: `deny = ["very long"] { input.fields.ttl_days > 300 } else = ["long"] { input.fields.ttl_days > 90 }`},
	{name: "keywords", rego: "import future.keywords.contains\nimport future.keywords.if\ndeny contains \"long\" if input.fields.ttl_days > 180"},
	{name: "old_conflict", breaks: true, old: true, rego: "deny = [\"a\"] { input.fields.ttl_days > 180 }\ndeny = [\"b\"] { input.fields.ttl_days > 300 }"},
}

// inputs are what each policy of the corpus is asked about.
var inputs = map[string]string{
	"good.json":    `{"fields": {"name": "Enabled", "owner": "alice@hyfin.example", "ttl_days": 30}}`,
	"long.json":    `{"fields": {"name": "", "owner": "alice@hyfin.example", "ttl_days": 200}}`,
	"longest.json": `{"fields": {"name": "", "ttl_days": 400}}`,
	"text.json":    `{"fields": {"owner": "", "ttl_days": "many"}}`,
	"nothing.json": `{}`,
}

// heard is what one judge says of one input; failed where it broke.
type heard struct {
	Failed             bool
	Failures, Warnings []string
}

func TestVerdictsAreThoseOfConftest(t *testing.T) {
	t.Parallel()
	if pairs := len(corpus) * len(inputs); pairs < 60 {
		t.Errorf("the corpus has only %d pairs", pairs)
	}
	dir := t.TempDir()
	for name, text := range inputs {
		write(t, filepath.Join(dir, name), text)
	}
	// An error ends a run of conftest: what breaks is asked of each input by itself, and all else of one syntax at once.
	files := slices.Sorted(maps.Keys(inputs))
	said := map[string]heard{}
	for _, r := range corpus {
		folder := string(r.syntax())
		if r.breaks || r.refused {
			folder = r.name
		}
		write(t, filepath.Join(dir, folder, r.name+".rego"), r.source())
		if folder != r.name {
			continue
		}
		for _, file := range files {
			answers, failed := ask(t, dir, r.name, r.syntax(), file)
			said[r.name+" "+file] = answers[r.name+" "+file]
			if failed {
				said[r.name+" "+file] = heard{Failed: true}
			}
		}
	}
	for _, syntax := range []policy.Syntax{policy.V0, policy.V1} {
		answers, failed := ask(t, dir, string(syntax), syntax, files...)
		if failed {
			t.Fatalf("one of the policies in %s breaks conftest", syntax)
		}
		maps.Copy(said, answers)
	}
	for _, r := range corpus {
		m, err := policy.Read("x.rego", r.source())
		if r.refused {
			for _, file := range files {
				if err == nil || !said[r.name+" "+file].Failed {
					t.Errorf("%s on %s: conftest says %+v, reading it %v", r.name, file, said[r.name+" "+file], err)
				}
			}
			continue
		}
		if err != nil || m.Syntax != r.syntax() {
			t.Errorf("%s is read as %s, %v", r.name, m.Syntax, err)
			continue
		}
		set := compile(t, m)
		for _, file := range files {
			theirs, ours := said[r.name+" "+file], judged(t, set, inputs[file])
			if r.stricter != "" && len(theirs.Failures) == 0 {
				ours.Failures, ours.Warnings = nil, nil
				if !slices.ContainsFunc(policy.Lint(m, nil, nil), func(f fault.Finding) bool { return f.Code == r.stricter }) {
					t.Errorf("%s: that Souk is stricter is not said", r.name)
				}
			}
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("%s on %s (conftest -, Souk +):\n%s", r.name, file, diff)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask returns what conftest says by policy and file.
func ask(t *testing.T, dir, folder string, syntax policy.Syntax, files ...string) (said map[string]heard, failed bool) {
	t.Helper()
	cmd := conftest(t, dir, append([]string{"test", "--policy", folder, "--rego-version", string(syntax), "--all-namespaces", "-o", "json"}, files...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	var results []struct {
		Filename, Namespace string
		Failures, Warnings  []struct{ Msg string }
	}
	if json.Unmarshal(out, &results) != nil {
		if !strings.Contains(stderr.String(), "running test:") {
			t.Fatalf("conftest says %s%s", out, stderr.Bytes())
		}
		return nil, true
	}
	said = map[string]heard{}
	for _, r := range results {
		var h heard
		for _, f := range r.Failures {
			h.Failures = append(h.Failures, shown(f.Msg))
		}
		for _, w := range r.Warnings {
			h.Warnings = append(h.Warnings, shown(w.Msg))
		}
		slices.Sort(h.Failures)
		slices.Sort(h.Warnings)
		said[strings.TrimPrefix(r.Namespace, "marketplace.")+" "+r.Filename] = h
	}
	return said, false
}

// judged returns what Souk says.
func judged(t *testing.T, set *policy.Set, input string) (h heard) {
	t.Helper()
	var in policy.Input
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		t.Fatal(err)
	}
	for _, f := range judge(t, set, in).Findings {
		switch {
		case f.Code == "policy_failed":
			return heard{Failed: true}
		case f.Severity == fault.SeverityError:
			h.Failures = append(h.Failures, shown(f.Message))
		case f.Severity == fault.SeverityWarning:
			h.Warnings = append(h.Warnings, shown(f.Message))
		}
	}
	slices.Sort(h.Failures)
	slices.Sort(h.Warnings)
	return h
}

// shown is a message as both have it: Souk shows words where there are only blanks.
func shown(msg string) string {
	if strings.TrimSpace(msg) == "" || strings.HasPrefix(msg, "The policy marketplace.") {
		return "(blank)"
	}
	return msg
}
