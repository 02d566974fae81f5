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

// reserve makes the app (unlisted) and its flag (proposed) once slug and name are good, and brings them up to date with an
// edited request.
func (d *Desk) reserve(ctx context.Context, tx *store.Tx, by access.Actor, r *record, a Assessed, f Facts) error {
	if r.content.Kind != PublishApp || f.Template == nil || !reservable(a.Checks) {
		return nil
	}
	now := d.Now()
	change := registry.Change{By: by, At: now, RequestID: r.id, Reason: orElse(r.content.Reason, "asked for by "+by.Email)}
	spec := specOf(a.Content, *f.Template)
	app := r.content.App.catalogApp()
	var discarded registry.Flag
	if r.flag.Key != "" && slugOf(r.flag.Key) != app.Slug {
		var err error
		if discarded, err = registry.Lock(ctx, tx, r.flag.Key); err != nil {
			return err
		}
		if err := d.release(ctx, tx, by, r, "the request asks for the short name "+app.Slug+" now"); err != nil {
			return err
		}
		r.flag = FlagRef{}
	}
	if r.flag.Key == "" {
		if _, err := catalog.Reserve(ctx, tx, by, now, app, r.id); err != nil {
			return err
		}
		flag, err := registry.Propose(ctx, tx, change, spec)
		if err != nil {
			return err
		}
		r.flag = FlagRef{Key: flag.Key, FlagID: flag.FlagID}
		if err := keepKills(ctx, tx, change, discarded, flag.Key); err != nil {
			return err
		}
	} else {
		if err := reviseApp(ctx, tx, by, now, app, r.id); err != nil {
			return err
		}
		flag, err := registry.Revise(ctx, tx, change, r.flag.Key, spec)
		if err != nil {
			return err
		}
		if flag.Key != r.flag.Key {
			if err := lifecycle.Rename(ctx, tx, r.flag.Key, flag.Key); err != nil {
				return err
			}
		}
		r.flag = FlagRef{Key: flag.Key, FlagID: flag.FlagID}
	}
	// A TTL that schema finds wrong is mended before approval, which begins the life anew with the right one.
	_, err := lifecycle.Begin(ctx, tx, now, r.flag.Key, lifecycle.Terms{
		TTLDays: max(wholeNumber(a.Content.Fields["ttl_days"]), 1), MaxActiveDays: maxActive(*f.Template, f.Rules),
		RemovalPlan: r.content.RemovalPlan,
	})
	return err
}

// keepKills turns a flag off wherever the one in whose place it comes was turned off: another name undoes no kill.
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

// reviseApp brings the unlisted app up to date with the request.
func reviseApp(ctx context.Context, tx *store.Tx, by access.Actor, now time.Time, app catalog.App, requestID string) error {
	current, ok, err := catalog.Load(ctx, tx, app.Slug)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("the app %s of request %s is gone", app.Slug, requestID)
	}
	app.Revision = current.Revision
	_, err = catalog.Change(ctx, tx, by, now, app, requestID)
	return err
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

// release frees what a request reserved that is not to be: the flag is gone, the slug is kept for the same team for a while.
func (d *Desk) release(ctx context.Context, tx *store.Tx, by access.Actor, r *record, reason string) error {
	now := d.Now()
	if _, err := lifecycle.Move(ctx, tx, by, now, identOf(r), lifecycle.Removed, reason, r.id); err != nil {
		return err
	}
	change := registry.Change{By: by, At: now, Reason: reason, RequestID: r.id, Cause: registry.CauseRemoved}
	if err := registry.Withdraw(ctx, tx, change, r.flag.Key); err != nil {
		return err
	}
	return catalog.Hold(ctx, tx, by, now, slugOf(r.flag.Key), reason, r.id)
}

// effect does what an approved request asked for, and tells which revisions SDKs are to see.
func (d *Desk) effect(ctx context.Context, tx *store.Tx, by access.Actor, r *record, a Assessed, t template.Document) (map[string]int64, error) {
	now := d.Now()
	change := registry.Change{By: by, At: now, RequestID: r.id, Reason: orElse(r.content.Reason, "request approved")}
	if r.content.Kind == RestoreFlag {
		change.Cause = registry.CauseRestore
		o, err := rollout.Restore(ctx, tx, change, r.content.FlagKey, r.content.Environment)
		r.rolloutID = o.Rollout.ID // what was left of a rollout that the kill had aborted
		return revealed(o), err
	}
	change.Cause = registry.CauseApproved
	if _, err := catalog.Publish(ctx, tx, by, now, appOf(r.content).Slug, r.id); err != nil {
		return nil, err
	}
	if _, err := lifecycle.Move(ctx, tx, by, now, identOf(r), lifecycle.Approved, change.Reason, r.id); err != nil {
		return nil, err
	}
	flag, err := registry.Install(ctx, tx, change, r.flag.Key)
	if err != nil {
		return nil, err
	}
	created, err := rollout.Create(ctx, tx, by, now, lifecycle.Of(flag), r.id, a.Plan)
	if err != nil {
		return nil, err
	}
	r.rolloutID = created.ID
	if !t.AutoStart || kill(flag, created.Steps[0].Environment) != nil {
		return revisions(flag), nil
	}
	begun, err := rollout.Begin(ctx, tx, access.System("rollout"), now, lifecycle.Of(flag), created, "started by itself, as the template says")
	if err != nil {
		return nil, err
	}
	seen := revisions(flag)
	seen[begun.Environment] = max(seen[begun.Environment], begun.Revision)
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

// revealed gives the revision that SDKs are to see after a rollout moved; 0 means that nothing changed for them.
func revealed(o rollout.Outcome) map[string]int64 {
	if o.Revision == 0 {
		return nil
	}
	return map[string]int64{o.Environment: o.Revision}
}

func identOf(r *record) lifecycle.Ident {
	return lifecycle.Ident{Key: r.flag.Key, FlagID: r.flag.FlagID, App: slugOf(r.flag.Key)}
}

// slugOf gives the app's slug of a key: slugs have no dots.
func slugOf(key string) string {
	slug, _, _ := strings.Cut(key, ".")
	return slug
}

// specOf makes the flag that a request describes. Boolean flags have the variants on and off, and fields.default says which
// of them people outside the audience get; a kill always serves off.
func specOf(c Content, t template.Template) registry.Spec {
	spec := registry.Spec{
		App: c.App.Slug, Name: text(c.Fields["name"]), Description: c.App.Description, Type: "boolean",
		OwnerGroup: c.App.Owner, Owner: text(c.Fields["owner"]), Contact: c.App.Contact,
		TemplateID: t.TemplateID, TemplateVersion: t.Version,
		Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: text(c.Fields["audiences"]),
	}
	if on, ok := c.Fields["default"].(bool); ok && on {
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

// planOf is the rollout that an approval leaves ready: the template's steps, or the default ones.
func planOf(t template.Template, c Content, f Facts) ([]rollout.Step, []fault.Finding) {
	var asked []rollout.Stage
	for _, s := range t.Steps(c.Fields) {
		asked = append(asked, rollout.Stage{
			Environment: s.Environment, Audience: s.Audience, Percent: s.Percent, Bake: s.BakeTime(), Promote: s.Promote,
		})
	}
	return rollout.Plan(asked, text(c.Fields["audiences"]), f.AudienceSize, f.Environments)
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
