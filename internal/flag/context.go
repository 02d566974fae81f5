package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// path is a node of the tree of attribute paths that some rule reads. Each node has a slot.
type path struct {
	name     string
	slot     int
	idle     bool             // no rule reads it
	loose    int              // a second slot, for rules that read what stands in the way instead (see attribute); 0 if none does
	whole    bool             // a rule looks inside, so that members and elements without a path of their own are kept
	children map[string]*path // by name, or by decimal index in a list
	list     []*path          // the same children
}

// child gives a child, made with the next slot if there is none yet.
func (p *path) child(name string, slots *int) *path {
	if known := p.children[name]; known != nil {
		return known
	}
	if p.children == nil {
		p.children = map[string]*path{}
	}
	made := &path{name: name, slot: *slots}
	*slots++
	p.children[name] = made
	p.list = append(p.list, made)
	return made
}

// clone copies the tree, so that it can grow while others read it.
func (p *path) clone() *path {
	copied := &path{name: p.name, slot: p.slot, idle: p.idle, loose: p.loose, whole: p.whole}
	if len(p.list) > 0 {
		copied.children, copied.list = make(map[string]*path, len(p.list)), make([]*path, len(p.list))
		for i, child := range p.list {
			copied.list[i] = child.clone()
			copied.children[child.name] = copied.list[i]
		}
	}
	return copied
}

// Slots that every snapshot has: of the whole context, where a rule reads it, and of targetingKey.
const (
	rootSlot         = 0
	targetingKeySlot = 1
)

type slot struct {
	epoch uint32 // the slot is set if this is the context's epoch
	value value
}

// Context is a caller's attributes, as far as the rules of one Snapshot read them; all others were dropped when it was
// filled. It comes from Snapshot.Context and goes back with Release. It is not safe for concurrent use.
type Context struct {
	snapshot *Snapshot
	epoch    uint32
	slots    []slot
	scratch  []byte
	now      int64 // $flagd.timestamp, in seconds

	full    slot // all of it with $flagd, once a rule reads that, for the flag fullKey
	fullKey string

	// Of the rule being evaluated.
	trouble trouble
	work    int
	prev    value   // see compiler.tracking
	frames  []frame // what var reads within list operators, innermost last
}

// Context gives an empty context for this snapshot, to be filled by Set or Parse.
func (s *Snapshot) Context(now time.Time) *Context {
	c, ok := s.pool.Get().(*Context)
	if !ok {
		c = &Context{snapshot: s, slots: make([]slot, s.slots)}
	}
	c.clear()
	c.now = now.Unix()
	return c
}

// Release gives the context back. It must not be used afterwards.
func (c *Context) Release() { c.snapshot.pool.Put(c) }

// clear forgets all attributes at once, by moving on to the next epoch.
func (c *Context) clear() {
	c.epoch++
	if c.epoch == 0 { // wrapped around: very old slots would look set
		clear(c.slots)
		c.full = slot{}
		c.epoch = 1
	}
}

func (c *Context) get(i int) value {
	if s := &c.slots[i]; s.epoch == c.epoch {
		return s.value
	}
	return value{}
}

// put sets the slots of a path, but not those below it, save where a value that is no object stands in their way.
func (c *Context) put(p *path, v value) {
	c.slots[p.slot] = slot{epoch: c.epoch, value: v}
	if p.loose != 0 {
		c.slots[p.loose] = slot{epoch: c.epoch, value: v}
	}
	if len(p.list) > 0 && v.kind != null && v.falsy() {
		c.block(p, v)
	}
}

// block sets the loose slots below a value such as 0 or "", on which they end.
func (c *Context) block(p *path, v value) {
	for _, child := range p.list {
		if child.loose != 0 {
			c.slots[child.loose] = slot{epoch: c.epoch, value: v}
		}
		c.block(child, v)
	}
}

// spread sets the slots of a path and of all below it.
func (c *Context) spread(p *path, v value) {
	for _, child := range p.list {
		if m, ok := v.member(child.name); ok {
			c.spread(child, m)
		}
	}
	c.put(p, v) // last, since it may stand in the way
}

