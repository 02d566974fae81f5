package flag

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestAFaultOfTheCompilerCostsOneFlagItsRule(t *testing.T) {
	t.Parallel()
	c := newCompiler(nil)
	c.paths = nil // which no rule can do
	f := c.flag("f", json.RawMessage(`{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","targeting":{"!":{"var":"a"}}}`), nil)
	if f.static == nil || f.static.Code != ParseError {
		t.Errorf("answers %+v", f.static)
	}
	if len(c.problems) != 1 || !strings.HasPrefix(c.problems[0].Message, compilerFault) || c.problems[0].Remediation == "" {
		t.Errorf("told %+v", c.problems)
	}
}

func TestAFaultOfTheEvaluatorCostsOneAnswer(t *testing.T) {
	t.Parallel()
	a := answers{compiler: newCompiler(nil), key: "f"}
	target := guarded(func(c *Context) *Outcome {
		c.frames = append(c.frames, frame{})
		panic("out of range")
	}, &a)
	c := (&Snapshot{paths: &path{}, slots: 1}).Context(time.Unix(0, 0))
	if o := target(c); o.Code != General || o.Details != troubles[faulty] || len(o.JSON) == 0 {
		t.Errorf("answers %+v", o)
	}
	if len(c.frames) != 0 {
		t.Error("the element that a list operator was at is left behind")
	}
}
