package template

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/templates"
)

// The verbs of this package that can loosen what governs.
var (
	putTemplate       = access.Verb[Document]{Method: "Library.Put", Action: "template.put", Right: access.GovernWrite, Looser: looser}
	setTemplateActive = access.Verb[bool]{
		Method: "Library.SetActive", Action: "template.set_active", Right: access.GovernWrite, Looser: looserActive,
	}
)

// proposed is what a proposal keeps of a document: its text, since a proposal sorts members and the order of fields counts.
type proposed struct {
	Document string `json:"document"`
}

type proposedActive struct {
	ID     string `json:"id"`
	Active bool   `json:"active"`
}

// Governing is the rows of this package in the table of verbs that govern.
func (l *Library) Governing() []access.Governing {
	return []access.Governing{
		access.Row(putTemplate, func(ctx context.Context, by access.Actor, p proposed, base int64) error {
			_, _, err := l.put(ctx, by, []byte(p.Document), base)
			return err
		}),
		access.Row(setTemplateActive, func(ctx context.Context, by access.Actor, p proposedActive, _ int64) error {
			_, err := l.SetActive(ctx, by, p.ID, p.Active)
			return err
		}),
	}
}

// strictestStarter is the starter that a new template is compared with: of those with a plan of their own it has the most and the
// longest steps, each in production promoted by a person.
const strictestStarter = "automation-v1"

// DataField is the field that is read as an answer to how sensitive the data is that an app shows, beside what the form asks by itself.
const DataField = "data_classification"

// noData is its value that is no risk.
const noData = "none"

// dataQuestion is how a template may ask by DataField without being looser than one that leaves it to the form.
var dataQuestion = Field{
	Type: "enum", Values: []string{noData, "internal", "confidential"}, Required: true, Title: "What kind of data it shows",
	Titles: map[string]string{noData: "No company data", "internal": "For colleagues only", "confidential": "Customers, money or people"},
	Help:   "The more sensitive the data, the more people look at it before it goes live",
}

// strictest is the strictest starter, with those of its fields alone that all starters have.
var strictest = sync.OnceValues(func() (best Document, err error) {
	files, err := templates.Files.ReadDir(".")
	if err != nil {
		return Document{}, fmt.Errorf("list starter templates: %w", err)
	}
	var all []Document
	for _, file := range files {
		raw, err := templates.Files.ReadFile(file.Name())
		if err != nil {
			return Document{}, fmt.Errorf("read starter template: %w", err)
		}
		doc, err := read(raw)
		if err != nil {
			return Document{}, fmt.Errorf("read starter template %s: %w", file.Name(), err)
		}
		if all = append(all, doc); doc.TemplateID == strictestStarter {
			best = doc
		}
	}
	best.Fields = maps.Clone(best.Fields)
	maps.DeleteFunc(best.Fields, func(name string, _ Field) bool {
		return slices.ContainsFunc(all, func(d Document) bool { _, has := d.Fields[name]; return !has })
	})
	return best, nil
})

// benchmark is what a new document is compared with: the strictest starter. Without a plan of its own a document has the usual
// plan, as most starters do, and a least number is no limit of what a flag may do.
func benchmark(doc Document) (Document, error) {
	best, err := strictest()
	if err != nil {
		return Document{}, err
	}
	if len(doc.Rollout) == 0 {
		best.Rollout = nil
	}
	best.Fields = maps.Clone(best.Fields)
	for name, field := range best.Fields {
		field.Min = nil
		best.Fields[name] = field
	}
	return best, nil
}

// looserActive says what gets looser where a template is taken back into use: its limits hold again for what is made from it, and
// nobody compared them with those of today.
func looserActive(before, after bool) []string {
	if !before && after {
		return []string{"something new may be made from it again"}
	}
	return nil
}

