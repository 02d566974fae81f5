package flag

import (
	"math"
	"slices"
	"strings"
	"unicode/utf16"
)

// inner compiles the argument of a list operator that is computed for each element.
func (c *compiler) inner(x any, around around, depth int) (node, error) {
	defer c.enter(c.mode)
	c.tracking = false
	c.scopes = append(slices.Clip(c.scopes), scope{around})
	return c.rule(x, depth)
}

// outer compiles the list that a list operator goes over, and what else var may look into from inside.
func (c *compiler) outer(x any, depth int) (node, error) {
	c.deep++
	n, err := c.rule(x, depth)
	c.deep--
	return n, err
}

// iterate compiles map, filter, all, some and none.
func (c *compiler) iterate(k call) (node, error) {
	c.fallible = true
	if !k.listed {
		return c.failing(), nil // a constant, so that only fold gets here
	}
	var listArg, innerArg any
	if listArg = first(k.args); len(k.args) > 1 {
		innerArg = k.args[1]
	}
	around := elementAndList
	if c.interpreted && (k.op == "all" || k.op == "some" || k.op == "none") {
		around = onlyList
	}
	mark := c.down(k.op, 0)
	over, err := c.outer(listArg, k.depth+1)
	if err != nil {
		return node{}, err
	}
	c.up(mark)
	if k.op == "all" && !c.interpreted {
		over = c.leaves(over)
	}
	mark = c.down(k.op, 1)
	inner, err := c.inner(innerArg, around, k.depth+1)
	if err != nil {
		return node{}, err
	}
	c.up(mark)
	n := node{}.of(over, inner).lazy()
	if c.interpreted && k.op == "filter" && len(k.args) == 2 && (inner.constant || inner.broken) {
		if inner.broken {
			return c.broken(), nil
		}
		n.eval = constant(listValue(nil)).compute() // the engine takes a short cut, which does not even look at the list
		if inner.value.truthy() {
			n.eval = over.compute()
		}
		return n, nil
	}
	l := loop{over: over.compute(), cost: inner.cost, interpreted: c.interpreted, each: inner.compute(), test: inner.truth()}
	switch k.op {
	case "map":
		n.eval = l.mapped
	case "filter":
		n.eval = l.filtered
	case "all":
		n.test = l.all
	case "some":
		n.test = l.some
	case "none":
		n.test = func(c *Context) bool { return !l.some(c) }
	}
	if c.tracking && n.test != nil { // what is inside has a prev of its own, which must not be seen outside
		test := n.test
		n.test = nil
		n.eval = func(c *Context) value { return boolValue(test(c)) }
	}
	return n, nil
}

// loop is a list operator at work.
type loop struct {
	over        func(*Context) value
	each        func(*Context) value
	test        func(*Context) bool
	cost        int
	interpreted bool
}

// walk calls each at every element until it is false. loosely is how the engine's functions for all and some go over what
// is no list: over the characters of a text, and over nothing at all otherwise.
func (l *loop) walk(c *Context, v value, loosely bool, each func() bool) {
	items := v.items()
	switch {
	case v.kind == list || v.falsy():
	case !loosely:
		c.fail()
		return
	case v.kind == text:
		if !c.charge(len(v.text)) {
			return
		}
		for _, u := range utf16.Encode([]rune(v.text)) {
			items = append(items, textValue(string(utf16.Decode([]uint16{u}))))
		}
	}
	if len(items) == 0 {
		return
	}
	prev, at := c.prev, len(c.frames)
	c.frames = append(c.frames, frame{over: v})
	for i, item := range items {
		c.frames[at].data, c.frames[at].index = item, i
		if !c.charge(l.cost) || !each() {
			break
		}
	}
	c.frames[at] = frame{}
	c.frames, c.prev = c.frames[:at], prev
}

func (l *loop) mapped(c *Context) value {
	var items []value
	l.walk(c, l.over(c), false, func() bool {
		items = append(items, l.each(c))
		return true
	})
	return listValue(items)
}

