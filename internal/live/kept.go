package live

import (
	"bytes"
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

// keptKill is what a flag serves since it was killed or restored: a line of the file.
type keptKill struct {
	Environment string          `json:"environment"`
	Revision    int64           `json:"revision"`
	Flag        string          `json:"flag"`
	Definition  json.RawMessage `json:"definition"`
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
				lines = appendLine(lines, keptKill{name, served.Revision, key, f.definition})
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	l.keeping.Lock()
	defer l.keeping.Unlock()
	if err := appendLines(filepath.Join(l.Dir, killsName), lines); err != nil {
		l.Log.Error("kills not written to disk", slog.Any("error", err))
	}
}

// readKills returns the lines of the file that are whole, in their order.
func (l *Live) readKills() []keptKill {
	all, _, err := readLines[keptKill](filepath.Join(l.Dir, killsName))
	if err != nil {
		l.Log.Error("kills on disk not read", slog.Any("error", err))
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
			rest = appendLine(rest, k)
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
