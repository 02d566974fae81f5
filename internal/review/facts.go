package review

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
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
	f.Requester, f.Authors = by, r.authors
	if len(f.Authors) == 0 {
		f.Authors = []Author{{Email: by.Email, Agent: by.Agent}}
	}
	if r.requester != "" && r.requester != by.Email {
		if f.Requester, err = access.ActorOf(ctx, tx, r.requester, by.Credential, access.ScopeAll); err != nil && !fault.Is(err, fault.Unauthenticated) {
			return Facts{}, err
		}
	}
	if f.People, f.Groups, err = access.Names(ctx, tx); err != nil {
		return Facts{}, err
	}
	if r.content.Kind == RestoreFlag {
		err = d.restoreFacts(ctx, tx, r.content, &f)
	} else {
		err = d.publishFacts(ctx, tx, r, &f)
	}
	return f, err
}

func (d *Desk) publishFacts(ctx context.Context, tx *store.Tx, r record, f *Facts) (err error) {
	c := r.content
	if err := d.templateFacts(ctx, tx, c.TemplateID, r.pinned(c.TemplateID), f); err != nil {
		return err
	}
	if f.Segments, err = registry.Segments(ctx, tx); err != nil {
		return err
	}
	if f.AudienceSize, err = audienceSize(ctx, tx, f.Segments, text(c.Fields["audiences"])); err != nil {
		return err
	}
	if owner := text(c.Fields["owner"]); owner != "" {
		if person, ok, err := access.PersonByEmail(ctx, tx, owner); err != nil {
			return err
		} else if ok && person.Active {
			f.FieldOwner = &person
		}
	}
	if c.App == nil {
		return nil
	}
	if group, ok, err := access.GroupByName(ctx, tx, c.App.Owner); err != nil {
		return err
	} else if ok {
		f.Owner = &group
	}
	// The key before the short name: of two who submit the same at once, the second is then told of the short name.
	if key := registry.Key(c.App.Slug, text(c.Fields["name"])); key != "" && key != r.flag.Key {
		if _, f.KeyTaken, err = registry.Get(ctx, tx, key); err != nil {
			return err
		}
	}
	if c.App.Slug != slugOf(r.flag.Key) {
		if f.Slug, err = catalog.Vacant(ctx, tx, d.Now(), c.App.Slug, c.App.Owner); err != nil {
			return err
		}
	}
	f.KeyTaken = f.KeyTaken && f.Slug == nil
	return nil
}

// pinned is the version of the template that the request was made with; 0, the newest, for a new one or another template.
func (r record) pinned(template string) int {
	if r.templateID != template {
		return 0
	}
	return r.templateVersion
}

func (d *Desk) templateFacts(ctx context.Context, tx *store.Tx, id string, version int, f *Facts) error {
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

// restoreFacts finds the flag and the request that it came from, whose fields the policies judge again.
func (d *Desk) restoreFacts(ctx context.Context, tx *store.Tx, c Content, f *Facts) error {
	flag, ok, err := registry.Get(ctx, tx, c.FlagKey)
	if err != nil || !ok {
		return err
	}
	f.Flag = &flag
	app, ok, err := catalog.Load(ctx, tx, flag.App)
	if err != nil {
		return err
	}
	if ok {
		f.App = &app
	}
	origin, ok, err := store.One(ctx, tx, scanRecord, `SELECT `+columns+` FROM request
		WHERE flag_key = $1 AND kind = $2 AND state = $3 ORDER BY id DESC LIMIT 1`, c.FlagKey, PublishApp, Approved)
	if err != nil {
		return fmt.Errorf("read the request that a flag came from: %w", err)
	}
	if ok {
		f.Origin = &origin.content
	}
	return d.templateFacts(ctx, tx, flag.TemplateID, flag.TemplateVersion, f)
}

// audienceSize counts the people who are known to be in a segment.
func audienceSize(ctx context.Context, tx *store.Tx, segments []registry.Segment, name string) (int, error) {
	i := slices.IndexFunc(segments, func(s registry.Segment) bool { return s.Name == name })
	if i < 0 {
		return 0, nil
	}
	if segments[i].Everybody {
		return access.CountPeople(ctx, tx)
	}
	members, err := access.MembersOf(ctx, tx, segments[i].Groups)
	if err != nil {
		return 0, err
	}
	people := slices.Concat(members, segments[i].People)
	slices.Sort(people)
	return len(slices.Compact(people)), nil
}

// document is the template's; empty if there is none.
func (f Facts) document() template.Document {
	if f.Template == nil {
		return template.Document{}
	}
	return f.Template.Document
}

// place is what the scopes of approver groups are held against.
func (f Facts) place(c Content) ApprovalPlace {
	place := ApprovalPlace{App: appOf(c).Slug, Category: appOf(c).Category, Environment: governed(f.Environments)}
	if c.Kind == RestoreFlag {
		place.Environment = c.Environment
		if f.App != nil {
			place.App, place.Category = f.App.Slug, f.App.Category
		}
	}
	return place
}

// maxContent bounds a content, in bytes.
const maxContent = 1 << 20

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
