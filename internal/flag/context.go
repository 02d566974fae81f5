package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// path is a node of the tree of attribute paths that some rule reads. Each node has a slot.
type path struct {
	slot     int
	children map[string]*path // by name, or by decimal index in a list
}

// clone copies the tree, so that it can grow while others read it.
func (p *path) clone() *path {
	copied := &path{slot: p.slot}
	if p.children != nil {
		copied.children = make(map[string]*path, len(p.children))
		for name, child := range p.children {
			copied.children[name] = child.clone()
		}
	}
	return copied
}

// targetingKeySlot is the slot of targetingKey in every snapshot.
const targetingKeySlot = 1

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
		c.epoch = 1
	}
}

func (c *Context) get(i int) value {
	if s := &c.slots[i]; s.epoch == c.epoch {
		return s.value
	}
	return value{}
}

func (c *Context) put(p *path, v value) { c.slots[p.slot] = slot{epoch: c.epoch, value: v} }

// renew forgets what an earlier member of the same name left below p: the last one counts.
func (c *Context) renew(p *path) {
	if c.slots[p.slot].epoch != c.epoch {
		return
	}
	c.slots[p.slot].epoch = c.epoch - 1
	for _, child := range p.children {
		c.renew(child)
	}
}

// Set fills the context from attributes as Go programs have them: nil, booleans, numbers, strings, time.Time, lists and
// maps of these. Other values count as absent.
func (c *Context) Set(attributes map[string]any) {
	c.clear()
	for name, p := range c.snapshot.paths.children {
		if v, ok := attributes[name]; ok {
			c.set(p, v)
		}
	}
}

func (c *Context) set(p *path, v any) {
	c.put(p, fromGo(v))
	if len(p.children) == 0 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for name, child := range p.children {
			if member, ok := v[name]; ok {
				c.set(child, member)
			}
		}
	case []any:
		for name, child := range p.children {
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
				c.set(child, v[i])
			}
		}
	}
}

func fromGo(v any) value {
	switch v := v.(type) {
	case string:
		return textValue(v)
	case bool:
		return boolValue(v)
	case float64:
		return value{kind: number, num: v}
	case int:
		return value{kind: number, num: float64(v)}
	case int64:
		return value{kind: number, num: float64(v)}
	case json.Number:
		if n, err := v.Float64(); err == nil {
			return value{kind: number, num: n}
		}
	case time.Time:
		return textValue(v.UTC().Format(time.RFC3339Nano))
	case map[string]any:
		return value{kind: object}
	case []string:
		items := make([]value, len(v))
		for i, item := range v {
			items[i] = textValue(item)
		}
		return value{kind: list, items: items}
	case []any:
		items := make([]value, len(v))
		for i, item := range v {
			items[i] = fromGo(item)
		}
		return value{kind: list, items: items}
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
