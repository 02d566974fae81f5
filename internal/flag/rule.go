package flag

import (
	"encoding/json"
	"slices"

	"github.com/soukhq/souk/internal/fault"
)

// Limits of one flag's rule. The cost counts what is shared as often as it is used, so that references to references cannot
// make a short document slow; what list operators do again and again is counted while they do it, up to workLimit.
const (
	ruleDepth = 64
	ruleCost  = 50_000
	workLimit = 250_000
)

// trouble is why a rule gave up on a context. flagd calls all of them GENERAL.
type trouble uint8

const (
	noTrouble  trouble = iota
	badOperand         // the engine throws: an operand has a type that its operator does not take
	tooMuch            // workLimit
	faulty             // of Souk's own making
)

var troubles = [...]string{
	badOperand: "targeting cannot be computed for this context: an operator got something that it does not take",
	tooMuch:    "targeting takes too many steps for this context",
	faulty:     "targeting fails at this context by a fault of Souk; report the rule and the context",
}

// fail gives up on the rule; what is computed after that has no meaning.
func (c *Context) fail() value {
	if c.trouble == noTrouble {
		c.trouble = badOperand
	}
	return value{}
}

// charge counts work that depends on the context, and is false once the rule must give up.
func (c *Context) charge(n int) bool {
	if c.work += n; c.work > workLimit && c.trouble == noTrouble {
		c.trouble = tooMuch
	}
	return c.trouble == noTrouble
}

// guarded answers for a rule that may fail. A panic costs the answer of this flag and not that of all others in the request.
func guarded(target func(*Context) *Outcome, a *answers) func(*Context) *Outcome {
	var failures [len(troubles)]*Outcome
	for i, details := range troubles {
		failures[i] = (&Outcome{Key: a.key, Reason: Failed, Code: General, Details: details, Metadata: a.metadata}).finish()
	}
	return func(c *Context) (o *Outcome) {
		defer func() {
			if recover() != nil {
				c.frames, o = c.frames[:0], failures[faulty]
			}
		}()
		c.trouble, c.work = noTrouble, 0
		o = target(c)
		if c.trouble != noTrouble {
			return failures[c.trouble]
		}
		return o
	}
}

// compiler turns the rules of a document into closures.
//
// It follows json-logic-engine 5.0.7 as @openfeature/flagd-core 4.0.1 uses it. That engine generates code, but interprets an
// if of fewer than three arguments and whatever is constant; the two ways differ a little, so the compiler knows where it is
// (interpreted). In generated code the right side of a comparison is checked against the variable that was read last
// (tracking): {"<": [18, {"var": "age"}]} is false for an age of "old", but {"<": [{"var": "age"}, 18]} fails.
type compiler struct {
	paths      *path
	slots      int
	usesTime   bool
	evaluators map[string]json.RawMessage
	shared     map[sharedKey]shared // compiled evaluators that are the same for every flag
	rules      map[string]*syncedRule
	open       []string // evaluators being compiled, to find circles
	key        string   // of the flag being compiled
	parts      int      // of the flag being compiled, seen so far
	fallible   bool     // what was compiled so far may fail
	problems   []Problem
	trace      *trace // nil save for an explanation
	mode
}

// mode is where in a rule the compiler is.
type mode struct {
	interpreted bool
	tracking    bool    // closures leave in Context.prev what the engine's variable prev would hold
	folding     bool    // all of this is constant and computed once, without a context
	deep        int     // above 0, a list operator may look inside of what var reads
	scopes      []scope // list operators around, innermost last
}

type sharedKey struct {
	name                        string
	interpreted, tracking, deep bool
}

type shared struct {
	node     node
	fallible bool
}

