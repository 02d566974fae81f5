package flag

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Explanation tells how an answer came about, in the order in which the rule was walked.
type Explanation struct {
	Key          string          `json:"key"`
	Value        json.RawMessage `json:"value,omitempty" doc:"Absent: the application's own default counts"`
	Variant      string          `json:"variant,omitempty"`
	Reason       Reason          `json:"reason" doc:"STATIC, TARGETING_MATCH, DEFAULT, DISABLED or ERROR"`
	ErrorCode    ErrorCode       `json:"error_code,omitempty"`
	ErrorDetails string          `json:"error_details,omitempty"`

	Matched    *Place      `json:"matched,omitempty" doc:"The condition whose branch gave the answer; absent if none did"`
	Conditions []Condition `json:"conditions" doc:"Conditions of if that were asked"`
	Splits     []Share     `json:"splits" doc:"Splits by percentage that were asked"`
	Evaluators []Used      `json:"evaluators" doc:"Shared rules that were used"`
	Truncated  bool        `json:"truncated,omitempty" doc:"The rule took more steps than are shown"`
}

// Place is where a part of a rule stands.
type Place struct {
	Evaluator string `json:"evaluator,omitempty" doc:"The shared rule that it is part of; empty for the flag's own targeting"`
	Path      string `json:"path" doc:"JSON pointer (RFC 6901) into that rule, such as /if/0"`
}

// Condition is a condition of an if that was asked.
type Condition struct {
	Place
	Rule       json.RawMessage `json:"rule" doc:"The condition in JSON Logic"`
	Holds      bool            `json:"holds"`
	Attributes []Read          `json:"attributes" doc:"Attributes that the condition reads, in order of appearance"`
}

// Read is an attribute as a rule saw it.
type Read struct {
	Name    string          `json:"name" doc:"Such as user.plan"`
	Present bool            `json:"present"`
	Value   json.RawMessage `json:"value,omitempty"`
}

// Share is a split by percentage that was asked. Percentages are of the total weight.
type Share struct {
	Place
	BucketBy string   `json:"bucket_by" doc:"The text that was hashed; empty if there was none"`
	Point    *float64 `json:"point,omitempty" doc:"Where the hash of that text lies, from 0 up to 100; absent if the split gave nothing"`
	Buckets  []Range  `json:"buckets"`
	Chosen   int      `json:"chosen" doc:"Position in buckets; -1 if the split gave nothing"`
}

// Range is a bucket: those whose point is at least From and less than To.
type Range struct {
	Variant json.RawMessage `json:"variant" doc:"What the bucket gives, mostly the name of a variant"`
	Weight  float64         `json:"weight"`
	From    float64         `json:"from"`
	To      float64         `json:"to"`
}

// Used is a shared rule that was used and what it gave: any JSON within a rule, the name of a variant where it is the rule.
type Used struct {
	Name string          `json:"name"`
	Gave json.RawMessage `json:"gave"`
}

// traceLimit bounds each list of an explanation.
const traceLimit = 500

// trace records what the rule of one flag does, which is compiled for that purpose alone.
type trace struct {
	to        *Explanation
	at        []string // where the part that is being compiled stands
	evaluator string   // in which shared rule
	reads     []reading
}

type reading struct {
	name    string
	compute func(*Context) value
}

// Explain tells how the flag's answer for these attributes comes about; false if there is no such flag. The answer is that
// of Evaluate. It compiles the flag anew and is meant for people, not for traffic.
func (s *Snapshot) Explain(key string, attributes map[string]any, now time.Time) (Explanation, bool) {
	f, ok := s.flags[key]
	if !ok {
		return Explanation{}, false
	}
	c := s.Context(now)
	defer c.Release()
	c.Set(attributes)
	o := f.evaluate(s, c)
	e, _ := s.traced(f, attributes, now)
	e.Key, e.Value, e.Variant, e.Reason, e.ErrorCode, e.ErrorDetails = key, o.Raw, o.Variant, o.Reason, o.Code, o.Details
	return e, true
}

// traced compiles a flag that tells what it does, and gives what that told and its answer. Where a constant part of the rule
// cannot be computed, that answer may be another than the flag's.
func (s *Snapshot) traced(f *compiled, attributes map[string]any, now time.Time) (Explanation, *Outcome) {
	e := Explanation{Conditions: []Condition{}, Splits: []Share{}, Evaluators: []Used{}}
	c := newCompiler(s.evaluators)
	c.trace = &trace{to: &e}
	traced := c.flag(f.key, f.raw, s.metadata)
	alone, _ := c.finish(&Snapshot{})
	context := alone.Context(now)
	context.Set(attributes)
	o := traced.evaluate(alone, context)
	return e, o
}

// down notes that the compiler goes on to an argument of an operation, or to its only one if i is negative; up takes that back.
func (c *compiler) down(op string, i int) (mark int) {
	if c.trace == nil {
		return 0
	}
	mark = len(c.trace.at)
	c.trace.at = append(c.trace.at, op)
	if i >= 0 {
		c.trace.at = append(c.trace.at, strconv.Itoa(i))
	}
	return mark
}

