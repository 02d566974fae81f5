package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/strict"
	"github.com/soukhq/souk/internal/template"
)

// electors is the part of the facts that decisions need: who may decide, and about which environment.
func (d *Desk) electors(ctx context.Context, tx *store.Tx) (f Facts, err error) {
	if f.Approvers, err = access.ApproverGroups(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.Agents, err = access.Agents(ctx, tx); err != nil {
		return Facts{}, err
	}
	f.Environments, err = registry.Environments(ctx, tx)
	return f, err
}

// facts reads what the checks of r's content need to know, as this transaction sees it. by is who submits, edits or asks;
// a stored request is checked for its requester.
func (d *Desk) facts(ctx context.Context, tx *store.Tx, r record, by access.Actor) (f Facts, err error) {
	if f, err = d.electors(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.Policies, err = d.Policies.At(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.Rules, err = lifecycle.DefaultRules(ctx, tx); err != nil {
		return Facts{}, err
	}
	f.Now, f.Requester, f.Authors = d.Now(), by, r.authors
	if len(f.Authors) == 0 {
		f.Authors = []Author{{Email: by.Email, Agent: by.Agent}}
	}
	if f.Requester, err = r.actor(ctx, tx, by); err != nil {
		return Facts{}, err
	}
	if f.People, f.Groups, err = access.Names(ctx, tx); err != nil {
		return Facts{}, err
	}
	if t, ok := r.content.Kind.trait(); ok {
		err = t.about(ctx, tx, f.Now, r, &f)
	}
	return f, err
}

// actor is who asked, as they are now; by who asks for a new one. Somebody who may not sign in any more may do nothing.
func (r record) actor(ctx context.Context, tx *store.Tx, by access.Actor) (access.Actor, error) {
	if files, local := strings.CutPrefix(r.requester, "local:"); local {
		return access.Local(files), nil
	}
	if r.requester == "" || r.requester == by.Email {
		return by, nil
	}
	requester, err := access.ActorOf(ctx, tx, r.requester, by.Credential, access.ScopeAll)
	if fault.Is(err, fault.Unauthenticated) {
		err = nil
	}
	return requester, err
}

// pinned is the version of the template that the request was made with; 0, the newest, for a new one or another template.
func (r record) pinned(template string) int {
	if r.templateID != template {
		return 0
	}
	return r.templateVersion
}

func (f *Facts) fromTemplate(ctx context.Context, tx *store.Tx, id string, version int) error {
	t, ok, err := template.Load(ctx, tx, id, version)
	if err != nil {
		return err
	}
	if ok {
		f.Template = &t
		return nil
	}
	f.TemplateIDs, err = template.IDs(ctx, tx)
	return err
}

func (f *Facts) ownedBy(ctx context.Context, tx *store.Tx, owner string) error {
	group, ok, err := access.GroupByName(ctx, tx, owner)
	if ok {
		f.Owner = &group
	}
	return err
}

func (f *Facts) appNamed(ctx context.Context, tx *store.Tx, slug string) error {
	app, ok, err := catalog.Load(ctx, tx, slug)
	if ok {
		f.App = &app
	}
	return err
}

// aboutFlag reads the flag that a request names, where it stands, and the request that it came from, whose fields the
// policies judge again. Until the transaction ends nobody else changes the flag.
func aboutFlag(ctx context.Context, tx *store.Tx, at time.Time, r record, f *Facts) error {
	flag, err := registry.Lock(ctx, tx, r.content.FlagKey)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Flag = &flag
	if err := f.appNamed(ctx, tx, flag.App); err != nil {
		return err
	}
	life, ok, err := lifecycle.Get(ctx, tx, flag.Key)
	if err != nil {
		return err
	}
	if ok {
		f.Life = &life
	}
	all, err := rollout.OfFlag(ctx, tx, access.System("review"), at, flag)
	if err != nil {
		return err
	}
	for _, one := range all {
		switch one.State {
		case rollout.Ready, rollout.Running, rollout.Paused:
			f.Rollout = &one
		case rollout.Completed, rollout.Aborted:
		}
	}
	origin, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
		WHERE flag_key = $1 AND kind IN ($2, $3) AND state = $4 ORDER BY id DESC LIMIT 1`, flag.Key, PublishApp, CreateFlag, Approved)
	if err != nil {
		return fmt.Errorf("read the request that a flag came from: %w", err)
	}
	if ok {
		f.Origin = &origin.content
	}
	if f.Segments, err = registry.Segments(ctx, tx); err != nil {
		return err
	}
	return f.fromTemplate(ctx, tx, flag.TemplateID, flag.TemplateVersion)
}

// askFlag lets the owners of the flag ask.
func askFlag(by access.Actor, c Content, f Facts) error {
	if f.Flag == nil {
		return unknownFlag(c.FlagKey)
	}
	return access.Can(by, access.RequestMake, f.Flag.Scope())
}

func unknownFlag(key string) *fault.Error {
	if key == "" {
		return fault.New(fault.Invalid, "required", "the flag is not named").At("flag_key").Fix("give its key, such as where2eat.enabled")
	}
	return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", fault.Clip(key, maxWords/2)).At("flag_key").
		Fix("look its key up in the list of flags")
}

// askApp lets members of the team that owns the app ask.
func askApp(by access.Actor, c Content, f Facts) error {
	if f.App == nil {
		return unknownApp(appOf(c).Slug)
	}
	return access.Can(by, access.RequestMake, access.Scope{OwnerGroup: f.App.Owner})
}

func unknownApp(slug string) *fault.Error {
	if slug == "" {
		return fault.New(fault.Invalid, "required", "the app is not named").At("app.slug").Fix("give its short name")
	}
	return fault.New(fault.NotFound, "unknown_app", "there is no app %q", fault.Clip(slug, maxWords/2)).At("app.slug").
		Fix("look it up in the marketplace")
}

// subject is the app of the flag, as far as it is known.
func (f Facts) subject() App {
	switch {
	case f.App != nil:
		return asApp(*f.App)
	case f.Flag != nil: // an imported flag has no app
		return App{Slug: f.Flag.App, Name: f.Flag.App, Owner: f.Flag.OwnerGroup, Contact: f.Flag.Contact}
	}
	return App{}
}

// fields are those of the template for a flag that exists: what was asked for, as far as it still holds.
func (f Facts) fields() map[string]any {
	fields := map[string]any{}
	switch {
	case f.Origin != nil && f.Template != nil:
		fields = f.Template.Fill(f.Origin.Fields)
	case f.Origin != nil:
		for name, value := range f.Origin.Fields {
			fields[name] = value
		}
	case f.Flag != nil:
		fields["name"], fields["audiences"], fields["kill_switch"] = f.Flag.Name, f.Flag.Audience, true
	}
	if f.Flag != nil {
		fields["owner"] = f.Flag.Owner
	}
	if f.Life != nil {
		fields["ttl_days"] = f.Life.TTLDays
	}
	return fields
}

// ofFlag begins to check a request about a flag that exists.
func (f Facts) ofFlag(c Content) checked {
	seen := checked{content: c, app: f.subject(), fields: f.fields(), results: map[string]CheckResult{}, blind: f.Flag == nil}
	seen.judged = seen.app
	seen.impact = Impact{Environments: []string{}, Downstream: []string{}}
	if f.Flag == nil && (!f.Offline || c.FlagKey == "") {
		seen.schema = append(seen.schema, findingOf(unknownFlag(c.FlagKey)))
	}
	return seen
}

// countAudience counts the people who are known to be in a segment.
func (f *Facts) countAudience(ctx context.Context, tx *store.Tx, name string) error {
	i := slices.IndexFunc(f.Segments, func(s registry.Segment) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	reach, err := registry.ReachOf(ctx, tx, f.Segments[i])
	f.AudienceSize, f.AudienceOpen = reach.People, !reach.Exact
	return err
}

// planned is the size of the audience that a plan is made for; below 0 it is not known.
func (f Facts) planned() int {
	if f.AudienceOpen {
		return -1
	}
	return f.AudienceSize
}

// document is the template's; empty if there is none.
func (f Facts) document() template.Document {
	if f.Template == nil {
		return template.Document{}
	}
	return f.Template.Document
}

// maxContent bounds a content, in bytes: a document that is imported stands in it as text, with its quotes escaped.
const maxContent = 2*importer.MaxBytes + 1<<20

// Parse reads a content strictly: a fault of kind Invalid names what is unknown, doubled or of another type.
func Parse(raw []byte) (Content, error) {
	c, findings := strict.Decode[Content](raw, strict.Take{Bytes: maxContent, AnyText: true})
	if len(findings) > 0 {
		f := findings[0]
		return Content{}, fault.New(fault.Invalid, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation).With(findings...)
	}
	return c, nil
}

// merge applies an RFC 7396 merge patch to a content.
func merge(c Content, patch json.RawMessage) (Content, error) {
	before, err := json.Marshal(c)
	if err != nil {
		return Content{}, fmt.Errorf("encode content: %w", err)
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return Content{}, fault.New(fault.Invalid, "bad_patch", "the change is not a JSON object").
			Fix("send the members that change, as in RFC 7396; null removes one").Because(err)
	}
	return Parse(after)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// wholeNumber reads an integer as JSON gives it.
func wholeNumber(v any) int {
	switch n := v.(type) {
	case float64:
		return int(n)
	case int:
		return n
	case int64:
		return int(n)
	}
	return 0
}

func orElse(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
}

// slugOf gives the app's slug of a key: slugs have no dots.
func slugOf(key string) string {
	slug, _, _ := strings.Cut(key, ".")
	return slug
}
