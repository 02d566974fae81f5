package dataplane

import (
	"encoding/json"
	"sync"

	"github.com/soukhq/souk/internal/registry"
)

// document is the flag definitions of a view at one revision, in the forms in which they are sent.
type document struct {
	json func() json.RawMessage
}

func newDocument(served *registry.Served, view registry.View) *document {
	return &document{json: sync.OnceValue(func() json.RawMessage { return served.DocumentOf(view) })}
}
