package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Segment is a named audience: members of the groups, the listed people, and whoever the rules hold for.
type Segment struct {
	Name        string        `json:"name"`
	Title       string        `json:"title" doc:"In plain words, such as People in the pilot group"`
	Description string        `json:"description"`
	Everybody   bool          `json:"everybody" doc:"The segment is everybody; groups, people and rules are empty then"`
	Groups      []string      `json:"groups" doc:"Found in the context attribute groups"`
	People      []string      `json:"people" doc:"E-mail addresses, found in targetingKey; at most 1,000"`
	Rules       []SegmentRule `json:"rules" doc:"Over the attributes that an app sends about the person"`
	Match       Match         `json:"match" enum:"all,any" doc:"Whether all of the rules must hold, or any of them"`
	Revision    int64         `json:"revision"`
}

// Match says how many of the rules of a segment must hold.
type Match string

// The ways to match.
const (
	MatchAll Match = "all"
	MatchAny Match = "any"
)

// SegmentNamed gives one segment; ok is false if there is none of the name.
func SegmentNamed(ctx context.Context, tx *store.Tx, name string) (s Segment, ok bool, err error) {
	s, ok, err = store.One(ctx, tx, scanSegment, `SELECT `+segmentColumns+` FROM segment WHERE name = $1`, name)
	if err != nil {
		return Segment{}, false, fmt.Errorf("get segment %s: %w", name, err)
	}
	return s, ok, nil
}

