package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// FromYAML gives a document that was written in YAML as JSON, as flagd reads it: keys are texts, whatever they look like.
func FromYAML(text []byte) (string, error) {
	if len(text) > MaxBytes { // before aliases make it larger
		return "", tooLarge()
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return "", unreadable("the document cannot be read as YAML").Because(err)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, value); err != nil {
		return "", err
	}
	return b.String(), nil
}

func writeJSON(b *bytes.Buffer, value any) error {
	if b.Len() > MaxBytes {
		return unreadable("the document refers to its own parts so often that it has over %d bytes", MaxBytes)
	}
	switch value := value.(type) {
	case map[string]any:
		return writeObject(b, value)
	case map[any]any:
		members := make(map[string]any, len(value))
		for name, member := range value {
			members[fmt.Sprint(name)] = member
		}
		return writeObject(b, members)
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

// writeObject writes members in the order of their names, so that a document has one text.
func writeObject(b *bytes.Buffer, members map[string]any) error {
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
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
