package flag_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// What follows is JavaScript's own: truth, numbers, texts, comparisons.

func falsy(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0 || math.IsNaN(v)
	case string:
		return v == ""
	}
	return false
}

// truthy is the engine's truth, in which empty lists and objects are false.
func truthy(v any) bool {
	switch v := v.(type) {
	case *array:
		return len(v.items) > 0
	case *object:
		return len(v.members) > 0
	}
	return !falsy(v)
}

func number(v any) float64 {
	switch v := v.(type) {
	case nil:
		return 0
	case bool:
		if v {
			return 1
		}
		return 0
	case float64:
		return v
	case string:
		s := trim(v)
		if s == "" {
			return 0
		}
		if strings.Trim(s, "0123456789.eE+-") != "" {
			return math.NaN() // no text of the generated ones is hexadecimal or infinite
		}
		n, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(n, 0) {
			return math.NaN()
		}
		return n
	case *array:
		return number(str(v))
	}
	return math.NaN()
}

func str(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		case v == 0:
			return "0"
		}
		if abs := math.Abs(v); abs >= 1e21 || abs < 1e-6 {
			mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
			return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	case *array:
		var parts []string
		for _, item := range v.items {
			if item == nil {
				parts = append(parts, "")
			} else {
				parts = append(parts, str(item))
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}

func primitive(v any) any {
	switch v.(type) {
	case *array, *object:
		return str(v)
	}
	return v
}

func isComposite(v any) bool {
	switch v.(type) {
	case *array, *object:
		return true
	}
	return false
}

func looselyEqual(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if isComposite(a) && isComposite(b) {
		return a == b
	}
	a, b = primitive(a), primitive(b)
	s, isText := a.(string)
	t, areTexts := b.(string)
	if isText && areTexts {
		return s == t
	}
	return number(a) == number(b)
}

func raw(op string, a, b any) bool {
	switch op {
	case "===":
		return a == b
	case "!==":
		return a != b
	case "==":
		return looselyEqual(a, b)
	case "!=":
		return !looselyEqual(a, b)
	}
	a, b = primitive(a), primitive(b)
	s, isText := a.(string)
	t, areTexts := b.(string)
	order := 2 // of what has none
	if isText && areTexts {
		order = slices.Compare(utf16.Encode([]rune(s)), utf16.Encode([]rune(t)))
	} else if x, y := number(a), number(b); x < y {
		order = -1
	} else if x > y {
		order = 1
	} else if x == y {
		order = 0
	}
	switch op {
	case "<":
		return order == -1
	case "<=":
		return order == -1 || order == 0
	case ">":
		return order == 1
	}
	return order == 1 || order == 0
}

func wordy(v any) bool {
	_, isText := v.(string)
	return v == nil || isText
}

// operand is what counts as a number in comparisons and sums: no list, no object, not NaN.
func operand(v any) float64 {
	if n, ok := v.(float64); isComposite(v) || ok && math.IsNaN(n) {
		throw()
	}
	return number(v)
}

// checked is the engine's compareCheck.
func checked(op string, item, prev any) any {
	if len(op) == 3 || wordy(item) && wordy(prev) {
		return item
	}
	if math.IsNaN(operand(item)) && prev != nil || math.IsNaN(operand(prev)) {
		return throw()
	}
	if prev == nil && falsy(item) {
		return nil
	}
	if item == nil && falsy(prev) {
		return 0.0
	}
	return item
}

// comparedAsIs is the engine's own function for a comparison.
func comparedAsIs(op string, a, b any) bool {
	if len(op) == 3 || wordy(a) && wordy(b) {
		return raw(op, a, b)
	}
	if math.IsNaN(operand(a)) || math.IsNaN(operand(b)) && a != nil {
		throw()
	}
	return raw(op, number(a), number(b))
}

func includes(haystack, needle any) any {
	if falsy(haystack) {
		return false
	}
	switch h := haystack.(type) {
	case string:
		return strings.Contains(h, str(needle))
	case *array:
		return slices.ContainsFunc(h.items, func(item any) bool {
			x, ok := item.(float64)
			y, both := needle.(float64)
			return item == needle || ok && both && math.IsNaN(x) && math.IsNaN(y)
		})
	}
	return throw()
}

func catOf(v any) any {
	switch v := v.(type) {
	case nil:
		return throw()
	case *array:
		var b strings.Builder
		for _, item := range v.items {
			if item != nil {
				b.WriteString(str(item))
			}
		}
		return b.String()
	}
	return str(v)
}

func apply(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	}
	return math.Mod(a, b)
}

func noNaN(n float64) any {
	if math.IsNaN(n) {
		return throw()
	}
	return n
}

// generatedSum is generated code for a list of operands.
func generatedSum(op string, args []any, compute func(any) any) any {
	if len(args) == 0 {
		return apply(op, 0, 0) + map[string]float64{"*": 1}[op]
	}
	if len(args) == 1 && op == "/" {
		args = []any{1.0, args[0]}
	}
	result := operand(compute(args[0]))
	if len(args) == 1 && op == "-" {
		result = -result
	}
	for _, arg := range args[1:] {
		x := operand(compute(arg))
		if op == "/" && (x == 0 || math.IsNaN(x)) {
			return throw()
		}
		result = apply(op, result, x)
	}
	return noNaN(result)
}

// generatedSumOf is generated code for one operand without a list.
func generatedSumOf(op string, v any) any {
	a, ok := v.(*array)
	if !ok {
		switch op {
		case "+":
			return noNaN(number(v))
		case "-":
			return noNaN(-number(v))
		}
		return throw()
	}
	items := a.items
	if len(items) < map[string]int{"-": 1, "/": 1, "%": 2}[op] {
		return throw()
	}
	divisor := func(v any) float64 {
		if falsy(v) {
			throw()
		}
		return operand(v)
	}
	if len(items) == 1 && op == "-" {
		return -operand(items[0])
	}
	if len(items) == 1 && op == "/" {
		return 1 / divisor(items[0])
	}
	var result any = map[string]float64{"*": 1}[op]
	if op != "+" && op != "*" {
		result, items = items[0], items[1:]
	}
	for _, item := range items {
		x := number(result)
		if op != "+" {
			x = operand(result)
		}
		if op == "/" {
			result = x / divisor(item)
		} else {
			result = apply(op, x, operand(item))
		}
	}
	return result
}

// sum is the engine's own function for an arithmetic operator.
func sum(op string, args []any) any {
	if slices.ContainsFunc(args, isComposite) || len(args) < map[string]int{"-": 1, "/": 1, "%": 2}[op] {
		return throw()
	}
	switch {
	case len(args) == 0:
		return map[string]float64{"*": 1}[op]
	case len(args) == 1 && op == "-":
		return -number(args[0])
	case len(args) == 1 && op == "/":
		if n := number(args[0]); n != 0 && !math.IsNaN(n) {
			return 1 / n
		}
		return throw()
	}
	result := number(args[0])
	for _, arg := range args[1:] {
		if op == "/" && falsy(arg) {
			return throw()
		}
		result = apply(op, result, number(arg))
	}
	if op == "/" && math.IsInf(result, 1) {
		return throw()
	}
	return noNaN(result)
}

// sumOf is the same for + and - with one operand, which may be the list of all.
func sumOf(op string, v any) any {
	if a, ok := v.(*array); ok {
		return sum(op, a.items)
	}
	if falsy(v) {
		return 0.0
	}
	if op == "-" {
		return noNaN(-number(v))
	}
	return noNaN(number(v))
}
