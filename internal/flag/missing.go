package flag

import (
	"slices"
	"strings"
)

// missing compiles missing and missing_some, which give the names that the context lacks. A null is there.
func (c *compiler) missing(k call) (node, error) {
	need := constant(value{})
	names := k.args
	if k.op == "missing_some" {
		options, ok := any(nil), len(k.args) == 2
		if ok {
			options = k.args[1]
		}
		if names, ok = options.([]any); !ok || !k.listed {
			return c.failing(), nil
		}
		var err error
		if need, err = c.rule(k.args[0], k.depth+1); err != nil {
			return node{}, err
		}
	}
	nodes, err := c.elements(names, k.depth+1)
	if err != nil {
		return node{}, err
	}
	missing := c.lacking(k, names, nodes)
	n := node{keyed: true, eval: func(c *Context) value { return listValue(missing(c)) }}.of(append(nodes, need)...)
	if k.op == "missing" {
		return n, nil
	}
	count, compute, track := float64(len(nodes)), need.compute(), c.tracking
	n.eval = func(c *Context) value {
		lacking := listValue(missing(c))
		if track {
			c.prev = lacking
		}
		is, ordered := less(numberValue(count-float64(len(lacking.items()))), compute(c))
		if is && ordered {
			return lacking
		}
		return listValue(nil)
	}
	return n, nil
}

// lacking gives what lists the names that are absent.
func (c *compiler) lacking(k call, names []any, nodes []node) func(*Context) []value {
	if k.listed && !slices.ContainsFunc(nodes, func(n node) bool { return !n.constant }) {
		direct := !c.interpreted && len(nodes) <= 2 &&
			!slices.ContainsFunc(nodes, func(n node) bool { return n.value.kind != text || strings.Contains(n.value.text, ".") })
		checks := make([]func(*Context) (value, bool), len(nodes))
		for i, n := range nodes {
			checks[i] = c.lacks(n.value, direct)
		}
		return func(c *Context) []value {
			var lacking []value
			for _, check := range checks {
				if name, lacks := check(c); lacks {
					lacking = append(lacking, name)
				}
			}
			return lacking
		}
	}
	look, all := c.lookUp(), operands(call{args: names, listed: k.listed}, nodes)
	return func(c *Context) []value {
		var lacking []value
		for _, name := range all(c) {
			if _, present := look(c, textValue(name.toText())); !present {
				lacking = append(lacking, name)
			}
			if !c.charge(1) {
				break
			}
		}
		return lacking
	}
}

// lacks compiles the check for a name that the rule spells out. direct is generated code for names without dots.
func (c *compiler) lacks(name value, direct bool) func(*Context) (value, bool) {
	key := name.toText()
	if key == "" {
		return func(*Context) (value, bool) { return name, direct }
	}
	parts, at := splitPath(key), access{get: absent}
	switch {
	case c.folding && len(c.scopes) == 0:
	case len(c.scopes) > 0:
		at.get = func(c *Context) (value, bool) { return c.frames[len(c.frames)-1].walk(parts, untilFalse) }
	case len(parts) > 1 && parts[0] != "$flagd":
		holder, whole := c.intern(parts[:len(parts)-1]).slot, c.locateTop(key, false).read()
		at.get = func(c *Context) (value, bool) {
			if c.get(holder).falsy() {
				return value{}, false
			}
			return whole(c)
		}
		c.read(key, at.node())
	default:
		at = c.locateTop(key, false)
		c.read(key, at.node())
	}
	read := at.read()
	return func(c *Context) (value, bool) {
		_, present := read(c)
		return name, !present
	}
}
