package template

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/strict"
)

// Validate tells what is wrong with the fields of a request, one finding a field, in the order of the form. It is the
// check "schema" as far as fields go. Defaults are not filled in: call Fill first.
func (d Document) Validate(fields map[string]any) []fault.Finding {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("template.json", normal(d.schema())); err != nil {
		return []fault.Finding{strict.Finding("fields", "bad_template", "ask an administrator", "the template cannot be used: %v", err)}
	}
	schema, err := compiler.Compile("template.json")
	if err != nil {
		return []fault.Finding{strict.Finding("fields", "bad_template", "ask an administrator", "the template cannot be used: %v", err)}
	}
	if fields == nil {
		fields = map[string]any{}
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](schema.Validate(normal(fields)))
	if !ok {
		return nil
	}
	t := &translator{doc: d, fields: fields, byField: map[string]fault.Finding{}}
	t.walk(invalid)
	return t.sorted()
}

// normal makes of any JSON-like value one of the types that encoding/json decodes to.
func normal(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, inner := range value {
			out[name] = normal(inner)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, inner := range value {
			out[i] = normal(inner)
		}
		return out
	case []string:
		return choices(value)
	}
	return value
}

// translator turns the errors of the schema library into words for the person who fills in the form.
type translator struct {
	doc     Document
	fields  map[string]any
	byField map[string]fault.Finding
}

func (t *translator) walk(e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			t.walk(cause)
		}
		return
	}
	if len(e.InstanceLocation) > 0 {
		t.wrong(e.InstanceLocation[0], e.ErrorKind)
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			t.missing(name)
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties[:min(len(k.Properties), strict.MaxFindings)] {
			t.unknown(name)
		}
	}
}

func (t *translator) add(name string, f fault.Finding) {
	f.Severity, f.Field = fault.SeverityError, "fields."+name
	if before, ok := t.byField[name]; ok && (before.Code == "blank" || before.Code == "missing" || f.Code != "blank") {
		return
	}
	t.byField[name] = f
}

func (t *translator) sorted() []fault.Finding {
	order := map[string]int{}
	for i, name := range t.doc.Fields.Names() {
		order[name] = i + 1
	}
	var findings []fault.Finding
	for _, name := range slices.SortedFunc(maps.Keys(t.byField), func(a, b string) int {
		return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b))
	}) {
		findings = append(findings, t.byField[name])
	}
	return findings[:min(len(findings), strict.MaxFindings)]
}

// setTo is the patch that gives the field a value; an add replaces what is there (RFC 6902, 4.1).
func setTo(name string, value any) []fault.Patch {
	escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	return []fault.Patch{{Op: "add", Path: "/fields/" + escaped, Value: value}}
}

// mend offers the field's default, where it has one.
func (t *translator) mend(name, fix string) (string, []fault.Patch) {
	if value := t.doc.Fields[name].Default; value != nil {
		return fmt.Sprintf("%s; the usual value is %s", fix, words(value)), setTo(name, value)
	}
	return fix, nil
}

func (t *translator) missing(name string) {
	label := t.doc.Label(name)
	fix, patch := t.mend(name, "Fill in "+label)
	t.add(name, fault.Finding{Code: "missing", Message: label + " is missing", Remediation: fix, Patch: patch})
}

func (t *translator) unknown(name string) {
	fix := "Remove it"
	patch := []fault.Patch{{Op: "remove", Path: "/fields/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)}}
	if near := fault.Nearest(name, t.doc.Fields.Names()); len(near) > 0 {
		fix, patch = fmt.Sprintf("Did you mean %s?", near[0]), nil
	}
	t.add(name, fault.Finding{
		Code: "unknown_field", Message: fmt.Sprintf("The template %s has no field %q", t.doc.DisplayName, name),
		Remediation: fix, Patch: patch,
	})
}

func (t *translator) wrong(name string, problem jsonschema.ErrorKind) {
	f := t.doc.Fields[name]
	label, is := t.doc.Label(name), words(t.fields[name])
	out := fault.Finding{Code: "bad_value", Message: fmt.Sprintf("%s must be %s, is %s", label, types[f.Type].words, is)}
	out.Remediation, out.Patch = t.mend(name, fmt.Sprintf("Give %s", types[f.Type].words))
	bound := func(code, words string, limit *big.Rat) {
		n, _ := limit.Float64()
		out.Code, out.Message = code, fmt.Sprintf("%s must be %s %s, is %s", label, words, number(n), is)
		out.Remediation, out.Patch = fmt.Sprintf("Set %s to %s", label, orBeyond(code, n)), setTo(name, n)
	}
	count := func(code, words string, limit, got int) {
		unit := "characters"
		if f.Type == "list" {
			unit = "entries"
		}
		out.Code, out.Message = code, fmt.Sprintf("%s must have %s %d %s, has %d", label, words, limit, unit, got)
		out.Remediation, out.Patch = fmt.Sprintf("Use %s %d %s", words, limit, unit), nil
	}
	switch k := problem.(type) {
	case *kind.Maximum:
		bound("too_large", "at most", k.Want)
	case *kind.Minimum:
		bound("too_small", "at least", k.Want)
	case *kind.MaxLength:
		count("too_long", "at most", k.Want, k.Got)
	case *kind.MinLength:
		count("too_short", "at least", k.Want, k.Got)
	case *kind.MaxItems:
		count("too_long", "at most", k.Want, k.Got)
	case *kind.MinItems:
		count("too_short", "at least", k.Want, k.Got)
	case *kind.UniqueItems:
		out.Message, out.Remediation = label+" has an entry twice", "Keep each entry once"
	case *kind.Type:
		out.Code = "wrong_type"
	case *kind.Enum:
		list := strings.Join(f.shown(), ", ")
		out.Message = fmt.Sprintf("%s must be one of %s, is %s", label, list, is)
		out.Remediation, out.Patch = t.mend(name, "Choose one of "+list)
	case *kind.Pattern:
		t.pattern(&out, label, f, k.Want)
	}
	t.add(name, out)
}

func (t *translator) pattern(out *fault.Finding, label string, f Field, want string) {
	switch want {
	case notBlank:
		out.Code, out.Message, out.Remediation = "blank", label+" must not be blank", "Fill in "+label
	case oneLine, manyLines:
		out.Code, out.Message = "invalid_text", label+" contains an invisible character"
		out.Remediation, out.Patch = "Type it anew instead of pasting it", nil
	case f.Pattern:
		out.Message = fmt.Sprintf("%s does not have the form that is asked for: %s", label, f.Pattern)
		if f.Help != "" {
			out.Message = fmt.Sprintf("%s does not have the form that is asked for", label)
			out.Remediation = f.Help
		}
	}
}

// shown gives the choices as the form shows them.
func (f Field) shown() []string {
	shown := slices.Clone(f.Values)
	for i, value := range shown {
		if title, ok := f.Titles[value]; ok {
			shown[i] = title
		}
	}
	return shown
}

func number(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.6f", n), "0"), ".")
}

func orBeyond(code string, n float64) string {
	if code == "too_large" {
		return number(n) + " or less"
	}
	return number(n) + " or more"
}
