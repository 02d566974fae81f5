package template

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/templates"
)

// Topic is announced when a template has a new version.
const Topic = "templates"

// Library is the templates of an installation.
type Library struct {
	DB  *store.DB
	Now func() time.Time

	// Judge reads which policies about template files are in force: token names their state, and judge says what they say of a
	// document, once no transaction is open any more. Nil asks none.
	Judge func(ctx context.Context, tx *store.Tx) (token string, judge func(ctx context.Context, document any) ([]fault.Finding, error), err error)

	// Reported reports whether somebody could report a check that Souk does not have: a service account with a token for it. Nil: nobody.
	Reported func(ctx context.Context, tx *store.Tx, now time.Time) (bool, error)
}

// Template is one version of a document.
type Template struct {
	Document
	Version   int       `json:"version" doc:"1, 2, 3 …; a version never changes"`
	Active    bool      `json:"active" doc:"Whether something new may be made from it; false: it was retired"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by" doc:"E-mail of who posted it"`
}

// Put stores the document. The same content as the latest version is that version again (created is false); anything else
// is the next one. A document with errors is refused with its findings; one that asks for less than the version before, or a new
// one than the strictest starter, waits for a second administrator.
func (l *Library) Put(ctx context.Context, by access.Actor, raw []byte) (Template, bool, error) {
	return l.put(ctx, by, raw, anyVersion)
}

// anyVersion stands for whatever version is the latest.
const anyVersion = -1

func (l *Library) put(ctx context.Context, by access.Actor, raw []byte, base int64) (t Template, created bool, err error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Template{}, false, err
	}
	doc, findings := Parse(raw)
	if err := refusal(findings); err != nil {
		return Template{}, false, err
	}
	var waiting *access.Proposal
	var judged string // the state of the policies that judged
	prepare := func(ctx context.Context) error {
		judged, err = l.judge(ctx, doc, raw)
		return err
	}
	err = store.Prepared(ctx, l.DB.Write, prepare, func(ctx context.Context, tx *store.Tx) error {
		waiting = nil
		if err := l.unmoved(ctx, tx, judged); err != nil {
			return err
		}
		if err := l.provided(ctx, tx, findings); err != nil {
			return err
		}
		latest, exists, err := Load(ctx, tx, doc.TemplateID, 0)
		if err != nil {
			return err
		}
		if base != anyVersion && int64(latest.Version) != base {
			return fault.New(fault.Stale, "stale", "somebody made another version of %s meanwhile", doc.TemplateID).
				Fix("look at it as it is now, then decide again").Showing(latest)
		}
		before := latest.Document
		if !exists {
			if before, err = benchmark(doc); err != nil {
				return err
			}
		}
		text, err := json.Marshal(doc)
		if err != nil {
			return fmt.Errorf("encode template: %w", err)
		}
		if waiting, err = putTemplate.Second(ctx, tx, by, l.Now(), before, doc, access.Loosening{
			Subject: "template:" + doc.TemplateID, Change: proposed{string(text)}, Base: int64(latest.Version),
		}); err != nil || waiting != nil {
			return err
		}
		t, created, err = put(ctx, tx, by, doc, l.Now())
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	return t, created, err
}

// provided refuses a document that names a check which neither Souk has nor anybody could report: no request could ever pass it.
func (l *Library) provided(ctx context.Context, tx *store.Tx, findings []fault.Finding) error {
	unknown := slices.Clone(findings)
	unknown = slices.DeleteFunc(unknown, func(f fault.Finding) bool { return f.Code != UnknownCheck })
	if len(unknown) == 0 {
		return nil
	}
	if l.Reported != nil {
		if reported, err := l.Reported(ctx, tx, l.Now()); err != nil || reported {
			return err
		}
	}
	for i := range unknown {
		unknown[i].Severity = fault.SeverityError
	}
	return refusal(unknown)
}

// judge refuses a document that a policy about template files refuses, and returns the state of the policies that judged.
func (l *Library) judge(ctx context.Context, doc Document, raw []byte) (token string, err error) {
	if l.Judge == nil {
		return "", nil
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		return "", fmt.Errorf("read template %s: %w", doc.TemplateID, err)
	}
	var ask func(ctx context.Context, document any) ([]fault.Finding, error)
	if err := l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		token, ask, err = l.Judge(ctx, tx)
		return err
	}); err != nil {
		return "", err
	}
	findings, err := ask(ctx, document)
	if err != nil {
		return "", err
	}
	return token, refusal(findings)
}

