package review

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// mayGrowTo is how many people an audience of groups may come to have before somebody is asked about it: twice as many as it was
// approved for, and 200 however few those were.
func mayGrowTo(approved int) int { return max(2*approved, 200) }

// AudienceSize is how many people are in a segment of groups that a flag refers to, and for how many it was approved.
type AudienceSize struct {
	Segment  string   `json:"segment"`
	Title    string   `json:"title"`
	Revision int64    `json:"revision" doc:"Of the segment, as base_revision of a request to change it"`
	People   int      `json:"people" doc:"People known to be in it now"`
	Approved *int     `json:"approved,omitempty" doc:"How many the approvers saw of the last request that was carried out and that the flag is for them by; absent where none was"`
	Outgrown bool     `json:"outgrown" doc:"They are more than twice as many, and more than 200, and a governed environment is reached: owners and approvers have a card about it"`
	Can      []string `json:"can" doc:"What the caller may do about it: confirm, by a request change_segment with an empty change, which approves how many they are"`
}

// Outgrown is a flag with an audience that has outgrown what was approved.
type Outgrown struct {
	FlagKey  string
	Title    string // of the audience
	People   int
	Approved int
	Since    time.Time // when the first person too many joined
}

// approvedSize is for how many people a flag was approved to be for a segment, and by which request.
type approvedSize struct {
	FlagKey   string
	People    int
	RequestID string
}

func scanApprovedSize(row store.Row) (a approvedSize, err error) {
	err = row.Scan(&a.FlagKey, &a.People, &a.RequestID)
	return a, err
}

// saw returns how many of the people who are in a segment now whoever approved the request saw in it: of the audience that the request
// shows, the fewest since it was asked for or edited.
func (m move) saw(segment string, people int) int {
	if m.r.least == nil || m.r.assessment.Impact.Audience != segment {
		return people
	}
	return min(people, *m.r.least)
}

// keepSizes remembers for how many people a request was carried out that flags are for segments by. audiences are the segments by the
// key of the flag, where an empty one is that of the request.
func (m move) keepSizes(ctx context.Context, audiences map[string][]string) error {
	sizes := map[string]*int{} // nil: there is no such segment
	for _, key := range slices.Sorted(maps.Keys(audiences)) {
		for _, name := range audiences[key] {
			size, known := sizes[name]
			if !known {
				segment, ok, err := registry.SegmentNamed(ctx, m.tx, name)
				if err != nil {
					return err
				}
				if ok {
					counted, err := crowdIn(ctx, m.tx, segment)
					if err != nil {
						return err
					}
					people := m.saw(name, counted.People)
					size = &people
				}
				sizes[name] = size
			}
			if size == nil {
				continue
			}
			if _, err := m.tx.Exec(ctx, `INSERT INTO approved_audience (flag_key, segment, people, request_id) VALUES ($1, $2, $3, $4)
				ON CONFLICT (flag_key, segment) DO UPDATE SET people = excluded.people, request_id = excluded.request_id`,
				orElse(key, m.r.flag.Key), name, *size, m.r.id); err != nil {
				return fmt.Errorf("keep the size of an audience: %w", err)
			}
		}
	}
	return nil
}

