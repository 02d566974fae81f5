package apply_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// fresh is an installation as it begins.
func fresh(t *testing.T, engine store.Engine) *apply.Target {
	t.Helper()
	to := target(storetest.Open(t, engine))
	if err := to.Library.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return to
}

func exported(t *testing.T, from *apply.Target) apply.Exported {
	t.Helper()
	out, err := from.Export(t.Context(), access.System("test"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inFiles are the files that the documents are written to.
func inFiles(t testing.TB, documents []apply.Document) fstest.MapFS {
	t.Helper()
	written, err := apply.Files(documents)
	if err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{}
	for _, f := range written {
		root[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return root
}

// approveApps approves the requests that an apply made.
func approveApps(t *testing.T, to *apply.Target, p apply.Plan) {
	t.Helper()
	for _, s := range p.Steps {
		for _, id := range s.Requests {
			approveAll(t, to, id)
		}
	}
}

const odds = `
apiVersion: souk/v1
kind: Person
metadata: {name: zoe@hyfin.example}
spec: {display_name: "Zoë: yes, #1", active: false}
---
apiVersion: souk/v1
kind: Person
metadata: {name: bot@hyfin.example}
spec: {agent: true, groups: [team-lunch, walkers]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: walkers}
spec: {title: "true", joinable: true, max_members: 12}
---
apiVersion: souk/v1
kind: Group
metadata: {name: nobody}
spec: {members: []}
---
apiVersion: souk/v1
kind: Group
metadata: {name: juniors}
spec: {roles: [approver], domains: [product], delegated: true, scope: {categories: [dashboard], environments: [production]}, members: [zoe@hyfin.example]}
---
apiVersion: souk/v1
kind: Environment
metadata: {name: edge}
spec: {order: 4, tier: production, governed: true}
---
apiVersion: souk/v1
kind: Segment
metadata: {name: managers}
spec:
  title: Branch managers
  match: any
  rules: [{attribute: role, operator: one_of, values: ["1", "no"]}, {attribute: grade, operator: greater, values: ["7"]}]
  groups: [walkers]
  people: [somebody@else.example]
---
apiVersion: souk/v1
kind: Lifecycle
spec: {max_active_days: 80, reminder_schedule_days: [], deprecated_grace_days: 0}
`

// TestAnExportAppliedAndApprovedIsExportedAgain makes an installation, another one from its export, and compares their exports.
func TestAnExportAppliedAndApprovedIsExportedAgain(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		from := fresh(t, engine)
		run(t, from, files("people.yaml", people, "odds.yaml", odds), false)
		run(t, from, os.DirFS("testdata"), false)
		approveApps(t, from, plan(t, from, files("market.yaml", market), apply.Options{}))
		// What changed since it was published is exported as it is now.
		approveApps(t, from, plan(t, from, files("market.yaml", strings.Replace(market, "Where the team eats today", "Lunch, decided", 1)), apply.Options{}))
		first := exported(t, from)
		if len(first.Warnings) > 0 {
			t.Errorf("warnings: %+v", first.Warnings)
		}
		described(t, first.Documents, "App where2eat", "Environment edge", "Environment production", "Group juniors", "Group nobody",
			"Lifecycle default", "Person zoe@hyfin.example", "Segment managers")

		to := fresh(t, engine)
		root := inFiles(t, first.Documents)
		approveApps(t, to, plan(t, to, root, apply.Options{}))
		second := exported(t, to)
		if d := cmp.Diff(asText(first.Documents), asText(second.Documents)); d != "" {
			t.Errorf("the second installation is another (-first +second):\n%s", d)
		}
		if again := run(t, to, root, true); len(again) > 0 {
			t.Errorf("applied again, the export changes %v", again)
		}
		if again := run(t, from, root, true); len(again) > 0 {
			t.Errorf("the export changes the installation that it is of: %v", again)
		}
	})
}

// described checks that there are documents of these things.
func described(t *testing.T, documents []apply.Document, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !slices.ContainsFunc(documents, func(d apply.Document) bool { return fmt.Sprintf("%s %s", d.Kind, d.Name) == want }) {
			t.Errorf("%s is not exported", want)
		}
	}
}

func asText(documents []apply.Document) []string {
	all := make([]string, len(documents))
	for i, d := range documents {
		all[i] = fmt.Sprintf("%s %s %s", d.Kind, d.Name, d.Spec)
	}
	return all
}

// TestWhatNoDocumentCanSayIsAWarning also shows that what every installation begins with is left out, and that what is off at first is
// exported once it is in force.
func TestWhatNoDocumentCanSayIsAWarning(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		from, by := fresh(t, engine), access.System("test")
		for _, d := range exported(t, from).Documents {
			if d.Kind == apply.Template || d.Kind == apply.Policy {
				t.Errorf("%s %s comes with the program", d.Kind, d.Name)
			}
		}
		if _, err := from.Library.SetActive(t.Context(), by, "dashboard-v1", false); err != nil {
			t.Fatal(err)
		}
		if _, _, err := from.Engine.Put(t.Context(), by, policy.Draft{Source: "package marketplace.ours\n"}); err != nil {
			t.Fatal(err)
		}
		for name, active := range map[string]bool{
			"marketplace.ours": false, "marketplace.standard.removal_plan": false, "marketplace.decision.require_own_credential": true,
		} {
			if _, err := from.Engine.SetActive(t.Context(), by, name, active, nil); err != nil {
				t.Fatal(err)
			}
		}
		out := exported(t, from)
		described(t, out.Documents, "Policy marketplace.decision.require_own_credential")
		want := []string{
			"the template dashboard-v1, which every installation begins with, is retired here",
			"the policy marketplace.ours is switched off and left out",
			"the policy marketplace.standard.removal_plan, which every installation begins with, is switched off here",
		}
		var got []string
		for _, w := range out.Warnings {
			got = append(got, w.Message)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if _, err := from.Export(t.Context(), access.Actor{}); !fault.Is(err, fault.Unauthenticated) && !fault.Is(err, fault.Forbidden) {
			t.Errorf("whoever may not: %v", err)
		}
	})
}

// TestFilesAreReadAsTheDocumentsThatTheyWereWrittenFrom tries texts that YAML takes for something else.
func TestFilesAreReadAsTheDocumentsThatTheyWereWrittenFrom(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "yes", "No", "null", "~", "1", "1_000", "0x1f", "1e3", ".inf", "2026-11-30", "<<", "=", "- a", "a: b", "#x", "a #b", " a", "a ", "a\nb", "\n", "\na\n",
			"  a\n b\n", "a\r\nb", "\t", "a\tb", "'", `"`, `\`, "&a", "*a", "!a", "|", ">", "%", "@", "`", "{a}", "[a]", "---", "...", "Zoë", "👩‍🍳", "a<b>&c", "\u2028", "\u0085", "\ufeffx",
		}),
		rapid.StringOf(rapid.RuneFrom([]rune("ab:#-? \n\t'\"\\{}[],&*!|>%@é\u2028\U0001f468"))),
	)
	values := rapid.OneOf(
		rapid.Map(texts, func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e25, 1e25), func(f float64) any { return f }), rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.SliceOfN(texts, 0, 12), func(s []string) any { return s }),
		rapid.Map(rapid.MapOfN(texts, texts, 0, 3), func(m map[string]string) any { return m }),
	)
	rapid.Check(t, func(r *rapid.T) {
		fields := rapid.MapOfN(texts, values, 0, 5).Draw(r, "fields")
		spec := map[string]any{"name": texts.Draw(r, "name"), "fields": fields}
		raw, err := json.Marshal(spec)
		if err != nil {
			r.Fatal(err)
		}
		document := apply.Document{Kind: apply.App, Name: "an-app", Spec: raw}
		root := inFiles(t, []apply.Document{document})
		read, _, err := apply.Load(root)
		if err != nil || len(read) != 1 {
			r.Fatalf("%d documents, %v, in\n%s", len(read), describe(err), root["apps.yaml"].Data)
		}
		if d := cmp.Diff(decoded(r, raw), decoded(r, read[0].Spec)); d != "" {
			r.Fatalf("written and read: %s\n%s", d, root["apps.yaml"].Data)
		}
	})
}

