package importer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
)

// conformance reads a file of others.
func conformance(t *testing.T, format, name string) string {
	t.Helper()
	dir := os.Getenv("SOUK_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	text, err := os.ReadFile(filepath.Join(dir, format, name))
	if err != nil {
		if os.Getenv("SOUK_REQUIRE_ALL") != "" {
			t.Fatal(err)
		}
		t.Skip("no files of others at $SOUK_CONFORMANCE/" + format)
	}
	return string(text)
}

// answers are the flags of a document, as they evaluate here.
type answers struct {
	testing.TB
	doc      importer.Document
	snapshot *flag.Snapshot
}

func answersOf(t testing.TB, from importer.Source) answers {
	t.Helper()
	doc, err := importer.Read(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	document, err := importer.Write("flagd", registry.Set{Flags: doc.Flags, Evaluators: doc.Evaluators, Order: doc.Order, Metadata: doc.Metadata})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, _, err := flag.Compile(document)
	if err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	return answers{t, doc, snapshot}
}

// noon is when flags are asked for.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// value is what a flag answers, as JSON; none where a program gets its own default.
func (a answers) value(key, context string, at time.Time) string {
	a.Helper()
	c := a.snapshot.Context(at)
	defer c.Release()
	if err := c.Parse(`{"context": ` + context + `}`); err != nil {
		a.Fatal(err)
	}
	var answer struct {
		Value     json.RawMessage `json:"value"`
		ErrorCode string          `json:"errorCode"`
	}
	if err := json.Unmarshal(a.snapshot.Evaluate(key, c).JSON, &answer); err != nil {
		a.Fatal(err)
	}
	switch {
	case answer.ErrorCode != "":
		return answer.ErrorCode
	case answer.Value == nil:
		return "none"
	}
	return string(answer.Value)
}

// report is what the document says and Souk cannot: "key code", in the order of the keys.
func (a answers) report() (all []string) {
	for _, n := range a.doc.Notes {
		if n.Message == "" || n.Remediation == "" {
			a.Errorf("%+v", n)
		}
		all = append(all, n.Key+" "+n.Code)
	}
	for _, bad := range a.doc.Bad {
		all = append(all, bad.Key+" refused "+bad.Code)
	}
	return all
}

// TestFilesOfOthersAreTakenWithAReport takes the files that people have.
func TestFilesOfOthersAreTakenWithAReport(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, from        string
		flags, evaluators int
		report            map[string]int // how often each code is in it
	}{
		{file: "goff/admin-percentage.flag-config.yaml", flags: 1, evaluators: 0, report: map[string]int{"case_matters": 1}},
		{file: "goff/all-value-types.yaml", flags: 7, evaluators: 0, report: map[string]int{"other_buckets": 6}},
		{file: "goff/missing-variation.flag-config.yaml", flags: 2, evaluators: 0, report: map[string]int{"case_matters": 2}},
		{file: "goff/payments-example.goff.yaml", flags: 5, evaluators: 0, report: map[string]int{"case_matters": 4, "other_buckets": 1, "progressive": 1, "scheduled": 1}},
		{file: "goff/percent-only.goff.yaml", flags: 1, evaluators: 0, report: map[string]int{"other_buckets": 1}},
		{file: "goff/r4c-cesium-viewer.goff.yaml", flags: 32, evaluators: 0, report: map[string]int{"case_matters": 9, "rule_left_out": 1}},
		{file: "goff/rollout-experimentation.goff.yaml", flags: 1, evaluators: 0, report: map[string]int{"other_buckets": 1}},
		{file: "goff/rollout-scheduled.goff.yaml", flags: 1, evaluators: 0, report: map[string]int{"case_matters": 1, "scheduled": 1}},
		{file: "goff/scheduled-converted-v0.yaml", flags: 2, evaluators: 0, report: map[string]int{"case_matters": 2, "scheduled": 1}},
		{file: "goff/typed-values.goff.json", flags: 9, evaluators: 0},
		{file: "flipt/boolean-with-rules.features.yml", flags: 4, evaluators: 2, report: map[string]int{"rules_of_boolean": 4}},
		{file: "flipt/segment-rollouts-1.2.features.yml", flags: 3, evaluators: 2},
		{file: "flipt/tenants-1.5.features.yaml", flags: 3, evaluators: 3, report: map[string]int{"no_distribution": 3}},
		{file: "unleash/demo-export.json", flags: 4, evaluators: 0, report: map[string]int{"off_rules": 1, "other_buckets": 2, "variants_only": 2}},
		{file: "unleash/client-features-hosted.json", flags: 24, evaluators: 0, report: map[string]int{"off_rules": 1, "other_buckets": 4}},
		{file: "unleash/client-spec-08-variants.json", flags: 9, evaluators: 0, report: map[string]int{"off_rules": 1, "other_buckets": 4, "variants_only": 8}},
		{file: "unleash/client-spec-13-constraint-operators.json", flags: 24, evaluators: 0, report: map[string]int{"rule_left_out": 3}},
		{file: "launchdarkly/filesource-all-properties.json", flags: 2, evaluators: 1},
		{file: "launchdarkly/filesource-all-properties.yml", flags: 2, evaluators: 1},
		{file: "launchdarkly/ld-demo-flagdata.json", flags: 4, evaluators: 0},
		{file: "launchdarkly/rest-by-project-environment.json", flags: 0, evaluators: 0, report: map[string]int{"refused no_state": 1}},
		{file: "launchdarkly/rest-get-flags-all.json", from: "test", flags: 9, evaluators: 0, report: map[string]int{"no_segment": 4, "off_rules": 1, "other_buckets": 1, "rule_left_out": 2, "rules_cut": 1}},
		{file: "launchdarkly/rest-get-segments.json", flags: 0, evaluators: 3, report: map[string]int{"rule_left_out": 1}},
		{file: "launchdarkly/sdk-polling-payload.json", flags: 20, evaluators: 20, report: map[string]int{"client_side": 20, "rule_left_out": 20}},
		{file: "flagd-real/cgolobic.flagd.json", flags: 5, evaluators: 0},
		{file: "flagd-real/kill-switches.flagd.json", flags: 5, evaluators: 0},
		{file: "flagd-real/nufki.flagd.json", flags: 5, evaluators: 0},
		{file: "flagd-real/openfeature-scala.flagd.json", flags: 5, evaluators: 0},
		{file: "flagd-real/operator-sample.featureflag-crd.yaml", flags: 1, evaluators: 0},
		{file: "flagd-real/otel-demo.flagd.json", flags: 15, evaluators: 0},
		{file: "flagd-real/rebranded.flagd.json", flags: 1, evaluators: 0},
		{file: "flagd-real/richardbray.flagd.json", flags: 1, evaluators: 0},
		{file: "flagd-real/tguimbert.flagd.json", flags: 3, evaluators: 0},
		{file: "flagd-real/waldinaroneto.flagd.json", flags: 8, evaluators: 1},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			folder, name, _ := strings.Cut(c.file, "/")
			format := strings.TrimSuffix(folder, "-real")
			a := answersOf(t, importer.Source{Format: format, Document: conformance(t, folder, name), From: c.from})
			if len(a.doc.Flags) != c.flags || len(a.doc.Evaluators) != c.evaluators {
				t.Errorf("%d flags and %d shared rules", len(a.doc.Flags), len(a.doc.Evaluators))
			}
			report := map[string]int{}
			for _, line := range a.report() {
				_, code, _ := strings.Cut(line, " ")
				report[code]++
			}
			if diff := cmp.Diff(c.report, report, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n%s", diff, strings.Join(a.report(), "\n"))
			}
		})
	}
}

