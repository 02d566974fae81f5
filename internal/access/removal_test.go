package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

const (
	adaMail = "ada@hyfin.example"
	maxMail = "max@hyfin.example"
	eveMail = "eve@hyfin.example"
)

func TestTheCourseOfARemovalFollowsFromItsFacts(t *testing.T) {
	t.Parallel()
	at := func(after time.Duration) *time.Time { when := noon.Add(after); return &when }
	timed := Proposal{At: noon, ExpiresAt: noon.Add(proposalsFor), TakesEffectAt: at(objectFor), Removes: []Removed{{ID: "max"}}}
	judged := timed
	judged.TakesEffectAt = nil
	objected := func(p Proposal) Proposal {
		p.Removes = []Removed{{ID: "max", ObjectedAt: at(time.Hour)}, {ID: "eve"}}
		return p
	}
	plain := Proposal{At: noon, ExpiresAt: noon.Add(proposalsFor)}
	two := removalFacts{upheld: true, reachable: true}
	three := removalFacts{upheld: true, reachable: true, others: 1, free: 1}
	asleep := removalFacts{upheld: true, reachable: true, others: 1} // the third is suspended
	for _, c := range []struct {
		what  string
		p     Proposal
		f     removalFacts
		after time.Duration
		want  ProposalState
	}{
		{"what removes nobody waits for its second", plain, removalFacts{}, proposalsFor - 1, ProposalOpen},
		{"and lapses", plain, removalFacts{}, proposalsFor, ProposalExpired},
		{"the only other has time to object", timed, two, objectFor - 1, ProposalOpen},
		{"and is removed then", timed, two, objectFor, ProposalUnopposed},
		{"with a third administrator time removes nobody", timed, three, objectFor, ProposalOpen},
		{"nor several at once", timed, removalFacts{upheld: true, reachable: true, several: true}, objectFor, ProposalOpen},
		{"nor with one who is suspended", timed, asleep, objectFor, ProposalOpen},
		{"who cannot sign in is not removed by time", timed, removalFacts{upheld: true}, objectFor, ProposalOpen},
		{"what a third decides is never done by time", judged, two, objectFor, ProposalOpen},
		{"and lapses when nobody does", judged, three, proposalsFor, ProposalExpired},
		{"the objection of the only other decides", objected(timed), two, 2 * time.Hour, ProposalRejected},
		{"and is worth as much at the last moment", objected(timed), two, objectFor, ProposalRejected},
		{"where a third may decide an objection waits", objected(judged), three, objectFor - 1, ProposalOpen},
		{"for so long", objected(judged), three, objectFor, ProposalRejected},
		{"but not for one who is suspended", objected(judged), asleep, 2 * time.Hour, ProposalRejected},
		{"who is no administrator any more removes nobody", timed, removalFacts{reachable: true}, objectFor, ProposalExpired},
		{"nor keeps anybody suspended", judged, removalFacts{others: 1, free: 1}, time.Second, ProposalExpired},
	} {
		if got := c.p.course(c.f, noon.Add(c.after)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// removals is the company with two administrators, as governed makes it, and what tests of removals do again and again.
type removals struct {
	*testing.T
	db    *store.DB
	g     *Governors
	d     *Directory
	clock *wall
}

func eachRemoval(t *testing.T, test func(o removals)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		g, d, clock := governed(t, db)
		test(removals{t, db, g, d, clock})
	})
}

// must is the person as they are now.
func (o removals) must(email string) Person { return mustRead(o.T, o.d, email) }

func (o removals) as(email string) Actor { return actor(o.T, o.db, email) }

// third makes eve an administrator who has joined.
func (o removals) third() {
	o.Helper()
	mustPerson(o.T, o.d, eveMail, PersonSpec{DisplayName: "eve"})
	mustGroup(o.T, o.d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail, maxMail, eveMail}})
	joined(o.T, o.db, eveMail)
}