// Segments gives all segments by name.
func Segments(ctx context.Context, tx *store.Tx) ([]Segment, error) {
	all, err := store.List(ctx, tx, scanSegment, `SELECT `+segmentColumns+` FROM segment ORDER BY name COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	return all, nil
}

const segmentColumns = `name, title, description, everybody, group_names, people, rules, rule_match, revision`

func scanSegment(row store.Row) (s Segment, err error) {
	var groups, people, rules, match string
	if err := row.Scan(&s.Name, &s.Title, &s.Description, &s.Everybody, &groups, &people, &rules, &match, &s.Revision); err != nil {
		return Segment{}, err
	}
	s.Match = Match(match)
	if err := json.Unmarshal([]byte(groups), &s.Groups); err != nil {
		return Segment{}, fmt.Errorf("read groups of %s: %w", s.Name, err)
	}
	if err := json.Unmarshal([]byte(people), &s.People); err != nil {
		return Segment{}, fmt.Errorf("read people of %s: %w", s.Name, err)
	}
	if err := json.Unmarshal([]byte(rules), &s.Rules); err != nil {
		return Segment{}, fmt.Errorf("read rules of %s: %w", s.Name, err)
	}
	return s, nil
}

// Reach is how many people a segment is known to hold.
type Reach struct {
	People int  `json:"people" doc:"People known to be in it"`
	Exact  bool `json:"exact" doc:"False where rules may let in more than are known"`
	Room   int  `json:"room" doc:"How many there may be before anybody else decides: people, and whoever may still join its groups by themselves"`
}

// Closed reports whether the segment is a closed list: of people, or of groups, which people join by themselves up to a number only
// (access.Group.Room). Everybody, rules, and groups together with people are none.
func (s Segment) Closed() bool {
	return !s.Everybody && len(s.Rules) == 0 && (len(s.Groups) == 0 || len(s.People) == 0)
}

// ReachOf counts who is known to be in a segment. Whom a rule lets in is known only to the apps that send the attributes.
func ReachOf(ctx context.Context, tx *store.Tx, s Segment) (Reach, error) {
	if s.Everybody {
		n, err := access.CountPeople(ctx, tx)
		return Reach{People: n, Exact: true, Room: n}, err
	}
	members, err := access.MembersOf(ctx, tx, s.Groups)
	if err != nil {
		return Reach{}, err
	}
	people := slices.Concat(members, s.People)
	slices.Sort(people)
	free, err := access.RoomIn(ctx, tx, s.Groups)
	known := len(slices.Compact(people))
	return Reach{People: known, Exact: len(s.Rules) == 0, Room: known + free}, err
}

// Segments lists all segments by name.
func (r *Registry) Segments(ctx context.Context, by access.Actor) ([]Segment, error) {
	return read(ctx, r, by, Segments)
}

// Segment gives one segment and how many people it is known to hold, or fault.NotFound.
func (r *Registry) Segment(ctx context.Context, by access.Actor, name string) (s Segment, reach Reach, err error) {
	s, err = read(ctx, r, by, func(ctx context.Context, tx *store.Tx) (Segment, error) {
		s, ok, err := SegmentNamed(ctx, tx, name)
		if err != nil {
			return Segment{}, err
		}
		if !ok {
			return Segment{}, unknownSegment(ctx, tx, name)
		}
		reach, err = ReachOf(ctx, tx, s)
		return s, err
	})
	return s, reach, err
}

func unknownSegment(ctx context.Context, tx *store.Tx, name string) error {
	all, err := Segments(ctx, tx)
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return fault.New(fault.NotFound, "no_segment", "there is no audience %q", fault.Clip(name, 80)).
		Fix("%s", fault.Meant(name, names, "look it up in the list of audiences"))
}

// PutSegment makes or changes a segment. s.Revision is the revision that was read, 0 for a new one. Putting what is there
// already changes nothing, whatever the revision. SDKs of every environment hear of the change. One that reaches switches in a
// governed environment, and may let in more people than before, is refused with the code needs_request: others decide about it.
func (r *Registry) PutSegment(ctx context.Context, by access.Actor, s Segment) (Segment, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Segment{}, err
	}
	s = s.Tidy()
	if err := s.Check(); err != nil {
		return Segment{}, err
	}
	var result Segment
	err := r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, exists, err := SegmentNamed(ctx, tx, s.Name)
		if err != nil {
			return err
		}
		same := s
		same.Revision = old.Revision
		switch {
		case exists && string(encode(same)) == string(encode(old)):
			result = old
			return nil
		case s.Revision != old.Revision:
			return stale("segment", s.Name).Showing(old)
		case !exists:
			err = r.vacant(ctx, tx, s)
		default:
			err = r.undecided(ctx, tx, old, s)
		}
		if err != nil {
			return err
		}
		result, err = SetSegment(ctx, tx, Change{By: by, At: r.Now(), Cause: CauseSegment, Reason: "the segment " + s.Name + " changed"}, old, s)
		return err
	})
	return result, err
}

// undecided refuses what others decide about, since the segment reaches switches in a governed environment. Fewer people in it are
// nobody's business but where a rule names it, which may let in whoever is not in the segment.
func (r *Registry) undecided(ctx context.Context, tx *store.Tx, old, s Segment) error {
	name := s.Name
	if s.SamePeople(old) {
		return nil
	}
	decided, err := r.reached(ctx, tx, name)
	if err != nil || len(decided.Keys) == 0 || s.Narrows(old) && !decided.Ruled {
		return err
	}
	return fault.New(fault.Conflict, "needs_request", "the audience %s decides who gets %s", name, some(decided.Keys)).
		Fix("ask for the change by a request of the kind change_segment").Showing(decided.Keys)
}

// reached returns the flags whose people in a governed environment the segment decides.
func (r *Registry) reached(ctx context.Context, tx *store.Tx, name string) (Decided, error) {
	if r.Reached == nil {
		shared, err := AllSharedRules(ctx, tx)
		if err != nil {
			return Decided{}, err
		}
		return GovernedBySegment(ctx, tx, shared, name)
	}
	return r.Reached(ctx, tx, name)
}

// SetSegment is a step: it makes a segment that was checked what it is to be, and keeps that as a revision.
func SetSegment(ctx context.Context, tx *store.Tx, c Change, old, s Segment) (Segment, error) {
	s.Revision = old.Revision + 1
	written, err := tx.Exec(ctx, `INSERT INTO segment (`+segmentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (name) DO UPDATE SET title = $2, description = $3, everybody = $4, group_names = $5, people = $6,
			rules = $7, rule_match = $8, revision = $9
		WHERE segment.revision = $10`, append(s.values(), old.Revision)...)
	if err != nil {
		return Segment{}, fmt.Errorf("write segment %s: %w", s.Name, err)
	}
	if written == 0 {
		return Segment{}, stale("segment", s.Name)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO segment_revision (`+segmentColumns+`, actor, at, request_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, append(s.values(), c.By.Email, store.Micros(c.At), c.RequestID)...); err != nil {
		return Segment{}, fmt.Errorf("keep revision of the segment %s: %w", s.Name, err)
	}
	if err := c.spread(ctx, tx, s); err != nil {
		return Segment{}, err
	}
	name := audit.SegmentUpdated
	if old.Revision == 0 {
		name = audit.SegmentCreated
	}
	return s, c.govern(ctx, tx, name, "segment:"+s.Name, map[string]any{"before": old, "after": s})
}

// values are those of segmentColumns.
func (s Segment) values() []any {
	return []any{
		s.Name, s.Title, s.Description, s.Everybody, string(encode(s.Groups)), string(encode(s.People)), string(encode(s.Rules)), string(s.Match), s.Revision,
	}
}

// DeleteSegment removes a segment that no flag uses. revision is the one that was read.
func (r *Registry) DeleteSegment(ctx context.Context, by access.Actor, name string, revision int64) error {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return err
	}
	return r.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		old, exists, err := SegmentNamed(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case !exists:
			return unknownSegment(ctx, tx, name)
		case old.Revision != revision:
			return stale("segment", name).Showing(old)
		}
		if err := unused(ctx, tx, name); err != nil {
			return err
		}
		if r.SegmentInUse != nil {
			words, err := r.SegmentInUse(ctx, tx, name)
			if err != nil {
				return err
			}
			if words != "" {
				return inUse(name, words)
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM segment_revision WHERE name = $1`, name); err != nil {
			return fmt.Errorf("delete revisions of the segment %s: %w", name, err)
		}
		deleted, err := tx.Exec(ctx, `DELETE FROM segment WHERE name = $1 AND revision = $2`, name, revision)
		if err != nil {
			return fmt.Errorf("delete segment %s: %w", name, err)
		}
		if deleted == 0 {
			return stale("segment", name)
		}
		c := Change{By: by, At: r.Now(), Cause: CauseSegment, Reason: "the segment " + name + " was deleted"}
		if err := c.advanceAll(ctx, tx); err != nil {
			return err
		}
		return c.govern(ctx, tx, audit.SegmentDeleted, "segment:"+name, map[string]any{"before": old})
	})
}

// unused refuses while a flag that is not removed was approved for the segment or serves it somewhere, by its audience or
// by a reference in its targeting.
func unused(ctx context.Context, tx *store.Tx, name string) error {
	keys, err := usersOf(ctx, tx, name)
	if err != nil || len(keys) == 0 {
		return err
	}
	return inUse(name, some(keys))
}

// some names the first of many flags.
func some(keys []string) string {
	list := strings.Join(keys[:min(len(keys), 5)], ", ")
	if len(keys) > 5 {
		list += " and more"
	}
	return list
}

func inUse(name, what string) error {
	return fault.New(fault.Conflict, "segment_in_use", "the audience %s is in use by %s", name, what).
		Fix("give those another audience, or have them removed, then delete it")
}

// spread carries a changed segment into the environments: all of them know it, and flags that it is the audience of get a
// revision of their own, killed or not.
func (c Change) spread(ctx context.Context, tx *store.Tx, s Segment) error {
	keys, err := store.List(ctx, tx, store.ScanString, `SELECT DISTINCT flag_key FROM flag_environment
		WHERE mode = 'audience' AND audience = $1 AND live ORDER BY flag_key`, s.Name)
	if err != nil {
		return fmt.Errorf("list flags for %s: %w", s.Name, err)
	}
	// Every step locks flags before environments; in another order, two of them could wait for each other.
	flags := make([]Flag, len(keys))
	for i, key := range keys {
		if flags[i], err = lock(ctx, tx, key); err != nil {
			return err
		}
	}
	for _, f := range flags {
		for _, state := range slices.Clone(f.Environments) {
			if !state.Live || state.Serving.Mode != ServeAudience || state.Serving.Audience != s.Name {
				continue
			}
			if err := f.put(ctx, tx, c, state.Environment, func(*FlagEnvironment) {}); err != nil {
				return err
			}
		}
	}
	return c.advanceAll(ctx, tx)
}

// advanceAll gives every environment another revision, since all of them know all segments.
func (c Change) advanceAll(ctx context.Context, tx *store.Tx) error {
	environments, err := Environments(ctx, tx)
	if err != nil {
		return err
	}
	for _, e := range environments {
		if _, err := advance(ctx, tx, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// Tidy gives the segment in the one form that it is stored in.
func (s Segment) Tidy() Segment {
	s.Groups, s.People = tidy(s.Groups), tidy(s.People)
	if s.Match == "" {
		s.Match = MatchAll
	}
	rules := make([]SegmentRule, 0, len(s.Rules))
	for _, rule := range s.Rules {
		rule.Attribute = strings.TrimSpace(rule.Attribute)
		rule.Values = tidy(rule.Values)
		rules = append(rules, rule)
	}
	s.Rules = rules
	return s
}

// Check judges what can be judged of the segment by itself.
func (s Segment) Check() error {
	switch {
	case s.Name == "" || Slug(s.Name) != s.Name:
		return fault.New(fault.Invalid, "bad_name", "%q cannot be the name of a segment", fault.Clip(s.Name, 80)).At("name").
			Fix("use lower-case letters, digits and hyphens")
	case strings.TrimSpace(s.Title) == "" || len(s.Title) > titleLimit:
		return fault.New(fault.Invalid, "no_title", "a segment has a title of 1 to %d characters", titleLimit).At("title").
			Fix("say in a few plain words who is in it")
	case s.Everybody && len(s.Groups)+len(s.People)+len(s.Rules) > 0:
		return fault.New(fault.Invalid, "everybody_and_some", "a segment of everybody lists no groups, people or rules").At("everybody").
			Fix("clear everybody, or the lists")
	case len(s.People) > peopleLimit:
		return fault.New(fault.Invalid, "too_many_people", "a segment lists at most %d people, not %d", peopleLimit, len(s.People)).
			At("people").Fix("make a group of them, and list the group")
	case len(s.Groups) > groupLimit:
		return fault.New(fault.Invalid, "too_many_groups", "a segment lists at most %d groups, not %d", groupLimit, len(s.Groups)).
			At("groups").Fix("make one group of them")
	case len(s.Rules) > rulesLimit:
		return fault.New(fault.Invalid, "too_many_rules", "a segment has at most %d rules, not %d", rulesLimit, len(s.Rules)).
			At("rules").Fix("make several segments of it")
	}
	switch s.Match {
	case "", MatchAll, MatchAny:
	default:
		return fault.New(fault.Invalid, "unknown_match", "rules match all or any, not %q", fault.Clip(string(s.Match), 80)).At("match").
			Fix("choose all or any")
	}
	for field, text := range map[string]string{
		"title": s.Title, "description": s.Description, "groups": strings.Join(s.Groups, ""), "people": strings.Join(s.People, ""),
	} {
		if err := store.CheckText(field, text); err != nil {
			return err
		}
	}
	for i, rule := range s.Rules {
		if err := rule.check(fmt.Sprintf("rules[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}