func TestAFileThatFliptRefusesIsRefused(t *testing.T) {
	t.Parallel()
	_, err := importer.Read(t.Context(), importer.Source{Format: "flipt", Document: conformance(t, "flipt", "two-documents-no-separator.features.yml")})
	if err == nil || !strings.Contains(err.Error(), "YAML") {
		t.Errorf("%v", err)
	}
}

// TestConstraintsOfUnleashDecideAsItsSpecificationSays runs the specification's own tests, but for what is in the report.
func TestConstraintsOfUnleashDecideAsItsSpecificationSays(t *testing.T) {
	t.Parallel()
	text := conformance(t, "unleash", "client-spec-13-constraint-operators.json")
	var spec struct {
		Tests []struct {
			Context struct {
				CurrentTime string         `json:"currentTime"`
				Properties  map[string]any `json:"properties"`
			} `json:"context"`
			Toggle string `json:"toggleName"`
			Want   bool   `json:"expectedResult"`
		} `json:"tests"`
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	a := answersOf(t, importer.Source{Format: "unleash", Document: text})
	report, ran := strings.Join(a.report(), "\n"), 0
	for _, test := range spec.Tests {
		at := noon
		if test.Context.CurrentTime != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, test.Context.CurrentTime); err != nil {
				t.Fatal(err)
			}
		}
		context, err := json.Marshal(test.Context.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if test.Context.Properties == nil {
			context = []byte("{}")
		}
		got := a.value(test.Toggle, string(context), at)
		if strings.Contains(report, test.Toggle+" rule_left_out") { // whoever is left out gets nothing
			if got != "false" {
				t.Errorf("%s is on, although its rule is left out", test.Toggle)
			}
			continue
		}
		ran++
		if got != strconv.FormatBool(test.Want) {
			t.Errorf("%s with %s at %v: %s, want %v", test.Toggle, context, at, got, test.Want)
		}
	}
	if want := len(spec.Tests) - 4; ran != want { // without regard to case three, and an operator that is none
		t.Errorf("%d tests ran, want %d", ran, want)
	}
}

