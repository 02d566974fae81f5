package foreign

import (
	"context"
	"strconv"
	"strings"
)

// launchDarkly reads flags and segments as SDKs of LaunchDarkly load them, from files too, and as its REST API lists them: a list, or one under
// items; or a list for each "project//environment".
func (b *builder) launchDarkly(ctx context.Context, document any) error {
	top, ok := objectOf(document)
	if list, isList := document.([]any); isList {
		top, ok = objectOf(map[string]any{"items": list})
	}
	if !ok {
		return b.unreadable("it is no object or list")
	}
	ld := ldFlags{
		builder: b, flags: map[string]object{}, segments: map[string]object{}, named: map[string]ldVariations{}, choices: map[string]ldChoice{}, whole: map[string]bool{},
	}
	for _, name := range []string{"flags", "segments"} {
		names, of := top.byName(name)
		for _, key := range names {
			ld.put(key, of[key])
		}
		for _, o := range top.objects(name) {
			ld.put(o.text("key"), o)
		}
	}
	for _, o := range top.objects("items") {
		ld.put(o.text("key"), o)
	}
	if err := ld.byEnvironment(top); err != nil {
		return err
	}
	values, _ := top.get("flagValues").(map[string]any)
	if len(ld.flags)+len(ld.segments)+len(values) == 0 && !top.has("flags") {
		return b.unreadable("it has no flags")
	}
	if err := ld.settle(); err != nil {
		return err
	}
	for _, key := range sortedKeys(ld.segments) {
		if err := ctx.Err(); err != nil {
			return err
		}
		ld.isWhole(key)
		b.unread(key, ld.segments[key])
	}
	for _, key := range sortedKeys(values) {
		b.add(key, definition{Variants: map[string]any{"value": values[key]}}, "value")
	}
	for _, key := range ld.keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		ld.flag(key)
		b.unread(key, ld.flags[key])
	}
	return nil
}

type ldFlags struct {
	*builder
	keys     []string
	flags    map[string]object
	segments map[string]object
	named    map[string]ldVariations // by flag
	choices  map[string]ldChoice     // by flag, as far as they are known
	whole    map[string]bool         // segments that are read: whether all who are in one are in it here
	chosen   string                  // of the environments of the REST API's flags
}

// put takes a flag or a segment, which the REST API lists alike.
func (ld *ldFlags) put(key string, o object) {
	if o.has("variations") {
		if _, twice := ld.flags[key]; !twice {
			ld.keys = append(ld.keys, key)
		}
		ld.flags[key] = o
		return
	}
	ld.segments[key] = o
}

// byEnvironment reads lists of flags by "project//environment".
func (ld *ldFlags) byEnvironment(top object) error {
	lists := map[string][]object{}
	for _, name := range sortedKeys(top.members) {
		if _, environment, ok := strings.Cut(name, "//"); ok {
			lists[environment] = append(lists[environment], top.objects(name)...)
		}
	}
	if len(lists) == 0 {
		return nil
	}
	environment, err := ld.choose("environment", sortedKeys(lists))
	for _, o := range lists[environment] {
		ld.put(o.text("key"), o)
	}
	return err
}

// settle chooses the environment of flags that have several.
func (ld *ldFlags) settle() (err error) {
	var names []string
	for _, key := range ld.keys {
		if of, ok := ld.flags[key].get("environments").(map[string]any); ok {
			names = append(names, sortedKeys(of)...)
		}
	}
	if len(names) > 0 {
		ld.chosen, err = ld.choose("environment", names)
	}
	return err
}

// of is what a flag serves: itself, or what it has for the environment.
func (ld *ldFlags) of(key string) object {
	f := ld.flags[key]
	if all, ok := f.get("environments").(map[string]any); ok {
		if e, ok := f.part("environments."+ld.chosen, all[ld.chosen]); ok {
			return e
		}
	}
	if e, ok := f.object("environment"); ok {
		return e
	}
	return f
}

// flag takes one flag.
func (ld *ldFlags) flag(key string) {
	f, o := ld.flags[key], ld.of(key)
	f.skip("key", "version", "_version", "kind", "_links", "creationDate", "maintainerId", "_id", "goalIds", "experiments", "variationJsonSchema",
		"includeInSnippet", "defaults", "salt", "sel", "environments", "temporary", "clientSide", "debugEventsUntilDate", "trackEvents", "trackEventsFallthrough", "deprecatedDate")
	o.skip("_environmentName", "_site", "lastModified", "salt", "sel", "version", "_summary", "variations", "trackEvents", "trackEventsFallthrough",
		"debugEventsUntilDate", "_debugEventsUntilDate", "_maintainer", "_access", "archived", "target")
	if f.truth("archived") || f.truth("deleted") {
		ld.refuse(key, "archived", "leave it out of the document", "it is archived")
		return
	}
	values, names := ld.variations(key)
	if len(values) == 0 {
		ld.refuse(key, "bad_flag", "give its values as variations", "it has no variations")
		return
	}
	if !o.has("on") {
		ld.refuse(key, "no_state", "ask the REST API for the flags with summary=0", "the document does not say whether it is on")
		return
	}
	off, _ := variation(names, o, "offVariation")
	if !o.has("_summary") || o.has("fallthrough") {
		ld.add(key, ld.definition(f, values, off), ld.choice(key).choice)
		return
	}
	summary, _ := o.object("_summary")
	off = summarisedAs(summary, names, "isOff")
	to := off
	if o.truth("on") {
		to = summarisedAs(summary, names, "isFallthrough")
	}
	if ld.rules(summary) > 0 {
		ld.refuse(key, "summary", "ask the REST API for the flags with summary=0", "the document has only the number of its rules")
		return
	}
	ld.add(key, ld.definition(f, values, off), orNil(to))
}

