package flag

// not compiles ! and !!. The engine's own function looks at the first element of a list that it is given.
func (c *compiler) not(k call) (node, error) {
	if len(k.args) > 1 && !c.interpreted {
		k.args = k.args[:1] // generated code does not have the others
	}
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	first := constant(value{})
	if len(nodes) > 0 {
		first = nodes[0]
	}
	test := first.truth()
	if c.interpreted && !first.constant && len(nodes) == 1 {
		if _, isList := k.args[0].([]any); !isList || !k.listed {
			compute := first.compute()
			test = func(c *Context) bool {
				v := compute(c)
				if v.kind != list {
					return v.truthy()
				}
				return len(v.items()) > 0 && v.items()[0].truthy()
			}
		}
	}
	if len(nodes) > 1 { // none of them counts, but one may fail
		test = alsoComputing(test, nodes[1:])
	}
	if k.op == "!!" {
		return node{test: test}.of(nodes...), nil
	}
	return node{test: func(c *Context) bool { return !test(c) }}.of(nodes...), nil
}

// alsoComputing computes what has no part in the result.
func alsoComputing(test func(*Context) bool, others []node) func(*Context) bool {
	compute := computes(others)
	return func(c *Context) bool {
		evaluateAll(c, compute)
		return test(c)
	}
}

// andOr compiles and, which gives its first false argument, else the last, and or, which gives its first true one.
func (c *compiler) andOr(k call) (node, error) {
	defer c.enter(c.mode)
	c.interpreted = c.interpreted || !k.listed
	nodes := make([]node, len(k.args))
	for i, arg := range k.args {
		mark := c.down(k.op, k.step(i))
		n, err := c.untracked(arg, k.depth+1)
		if err != nil {
			return node{}, err
		}
		c.up(mark)
		nodes[i] = n
	}
	if !k.listed {
		return c.failing().of(nodes...).lazy(), nil
	}
	if len(nodes) == 0 {
		return constant(value{}), nil
	}
	tests, compute, until := make([]func(*Context) bool, len(nodes)), computes(nodes), k.op == "or"
	for i, n := range nodes {
		tests[i] = n.truth()
	}
	n := node{eval: func(c *Context) value {
		var v value
		for _, compute := range compute {
			if v = compute(c); v.truthy() == until {
				return v
			}
		}
		return v
	}}
	if words, ok := allWords(nodes); ok && !until {
		n.test = words
	} else if until {
		n.test = anyOf(tests)
	} else {
		n.test = allOf(tests)
	}
	n = n.of(nodes...).lazy()
	if c.tracking {
		n.test = nil
		return c.leaves(n), nil
	}
	return n, nil
}

func allOf(tests []func(*Context) bool) func(*Context) bool {
	switch len(tests) {
	case 2:
		a, b := tests[0], tests[1]
		return func(c *Context) bool { return a(c) && b(c) }
	case 3:
		a, b, d := tests[0], tests[1], tests[2]
		return func(c *Context) bool { return a(c) && b(c) && d(c) }
	}
	return func(c *Context) bool {
		for _, test := range tests {
			if !test(c) {
				return false
			}
		}
		return true
	}
}

func anyOf(tests []func(*Context) bool) func(*Context) bool {
	return func(c *Context) bool {
		for _, test := range tests {
			if test(c) {
				return true
			}
		}
		return false
	}
}

// choose compiles an if within a rule: condition, value, condition, value, …, and maybe a last value.
func (c *compiler) choose(k call) (node, error) {
	defer c.enter(c.mode)
	if len(k.args) < 3 {
		c.interpreted, c.tracking = true, false
	}
	nodes := make([]node, len(k.args))
	tests := make([]func(*Context) bool, len(k.args))
	for i, arg := range k.args {
		mark, from := c.down(k.op, k.step(i)), c.readings()
		n, err := c.rule(arg, k.depth+1)
		if err != nil {
			return node{}, err
		}
		tests[i] = n.truth()
		if i%2 == 0 && i+1 < len(k.args) {
			tests[i] = c.asks(arg, from, tests[i])
		}
		c.up(mark)
		nodes[i] = n
	}
	if !k.listed {
		return c.failing().of(nodes...).lazy(), nil
	}
	if c.interpreted && len(nodes) == 3 { // the engine looks at all three before it starts
		if n := c.eager(nodes); n.broken {
			return n, nil
		}
	}
	compute, pairs := computes(nodes), len(nodes)/2*2
	last := func(*Context) value { return value{} }
	if len(nodes) > pairs {
		last = compute[pairs]
	}
	return node{eval: func(c *Context) value {
		for i := 0; i < pairs; i += 2 {
			if tests[i](c) {
				return compute[i+1](c)
			}
		}
		return last(c)
	}}.of(nodes...).lazy(), nil
}
