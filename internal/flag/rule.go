package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of one flag's rule. The cost counts what is shared as often as it is used, so that references to references cannot
// make a short document slow.
const (
	ruleDepth = 64
	ruleCost  = 50_000
)

// compiler turns the rules of a document into closures.
type compiler struct {
	paths      *path
	slots      int
	usesTime   bool
	evaluators map[string]json.RawMessage
	shared     map[string]node // compiled evaluators that are the same for every flag
	open       []string        // evaluators being compiled, to find circles
	key        string          // of the flag being compiled
	parts      int             // of the flag being compiled, seen so far
	problems   []Problem
	trace      *trace // nil save for an explanation
}

// node is a compiled part of a rule: a constant, an attribute, or a closure.
type node struct {
	constant bool
	value    value
	slot     int // of an attribute without default; 0 if it is none
	eval     func(*Context) value
	test     func(*Context) bool // the truth of eval, where there is a shorter way to it
	keyed    bool                // depends on the flag's key
	cost     int
}

func constant(v value) node { return node{constant: true, value: v, cost: 1} }

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

// intern gives the slot of an attribute path.
func (c *compiler) intern(dotted string) int {
	p := c.paths
	for name := range strings.SplitSeq(dotted, ".") {
		child := p.children[name]
		if child == nil {
			child = &path{slot: c.slots}
			c.slots++
			if p.children == nil {
				p.children = map[string]*path{}
			}
			p.children[name] = child
		}
		p = child
	}
	return p.slot
}

// single gives operator and arguments if x is an operation: an object of one member. One argument may stand without a list.
func single(x any) (op string, args []any, ok bool) {
	object, isObject := x.(map[string]any)
	if !isObject || len(object) != 1 {
		return "", nil, false
	}
	for name, arg := range object {
		op = name
		if items, isList := arg.([]any); isList {
			args = items
		} else {
			args = []any{arg}
		}
	}
	return op, args, true
}

// target compiles a rule whose value names a variant, so that constant branches become answers.
func (c *compiler) target(x any, a *answers, depth int) (func(*Context) *Outcome, error) {
	if err := c.count(depth); err != nil {
		return nil, err
	}
	op, args, ok := single(x)
	switch {
	case ok && op == "$ref":
		rule, done, err := c.reference(args)
		if err != nil {
			return nil, err
		}
		defer done()
		target, err := c.target(rule, a, depth+1)
		if err != nil {
			return nil, err
		}
		return c.usesTarget(c.open[len(c.open)-1], target), nil
	case ok && op == "if" && len(args) > 1:
		return c.branches(args, a, depth)
	case ok && op == "fractional":
		split, err := c.split(args, depth)
		if err != nil {
			return nil, err
		}
		if target := split.target(a); target != nil && c.trace == nil {
			return target, nil
		}
	}
	n, err := c.rule(x, depth)
	if err != nil {
		return nil, err
	}
	if n.cost > ruleCost {
		return nil, errTooCostly
	}
	if n.constant {
		answer := a.of(n.value)
		return func(*Context) *Outcome { return answer }, nil
	}
	compute, lookUp := n.compute(), a.lookUp()
	return func(c *Context) *Outcome { return lookUp(compute(c)) }, nil
}

var (
	errTooDeep   = fmt.Errorf("targeting nests deeper than %d", ruleDepth)
	errTooCostly = fmt.Errorf("targeting has more than %d parts", ruleCost)
)

// count bounds the work of compiling one flag.
func (c *compiler) count(depth int) error {
	c.parts++
	switch {
	case depth > ruleDepth:
		return errTooDeep
	case c.parts > ruleCost:
		return errTooCostly
	}
	return nil
}

// branches compiles an if whose branches name variants.
func (c *compiler) branches(args []any, a *answers, depth int) (func(*Context) *Outcome, error) {
	type branch struct {
		test   func(*Context) bool
		target func(*Context) *Outcome
	}
	var all []branch
	cost, at := 0, 0
	for ; at+1 < len(args); at += 2 {
		mark, from := c.down("if", at), c.readings()
		n, err := c.rule(args[at], depth+1)
		if err != nil {
			return nil, err
		}
		if cost += n.cost; cost > ruleCost {
			return nil, errTooCostly
		}
		test, matches := c.asks(args[at], from, n.truth()), c.matches()
		c.up(mark)
		mark = c.down("if", at+1)
		target, err := c.target(args[at+1], a, depth+1)
		if err != nil {
			return nil, err
		}
		c.up(mark)
		all = append(all, branch{test, matches(target)})
	}
	var otherwise any
	if at < len(args) {
		otherwise = args[at]
	}
	mark := c.down("if", at)
	last, err := c.target(otherwise, a, depth+1)
	if err != nil {
		return nil, err
	}
	c.up(mark)
	if len(all) == 1 {
		test, target := all[0].test, all[0].target
		return func(c *Context) *Outcome {
			if test(c) {
				return target(c)
			}
			return last(c)
		}, nil
	}
	return func(c *Context) *Outcome {
		for i := range all {
			if all[i].test(c) {
				return all[i].target(c)
			}
		}
		return last(c)
	}, nil
}

