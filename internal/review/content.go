package review

import (
	"encoding/json"
	"fmt"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/strict"
)

// Content is what a request asks for: what its digest is taken over and approvals are given to.
type Content struct {
	Kind         Kind           `json:"kind" enum:"publish_app,create_flag,change_app,change_flag,extend_ttl,deprecate,remove,restore_flag,import_flags,change_segment"`
	TemplateID   string         `json:"template_id,omitempty" doc:"For publish_app and create_flag"`
	Reason       string         `json:"reason,omitempty"`
	App          *App           `json:"app,omitempty" doc:"For publish_app; its slug for create_flag, and for import_flags that belong to one; its slug and what changes for change_app"`
	Fields       map[string]any `json:"fields,omitempty" doc:"The template's fields, for publish_app and create_flag"`
	Attachments  []Attachment   `json:"attachments,omitempty" doc:"Lockfiles or SARIF for security_scan"`
	RemovalPlan  string         `json:"removal_plan,omitempty" doc:"Who takes the flag out, when, and what replaces it; required for remove"`
	FlagKey      string         `json:"flag_key,omitempty" doc:"For change_flag, extend_ttl, deprecate, remove and restore_flag"`
	Environment  string         `json:"environment,omitempty" doc:"For change_flag, restore_flag and import_flags"`
	BaseRevision int64          `json:"base_revision,omitempty" doc:"The revision that was read of what changes: of the app for change_app, of the flag in the environment for change_flag, of the segment for change_segment"`
	Segment      string         `json:"segment,omitempty" doc:"For change_segment: the name of the audience"`
	Change       *ContentChange `json:"change,omitempty" doc:"For change_flag, and for change_segment"`
	Until        string         `json:"until,omitempty" doc:"For extend_ttl: a date, which counts to its end in UTC, or a time (RFC 3339)"`
	Format       string         `json:"format,omitempty" enum:"flagd,launchdarkly,unleash,goff,flipt,growthbook,csv" doc:"For import_flags"`
	Document     string         `json:"document,omitempty" doc:"For import_flags: the text of the document; a request as it is given leaves it out, its content has it"`
	Map          string         `json:"map,omitempty" doc:"For import_flags: CSV that says who answers for the flags: key and any of app, owner, contact, ttl_days, tags, off_variant"`
	From         string         `json:"from,omitempty" doc:"For import_flags: which of the environments of the document is meant, where it has several"`
	Draft        bool           `json:"draft,omitempty" doc:"Not submitted yet: nothing is checked or reserved, and only the requester sees it"`
}

// ContentChange is what changes: of a flag for change_flag, of a segment for change_segment.
type ContentChange struct {
	FlagChange
	SegmentChange
}

// SegmentChange is who is to be in a segment. What is absent stays as it is; a list replaces the one that is there.
type SegmentChange struct {
	Title       string                 `json:"title,omitempty"`
	Description *string                `json:"description,omitempty"`
	Everybody   *bool                  `json:"everybody,omitempty" doc:"The segment is everybody; it lists no groups, people or rules then"`
	Groups      []string               `json:"groups,omitzero"`
	People      []string               `json:"people,omitzero" doc:"E-mail addresses, at most 1,000"`
	Rules       []registry.SegmentRule `json:"rules,omitzero" doc:"Over the attributes that an app sends about the person"`
	Match       registry.Match         `json:"match,omitempty" enum:"all,any" doc:"Whether all of the rules must hold, or any of them"`
}

// FlagChange is what a flag is to serve in an environment. What is absent stays as it is, save that a change to another mode
// begins anew.
type FlagChange struct {
	Mode           registry.ServingMode `json:"mode,omitempty" enum:"off,on,audience,custom"`
	Audience       string               `json:"audience,omitempty" doc:"Segment, with mode audience"`
	Percent        *int                 `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Share of the audience, with mode audience; 100 if absent"`
	Targeting      map[string]any       `json:"targeting,omitempty" nullable:"true" doc:"flagd's JSON, with mode custom; without it everybody gets default_variant"`
	DefaultVariant string               `json:"default_variant,omitempty" doc:"With mode custom; the off variant if absent"`
	Variants       map[string]any       `json:"variants,omitempty" doc:"All variants by name, where they change"`
}

