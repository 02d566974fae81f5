package review

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// making is the part of a subject that is a new flag, made with a template.
type making struct {
	bare
	target
	TemplateIDs []string       // all there are, where the one that is asked for is not among them
	Retired     bool           // the template was retired before the request was made with it
	Owner       *access.Group  // the group that owns the app, or is to own it; nil: there is none
	FieldOwner  *access.Person // the person fields.owner; nil: there is none
	Segments    []registry.Segment
	Audience    crowd // the segment fields.audiences
	KeyTaken    bool  // by another flag
}

// loadTerms reads what the fields of a template are judged by.
func (s *making) loadTerms(ctx context.Context, tx *store.Tx, r record) (err error) {
	c := r.content
	if err := s.loadTemplate(ctx, tx, c.TemplateID, r.pinned(c.TemplateID)); err != nil {
		return err
	}
	if s.Template == nil {
		if s.TemplateIDs, err = template.IDs(ctx, tx); err != nil {
			return err
		}
	}
	s.Retired = s.Template != nil && !s.Template.Active && r.pinned(c.TemplateID) == 0
	if s.Segments, err = registry.Segments(ctx, tx); err != nil {
		return err
	}
	if s.Audience, err = crowdOf(ctx, tx, s.Segments, text(c.Fields["audiences"])); err != nil {
		return err
	}
	owner := text(c.Fields["owner"])
	if owner == "" {
		return nil
	}
	person, ok, err := r.fieldOwner(ctx, tx, owner)
	if ok && person.Active {
		s.FieldOwner = &person
	}
	return err
}

// fieldOwner is the person fields.owner: whoever had the address when that was written, if the request knows.
func (r record) fieldOwner(ctx context.Context, tx *store.Tx, email string) (access.Person, bool, error) {
	if r.fieldOwnerID == "" {
		return access.PersonByEmail(ctx, tx, email)
	}
	person, err := access.PersonByID(ctx, tx, r.fieldOwnerID)
	return person, err == nil, err
}

// pinned is the version of the template that the request was made with; 0, the newest, for a new one or another template.
func (r record) pinned(template string) int {
	if r.templateID != template {
		return 0
	}
	return r.templateVersion
}

func (s *making) loadKey(ctx context.Context, tx *store.Tx, r record, slug string) (err error) {
	if key := registry.Key(slug, text(r.content.Fields["name"])); key != "" && key != r.flag.Key {
		_, s.KeyTaken, err = registry.Get(ctx, tx, key)
	}
	return err
}

// fromFiles takes the template and the segments that files tell of.
func (s *making) fromFiles(c Content, files Files) {
	s.Segments = files.Segments
	if i := slices.IndexFunc(s.Segments, func(s registry.Segment) bool { return s.Name == text(c.Fields["audiences"]) }); i >= 0 {
		s.Audience.Closed = s.Segments[i].Closed()
	}
	if document, ok := files.Templates[c.TemplateID]; ok {
		s.Template = &template.Template{Document: document, Version: 1}
		return
	}
	s.TemplateIDs = slices.Sorted(maps.Keys(files.Templates))
}

// judge judges a new flag of an app; schema is what was found already.
func (s *making) judge(c Content, w World, app App, schema []fault.Finding) checked {
	seen := checked{content: c, app: app, judged: app, fields: c.Fields, exposes: true, results: map[string]CheckResult{}}
	seen.audience = &audience{Name: text(c.Fields["audiences"]), Closed: s.Audience.Closed, People: s.Audience.People}
	required := []string{checkAudit, checkSecurity}
	if s.Retired {
		schema = append(schema, wrong("template_id", "template_retired", "choose another template", "the template %s is no longer used", c.TemplateID))
	}
	if s.KeyTaken {
		schema = append(schema, wrong("fields.name", "key_taken", "choose another name for the switch", "the app has a switch of that name already"))
	}
	if s.Template == nil {
		seen.blind = true
		finding := wrong("template_id", "unknown_template", fault.Meant(c.TemplateID, s.TemplateIDs, "choose one of the templates"),
			"there is no template %q", c.TemplateID)
		if c.TemplateID == "" {
			finding.Code, finding.Message = "required", "a template is needed"
		}
		schema = append(schema, finding)
	} else {
		required = s.Template.RequiredChecks
		seen.content.Fields = s.Template.Fill(c.Fields)
		seen.fields = seen.content.Fields
		schema = append(schema, s.Template.Validate(seen.fields)...)
		schema = append(schema, checkNames(s.Template.Document, seen.fields, w, s.Segments)...)
		var problems []fault.Finding
		seen.plan, problems = planOf(*s.Template, seen.fields, s.Audience, w)
		for _, problem := range problems {
			// A field that schema found wrong needs no second finding.
			if !slices.ContainsFunc(schema, func(f fault.Finding) bool { return f.Field == problem.Field }) {
				schema = append(schema, problem)
			}
		}
	}
	seen.app.Data.Classification = seen.data()
	seen.judged = seen.app
	if c.Kind == PublishApp && !slices.Contains(required, checkData) {
		required = append(slices.Clip(required), checkData)
	}
	for _, name := range required {
		switch name {
		case checkSchema, checkPolicy: // they always run
		case checkAudit:
			seen.results[name] = result(name, s.checkAuditFields(app, seen.fields, w))
		case checkSecurity:
			seen.results[name] = scanExternal(app.URL, c.Attachments)
			if c.Kind == CreateFlag { // the app was scanned when it was published, and its address stays
				seen.results[name] = result(name, catalog.CheckURL(app.URL))
			}
		case checkDependency: // nothing declares a dependency yet
			seen.results[name] = notNeeded(name)
		case checkData:
			seen.results[name] = checkDataAccess(seen.app.Data)
		default:
			seen.results[name] = unreported(name)
		}
	}
	seen.schema = schema
	seen.diff = append(changed(Content{}, c, s.document()), planChanges(seen.plan)...)
	seen.impact = s.impact(seen.app, seen.fields, seen.plan)
	return seen
}

