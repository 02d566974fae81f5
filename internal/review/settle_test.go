package review

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
)

func approval(by string, domain access.Domain) Decision {
	return Decision{By: by + "@x", ByID: access.PersonID(by), Domain: domain, Verdict: VerdictApproved}
}

// people are identities: the names are the ids.
func people(names ...string) []access.Identity {
	all := make([]access.Identity, len(names))
	for i, name := range names {
		all[i] = access.Identity{ID: access.PersonID(name), Email: name + "@x"}
	}
	return all
}

func author(name string) Author { return Author{Identity: people(name)[0]} }

// groupOf makes the people the members of a group.
func groupOf(g access.Group, names ...string) access.Group {
	for _, i := range people(names...) {
		g.Members, g.MemberIDs = append(g.Members, i.Email), append(g.MemberIDs, i.ID)
	}
	return g
}

func idsOf(people []access.Identity) []string {
	var ids []string
	for _, i := range people {
		ids = append(ids, string(i.ID))
	}
	return ids
}

func TestSettleTable(t *testing.T) {
	t.Parallel()
	passed, failed := CheckResult{Name: "schema", Status: Passed}, CheckResult{Name: "policy", Status: Failed}
	warned, pending := CheckResult{Name: "security_scan", Status: Warned}, CheckResult{Name: "preview", Status: Pending}
	both := Electorate{
		Quorum:   map[access.Domain]int{"product": 1, "security": 1},
		Eligible: map[access.Domain][]access.Identity{"product": people("pat", "sam"), "security": people("sam")},
	}
	void := approval("pat", "product")
	void.Void = VoidEdited
	denied := approval("pat", "product")
	denied.Verdict = VerdictDenied
	byAgent := both
	byAgent.Human, byAgent.Agents = true, []access.PersonID{"pat"}
	two := both
	two.Quorum = map[access.Domain]int{"product": 2}
	for name, c := range map[string]struct {
		checks    []CheckResult
		who       Electorate
		decisions []Decision
		want      State
	}{
		"nobody decided":                    {[]CheckResult{passed}, both, nil, NeedsApproval},
		"one domain is open":                {[]CheckResult{passed}, both, []Decision{approval("pat", "product")}, NeedsApproval},
		"all domains decided":               {[]CheckResult{passed, warned}, both, []Decision{approval("pat", "product"), approval("sam", "security")}, Approved},
		"nobody counts in two domains":      {[]CheckResult{passed}, both, []Decision{approval("sam", "product"), approval("sam", "security")}, NeedsApproval},
		"a failed check blocks":             {[]CheckResult{passed, failed}, both, []Decision{approval("pat", "product"), approval("sam", "security")}, NeedsFixes},
		"a pending check blocks":            {[]CheckResult{passed, pending}, both, []Decision{approval("pat", "product"), approval("sam", "security")}, Checking},
		"a void approval does not count":    {[]CheckResult{passed}, both, []Decision{void, approval("sam", "security")}, NeedsApproval},
		"a denial is no approval":           {[]CheckResult{passed}, both, []Decision{denied, approval("sam", "security")}, NeedsApproval},
		"a stranger does not count":         {[]CheckResult{passed}, both, []Decision{approval("eve", "product"), approval("sam", "security")}, NeedsApproval},
		"an agent does not count for human": {[]CheckResult{passed}, byAgent, []Decision{approval("pat", "product"), approval("sam", "security")}, NeedsApproval},
		"a quorum of two wants two":         {[]CheckResult{passed}, two, []Decision{approval("pat", "product"), approval("pat", "product")}, NeedsApproval},
		"two give a quorum of two":          {[]CheckResult{passed}, two, []Decision{approval("pat", "product"), approval("sam", "product")}, Approved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := Settle(c.checks, c.who, c.decisions); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestElectTable(t *testing.T) {
	t.Parallel()
	groups := []access.Group{
		groupOf(access.Group{Name: "product", Domains: []access.Domain{"product"}}, "pat", "alice"),
		groupOf(access.Group{Name: "leads", Domains: []access.Domain{"product"}, Delegated: true}, "lea"),
		groupOf(access.Group{Name: "payments", Domains: []access.Domain{"product"}, Scope: access.ApprovalScope{Apps: []string{"payroll"}}}, "pay"),
		groupOf(access.Group{Name: "test", Domains: []access.Domain{"product"}, Scope: access.ApprovalScope{Environments: []string{"staging"}}}, "tess"),
		groupOf(access.Group{Name: "security", Domains: []access.Domain{"security"}}, "sam"),
	}
	quorum := map[access.Domain]int{"product": 1}
	lunch := ApprovalPlace{App: "where2eat", Category: "dashboard", Environment: "production"}
	alice := []Author{author("alice")}
	for name, c := range map[string]struct {
		risk  Risk
		where ApprovalPlace
		want  []string
	}{
		"low risk takes delegates":        {Low, lunch, []string{"lea", "pat"}},
		"medium risk takes no delegates":  {Medium, lunch, []string{"pat"}},
		"a scope takes its app":           {High, ApprovalPlace{App: "payroll", Environment: "production"}, []string{"pat", "pay"}},
		"a scope takes its environment":   {High, ApprovalPlace{App: "where2eat", Environment: "staging"}, []string{"pat", "tess"}},
		"the requester is never eligible": {Low, lunch, []string{"lea", "pat"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := idsOf(Elect(quorum, c.risk, groups, c.where, alice, nil).Eligible["product"])
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("eligible differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoSetOfDecisionsLetsAuthorsOrFewerPeopleThanQuorumsApprove(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e"}
	domains := []access.Domain{"product", "security", "platform"}
	rapid.Check(t, func(t *rapid.T) {
		quorum, total := map[access.Domain]int{}, 0
		for _, domain := range domains {
			if n := rapid.IntRange(0, 2).Draw(t, string(domain)); n > 0 {
				quorum[domain] = n
				total += n
			}
		}
		var groups []access.Group
		for _, domain := range domains {
			group := access.Group{Domains: []access.Domain{domain}, Delegated: rapid.Bool().Draw(t, "delegated")}
			groups = append(groups, groupOf(group, rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "members")...))
		}
		wrote := rapid.SampledFrom(names).Draw(t, "author")
		e := Elect(quorum, rapid.SampledFrom([]Risk{Low, Medium, High}).Draw(t, "risk"), groups, ApprovalPlace{}, []Author{author(wrote)}, nil)
		decisions := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Decision {
			return Decision{
				ByID: access.PersonID(rapid.SampledFrom(names).Draw(t, "by")), Domain: rapid.SampledFrom(domains).Draw(t, "domain"),
				Verdict: rapid.SampledFrom([]Verdict{VerdictApproved, VerdictDenied}).Draw(t, "verdict"), Void: rapid.SampledFrom([]Void{"", VoidEdited}).Draw(t, "void"),
			}
		}), 0, 12).Draw(t, "decisions")
		state, needs := Settle(nil, e, decisions)
		valid := map[access.PersonID]bool{}
		for _, d := range decisions {
			if d.Verdict == VerdictApproved && d.Void == "" && d.ByID != access.PersonID(wrote) {
				valid[d.ByID] = true
			}
		}
		if state == Approved && len(valid) < total {
			t.Fatalf("approved by %d people though %d were needed", len(valid), total)
		}
		for _, need := range needs {
			if slices.Contains(need.Eligible, wrote+"@x") {
				t.Fatalf("the author may decide for %s", need.Domain)
			}
		}
	})
}
