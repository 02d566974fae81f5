package dataplane

import (
	"context"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/soukhq/souk/internal/live"
)

// The types of events, as flagd names them.
const (
	eventReady     = "provider_ready"
	eventChange    = "configuration_change"
	eventKeepAlive = "keep_alive"
)

// events serves EventStream: that the provider is ready, then which flags changed.
//
// A stock provider keeps the answers that are STATIC until an event names their flag. While its stream was away it may have kept
// some that have changed since, be it into ones that are not static. So the first change that it hears of, at once, names every
// flag, and those that were removed lately.
func (p *Plane) events(ctx context.Context, send func(kind string, data *structpb.Struct) error) error {
	c := flagdCallOf(ctx)
	view := live.View{App: c.key.App, Browser: c.key.ClientSide}
	s, refusal := p.open(KindEvents, c.key, c.key.Environment, c.r)
	if refusal != "" {
		return refusal.refusal()
	}
	why := EndFailed
	defer func() { s.close(why) }()
	write := func(kind string, data *structpb.Struct) error {
		return s.write(c.control, func() error { return send(kind, data) })
	}
	why = s.follow(ctx, view, func(rev, before *revision) error {
		changes := rev.since(before, view)
		if before == nil {
			changes.Removed = p.environment(c.key.Environment).gone(p.Now())
			if err := write(eventReady, nil); err != nil {
				return err
			}
		}
		return write(eventChange, changed(changes))
	}, func() error { return write(eventKeepAlive, nil) })
	return why.refusal()
}

// changed is the data of a change: {"flags": {key: {"type": "update", …}}}.
func changed(changes live.Changes) *structpb.Struct {
	flags := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(changes.Changed)+len(changes.Removed))}
	add := func(keys []string, kind string) {
		for _, key := range keys {
			flags.Fields[key] = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
				"type": structpb.NewStringValue(kind), "flagKey": structpb.NewStringValue(key),
			}})
		}
	}
	add(changes.Removed, "delete")
	add(changes.Changed, "update")
	return &structpb.Struct{Fields: map[string]*structpb.Value{"flags": structpb.NewStructValue(flags)}}
}
