package registry

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Share is a part of the people: a percentage of an audience, or of everybody where it has none.
type Share struct {
	Audience string
	Percent  int
}

// Between gives what a flag serves while it is on the way from one serving to another: to the shares that have moved what the
// latter gives, to all others what the former gives. A person's place in a share is the same in every share and every serving
// of the flag, so that more shares, and growing ones, only ever move people on. The two must be Mixable.
func Between(f Flag, from, to Serving, moved []Share) Serving {
	moved = largest(moved)
	if s, ok := between(f, from, to, moved); ok {
		return s
	}
	mixed := Serving{Mode: ServeCustom, DefaultVariant: f.Outside, Variants: to.Variants}
	if len(from.Variants) > 0 {
		mixed.Variants = maps.Clone(from.Variants)
		maps.Copy(mixed.Variants, to.Variants)
	}
	before, after := f.rule(from), f.rule(to)
	// Only a rule may give null, which the one default has to stand for.
	switch {
	case from.ruled() && to.ruled() && f.fallback(from) != f.fallback(to):
		after = map[string]any{"if": []any{map[string]any{"===": []any{after, nil}}, f.fallback(to), after}}
		mixed.DefaultVariant = f.fallback(from)
	case from.ruled():
		mixed.DefaultVariant = f.fallback(from)
	case to.ruled():
		mixed.DefaultVariant = f.fallback(to)
	}
	var has []any
	var words []string
	for _, share := range moved {
		has = append(has, share.rule())
		words = append(words, share.words())
	}
	cond := has[0]
	if len(has) > 1 {
		cond = map[string]any{"or": has}
	}
	mixed.Targeting = encode(map[string]any{"if": []any{cond, after, before}})
	mixed.Title = fmt.Sprintf("%s for %s, %s for all others", to.Words(), strings.Join(words, " and "), from.Words())
	return mixed.Tidy()
}

// Mixable tells whether two servings of a flag can stand side by side: no variant has a value of its own in each.
func Mixable(f Flag, from, to Serving) bool {
	before, after := f.served(from), f.served(to)
	for name, value := range before {
		if other, ok := after[name]; ok && !bytes.Equal(encode(value), encode(other)) {
			return false
		}
	}
	return true
}

// ruled tells whether there is a rule, which may give null.
func (s Serving) ruled() bool { return s.Mode == ServeCustom && len(s.Targeting) > 0 }

// between says the same in the words of an audience, where they are enough: growing within one audience, or out of nothing.
func between(f Flag, from, to Serving, moved []Share) (Serving, bool) {
	if to.Mode != ServeAudience || len(moved) != 1 || moved[0].Audience != "" || string(encode(f.served(from))) != string(encode(f.served(to))) {
		return Serving{}, false
	}
	present := 0
	switch {
	case from.Mode == ServeOff && f.Outside == f.Off:
	case from.Mode == ServeAudience && from.Audience == to.Audience && from.Percent <= to.Percent:
		present = from.Percent
	default:
		return Serving{}, false
	}
	s := to
	s.Percent = max(present, min(moved[0].Percent, to.Percent))
	return s, true
}

// largest keeps of each audience its largest share, in the order of the first.
func largest(shares []Share) []Share {
	var kept []Share
	for _, share := range shares {
		i := slices.IndexFunc(kept, func(k Share) bool { return k.Audience == share.Audience })
		if i < 0 {
			kept = append(kept, share)
		} else {
			kept[i].Percent = max(kept[i].Percent, share.Percent)
		}
	}
	return kept
}

// rule is the condition of being in a share. It splits by the same hash as every share of the flag.
func (s Share) rule() any {
	var part any = map[string]any{"==": []any{
		map[string]any{"fractional": []any{[]any{"moved", s.Percent}, []any{"stays", 100 - s.Percent}}}, "moved",
	}}
	audience := map[string]any{"$ref": s.Audience}
	switch {
	case s.Audience == "":
		return part
	case s.Percent == 100:
		return audience
	}
	return map[string]any{"and": []any{audience, part}}
}

func (s Share) words() string {
	who := s.Audience
	if who == "" {
		who = "everybody"
	}
	if s.Percent == 100 {
		return who
	}
	return fmt.Sprintf("%d %% of %s", s.Percent, who)
}

// rule is what a serving gives, as an expression that names a variant. Only that of a rule may be null, for its default.
func (f Flag) rule(s Serving) any {
	switch s.Mode {
	case ServeOff:
		return f.Off
	case ServeOn:
		return f.On
	case ServeAudience:
		return map[string]any{"if": []any{map[string]any{"$ref": s.Audience}, f.split(s.Percent), f.Outside}}
	case ServeCustom:
		if s.ruled() {
			return s.Targeting
		}
		return f.fallback(s)
	}
	return f.Off
}

// split gives the on variant to a share, the first bucket, so that growing it only ever adds people.
func (f Flag) split(percent int) any {
	if percent == 100 {
		return f.On
	}
	return map[string]any{"fractional": []any{[]any{f.On, percent}, []any{f.Outside, 100 - percent}}}
}
