package review_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// pilots makes the group pilot have n members, of whom those who come join an hour after the others.
func (o *office) pilots(n int) {
	o.Helper()
	o.now = o.now.Add(time.Hour)
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf("p%03d%s", i, at))
	}
	err := o.db.Write(o.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, email := range members {
			if _, err := tx.Exec(ctx, `INSERT INTO person (id, email, display_name, agent, active, search, revision, created_at, updated_at)
				VALUES ($1, $1, $1, FALSE, TRUE, '', 1, 0, 0) ON CONFLICT DO NOTHING`, email); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.Fatal(err)
	}
	directory := &access.Directory{DB: o.db, Now: func() time.Time { return o.now }}
	if _, _, err := directory.PutGroup(o.Context(), access.System("test"), "pilot", access.GroupSpec{Members: members}, 0); err != nil {
		o.Fatal(err)
	}
}

// outgrown returns the cards that somebody has.
func (o *office) outgrown(name string) []review.Outgrown {
	o.Helper()
	all, err := o.desk.Outgrown(o.Context(), o.as(name))
	if err != nil {
		o.Fatal(err)
	}
	return all
}

// size returns how large the audience pilot is of where2eat, as somebody sees it.
func (o *office) size(name string) review.AudienceSize {
	o.Helper()
	var sizes []review.AudienceSize
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		sizes, err = review.AudienceSizes(ctx, tx, o.as(name), o.flag(key))
		return err
	})
	i := slices.IndexFunc(sizes, func(s review.AudienceSize) bool { return s.Segment == "pilot" })
	if err != nil || i < 0 {
		o.Fatalf("the audiences are %+v, %v", sizes, err)
	}
	return sizes[i]
}

// confirming asks for as many people as are in pilot.
func (o *office) confirming() review.Content {
	return review.Content{
		Kind: review.ChangeSegment, Segment: "pilot", BaseRevision: o.segment("pilot").Revision, Reason: "the pilot goes well",
		Change: &review.ContentChange{},
	}
}

func TestOwnersAndApproversHaveOneCardOfAnAudienceThatOutgrewWhatWasApproved(t *testing.T) {
	each(t, func(o *office) {
		o.pilots(110)
		o.active()
		joined := o.now
		for _, step := range []struct {
			members, cards int
		}{{110, 0}, {220, 0}, {221, 1}, {230, 1}, {220, 0}, {222, 1}} {
			o.pilots(step.members)
			if step.members == 221 {
				joined = o.now
			}
			for _, name := range []string{"alice", "bob", "pat", "sam", "max"} {
				cards := o.outgrown(name)
				if len(cards) != step.cards {
					o.Fatalf("with %d people %s has %+v", step.members, name, cards)
				}
				if step.cards == 0 {
					continue
				}
				want := review.Outgrown{FlagKey: key, Title: o.segment("pilot").Title, People: step.members, Approved: 110, Since: joined}
				if step.members == 222 { // all of the first 220 stayed, and the one who had been too many came again
					want.Since = o.now
				}
				if diff := cmp.Diff(want, cards[0]); diff != "" {
					o.Errorf("with %d people %s has another card (-want +got):\n%s", step.members, name, diff)
				}
			}
			for _, name := range []string{"eve", "petra", "olu", "root", "p001"} {
				if cards := o.outgrown(name); len(cards) != 0 {
					o.Errorf("with %d people %s has %+v", step.members, name, cards)
				}
			}
		}
	})
}

func TestAnAudienceOfUpTo200PeopleIsNotAskedAbout(t *testing.T) {
	each(t, func(o *office) {
		o.active() // for bob alone
		o.pilots(200)
		if cards := o.outgrown("alice"); len(cards) != 0 {
			o.Errorf("of 200 people there is %+v", cards)
		}
		o.pilots(201)
		if cards := o.outgrown("alice"); len(cards) != 1 || cards[0].Approved != 1 {
			o.Errorf("of 201 people there is %+v", cards)
		}
	})
}

func TestTheCardGoesWhenTheSizeIsApprovedAnew(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		before := o.segment("pilot")
		early := o.submit(o.confirming())
		if found := findings(early.Checks, "change"); early.State != review.NeedsFixes || len(found) != 1 || found[0].Code != "nothing_changes" {
			o.Errorf("while it is as approved the request is %s: %+v", early.State, found)
		}
		if _, err := o.desk.Withdraw(o.Context(), o.as("alice"), early.ID, ""); err != nil {
			o.Fatal(err)
		}
		o.pilots(230)
		if s := o.size("alice"); s.People != 230 || s.Approved == nil || *s.Approved != 1 || !s.Outgrown || !slices.Equal(s.Can, []string{"confirm"}) {
			o.Errorf("alice sees %+v", s)
		}
		if s := o.size("eve"); !s.Outgrown || len(s.Can) != 0 {
			o.Errorf("eve sees %+v", s)
		}
		_, err := o.desk.Submit(o.Context(), o.as("eve"), o.confirming())
		o.refused(err, fault.Forbidden, "forbidden")
		r := o.submit(o.confirming())
		if r.State != review.NeedsApproval || len(r.Diff) == 0 || r.Diff[0].Before != any(1.0) && r.Diff[0].Before != any(1) {
			o.Fatalf("the request is %s: %+v, %+v", r.State, r.Diff, r.Checks)
		}
		if again := o.submit(o.confirming()); again.ID != r.ID {
			o.Errorf("asked twice it is another request, %s", again.Title)
		}
		if len(o.outgrown("pat")) != 1 {
			o.Error("the card went before the approval")
		}
		o.pilots(240) // what counts is how many everybody saw who approved
		for _, name := range []string{"pat", "petra", "sam"} {
			if r.State == review.NeedsApproval {
				r = o.approve(name, r)
			}
		}
		if s := o.size("alice"); r.State != review.Approved || *s.Approved != 230 || s.Outgrown || len(o.outgrown("alice")) != 0 {
			o.Errorf("the request is %s, and it leaves %+v", r.State, s)
		}
		if diff := cmp.Diff(before, o.segment("pilot")); diff != "" {
			o.Errorf("the audience is another (-want +got):\n%s", diff)
		}
		if !slices.ContainsFunc(r.Timeline, func(e review.TimelineEntry) bool {
			return e.Words == "Audience approved as large as it is: pilot, 230 people"
		}) {
			o.Errorf("the timeline is %+v", r.Timeline)
		}
	})
}

