package foreign

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
)

// growthBook reads features as SDKs of GrowthBook load them ({"features": {key: …}}) and as its REST API lists them ({"features": […]}), with what
// each environment has of them.
func (b *builder) growthBook(ctx context.Context, document any) error {
	top, ok := objectOf(document)
	if !ok || !top.has("features") {
		return b.unreadable("it has no features")
	}
	saved, _ := top.get("savedGroups").(map[string]any)
	names, features := top.byName("features")
	for _, f := range top.objects("features") {
		names = append(names, f.text("id"))
		if features == nil {
			features = map[string]object{}
		}
		features[f.text("id")] = f
	}
	var environments []string
	for _, key := range names {
		if of, ok := features[key].get("environments").(map[string]any); ok {
			environments = append(environments, sortedKeys(of)...)
		}
	}
	chosen := ""
	if len(environments) > 0 {
		var err error
		if chosen, err = b.choose("environment", environments); err != nil {
			return err
		}
	}
	for _, key := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		g := gbFlag{builder: b, key: key, saved: saved, values: map[string]any{}, byText: map[string]string{}}
		g.take(features[key], chosen)
		b.unread(key, features[key])
	}
	return nil
}

// gbFlag reads one feature. A value that is served is a variant: on, off, or a number.
type gbFlag struct {
	*builder
	key    string
	kind   string // type of its values, where the document says so
	saved  map[string]any
	values map[string]any
	byText map[string]string // name of a value
}

// variant is the name of a value.
func (g *gbFlag) variant(value any) string {
	if text, ok := value.(string); ok && g.kind != "" && g.kind != "string" { // the REST API writes all values as texts
		var parsed any
		if decode(text, &parsed) == nil {
			value = parsed
		}
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	if name, ok := g.byText[string(encoded)]; ok {
		return name
	}
	name := "value-" + strconv.Itoa(len(g.values))
	if on, ok := value.(bool); ok {
		name = onOff(on)
	}
	g.byText[string(encoded)], g.values[name] = name, value
	return name
}

func (g *gbFlag) take(f object, environment string) {
	f.skip("id", "dateCreated", "dateUpdated", "revision", "version")
	if f.truth("archived") {
		g.refuse(g.key, "archived", "leave it out of the document", "it is archived")
		return
	}
	g.kind = f.text("valueType")
	if g.kind == "boolean" {
		g.variant(true)
		g.variant(false)
	}
	d := definition{Variants: g.values, Metadata: metadata("description", f.text("description"), "project", f.text("project"), "owner", f.text("owner"), "tags", join(f.texts("tags")))}
	if len(f.list("prerequisites")) > 0 {
		g.refuse(g.key, "depends", "say in its own rules what the other feature says, and import it again", "it is on only where another feature is, which cannot be said")
		return
	}
	serves := f
	if environment != "" {
		all, _ := f.get("environments").(map[string]any)
		if serves, _ = f.part("environments."+environment, all[environment]); !serves.truth("enabled") {
			d.State = "DISABLED" // GrowthBook answers null
		}
	}
	var otherwise any
	for _, o := range []object{serves, f} {
		if value, ok := o.members["defaultValue"]; ok && otherwise == nil {
			otherwise = g.variant(value)
		}
		o.skip("defaultValue", "enabled", "definition", "draft")
	}
	var branches []branch
	for i, rule := range serves.objects("rules") {
		when, then, why := g.rule(rule)
		if why != "" {
			rule.leave()
			when = false
		}
		if then != nil {
			branches = append(branches, branch{when, then, "rule " + strconv.Itoa(i+1), why})
		}
	}
	choice, _ := g.least(g.key, branches, otherwise, offOf(g.values))
	g.add(g.key, d, choice)
}

// rule is whom a rule is for, and what it gives them. A rule that is switched off, or has no value, gives nothing. why is a reason for which nobody
// is found for it.
func (g *gbFlag) rule(rule object) (when, then any, why string) {
	rule.skip("id", "description", "key", "name", "phase", "seed", "hashVersion", "meta", "tracks", "trackingKey", "fallbackAttribute", "bucketVersion",
		"minBucketVersion", "disableStickyBucketing", "type", "experimentId", "experimentType")
	if rule.has("enabled") && !rule.truth("enabled") {
		g.note(g.key, "disabled_rule", "add it again when it is wanted", "a rule is disabled, and so left out")
		rule.leave()
		return false, nil, ""
	}
	when, why = g.whom(rule)
	taken, then := g.gives(rule)
	if then == nil {
		g.note(g.key, "no_value", "give it a value", "a rule has no value, and so says nothing")
	}
	return every(when, taken), then, why
}

func (g *gbFlag) whom(rule object) (when any, why string) {
	for _, name := range []string{"parentConditions", "prerequisites", "savedGroupTargeting", "savedGroups", "namespace", "filters", "ranges", "scheduleRules"} {
		if !empty(rule.get(name)) {
			return false, "it has " + name + ", which cannot be said"
		}
	}
	condition, _ := rule.get("condition").(map[string]any)
	if text := rule.text("condition"); text != "" && decode(text, &condition) != nil { // the REST API has it as a text
		return false, "its condition is no JSON"
	}
	return g.condition(condition, 0)
}

// gives is what a rule gives, and the share of people that it is for: the others go on to the next rule.
func (g *gbFlag) gives(rule object) (taken, then any) {
	var by any
	if name := rule.text("hashAttribute"); name != "" && name != "id" {
		by = attribute(name)
	}
	coverage, limited := rule.number("coverage")
	if !limited {
		coverage = 1
	}
	if values := rule.list("variations"); len(values) > 0 {
		return g.experiment(rule, values, by, coverage)
	}
	value := rule.get("force")
	if rule.has("value") {
		value = rule.get("value")
	}
	if value == nil {
		return false, nil
	}
	in, open := split(by, []share{{"in", int(math.Round(coverage * 100_000))}, {"out", 100_000 - int(math.Round(coverage*100_000))}})
	if !open {
		return in == "in", g.variant(value)
	}
	g.buckets(g.key)
	return op("===", in, "in"), g.variant(value)
}

// experiment is the shares of an experiment's values, and of whom its coverage takes.
func (g *gbFlag) experiment(rule object, values []any, by any, coverage float64) (taken, then any) {
	weights := rule.list("weights")
	var shares []share
	for i, value := range values {
		weight := 1 / float64(len(values))
		if len(weights) == len(values) {
			weight, _ = numberOf(weights[i])
		}
		shares = append(shares, share{g.variant(value), int(math.Round(weight * coverage * 100_000))})
	}
	if coverage < 1 {
		shares = append(shares, share{nil, int(math.Round((1 - coverage) * 100_000))})
	}
	then, open := split(by, shares)
	if open {
		g.buckets(g.key)
	}
	if coverage < 1 && then != nil {
		return op("!==", then, nil), then
	}
	return true, then
}
