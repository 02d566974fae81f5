package foreign

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// ldRules reads the rules of one flag of LaunchDarkly.
type ldRules struct {
	*ldFlags
	key   string
	names []string // of its variations
}

// maxPrerequisites bounds prerequisites of prerequisites.
const maxPrerequisites = 5

// prerequisite holds where another flag is on and comes to a variation. A flag that is not said as a whole may come to another one than here: it
// is never met, whatever it comes to.
func (r ldRules) prerequisite(p object) (met any, needed ldChoice) {
	key := p.text("key")
	if _, ok := r.flags[key]; !ok {
		r.note(r.key, "no_prerequisite", "put that flag into the document, too", "it needs the flag %s, which the document does not have, so that it serves its off variation", key)
		return false, ldChoice{}
	}
	_, names := r.variations(key)
	name, ok := variation(names, p, "variation")
	if !ok || !r.of(key).truth("on") {
		return false, ldChoice{whole: true}
	}
	if needed = r.choice(key); !needed.whole || needed.depth >= maxPrerequisites {
		r.note(r.key, "prerequisites", "say in its own rules what those flags say",
			"it needs the flag %s, which is not said as a whole, or needs others over %d times, or itself: it serves its off variation", key, maxPrerequisites)
		return false, ldChoice{}
	}
	r.note(r.key, "prerequisite", "change both where one is changed", "it needs the flag %s: that flag's rules are a part of its own here, as they are now", key)
	if constant, ok := needed.choice.(string); ok {
		return constant == name, needed
	}
	if needed.choice == nil {
		return false, needed
	}
	return op("===", needed.choice, name), needed
}

// targets are people who are named one by one.
func (r ldRules) targets(o object) (branches []branch) {
	for _, member := range []string{"contextTargets", "targets"} {
		for _, t := range o.objects(member) {
			name, ok := variation(r.names, t, "variation")
			values := t.texts("values")
			kind := t.text("contextKind")
			switch {
			case len(values) == 0:
			case !ok:
			case kind != "" && kind != "user":
				branches = append(branches, branch{false, name, "a list of " + kind + "s", "people are told apart by one key here"})
			default:
				branches = append(branches, branch{when: op("in", targetingKey, textsOf(values)), then: name})
			}
		}
	}
	return branches
}

// outcome is a variation, or shares of several.
func (r ldRules) outcome(o object) (choice any, ok bool) {
	if name, ok := variation(r.names, o, "variation"); ok {
		return name, true
	}
	rollout, ok := o.object("rollout")
	if !ok {
		return nil, false
	}
	rollout.skip("seed", "kind", "experimentAllocation")
	if kind := rollout.text("contextKind"); kind != "" && kind != "user" {
		r.note(r.key, "context_kind", "send that key as the targeting key", "its shares are of %ss there, and of people here", kind)
	}
	var shares []share
	for _, v := range rollout.objects("variations") {
		v.skip("untracked", "_untracked")
		weight, _ := v.number("weight")
		if name, ok := variation(r.names, v, "variation"); ok {
			shares = append(shares, share{name, int(weight)})
		}
	}
	total := 0
	for _, s := range shares {
		total += s.weight
	}
	if total < 100_000 && len(shares) > 0 { // what is left goes to the last one
		shares[len(shares)-1].weight += 100_000 - total
	}
	var by any
	if name := rollout.text("bucketBy"); name != "" && name != "key" {
		if v, ok := ldAttribute(name, ""); ok {
			by = v
		}
	}
	choice, open := split(by, shares)
	if open {
		r.buckets(r.key)
	}
	return choice, len(shares) > 0
}

// clauses hold where all of them hold, and for nobody else; why is a reason for which they hold for fewer. wide asks for those of lists of texts,
// too, where somebody may get more by not being matched.
func (ld *ldFlags) clauses(about string, rule object, wide bool) (condition any, why string) {
	var all []any
	for _, c := range rule.objects("clauses") {
		c.skip("_id")
		one, reason := ld.clause(about, c, wide)
		all, why = append(all, one), orElse(why, reason)
	}
	return every(all...), why
}

// ldAttribute is the attribute of a name, or of a reference such as /address/street where a kind of context is given. ok is false for a name
// whose dots flagd takes for a path.
func ldAttribute(name, kind string) (v any, ok bool) {
	if name == "key" || name == "/key" {
		return targetingKey, true
	}
	if kind == "" || !strings.HasPrefix(name, "/") {
		return attribute(name), name != "" && !strings.Contains(name, ".")
	}
	parts := strings.Split(name[1:], "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if part == "" || strings.Contains(part, ".") {
			return nil, false
		}
	}
	return attribute(strings.Join(parts, ".")), true
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// ldSingle are the attributes that have one value, where others may have a list, any of whose values matches.
var ldSingle = []string{"key", "/key", "name", "email", "country", "ip", "firstName", "lastName", "avatar", "anonymous"}

// memberOf holds where an attribute is a list with one of the values: what is in a text would be a part of it, and every text has the empty one.
func memberOf(v any, values []any) any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = op("in", value, v)
	}
	return every(not(op("in", "", v)), some(all...))
}

