package flag

import (
	"math"
	"strings"
	"unicode/utf16"
)

// cat compiles cat. Generated code writes null for what is absent, the engine's own function leaves it out.
func (c *compiler) cat(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	c.fallible = true
	_, literal := first(k.args).([]any)
	if !k.listed || c.interpreted && len(nodes) == 1 && !literal {
		compute := nodes[0].compute()
		return node{eval: func(c *Context) value {
			v := compute(c)
			switch v.kind {
			case null:
				return c.fail()
			case list:
				return c.concatenated(v.items(), true)
			case boolean, number, text, object:
			}
			return textValue(v.toText())
		}}.of(nodes...), nil
	}
	compute, skip := computes(nodes), c.interpreted
	return node{eval: func(c *Context) value {
		var room [8]value
		items := room[:0]
		for _, compute := range compute {
			items = append(items, compute(c))
		}
		return c.concatenated(items, skip)
	}}.of(nodes...), nil
}

func (c *Context) concatenated(items []value, skipNull bool) value {
	var b strings.Builder
	for _, item := range items {
		if item.kind == null && skipNull {
			continue
		}
		part := item.toText()
		if !c.charge(1 + len(part)/8) {
			return value{}
		}
		b.WriteString(part)
	}
	return textValue(b.String())
}

// substr compiles substr: from a position, negative from the end, and as many characters as a length says, or without as
// many at the end if it is negative.
func (c *compiler) substr(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	c.fallible = true
	all := operands(k, nodes)
	return node{eval: func(c *Context) value {
		items := all(c)
		if len(items) == 0 || items[0].kind != text || !c.charge(1+len(items[0].text)/8) {
			return c.fail()
		}
		s := utf16.Encode([]rune(items[0].text))
		if len(items) > 1 {
			from := integer(items[1].toNumber())
			if from < 0 {
				from = max(from+float64(len(s)), 0)
			}
			s = s[int(min(from, float64(len(s)))):]
		}
		if len(items) < 3 {
			return textValue(string(utf16.Decode(s)))
		}
		end := items[2]
		length := end.toNumber()
		if negative, ordered := less(end, numberValue(0)); negative && ordered {
			length += float64(len(s))
			if p := end.primitive(); p.kind == text { // JavaScript's + joins a number and a text
				length = textValue(formatNumber(float64(len(s))) + p.text).toNumber()
			}
		}
		length = min(max(integer(length), 0), float64(len(s)))
		return textValue(string(utf16.Decode(s[:int(length)])))
	}}.of(nodes...), nil
}

// integer is JavaScript's ToIntegerOrInfinity.
func integer(n float64) float64 {
	if math.IsNaN(n) {
		return 0
	}
	return math.Trunc(n)
}

// affix compiles starts_with and ends_with: null, not false, for anything but two texts.
func (c *compiler) affix(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	if len(c.scopes) > 0 || c.folding {
		return c.outside(nodes), nil
	}
	has := strings.HasPrefix
	if k.op == "ends_with" {
		has = strings.HasSuffix
	}
	if k.listed && len(nodes) == 2 && nodes[0].slot != 0 && nodes[1].constant && nodes[1].value.kind == text {
		return affixOf(nodes[0].slot, nodes[1].value.text, k.op == "ends_with").of(nodes...), nil
	}
	if k.listed && len(nodes) == 2 {
		x, y := nodes[0].compute(), nodes[1].compute()
		return node{eval: func(c *Context) value {
			a, b := x(c), y(c)
			if a.kind != text || b.kind != text {
				return value{}
			}
			return boolValue(has(a.text, b.text))
		}}.of(nodes...), nil
	}
	all := operands(k, nodes)
	return node{eval: func(c *Context) value {
		items := all(c)
		if len(items) != 2 || items[0].kind != text || items[1].kind != text {
			return value{}
		}
		return boolValue(has(items[0].text, items[1].text))
	}}.of(nodes...), nil
}

// affixOf is starts_with or ends_with of an attribute and a constant.
func affixOf(slot int, part string, ends bool) node {
	n := node{test: func(c *Context) bool {
		s := &c.slots[slot]
		return s.epoch == c.epoch && s.value.kind == text && strings.HasPrefix(s.value.text, part)
	}}
	if ends {
		n.test = func(c *Context) bool {
			s := &c.slots[slot]
			return s.epoch == c.epoch && s.value.kind == text && strings.HasSuffix(s.value.text, part)
		}
	}
	test := n.test
	n.eval = func(c *Context) value {
		if s := &c.slots[slot]; s.epoch != c.epoch || s.value.kind != text {
			return value{}
		}
		return boolValue(test(c))
	}
	return n
}

// outside is an operator of flagd's within a list operator, where the engine throws: there it looks for its logger in the
// element.
func (c *compiler) outside(nodes []node) node {
	all := computes(nodes)
	c.fallible = true
	return node{eval: func(c *Context) value {
		for _, compute := range all {
			compute(c)
		}
		return c.fail()
	}}.of(nodes...)
}
