package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// FromYAML returns a document that was written in YAML as JSON, as flagd reads it: keys are texts, whatever they look like. Several documents
// become a list of them.
func FromYAML(text []byte) (string, error) {
	if len(text) > MaxBytes { // before aliases make it larger
		return "", tooLarge()
	}
	var all []any
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var one any
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", unreadable("the document cannot be read as YAML").Because(err)
		}
		all = append(all, one)
	}
	var value any = all
	if len(all) == 0 {
		value = nil
	} else if len(all) == 1 {
		value = all[0]
	}
	if top, ok := members(value); ok {
		if evaluators, ok := members(top["$evaluators"]); ok {
			top["$evaluators"] = ordered{evaluators, evaluatorsOf(text)}
			value = top
		}
	}
	var b bytes.Buffer
	if err := writeJSON(&b, value); err != nil {
		return "", err
	}
	return b.String(), nil
}

// ordered is an object some of whose members have an order.
type ordered struct {
	members map[string]any
	names   []string
}

// evaluatorsOf lists the names under $evaluators in their order, of a text that was read as YAML.
func evaluatorsOf(text []byte) (names []string) {
	var top struct {
		Evaluators yaml.Node `yaml:"$evaluators"`
	}
	if yaml.Unmarshal(text, &top) != nil {
		return nil
	}
	node := &top.Evaluators
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i := 0; i < len(node.Content); i += 2 {
		var name any
		if node.Content[i].Decode(&name) == nil {
			names = append(names, fmt.Sprint(name))
		}
	}
	return names
}

// members returns the members of an object by their names as texts.
func members(value any) (map[string]any, bool) {
	switch value := value.(type) {
	case map[string]any:
		return value, true
	case map[any]any:
		texts := make(map[string]any, len(value))
		for name, member := range value {
			texts[fmt.Sprint(name)] = member
		}
		return texts, true
	}
	return nil, false
}

func writeJSON(b *bytes.Buffer, value any) error {
	if b.Len() > MaxBytes {
		return unreadable("the document refers to its own parts so often that it has over %d bytes", MaxBytes)
	}
	if object, ok := members(value); ok {
		return writeObject(b, object, nil)
	}
	switch value := value.(type) {
	case ordered:
		return writeObject(b, value.members, value.names)
	case []any:
		b.WriteByte('[')
		for i, item := range value {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		raw, err := json.Marshal(value)
		if err != nil {
			return unreadable("the document holds a value that JSON has no form for").Because(err)
		}
		b.Write(raw)
	}
	return nil
}

// writeObject writes members in an order, and the others in that of their names, so that a document has one text.
func writeObject(b *bytes.Buffer, members map[string]any, order []string) error {
	names := slices.DeleteFunc(slices.Clone(order), func(name string) bool { _, there := members[name]; return !there })
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(order, name) {
			names = append(names, name)
		}
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeJSON(b, members[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
