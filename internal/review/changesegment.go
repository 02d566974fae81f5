package review

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// changingSegment is change_segment: who is in an audience that flags in a governed environment are served to.
type changingSegment struct {
	bare
	target  // nothing: many flags may be reached
	Segment *registry.Segment
	Keys    []string // of all flags that the segment reaches where it is governed
	Reached []ofFlag // those of them that are judged, each with what policies see of it
	Baking  []string // of Keys
	Ruled   bool     // a rule names it, which may be for whoever is not in it
	People  crowd    // that are in it now
	Will    crowd    // that are to be in it

	Outgrown []approvedSize // what was approved for fewer people than may be in it without being asked about
}

// judgedEach bounds how many flags of a segment policies judge each. One that reaches more is a high risk by that.
const judgedEach = 30

func (*changingSegment) title(c Content) string {
	if c.Change != nil && reflect.ValueOf(*c.Change).IsZero() {
		return "Keep the audience " + quoted(c.Segment, "?") + " as large as it is"
	}
	return "Change the audience " + quoted(c.Segment, "?")
}

func (*changingSegment) takes() []string { return []string{"segment", "base_revision", "change"} }

func (s *changingSegment) load(ctx context.Context, tx *store.Tx, r record, w World) error {
	segment, ok, err := registry.SegmentNamed(ctx, tx, r.content.Segment)
	if err != nil || !ok {
		return err
	}
	s.Segment = &segment
	decided, err := ReachedBySegment(ctx, tx, segment.Name)
	if err != nil {
		return err
	}
	s.Keys, s.Ruled = decided.Keys, decided.Ruled
	for _, key := range s.Keys[:min(len(s.Keys), judgedEach)] {
		var f ofFlag
		if err := f.loadFlag(ctx, tx, key, w.Now); err != nil {
			return err
		}
		if f.Flag != nil {
			s.Reached = append(s.Reached, f)
		}
	}
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return err
	}
	if s.Baking, err = rollout.Baking(ctx, tx, environments, s.Keys); err != nil {
		return err
	}
	if s.People, err = crowdIn(ctx, tx, segment); err != nil {
		return err
	}
	if s.Outgrown, err = outgrownBy(ctx, tx, segment, s.People.People); err != nil {
		return err
	}
	s.Will, err = crowdIn(ctx, tx, s.next(r.content))
	return err
}

// crowdIn counts the people of a segment.
func crowdIn(ctx context.Context, tx *store.Tx, s registry.Segment) (crowd, error) {
	reach, err := registry.ReachOf(ctx, tx, s)
	return crowd{People: reach.People, Open: !reach.Exact, Closed: s.Closed(), Room: reach.Room}, err
}

// ReachedBySegment is a step: the flags whose people in a governed environment the segment decides: as they serve, as they were
// approved, by a rollout that is not over, or by an open request.
func ReachedBySegment(ctx context.Context, tx *store.Tx, name string) (none registry.Decided, err error) {
	governed, err := governedNames(ctx, tx)
	if err != nil || len(governed) == 0 {
		return none, err
	}
	shared, err := registry.AllSharedRules(ctx, tx)
	if err != nil {
		return none, err
	}
	serves, err := registry.GovernedBySegment(ctx, tx, shared, name)
	if err != nil {
		return none, err
	}
	rolling, err := rollout.ToSegment(ctx, tx, name, governed)
	if err != nil {
		return none, err
	}
	asked, err := askedFor(ctx, tx, shared, name, governed)
	return serves.And(rolling).And(asked), err
}

// next is the segment as it is to be.
func (s *changingSegment) next(c Content) registry.Segment {
	if c.Change == nil {
		return *s.Segment
	}
	return c.Change.SegmentChange.over(*s.Segment).Tidy()
}

// confirms reports whether the segment stays as it is, and is outgrown: what is asked for is that so many people may be in it by now.
func (s *changingSegment) confirms(c Content) bool {
	return len(s.Outgrown) > 0 && c.Change != nil && reflect.DeepEqual(s.next(c), *s.Segment)
}

// approved is the smallest number of people that a flag was approved for, of those that are outgrown.
func (s *changingSegment) approved() int {
	return slices.MinFunc(s.Outgrown, func(a, b approvedSize) int { return a.People - b.People }).People
}

