package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Difference is one thing that differs between two revisions, in words and as values.
type Difference struct {
	Path   string `json:"path" doc:"Such as serving.percent or serving.variants.on"`
	Words  string `json:"words" doc:"In plain words"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Comparison is two revisions of a flag in one environment and what differs.
type Comparison struct {
	From    Revision     `json:"from"`
	To      Revision     `json:"to"`
	Changes []Difference `json:"changes" nullable:"false"`
}

// Compare tells what differs between two revisions; nothing where SDKs see the same by the same words.
func Compare(from, to Revision) []Difference {
	changes := []Difference{}
	add := func(path, words string, before, after any) {
		changes = append(changes, Difference{Path: path, Words: words, Before: before, After: after})
	}
	if from.Killed != to.Killed {
		words := "turned off for everybody"
		if from.Killed {
			words = "no longer turned off for everybody"
		}
		add("killed", words, from.Killed, to.Killed)
	}
	a, b := from.Serving.Tidy(), to.Serving.Tidy()
	if before, after := a.Words(), b.Words(); before != after {
		add("serving", after+" instead of "+before, before, after)
	}
	text := func(path, label, before, after string) {
		if before != after {
			add(path, label+": "+orNothing(after)+" instead of "+orNothing(before), before, after)
		}
	}
	text("serving.mode", "way of serving", string(a.Mode), string(b.Mode))
	text("serving.audience", "audience", a.Audience, b.Audience)
	if a.Percent != b.Percent {
		add("serving.percent", fmt.Sprintf("%d %% instead of %d %%", b.Percent, a.Percent), a.Percent, b.Percent)
	}
	if !bytes.Equal(a.Targeting, b.Targeting) {
		words := "another rule"
		switch {
		case len(a.Targeting) == 0:
			words = "a rule of its own"
		case len(b.Targeting) == 0:
			words = "no rule of its own any more"
		}
		add("serving.targeting", words, orNull(a.Targeting), orNull(b.Targeting))
	}
	text("serving.default_variant", "what all others get", a.DefaultVariant, b.DefaultVariant)
	names := slices.AppendSeq(slices.Collect(maps.Keys(a.Variants)), maps.Keys(b.Variants))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		before, had := a.Variants[name]
		after, has := b.Variants[name]
		path := "serving.variants." + name
		switch {
		case !had:
			add(path, fmt.Sprintf("%s is %s here", name, encode(after)), nil, after)
		case !has:
			add(path, fmt.Sprintf("%s is what it is elsewhere, no longer %s", name, encode(before)), before, nil)
		case !bytes.Equal(encode(before), encode(after)):
			add(path, fmt.Sprintf("%s is %s instead of %s", name, encode(after), encode(before)), before, after)
		}
	}
	if len(changes) == 0 && !bytes.Equal(from.Definition, to.Definition) {
		add("definition", "the audience means other people now", from.Definition, to.Definition)
	}
	return changes
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func orNull(raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	return json.RawMessage(raw)
}

// Compare gives two revisions of a flag in an environment and what differs. A revision of 0 is the last one for to, and the
// one before to for from.
func (r *Registry) Compare(ctx context.Context, by access.Actor, key, environment string, from, to int64) (Comparison, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (Comparison, error) {
		f, err := known(ctx, tx, key)
		if err != nil {
			return Comparison{}, err
		}
		state, ok := f.In(environment)
		if !ok {
			return Comparison{}, unknownEnvironment(environment)
		}
		if to == 0 {
			to = state.Revision
		}
		if from == 0 {
			before, ok, err := store.One(ctx, tx, scanRevision, `SELECT `+revisionColumns+` FROM flag_revision
				WHERE flag_key = $1 AND environment = $2 AND revision < $3 ORDER BY revision DESC LIMIT 1`, key, environment, to)
			if err != nil {
				return Comparison{}, fmt.Errorf("look for the revision before %d: %w", to, err)
			}
			if from = before.Revision.Revision; !ok {
				from = to
			}
		}
		var c Comparison
		for _, side := range []struct {
			field    string
			revision int64
			into     *Revision
		}{{"from", from, &c.From}, {"to", to, &c.To}} {
			found, ok, err := RevisionAt(ctx, tx, key, environment, side.revision)
			if err != nil {
				return Comparison{}, err
			}
			if !ok {
				return Comparison{}, fault.New(fault.NotFound, "unknown_revision", "%s has no revision %d in %s", key, side.revision, environment).
					At(side.field).Fix("choose one of its history there")
			}
			*side.into = found
		}
		c.Changes = Compare(c.From, c.To)
		return c, nil
	})
}

func unknownEnvironment(name string) error {
	return fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", name).
		At("environment").Fix("name one of the flag's environments")
}