// impact says whom a flag reaches that goes through the plan.
func (s *making) impact(app App, fields map[string]any, plan []rollout.Step) Impact {
	i := Impact{Audience: text(fields["audiences"]), People: s.Audience.People, Environments: []string{}, Downstream: []string{}}
	for _, step := range plan {
		if !slices.Contains(i.Environments, step.Environment) {
			i.Environments = append(i.Environments, step.Environment)
		}
	}
	i.Words = fmt.Sprintf("Seen by: %s. Data: %s. It opens %s.", titleOfAudience(i.Audience, s.Segments), dataWords(app.Data.Classification),
		orElse(app.URL, "no address yet"))
	return i
}

func titleOfAudience(name string, segments []registry.Segment) string {
	if at := slices.IndexFunc(segments, func(s registry.Segment) bool { return s.Name == name }); at >= 0 {
		return segments[at].Title
	}
	return "nobody yet"
}

// propose makes the flag (proposed), or brings it up to date. Where it comes in the place of one that was turned off
// somewhere it is off there, too: another name undoes no kill.
func (s *making) propose(ctx context.Context, m move, a Assessed, discarded registry.Flag) error {
	if s.FieldOwner != nil {
		m.r.fieldOwnerID = s.FieldOwner.ID
	}
	if s.Template == nil || !reservable(a.Checks) {
		return nil
	}
	change := registry.Change{By: m.by, At: m.at, RequestID: m.r.id, Reason: orElse(m.r.content.Reason, "asked for by "+m.by.Email)}
	spec := specOf(a, *s.Template)
	if s.FieldOwner != nil {
		spec.Owner, spec.OwnerID = s.FieldOwner.Email, s.FieldOwner.ID
	}
	before := m.r.flag.Key
	if before != "" && slugOf(before) != spec.App { // create_flag for another app
		if err := discard(ctx, m, "the request asks for a switch of "+spec.App+" now"); err != nil {
			return err
		}
		before = ""
	}
	var flag registry.Flag
	var err error
	if before == "" {
		flag, err = registry.Propose(ctx, m.tx, change, spec)
	} else {
		flag, err = registry.Revise(ctx, m.tx, change, before, spec)
	}
	if err != nil {
		return err
	}
	if before != "" && flag.Key != before {
		if err := lifecycle.Rename(ctx, m.tx, before, flag.Key); err != nil {
			return err
		}
	}
	m.r.flag = FlagRef{Key: flag.Key, FlagID: flag.FlagID}
	if err := keepKills(ctx, m.tx, change, discarded, flag.Key); err != nil {
		return err
	}
	// A TTL that schema finds wrong is fixed before approval, which begins the life anew with the right one.
	_, err = lifecycle.Begin(ctx, m.tx, m.at, flag.Key, lifecycle.Terms{
		TTLDays: max(wholeNumber(a.Content.Fields["ttl_days"]), 1), MaxActiveDays: maxActive(*s.Template, m.w.Rules),
		GraceDays: graceOf(*s.Template), RemovalPlan: m.r.content.RemovalPlan,
	})
	return err
}

// keepKills turns a flag off wherever the one in whose place it comes was turned off.
func keepKills(ctx context.Context, tx *store.Tx, c registry.Change, from registry.Flag, key string) error {
	for _, e := range from.Environments {
		if e.Kill == nil {
			continue
		}
		c.KillID = e.Kill.ID
		c.Reason = fmt.Sprintf("%s was turned off by %s: %s", from.Key, e.Kill.By, e.Kill.Reason)
		if _, _, err := registry.Kill(ctx, tx, c, key, e.Environment); err != nil {
			return err
		}
	}
	return nil
}

