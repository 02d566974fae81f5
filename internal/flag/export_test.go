package flag

import (
	"encoding/json"
	"time"
)

// What no rule may ever lead to: how the message of a problem begins, and the details of an answer.
var (
	CompilerFault   = compilerFault
	EvaluationFault = troubles[faulty]
)

// Given is what targeting gives, before it becomes the name of a variant.
type Given struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// GivenBy computes a rule for attributes. The error is for a rule that cannot be compiled.
func GivenBy(rule, evaluators string, key, body string, now time.Time) (Given, error) {
	var x any
	if err := json.Unmarshal([]byte(rule), &x); err != nil {
		return Given{}, err
	}
	var shared map[string]json.RawMessage
	if err := json.Unmarshal([]byte(evaluators), &shared); err != nil {
		return Given{}, err
	}
	c := newCompiler(shared)
	c.key = key
	n, err := c.rule(x, 0)
	if err != nil {
		return Given{}, err
	}
	s, _ := c.finish(&Snapshot{})
	context := s.Context(now)
	if err := context.Parse(body); err != nil {
		return Given{}, err
	}
	v := n.compute()(context)
	if len(context.frames) != 0 {
		panic("a list operator left its element behind")
	}
	if context.trouble != noTrouble {
		return Given{Type: "error"}, nil
	}
	given := Given{Type: [...]string{"null", "boolean", "number", "string", "object", "object"}[v.kind]}
	if v.kind != null {
		given.Text = v.toText()
	}
	return given, nil
}

// Traced is the answer of the flag that is compiled to be explained.
func (s *Snapshot) Traced(key string, attributes map[string]any, now time.Time) *Outcome {
	_, o := s.traced(s.flags[key], attributes, now)
	return o
}
