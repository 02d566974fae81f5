package foreign

import "reflect"

// A rule that cannot be said as a whole may be the one that keeps something from people. Leaving it out is right only where nobody gets more by it:
// where all that may follow is off, or what the rule gives itself. Otherwise whoever comes to it, and is not certainly taken by it, gets off.

// least is the first branch whose condition holds, else the last choice, where branches with a reason hold for fewer than in the source. off is
// the least that the flag gives: the name of a variant, or nil, so that programs get their own default. whole reports whether all branches are said.
func (b *builder) least(key string, branches []branch, otherwise, off any) (choice any, whole bool) {
	for i, r := range branches {
		if r.when == true {
			branches, otherwise = branches[:i], r.then
			break
		}
	}
	whole = true
	follows := outcomes{off: off}
	follows.add(otherwise)
	for i := len(branches) - 1; i >= 0; i-- {
		r := branches[i]
		switch {
		case r.why == "":
		case follows.within(r.then):
			whole = false
			if r.when == false {
				b.note(key, "rule_left_out", wordings, "%s is left out: %s: whom it is for gets what follows it, which is no more", r.rule, r.why)
			} else {
				b.note(key, "rule_narrower", wordings, "%s holds for fewer people here: %s: the others get what follows it, which is no more", r.rule, r.why)
			}
		default:
			whole = false
			branches, otherwise, follows = branches[:i+1], off, outcomes{off: off}
			b.note(key, "rules_cut", wordings, "%s cannot be said: %s. It may keep something from people, so that all who come to it, and to what follows it, get %s",
				r.rule, r.why, outcomeWords(off))
		}
		if r.when != false {
			follows.add(r.then)
		}
	}
	return choose(branches, otherwise), whole
}

const wordings = "say it by other attributes, or send an attribute that holds the answer"

func outcomeWords(off any) string {
	if name, ok := off.(string); ok {
		return name
	}
	return "no value, so that programs take their own default"
}

// offOf is the variant that is false, nil without one.
func offOf(values map[string]any) any {
	for _, name := range sortedKeys(values) {
		if values[name] == false {
			return name
		}
	}
	return nil
}

// outcomes are what some choices may come to, apart from off and from nothing.
type outcomes struct {
	off   any
	only  any  // the choice that is all of them; nil: there is none
	mixed bool // there are several
	names []string
}

// maxOutcomes is how many names are told apart: more than one are not the only one, whichever they are.
const maxOutcomes = 2

func (o *outcomes) add(choice any) {
	had := len(o.names)
	fresh := &outcomes{off: o.off}
	fresh.collect(choice)
	if len(fresh.names) == 0 {
		return
	}
	if had > 0 && !o.mixed && !reflect.DeepEqual(o.only, choice) {
		o.mixed = true
	}
	if o.only == nil {
		o.only = choice
	}
	for _, name := range fresh.names {
		o.name(name)
	}
}

func (o *outcomes) name(name string) {
	if len(o.names) < maxOutcomes && (len(o.names) == 0 || o.names[0] != name) {
		o.names = append(o.names, name)
	}
}

// collect adds the names that a choice may come to: itself, the shares of a fractional, the results of an if.
func (o *outcomes) collect(choice any) {
	if len(o.names) >= maxOutcomes {
		return
	}
	switch c := choice.(type) {
	case string:
		if choice != o.off {
			o.name(c)
		}
	case map[string]any:
		if args, ok := c["fractional"].([]any); ok {
			for _, arg := range args {
				if of, ok := arg.([]any); ok {
					o.collect(of[0])
				}
			}
		}
		if args, ok := c["if"].([]any); ok {
			for i, arg := range args {
				if i%2 == 1 || i == len(args)-1 {
					o.collect(arg)
				}
			}
		}
	}
}

// within reports whether whoever may get one of these instead of a choice gets no more.
func (o *outcomes) within(choice any) bool {
	if len(o.names) == 0 {
		return true
	}
	if name, ok := choice.(string); ok {
		return len(o.names) == 1 && o.names[0] == name
	}
	return !o.mixed && reflect.DeepEqual(o.only, choice)
}