// App is what a request says of an app.
type App struct {
	Slug        string `json:"slug,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category,omitempty"`
	Owner       string `json:"owner,omitempty" doc:"Group that owns the app"`
	Contact     string `json:"contact,omitempty"`
	Kind        string `json:"kind,omitempty"`
	URL         string `json:"url,omitempty"`

	Data catalog.Data `json:"data,omitzero" doc:"What the app shows of the company's data; who does not say is warned, and the risk is medium at least"`
}

// Attachment is a text file that came with a request.
type Attachment struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// members are those of a content that belong to some kinds only.
var members = []struct {
	name  string
	given func(c Content) bool
}{
	{"template_id", func(c Content) bool { return c.TemplateID != "" }},
	{"app", func(c Content) bool { return c.App != nil }},
	{"fields", func(c Content) bool { return c.Fields != nil }},
	{"attachments", func(c Content) bool { return len(c.Attachments) > 0 }},
	{"removal_plan", func(c Content) bool { return c.RemovalPlan != "" }},
	{"flag_key", func(c Content) bool { return c.FlagKey != "" }},
	{"environment", func(c Content) bool { return c.Environment != "" }},
	{"base_revision", func(c Content) bool { return c.BaseRevision != 0 }},
	{"segment", func(c Content) bool { return c.Segment != "" }},
	{"change", func(c Content) bool { return c.Change != nil }},
	{"until", func(c Content) bool { return c.Until != "" }},
	{"format", func(c Content) bool { return c.Format != "" }},
	{"document", func(c Content) bool { return c.Document != "" }},
	{"from", func(c Content) bool { return c.From != "" }},
	{"map", func(c Content) bool { return c.Map != "" }},
}

func memberNames() []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	return names
}

func appOf(c Content) App {
	if c.App == nil {
		return App{}
	}
	return *c.App
}

func (a App) catalogApp() catalog.App {
	return catalog.App{
		Slug: a.Slug, Name: a.Name, Description: a.Description, Category: a.Category, Owner: a.Owner, Contact: a.Contact,
		Kind: catalog.Kind(a.Kind), URL: a.URL, Data: a.Data,
	}
}

// asApp is an app of the catalog as requests tell it.
func asApp(a catalog.App) App {
	return App{
		Slug: a.Slug, Name: a.Name, Description: a.Description, Category: a.Category, Owner: a.Owner, Contact: a.Contact,
		Kind: string(a.Kind), URL: a.URL, Data: a.Data,
	}
}

// maxContent bounds a content, in bytes: a document that is imported stands in it as text, with its quotes escaped.
const maxContent = 2*importer.MaxBytes + 1<<20

// Parse reads a content strictly: a fault of kind Invalid names what is unknown, doubled or of another type.
func Parse(raw []byte) (Content, error) { return parse[Content](raw) }

func parse[T any](raw []byte) (value T, err error) {
	value, findings := strict.Decode[T](raw, strict.Take{Bytes: maxContent, AnyText: true})
	if len(findings) > 0 {
		f := findings[0]
		return value, fault.New(fault.Invalid, f.Code, "%s", f.Message).At(f.Field).Fix("%s", f.Remediation).With(findings...)
	}
	return value, nil
}

// Edit is what somebody makes of a request.
type Edit struct {
	Content
	Resubmit bool `json:"resubmit,omitempty" doc:"Have it judged by the rules and the state of now alone, as if it were new; approvals given so far no longer count"`
}

// merge applies an RFC 7396 merge patch to a content.
func merge(c Content, patch json.RawMessage) (Edit, error) {
	before, err := json.Marshal(c)
	if err != nil {
		return Edit{}, fmt.Errorf("encode content: %w", err)
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return Edit{}, fault.New(fault.Invalid, "bad_patch", "the change is not a JSON object").
			Fix("send the members that change, as in RFC 7396; null removes one").Because(err)
	}
	return parse[Edit](after)
}

// says reports whether both say the same, however they are written.
func (c Content) says(other Content) (bool, error) {
	one, err := digestOf(c, 0, nil, 0)
	if err != nil {
		return false, err
	}
	two, err := digestOf(other, 0, nil, 0)
	return one == two, err
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

// quoted is a text for a title.
func quoted(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return fault.Clip(text, 80)
}
