// Package flag evaluates flags: it compiles a document in flagd's format into an immutable Snapshot, and a Snapshot answers
// by key and context without locks and without allocation.
//
// It is pure: no clock, no database, no network. Rules become closures over slots, one slot for each attribute path that
// any rule reads; a Context holds a caller's attributes by slot; all answers are made when the document is compiled.
package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Reason says why an answer is what it is, in OpenFeature's words as flagd uses them.
type Reason string

// The reasons. A split by percentage is a targeting match, as flagd has it.
const (
	Static         Reason = "STATIC"
	TargetingMatch Reason = "TARGETING_MATCH"
	Default        Reason = "DEFAULT"
	Disabled       Reason = "DISABLED"
	Failed         Reason = "ERROR"
)

// ErrorCode is an error code of OpenFeature.
type ErrorCode string

// The error codes that evaluation gives.
const (
	ParseError     ErrorCode = "PARSE_ERROR"     // the flag's rule, or the request, cannot be read
	InvalidContext ErrorCode = "INVALID_CONTEXT" // the context is not one
	General        ErrorCode = "GENERAL"         // targeting gave a variant that the flag does not have
	FlagNotFound   ErrorCode = "FLAG_NOT_FOUND"
)

// Outcome is one answer. It is made when the document is compiled and shared by all callers: nobody may change it.
type Outcome struct {
	Key      string
	HasValue bool            // false: the caller's own default counts, and Value, Raw and Variant are empty
	Value    any             // as encoding/json decodes it: bool, string, float64, map[string]any, []any or nil
	Raw      json.RawMessage // the value as the document has it
	Variant  string
	Reason   Reason
	Code     ErrorCode // only with reason Failed
	Details  string    // only with reason Failed
	Metadata map[string]any
	JSON     []byte // the finished item of an OFREP answer
}

// finish fills in the JSON of an OFREP item.
func (o *Outcome) finish() *Outcome {
	var b bytes.Buffer
	member := func(name string, value any) {
		if b.Len() == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(name)
		b.WriteString(`":`)
		b.Write(encode(value))
	}
	member("key", o.Key)
	if o.Code != "" {
		member("errorCode", o.Code)
		member("errorDetails", o.Details)
	} else {
		if o.HasValue {
			member("value", o.Raw)
		}
		member("reason", o.Reason)
		if o.Variant != "" || o.HasValue {
			member("variant", o.Variant)
		}
	}
	if len(o.Metadata) > 0 {
		member("metadata", o.Metadata)
	}
	b.WriteByte('}')
	o.JSON = b.Bytes()
	return o
}

// encode gives the JSON of a value that always has one.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
