package review

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
)

// drawn is an electorate of a few people, some of whom are agents, and what they decided.
func drawn(t *rapid.T) (Electorate, []Decision) {
	e := Electorate{
		Quorum: map[access.Domain]int{}, Eligible: map[access.Domain][]access.Identity{}, Human: rapid.Bool().Draw(t, "human"),
		Agents: rapid.SliceOfNDistinct(rapid.SampledFrom(settlers), 1, 3, rapid.ID).Draw(t, "agents"),
		Wrote:  rapid.SliceOfN(rapid.SampledFrom(settlers), 0, 1).Draw(t, "wrote"),
	}
	for _, domain := range settled {
		if n := rapid.IntRange(0, 2).Draw(t, "quorum"); n > 0 {
			e.Quorum[domain] = n
			for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(settlers), 2, 4, rapid.ID).Draw(t, "eligible") {
				e.Eligible[domain] = append(e.Eligible[domain], people(string(id))...)
			}
		}
	}
	return e, rapid.SliceOfN(rapid.Custom(drawnDecision), 0, 10).Draw(t, "decisions")
}

var (
	settlers = []access.PersonID{"a", "b", "c", "d"}
	settled  = []access.Domain{"product", "security", "platform"}
)

func drawnDecision(t *rapid.T) Decision {
	return Decision{
		ByID: rapid.SampledFrom(settlers).Draw(t, "by"), Domain: rapid.SampledFrom(settled).Draw(t, "domain"),
		Verdict: rapid.SampledFrom([]Verdict{VerdictApproved, VerdictApproved, VerdictApproved, VerdictDenied, VerdictAsked}).Draw(t, "verdict"),
		Void:    rapid.SampledFrom([]Void{"", "", "", VoidEdited, VoidTakenBack}).Draw(t, "void"),
		makers:  rapid.SliceOfN(rapid.SampledFrom(settlers), 0, 1).Draw(t, "makers"),
	}
}

func TestMoreApprovalsNeverApproveLess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, decisions := drawn(t)
		state, needs := Settle(nil, e, decisions)
		more := drawnDecision(t)
		more.Verdict = VerdictApproved
		after, grown := Settle(nil, e, append(slices.Clone(decisions), more))
		if state == Approved && after != Approved {
			t.Fatalf("%+v made it %s", more, after)
		}
		for i := range needs {
			if grown[i].Given < needs[i].Given {
				t.Fatalf("%+v took away an approval for %s", more, needs[i].Domain)
			}
		}
	})
}

func TestNothingIsApprovedWhileAChangeIsAskedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, decisions := drawn(t)
		state, _ := Settle(nil, e, decisions)
		if asked := slices.ContainsFunc(decisions, Decision.open); asked != (state == NeedsFixes) {
			t.Fatalf("a change is asked for: %t; it is %s", asked, state)
		}
	})
}

func TestAgentsNeverCountAsHumans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, decisions := drawn(t)
		e.Human = true
		state, needs := Settle(nil, e, decisions)
		humans := slices.DeleteFunc(slices.Clone(decisions), func(d Decision) bool {
			return d.Verdict == VerdictApproved && d.users().Meet(e.Agents)
		})
		without, same := Settle(nil, e, humans)
		if state != without {
			t.Fatalf("approvals by agents made %s of %s", state, without)
		}
		for i := range needs {
			if needs[i].Given != same[i].Given {
				t.Fatalf("agents count for %s", needs[i].Domain)
			}
		}
		authors := []Author{author("a"), {Identity: people("b")[0], Agent: rapid.Bool().Draw(t, "agent")}}
		if elected := Elect(e.Quorum, Low, nil, ApprovalPlace{}, authors, e.Agents); elected.Human != authors[1].Agent {
			t.Fatalf("an agent among %+v makes humans needed: %t", authors, elected.Human)
		}
	})
}

func TestNobodyWhoMayBeOneHumanCountsTwiceOrOnWhatTheyWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, decisions := drawn(t)
		behind := access.PersonIDs(e.Wrote)
		for i, counts := range e.counts(decisions) {
			if !counts {
				continue
			}
			if decisions[i].users().Meet(behind) {
				t.Fatalf("%+v counts, with %v behind what was written or approved before", decisions[i], behind)
			}
			behind = behind.With(decisions[i].users())
		}
	})
}

func TestLackingIsWhatNoSeatingOfTheEligibleCanFill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, decisions := drawn(t)
		_, needs := Settle(nil, e, decisions)
		lacking, worst := 0, 0
		for _, n := range needs {
			lacking += n.Lacking
		}
		for some := range 1 << len(needs) { // Hall's theorem: some domains together need more than there are people for them
			missing, people := 0, map[string]bool{}
			for i, n := range needs {
				if some&(1<<i) == 0 {
					continue
				}
				missing += max(n.Quorum-n.Given, 0)
				for _, email := range n.Eligible {
					people[email] = true
				}
			}
			worst = max(worst, missing-len(people))
		}
		if lacking != worst {
			t.Fatalf("%d are lacking of %+v, it should be %d", lacking, needs, worst)
		}
	})
}