func TestNoMorePeopleAreApprovedThanWhoeverApprovedSaw(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		o.pilots(300)
		r := o.submit(o.confirming())
		o.pilots(250)
		r = o.approve("pat", r)
		o.pilots(640)
		for _, name := range []string{"petra", "sam"} {
			if r.State == review.NeedsApproval {
				r = o.approve(name, r)
			}
		}
		if s := o.size("alice"); r.State != review.Approved || *s.Approved != 250 || !s.Outgrown || len(o.outgrown("alice")) != 1 {
			o.Errorf("the request is %s, and it leaves %+v approved for %d", r.State, s, *s.Approved)
		}
		if !slices.ContainsFunc(r.Timeline, func(e review.TimelineEntry) bool {
			return e.Words == "Audience approved as large as it is: pilot, 250 people"
		}) {
			o.Errorf("the timeline is %+v", r.Timeline)
		}
	})
}

func TestTheSizeOfAnAudienceIsAskedForWhileTheFlagBakes(t *testing.T) {
	each(t, func(o *office) {
		r := o.published()
		if _, err := o.rollouts.Start(o.Context(), o.as("alice"), r.RolloutID, rollout.Word{}); err != nil {
			o.Fatal(err)
		}
		o.toProduction(r.RolloutID)
		o.pilots(201)
		if asked := o.submit(o.confirming()); asked.State != review.NeedsApproval {
			o.Errorf("it is %s: %+v", asked.State, asked.Checks)
		}
	})
}

// approvals are the ways in which where2eat may come to be approved for the audience pilot.
var approvals = map[string]func(o *office){
	"by the request that made it": func(o *office) { o.published() },
	"by a rule that names it":     func(o *office) { o.targeted(true) },
	"by an import that names it": func(o *office) {
		rule := o.segment("pilot").Logic()
		document, err := json.Marshal(map[string]any{
			"$evaluators": map[string]any{"pilot": rule},
			"flags": map[string]any{key: map[string]any{
				"state": "ENABLED", "variants": map[string]any{"on": true, "off": false}, "defaultVariant": "off",
				"targeting": map[string]any{"if": []any{map[string]any{"$ref": "pilot"}, "on"}},
			}},
		})
		if err != nil {
			o.Fatal(err)
		}
		out, err := o.desk.Import(o.Context(), o.as("root"), review.Content{
			Environment: "production", Format: "flagd", Document: string(document), Reason: "from before",
		}, "", false)
		if err != nil || out.Request == nil {
			o.Fatalf("%+v, %v", out, err)
		}
		o.decide(*out.Request)
	},
	"by a change of the audience itself": func(o *office) {
		o.active()
		o.pilots(3)
		out, err := o.put(func(s *registry.Segment) { s.People = []string{"alice" + at} })
		if err != nil || out.Request == nil {
			o.Fatalf("%+v, %v", out, err)
		}
		o.decide(*out.Request)
	},
	"by a change to it": func(o *office) {
		c := where2eat()
		c.Fields["audiences"] = "beta"
		o.rollOut(o.approve("sam", o.approve("pat", o.submit(c))).RolloutID)
		asked := o.submit(review.Content{
			Kind: review.ChangeFlag, FlagKey: key, Environment: "production", BaseRevision: o.serving(key, "production").Revision, Reason: "them, too",
			Change: &review.ContentChange{FlagChange: review.FlagChange{Mode: registry.ServeAudience, Audience: "pilot"}},
		})
		if asked = o.decide(asked); asked.RolloutID != "" {
			o.rollOut(asked.RolloutID)
		}
	},
}

// decide has everybody approve a request who is needed.
func (o *office) decide(r review.Request) review.Request {
	o.Helper()
	for _, name := range []string{"pat", "petra", "sam"} {
		if r.State == review.NeedsApproval {
			r = o.approve(name, r)
		}
	}
	if r.State != review.Approved {
		o.Fatalf("the request is %s: %+v", r.State, r.Checks)
	}
	return r
}

func TestEveryRequestThatAFlagIsForAnAudienceByKeepsHowManyAreInIt(t *testing.T) {
	t.Parallel()
	if want := 5; len(approvals) != want {
		t.Errorf("%d ways, want %d", len(approvals), want)
	}
	for way, approve := range approvals {
		t.Run(way, func(t *testing.T) {
			each(t, func(o *office) {
				o.pilots(2)
				approve(o)
				s := o.size("alice")
				if s.Approved == nil || *s.Approved != s.People || s.People < 2 {
					o.Errorf("it is approved for %+v", s)
				}
				if o.pilots(203); len(o.outgrown("pat")) != 1 {
					o.Errorf("pat has %+v", o.outgrown("pat"))
				}
			})
		})
	}
}

func TestAnUpgradeKnowsHowManyWereApprovedBefore(t *testing.T) {
	eachUpgraded(t, func(o *office) {
		s := o.size("alice")
		if s.Approved == nil {
			o.Errorf("of what was approved before is known %+v", s)
		}
	})
}