// disable asks for what suspends.
func (o removals) disable(by, whom string) Proposal {
	o.Helper()
	no := false
	_, _, err := o.d.PutPerson(o.Context(), o.as(by), whom, PersonSpec{DisplayName: whom, Active: &no}, o.must(whom).Revision)
	return wantPending(o.T, err)
}

func (o removals) settle() {
	o.Helper()
	if err := o.g.Settle(o.Context()); err != nil {
		o.Fatal(err)
	}
}

func (o removals) state(id string) ProposalState {
	o.Helper()
	return read(o.T, o.db, func(ctx context.Context, tx *store.Tx) (ProposalState, error) {
		p, err := proposalOf(ctx, tx, id)
		return p.State, err
	})
}

// is holds that the person is suspended, or is not, and that the proposal is in the state.
func (o removals) is(email string, suspended bool, id string, state ProposalState) {
	o.Helper()
	if p := o.must(email); (p.Suspended == id) != suspended || suspended != (p.Suspended != "") || o.state(id) != state {
		o.Errorf("%s: suspended with %q; the proposal is %s, want %v, %s", email, p.Suspended, o.state(id), suspended, state)
	}
}

func TestASuspendedAdministratorReadsAndObjectsAndNothingElse(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		p := o.disable(adaMail, maxMail)
		if p.TakesEffectAt == nil || !p.TakesEffectAt.Equal(noon.Add(objectFor)) || len(p.Removes) != 1 || p.Removes[0].Email != maxMail {
			o.Errorf("the proposal is %+v", p)
		}
		o.is(maxMail, true, p.ID, ProposalOpen)
		if m := o.must(maxMail); !m.Active || m.Revision != 3 {
			o.Errorf("max is %+v", m)
		}
		got := events(o.T, o.db)
		for name, want := range map[string]int{"person.suspended": 1, "proposal.made": 1, "proposal.alone": 2} { // one by the company's making
			if count(got, name) != want {
				o.Errorf("%d of %s in %v", count(got, name), name, got)
			}
		}
		if told, err := o.g.Told(o.Context(), o.as("pat@hyfin.example")); err != nil || !strings.Contains(told[0].Words, "suspended") {
			o.Errorf("approvers are told %+v, %v", told, err)
		}
		// What loosens still waits for max, who may not confirm it.
		_, _, err := o.d.PutGroup(o.Context(), o.as(adaMail), "product", moreApprovers, 1)
		more := wantPending(o.T, err)
		_, err = o.g.Confirm(o.Context(), o.as(maxMail), more.ID)
		wantFault(o.T, err, fault.Forbidden, "suspended")
		_, err = o.g.Withdraw(o.Context(), o.as(maxMail), p.ID)
		wantFault(o.T, err, fault.Forbidden, "suspended")
		_, _, err = o.d.PutGroup(o.Context(), o.as(maxMail), "team-lunch", GroupSpec{Title: "Mine"}, 0)
		wantFault(o.T, err, fault.Forbidden, "suspended")
		if list, err := o.g.List(o.Context(), o.as(maxMail), store.Page{}); err != nil || len(list.Items) != 2 {
			o.Errorf("max sees %+v, %v", list, err)
		}
		// Asked for again it is the same proposal, of what is there now.
		if again := o.disable(adaMail, maxMail); again.ID != p.ID {
			o.Errorf("a second proposal %+v", again)
		}
		_, err = o.g.Object(o.Context(), o.as(maxMail), p.ID, " ")
		wantFault(o.T, err, fault.Invalid, "reason_required")
		_, err = o.g.Object(o.Context(), o.as(maxMail), more.ID, "no")
		wantFault(o.T, err, fault.Forbidden, "not_concerned")
		_, err = o.g.Object(o.Context(), o.as(adaMail), p.ID, "no")
		wantFault(o.T, err, fault.Conflict, "own_proposal")
		_, err = o.g.Object(o.Context(), o.as(alice), p.ID, "no")
		wantFault(o.T, err, fault.Forbidden, "forbidden")
		if done, err := o.g.Object(o.Context(), o.as(maxMail), p.ID, "It was not me."); err != nil || done.State != ProposalRejected {
			o.Errorf("objected: %+v, %v", done, err)
		}
		o.is(maxMail, false, p.ID, ProposalRejected)
		if _, err := o.g.Confirm(o.Context(), o.as(maxMail), more.ID); err != nil {
			o.Errorf("max governs again: %v", err)
		}
		if told, err := o.g.Told(o.Context(), o.as("pat@hyfin.example")); err != nil || !slices.ContainsFunc(told, func(p Proposal) bool {
			return p.State == ProposalRejected && p.Removes[0].Reason == "It was not me."
		}) {
			o.Errorf("approvers are told %+v, %v", told, err)
		}
	})
}

