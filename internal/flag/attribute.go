package flag

import (
	"slices"
	"strings"
)

// above is how a path leads from an element of a list back to what is around it.
const above = "../"

// climbs tells whether a var leads out of the list operator around it.
func climbs(args []any) bool {
	return len(args) > 0 && strings.Contains(stringOf(args[0]), above+above)
}

// stringOf is the name that a literal makes.
func stringOf(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case float64:
		return formatNumber(x)
	case bool:
		return boolValue(x).toText()
	}
	return ""
}

// splitPath takes a path apart at its dots; a backslash keeps a dot, a slash or a backslash.
func splitPath(dotted string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(dotted); i++ {
		switch b := dotted[i]; {
		case b == '\\' && i+1 < len(dotted) && strings.IndexByte(`./\`, dotted[i+1]) >= 0:
			i++
			part.WriteByte(dotted[i])
		case b == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(b)
		}
	}
	if len(parts) != units(dotted) {
		parts = append(parts, part.String())
	}
	return parts
}

// scope is a list operator while its second argument is compiled.
type scope struct{ around around }

// around is what "../" finds first: what the operator says about where it is.
type around uint8

const (
	elementAndList around = iota // {index, iterator}
	onlyList                     // the list itself
	nothing
)

// frame is an element of a list while an operator is at it.
type frame struct {
	data, accumulator value
	reducing          bool  // data is current; var reads accumulator and current
	both              value // of the two, once a rule has asked for it: it is one object as long as the operator is at the element
	index             int
	over              value // the list
}

// all is what var reads without a name.
func (f *frame) all() value {
	switch {
	case !f.reducing:
		return f.data
	case f.both.kind == null:
		f.both = objectValue(map[string]value{"accumulator": f.accumulator, "current": f.data})
	}
	return f.both
}

// walk follows a path from the element.
func (f *frame) walk(parts []string, how walking) (value, bool) {
	v := f.data
	if f.reducing {
		switch parts[0] {
		case "accumulator":
			v = f.accumulator
		case "current":
		default:
			return value{}, false
		}
		parts = parts[1:]
	}
	return v.walk(parts, how)
}

// walking is how a path goes on where it meets what is false in JavaScript.
type walking uint8

const (
	strictWalk walking = iota // as anywhere
	looseWalk                 // it ends and gives that
	untilFalse                // it ends and finds nothing
)

func (v value) walk(parts []string, how walking) (value, bool) {
	found := true
	for _, part := range parts {
		if how != strictWalk && v.falsy() {
			return v, how == looseWalk
		}
		if v, found = v.member(part); !found {
			return value{}, false
		}
	}
	return v, found
}

// access is a way to read one attribute: a slot or a function.
type access struct {
	slot int
	get  func(*Context) (v value, present bool)
}

func (a access) read() func(*Context) (value, bool) {
	if a.slot == 0 {
		return a.get
	}
	slot := a.slot
	return func(c *Context) (value, bool) {
		s := &c.slots[slot]
		if s.epoch != c.epoch {
			return value{}, false
		}
		return s.value, true
	}
}

func (a access) node() node {
	if a.slot != 0 {
		return node{slot: a.slot, cost: 1}
	}
	get := a.get
	return node{cost: 1, eval: func(c *Context) value { v, _ := get(c); return v }}
}

func absent(*Context) (value, bool) { return value{}, false }

// intern gives the node of an attribute path.
func (c *compiler) intern(parts []string) *path {
	p := c.paths
	for _, name := range parts {
		p = p.child(name, &c.slots)
		p.idle = false
	}
	p.whole = p.whole || c.deep > 0
	return p
}

// locate compiles the way to a name that the rule spells out.
func (c *compiler) locate(name string, loose bool) access {
	up, level := 0, len(c.scopes)
	for ; strings.HasPrefix(name, above) && up < 2*level; up++ {
		name = name[len(above):]
	}
	if up%2 == 1 {
		return c.locateAround(name, level-1-up/2)
	}
	if level -= up / 2; level > 0 {
		depth := len(c.scopes) - level + 1 // from the end of the frames
		if name == "" {
			return access{get: func(c *Context) (value, bool) { return c.frames[len(c.frames)-depth].all(), true }}
		}
		parts := splitPath(name)
		how := strictWalk
		if loose && up == 0 && (len(parts) == 2 || len(parts) == 3) {
			how = looseWalk
		}
		return access{get: func(c *Context) (value, bool) { return c.frames[len(c.frames)-depth].walk(parts, how) }}
	}
	if c.folding {
		if name == "" { // the engine has an empty object there
			return access{get: func(*Context) (value, bool) { return objectValue(nil), true }}
		}
		return access{get: absent}
	}
	return c.locateTop(name, loose && up == 0)
}

// locateAround compiles the way to what "../" finds in scope i.
func (c *compiler) locateAround(name string, i int) access {
	kind, depth := c.scopes[i].around, len(c.scopes)-i
	parts := splitPath(name)
	return access{get: func(c *Context) (value, bool) {
		f := &c.frames[len(c.frames)-depth]
		switch kind {
		case elementAndList:
			v := objectValue(map[string]value{"index": numberValue(float64(f.index)), "iterator": f.over})
			if name == "" {
				return v, true
			}
			return v.walk(parts, strictWalk)
		case onlyList:
			if name == "" {
				return f.over, true
			}
			return f.over.walk(parts, strictWalk)
		case nothing:
		}
		return value{}, false
	}}
}

// locateTop compiles the way to an attribute of the context. $flagd holds what flagd itself adds: the key of the flag and
// the time in seconds.
func (c *compiler) locateTop(name string, loose bool) access {
	if name == "" {
		if c.deep > 0 {
			c.paths.whole, c.usesTime = true, true
			key := c.key
			return access{get: func(c *Context) (value, bool) { return c.level(key, 0), true }}
		}
		return access{get: func(c *Context) (value, bool) {
			v := c.get(rootSlot)
			v.kind, v.num = object, 1 // never empty: $flagd is in it
			return v, true
		}}
	}
	parts := splitPath(name)
	if parts[0] == "$flagd" {
		key := c.key
		return access{get: func(c *Context) (value, bool) { return c.added(key).walk(parts[1:], strictWalk) }}
	}
	p := c.intern(parts)
	if loose && (len(parts) == 2 || len(parts) == 3) {
		if p.loose == 0 {
			p.loose = c.slots
			c.slots++
		}
		return access{slot: p.loose}
	}
	return access{slot: p.slot}
}

// added is $flagd.
func (c *Context) added(flagKey string) value {
	return objectValue(map[string]value{"flagKey": textValue(flagKey), "timestamp": numberValue(float64(c.now))})
}

// attribute compiles var.
func (c *compiler) attribute(k call) (node, error) {
	if len(k.args) == 0 {
		k.args = []any{nil}
	}
	switch k.args[0].(type) {
	case nil, string, float64, bool:
	default:
		return c.computedAttribute(k)
	}
	name := stringOf(k.args[0])
	if n, special := c.special(name, k); special {
		return c.leaves(n), nil
	}
	if !c.interpreted && len(k.args) == 2 && (name == "" && k.args[0] != false || c.index(name)) {
		k.args = k.args[:1] // generated code does not have the default
	}
	// With more than one argument, and with a path that leads up, the engine's own function reads it in either mode.
	lone := len(k.args) == 1
	_, isBool := k.args[0].(bool)
	method := len(k.args) > 2 || strings.HasPrefix(name, above) || c.interpreted && !lone || isBool
	if c.interpreted && lone && (k.args[0] == 0.0 || k.args[0] == false) {
		name = ""
	}
	at := c.locate(name, c.interpreted && lone)
	n := at.node()
	if strings.Contains(name, "$flagd") || name == "" && c.deep > 0 {
		n.keyed, c.usesTime = true, true
	}
	if len(c.scopes) == 0 && name != "" {
		c.read(name, n)
	}
	if !lone {
		compile := c.untracked
		if method {
			compile = c.rule
		}
		other, err := compile(k.args[1], k.depth+1)
		if err != nil {
			return node{}, err
		}
		n = otherwise(at, other, method).of(n, other)
	}
	if name == "" || method {
		return n, nil
	}
	return c.leaves(n), nil
}

// index tells the name of an element's position, for which generated code has a variable.
func (c *compiler) index(name string) bool {
	return name == above+"index" && len(c.scopes) > 0 && c.scopes[len(c.scopes)-1].around == elementAndList
}

// otherwise gives the default for what is absent; save where the engine's function reads it, also for null.
func otherwise(at access, other node, method bool) node {
	read, fallback := at.read(), other.compute()
	n := node{eval: func(c *Context) value {
		if v, present := read(c); present && (method || v.kind != null) {
			return v
		}
		return fallback(c)
	}}
	if method { // the default is computed first, whether needed or not, and may fail
		n.eval = func(c *Context) value {
			d := fallback(c)
			if v, present := read(c); present {
				return v
			}
			return d
		}
	}
	return n
}

// special compiles the names that flagd adds, without a default.
func (c *compiler) special(name string, k call) (n node, ok bool) {
	if len(c.scopes) > 0 || c.folding || len(k.args) > 1 {
		return node{}, false
	}
	switch name {
	case "$flagd.flagKey":
		n = constant(textValue(c.key))
		// Not folded into what uses it: the engine reads it as it does any attribute.
		flagKey := n.value
		n = node{cost: 1, keyed: true, eval: func(*Context) value { return flagKey }}
	case "$flagd.timestamp":
		c.usesTime = true
		n = node{cost: 1, eval: func(c *Context) value { return numberValue(float64(c.now)) }}
	default:
		return node{}, false
	}
	c.read(name, n)
	return n, true
}

// computedAttribute compiles a var whose name is the result of a rule: then any attribute may be read.
func (c *compiler) computedAttribute(k call) (node, error) {
	parts := make([]node, len(k.args))
	for i, arg := range k.args {
		n, err := c.rule(arg, k.depth+1)
		if err != nil {
			return node{}, err
		}
		parts[i] = n
	}
	look := c.lookUp()
	if !k.listed || len(parts) == 1 && c.interpreted { // a list gives name and default
		compute := parts[0].compute()
		return node{keyed: true, eval: func(c *Context) value {
			name, other := compute(c), value{}
			if name.kind == list {
				items := name.items()
				name = value{}
				if len(items) > 0 {
					name = items[0]
				}
				if len(items) > 1 {
					other = items[1]
				}
			}
			if v, present := look(c, name); present {
				return v
			}
			return other
		}}.of(parts...), nil
	}
	compute := parts[0].compute()
	other := func(*Context) value { return value{} }
	if len(parts) > 1 {
		other = parts[1].compute()
	}
	return node{keyed: true, eval: func(c *Context) value {
		name, d := compute(c), other(c)
		if v, present := look(c, name); present {
			return v
		}
		return d
	}}.of(parts...), nil
}

// lookUp gives what reads any name at the time of evaluation. From then on contexts keep all attributes.
func (c *compiler) lookUp() func(c *Context, name value) (value, bool) {
	key, scopes := c.key, slices.Clone(c.scopes)
	folding := c.folding
	if !folding {
		c.paths.whole, c.usesTime = true, true
	}
	data := func(c *Context, level int) value {
		if folding && level == 0 { // the engine has an empty object there
			return objectValue(nil)
		}
		return c.level(key, level)
	}
	return func(c *Context, name value) (value, bool) {
		path := ""
		if name.kind != null {
			path = name.toText()
		}
		level := len(scopes)
		v := data(c, level)
		for level >= 0 && strings.HasPrefix(path, above) {
			if level == 0 {
				break
			}
			path = path[len(above):]
			f := &c.frames[len(c.frames)-len(scopes)+level-1]
			around := scopes[level-1].around
			if level--; strings.HasPrefix(path, above) {
				path = path[len(above):]
				v = data(c, level)
				continue
			}
			switch around {
			case elementAndList:
				v = objectValue(map[string]value{"index": numberValue(float64(f.index)), "iterator": f.over})
			case onlyList:
				v = f.over
			case nothing:
				return value{}, false
			}
			break
		}
		if path == "" {
			return v, true
		}
		return v.walk(splitPath(path), strictWalk)
	}
}

// level is the data of the list operators around, counted from the outside; 0 is the context.
func (c *Context) level(flagKey string, level int) value {
	if level > 0 {
		return c.frames[level-1].all()
	}
	if c.full.epoch == c.epoch && c.fullKey == flagKey {
		return c.full.value
	}
	all := map[string]value{"$flagd": c.added(flagKey)}
	if len(c.slots) > 0 {
		if root := c.get(rootSlot); root.whole != nil {
			for name, v := range root.whole.members {
				if name != "$flagd" {
					all[name] = v
				}
			}
		}
	}
	c.full, c.fullKey = slot{epoch: c.epoch, value: objectValue(all)}, flagKey
	return c.full.value
}