// over returns the segment with what the change says of it; what is absent stays. Everybody leaves no lists, and a list is not of
// everybody.
func (c SegmentChange) over(s registry.Segment) registry.Segment {
	s.Title, s.Match = orElse(c.Title, s.Title), registry.Match(orElse(string(c.Match), string(s.Match)))
	if c.Description != nil {
		s.Description = *c.Description
	}
	if c.Everybody != nil {
		s.Everybody = *c.Everybody
	} else if len(c.Groups)+len(c.People)+len(c.Rules) > 0 {
		s.Everybody = false
	}
	if c.Everybody != nil && *c.Everybody {
		s.Groups, s.People, s.Rules = nil, nil, nil
	}
	if c.Groups != nil {
		s.Groups = c.Groups
	}
	if c.People != nil {
		s.People = c.People
	}
	if c.Rules != nil {
		s.Rules = c.Rules
	}
	return s
}

// segmentChange is the change that leads from one segment to another.
func segmentChange(from, to registry.Segment) *ContentChange {
	var c SegmentChange
	if from.Title != to.Title {
		c.Title = to.Title
	}
	if from.Description != to.Description {
		c.Description = &to.Description
	}
	if from.Everybody != to.Everybody {
		c.Everybody = &to.Everybody
	}
	if !to.Everybody {
		if !reflect.DeepEqual(from.Groups, to.Groups) {
			c.Groups = to.Groups
		}
		if !reflect.DeepEqual(from.People, to.People) {
			c.People = to.People
		}
		if !reflect.DeepEqual(from.Rules, to.Rules) {
			c.Rules = to.Rules
		}
	}
	if from.Match != to.Match {
		c.Match = to.Match
	}
	return &ContentChange{SegmentChange: c}
}

// ask lets administrators ask, and the owners of a flag that the segment reaches.
func (s *changingSegment) ask(by access.Actor, c Content) error {
	if s.Segment == nil {
		return unknownAudience(c.Segment)
	}
	refused := access.Can(by, access.RequestMake, access.Scope{Unowned: by.Has(access.Admin)})
	for _, f := range s.Reached {
		if refused != nil && access.Can(by, access.RequestMake, f.Flag.Scope()) == nil {
			return nil
		}
	}
	return refused
}

func unknownAudience(name string) *fault.Error {
	return fault.New(fault.NotFound, "no_segment", "there is no audience %q", fault.Clip(name, maxWords/2)).At("segment").
		Fix("look it up in the list of audiences")
}

func (s *changingSegment) base(Content) any {
	if s.Segment == nil {
		return int64(0)
	}
	return map[string]any{"revision": s.Segment.Revision, "reaches": s.Keys} // an approval is for the flags that it showed
}

func (s *changingSegment) conflict(c Content, _ World) *fault.Error {
	switch {
	case s.Segment == nil:
		return nil
	case c.BaseRevision != 0 && c.BaseRevision != s.Segment.Revision:
		return fault.New(fault.Conflict, "base_changed", "the audience %s was changed since you read it: you read version %d, it is version %d now",
			s.Segment.Name, c.BaseRevision, s.Segment.Revision).At("base_revision").
			Fix("look at who is in it now, and make your change to that").Showing(s.Segment)
	case len(s.Baking) > 0 && !s.confirms(c):
		return fault.New(fault.Conflict, "rollout_running", "%s is being watched as it is shown to more people, which another audience would disturb",
			strings.Join(s.Baking[:min(len(s.Baking), 3)], ", ")).At("segment").Fix("wait until its rollout is over, or abort it first").Showing(s.Baking)
	}
	return nil
}