func (l *loop) filtered(c *Context) value {
	var items []value
	l.walk(c, l.over(c), false, func() bool {
		if l.test(c) {
			items = append(items, c.frames[len(c.frames)-1].data)
		}
		return true
	})
	return listValue(items)
}

func (l *loop) some(c *Context) bool {
	found := false
	l.walk(c, l.over(c), l.interpreted, func() bool {
		found = l.test(c)
		return !found
	})
	return found
}

// all is false of an empty list. Generated code finds all of what is absent to be true.
func (l *loop) all(c *Context) bool {
	v, holds := l.over(c), true
	if v.kind == list && len(v.items()) == 0 || l.interpreted && v.falsy() {
		return false
	}
	l.walk(c, v, l.interpreted, func() bool {
		holds = l.test(c)
		return holds
	})
	return holds
}

// reduce compiles reduce. Its inner rule reads current and accumulator; no list or object may stand within the latter.
func (c *compiler) reduce(k call) (node, error) {
	c.fallible = true
	if !k.listed || len(k.args) == 0 {
		return c.failing(), nil
	}
	if c.interpreted && (len(k.args) < 2 || k.args[1] == nil) {
		return c.failing(), nil
	}
	if sum, ok := c.sum(k); ok {
		return c.rule(sum, k.depth+1)
	}
	args := append(slices.Clone(k.args), nil, nil)
	mark := c.down(k.op, 0)
	over, err := c.outer(args[0], k.depth+1)
	if err != nil {
		return node{}, err
	}
	c.up(mark)
	start, hasStart := constant(value{}), len(k.args) > 2
	if hasStart {
		mark = c.down(k.op, 2)
		if start, err = c.outer(args[2], k.depth+1); err != nil {
			return node{}, err
		}
		c.up(mark)
	}
	around := nothing
	if c.interpreted {
		around = onlyList
	}
	mark = c.down(k.op, 1)
	c.deep++ // what it gives becomes the accumulator
	inner, err := c.inner(args[1], around, k.depth+1)
	c.deep--
	if err != nil {
		return node{}, err
	}
	c.up(mark)
	l := loop{over: over.compute(), cost: inner.cost}
	first, each := start.compute(), inner.compute()
	return node{eval: func(c *Context) value {
		v, accumulator := l.over(c), value{}
		if hasStart {
			accumulator = c.shallow(first(c))
		}
		skip := !hasStart
		if skip && len(v.items()) == 0 {
			return c.fail()
		}
		l.walk(c, v, false, func() bool {
			f := &c.frames[len(c.frames)-1]
			if skip {
				accumulator, skip = f.data, false
				return true
			}
			f.reducing, f.accumulator, f.both = true, accumulator, value{}
			accumulator = c.shallow(each(c))
			return true
		})
		return accumulator
	}}.of(over, start, inner).lazy(), nil
}

// sum is the short cut that the engine takes to add up or to multiply, in place of the rule as it is written.
func (c *compiler) sum(k call) (any, bool) {
	if !c.interpreted || len(k.args) < 2 {
		return nil, false
	}
	inner, ok := operation(k.args[1])
	if !ok || inner.op != "+" && inner.op != "*" || len(inner.args) != 2 {
		return nil, false
	}
	var accumulator, current bool
	for _, arg := range inner.args {
		read, ok := operation(arg)
		if !ok || read.op != "var" || !read.bare {
			return nil, false
		}
		accumulator, current = accumulator || read.args[0] == "accumulator", current || read.args[0] == "current"
	}
	if !accumulator || !current {
		return nil, false
	}
	var start any = 0.0
	if inner.op == "*" {
		start = 1.0
	}
	if len(k.args) > 2 && (inner.op == "*" || !literalFalse(k.args[2])) {
		start = k.args[2]
	}
	return map[string]any{inner.op: []any{map[string]any{inner.op: k.args[0]}, start}}, true
}

func literalFalse(x any) bool { return x == nil || x == false || x == 0.0 || x == "" }

