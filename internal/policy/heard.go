package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/soukhq/souk/internal/fault"
)

// Rules are heard as conftest 0.71 hears them: by the same names, and of what they say only the members of a set or a list that are
// texts, or objects with a msg. On top of that a policy is asked allow, which conftest never asks.

// The names that policies speak by. allow stands apart: it says yes or no, and is explained.
var (
	refusing = regexp.MustCompile(`^(deny|violation)(_[a-zA-Z0-9]+)*$`)
	warning  = regexp.MustCompile(`^warn(_[a-zA-Z0-9]+)*$`)
)

const (
	allow     = "allow"
	exception = "exception" // takes back what rules say
)

// spokenBy reports whether rules of this name are heard, and how severe what they say is.
func spokenBy(name string) (severity fault.Severity, heard bool) {
	switch {
	case refusing.MatchString(name):
		return fault.SeverityError, true
	case warning.MatchString(name):
		return fault.SeverityWarning, true
	}
	return "", false
}

// voices returns the names of the rules that a module speaks by: what refuses before what warns, allow last.
func voices(m *ast.Module) []string {
	rank := func(name string) int {
		switch severity, _ := spokenBy(name); severity {
		case fault.SeverityError:
			return 0
		case fault.SeverityWarning:
			return 1
		case fault.SeverityInfo:
		}
		return 2
	}
	var names []string
	for _, rule := range m.Rules {
		name := string(rule.Head.Name) // empty where a longer path is given, which conftest does not look at
		if _, heard := spokenBy(name); !heard && name != allow || slices.Contains(names, name) || len(rule.Head.Args) > 0 {
			continue
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// deaf finds a rule such as deny[msg] if { … }: in Rego v1 it makes an object where a set is meant, of which nothing would be heard.
// conftest uses no module that has one, and no policy that has one is used here.
func deaf(m *ast.Module) error {
	for _, rule := range m.Rules {
		if rule.Head.Name != "" || rule.Head.Value == nil || len(rule.Head.Reference) == 0 || rule.Head.Value.String() != "true" {
			continue
		}
		name, _ := rule.Head.Reference[0].Value.(ast.Var)
		if _, heard := spokenBy(string(name)); heard {
			return ast.Errors{ast.NewError(ast.ParseErr, rule.Location, "nothing would be heard of %s, which uses if without contains: write %s contains msg if { … }",
				rule.Head.Ref(), name)}
		}
	}
	return nil
}

// spokenFunction finds a function with the name of a rule that is heard. Here it can only be called, but conftest asks it, and fails.
func spokenFunction(m *ast.Module) error {
	for _, rule := range m.Rules {
		if _, heard := spokenBy(string(rule.Head.Name)); heard && len(rule.Head.Args) > 0 {
			return ast.Errors{ast.NewError(ast.ParseErr, rule.Location, "%s is a function, at which conftest fails since it asks all rules of such names: give it another name",
				rule.Head.Name)}
		}
	}
	return nil
}

// spoken turns what a rule says into findings. An object without a msg is an error of the policy, also where the rule only warns.
func spoken(m Module, severity fault.Severity, value any) (findings []fault.Finding, err error) {
	said, _ := value.([]any)
	over := 0
	for _, one := range said {
		f, words, err := worded(m, one)
		switch {
		case err != nil:
			return nil, err
		case !words:
			continue
		case len(findings) == maxFindings:
			over++
			continue
		}
		f.Severity = severity
		findings = append(findings, f)
	}
	if over > 0 {
		findings = append(findings, fault.Finding{
			Severity: severity, Code: m.Name, Message: fmt.Sprintf("The policy %s has %d more findings", m.Name, over), Remediation: "Fix the others first",
		})
	}
	return findings, nil
}

// worded reads one thing that a rule says: a text, or an object with msg and, where wanted, field, remediation, code and patch, beside
// it or in details or metadata. Nothing else has words, nor has an empty text.
func worded(m Module, said any) (f fault.Finding, words bool, err error) {
	f = fault.Finding{Code: m.Name, Remediation: "Change it, or " + whomToAsk(m)}
	switch said := said.(type) {
	case string:
		f.Message = said
	case map[string]any:
		msg, ok := said["msg"].(string)
		if !ok {
			return fault.Finding{}, false, fmt.Errorf("it says an object without a text called msg")
		}
		f.Message = msg
		member := func(name string) any {
			for _, from := range []any{said, said["details"], said["metadata"]} {
				if object, ok := from.(map[string]any); ok && object[name] != nil {
					return object[name]
				}
			}
			return nil
		}
		text := func(name string, most int, otherwise string) string {
			if s, _ := member(name).(string); clean(s, most) != "" {
				return clean(s, most)
			}
			return otherwise
		}
		f.Field = strings.TrimPrefix(text("field", 200, ""), "input.")
		f.Code, f.Remediation, f.Patch = text("code", 100, f.Code), text("remediation", 500, f.Remediation), patches(member("patch"))
	}
	if f.Message == "" {
		return fault.Finding{}, false, nil
	}
	if f.Message = clean(f.Message, 500); f.Message == "" { // it has words, though none that can be shown
		f.Message = fmt.Sprintf("The policy %s refuses this", m.Name)
	}
	return f, true, nil
}

// patches takes the operations that fix what a publisher wrote, and no others.
func patches(value any) []fault.Patch {
	list, _ := value.([]any)
	var all []fault.Patch
	for _, one := range list[:min(len(list), 10)] {
		o, _ := one.(map[string]any)
		op, _ := o["op"].(string)
		path, _ := o["path"].(string)
		if !slices.Contains([]string{"add", "replace", "remove"}, op) || len(path) > 200 ||
			!strings.HasPrefix(path, "/fields/") && !strings.HasPrefix(path, "/app/") && path != "/removal_plan" && path != "/reason" {
			continue
		}
		all = append(all, fault.Patch{Op: op, Path: path, Value: o["value"]})
	}
	return all
}