// rule compiles any part of a rule.
func (c *compiler) rule(x any, depth int) (node, error) {
	if err := c.count(depth); err != nil {
		return node{}, err
	}
	switch x := x.(type) {
	case nil:
		return constant(value{}), nil
	case bool:
		return constant(boolValue(x)), nil
	case float64:
		return constant(value{kind: number, num: x}), nil
	case string:
		return constant(textValue(x)), nil
	case []any:
		nodes, err := c.rules(x, depth+1)
		if err != nil {
			return node{}, err
		}
		return listOf(nodes), nil
	}
	op, args, ok := single(x)
	if !ok {
		return constant(value{kind: object}), nil // data, not an operation
	}
	switch op {
	case "$ref":
		return c.evaluator(args, depth)
	case "var":
		return c.attribute(args, depth)
	case "fractional":
		split, err := c.split(args, depth)
		if err != nil {
			return node{}, err
		}
		return c.divides(split, split.node()), nil
	}
	build, ok := operators[op]
	if !ok {
		return node{}, fmt.Errorf("there is no operator %q", op)
	}
	nodes, err := c.rules(args, depth+1)
	if err != nil {
		return node{}, err
	}
	n := build(nodes)
	n.cost = 1
	for _, arg := range nodes {
		n.cost += arg.cost
		n.keyed = n.keyed || arg.keyed
	}
	if n.cost > ruleCost {
		return node{}, errTooCostly
	}
	return n, nil
}

func (c *compiler) rules(args []any, depth int) ([]node, error) {
	nodes := make([]node, len(args))
	for i, arg := range args {
		n, err := c.rule(arg, depth)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

// listOf makes a list of its elements: a constant one if they are.
func listOf(nodes []node) node {
	n := node{constant: true, value: value{kind: list}, cost: 1}
	for _, element := range nodes {
		n.constant = n.constant && element.constant
		n.keyed = n.keyed || element.keyed
		n.cost += element.cost
	}
	if n.constant {
		for _, element := range nodes {
			n.value.items = append(n.value.items, element.value)
		}
		return n
	}
	computes := make([]func(*Context) value, len(nodes))
	for i, element := range nodes {
		computes[i] = element.compute()
	}
	n.eval = func(c *Context) value {
		items := make([]value, len(computes))
		for i, compute := range computes {
			items[i] = compute(c)
		}
		return value{kind: list, items: items}
	}
	return n
}

// attribute compiles var. $flagd holds what flagd itself adds: the key of the flag and the time in seconds.
func (c *compiler) attribute(args []any, depth int) (node, error) {
	var name string
	if len(args) > 0 {
		switch first := args[0].(type) {
		case nil:
		case string:
			name = first
		case float64:
			name = formatNumber(first)
		default:
			return node{}, errors.New("var does not name an attribute")
		}
	}
	var n node
	switch {
	case name == "":
		return constant(value{kind: object}), nil
	case name == "$flagd.flagKey":
		n = constant(textValue(c.key))
		n.keyed = true
		c.read(name, n)
		return n, nil
	case name == "$flagd.timestamp":
		c.usesTime = true
		n = node{eval: func(c *Context) value { return value{kind: number, num: float64(c.now)} }, cost: 1}
		c.read(name, n)
		return n, nil
	case name == "$flagd":
		return constant(value{kind: object}), nil
	case strings.HasPrefix(name, "$flagd."):
		n = constant(value{})
	default:
		n = node{slot: c.intern(name), cost: 1}
		c.read(name, n)
	}
	if len(args) < 2 {
		return n, nil
	}
	other, err := c.rule(args[1], depth+1)
	if err != nil {
		return node{}, err
	}
	compute, fallback := n.compute(), other.compute()
	return node{keyed: other.keyed, cost: 1 + other.cost, eval: func(c *Context) value {
		if v := compute(c); v.kind != null {
			return v
		}
		return fallback(c)
	}}, nil
}

// reference gives the rule that a $ref names. done ends its use, so that a circle of references is found.
func (c *compiler) reference(args []any) (rule any, done func(), err error) {
	var name string
	if len(args) == 1 {
		name, _ = args[0].(string)
	}
	raw, ok := c.evaluators[name]
	if !ok {
		return nil, nil, fmt.Errorf("there is no evaluator %q", name)
	}
	if slices.Contains(c.open, name) {
		return nil, nil, fmt.Errorf("the evaluator %q refers to itself", name)
	}
	if err := json.Unmarshal(raw, &rule); err != nil {
		return nil, nil, fmt.Errorf("the evaluator %q is not JSON", name)
	}
	c.open = append(c.open, name)
	out := c.into(name)
	return rule, func() { c.open = c.open[:len(c.open)-1]; out() }, nil
}

// evaluator compiles a $ref within a rule, once for all flags if it does not depend on the flag's key.
func (c *compiler) evaluator(args []any, depth int) (node, error) {
	if len(args) == 1 {
		if name, ok := args[0].(string); ok {
			if n, ok := c.shared[name]; ok && c.trace == nil {
				return n, nil
			}
		}
	}
	rule, done, err := c.reference(args)
	if err != nil {
		return node{}, err
	}
	defer done()
	n, err := c.rule(rule, depth+1)
	if err != nil {
		return node{}, err
	}
	name := c.open[len(c.open)-1]
	if !n.keyed {
		c.shared[name] = n
	}
	return c.uses(name, n), nil
}
