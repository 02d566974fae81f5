package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// maxTTLDays is the longest TTL that is taken: ten years.
const maxTTLDays = 3650

// Ownership is who answers for a flag, for how long it is kept, how it is found, and what a kill serves. What is empty is not said.
type Ownership struct {
	App        string   `json:"app,omitempty" doc:"Short name"`
	Owner      string   `json:"owner,omitempty" doc:"Name of a group, or e-mail address of a person"`
	Contact    string   `json:"contact,omitempty"`
	TTLDays    int      `json:"ttl_days,omitempty" doc:"Days from now on; only of a flag that has no TTL yet"`
	Tags       []string `json:"tags,omitempty"`
	OffVariant string   `json:"off_variant,omitempty" doc:"Variant that a kill serves"`
}

// words says it in one line; empty if it says nothing.
func (o Ownership) words() string {
	var all []string
	for _, part := range []struct{ what, value string }{
		{"app", o.App}, {"owner", o.Owner}, {"contact", o.Contact}, {"tags", strings.Join(o.Tags, " ")}, {"a kill serves", o.OffVariant},
	} {
		if part.value != "" {
			all = append(all, part.what+" "+fault.Clip(part.value, 80))
		}
	}
	if o.TTLDays > 0 {
		all = append(all, fmt.Sprintf("TTL %d days", o.TTLDays))
	}
	return strings.Join(all, ", ")
}

// over returns what o says and, where it says nothing, what other does.
func (o Ownership) over(other Ownership) Ownership {
	for _, text := range []struct{ to, from *string }{
		{&o.App, &other.App}, {&o.Owner, &other.Owner}, {&o.Contact, &other.Contact}, {&o.OffVariant, &other.OffVariant},
	} {
		if *text.to == "" {
			*text.to = *text.from
		}
	}
	if o.TTLDays == 0 {
		o.TTLDays = other.TTLDays
	}
	if len(o.Tags) == 0 {
		o.Tags = other.Tags
	}
	return o
}

// said is what the metadata of a flag, and behind it that of its set, says of its ownership. What is written otherwise than Souk reads it
// is a gap.
func (d Document) said(key string) (said Ownership, gaps []Gap) {
	var definition struct {
		Metadata json.RawMessage `json:"metadata"`
	}
	_ = json.Unmarshal(d.Flags[key], &definition) // it was read already
	for _, raw := range []json.RawMessage{definition.Metadata, d.Metadata} {
		var members map[string]any
		if len(raw) == 0 || json.Unmarshal(raw, &members) != nil {
			continue
		}
		one := Ownership{
			App: word(members["app"]), Owner: word(members["owner"]), Contact: word(members["contact"]), OffVariant: word(members["off_variant"]),
			Tags: wordsOf(members["tags"]),
		}
		if ttl, given := members["ttl_days"]; given {
			days, ok := daysOf(fmt.Sprint(ttl))
			if one.TTLDays = days; !ok && said.TTLDays == 0 {
				gaps = append(gaps, Gap{
					Key: key, Code: "bad_ttl", Message: "its metadata has the TTL " + fault.Clip(fmt.Sprint(ttl), 40) + ", which is no number of days",
					Remediation: fmt.Sprintf("write ttl_days as a whole number from 1 to %d", maxTTLDays),
				})
			}
		}
		said = said.over(one)
	}
	return said, gaps
}

func word(value any) string {
	text, _ := value.(string)
	return strings.TrimSpace(text)
}

