package flag_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/flag/stocktest"
)

// askStock evaluates rules with npm @openfeature/flagd-core.
func askStock(t *testing.T, rules []any, contexts []map[string]any) [][]stocktest.Answer {
	t.Helper()
	flags, asked := map[string]any{}, []stocktest.Asked{}
	for i, rule := range rules {
		key := "f" + strconv.Itoa(i)
		flags[key] = flagOf(rule)
		asked = append(asked, stocktest.Asked{Key: key, Contexts: contexts})
	}
	document, err := json.Marshal(map[string]any{"flags": flags})
	if err != nil {
		t.Fatal(err)
	}
	reply := stocktest.Ask(t, noon, stocktest.Question{Document: document, Asked: asked})[0]
	if reply.Refused != "" {
		t.Fatal(reply.Refused)
	}
	return reply.Answers
}

// TestGeneratedRulesGiveWhatTheStockEngineGives compares with @openfeature/flagd-core in its usual way, generated code.
func TestGeneratedRulesGiveWhatTheStockEngineGives(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of rules: not with -short, which the race detector comes with")
	}
	t.Parallel()
	rules, seed := 2000, uint64(1)
	if given := os.Getenv("SOUK_STOCK_RULES"); given != "" { // "seed count", to look for more
		if _, err := fmt.Sscan(given, &seed, &rules); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(seed, 2))
	g := generator{pick: random.IntN}
	var all []any
	for range rules {
		all = append(all, g.rule(1+g.pick(4), 0, false))
	}
	contexts := []map[string]any{{}}
	for range 15 {
		contexts = append(contexts, g.context())
	}
	compareWithStock(t, all, contexts)
}

func compareWithStock(t *testing.T, rules []any, contexts []map[string]any) {
	t.Helper()
	answers := askStock(t, rules, contexts)
	different := 0
	for i, rule := range rules {
		key := "f" + strconv.Itoa(i)
		text, err := json.Marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		document, err := json.Marshal(map[string]any{"flags": map[string]any{key: flagOf(rule)}})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := compile(t, string(document))
		for j, context := range contexts {
			attributes, err := json.Marshal(context)
			if err != nil {
				t.Fatal(err)
			}
			want := answers[i][j]
			o := evaluate(t, s, key, string(attributes))
			given, err := flag.GivenBy(string(text), "{}", key, `{"context":`+string(attributes)+`}`, noon)
			sameRaw := want.Raw.None || err == nil && want.Raw.Type == given.Type && want.Raw.Text == given.Text
			variant := ""
			if want.Variant != nil {
				variant = *want.Variant
			}
			if o.Variant == variant && o.Reason == want.Reason && o.Code == want.Code && sameRaw {
				continue
			}
			if different++; different <= 25 {
				t.Errorf("%s\n with %s:\n here %s %s %q %+v %v\n there %s %s %q %+v", text, attributes,
					o.Reason, o.Code, o.Variant, given, err, want.Reason, want.Code, variant, want.Raw)
			}
			break
		}
	}
	if different > 0 {
		t.Errorf("%d of %d rules differ", different, len(rules))
	}
}

// TestSplitsPlaceAnyKeyAsTheStockEngineDoes compares buckets of keys in all scripts, whose hash is npm imurmurhash's own.
func TestSplitsPlaceAnyKeyAsTheStockEngineDoes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	letters := []rune("abc019@.-éüßж日本語😀🎉\u0000\u007f\u0080\uffff")
	var contexts []map[string]any
	for i := range 400 {
		key := make([]rune, 1+i%13)
		for j := range key {
			key[j] = letters[random.IntN(len(letters))]
		}
		contexts = append(contexts, map[string]any{"targetingKey": string(key)})
	}
	split := []any{[]any{"on", 25.0}, []any{"off", 25.0}, []any{"a", 25.0}, []any{"b", 25.0}}
	compareWithStock(t, []any{
		map[string]any{"fractional": split},
		map[string]any{"fractional": append([]any{map[string]any{"var": "targetingKey"}}, split...)},
	}, contexts)
}
