package flag

import "math"

// comparator is one of the eight comparisons.
type comparator uint8

const (
	loosely comparator = iota
	notLoosely
	strictly
	notStrictly
	isLess
	isLessOrEqual
	isGreater
	isGreaterOrEqual
)

var comparators = map[string]comparator{
	"==": loosely, "!=": notLoosely, "===": strictly, "!==": notStrictly,
	"<": isLess, "<=": isLessOrEqual, ">": isGreater, ">=": isGreaterOrEqual,
}

func (op comparator) strict() bool { return op == strictly || op == notStrictly }

// raw is JavaScript's own operator.
func (op comparator) raw(a, b value) bool {
	switch op {
	case loosely:
		return equal(a, b)
	case notLoosely:
		return !equal(a, b)
	case strictly:
		return same(a, b)
	case notStrictly:
		return !same(a, b)
	case isLess:
		is, ordered := less(a, b)
		return is && ordered
	case isLessOrEqual:
		is, ordered := less(b, a)
		return !is && ordered
	case isGreater:
		is, ordered := less(b, a)
		return is && ordered
	case isGreaterOrEqual:
		is, ordered := less(a, b)
		return !is && ordered
	}
	return false
}

// numeric is the number that an operand stands for. Lists, objects and NaN are refused.
func (c *Context) numeric(v value) float64 {
	if v.kind >= list || v.kind == number && math.IsNaN(v.num) {
		c.fail()
		return 0
	}
	return v.toNumber()
}

// raw is the operator's, for a left side that nobody checked: it may be a list, which becomes a text.
func (c *Context) raw(op comparator, a, b value) bool {
	if a.kind == list && !c.charge(len(a.items())) {
		return false
	}
	return op.raw(a, b)
}

// compare is the engine's comparison of two values: texts and nulls as they are, all else as numbers, which they must be.
func (c *Context) compare(op comparator, a, b value) bool {
	if op.strict() || a.wordOrNull() && b.wordOrNull() {
		return op.raw(a, b)
	}
	x, y := c.numeric(a), c.numeric(b)
	if math.IsNaN(x) || math.IsNaN(y) && a.kind != null {
		c.fail()
	}
	return op.raw(numberValue(x), numberValue(y))
}

// check is what generated code does to the right side of a comparison before it uses JavaScript's operator.
func (c *Context) check(op comparator, item, prev value) value {
	if op.strict() || item.wordOrNull() && prev.wordOrNull() {
		return item
	}
	if x := c.numeric(item); math.IsNaN(x) && prev.kind != null {
		return c.fail()
	}
	if math.IsNaN(c.numeric(prev)) {
		return c.fail()
	}
	switch {
	case prev.kind == null && item.falsy():
		return value{}
	case item.kind == null && prev.falsy():
		return numberValue(0)
	}
	return item
}

// comparison compiles a comparison.
func (c *compiler) comparison(k call) (node, error) {
	op := comparators[k.op]
	outer := c.mode
	defer c.enter(outer)
	c.interpreted = c.interpreted || !k.listed || len(k.args) < 2
	if op.strict() { // may ask whether two lists or objects are one
		c.deep++
	}
	nodes := make([]node, len(k.args))
	for i, arg := range k.args {
		c.tracking = i > 0 && !c.interpreted
		mark := c.down(k.op, k.step(i))
		n, err := c.rule(arg, k.depth+1)
		if err != nil {
			return node{}, err
		}
		c.up(mark)
		nodes[i] = n
	}
	if !k.listed || len(nodes) < 2 {
		return c.failing().of(nodes...).lazy(), nil
	}
	if c.interpreted && len(nodes) <= 3 {
		if n := c.eager(nodes); n.broken {
			return n, nil
		}
	}
	c.fallible = c.fallible || !op.strict()
	var n node
	switch {
	case c.interpreted && len(nodes) > 3:
		n.test = op.chain(nodes)
	case c.interpreted && len(nodes) == 3:
		x, y, z := nodes[0].compute(), nodes[1].compute(), nodes[2].compute()
		n.test = func(c *Context) bool {
			first := x(c)
			middle := y(c)
			return c.compare(op, first, middle) && c.compare(op, middle, z(c))
		}
	case len(nodes) > 2:
		n.test = op.generated(nodes)
	default:
		n = c.compareTwo(op, nodes[0], nodes[1], outer.tracking)
	}
	return n.of(nodes...).lazy(), nil
}