// wordsOf are the tags of a list, or of a text that separates them by commas, semicolons or spaces.
func wordsOf(value any) (tags []string) {
	switch value := value.(type) {
	case string:
		tags = append(tags, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",; \t", r) })...)
	case []any:
		for _, item := range value {
			if tag := word(item); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// daysOf reads a number of days as a TTL may have them.
func daysOf(text string) (days int, ok bool) {
	days, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || days < 1 || days > maxTTLDays {
		return 0, false
	}
	return days, true
}

// Known are the apps, groups and people that a document names, and those of the flags that it meets.
type Known struct {
	Apps     map[string]catalog.App
	Groups   map[string]access.Group
	People   map[string]access.Person // active ones, by address
	Governed map[string]bool          // environments
}

// KnownTo is a step: it reads what a document names, and what the flags that are there have. app is what all of its flags are to belong
// to, if any.
func KnownTo(ctx context.Context, tx *store.Tx, doc Document, ground registry.Ground, app *catalog.App) (k Known, err error) {
	k = Known{Apps: map[string]catalog.App{}, Groups: map[string]access.Group{}, People: map[string]access.Person{}, Governed: map[string]bool{}}
	environments, err := registry.Environments(ctx, tx)
	if err != nil {
		return k, err
	}
	for _, e := range environments {
		k.Governed[e.Name] = e.Governed
	}
	apps, owners := map[string]bool{}, map[string]bool{}
	for key := range doc.Flags {
		said, _ := doc.said(key)
		for _, one := range []Ownership{doc.Map[key], said, {App: ground.Flags[key].App, Owner: ground.Flags[key].OwnerGroup}} {
			apps[one.App], owners[one.Owner] = true, true
		}
	}
	if app != nil {
		apps[app.Slug] = true
	}
	delete(apps, "")
	for slug := range apps {
		found, ok, err := catalog.Load(ctx, tx, slug)
		if err != nil {
			return k, err
		}
		if ok {
			k.Apps[slug], owners[found.Owner] = found, true
		}
	}
	delete(owners, "")
	for name := range owners {
		if strings.Contains(name, "@") {
			person, ok, err := access.PersonByEmail(ctx, tx, name)
			if err != nil {
				return k, err
			}
			if ok && person.Active {
				k.People[name] = person
			}
			continue
		}
		group, ok, err := access.GroupByName(ctx, tx, name)
		if err != nil {
			return k, err
		}
		if ok {
			k.Groups[name] = group
		}
	}
	return k, nil
}

// settled is what an import makes of the ownership of one flag.
type settled struct {
	owned   registry.Owned
	off     string    // variant that a kill serves
	changes Ownership // of it, what is not so already
	gaps    []Gap
	refusal *Step
}

// own decides the ownership of a flag. A map, and the app that all flags are to belong to, replace what is there; what metadata says only
// fills in what is missing, so that a document which is imported again undoes nothing.
func (w *work) own(key string) settled {
	there, isThere := w.ground.Flags[key]
	explicit := w.doc.Map[key]
	if w.app != nil && explicit.App == "" {
		explicit.App = w.app.Slug
	}
	said, gaps := w.doc.said(key)
	s := settled{gaps: gaps}
	o := owning{work: w, key: key, there: there, settled: &s}
	o.app(explicit.App, said.App)
	if s.refusal != nil {
		return s
	}
	o.owner(explicit.Owner, said.Owner)
	o.contact(explicit.Contact, said.Contact)
	o.ttl(explicit.TTLDays, said.TTLDays)
	o.tags(explicit.Tags, said.Tags)
	o.off(explicit.OffVariant, said.OffVariant)
	if in := w.governedElsewhere(there); isThere && in != "" && s.changes.words() != "" {
		o.gap("governed_elsewhere", "it is live in "+in+", where others approve who answers for it: nothing of that changes",
			"import it into "+in+", which asks for it")
		s.owned, s.off, s.changes = registry.Owned{}, there.Chosen(w.ground.Environment.Name), Ownership{}
	}
	return s
}

// governedElsewhere is a governed environment in which a flag is live, other than a governed one into which the import is.
func (w *work) governedElsewhere(f registry.Flag) string {
	if w.ground.Environment.Governed {
		return ""
	}
	for _, e := range f.Environments {
		if e.Live && w.known.Governed[e.Environment] {
			return e.Environment
		}
	}
	return ""
}

// owning decides the ownership of one flag, member by member.
type owning struct {
	*work
	key     string
	there   registry.Flag
	settled *settled
}

func (o owning) gap(code, message, remediation string) {
	o.settled.gaps = append(o.settled.gaps, Gap{Key: o.key, Code: code, Message: message, Remediation: remediation})
}

func (o owning) app(explicit, said string) {
	slug := explicit
	if slug == "" && o.there.App == "" {
		slug = said
	}
	if slug == "" || slug == o.there.App {
		return
	}
	app, ok := o.known.Apps[slug]
	switch {
	case !ok:
		o.gap("unknown_app", "it is said to belong to the app "+fault.Clip(slug, 80)+", which does not exist", "publish the app first, or name another")
		return
	case o.there.App != "":
		r := refuse(o.key, "other_app", "import it without naming an app, or with "+o.there.App, "it belongs to the app %s", o.there.App)
		o.settled.refusal = &r
		return
	case access.Can(o.by, access.FlagImport, access.Scope{OwnerGroup: app.Owner}) != nil:
		r := refuse(o.key, "not_yours", "leave the app out, or ask a member of "+app.Owner, "it is to belong to the app %s, which is not yours", slug)
		o.settled.refusal = &r
		return
	}
	own := &o.settled.owned
	own.App, own.OwnerGroup, own.Owner, own.OwnerID, own.Contact = slug, app.Owner, app.Owner, "", app.Contact
	o.settled.changes.App = slug
}

func (o owning) owner(explicit, said string) {
	name := explicit
	if name == "" && o.there.Owner == "" {
		name = said
	}
	if name == "" {
		return
	}
	own := &o.settled.owned
	keeps := own.OwnerGroup // the group of the app
	if keeps == "" && o.there.App != "" {
		keeps = o.there.OwnerGroup
	}
	person, isPerson := o.known.People[name]
	_, isGroup := o.known.Groups[name]
	switch {
	case isPerson && (keeps == "" || o.known.Groups[keeps].Has(person.ID)):
		own.OwnerGroup, own.Owner, own.OwnerID = keeps, person.Email, person.ID
	case isGroup && (keeps == "" || keeps == name):
		own.OwnerGroup, own.Owner, own.OwnerID = name, name, ""
	case isPerson, isGroup:
		o.gap("other_owner", fmt.Sprintf("%s is said to own it, and its app belongs to %s", fault.Clip(name, 80), keeps),
			"name "+keeps+" or one of its members, or ask for the app to have another owner")
		return
	default:
		o.gap("unknown_owner", fault.Clip(name, 80)+" is said to own it, and is no group and nobody who is known here",
			"name a group, or a person by their e-mail address")
		return
	}
	if own.Owner != o.there.Owner || own.OwnerGroup != o.there.OwnerGroup {
		o.settled.changes.Owner = own.Owner
	}
}

func (o owning) contact(explicit, said string) {
	text := explicit
	if text == "" && o.there.Contact == "" {
		text = said
	}
	if text != "" {
		if err := access.Line("contact", text); err != nil {
			o.gap("bad_contact", "its contact cannot be taken: "+err.Error(), "write it on one line")
		} else {
			o.settled.owned.Contact = text
		}
	}
	if text := o.settled.owned.Contact; text != o.there.Contact {
		o.settled.changes.Contact = text
	}
}

// ttl sets a time only where there is none: another one is an extension, which is asked for.
func (o owning) ttl(explicit, said int) {
	switch {
	case o.ends[o.key] != "" && explicit > 0:
		o.gap("has_ttl", "its time runs already, and an import does not change it", "ask for a day until which it is kept")
	case o.ends[o.key] != "", explicit+said == 0:
	default:
		days := explicit
		if days == 0 {
			days = said
		}
		o.settled.owned.TTLDays, o.settled.changes.TTLDays = days, days
	}
}

func (o owning) tags(explicit, said []string) {
	tags := explicit
	if len(tags) == 0 && len(o.there.Tags) == 0 {
		tags = said
	}
	var tidy []string
	for _, tag := range tags {
		slug := registry.Slug(tag)
		if slug != tag {
			o.gap("tag_written", fmt.Sprintf("its tag %s is written %s here", fault.Clip(tag, 80), orElse(slug, "not at all")),
				"use lower-case letters, digits and hyphens")
		}
		if slug != "" && !slices.Contains(tidy, slug) {
			tidy = append(tidy, slug)
		}
	}
	slices.Sort(tidy)
	if err := registry.CheckTags(tidy); err != nil {
		o.gap("bad_tags", "its tags are not taken: "+err.Error(), "keep those that people look for")
		return
	}
	if len(tidy) > 0 && !slices.Equal(tidy, o.there.Tags) {
		o.settled.owned.Tags, o.settled.changes.Tags = tidy, tidy
	}
}

// off keeps the variant that was chosen before, as long as there is one of that name.
func (o owning) off(explicit, said string) {
	name := explicit
	before := o.there.Chosen(o.ground.Environment.Name)
	if name == "" {
		name = before
	}
	if name == "" {
		name = said
	}
	if name == "" {
		return
	}
	var d struct {
		Variants map[string]json.RawMessage `json:"variants"`
	}
	_ = json.Unmarshal(o.doc.Flags[o.key], &d) // it was read already
	if _, ok := d.Variants[name]; !ok {
		o.gap("unknown_off_value", "a kill is to serve the variant "+fault.Clip(name, 80)+", which it does not have", "name one of its variants")
		return
	}
	o.settled.off = name
	if name != before {
		o.settled.changes.OffVariant = name
	}
}
