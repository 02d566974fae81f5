// Package web carries the built console inside the binary.
//
// The folder dist is what `npm run build` writes; a binary built without it has an empty console, and the server says so.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// NoncePlaceholder stands in index.html wherever the nonce of the response's Content-Security-Policy belongs. Whoever serves
// index.html puts a fresh nonce there for every response; all other files are served as they are.
const NoncePlaceholder = "__CSP_NONCE__"

// Files is the root of the built console: index.html, scheme.js and assets, whose names change with their content.
var Files = root()

func root() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // the embedded path is a constant
	}
	return files
}
