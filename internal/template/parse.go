package template

import (
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/strict"
)

var (
	idForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,59}$`)
	checkForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	bakeTime    = regexp.MustCompile(`^([0-9]{1,6})([smhd])$`)
	placeholder = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)
	bakeForm    = regexp.MustCompile(`^([0-9]{1,6}|\{[A-Za-z][A-Za-z0-9_]*\})[smhd]$`)
)

// Checks are the checks that Souk has, in the order in which a person fixes what they find.
var Checks = []string{"schema", "audit_fields_present", "policy", "dependency_check", "security_scan", "data_access"}

// UnknownCheck is the code of the finding that a document names a check which Souk does not have.
const UnknownCheck = "unknown_check"

// maxSize bounds a template document, in bytes.
const maxSize = 256 << 10

// Parse reads a template document. The document is good only if no finding is an error; findings name the members at
// fault by path, such as fields.ttl_days.max.
func Parse(raw []byte) (Document, []fault.Finding) {
	d, findings := strict.Decode[Document](raw, strict.Take{Bytes: maxSize})
	if len(findings) > 0 {
		return Document{}, findings
	}
	c := &checker{doc: d}
	c.document()
	c.safeguards()
	for _, name := range d.Fields.Names() {
		c.field(name, d.Fields[name])
	}
	c.flag()
	c.rollout()
	if !slices.ContainsFunc(c.findings, func(f fault.Finding) bool { return f.Severity == fault.SeverityError }) {
		c.defaults()
	}
	return d, c.findings
}

// checker collects what contradicts itself in a document whose members have the right types.
type checker struct {
	doc      Document
	findings []fault.Finding
}

func (c *checker) report(field, code, fix, format string, args ...any) {
	if len(c.findings) < strict.MaxFindings {
		c.findings = append(c.findings, strict.Finding(field, code, fix, format, args...))
	}
}

func (c *checker) document() {
	d := c.doc
	if !idForm.MatchString(d.TemplateID) {
		c.report("templateId", "bad_name", "use letters, digits, dots and dashes, such as dashboard-v1",
			"templateId must be a short name, is %q", d.TemplateID)
	}
	if strings.TrimSpace(d.DisplayName) == "" {
		c.report("displayName", "missing", "give the template a name in plain words", "displayName must not be empty")
	}
	if len(d.Fields) > 60 {
		c.report("fields", "too_many", "ask for less", "a template may have 60 fields, this has %d", len(d.Fields))
	}
	seen := map[string]bool{}
	for i, name := range d.RequiredChecks {
		at := fmt.Sprintf("requiredChecks[%d]", i)
		if !checkForm.MatchString(name) {
			c.report(at, "bad_name", "use lower-case letters, digits and underscores", "%q cannot be the name of a check", name)
		}
		if seen[name] {
			c.report(at, "duplicate", "name it once", "the check %s is named twice", name)
		}
		if checkForm.MatchString(name) && !slices.Contains(Checks, name) {
			f := strict.Finding(at, UnknownCheck, fault.Meant(name, Checks, "name one of "+strings.Join(Checks, ", ")+", or have a service account report it with a token of scope checks"),
				"Souk has no check %q, so that requests wait until a service account reports it", name)
			f.Severity = fault.SeverityWarning
			c.findings = append(c.findings, f)
		}
		seen[name] = true
	}
	switch d.OnAlert {
	case "", "revert", "escalate":
	default:
		c.report("on_alert", "bad_value", "write revert or escalate", "on_alert must be revert or escalate, is %q", d.OnAlert)
	}
	for _, domain := range slices.Sorted(maps.Keys(d.Approvals)) {
		if n := d.Approvals[domain]; n < 1 || n > 10 {
			c.report("approvals."+domain, "out_of_range", "give a number from 1 to 10", "approvals of %s must be 1 to 10, is %d", domain, n)
		}
	}
	if l := d.Lifecycle; l != nil {
		if l.MaxActiveDays < 1 {
			c.report("lifecycle.max_active_days", "out_of_range", "give at least 1", "max_active_days must be at least 1, is %d", l.MaxActiveDays)
		}
		if l.DeprecatedGraceDays < 0 {
			c.report("lifecycle.deprecated_grace_days", "out_of_range", "give 0 or more", "deprecated_grace_days must not be negative, is %d", l.DeprecatedGraceDays)
		}
		for i, day := range l.ReminderScheduleDays {
			if day < 1 {
				c.report(fmt.Sprintf("lifecycle.reminder_schedule_days[%d]", i), "out_of_range", "give at least 1", "a reminder must be at least 1 day ahead, is %d", day)
			}
		}
	}
}

// safeguards are what no template may leave out.
func (c *checker) safeguards() {
	const code = "missing_safeguard"
	text := []FieldType{"string", "email", "user", "team"}
	fields := c.doc.Fields
	for _, name := range []string{"name", "owner"} {
		f, ok := fields[name]
		switch {
		case !ok || !f.Required:
			why := "somebody must answer for every flag"
			if name == "name" {
				why = "the flag is named after it"
			}
			c.report("fields."+name, code, fmt.Sprintf(`add "%s": {"type": "string", "required": true}`, name),
				"%s must be a required field: %s", name, why)
		case !slices.Contains(text, f.Type):
			c.report("fields."+name+".type", code, `write "type": "string"`, "%s must be a text, not %s", name, f.Type)
		}
	}
	kill, ok := fields["kill_switch"]
	switch {
	case !ok || !kill.Required && kill.Default == nil:
		c.report("fields.kill_switch", code, `add "kill_switch": {"type": "boolean", "default": true}`,
			"kill_switch must be required or have the default true: every flag can be turned off")
	case kill.Type != "boolean":
		c.report("fields.kill_switch.type", code, `write "type": "boolean"`, "kill_switch must be of type boolean, not %s", kill.Type)
	case kill.Default != nil && kill.Default != true:
		c.report("fields.kill_switch.default", code, "make the default true", "the default of kill_switch must be true")
	}
	ttl, ok := fields["ttl_days"]
	switch {
	case !ok || !ttl.Required && ttl.Default == nil:
		c.report("fields.ttl_days", code, `add "ttl_days": {"type": "integer", "default": 30, "max": 365}`,
			"ttl_days must be required or have a default: no flag lives for ever")
	case ttl.Type != "integer":
		c.report("fields.ttl_days.type", code, `write "type": "integer"`, "ttl_days must be of type integer, not %s", ttl.Type)
	case ttl.Default != nil:
		if days, ok := ttl.Default.(float64); !ok || days < 1 {
			c.report("fields.ttl_days.default", code, "give a number of days above 0", "the default of ttl_days must be above 0")
		}
	}
	for _, name := range []string{"name", "owner", "kill_switch", "ttl_days"} {
		if len(fields[name].VisibleIf) > 0 {
			c.report("fields."+name+".visible_if", code, "remove visible_if", "%s must always be visible", name)
		}
	}
}

func (c *checker) field(name string, f Field) {
	at := "fields." + name
	if !nameForm.MatchString(name) {
		c.report(at, "bad_name", "use letters, digits and underscores, a letter first", "%q cannot be the name of a field", name)
	}
	kind, ok := types[f.Type]
	if !ok {
		c.report(at+".type", "unknown_type", "use one of "+typeNames(), "there is no field type %q", f.Type)
		return
	}
	if kind.choices && len(f.Values) == 0 {
		c.report(at+".values", "missing", "list the choices", "a field of type %s needs values", f.Type)
	}
	if len(f.Values) > 0 && !kind.choices && f.Type != "list" {
		c.report(at+".values", "not_for_type", "remove values, or make the type enum", "values are for enum and list, not for %s", f.Type)
	}
	seen := map[string]bool{}
	for i, value := range f.Values {
		if strings.TrimSpace(value) == "" || seen[value] || len(f.Values) > 200 {
			c.report(fmt.Sprintf("%s.values[%d]", at, i), "bad_value", "give at most 200 choices, each once", "%q is empty, repeated or one too many", value)
			break
		}
		seen[value] = true
	}
	c.items(at, f)
	for _, value := range slices.Sorted(maps.Keys(f.Titles)) {
		if !slices.Contains(f.Values, value) {
			c.report(at+".value_titles."+value, "unknown_value", fault.Meant(value, f.Values, "name one of the values"), "%q is none of the values", value)
		}
		if title := f.Titles[value]; strings.TrimSpace(title) == "" || len(title) > 200 {
			c.report(at+".value_titles."+value, "bad_value", "say it in a few plain words", "the title of %q is empty or too long", value)
		}
	}
	c.bounds(at, f, kind)
	c.pattern(at, f, kind)
	for _, other := range slices.Sorted(maps.Keys(f.VisibleIf)) {
		if _, ok := c.doc.Fields[other]; !ok || other == name {
			c.report(at+".visible_if."+other, "unknown_field", "name another field of this template", "there is no other field %q", other)
		}
		switch f.VisibleIf[other].(type) {
		case string, bool, float64:
		default:
			c.report(at+".visible_if."+other, "bad_value", "give a text, a number, true or false", "visible_if compares with single values only")
		}
	}
}

// items judges what a list holds: anything but lists, and choices where there are values.
func (c *checker) items(at string, f Field) {
	of := types[f.Items]
	switch {
	case f.Type != "list" && f.Items != "":
		c.report(at+".items", "not_for_type", "use it in a field of type list", "items are for lists, not for %s", f.Type)
	case f.Items == "":
	case of.json == "":
		c.report(at+".items", "unknown_type", "use one of "+typeNames(), "there is no field type %q", f.Items)
	case f.Items == "list":
		c.report(at+".items", "not_for_type", "use another type", "a list cannot hold lists")
	case f.Items == "enum" && len(f.Values) == 0:
		c.report(at+".values", "missing", "list the choices", "a list of choices needs values")
	case len(f.Values) > 0 && of.json != "string":
		c.report(at+".values", "not_for_type", "remove values, or make the items enum", "values are for texts, not for %s", f.Items)
	}
}

func (c *checker) bounds(at string, f Field, kind kindOf) {
	if kind.bounds[0] == "" && (f.Min != nil || f.Max != nil) {
		c.report(at, "not_for_type", "remove min and max", "min and max are not for the type %s", f.Type)
		return
	}
	if f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		c.report(at+".min", "out_of_range", "make min the smaller one", "min %v is above max %v", *f.Min, *f.Max)
	}
	if kind.bounds == ofNumber {
		return
	}
	for name, bound := range map[string]*float64{"min": f.Min, "max": f.Max} {
		if bound != nil && (*bound < 0 || *bound > 1e6 || *bound != float64(int(*bound))) {
			c.report(at+"."+name, "out_of_range", "give a whole number from 0 on", "%s of a %s counts, and cannot be %v", name, f.Type, *bound)
		}
	}
}

// pattern accepts only what RE2 and JavaScript both understand, since both judge by it.
func (c *checker) pattern(at string, f Field, kind kindOf) {
	if f.Pattern == "" {
		return
	}
	at += ".pattern"
	texts := kind.json == "string" && f.Type != "enum" || f.Type == "list" && types[f.itemType()].json == "string" && len(f.Values) == 0
	switch _, err := syntax.Parse(f.Pattern, syntax.Perl); {
	case !texts:
		c.report(at, "not_for_type", "remove it", "a pattern is for texts, not for %s", f.Type)
	case len(f.Pattern) > 500:
		c.report(at, "too_large", "shorten it", "a pattern may have 500 characters, this has %d", len(f.Pattern))
	case err != nil:
		c.report(at, "bad_pattern", "mend the regular expression; look-ahead and back-references are not available", "the pattern cannot be used: %v", err)
	case onlyRE2.MatchString(f.Pattern):
		c.report(at, "bad_pattern", "leave out inline flags, \\A, \\z, \\Q, \\p and [[:classes:]]", "browsers do not understand this pattern")
	}
}

var onlyRE2 = regexp.MustCompile(`\(\?[^:]|\\[AzQECpPa]|\\x\{|\[\[:`)

func (c *checker) flag() {
	f := c.doc.Flag
	if f == nil {
		return
	}
	switch f.Type {
	case "", "boolean":
		for name, value := range f.Variants {
			if _, ok := value.(bool); !ok || name != "on" && name != "off" {
				c.report("flag.variants."+name, "bad_value", "leave variants out", "a boolean flag has the variants on (true) and off (false)")
				return
			}
		}
		if f.On != "" && f.On != "on" || f.Off != "" && f.Off != "off" {
			c.report("flag.off", "bad_value", "leave on and off out", "the variants of a boolean flag are called on and off")
		}
		return
	case "string", "number", "object":
	default:
		c.report("flag.type", "bad_value", "write boolean, string, number or object", "there is no flag type %q", f.Type)
		return
	}
	if len(f.Variants) < 2 || len(f.Variants) > 50 {
		c.report("flag.variants", "missing", "list 2 to 50 variants", "a flag of type %s needs its variants", f.Type)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(f.Variants)) {
		value := f.Variants[name]
		fits := map[string]bool{"string": isA[string](value), "number": isA[float64](value), "object": isA[map[string]any](value)}
		if !fits[f.Type] {
			c.report("flag.variants."+name, "wrong_type", "give a value of the flag's type", "the variant %s is no %s", name, f.Type)
		}
		if text, ok := value.(string); ok {
			c.placeholders("flag.variants."+name, text)
		}
	}
	for member, name := range map[string]string{"on": f.On, "off": f.Off} {
		if _, ok := f.Variants[name]; !ok {
			c.report("flag."+member, "missing", "name one of the variants", "flag.%s must name a variant: a kill serves off, a rollout gives on", member)
		}
	}
}

func isA[T any](value any) bool {
	_, ok := value.(T)
	return ok
}

func (c *checker) rollout() {
	if len(c.doc.Rollout) > 30 {
		c.report("rollout", "too_many", "use fewer steps", "a rollout may have 30 steps, this has %d", len(c.doc.Rollout))
	}
	for i, step := range c.doc.Rollout {
		at := fmt.Sprintf("rollout[%d]", i)
		if strings.TrimSpace(step.Environment) == "" {
			c.report(at+".environment", "missing", "name the environment", "a step needs an environment")
		}
		c.share(at+".percent", step.Percent)
		c.bake(at+".bake", step.Bake)
		switch step.Promote {
		case "", "guard", "person", "time":
		default:
			c.report(at+".promote", "bad_value", "write guard, person or time", "promote must be guard, person or time, is %q", step.Promote)
		}
		c.placeholders(at+".audience", step.Audience)
	}
}

// share is a number from 1 to 100, or a field that holds one.
func (c *checker) share(at string, share any) {
	switch share := share.(type) {
	case float64:
		if share < 1 || share > 100 || share != float64(int(share)) {
			c.report(at, "out_of_range", "give a whole number from 1 to 100", "percent must be 1 to 100, is %v", share)
		}
	case string:
		name := fieldOf(share)
		f, ok := c.doc.Fields[name]
		switch {
		case placeholder.FindString(share) != share || share == "":
			c.report(at, "bad_value", "give a number, or a field in braces, such as {percent}", "percent must be a number or one field, is %q", share)
		case !ok:
			c.placeholders(at, share)
		case types[f.Type].bounds != ofNumber:
			c.report(at, "wrong_type", "make the field a percentage", "%s stands for a field of type %s, which is no number", share, f.Type)
		case !f.Required && f.Default == nil || len(f.VisibleIf) > 0:
			c.report(at, "may_be_absent", "make the field required and always visible, or give it a default", "%s may be left empty", share)
		case f.Min == nil || *f.Min < 1 || f.Type != "percentage" && (f.Max == nil || *f.Max > 100):
			c.report(at, "out_of_range", `add "min": 1 and "max": 100 to the field`, "%s must be from 1 to 100", share)
		}
	default:
		c.report(at, "missing", "give 1 to 100", "a step needs a percentage")
	}
}

// bake is a time such as 30m, or a whole number of a field and its unit.
func (c *checker) bake(at, text string) {
	if text == "" {
		return
	}
	if !bakeForm.MatchString(text) {
		c.report(at, "bad_value", "write such as 30m, 2h, 1d or {days}d", "bake must be a time, is %q", text)
		return
	}
	c.placeholders(at, text)
	if found := placeholder.FindString(text); found != "" {
		f, ok := c.doc.Fields[fieldOf(found)]
		switch {
		case !ok:
		case f.Type != "integer":
			c.report(at, "wrong_type", "make the field an integer", "%s stands for a field of type %s, which is no whole number", found, f.Type)
		case !f.Required && f.Default == nil || len(f.VisibleIf) > 0:
			c.report(at, "may_be_absent", "make the field required and always visible, or give it a default", "%s may be left empty", found)
		case f.Min == nil || *f.Min < 0 || f.Max == nil || *f.Max > 1e6:
			c.report(at, "out_of_range", `add min and max to the field`, "%s must be from 0 to a million", found)
		}
	}
}

func (c *checker) placeholders(at, text string) {
	for _, found := range placeholder.FindAllString(text, -1) {
		if _, ok := c.doc.Fields[fieldOf(found)]; !ok {
			c.report(at, "unknown_field", "add the field "+fieldOf(found)+", or remove "+found, "%s stands for a field that the template does not have", found)
		}
	}
}

// defaults judges the defaults by the document's own schema.
func (c *checker) defaults() {
	for _, f := range c.doc.Validate(c.doc.Fill(nil)) {
		name := strings.TrimPrefix(f.Field, "fields.")
		if c.doc.Fields[name].Default != nil {
			c.report(f.Field+".default", "bad_default", "change the default", "the default does not fit its own field: %s", f.Message)
		}
	}
}
