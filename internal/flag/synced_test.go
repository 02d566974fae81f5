package flag_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/flag/stocktest"
)

func all(string) bool { return true }

// trial is a compiled document and the contexts that it is tried with.
type trial struct {
	name     string
	snapshot *flag.Snapshot
	contexts []map[string]any
}

func (c trial) question() (q stocktest.Question) {
	q.Document = c.snapshot.Document(all)
	for key := range c.snapshot.Keys() {
		q.Asked = append(q.Asked, stocktest.Asked{Key: key, Contexts: c.contexts})
	}
	return q
}

// compareSynced lets the stock engine load what is synced of documents, and compares each answer with Souk's own.
func compareSynced(t *testing.T, trials ...trial) {
	t.Helper()
	var questions []stocktest.Question
	for _, c := range trials {
		questions = append(questions, c.question())
	}
	for i, reply := range stocktest.Ask(t, noon, questions...) {
		t.Run(trials[i].name, func(t *testing.T) { trials[i].compare(t, questions[i], reply) })
	}
}

func (c trial) compare(t *testing.T, q stocktest.Question, reply stocktest.Reply) {
	t.Helper()
	if reply.Refused != "" {
		t.Fatalf("what is synced cannot be loaded: %s\n%s", reply.Refused, q.Document)
	}
	out := map[string]bool{}
	for _, p := range c.snapshot.LeftOut() {
		out[p.Flag] = true
	}
	for i, one := range q.Asked {
		for j, attributes := range c.contexts {
			here, there := c.here(t, one.Key, attributes), reply.Answers[i][j]
			if out[one.Key] {
				here = stocktest.Answer{Reason: flag.Failed, Code: flag.FlagNotFound}
			}
			if there.Raw = (stocktest.Raw{}); len(there.Metadata)+len(here.Metadata) == 0 {
				there.Metadata = here.Metadata // empty or none
			}
			if diff := cmp.Diff(here, there); diff != "" {
				t.Errorf("%s with %v (-here +in process):\n%s", one.Key, attributes, diff)
			}
		}
	}
}

// here is Souk's own answer.
func (c trial) here(t *testing.T, key string, attributes map[string]any) stocktest.Answer {
	t.Helper()
	body, err := json.Marshal(attributes)
	if err != nil {
		t.Fatal(err)
	}
	o := evaluate(t, c.snapshot, key, string(body))
	a := stocktest.Answer{Value: o.Value, Reason: o.Reason, Code: o.Code, Metadata: o.Metadata}
	if o.HasValue {
		a.Variant = &o.Variant
	}
	return a
}

// flagsOf is a document of the flag f, with good beside it.
func flagsOf(f, evaluators string) string {
	return `{"metadata":{"flagSetId":"test"},"flags":{"good":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"},"f":` + f +
		`},"$evaluators":` + evaluators + `}`
}

// switched is a flag that is on where a rule holds.
func switched(rule string) string {
	return `{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[` + rule + `,"on"]}}`
}

var nested = strings.Repeat(`{"a":`, 2500) + "1" + strings.Repeat("}", 2500)

// chain is evaluators that each refer to the next, twice: e0 would have 2^25 parts, were it put together.
func chain() string {
	var b strings.Builder
	for i := range 25 {
		fmt.Fprintf(&b, `"e%d":{"or":[{"$ref":"e%d"},{"$ref":"e%d"}]},`, i, i+1, i+1)
	}
	return "{" + b.String() + `"e25":{"in":["x$&",{"var":"groups"}]}}`
}

// What the engine makes of a document as it is stored: it refuses it, it answers otherwise, or it does as Souk does.
const (
	refusedAsIs = "refused"
	otherAsIs   = "other"
	sameAsIs    = "same"
	endlessAsIs = "" // it would not come to an end
)

