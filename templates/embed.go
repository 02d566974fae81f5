// Package templates holds the starter templates that a new installation begins with.
package templates

import "embed"

// Files are the starter templates, one JSON document a file.
//
//go:embed *.json
var Files embed.FS
