package flag_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/flag"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// document makes a flag document of boolean flags with these rules by key.
func document(rules map[string]string, evaluators string) string {
	flags := map[string]any{}
	for key, rule := range rules {
		flags[key] = map[string]any{
			"state": "ENABLED", "variants": map[string]any{"on": true, "off": false}, "defaultVariant": "off",
			"targeting": json.RawMessage(rule),
		}
	}
	if evaluators == "" {
		evaluators = "{}"
	}
	raw, err := json.Marshal(map[string]any{"flags": flags, "$evaluators": json.RawMessage(evaluators)})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func compile(t testing.TB, text string) (*flag.Snapshot, []flag.Problem) {
	t.Helper()
	s, problems, err := flag.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s, problems
}

func evaluate(t testing.TB, s *flag.Snapshot, key, context string) *flag.Outcome {
	t.Helper()
	c := s.Context(noon)
	defer c.Release()
	if err := c.Parse(`{"context":` + context + `}`); err != nil {
		t.Fatal(err)
	}
	return s.Evaluate(key, c)
}

func TestRulesGiveWhatFlagdGives(t *testing.T) {
	t.Parallel()
	const pilot = `{"pilot":{"or":[{"in":["pilot",{"var":"groups"}]},{"in":[{"var":"targetingKey"},["ann@x.example","bob@x.example"]]}]},
		"nobody":{"in":[{"var":"targetingKey"},[]]}, "loop":{"or":[{"$ref":"loop2"}]}, "loop2":{"!":{"$ref":"loop"}}}`
	for _, c := range []struct{ rule, context, want string }{
		{`{"if":[{"$ref":"pilot"},"on"]}`, `{"groups":["beta","pilot"]}`, "on TARGETING_MATCH"},
		{`{"if":[{"$ref":"pilot"},"on"]}`, `{"groups":["beta"]}`, "off DEFAULT"},
		{`{"if":[{"$ref":"pilot"},"on"]}`, `{"groups":null,"targetingKey":"bob@x.example"}`, "on TARGETING_MATCH"},
		{`{"if":[{"$ref":"pilot"},"on"]}`, `{}`, "off DEFAULT"},
		{`{"if":[{"$ref":"nobody"},"on"]}`, `{"targetingKey":""}`, "off DEFAULT"},
		{`{"if":[{"$ref":"gone"},"on"]}`, `{}`, "PARSE_ERROR"},
		{`{"if":[{"$ref":"loop"},"on"]}`, `{}`, "PARSE_ERROR"},
		{`{"nonsense":[1]}`, `{}`, "PARSE_ERROR"},
		{`{}`, `{}`, "off STATIC"},
		{`null`, `{}`, "off STATIC"},
		{`"on"`, `{}`, "on TARGETING_MATCH"},
		{`"sideways"`, `{}`, "GENERAL"},
		{`{"var":"which"}`, `{"which":"on"}`, "on TARGETING_MATCH"},
		{`{"var":"which"}`, `{"which":"sideways"}`, "GENERAL"},
		{`{"var":"which"}`, `{"which":["on"]}`, "on TARGETING_MATCH"},
		{`{"var":["which","on"]}`, `{}`, "on TARGETING_MATCH"},
		{`{"var":"a.b.1"}`, `{"a":{"b":["off","on"]}}`, "on TARGETING_MATCH"},
		{`{"var":"a.b"}`, `{"a":{"b":"on"},"a":{"c":"x"}}`, "off DEFAULT"},
		{`{"var":"a"}`, `{"\u0061":"\u006fn"}`, "on TARGETING_MATCH"},
		{`{"if":[{"==":[{"var":"n"},1]},"on"]}`, `{"n":"1"}`, "on TARGETING_MATCH"},
		{`{"if":[{"===":[{"var":"n"},1]},"on"]}`, `{"n":"1"}`, "off DEFAULT"},
		{`{"if":[{"==":["a",{"var":"n"}]},"on"]}`, `{"n":"a"}`, "on TARGETING_MATCH"},
		{`{"if":[{"!=":[{"var":"n"},"a"]},"on"]}`, `{}`, "on TARGETING_MATCH"},
		{`{"if":[{"!==":[{"var":"n"},"a"]},"on"]}`, `{"n":"a"}`, "off DEFAULT"},
		{`{"if":[{"==":[{"var":"n"},null]},"on"]}`, `{"n":0}`, "on TARGETING_MATCH"},
		{`{"if":[{"!":{"var":"n"}},"on"]}`, `{"n":[]}`, "on TARGETING_MATCH"},
		{`{"if":[{"!":[{"var":"n"}]},"on"]}`, `{"n":"0"}`, "off DEFAULT"},
		{`{"or":[{"var":"n"},"on"]}`, `{"n":""}`, "on TARGETING_MATCH"},
		{`{"and":[{"var":"n"},"on"]}`, `{"n":"x"}`, "on TARGETING_MATCH"},
		{`{"and":[{"var":"n"},"on"]}`, `{}`, "off DEFAULT"},
		{`{"if":[false,"off",{"var":"n"},"on","off"]}`, `{"n":true}`, "on TARGETING_MATCH"},
		{`{"if":[{"in":["b",{"var":"n"}]},"on"]}`, `{"n":"abc"}`, "on TARGETING_MATCH"},
		{`{"if":[{"in":[{"var":"n"},[1,2]]},"on"]}`, `{"n":2}`, "on TARGETING_MATCH"},
		{`{"if":[{"in":[{"var":"n"},["a",{"var":"m"}]]},"on"]}`, `{"n":"z","m":"z"}`, "on TARGETING_MATCH"},
		{`{"if":[{"starts_with":[{"var":"n"},"a"]},"on"]}`, `{"n":"abc"}`, "on TARGETING_MATCH"},
		{`{"if":[{"ends_with":[{"var":"n"},{"var":"m"}]},"on"]}`, `{"n":"abc","m":"bc"}`, "on TARGETING_MATCH"},
		{`{"if":[{">":[{"var":"n"},18]},"on"]}`, `{"n":18.5}`, "on TARGETING_MATCH"},
		{`{"if":[{">":[{"var":"n"},18]},"on"]}`, `{"n":"19"}`, "on TARGETING_MATCH"},
		{`{"if":[{">":[{"var":"n"},18]},"on"]}`, `{"n":18}`, "off DEFAULT"},
		{`{"if":[{">":[{"var":"n"},18]},"on"]}`, `{"n":"old"}`, "GENERAL"},
		{`{"if":[{">":[{"var":"n"},-1]},"on"]}`, `{"n":[7]}`, "GENERAL"},
		{`{"if":[{">=":[{"var":"n"},18]},"on"]}`, `{"n":18}`, "on TARGETING_MATCH"},
		{`{"if":[{"<":[{"var":"n"},1]},"on"]}`, `{}`, "on TARGETING_MATCH"},
		{`{"if":[{"<":["a",{"var":"n"}]},"on"]}`, `{"n":"b"}`, "on TARGETING_MATCH"},
		{`{"if":[{"<":["10",{"var":"n"}]},"on"]}`, `{"n":"9"}`, "on TARGETING_MATCH"},
		{`{"if":[{"<=":[1,{"var":"n"},3]},"on"]}`, `{"n":3}`, "on TARGETING_MATCH"},
		{`{"if":[{"<":[1,{"var":"n"},3]},"on"]}`, `{"n":3}`, "off DEFAULT"},
		{`{"if":[{"<":[]},"on"]}`, `{}`, "PARSE_ERROR"},
		{`{"fractional":[{"var":"nobody"},["on",1]]}`, `{"targetingKey":"x"}`, "off DEFAULT"},
		{`{"fractional":[["on",1]]}`, `{}`, "off DEFAULT"},
		{`{"fractional":[["on",1]]}`, `{"targetingKey":""}`, "off DEFAULT"},
		{`{"fractional":[["on",0.5]]}`, `{"targetingKey":"x"}`, "off DEFAULT"},
		{`{"fractional":[["on",9e15]]}`, `{"targetingKey":"x"}`, "off DEFAULT"},
		{`{"fractional":[]}`, `{"targetingKey":"x"}`, "off DEFAULT"},
		{`{"fractional":[["on"],["off",0]]}`, `{"targetingKey":"x"}`, "on TARGETING_MATCH"},
		{`{"if":[{"==":[{"var":"$flagd.flagKey"},"f"]},"on"]}`, `{"$flagd":{"flagKey":"g"}}`, "on TARGETING_MATCH"},
		{`{"if":[{"==":[{"var":"$flagd.timestamp"},1795435200]},"on"]}`, `{}`, "on TARGETING_MATCH"},
	} {
		s, _ := compile(t, document(map[string]string{"f": c.rule}, pilot))
		o := evaluate(t, s, "f", c.context)
		got := string(o.Code)
		if got == "" {
			got = o.Variant + " " + string(o.Reason)
		}
		if got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.rule, c.context, got, c.want)
		}
	}
}

