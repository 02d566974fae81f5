package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how many lists and objects lie within one another.
const maxDepth = 64

// node is a value of a file with the line it stands on. YAML and JSON become the same; members keep their order.
type node struct {
	line    int // 0 where the value comes from no file
	form    form
	value   any // of a scalar: string, json.Number, bool or nil
	members []member
	items   []*node
}

type member struct {
	name  string
	line  int
	value *node
}

type form int

const (
	scalar form = iota
	object
	list
)

// badFile is something in a file that is no document at all, with its line.
type badFile struct {
	line    int
	message string
	fix     string
}

func (b *badFile) Error() string { return b.message }

func (n *node) get(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// text is the string that n is, or "".
func (n *node) text() string {
	if n == nil {
		return ""
	}
	s, _ := n.value.(string)
	return s
}

// lineAt gives the line of the member that a path such as fields.ttl_days or members[2] leads to, or of the last one on the
// way that there is.
func (n *node) lineAt(path string) int {
	line := n.line
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next *node
		if index, err := strconv.Atoi(part); err == nil && n.form == list {
			if index < len(n.items) {
				next = n.items[index]
				line = next.line
			}
		} else {
			for _, m := range n.members {
				if m.name == part {
					next, line = m.value, m.line
				}
			}
		}
		if next == nil {
			return line
		}
		n = next
	}
	return line
}

// MarshalJSON writes the value with its members in the order of the file.
func (n *node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	switch n.form {
	case object:
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(&b, m.name); err != nil {
				return nil, err
			}
			b.WriteByte(':')
			if err := write(&b, m.value); err != nil {
				return nil, err
			}
		}
		b.WriteByte('}')
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(&b, item); err != nil {
				return nil, err
			}
		}
		b.WriteByte(']')
	case scalar:
		err := write(&b, n.value)
		return b.Bytes(), err
	}
	return b.Bytes(), nil
}

// write appends v as JSON, texts as they are read.
func write(b *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line break
	return nil
}

// readJSON reads the JSON values of a file, one after the other. Lines are counted from the first.
func readJSON(raw []byte, lines bool) ([]*node, error) {
	r := &jsonReader{raw: raw, decoder: json.NewDecoder(bytes.NewReader(raw)), lines: lines}
	r.decoder.UseNumber()
	var nodes []*node
	for {
		n, err := r.value(0)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if bad, ok := errors.AsType[*badFile](err); ok {
			return nil, bad
		}
		if err != nil {
			return nil, &badFile{line: r.line(), message: "this is not JSON: " + strings.TrimPrefix(err.Error(), "json: "), fix: "mend the JSON"}
		}
		nodes = append(nodes, n)
	}
}

type jsonReader struct {
	raw     []byte
	decoder *json.Decoder
	lines   bool
	counted int // bytes of raw whose lines are in count
	count   int
}

func (r *jsonReader) line() int {
	if !r.lines {
		return 0
	}
	at := min(int(r.decoder.InputOffset()), len(r.raw))
	r.count += bytes.Count(r.raw[r.counted:at], []byte("\n"))
	r.counted = at
	return r.count + 1
}

// value reads one value. Its error is io.EOF only if nothing but blanks is left.
func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, &badFile{line: r.line(), message: fmt.Sprintf("more than %d levels lie within one another", maxDepth), fix: "flatten it"}
	}
	token, err := r.decoder.Token()
	if err != nil {
		if depth > 0 {
			err = cutOff(err)
		}
		return nil, err
	}
	n := &node{line: r.line()}
	delim, nested := token.(json.Delim)
	if !nested {
		n.value = token
		return n, nil
	}
	n.form = list
	if delim == '{' {
		n.form = object
	}
	seen := map[string]bool{}
	for r.decoder.More() {
		if n.form == list {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
			continue
		}
		token, err := r.decoder.Token()
		if err != nil {
			return nil, cutOff(err)
		}
		name, ok := token.(string)
		if !ok {
			return nil, errors.New("a member has no name")
		}
		line := r.line()
		if seen[name] {
			return nil, twice(name, line)
		}
		seen[name] = true
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{name, line, value})
	}
	if _, err := r.decoder.Token(); err != nil { // the closing bracket
		return nil, cutOff(err)
	}
	return n, nil
}

// cutOff is the error of a value that the file ends within.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func twice(name string, line int) *badFile {
	return &badFile{line: line, message: fmt.Sprintf("the member %q occurs twice", name), fix: "keep one of them"}
}

// readYAML reads the YAML documents of a file. Anchors, aliases and merge keys are refused: what a file says should stand
// where it is read, and a few lines of aliases can unfold into gigabytes.
func readYAML(raw []byte) ([]*node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var nodes []*node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, &badFile{message: "this is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), fix: "mend the YAML"}
		}
		if len(document.Content) != 1 || document.Content[0].ShortTag() == "!!null" {
			continue // nothing between two separators
		}
		n, err := fromYAML(document.Content[0], 0)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
}

func fromYAML(y *yaml.Node, depth int) (*node, error) {
	bad := func(fix, format string, args ...any) error {
		return &badFile{line: y.Line, message: fmt.Sprintf(format, args...), fix: fix}
	}
	if depth > maxDepth {
		return nil, bad("flatten it", "more than %d levels lie within one another", maxDepth)
	}
	n := &node{line: y.Line}
	switch y.Kind {
	case yaml.MappingNode:
		n.form = object
		seen := map[string]bool{}
		for i := 0; i+1 < len(y.Content); i += 2 {
			key := y.Content[i]
			if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" || key.ShortTag() == "!!null" {
				return nil, &badFile{line: key.Line, message: "a member's name must be a plain text", fix: "write each member out"}
			}
			if seen[key.Value] {
				return nil, twice(key.Value, key.Line)
			}
			seen[key.Value] = true
			value, err := fromYAML(y.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, member{key.Value, key.Line, value})
		}
	case yaml.SequenceNode:
		n.form = list
		for _, item := range y.Content {
			value, err := fromYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, value)
		}
	case yaml.ScalarNode:
		value, err := plain(y)
		if err != nil {
			return nil, bad("put it in quotes if it is a text", "%q is not a value that JSON knows", y.Value)
		}
		n.value = value
	case yaml.AliasNode:
		return nil, bad("write the value out", "aliases are not taken")
	case yaml.DocumentNode:
		return nil, bad("separate documents by a line of three hyphens", "a document lies within a document")
	}
	return n, nil
}

// plain gives the JSON value of a YAML scalar. A date stays the text that it was written as.
func plain(y *yaml.Node) (any, error) {
	switch y.ShortTag() {
	case "!!str", "!!timestamp":
		return y.Value, nil
	case "!!null":
		return nil, nil //nolint:nilnil // JSON's null
	case "!!bool":
		var b bool
		err := y.Decode(&b)
		return b, err
	case "!!int":
		var i int64
		err := y.Decode(&i)
		return json.Number(strconv.FormatInt(i, 10)), err
	case "!!float":
		var f float64
		if err := y.Decode(&f); err != nil {
			return nil, err
		}
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, errors.New("not finite")
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
	}
	return nil, errors.New("unknown tag " + y.Tag)
}