func orNil(name string) any {
	if name == "" {
		return nil
	}
	return name
}

// rules is how many rules and lists a summary counts.
func (ld *ldFlags) rules(summary object) (rules float64) {
	_, all := summary.byName("variations")
	for _, v := range all {
		v.skip("isFallthrough", "isOff")
		for _, name := range []string{"rules", "nullRules", "targets", "contextTargets"} {
			n, _ := v.number(name)
			rules += n
		}
	}
	prerequisites, _ := summary.number("prerequisites")
	return rules + prerequisites
}

// summarisedAs is the variation that a summary marks so; empty if there is none.

func summarisedAs(summary object, names []string, as string) string {
	indices, all := summary.byName("variations")
	for _, text := range indices {
		if i, err := strconv.Atoi(text); all[text].truth(as) && err == nil && i >= 0 && i < len(names) {
			return names[i]
		}
	}
	return ""
}

func (ld *ldFlags) definition(f object, values map[string]any, off string) definition {
	d := definition{Variants: values, Metadata: metadata("description", f.text("description"), "name", f.text("name"), "tags", join(f.texts("tags")), "off_variant", off)}
	if maintainer, ok := f.object("_maintainer"); ok {
		d.Metadata["owner"], d.Metadata["contact"] = maintainer.text("email"), maintainer.text("email")
		maintainer.skip("_id", "_links", "firstName", "lastName", "role")
	}
	if f.truth("deprecated") {
		d.Metadata["deprecated"] = true
	}
	if availability, ok := f.object("clientSideAvailability"); ok {
		browsers, mobile := availability.truth("usingEnvironmentId"), availability.truth("usingMobileKey")
		if browsers || mobile {
			ld.note(f.text("key"), "client_side", "give an SDK key for browsers, and mark the flag for it", "browsers or mobile apps may ask for it there: here only servers may")
		}
	}
	return d
}

// ldVariations are the values of a flag by their names, and the names in their order.
type ldVariations struct {
	values map[string]any
	names  []string
}

// variations are the values of a flag by their names: those given, as far as each is there once, else on and off, or a number.
func (ld *ldFlags) variations(key string) (values map[string]any, names []string) {
	if v, ok := ld.named[key]; ok {
		return v.values, v.names
	}
	f := ld.flags[key]
	values = map[string]any{}
	for i, v := range f.list("variations") {
		value, name := v, ""
		if o, ok := f.part("variations["+strconv.Itoa(i)+"]", v); ok && o.has("value") {
			value, name = o.get("value"), o.text("name")
			o.skip("_id", "description")
		}
		if on, ok := value.(bool); ok && name == "" {
			name = onOff(on)
		}
		if name == "" {
			name = "variation-" + strconv.Itoa(i)
		}
		if _, taken := values[name]; taken {
			name += "-" + strconv.Itoa(i)
		}
		values[name] = value
		names = append(names, name)
	}
	ld.named[key] = ldVariations{values, names}
	return values, names
}

// variation is the name of the variation whose position a member has; empty if it has none.
func variation(names []string, o object, member string) (name string, ok bool) {
	i, ok := o.index(member)
	if !ok || i < 0 || i >= len(names) {
		return "", false
	}
	return names[i], true
}

// ldChoice is what a flag comes to, which all flags that need it as a prerequisite share.
type ldChoice struct {
	choice any
	whole  bool // all that decides it is said
	depth  int  // of prerequisites of prerequisites
}

// choice is what a flag comes to. One that is asked for while it is looked for needs itself, and is not whole.
func (ld *ldFlags) choice(key string) ldChoice {
	c, ok := ld.choices[key]
	if !ok {
		ld.choices[key] = ldChoice{}
		c = ld.decide(key)
		ld.choices[key] = c
	}
	return c
}

func (ld *ldFlags) decide(key string) ldChoice {
	o := ld.of(key)
	_, names := ld.variations(key)
	off := any(nil)
	if name, ok := variation(names, o, "offVariation"); ok {
		off = name
	}
	if !o.truth("on") {
		if len(o.list("rules"))+len(o.list("targets"))+len(o.list("prerequisites")) > 0 {
			ld.offRules(key)
		}
		o.skip("contextTargets", "fallthrough")
		return ldChoice{choice: off, whole: true}
	}
	about := ldRules{ldFlags: ld, key: key, names: names}
	c := ldChoice{whole: true}
	var branches []branch
	for _, p := range o.objects("prerequisites") {
		met, needed := about.prerequisite(p)
		c.whole, c.depth = c.whole && needed.whole, max(c.depth, needed.depth+1)
		branches = append(branches, branch{when: not(met), then: off})
	}
	branches = append(branches, about.targets(o)...)
	for i, rule := range o.objects("rules") {
		rule.skip("id", "_id", "ref", "trackEvents", "description")
		if rule.truth("disabled") {
			rule.leave()
			ld.note(key, "disabled_rule", "add it again when it is wanted", "rule %d is disabled, and so left out", i+1)
			continue
		}
		then, ok := about.outcome(rule)
		when, why := about.clauses(key, rule, then == off)
		if !ok && why == "" {
			when, why = false, "it has neither a variation nor a rollout"
		}
		if when == false {
			rule.leave()
		}
		branches = append(branches, branch{when, then, "rule " + strconv.Itoa(i+1), why})
	}
	otherwise := any(nil)
	if last, ok := o.object("fallthrough"); ok {
		last.skip("trackEvents")
		otherwise, _ = about.outcome(last)
	}
	choice, whole := ld.least(key, branches, otherwise, off)
	c.choice, c.whole = choice, c.whole && whole
	return c
}