func TestAnswersAreFinishedItemsOfOFREP(t *testing.T) {
	t.Parallel()
	s, problems := compile(t, `{"metadata":{"flagSetId":"production","list":[1]},"flags":{
		"static":{"state":"ENABLED","variants":{"on":{"a": [1, 2.0]},"off":{}},"defaultVariant":"on","metadata":{"killed":true}},
		"disabled":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on"},
		"nodefault":{"state":"ENABLED","variants":{"on":true},"defaultVariant":null},
		"html<&>":{"state":"ENABLED","variants":{"on":"<b>\u2028"},"defaultVariant":"on"},
		"lost":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"off"},
		"broken":{"state":"ENABLED","variants":[],"metadata":{"app":"a"}}}}`)
	want := map[string]string{
		"static":    `{"key":"static","value":{"a":[1,2.0]},"reason":"STATIC","variant":"on","metadata":{"flagSetId":"production","killed":true}}`,
		"disabled":  `{"key":"disabled","reason":"DISABLED","metadata":{"flagSetId":"production"}}`,
		"nodefault": `{"key":"nodefault","reason":"DEFAULT","metadata":{"flagSetId":"production"}}`,
		"html<&>":   `{"key":"html<&>","value":"<b>\u2028","reason":"STATIC","variant":"on","metadata":{"flagSetId":"production"}}`,
		"lost":      `{"key":"lost","errorCode":"GENERAL","errorDetails":"the flag has no variant \"off\"","metadata":{"flagSetId":"production"}}`,
		"broken":    `{"key":"broken","errorCode":"PARSE_ERROR","errorDetails":"variants is not a JSON object","metadata":{"app":"a","flagSetId":"production"}}`,
	}
	got := map[string]string{}
	for key := range want {
		got[key] = string(evaluate(t, s, key, `{}`).JSON)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 5 { // two of them that in-process SDKs do not get the flag
		t.Errorf("problems: %+v", problems)
	}
	if evaluate(t, s, "missing", `{}`) != nil {
		t.Error("an unknown flag has an answer")
	}
}

func TestGrowingPercentageNeverMovesAPersonOut(t *testing.T) {
	t.Parallel()
	rules := map[string]string{}
	for p := range 101 {
		rules[strconv.Itoa(p)] = fmt.Sprintf(`{"fractional":[{"var":"targetingKey"},["on",%d],["off",%d]]}`, p, 100-p)
	}
	s, _ := compile(t, document(rules, ""))
	rapid.Check(t, func(t *rapid.T) {
		c := s.Context(noon)
		defer c.Release()
		c.Set(map[string]any{"targetingKey": rapid.StringN(1, 40, 80).Draw(t, "key")})
		in := false
		for p := range 101 {
			on := s.Evaluate(strconv.Itoa(p), c).Variant == "on"
			if in && !on {
				t.Fatalf("out again at %d %%", p)
			}
			in = on
		}
		if !in {
			t.Fatal("out at 100 %")
		}
	})
}

func TestSplitGivesEachVariantItsShare(t *testing.T) {
	t.Parallel()
	s, _ := compile(t, document(map[string]string{"f": `{"fractional":[["on",5],["off",95]]}`, "g": `{"fractional":[["on",5],["off",95]]}`}, ""))
	c := s.Context(noon)
	defer c.Release()
	const people = 100_000
	var f, both int
	for i := range people {
		c.Set(map[string]any{"targetingKey": fmt.Sprintf("person-%d@hyfin.example", i)})
		inF, inG := s.Evaluate("f", c).Variant == "on", s.Evaluate("g", c).Variant == "on"
		if inF {
			f++
			if inG {
				both++
			}
		}
	}
	if f < 4700 || f > 5300 {
		t.Errorf("%d of %d, want about 5 %%", f, people)
	}
	if both < 150 || both > 350 {
		t.Errorf("%d are in the same share of both flags, want about 5 %% of 5 %%", both)
	}
}

func TestEvaluateNeverPanicsOnAnyContext(t *testing.T) {
	t.Parallel()
	rules := map[string]string{
		"a": `{"if":[{"in":[{"var":"x"},{"var":"y.z"}]},"on",{"==":[{"var":"x"},{"var":"y"}]},{"var":"targetingKey"},"off"]}`,
		"b": `{"fractional":[{"var":"x"},[{"var":"y"},{"var":"y.z"}],["on",{"var":"targetingKey"}]]}`,
		"c": `{"starts_with":[{"var":"x"},{"var":"y.0"}]}`,
		"d": `{"and":[{"or":[{"var":"x"},{"!":[{"var":"y"}]}]},{"!==":[{"var":"x"},{"var":"y"}]},{"var":""}]}`,
	}
	s, problems := compile(t, document(rules, ""))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }), rapid.Map(rapid.String(), func(s string) any { return s }))
	any1 := rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(leaf, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"z", "0", "x"}), leaf, 0, 3), func(m map[string]any) any { return m }))
	names := rapid.SampledFrom([]string{"x", "y", "targetingKey", "other"})
	rapid.Check(t, func(t *rapid.T) {
		c := s.Context(noon)
		defer c.Release()
		attributes := rapid.MapOf(names, any1).Draw(t, "attributes")
		c.Set(attributes)
		var byMap []*flag.Outcome
		for o := range s.All(c) {
			byMap = append(byMap, o)
		}
		body, err := json.Marshal(map[string]any{"context": attributes})
		if err != nil {
			t.Skip("not JSON")
		}
		if key := attributes["targetingKey"]; c.Parse(string(body)) != nil {
			if _, isText := key.(string); isText || key == nil {
				t.Fatalf("refused %s", body)
			}
			return
		}
		i := 0
		for o := range s.All(c) {
			if byMap[i] != o {
				t.Fatalf("%s: by map %s, by request %s", body, byMap[i].JSON, o.JSON)
			}
			i++
		}
	})
}

