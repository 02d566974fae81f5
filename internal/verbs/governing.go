package verbs

import (
	"slices"

	"github.com/soukhq/souk/internal/access"
)

// governing is the table of all verbs that need a right to govern: what of each loosens the rules, decided by a pure function from
// what is before and after, or why nothing does. Wherever a verb is called from, what it loosens takes two. Serve adds what needs the
// audit log itself.
func (v *Verbs) governing() []access.Governing {
	return slices.Concat(
		v.Directory.Governing(), v.Accounts.Governing(), v.Keys.Governing(), v.Registry.Governing(), v.Library.Governing(), v.Policies.Governing(),
		v.Lifecycle.Governing(),
		[]access.Governing{
			access.Harmless("Target.Apply", access.GovernWrite, "each step of it goes through its own verb, which asks"),
			access.Harmless("Library.Seed", access.GovernWrite, "it stores the starters of this program, which nobody asks for"),
			access.Harmless("Log.Erase", access.GovernWrite, "the hash of what is erased stays in the log, with who erased it and why"),
			access.Harmless("Kills.End", access.GovernWrite, "it lets go of a kill that the database refused; what is served then was approved"),
			access.Harmless("Kills.FollowOlder", access.GovernWrite, "what was killed stays killed; what is served then was approved"),
		},
	)
}
