package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// crowd makes n people, who are then the members of the group pilot.
func (o *office) crowd(n int) {
	o.Helper()
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf("p%03d%s", i, at))
		if _, _, err := o.app.Directory.PutPerson(o.Context(), access.System("test"), members[i], access.PersonSpec{}, 0); err != nil {
			o.Fatal(err)
		}
	}
	putPilot(o, o.app.Directory, access.GroupSpec{Members: members})
}

func putPilot(t testing.TB, d *access.Directory, spec access.GroupSpec) {
	t.Helper()
	if _, _, err := d.PutGroup(t.Context(), access.System("test"), "pilot", spec, 0); err != nil {
		t.Fatal(err)
	}
}

func TestWhoJoinsAndLeavesAnAudienceIsToldOnItsFlagsAndManyMoreOnHome(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		flag := o.approved(where2eat(30)).Flag
		log := func() (joined []string) {
			var events store.Listing[struct {
				Event, Subject string
			}]
			o.do("ada", "GET", "/api/v1/audit/events?flag="+flag.Key, nil).must(200).into(&events)
			for _, e := range events.Items {
				if strings.HasPrefix(e.Event, "group.") {
					joined = append(joined, e.Event+" "+e.Subject)
				}
			}
			return joined
		}
		before := len(log())
		o.do("alice", "POST", "/api/v1/groups/pilot/join", nil).must(200)
		o.do("alice", "POST", "/api/v1/groups/beta/join", nil).must(200)
		putPilot(o, o.app.Directory, access.GroupSpec{Title: "Pilots"})
		o.do("alice", "POST", "/api/v1/groups/pilot/leave", nil).must(200)
		if now := log(); len(now) != before+2 || now[0] != "group.left group:pilot" || now[1] != "group.joined group:pilot" {
			o.Errorf("the log of the flag has %v", now)
		}
		o.crowd(201)
		for who, cards := range map[string]int{"alice": 1, "pat": 1, "sam": 1, "petra": 0, "eve": 0, "root": 0} {
			told := o.told(who, "outgrown")
			if len(told) != cards || cards == 1 && !strings.Contains(told[0], "has 201 people by now, and was approved for 1: look at who joined") {
				o.Errorf("%s is told %q", who, told)
			}
		}
		shown := o.flag("alice").Audiences
		if len(shown) != 1 || shown[0].Segment != "pilot" || shown[0].People != 201 || *shown[0].Approved != 1 || !shown[0].Outgrown {
			o.Errorf("the flag's page shows %+v", shown)
		}
		var asked review.Request
		o.do("alice", "POST", "/api/v1/requests", map[string]any{
			"kind": "change_segment", "segment": "pilot", "base_revision": shown[0].Revision, "change": map[string]any{}, "reason": "it goes well",
		}).must(201).into(&asked)
		for _, need := range asked.ApprovalsNeeded {
			who := map[string]string{"product": "pat", "security": "sam", "platform": "petra"}[string(need.Domain)]
			o.do(who, "POST", "/api/v1/requests/"+asked.ID+"/approve", map[string]any{"digest": asked.Digest, "reason": "fine"}).must(200).into(&asked)
		}
		if told := o.told("alice", "outgrown"); asked.State != "approved" || len(told) != 0 {
			o.Errorf("the request is %s, and alice is told %q", asked.State, told)
		}
	})
}

func TestWatchersOfAFlagAreToldWhoJoinsItsAudience(t *testing.T) {
	each(t, func(s *site) {
		address := s.listen()
		s.published("eat") // for pilot
		s.as("root")
		s.settled(address)
		eve := s.as("eve").watch(address)
		putPilot(s, s.app.Directory, access.GroupSpec{Title: "Pilots"})
		s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/last", object{}).want(s, http.StatusCreated)
		for _, h := range eve.untilChange("group", "last") {
			if h.change.Noun == "flag" {
				s.Errorf("of another title is told %+v", h.change)
			}
		}
		s.as("bob").post("/api/v1/groups/pilot/join", nil).want(s, http.StatusOK)
		eve.untilChange("flag", "eat.enabled")
	})
}
