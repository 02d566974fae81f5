package flag

import "math"

var errNoNumber = refuse("give a number", "an operand of an arithmetic operator is a constant that is no number")

// arithmetic compiles + - * / and %. Generated code and the engine's own functions differ in what they do with a single
// operand that is a list, and with division by a text.
func (c *compiler) arithmetic(k call) (node, error) {
	nodes, err := c.operandsOf(k)
	if err != nil {
		return node{}, err
	}
	c.fallible = true
	var eval func(*Context) value
	_, literal := first(k.args).([]any)
	switch {
	case c.interpreted && (k.op == "+" || k.op == "-") && len(nodes) == 1 && (!k.listed || !literal):
		eval = functionOfOne(k.op, nodes[0].compute())
	case c.interpreted:
		eval = function(k.op, operands(k, nodes))
	case !k.listed:
		eval = reduced(k.op, nodes[0].compute())
	default:
		for _, arg := range k.args {
			if _, isList := arg.([]any); isList {
				return node{}, errNoNumber
			}
		}
		if eval, err = generatedArithmetic(k.op, nodes); err != nil {
			return node{}, err
		}
	}
	n := node{eval: eval}.of(nodes...)
	return n, nil
}

func first(items []any) any {
	if len(items) == 0 {
		return nil
	}
	return items[0]
}

// operandsOf compiles the operands of an arithmetic operator.
func (c *compiler) operandsOf(k call) ([]node, error) {
	if k.listed || c.interpreted {
		return c.arguments(k)
	}
	if k.op == "*" || k.op == "%" {
		n, err := c.rule(k.args[0], k.depth+1)
		return []node{n}, err
	}
	n, err := c.untracked(k.args[0], k.depth+1)
	return []node{c.leaves(n)}, err
}

// generatedArithmetic is what the engine's generated code does with a list of operands.
func generatedArithmetic(op string, nodes []node) (func(*Context) value, error) {
	least := map[string]int{"-": 1, "/": 1, "%": 2}[op]
	if len(nodes) < least {
		return nil, refuse("add them", "the operator %s has too few operands", op)
	}
	for i, n := range nodes {
		if !n.constant {
			continue
		}
		word := n.value.kind == text
		if word && math.IsNaN(n.value.toNumber()) || n.value.kind == object {
			return nil, errNoNumber
		}
		if op == "/" && (i > 0 || len(nodes) == 1) && (word || n.value.kind == number) && n.value.toNumber() == 0 {
			return nil, refuse("divide by something else", "targeting divides by zero")
		}
	}
	compute := computes(nodes)
	if op == "-" && len(nodes) == 1 {
		return func(c *Context) value {
			return c.finite(-c.numeric(compute[0](c)))
		}, nil
	}
	if op == "/" && len(nodes) == 1 {
		one := func(*Context) value { return numberValue(1) }
		compute = append([]func(*Context) value{one}, compute...)
	}
	start := map[string]float64{"+": 0, "*": 1}[op]
	rest := compute
	return func(c *Context) value {
		result, rest := start, rest
		if least > 0 {
			result, rest = c.numeric(rest[0](c)), rest[1:]
		}
		for _, next := range rest {
			result = c.apply(op, result, c.numeric(next(c)))
		}
		return c.finite(result)
	}, nil
}

// apply computes a op b; division by nothing fails.
func (c *Context) apply(op string, a, b float64) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		if b == 0 || math.IsNaN(b) {
			c.fail()
		}
		return a / b
	}
	return math.Mod(a, b)
}

// finite refuses NaN, as the engine does.
func (c *Context) finite(n float64) value {
	if math.IsNaN(n) {
		return c.fail()
	}
	return numberValue(n)
}

// reduced is what generated code does with an operand that stands alone, without a list: it may give one.
func reduced(op string, compute func(*Context) value) func(*Context) value {
	return func(c *Context) value {
		v := compute(c)
		if v.kind != list {
			if op != "+" && op != "-" {
				return c.fail()
			}
			n := v.toNumber()
			if v.kind == object {
				return c.fail()
			}
			if op == "-" {
				n = -n
			}
			return c.finite(n)
		}
		items := v.items()
		if !c.charge(len(items)) {
			return value{}
		}
		switch least := map[string]int{"-": 1, "/": 1, "%": 2}[op]; {
		case len(items) < least:
			return c.fail()
		case len(items) == 1 && op == "-":
			return numberValue(-c.numeric(items[0]))
		case len(items) == 1 && op == "/":
			if items[0].falsy() {
				return c.fail()
			}
			return numberValue(1 / c.numeric(items[0]))
		}
		var result float64
		switch op {
		case "+":
			for _, item := range items {
				result += c.numeric(item)
			}
			return numberValue(result)
		case "*":
			result = 1
		default:
			result, items = c.numeric(items[0]), items[1:]
		}
		for i, item := range items {
			if i > 0 && math.IsNaN(result) || op == "/" && item.falsy() {
				return c.fail()
			}
			x := c.numeric(item)
			switch op {
			case "-":
				result -= x
			case "*":
				result *= x
			case "/":
				result /= x
			case "%":
				result = math.Mod(result, x)
			}
		}
		return numberValue(result)
	}
}

// functionOfOne is what the engine's functions for + and - do with one operand: a list counts as their operands.
func functionOfOne(op string, compute func(*Context) value) func(*Context) value {
	return func(c *Context) value {
		v := compute(c)
		switch {
		case v.kind == list:
			return c.function(op, v.items())
		case v.kind == object:
			return c.fail()
		case v.falsy():
			return numberValue(0)
		}
		n := v.toNumber()
		if op == "-" {
			n = -n
		}
		return c.finite(n)
	}
}

// function is what the engine's function for an operator does.
func function(op string, operands func(*Context) []value) func(*Context) value {
	return func(c *Context) value { return c.function(op, operands(c)) }
}

func (c *Context) function(op string, items []value) value {
	if !c.charge(len(items)) {
		return value{}
	}
	least := map[string]int{"-": 1, "/": 1, "%": 2}[op]
	if len(items) < least {
		return c.fail()
	}
	for _, item := range items {
		if item.kind >= list {
			return c.fail()
		}
	}
	if len(items) == 1 && op == "-" {
		return numberValue(-items[0].toNumber())
	}
	if op == "/" && len(items) == 1 {
		if n := items[0].toNumber(); n != 0 && !math.IsNaN(n) {
			return numberValue(1 / n)
		}
		return c.fail()
	}
	result := 0.0
	switch op {
	case "+":
	case "*":
		result = 1
	default:
		result, items = items[0].toNumber(), items[1:]
	}
	for _, item := range items {
		x := item.toNumber()
		switch op {
		case "+":
			result += x
		case "-":
			result -= x
		case "*":
			result *= x
		case "/":
			if item.falsy() {
				return c.fail()
			}
			result /= x
		case "%":
			result = math.Mod(result, x)
		}
	}
	if op == "/" && math.IsInf(result, 1) {
		return c.fail()
	}
	return c.finite(result)
}

// extreme compiles max and min, of numbers only.
func (c *compiler) extreme(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	c.fallible = true
	all, sign := operands(k, nodes), 1.0
	if k.op == "min" {
		sign = -1
	}
	return node{eval: func(c *Context) value {
		items := all(c)
		if len(items) == 0 || !c.charge(len(items)) {
			return c.fail()
		}
		best := items[0]
		for _, item := range items {
			if item.kind != number {
				return c.fail()
			}
			if item.num*sign > best.num*sign {
				best = item
			}
		}
		return best
	}}.of(nodes...), nil
}