// unmoved makes sure that the policies are still those that judged.
func (l *Library) unmoved(ctx context.Context, tx *store.Tx, judged string) error {
	if l.Judge == nil {
		return nil
	}
	token, _, err := l.Judge(ctx, tx)
	if err == nil && token != judged {
		err = store.ErrMoved
	}
	return err
}

// SetActive retires a template, so that nothing new is made from it, or takes it back into use. What was made from it, and
// requests that were, keep it. What holds already changes nothing. Taking it back waits for a second administrator.
func (l *Library) SetActive(ctx context.Context, by access.Actor, id string, active bool) (t Template, err error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Template{}, err
	}
	var waiting *access.Proposal
	err = l.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var ok bool
		t, ok, err = Load(ctx, tx, id, 0)
		if err != nil {
			return err
		}
		if !ok {
			return unknown(ctx, tx, id)
		}
		waiting, err = setTemplateActive.Second(ctx, tx, by, l.Now(), t.Active, active, access.Loosening{
			Subject: "template:" + t.TemplateID, Change: proposedActive{t.TemplateID, active}, Base: int64(t.Version),
		})
		if err != nil || waiting != nil {
			return err
		}
		t, err = setActive(ctx, tx, by, t, active, l.Now())
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	return t, err
}

func setActive(ctx context.Context, tx *store.Tx, by access.Actor, t Template, active bool, now time.Time) (Template, error) {
	query, args, name := `DELETE FROM template_retired WHERE id = $1`, []any{t.TemplateID}, audit.TemplateActivated
	if !active {
		query = `INSERT INTO template_retired (id, retired_at, retired_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
		args, name = append(args, store.Micros(now), by.Email), audit.TemplateRetired
	}
	n, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return Template{}, fmt.Errorf("set template active: %w", err)
	}
	t.Active = active
	if n == 0 {
		return t, nil
	}
	event := by.Event(name, now)
	event.Subject = "template:" + t.TemplateID
	event.Details = map[string]any{"version": t.Version, "display_name": t.DisplayName}
	if _, err := audit.Append(ctx, tx, event); err != nil {
		return Template{}, err
	}
	tx.Announce(Topic)
	return t, nil
}

// read parses a document and makes one fault of all its errors.
func read(raw []byte) (Document, error) {
	doc, findings := Parse(raw)
	return doc, refusal(findings)
}

// refusal is the fault that the findings make of a document; nil if none is an error.
func refusal(findings []fault.Finding) error {
	for _, f := range findings {
		if f.Severity == fault.SeverityError {
			return fault.New(fault.Unprocessable, "bad_template", "the template cannot be used: %s", f.Message).
				At(f.Field).Fix("%s", f.Remediation).With(findings...)
		}
	}
	return nil
}

func put(ctx context.Context, tx *store.Tx, by access.Actor, doc Document, now time.Time) (Template, bool, error) {
	document, err := json.Marshal(doc)
	if err != nil {
		return Template{}, false, fmt.Errorf("encode template: %w", err)
	}
	latest, exists, err := Load(ctx, tx, doc.TemplateID, 0)
	if err != nil {
		return Template{}, false, err
	}
	if exists {
		before, err := json.Marshal(latest.Document)
		if err != nil {
			return Template{}, false, fmt.Errorf("encode template: %w", err)
		}
		if bytes.Equal(before, document) {
			return latest, false, nil
		}
	}
	t := Template{Document: doc, Version: latest.Version + 1, Active: latest.Active || !exists, CreatedAt: now.UTC().Truncate(time.Microsecond), CreatedBy: by.Email}
	n, err := tx.Exec(ctx, `INSERT INTO template_version (id, version, document, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, doc.TemplateID, t.Version, string(document), store.Micros(now), by.Email)
	if err != nil {
		return Template{}, false, fmt.Errorf("store template: %w", err)
	}
	if n == 0 {
		return Template{}, false, fault.New(fault.Conflict, "template_changed", "somebody else changed %s at the same moment", doc.TemplateID).
			At("templateId").Fix("look at the new version, then send yours again if it is still wanted")
	}
	name := audit.TemplateCreated
	if exists {
		name = audit.TemplateUpdated
	}
	event := by.Event(name, now)
	event.Subject = "template:" + doc.TemplateID
	event.Details = map[string]any{"version": t.Version, "display_name": doc.DisplayName}
	if _, err := audit.Append(ctx, tx, event); err != nil {
		return Template{}, false, err
	}
	tx.Announce(Topic)
	return t, true, nil
}

// Get gives one version of a template; version 0 is the latest.
func (l *Library) Get(ctx context.Context, by access.Actor, id string, version int) (t Template, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Template{}, err
	}
	err = l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		var ok bool
		t, ok, err = Load(ctx, tx, id, version)
		if err != nil || ok {
			return err
		}
		if version > 0 {
			return fault.New(fault.NotFound, "no_template", "there is no version %d of the template %q", version, fault.Clip(id, 80)).
				Fix("leave the version out for the latest")
		}
		return unknown(ctx, tx, id)
	})
	return t, err
}

