package flag

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Doubt is a part of a rule that flagd's engines may compute differently. Souk computes it as the JavaScript engine does.
type Doubt struct {
	Flag        string // empty for a shared rule
	Evaluator   string // empty for a flag
	Path        string // JSON pointer (RFC 6901) into the rule
	Operator    string
	Message     string
	Remediation string
}

// doubtLimit bounds the doubts about one rule.
const doubtLimit = 50

// Doubts names what lies outside of what all engines compute alike: an attribute compared with a constant, and, or, not, if,
// in, starts_with, ends_with, sem_ver and fractional. Rules that are no rules are none of its business.
func (set Set) Doubts() []Doubt {
	var all []Doubt
	look := func(about Doubt, raw json.RawMessage) {
		var rule any
		if json.Unmarshal(raw, &rule) != nil {
			return
		}
		d := doubter{about: about}
		d.rule(rule, "", 0, false)
		all = append(all, d.found...)
	}
	for _, name := range slices.Sorted(maps.Keys(set.Evaluators)) {
		look(Doubt{Evaluator: name}, set.Evaluators[name])
	}
	for _, key := range slices.Sorted(maps.Keys(set.Flags)) {
		var f struct {
			Targeting json.RawMessage `json:"targeting"`
		}
		if json.Unmarshal(set.Flags[key], &f) == nil {
			look(Doubt{Flag: key}, f.Targeting)
		}
	}
	return all
}

type doubter struct {
	about Doubt
	found []Doubt
}

func (d *doubter) doubt(path, op, message, fix string) {
	if len(d.found) < doubtLimit {
		one := d.about
		one.Path, one.Operator, one.Message, one.Remediation = path, op, message, fix
		d.found = append(d.found, one)
	}
}

// rule looks at a rule; within tells that a list operator is around it.
func (d *doubter) rule(x any, path string, depth int, within bool) {
	if depth > ruleDepth {
		return
	}
	if items, ok := x.([]any); ok {
		for i, item := range items {
			d.rule(item, path+"/"+strconv.Itoa(i), depth+1, within)
		}
		return
	}
	k, ok := operation(x)
	if !ok {
		return
	}
	path += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(k.op)
	message, fix, inner := d.judge(k, within)
	if message != "" {
		d.doubt(path, k.op, message, fix)
	}
	for i, arg := range k.args {
		at := path
		if !k.bare {
			at += "/" + strconv.Itoa(i)
		}
		d.rule(arg, at, depth+1, within || inner && i == 1)
	}
}

const (
	compareFix = "compare an attribute with a text, a number or a boolean"
	ofAudience = "give an attribute and a constant"
)

// judge tells what is doubtful about one operation, apart from its arguments; inner that its second is for each element.
func (d *doubter) judge(k call, within bool) (message, fix string, inner bool) {
	switch k.op {
	case "$ref", "and", "or", "!", "!!", "if", "?:":
		return "", "", false
	case "var":
		if len(k.args) == 1 && !within {
			if name, ok := k.args[0].(string); ok && name != "" && !strings.HasPrefix(name, above) {
				return "", "", false
			}
		}
		if !within {
			return "engines differ in a computed name, in a default where the attribute is null, and in reading all attributes", "name one attribute", false
		}
		return "", "", false
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		return judgeComparison(k)
	case "in":
		if len(k.args) == 2 && isPlain(k.args[0]) && (isPlain(k.args[1]) || isListOf(k.args[1], isLiteral)) {
			return "", "", false
		}
		return "engines differ in what is in something that is neither list nor text", ofAudience, false
	case "starts_with", "ends_with", "sem_ver":
		if within {
			return "the JavaScript engine fails at " + k.op + " within a list operator", "take it out of the list operator", false
		}
		if len(k.args) >= 2 && isPlain(k.args[0]) && !slices.ContainsFunc(k.args[1:], func(x any) bool { return !isLiteral(x) }) {
			return "", "", false
		}
		return "engines differ where an operand of " + k.op + " is computed and is no text", ofAudience, false
	case "fractional":
		return judgeSplit(k, within)
	case "map", "filter", "all", "some", "none", "reduce":
		return "engines differ in " + k.op + " over what is no list, and in what its rule may read", "send an attribute that says it", true
	case "missing", "missing_some":
		return "engines differ in whether an attribute that is null is missing", "compare the attribute with a constant", false
	case "cat", "substr":
		return "engines differ in the text that null, lists and numbers become", "send an attribute that holds the text", false
	}
	return "engines differ in " + k.op + " where an operand is no number", "send an attribute that holds the result", false
}

func judgeComparison(k call) (message, fix string, inner bool) {
	if len(k.args) != 2 || !isPlain(k.args[0]) || !isPlain(k.args[1]) || isOperation(k.args[0]) == isOperation(k.args[1]) {
		return "engines differ where a comparison has operands that are computed, or more than two", compareFix, false
	}
	literal := k.args[0]
	if isOperation(literal) {
		literal = k.args[1]
	}
	switch strict := len(k.op) == 3; {
	case literal == nil && !strict:
		return "engines differ in whether null is 0", "use === or !==", false
	case !strict && (k.op[0] == '<' || k.op[0] == '>'):
		if _, isNumber := literal.(float64); !isNumber {
			return "engines differ in the order of what are not numbers", "compare with a number", false
		}
	}
	return "", "", false
}

func judgeSplit(k call, within bool) (message, fix string, inner bool) {
	if within {
		return "the JavaScript engine fails at fractional within a list operator", "take it out of the list operator", false
	}
	buckets := k.args
	if len(buckets) > 0 && isOperation(buckets[0]) && isPlain(buckets[0]) {
		buckets = buckets[1:]
	}
	if !slices.ContainsFunc(buckets, func(x any) bool { return !isListOf(x, isLiteral) }) {
		return "", "", false
	}
	return "engines differ in a split whose key, variants or weights are computed", "split by an attribute, into constants", false
}

// isLiteral tells a constant that is no list.
func isLiteral(x any) bool {
	switch x.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// isPlain tells a constant that is no list, or an attribute.
func isPlain(x any) bool {
	k, ok := operation(x)
	return isLiteral(x) || ok && k.op == "var" && len(k.args) == 1 && isLiteral(k.args[0])
}

func isListOf(x any, each func(any) bool) bool {
	items, ok := x.([]any)
	return ok && !slices.ContainsFunc(items, func(item any) bool { return !each(item) })
}