func TestWhatIsSyncedIsLoadedWhateverIsStored(t *testing.T) {
	t.Parallel()
	contexts := []map[string]any{
		{}, {"groups": []any{"x"}}, {"groups": []any{"x$&", "$`y", "$'", "p$$q"}}, {"groups": []any{"p$q"}}, {"groups": []any{"日本", "$5 $"}}, {"a$$b": 1.0},
	}
	var trials, asked []trial
	var stored []stocktest.Question
	var want []string
	for _, c := range []struct{ name, asIs, flag, evaluators, leftOut string }{
		{"no state", refusedAsIs, `{"variants":{"on":true,"off":false},"defaultVariant":"off"}`, `{}`, ""},
		{"another state", refusedAsIs, `{"state":"ON","variants":{"on":true},"defaultVariant":"on"}`, `{}`, "neither ENABLED nor DISABLED"},
		{"no object", refusedAsIs, `7`, `{}`, "not a JSON object"},
		{"no variants", refusedAsIs, `{"state":"ENABLED"}`, `{}`, "no variants"},
		{"empty variants", refusedAsIs, `{"state":"ENABLED","variants":{},"defaultVariant":"on"}`, `{}`, "no variants"},
		{"a default that is no variant", refusedAsIs, `{"state":"ENABLED","variants":{"on":true},"defaultVariant":"off"}`, `{}`, `"off" is none of its variants`},
		{"such a default of a disabled flag", refusedAsIs, `{"state":"DISABLED","variants":{"on":true},"defaultVariant":"off"}`, `{}`, `"off" is none of its variants`},
		{"a default that is no text", refusedAsIs, `{"state":"ENABLED","variants":{"on":true},"defaultVariant":1}`, `{}`, "not the name of a variant"},
		{"an empty default", sameAsIs, `{"state":"ENABLED","variants":{"":1,"a":2},"defaultVariant":""}`, `{}`, ""},
		{"a deep value", refusedAsIs, `{"state":"ENABLED","variants":{"on":` + nested + `},"defaultVariant":"on"}`, `{}`, "nest deeper"},
		{"a deep rule", refusedAsIs, switched(strings.Repeat("[", 2500) + strings.Repeat("]", 2500)), `{}`, ""},
		{"a value like a reference", otherAsIs, `{"state":"ENABLED","variants":{"on":{"a":{"$ref":"e"}}},"defaultVariant":"on"}`, `{"e":true}`, "looks like a reference"},
		{"a value like no reference", sameAsIs, `{"state":"ENABLED","variants":{"on":{"a":{"$ref":"#/x"}}},"defaultVariant":"on"}`, `{"e":true}`, ""},
		{"members that engines do not know", sameAsIs, `{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","source":"x","more":{"y":1}}`, `{}`, ""},
		{"metadata that is none", otherAsIs, `{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","metadata":{"a":null,"b":[1],"c":"d"}}`, `{}`, ""},
		{"an evaluator with $&", refusedAsIs, switched(`{"$ref":"e"}`), `{"e":{"in":["x$&",{"var":"groups"}]}}`, ""},
		{"an evaluator with $`", refusedAsIs, switched(`{"$ref":"e"}`), "{\"e\":{\"in\":[\"$`y\",{\"var\":\"groups\"}]}}", ""},
		{"an evaluator with $'", refusedAsIs, switched(`{"$ref":"e"}`), `{"e":{"in":["$'",{"var":"groups"}]}}`, ""},
		{"an evaluator with $$", otherAsIs, switched(`{"$ref":"e"}`), `{"e":{"in":["p$$q",{"var":"groups"}]}}`, ""},
		{"an evaluator with $$ in a name", otherAsIs, switched(`{"$ref":"e"}`), `{"e":{"==":[{"var":"a$$b"},1]}}`, ""},
		{"an evaluator with a dollar", sameAsIs, switched(`{"$ref":"e"}`), `{"e":{"in":["$5 $",{"var":"groups"}]}}`, ""},
		{"a name with a quote", otherAsIs, switched(`{"$ref":"a\"b"}`), `{"a\"b":{"in":["x",{"var":"groups"}]}}`, ""},
		{"a name with a backslash", otherAsIs, switched(`{"$ref":"a\\b"}`), `{"a\\b":{"in":["x",{"var":"groups"}]}}`, ""},
		{"a name in another script", sameAsIs, switched(`{"$ref":"größe ✓"}`), `{"größe ✓":{"in":["日本",{"var":"groups"}]}}`, ""},
		{"inner before outer", otherAsIs, switched(`{"$ref":"z"}`), `{"a":{"in":["x",{"var":"groups"}]},"z":{"!":[{"$ref":"a"}]}}`, ""},
		{"an integer before its outer", otherAsIs, switched(`{"$ref":"z"}`), `{"z":{"!":[{"$ref":"7"}]},"7":{"in":["x",{"var":"groups"}]}}`, ""},
		{"nested with $&", refusedAsIs, switched(`{"$ref":"a"}`), `{"a":{"or":[{"$ref":"b"},{"$ref":"c"}]},"b":{"in":["x$&",{"var":"groups"}]},"c":{"$ref":"b"}}`, ""},
		{"what refers to itself", sameAsIs, switched(`{"$ref":"a"}`), `{"a":{"$ref":"b"},"b":{"$ref":"a"}}`, ""},
		{"what is not there", sameAsIs, switched(`{"$ref":"a"}`), `{}`, ""},
		{"too much put together", endlessAsIs, switched(`{"$ref":"e0"}`), chain(), ""},
	} {
		document := flagsOf(c.flag, c.evaluators)
		s, problems := compile(t, document)
		told := slices.ContainsFunc(problems, func(p flag.Problem) bool {
			return p.LeftOut && p.Flag == "f" && strings.Contains(p.Message, c.leftOut) && p.Remediation != ""
		})
		if told != (c.leftOut != "") {
			t.Errorf("%s: told of %+v", c.name, problems)
		}
		trials = append(trials, trial{c.name, s, contexts})
		if c.asIs != endlessAsIs {
			stored = append(stored, stocktest.Question{Document: json.RawMessage(document), Asked: []stocktest.Asked{{Key: "f", Contexts: contexts}}})
			want = append(want, c.asIs)
			asked = append(asked, trials[len(trials)-1])
		}
	}
	compareSynced(t, trials...)
	for i, reply := range stocktest.Ask(t, noon, stored...) {
		if got := asked[i].asItIs(t, reply); got != want[i] {
			t.Errorf("%s: as it is the document is %s, not %s", asked[i].name, got, want[i])
		}
	}
}

