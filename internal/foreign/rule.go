package foreign

import "slices"

// A condition is true, false, or an operation in flagd's targeting, as JSON encodes it. A choice is the name of a variant, nil for none, so
// that a program gets its own default, or an operation that comes to one of these.

func op(name string, args ...any) any { return map[string]any{name: args} }

func attribute(path string) any { return map[string]any{"var": path} }

// reference is a shared rule.
func reference(name string) any { return map[string]any{"$ref": name} }

// targetingKey is the attribute that names whom a program asks for.
var targetingKey = attribute("targetingKey")

// now is the time of an evaluation, in seconds.
var now = attribute("$flagd.timestamp")

// present holds where a program sends the attribute.
func present(v any) any { return op("!==", v, nil) }

// every holds where all conditions hold.
func every(conditions ...any) any {
	var open []any
	for _, c := range conditions {
		if c == false {
			return false
		}
		if c != true {
			open = append(open, flat("and", c)...)
		}
	}
	return fold("and", open, true)
}

// some holds where any condition holds.
func some(conditions ...any) any {
	var open []any
	for _, c := range conditions {
		if c == true {
			return true
		}
		if c != false {
			open = append(open, flat("or", c)...)
		}
	}
	return fold("or", open, false)
}

// maxFlat bounds which operands become those of the operation around: a long list may be meant by many rules, and is not copied for each.
const maxFlat = 16

// flat are the operands of an operation of that name, else the condition itself.
func flat(name string, condition any) []any {
	if rule, ok := condition.(map[string]any); ok {
		if args, ok := rule[name].([]any); ok && len(args) <= maxFlat {
			return args
		}
	}
	return []any{condition}
}

func fold(name string, open []any, none bool) any {
	switch len(open) {
	case 0:
		return none
	case 1:
		return open[0]
	}
	return op(name, open...)
}

func not(condition any) any {
	if constant, ok := condition.(bool); ok {
		return !constant
	}
	return op("!", condition)
}

// compared holds where an attribute is there and compares so with a number.
func compared(v any, name string, n float64) any { return every(present(v), op(name, v, n)) }

// branch is a choice for whomever a condition holds.
type branch struct {
	when any
	then any
	rule string // its name, if there is a reason
	why  string // why when holds for fewer than in the source; empty: it does not
}

// choose is the first branch whose condition holds, else the last choice.
func choose(branches []branch, otherwise any) any {
	var args []any
	for _, b := range branches {
		if b.when == false {
			continue
		}
		if b.when == true {
			otherwise = b.then
			break
		}
		args = append(args, b.when, b.then)
	}
	for otherwise == nil && len(args) > 0 && args[len(args)-1] == nil {
		args = args[:len(args)-2]
	}
	if len(args) == 0 {
		return otherwise
	}
	return op("if", append(args, otherwise)...)
}

// share is a variant, or another choice, with its weight.
type share struct {
	name   any
	weight int
}

// split is a share of everybody for each choice, by the attribute by which they are told apart; nil is the targeting key. The second result
// reports whether anything is left to split: one share that has all is just its choice.
func split(by any, shares []share) (choice any, open bool) {
	shares = slices.DeleteFunc(slices.Clone(shares), func(s share) bool { return s.weight <= 0 })
	switch len(shares) {
	case 0:
		return nil, false
	case 1:
		return shares[0].name, false
	}
	var args []any
	if by != nil {
		args = append(args, op("cat", attribute("$flagd.flagKey"), by))
	}
	for _, s := range shares {
		args = append(args, []any{s.name, s.weight})
	}
	return op("fractional", args...), true
}

// mayBeNothing reports whether a choice gives somebody no value.
func mayBeNothing(choice any) bool {
	rule, ok := choice.(map[string]any)
	if !ok {
		return choice == nil
	}
	if args, ok := rule["fractional"].([]any); ok {
		return slices.ContainsFunc(args, func(arg any) bool {
			of, ok := arg.([]any)
			return ok && mayBeNothing(of[0])
		})
	}
	args, _ := rule["if"].([]any)
	for i, arg := range args {
		if (i%2 == 1 || i == len(args)-1) && mayBeNothing(arg) {
			return true
		}
	}
	return false
}
