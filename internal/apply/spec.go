package apply

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/strict"
	"github.com/soukhq/souk/internal/template"
)

// environmentSpec is what a document of kind Environment says.
type environmentSpec struct {
	Order    int           `json:"order"`
	Tier     registry.Tier `json:"tier"`
	Governed bool          `json:"governed"`
}

// segmentSpec is what a document of kind Segment says.
type segmentSpec struct {
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Everybody   bool     `json:"everybody"`
	Groups      []string `json:"groups"`
	People      []string `json:"people"`

	Rules []registry.SegmentRule `json:"rules"`
	Match registry.Match         `json:"match"`
}

// policySpec is what a document of kind Policy says: the text of the Rego module.
type policySpec struct {
	Rego string `json:"rego"`
}

// envelope is a document as files write it.
type envelope struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec"`
}

type metadata struct {
	Name string `json:"name"`
}

// wish is a document with its spec read; only the member of its kind is set.
type wish struct {
	Document
	person      access.PersonSpec
	group       access.GroupSpec
	environment environmentSpec
	segment     segmentSpec
	template    template.Document
	policy      policySpec
	module      policy.Module
	lifecycle   lifecycle.Rules
	app         appSpec
	flag        flagSpec
}

// read reads the spec strictly, and tells what keeps it from being used, at paths within the spec. Findings of a bare policy
// name the file with the line.
func (w *wish) read() (findings []fault.Finding) {
	take := strict.Take{Bytes: maxFile}
	switch w.Kind {
	case Person:
		if w.person, findings = strict.Decode[access.PersonSpec](w.Spec, take); len(findings) == 0 {
			_, _, err := access.CheckPerson(w.Name, w.person)
			if findings = findingsOf(err); w.person.Email != "" { // applied again, it would make the person of the old address anew
				findings = append(findings, strict.Finding("email", "not_in_files", "rename the person under Admin → People, then here in metadata.name",
					"a file does not give people other addresses"))
			}
		}
	case Group:
		if w.group, findings = strict.Decode[access.GroupSpec](w.Spec, take); len(findings) == 0 {
			findings = findingsOf(access.CheckGroup(w.Name, w.group))
		}
	case Environment:
		if w.environment, findings = strict.Decode[environmentSpec](w.Spec, take); len(findings) == 0 {
			findings = findingsOf(w.environment.of(w.Name).Check())
		}
	case Segment:
		if w.segment, findings = strict.Decode[segmentSpec](w.Spec, take); len(findings) == 0 {
			findings = findingsOf(w.segment.of(w.Name).Check())
		}
	case Template:
		if w.template, findings = template.Parse(w.Spec); refuse(findings) == nil && w.template.TemplateID != w.Name {
			findings = append(findings, strict.Finding("templateId", "names_differ", "call it the same in both",
				"the template is called %q in its metadata and %q in its templateId", w.Name, w.template.TemplateID))
		}
	case Policy:
		take.AnyText = true // the engine judges its own language
		if w.policy, findings = strict.Decode[policySpec](w.Spec, take); len(findings) == 0 {
			findings = w.readPolicy()
		}
	case Lifecycle:
		if w.Name != defaultLifecycle {
			return []fault.Finding{strict.Finding("", "unknown_lifecycle", "name it "+defaultLifecycle, "there is one Lifecycle, the deployment's")}
		}
		w.lifecycle, findings = lifecycle.ParseRules(bareLifecycle(w.Spec))
		for i := range findings {
			findings[i].Field = strings.TrimPrefix(strings.TrimPrefix(findings[i].Field, "lifecycle"), ".")
		}
	case App, Flag:
		findings = w.readAsked()
	}
	return findings
}

func (w *wish) readPolicy() []fault.Finding {
	file := ""
	if strings.HasSuffix(w.Source, ".rego") {
		file = w.Source
	}
	var err error
	w.module, err = policy.Read(file, w.policy.Rego)
	if err == nil && w.module.Name != w.Name {
		err = fault.New(fault.Invalid, "names_differ", "the policy is called %q, its package is %s", w.Name, w.module.Name).Fix("call it by its package")
	}
	findings := findingsOf(err)
	for i := range findings {
		findings[i].Field = "rego"
		if file == "" {
			findings[i].File = ""
		}
	}
	return findings
}

func (s environmentSpec) of(name string) registry.Environment {
	return registry.Environment{Name: name, Position: s.Order, Tier: s.Tier, Governed: s.Governed}
}

func (s segmentSpec) of(name string) registry.Segment {
	return registry.Segment{
		Name: name, Title: s.Title, Description: s.Description, Everybody: s.Everybody, Groups: s.Groups, People: s.People,
		Rules: s.Rules, Match: s.Match,
	}.Tidy()
}

func specOf(s registry.Segment) segmentSpec {
	s = s.Tidy()
	return segmentSpec{s.Title, s.Description, s.Everybody, s.Groups, s.People, s.Rules, s.Match}
}

// bareLifecycle gives the spec the form that it has in a file of its own.
func bareLifecycle(spec json.RawMessage) json.RawMessage {
	return slices.Concat(json.RawMessage(`{"lifecycle":`), spec, json.RawMessage(`}`))
}

// findingsOf gives the findings of a fault; one that has none is itself the finding.
func findingsOf(err error) []fault.Finding {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return []fault.Finding{{Severity: fault.SeverityError, Code: "internal", Message: err.Error()}}
	}
	if len(f.Findings) > 0 {
		return slices.Clone(f.Findings)
	}
	return []fault.Finding{{Severity: fault.SeverityError, Field: f.Field, Code: f.Code, Message: f.Message, Remediation: f.Remediation}}
}

// meant is the remediation for a word that is not known.
func meant(word string, among []string) string {
	otherwise := "look up the name"
	if sorted := slices.Sorted(slices.Values(among)); len(sorted) > 0 && len(sorted) <= 12 {
		otherwise = "there are " + strings.Join(sorted, ", ")
	}
	return fault.Meant(word, among, otherwise)
}

// refuse makes one fault of all findings; nil if none is an error.
func refuse(findings []fault.Finding) error {
	wrong := slices.DeleteFunc(slices.Clone(findings), func(f fault.Finding) bool { return f.Severity != fault.SeverityError })
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		f := wrong[0]
		return fault.New(fault.Invalid, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation).With(wrong...)
	}
	return fault.New(fault.Invalid, "bad_documents", "%d things are wrong with the documents", len(wrong)).
		Fix("mend each, then apply again; nothing was changed").With(wrong...)
}