// asItIs tells what the engine made of f in the document that Souk did not write anew.
func (c trial) asItIs(t *testing.T, reply stocktest.Reply) string {
	t.Helper()
	if reply.Refused != "" {
		return refusedAsIs
	}
	for i, attributes := range c.contexts {
		here, there := c.here(t, "f", attributes), reply.Answers[0][i]
		if here.Code != there.Code || !cmp.Equal(here.Value, there.Value) || !cmp.Equal(here.Metadata, there.Metadata) {
			return otherAsIs
		}
	}
	return sameAsIs
}

func TestAKilledFlagIsSyncedWithItsOffValueAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, flag, synced string }{
		{
			"a value that cannot be loaded", `{"variants":{"off":false,"on":` + nested + `},"defaultVariant":"off","metadata":{"killed":true}}`,
			`{"state":"ENABLED","variants":{"off":false},"defaultVariant":"off","metadata":{"killed":true}}`,
		},
		{
			"no off value", `{"variants":{"on":true},"defaultVariant":"off","metadata":{"killed":true}}`,
			`{"state":"ENABLED","variants":{"off":false},"metadata":{"killed":true}}`,
		},
		{
			"an off value that cannot be loaded", `{"state":"ENABLED","variants":{"off":` + nested + `},"defaultVariant":"off","metadata":{"killed":true}}`,
			`{"state":"ENABLED","variants":{"off":false},"metadata":{"killed":true}}`,
		},
		{"no variants", `{"variants":{},"metadata":{"killed":true}}`, `{"state":"ENABLED","variants":{"off":false},"metadata":{"killed":true}}`},
		{
			"disabled", `{"state":"DISABLED","variants":{"on":` + nested + `},"metadata":{"killed":true}}`,
			`{"state":"DISABLED","variants":{"off":false},"metadata":{"killed":true}}`,
		},
	} {
		s, _ := compile(t, flagsOf(c.flag, `{}`))
		var document struct {
			Flags map[string]json.RawMessage `json:"flags"`
		}
		if err := json.Unmarshal(s.Document(all), &document); err != nil {
			t.Fatal(err)
		}
		if string(document.Flags["f"]) != c.synced {
			t.Errorf("%s: synced as %s", c.name, document.Flags["f"])
		}
		if left := s.LeftOut(); len(left) > 0 {
			t.Errorf("%s: left out %+v", c.name, left)
		}
		if reply := stocktest.Ask(t, noon, stocktest.Question{Document: s.Document(all)})[0]; reply.Refused != "" {
			t.Errorf("%s: %s", c.name, reply.Refused)
		}
	}
}