func TestCostlyAndDeepRulesAreRefusedAlone(t *testing.T) {
	t.Parallel()
	doubling := map[string]any{"e0": true}
	for i := range 40 {
		doubling[fmt.Sprintf("e%d", i+1)] = json.RawMessage(fmt.Sprintf(`{"or":[{"$ref":"e%d"},{"$ref":"e%d"}]}`, i, i))
		doubling[fmt.Sprintf("t%d", i+1)] = json.RawMessage(fmt.Sprintf(`{"if":[{"var":"x"},{"$ref":"t%d"},{"$ref":"t%d"}]}`, i, i))
	}
	doubling["t0"] = "on"
	evaluators, err := json.Marshal(doubling)
	if err != nil {
		t.Fatal(err)
	}
	s, problems := compile(t, document(map[string]string{
		"deep":   strings.Repeat(`{"!":`, 100) + "1" + strings.Repeat(`}`, 100),
		"doubly": `{"if":[{"$ref":"e40"},"on"]}`,
		"target": `{"$ref":"t40"}`,
		"fine":   `{"if":[{"$ref":"e3"},"on"]}`,
	}, string(evaluators)))
	if len(problems) != 3 {
		t.Errorf("problems: %+v", problems)
	}
	if o := evaluate(t, s, "fine", `{}`); o.Variant != "on" {
		t.Errorf("fine gives %s", o.JSON)
	}
}

