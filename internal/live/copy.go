package live

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// copySuffix ends the names of the copies on disk; each begins with the name of its environment.
const copySuffix = ".snapshot.json"

// state is what a copy on disk holds.
type state struct {
	Environment string           `json:"environment"`
	Revision    int64            `json:"revision"`
	Labels      map[string]label `json:"labels"`
	Revisions   map[string]int64 `json:"revisions"`
	Document    stored           `json:"document"`
}

// stored is what an environment serves as it is stored, which is more than in-process SDKs get.
type stored struct {
	Flags      map[string]json.RawMessage `json:"flags"`
	Evaluators map[string]json.RawMessage `json:"$evaluators"`
}

// diskCopy is a copy on disk. The sum is over the bytes of State, so that half a file or a changed one is not served.
type diskCopy struct {
	SHA256 string          `json:"sha256"`
	State  json.RawMessage `json:"state"`
}

func writeSummed(path string, v any) error {
	raw := encode(v)
	sum := sha256.Sum256(raw)
	return replaceFile(path, encode(diskCopy{SHA256: hex.EncodeToString(sum[:]), State: raw}))
}

func readSummed(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	var c diskCopy
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if sum := sha256.Sum256(c.State); hex.EncodeToString(sum[:]) != c.SHA256 {
		return errors.New("the file was damaged: its sum does not match")
	}
	if err := json.Unmarshal(c.State, v); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// writeCopy keeps a copy on disk, and tells whether it could. Without it the next start needs the database; nothing else is lost,
// so a failure is logged.
func (l *Live) writeCopy(s *Served) bool {
	labels, revisions := make(map[string]label, len(s.flags)), make(map[string]int64, len(s.flags))
	document := stored{Flags: make(map[string]json.RawMessage, len(s.flags)), Evaluators: s.evaluators}
	for key, f := range s.flags {
		labels[key], revisions[key], document.Flags[key] = f.label, f.revision, f.definition
	}
	path := filepath.Join(l.Dir, s.Environment+copySuffix)
	if err := writeSummed(path, state{
		Environment: s.Environment, Revision: s.Revision, Labels: labels, Revisions: revisions, Document: document,
	}); err != nil {
		l.Log.Error("copy of flags not written", slog.String("environment", s.Environment), slog.Any("error", err))
		return false
	}
	return true
}

// readCopies serves what the copies on disk hold, until the database says more. A copy that is damaged is left out.
func (l *Live) readCopies() {
	if l.Dir == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(l.Dir, "*"+copySuffix))
	if err != nil || len(files) == 0 {
		return
	}
	killed := l.readKills()
	environments := map[string]*Served{}
	for _, file := range files {
		served, err := readCopy(file, killed)
		if err != nil {
			l.Log.Error("copy of flags ignored", slog.String("file", file), slog.Any("error", err))
			continue
		}
		environments[served.Environment] = served
	}
	if len(environments) > 0 {
		l.stale.Store(true)
		l.swapping.Lock()
		defer l.swapping.Unlock()
		durable := make(chan struct{})
		close(durable)
		l.swap(&held{base: environments, durable: durable})
	}
}

func readCopy(file string, kept []keptKill) (*Served, error) {
	var s state
	if err := readSummed(file, &s); err != nil {
		return nil, err
	}
	if s.Revisions == nil { // written by an earlier version
		s.Revisions = map[string]int64{}
	}
	if s.Environment != strings.TrimSuffix(filepath.Base(file), copySuffix) {
		return nil, fmt.Errorf("the file holds the environment %q", s.Environment)
	}
	all := loaded{environment: s.Environment, revision: s.Revision, evaluators: s.Document.Evaluators}
	// What was killed or restored after the copy was written.
	for _, k := range kept {
		if k.Environment == s.Environment && k.Revision > s.Revision && s.Document.Flags[k.Flag] != nil {
			s.Document.Flags[k.Flag], s.Revisions[k.Flag] = k.Definition, k.Revision
		}
	}
	for key, definition := range s.Document.Flags {
		all.flags = append(all.flags, definedFlag{key: key, definition: definition, label: s.Labels[key], revision: s.Revisions[key], live: true})
	}
	served, _ := all.serve()
	served.fromDisk = true
	return served, nil
}

// replaceFile writes a file so that after a crash it holds all of the old content or all of the new.
func replaceFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	file, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = bytes.NewReader(content).WriteTo(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("rename file: %w", err)
	}
	syncDir(dir)
	return nil
}

// encode gives the JSON of a value that always has one.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return raw
}
