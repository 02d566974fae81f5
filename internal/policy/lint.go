package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// members are those of the input that a policy is asked about.
var members = strings.Fields(`request fields template app flag environment requester dependencies data scan bundle lifecycle audience approval
	templateId requiredChecks`) // the last two say that it is a template file

// Lint returns what of a module nobody hears, what it reads that no request has, and where it is heard otherwise than by conftest. The
// last is only for information. others are the modules beside it, and fields the names of those that templates have; without any they
// are not known. Policies of the standard library and modules of tests are as they are meant.
func Lint(m Module, others []Module, fields []string) []fault.Finding {
	if m.Origin == Standard || m.survey == nil || strings.HasSuffix(m.Name, "_test") {
		return nil
	}
	l := &linter{module: m, others: others}
	l.rules()
	l.inputs(slices.Compact(slices.Sorted(slices.Values(fields))))
	return l.findings
}

type linter struct {
	module   Module
	others   []Module
	findings []fault.Finding
}

func (l *linter) say(severity fault.Severity, line int, code, fix, format string, args ...any) {
	f := fault.Finding{
		Severity: severity, Field: "source", File: strings.TrimPrefix(fmt.Sprintf("%s:%d", l.module.File, line), ":"), Code: code,
		Message: fmt.Sprintf(format, args...), Remediation: fix,
	}
	if !slices.ContainsFunc(l.findings, func(other fault.Finding) bool {
		return other.Code == code && other.Message == f.Message
	}) {
		l.findings = append(l.findings, f)
	}
}

// rules looks at what is heard.
func (l *linter) rules() {
	s := l.module.survey
	heard, tests := false, false
	for _, r := range s.rules {
		_, named := spokenBy(r.name)
		switch {
		case r.silent != "":
			l.say(fault.SeverityWarning, r.line, "not_heard", "write "+r.name+" contains \"…\" if { … }", "%s is never heard, since %s", r.name, r.silent)
		case r.breaks:
			heard = true
			l.say(fault.SeverityWarning, r.line, "no_msg", "give the object a member msg", "%s says an object without msg: where it does, the policy fails, as conftest does", r.name)
		case r.name == allow:
			heard = true
			l.say(fault.SeverityInfo, r.line, "asks_allow", "write deny rules, too, where conftest is to refuse the same",
				"Souk is stricter than conftest here: what allow does not allow is refused, and conftest does not ask it")
		case named:
			heard = true
		case strings.HasPrefix(r.name, "test_"):
			tests = true
		}
	}
	if t := l.module.term; t != nil {
		if judges(l.module.Name) != Requests {
			l.say(fault.SeverityWarning, t.line, "exception_void", "leave it out", "Souk is stricter than conftest here: exceptions count for requests only, where each use is recorded")
		} else if t.expires.IsZero() {
			l.say(fault.SeverityWarning, t.line, "exception_void", "write above each rule named exception the comment # METADATA, then # custom:, then #   expires: 2027-01-31",
				"Souk is stricter than conftest here: an exception without the day on which it ends does not count")
		}
	}
	decides := l.module.Name == riskPackage || l.module.Name == approvalsPackage
	if heard && l.module.Syntax == V0 {
		l.say(fault.SeverityInfo, 1, "older_syntax", "write it in Rego v1, as opa fmt does, to have it beside others", "conftest reads it only with --rego-version v0")
	}
	asked := slices.ContainsFunc(l.others, func(other Module) bool { return other.Name != l.module.Name && other.restsOn(l.module.Name) })
	if decides || asked || tests && !heard {
		return
	}
	for _, r := range s.rules {
		if near := nearVoice(r.name); near != "" && !s.asked[r.name] {
			l.say(fault.SeverityWarning, r.line, "not_heard", near, "%s is never heard, since it is not called deny, violation, warn or allow", r.name)
		}
	}
	if !heard {
		l.say(fault.SeverityWarning, 1, "never_heard", "call a rule deny, violation or warn, or refer to the package from another policy",
			"no rule of %s can ever be heard: it changes nothing", l.module.Name)
	}
}

// nearVoice asks whether a name that is not heard was meant as one that is.
func nearVoice(name string) string {
	if _, heard := spokenBy(name); heard || name == allow || name == exception {
		return ""
	}
	head, rest, suffixed := strings.Cut(name, "_")
	among := []string{"deny", "violation", "warn", allow, exception}
	if suffixed {
		among = among[:3]
	}
	near := fault.Nearest(head, among)
	if len(near) == 0 {
		return ""
	}
	if _, fits := spokenBy(near[0] + "_" + rest); suffixed && fits {
		near[0] += "_" + rest
	}
	return "did you mean " + near[0] + "?"
}

// inputs looks at what is read.
func (l *linter) inputs(fields []string) {
	for _, at := range l.module.survey.inputs {
		switch path := at.path; {
		case len(path) == 0:
		case path[0] == "fields":
			if len(path) > 1 && len(fields) > 0 && !slices.Contains(fields, path[1]) {
				l.say(fault.SeverityWarning, at.line, "unknown_field", fault.Meant(path[1], fields, "give a template such a field, or leave it out"),
					"no template has a field %s, so that input.fields.%s is never there", path[1], path[1])
			}
		case judges(l.module.Name) == Templates: // a template file has members of its own
		case !slices.Contains(members, path[0]):
			fix := fault.Meant(path[0], members, "read one of "+strings.Join(members, ", "))
			if slices.Contains(fields, path[0]) {
				fix = "did you mean input.fields." + path[0] + "?"
			}
			l.say(fault.SeverityWarning, at.line, "unknown_member", fix, "no request has a member %s, so that input.%s is never there", path[0], path[0])
		}
	}
}
