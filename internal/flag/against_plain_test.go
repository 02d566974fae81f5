package flag_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/flag"
)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// comparePlain evaluates a rule in both ways, with a context bound from a map and read from a request, and explains it.
func comparePlain(t fataler, rule any, context map[string]any) {
	t.Helper()
	text, err := json.Marshal(rule)
	if err != nil {
		t.Fatalf("%v", err)
	}
	attributes, err := json.Marshal(context)
	if err != nil {
		t.Fatalf("%v", err)
	}
	document, err := json.Marshal(map[string]any{"flags": map[string]any{"f": flagOf(rule)}})
	if err != nil {
		t.Fatalf("%v", err)
	}
	rule, context = decode(string(text)), decode(string(attributes)).(map[string]any)
	v, threw, parse := evaluatePlain(rule, "f", context, noon.Unix())
	want := flag.Given{Type: "error"}
	if parse && !threw {
		want = flag.Given{Type: "null"}
		switch v.(type) {
		case nil:
		case bool:
			want = flag.Given{Type: "boolean", Text: str(v)}
		case float64:
			want = flag.Given{Type: "number", Text: str(v)}
		case string:
			want = flag.Given{Type: "string", Text: str(v)}
		default:
			want = flag.Given{Type: "object", Text: str(v)}
		}
	}
	body := `{"context":` + string(attributes) + `}`
	got, err := flag.GivenBy(string(text), "{}", "f", body, noon)
	if (err == nil) != parse || parse && got != want {
		t.Fatalf("%s with %s: %+v %v, want %+v, parses %v", text, attributes, got, err, want, parse)
	}

	s, _, err := flag.Compile(document)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c := s.Context(noon)
	defer c.Release()
	c.Set(context)
	byMap := s.Evaluate("f", c)
	if err := c.Parse(body); err != nil {
		t.Fatalf("%v", err)
	}
	o := s.Evaluate("f", c)
	if o != byMap {
		t.Fatalf("%s with %s: by map %s, by request %s", text, attributes, byMap.JSON, o.JSON)
	}
	if isRule(rule) || isWord(rule) || isList(rule) && len(argsOf(rule)) > 0 { // else there is no targeting
		variant, reason, code := "", flag.Failed, flag.General
		switch {
		case !parse:
			code = flag.ParseError
		case threw:
		case v == nil:
			variant, reason, code = "off", flag.Default, ""
		default:
			if _, known := flagOf(nil)["variants"].(map[string]any)[str(v)]; known {
				variant, reason, code = str(v), flag.TargetingMatch, ""
			}
		}
		if o.Variant != variant || o.Reason != reason || o.Code != code {
			t.Fatalf("%s with %s: %s, want %s %s %s", text, attributes, o.JSON, variant, reason, code)
		}
	}
	e, ok := s.Explain("f", context, noon)
	if !ok || e.Variant != o.Variant || e.Reason != o.Reason || e.ErrorCode != o.Code {
		t.Fatalf("%s with %s: explained as %+v, evaluated as %s", text, attributes, e, o.JSON)
	}
	if traced := s.Traced("f", context, noon); o.Code == "" && !bytes.Equal(traced.JSON, o.JSON) {
		t.Fatalf("%s with %s: traced as %s, evaluated as %s", text, attributes, traced.JSON, o.JSON)
	}
}

func isWord(x any) bool { s, ok := x.(string); return ok && s != "" }

func TestCompiledRulesGiveWhatAPlainInterpreterGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pick := rapid.IntRange(0, 1<<20)
		g := generator{pick: func(n int) int { return pick.Draw(t, "pick") % n }}
		rule := g.rule(1+g.pick(3), 0, false)
		comparePlain(t, rule, g.context())
	})
}

// FuzzRules makes rules and contexts of what the fuzzer picks.
func FuzzRules(f *testing.F) {
	for i := range 200 {
		random := rand.New(rand.NewPCG(uint64(i), 3))
		picks := make([]byte, 30+i)
		for j := range picks {
			picks[j] = byte(random.UintN(256))
		}
		f.Add(picks)
	}
	f.Fuzz(func(t *testing.T, picks []byte) {
		g := generator{pick: func(n int) int {
			if len(picks) == 0 {
				return 0
			}
			b := int(picks[0])
			picks = picks[1:]
			return b % n
		}}
		rule := g.rule(1+g.pick(4), 0, false)
		comparePlain(t, rule, g.context())
	})
}

func TestRulesThatOnceDiffered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, context string }{
		{`{"if":[{"var":"n"},{"var":"s.length"}]}`, `{"n":true,"s":""}`}, // the path ends on "", whichever way the context came
		{`{"in":[{"===":[{"var":""},{"var":""}]},[true]]}`, `{"a":1}`},   // the context is one object
		{`{"if":[{"!!":[]},{"%":[]},null,null]}`, `{}`},
		{`{"reduce":[[null,1.5],{"var":"../../a"}]}`, `{"a":{"z":[]}}`},
		{`{"map":[null,{"==":[{"reduce":[null,true,{"var":"a"}]},null]}]}`, `{"a":1}`}, // constant, as the engine sees it
		{`{"reduce":[{"in":[null,null]},{"+":[{"var":"current"},{"var":"accumulator"}]},{"var":{"var":"a"}}]}`, `{}`},
		{`{"reduce":[{"in":[null,null]},{"+":[{"var":"current"},1]},{"var":{"var":"a"}}]}`, `{}`},
		{`{"reduce":[null,{"+":[{"var":"current"},{"var":"accumulator"}]},{"var":false}]}`, `{}`},
		{`{"filter":[null,{"%":[{"var":"a"},{"%":[]}]}]}`, `{}`},
		{`{"filter":[null,{"and":[{"var":"a"},{"%":[]}]}]}`, `{}`},
		{`{"map":[null,{"%":[{"var":"a"},{"%":[]}]}]}`, `{}`},
		{`{"==":[{"var":"a"},{"cat":[{"var":"n"},{"*":{"var":"a"}}]}]}`, `{"a":[]}`},
	} {
		comparePlain(t, decode(c.rule), decode(c.context).(map[string]any))
	}
}