func (c *compiler) up(mark int) {
	if c.trace != nil {
		c.trace.at = c.trace.at[:mark]
	}
}

// place is where the compiler stands.
func (t *trace) place() Place {
	var path strings.Builder
	for _, name := range t.at {
		path.WriteByte('/')
		path.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return Place{Evaluator: t.evaluator, Path: path.String()}
}

// read notes that the part being compiled reads an attribute.
func (c *compiler) read(name string, n node) {
	if c.trace != nil && !c.folding {
		c.trace.reads = append(c.trace.reads, reading{name, n.compute()})
	}
}

// asks notes a condition whose reads are those since from.
func (c *compiler) asks(x any, from int, test func(*Context) bool) func(*Context) bool {
	t := c.trace
	if t == nil || len(c.scopes) > 0 {
		return test
	}
	var reads []reading
	for _, r := range t.reads[from:] {
		if !slices.ContainsFunc(reads, func(known reading) bool { return known.name == r.name }) {
			reads = append(reads, r)
		}
	}
	condition := Condition{Place: t.place(), Rule: encode(x)}
	return func(c *Context) bool {
		holds := test(c)
		asked := condition
		asked.Holds, asked.Attributes = holds, []Read{}
		prev := c.prev
		defer func() { c.prev = prev }()
		for _, r := range reads {
			v := r.compute(c)
			read := Read{Name: r.name, Present: v.kind != null}
			if read.Present {
				read.Value = encode(v.plain())
			}
			asked.Attributes = append(asked.Attributes, read)
		}
		t.to.Conditions = kept(t, t.to.Conditions, asked)
		return holds
	}
}

// kept appends up to the limit.
func kept[T any](t *trace, all []T, one T) []T {
	if len(all) >= traceLimit {
		t.to.Truncated = true
		return all
	}
	return append(all, one)
}

// matches gives what notes that the branch of the condition here is taken.
func (c *compiler) matches() func(target func(*Context) *Outcome) func(*Context) *Outcome {
	t := c.trace
	if t == nil {
		return func(target func(*Context) *Outcome) func(*Context) *Outcome { return target }
	}
	place := t.place()
	return func(target func(*Context) *Outcome) func(*Context) *Outcome {
		return func(c *Context) *Outcome {
			t.to.Matched = &place
			return target(c)
		}
	}
}

// readings is how many attributes were read so far.
func (c *compiler) readings() int {
	if c.trace == nil {
		return 0
	}
	return len(c.trace.reads)
}

// uses notes a shared rule within a rule.
func (c *compiler) uses(name string, n node) node {
	t := c.trace
	if t == nil || len(c.scopes) > 0 {
		return n
	}
	compute := n.compute()
	traced := n
	traced.constant, traced.slot, traced.test, traced.word = false, 0, nil, nil
	traced.eval = func(c *Context) value {
		v := compute(c)
		t.to.Evaluators = kept(t, t.to.Evaluators, Used{Name: name, Gave: encode(v.plain())})
		return v
	}
	return traced
}

// usesTarget notes a shared rule that gives the variant.
func (c *compiler) usesTarget(name string, target func(*Context) *Outcome) func(*Context) *Outcome {
	t := c.trace
	if t == nil {
		return target
	}
	return func(c *Context) *Outcome {
		o := target(c)
		gave := json.RawMessage("null")
		if o.HasValue && o.Reason == TargetingMatch {
			gave = encode(o.Variant)
		}
		t.to.Evaluators = kept(t, t.to.Evaluators, Used{Name: name, Gave: gave})
		return o
	}
}

// divides notes what a split does.
func (c *compiler) divides(s *split, n node) node {
	t := c.trace
	if t == nil || s.lost || s.general {
		return n
	}
	place, compute := t.place(), n.compute()
	traced := n
	traced.eval = func(c *Context) value {
		gave := compute(c)
		prev := c.prev // which showing the parts moves
		t.to.Splits = kept(t, t.to.Splits, s.share(c, place, gave))
		c.prev = prev
		return gave
	}
	return traced
}

// share shows what a split did in this context.
func (s *split) share(c *Context, at Place, gave value) Share {
	share := Share{Place: at, Chosen: -1, Buckets: []Range{}}
	if s.key != nil {
		share.BucketBy = s.key.compute()(c).text
	} else if key := c.get(targetingKeySlot); !key.falsy() {
		share.BucketBy = s.flagKey + key.toText()
	}
	var cumulative []uint64
	var total uint64
	for _, b := range s.buckets {
		w, _ := weight(b.weight.compute()(c))
		total += w
		cumulative = append(cumulative, total)
		share.Buckets = append(share.Buckets, Range{Variant: encode(b.variant.compute()(c).plain()), Weight: float64(w)})
	}
	from := 0.0
	for i := range share.Buckets {
		r := &share.Buckets[i]
		r.From, r.To = from, float64(cumulative[i])*100/float64(max(total, 1))
		from = r.To
	}
	if h, ok := s.hash()(c); ok && total > 0 && gave.kind != null {
		point := float64(h) * 100 / (1 << 32)
		share.Point, share.Chosen = &point, place(cumulative, h)
	}
	return share
}
