package flag

// node is a compiled part of a rule: a constant, an attribute, or a closure.
type node struct {
	constant bool
	value    value
	slot     int // of an attribute without default; 0 if it is none
	tracked  int // the same of one that leaves its value in prev
	eval     func(*Context) value
	test     func(*Context) bool // the truth of eval, where there is a shorter way to it
	word     *wordTest           // what test is, if it is one
	keyed    bool                // depends on the flag's key
	broken   bool                // interpreted, and the engine throws at it before it starts: see eager
	cost     int
}

func constant(v value) node { return node{constant: true, value: v, cost: 1} }

// failing is an operation that the engine throws at whenever it gets there.
func (c *compiler) failing() node {
	c.fallible = true
	return node{eval: (*Context).fail, cost: 1}
}

// broken is an operation that the engine throws at before it starts.
func (c *compiler) broken() node {
	n := c.failing()
	n.broken = true
	return n
}

// compute gives the closure of the node's value.
func (n node) compute() func(*Context) value {
	switch {
	case n.constant:
		v := n.value
		return func(*Context) value { return v }
	case n.slot != 0:
		slot := n.slot
		return func(c *Context) value { return c.get(slot) }
	case n.eval != nil:
		return n.eval
	}
	test := n.test
	return func(c *Context) value { return boolValue(test(c)) }
}

// truth gives the closure of whether the node's value is truthy.
func (n node) truth() func(*Context) bool {
	switch {
	case n.test != nil:
		return n.test
	case n.constant:
		truth := n.value.truthy()
		return func(*Context) bool { return truth }
	case n.slot != 0:
		slot := n.slot
		return func(c *Context) bool { s := &c.slots[slot]; return s.epoch == c.epoch && s.value.truthy() }
	}
	eval := n.eval
	return func(c *Context) bool { return eval(c).truthy() }
}

// of adds what the parts of a node bring along.
func (n node) of(parts ...node) node {
	n.cost = max(n.cost, 1)
	for _, part := range parts {
		n.cost = min(n.cost+part.cost, ruleCost+1)
		n.keyed = n.keyed || part.keyed
		n.broken = n.broken || part.broken
	}
	return n
}

// lazy is a node whose parts the engine does not look at before it gets to them.
func (n node) lazy() node {
	n.broken = false
	return n
}

// eager gives a broken node if one of several parts is: where the engine prepares all of them before it computes the first,
// a constant one that cannot be computed is found even where it is not needed.
func (c *compiler) eager(parts []node) node {
	for _, part := range parts {
		broken := part.broken
		if c.folding && len(c.scopes) == 0 {
			blank := &Context{epoch: 1}
			part.compute()(blank)
			broken = blank.trouble != noTrouble
		}
		if broken {
			return c.broken()
		}
	}
	return node{}
}

// call is an operation: an operator and its arguments. One argument may stand without a list.
type call struct {
	op     string
	args   []any
	listed bool // a list of arguments, also where the engine makes one of a constant
	bare   bool // the argument stands without a list
	depth  int
}

// operation takes x apart if it is one: an object of one member.
func operation(x any) (k call, ok bool) {
	object, isObject := x.(map[string]any)
	if !isObject || len(object) != 1 {
		return call{}, false
	}
	for name, arg := range object {
		k.op = name
		if items, isList := arg.([]any); isList {
			k.args, k.listed = items, true
		} else {
			k.args, k.bare = []any{arg}, true
			_, isObject := arg.(map[string]any)
			k.listed = !isObject && !lazyOperators[name]
		}
	}
	return k, true
}

// lazyOperators get their arguments as they stand in the rule.
var lazyOperators = map[string]bool{
	"if": true, "?:": true, "and": true, "or": true, "==": true, "!=": true, "===": true, "!==": true, "<": true, "<=": true, ">": true,
	">=": true, "map": true, "filter": true, "all": true, "some": true, "none": true, "reduce": true, "$ref": true,
}

// step is where argument i of the call is, for down.
func (k call) step(i int) int {
	if k.bare {
		return -1
	}
	return i
}

// leaves makes a node leave its value in prev, where somebody may look.
func (c *compiler) leaves(n node) node {
	if !c.tracking || n.constant {
		return n
	}
	compute := n.compute()
	return node{tracked: n.slot, keyed: n.keyed, cost: n.cost, eval: func(c *Context) value {
		v := compute(c)
		c.prev = v
		return v
	}}
}

// listOf makes a list of its elements: a constant one if they are.
func listOf(nodes []node) node {
	n := node{constant: true}.of(nodes...)
	items := make([]value, len(nodes))
	for i, element := range nodes {
		n.constant = n.constant && element.constant
		items[i] = element.value
	}
	if n.constant {
		n.value = listValue(items)
		return n
	}
	compute := computes(nodes)
	n.eval = func(c *Context) value { return listValue(evaluateAll(c, compute)) }
	return n
}

func computes(nodes []node) []func(*Context) value {
	all := make([]func(*Context) value, len(nodes))
	for i, n := range nodes {
		all[i] = n.compute()
	}
	return all
}

func evaluateAll(c *Context, all []func(*Context) value) []value {
	items := make([]value, len(all))
	for i, compute := range all {
		items[i] = compute(c)
	}
	return items
}

// operands gives the closure of an operator's arguments as a list: those of a list, else what the only one gives, in a list
// if it is none.
func operands(k call, nodes []node) func(*Context) []value {
	if k.listed {
		compute := computes(nodes)
		return func(c *Context) []value { return evaluateAll(c, compute) }
	}
	compute := nodes[0].compute()
	return func(c *Context) []value {
		v := compute(c)
		if v.kind == list {
			return v.items()
		}
		return []value{v}
	}
}
