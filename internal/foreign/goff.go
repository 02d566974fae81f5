package foreign

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// goff reads a configuration of GO Feature Flag (https://gofeatureflag.org/docs/configure_flag/flag_format): flags by key, whose rules are
// tried in their order.
func (b *builder) goff(ctx context.Context, document any) error {
	top, ok := objectOf(document)
	if !ok {
		return b.unreadable("it is no object of flags")
	}
	for _, key := range sortedKeys(top.members) {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, ok := objectOf(top.members[key])
		if !ok {
			b.refuse(key, "bad_flag", "give variations and a defaultRule", "it is no object")
			continue
		}
		b.goffFlag(key, f)
		b.unread(key, f)
	}
	return nil
}

func (b *builder) goffFlag(key string, f object) {
	f.skip("version", "trackEvents")
	d := definition{}
	if d.Variants, _ = f.get("variations").(map[string]any); len(d.Variants) == 0 {
		b.refuse(key, "bad_flag", "give its values as variations", "it has no variations")
		return
	}
	if f.truth("disable") {
		d.State = "DISABLED"
	}
	if said, ok := f.get("metadata").(map[string]any); ok {
		d.Metadata = said
	}
	r := goffRules{builder: b, key: key, off: offOf(d.Variants)}
	if by := f.text("bucketingKey"); by != "" {
		r.by = attribute(by)
	}
	var branches []branch
	for _, rule := range f.objects("targeting") {
		name := rule.place.step
		if said := rule.text("name"); said != "" {
			name = "the rule " + said
		}
		if rule.truth("disable") {
			rule.leave()
			b.note(key, "disabled_rule", "add it again when it is wanted", "%s is disabled, and so left out", name)
			continue
		}
		when, why := r.query(rule.text("query"))
		then := r.outcome(rule)
		if why != "" {
			rule.leave()
			when = false
		}
		branches = append(branches, branch{when, then, name, why})
	}
	var otherwise any
	if rule, ok := f.object("defaultRule"); ok {
		rule.skip("name", "disable", "query")
		otherwise = r.outcome(rule)
	}
	choice, _ := b.least(key, branches, otherwise, r.off)
	if experiment, ok := f.object("experimentation"); ok {
		choice = choose([]branch{{when: r.during(experiment), then: choice}}, nil)
	}
	if len(f.list("scheduledRollout")) > 0 {
		choice = r.off
		b.note(key, "scheduled", "write it as it is now, without scheduledRollout, and import it again",
			"it changes by a schedule, and any of its steps may have taken something from people: here everybody gets %s", outcomeWords(r.off))
	}
	b.add(key, d, choice)
}

// goffRules reads the rules of one flag.
type goffRules struct {
	*builder
	key string
	off any // the least that it gives
	by  any // attribute by which people are told apart; nil: the targeting key
}

// outcome is what a rule comes to.
func (r goffRules) outcome(rule object) any {
	if progress, ok := rule.object("progressiveRollout"); ok {
		rule.skip("percentage", "variation")
		return r.progress(progress)
	}
	if shares := rule.members["percentage"]; !empty(shares) {
		rule.skip("percentage", "variation")
		of, _ := shares.(map[string]any)
		var all []share
		total := 0.0
		for _, name := range sortedKeys(of) {
			percent, _ := numberOf(of[name])
			total += percent
			all = append(all, share{name, int(math.Round(percent * 1000))})
		}
		if math.Abs(total-100) > 1e-6 {
			r.note(r.key, "bad_shares", "let them be 100 percent together", "its shares come to %g percent, so that GO Feature Flag refuses them: programs get their own default", total)
			return nil
		}
		choice, open := split(r.by, all)
		if open {
			r.buckets(r.key)
		}
		return choice
	}
	if name := rule.text("variation"); name != "" {
		return name
	}
	return nil
}

// progress is the least that the flag gives: the share changes day by day, which is asked for here, and does not come by time alone.
func (r goffRules) progress(p object) any {
	p.leave()
	r.note(r.key, "progressive", "ask for a change to more people step by step", "its share changes day by day there: here everybody gets %s", outcomeWords(r.off))
	return r.off
}

// during holds while an experiment runs; outside of it programs get their own default.
func (r goffRules) during(experiment object) any {
	condition := any(true)
	for _, end := range []struct{ name, op string }{{"start", ">="}, {"end", "<="}} {
		text := experiment.text(end.name)
		at, err := time.Parse(time.RFC3339Nano, text)
		switch {
		case err == nil:
			condition = every(condition, op(end.op, now, at.Unix()))
		case text != "":
			r.note(r.key, "bad_time", "write it as 2026-01-31T00:00:00Z", "the %s of its experiment is no time, and so it has none", end.name)
		}
	}
	return condition
}

// query reads the condition of a rule, in the language of nikunjy/rules or as JsonLogic.
func (r goffRules) query(text string) (condition any, why string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return true, ""
	}
	if strings.HasPrefix(text, "{") {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&condition); err != nil {
			return nil, "its JsonLogic cannot be read"
		}
		return condition, ""
	}
	condition, folded, why := parseQuery(text)
	if folded && why == "" {
		r.note(r.key, "case_matters", "send the texts as the rule writes them",
			"GO Feature Flag compares texts without regard to upper and lower case: here a text is the same only if it is written the same")
	}
	return condition, why
}