func decoded(t rapid.TB, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDocumentsOfAKindAreSplitIntoFilesThatCanBeRead(t *testing.T) {
	t.Parallel()
	var documents []apply.Document
	for i := range 4_000 {
		spec := fmt.Sprintf(`{"display_name": %q}`, strings.Repeat("x", 200))
		documents = append(documents, apply.Document{Kind: apply.Person, Name: fmt.Sprintf("person-%04d@hyfin.example", i), Spec: []byte(spec)})
	}
	documents = append(documents, apply.Document{Kind: apply.Policy, Name: "marketplace.ours_test", Spec: []byte(`{"rego": "package marketplace.ours_test\n"}`)})
	root := inFiles(t, documents)
	names, err := fs.Glob(root, "*")
	if err != nil || !slices.Equal(names, []string{"people-2.yaml", "people-3.yaml", "people.yaml", "policies"}) {
		t.Errorf("%v %v", names, err)
	}
	read, _, err := apply.Load(root)
	if err != nil || len(read) != len(documents) {
		t.Errorf("%d documents: %v", len(read), describe(err))
	}
	again := inFiles(t, documents)
	for name, file := range root {
		if !bytes.Equal(file.Data, again[name].Data) {
			t.Errorf("%s is another the second time", name)
		}
	}
}
