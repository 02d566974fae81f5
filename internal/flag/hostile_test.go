package flag_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/flag"
)

func TestTargetingThatIsNoRuleIsAParseErrorOfThatFlagAlone(t *testing.T) {
	t.Parallel()
	loops := `{"a":{"$ref":"b"},"b":{"!":[{"$ref":"a"}]},"self":{"$ref":"self"},"text":"{not","list":[{"$ref":"list"}]}`
	for rule, message := range map[string]string{
		`{"$ref":"a"}`:                          `the evaluator "a" refers to itself`,
		`{"$ref":"self"}`:                       `the evaluator "self" refers to itself`,
		`{"$ref":"list"}`:                       `the evaluator "list" refers to itself`,
		`{"$ref":["a"]}`:                        `there is no evaluator ""`,
		`{"$ref":7}`:                            `there is no evaluator ""`,
		`{"if":[{"==":[1,1],"!=":[1,2]},"on"]}`: `an operation has one operator, but there is an object with 2 members: {"!=":[1,2],"==":[1,1]}`,
		`{"if":[{"var":"a"},{"nonsense":1}]}`:   `there is no operator "nonsense"`,
		`{"+":[{"var":"a"},"x"]}`:               `an operand of an arithmetic operator is a constant that is no number`,
		`{"max":["x"]}`:                         `a constant part of targeting cannot be computed: {"max":["x"]}`,
		strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100):                                   `targeting nests deeper than 64`,
		`{"or":[` + strings.Repeat(`{"var":"a"},`, 60_000) + `{"var":"b"}]}`:                  `targeting has more than 50000 parts`,
		`{"in":[{"var":"a"},["` + strings.Repeat(`x","`, 60_000) + `y"]]}`:                    `targeting has more than 50000 parts`,
		strings.Repeat(`{"fractional":[[`, 40) + `"on"` + strings.Repeat(`,1],["off"]]}`, 40): `targeting nests deeper than 64`,
	} {
		s, problems := compile(t, document(map[string]string{"f": rule, "fine": `{"var":"a"}`}, loops))
		if len(problems) != 1 || problems[0].Message != message || problems[0].Code != flag.ParseError || problems[0].Remediation == "" {
			t.Errorf("%.80s: %+v, want %q", rule, problems, message)
		}
		if o := evaluate(t, s, "f", `{}`); o.Code != flag.ParseError {
			t.Errorf("%.80s gives %s", rule, o.JSON)
		}
		if o := evaluate(t, s, "fine", `{"a":"on"}`); o.Variant != "on" {
			t.Errorf("beside %.80s, another flag gives %s", rule, o.JSON)
		}
	}
	if _, _, err := flag.Compile([]byte(`{"flags":{"f":{"targeting":{not}}}}`)); err == nil {
		t.Error("targeting that is not JSON is taken")
	}
}

// TestWorkOfAContextIsBounded holds rules whose cost depends on the context: each gives up instead of going on for long.
func TestWorkOfAContextIsBounded(t *testing.T) {
	t.Parallel()
	long := make([]any, 2000)
	for i := range long {
		long[i] = "x"
	}
	s, problems := compile(t, document(map[string]string{
		"nested":   `{"map":[{"var":"l"},{"map":[{"var":"../../l"},{"map":[{"var":"../../../../l"},{"var":""}]}]}]}`,
		"doubling": `{"reduce":[{"var":"l"},{"cat":[{"var":"accumulator"},{"var":"accumulator"}]},"xx"]}`,
		"merging":  `{"reduce":[{"var":"l"},{"merge":[{"var":"accumulator"},{"var":"accumulator"}]},["x"]]}`,
		"joining":  `{"map":[{"var":"l"},{"cat":[{"var":"../../l"},""]}]}`,
		"looking":  `{"filter":[{"var":"l"},{"in":["y",{"var":"../../l"}]}]}`,
		"plain":    `{"if":[{"in":["x",{"var":"l"}]},"on"]}`,
	}, ""))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := s.Context(noon)
	defer c.Release()
	c.Set(map[string]any{"l": long})
	for o := range s.All(c) {
		if o.Key == "plain" {
			if o.Variant != "on" {
				t.Errorf("after rules that gave up, another gives %s", o.JSON)
			}
		} else if o.Code != flag.General || !strings.Contains(o.Details, "too many steps") {
			t.Errorf("%s gives %.200s", o.Key, o.JSON)
		}
	}
}

