package flag

import (
	"encoding/json"
	"slices"
)

// reference finds the rule that a $ref names.
func (c *compiler) reference(k call) (name string, rule any, err error) {
	if !k.listed {
		name, _ = k.args[0].(string)
	}
	raw, ok := c.evaluators[name]
	if !ok {
		return "", nil, refuse("define it under $evaluators", "there is no evaluator %q", name)
	}
	if slices.Contains(c.open, name) {
		return "", nil, refuse("take the reference out of it", "the evaluator %q refers to itself", name)
	}
	if err := json.Unmarshal(raw, &rule); err != nil {
		return "", nil, refuse("write a rule in JSON Logic", "the evaluator %q is not JSON", name)
	}
	return name, rule, nil
}

// into goes on to a shared rule; the function it gives ends that.
func (c *compiler) into(evaluator string) (done func()) {
	c.open = append(c.open, evaluator)
	t := c.trace
	if t == nil {
		return func() { c.open = c.open[:len(c.open)-1] }
	}
	at, outer := t.at, t.evaluator
	t.at, t.evaluator = nil, evaluator
	return func() {
		c.open = c.open[:len(c.open)-1]
		t.at, t.evaluator = at, outer
	}
}

// evaluator compiles a $ref within a rule, once for all flags if it does not depend on the flag's key.
func (c *compiler) evaluator(k call) (node, error) {
	name, rule, err := c.reference(k)
	if err != nil {
		return node{}, err
	}
	key := sharedKey{name, c.interpreted, c.tracking, c.deep > 0}
	sharing := c.trace == nil && len(c.scopes) == 0
	if known, ok := c.shared[key]; ok && sharing {
		c.fallible = c.fallible || known.fallible
		return known.node, nil
	}
	before := c.fallible
	c.fallible = false
	done := c.into(name)
	n, err := c.rule(rule, k.depth+1)
	if err != nil {
		return node{}, err
	}
	done()
	if !n.keyed && sharing {
		c.shared[key] = shared{n, c.fallible}
	}
	c.fallible = c.fallible || before
	return c.uses(name, n), nil
}
