package review

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// Electorate is who may decide a request: for each needed domain the quorum and the people who are eligible now.
// Requester and editors are already left out of it.
type Electorate struct {
	Quorum   map[access.Domain]int
	Eligible map[access.Domain][]access.Identity // sorted by address
	// Human is set where an agent or service account asked for or edited the request: then only decisions of humans count.
	Human  bool
	Agents []access.PersonID // agents among the eligible
	Wrote  []access.PersonID // who wrote the request, and who may be behind them: whoever may be one of these approves nothing
}

// Elect works out who may decide: the members of approver groups whose domains and scope fit, except the authors, which are
// those who may be behind them, too (record.wrote). A delegated group decides low risk only.
func Elect(quorum map[access.Domain]int, risk Risk, groups []access.Group, where ApprovalPlace, authors []Author, agents []access.PersonID) Electorate {
	e := Electorate{Quorum: quorum, Eligible: map[access.Domain][]access.Identity{}, Agents: agents}
	for _, author := range authors {
		e.Human = e.Human || author.Agent
		if author.ID != "" {
			e.Wrote = append(e.Wrote, author.ID)
		}
	}
	for domain := range quorum {
		var people []access.Identity
		for _, group := range groups {
			if !slices.Contains(group.Domains, domain) || group.Delegated && risk != Low ||
				!group.Scope.Covers(where.App, where.Category, where.Environment) {
				continue
			}
			people = append(people, group.Identities()...)
		}
		slices.SortFunc(people, func(a, b access.Identity) int { return cmp.Compare(a.Email, b.Email) })
		people = slices.CompactFunc(people, access.Identity.Is)
		e.Eligible[domain] = slices.DeleteFunc(people, func(i access.Identity) bool {
			return slices.ContainsFunc(authors, func(a Author) bool { return a.Is(i) })
		})
	}
	return e
}

// ApprovalPlace is what the scope of an approver group is held against.
type ApprovalPlace struct {
	App, Category, Environment string
}

// Author is somebody who asked for or edited a request, and so may not decide it.
type Author struct {
	access.Identity
	Agent bool `json:"agent,omitempty"`
	// MadeByIDs are other people who may be behind what the author asked or edited by: who made that, or the link by which a
	// password for it was chosen, and who may be behind those.
	MadeByIDs access.PersonIDs `json:"made_by_ids,omitempty"`
}

func authorOf(by access.Actor) Author {
	return Author{Identity: by.Identity(), Agent: by.Agent, MadeByIDs: by.Behind().Without(by.PersonID)}
}

// written notes that the actor asked for the request, or edited it.
func (r *record) written(by access.Actor) {
	author := authorOf(by)
	if i := slices.IndexFunc(r.authors, func(a Author) bool { return a.Is(author.Identity) }); i >= 0 {
		r.authors[i].MadeByIDs = r.authors[i].MadeByIDs.With(author.MadeByIDs)
	} else {
		r.authors = append(r.authors, author)
	}
	r.makers = r.makers.With(by.Makers)
}

// lent reports whether the actor may be behind what the request was asked for or edited by. The makers of a credential decide
// nothing on it; the approval of who may have chosen the author's password is marked.
func (r record) lent(by access.Actor) bool {
	return slices.ContainsFunc(r.authors, func(a Author) bool { return slices.Contains(a.MadeByIDs, by.PersonID) })
}

// wrote is who wrote the request, and who may be behind them: who made a credential by which it was asked for or edited.
func (r record) wrote(agents []access.PersonID) []Author {
	all := slices.Clone(r.authors)
	for _, id := range r.makers {
		all = append(all, Author{Identity: access.Identity{ID: id}, Agent: slices.Contains(agents, id)})
	}
	return all
}

// by is who decided.
func (d Decision) by() access.Identity { return access.Identity{ID: d.ByID, Email: d.By} }

// users are the people who may be behind the decision.
func (d Decision) users() access.PersonIDs { return append(access.PersonIDs{d.ByID}, d.makers...) }

// elects reports whether the person may decide for the domain.
func (e Electorate) elects(domain access.Domain, who access.PersonID) bool {
	return who != "" && slices.ContainsFunc(e.Eligible[domain], func(i access.Identity) bool { return i.ID == who })
}

