package review_test

import (
	"slices"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
)

// person changes one, past the second administrator.
func (o *office) person(name string, spec access.PersonSpec) {
	o.Helper()
	if _, _, err := o.directory().PutPerson(o.Context(), access.System("test"), name+at, spec, 0); err != nil {
		o.Fatal(err)
	}
}

var product = access.GroupSpec{Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}}

// lapses is every way in which somebody's approval stops to count, and how they get the right back.
var lapses = []struct {
	name       string
	agent      bool // who asks is one
	lose, back func(o *office)
}{
	{"taken out of the group", false, func(o *office) { o.approvers("alice") }, nil},
	{"disabled", false, func(o *office) { o.disable("pat") }, func(o *office) {
		active := true
		o.person("pat", access.PersonSpec{Active: &active})
	}},
	{"the group is deleted", false, func(o *office) {
		if err := o.directory().DeleteGroup(o.Context(), access.System("test"), "product", 0); err != nil {
			o.Fatal(err)
		}
	}, nil},
	{"the group decides no more", false, func(o *office) { o.regroup("product", access.GroupSpec{}, "pat") }, nil},
	{"the group decides for something else", false, func(o *office) {
		o.regroup("product", access.GroupSpec{Roles: product.Roles, Domains: []access.Domain{"platform"}}, "pat")
	}, nil},
	{"the group decides about other apps", false, func(o *office) {
		o.regroup("product", access.GroupSpec{Roles: product.Roles, Domains: product.Domains, Scope: access.ApprovalScope{Apps: []string{"dinner"}}}, "pat")
	}, nil},
	{"the group decides low risk alone, which this is no more", false, func(o *office) {
		o.regroup("product", access.GroupSpec{Roles: product.Roles, Domains: product.Domains, Delegated: true}, "pat")
		o.strict("package marketplace.risk\nlevel := \"high\"")
	}, nil},
	{"declared an agent, where an agent asked", true, func(o *office) {
		o.person("pat", access.PersonSpec{Agent: true})
	}, func(o *office) { o.person("pat", access.PersonSpec{}) }},
}

func TestAnApprovalThatDoesNotCountAnyMoreNeverCountsAgain(t *testing.T) {
	t.Parallel()
	if len(lapses) != 8 {
		t.Errorf("%d ways", len(lapses))
	}
	for _, lapse := range lapses {
		t.Run(lapse.name, func(t *testing.T) {
			each(t, func(o *office) {
				audit.Listen(o.db, review.Mark)
				o.person("alice", access.PersonSpec{Agent: lapse.agent})
				r := o.approve("pat", o.submit(where2eat()))
				lapse.lose(o)
				if r = o.approve("sam", r); r.State != review.NeedsApproval || r.Decisions[0].Void != review.VoidIneligible {
					o.Fatalf("without pat it is %s by %+v", r.State, r.Decisions)
				}
				if lapse.back != nil {
					lapse.back(o)
				} else {
					o.regroup("product", product, "alice", "pat")
				}
				if r = o.settled(r.ID); r.State != review.NeedsApproval {
					o.Fatalf("once pat may decide again it is %s by %+v", r.State, r.Decisions)
				}
				if r = o.approve("pat", r); !slices.ContainsFunc(r.ApprovalsNeeded, func(n review.Need) bool { return n.Domain == "product" && n.Given == 1 }) {
					o.Errorf("approved once more it needs %+v", r.ApprovalsNeeded)
				}
				var told []string
				for _, e := range r.Timeline {
					if e.Event == audit.FlagApprovalLapsed {
						told = append(told, e.By+" "+e.Words)
					}
				}
				if !slices.Equal(told, []string{"souk:review Approval void: pat" + at + " could no longer decide for product"}) {
					o.Errorf("told is %v", told)
				}
			})
		})
	}
}

// The leader finds that an approval does not count any more, before anybody decides.
func TestAnApprovalLapsesThoughNobodyDecidesMeanwhile(t *testing.T) {
	each(t, func(o *office) {
		audit.Listen(o.db, review.Mark)
		first := o.approve("pat", o.submit(where2eat()))
		o.approvers("alice")
		r := o.settled(first.ID)
		if r.Decisions[0].Void != review.VoidIneligible || r.Revision == first.Revision {
			o.Errorf("looked at, it is revision %d by %+v", r.Revision, r.Decisions)
		}
		o.approvers("alice", "pat")
		if r = o.approve("sam", o.settled(r.ID)); r.State != review.NeedsApproval {
			o.Errorf("approved by sam alone it is %s", r.State)
		}
	})
}

func TestAnAgentsApprovalIsRefusedWhereOnlyHumansCount(t *testing.T) {
	each(t, func(o *office) {
		o.person("alice", access.PersonSpec{Agent: true})
		o.person("pat", access.PersonSpec{Agent: true})
		r := o.submit(where2eat())
		_, err := o.desk.Approve(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Forbidden, "human_needed")
		seen, err := o.desk.Get(o.Context(), o.as("pat"), r.ID)
		if err != nil || slices.Contains(seen.Can, "approve") || !slices.Contains(seen.Can, "deny") {
			o.Errorf("an agent may %v, %v", seen.Can, err)
		}
	})
}