func unknown(ctx context.Context, tx *store.Tx, id string) error {
	ids, err := IDs(ctx, tx)
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "no_template", "there is no template %q", fault.Clip(id, 80)).
		Fix("%s", fault.Meant(id, ids, "see the list of templates"))
}

// Versions gives all versions of a template, newest first.
func (l *Library) Versions(ctx context.Context, by access.Actor, id string, page store.Page) (listing store.Listing[Template], err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return listing, err
	}
	after, err := page.After()
	if err != nil {
		return listing, err
	}
	before := math.MaxInt32
	if after != nil {
		if before, err = strconv.Atoi(after[0]); err != nil {
			return listing, badCursor()
		}
	}
	err = l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		items, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM template_version v WHERE v.id = $1 AND v.version < $2
			ORDER BY v.version DESC LIMIT $3`, id, before, page.Size()+1)
		if err != nil {
			return fmt.Errorf("list versions of a template: %w", err)
		}
		if len(items) == 0 && after == nil {
			return unknown(ctx, tx, id)
		}
		listing = store.Cut(page, items, func(t Template) []string { return []string{strconv.Itoa(t.Version)} })
		return nil
	})
	return listing, err
}

func badCursor() error {
	return fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
		Fix("leave the cursor out to begin at the start")
}

// Filter narrows a list of templates.
type Filter struct {
	Active bool // leave out those that were retired
}

// List gives the latest version of each template, newest first.
func (l *Library) List(ctx context.Context, by access.Actor, f Filter, page store.Page) (listing store.Listing[Template], err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return listing, err
	}
	after, err := page.After()
	if err != nil {
		return listing, err
	}
	where, args := "", []any{page.Size() + 1}
	if after != nil {
		at, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil || len(after) != 2 {
			return listing, badCursor()
		}
		where = ` AND (v.created_at < $2 OR (v.created_at = $2 AND v.id COLLATE "C" > $3))`
		args = append(args, at, after[1])
	}
	if f.Active {
		where += ` AND NOT EXISTS (SELECT 1 FROM template_retired r WHERE r.id = v.id)`
	}
	err = l.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		items, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM template_version v
			WHERE v.version = (SELECT max(w.version) FROM template_version w WHERE w.id = v.id)`+where+`
			ORDER BY v.created_at DESC, v.id COLLATE "C" LIMIT $1`, args...)
		if err != nil {
			return fmt.Errorf("list templates: %w", err)
		}
		listing = store.Cut(page, items, func(t Template) []string {
			return []string{strconv.FormatInt(store.Micros(t.CreatedAt), 10), t.TemplateID}
		})
		return nil
	})
	return listing, err
}

