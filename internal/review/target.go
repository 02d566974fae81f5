package review

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// target is what is there of the app, the flag and the template that a request is about; each is nil if there is none.
type target struct {
	App      *catalog.App
	Flag     *registry.Flag
	Template *template.Template
}

func (t *target) about() *target { return t }

func (t *target) loadApp(ctx context.Context, tx *store.Tx, slug string) error {
	app, ok, err := catalog.Load(ctx, tx, slug)
	if ok {
		t.App = &app
	}
	return err
}

func (t *target) loadTemplate(ctx context.Context, tx *store.Tx, id string, version int) error {
	read, ok, err := template.Load(ctx, tx, id, version)
	if ok {
		t.Template = &read
	}
	return err
}

// app is the app of the flag, as far as it is known.
func (t *target) app() App {
	switch {
	case t.App != nil:
		return asApp(*t.App)
	case t.Flag != nil: // an imported flag has no app
		return App{Slug: t.Flag.App, Name: t.Flag.App, Owner: t.Flag.OwnerGroup, Contact: t.Flag.Contact}
	}
	return App{}
}

// document is the template's; empty if there is none.
func (t *target) document() template.Document {
	if t.Template == nil {
		return template.Document{}
	}
	return t.Template.Document
}

// fieldsOf are those of a request that was carried out, with the defaults of the template; nil has none.
func (t *target) fieldsOf(origin *Content) map[string]any {
	fields := map[string]any{}
	if origin == nil {
		return fields
	}
	if t.Template != nil {
		return t.Template.Fill(origin.Fields)
	}
	maps.Copy(fields, origin.Fields)
	return fields
}

// revision is that of what the content changes, as it is now: of the app, or of the flag in the environment.
func (t *target) revision(c Content) int64 {
	switch {
	case t.Flag != nil:
		state, _ := t.Flag.In(c.Environment)
		return state.Revision
	case t.App != nil:
		return t.App.Revision
	}
	return 0
}

// leave leaves a rollout ready, and begins it where the template says that nobody has to.
func (t *target) leave(ctx context.Context, m move, flag registry.Flag, plan []rollout.Step) (map[string]int64, error) {
	created, err := rollout.Create(ctx, m.tx, m.by, m.at, lifecycle.Of(flag), m.r.id, plan)
	if err != nil {
		return nil, err
	}
	m.r.rolloutID = created.ID
	if !t.document().AutoStart || killedIn(flag, created.Steps[0].Environment) != nil {
		return nil, nil
	}
	begun, err := rollout.Begin(ctx, m.tx, access.System("rollout"), m.at, lifecycle.Of(flag), created, "started by itself, as the template says")
	if err != nil {
		return nil, err
	}
	return revealed(begun), nil
}

// askApp lets members of the team that owns the app ask.
func (t *target) askApp(by access.Actor, c Content) error {
	if t.App == nil {
		return unknownApp(appOf(c).Slug)
	}
	return access.Can(by, access.RequestMake, access.Scope{OwnerGroup: t.App.Owner})
}

func unknownApp(slug string) *fault.Error {
	if slug == "" {
		return fault.New(fault.Invalid, "required", "the app is not named").At("app.slug").Fix("give its short name")
	}
	return fault.New(fault.NotFound, "unknown_app", "there is no app %q", fault.Clip(slug, maxWords/2)).At("app.slug").
		Fix("look it up in the marketplace")
}

// loadGroup reads the group that owns an app, or is to own it; nil if there is none.
func loadGroup(ctx context.Context, tx *store.Tx, owner string) (*access.Group, error) {
	group, ok, err := access.GroupByName(ctx, tx, owner)
	if !ok {
		return nil, err
	}
	return &group, err
}

// crowd is how many people are in a segment.
type crowd struct {
	People int  // known to be in it
	Open   bool // its rules may let in more than are known
	Closed bool // it is a closed list (registry.Segment.Closed)
	Room   int  // how many there may be before anybody else decides (registry.Reach)
	None   bool // there is no such segment
}

