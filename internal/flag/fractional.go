package flag

import (
	"math"

	"github.com/twmb/murmur3"
)

// totalLimit bounds the sum of the weights of a split.
const totalLimit = math.MaxInt32

// split is the operator fractional, second version (https://flagd.dev/reference/specifications/custom-operations/
// fractional-operation-spec/): the 32-bit MurmurHash3 of a key, times the total weight, shifted right by 32, gives a point;
// the first bucket whose cumulative weight is greater has it. While buckets before it keep their weights, a bucket that
// grows only ever gains keys.
type split struct {
	flagKey string
	key     *node // nil: the flag's key and targetingKey, one after the other
	buckets []bucket
	broken  bool // not in a form that has a meaning: the split gives null
}

type bucket struct{ variant, weight node }

// split compiles the arguments of fractional.
func (c *compiler) split(args []any, depth int) (*split, error) {
	s := &split{flagKey: c.key}
	if len(args) > 0 {
		if _, isBucket := args[0].([]any); !isBucket {
			key, err := c.rule(args[0], depth+1)
			if err != nil {
				return nil, err
			}
			s.key, args = &key, args[1:]
		}
	}
	s.broken = len(args) == 0
	for _, arg := range args {
		pair, isList := arg.([]any)
		if !isList || len(pair) == 0 || len(pair) > 2 {
			s.broken = true
			continue
		}
		nodes, err := c.rules(pair, depth+1)
		if err != nil {
			return nil, err
		}
		b := bucket{variant: nodes[0], weight: constant(value{kind: number, num: 1})}
		if len(nodes) == 2 {
			b.weight = nodes[1]
		}
		s.buckets = append(s.buckets, b)
	}
	return s, nil
}

// hash gives the hash of the key; not ok without one.
func (s *split) hash() func(*Context) (uint32, bool) {
	if s.key != nil {
		compute := s.key.compute()
		return func(c *Context) (uint32, bool) {
			key := compute(c)
			return murmur3.StringSum32(key.text), key.kind == text
		}
	}
	flagKey := s.flagKey
	return func(c *Context) (uint32, bool) {
		key := &c.slots[targetingKeySlot]
		if key.epoch != c.epoch || key.value.kind != text || key.value.text == "" {
			return 0, false
		}
		c.scratch = append(append(c.scratch[:0], flagKey...), key.value.text...)
		return murmur3.Sum32(c.scratch), true
	}
}

// weight reads a weight: negative ones count as nothing, and only whole numbers are weights.
func weight(v value) (w uint64, ok bool) {
	if v.kind != number || v.num != math.Trunc(v.num) || v.num > totalLimit {
		return 0, false
	}
	return uint64(max(v.num, 0)), true
}

// cumulate gives the cumulative weights if they are all constant and have a meaning.
func (s *split) cumulate() (cumulative []uint64, ok bool) {
	var total uint64
	for _, b := range s.buckets {
		w, ok := weight(b.weight.value)
		if !b.weight.constant || !ok {
			return nil, false
		}
		total += w
		cumulative = append(cumulative, total)
	}
	return cumulative, total > 0 && total <= totalLimit
}

// place finds the bucket of a hash.
func place(cumulative []uint64, hash uint32) int {
	point := uint64(hash) * cumulative[len(cumulative)-1] >> 32
	for i, upTo := range cumulative {
		if upTo > point {
			return i
		}
	}
	return len(cumulative) - 1
}

// target gives the short way for a split whose variants and weights are constants; nil if it is none.
func (s *split) target(a *answers) func(*Context) *Outcome {
	cumulative, ok := s.cumulate()
	if !ok || s.broken {
		return nil
	}
	outcomes := make([]*Outcome, len(s.buckets))
	for i, b := range s.buckets {
		if !b.variant.constant {
			return nil
		}
		outcomes[i] = a.of(b.variant.value)
	}
	hash, standard := s.hash(), a.standard
	return func(c *Context) *Outcome {
		h, ok := hash(c)
		if !ok {
			return standard
		}
		return outcomes[place(cumulative, h)]
	}
}

// node gives the general way: variants and weights may be rules.
func (s *split) node() node {
	n := node{cost: 1, keyed: true}
	if s.broken {
		return constant(value{})
	}
	if s.key != nil {
		n.cost, n.keyed = n.cost+s.key.cost, s.key.keyed
	}
	variants := make([]func(*Context) value, len(s.buckets))
	weights := make([]func(*Context) value, len(s.buckets))
	for i, b := range s.buckets {
		variants[i], weights[i] = b.variant.compute(), b.weight.compute()
		n.cost += b.variant.cost + b.weight.cost
		n.keyed = n.keyed || b.variant.keyed || b.weight.keyed
	}
	hash := s.hash()
	n.eval = func(c *Context) value {
		h, ok := hash(c)
		if !ok {
			return value{}
		}
		var total uint64
		for _, compute := range weights {
			w, ok := weight(compute(c))
			if !ok {
				return value{}
			}
			total += w
		}
		if total == 0 || total > totalLimit {
			return value{}
		}
		point := uint64(h) * total >> 32
		var upTo uint64
		for i, compute := range weights {
			w, _ := weight(compute(c))
			if upTo += w; upTo > point {
				return variants[i](c)
			}
		}
		return value{}
	}
	return n
}
