package foreign

import (
	"context"
	"math"
	"strings"
	"sync"
)

// unleash reads what clients of Unleash load ({"features": […], "segments": […]}, also within state), and an export of an environment, whose
// strategies stand beside the features.
func (b *builder) unleash(ctx context.Context, document any) error {
	top, ok := objectOf(document)
	if state, has := top.object("state"); ok && has {
		top = state
	}
	if !ok || !top.has("features") {
		return b.unreadable("it has no features")
	}
	u := unleashFlags{
		builder: b, features: map[string]object{}, strategies: map[string][]object{}, states: map[string]object{}, segments: map[string]unleashSegment{},
		tags: map[string][]string{}, depends: map[string]bool{},
	}
	for _, s := range top.objects("segments") {
		s.skip("name", "description", "createdBy", "createdAt", "project")
		var of unleashSegment
		of.condition, of.why = unleashConstraints(s)
		u.segments[s.text("id")] = of
	}
	if err := u.beside(top); err != nil {
		return err
	}
	var keys []string
	for _, f := range top.objects("features") {
		key := f.text("name")
		if _, twice := u.features[key]; !twice {
			keys = append(keys, key)
		}
		u.features[key] = f
	}
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		u.flag(key)
		for _, o := range append([]object{u.features[key], u.states[key]}, u.strategies[key]...) {
			b.unread(key, o)
		}
	}
	return nil
}

// unleashSegment is whom a segment holds; why says what keeps it from being said.
type unleashSegment struct {
	condition any
	why       string
}

type unleashFlags struct {
	*builder
	features   map[string]object
	strategies map[string][]object       // of an export, by feature
	states     map[string]object         // of an export, by feature
	segments   map[string]unleashSegment // by id
	tags       map[string][]string
	depends    map[string]bool
}

// beside reads what stands beside the features of an export, of the environment that is meant.
func (u *unleashFlags) beside(top object) error {
	states := top.objects("featureEnvironments")
	if len(states) == 0 {
		return nil
	}
	var names []string
	for _, s := range states {
		names = append(names, s.text("environment"))
	}
	environment, err := u.choose("environment", names)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.text("environment") == environment {
			u.states[s.text("featureName")] = s
		}
	}
	for _, s := range top.objects("featureStrategies") {
		if in := s.text("environment"); in == "" || in == environment {
			u.strategies[s.text("featureName")] = append(u.strategies[s.text("featureName")], s)
		}
	}
	for _, tag := range top.objects("featureTags") {
		key := tag.text("featureName")
		u.tags[key] = append(u.tags[key], tag.text("tagValue"))
	}
	for _, d := range top.objects("dependencies") {
		u.depends[d.text("feature")] = len(d.list("dependencies")) > 0
	}
	return nil
}

// flag takes one feature. One with variants is of the variants' type, and answers nothing where it is off, as in Unleash.
func (u *unleashFlags) flag(key string) {
	f := u.features[key]
	f.skip("name", "stale", "impressionData", "createdAt", "lastSeenAt", "archivedAt", "createdByUserId")
	if f.truth("archived") {
		u.refuse(key, "archived", "leave it out of the document", "it is archived")
		return
	}
	d := definition{Metadata: metadata("description", f.text("description"), "project", f.text("project"), "type", f.text("type"), "tags", join(u.tags[key]))}
	if len(f.list("dependencies")) > 0 || u.depends[key] {
		u.refuse(key, "depends", "say in its own strategies what the other flag says, and import it again", "it is on only where another flag is, which cannot be said")
		return
	}
	enabled, strategies, variants := f.truth("enabled"), f.objects("strategies"), f.objects("variants")
	if state, ok := u.states[key]; ok {
		state.skip("name", "featureName", "environment")
		enabled, strategies = state.truth("enabled"), u.strategies[key]
		variants = append(variants, state.objects("variants")...)
	}
	d.Variants = map[string]any{}
	if !enabled && len(strategies) > 0 {
		u.offRules(key)
	}
	shared := sync.OnceValue(func() any { return u.variants(key, variants, d.Variants) }) // of strategies without their own
	var branches []branch
	varied := len(variants) > 0
	for _, s := range strategies {
		varied = varied || len(s.list("variants")) > 0
	}
	for _, s := range strategies {
		s.skip("id", "featureName", "environment", "title", "sortOrder", "projectId")
		if s.truth("disabled") {
			s.leave()
			u.note(key, "disabled_rule", "add it again when it is wanted", "a strategy is disabled, and so left out")
			continue
		}
		when, why := u.strategy(key, s)
		if why != "" {
			s.leave()
			when = false
		}
		then := any("on")
		if varied {
			if then = shared(); len(s.list("variants")) > 0 {
				then = u.variants(key, s.objects("variants"), d.Variants)
			}
		}
		branches = append(branches, branch{when, then, "a strategy " + s.text("name"), why})
	}
	if len(strategies) == 0 { // whoever asks gets it
		then := any("on")
		if varied {
			then = shared()
		}
		branches = append(branches, branch{when: true, then: then})
	}
	var otherwise any
	if !varied {
		d.Variants["on"], d.Variants["off"] = true, false
		otherwise = "off"
	} else {
		u.note(key, "variants_only", "ask for the variant, or make another flag that is on or off",
			"it has variants: here it answers with the variant, and nothing where it is off, not with on or off")
	}
	if !enabled {
		branches = nil
	}
	choice, _ := u.least(key, branches, otherwise, otherwise)
	u.add(key, d, choice)
}

