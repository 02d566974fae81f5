package foreign

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// flipt reads a features file of Flipt (https://docs.flipt.io): one document, or a list of the documents of a stream, each of a namespace.
func (b *builder) flipt(ctx context.Context, document any) error {
	documents, ok := document.([]any)
	if !ok {
		documents = []any{document}
	}
	spaces := map[string][]object{}
	for _, one := range documents {
		d, ok := objectOf(one)
		if !ok || !d.has("flags") && !d.has("segments") {
			return b.unreadable("it has neither flags nor segments")
		}
		space := d.text("namespace")
		if named, ok := d.object("namespace"); ok {
			space = named.text("key")
		}
		if space == "" {
			space = "default"
		}
		spaces[space] = append(spaces[space], d)
	}
	space, err := b.choose("namespace", sortedKeys(spaces))
	if err != nil {
		return err
	}
	segments := map[string]bool{}
	for _, d := range spaces[space] {
		for _, s := range d.objects("segments") {
			if err := ctx.Err(); err != nil {
				return err
			}
			segments[s.text("key")] = b.fliptSegment(s)
			b.unread(s.text("key"), s)
		}
	}
	for _, d := range spaces[space] {
		for _, f := range d.objects("flags") {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.fliptFlag(f, segments)
			b.unread(f.text("key"), f)
		}
	}
	return nil
}

// fliptSegment takes a segment as a shared rule. A constraint that cannot be said holds for nobody: whole is false then.
func (b *builder) fliptSegment(s object) (whole bool) {
	key := s.text("key")
	whole = true
	s.skip("name", "description")
	var all []any
	for _, c := range s.objects("constraints") {
		c.skip("description")
		condition, why := fliptConstraint(c)
		if why != "" {
			b.narrower(key, c, "a constraint on "+c.text("property"), why)
			condition, whole = false, false
		}
		all = append(all, condition)
	}
	rule := every(all...)
	if s.text("match_type") == "ANY_MATCH_TYPE" && len(all) > 0 {
		rule = some(all...)
	}
	return b.share(key, rule) && whole
}

// fliptConstraint is a constraint as Flipt decides it: an attribute that is missing or empty satisfies none but those that ask for that.
func fliptConstraint(c object) (condition any, why string) {
	kind, operator, value := c.text("type"), c.text("operator"), c.text("value")
	property := c.text("property")
	if strings.Contains(property, ".") {
		return nil, "flagd takes the dots of the attribute " + property + " for a path"
	}
	v := attribute(property)
	if kind == "ENTITY_ID_COMPARISON_TYPE" {
		v = targetingKey
	}
	there := every(present(v), op("!==", v, ""))
	switch operator {
	case "present", "notempty":
		return there, ""
	case "notpresent", "empty":
		return not(there), ""
	}
	list, isList := listIn(value)
	switch kind {
	case "STRING_COMPARISON_TYPE", "ENTITY_ID_COMPARISON_TYPE":
		switch operator {
		case "eq":
			return every(there, op("===", v, value)), ""
		case "neq":
			return every(there, op("!==", v, value)), ""
		case "prefix":
			return every(there, op("starts_with", v, value)), ""
		case "suffix":
			return every(there, op("ends_with", v, value)), ""
		}
	case "NUMBER_COMPARISON_TYPE":
		compare := map[string]string{"eq": "==", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}[operator]
		if n, ok := numberOf(value); ok && compare != "" {
			return every(there, op(compare, v, n)), ""
		}
	case "BOOLEAN_COMPARISON_TYPE":
		if operator == "true" || operator == "false" {
			return some(op("===", v, operator == "true"), op("===", v, operator)), "" // Flipt knows texts only
		}
	case "DATETIME_COMPARISON_TYPE":
		return nil, "flagd's rules compare no times"
	}
	if isList && (operator == "isoneof" || operator == "isnotoneof") && kind != "BOOLEAN_COMPARISON_TYPE" {
		among := op("in", v, list)
		if operator == "isnotoneof" {
			among = not(among)
		}
		return every(there, among), ""
	}
	return nil, "nobody knows " + strings.TrimSpace(kind+" "+operator) + " of " + value
}

// listIn is a list that is written in JSON within a text.
func listIn(text string) (list []any, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return list, decoder.Decode(&list) == nil
}