// renew forgets what an earlier member of the same name left below p: the last one counts.
func (c *Context) renew(p *path) {
	if c.slots[p.slot].epoch != c.epoch && (p.loose == 0 || c.slots[p.loose].epoch != c.epoch) {
		return
	}
	c.slots[p.slot].epoch = c.epoch - 1
	if p.loose != 0 {
		c.slots[p.loose].epoch = c.epoch - 1
	}
	for _, child := range p.list {
		c.renew(child)
	}
}

// Set fills the context from attributes as Go programs have them: nil, booleans, numbers, strings, time.Time, lists and
// maps of these. Other values count as null, and so does what nests deeper than a request's body may.
func (c *Context) Set(attributes map[string]any) {
	c.clear()
	paths := c.snapshot.paths
	if paths.whole {
		c.spread(paths, fromGo(attributes, true, 0))
		return
	}
	for _, p := range paths.list {
		if p.idle {
			continue
		}
		v, ok := attributes[p.name]
		if !ok {
			continue
		}
		if word, ok := v.(string); ok && len(p.list) == 0 && p.loose == 0 {
			s := &c.slots[p.slot]
			s.epoch, s.value.kind, s.value.text, s.value.whole = c.epoch, text, word, nil
			continue
		}
		c.set(p, v)
	}
}

func (c *Context) set(p *path, v any) {
	if members, ok := v.(map[string]any); ok && !p.whole {
		c.put(p, value{kind: object, num: float64(min(len(members), 1))})
		for _, child := range p.list {
			if member, ok := members[child.name]; ok {
				c.set(child, member)
			}
		}
		return
	}
	if len(p.list) == 0 {
		c.put(p, fromGo(v, p.whole, 0))
		return
	}
	c.spread(p, fromGo(v, true, 0))
}

// fromGo makes a value of Go's; whole tells whether members of objects are wanted.
func fromGo(v any, whole bool, depth int) value {
	switch v := v.(type) {
	case string:
		return textValue(v)
	case bool:
		return boolValue(v)
	case float64:
		return numberValue(v)
	case int:
		return numberValue(float64(v))
	case map[string]any:
		if !whole {
			return value{kind: object, num: float64(min(len(v), 1))}
		}
		if depth >= depthLimit {
			return value{}
		}
		members := make(map[string]value, len(v))
		for name, member := range v {
			members[name] = fromGo(member, whole, depth+1)
		}
		return objectValue(members)
	case []string:
		items := make([]value, len(v))
		for i, item := range v {
			items[i] = textValue(item)
		}
		return listValue(items)
	case []any:
		if depth >= depthLimit {
			return value{}
		}
		items := make([]value, len(v))
		for i, item := range v {
			items[i] = fromGo(item, whole, depth+1)
		}
		return listValue(items)
	}
	return fromGoRare(v)
}

func fromGoRare(v any) value {
	switch v := v.(type) {
	case int8:
		return numberValue(float64(v))
	case int16:
		return numberValue(float64(v))
	case int32:
		return numberValue(float64(v))
	case int64:
		return numberValue(float64(v))
	case uint:
		return numberValue(float64(v))
	case uint8:
		return numberValue(float64(v))
	case uint16:
		return numberValue(float64(v))
	case uint32:
		return numberValue(float64(v))
	case uint64:
		return numberValue(float64(v))
	case float32:
		return numberValue(float64(v))
	case json.Number:
		if n, err := v.Float64(); err == nil {
			return numberValue(n)
		}
	case time.Time:
		return textValue(v.UTC().Format(time.RFC3339Nano))
	}
	return value{}
}

// Attributes names the attribute paths that the rules read, in order, such as "user.plan".
func (s *Snapshot) Attributes() []string {
	var all []string
	var walk func(prefix string, p *path)
	walk = func(prefix string, p *path) {
		for _, name := range slices.Sorted(maps.Keys(p.children)) {
			all = append(all, prefix+name)
			walk(prefix+name+".", p.children[name])
		}
	}
	walk("", s.paths)
	return all
}

// ContextError is an error of whoever sent a context.
type ContextError struct {
	Code    ErrorCode // ParseError or InvalidContext
	Details string
}

// Error tells the details.
func (e *ContextError) Error() string { return e.Details }

func badContext(code ErrorCode, format string, args ...any) *ContextError {
	return &ContextError{Code: code, Details: fmt.Sprintf(format, args...)}
}
