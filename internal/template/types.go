package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// FieldType says what a field holds.
type FieldType string

// kindOf tells what a field type is in JSON, how its values are bounded, and how it is told to people.
type kindOf struct {
	json    string         // JSON type
	words   string         // for "must be …"
	bounds  [2]string      // JSON Schema keywords of min and max; empty: the type takes none
	limits  map[string]any // keywords that always hold
	choices bool           // values is required
}

var (
	ofNumber = [2]string{"minimum", "maximum"}
	ofText   = [2]string{"minLength", "maxLength"}
	ofList   = [2]string{"minItems", "maxItems"}
)

// types is the table of field types. A new type is a row.
var types = map[FieldType]kindOf{
	"string":     {json: "string", words: "a text", bounds: ofText, limits: map[string]any{"maxLength": 200}},
	"text":       {json: "string", words: "a text", bounds: ofText, limits: map[string]any{"maxLength": 4000}},
	"boolean":    {json: "boolean", words: "yes or no"},
	"integer":    {json: "integer", words: "a whole number", bounds: ofNumber},
	"number":     {json: "number", words: "a number", bounds: ofNumber},
	"percentage": {json: "number", words: "a percentage from 0 to 100", bounds: ofNumber, limits: map[string]any{"minimum": 0, "maximum": 100}},
	"enum":       {json: "string", words: "one of the choices", choices: true},
	"email":      {json: "string", words: "an e-mail address", limits: map[string]any{"format": "email", "maxLength": 254}},
	"url":        {json: "string", words: "a web address that begins with https:// or http://", limits: map[string]any{"pattern": `^https?://[^\s/?#]+`, "maxLength": 2000}},
	"date":       {json: "string", words: "a date such as 2026-12-31", limits: map[string]any{"format": "date"}},
	"team":       {json: "string", words: "the name of a group", limits: map[string]any{"maxLength": 100}},
	"user":       {json: "string", words: "the e-mail address of a person", limits: map[string]any{"maxLength": 254}},
	"segment":    {json: "string", words: "the name of an audience", limits: map[string]any{"maxLength": 100}},
	"semver":     {json: "string", words: "a version such as 1.2.0", limits: map[string]any{"pattern": `^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`}},
	"list":       {json: "array", words: "a list", bounds: ofList, limits: map[string]any{"maxItems": 100, "uniqueItems": true}},
}

// itemType is the type of what a list holds.
func (f Field) itemType() FieldType {
	switch {
	case f.Items != "":
		return f.Items
	case len(f.Values) > 0:
		return "enum"
	}
	return "string"
}

func typeNames() string {
	names := make([]string, 0, len(types))
	for _, name := range slices.Sorted(maps.Keys(types)) {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}

// words tells a value as people write it.
func words(value any) string {
	switch value := value.(type) {
	case nil:
		return "empty"
	case bool:
		if value {
			return "yes"
		}
		return "no"
	case string:
		if len([]rune(value)) > 60 {
			value = string([]rune(value)[:60]) + "…"
		}
		return fmt.Sprintf("%q", value)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(value)
}