func (b *builder) fliptFlag(f object, segments map[string]bool) {
	key := f.text("key")
	said, _ := f.get("metadata").(map[string]any)
	d := definition{Metadata: said}
	if text := f.text("description"); text != "" {
		if d.Metadata == nil {
			d.Metadata = map[string]any{}
		}
		d.Metadata["description"] = text
	}
	f.skip("name")
	enabled := f.truth("enabled")
	r := fliptRules{builder: b, key: key, segments: segments}
	if f.text("type") == "BOOLEAN_FLAG_TYPE" {
		d.Variants = map[string]any{"on": true, "off": false}
		var branches []branch
		for _, rollout := range f.objects("rollouts") {
			rollout.skip("description", "rank")
			branches = append(branches, r.rollout(rollout)...)
		}
		if rules := f.objects("rules"); len(rules) > 0 {
			for _, rule := range rules {
				rule.leave()
			}
			b.note(key, "rules_of_boolean", "write them as rollouts, and import it again", "it is boolean and has rules, which Flipt does not look at, so that they say nothing here")
		}
		choice, _ := b.least(key, branches, onOff(enabled), onOff(false))
		b.add(key, d, choice)
		return
	}
	f.skip("rollouts")
	d.Variants = map[string]any{}
	var otherwise any
	for _, variant := range f.objects("variants") {
		name := variant.text("key")
		variant.skip("name", "description")
		d.Variants[name] = name
		if variant.truth("default") {
			otherwise = name
		}
		if attachment := variant.get("attachment"); !empty(attachment) && attachment != "{}" {
			b.note(key, "attachment", "make another flag whose values are the attachments", "its variant %s has an attachment: the value here is the name of the variant", name)
		}
	}
	if len(d.Variants) == 0 {
		b.note(key, "no_variants", "leave it out", "it has no variants, so that programs get their own default")
	}
	if !enabled {
		d.State = "DISABLED"
	}
	var branches []branch
	for i, rule := range f.objects("rules") {
		rule.skip("rank", "description")
		when, why := r.segmentsOf(rule)
		then, some := r.distributions(rule)
		if !some {
			then = otherwise
			if otherwise == nil {
				b.note(key, "no_distribution", "give each rule a variant", "rule %d names no variant, so that whom it matches gets no value", i+1)
			}
		}
		branches = append(branches, branch{when, then, "rule " + strconv.Itoa(i+1), why})
	}
	choice, _ := b.least(key, branches, otherwise, nil)
	b.add(key, d, choice)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

type fliptRules struct {
	*builder
	key      string
	segments map[string]bool // whether each is said as a whole
}

// rollout is a rollout of a boolean flag: to a share of everybody, or to segments.
func (r fliptRules) rollout(rollout object) []branch {
	if threshold, ok := rollout.object("threshold"); ok {
		percent, _ := threshold.number("percentage")
		value := onOff(threshold.truth("value"))
		thousandths := int(math.Round(percent * 1000))
		// Whom the share does not take goes on to the next rollout, and so it is a condition.
		in, open := split(nil, []share{{"in", thousandths}, {"out", 100_000 - thousandths}})
		if !open {
			return []branch{{when: in == "in", then: value}}
		}
		r.buckets(r.key)
		return []branch{{when: op("===", in, "in"), then: value}}
	}
	if segment, ok := rollout.object("segment"); ok {
		when, why := r.among(segment)
		return []branch{{when, onOff(segment.truth("value")), "a rollout to segments", why}}
	}
	return nil
}

// segmentsOf is whom a rule is for, in any of the ways in which it may be written.
func (r fliptRules) segmentsOf(rule object) (condition any, why string) {
	if segment, ok := rule.object("segment"); ok {
		return r.among(segment)
	}
	return r.among(rule)
}

// among is whom segments hold; why is a reason for which they hold fewer here.
func (r fliptRules) among(o object) (condition any, why string) {
	keys := append(o.texts("keys"), o.texts("segments")...)
	for _, name := range []string{"key", "segment"} {
		if key := o.text(name); key != "" {
			keys = append(keys, key)
		}
	}
	operator := o.text("operator") + o.text("segmentOperator")
	var all []any
	for _, key := range keys {
		whole, ok := r.segments[key]
		if !ok {
			why = "the document does not have the segment " + key
			r.note(r.key, "no_segment", "put the segment into the document", "it refers to the segment %s, which the document does not have, so that nobody is in it", key)
			all = append(all, false)
			continue
		}
		if !whole {
			why = "the segment " + key + " is not said as a whole"
		}
		all = append(all, reference(key))
	}
	if operator == "AND_SEGMENT_OPERATOR" {
		return every(all...), why
	}
	return some(all...), why
}

// distributions are the shares of a rule; the second result is false without any. What is above 100 percent reaches nobody, what is missing
// gets no value.
func (r fliptRules) distributions(rule object) (choice any, ok bool) {
	var all []share
	left := 100_000
	for _, d := range rule.objects("distributions") {
		percent, _ := d.number("rollout")
		weight := min(int(math.Round(percent*1000)), left)
		if weight < int(math.Round(percent*1000)) {
			r.note(r.key, "bad_shares", "let them be 100 percent together", "its shares come to over 100 percent: the last gets what is left, as in Flipt")
		}
		left -= weight
		all = append(all, share{d.text("variant"), weight})
	}
	if len(all) == 0 {
		return nil, false
	}
	if left > 0 {
		all = append(all, share{nil, left})
	}
	choice, open := split(nil, all)
	if open {
		r.buckets(r.key)
	}
	return choice, true
}