// outgrownBy is a step: what was approved for the segment and reaches a governed environment, and is outgrown with so many people in
// it. Only groups grow without a request.
func outgrownBy(ctx context.Context, tx *store.Tx, s registry.Segment, people int) ([]approvedSize, error) {
	if len(s.Groups) == 0 || people <= mayGrowTo(0) {
		return nil, nil
	}
	all, err := store.List(ctx, tx, scanApprovedSize, `SELECT flag_key, people, request_id FROM approved_audience
		WHERE segment = $1 AND people * 2 < $2 ORDER BY flag_key`, s.Name, people)
	if err != nil {
		return nil, fmt.Errorf("look for what an audience outgrew: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	reached, err := ReachedBySegment(ctx, tx, s.Name)
	return slices.DeleteFunc(all, func(a approvedSize) bool { return !slices.Contains(reached.Keys, a.FlagKey) }), err
}

// AudienceSizes is a step: the segments of groups that a flag refers to, with how many people they have and were approved for.
func AudienceSizes(ctx context.Context, tx *store.Tx, by access.Actor, flag registry.Flag) ([]AudienceSize, error) {
	names, err := registry.SegmentsUsedBy(ctx, tx, flag.Key)
	if err != nil {
		return nil, err
	}
	sizes := []AudienceSize{}
	for _, name := range names {
		segment, _, err := registry.SegmentNamed(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		if len(segment.Groups) == 0 {
			continue
		}
		counted, err := crowdIn(ctx, tx, segment)
		if err != nil {
			return nil, err
		}
		size := AudienceSize{Segment: name, Title: segment.Title, Revision: segment.Revision, People: counted.People, Can: []string{}}
		approved, ok, err := store.One(ctx, tx, scanApprovedSize, `SELECT flag_key, people, request_id FROM approved_audience
			WHERE flag_key = $1 AND segment = $2`, flag.Key, name)
		if err != nil {
			return nil, fmt.Errorf("read the size of an audience: %w", err)
		}
		if ok {
			size.Approved = &approved.People
		}
		outgrown, err := outgrownBy(ctx, tx, segment, counted.People)
		if err != nil {
			return nil, err
		}
		size.Outgrown = slices.Contains(outgrown, approved)
		asked := &changingSegment{Segment: &segment, Reached: []ofFlag{{target: target{Flag: &flag}}}}
		if size.Outgrown && asked.ask(by, Content{}) == nil {
			size.Can = append(size.Can, "confirm")
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// maxOutgrown bounds how many flags one person is told of.
const maxOutgrown = 100

// Outgrown lists the flags whose audience has outgrown what was approved, for their owners and for those who may decide for a domain that
// approved it; for anybody else that is nothing. A flag stands there once for each such audience, and no longer when the size is
// approved anew, or fewer are left in it.
func (d *Desk) Outgrown(ctx context.Context, by access.Actor) (all []Outgrown, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return nil, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all = nil
		segments, err := registry.Segments(ctx, tx)
		if err != nil {
			return err
		}
		for _, segment := range segments {
			if len(segment.Groups) == 0 {
				continue
			}
			counted, err := crowdIn(ctx, tx, segment)
			if err != nil {
				return err
			}
			outgrown, err := outgrownBy(ctx, tx, segment, counted.People)
			if err != nil {
				return err
			}
			concerns, err := concerning(ctx, tx, by, outgrown)
			if err != nil {
				return err
			}
			for _, a := range outgrown {
				if len(all) == maxOutgrown || !concerns(a) {
					continue
				}
				// Whoever is listed counts as in it before anybody joined.
				since, err := access.JoinedAt(ctx, tx, segment.Groups, max(mayGrowTo(a.People)-len(segment.People), 0))
				if err != nil {
					return err
				}
				all = append(all, Outgrown{FlagKey: a.FlagKey, Title: segment.Title, People: counted.People, Approved: a.People, Since: since})
			}
		}
		return nil
	})
	return all, err
}

// concerning returns whether the actor is told of an approval of some that were outgrown: an owner of the flag, or somebody who may
// decide for a domain that approved it.
func concerning(ctx context.Context, tx *store.Tx, by access.Actor, some []approvedSize) (func(approvedSize) bool, error) {
	keys, ids := make([]string, len(some)), make([]string, len(some))
	for i, a := range some {
		keys[i], ids[i] = a.FlagKey, a.RequestID
	}
	owned, err := registry.OwnedAmong(ctx, tx, by, keys)
	if err != nil {
		return nil, err
	}
	decides := map[string]bool{} // by request
	if by.Has(access.Approver) && len(ids) > 0 {
		world, err := electors(ctx, tx)
		if err != nil {
			return nil, err
		}
		slices.Sort(ids)
		for part := range slices.Chunk(slices.Compact(ids), manyRequests) {
			records, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE id IN (`+store.In(1, len(part))+`)`, store.Values(part)...)
			if err != nil {
				return nil, fmt.Errorf("read who approved an audience: %w", err)
			}
			for _, r := range records {
				decides[r.id] = len(domainsOf(r.electorate(world), by.PersonID)) > 0
			}
		}
	}
	return func(a approvedSize) bool { return owned[a.FlagKey] || decides[a.RequestID] }, nil
}

// manyRequests is how many requests are read in one statement.
const manyRequests = 400
