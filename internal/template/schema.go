package template

import (
	"encoding/json"
	"maps"

	"github.com/soukhq/souk/internal/fault"
)

//go:generate go test -run "TestVerdictsThatTheBrowserSharesAreCurrent|TestSchemasOfStartersAreGolden" -update .

// What every text of a field must match besides its own pattern: no control characters and no marks that reorder what is
// shown; and not only blanks, where it is required. The characters stand in the patterns as they are, since RE2 and
// JavaScript escape them differently.
const (
	oneLine     = "^[^\u0000-\u001f\u007f-\u009f" + fault.DeceptiveMarks + "]*$"
	manyLines   = "^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f" + fault.DeceptiveMarks + "]*$"
	notBlank    = "[^\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\u2060\ufeff]"
	schemaDraft = "https://json-schema.org/draft/2020-12/schema"
)

type object = map[string]any

// Schema gives the JSON Schema (2020-12) of the fields, by which browser and server both judge. Beside the standard
// keywords a property has, for the form, x-souk-type (the field type), x-souk-order (its place from 0 on) and, where the
// template says so, x-souk-visible-if and x-souk-value-titles (choices in plain words, by value).
func (d Document) Schema() json.RawMessage {
	raw, err := json.Marshal(d.schema())
	if err != nil {
		panic(err) // made of strings, numbers and JSON values
	}
	return raw
}

func (d Document) schema() object {
	properties, required, conditions := object{}, []any{}, []any{}
	for order, name := range d.Fields.Names() {
		f := d.Fields[name]
		p := d.property(name, f)
		p["x-souk-order"] = order
		properties[name] = p
		switch {
		case len(f.VisibleIf) > 0 && f.Required:
			conditions = append(conditions, condition(name, f.VisibleIf))
		case f.Required || name == "kill_switch" || name == "ttl_days":
			required = append(required, name)
		}
	}
	schema := object{
		"$schema": schemaDraft, "title": d.DisplayName, "description": d.Description, "type": "object",
		"properties": properties, "required": required, "additionalProperties": false,
	}
	if len(conditions) > 0 {
		schema["allOf"] = conditions
	}
	return schema
}

func condition(name string, visibleIf map[string]any) object {
	tests, needs := object{}, []any{}
	for other, value := range visibleIf {
		tests[other] = object{"const": value}
		needs = append(needs, other)
	}
	return object{"if": object{"properties": tests, "required": needs}, "then": object{"required": []any{name}}}
}

func (d Document) property(name string, f Field) object {
	kind := types[f.Type]
	p := object{"type": kind.json, "title": d.Label(name), "x-souk-type": string(f.Type)}
	maps.Copy(p, kind.limits)
	if f.Help != "" {
		p["description"] = f.Help
	}
	if f.Default != nil {
		p["default"] = f.Default
	}
	if len(f.VisibleIf) > 0 {
		p["x-souk-visible-if"] = f.VisibleIf
	}
	if len(f.Titles) > 0 {
		p["x-souk-value-titles"] = f.Titles
	}
	if f.Min != nil {
		p[kind.bounds[0]] = tighter(*f.Min, p[kind.bounds[0]], func(a, b float64) bool { return a > b })
	}
	if f.Max != nil {
		p[kind.bounds[1]] = tighter(*f.Max, p[kind.bounds[1]], func(a, b float64) bool { return a < b })
	}
	if name == "ttl_days" && (f.Min == nil || *f.Min < 1) {
		p["minimum"] = 1.0
	}
	switch {
	case f.Type == "list":
		p["items"] = d.items(f)
		if f.Required && f.Min == nil {
			p["minItems"] = 1
		}
	case kind.choices:
		p["enum"] = choices(f.Values)
	case kind.json == "string":
		p["allOf"] = texts(f.Type, f.Required, f.Pattern)
	}
	return p
}

// items is the schema of what a list holds.
func (d Document) items(f Field) object {
	of := f.itemType()
	item := object{"type": types[of].json, "x-souk-type": string(of)}
	maps.Copy(item, types[of].limits)
	switch {
	case len(f.Values) > 0:
		item["enum"] = choices(f.Values)
	case types[of].json == "string":
		item["allOf"] = texts(of, true, f.Pattern)
	}
	return item
}

func texts(of FieldType, required bool, pattern string) []any {
	plain := oneLine
	if of == "text" {
		plain = manyLines
	}
	all := []any{object{"pattern": plain}}
	if required {
		all = append(all, object{"pattern": notBlank})
	}
	if pattern != "" {
		all = append(all, object{"pattern": pattern})
	}
	return all
}

func choices(values []string) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return list
}

// tighter gives the narrower of a field's own bound and the one of its type.
func tighter(own float64, limit any, narrower func(a, b float64) bool) float64 {
	if n, ok := limit.(int); ok && narrower(float64(n), own) {
		return float64(n)
	}
	return own
}