func (s *changingSegment) check(c Content, w World) checked {
	seen := checked{content: c, results: map[string]CheckResult{}, impact: Impact{Environments: []string{}, Downstream: []string{}}}
	seen.fields = map[string]any{}
	if s.Segment == nil {
		seen.blind = true
		if !w.Offline {
			seen.schema = append(seen.schema, findingOf(unknownAudience(c.Segment)))
		}
		return seen
	}
	if c.BaseRevision == 0 {
		seen.schema = append(seen.schema, wrong("base_revision", "required", fmt.Sprintf("send the revision of the audience that you read; it is %d now", s.Segment.Revision),
			"it is not said which version of the audience this changes"))
	}
	if c.Change == nil {
		seen.schema = append(seen.schema, wrong("change", "required", "say who is to be in the audience from then on", "it is not said what changes"))
		return seen
	}
	if !reflect.ValueOf(c.Change.FlagChange).IsZero() {
		seen.schema = append(seen.schema, wrong("change", "not_for_this_kind", "leave out what is not of an audience", "the change says something of a switch"))
	}
	next := s.next(c)
	next.Revision = s.Segment.Revision
	if err := next.Check(); err != nil {
		seen.schema = append(seen.schema, findingAt("change.", err)...)
	}
	confirms := s.confirms(c)
	if !confirms && reflect.DeepEqual(next, *s.Segment) {
		seen.schema = append(seen.schema, wrong("change", "nothing_changes", "say what is to be another", "the audience is that already"))
	}
	narrows := !confirms && next.Narrows(*s.Segment) && (!s.Ruled || next.SamePeople(*s.Segment))
	seen.exposes, seen.lenient = !narrows, narrows || len(s.Keys) == 0
	seen.free = len(s.Keys) == 0 && w.Requester.Has(access.Admin)
	seen.says = map[string]any{
		"segment": s.Segment.Name, "before": s.Segment, "after": next, "widens": !narrows, "flags": s.Keys, "people_before": s.People.People, "people_after": s.Will.People,
	}
	seen.findings = map[string]string{"fields.audiences": "change"}
	seen.diff = []Change{{
		Path: "segment." + s.Segment.Name, Words: fmt.Sprintf("In the audience %s: %s, instead of %s", next.Title, lower(next.Words()), lower(s.Segment.Words())),
		Before: s.Segment, After: next,
	}}
	if confirms {
		was := s.approved()
		seen.says["people_before"] = was
		seen.diff = []Change{{
			Path: "segment." + s.Segment.Name + ".people", Before: was, After: s.People.People,
			Words: fmt.Sprintf("The audience %s stays as it is, with %d people instead of the %d that it was approved for", next.Title, s.People.People, was),
		}}
	}
	for _, key := range s.Keys {
		seen.diff = append(seen.diff, Change{Path: "flag." + key, Words: key + " is for this audience"})
	}
	seen.each = s.perspectives(seen)
	if len(s.Keys) > len(s.Reached) {
		seen.atLeast = High
	}
	s.impact(&seen, w)
	return seen
}

// perspectives is what is asked for as it looks from each flag that it reaches.
func (s *changingSegment) perspectives(seen checked) (all []perspective) {
	for i := range s.Reached {
		f := &s.Reached[i]
		from := seen
		from.app = f.app()
		from.judged, from.fields = from.app, f.fields()
		from.fields["audiences"] = s.Segment.Name
		all = append(all, perspective{about: &f.target, seen: from})
	}
	return all
}

// impact tells how many people are in the audience, and the apps that it reaches.
func (s *changingSegment) impact(seen *checked, w World) {
	for _, f := range s.Reached {
		if app := f.app(); !slices.Contains(seen.impact.Downstream, app.Slug) {
			seen.impact.Downstream = append(seen.impact.Downstream, app.Slug)
			seen.app = app
		}
	}
	if len(seen.impact.Downstream) != 1 || len(s.Keys) > len(s.Reached) {
		seen.app = App{} // no team alone owns what this reaches
	}
	seen.judged = seen.app
	for _, e := range w.Environments {
		if e.Governed {
			seen.impact.Environments = append(seen.impact.Environments, e.Name)
		}
	}
	count := func(c crowd) string {
		if c.Open {
			return fmt.Sprintf("%d known people and whoever the rules let in", c.People)
		}
		return fmt.Sprintf("%d people", c.People)
	}
	seen.impact.Audience, seen.impact.People = s.Segment.Name, s.Will.People
	seen.impact.Words = fmt.Sprintf("It decides who gets %d switches. In it are %s, %s after. Once approved, it acts on all of them at once.",
		len(s.Keys), count(s.People), count(s.Will))
	if s.confirms(seen.content) {
		seen.impact.Words = fmt.Sprintf("It decides who gets %d switches. In it are %s; it was approved for %d. Nobody gets more or less by this: it is about how many they may be.",
			len(s.Keys), count(s.People), s.approved())
	}
}