// clause is a clause as LaunchDarkly decides it: one on an attribute that is missing does not hold, negated or not.
func (ld *ldFlags) clause(about string, c object, wide bool) (condition any, why string) {
	name, kind, operator := c.text("attribute"), c.text("contextKind"), c.text("op")
	negated := c.truth("negate")
	if operator == "segmentMatch" {
		var all []any
		for _, key := range c.texts("values") {
			if _, ok := ld.segments[key]; ok {
				if all = append(all, reference(key)); !ld.isWhole(key) {
					why = "the segment " + key + " is not said as a whole"
				}
				continue
			}
			why = "the document does not have the segment " + key
			ld.note(about, "no_segment", "put the segments into the document, too, as a member segments beside the flags",
				"the document does not have the segment %s, so that nobody is in it", key)
		}
		condition = some(all...)
		switch {
		case negated && why != "":
			return false, why
		case negated:
			return not(condition), ""
		}
		return condition, why
	}
	if kind != "" && kind != "user" {
		return false, "it is about a " + kind + ", and only people are asked for here"
	}
	v, ok := ldAttribute(name, kind)
	if !ok || name == "kind" {
		return false, "the attribute " + name + " cannot be named here"
	}
	values := c.list("values")
	var all []any
	for _, value := range values {
		one, why := ldComparison(operator, v, value)
		if why != "" {
			return false, why
		}
		all = append(all, one)
	}
	if operator == "in" && len(values) > 1 {
		all = []any{op("in", v, values)}
	}
	if operator == "in" && (wide || negated) && !slices.Contains(ldSingle, name) {
		all = append(all, memberOf(v, values))
	}
	condition = some(all...)
	if negated {
		condition = not(condition)
	}
	return every(present(v), condition), ""
}

func ldComparison(operator string, v, value any) (condition any, why string) {
	text, isText := value.(string)
	switch operator {
	case "in":
		return op("===", v, value), ""
	case "startsWith", "endsWith", "contains":
		switch {
		case !isText:
			return false, ""
		case operator == "contains":
			return op("in", text, v), ""
		}
		return op(map[string]string{"startsWith": "starts_with", "endsWith": "ends_with"}[operator], v, text), ""
	case "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual":
		n, ok := value.(json.Number)
		if !ok {
			return false, ""
		}
		return op(map[string]string{"lessThan": "<", "lessThanOrEqual": "<=", "greaterThan": ">", "greaterThanOrEqual": ">="}[operator], v, n), ""
	case "semVerEqual", "semVerLessThan", "semVerGreaterThan":
		return op("sem_ver", v, map[string]string{"semVerEqual": "=", "semVerLessThan": "<", "semVerGreaterThan": ">"}[operator], text), ""
	case "matches":
		return nil, "flagd's rules have no regular expressions"
	case "before", "after":
		return nil, "flagd's rules compare no times"
	}
	return nil, "nobody knows its operator " + operator
}

// isWhole reads a segment, and reports whether all who are in it are in it here. One that is asked for while it is read needs itself.
func (ld *ldFlags) isWhole(key string) bool {
	if whole, ok := ld.whole[key]; ok {
		return whole
	}
	ld.whole[key] = false
	rule, whole := ld.segment(key)
	ld.whole[key] = ld.share(key, rule) && whole
	return ld.whole[key]
}

// segment is whom a segment holds: those it lists, except those it leaves out, and whom its rules take. whole is false where it holds fewer.
func (ld *ldFlags) segment(key string) (rule any, whole bool) {
	s := ld.segments[key]
	s.skip("key", "name", "description", "tags", "creationDate", "lastModifiedDate", "_links", "version", "generation", "salt", "unboundedContextKind", "_flags", "_access")
	if s.truth("deleted") {
		return false, false
	}
	if s.truth("unbounded") {
		ld.note(key, "big_segment", "send an attribute that says who is in it", "it is kept outside of the document, so that nobody is in it here")
		return false, false
	}
	named := func(member, contexts string) (condition any, whole bool) {
		whole = true
		var all []any
		if list := s.texts(member); len(list) > 0 {
			all = append(all, op("in", targetingKey, textsOf(list)))
		}
		for _, t := range s.objects(contexts) {
			kind := t.text("contextKind")
			values := t.texts("values")
			if kind != "user" && kind != "" {
				ld.narrower(key, t, "a list of "+kind+"s", "people are told apart by one key here")
				whole = false
				continue
			}
			all = append(all, op("in", targetingKey, textsOf(values)))
		}
		return some(all...), whole
	}
	included, whole := named("included", "includedContexts")
	excluded, allOut := named("excluded", "excludedContexts")
	var ruled []any
	for i, rule := range s.objects("rules") {
		rule.skip("id", "_id", "description")
		condition, why := ld.clauses(key, rule, true)
		if why != "" {
			ld.narrower(key, rule, "rule "+strconv.Itoa(i+1), why)
			if whole = false; condition == false {
				continue
			}
		}
		ruled = append(ruled, every(condition, ld.segmentShare(key, rule)))
	}
	if !allOut { // whoever its rules take may be left out
		return included, false
	}
	return some(included, every(not(excluded), some(ruled...))), whole
}

// segmentShare is the share of people whom a rule of a segment takes.
func (ld *ldFlags) segmentShare(key string, rule object) any {
	kind, by := rule.text("rolloutContextKind"), rule.text("bucketBy")
	weight, ok := rule.number("weight")
	if !ok {
		return true
	}
	var who any
	if v, ok := ldAttribute(by, kind); ok && by != "key" {
		who = v
	}
	in, open := split(who, []share{{"in", int(weight)}, {"out", 100_000 - int(weight)}})
	if !open {
		return in == "in"
	}
	ld.buckets(key)
	return op("===", in, "in")
}