// target compiles a rule whose value names a variant, so that constant branches become answers.
func (c *compiler) target(x any, a *answers, depth int) (func(*Context) *Outcome, error) {
	if err := c.count(depth); err != nil {
		return nil, err
	}
	k, ok := operation(x)
	k.depth = depth
	switch {
	case ok && k.op == "$ref":
		name, rule, err := c.reference(k)
		if err != nil {
			return nil, err
		}
		done := c.into(name)
		target, err := c.target(rule, a, depth+1)
		if err != nil {
			return nil, err
		}
		done()
		return c.usesTarget(name, target), nil
	case ok && (k.op == "if" || k.op == "?:") && k.listed && len(k.args) > 1:
		if fixed := c.deterministic(x, false); !fixed || c.trace != nil { // a constant one is computed, unless it shall be shown
			return c.branches(k, a, fixed || len(k.args) < 3)
		}
	case ok && k.op == "fractional" && c.trace == nil:
		split, err := c.split(k)
		if err != nil {
			return nil, err
		}
		if target := split.target(a); target != nil {
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
	errTooDeep   = refuse("split it into several flags", "targeting nests deeper than %d", ruleDepth)
	errTooCostly = refuse("split it into several flags", "targeting has more than %d parts", ruleCost)
)

// refuse makes the error of a rule that cannot be compiled.
func refuse(fix, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "bad_targeting", format, args...).Fix("%s", fix)
}

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
func (c *compiler) branches(k call, a *answers, interpreted bool) (func(*Context) *Outcome, error) {
	type branch struct {
		test   func(*Context) bool
		target func(*Context) *Outcome
	}
	defer c.enter(c.mode)
	c.interpreted = c.interpreted || interpreted
	var all []branch
	cost, at := 0, 0
	for ; at+1 < len(k.args); at += 2 {
		mark, from := c.down(k.op, at), c.readings()
		n, err := c.rule(k.args[at], k.depth+1)
		if err != nil {
			return nil, err
		}
		if cost += n.cost; cost > ruleCost {
			return nil, errTooCostly
		}
		test, matches := c.asks(k.args[at], from, n.truth()), c.matches()
		c.up(mark)
		mark = c.down(k.op, at+1)
		target, err := c.target(k.args[at+1], a, k.depth+1)
		if err != nil {
			return nil, err
		}
		c.up(mark)
		all = append(all, branch{test, matches(target)})
	}
	var otherwise any
	if at < len(k.args) {
		otherwise = k.args[at]
	}
	mark := c.down(k.op, at)
	last, err := c.target(otherwise, a, k.depth+1)
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

// enter goes back to a mode; deferred, it ends what follows it.
func (c *compiler) enter(m mode) { c.mode = m }

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
		return constant(numberValue(x)), nil
	case string:
		return constant(textValue(x)), nil
	case []any:
		nodes, err := c.elements(x, depth+1)
		if err != nil {
			return node{}, err
		}
		return listOf(nodes), nil
	case map[string]any:
		if len(x) == 0 {
			return constant(objectValue(nil)), nil
		}
		if len(x) > 1 {
			return node{}, refuse("nest the operators", "an operation has one operator, but there is an object with %d members: %s", len(x), shorten(x))
		}
	}
	if (!c.folding || len(c.scopes) > 0) && c.deterministic(x, false) {
		return c.fold(x, depth)
	}
	k, _ := operation(x)
	k.depth = depth
	n, err := c.operator(k)
	if err != nil {
		return node{}, err
	}
	if n.cost > ruleCost {
		return node{}, errTooCostly
	}
	return n, nil
}

func shorten(x any) string {
	s := []rune(string(encode(x)))
	if len(s) > 60 {
		return string(s[:60]) + "…"
	}
	return string(s)
}

// operators are all there are.
var operators = []string{
	"$ref", "var", "missing", "missing_some", "==", "!=", "===", "!==", "<", "<=", ">", ">=", "!", "!!", "and", "or", "if", "?:",
	"+", "-", "*", "/", "%", "max", "min", "map", "filter", "all", "some", "none", "reduce", "merge", "in", "cat", "substr",
	"starts_with", "ends_with", "sem_ver", "fractional",
}

