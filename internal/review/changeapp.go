package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// changingApp is change_app: what a published app says of itself, where it is, and whose it is.
type changingApp struct {
	bare
	target
	Owner  *access.Group // the group that is to own the app; nil: there is none
	Origin *Content      // what the request asked for that published the app
}

func (*changingApp) title(c Content) string { return "Change the app " + quoted(appOf(c).Slug, "?") }

func (*changingApp) takes() []string { return []string{"app", "attachments", "base_revision"} }

func (s *changingApp) load(ctx context.Context, tx *store.Tx, r record, _ World) error {
	if err := s.loadApp(ctx, tx, appOf(r.content).Slug); err != nil || s.App == nil {
		return err
	}
	var err error
	if s.Owner, err = loadGroup(ctx, tx, orElse(appOf(r.content).Owner, s.App.Owner)); err != nil {
		return err
	}
	origin, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
		WHERE app = $1 AND kind = $2 AND state = $3 ORDER BY id DESC LIMIT 1`, s.App.Slug, PublishApp, Approved)
	if err != nil {
		return fmt.Errorf("read the request that published an app: %w", err)
	}
	if !ok {
		return nil
	}
	s.Origin = &origin.content
	return s.loadTemplate(ctx, tx, origin.templateID, origin.templateVersion)
}

func (s *changingApp) ask(by access.Actor, c Content) error { return s.askApp(by, c) }

func (s *changingApp) base(Content) any {
	if s.App == nil {
		return int64(0)
	}
	return s.App.Revision
}

func (s *changingApp) conflict(c Content, _ World) *fault.Error {
	if s.App == nil || c.BaseRevision == 0 || c.BaseRevision == s.App.Revision {
		return nil
	}
	return fault.New(fault.Conflict, "base_changed", "the app %s was changed since you read it: you read version %d, it is version %d now",
		s.App.Slug, c.BaseRevision, s.App.Revision).At("base_revision").
		Fix("look at what it says now, and make your change to that").Showing(s.App)
}

// over returns the app with what the change says of it; what is absent stays.
func (a App) over(is App) App {
	return App{
		Slug: is.Slug, Name: orElse(a.Name, is.Name), Description: orElse(a.Description, is.Description),
		Category: orElse(a.Category, is.Category), Owner: orElse(a.Owner, is.Owner), Contact: orElse(a.Contact, is.Contact),
		Kind: is.Kind, URL: orElse(a.URL, is.URL),
		Data: catalog.Data{
			Classification: catalog.Classification(orElse(string(a.Data.Classification), string(is.Data.Classification))),
			Why:            orElse(a.Data.Why, is.Data.Why),
		},
	}
}

func (s *changingApp) check(c Content, w World) checked {
	seen := checked{content: c, results: map[string]CheckResult{}, impact: Impact{Environments: []string{}, Downstream: []string{}}}
	if s.App == nil {
		seen.app, seen.judged, seen.blind = appOf(c), appOf(c), true
		if !w.Offline {
			seen.schema = append(seen.schema, findingOf(unknownApp(appOf(c).Slug)))
		}
		return seen
	}
	is, asked := asApp(*s.App), appOf(c)
	will := asked.over(is)
	seen.app, seen.judged, seen.fields = is, will, s.fieldsOf(s.Origin)
	seen.diff = changed(Content{App: &is}, Content{App: &will}, template.Document{})
	if !s.App.Listed {
		seen.schema = append(seen.schema, wrong("app.slug", "not_published", "edit the request that publishes it instead",
			"the app %s is not published yet", is.Slug))
	}
	if c.BaseRevision == 0 {
		missing := wrong("base_revision", "required", fmt.Sprintf("send the revision of the app that you read; it is %d now", s.App.Revision),
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
	seen.results[checkAudit] = result(checkAudit, s.checkNewOwner(is, will, w))
	if will.Data != is.Data {
		seen.results[checkData] = checkDataAccess(will.Data)
	}
	if will.Data.Classification != is.Data.Classification { // less is as risky as what it was, since what comes after is judged by it
		seen.was, seen.exposes = catalog.Classification(orElse(string(is.Data.Classification), unsaid)), true
	}
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
func (s *changingApp) checkNewOwner(is, will App, w World) []fault.Finding {
	switch {
	case will.Owner == is.Owner || w.Offline:
		return nil
	case s.Owner == nil:
		return []fault.Finding{wrong("app.owner", "unknown_group", fault.Meant(will.Owner, w.Groups, "choose a team that exists"),
			"there is no team %q", will.Owner)}
	case len(s.Owner.Members) == 0:
		return []fault.Finding{wrong("app.owner", "empty_group", "choose a team with people in it", "nobody is in the team %s", will.Owner)}
	case !w.Requester.In(will.Owner):
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
	if will.Data.Classification != is.Data.Classification {
		words = append(words, fmt.Sprintf("what comes after is judged as showing %s, not %s", dataWords(will.Data.Classification), dataWords(is.Data.Classification)))
	}
	if len(words) == 0 {
		return "What the marketplace says of the app changes; what people get stays."
	}
	return strings.ToUpper(words[0][:1]) + words[0][1:] + strings.Join(append([]string{""}, words[1:]...), "; ") + "."
}

// effect writes what the app says of itself, and carries owner and contact over to its flags.
func (s *changingApp) effect(ctx context.Context, m move, a Assessed) (map[string]int64, error) {
	will := appOf(m.r.content).over(a.app)
	next := will.catalogApp()
	next.Revision = s.App.Revision
	if _, err := catalog.Change(ctx, m.tx, m.by, m.at, next, m.r.id); err != nil {
		return nil, err
	}
	if will.Owner == a.app.Owner && will.Contact == a.app.Contact {
		return nil, nil
	}
	if _, err := m.tx.Exec(ctx, `UPDATE request SET owner = $1 WHERE app = $2 AND `+undecided,
		will.Owner, will.Slug); err != nil {
		return nil, fmt.Errorf("hand over open requests: %w", err)
	}
	m.r.owner = will.Owner
	return nil, registry.Adopt(ctx, m.tx, m.change(registry.CauseApproved), will.Slug, registry.Keepers{
		Group: will.Owner, Contact: will.Contact, People: s.Owner.MemberIDs,
	})
}
