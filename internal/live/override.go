package live

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
)

// Override is the record of a kill that is served before the database has it, of one flag or of 5,000. It lies over whatever is
// served, also after a restart, until Live.Ended says that it is over.
type Override struct {
	ID          string             `json:"kill_id"`
	Here        bool               `json:"here,omitempty"` // the database was away: it is of this replica alone, and no other hears of it
	Select      registry.Selection `json:"select"`
	Environment string             `json:"environment"`
	Keys        []string           `json:"keys"`          // the flags that it covers, in order; decided when it was served
	Off         int                `json:"off,omitempty"` // so many of Keys were off already: it is said of them again
	By          access.Identity    `json:"by"`            // who turned it off
	Credential  audit.Credential   `json:"credential"`
	Reason      string             `json:"reason,omitempty"`
	At          time.Time          `json:"served_at"`
	Sent        Sent               `json:"sent,omitzero"`
}

// Sent tells a request that is sent again from another one. Its zero value is like no other.
type Sent struct {
	IdempotencyKey string `json:"idempotency_key"`
	Path           string `json:"path"`
}

// Override serves the off variants of the selected flags from now on: those of o.Keys, or if there are none, all that are selected in
// what is served now, which for more than one flag leaves out those that are killed already. It returns the record that is served and
// on disk by then; other replicas hear of it beside.
//
// It returns the standing record instead if the same actor sent the same request before or, where the database is away, if one covers
// all of the flags already. An
// environment or flag that this replica does not serve is a fault of kind NotFound, and a selection of which nothing is on one of kind
// Conflict. After a fault of kind Unavailable it is served, but a restart would forget it; the same again tries to write it again.
func (l *Live) Override(ctx context.Context, o Override) (Override, error) {
	l.recording.Lock()
	defer l.recording.Unlock()
	o, added, err := l.lay(o)
	if err != nil {
		return Override{}, err
	}
	if added {
		l.Log.LogAttrs(ctx, slog.LevelWarn, "turned off before the database has it", slog.String("kill", o.ID), slog.String("what", o.Select.Words()),
			slog.String("environment", o.Environment), slog.Int("flags", len(o.Keys)), slog.String("by", o.By.Email), slog.String("reason", o.Reason))
	}
	err = l.record()
	if added && !o.Here {
		l.talk.say(message{Override: &o})
	}
	if err != nil {
		return Override{}, fault.New(fault.Unavailable, "not_on_disk", "it is served so from now on, but could not be written to disk: a restart would forget it").
			Fix("free some space, and repeat the command").Because(err)
	}
	return o, nil
}

// lay serves an override, or returns the one that stands for it. Whoever calls it holds recording.
func (l *Live) lay(o Override) (standing Override, added bool, err error) {
	l.swapping.Lock()
	defer l.swapping.Unlock()
	h := l.held.Load()
	if h == nil || h.base[o.Environment] == nil {
		return o, false, fault.New(fault.NotFound, "unknown_environment", "this server serves no environment %q", fault.Clip(o.Environment, 80)).At("environment").
			Fix("name one that it serves")
	}
	for _, before := range l.overrides {
		if before.ID == o.ID || o.Sent != (Sent{}) && before.Sent == o.Sent && before.By.Is(o.By) {
			return before, false, nil
		}
	}
	if len(o.Keys) == 0 {
		if o.Keys, err = l.selected(h.base[o.Environment], o.Select); err != nil {
			return o, false, err
		}
	}
	for _, before := range l.overrides {
		if o.Here && before.covers(o) { // else it is an act of its own, with a reason of its own
			return before, false, nil
		}
	}
	l.put(o)
	return o, true, nil
}

// put serves an override from now on. The caller holds swapping.
func (l *Live) put(o Override) {
	l.overrides = append(slices.Clone(l.overrides), o)
	if h := l.held.Load(); h != nil {
		l.swap(h.again())
	}
}

// selected returns the keys of the flags of an environment that a selection would turn off, in order.
func (l *Live) selected(base *Served, s registry.Selection) (keys []string, err error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.Flag != "" {
		if _, ok := base.flags[s.Flag]; !ok {
			return nil, fault.New(fault.NotFound, "unknown_flag", "this server serves no flag %q in %s", fault.Clip(s.Flag, 200), base.Environment).
				At("flag_key").Fix("check its key")
		}
		return []string{s.Flag}, nil
	}
	owned := l.owned.Load()
	for key, f := range base.flags {
		if is := owned.of(key); s.Matches(key, f.label.App, is.Owner, is.Tags) && !killed(f.definition) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fault.New(fault.Conflict, "nothing_on", "nothing of that is on in %s", base.Environment).At("select").Fix("look at what is live there")
	}
	slices.Sort(keys)
	return keys, nil
}

// covers reports whether all that another override would turn off is off already, on all replicas that it is meant for.
func (o Override) covers(other Override) bool {
	if o.Environment != other.Environment || o.Here && !other.Here {
		return false
	}
	return !slices.ContainsFunc(other.Keys, func(key string) bool {
		_, found := slices.BinarySearch(o.Keys, key)
		return !found
	})
}

// Overrides returns the overrides, oldest first.
func (l *Live) Overrides() []Override {
	l.swapping.Lock()
	defer l.swapping.Unlock()
	return slices.Clone(l.overrides)
}

// adopt takes up the overrides of other replicas that are not known here, and reports whether there were any. The caller holds
// swapping, and swaps.
func (l *Live) adopt(noted []Override) bool {
	before := len(l.overrides)
	for _, o := range noted {
		if !l.talk.isOver(o.ID) && !slices.ContainsFunc(l.overrides, func(known Override) bool { return known.ID == o.ID }) {
			l.overrides = append(slices.Clone(l.overrides), o)
		}
	}
	return len(l.overrides) > before
}

// end drops the overrides that are over, and reports whether there were any. The caller holds swapping, and swaps.
func (l *Live) end(kills []string) bool {
	rest := slices.DeleteFunc(slices.Clone(l.overrides), func(o Override) bool { return slices.Contains(kills, o.ID) })
	ended := len(rest) < len(l.overrides)
	l.overrides = rest
	l.talk.end(kills)
	return ended
}
