package apply

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
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
}

// policySpec is what a document of kind Policy says: the text of the Rego module.
type policySpec struct {
	Rego string `json:"rego"`
}

// shapes says which members the spec of each kind has. Those of templates and lifecycles are judged by their packages.
var shapes = map[Kind]reflect.Type{
	Environment: reflect.TypeFor[environmentSpec](),
	Person:      reflect.TypeFor[access.PersonSpec](),
	Group:       reflect.TypeFor[access.GroupSpec](),
	Segment:     reflect.TypeFor[segmentSpec](),
	Policy:      reflect.TypeFor[policySpec](),
}

// envelope is a document as files write it.
type envelope struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   metadata        `json:"metadata"`
	Spec       json.RawMessage `json:"spec"`
}

type metadata struct {
	Name string `json:"name"`
}

// shapeOf tells what in n cannot be taken as a value of the given shape: unknown members and wrong types. Null is absent.
func shapeOf(n *node, shape reflect.Type, path string, report func(n *node, path, code, message, fix string)) {
	for shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	if shape.Kind() == reflect.Interface || shape == reflect.TypeFor[json.RawMessage]() || n.form == scalar && n.value == nil {
		return
	}
	if want := wanted(shape); !fits(n, shape) {
		name := path
		if name == "" {
			name = "this"
		}
		report(n, path, "wrong_type", fmt.Sprintf("%s must be %s, is %s", name, want, n.words()), "give "+want)
		return
	}
	if shape.Kind() == reflect.Slice {
		for i, item := range n.items {
			shapeOf(item, shape.Elem(), fmt.Sprintf("%s[%d]", path, i), report)
		}
	}
	if shape.Kind() != reflect.Struct {
		return
	}
	members := map[string]reflect.Type{}
	var names []string
	for field := range shape.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			members[name] = field.Type
			names = append(names, name)
		}
	}
	for _, m := range n.members {
		at := strings.TrimPrefix(path+"."+m.name, ".")
		inner, known := members[m.name]
		if !known {
			report(&node{line: m.line}, at, "unknown_member", fmt.Sprintf("there is no member %q here", m.name), meant(m.name, names))
			continue
		}
		shapeOf(m.value, inner, at, report)
	}
}

func fits(n *node, shape reflect.Type) bool {
	switch shape.Kind() { //nolint:exhaustive // the kinds that specs are made of
	case reflect.Struct, reflect.Map:
		return n.form == object
	case reflect.Slice:
		return n.form == list
	case reflect.String:
		_, ok := n.value.(string)
		return ok
	case reflect.Bool:
		_, ok := n.value.(bool)
		return ok
	case reflect.Int, reflect.Int64:
		number, ok := n.value.(json.Number)
		if !ok {
			return false
		}
		_, err := number.Int64()
		return err == nil
	}
	return true
}

func wanted(shape reflect.Type) string {
	switch shape.Kind() { //nolint:exhaustive // the kinds that specs are made of
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "an object"
}

// words tells what n is, for a message.
func (n *node) words() string {
	switch n.form {
	case object:
		return "an object"
	case list:
		return "a list"
	case scalar:
		switch n.value.(type) {
		case string:
			return "a text"
		case bool:
			return "true or false"
		case json.Number:
			return "a number"
		}
	}
	return "null"
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
	errors := slices.DeleteFunc(slices.Clone(findings), func(f fault.Finding) bool { return f.Severity != fault.SeverityError })
	switch len(errors) {
	case 0:
		return nil
	case 1:
		f := errors[0]
		return fault.New(fault.Invalid, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation).With(errors...)
	}
	return fault.New(fault.Invalid, "bad_documents", "%d things are wrong with the documents", len(errors)).
		Fix("mend each, then apply again; nothing was changed").With(errors...)
}
