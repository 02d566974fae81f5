package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/soukhq/souk/internal/fault"
)

// Exception is one use of an exception: what a rule said of a request, and what its policy took back until the end of a day.
type Exception struct {
	Policy  string
	Rule    string
	Owner   string // who answers for it: whoever put the policy; empty in a check of files, where nobody has put it yet
	Expires string // the last day that it counts, such as 2027-01-31
}

// term is how long the exceptions of a module count: until the earliest day that one of its rules named exception has in its
// annotation, as custom.expires. conftest reads over it.
type term struct {
	expires time.Time // zero: a rule has no day, so that none of them counts
	line    int       // of the first rule
}

// termOf reads the term of a module's exceptions; nil if it has none.
func termOf(source string, version ast.RegoVersion, rules []*ast.Rule) *term {
	var out *term
	for _, rule := range rules {
		if nameOfRule(rule) == exception && len(rule.Head.Args) == 0 && out == nil {
			out = &term{line: lineOf(rule.Location)}
		}
	}
	if out == nil {
		return nil
	}
	annotated, err := ast.ParseModuleWithOpts("", source, ast.ParserOptions{RegoVersion: version, Capabilities: capabilities(), ProcessAnnotation: true})
	if err != nil {
		return out // an annotation that cannot be read names no day
	}
	for _, rule := range annotated.Rules {
		if nameOfRule(rule) != exception || rule.Default {
			continue
		}
		day, ok := dayOf(rule.Annotations)
		if !ok {
			return &term{line: lineOf(rule.Location)}
		}
		if out.expires.IsZero() || day.Before(out.expires) {
			out.expires = day
		}
	}
	return out
}

func dayOf(annotations []*ast.Annotations) (time.Time, bool) {
	for _, a := range annotations {
		switch day := a.Custom["expires"].(type) {
		case time.Time: // YAML has dates
			return day.UTC().Truncate(24 * time.Hour), true
		case string:
			at, err := time.Parse(time.DateOnly, day)
			return at, err == nil
		}
	}
	return time.Time{}, false
}

// void says why the exceptions of a module do not count; empty if they do.
func (m Module) void(about Subject, now time.Time) string {
	switch t := m.term; {
	case about != Requests:
		return "exceptions count for requests only, where each use is recorded"
	case t.expires.IsZero():
		return "it names no day on which it ends"
	case !now.Before(t.expires.AddDate(0, 0, 1)):
		return "it ended on " + t.expires.Format(time.DateOnly)
	case m.Owner == "" && m.Origin != Local:
		return "nobody owns the policy"
	}
	return ""
}

// excepted reports whether what a module says of exceptions names the rule, as conftest reads it: some member of some member is the
// name of the rule without deny, violation or warn.
func excepted(value any, rule string) bool {
	name := rule
	switch rule {
	case "deny", "violation", "warn":
		name = ""
	default:
		for _, prefix := range []string{"violation_", "deny_", "warn_"} {
			name = strings.TrimPrefix(name, prefix)
		}
	}
	for _, rules := range membersOf(value) {
		for _, one := range membersOf(rules) {
			if one == any(name) {
				return true
			}
		}
	}
	return false
}

func membersOf(value any) (members []any) {
	switch value := value.(type) {
	case []any:
		return value
	case map[string]any:
		for _, one := range value {
			members = append(members, one)
		}
	}
	return members
}

// takenBack makes of what a rule said a finding that the exception was used or, where it does not count, that it was not.
func takenBack(j judge, rule string, said []fault.Finding, now time.Time) (instead []fault.Finding, use *Exception) {
	m := j.module
	if why := m.void(j.about, now); why != "" {
		return append(said, fault.Finding{
			Severity: fault.SeverityWarning, Code: "exception_void", Message: fmt.Sprintf("An exception of the policy %s does not count: %s", m.Name, why),
			Remediation: "This is not yours to fix: " + whomToAsk(m),
		}), nil
	}
	use = &Exception{Policy: m.Name, Rule: rule, Owner: m.Owner, Expires: m.term.expires.Format(time.DateOnly)}
	by := ""
	if use.Owner != "" {
		by = use.Owner + " answers for it; "
	}
	f := said[0]
	f.Severity, f.Code, f.Patch = fault.SeverityInfo, "excepted", nil
	f.Message = clean(fmt.Sprintf("Until %s an exception of the policy %s lets pass: %s", use.Expires, m.Name, f.Message), 500)
	f.Remediation = by + "the use is recorded"
	return []fault.Finding{f}, use
}
