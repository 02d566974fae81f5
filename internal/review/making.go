package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// publishing is publish_app: a new app and its first flag.
func publishing() trait {
	return trait{
		title:   func(c Content) string { return "Publish " + quoted(appOf(c).Name, quoted(appOf(c).Slug, "an app")) },
		takes:   []string{"template_id", "app", "fields", "attachments", "removal_plan"},
		about:   aboutPublishing,
		ask:     askPublishing,
		check:   checkPublishing,
		reserve: reservePublishing,
		release: func(ctx context.Context, m move, reason string) error {
			slug := slugOf(m.r.flag.Key)
			if err := discard(ctx, m, reason); err != nil {
				return err
			}
			return catalog.Hold(ctx, m.tx, m.by, m.at, slug, reason, m.r.id)
		},
		effect: func(ctx context.Context, m move, a Assessed, f Facts) (map[string]int64, error) {
			if _, err := catalog.Publish(ctx, m.tx, m.by, m.at, a.app.Slug, m.r.id); err != nil {
				return nil, err
			}
			return install(ctx, m, a, f)
		},
	}
}

// creating is create_flag: one more flag of an app that is published.
func creating() trait {
	return trait{
		title: func(c Content) string {
			return "Add the switch " + quoted(text(c.Fields["name"]), "?") + " to " + quoted(appOf(c).Slug, "an app")
		},
		takes: []string{"template_id", "app", "fields", "removal_plan"},
		about: aboutCreating,
		ask:   askApp,
		check: checkCreating,
		reserve: func(ctx context.Context, m move, a Assessed, f Facts) error {
			return propose(ctx, m, a, f, registry.Flag{})
		},
		release: discard,
		effect:  install,
	}
}

func aboutPublishing(ctx context.Context, tx *store.Tx, at time.Time, r record, f *Facts) error {
	c := r.content
	if err := makingFacts(ctx, tx, r, f); err != nil || c.App == nil {
		return err
	}
	if err := f.ownedBy(ctx, tx, c.App.Owner); err != nil {
		return err
	}
	// The key before the short name: of two who submit the same at once, the second is then told of the short name.
	if err := f.lookUpKey(ctx, tx, r, c.App.Slug); err != nil {
		return err
	}
	if c.App.Slug != slugOf(r.flag.Key) {
		var err error
		if f.Slug, err = catalog.Vacant(ctx, tx, at, c.App.Slug, c.App.Owner); err != nil {
			return err
		}
	}
	f.KeyTaken = f.KeyTaken && f.Slug == nil
	return nil
}

func aboutCreating(ctx context.Context, tx *store.Tx, _ time.Time, r record, f *Facts) error {
	if err := makingFacts(ctx, tx, r, f); err != nil {
		return err
	}
	if err := f.appNamed(ctx, tx, appOf(r.content).Slug); err != nil || f.App == nil {
		return err
	}
	if err := f.ownedBy(ctx, tx, f.App.Owner); err != nil {
		return err
	}
	return f.lookUpKey(ctx, tx, r, f.App.Slug)
}

// makingFacts reads what the fields of a template are judged by.
func makingFacts(ctx context.Context, tx *store.Tx, r record, f *Facts) (err error) {
	c := r.content
	if err := f.fromTemplate(ctx, tx, c.TemplateID, r.pinned(c.TemplateID)); err != nil {
		return err
	}
	f.Retired = f.Template != nil && !f.Template.Active && r.pinned(c.TemplateID) == 0
	if f.Segments, err = registry.Segments(ctx, tx); err != nil {
		return err
	}
	if err := f.countAudience(ctx, tx, text(c.Fields["audiences"])); err != nil {
		return err
	}
	owner := text(c.Fields["owner"])
	if owner == "" {
		return nil
	}
	person, ok, err := access.PersonByEmail(ctx, tx, owner)
	if ok && person.Active {
		f.FieldOwner = &person
	}
	return err
}

func (f *Facts) lookUpKey(ctx context.Context, tx *store.Tx, r record, slug string) (err error) {
	if key := registry.Key(slug, text(r.content.Fields["name"])); key != "" && key != r.flag.Key {
		_, f.KeyTaken, err = registry.Get(ctx, tx, key)
	}
	return err
}

// askPublishing lets members of the team ask. A team that does not exist is a finding, not a refusal.
func askPublishing(by access.Actor, _ Content, f Facts) error {
	if f.Owner == nil {
		return access.Can(by, access.SignIn, access.Scope{})
	}
	return access.Can(by, access.RequestMake, access.Scope{OwnerGroup: f.Owner.Name})
}

func checkPublishing(c Content, f Facts) checked {
	if c.App == nil {
		return checkMaking(c, App{}, f, []fault.Finding{wrong("app", "required",
			"give the app a short name, a name, a category, an owner, a contact and a URL", "the app is not described")})
	}
	schema := catalog.Check(c.App.catalogApp())
	if f.Slug != nil {
		schema = append(schema, *f.Slug)
	}
	return checkMaking(c, appOf(c), f, schema)
}