func TestBadContextsAreRefusedWithTheRightCode(t *testing.T) {
	t.Parallel()
	s, _ := compile(t, document(map[string]string{"f": `{"var":"a.b"}`}, ""))
	for body, want := range map[string]flag.ErrorCode{
		`{"context":{}}`: "",
		`{"other":[1e5,{"x":null}],"context":{"a":{"b":"on"}}}`: "",
		`{}`:                             "",
		`{"context":null}`:               "",
		``:                               flag.ParseError,
		`[]`:                             flag.ParseError,
		`{"context":{}`:                  flag.ParseError,
		`{"context":{}}x`:                flag.ParseError,
		`{"context":{"a":01}}`:           flag.ParseError,
		`{"context":{"a":"\x"}}`:         flag.ParseError,
		"{\"context\":{\"a\":\"\x01\"}}": flag.ParseError,
		"{\"context\":{\"a\":\"\xff\"}}": flag.ParseError,
		`{"context":{"targetingKey":5}}`: flag.InvalidContext,
		`{"context":[]}`:                 flag.InvalidContext,
		`{"context":"x"}`:                flag.InvalidContext,
		`{"context":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`:       flag.ParseError,
		`{"context":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`: flag.ParseError,
		`{"context":{"a":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `}}`: "",
	} {
		c := s.Context(noon)
		err := c.Parse(body)
		c.Release()
		var code flag.ErrorCode
		if bad, ok := errors.AsType[*flag.ContextError](err); ok {
			code = bad.Code
		}
		if code != want {
			t.Errorf("%q: %v, want %q", body, err, want)
		}
	}
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	s, _ := compile(t, document(map[string]string{
		"audience": `{"if":[{"or":[{"in":["pilot",{"var":"groups"}]},{"in":[{"var":"targetingKey"},["a","b"]]}]},{"fractional":[["on",50],["off",50]]}]}`,
		"mail":     `{"if":[{"ends_with":[{"var":"email"},"@hyfin.example"]},"on"]}`,
		"static":   `{}`,
	}, ""))
	c := s.Context(noon)
	defer c.Release()
	c.Set(map[string]any{"targetingKey": "ann@x.example", "groups": []string{"pilot"}, "email": "ann@hyfin.example"})
	if n := testing.AllocsPerRun(100, func() {
		for _, key := range []string{"audience", "mail", "static"} {
			s.Evaluate(key, c)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte(document(map[string]string{"f": `{"fractional":[["on",1],["off",{"var":"x"}]]}`}, `{"e":{"in":["a",{"var":"g"}]}}`)))
	f.Add([]byte(`{"flags":[{"key":"a","state":"ENABLED","variants":{"on":1},"defaultVariant":"on","targeting":{"if":[{"$ref":"e"}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, problems, err := flag.Compile(text)
		if err != nil {
			return
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Message, flag.CompilerFault) {
				t.Errorf("%s: %s", p.Flag, p.Message)
			}
		}
		c := s.Context(noon)
		defer c.Release()
		c.Set(map[string]any{"targetingKey": "x", "x": 1.0, "g": []any{"a"}})
		for o := range s.All(c) {
			if !json.Valid(o.JSON) {
				t.Errorf("not JSON: %s", o.JSON)
			}
			if o.Details == flag.EvaluationFault {
				t.Errorf("%s fails", o.Key)
			}
		}
		if synced := s.Document(all); !json.Valid(synced) {
			t.Errorf("synced as %s", synced)
		}
	})
}

func FuzzContext(f *testing.F) {
	for _, seed := range []string{`{"context":{"a":{"b":[1,"x"]},"targetingKey":"k"}}`, `{"context":{"a":"\ud83d\ude00\n"}}`, `{"a":-0.5e+7}`} {
		f.Add(seed)
	}
	s, _ := compile(f, document(map[string]string{"f": `{"or":[{"var":"a.b.1"},{"var":"a.c"},{"in":["x",{"var":"a.b"}]}]}`}, ""))
	f.Fuzz(func(t *testing.T, body string) {
		c := s.Context(noon)
		defer c.Release()
		err := c.Parse(body)
		if o := s.Evaluate("f", c); o.Details == flag.EvaluationFault {
			t.Error(o.Details)
		}
		bad, _ := errors.AsType[*flag.ContextError](err)
		if valid := json.Valid([]byte(body)); err == nil && !valid {
			t.Errorf("took %q", body)
		}
		if err != nil && bad == nil {
			t.Errorf("an error of another type: %v", err)
		}
	})
}

// The rows of the performance goals: rules bound once and evaluated many times, and with a map of attributes in each call.
var rows = map[string]string{
	"static": `{}`,
	"mail":   `{"if":[{"ends_with":[{"var":"email"},"@hyfin.example"]},"on"]}`,
	"five": `{"if":[` + strings.Repeat(`{"and":[{"==":[{"var":"a"},"1"]},{"==":[{"var":"b"},"2"]},{"==":[{"var":"c"},"4"]}]},"off",`, 4) +
		`{"and":[{"==":[{"var":"a"},"1"]},{"==":[{"var":"b"},"2"]},{"==":[{"var":"c"},"3"]}]},"on"]}`,
	"split": `{"fractional":[["on",50],["off",30],["on",20]]}`,
}

var rowAttributes = map[string]map[string]any{
	"static": {},
	"mail":   {"email": "ann@hyfin.example"},
	"five":   {"a": "1", "b": "2", "c": "3"},
	"split":  {"targetingKey": "ann@x.example"},
}

func BenchmarkEvaluate(b *testing.B) {
	for _, key := range []string{"static", "mail", "five", "split"} {
		s, _ := compile(b, document(map[string]string{key: rows[key]}, ""))
		b.Run(key, func(b *testing.B) {
			c := s.Context(noon)
			defer c.Release()
			c.Set(rowAttributes[key])
			b.ReportAllocs()
			for b.Loop() {
				s.Evaluate(key, c)
			}
		})
		b.Run(key+", bound per call", func(b *testing.B) {
			c := s.Context(noon)
			defer c.Release()
			b.ReportAllocs()
			for b.Loop() {
				c.Set(rowAttributes[key])
				s.Evaluate(key, c)
			}
		})
	}
}

func BenchmarkAll(b *testing.B) {
	rules := map[string]string{}
	for i := range 500 {
		rules[fmt.Sprintf("flag-%d", i)] = []string{rows["static"], rows["mail"], rows["split"], rows["five"]}[i%4]
	}
	s, _ := compile(b, document(rules, ""))
	c := s.Context(noon)
	defer c.Release()
	c.Set(map[string]any{"targetingKey": "ann@x.example", "email": "ann@hyfin.example", "a": "1", "b": "2", "c": "3"})
	b.ReportAllocs()
	for b.Loop() {
		for o := range s.All(c) {
			_ = o
		}
	}
}
