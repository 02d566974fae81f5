package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/soukhq/souk/internal/fault"
)

const checkpointsName = "checkpoints"

// latched is the largest checkpoint that this server knows, and the verifier keys that were known with it. The zero value is
// none.
type latched struct {
	head
	keys []string
}

// latch remembers the largest checkpoint outside the database, in DATA/checkpoints, and lets none out that does not continue
// it. Whoever sets the database back, with or without its triggers, does not set back what was published.
type latch struct {
	path string // empty means that it is remembered by this process only

	mu    sync.Mutex
	known latched // guarded by mu
}

// open reads what was published before. Half a line, which a crash leaves, was never published.
func (l *latch) open(dir string) error {
	if dir == "" {
		return nil
	}
	l.path = filepath.Join(dir, checkpointsName)
	file, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.New(fault.Invalid, "checkpoints_unreadable", "the published checkpoints in %s cannot be read", l.path).
			Fix("let the user that runs souk read and write the file").Because(err)
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 64<<10)
	for {
		line, err := readLine(reader)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read checkpoints: %w", err)
		}
		if found, ok := readLatched(line); ok && found.supersedes(l.known.head) {
			l.known = found
		}
		if err != nil {
			return nil
		}
	}
}

func readLatched(line []byte) (latched, bool) {
	var c Checkpoint
	if json.Unmarshal(line, &c) != nil {
		return latched{}, false
	}
	h, _, err := unsignedHead(c.Note)
	return latched{h, c.Keys}, err == nil
}

// supersedes reports whether h, which was written after other, is the one to continue.
func (h head) supersedes(other head) bool {
	name, n := splitOrigin(h.origin)
	otherName, otherN := splitOrigin(other.origin)
	switch {
	case name != otherName: // written only once it was acknowledged that the database is another one
		return true
	case n != otherN:
		return n > otherN
	}
	return h.size > other.size
}

// splitOrigin returns the name of a log and how many there were of that name, with it: souk/0123456789ab/2 is the second.
func splitOrigin(origin string) (name string, n int64) {
	if i := strings.LastIndexByte(origin, '/'); i > strings.IndexByte(origin, '/') {
		if n, err := strconv.ParseInt(origin[i+1:], 10, 64); err == nil && n > 1 {
			return origin[:i], n
		}
	}
	return origin, 1
}

// successor names the log that goes on where those two end.
func successor(origin, abandoned string) string {
	name, n := splitOrigin(origin)
	if other, m := splitOrigin(abandoned); other == name {
		n = max(n, m)
	}
	return name + "/" + strconv.FormatInt(n+1, 10)
}

// largest returns the checkpoint that whatever is signed has to continue.
func (l *latch) largest() latched {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// keep makes the checkpoint of h, which was found to continue since, the one to continue; it is on disk before anybody is
// given it. It is false if another was kept meanwhile: the caller has to look again whether h continues that.
func (l *latch) keep(c Checkpoint, h head, since latched) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.known.head != since.head:
		return false, nil
	case h.size == 0 || h == since.head:
		return true, nil
	}
	if l.path != "" {
		if err := appendLine(l.path, c); err != nil {
			return false, fault.New(fault.Unavailable, "checkpoint_not_kept", "the checkpoint cannot be written to %s, and none is given out before that", l.path).
				Fix("see that the disk has room and that souk may write there").Because(err)
		}
	}
	l.known = latched{h, c.Keys}
	return true, nil
}

func appendLine(path string, c Checkpoint) error {
	line, err := encodeLine(c)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open checkpoints: %w", err)
	}
	// A crash may have left half a line, which must not spoil this one.
	end := make([]byte, 1)
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil && size > 0 {
		if _, err := file.ReadAt(end, size-1); err == nil && end[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = file.Write(line)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if size == 0 {
		return syncDir(filepath.Dir(path))
	}
	return nil
}
