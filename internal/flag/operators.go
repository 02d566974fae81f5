package flag

import "strings"

// operators are those whose arguments are all rules. Each gets its compiled arguments, however many were given.
var operators = map[string]func(args []node) node{
	"==":          func(args []node) node { return compare(args, equal, false) },
	"!=":          func(args []node) node { return compare(args, equal, true) },
	"===":         func(args []node) node { return compare(args, same, false) },
	"!==":         func(args []node) node { return compare(args, same, true) },
	"<":           order(func(sign int) bool { return sign < 0 }, true),
	"<=":          order(func(sign int) bool { return sign <= 0 }, true),
	">":           order(func(sign int) bool { return sign > 0 }, false),
	">=":          order(func(sign int) bool { return sign >= 0 }, false),
	"!":           not,
	"and":         and,
	"or":          or,
	"if":          choose,
	"in":          in,
	"starts_with": func(args []node) node { return affix(args, strings.HasPrefix) },
	"ends_with":   func(args []node) node { return affix(args, strings.HasSuffix) },
}

// arg gives an argument, null if it was not given.
func arg(args []node, i int) node {
	if i < len(args) {
		return args[i]
	}
	return constant(value{})
}

func compare(args []node, eq func(a, b value) bool, negate bool) node {
	a, b := arg(args, 0), arg(args, 1)
	if a.constant && !b.constant {
		a, b = b, a
	}
	if a.constant {
		return constant(boolValue(eq(a.value, b.value) != negate))
	}
	if a.slot != 0 && b.constant && b.value.kind == text {
		slot, want, wanted := a.slot, b.value.text, b.value
		return node{test: func(c *Context) bool {
			s := &c.slots[slot]
			if s.epoch == c.epoch && s.value.kind == text {
				return (s.value.text == want) != negate
			}
			return eq(c.get(slot), wanted) != negate
		}}
	}
	x, y := a.compute(), b.compute()
	return node{test: func(c *Context) bool { return eq(x(c), y(c)) != negate }}
}

func not(args []node) node {
	test := arg(args, 0).truth()
	return node{test: func(c *Context) bool { return !test(c) }}
}

// and gives its first falsy argument, else the last.
func and(args []node) node {
	if len(args) == 0 {
		return constant(value{})
	}
	tests, computes := closures(args)
	n := node{eval: func(c *Context) value {
		var v value
		for _, compute := range computes {
			if v = compute(c); !v.truthy() {
				return v
			}
		}
		return v
	}}
	switch len(tests) {
	case 2:
		a, b := tests[0], tests[1]
		n.test = func(c *Context) bool { return a(c) && b(c) }
	case 3:
		a, b, d := tests[0], tests[1], tests[2]
		n.test = func(c *Context) bool { return a(c) && b(c) && d(c) }
	default:
		n.test = func(c *Context) bool {
			for _, test := range tests {
				if !test(c) {
					return false
				}
			}
			return true
		}
	}
	return n
}

// or gives its first truthy argument, else the last.
func or(args []node) node {
	if len(args) == 0 {
		return constant(value{})
	}
	tests, computes := closures(args)
	return node{
		eval: func(c *Context) value {
			var v value
			for _, compute := range computes {
				if v = compute(c); v.truthy() {
					return v
				}
			}
			return v
		},
		test: func(c *Context) bool {
			for _, test := range tests {
				if test(c) {
					return true
				}
			}
			return false
		},
	}
}

func closures(args []node) (tests []func(*Context) bool, computes []func(*Context) value) {
	for _, a := range args {
		tests, computes = append(tests, a.truth()), append(computes, a.compute())
	}
	return tests, computes
}

// choose is if: condition, value, condition, value, …, and maybe a last value.
func choose(args []node) node {
	tests, computes := closures(args)
	pairs := len(args) / 2 * 2
	last := func(*Context) value { return value{} }
	if len(args) > pairs {
		last = computes[pairs]
	}
	return node{eval: func(c *Context) value {
		for i := 0; i < pairs; i += 2 {
			if tests[i](c) {
				return computes[i+1](c)
			}
		}
		return last(c)
	}}
}

func in(args []node) node {
	needle, haystack := arg(args, 0), arg(args, 1)
	if needle.constant && haystack.constant {
		return constant(boolValue(contains(needle.value, haystack.value)))
	}
	if needle.slot != 0 && haystack.constant && haystack.value.kind == list {
		if words, ok := wordSet(haystack.value.items); ok {
			slot := needle.slot
			return node{test: func(c *Context) bool {
				s := &c.slots[slot]
				return s.epoch == c.epoch && s.value.kind == text && words[s.value.text]
			}}
		}
	}
	if needle.constant && needle.value.kind == text && haystack.slot != 0 {
		slot, want, wanted := haystack.slot, needle.value.text, needle.value
		return node{test: func(c *Context) bool {
			s := &c.slots[slot]
			if s.epoch != c.epoch {
				return false
			}
			if s.value.kind != list {
				return contains(wanted, s.value)
			}
			for i := range s.value.items {
				if item := &s.value.items[i]; item.kind == text && item.text == want {
					return true
				}
			}
			return false
		}}
	}
	x, y := needle.compute(), haystack.compute()
	return node{test: func(c *Context) bool { return contains(x(c), y(c)) }}
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

// affix is starts_with and ends_with: null, not false, for anything but two texts.
func affix(args []node, has func(s, part string) bool) node {
	if len(args) != 2 {
		return constant(value{})
	}
	if args[0].slot != 0 && args[1].constant && args[1].value.kind == text {
		slot, part := args[0].slot, args[1].value.text
		return node{
			eval: func(c *Context) value {
				s := &c.slots[slot]
				if s.epoch != c.epoch || s.value.kind != text {
					return value{}
				}
				return boolValue(has(s.value.text, part))
			},
			test: func(c *Context) bool {
				s := &c.slots[slot]
				return s.epoch == c.epoch && s.value.kind == text && has(s.value.text, part)
			},
		}
	}
	x, y := args[0].compute(), args[1].compute()
	return node{eval: func(c *Context) value {
		a, b := x(c), y(c)
		if a.kind != text || b.kind != text {
			return value{}
		}
		return boolValue(has(a.text, b.text))
	}}
}
