package live

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
)

// Override is a kill on this replica alone, made while the database is away. It lies over whatever is served, also after a
// restart, until it was carried out as an ordinary kill.
type Override struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	Flag        string    `json:"flag"`
	By          string    `json:"by"` // name of the user of the operating system
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
}

// overridesName is the file with the overrides. The sum is over the bytes of Overrides.
const overridesName = "overrides.json"

type overridesFile struct {
	SHA256    string          `json:"sha256"`
	Overrides json.RawMessage `json:"overrides"`
}

// Override serves the off variant of a flag on this replica from now on. It is on disk before this returns. A flag that is
// overridden already stays so. One that this replica does not serve is a fault of kind NotFound.
func (l *Live) Override(o Override) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	h := l.held.Load()
	if h == nil || h.base[o.Environment] == nil {
		return fault.New(fault.NotFound, "unknown_environment", "this server serves no environment %q", fault.Clip(o.Environment, 80)).At("environment").
			Fix("name one that it serves")
	}
	if _, ok := h.base[o.Environment].flags[o.Flag]; !ok {
		return fault.New(fault.NotFound, "unknown_flag", "this server serves no flag %q in %s", fault.Clip(o.Flag, 200), o.Environment).At("flag_key").
			Fix("check its key")
	}
	for _, before := range l.overrides {
		if before.Environment == o.Environment && before.Flag == o.Flag {
			return nil
		}
	}
	l.overrides = append(slices.Clone(l.overrides), o)
	l.swap(&held{base: h.base, behind: h.behind})
	return l.writeOverrides()
}

// Overrides gives the overrides, oldest first.
func (l *Live) Overrides() []Override {
	l.loading.Lock()
	defer l.loading.Unlock()
	return slices.Clone(l.overrides)
}

// EndOverride serves again what the database says of a flag. Whoever calls it has seen to it that this is the kill, or that the flag
// is no more.
func (l *Live) EndOverride(id string) error {
	l.loading.Lock()
	defer l.loading.Unlock()
	l.overrides = slices.DeleteFunc(slices.Clone(l.overrides), func(o Override) bool { return o.ID == id })
	if h := l.held.Load(); h != nil {
		l.swap(&held{base: h.base, behind: h.behind})
	}
	return l.writeOverrides()
}

func (l *Live) writeOverrides() error {
	if l.Dir == "" {
		return nil
	}
	raw := encode(l.overrides)
	sum := sha256.Sum256(raw)
	if err := replaceFile(filepath.Join(l.Dir, overridesName), encode(overridesFile{hex.EncodeToString(sum[:]), raw})); err != nil {
		return fault.New(fault.Unavailable, "not_on_disk", "it is served so from now on, but could not be written to disk: a restart would forget it").
			Fix("free some space, and repeat the command").Because(err)
	}
	return nil
}

// readOverrides takes up what was overridden before a restart.
func (l *Live) readOverrides() {
	if l.Dir == "" {
		return
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	raw, err := os.ReadFile(filepath.Join(l.Dir, overridesName))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var file overridesFile
	var all []Override
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if sum := sha256.Sum256(file.Overrides); err == nil && hex.EncodeToString(sum[:]) != file.SHA256 {
		err = errors.New("the file was damaged: its sum does not match")
	}
	if err == nil {
		err = json.Unmarshal(file.Overrides, &all)
	}
	if err != nil {
		l.Log.Error("what was turned off on this replica is not known any more", slog.Any("error", fmt.Errorf("read %s: %w", overridesName, err)))
		return
	}
	l.overrides = all
}

// overlay makes what is served of the base and what lies over it: overrides, and what a database that came back older has killed.
// What did not change is taken from before.
func (h *held) overlay(before *held) {
	h.environments, h.over = make(map[string]*Served, len(h.base)), map[string]string{}
	for name, base := range h.base {
		var keys []string
		for _, o := range h.overridden {
			if o.Environment == name {
				keys = append(keys, o.Flag)
			}
		}
		keys = append(keys, h.behind[name].kills...)
		slices.Sort(keys)
		keys = slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
			f, ok := base.flags[key]
			return !ok || killed(f.definition)
		})
		h.over[name] = strings.Join(keys, "\n")
		switch {
		case before != nil && before.base[name] == base && before.over[name] == h.over[name]:
			h.environments[name] = before.environments[name]
		case len(keys) == 0 && base.used():
			h.environments[name] = base.anew()
		case len(keys) == 0:
			h.environments[name] = base
		default:
			h.environments[name] = base.kill(keys)
		}
	}
}

// used tells whether what is served was replaced already, so that nobody who waits for its successor would wait.
func (s *Served) used() bool {
	select {
	case <-s.replaced:
		return true
	default:
		return false
	}
}

// anew gives the same once more, with a successor of its own to wait for.
func (s *Served) anew() *Served {
	same := *s
	same.replaced, same.Serial = make(chan struct{}), serial.Add(1)
	return &same
}

// kill gives what is served with some of its flags killed, under the same revision: none of the database says so.
func (s *Served) kill(keys []string) *Served {
	over := s.anew()
	over.flags = maps.Clone(s.flags)
	changed := make(map[string]json.RawMessage, len(keys))
	for _, key := range keys {
		f := s.flags[key]
		over.digest.remove(f)
		f.definition = killedDefinition(f.definition, f.label.Off)
		over.digest.add(f)
		over.flags[key], changed[key] = f, f.definition
	}
	over.Flags, _ = s.Flags.With(changed, nil)
	over.Tag = over.digest.tag(s.evaluators)
	return over
}

// killedDefinition turns the definition of a flag into that of the killed flag: the off variant to everybody. Where the off variant
// is not known it is one that is called so, or else the default variant, without targeting. A disabled flag without any stays
// disabled: its default would turn on what was off.
func killedDefinition(definition json.RawMessage, off string) json.RawMessage {
	var d map[string]json.RawMessage
	var variants map[string]json.RawMessage
	if json.Unmarshal(definition, &d) != nil || json.Unmarshal(d["variants"], &variants) != nil {
		return encode(map[string]any{"state": "DISABLED", "variants": map[string]any{}}) // it serves nothing as it stands
	}
	if _, ok := variants[off]; !ok {
		off = registry.OffAmong(variants)
	}
	switch {
	case off != "":
		d["state"], d["defaultVariant"] = encode("ENABLED"), encode(off)
	case string(d["state"]) != string(encode("DISABLED")):
		d["state"] = encode("ENABLED")
	}
	metadata := map[string]json.RawMessage{}
	_ = json.Unmarshal(d["metadata"], &metadata) // absent or no object: there is none
	metadata["killed"] = json.RawMessage("true")
	d["metadata"] = encode(metadata)
	delete(d, "targeting")
	return encode(d)
}
