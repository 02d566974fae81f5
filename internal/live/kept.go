package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// killsName is the file with what was killed or restored since the copies were written. A copy takes long; a line of this file
// does not, so that it can be on disk before a kill is acknowledged.
const killsName = "kills.jsonl"

// keptKill is what a flag serves since it was killed or restored. A line of the file is the sum of its JSON, a blank, and the JSON,
// so that half a line counts for nothing.
type keptKill struct {
	Environment string          `json:"environment"`
	Revision    int64           `json:"revision"`
	Flag        string          `json:"flag"`
	Definition  json.RawMessage `json:"definition"`
}

func (k keptKill) line() []byte {
	text := encode(k)
	sum := sha256.Sum256(text)
	return append(append(append([]byte(hex.EncodeToString(sum[:8])), ' '), text...), '\n')
}

func readKillLine(line []byte) (k keptKill, ok bool) {
	sum, text, found := bytes.Cut(line, []byte{' '})
	want := sha256.Sum256(text)
	if !found || string(sum) != hex.EncodeToString(want[:8]) {
		return keptKill{}, false
	}
	return k, json.Unmarshal(text, &k) == nil
}

// killed tells whether a definition is that of a killed flag.
func killed(definition json.RawMessage) bool {
	if !bytes.Contains(definition, []byte(`"killed"`)) {
		return false
	}
	var d struct {
		Metadata struct {
			Killed bool `json:"killed"`
		} `json:"metadata"`
	}
	return json.Unmarshal(definition, &d) == nil && d.Metadata.Killed
}

// keepKills writes to disk what was killed or restored from one base to the next. Without it such a flag would be served as it was
// before if this process dies before the next copy and starts again without its database; so a failure is logged, and keeps nobody
// from killing.
func (l *Live) keepKills(before, after map[string]*Served) {
	if l.Dir == "" {
		return
	}
	var lines []byte
	for name, served := range after {
		old := before[name]
		if old == nil || old == served {
			continue
		}
		for key, f := range served.flags {
			was, known := old.flags[key]
			if known && bytes.Equal(was.definition, f.definition) {
				continue
			}
			if is := killed(f.definition); is != (known && killed(was.definition)) {
				lines = append(lines, keptKill{name, served.Revision, key, f.definition}.line()...)
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	l.keeping.Lock()
	defer l.keeping.Unlock()
	lines = append([]byte{'\n'}, lines...) // ends half a line, of a process that died
	if err := appendFile(filepath.Join(l.Dir, killsName), lines); err != nil {
		l.Log.Error("kills not written to disk", slog.Any("error", err))
	}
}

func appendFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// readKills gives the lines of the file that are whole, in their order.
func (l *Live) readKills() (all []keptKill) {
	text, err := os.ReadFile(filepath.Join(l.Dir, killsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.Log.Error("kills on disk not read", slog.Any("error", err))
	}
	for line := range bytes.Lines(text) {
		if k, ok := readKillLine(bytes.TrimSuffix(line, []byte{'\n'})); ok {
			all = append(all, k)
		}
	}
	return all
}

// trimKills drops the lines that the copies on disk hold by now. The caller holds copying.
func (l *Live) trimKills() {
	l.keeping.Lock()
	defer l.keeping.Unlock()
	path := filepath.Join(l.Dir, killsName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return
	}
	var rest []byte
	for _, k := range l.readKills() {
		if copied := l.copied[k.Environment]; copied == nil || copied.Revision < k.Revision {
			rest = append(rest, k.line()...)
		}
	}
	var err error
	if len(rest) == 0 {
		err = os.Remove(path)
	} else {
		err = replaceFile(path, rest)
	}
	if err != nil {
		l.Log.Error("kills on disk not trimmed", slog.Any("error", err))
	}
}
