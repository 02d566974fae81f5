package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// changingApp is change_app: what a published app says of itself, where it is, and whose it is.
func changingApp() trait {
	return trait{
		title:    func(c Content) string { return "Change the app " + quoted(appOf(c).Slug, "?") },
		takes:    []string{"app", "attachments", "base_revision"},
		about:    aboutChangingApp,
		ask:      askApp,
		conflict: staleApp,
		check:    checkChangingApp,
		base: func(_ Content, f Facts) any {
			if f.App == nil {
				return int64(0)
			}
			return f.App.Revision
		},
		effect: changeApp,
	}
}

func aboutChangingApp(ctx context.Context, tx *store.Tx, _ time.Time, r record, f *Facts) error {
	if err := f.appNamed(ctx, tx, appOf(r.content).Slug); err != nil || f.App == nil {
		return err
	}
	if err := f.ownedBy(ctx, tx, orElse(appOf(r.content).Owner, f.App.Owner)); err != nil {
		return err
	}
	origin, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
		WHERE app = $1 AND kind = $2 AND state = $3 ORDER BY id DESC LIMIT 1`, f.App.Slug, PublishApp, Approved)
	if err != nil {
		return fmt.Errorf("read the request that published an app: %w", err)
	}
	if !ok {
		return nil
	}
	f.Origin = &origin.content
	return f.fromTemplate(ctx, tx, origin.templateID, origin.templateVersion)
}

func staleApp(c Content, f Facts) *fault.Error {
	if f.App == nil || c.BaseRevision == 0 || c.BaseRevision == f.App.Revision {
		return nil
	}
	return fault.New(fault.Conflict, "base_changed", "the app %s was changed since you read it: you read version %d, it is version %d now",
		f.App.Slug, c.BaseRevision, f.App.Revision).At("base_revision").
		Fix("look at what it says now, and make your change to that").Showing(f.App)
}

// over gives the app with what the change says of it; what is absent stays.
func (a App) over(is App) App {
	return App{
		Slug: is.Slug, Name: orElse(a.Name, is.Name), Description: orElse(a.Description, is.Description),
		Category: orElse(a.Category, is.Category), Owner: orElse(a.Owner, is.Owner), Contact: orElse(a.Contact, is.Contact),
		Kind: is.Kind, URL: orElse(a.URL, is.URL),
	}
}

func checkChangingApp(c Content, f Facts) checked {
	seen := checked{content: c, results: map[string]CheckResult{}, impact: Impact{Environments: []string{}, Downstream: []string{}}}
	if f.App == nil {
		seen.app, seen.judged, seen.blind = appOf(c), appOf(c), true
		if !f.Offline {
			seen.schema = append(seen.schema, findingOf(unknownApp(appOf(c).Slug)))
		}
		return seen
	}
	is, asked := asApp(*f.App), appOf(c)
	will := asked.over(is)
	seen.app, seen.judged, seen.fields = is, will, f.fields()
	seen.diff = changed(Content{App: &is}, Content{App: &will}, template.Document{})
	if !f.App.Listed {
		seen.schema = append(seen.schema, wrong("app.slug", "not_published", "edit the request that publishes it instead",
			"the app %s is not published yet", is.Slug))
	}
	if c.BaseRevision == 0 {
		missing := wrong("base_revision", "required", fmt.Sprintf("send the revision of the app that you read; it is %d now", f.App.Revision),
			"it is not said which version of the app this changes")
		seen.schema = append(seen.schema, missing)
	}
	if asked.Kind != "" && asked.Kind != is.Kind {
		seen.schema = append(seen.schema, wrong("app.kind", "kind_is_fixed", "leave it out", "the kind of an app cannot be changed"))
	}
	if len(seen.diff) == 0 {
		seen.schema = append(seen.schema, wrong("app", "nothing_changes", "say what is to be another", "the app says all of this already"))
	}
	// What stays may be from a time with other rules; only what changes is judged.
	for _, finding := range catalog.Check(will.catalogApp()) {
		if slices.ContainsFunc(seen.diff, func(c Change) bool { return c.Path == finding.Field }) {
			seen.schema = append(seen.schema, finding)
		}
	}
	seen.results[checkAudit] = result(checkAudit, checkNewOwner(is, will, f))
	moved := will.URL != is.URL
	if moved {
		seen.results[checkSecurity] = scanExternal(will.URL, c.Attachments)
		seen.exposes = true
	}
	seen.says = map[string]any{"url_changed": moved, "owner_changed": will.Owner != is.Owner, "app_before": is}
	seen.impact.Words = changeImpact(is, will)
	return seen
}

// checkNewOwner makes sure that there is a team to hand the app over to. That team is not asked, so the approvers are told.
func checkNewOwner(is, will App, f Facts) []fault.Finding {
	switch {
	case will.Owner == is.Owner || f.Offline:
		return nil
	case f.Owner == nil:
		return []fault.Finding{wrong("app.owner", "unknown_group", fault.Meant(will.Owner, f.Groups, "choose a team that exists"),
			"there is no team %q", will.Owner)}
	case len(f.Owner.Members) == 0:
		return []fault.Finding{wrong("app.owner", "empty_group", "choose a team with people in it", "nobody is in the team %s", will.Owner)}
	case !f.Requester.In(will.Owner):
		found := wrong("app.owner", "not_a_member", "ask somebody of "+will.Owner+" to say so in a comment",
			"you are not in the team %s, which is to own the app from then on", will.Owner)
		found.Severity = fault.SeverityWarning
		return []fault.Finding{found}
	}
	return nil
}

func changeImpact(is, will App) string {
	var words []string
	if will.Owner != is.Owner {
		words = append(words, fmt.Sprintf("%s owns the app and all its switches from then on, %s no longer does", will.Owner, is.Owner))
	}
	if will.URL != is.URL {
		words = append(words, fmt.Sprintf("everybody who may open the app comes to %s from then on", will.URL))
	}
	if len(words) == 0 {
		return "What the marketplace says of the app changes; what people get stays."
	}
	return strings.ToUpper(words[0][:1]) + words[0][1:] + strings.Join(append([]string{""}, words[1:]...), "; ") + "."
}

// changeApp writes what the app says of itself, and carries owner and contact over to its flags.
func changeApp(ctx context.Context, m move, a Assessed, f Facts) (map[string]int64, error) {
	will := appOf(m.r.content).over(a.app)
	next := will.catalogApp()
	next.Revision = f.App.Revision
	if _, err := catalog.Change(ctx, m.tx, m.by, m.at, next, m.r.id); err != nil {
		return nil, err
	}
	if will.Owner == a.app.Owner && will.Contact == a.app.Contact {
		return nil, nil
	}
	if _, err := m.tx.Exec(ctx, `UPDATE request SET owner = $1 WHERE app = $2 AND state IN ($3, $4)`,
		will.Owner, will.Slug, NeedsApproval, NeedsFixes); err != nil {
		return nil, fmt.Errorf("hand over open requests: %w", err)
	}
	m.r.owner = will.Owner
	return nil, registry.Adopt(ctx, m.tx, m.change(registry.CauseApproved), will.Slug, registry.Keepers{
		Group: will.Owner, Contact: will.Contact, Members: f.Owner.Members,
	})
}
