package live

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/registry"
)

// overridesName is the file with the overrides, a line for each. formerName is the one that versions before wrote.
const (
	overridesName = "overrides.jsonl"
	formerName    = "overrides.json"
)

// record writes to disk, in one write, the overrides that are not there yet. The caller holds recording.
func (l *Live) record() error {
	if l.Dir == "" {
		return nil
	}
	var lines []byte
	all := l.Overrides()
	for _, o := range all {
		if !l.recorded[o.ID] {
			lines = appendLine(lines, o)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if err := appendLines(filepath.Join(l.Dir, overridesName), lines); err != nil {
		return err
	}
	for _, o := range all {
		l.recorded[o.ID] = true
	}
	return nil
}

// trimOverrides drops from the disk the overrides that are over. Until then a restart would serve them until it sees its database.
func (l *Live) trimOverrides() {
	l.recording.Lock()
	defer l.recording.Unlock()
	all := l.Overrides()
	over := func(id string) bool {
		return !slices.ContainsFunc(all, func(o Override) bool { return o.ID == id })
	}
	path := filepath.Join(l.Dir, overridesName)
	err := l.record()
	trimmed := maps.Clone(l.recorded)
	maps.DeleteFunc(trimmed, func(id string, _ bool) bool { return over(id) })
	switch {
	case err != nil || len(trimmed) == len(l.recorded):
	case len(all) == 0:
		err = os.Remove(path)
	default:
		var lines []byte
		for _, o := range all {
			lines = appendLine(lines, o)
		}
		err = replaceFile(path, lines)
	}
	if err == nil {
		l.recorded = trimmed
	}
	if err == nil && l.former {
		err = os.Remove(filepath.Join(l.Dir, formerName))
		l.former = err != nil
	}
	if err != nil {
		l.Log.Error("what was turned off on this replica is not on disk as it is", slog.Any("error", err))
	}
}

// readOverrides takes up what stood before a restart.
func (l *Live) readOverrides() {
	l.recording.Lock()
	defer l.recording.Unlock()
	l.recorded = map[string]bool{}
	if l.Dir == "" {
		return
	}
	all, err := l.readFormer()
	later, damaged, failed := readLines[Override](filepath.Join(l.Dir, overridesName))
	if err = errors.Join(err, failed); err != nil || damaged > 0 {
		l.Log.Error("some of what was turned off on this replica is not known any more", slog.Any("error", err), slog.Int("damaged_lines", damaged))
	}
	for _, o := range later {
		l.recorded[o.ID] = true
	}
	l.swapping.Lock()
	defer l.swapping.Unlock()
	for _, o := range append(all, later...) {
		if !slices.ContainsFunc(l.overrides, func(before Override) bool { return before.ID == o.ID }) {
			l.overrides = append(l.overrides, o)
		}
	}
}

// readFormer returns what a version before wrote: an override for each flag, all made without a database.
func (l *Live) readFormer() (all []Override, err error) {
	raw, err := os.ReadFile(filepath.Join(l.Dir, formerName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var file struct {
		SHA256    string          `json:"sha256"`
		Overrides json.RawMessage `json:"overrides"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if sum := sha256.Sum256(file.Overrides); err == nil && hex.EncodeToString(sum[:]) != file.SHA256 {
		err = errors.New("the file was damaged: its sum does not match")
	}
	var former []struct {
		ID          string    `json:"id"`
		Environment string    `json:"environment"`
		Flag        string    `json:"flag"`
		By          string    `json:"by"` // name of the user of the operating system
		Reason      string    `json:"reason"`
		At          time.Time `json:"at"`
	}
	if err == nil {
		err = json.Unmarshal(file.Overrides, &former)
	}
	if err != nil {
		return nil, err
	}
	l.former = true
	for _, o := range former {
		all = append(all, Override{
			ID: o.ID, Here: true, Select: registry.Selection{Flag: o.Flag}, Environment: o.Environment, Keys: []string{o.Flag},
			By: access.Identity{Email: "local:" + o.By}, Credential: audit.Credential{Kind: "local", ID: o.By}, Reason: o.Reason, At: o.At,
		})
	}
	return all, nil
}