// crowdOf counts the people of the segment with this name.
func crowdOf(ctx context.Context, tx *store.Tx, segments []registry.Segment, name string) (crowd, error) {
	i := slices.IndexFunc(segments, func(s registry.Segment) bool { return s.Name == name })
	if i < 0 {
		return crowd{None: true}, nil
	}
	return crowdIn(ctx, tx, segments[i])
}

// planned is the size of the closed list that a plan is made for; below 0 the audience is none, or may outgrow one of few people by
// itself.
func (c crowd) planned() int {
	if !c.Closed || !rollout.Few(c.Room) {
		return -1
	}
	return c.People
}

// ofFlag is the part of a subject that is a flag which exists: the flag, where it stands, and the request that it came from,
// whose fields the policies judge again.
type ofFlag struct {
	bare
	target
	Life     *lifecycle.Status
	Rollout  *rollout.Rollout // if one is not over
	Origin   *Content         // what the request asked for that the flag came from
	Segments []registry.Segment
}

// load reads the flag that a request names, and what belongs to it. Until a write transaction ends nobody else changes it.
func (s *ofFlag) load(ctx context.Context, tx *store.Tx, r record, w World) error {
	return s.loadFlag(ctx, tx, r.content.FlagKey, w.Now)
}

func (s *ofFlag) loadFlag(ctx context.Context, tx *store.Tx, key string, at time.Time) error {
	flag, err := registry.Lock(ctx, tx, key)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Flag = &flag
	if err := s.loadApp(ctx, tx, flag.App); err != nil {
		return err
	}
	life, ok, err := lifecycle.Get(ctx, tx, flag.Key)
	if err != nil {
		return err
	}
	if ok {
		s.Life = &life
	}
	all, err := rollout.OfFlag(ctx, tx, access.System("review"), at, flag)
	if err != nil {
		return err
	}
	for _, one := range all {
		switch one.State {
		case rollout.Ready, rollout.Running, rollout.Paused:
			s.Rollout = &one
		case rollout.Completed, rollout.Aborted:
		}
	}
	origin, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
		WHERE flag_key = $1 AND kind IN ($2, $3) AND state = $4 ORDER BY id DESC LIMIT 1`, flag.Key, PublishApp, CreateFlag, Approved)
	if err != nil {
		return fmt.Errorf("read the request that a flag came from: %w", err)
	}
	if ok {
		s.Origin = &origin.content
	}
	if s.Segments, err = registry.Segments(ctx, tx); err != nil {
		return err
	}
	return s.loadTemplate(ctx, tx, flag.TemplateID, flag.TemplateVersion)
}

// ask lets the owners of the flag ask.
func (s *ofFlag) ask(by access.Actor, c Content) error {
	if s.Flag == nil {
		return unknownFlag(c.FlagKey)
	}
	return access.Can(by, access.RequestMake, s.Flag.Scope())
}

func unknownFlag(key string) *fault.Error {
	if key == "" {
		return fault.New(fault.Invalid, "required", "the flag is not named").At("flag_key").Fix("give its key, such as where2eat.enabled")
	}
	return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", fault.Clip(key, maxWords/2)).At("flag_key").
		Fix("look its key up in the list of flags")
}

// fields are those of the template for the flag: what was asked for, as far as it still holds.
func (s *ofFlag) fields() map[string]any {
	fields := s.fieldsOf(s.Origin)
	if s.Origin == nil && s.Flag != nil {
		fields["name"], fields["audiences"], fields["kill_switch"] = s.Flag.Name, s.Flag.Audience, true
	}
	if s.Flag != nil {
		fields["owner"] = s.Flag.Owner
	}
	if s.Life != nil {
		fields["ttl_days"] = s.Life.TTLDays
	}
	return fields
}

// begin begins to check a request about the flag.
func (s *ofFlag) begin(c Content, w World) checked {
	seen := checked{content: c, app: s.app(), fields: s.fields(), results: map[string]CheckResult{}, blind: s.Flag == nil}
	seen.judged = seen.app
	seen.impact = Impact{Environments: []string{}, Downstream: []string{}}
	if s.Flag == nil && (!w.Offline || c.FlagKey == "") {
		seen.schema = append(seen.schema, findingOf(unknownFlag(c.FlagKey)))
	}
	return seen
}