// Settle says where a request stands, given its checks and the decisions made so far. A decision counts if it is an
// approval that is not void, by somebody who is eligible for its domain now; nobody counts twice. While somebody's wish for a
// change stands, the request needs fixes.
func Settle(checks []CheckResult, e Electorate, decisions []Decision) (State, []Need) {
	counted := map[access.Domain]int{}
	var decided access.PersonIDs
	for i, counts := range e.counts(decisions) {
		if counts {
			counted[decisions[i].Domain]++
			decided = decided.With(decisions[i].users())
		}
	}
	needs := make([]Need, 0, len(e.Quorum))
	enough := true
	for _, domain := range slices.SortedFunc(maps.Keys(e.Quorum), byDomain) {
		need := Need{Domain: domain, Quorum: e.Quorum[domain], Given: counted[domain], Eligible: []string{}}
		for _, i := range e.Eligible[domain] {
			if !slices.Contains(decided, i.ID) && !e.inhuman(access.PersonIDs{i.ID}) {
				need.Eligible = append(need.Eligible, i.Email)
			}
		}
		enough = enough && need.Given >= need.Quorum
		needs = append(needs, need)
	}
	lack(needs)
	switch {
	case slices.ContainsFunc(checks, func(c CheckResult) bool { return c.Status == Failed }), slices.ContainsFunc(decisions, Decision.open):
		return NeedsFixes, needs
	case slices.ContainsFunc(checks, func(c CheckResult) bool { return c.Status == Pending }):
		return Checking, needs
	case enough:
		return Approved, needs
	}
	return NeedsApproval, needs
}

// counts reports of each decision whether it is an approval that counts.
func (e Electorate) counts(decisions []Decision) []bool {
	all := make([]bool, len(decisions))
	var decided access.PersonIDs
	for i, d := range decisions {
		users := d.users()
		if all[i] = d.approves() && e.elects(d.Domain, d.ByID) && !users.Meet(decided) && !users.Meet(e.Wrote) && !e.inhuman(users); all[i] {
			decided = decided.With(users)
		}
	}
	return all
}

// inhuman reports whether one of the people is an agent where only humans' approvals count.
func (e Electorate) inhuman(users access.PersonIDs) bool { return e.Human && users.Meet(e.Agents) }

// lack fills in how many approvals of each need there is nobody left to give: it seats each of the eligible in one domain at most,
// so that as few as can be are lacking (Kuhn's algorithm).
func lack(needs []Need) {
	seats := map[string]int{} // index in needs, by e-mail address
	var seat func(need int, asked map[string]bool) bool
	seat = func(need int, asked map[string]bool) bool {
		for _, email := range needs[need].Eligible {
			if asked[email] {
				continue
			}
			asked[email] = true
			if elsewhere, sits := seats[email]; !sits || seat(elsewhere, asked) {
				seats[email] = need
				return true
			}
		}
		return false
	}
	for i := range needs {
		for range needs[i].Quorum - needs[i].Given {
			if !seat(i, map[string]bool{}) {
				needs[i].Lacking++
			}
		}
	}
}

// stuck reports whether there is nobody left to give some of the approvals.
func stuck(needs []Need) bool {
	return slices.ContainsFunc(needs, func(n Need) bool { return n.Lacking > 0 })
}

// settle is a step: it works out where the request stands. An approval that does not count any more is void for good: whoever gets
// the right to decide back approves once more, so that nothing is carried out because somebody got a right. lapsed reports whether
// there was one.
func (d *Desk) settle(ctx context.Context, tx *store.Tx, r *record, w World) (lapsed bool, err error) {
	e := r.electorate(w)
	counts := e.counts(r.decisions)
	for i, given := range r.decisions {
		if !given.approves() || counts[i] {
			continue
		}
		lapsed = true
		if err := r.void(ctx, tx, VoidIneligible, func(x Decision) bool { return x.ID == given.ID }); err != nil {
			return false, err
		}
		told := access.System("review").Event(audit.FlagApprovalLapsed, d.Now())
		told.Details = map[string]any{"digest": given.Digest, "domain": given.Domain, "by": given.By, "by_id": given.ByID}
		if err := appendEvent(ctx, tx, r, told); err != nil {
			return false, err
		}
	}
	var needs []Need
	r.state, needs = Settle(r.assessment.Checks, e, r.decisions)
	r.stuck = stuck(needs)
	return lapsed, nil
}

// approves reports whether the decision is an approval that is not void.
func (d Decision) approves() bool { return d.Verdict == VerdictApproved && d.Void == "" }

// open reports whether the decision asks for a change that is neither made nor answered.
func (d Decision) open() bool { return d.Verdict == VerdictAsked && d.Void == "" }

// byDomain puts the domains in the order in which people think of them: product, security, platform, then by name.
func byDomain(a, b access.Domain) int {
	order := []access.Domain{"product", "security", "platform"}
	rank := func(d access.Domain) int {
		if i := slices.Index(order, d); i >= 0 {
			return i
		}
		return len(order)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