func TestNobodyIsSuspendedAgainAndAgainByOneAlone(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		p := o.disable(adaMail, maxMail)
		if _, err := o.g.Object(o.Context(), o.as(maxMail), p.ID, "no"); err != nil {
			o.Fatal(err)
		}
		for _, passed := range []time.Duration{0, restAfter - time.Second} {
			o.clock.at = noon.Add(passed)
			again := o.disable(adaMail, maxMail)
			o.is(maxMail, false, again.ID, ProposalOpen)
			if _, err := o.g.Withdraw(o.Context(), o.as(maxMail), again.ID); err == nil {
				o.Error("whom it removes withdrew it")
			}
			if _, err := o.g.Object(o.Context(), o.as(maxMail), again.ID, "no"); err != nil {
				o.Error(err)
			}
			o.is(maxMail, false, again.ID, ProposalRejected)
		}
		o.clock.at = noon.Add(restAfter)
		again := o.disable(adaMail, maxMail)
		o.is(maxMail, true, again.ID, ProposalOpen)
		if _, err := o.g.Withdraw(o.Context(), o.as(adaMail), again.ID); err != nil {
			o.Error(err)
		}
		o.is(maxMail, false, again.ID, ProposalWithdrawn)
	})
}

// waysOut are the ways in which one administrator may take another out. Each names the event of what is done.
var waysOut = []struct {
	name, event string
	suspends    bool
	try         func(o removals, by Actor) error
}{
	{"disabled", "person.updated", true, func(o removals, by Actor) error {
		no := false
		_, _, err := o.d.PutPerson(o.Context(), by, maxMail, PersonSpec{DisplayName: "max", Active: &no}, o.must(maxMail).Revision)
		return err
	}},
	{"made an agent", "person.updated", false, func(o removals, by Actor) error {
		_, _, err := o.d.PutPerson(o.Context(), by, maxMail, PersonSpec{DisplayName: "max", Agent: true}, o.must(maxMail).Revision)
		return err
	}},
	{"taken out of the group", "group.members_changed", false, func(o removals, by Actor) error {
		_, _, err := o.d.PutGroup(o.Context(), by, "more", GroupSpec{Roles: []Role{Admin}, Members: []string{}}, 1)
		return err
	}},
	{"left in a group without the role", "group.updated", false, func(o removals, by Actor) error {
		_, _, err := o.d.PutGroup(o.Context(), by, "more", GroupSpec{}, 1)
		return err
	}},
	{"in a group that is deleted", "group.deleted", false, func(o removals, by Actor) error {
		return o.d.DeleteGroup(o.Context(), by, "more", 1)
	}},
}

