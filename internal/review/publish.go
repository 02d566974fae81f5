package review

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// publishing is publish_app: a new app and its first flag.
type publishing struct {
	making
	Slug *fault.Finding // why the slug is not to be had; nil: it is
}

func (*publishing) title(c Content) string {
	return "Publish " + quoted(appOf(c).Name, quoted(appOf(c).Slug, "an app"))
}

func (*publishing) takes() []string {
	return []string{"template_id", "app", "fields", "attachments", "removal_plan"}
}

func (s *publishing) load(ctx context.Context, tx *store.Tx, r record, w World) error {
	c := r.content
	if err := s.loadTerms(ctx, tx, r); err != nil || c.App == nil {
		return err
	}
	var err error
	if s.Owner, err = loadGroup(ctx, tx, c.App.Owner); err != nil {
		return err
	}
	// The key before the short name: of two who submit the same at once, the second is then told of the short name.
	if err := s.loadKey(ctx, tx, r, c.App.Slug); err != nil {
		return err
	}
	if c.App.Slug != slugOf(r.flag.Key) {
		if s.Slug, err = catalog.Vacant(ctx, tx, w.Now, c.App.Slug, c.App.Owner); err != nil {
			return err
		}
	}
	s.KeyTaken = s.KeyTaken && s.Slug == nil
	return nil
}

// ask lets members of the team ask. A team that does not exist is a finding, not a refusal.
func (s *publishing) ask(by access.Actor, _ Content) error {
	if s.Owner == nil {
		return access.Can(by, access.SignIn, access.Scope{})
	}
	return access.Can(by, access.RequestMake, access.Scope{OwnerGroup: s.Owner.Name})
}

func (s *publishing) check(c Content, w World) checked {
	if c.App == nil {
		return s.judge(c, w, App{}, []fault.Finding{wrong("app", "required",
			"give the app a short name, a name, a category, an owner, a contact and a URL", "the app is not described")})
	}
	schema := catalog.Check(c.App.catalogApp())
	if s.Slug != nil {
		schema = append(schema, *s.Slug)
	}
	return s.judge(c, w, appOf(c), schema)
}

// reserve makes the app (unlisted) and its flag (proposed) once slug and name are good, and brings them up to date
// with an edited request.
func (s *publishing) reserve(ctx context.Context, m move, a Assessed) error {
	if s.Template == nil || !reservable(a.Checks) {
		return nil
	}
	app := a.app.catalogApp()
	var discarded registry.Flag
	if m.r.flag.Key != "" && slugOf(m.r.flag.Key) != app.Slug {
		var err error
		if discarded, err = registry.Lock(ctx, m.tx, m.r.flag.Key); err != nil {
			return err
		}
		if err := s.release(ctx, m, "the request asks for the short name "+app.Slug+" now"); err != nil {
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
	return s.propose(ctx, m, a, discarded)
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

func (*publishing) release(ctx context.Context, m move, reason string) error {
	slug := slugOf(m.r.flag.Key)
	if err := discard(ctx, m, reason); err != nil {
		return err
	}
	return catalog.Hold(ctx, m.tx, m.by, m.at, slug, reason, m.r.id)
}

func (s *publishing) effect(ctx context.Context, m move, a Assessed) (map[string]int64, error) {
	if _, err := catalog.Publish(ctx, m.tx, m.by, m.at, a.app.Slug, m.r.id); err != nil {
		return nil, err
	}
	return s.install(ctx, m, a)
}