// shallow refuses a list or an object that holds another.
func (c *Context) shallow(v value) value {
	if v.kind < list || v.whole == nil {
		return v
	}
	if !c.charge(len(v.whole.items) + len(v.whole.members)) {
		return v
	}
	for _, item := range v.whole.items {
		if item.kind >= list {
			return c.fail()
		}
	}
	for _, member := range v.whole.members {
		if member.kind >= list {
			return c.fail()
		}
	}
	return v
}

// merge compiles merge, which makes one list of lists and of what is none.
func (c *compiler) merge(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	c.fallible = true
	all := operands(k, nodes)
	return node{eval: func(c *Context) value {
		var items []value
		for _, v := range all(c) {
			if v.kind != list {
				items = append(items, v)
				continue
			}
			if !c.charge(len(v.items())) {
				break
			}
			items = append(items, v.items()...)
		}
		return listValue(items)
	}}.of(nodes...), nil
}

// in compiles in: an element of a list, or a part of a text.
func (c *compiler) in(k call) (node, error) {
	defer c.enter(c.mode)
	if len(k.args) == 2 && isOperation(k.args[0]) && isOperation(k.args[1]) {
		c.deep++ // may ask whether a list or an object is one of others
	}
	if !c.interpreted && k.listed && len(k.args) > 2 {
		k.args = k.args[:2] // generated code does not have the others
	}
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	if !k.listed {
		all := operands(k, nodes)
		c.fallible = true
		return node{test: func(c *Context) bool {
			items := append(slices.Clip(all(c)), value{}, value{})
			return c.contains(items[0], items[1])
		}}.of(nodes...), nil
	}
	n := node{}.of(nodes...)
	nodes = append(nodes, constant(value{}), constant(value{}))
	n.test = c.within(nodes[0], nodes[1])
	if len(k.args) > 2 {
		n.test = alsoComputing(n.test, nodes[2:])
	}
	return n, nil
}

func isOperation(x any) bool {
	_, ok := operation(x)
	return ok
}

// within compiles the usual form of in, with short ways for an attribute and a constant.
func (c *compiler) within(needle, haystack node) func(*Context) bool {
	if needle.slot != 0 && haystack.constant && haystack.value.kind == list {
		if words, ok := wordSet(haystack.value.items()); ok {
			slot := needle.slot
			return func(c *Context) bool {
				s := &c.slots[slot]
				return s.epoch == c.epoch && s.value.kind == text && words[s.value.text]
			}
		}
	}
	c.fallible = true
	if needle.constant && needle.value.kind == text && haystack.slot != 0 {
		slot, want, wanted := haystack.slot, needle.value.text, needle.value
		return func(c *Context) bool {
			s := &c.slots[slot]
			if s.epoch != c.epoch {
				return false
			}
			if s.value.kind != list {
				return c.contains(wanted, s.value)
			}
			items := s.value.items()
			if len(c.frames) > 0 && !c.charge(len(items)/8) {
				return false
			}
			for i := range items {
				if items[i].kind == text && items[i].text == want {
					return true
				}
			}
			return false
		}
	}
	x, y := needle.compute(), haystack.compute()
	return func(c *Context) bool {
		haystack := y(c) // first, as in generated code
		return c.contains(x(c), haystack)
	}
}

func wordSet(items []value) (words map[string]bool, ok bool) {
	words = make(map[string]bool, len(items))
	for _, item := range items {
		if item.kind != text {
			return nil, false
		}
		words[item.text] = true
	}
	return words, true
}

// contains is JavaScript's includes, which only lists and texts have; what is false in JavaScript has nothing in it.
func (c *Context) contains(needle, haystack value) bool {
	switch {
	case haystack.kind == list:
		items := haystack.items()
		if len(c.frames) > 0 && !c.charge(len(items)/8) {
			return false
		}
		for i := range items {
			if same(needle, items[i]) || needle.kind == number && items[i].kind == number && math.IsNaN(needle.num) && math.IsNaN(items[i].num) {
				return true
			}
		}
	case haystack.falsy():
	case haystack.kind == text:
		if len(c.frames) > 0 && !c.charge(len(haystack.text)/64) {
			return false
		}
		return strings.Contains(haystack.text, needle.toText())
	default:
		c.fail()
	}
	return false
}