func TestTheOnlyOtherAdministratorIsRemovedAfterThreeDaysWithoutObjection(t *testing.T) {
	t.Parallel()
	if want := 5; len(waysOut) != want {
		t.Errorf("%d ways out, want %d", len(waysOut), want)
	}
	for _, way := range waysOut {
		for _, objects := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, objects %v", way.name, objects), func(t *testing.T) {
				t.Parallel()
				eachRemoval(t, func(o removals) {
					mustGroup(o.T, o.d, "more", GroupSpec{Roles: []Role{Admin}, Members: []string{maxMail}})
					mustGroup(o.T, o.d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail}})
					p := wantPending(o.T, way.try(o, o.as(adaMail)))
					o.is(maxMail, way.suspends, p.ID, ProposalOpen)
					_, err := o.g.Confirm(o.Context(), o.as(maxMail), p.ID)
					if wantFault(o.T, err, fault.Forbidden, map[bool]string{true: "suspended", false: "concerned"}[way.suspends]); !o.as(maxMail).Has(Admin) {
						o.Error("max is removed by himself")
					}
					if objects {
						if _, err := o.g.Object(o.Context(), o.as(maxMail), p.ID, "no"); err != nil {
							o.Error(err)
						}
					}
					o.clock.at = noon.Add(objectFor - time.Second)
					o.settle()
					if !o.as(maxMail).Has(Admin) || count(events(o.T, o.db), "proposal.unopposed") > 0 {
						o.Error("it took effect too early")
					}
					o.clock.at = noon.Add(objectFor)
					before := count(events(o.T, o.db), way.event)
					var all sync.WaitGroup // as many leaders as may believe that they are one
					errs := make([]error, 3)
					for i := range errs {
						all.Go(func() { errs[i] = o.g.Settle(o.Context()) })
					}
					all.Wait()
					if err := errors.Join(errs...); err != nil {
						o.Error(err)
					}
					want, state := 1, ProposalUnopposed
					if objects {
						want, state = 0, ProposalRejected
					}
					got := events(o.T, o.db)
					if count(got, way.event)-before != want || count(got, "proposal.unopposed") != want {
						o.Errorf("%v", got)
					}
					o.is(maxMail, false, p.ID, state)
					admins := read(o.T, o.db, Admins)
					if slices.Contains(admins, maxMail) != objects {
						o.Errorf("administrators are %v", admins)
					}
				})
			})
		}
	}
}

func TestWithAThirdAdministratorThatOneDecides(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		o.third()
		object := func(p Proposal) {
			o.Helper()
			if got, err := o.g.Object(o.Context(), o.as(maxMail), p.ID, "no"); err != nil || got.State != ProposalOpen {
				o.Errorf("%+v, %v", got, err)
			}
		}
		// The third lifts it.
		p := o.disable(adaMail, maxMail)
		if p.TakesEffectAt != nil {
			o.Errorf("it takes effect by itself: %+v", p)
		}
		object(p)
		o.is(maxMail, true, p.ID, ProposalOpen)
		if _, err := o.g.Withdraw(o.Context(), o.as(eveMail), p.ID); err != nil {
			o.Error(err)
		}
		o.is(maxMail, false, p.ID, ProposalWithdrawn)
		// The third does nothing, and max objected: three days.
		o.clock.add(restAfter)
		p = o.disable(adaMail, maxMail)
		object(p)
		o.clock.add(objectFor)
		o.settle()
		o.is(maxMail, false, p.ID, ProposalRejected)
		// The third is suspended, too: then nobody may decide besides max.
		o.clock.add(restAfter)
		p = o.disable(adaMail, maxMail)
		object(p)
		other := o.disable(adaMail, eveMail)
		o.settle()
		o.is(maxMail, false, p.ID, ProposalRejected)
		o.is(eveMail, true, other.ID, ProposalOpen)
		// max, who is back, lifts that of eve; and whoever is suspended upholds nothing.
		mine := o.disable(maxMail, adaMail)
		o.settle()
		o.is(eveMail, false, other.ID, ProposalExpired)
		o.is(adaMail, true, mine.ID, ProposalOpen)
		// The third confirms.
		if _, err := o.g.Confirm(o.Context(), o.as(eveMail), mine.ID); err != nil {
			o.Error(err)
		}
		if a := o.must(adaMail); a.Active || a.Suspended != "" || o.state(mine.ID) != ProposalConfirmed {
			o.Errorf("ada is %+v", a)
		}
	})
}

