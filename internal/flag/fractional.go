package flag

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf16"

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
	general bool // the arguments are no list of buckets after a text: only their values tell whether they have a meaning
	listed  bool
	args    []node
	lost    bool // within a list operator, where the engine throws
}

type bucket struct{ variant, weight node }

// split compiles the arguments of fractional.
func (c *compiler) split(k call) (*split, error) {
	s := &split{flagKey: c.key, listed: k.listed, general: !k.listed || len(k.args) == 0, lost: len(c.scopes) > 0 || c.folding}
	c.intern([]string{"targetingKey"})
	for i, arg := range k.args {
		mark := c.down(k.op, k.step(i))
		pair, isList := arg.([]any)
		if !isList || !k.listed {
			n, err := c.rule(arg, k.depth+1)
			if err != nil {
				return nil, err
			}
			s.args = append(s.args, n)
			s.general = s.general || i > 0
			s.key = &s.args[0]
		} else {
			parts, err := c.elements(pair, k.depth+2)
			if err != nil {
				return nil, err
			}
			s.args = append(s.args, listOf(parts))
			s.general = s.general || len(pair) == 0 || len(pair) > 2
			s.buckets = append(s.buckets, bucketOf(parts))
		}
		c.up(mark)
	}
	return s, nil
}

func bucketOf(parts []node) bucket {
	b := bucket{weight: constant(numberValue(1))}
	if len(parts) > 0 {
		b.variant = parts[0]
	}
	if len(parts) > 1 {
		b.weight = parts[1]
	}
	return b
}

// hash gives the hash of the key; not ok without one.
func (s *split) hash() func(*Context) (uint32, bool) {
	if s.key != nil {
		compute := s.key.compute()
		return func(c *Context) (uint32, bool) {
			key := compute(c)
			return c.hash("", key.text), key.kind == text
		}
	}
	flagKey := s.flagKey
	return func(c *Context) (uint32, bool) {
		key := &c.slots[targetingKeySlot]
		if key.epoch != c.epoch || key.value.falsy() {
			return 0, false
		}
		if key.value.kind != text {
			return c.hash(flagKey, key.value.toText()), true
		}
		return c.hash(flagKey, key.value.text), true
	}
}

// hash is the MurmurHash3 of two texts, one after the other.
func (c *Context) hash(a, b string) uint32 {
	c.scratch = append(append(c.scratch[:0], a...), b...)
	if !isASCII(c.scratch) {
		return hashUnits(utf16.Encode([]rune(string(c.scratch))))
	}
	return murmur3.Sum32(c.scratch)
}

func isASCII(s []byte) bool {
	const high = 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		if binary.LittleEndian.Uint64(s)&high != 0 {
			return false
		}
	}
	for _, b := range s {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// hashUnits is what npm's imurmurhash makes of a text that is not ASCII: MurmurHash3 that mixes UTF-16 units into its
// blocks in place of bytes. flagd's JavaScript engine uses it; the others hash UTF-8.
func hashUnits(units []uint16) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	rest := units
	for ; len(rest) >= 4; rest = rest[4:] {
		top := uint32(rest[3])
		k := uint32(rest[0]) ^ uint32(rest[1])<<8 ^ uint32(rest[2])<<16 ^ (top&0xff)<<24 ^ top>>8
		h ^= bits.RotateLeft32(k*c1, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	var k uint32
	for i, u := range rest {
		k ^= uint32(u) << (8 * i)
	}
	if int32(k) > 0 { //nolint:gosec // a sign is what it looks at
		h ^= bits.RotateLeft32(k*c1, 15) * c2
	}
	h ^= uint32(len(units)) //nolint:gosec // a text is shorter than 4 GB
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// weight reads a weight: negative ones count as nothing, and only whole numbers are weights.
func weight(v value) (w uint64, ok bool) {
	if v.kind != number || v.num != math.Trunc(v.num) || math.IsInf(v.num, 0) || v.num > totalLimit {
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
	if !ok || s.general {
		return nil
	}
	outcomes := make([]*Outcome, len(s.buckets))
	for i, b := range s.buckets {
		if !b.variant.constant || b.variant.value.kind >= list {
			return nil
		}
		outcomes[i] = a.of(b.variant.value)
	}
	hash, standard := s.hash(), a.standard
	if s.key == nil {
		return func(c *Context) *Outcome {
			h, ok := hash(c)
			if !ok {
				return standard
			}
			return outcomes[place(cumulative, h)]
		}
	}
	key, general, lookUp := s.key.compute(), s.values(), a.lookUp()
	return func(c *Context) *Outcome {
		k := key(c)
		switch k.kind {
		case text:
			return outcomes[place(cumulative, c.hash("", k.text))]
		case list: // one more bucket
			return lookUp(general(c))
		case null, boolean, number, object:
		}
		return standard
	}
}

// node gives the general way: variants and weights may be rules.
func (s *split) node(c *compiler) node {
	if s.lost {
		return c.outside(s.args)
	}
	n := node{keyed: true, eval: s.values()}.of(s.args...).of(s.args...) // parts are computed up to twice
	if s.general || c.tracking {
		return n
	}
	type compiled struct {
		variant, weight func(*Context) value
		fixed           bool
	}
	all := make([]compiled, len(s.buckets))
	for i, b := range s.buckets {
		all[i] = compiled{b.variant.compute(), b.weight.compute(), b.variant.constant && b.variant.value.kind < list}
	}
	key, hash, general := s.key, s.hash(), s.values()
	var keyOf func(*Context) value
	if key != nil {
		keyOf = key.compute()
	}
	n.eval = func(c *Context) value {
		if keyOf != nil && keyOf(c).kind == list {
			return general(c)
		}
		h, valid := hash(c)
		var total uint64
		for i := range all { // all of them: one may fail
			if !all[i].fixed && all[i].variant(c).kind >= list {
				valid = false
			}
			w, ok := weight(all[i].weight(c))
			valid = valid && ok
			total += w
		}
		if !valid || total > totalLimit {
			return value{}
		}
		point := uint64(h) * total >> 32
		var upTo uint64
		for i := range all {
			w, _ := weight(all[i].weight(c))
			if upTo += w; upTo > point {
				return all[i].variant(c)
			}
		}
		return value{}
	}
	return n
}

// values is fractional as a function of the values of its arguments, whatever they are.
func (s *split) values() func(*Context) value {
	all := operands(call{listed: s.listed}, s.args)
	flagKey := s.flagKey
	return func(c *Context) value {
		items := all(c)
		if len(items) == 0 {
			return value{}
		}
		key := items[0].text
		if items[0].kind == text {
			items = items[1:]
		} else {
			v := c.get(targetingKeySlot)
			if v.falsy() {
				return value{}
			}
			key = flagKey + v.toText()
		}
		var total uint64
		weights := make([]uint64, len(items))
		for i, item := range items {
			pair := item.items()
			if item.kind != list || len(pair) == 0 || len(pair) > 2 || pair[0].kind >= list {
				return value{}
			}
			weights[i] = 1
			if len(pair) == 2 {
				var ok bool
				if weights[i], ok = weight(pair[1]); !ok {
					return value{}
				}
			}
			total += weights[i]
		}
		if total > totalLimit {
			return value{}
		}
		point := uint64(c.hash("", key)) * total >> 32
		var upTo uint64
		for i, w := range weights {
			if upTo += w; upTo > point {
				return items[i].items()[0]
			}
		}
		return value{}
	}
}
