package review

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// creating is create_flag: one more flag of an app that is published.
type creating struct{ making }

func (*creating) title(c Content) string {
	return "Add the switch " + quoted(text(c.Fields["name"]), "?") + " to " + quoted(appOf(c).Slug, "an app")
}

func (*creating) takes() []string { return []string{"template_id", "app", "fields", "removal_plan"} }

func (s *creating) load(ctx context.Context, tx *store.Tx, r record, _ World) error {
	if err := s.loadTerms(ctx, tx, r); err != nil {
		return err
	}
	if err := s.loadApp(ctx, tx, appOf(r.content).Slug); err != nil || s.App == nil {
		return err
	}
	var err error
	if s.Owner, err = loadGroup(ctx, tx, s.App.Owner); err != nil {
		return err
	}
	return s.loadKey(ctx, tx, r, s.App.Slug)
}

func (s *creating) ask(by access.Actor, c Content) error { return s.askApp(by, c) }

func (s *creating) check(c Content, w World) checked {
	app := appOf(c)
	schema := checkOnlySlug(app)
	switch {
	case s.App != nil:
		app = asApp(*s.App)
		if !s.App.Listed {
			schema = append(schema, wrong("app.slug", "not_published", "wait until the request that publishes it is approved",
				"the app %s is not published yet", app.Slug))
		}
	case w.Offline: // its owner and contact are the app's, whatever they are
		app.Owner, app.Contact = orElse(app.Owner, "known"), orElse(app.Contact, "known")
	default:
		schema = append(schema, findingOf(unknownApp(app.Slug)))
	}
	return s.judge(c, w, app, schema)
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

func (s *creating) reserve(ctx context.Context, m move, a Assessed) error {
	return s.propose(ctx, m, a, registry.Flag{})
}

func (*creating) release(ctx context.Context, m move, reason string) error {
	return discard(ctx, m, reason)
}

func (s *creating) effect(ctx context.Context, m move, a Assessed) (map[string]int64, error) {
	return s.install(ctx, m, a)
}
