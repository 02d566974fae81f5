// Package strict reads JSON that people write, and sees what encoding/json forgives: unknown members, members that occur
// twice, what follows the end, text that deceives. Each is a finding at its place that says how to mend it.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
)

// The bounds of a document, and of what is said of it.
const (
	maxDepth    = 24 // objects and arrays within one another
	MaxFindings = 50
)

// reader walks JSON token by token along a Go type, so that it sees what encoding/json forgives: unknown members, members
// that occur twice, and what follows the end.
type reader struct {
	decoder  *json.Decoder
	anyText  bool
	findings []fault.Finding
}

var errStop = errors.New("no use in reading on")

// Take says what a document may be.
type Take struct {
	Bytes   int  // its greatest size
	AnyText bool // texts may hold characters that deceive: whoever reads them judges
}

// Decode reads raw into a T. With findings the value is not to be used. A T is made of structs, maps,
// slices, texts, booleans, whole numbers, numbers, times and any; null is taken for any only.
func Decode[T any](raw []byte, take Take) (value T, findings []fault.Finding) {
	if findings = read(raw, take, reflect.TypeFor[T]()); len(findings) > 0 {
		return value, findings
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, []fault.Finding{Finding("", "not_json", "mend the JSON", "the document cannot be read: %v", err)}
	}
	return value, nil
}

// read tells what keeps raw from being decoded into a value of type shape, naming each member at fault.
func read(raw []byte, take Take, shape reflect.Type) []fault.Finding {
	switch {
	case len(raw) > take.Bytes:
		return []fault.Finding{Finding("", "too_large", "shorten it", "the document has %d bytes; at most %d are allowed", len(raw), take.Bytes)}
	case !utf8.Valid(raw):
		return []fault.Finding{Finding("", "invalid_text", "save the file as UTF-8", "the document is not valid UTF-8")}
	}
	r := &reader{decoder: json.NewDecoder(bytes.NewReader(raw)), anyText: take.AnyText}
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

// Finding makes a finding of severity error.
func Finding(field, code, fix, format string, args ...any) fault.Finding {
	return fault.Finding{Severity: fault.SeverityError, Field: field, Code: code, Message: fmt.Sprintf(format, args...), Remediation: fix}
}

func (r *reader) report(field, code, fix, format string, args ...any) {
	if len(r.findings) < MaxFindings {
		r.findings = append(r.findings, Finding(field, code, fix, format, args...))
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
	if shape == reflect.TypeFor[time.Time]() {
		return r.time(path, token)
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

func (r *reader) time(path string, token json.Token) error {
	text, ok := token.(string)
	if _, err := time.Parse(time.RFC3339, text); !ok || err != nil {
		r.report(path, "wrong_type", "write it as 2026-01-10T15:42:00Z", "%s must be a time as in RFC 3339", what(path))
		if !ok {
			return errStop
		}
	}
	return nil
}

func (r *reader) number(shape reflect.Type, path string, token json.Number) {
	f, err := token.Float64()
	switch {
	case err != nil || math.IsInf(f, 0):
		r.report(path, "wrong_type", "give a smaller number", "%s is too large a number", what(path))
	case shape == nil || shape.Kind() == reflect.Float64:
	case shape.Kind() == reflect.Int || shape.Kind() == reflect.Int64:
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
	case reflect.Int, reflect.Int64:
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
		membersOf(shape, members)
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

// membersOf collects the members of a struct by their names in JSON, those of embedded structs among them.
func membersOf(shape reflect.Type, members map[string]reflect.Type) {
	for field := range shape.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name != "":
			members[name] = field.Type
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			membersOf(field.Type, members)
		}
	}
}

func (r *reader) unknown(at, name string, members map[string]reflect.Type) {
	known := make([]string, 0, len(members))
	for member := range members {
		known = append(known, member)
	}
	r.report(at, "unknown_member", fault.Meant(name, known, "remove it"), "there is no member %q", name)
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
	if at := strings.IndexFunc(text, fault.Deceptive); at >= 0 && !r.anyText {
		c, _ := utf8.DecodeRuneInString(text[at:])
		r.report(path, "invalid_text", "remove the character", "%s contains the invisible character %U", what(path), c)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
