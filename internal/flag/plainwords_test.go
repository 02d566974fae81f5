package flag_test

import (
	"math"
	"slices"
	"strings"
	"unicode/utf16"
)

// prepare throws where the engine does before it interprets a rule: it works constant parts out in advance.
func (p *plain) prepare(rule any) {
	every := func(items []any) {
		for _, item := range items {
			p.prepare(item)
		}
	}
	if items, ok := rule.([]any); ok {
		every(items)
		return
	}
	if !isRule(rule) {
		return
	}
	name, arg := op(rule)
	args, listed := argsOf(arg), isList(arg)
	switch name {
	case "if", "?:":
		if listed && len(args) == 3 {
			every(args)
		}
	case "filter":
		if listed && len(args) == 2 {
			p.prepare(args[1])
		}
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		if listed && (len(args) == 2 || len(args) == 3) {
			every(args)
		}
	case "reduce":
		if listed && at(args, 1) == nil {
			throw()
		}
		if sum := shortSum(args, listed); sum != nil {
			p.prepare(sum)
		}
	case "and", "or", "map", "all", "some", "none":
	default:
		every(args)
	}
	if constantRule(rule, false) {
		p.execute(rule, &object{members: map[string]any{}}, nil)
	}
}

// interpreted computes a rule as the engine interprets it.
func (p *plain) interpreted(rule, context any, up *around) any {
	p.prepare(rule)
	return p.execute(rule, context, up)
}

// shortSum is what the engine computes in place of a reduce that adds up or multiplies.
func shortSum(args []any, listed bool) any {
	if !listed || !isRule(at(args, 1)) {
		return nil
	}
	name, arg := op(args[1])
	if name != "+" && name != "*" || !isList(arg) || len(argsOf(arg)) != 2 {
		return nil
	}
	var names []any
	for _, arg := range argsOf(arg) {
		if !isRule(arg) {
			return nil
		}
		inner, key := op(arg)
		if text, ok := key.(string); ok && inner == "var" && text != "" {
			names = append(names, text)
		}
	}
	if !slices.Contains(names, any("accumulator")) || !slices.Contains(names, any("current")) {
		return nil
	}
	var start any = 0.0
	if name == "*" {
		start = 1.0
	}
	if len(args) > 2 && (name == "*" || isList(args[2]) || isRule(args[2]) || !falsy(fromJSON(args[2]))) {
		start = args[2]
	}
	return map[string]any{name: []any{map[string]any{name: args[0]}, start}}
}

func (p *plain) execute(rule, context any, up *around) any {
	e := func(x any) any { return p.execute(x, context, up) }
	later := func(x any) any { return p.interpreted(x, context, up) }
	if items, ok := rule.([]any); ok {
		return &array{items: values(items, e)}
	}
	if !isRule(rule) {
		return fromJSON(rule)
	}
	name, arg := op(rule)
	args, listed := argsOf(arg), isList(arg)
	switch name {
	case "var":
		return p.executeVar(args, listed, context, up, e)
	case "if", "?:":
		if !listed {
			return throw()
		}
		for ; len(args) > 1; args = args[2:] {
			if truthy(later(args[0])) {
				return later(args[1])
			}
		}
		return later(at(args, 0))
	case "and", "or":
		if !listed {
			return throw()
		}
		var v any
		for _, arg := range args {
			if v = later(arg); truthy(v) == (name == "or") {
				break
			}
		}
		return v
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		if !listed || len(args) < 2 {
			return throw()
		}
		if len(args) > 3 {
			return chained(name, args, later)
		}
		a, b := later(args[0]), later(args[1])
		holds := comparedAsIs(name, a, b)
		if len(args) == 3 {
			return holds && comparedAsIs(name, b, later(args[2]))
		}
		return holds
	case "!", "!!":
		var v any
		if len(args) == 1 && !isList(args[0]) {
			v = e(args[0])
			if a, ok := v.(*array); ok {
				v = at(a.items, 0)
			}
		} else {
			v = at(values(args, e), 0)
		}
		return truthy(v) == (name == "!!")
	case "+", "-", "cat":
		if len(args) == 1 && !isList(args[0]) {
			v := e(args[0])
			if name == "cat" {
				return catOf(v)
			}
			return sumOf(name, v)
		}
		return p.function(name, values(args, e), context)
	case "map", "filter", "some", "none", "all", "reduce":
		if !listed {
			return throw()
		}
		return p.executeLoop(name, args, context, up, later)
	case "missing_some":
		names := elements(e(args[1]))
		missing := lacking(context, names, false)
		if float64(len(names)-len(missing.items)) >= number(e(args[0])) {
			return &array{items: []any{}}
		}
		return missing
	}
	given := values(args, e)
	if !listed {
		given = elements(given[0])
	}
	if name == "missing" {
		return lacking(context, given, false)
	}
	return p.function(name, given, context)
}