func TestEvaluatorsStandBeforeWhatTheyReferTo(t *testing.T) {
	t.Parallel()
	s, _ := compile(t, flagsOf(switched(`{"or":[{"$ref":"b"},{"$ref":"a"}]}`),
		`{"a":{"$ref":"x"},"b":{"$ref":"y"},"x":{"var":"x"},"y":{"and":[{"$ref":"a"},{"$ref":"x"}]},"unused":{"$ref":"a"}}`))
	names := evaluatorNames(t, s.Document(all))
	if diff := cmp.Diff([]string{"b", "y", "a", "x"}, names); diff != "" {
		t.Error(diff)
	}
	if names := evaluatorNames(t, s.Document(func(key string) bool { return key == "good" })); len(names) > 0 {
		t.Errorf("flags that refer to nothing come with %v", names)
	}
}

// evaluatorNames lists the evaluators of a document as they stand there.
func evaluatorNames(t *testing.T, document json.RawMessage) (names []string) {
	t.Helper()
	var top struct {
		Evaluators json.RawMessage `json:"$evaluators"`
	}
	if err := json.Unmarshal(document, &top); err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(top.Evaluators, &members); err != nil {
		t.Fatal(err)
	}
	names = slices.Collect(maps.Keys(members))
	slices.SortFunc(names, func(a, b string) int {
		return strings.Index(string(top.Evaluators), fmt.Sprintf("%q:", a)) - strings.Index(string(top.Evaluators), fmt.Sprintf("%q:", b))
	})
	return names
}

// TestALargeSegmentIsSyncedOnce bounds what is inlined: 1,000 people in 100 flags stay as they are where none has a pattern of
// JavaScript's in the name.
func TestALargeSegmentIsSyncedOnce(t *testing.T) {
	t.Parallel()
	people := make([]string, 1000)
	for i := range people {
		people[i] = fmt.Sprintf("person-%d@hyfin.example", i)
	}
	document := map[string]any{"flags": map[string]any{}, "$evaluators": map[string]any{"team": map[string]any{"in": []any{map[string]any{"var": "targetingKey"}, people}}}}
	for i := range 100 {
		document["flags"].(map[string]any)[fmt.Sprintf("flag-%d", i)] = json.RawMessage(switched(`{"$ref":"team"}`))
	}
	stored, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := compile(t, string(stored))
	if size := len(s.Document(all)); size*10 > len(stored)*12 {
		t.Errorf("%d bytes of a document of %d", size, len(stored))
	}
}

// TestDocumentsThatPeopleUseAreSyncedAsTheyAre compares for the testkit and the files of others.
func TestDocumentsThatPeopleUseAreSyncedAsTheyAre(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("SOUK_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	files, err := filepath.Glob(filepath.Join(dir, "flagd*", "*.json"))
	if err != nil || len(files) == 0 {
		missing(t, "no documents at $SOUK_CONFORMANCE/flagd and flagd-real")
	}
	var trials []trial
	for _, file := range files {
		document, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := flag.Compile(document)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		trials = append(trials, trial{filepath.Base(file), s, []map[string]any{
			{},
			{"targetingKey": "ann"},
			{"targetingKey": "bob@faas.com", "email": "bob@faas.com", "locale": "de", "tier": "premium", "age": 30.0},
			{"targetingKey": "5c3d8535-f81a-4478-a6d3-afaa4d51199e", "email": "ballmer@macrosoft.com", "id": 3.0, "time": 1.0, "version": "2.0.0"},
		}})
	}
	compareSynced(t, trials...)
}
