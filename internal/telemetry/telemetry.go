// Package telemetry sets up how Souk tells what it does.
//
// It logs facts with attributes to a logger that every package gets handed; nothing uses a global one.
package telemetry

import (
	"io"
	"log/slog"
)

// Version is the version of this build, such as v0.3.1-4-g1a2b3c4; the linker sets it.
var Version = "dev"

// Format is how a line of the log is written.
type Format string

// The formats.
const (
	Text Format = "text" // for people
	JSON Format = "json" // for machines
)

// Logger gives a logger that writes to w from the given level on.
func Logger(w io.Writer, format Format, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
