package flag_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/flag"
)

// scenarios is how many of the test bed there are, without the retired first version of fractional.
const scenarios = 125

// missing skips a test that needs something from elsewhere, and fails it where everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SOUK_REQUIRE_ALL") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// TestScenariosOfFlagd runs the evaluator scenarios of open-feature/flagd-testbed, all but the retired first version of
// fractional.
func TestScenariosOfFlagd(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("SOUK_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	document, err := os.ReadFile(filepath.Join(dir, "flagd", "testkit-flags.json"))
	if err != nil {
		missing(t, "no scenarios: put the folder evaluator of github.com/open-feature/flagd-testbed at $SOUK_CONFORMANCE/flagd")
	}
	snapshot, _, err := flag.Compile(document)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "flagd", "*.feature"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no feature files: %v", err)
	}
	ran := 0
	for _, file := range files {
		feature, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range readFeature(string(feature)) {
			if slices.Contains(s.tags, "@fractional-v1") {
				continue
			}
			run := play{snapshot: snapshot, attributes: map[string]any{}}
			for _, step := range s.steps {
				run.prepare(step.text)
			}
			ran++
			t.Run(filepath.Base(file)+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				run.check(t, s.steps)
			})
		}
	}
	if ran != scenarios {
		t.Errorf("%d scenarios ran, want %d", ran, scenarios)
	}
}

type play struct {
	snapshot   *flag.Snapshot
	attributes map[string]any
	key, typ   string
	fallback   string
}

var (
	givenFlag    = regexp.MustCompile(`^an? (\w+)-flag with key "(.*)" and a fallback value "(.*)"$`)
	givenValue   = regexp.MustCompile(`^a context containing a key "(.*)", with type "(.*)" and with value "(.*)"$`)
	givenNested  = regexp.MustCompile(`^a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"$`)
	givenKey     = regexp.MustCompile(`^a context containing a targeting key with value "(.*)"$`)
	thenValue    = regexp.MustCompile(`^the resolved details value should be "(.*)"$`)
	thenReason   = regexp.MustCompile(`^the reason should be "(.*)"$`)
	thenError    = regexp.MustCompile(`^the error-code should be "(.*)"$`)
	thenMetadata = regexp.MustCompile(`^the resolved metadata (should contain|is empty)$`)
)

func (p *play) prepare(text string) {
	if m := givenFlag.FindStringSubmatch(text); m != nil {
		p.typ, p.key, p.fallback = m[1], m[2], m[3]
	}
	if m := givenValue.FindStringSubmatch(text); m != nil {
		p.attributes[m[1]] = typed(m[2], m[3])
	}
	if m := givenNested.FindStringSubmatch(text); m != nil {
		p.attributes[m[1]] = map[string]any{m[2]: m[3]}
	}
	if m := givenKey.FindStringSubmatch(text); m != nil {
		p.attributes["targetingKey"] = m[1]
	}
}

// typed reads a value as the scenarios write it.
func typed(typ, given string) any {
	given = strings.ReplaceAll(given, `\"`, `"`)
	if typ == "String" {
		return given
	}
	var v any
	if err := json.Unmarshal([]byte(strings.ToLower(given[:min(1, len(given))])+given[min(1, len(given)):]), &v); err != nil {
		return err
	}
	return v
}

func (p *play) check(t *testing.T, steps []step) {
	t.Helper()
	c := p.snapshot.Context(noon)
	defer c.Release()
	c.Set(p.attributes)
	fromMap := p.snapshot.Evaluate(p.key, c)

	// The same context as the body of a request must give the very same answer.
	body, err := json.Marshal(map[string]any{"context": p.attributes})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Parse(string(body)); err != nil {
		t.Fatal(err)
	}
	o := p.snapshot.Evaluate(p.key, c)
	if o != fromMap {
		t.Errorf("by map %+v, by request %+v", fromMap, o)
	}

	got, reason, code := typed(p.typ, p.fallback), flag.Failed, flag.FlagNotFound
	var metadata map[string]any
	if o != nil {
		reason, code, metadata = o.Reason, o.Code, o.Metadata
		if o.HasValue {
			if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", o.Value) {
				code = "TYPE_MISMATCH" // a client's own check
			} else {
				got = o.Value
			}
		}
	}
	for _, s := range steps {
		switch {
		case thenValue.MatchString(s.text):
			want := typed(p.typ, thenValue.FindStringSubmatch(s.text)[1])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("value: %s", diff)
			}
		case thenReason.MatchString(s.text):
			if want := thenReason.FindStringSubmatch(s.text)[1]; string(reason) != want {
				t.Errorf("reason %s, want %s", reason, want)
			}
		case thenError.MatchString(s.text):
			if want := thenError.FindStringSubmatch(s.text)[1]; string(code) != want {
				t.Errorf("error code %s, want %s", code, want)
			}
		case thenMetadata.MatchString(s.text):
			want := map[string]any{}
			for _, row := range s.rows[min(1, len(s.rows)):] {
				want[row[0]] = typed(row[1], row[2])
			}
			if len(want)+len(metadata) > 0 && !cmp.Equal(want, metadata) {
				t.Errorf("metadata: %s", cmp.Diff(want, metadata))
			}
		case givenFlag.MatchString(s.text), givenValue.MatchString(s.text), givenNested.MatchString(s.text), givenKey.MatchString(s.text),
			s.text == "an evaluator", s.text == "the flag was evaluated with details":
		default:
			t.Errorf("unknown step %q", s.text)
		}
	}
}
