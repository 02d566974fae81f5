package apply_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
)

func files(pairs ...string) fstest.MapFS {
	all := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return all
}

// names tells kind, name and place of each document.
func names(documents []apply.Document) []string {
	var told []string
	for _, d := range documents {
		told = append(told, string(d.Kind)+" "+d.Name+" "+d.Source)
	}
	return told
}

func TestBareFilesAreTakenAsTheyStand(t *testing.T) {
	t.Parallel()
	documents, warnings, err := apply.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Lifecycle default lifecycle.json:1", "Policy marketplace.policy policy.rego", "Template microapp-basic-toggle-v1 template.json:1",
	}
	if d := cmp.Diff(want, names(documents)); d != "" || len(warnings) > 0 {
		t.Errorf("%s%v", d, warnings)
	}
}

func TestDocumentsAreTakenByKindFromManyFiles(t *testing.T) {
	t.Parallel()
	documents, warnings, err := apply.Load(files(
		"people/alice.yaml", `apiVersion: souk/v1
kind: Person
metadata: {name: alice@hyfin.example}
spec: {display_name: Alice, groups: [team-lunch]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {roles: [approver], domains: [product], delegated: false, members: [pat@hyfin.example]}
---
`,
		"more.json", `{"apiVersion": "souk/v1", "kind": "Lifecycle", "spec": {"max_active_days": 60}}
			{"apiVersion": "souk/v1", "kind": "Environment", "metadata": {"name": "edge"}, "spec": {"order": 4, "tier": "test"}}`,
		"event.json", `{"event": "flag.state_changed", "from": "staged"}`,
		".git/config.yaml", `nonsense: [`, "README.md", "# no document", "policy_test.rego", "package nonsense {",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Lifecycle default more.json:1", "Environment edge more.json:2",
		"Person alice@hyfin.example people/alice.yaml:1", "Group product people/alice.yaml:6",
	}
	if d := cmp.Diff(want, names(documents)); d != "" {
		t.Error(d)
	}
	if len(warnings) != 1 || warnings[0].File != "event.json:1" || warnings[0].Code != "no_document" {
		t.Errorf("warnings: %v, want one for event.json", warnings)
	}
}

func TestTemplatesKeepTheOrderOfTheirFields(t *testing.T) {
	t.Parallel()
	documents, _, err := apply.Load(files("t.yaml", `
apiVersion: souk/v1
kind: Template
metadata: {name: basic}
spec:
  templateId: basic
  displayName: Basic
  description: A flag
  fields:
    zeta: {type: string, required: true}
    owner: {type: string, required: true}
    name: {type: string, required: true}
    audiences: {type: enum, values: [internal], required: true}
    ttl_days: {type: integer, default: 30}
    kill_switch: {type: boolean, default: true}
  requiredChecks: [security_scan]
`))
	if err != nil {
		t.Fatal(describe(err))
	}
	if spec := string(documents[0].Spec); !strings.Contains(spec, `"fields":{"zeta":{"type":"string","required":true},"owner"`) {
		t.Errorf("the spec is %s", spec)
	}
}

// describe writes an error with the place and code of its findings.
func describe(err error) string {
	if err == nil {
		return ""
	}
	var b strings.Builder
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err.Error()
	}
	for _, x := range f.Findings {
		b.WriteString(x.File + " " + x.Code + ": " + x.Message + " → " + x.Remediation + "\n")
	}
	return b.String()
}

func TestMistakesAreToldWithFileAndLineAndNearestName(t *testing.T) {
	t.Parallel()
	person := "apiVersion: souk/v1\nkind: Person\nmetadata: {name: a@b.example}\nspec: {}\n"
	for _, c := range []struct{ name, file, text, want string }{
		{"unknown member", "a.yaml", "apiVersion: souk/v1\nkind: Person\nmetadata: {name: a@b.example}\nspec:\n  display_nam: A\n", `a.yaml:5 unknown_member: there is no member "display_nam" → did you mean display_name?`},
		{"unknown member of the envelope", "a.yaml", "apiVersion: souk/v1\nkind: Person\nmetdata: {name: a@b.example}\nspec: {}\n", `a.yaml:3 unknown_member: there is no member "metdata" → did you mean metadata?`},
		{"unknown kind", "a.yaml", "apiVersion: souk/v1\nkind: Persn\nmetadata: {name: a@b.example}\nspec: {}\n", `a.yaml:2 unknown_kind: the kind "Persn" is not known → did you mean Person?`},
		{"unknown version", "a.yaml", "apiVersion: souk/v2\nkind: Person\nmetadata: {name: a@b.example}\nspec: {}\n", `a.yaml:1 unknown_version: the apiVersion "souk/v2" is not known → write souk/v1`},
		{"wrong type in JSON", "a.json", "{\"apiVersion\": \"souk/v1\", \"kind\": \"Group\",\n\"metadata\": {\"name\": \"g\"},\n\"spec\": {\"members\": \"pat\"}}", `a.json:3 wrong_type: members must be a list, is a text → give a list`},
		{"duplicate member in YAML", "a.yaml", "apiVersion: souk/v1\nkind: Person\nkind: Group\n", `a.yaml:3 bad_file: the member "kind" occurs twice → keep one of them`},
		{"duplicate member in JSON", "a.json", "{\"lifecycle\": {},\n \"lifecycle\": {}}", `a.json:2 bad_file: the member "lifecycle" occurs twice → keep one of them`},
		{"duplicate document", "a.yaml", person + "---\n" + person, `a.yaml:6 duplicate: the Person a@b.example is already described at a.yaml:1 → keep one of them`},
		{"no name", "a.yaml", "apiVersion: souk/v1\nkind: Group\nspec: {}\n", `a.yaml:1 name_missing: the Group has no name → add metadata: {name: …}`},
		{"aliases", "a.yaml", "apiVersion: &v souk/v1\nkind: *v\n", `a.yaml:2 bad_file: aliases are not taken → write the value out`},
		{"cut off JSON", "a.json", "{\"apiVersion\": \"souk/v1\",\n", `a.json:1 bad_file: this is not JSON: unexpected EOF → mend the JSON`},
		{"nested without end", "a.json", strings.Repeat("[", 100), `a.json:1 bad_file: more than 64 levels lie within one another → flatten it`},
		{"template without safeguards", "a.json", "{\"templateId\": \"t\",\n\"displayName\": \"T\", \"description\": \"t\",\n\"fields\": {\"owner\": {\"type\": \"strin\", \"required\": true}}, \"requiredChecks\": []}", `a.json:3`},
		{"lifecycle out of range", "a.json", "{\"lifecycle\": {\n\"max_active_days\": -1}}", `a.json:2 out_of_range`},
		{"not UTF-8", "a.yaml", "kind: \xff", `a.yaml invalid_text: the file is not UTF-8 text → save it as UTF-8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := apply.Load(files(c.file, c.text))
			if got := describe(err); !strings.Contains(got, c.want) {
				t.Errorf("told\n%s\nwant %s", got, c.want)
			}
		})
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add("a.yaml", "apiVersion: souk/v1\nkind: Person\nmetadata: {name: a@b.example}\nspec: {groups: [x]}\n")
	f.Add("a.json", `{"lifecycle": {"max_active_days": 90}}`)
	f.Add("a.yaml", "? [a]\n: b\n--- !!binary x\n...\n- <<: {a: 1}\n- 0x1F\n- .nan\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		if name != "a.yaml" && name != "a.json" {
			name = "a.yaml"
		}
		_, _, err := apply.Load(files(name, text))
		if err != nil && fault.Of(err) == "" {
			t.Errorf("the error is no fault: %v", err)
		}
	})
}
