package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Examples are calls in the order of a story, as data: the first of each operation is shown in the document, and a test makes
// all of them against a running server, so that what the document shows works.
//
//go:embed examples.json
var Examples []byte

// Example is one call.
type Example struct {
	Operation string            `json:"operation"`
	As        string            `json:"as"`       // short name of the person who calls; empty is nobody
	Path      string            `json:"path"`     // below the prefix; empty is the operation's own
	New       bool              `json:"new"`      // the thing must not exist yet
	Read      string            `json:"read"`     // path of the thing whose version the edit is made from
	Revision  string            `json:"revision"` // or that version itself, where the thing cannot be read alone
	SignsIn   string            `json:"signs_in"` // the answer is the session of that person
	Body      json.RawMessage   `json:"body"`
	Status    int               `json:"status"` // of the answer
	Code      string            `json:"code"`   // of the refusal, where the answer is one
	Keep      map[string]string `json:"keep"`   // what later calls write so → member of this answer
}

// ReadExamples decodes Examples.
func ReadExamples() []Example {
	var all []Example
	if err := json.Unmarshal(Examples, &all); err != nil {
		panic(fmt.Sprintf("read examples: %v", err)) // they are constant
	}
	return all
}

// showExamples puts the first example of each operation into the document.
func (a *API) showExamples() {
	all := ReadExamples()
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Post, item.Put, item.Patch} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			at := slices.IndexFunc(all, func(e Example) bool { return e.Operation == op.OperationID })
			if at < 0 {
				continue
			}
			for _, media := range op.RequestBody.Content {
				media.Example = all[at].Body
			}
		}
	}
}