// TestSegmentsOfLaunchDarklyHoldWhomItsHarnessSays runs the harness's own evaluations, except those of contexts that are no people, and of shares.
func TestSegmentsOfLaunchDarklyHoldWhomItsHarnessSays(t *testing.T) {
	t.Parallel()
	text, err := importer.FromYAML([]byte(conformance(t, "launchdarkly", "harness-segment-match.yml")))
	if err != nil {
		t.Fatal(err)
	}
	var harness struct {
		Data        json.RawMessage `json:"sdkData"`
		Evaluations []struct {
			Name    string         `json:"name"`
			Flag    string         `json:"flagKey"`
			Context map[string]any `json:"context"`
			Expect  string         `json:"expect"`
		} `json:"evaluations"`
	}
	if err := json.Unmarshal([]byte(text), &harness); err != nil {
		t.Fatal(err)
	}
	a := answersOf(t, importer.Source{Format: "launchdarkly", Document: string(harness.Data)})
	ran := 0
	for _, test := range harness.Evaluations {
		if kind := test.Context["kind"]; kind != nil && kind != "user" || test.Flag == "flag-using-segment3" {
			continue
		}
		attributes := map[string]any{"targetingKey": test.Context["key"]}
		custom, _ := test.Context["custom"].(map[string]any)
		for _, from := range []map[string]any{test.Context, custom} {
			for name, value := range from {
				attributes[name] = value
			}
		}
		context, err := json.Marshal(attributes)
		if err != nil {
			t.Fatal(err)
		}
		ran++
		want := strconv.FormatBool(test.Expect == "<IS_MATCH>")
		if test.Name == "excludedContexts non-match for default context kind" { // who is left out by another kind cannot be told: nobody is taken
			want = "false"
		}
		if got := a.value(test.Flag, string(context), noon); got != want {
			t.Errorf("%s: %s, want %s", test.Name, got, want)
		}
	}
	if ran != 10 {
		t.Errorf("%d evaluations ran", ran)
	}
}
