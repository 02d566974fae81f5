package flag

import "iter"

// Keys gives the keys of all flags, in order.
func (s *Snapshot) Keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range s.order {
			if !yield(f.key) {
				return
			}
		}
	}
}

// TargetingKey is that of the context; empty if it has none.
func (c *Context) TargetingKey() string {
	if v := c.get(targetingKeySlot); v.kind == text {
		return v.text
	}
	return ""
}
