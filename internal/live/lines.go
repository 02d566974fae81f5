package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A file of lines grows by a line for each act, and so by as little as can be. A line is the sum of its JSON, a blank, and the JSON, so
// that half a line, of a process that died, counts for nothing.

func appendLine(to []byte, v any) []byte {
	text := encode(v)
	sum := sha256.Sum256(text)
	return append(append(append(append(to, hex.EncodeToString(sum[:8])...), ' '), text...), '\n')
}

// readLines returns what the lines of a file hold, in their order, and how many are damaged. A file that is not there has none.
func readLines[T any](path string) (all []T, damaged int, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read: %w", err)
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		if len(line) == 0 {
			continue
		}
		var one T
		sum, text, found := bytes.Cut(line, []byte{' '})
		want := sha256.Sum256(text)
		if !found || string(sum) != hex.EncodeToString(want[:8]) || json.Unmarshal(text, &one) != nil {
			damaged++
			continue
		}
		all = append(all, one)
	}
	return all, damaged, nil
}

// appendLines writes lines to the end of a file, in one write, and returns once they are on disk.
func appendLines(path string, lines []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open file: %w", err)
	}
	_, err = file.Write(append([]byte{'\n'}, lines...)) // the first ends half a line, of a process that died
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if isNew {
		syncDir(dir)
	}
	return nil
}

// syncDir makes the names of files in a directory outlive a crash, where the system can.
func syncDir(dir string) {
	if parent, err := os.Open(dir); err == nil {
		_ = parent.Sync()
		_ = parent.Close()
	}
}
