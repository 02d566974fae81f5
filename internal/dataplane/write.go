package dataplane

import (
	"cmp"
	"errors"
	"net/http"
	"sync"
	"time"
)

// errSlow is why a client that did not read in time is sent nothing more.
var errSlow = errors.New("the client did not read in time")

// How long a client may take to read what a stream sends at once, and how long once its key has ended.
const (
	writeTime = 10 * time.Second
	hurryTime = 500 * time.Millisecond
)

// writing is a write to a client that may be given up.
type writing struct {
	late *time.Timer

	mu      sync.Mutex
	control *http.ResponseController // guarded by mu; nil once the write is over: past its handler, net/http panics at it
	cut     bool                     // guarded by mu
}

func (w *writing) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.control != nil {
		w.cut = true
		_ = w.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// over ends it, and tells whether it was given up.
func (w *writing) over() (cut bool) {
	w.late.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control = nil
	return w.cut
}

// write runs what writes to the client, which must read it in time.
func (s *stream) write(control *http.ResponseController, what func() error) error {
	w := &writing{control: control}
	w.late = time.AfterFunc(cmp.Or(s.plane.patience, writeTime), w.giveUp)
	s.writing.Store(w)
	if s.hurried.Load() {
		w.late.Reset(hurryTime)
	}
	err := what()
	s.writing.Store(nil)
	if w.over() {
		return errSlow
	}
	return err
}

// hurry shortens the time that the client may take, so that a stream of a key that was revoked ends though nobody reads it.
func (s *stream) hurry() {
	s.hurried.Store(true)
	if w := s.writing.Load(); w != nil {
		w.late.Reset(hurryTime)
	}
}
