package policy_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/fault"
)

// doubled makes a module whose rules x1 … x40 each hold the one before twice.
func doubled(first, twice string) string {
	lines := []string{"x0 := " + first}
	for i := 1; i <= 40; i++ {
		lines = append(lines, fmt.Sprintf("x%d := ", i)+strings.ReplaceAll(twice, "X", fmt.Sprintf("x%d", i-1)))
	}
	return strings.Join(lines, "\n")
}

// Not parallel: it measures the memory of the process.
//
//nolint:paralleltest // see above
func TestAPolicyCannotMakeMuchOutOfLittle(t *testing.T) {
	for name, source := range map[string]string{
		"concat":           doubled(`"a"`, `concat("", [X, X])`) + "\ndeny contains x40",
		"sprintf":          doubled(`"a"`, `sprintf("%s%s", [X, X])`) + "\ndeny contains x40",
		"sprintf by index": `deny contains sprintf(concat("", [y | some i in numbers.range(1, 20000); y := "%[1]s"]), [concat("", [z | some i in numbers.range(1, 50000); z := "abcd"])])`,
		"a wide text":      `deny contains sprintf("%1000000d", [1])`,
		"a width given":    `deny contains sprintf("%*d", [1000000, 1])`,
		"replace":          doubled(`"a"`, `replace(X, "a", "aa")`) + "\ndeny contains x40",
		"replace_n":        doubled(`"a"`, `strings.replace_n({"a": "aa"}, X)`) + "\ndeny contains x40",
		"regex.replace":    doubled(`"a"`, `regex.replace(X, "(a)", "$1$1")`) + "\ndeny contains x40",
		"array.concat":     doubled(`[1]`, `array.concat(X, X)`) + "\ndeny contains x40",
		"a list in itself": doubled(`["a"]`, `[X, X]`) + "\ndeny contains x40",
		"written as JSON":  doubled(`["a"]`, `[X, X]`) + "\ndeny contains json.marshal(x40)",
		"an object":        doubled(`{"a": 1}`, `{"l": X, "r": X}`) + "\ndeny contains json.marshal(x40)",
		"a long range":     "deny contains count(numbers.range(1, 1000000000)) > 3",
		"steps":            "deny contains count(numbers.range_step(1, 1000000000, 2)) > 3",
		"digits of text":   `deny contains to_number("1e999999999") > 3`,
		"units":            `deny contains units.parse_bytes("1e999999999") > 3`,
		"products":         "deny contains count([1 | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); some c in numbers.range(1, 1000)]) > 3",
	} {
		t.Run(name, func(t *testing.T) {
			set := compile(t, module(t, "package marketplace.large\n"+source))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			got := judge(t, set, fields(nil)).Findings
			runtime.ReadMemStats(&after)
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 2000 {
				t.Errorf("it took %d MB of memory", used)
			}
			if len(got) != 1 || got[0].Severity != fault.SeverityError || got[0].Code != "policy_failed" && got[0].Code != "policy_slow" {
				t.Errorf("findings are %.300v", got)
			}
		})
	}
}

func TestOrdinarySizesPassTheBounds(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, `package marketplace.usual
		names := [name | some i in numbers.range(1, 300); name := sprintf("person-%04d", [i])]
		allow if {
			count(split(concat(",", names), ",")) == 300
			count(array.concat(names, names)) == 600
			replace("a-b-c", "-", "+") == "a+b+c"
			regex.replace("aXbX", "X", "-") == "a-b-"
			json.unmarshal(json.marshal({"names": names})).names[3] == "person-0004"
			to_number("12.5") == 12.5
			floor(12.5) == 12
			count(numbers.range(1, 20000)) == 20000
			upper("ß") != ""
		}`))
	if got := judge(t, set, fields(nil)).Findings; len(got) != 0 {
		t.Errorf("findings are %+v", got)
	}
}
