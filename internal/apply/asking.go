package apply

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/strict"
)

// Apps and flags are changed by requests only, whatever files say: what an apply does is ask, and ask no second time for what
// waits already. Tags alone, of which SDKs see nothing, are set at once.

// appSpec is what a document of kind App says. Template and fields make the app's first flag; they count only until the app is
// there.
type appSpec struct {
	Name        string         `json:"name,omitempty"`
	Description string         `json:"description,omitempty"`
	Category    string         `json:"category,omitempty"`
	Owner       string         `json:"owner,omitempty"`
	Contact     string         `json:"contact,omitempty"`
	Kind        string         `json:"kind,omitempty"`
	URL         string         `json:"url,omitempty"`
	Data        catalog.Data   `json:"data,omitzero"`
	TemplateID  string         `json:"template_id,omitempty"`
	Fields      map[string]any `json:"fields,omitempty"`
	RemovalPlan string         `json:"removal_plan,omitempty"`
	Reason      string         `json:"reason,omitempty"`
}

// flagSpec is what a document of kind Flag says, whose name is the flag's key. Template and fields count only until the flag is
// there; what environments it names, it is to serve so. Tags, where they are named, are all that it has.
type flagSpec struct {
	TemplateID   string                       `json:"template_id,omitempty"`
	Fields       map[string]any               `json:"fields,omitempty"`
	RemovalPlan  string                       `json:"removal_plan,omitempty"`
	Reason       string                       `json:"reason,omitempty"`
	Environments map[string]review.FlagChange `json:"environments,omitempty"`
	Tags         []string                     `json:"tags,omitzero"`
}

// asked is what an app or flag is now, besides what waits to be decided about it.
type asked struct {
	app      catalog.App
	appFound bool
	flag     registry.Flag
	found    bool // the flag
	open     []review.Request
	moving   map[string]string // environment → the rollout that is on its way there
}

const defaultReason = "applied from files"

// content is the request that makes an app or a flag what the document says where there is none yet.
func (w wish) content() review.Content {
	reason := func(given string) string {
		if given == "" {
			return defaultReason
		}
		return given
	}
	if w.Kind == App {
		a := w.app
		return review.Content{
			Kind: review.PublishApp, TemplateID: a.TemplateID, Fields: a.Fields, RemovalPlan: a.RemovalPlan, Reason: reason(a.Reason),
			App: &review.App{
				Slug: w.Name, Name: a.Name, Description: a.Description, Category: a.Category, Owner: a.Owner, Contact: a.Contact, Kind: a.Kind, URL: a.URL,
				Data: a.Data,
			},
		}
	}
	slug, _, _ := strings.Cut(w.Name, ".")
	f := w.flag
	return review.Content{
		Kind: review.CreateFlag, TemplateID: f.TemplateID, Fields: f.Fields, RemovalPlan: f.RemovalPlan, Reason: reason(f.Reason),
		App: &review.App{Slug: slug},
	}
}

// lookAsked reads what a document of kind App or Flag is compared with.
func (t *Target) lookAsked(ctx context.Context, tx *store.Tx, by access.Actor, w wish) (now asked, err error) {
	slug, _, _ := strings.Cut(w.Name, ".")
	if now.app, now.appFound, err = catalog.Load(ctx, tx, slug); err != nil {
		return now, err
	}
	if w.Kind == Flag {
		if now.flag, now.found, err = registry.Get(ctx, tx, w.Name); err != nil {
			return now, err
		}
		rollouts, err := rollout.OfFlag(ctx, tx, by, t.Now(), now.flag)
		if err != nil {
			return now, err
		}
		now.moving = moving(rollouts)
	}
	now.open, err = review.Open(ctx, tx, slug)
	return now, err
}

// moving tells into which environments a rollout is on its way.
func moving(rollouts []rollout.Rollout) map[string]string {
	all := map[string]string{}
	for _, r := range rollouts {
		switch r.State {
		case rollout.Ready, rollout.Running, rollout.Paused:
			for _, s := range r.Steps {
				if s.State == rollout.StepPending || s.State == rollout.StepBaking {
					all[s.Environment] = r.ID
				}
			}
		case rollout.Completed, rollout.Aborted:
		}
	}
	return all
}

// ask plans the requests that a document of kind App or Flag needs, and tells what waits already.
func (d *differ) ask(w wish, step Step) Step {
	now := d.now.asked[thing{w.Kind, w.Name}]
	published := now.appFound && now.app.Listed
	var wanted []review.Content
	switch {
	case w.Kind == App && !published, w.Kind == Flag && !now.found:
		step.Changes = changes(nil, members(w.spec(), true))
		if w.Kind == Flag && !now.appFound {
			slug, _, _ := strings.Cut(w.Name, ".")
			d.known(w, "metadata.name", "app", []string{slug}, d.apps)
		}
		if w.Kind == Flag && !published {
			step.Action, step.Waiting = Keep, "waits until its app is approved; then apply again"
			return step
		}
		wanted = append(wanted, w.content())
	case w.Kind == App:
		wanted = changeApp(w, now, &step)
	default:
		wanted = d.changeFlag(w, now, &step)
	}
	switch {
	case w.Kind == Flag && now.found:
		step.tag(w.flag.Tags, now.flag.Tags)
	case len(w.flag.Tags) > 0:
		step.Waiting = "its tags wait until it is there; then apply again"
	}
	for _, c := range wanted {
		if words := waits(c, now.open); words != "" {
			step.Waiting = join(step.Waiting, words)
			continue
		}
		step.Action, step.asks = Ask, append(step.asks, c)
	}
	if step.Action == Keep {
		step.Changes = []Change{}
	}
	return step
}

