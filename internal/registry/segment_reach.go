package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

// Holds counts those of the contexts that the segment lets in, each person once.
func (s Segment) Holds(contexts []map[string]any, at time.Time) int {
	set := flag.Set{
		Flags: map[string]json.RawMessage{"in": encode(map[string]any{
			"state": "ENABLED", "variants": map[string]any{"in": true, "out": false}, "defaultVariant": "out",
			"targeting": map[string]any{"if": []any{map[string]any{"$ref": s.Name}, "in"}},
		})},
		Evaluators: map[string]json.RawMessage{s.Name: encode(s.Logic())},
	}
	snapshot, _ := set.Compile() // a segment that was checked has no problems
	evaluation := snapshot.Context(at)
	defer evaluation.Release()
	people, unnamed := map[string]bool{}, 0
	for _, attributes := range contexts {
		evaluation.Set(attributes)
		if snapshot.Evaluate("in", evaluation).Variant != "in" {
			continue
		}
		if key, _ := attributes["targetingKey"].(string); key != "" {
			people[key] = true
		} else {
			unnamed++
		}
	}
	return len(people) + unnamed
}

// SegmentRevision is what a segment was.
type SegmentRevision struct {
	Segment
	Words     string    `json:"words" doc:"Who was in it, in one sentence"`
	By        string    `json:"by" doc:"Who changed it; empty for what was there before revisions were kept"`
	At        time.Time `json:"at"`
	RequestID string    `json:"request_id,omitempty"`
}

func scanSegmentRevision(row store.Row) (r SegmentRevision, err error) {
	var at int64
	r.Segment, err = scanSegment(rowWith{row, []any{&r.By, &at, &r.RequestID}})
	r.At, r.Words = store.Time(at), r.Segment.Words()
	return r, err
}

// rowWith is a row with more columns than are asked for.
type rowWith struct {
	store.Row
	more []any
}

// Scan reads what is asked for, and then the rest.
func (r rowWith) Scan(dest ...any) error { return r.Row.Scan(append(dest, r.more...)...) }

// SegmentHistory lists what a segment was, the newest first, at most a hundred.
func (r *Registry) SegmentHistory(ctx context.Context, by access.Actor, name string) ([]SegmentRevision, error) {
	return read(ctx, r, by, func(ctx context.Context, tx *store.Tx) ([]SegmentRevision, error) {
		if _, ok, err := SegmentNamed(ctx, tx, name); err != nil || !ok {
			if err == nil {
				err = unknownSegment(ctx, tx, name)
			}
			return nil, err
		}
		return segmentHistory(ctx, tx, name)
	})
}

func segmentHistory(ctx context.Context, tx *store.Tx, name string) ([]SegmentRevision, error) {
	all, err := store.List(ctx, tx, scanSegmentRevision, `SELECT `+segmentColumns+`, actor, at, request_id FROM segment_revision
		WHERE name = $1 ORDER BY revision DESC LIMIT 100`, name)
	if err != nil {
		return nil, fmt.Errorf("list revisions of the segment %s: %w", name, err)
	}
	return all, nil
}

// SegmentBefore is what a segment was before its present revision, as a change of that; without one it is a fault of kind Conflict.
func (r *Registry) SegmentBefore(ctx context.Context, by access.Actor, name string) (Segment, error) {
	history, err := r.SegmentHistory(ctx, by, name)
	if err != nil {
		return Segment{}, err
	}
	if len(history) < 2 {
		return Segment{}, fault.New(fault.Conflict, "nothing_to_go_back_to", "the audience %s never was another", name).Fix("change it instead")
	}
	before := history[1].Segment
	before.Revision = history[0].Revision
	return before, nil
}