func checkCreating(c Content, f Facts) checked {
	app := appOf(c)
	schema := checkOnlySlug(app)
	switch {
	case f.App != nil:
		app = asApp(*f.App)
		if !f.App.Listed {
			schema = append(schema, wrong("app.slug", "not_published", "wait until the request that publishes it is approved",
				"the app %s is not published yet", app.Slug))
		}
	case f.Offline: // its owner and contact are the app's, whatever they are
		app.Owner, app.Contact = orElse(app.Owner, "known"), orElse(app.Contact, "known")
	default:
		schema = append(schema, findingOf(unknownApp(app.Slug)))
	}
	return checkMaking(c, app, f, schema)
}

// checkOnlySlug finds what a request says of an app that it does not change.
func checkOnlySlug(app App) []fault.Finding {
	var findings []fault.Finding
	for _, m := range membersOf(Content{App: &app}, template.Document{}) {
		if m.path != "app.slug" {
			findings = append(findings, wrong(m.path, "not_for_this_kind", "leave it out; to change it, ask for change_app",
				"only the short name of the app is needed"))
		}
	}
	return findings
}

// checkMaking judges a new flag of an app.
func checkMaking(c Content, app App, f Facts, schema []fault.Finding) checked {
	seen := checked{content: c, app: app, judged: app, fields: c.Fields, exposes: true, results: map[string]CheckResult{}}
	required := []string{checkAudit, checkSecurity}
	if f.Retired {
		schema = append(schema, wrong("template_id", "template_retired", "choose another template", "the template %s is no longer used", c.TemplateID))
	}
	if f.KeyTaken {
		schema = append(schema, wrong("fields.name", "key_taken", "choose another name for the switch", "the app has a switch of that name already"))
	}
	if f.Template == nil {
		seen.blind = true
		finding := wrong("template_id", "unknown_template", fault.Meant(c.TemplateID, f.TemplateIDs, "choose one of the templates"),
			"there is no template %q", c.TemplateID)
		if c.TemplateID == "" {
			finding.Code, finding.Message = "required", "a template is needed"
		}
		schema = append(schema, finding)
	} else {
		required = f.Template.RequiredChecks
		seen.content.Fields = f.Template.Fill(c.Fields)
		seen.fields = seen.content.Fields
		schema = append(schema, f.Template.Validate(seen.fields)...)
		schema = append(schema, checkNames(f.Template.Document, seen.fields, f)...)
		var problems []fault.Finding
		seen.plan, problems = planOf(*f.Template, seen.fields, f)
		for _, problem := range problems {
			// A field that schema found wrong needs no second finding.
			if !slices.ContainsFunc(schema, func(f fault.Finding) bool { return f.Field == problem.Field }) {
				schema = append(schema, problem)
			}
		}
	}
	for _, name := range required {
		switch name {
		case checkSchema, checkPolicy: // they always run
		case checkAudit:
			seen.results[name] = result(name, checkAuditFields(app, seen.fields, f))
		case checkSecurity:
			seen.results[name] = scanExternal(app.URL, c.Attachments)
			if c.Kind == CreateFlag { // the app was scanned when it was published, and its address stays
				seen.results[name] = result(name, catalog.CheckURL(app.URL))
			}
		case checkDependency, checkData:
			// Nothing declares a dependency or a data set yet, so there is nothing that could be wrong.
			seen.results[name] = result(name, nil)
		default:
			seen.results[name] = result(name, []fault.Finding{wrong("template_id", "unknown_check",
				"choose another template, or ask an administrator to take the check out of this one",
				"the template asks for the check %q, which cannot be run here", name)})
		}
	}
	seen.schema = schema
	seen.diff = append(changed(Content{}, c, f.document()), planChanges(seen.plan)...)
	seen.impact = impactOf(app, seen.fields, seen.plan, f)
	return seen
}

// impactOf says whom a flag reaches that goes through the plan.
func impactOf(app App, fields map[string]any, plan []rollout.Step, f Facts) Impact {
	i := Impact{Audience: text(fields["audiences"]), People: f.AudienceSize, Environments: []string{}, Downstream: []string{}}
	for _, step := range plan {
		if !slices.Contains(i.Environments, step.Environment) {
			i.Environments = append(i.Environments, step.Environment)
		}
	}
	i.Words = fmt.Sprintf("Seen by: %s. Data: %s. It opens %s.", audienceTitle(i.Audience, f), dataWords(classification(fields)),
		orElse(app.URL, "no address yet"))
	return i
}

