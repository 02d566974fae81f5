package flag

// order is <, <=, > and >= as JSON Logic has them (https://jsonlogic.com/operations.html): two texts by their bytes, all
// else as numbers, and false where one is none. With three arguments < and <= ask whether the second lies in between.
func order(holds func(sign int) bool, between bool) func(args []node) node {
	return func(args []node) node {
		a, b := arg(args, 0), arg(args, 1)
		x, y := a.compute(), b.compute()
		test := func(c *Context) bool { return ordered(x(c), y(c), holds) }
		if between && len(args) > 2 {
			z := args[2].compute()
			test = func(c *Context) bool {
				middle := y(c)
				return ordered(x(c), middle, holds) && ordered(middle, z(c), holds)
			}
		}
		return node{test: test}
	}
}

func ordered(a, b value, holds func(sign int) bool) bool {
	if a.kind == text && b.kind == text {
		switch {
		case a.text < b.text:
			return holds(-1)
		case a.text > b.text:
			return holds(1)
		}
		return holds(0)
	}
	x, ok := a.magnitude()
	if !ok {
		return false
	}
	y, ok := b.magnitude()
	if !ok {
		return false
	}
	switch {
	case x < y:
		return holds(-1)
	case x > y:
		return holds(1)
	}
	return holds(0)
}

// magnitude is toNumber, with null as 0: in JavaScript null < 1 holds, though null == 0 does not.
func (v value) magnitude() (float64, bool) {
	if v.kind == null {
		return 0, true
	}
	return v.toNumber()
}
