package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a file of documents. Its name is a path with slashes, below the folder of all of them.
type File struct {
	Name string
	Data []byte
}

// aFile bounds how much goes into one file of many documents, in bytes; what is read may have twice as much.
const aFile = maxFile / 2

// Files writes documents as the files that Load reads them from: templates and policies bare, each in a file of its own, all others as
// YAML, by their kind. The same documents are the same files.
func Files(documents []Document) ([]File, error) {
	var files []File
	parts := map[Kind]int{}
	last := map[Kind]int{} // index of the file that the next document of the kind goes into
	for _, d := range documents {
		raw, bare, err := textOf(d)
		if err != nil {
			return nil, fmt.Errorf("write %s %s: %w", d.Kind, d.Name, err)
		}
		if bare != "" {
			files = append(files, File{Name: bare, Data: raw})
			continue
		}
		at, begun := last[d.Kind]
		if begun && len(files[at].Data)+len(raw) <= aFile {
			files[at].Data = append(append(files[at].Data, "---\n"...), raw...)
			continue
		}
		parts[d.Kind]++
		name := d.Kind.file()
		if n := parts[d.Kind]; n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		last[d.Kind] = len(files)
		files = append(files, File{Name: name + ".yaml", Data: raw})
	}
	return files, nil
}

// file is the name of the file for documents of the kind.
func (k Kind) file() string {
	switch k {
	case Person:
		return "people"
	case Lifecycle:
		return "lifecycle"
	case Environment, Group, Segment, Template, Policy, App, Flag:
	}
	return strings.ToLower(string(k)) + "s"
}

// textOf returns what stands in a file for the document, and the file's name where it has one of its own.
func textOf(d Document) (raw []byte, bare string, err error) {
	spec, err := readSpec(d.Spec)
	if err != nil {
		return nil, "", err
	}
	switch d.Kind {
	case Template:
		text, err := spec.MarshalJSON()
		if err != nil {
			return nil, "", err
		}
		var b bytes.Buffer
		if err := json.Indent(&b, text, "", "  "); err != nil {
			return nil, "", err
		}
		return append(b.Bytes(), '\n'), "templates/" + d.Name + ".json", nil
	case Policy:
		name := d.Name
		if strings.HasSuffix(name, "_test") { // else it would be read as a test; no package has a hyphen
			name += "-policy"
		}
		return []byte(spec.get("rego").text()), "policies/" + name + ".rego", nil
	case Environment, Person, Group, Segment, Lifecycle, App, Flag:
	}
	text := func(s string) *node { return &node{value: s} }
	document := &node{form: object, members: []member{
		{name: "apiVersion", value: text(APIVersion)},
		{name: "kind", value: text(string(d.Kind))},
		{name: "metadata", value: &node{form: object, members: []member{{name: "name", value: text(d.Name)}}}},
	}}
	if len(spec.members) > 0 {
		document.members = append(document.members, member{name: "spec", value: spec})
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(document.yaml()); err != nil {
		return nil, "", err
	}
	return b.Bytes(), "", encoder.Close()
}

func readSpec(raw json.RawMessage) (*node, error) {
	nodes, err := readJSON(raw, false)
	if err != nil {
		return nil, err
	}
	if len(nodes) != 1 {
		return nil, fmt.Errorf("there are %d values, not one", len(nodes))
	}
	return nodes[0], nil
}

// yaml is the value as YAML writes it: objects and lists in lines of their own, short lists of plain values in one.
func (n *node) yaml() *yaml.Node {
	switch n.form {
	case object:
		out := &yaml.Node{Kind: yaml.MappingNode}
		for _, m := range n.members {
			out.Content = append(out.Content, textNode(m.name), m.value.yaml())
		}
		return out
	case list:
		out := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range n.items {
			if item.form != scalar {
				out.Style = 0
			}
			out.Content = append(out.Content, item.yaml())
		}
		if len(n.items) > 8 {
			out.Style = 0
		}
		return out
	case scalar:
	}
	switch value := n.value.(type) {
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(value.String(), ".eE") || len(value) > 18 { // more than an integer of YAML holds
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(value)}
	case string:
		return textNode(value)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

// textNode is a text that stays one, whatever it looks like. The library puts most of what needs them in quotes by itself.
func textNode(text string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if text == "<<" || strings.ContainsAny(text, "\n\r\t\u0085\u2028\u2029\ufeff") {
		out.Style = yaml.DoubleQuotedStyle
	}
	return out
}