// operator compiles an operation that is not constant.
func (c *compiler) operator(k call) (node, error) {
	switch k.op {
	case "$ref":
		return c.evaluator(k)
	case "var":
		return c.attribute(k)
	case "missing", "missing_some":
		return c.missing(k)
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=":
		return c.comparison(k)
	case "!", "!!":
		return c.not(k)
	case "and", "or":
		return c.andOr(k)
	case "if", "?:":
		return c.choose(k)
	case "+", "-", "*", "/", "%":
		return c.arithmetic(k)
	case "max", "min":
		return c.extreme(k)
	case "map", "filter", "all", "some", "none":
		return c.iterate(k)
	case "reduce":
		return c.reduce(k)
	case "merge":
		return c.merge(k)
	case "in":
		return c.in(k)
	case "cat":
		return c.cat(k)
	case "substr":
		return c.substr(k)
	case "starts_with", "ends_with":
		return c.affix(k)
	case "sem_ver":
		return c.semVer(k)
	case "fractional":
		split, err := c.split(k)
		if err != nil {
			return node{}, err
		}
		return c.divides(split, split.node(c)), nil
	}
	return node{}, refuse(fault.Meant(k.op, operators, "use an operator of flagd's"), "there is no operator %q", k.op)
}

// deterministic tells whether the engine computes x once, as it builds the rule: nothing in it reads the context, apart
// from list operators whose var reads elements.
func (c *compiler) deterministic(x any, inside bool) bool {
	all := func(items []any, inside bool) bool {
		return !slices.ContainsFunc(items, func(item any) bool { return !c.deterministic(item, inside) })
	}
	if items, ok := x.([]any); ok {
		return all(items, inside)
	}
	members, ok := x.(map[string]any)
	if !ok || len(members) == 0 {
		return true
	}
	k, ok := operation(x)
	if !ok {
		return false
	}
	switch k.op {
	case "var":
		return inside && !climbs(k.args)
	case "missing":
		return k.listed && len(k.args) == 0
	case "map", "filter", "all", "some", "none", "reduce":
		if !k.listed {
			return true // and fails
		}
		return len(k.args) == 0 || c.deterministic(k.args[0], inside) && (len(k.args) == 1 || c.deterministic(k.args[1], true))
	case "==", "!=", "===", "!==", "<", "<=", ">", ">=", "!", "!!", "and", "or", "if", "?:", "+", "-", "*", "/", "%",
		"max", "min", "merge", "in", "cat", "substr":
		return all(k.args, inside)
	}
	return false
}

// fold computes what is constant.
func (c *compiler) fold(x any, depth int) (node, error) {
	outer := c.mode
	defer c.enter(outer)
	c.mode = mode{interpreted: true, folding: true}
	n, err := c.rule(x, depth) // an operation, or a list that holds some
	if err != nil {
		return node{}, err
	}
	blank := &Context{epoch: 1}
	v := n.compute()(blank)
	if blank.trouble == noTrouble {
		return constant(v), nil
	}
	if outer.interpreted { // found only when the engine gets there
		return c.broken(), nil
	}
	return node{}, refuse("give its operator what it takes", "a constant part of targeting cannot be computed: %s", shorten(x))
}

// elements compiles each of a list.
func (c *compiler) elements(items []any, depth int) ([]node, error) {
	nodes := make([]node, len(items))
	for i, item := range items {
		n, err := c.rule(item, depth)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

// arguments compiles the arguments of a call.
func (c *compiler) arguments(k call) ([]node, error) {
	nodes := make([]node, len(k.args))
	for i, arg := range k.args {
		mark := c.down(k.op, k.step(i))
		n, err := c.rule(arg, k.depth+1)
		if err != nil {
			return nil, err
		}
		c.up(mark)
		nodes[i] = n
	}
	return nodes, nil
}

// untracked compiles one whose own use of prev is overwritten by what follows.
func (c *compiler) untracked(x any, depth int) (node, error) {
	tracking := c.tracking
	c.tracking = false
	n, err := c.rule(x, depth)
	c.tracking = tracking
	return n, err
}