func TestWhomAProposalRemovesIsNotItsSecond(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		o.third()
		without := GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail, eveMail}}
		put := func(by string) error {
			_, _, err := o.d.PutGroup(o.Context(), o.as(by), "admins", without, 0)
			return err
		}
		p := wantPending(o.T, put(adaMail))
		wantFault(o.T, put(maxMail), fault.Forbidden, "concerned")
		_, err := o.g.Confirm(o.Context(), o.as(maxMail), p.ID)
		wantFault(o.T, err, fault.Forbidden, "concerned")
		_, err = o.g.Withdraw(o.Context(), o.as(maxMail), p.ID)
		wantFault(o.T, err, fault.Forbidden, "concerned")
		borrowed := o.as(eveMail) // by a token that somebody made by a token of max
		borrowed.Credential.MadeBy, borrowed.Credential.MadeByID = adaMail, string(o.must(adaMail).ID)
		behind := PersonIDs{o.must(adaMail).ID, o.must(maxMail).ID}
		for name, made := range map[string][2]PersonIDs{"who made the token": {behind, nil}, "who chose the password": {nil, behind}} {
			borrowed.Makers, borrowed.Choosers = made[0], made[1]
			_, err = o.g.Withdraw(o.Context(), borrowed, p.ID)
			if e := wantFault(o.T, err, fault.Forbidden, "own_credential"); !strings.Contains(e.Message, maxMail) {
				o.Errorf("%s: %v", name, e)
			}
			_, err = o.g.Confirm(o.Context(), borrowed, p.ID)
			wantFault(o.T, err, fault.Forbidden, "own_credential")
		}
		if err := put(eveMail); err != nil || o.as(maxMail).Has(Admin) {
			o.Errorf("two others: %v", err)
		}
		// Whoever wants to go asks for it, and the other confirms.
		alone := GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail}}
		_, _, err = o.d.PutGroup(o.Context(), o.as(eveMail), "admins", alone, 0)
		if p = wantPending(o.T, err); p.TakesEffectAt != nil {
			o.Errorf("%+v", p)
		}
		if _, err := o.g.Confirm(o.Context(), o.as(adaMail), p.ID); err != nil || o.as(eveMail).Has(Admin) {
			o.Errorf("eve goes: %v", err)
		}
	})
}

func TestAnAgentDecidesNothingAboutWhoIsAnAdministrator(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		mustPerson(o.T, o.d, eveMail, PersonSpec{DisplayName: "eve", Agent: true})
		mustGroup(o.T, o.d, "admins", GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail, maxMail, eveMail}})
		p := o.disable(adaMail, maxMail)
		_, err := o.g.Withdraw(o.Context(), o.as(eveMail), p.ID)
		wantFault(o.T, err, fault.Forbidden, "human_needed")
		_, err = o.g.Confirm(o.Context(), o.as(eveMail), p.ID)
		wantFault(o.T, err, fault.Forbidden, "human_needed")
		o.is(maxMail, true, p.ID, ProposalOpen)
		if _, err := o.g.Withdraw(o.Context(), Local("root"), p.ID); err != nil { // the server is an agent, too
			o.Error(err)
		}
		o.is(maxMail, false, p.ID, ProposalWithdrawn)
	})
}

func TestSeveralAdministratorsAreNotRemovedAtOnceWithNobodyLeft(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		o.third()
		take := func(by string, left ...string) error {
			_, _, err := o.d.PutGroup(o.Context(), o.as(by), "admins", GroupSpec{Roles: []Role{Admin}, Members: left}, 0)
			return err
		}
		if e := wantFault(o.T, take(adaMail, adaMail), fault.Conflict, "nobody_left_to_confirm"); !strings.Contains(e.Message, eveMail) || e.Remediation == "" {
			o.Errorf("%+v", e)
		}
		wantFault(o.T, o.d.DeleteGroup(o.Context(), o.as(adaMail), "admins", 0), fault.Conflict, "nobody_left_to_confirm")
		// One at a time the other decides about each.
		if p := wantPending(o.T, take(adaMail, adaMail, eveMail)); p.TakesEffectAt != nil {
			o.Errorf("%+v", p)
		}
		if err := take(eveMail, adaMail, eveMail); err != nil {
			o.Fatal(err)
		}
		if p := wantPending(o.T, take(adaMail, adaMail)); p.TakesEffectAt == nil {
			o.Errorf("%+v", p)
		}
	})
}