// variants are the shares of variants, and whom each is given to in any case.
func (u *unleashFlags) variants(key string, variants []object, values map[string]any) any {
	var shares []share
	var branches []branch
	var by any
	for _, v := range variants {
		name := v.text("name")
		v.skip("weightType")
		weight, _ := v.number("weight")
		shares = append(shares, share{name, int(weight)})
		values[name] = u.payload(key, name, v)
		for _, o := range v.objects("overrides") {
			if who, ok := unleashAttribute(o.text("contextName")); ok {
				branches = append(branches, branch{when: op("in", who, textsOf(o.texts("values"))), then: name})
			}
		}
		by = u.stickiness(key, v.text("stickiness"))
	}
	if len(shares) == 0 {
		return nil
	}
	choice, open := split(by, shares)
	if open {
		u.buckets(key)
	}
	return choose(branches, choice)
}

// payload is the value of a variant: what it carries, or else its name.
func (u *unleashFlags) payload(key, name string, v object) any {
	p, ok := v.object("payload")
	if !ok {
		return name
	}
	text := p.text("value")
	switch p.text("type") {
	case "number":
		if n, ok := numberOf(text); ok {
			return n
		}
	case "json":
		var value any
		if decode(text, &value) == nil {
			return value
		}
	default:
		return text
	}
	u.note(key, "bad_payload", "fix the payload", "the variant %s carries something that is not of its type: here it is a text", name)
	return text
}

// stickiness is the attribute by which people are told apart; nil is the targeting key.
func (u *unleashFlags) stickiness(key, name string) any {
	switch name {
	case "", "default", "userId":
		return nil
	case "random":
		u.note(key, "random", "tell people apart by who they are", "its shares are drawn anew each time there: here whoever asks again gets the same")
		return nil
	}
	if who, ok := unleashAttribute(name); ok {
		return who
	}
	return nil
}

// unleashAttribute is the attribute that Unleash knows by a name; ok is false for one whose dots flagd takes for a path.
func unleashAttribute(name string) (v any, ok bool) {
	if name == "userId" {
		return targetingKey, true
	}
	return attribute(name), name != "" && !strings.Contains(name, ".")
}

func textsOf(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

func trimmed(texts []string) []string {
	for i, text := range texts {
		texts[i] = strings.TrimSpace(text)
	}
	return texts
}

// strategy is whom a strategy turns the flag on for.
func (u *unleashFlags) strategy(key string, s object) (condition any, why string) {
	own, why := unleashConstraints(s)
	if why != "" {
		return nil, why
	}
	all := []any{own}
	for _, id := range s.texts("segments") {
		of, ok := u.segments[id]
		if !ok {
			return nil, "the document does not have its segment " + id
		}
		if of.why != "" {
			return nil, of.why
		}
		all = append(all, of.condition)
	}
	condition = every(all...)
	p, _ := s.object("parameters")
	p.skip("groupId")
	share := func(member string, by any) any {
		percent, ok := p.number(member)
		if !ok {
			return false
		}
		in, open := split(by, []share{{"in", int(math.Round(percent * 1000))}, {"out", 100_000 - int(math.Round(percent*1000))}})
		if !open {
			return in == "in"
		}
		u.buckets(key)
		return op("===", in, "in")
	}
	switch name := s.text("name"); name {
	case "default":
	case "userWithId":
		condition = every(condition, op("in", targetingKey, textsOf(trimmed(strings.Split(p.text("userIds"), ",")))))
	case "flexibleRollout":
		condition = every(condition, share("rollout", u.stickiness(key, p.text("stickiness"))))
	case "gradualRolloutUserId":
		condition = every(condition, share("percentage", nil))
	case "gradualRolloutSessionId":
		condition = every(condition, share("percentage", attribute("sessionId")))
	case "gradualRolloutRandom":
		condition = every(condition, share("percentage", u.stickiness(key, "random")))
	case "applicationHostname":
		return nil, "it goes by the name of the host that asks"
	case "remoteAddress":
		return nil, "it goes by ranges of addresses"
	default:
		return nil, "it is a strategy of your own"
	}
	return condition, ""
}
