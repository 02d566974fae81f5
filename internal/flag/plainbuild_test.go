package flag_test

import (
	"math"
	"slices"
	"strings"
)

// constant is isDeterministic of the engine.
func constantRule(rule any, inside bool) bool {
	every := func(items []any) bool {
		return !slices.ContainsFunc(items, func(x any) bool { return !constantRule(x, inside) })
	}
	if items, ok := rule.([]any); ok {
		return every(items)
	}
	if !isRule(rule) {
		return true
	}
	switch name, arg := op(rule); name {
	case "var":
		text, _ := at(argsOf(arg), 0).(string)
		return inside && !strings.Contains(text, "../../")
	case "missing":
		return isList(arg) && len(argsOf(arg)) == 0
	case "missing_some", "starts_with", "ends_with", "sem_ver", "fractional":
		return false
	case "map", "filter", "all", "some", "none", "reduce":
		return !isList(arg) || constantRule(at(argsOf(arg), 0), inside) && constantRule(at(argsOf(arg), 1), true)
	default:
		return every(argsOf(arg))
	}
}

// constantValue computes what is constant, where there is neither context nor anything around.
func (p *plain) constantValue(rule any) any {
	blank := &plain{}
	return blank.interpreted(rule, &object{members: map[string]any{}}, nil)
}

// build throws where the engine does as it generates code.
func (p *plain) build(rule any) {
	if items, ok := rule.([]any); ok {
		for _, item := range items {
			p.build(item)
		}
		return
	}
	if !isRule(rule) {
		return
	}
	if constantRule(rule, false) {
		p.constantValue(rule)
		return
	}
	name, arg := op(rule)
	args := argsOf(arg)
	switch name {
	case "if", "?:":
		if len(args) < 3 {
			return // interpreted
		}
	case "and", "or", "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		if !isList(arg) || name != "and" && name != "or" && len(args) < 2 {
			return
		}
	case "!", "!!":
		args = args[:min(len(args), 1)]
	case "in":
		if isList(arg) {
			args = args[:min(len(args), 2)]
		}
	case "var":
		if key := at(args, 0); len(args) == 2 && (key == nil || key == "") {
			return
		}
	case "+", "-", "*", "/", "%":
		if isList(arg) {
			p.buildArithmetic(name, args)
		}
	}
	for _, arg := range args {
		p.build(arg)
	}
}

func (p *plain) buildArithmetic(name string, args []any) {
	if len(args) < map[string]int{"-": 1, "/": 1, "%": 2}[name] {
		throw()
	}
	for i, arg := range args {
		if isList(arg) {
			throw()
		}
		if !constantRule(arg, false) {
			continue
		}
		v := fromJSON(arg)
		if isRule(arg) {
			if v = p.constantValue(arg); name == "/" && v == false {
				continue
			}
		}
		switch v := v.(type) {
		case *object:
			throw()
		case string, float64:
			n := number(v)
			_, isText := v.(string)
			if isText && math.IsNaN(n) || name == "/" && (i > 0 || len(args) == 1) && n == 0 {
				throw()
			}
		}
	}
}
