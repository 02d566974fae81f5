package policy

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Time bounds what an evaluation does step by step. What a single call makes large out of something small is bounded here:
// text that doubles with every line, numbers with a billion digits, values that hold each other over and over.
const (
	maxValue  = 256 << 10 // bytes and members of what goes into such a call, or comes out of it
	maxAnswer = 1 << 20   // of what a policy says
	maxRange  = 100_000   // members of numbers.range
	maxDigits = 1_000     // decimal digits of a number that is calculated with
)

// weight counts the bytes of texts and the members of what a term holds, what is held twice twice, and stops at limit.
func weight(value ast.Value, limit int) int {
	switch value := value.(type) {
	case ast.String:
		return len(value) + 1
	case ast.Number:
		return len(value) + 1
	case *ast.Array:
		return heavier(limit, func(add func(*ast.Term) bool) { value.Until(func(t *ast.Term) bool { return !add(t) }) })
	case ast.Set:
		return heavier(limit, func(add func(*ast.Term) bool) { value.Until(func(t *ast.Term) bool { return !add(t) }) })
	case ast.Object:
		return heavier(limit, func(add func(*ast.Term) bool) {
			value.Until(func(k, v *ast.Term) bool { return !add(k) || !add(v) })
		})
	}
	return 1
}

func heavier(limit int, members func(add func(*ast.Term) bool)) int {
	sum := 1
	members(func(t *ast.Term) bool {
		sum += weight(t.Value, limit-sum)
		return sum < limit
	})
	return sum
}

// boundedJSON turns what a policy says into JSON values, unless it is too large for anybody to read.
func boundedJSON(term *ast.Term, _ *rego.EvalContext) (any, error) {
	if weight(term.Value, maxAnswer) >= maxAnswer {
		return nil, fmt.Errorf("what it says is larger than %d bytes", maxAnswer)
	}
	return ast.JSON(term.Value)
}

// grows tells how large the result of a call may become; calls that are not in it give nothing larger than what they take.
var grows = map[string]func(operands []*ast.Term) int{
	"concat": func(o []*ast.Term) int {
		return len(text(o[0]))*weight(o[1].Value, maxValue) + weight(o[1].Value, maxValue)
	},
	"replace": func(o []*ast.Term) int {
		return len(text(o[0])) + strings.Count(text(o[0]), text(o[1]))*len(text(o[2]))
	},
	"strings.replace_n": func(o []*ast.Term) int {
		sum := len(text(o[1]))
		if patterns, ok := o[0].Value.(ast.Object); ok {
			patterns.Foreach(func(k, v *ast.Term) { sum += strings.Count(text(o[1]), text(k)) * len(text(v)) })
		}
		return sum
	},
	"regex.replace": func(o []*ast.Term) int {
		return (len(text(o[0]))+1)*len(text(o[2])) + strings.Count(text(o[2]), "$")*len(text(o[0]))
	},
	"sprintf": func(o []*ast.Term) int {
		if wide.MatchString(text(o[0])) {
			return maxValue
		}
		return len(text(o[0])) + strings.Count(text(o[0]), "%")*4*weight(o[1].Value, maxValue)
	},
	"numbers.range": func(o []*ast.Term) int { return steps(o[0], o[1], nil) },
	"numbers.range_step": func(o []*ast.Term) int {
		return steps(o[0], o[1], o[2])
	},
	"format_int": digits, "floor": digits, "ceil": digits, "round": digits, "abs": digits, "rem": digits,
	"bits.and": digits, "bits.or": digits, "bits.xor": digits, "bits.negate": digits, "bits.rsh": digits,
	"units.parse": digits, "units.parse_bytes": digits, "to_number": digits,
}

// measured are calls whose result is about as large as what they take.
var measured = strings.Fields(`array.concat array.flatten array.reverse array.slice object.union object.union_n json.marshal json.unmarshal
	json.patch json.filter json.remove split strings.split_n indexof_n regex.find_n regex.find_all_string_submatch_n regex.split
	strings.reverse base64.encode base64.decode base64url.encode base64url.encode_no_pad base64url.decode hex.encode hex.decode
	urlquery.encode urlquery.decode urlquery.encode_object urlquery.decode_object internal.template_string cast_array cast_set graph.reachable`)

// wide is a width or precision that makes much out of little.
var wide = regexp.MustCompile(`%[^%a-zA-Z]*(\*|[0-9]{4,})`)

func text(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

// steps is how many numbers a range has.
func steps(from, to, step *ast.Term) int {
	a, ok := whole(from)
	if !ok {
		return 0 // the call itself refuses it
	}
	b, ok := whole(to)
	if !ok {
		return 0
	}
	count := new(big.Int).Abs(new(big.Int).Sub(a, b))
	if step != nil {
		if by, ok := whole(step); ok && by.Sign() > 0 {
			count.Quo(count, by)
		}
	}
	if count.Cmp(big.NewInt(maxRange)) > 0 {
		return maxValue
	}
	return 0
}

func whole(t *ast.Term) (*big.Int, bool) {
	n, ok := t.Value.(ast.Number)
	if !ok || vast(string(n)) {
		return nil, false
	}
	return new(big.Int).SetString(string(n), 10)
}

// digits refuses numbers that would be written out with more digits than anybody needs.
func digits(operands []*ast.Term) int {
	for _, o := range operands {
		switch value := o.Value.(type) {
		case ast.Number:
			if vast(string(value)) {
				return maxValue
			}
		case ast.String:
			if vast(string(value)) {
				return maxValue
			}
		}
	}
	return 0
}

var exponent = regexp.MustCompile(`[eE][+-]?0*([0-9]+)`)

func vast(number string) bool {
	if len(number) > maxDigits {
		return true
	}
	found := exponent.FindStringSubmatch(number)
	return len(found) > 1 && len(found[1]) > 3
}

// OPA keeps one table of calls for the whole process, which may be written only while nothing evaluates: at the start.
var _ = bound()

// bound puts the bounds before the calls of the sandbox.
func bound() bool {
	for _, name := range measured {
		wrap(name, func(operands []*ast.Term) int {
			sum := 0
			for _, o := range operands {
				sum += weight(o.Value, maxValue)
			}
			return sum
		})
	}
	for name, size := range grows {
		wrap(name, size)
	}
	return true
}

func wrap(name string, size func(operands []*ast.Term) int) {
	call := topdown.GetBuiltin(name)
	if call == nil {
		return
	}
	topdown.RegisterBuiltinFunc(name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		if size(operands) >= maxValue {
			// A call that fails is undefined to OPA, and an undefined deny lets pass: this ends the evaluation instead.
			return topdown.Halt{Err: &topdown.Error{
				Code: topdown.BuiltinErr, Message: fmt.Sprintf("%s would make something larger than %d bytes", name, maxValue), Location: bctx.Location,
			}}
		}
		return call(bctx, operands, iter)
	})
}