// looser says what a document asks less for than the one before. What cannot be decided counts as less.
func looser(before, after Document) (words []string) {
	say := func(format string, args ...any) {
		words = append(words, after.DisplayName+" "+fmt.Sprintf(format, args...))
	}
	for _, name := range before.RequiredChecks {
		if !slices.Contains(after.RequiredChecks, name) {
			say("no longer asks for the check %s", name)
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(before.Approvals)) {
		if after.Approvals[domain] < before.Approvals[domain] {
			say("needs %d approvals of %s instead of %d", after.Approvals[domain], domain, before.Approvals[domain])
		}
	}
	if after.AutoStart && !before.AutoStart {
		say("starts to roll out by itself once it is approved")
	}
	if before.OnAlert != "escalate" && after.OnAlert == "escalate" {
		say("is not turned off by an alert any more")
	}
	looserFlag(before.Flag, after.Flag, say)
	before.Fields = maps.Clone(before.Fields)
	_, asked := before.Fields[DataField]
	switch _, asks := after.Fields[DataField]; {
	case asked && !asks: // the form asks instead
		delete(before.Fields, DataField)
	case asks && !asked:
		before.Fields[DataField] = dataQuestion
	}
	for _, name := range before.Fields.Names() {
		looserField(before, after, name, say)
	}
	looserPlan(before.Rollout, after.Rollout, say)
	looserLife(before.Lifecycle, after.Lifecycle, say)
	return words
}

// looserFlag compares the shapes of flags; what is served when it is off, or to whom, may be more than before.
func looserFlag(before, after *Flag, say func(format string, args ...any)) {
	var was, is Flag
	if before != nil {
		was = *before
	}
	if after != nil {
		is = *after
	}
	if is.ClientSide && !was.ClientSide {
		say("makes flags that browsers see")
	}
	was.ClientSide, is.ClientSide = false, false
	if !reflect.DeepEqual(was, is) {
		say("makes flags that serve other values")
	}
}

// looserField compares one field. Lengths of texts limit nothing that is released.
func looserField(before, after Document, name string, say func(format string, args ...any)) {
	was, is := before.Fields[name], after.Fields[name]
	label := before.Label(name)
	numbers := types[was.Type].bounds == ofNumber || types[was.Type].bounds == ofList
	switch {
	case was.Required && !is.Required:
		say("no longer requires %s", label)
	case was.Required && len(is.VisibleIf) > 0 && !reflect.DeepEqual(was.VisibleIf, is.VisibleIf):
		say("asks for %s in fewer cases", label)
	}
	if is.Type == "" { // the field is gone
		return
	}
	if is.Type != was.Type || is.itemType() != was.itemType() {
		say("takes other values for %s", label)
		return
	}
	if numbers && was.Max != nil && (is.Max == nil || *is.Max > *was.Max) {
		say("lets %s be %s instead of at most %v", label, atMost(is.Max), *was.Max)
	}
	if numbers && was.Min != nil && (is.Min == nil || *is.Min < *was.Min) {
		say("lets %s be less than %v", label, *was.Min)
	}
	if was.Pattern != "" && is.Pattern != was.Pattern {
		say("takes other texts for %s", label)
	}
	if more := slices.DeleteFunc(slices.Clone(is.Values), func(v string) bool { return slices.Contains(was.Values, v) }); len(was.Values) > 0 && len(more) > 0 {
		say("takes %s for %s, too", strings.Join(more, ", "), label)
	}
	if fewer := lost(was.Values, slices.Concat(is.Values, []string{noData})); name == DataField && len(fewer) > 0 {
		say("no longer takes %s for %s, by which requests are riskier", strings.Join(fewer, ", "), label)
	}
	if name == DataField && !sameWords(was, is) {
		say("asks for %s in other words, by which people may answer something else", label)
	}
	if (was.Type == "boolean" || name == DataField) && !reflect.DeepEqual(was.Default, is.Default) {
		say("has %s as the default of %s", words(is.Default), label)
	}
}

// sameWords reports whether people read the same question, each choice of it under the words that it had or shown as it is.
func sameWords(was, is Field) bool {
	return was.Title == is.Title && was.Help == is.Help && !slices.ContainsFunc(is.Values, func(value string) bool {
		words := is.Titles[value]
		return words != "" && words != was.Titles[value] && slices.Contains(was.Values, value)
	})
}

func atMost(limit *float64) string {
	if limit == nil {
		return "anything"
	}
	return fmt.Sprintf("up to %v", *limit)
}

// looserPlan compares the plans, environment by environment, from the last step back: a plan is as strict if it has no fewer steps,
// each to no more people, watched for as long and promoted by whom it was. Against the usual plan, or back to it, cannot be decided.
func looserPlan(before, after []Step, say func(format string, args ...any)) {
	switch {
	case len(before) == 0 && len(after) > 0:
		say("rolls out by a plan of its own: %s", planWords(after))
		return
	case len(after) == 0 && len(before) > 0:
		say("rolls out by the usual plan instead of %s", planWords(before))
		return
	}
	in := func(plan []Step, environment string) []Step {
		return slices.DeleteFunc(slices.Clone(plan), func(s Step) bool { return s.Environment != environment })
	}
	var seen []string
	for _, s := range slices.Concat(before, after) {
		if slices.Contains(seen, s.Environment) {
			continue
		}
		seen = append(seen, s.Environment)
		was, is := in(before, s.Environment), in(after, s.Environment)
		switch {
		case len(was) == 0:
			say("rolls out to %s, too: %s", s.Environment, planWords(is))
		case !asStrict(was, is):
			say("rolls out to %s by %s instead of %s", s.Environment, planWords(is), planWords(was))
		}
	}
}

func asStrict(before, after []Step) bool {
	more := len(after) - len(before)
	if more < 0 {
		return false
	}
	for i, is := range after {
		if was := before[max(0, i-more)]; !noWider(was, is) || i >= more && !asCareful(was, is) {
			return false
		}
	}
	return true
}

// noWider reports whether a step reaches nobody whom the one before did not.
func noWider(was, is Step) bool {
	return was.Audience == is.Audience &&
		(reflect.DeepEqual(was.Percent, is.Percent) || shareOf(is.Percent) > 0 && shareOf(is.Percent) <= shareOf(was.Percent))
}

// asCareful reports whether a step is watched for as long, by as many measures, and promoted by whom it was.
func asCareful(was, is Step) bool {
	longer := was.Bake == is.Bake ||
		!strings.Contains(was.Bake, "{") && (Stage{Bake: is.Bake}).BakeTime() >= (Stage{Bake: was.Bake}).BakeTime()
	return longer && (was.Promote == "time" || is.Promote == was.Promote) && len(lost(was.Guards, is.Guards)) == 0
}

// shareOf is a share that is written as a number; 0 for one that a field gives.
func shareOf(share any) float64 {
	switch n := share.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	case json.Number:
		f, _ := n.Float64()
		return f
	}
	return 0
}