func chained(name string, args []any, later func(any) any) any {
	prev := later(args[0])
	for i, arg := range args[1:] {
		current := later(arg)
		if (len(name) == 3 || wordy(current) && wordy(prev)) && !raw(name, prev, current) {
			return false
		}
		if math.IsNaN(operand(current)) && prev != nil || i == 0 && math.IsNaN(operand(prev)) {
			return throw()
		}
		if !raw(name, number(prev), number(current)) {
			return false
		}
		prev = current
	}
	return true
}

func (p *plain) executeVar(args []any, listed bool, context any, up *around, e func(any) any) any {
	if listed && len(args) != 1 {
		return p.varFunction(&array{items: values(args, e)}, context, up)
	}
	key := e(args[0])
	if args[0] == false || args[0] == 0.0 {
		return context
	}
	name, isText := key.(string)
	parts := strings.Split(name, ".")
	if isText && !isRule(args[0]) && !strings.HasPrefix(name, "../") && (len(parts) == 2 || len(parts) == 3) {
		for _, part := range parts { // ends on what is false, and gives that
			if falsy(context) {
				return context
			}
			context, _ = member(context, part)
		}
		return context
	}
	return p.varFunction(key, context, up)
}

func (p *plain) executeLoop(name string, args []any, context any, up *around, later func(any) any) any {
	if name == "reduce" {
		if sum := shortSum(args, true); sum != nil {
			return p.execute(sum, context, up)
		}
		if at(args, 1) == nil {
			return throw()
		}
	}
	if name == "filter" && len(args) == 2 && constantRule(args[1], false) {
		if truthy(p.constantValue(args[1])) {
			return later(args[0])
		}
		return &array{items: []any{}}
	}
	var start any = absent{}
	if name == "reduce" && len(args) > 2 {
		start = shallow(later(args[2]))
	}
	v := later(at(args, 0))
	list, ok := v.(*array)
	if falsy(v) {
		list, ok = &array{}, true
	}
	loose := name == "all" || name == "some" || name == "none"
	if !ok && !loose {
		return throw()
	}
	if !ok {
		list = &array{}
		if s, isText := v.(string); isText {
			for _, u := range utf16.Encode([]rune(s)) {
				list.items = append(list.items, string(utf16.Decode([]uint16{u})))
			}
		}
	}
	if name == "all" && (falsy(v) || v == any(list) && len(list.items) == 0) {
		return false
	}
	if name == "reduce" {
		return fold(list.items, start, func(accumulator, current any) any {
			element := &object{members: map[string]any{"accumulator": accumulator, "current": current}}
			return shallow(p.interpreted(args[1], element, &around{v, context, up}))
		})
	}
	return loop(name, list.items, func(i int) any {
		var meta any = &object{members: map[string]any{"index": float64(i), "iterator": list}}
		if loose {
			meta = v
		}
		return p.interpreted(at(args, 1), list.items[i], &around{meta, context, up})
	})
}

// function is an operator that gets the values of its arguments.
func (p *plain) function(name string, args []any, context any) any {
	switch name {
	case "+", "-", "*", "/", "%":
		return sum(name, args)
	case "max", "min":
		best, ok := at(args, 0).(float64)
		for _, arg := range args {
			n, isNumber := arg.(float64)
			if ok = ok && isNumber; ok && (name == "max" && n > best || name == "min" && n < best) {
				best = n
			}
		}
		if !ok {
			return throw()
		}
		return best
	case "in":
		return includes(at(args, 1), at(args, 0))
	case "cat":
		var b strings.Builder
		for _, arg := range args {
			if arg != nil {
				b.WriteString(str(arg))
			}
		}
		return b.String()
	case "merge":
		a := &array{items: []any{}}
		for _, arg := range args {
			a.items = append(a.items, elements(arg)...)
		}
		return a
	case "substr":
		return substring(args)
	}
	if p.root == nil || context != any(p.root) {
		return throw() // flagd's own operators look for their logger in the context
	}
	switch name {
	case "starts_with", "ends_with":
		a, okA := at(args, 0).(string)
		b, okB := at(args, 1).(string)
		if !okA || !okB || len(args) != 2 {
			return nil
		}
		if name == "starts_with" {
			return strings.HasPrefix(a, b)
		}
		return strings.HasSuffix(a, b)
	case "sem_ver":
		return semVer(args)
	}
	return p.fractional(args)
}
