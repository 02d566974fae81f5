package policy

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
)

// The verbs of this package that can loosen what governs.
var (
	putPolicy    = access.Verb[[]Policy]{Method: "Engine.Put", Action: "policy.put", Right: access.GovernWrite, Looser: looser}
	setActive    = access.Verb[[]Policy]{Method: "Engine.SetActive", Action: "policy.set_active", Right: access.GovernWrite, Looser: looser}
	deletePolicy = access.Verb[[]Policy]{Method: "Engine.Delete", Action: "policy.delete", Right: access.GovernWrite, Looser: looser}
)

// Governing is the rows of this package in the table of verbs that govern.
func (e *Engine) Governing() []access.Governing {
	return []access.Governing{
		access.Row(putPolicy, func(ctx context.Context, by access.Actor, p proposed, base int64) error {
			_, _, err := e.Put(ctx, by, Draft{Source: p.Source, File: p.File, Revision: &base})
			return err
		}),
		access.Row(setActive, func(ctx context.Context, by access.Actor, p proposed, base int64) error {
			_, err := e.SetActive(ctx, by, p.Name, p.Active, &base)
			return err
		}),
		access.Row(deletePolicy, func(ctx context.Context, by access.Actor, p proposed, base int64) error {
			return e.Delete(ctx, by, p.Name, base)
		}),
	}
}

// looser says what gets looser where the policies are others than before; both are all that there are. What another text of a policy
// lets pass cannot be decided, so that each one counts, also of one that is off: whoever switches it on later means the text that it
// had. A policy that comes into force only adds to what is refused, unless it has exceptions, decides how risky a request is or who must
// approve it, without which all must, or others rest on what it says.
func looser(before, after []Policy) (words []string) {
	say := func(name, format string, args ...any) {
		words = append(words, "the policy "+name+" "+fmt.Sprintf(format, args...))
	}
	named := func(all []Policy, name string) (Policy, bool) {
		i := slices.IndexFunc(all, func(p Policy) bool { return p.Name == name })
		if i < 0 {
			return Policy{}, false
		}
		return all[i], true
	}
	for _, was := range before {
		is, there := named(after, was.Name)
		switch {
		case was.Active && !is.Active:
			say(was.Name, "judges no more")
		case !there:
			say(was.Name, "is deleted")
		case is.Source != was.Source && is.Origin == Standard:
			say(was.Name, "goes back to the text that comes with Souk")
		case is.Source != was.Source:
			say(was.Name, "gets another text")
		}
	}
	for _, is := range after {
		if was, _ := named(before, is.Name); was.Active || !is.Active {
			continue
		}
		if is.Name == riskPackage || is.Name == approvalsPackage {
			say(is.Name, "decides again who must approve")
			continue
		}
		if is.term != nil {
			say(is.Name, "has exceptions")
		}
		for _, other := range before {
			if other.Active && other.Name != is.Name && other.restsOn(is.Name) {
				say(is.Name, "changes what %s says, which rests on it", other.Name)
			}
		}
	}
	return words
}
