package flag_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// plain computes rules by walking their JSON, in the order in which the stock engine's code reads, without slots, constants
// worked out in advance or short ways. Lists and objects are pointers, so that two are the same if they are one.
type plain struct {
	key  string
	root *object
	prev any // the variable of that name in generated code
}

type (
	array  struct{ items []any }
	object struct{ members map[string]any }
	around struct { // of a list operator
		meta  any
		outer any
		up    *around
	}
	thrown struct{} // what the engine throws
	absent struct{} // JavaScript's undefined
)

func throw() any { panic(thrown{}) }

func throws(f func()) (threw bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(thrown); !ok {
				panic(r)
			}
			threw = true
		}
	}()
	f()
	return false
}

// fromJSON makes values of decoded JSON.
func fromJSON(x any) any {
	switch x := x.(type) {
	case []any:
		a := &array{items: []any{}}
		for _, item := range x {
			a.items = append(a.items, fromJSON(item))
		}
		return a
	case map[string]any:
		o := &object{members: map[string]any{}}
		for name, member := range x {
			o.members[name] = fromJSON(member)
		}
		return o
	}
	return x
}

// evaluatePlain computes a rule; parse is false if the engine refuses to build it.
func evaluatePlain(rule any, key string, context map[string]any, now int64) (v any, threw, parse bool) {
	root := fromJSON(context).(*object)
	root.members["$flagd"] = &object{members: map[string]any{"flagKey": key, "timestamp": float64(now)}}
	p := &plain{key: key, root: root}
	if throws(func() { p.build(rule) }) {
		return nil, false, false
	}
	return v, throws(func() { v = p.generated(rule, root, nil) }), true
}

func op(rule any) (string, any) {
	for name, arg := range rule.(map[string]any) {
		return name, arg
	}
	return "", nil
}

func argsOf(arg any) []any {
	if items, ok := arg.([]any); ok {
		return items
	}
	return []any{arg}
}

func isList(x any) bool { _, ok := x.([]any); return ok }

func isRule(x any) bool { m, ok := x.(map[string]any); return ok && len(m) > 0 }

func at(items []any, i int) any {
	if i < len(items) {
		return items[i]
	}
	return nil
}

// generated computes a rule as generated code does.
func (p *plain) generated(rule, context any, up *around) any {
	g := func(x any) any { return p.generated(x, context, up) }
	if items, ok := rule.([]any); ok {
		a := &array{items: []any{}}
		for _, item := range items {
			a.items = append(a.items, g(item))
		}
		return a
	}
	if !isRule(rule) {
		return fromJSON(rule)
	}
	if constantRule(rule, false) {
		return p.constantValue(rule)
	}
	name, arg := op(rule)
	args, listed := argsOf(arg), isList(arg)
	switch name {
	case "var":
		return p.generatedVar(args, listed, context, up, g)
	case "if", "?:":
		if !listed || len(args) < 3 {
			return p.interpreted(rule, context, up)
		}
		for ; len(args) > 1; args = args[2:] {
			if truthy(g(args[0])) {
				return g(args[1])
			}
		}
		return g(at(args, 0))
	case "and", "or":
		if !listed {
			return throw()
		}
		for _, arg := range args {
			p.prev = g(arg)
			if truthy(p.prev) == (name == "or") {
				break
			}
		}
		return p.prev
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		if !listed || len(args) < 2 {
			return throw()
		}
		left := g(args[0])
		p.prev = left
		for i, arg := range args[1:] {
			right := g(arg)
			right = checked(name, right, p.prev)
			if len(args) > 2 {
				p.prev = right
			}
			if !raw(name, left, right) {
				return false
			}
			if left = right; i == len(args)-2 {
				break
			}
		}
		return true
	case "!":
		return !truthy(g(at(args, 0)))
	case "!!":
		return truthy(g(at(args, 0)))
	case "+", "-", "*", "/", "%":
		if listed {
			return generatedSum(name, args, g)
		}
		v := g(arg)
		if isRule(arg) && name != "*" && name != "%" {
			p.prev = v
		}
		return generatedSumOf(name, v)
	case "cat":
		if !isRule(arg) || listed {
			var b strings.Builder
			for _, arg := range args {
				b.WriteString(str(g(arg)))
			}
			return b.String()
		}
		return catOf(g(arg))
	case "in":
		if listed {
			haystack := g(at(args, 1))
			return includes(haystack, g(at(args, 0)))
		}
		v := elements(g(arg))
		return includes(at(v, 1), at(v, 0))
	case "missing":
		if listed || !isRule(arg) {
			direct := len(args) <= 2 && !slices.ContainsFunc(args, func(x any) bool { s, ok := x.(string); return !ok || strings.Contains(s, ".") })
			return lacking(context, values(args, g), direct)
		}
		return lacking(context, elements(g(arg)), false)
	case "missing_some":
		names := values(args[1].([]any), g)
		direct := len(names) <= 2 && !slices.ContainsFunc(names, func(x any) bool { s, ok := x.(string); return !ok || strings.Contains(s, ".") })
		missing := lacking(context, names, direct)
		p.prev = missing
		if float64(len(names)-len(missing.items)) < number(g(args[0])) {
			return missing
		}
		return &array{items: []any{}}
	case "map", "filter", "some", "none", "all", "reduce":
		return p.generatedLoop(name, args, context, up, g)
	}
	var given []any
	if listed || !isRule(arg) {
		given = values(args, g)
	} else {
		given = elements(g(arg))
	}
	return p.function(name, given, context)
}