// compareTwo compiles the usual form, with short ways for an attribute and a constant.
func (c *compiler) compareTwo(op comparator, a, b node, leave bool) node {
	if !c.interpreted && (leave || !b.constant && b.tracked == 0) {
		return node{test: op.generated([]node{a, b})}
	}
	attribute, literal := a, b
	if a.constant {
		attribute, literal = b, a
		if b.tracked != 0 {
			attribute.slot = b.tracked
		}
	}
	if attribute.slot != 0 && literal.constant && op < isLess && literal.value.kind == text {
		w := op.word(attribute.slot, literal.value, a.constant && !c.interpreted)
		return node{test: w.holds, word: w}
	}
	if a.slot != 0 && b.constant && b.value.kind == number {
		slot, with := a.slot, b.value
		return node{test: func(c *Context) bool {
			if s := &c.slots[slot]; s.epoch == c.epoch && s.value.kind == number && !math.IsNaN(s.value.num) {
				return op.numbers(s.value.num, with.num)
			}
			return c.compare(op, c.get(slot), with)
		}}
	}
	x := a.compute()
	if b.tracked != 0 {
		slot := b.tracked
		return node{test: func(c *Context) bool {
			left, right := x(c), c.get(slot)
			return c.raw(op, left, c.check(op, right, right))
		}}
	}
	y := b.compute()
	return node{test: func(c *Context) bool { return c.compare(op, x(c), y(c)) }}
}

// numbers is raw for two numbers, neither of them NaN.
func (op comparator) numbers(a, b float64) bool {
	switch op {
	case loosely, strictly:
		return a == b
	case notLoosely, notStrictly:
		return a != b
	case isLess:
		return a < b
	case isLessOrEqual:
		return a <= b
	case isGreater:
		return a > b
	case isGreaterOrEqual:
		return a >= b
	}
	return false
}

// wordTest compares an attribute with a text for equality.
type wordTest struct {
	slot   int
	want   string
	negate bool
	other  func(*Context) bool // for an attribute that is no text
}

// word makes a wordTest. unchecked is generated code that reads the attribute on the right.
func (op comparator) word(slot int, with value, unchecked bool) *wordTest {
	return &wordTest{slot: slot, want: with.text, negate: op == notLoosely || op == notStrictly, other: func(c *Context) bool {
		if v := c.get(slot); unchecked {
			return op.raw(with, c.check(op, v, v))
		}
		return c.compare(op, c.get(slot), with)
	}}
}

func (w *wordTest) holds(c *Context) bool {
	if s := &c.slots[w.slot]; s.epoch == c.epoch && s.value.kind == text {
		return (s.value.text == w.want) != w.negate
	}
	return w.other(c)
}

// allWords is and of several that all are comparisons with texts, without a call for each.
func allWords(nodes []node) (func(*Context) bool, bool) {
	all := make([]wordTest, len(nodes))
	for i, n := range nodes {
		if n.word == nil {
			return nil, false
		}
		all[i] = *n.word
	}
	return func(c *Context) bool {
		for i := range all {
			w := &all[i]
			if s := &c.slots[w.slot]; s.epoch == c.epoch && s.value.kind == text {
				if (s.value.text == w.want) == w.negate {
					return false
				}
			} else if !w.other(c) {
				return false
			}
		}
		return true
	}, true
}

// generated compiles a comparison as the engine's generated code does it, in which prev is whatever was read last.
func (op comparator) generated(nodes []node) func(*Context) bool {
	compute := computes(nodes)
	return func(c *Context) bool {
		left := compute[0](c)
		c.prev = left
		right := compute[1](c)
		right = c.check(op, right, c.prev)
		holds := c.raw(op, left, right)
		if len(compute) > 2 {
			c.prev = right
		}
		for _, next := range compute[2:] {
			if !holds {
				return false
			}
			left = c.prev
			right = next(c)
			right = c.check(op, right, c.prev)
			holds = c.raw(op, left, right)
			c.prev = right
		}
		return holds
	}
}

// chain compiles more than three operands as the engine's own function does it.
func (op comparator) chain(nodes []node) func(*Context) bool {
	compute := computes(nodes)
	return func(c *Context) bool {
		prev := compute[0](c)
		for i, next := range compute[1:] {
			current := next(c)
			if (op.strict() || current.wordOrNull() && prev.wordOrNull()) && !op.raw(prev, current) {
				return false
			}
			x, y := c.numeric(prev), c.numeric(current)
			if math.IsNaN(y) && prev.kind != null || i == 0 && math.IsNaN(x) {
				c.fail()
			}
			if c.trouble != noTrouble || !op.raw(numberValue(x), numberValue(y)) {
				return false
			}
			prev = current
		}
		return true
	}
}