// tag notes that a flag is to have other tags than it has. Without any in the document it keeps those that it has.
func (s *Step) tag(wanted, has []string) {
	if wanted == nil || slices.Equal(sorted(wanted), has) {
		return
	}
	s.Action, s.tags = Update, sorted(wanted)
	s.Changes = append(s.Changes, Change{Field: "tags", Before: has, After: s.tags})
}

// changeApp gives the request that makes an app what the document says; what the document leaves out stays.
func changeApp(w wish, now asked, step *Step) []review.Content {
	c := review.Content{Kind: review.ChangeApp, App: &review.App{Slug: w.Name}, BaseRevision: now.app.Revision, Reason: w.content().Reason}
	for _, m := range []struct {
		name, is, wanted string
		into             *string
	}{
		{"name", now.app.Name, w.app.Name, &c.App.Name},
		{"description", now.app.Description, w.app.Description, &c.App.Description},
		{"category", now.app.Category, w.app.Category, &c.App.Category},
		{"owner", now.app.Owner, w.app.Owner, &c.App.Owner},
		{"contact", now.app.Contact, w.app.Contact, &c.App.Contact},
		{"url", now.app.URL, w.app.URL, &c.App.URL},
		{"data.classification", string(now.app.Data.Classification), string(w.app.Data.Classification), (*string)(&c.App.Data.Classification)},
		{"data.why", now.app.Data.Why, w.app.Data.Why, &c.App.Data.Why},
	} {
		if m.wanted != "" && m.wanted != m.is {
			*m.into = m.wanted
			step.Changes = append(step.Changes, Change{Field: m.name, Before: m.is, After: m.wanted})
		}
	}
	if len(step.Changes) == 0 {
		return nil
	}
	return []review.Content{c}
}

// changeFlag gives a request for each environment that serves something else than the document says.
func (d *differ) changeFlag(w wish, now asked, step *Step) (wanted []review.Content) {
	for _, name := range slices.Sorted(maps.Keys(w.flag.Environments)) {
		d.known(w, "spec.environments."+name, "environment", []string{name}, d.places)
		change := w.flag.Environments[name]
		state, _ := now.flag.In(name)
		before, after := map[string]any{}, members(change, true)
		is := members(state.Serving, true)
		for member := range after {
			before[member] = is[member]
		}
		if reflect.DeepEqual(before, after) {
			continue
		}
		if id := now.moving[name]; id != "" {
			step.Waiting = join(step.Waiting, fmt.Sprintf("the rollout %s is on its way in %s", id, name))
			continue
		}
		step.Changes = append(step.Changes, Change{Field: "environments." + name, Before: before, After: after})
		wanted = append(wanted, review.Content{
			Kind: review.ChangeFlag, FlagKey: w.Name, Environment: name, BaseRevision: state.Revision, Change: &review.ContentChange{FlagChange: change}, Reason: w.content().Reason,
		})
	}
	return wanted
}

// waits tells in words of a request about the same that is not decided yet; empty if there is none. One is enough: what it asks
// for is decided first, then the files are applied again.
func waits(c review.Content, open []review.Request) string {
	for _, r := range open {
		if r.Kind != c.Kind || r.FlagKey != c.FlagKey || r.Environment != c.Environment ||
			c.Kind == review.CreateFlag && text(r.Fields["name"]) != text(c.Fields["name"]) {
			continue
		}
		if sameContent(r.Content, c) {
			return fmt.Sprintf("the request %s waits (%s)", r.ID, r.State)
		}
		return fmt.Sprintf("the request %s waits (%s) and asks for something else: decide or withdraw it, then apply again", r.ID, r.State)
	}
	return ""
}

// sameContent tells whether a request that waits asks for the same; the state that it was made from may be another.
func sameContent(a, b review.Content) bool {
	a.BaseRevision, b.BaseRevision = 0, 0
	return reflect.DeepEqual(members(a, true), members(b, true))
}

// ask sets the tags of a step and makes its requests, and tells the plan which revisions SDKs are to see because of them.
func (t *Target) ask(ctx context.Context, by access.Actor, step *Step, revealed map[string]int64) error {
	if step.tags != nil {
		now, err := t.Registry.Flag(ctx, by, step.Name) // segments that were put before may have moved it
		if err != nil {
			return err
		}
		if _, err := t.Registry.SetTags(ctx, by, step.Name, step.tags, now.Revision); err != nil {
			return err
		}
	}
	for _, c := range step.asks {
		made, err := t.Desk.Submit(ctx, by, c)
		if err != nil {
			return err
		}
		step.Requests = append(step.Requests, made.Request.ID)
		for environment, revision := range made.Revealed {
			revealed[environment] = max(revealed[environment], revision)
		}
	}
	return nil
}

// readAsked reads the spec of an App or a Flag; what it asks for, the checks of the request judge.
func (w *wish) readAsked() (findings []fault.Finding) {
	take := strict.Take{Bytes: maxFile, AnyText: true}
	if w.Kind == App {
		w.app, findings = strict.Decode[appSpec](w.Spec, take)
		return findings
	}
	if w.flag, findings = strict.Decode[flagSpec](w.Spec, take); len(findings) > 0 {
		return findings
	}
	if slug, name, ok := strings.Cut(w.Name, "."); !ok || slug == "" || name == "" {
		findings = append(findings, strict.Finding("metadata.name", "bad_key", "call it by its key, such as where2eat.enabled", "%q is no key of a flag", w.Name))
	}
	return append(findings, findingsOf(registry.CheckTags(w.flag.Tags))...)
}

// spec is what the document says, for showing it.
func (w wish) spec() any {
	if w.Kind == App {
		return w.app
	}
	return w.flag
}

func join(words, more string) string {
	if words == "" {
		return more
	}
	return words + "; " + more
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