// reservable reports whether slug, app and name are good enough to be taken, whatever else is wrong.
func reservable(checks []CheckResult) bool {
	for _, c := range checks {
		if c.Name != checkSchema {
			continue
		}
		return !slices.ContainsFunc(c.Findings, func(f fault.Finding) bool {
			return f.Severity == fault.SeverityError &&
				(f.Field == "app" || strings.HasPrefix(f.Field, "app.") || f.Field == "fields.name" || f.Field == "kind" || f.Field == "removal_plan" || f.Field == "template_id")
		})
	}
	return false
}

// discard takes back a flag that is not to be.
func discard(ctx context.Context, m move, reason string) error {
	if m.r.flag.Key == "" {
		return nil
	}
	ident := lifecycle.Ident{Key: m.r.flag.Key, FlagID: m.r.flag.FlagID, App: slugOf(m.r.flag.Key)}
	if _, err := lifecycle.Move(ctx, m.tx, m.by, m.at, ident, lifecycle.Removed, reason, m.r.id); err != nil {
		return err
	}
	change := registry.Change{By: m.by, At: m.at, Reason: reason, RequestID: m.r.id, Cause: registry.CauseRemoved}
	return registry.Withdraw(ctx, m.tx, change, m.r.flag.Key)
}

// install puts an approved flag into every environment and leaves its rollout ready.
func (s *making) install(ctx context.Context, m move, a Assessed) (map[string]int64, error) {
	change := m.change(registry.CauseApproved)
	if _, err := lifecycle.Move(ctx, m.tx, m.by, m.at, m.ident(), lifecycle.Approved, change.Reason, m.r.id); err != nil {
		return nil, err
	}
	flag, err := registry.Install(ctx, m.tx, change, m.r.flag.Key)
	if err != nil {
		return nil, err
	}
	begun, err := s.leave(ctx, m, flag, a.Plan)
	if err != nil {
		return nil, err
	}
	seen := revisions(flag)
	for environment, revision := range begun {
		seen[environment] = max(seen[environment], revision)
	}
	return seen, nil
}

func (s *making) audiences(a Assessed, w World) map[string][]string {
	names := []string{text(a.Content.Fields["audiences"])}
	for _, step := range a.Plan {
		if e, _ := w.environment(step.Environment); e.Governed && step.Audience != "" {
			names = append(names, step.Audience)
		}
	}
	slices.Sort(names)
	return map[string][]string{"": slices.Compact(names)}
}

func revisions(f registry.Flag) map[string]int64 {
	all := map[string]int64{}
	for _, e := range f.Environments {
		if e.Live {
			all[e.Environment] = e.Revision
		}
	}
	return all
}

// specOf makes the flag that a request describes. Boolean flags have the variants on and off, and fields.default says which
// of them people outside the audience get; a kill always serves off.
func specOf(a Assessed, t template.Template) registry.Spec {
	fields := a.Content.Fields
	spec := registry.Spec{
		App: a.app.Slug, Name: text(fields["name"]), Description: a.app.Description, Type: "boolean",
		OwnerGroup: a.app.Owner, Owner: text(fields["owner"]), Contact: a.app.Contact,
		TemplateID: t.TemplateID, TemplateVersion: t.Version,
		Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: text(fields["audiences"]),
	}
	if on, ok := fields["default"].(bool); ok && on {
		spec.Outside = "on"
	}
	if t.Flag != nil {
		spec.ClientSide = t.Flag.ClientSide
		if t.Flag.Type != "" && t.Flag.Type != "boolean" {
			spec.Type, spec.Variants, spec.On, spec.Off = t.Flag.Type, t.Flag.Variants, t.Flag.On, t.Flag.Off
		}
	}
	return spec
}

func maxActive(t template.Template, rules lifecycle.Rules) int {
	if t.Lifecycle != nil && t.Lifecycle.MaxActiveDays > 0 {
		return t.Lifecycle.MaxActiveDays
	}
	return rules.MaxActiveDays
}

// graceOf is the grace that the template gives; 0 leaves it to the deployment's.
func graceOf(t template.Template) int {
	if t.Lifecycle == nil {
		return 0
	}
	return t.Lifecycle.DeprecatedGraceDays
}

// planOf is the rollout that an approval leaves ready: the template's steps, or the default ones. For an audience that is not there, which
// is a finding of its own, there are none.
func planOf(t template.Template, fields map[string]any, audience crowd, w World) ([]rollout.Step, []fault.Finding) {
	name := text(fields["audiences"])
	if name != "" && audience.None {
		return nil, nil
	}
	return rollout.Plan(rollout.Stages(t.Document, fields), name, audience.planned(), w.Environments)
}
