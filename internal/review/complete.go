package review

import (
	"context"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// maxCompleted is how many flags are completed at once.
const maxCompleted = 1000

// Complete gives imported flags what they lack, by their keys: an owner, a contact, a TTL, tags, a value for a kill. Flags that are live in a
// governed environment are one request for each such environment; the others have it at once. What cannot be given is in the plans.
func (d *Desk) Complete(
	ctx context.Context, by access.Actor, flags map[string]importer.Ownership, reason, id string, dryRun bool,
) (outcomes []ImportOutcome, err error) {
	if err := access.Can(by, access.FlagImport, access.Scope{}); err != nil {
		return nil, err
	}
	if len(flags) == 0 || len(flags) > maxCompleted {
		return nil, fault.New(fault.Invalid, "out_of_range", "there are %d flags", len(flags)).At("flags").Fix("name 1 to %d", maxCompleted)
	}
	var places []place
	if err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		places, err = placesOf(ctx, tx, flags)
		return err
	}); err != nil {
		return nil, err
	}
	for _, p := range places {
		text, err := importer.WriteMap(p.flags)
		if err != nil {
			return nil, err
		}
		c := Content{Environment: p.environment, Format: registry.FormatFlagd, Map: text, Reason: orElse(reason, "flags get what they lack")}
		out, err := d.Import(ctx, by, c, id, dryRun)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, out)
	}
	return outcomes, nil
}

// place is where some flags are completed.
type place struct {
	environment string
	flags       map[string]importer.Ownership
}

// placesOf is a step: each flag is completed in a governed environment in which it is live, the last of them, else where it is live.
func placesOf(ctx context.Context, tx *store.Tx, flags map[string]importer.Ownership) (places []place, err error) {
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, e := range environments {
		places = append(places, place{e.Name, map[string]importer.Ownership{}})
	}
	for key, said := range flags {
		f, ok, err := registry.Get(ctx, tx, key)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", fault.Clip(key, 200)).At("flags").Fix("look its key up in the list of flags")
		}
		at := -1
		for i, e := range environments {
			state, _ := f.In(e.Name)
			if state.Live && (at < 0 || e.Governed || !environments[at].Governed) {
				at = i
			}
		}
		if at < 0 || f.Imported == "" {
			return nil, fault.New(fault.Conflict, "made_here", "%s is not an imported flag that is served", fault.Clip(key, 200)).At("flags").
				Fix("leave it out: its app and its template say who answers for it")
		}
		places[at].flags[key] = said
	}
	return slices.DeleteFunc(places, func(p place) bool { return len(p.flags) == 0 }), nil
}