// effect changes the segment, for all flags at once.
func (s *changingSegment) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	if s.confirms(m.r.content) {
		e := m.by.Event(audit.SegmentConfirmed, m.at)
		e.RequestID, e.Subject, e.Reason = m.r.id, "segment:"+s.Segment.Name, m.reason()
		e.Details = map[string]any{"people": m.saw(s.Segment.Name, s.People.People), "approved_before": s.approved()}
		_, err := audit.Append(ctx, m.tx, e)
		return nil, err
	}
	if _, err := registry.SetSegment(ctx, m.tx, m.change(registry.CauseSegment), *s.Segment, s.next(m.r.content)); err != nil {
		return nil, err
	}
	environments, err := registry.Environments(ctx, m.tx)
	seen := map[string]int64{}
	for _, e := range environments {
		seen[e.Name] = e.Revision
	}
	return seen, err
}

// audiences are the segment itself, for all flags that it reaches.
func (s *changingSegment) audiences(Assessed, World) map[string][]string {
	all := map[string][]string{}
	for _, key := range s.Keys {
		all[key] = []string{s.Segment.Name}
	}
	return all
}

// lately is a step: whom of those asked about of late an open request lets in, now and after it. It is for people who decide alone, and
// so no fact: it would be another each time.
func (d *Desk) lately(ctx context.Context, tx *store.Tx, r record, w World) (*Lately, error) {
	if r.content.Kind != ChangeSegment || d.Recent == nil || !r.state.undecided() {
		return nil, nil //nolint:nilnil // there is nothing to sample
	}
	segment, ok, err := registry.SegmentNamed(ctx, tx, r.content.Segment)
	if err != nil || !ok {
		return nil, err
	}
	var contexts []map[string]any
	for _, e := range w.Environments {
		if e.Governed {
			contexts = append(contexts, d.Recent(e.Name)...)
		}
	}
	if len(contexts) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to sample
	}
	next := (&changingSegment{Segment: &segment}).next(r.content)
	return &Lately{Before: segment.Holds(contexts, d.Now()), After: next.Holds(contexts, d.Now())}, nil
}

func lower(words string) string { return strings.ToLower(words[:1]) + words[1:] }

// findingAt puts what is wrong among the findings, at the place where the request has it.
func findingAt(path string, err error) []fault.Finding {
	e, ok := err.(*fault.Error) //nolint:errorlint // it returns the fault itself
	if !ok {
		return []fault.Finding{wrong(strings.TrimSuffix(path, "."), "invalid", "change it", "%v", err)}
	}
	f := findingOf(e)
	f.Field = path + f.Field
	return []fault.Finding{f}
}

// SegmentOutcome is a segment after somebody put it, or the request that was made instead.
type SegmentOutcome struct {
	Segment  registry.Segment
	Request  *Request
	Revealed map[string]int64 // environment → revision
}

// PutSegment makes a segment what it is to be, where that is nobody else's to decide; otherwise it asks for it by a request.
func (d *Desk) PutSegment(ctx context.Context, by access.Actor, s registry.Segment, reason string) (SegmentOutcome, error) {
	put, err := d.Segments.PutSegment(ctx, by, s)
	if e, ok := err.(*fault.Error); !ok || e.Code != "needs_request" { //nolint:errorlint // it returns the fault itself
		return SegmentOutcome{Segment: put}, err
	}
	now, _, err := d.Segments.Segment(ctx, by, s.Name)
	if err != nil {
		return SegmentOutcome{}, err
	}
	asked, err := d.Submit(ctx, by, Content{
		Kind: ChangeSegment, Segment: s.Name, BaseRevision: s.Revision, Change: segmentChange(now, s.Tidy()), Reason: reason,
	})
	return SegmentOutcome{Segment: now, Request: &asked.Request, Revealed: asked.Revealed}, err
}

// RollBackSegment makes a segment what it was before its present revision: at once where nobody gets more by that, otherwise by a
// request.
func (d *Desk) RollBackSegment(ctx context.Context, by access.Actor, name string) (SegmentOutcome, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return SegmentOutcome{}, err
	}
	before, err := d.Segments.SegmentBefore(ctx, by, name)
	if err != nil {
		return SegmentOutcome{}, err
	}
	return d.PutSegment(ctx, by, before, "back to what it was before")
}
