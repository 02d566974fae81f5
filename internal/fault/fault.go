// Package fault holds the one error type that reaches people.
//
// A fault says what kind of thing went wrong, a stable code, the field it is about, and how to mend it.
// Every other error is an internal error: logged in full, shown as "internal error" and a trace id.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the class of a fault. The surfaces (HTTP, command line) map kinds to statuses; nothing below them does.
type Kind string

// The kinds of faults.
const (
	Invalid         Kind = "invalid"          // what was sent is wrong, and sending it again will not help
	Unauthenticated Kind = "unauthenticated"  // nobody is signed in, or the credential is not known
	Forbidden       Kind = "forbidden"        // the actor lacks the right
	NotFound        Kind = "not_found"        // no such thing, or not for this actor
	Conflict        Kind = "conflict"         // the state of the object forbids the act
	Stale           Kind = "stale"            // the version that the write carries is no longer the current one
	NoVersion       Kind = "version_required" // an edit came without the version that it read
	Unprocessable   Kind = "unprocessable"    // well formed, but contradicts a rule
	TooLarge        Kind = "too_large"        // over a size limit
	TooMany         Kind = "too_many"         // over a rate limit
	Unavailable     Kind = "unavailable"      // something that is needed is down; trying again later may help
)

// Severity of a Finding. An error fails its check, a warning does not block, information does neither.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Finding is one thing that is wrong, where it is, and how to mend it, in words for the person who can.
type Finding struct {
	Severity    Severity `json:"severity" enum:"error,warning,info"`
	Field       string   `json:"field,omitempty" doc:"Path of the member at fault, such as fields.ttl_days"`
	File        string   `json:"file,omitempty" doc:"File at fault, with a line after a colon where known"`
	Code        string   `json:"code" doc:"Stable name of the finding"`
	Message     string   `json:"message" doc:"What is wrong, in plain words"`
	Remediation string   `json:"remediation,omitempty" doc:"How to mend it"`
	Patch       []Patch  `json:"patch,omitempty" doc:"JSON Patch (RFC 6902) on the request that mends it"`
	Source      string   `json:"source,omitempty" doc:"Who found it, where that is not Souk itself: requester"`
}

// FromRequester is the Source of what was read out of what the requester attached.
const FromRequester = "requester"

// Patch is one operation of a JSON Patch (RFC 6902): op is add, replace or remove, path a JSON Pointer.
type Patch struct {
	Op    string `json:"op" enum:"add,replace,remove"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Error is an error that a person reads.
type Error struct {
	Kind        Kind
	Code        string        // stable, snake_case
	Field       string        // path of the member at fault, if one is
	Message     string        // what is wrong, a sentence without a full stop
	Remediation string        // how to mend it
	Findings    []Finding     // several faults of one input
	Current     any           // for Stale and Conflict: the object as it is now, or what changed
	RetryAfter  time.Duration // for TooMany and Unavailable: when to try again; 0 leaves it to the surface
	cause       error
}

// New makes a fault of the given kind.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error tells message and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Fix adds how to mend it and returns e.
func (e *Error) Fix(format string, args ...any) *Error {
	e.Remediation = fmt.Sprintf(format, args...)
	return e
}

// At names the field at fault and returns e.
func (e *Error) At(field string) *Error {
	e.Field = field
	return e
}

// With attaches findings and returns e.
func (e *Error) With(findings ...Finding) *Error {
	e.Findings = append(e.Findings, findings...)
	return e
}

// Showing attaches the object as it is now and returns e.
func (e *Error) Showing(current any) *Error {
	e.Current = current
	return e
}

// After says when to try again and returns e.
func (e *Error) After(wait time.Duration) *Error {
	e.RetryAfter = wait
	return e
}

// Because records the cause and returns e.
func (e *Error) Because(err error) *Error {
	e.cause = err
	return e
}

// Of gives the kind of err, or "" if err is not a fault.
func Of(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// Is tells whether err is a fault of the given kind.
func Is(err error, kind Kind) bool { return Of(err) == kind }

// Wrap is fmt.Errorf("<act>: %w", err) for calls whose error may be nil, which stays nil.
func Wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", act, err)
}