func TestAnyContextHasAnAnswer(t *testing.T) {
	t.Parallel()
	rules := map[string]string{
		"text": `{"if":[{"ends_with":[{"var":"email"},"x"]},"on"]}`, "order": `{"if":[{">":[{"var":"n"},1]},"on"]}`,
		"split": `{"fractional":[["on",1],["off",1]]}`, "whole": `{"if":[{"some":[{"var":"l"},{"==":[{"var":"x.y"},1]}]},"on"]}`,
		"all": `{"var":{"var":"email"}}`, "version": `{"if":[{"sem_ver":[{"var":"email"},">","1.0.0"]},"on"]}`,
		"cat": `{"cat":[{"var":"email"},{"var":"n"},{"var":"l"}]}`, "missing": `{"if":[{"missing":["l.0.x","n"]},"on"]}`,
		"sum": `{"+":{"var":"l"}}`, "substr": `{"substr":[{"var":"email"},-3,-1]}`,
	}
	s, problems := compile(t, document(rules, ""))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	many := map[string]any{}
	for i := range 10_000 {
		many[fmt.Sprintf("key-%d", i)] = i
	}
	deep, self := any("x"), map[string]any{}
	for range 10_000 {
		deep = map[string]any{"x": []any{deep}}
	}
	self["x"] = self
	circle := []any{nil}
	circle[0] = circle
	for name, attributes := range map[string]map[string]any{
		"10,000 keys":    many,
		"NaN":            {"n": math.NaN(), "email": math.NaN(), "l": []any{math.NaN()}, "targetingKey": math.NaN()},
		"infinite":       {"n": math.Inf(-1), "email": math.Inf(1), "l": []any{math.Inf(1)}},
		"nested deeply":  {"n": deep, "email": deep, "l": []any{deep}, "targetingKey": deep},
		"self-contained": {"n": self, "email": self, "l": circle, "targetingKey": circle},
		"wrong types":    {"n": "x", "email": 5, "l": "x", "targetingKey": true},
		"not JSON":       {"n": make(chan int), "email": func() {}, "l": []any{struct{}{}}, "targetingKey": time.Now},
		"not UTF-8":      {"n": "\xff", "email": "\xff\xfex", "l": []any{"\xc3\x28"}, "targetingKey": "\xed\xa0\x80", "\xff": 1},
		"nothing":        nil,
	} {
		c := s.Context(noon)
		c.Set(attributes)
		for o := range s.All(c) {
			if !json.Valid(o.JSON) {
				t.Errorf("%s: %s", name, o.JSON)
			}
		}
		c.Release()
		for key := range rules {
			e, _ := s.Explain(key, attributes, noon)
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("%s: the explanation of %s: %v", name, key, err)
			}
		}
	}
}

func TestAContextOfTenThousandKeysIsReadInOnePass(t *testing.T) {
	t.Parallel()
	s, _ := compile(t, document(map[string]string{"f": `{"var":"key-9999"}`}, ""))
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, `"key-%d":"on",`, i)
	}
	if o := evaluate(t, s, "f", `{`+b.String()+`"z":[1,{"a":null}]}`); o.Variant != "on" {
		t.Errorf("gives %s", o.JSON)
	}
}

func TestObjectsWithinListsKeepTheirMembers(t *testing.T) {
	t.Parallel()
	rule := `{"if":[{"some":[{"var":"teams"},{"and":[{"==":[{"var":"name"},"red"]},{"in":[{"var":"../../role"},{"var":"roles"}]}]}]},"on"]}`
	s, _ := compile(t, document(map[string]string{"f": rule}, ""))
	for context, want := range map[string]string{
		`{"role":"lead","teams":[{"name":"blue"},{"name":"red","roles":["lead"]}]}`: "on",
		`{"role":"lead","teams":[{"name":"red","roles":["member"]}]}`:               "off",
		`{"teams":[]}`: "off",
		`{}`:           "off",
	} {
		if o := evaluate(t, s, "f", context); o.Variant != want {
			t.Errorf("%s gives %s, want %s", context, o.JSON, want)
		}
	}
}

func TestDoubtsAreWhatLiesOutsideOfTheCommonSubset(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		`{"if":[{"and":[{"==":[{"var":"a"},"x"]},{"!":{"in":["x",{"var":"g"}]}}]},"on",{"$ref":"e"},{"fractional":[["on",1],["off"]]}]}`: "",
		`{"fractional":[{"var":"a"},["on",1],["off",2]]}`:       "",
		`{"sem_ver":[{"var":"v"},">=","1.2.0"]}`:                "",
		`{"if":[{"!==":[{"var":"a"},null]},"on"]}`:              "",
		`{"if":[{">":[{"var":"a"},18]},"on"]}`:                  "",
		`{"if":[{">":[{"var":"a"},"18"]},"on"]}`:                "/if/0/>",
		`{"if":[{"==":[{"var":"a"},null]},"on"]}`:               "/if/0/==",
		`{"if":[{"==":[{"var":"a"},{"var":"b"}]},"on"]}`:        "/if/0/==",
		`{"if":[{"<":[1,{"var":"a"},3]},"on"]}`:                 "/if/0/<",
		`{"or":[{"var":["a","on"]},{"cat":["o","n"]}]}`:         "/or/0/var /or/1/cat",
		`{"some":[{"var":"l"},{"ends_with":[{"var":""},"x"]}]}`: "/some /some/1/ends_with",
		`{"fractional":[{"cat":[{"var":"a"}]},["on",1]]}`:       "/fractional /fractional/0/cat",
		`{"+":[{"var":"a"},1]}`:                                 "/+",
		`{"~/":1}`:                                              "/~0~1",
	} {
		set, err := flag.Parse([]byte(document(map[string]string{"f": rule}, "")))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range set.Doubts() {
			got = append(got, d.Path)
			if d.Flag != "f" || d.Message == "" || d.Remediation == "" {
				t.Errorf("%s: %+v", rule, d)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}
