package access

import (
	"context"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// SetupItem is something that a new installation wants before a company can live in it.
type SetupItem struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Words string `json:"words" doc:"Why, in plain words"`
	Done  bool   `json:"done"`
	Href  string `json:"href" doc:"Page of the console where it is done"`
}

// SetupFacts is what the checklist is decided from.
type SetupFacts struct {
	Teams     int // groups that can own apps: that people are added to, and that carry no power over others' changes
	Admins    int // active humans
	People    int // active humans
	Approvers map[Domain]int
	Pilots    int // active members of the group pilot
	Listed    int // apps that the marketplace shows
}

// Checklist decides what is still to be done, in the order in which it is best done.
func (f SetupFacts) Checklist() []SetupItem {
	approver := func(domain Domain, title, words string) SetupItem {
		return SetupItem{"approver-" + string(domain), title, words, f.Approvers[domain] > 0, "/admin/groups"}
	}
	return []SetupItem{
		{"people", "Invite two more people", "Nobody approves their own request, so one person alone publishes nothing.", f.People >= 3, "/admin/people"},
		{"team", "Make a group for a team", "Apps belong to teams, and everybody in the team may publish and turn off its apps.", f.Teams > 0, "/admin/groups"},
		approver("product", "Name somebody who approves for product", "Every request needs this approval before its app is shown to anybody."),
		approver("platform", "Name somebody who approves for platform", "Requests of medium and high risk need this approval, too."),
		approver("security", "Name somebody who approves for security", "Requests of high risk, and those with warnings of the security check, need this approval, too."),
		{"second-admin", "Make somebody else an administrator, too", "From then on nobody loosens the rules alone, and one of you may be away.", f.Admins >= 2, "/admin/groups"},
		{"pilot", "Find somebody to look at new apps first", "New apps are shown to the pilot group before everybody; people can join it by themselves.", f.Pilots > 0, "/admin/groups"},
		{"app", "Publish the first app", "A dashboard, a form, a small tool: anything that has an address.", f.Listed > 0, "/publish"},
	}
}

// Setup gives the checklist.
func (d *Directory) Setup(ctx context.Context, by Actor) (items []SetupItem, err error) {
	if err := Can(by, GovernWrite, Scope{}); err != nil {
		return nil, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		f, err := setupFacts(ctx, tx)
		if err == nil && d.Listed != nil {
			f.Listed, err = d.Listed(ctx, tx)
		}
		items = f.Checklist()
		return err
	})
	return items, err
}

func setupFacts(ctx context.Context, tx *store.Tx) (f SetupFacts, err error) {
	if f.Admins, err = countAdmins(ctx, tx); err != nil {
		return f, err
	}
	if f.People, err = CountPeople(ctx, tx); err != nil {
		return f, err
	}
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM grp WHERE NOT joinable AND roles NOT LIKE '%"admin"%' AND roles NOT LIKE '%"approver"%'
		AND roles NOT LIKE '%"auditor"%' AND roles NOT LIKE '%"operator"%'`).Scan(&f.Teams); err != nil {
		return f, fault.Wrap("count teams", err)
	}
	approvers, err := ApproverGroups(ctx, tx)
	if err != nil {
		return f, err
	}
	f.Approvers = map[Domain]int{}
	for _, g := range approvers {
		for _, domain := range g.Domains {
			f.Approvers[domain] += len(g.Members)
		}
	}
	pilots, err := MembersOf(ctx, tx, []string{"pilot"})
	f.Pilots = len(pilots)
	return f, err
}
