package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/soukhq/souk/internal/fault"
)

// Limits of a body. maxBody is what a request may carry, maxApply what a whole directory of documents may; deeper nesting
// than maxDepth serves nobody but an attacker.
const (
	maxBody  = 1 << 20
	maxApply = 16 << 20
	maxDepth = 64
)

// readBody reads the body of a request up to limit bytes and refuses what is not plain JSON. A body that says it is larger is
// refused without reading it. An empty body is nil.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	tooLarge := func() error {
		return fault.New(fault.TooLarge, "body_too_large", "the body is larger than %d MB", limit>>20).Fix("send less")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "body_unread", "the body ended before its time").Fix("send it again").Because(err)
	}
	if len(body) == 0 {
		return nil, nil
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, &Problem{
			Type: "about:blank", Title: http.StatusText(http.StatusUnsupportedMediaType), Status: http.StatusUnsupportedMediaType,
			Detail: "the body is not declared to be JSON", Code: "unsupported_media_type",
			Remediation: "send the header Content-Type: application/json", Instance: r.URL.Path,
		}
	}
	return body, checkJSON(body)
}

func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	return err == nil && (charset == "" || charset == "utf-8") && (media == "application/json" || media == "application/merge-patch+json")
}

// checkJSON refuses what encoding/json would let pass or take one of: duplicate members, NUL characters, invalid UTF-8, deep
// nesting, anything after the value.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return fault.New(fault.Invalid, "invalid_text", "the body is not valid UTF-8").Fix("send it as UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := checkValue(decoder, "", 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "malformed_json", "something follows the JSON value at byte %d", decoder.InputOffset()).
			Fix("send one JSON value")
	}
	return nil
}

func checkValue(decoder *json.Decoder, path string, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return malformed(decoder, err)
	}
	switch token := token.(type) {
	case string:
		return checkString(path, token)
	case json.Delim:
		if depth == maxDepth {
			return fault.New(fault.Invalid, "too_deep", "the body is nested more than %d levels deep", maxDepth).At(path).Fix("nest less")
		}
		if token == '{' {
			err = checkObject(decoder, path, depth+1)
		} else {
			for i := 0; err == nil && decoder.More(); i++ {
				err = checkValue(decoder, join(path, strconv.Itoa(i)), depth+1)
			}
		}
		if err != nil {
			return err
		}
		if _, err := decoder.Token(); err != nil {
			return malformed(decoder, err)
		}
	}
	return nil
}

func checkObject(decoder *json.Decoder, path string, depth int) error {
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return malformed(decoder, err)
		}
		name, _ := token.(string)
		if err := checkString(join(path, name), name); err != nil {
			return err
		}
		if seen[name] {
			return fault.New(fault.Invalid, "duplicate_member", "%q is given twice", name).At(join(path, name)).Fix("give it once")
		}
		seen[name] = true
		if err := checkValue(decoder, join(path, name), depth); err != nil {
			return err
		}
	}
	return nil
}

func checkString(path, text string) error {
	if strings.ContainsRune(text, 0) {
		return fault.New(fault.Invalid, "invalid_text", "%s contains a NUL character", path).At(path).Fix("leave it out")
	}
	return nil
}

func malformed(decoder *json.Decoder, err error) error {
	return fault.New(fault.Invalid, "malformed_json", "the body is not valid JSON, from byte %d on", decoder.InputOffset()).
		Fix("check quotes, commas and brackets there").Because(err)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// checkMembers refuses members that the schema does not know, each with the nearest name that it knows. Types and limits are
// Huma's to check.
func checkMembers(schemas huma.Registry, schema *huma.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fault.New(fault.Invalid, "malformed_json", "the body holds a number that is too large").
			Fix("send a number that a computer can hold").Because(err)
	}
	findings := unknownMembers(schemas, schema, value, "")
	if len(findings) == 0 {
		return nil
	}
	f := fault.New(fault.Invalid, "unknown_member", "%s", findings[0].Message).Fix("%s", findings[0].Remediation).At(findings[0].Field)
	return f.With(findings...)
}

func unknownMembers(schemas huma.Registry, schema *huma.Schema, value any, path string) []fault.Finding {
	for schema != nil && schema.Ref != "" {
		schema = schemas.SchemaFromRef(schema.Ref)
	}
	if schema == nil {
		return nil
	}
	var findings []fault.Finding
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			if len(findings) >= maxItems {
				break
			}
			findings = append(findings, unknownMembers(schemas, schema.Items, item, join(path, strconv.Itoa(i)))...)
		}
	case map[string]any:
		known := make([]string, 0, len(schema.Properties))
		for name := range schema.Properties {
			known = append(known, name)
		}
		slices.Sort(known)
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if len(findings) >= maxItems {
				break
			}
			property := schema.Properties[name]
			if property != nil {
				findings = append(findings, unknownMembers(schemas, property, value[name], join(path, name))...)
				continue
			}
			if len(known) == 0 || schema.AdditionalProperties != nil && schema.AdditionalProperties != false {
				continue // a free object, such as fields
			}
			findings = append(findings, unknownMember(path, name, known))
		}
	}
	return findings
}

func unknownMember(path, name string, known []string) fault.Finding {
	finding := fault.Finding{
		Severity: fault.SeverityError, Field: join(path, name), Code: "unknown_member", Message: strconv.Quote(name) + " is not known here",
		Remediation: "known are: " + strings.Join(known, ", "),
	}
	if near := fault.Nearest(name, known); len(near) > 0 {
		finding.Message += ", did you mean " + strconv.Quote(near[0]) + "?"
		finding.Remediation = "write " + strconv.Quote(near[0]) + " or leave it out"
	}
	return finding
}