func lost(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(before), func(name string) bool { return slices.Contains(after, name) })
}

func planWords(plan []Step) string {
	parts := make([]string, len(plan))
	for i, s := range plan {
		parts[i] = fmt.Sprintf("%v %%", s.Percent)
		if s.Bake != "" {
			parts[i] += " for " + s.Bake
		}
	}
	if len(parts) == 0 {
		return "no step"
	}
	return strings.Join(parts, ", ")
}

// looserLife compares lifecycle policies. A member of 0 is the deployment's, which a document does not know.
func looserLife(before, after *Lifecycle, say func(format string, args ...any)) {
	var was, is Lifecycle
	if before != nil {
		was = *before
	}
	if after != nil {
		is = *after
	}
	longer := func(was, is int) bool { return is != was && (is == 0 || was == 0 || is > was) }
	days := func(n int) string {
		if n == 0 {
			return "as long as the deployment says"
		}
		return fmt.Sprintf("%d days", n)
	}
	if longer(was.MaxActiveDays, is.MaxActiveDays) {
		say("lets flags be active %s instead of %s", days(is.MaxActiveDays), days(was.MaxActiveDays))
	}
	if longer(was.DeprecatedGraceDays, is.DeprecatedGraceDays) {
		say("keeps deprecated flags %s instead of %s", days(is.DeprecatedGraceDays), days(was.DeprecatedGraceDays))
	}
	if len(is.ReminderScheduleDays) < len(was.ReminderScheduleDays) || len(was.ReminderScheduleDays) == 0 && len(is.ReminderScheduleDays) > 0 {
		say("reminds at other times")
	}
}
