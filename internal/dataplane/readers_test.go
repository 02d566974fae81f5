package dataplane_test

import (
	"errors"
	"log/slog"
	"os"
)

var discard = slog.New(slog.DiscardHandler)

// late is a body of which nothing comes within the server's limit.
type late struct{}

func (late) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// broken is a connection that broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