func values(args []any, compute func(any) any) []any {
	all := []any{}
	for _, arg := range args {
		all = append(all, compute(arg))
	}
	return all
}

func elements(v any) []any {
	if a, ok := v.(*array); ok {
		return a.items
	}
	return []any{v}
}

func (p *plain) generatedVar(args []any, listed bool, context any, up *around, g func(any) any) any {
	key := at(args, 0)
	name, isText := key.(string)
	if n, ok := key.(float64); ok {
		name, isText = str(n), true
	}
	if len(args) <= 2 {
		switch {
		case key == nil || isText && name == "":
			return context
		case name == "../index" && up != nil && up.index() != nil:
			return up.index()
		case isText && !strings.Contains(name, "../"):
			v, found := walk(context, split(name))
			if !found || v == nil {
				v = g(at(args, 1))
			}
			p.prev = v
			return v
		}
	}
	var given any
	if listed {
		given = &array{items: values(args, g)}
	} else {
		given = g(key)
	}
	return p.varFunction(given, context, up)
}

// index is the position of the element, where generated code has a variable for it.
func (a *around) index() any {
	if o, ok := a.meta.(*object); ok {
		return o.members["index"]
	}
	return nil
}

// varFunction is the engine's own function for var.
func (p *plain) varFunction(key, context any, up *around) any {
	var other any
	if a, ok := key.(*array); ok {
		key, other = at(a.items, 0), at(a.items, 1)
	}
	name := ""
	if key != nil {
		name = str(key)
	}
	atMeta := false
	for up != nil && strings.HasPrefix(name, "../") {
		name = name[3:]
		if atMeta = !atMeta; atMeta {
			context = up.meta
		} else {
			context, up = up.outer, up.up
		}
	}
	if name == "" && (!atMeta || context != nil) {
		return context
	}
	if v, found := walk(context, split(name)); found {
		return v
	}
	return other
}

func split(path string) []string {
	if path == "." {
		return []string{""}
	}
	return strings.Split(path, ".")
}

func walk(v any, path []string) (any, bool) {
	for _, name := range path {
		var found bool
		if v, found = member(v, name); !found {
			return nil, false
		}
	}
	return v, true
}

func member(v any, name string) (any, bool) {
	i, err := strconv.Atoi(name)
	numbered := err == nil && i >= 0 && strconv.Itoa(i) == name
	switch v := v.(type) {
	case *object:
		m, ok := v.members[name]
		return m, ok
	case *array:
		if name == "length" {
			return float64(len(v.items)), true
		}
		if numbered && i < len(v.items) {
			return v.items[i], true
		}
	case string:
		u := utf16.Encode([]rune(v))
		if name == "length" {
			return float64(len(u)), true
		}
		if numbered && i < len(u) {
			return string(utf16.Decode(u[i : i+1])), true
		}
	}
	return nil, false
}

func lacking(context any, names []any, direct bool) *array {
	a := &array{items: []any{}}
	for _, name := range names {
		text, v, found := str(name), context, true
		if text == "" {
			found = !direct
		} else {
			for _, part := range split(text) {
				if falsy(v) {
					found = false
					break
				}
				if v, found = member(v, part); !found {
					break
				}
			}
		}
		if !found {
			a.items = append(a.items, name)
		}
	}
	return a
}

func (p *plain) generatedLoop(name string, args []any, context any, up *around, g func(any) any) any {
	v := g(at(args, 0))
	if name == "all" {
		p.prev = v
		if a, ok := v.(*array); ok && len(a.items) == 0 {
			return false
		}
	}
	list, ok := v.(*array)
	if falsy(v) {
		list, ok = &array{}, true
	}
	if !ok {
		return throw()
	}
	inner := func(element, meta any) any {
		outside := p.prev
		result := p.generated(at(args, 1), element, &around{meta, context, up})
		p.prev = outside
		return result
	}
	if name == "reduce" {
		var start any = absent{}
		if len(args) > 2 {
			start = shallow(g(args[2]))
		}
		return fold(list.items, start, func(accumulator, current any) any {
			return shallow(inner(&object{members: map[string]any{"accumulator": accumulator, "current": current}}, nil))
		})
	}
	each := func(i int) any {
		return inner(list.items[i], &object{members: map[string]any{"index": float64(i), "iterator": list}})
	}
	return loop(name, list.items, each)
}

func fold(items []any, accumulator any, each func(accumulator, current any) any) any {
	if accumulator == (absent{}) {
		if len(items) == 0 {
			return throw()
		}
		accumulator, items = items[0], items[1:]
	}
	for _, item := range items {
		accumulator = each(accumulator, item)
	}
	return accumulator
}

func loop(name string, items []any, each func(i int) any) any {
	result := &array{items: []any{}}
	for i, item := range items {
		v := each(i)
		switch {
		case name == "map":
			result.items = append(result.items, v)
		case name == "filter" && truthy(v):
			result.items = append(result.items, item)
		case name == "some" && truthy(v):
			return true
		case name == "none" && truthy(v), name == "all" && !truthy(v):
			return false
		}
	}
	switch name {
	case "some":
		return false
	case "none", "all":
		return true
	}
	return result
}

func shallow(v any) any {
	deep := func(x any) bool {
		switch x.(type) {
		case *array, *object:
			return true
		}
		return false
	}
	switch v := v.(type) {
	case *array:
		if slices.ContainsFunc(v.items, deep) {
			return throw()
		}
	case *object:
		for _, m := range v.members {
			if deep(m) {
				return throw()
			}
		}
	}
	return v
}

// decode makes a rule of its text.
func decode(text string) any {
	var x any
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		panic(err)
	}
	return x
}
