package api

import (
	"net/http"
	"slices"
	"time"

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

// A download is sent in chunks of so many bytes. A client that takes longer than chunkTime for one is cut off.
const (
	chunkSize = 64 << 10
	chunkTime = 30 * time.Second
)

// Write sends a part of the file; the first one is preceded by the headers.
func (w *download) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.Header().Set("Content-Type", w.kind)
		w.Header().Set("Content-Disposition", `attachment; filename="`+w.name+`"`)
	}
	sent := 0
	for chunk := range slices.Chunk(p, chunkSize) {
		n, err := w.send(chunk)
		if sent += n; err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (w *download) send(chunk []byte) (int, error) {
	control := http.NewResponseController(w.ResponseWriter)
	stuck := time.AfterFunc(chunkTime, func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) })
	defer stuck.Stop()
	return w.ResponseWriter.Write(chunk)
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
