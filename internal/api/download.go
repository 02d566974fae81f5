package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// streamed is an answer that is written as it comes to be.
type streamed struct{ Body func(huma.Context) }

// download is an answer that a browser keeps as a file.
type download struct {
	http.ResponseWriter
	kind, name string
	begun      bool
}

// Write sends a part of the file; the first one is preceded by the headers.
func (w *download) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", w.kind)
		w.Header().Set("Content-Disposition", `attachment; filename="`+w.name+`"`)
	}
	return w.ResponseWriter.Write(p)
}

// finish ends a download. An error before its first byte is a problem; one after it breaks the connection off, so that
// nobody takes a part for the whole.
func (a *API) finish(w *download, r *http.Request, err error) {
	switch {
	case err == nil:
	case !w.begun:
		a.refuse(w.ResponseWriter, r, err)
	default:
		panic(http.ErrAbortHandler)
	}
}

// downloads describes the answer of a GET as a file.
func (a *API) downloads(path, kind string) {
	answer := a.described(http.MethodGet, prefix+path).Responses["200"]
	answer.Content = map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}}
}