// Load is the step that reads one version of a template; version 0 is the latest.
func Load(ctx context.Context, tx *store.Tx, id string, version int) (Template, bool, error) {
	query, args := `SELECT `+columns+` FROM template_version v WHERE v.id = $1 ORDER BY v.version DESC LIMIT 1`, []any{id}
	if version > 0 {
		query, args = `SELECT `+columns+` FROM template_version v WHERE v.id = $1 AND v.version = $2`, []any{id, version}
	}
	t, ok, err := store.One(ctx, tx, scan, query, args...)
	if err != nil {
		return Template{}, false, fmt.Errorf("load template: %w", err)
	}
	return t, ok, nil
}

// IDs is the step that lists the ids of all templates, in order.
func IDs(ctx context.Context, tx *store.Tx) ([]string, error) {
	ids, err := store.List(ctx, tx, store.ScanString, `SELECT DISTINCT id FROM template_version ORDER BY id LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("list template ids: %w", err)
	}
	return ids, nil
}

// Latest is the step that reads the latest version of each template, in the order of their ids.
func Latest(ctx context.Context, tx *store.Tx) ([]Template, error) {
	latest, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM template_version v
		WHERE v.version = (SELECT max(w.version) FROM template_version w WHERE w.id = v.id) ORDER BY v.id COLLATE "C" LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	return latest, nil
}

// FieldNames is the step that lists the names of the fields that templates have in their latest versions, in order.
func FieldNames(ctx context.Context, tx *store.Tx) ([]string, error) {
	latest, err := Latest(ctx, tx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, t := range latest {
		for name := range t.Fields {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

const columns = `v.document, v.version, NOT EXISTS (SELECT 1 FROM template_retired r WHERE r.id = v.id), v.created_at, v.created_by`

func scan(row store.Row) (t Template, err error) {
	var document string
	var at int64
	if err := row.Scan(&document, &t.Version, &t.Active, &at, &t.CreatedBy); err != nil {
		return Template{}, err
	}
	t.CreatedAt = store.Time(at)
	if err := json.Unmarshal([]byte(document), &t.Document); err != nil {
		return Template{}, fmt.Errorf("decode stored template: %w", err)
	}
	return t, nil
}

// Starters returns the templates that a new installation begins with.
func Starters() ([]Document, error) {
	files, err := fs.Glob(templates.Files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list starter templates: %w", err)
	}
	starters := make([]Document, len(files))
	for i, file := range files {
		raw, err := templates.Files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read starter template: %w", err)
		}
		if starters[i], err = read(raw); err != nil {
			return nil, fmt.Errorf("read starter template %s: %w", file, err)
		}
	}
	return starters, nil
}

// Seed stores the starter templates. It does nothing where they are there already, brings a newer program's starters as
// next versions, and leaves a template alone whose latest version somebody posted.
func (l *Library) Seed(ctx context.Context) error {
	starters, err := Starters()
	if err != nil {
		return err
	}
	by := access.System("template")
	for _, doc := range starters {
		err := l.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			latest, exists, err := Load(ctx, tx, doc.TemplateID, 0)
			if err != nil || exists && latest.CreatedBy != by.Email {
				return err
			}
			_, _, err = put(ctx, tx, by, doc, l.Now())
			return err
		})
		// Replicas that start together seed together; whoever came first did it.
		if err != nil && !fault.Is(err, fault.Conflict) {
			return fmt.Errorf("seed template %s: %w", doc.TemplateID, err)
		}
	}
	return nil
}
