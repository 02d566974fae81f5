package verbs

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// keyFacts tells package sdkkey what it may not ask itself: who owns an app, and whether an environment is governed.
func keyFacts(ctx context.Context, tx *store.Tx, environment, app string) (sdkkey.Facts, error) {
	var facts sdkkey.Facts
	if environment != "" {
		e, ok, err := registry.EnvironmentNamed(ctx, tx, environment)
		if err != nil {
			return facts, err
		}
		if !ok {
			all, err := registry.Environments(ctx, tx)
			if err != nil {
				return facts, err
			}
			names := make([]string, len(all))
			for i, e := range all {
				names[i] = e.Name
			}
			return facts, unknown("environment", environment, names)
		}
		facts.Governed = e.Governed
	}
	if app != "" {
		found, ok, err := catalog.Load(ctx, tx, app)
		if err != nil {
			return facts, err
		}
		if !ok {
			return facts, unknown("app", app, nil)
		}
		facts.OwnerGroup = found.Owner
	}
	return facts, nil
}

func unknown(what, name string, known []string) error {
	return fault.New(fault.NotFound, "unknown_"+what, "there is no %s %q", what, name).At(what).
		Fix("%s", fault.Meant(name, known, "look it up in the list"))
}

// usesOfGroup names what hangs on a group, for whoever wants to delete it.
func usesOfGroup(ctx context.Context, tx *store.Tx, group string) ([]string, error) {
	apps, err := catalog.OwnedBy(ctx, tx, group)
	if err != nil {
		return nil, err
	}
	var uses []string
	for _, slug := range apps {
		uses = append(uses, "the app "+slug)
	}
	segments, err := registry.SegmentsOf(ctx, tx, group)
	if err != nil {
		return nil, err
	}
	for _, name := range segments {
		uses = append(uses, "the audience "+name)
	}
	flags, err := registry.OwnedBy(ctx, tx, group)
	for _, key := range flags {
		uses = append(uses, "the flag "+key)
	}
	return uses, err
}

// audienceOf returns the keys of the flags whose people in a governed environment a group decides, by the segments that it is part of.
func audienceOf(ctx context.Context, tx *store.Tx, group string) (flags []string, err error) {
	segments, err := registry.SegmentsOf(ctx, tx, group)
	for _, name := range segments {
		decided, err := review.ReachedBySegment(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		flags = append(flags, decided.Keys...)
	}
	return flags, err
}

// readdress shows the new address of a person wherever people are kept by their ids.
func readdress(ctx context.Context, tx *store.Tx, who access.Identity) error {
	for _, step := range []func(context.Context, *store.Tx, access.Identity) error{
		signin.Readdress, sdkkey.Readdress, registry.Readdress, kill.Readdress, review.Readdress,
	} {
		if err := step(ctx, tx, who); err != nil {
			return err
		}
	}
	return nil
}