func audienceTitle(name string, f Facts) string {
	if at := slices.IndexFunc(f.Segments, func(s registry.Segment) bool { return s.Name == name }); at >= 0 {
		return f.Segments[at].Title
	}
	return "nobody yet"
}

func dataWords(classification string) string {
	if classification == "none" {
		return "no company data declared"
	}
	return classification + " data"
}

// reservePublishing makes the app (unlisted) and its flag (proposed) once slug and name are good, and brings them up to date
// with an edited request.
func reservePublishing(ctx context.Context, m move, a Assessed, f Facts) error {
	if f.Template == nil || !reservable(a.Checks) {
		return nil
	}
	app := a.app.catalogApp()
	var discarded registry.Flag
	if m.r.flag.Key != "" && slugOf(m.r.flag.Key) != app.Slug {
		var err error
		if discarded, err = registry.Lock(ctx, m.tx, m.r.flag.Key); err != nil {
			return err
		}
		if err := publishing().release(ctx, m, "the request asks for the short name "+app.Slug+" now"); err != nil {
			return err
		}
		m.r.flag = FlagRef{}
	}
	if m.r.flag.Key == "" {
		if _, err := catalog.Reserve(ctx, m.tx, m.by, m.at, app, m.r.id); err != nil {
			return err
		}
	} else if err := reviseApp(ctx, m, app); err != nil {
		return err
	}
	return propose(ctx, m, a, f, discarded)
}

// reviseApp brings the unlisted app up to date with the request.
func reviseApp(ctx context.Context, m move, app catalog.App) error {
	current, ok, err := catalog.Load(ctx, m.tx, app.Slug)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the app %s of request %s is gone", app.Slug, m.r.id)
	}
	app.Revision = current.Revision
	_, err = catalog.Change(ctx, m.tx, m.by, m.at, app, m.r.id)
	return err
}

// propose makes the flag (proposed), or brings it up to date. Where it comes in the place of one that was turned off
// somewhere it is off there, too: another name undoes no kill.
func propose(ctx context.Context, m move, a Assessed, f Facts, discarded registry.Flag) error {
	if f.Template == nil || !reservable(a.Checks) {
		return nil
	}
	change := registry.Change{By: m.by, At: m.at, RequestID: m.r.id, Reason: orElse(m.r.content.Reason, "asked for by "+m.by.Email)}
	spec := specOf(a, *f.Template)
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
	// A TTL that schema finds wrong is mended before approval, which begins the life anew with the right one.
	_, err = lifecycle.Begin(ctx, m.tx, m.at, flag.Key, lifecycle.Terms{
		TTLDays: max(wholeNumber(a.Content.Fields["ttl_days"]), 1), MaxActiveDays: maxActive(*f.Template, f.Rules),
		GraceDays: graceOf(*f.Template), RemovalPlan: m.r.content.RemovalPlan,
	})
	return err
}

// keepKills turns a flag off wherever the one in whose place it comes was turned off.
func keepKills(ctx context.Context, tx *store.Tx, c registry.Change, from registry.Flag, key string) error {
	for _, e := range from.Environments {
		if e.Kill == nil {
			continue
		}
		c.Reason = fmt.Sprintf("%s was turned off by %s: %s", from.Key, e.Kill.By, e.Kill.Reason)
		if _, _, err := registry.Kill(ctx, tx, c, key, e.Environment); err != nil {
			return err
		}
	}
	return nil
}

// reservable tells whether slug, app and name are good enough to be taken, whatever else is wrong.
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
func install(ctx context.Context, m move, a Assessed, f Facts) (map[string]int64, error) {
	change := m.change(registry.CauseApproved)
	if _, err := lifecycle.Move(ctx, m.tx, m.by, m.at, m.ident(), lifecycle.Approved, change.Reason, m.r.id); err != nil {
		return nil, err
	}
	flag, err := registry.Install(ctx, m.tx, change, m.r.flag.Key)
	if err != nil {
		return nil, err
	}
	begun, err := leave(ctx, m, flag, a.Plan, f)
	if err != nil {
		return nil, err
	}
	seen := revisions(flag)
	for environment, revision := range begun {
		seen[environment] = max(seen[environment], revision)
	}
	return seen, nil
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

// planOf is the rollout that an approval leaves ready: the template's steps, or the default ones.
func planOf(t template.Template, fields map[string]any, f Facts) ([]rollout.Step, []fault.Finding) {
	return rollout.Plan(stagesOf(t, fields), text(fields["audiences"]), f.planned(), f.Environments)
}

// stagesOf are the steps that a template writes.
func stagesOf(t template.Template, fields map[string]any) []rollout.Stage {
	var stages []rollout.Stage
	for _, s := range t.Steps(fields) {
		stages = append(stages, rollout.Stage{
			Environment: s.Environment, Audience: s.Audience, Percent: s.Percent, Bake: s.BakeTime(), Promote: s.Promote,
		})
	}
	return stages
}
