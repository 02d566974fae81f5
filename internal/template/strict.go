package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// The bounds of a document.
const (
	maxSize     = 256 << 10 // bytes
	maxDepth    = 24        // objects and arrays within one another
	maxFindings = 50
)

// reader walks JSON token by token along a Go type, so that it sees what encoding/json forgives: unknown members, members
// that occur twice, and what follows the end.
type reader struct {
	decoder  *json.Decoder
	findings []fault.Finding
}

var errStop = errors.New("no use in reading on")

// readStrict tells what keeps raw from being decoded into a value of type shape, naming each member at fault.
func readStrict(raw []byte, shape reflect.Type) []fault.Finding {
	switch {
	case len(raw) > maxSize:
		return []fault.Finding{finding("", "too_large", "shorten it", "the document has %d bytes; at most %d are allowed", len(raw), maxSize)}
	case !utf8.Valid(raw):
		return []fault.Finding{finding("", "invalid_text", "save the file as UTF-8", "the document is not valid UTF-8")}
	}
	r := &reader{decoder: json.NewDecoder(bytes.NewReader(raw))}
	r.decoder.UseNumber()
	err := r.value(shape, "", 0)
	if err == nil {
		if _, more := r.decoder.Token(); !errors.Is(more, io.EOF) {
			r.report("", "not_json", "send one JSON object", "something follows the end of the JSON document")
		}
	} else if !errors.Is(err, errStop) {
		line := 1 + bytes.Count(raw[:min(int(r.decoder.InputOffset()), len(raw))], []byte("\n"))
		r.report("", "not_json", "mend the JSON", "the document is not JSON: %s near line %d", plainSyntax(err), line)
	}
	return r.findings
}

func plainSyntax(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func finding(field, code, fix, format string, args ...any) fault.Finding {
	return fault.Finding{Severity: fault.SeverityError, Field: field, Code: code, Message: fmt.Sprintf(format, args...), Remediation: fix}
}

func (r *reader) report(field, code, fix, format string, args ...any) {
	if len(r.findings) < maxFindings {
		r.findings = append(r.findings, finding(field, code, fix, format, args...))
	}
}

// value reads one value of the given shape; a nil shape is any JSON.
func (r *reader) value(shape reflect.Type, path string, depth int) error {
	if depth > maxDepth {
		r.report(path, "too_deep", "flatten it", "more than %d levels lie within one another", maxDepth)
		return errStop
	}
	token, err := r.decoder.Token()
	if err != nil {
		return err
	}
	for shape != nil && shape.Kind() == reflect.Pointer {
		shape = shape.Elem()
	}
	if shape != nil && shape.Kind() == reflect.Interface {
		shape = nil
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return r.object(shape, path, depth)
		}
		return r.array(shape, path, depth)
	case string:
		r.text(path, token)
		r.expect(shape, path, "a text", shape != nil && shape.Kind() == reflect.String)
	case bool:
		r.expect(shape, path, "true or false", shape != nil && shape.Kind() == reflect.Bool)
	case json.Number:
		r.number(shape, path, token)
	case nil:
		r.expect(shape, path, "null", false)
	}
	return nil
}

func (r *reader) number(shape reflect.Type, path string, token json.Number) {
	f, err := token.Float64()
	switch {
	case err != nil || math.IsInf(f, 0):
		r.report(path, "wrong_type", "give a smaller number", "%s is too large a number", what(path))
	case shape == nil || shape.Kind() == reflect.Float64:
	case shape.Kind() == reflect.Int:
		if f != math.Trunc(f) || math.Abs(f) > 1<<31 || strings.ContainsAny(token.String(), ".eE") {
			r.report(path, "wrong_type", "give a whole number", "%s must be a whole number, is %s", what(path), token)
		}
	default:
		r.expect(shape, path, "a number", false)
	}
}

func (r *reader) expect(shape reflect.Type, path, got string, fits bool) {
	if shape == nil || fits {
		return
	}
	r.report(path, "wrong_type", "give "+wanted(shape), "%s must be %s, is %s", what(path), wanted(shape), got)
}

func wanted(shape reflect.Type) string {
	switch shape.Kind() { //nolint:exhaustive // the kinds that a document is made of
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

func what(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

func (r *reader) object(shape reflect.Type, path string, depth int) error {
	members := map[string]reflect.Type{}
	isMap := shape != nil && shape.Kind() == reflect.Map
	isStruct := shape != nil && shape.Kind() == reflect.Struct
	switch {
	case isStruct:
		for field := range shape.Fields() {
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
				members[name] = field.Type
			}
		}
	case !isMap:
		r.expect(shape, path, "an object", false)
	}
	seen := map[string]bool{}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok {
			return errors.New("a member without a name")
		}
		at := join(path, name)
		r.text(path, name)
		if seen[name] {
			r.report(at, "duplicate_member", "keep one of them", "%s occurs twice", at)
		}
		seen[name] = true
		var inner reflect.Type
		if isMap {
			inner = shape.Elem()
		} else if isStruct {
			if inner, ok = members[name]; !ok {
				r.unknown(at, name, members)
			}
		}
		if err := r.value(inner, at, depth+1); err != nil {
			return err
		}
	}
	_, err := r.decoder.Token()
	return err
}

func (r *reader) unknown(at, name string, members map[string]reflect.Type) {
	known := make([]string, 0, len(members))
	for member := range members {
		known = append(known, member)
	}
	fix := "remove it"
	if near := access.Nearest(name, known); len(near) > 0 {
		fix = fmt.Sprintf("did you mean %s?", near[0])
	}
	r.report(at, "unknown_member", fix, "there is no member %q", name)
}

func (r *reader) array(shape reflect.Type, path string, depth int) error {
	var inner reflect.Type
	if shape != nil && shape.Kind() == reflect.Slice {
		inner = shape.Elem()
	} else {
		r.expect(shape, path, "a list", false)
	}
	for i := 0; r.decoder.More(); i++ {
		if err := r.value(inner, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	_, err := r.decoder.Token()
	return err
}

func (r *reader) text(path, text string) {
	if c, bad := hidden(text); bad {
		r.report(path, "invalid_text", "remove the character", "%s contains the invisible character U+%04X", what(path), c)
	}
}

// hidden finds a character that shows a text as something else than it is.
func hidden(text string) (rune, bool) {
	for _, c := range text {
		if fault.Deceptive(c) {
			return c, true
		}
	}
	return 0, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
