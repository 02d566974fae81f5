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

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/audit"
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

func TestOneObjectionStandsAgainstAllThatTheSameAdministratorProposes(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		proposals := []Proposal{o.disable(adaMail, maxMail)}
		for i := range 3 { // the same under other names
			_, _, err := o.d.PutPerson(o.Context(), o.as(adaMail), maxMail, PersonSpec{DisplayName: fmt.Sprintf("max %d", i), Agent: true}, 0)
			proposals = append(proposals, wantPending(o.T, err))
		}
		_, _, err := o.d.PutGroup(o.Context(), o.as(adaMail), "product", moreApprovers, 1)
		other := wantPending(o.T, err)
		if _, err := o.g.Object(o.Context(), o.as(maxMail), proposals[2].ID, "no"); err != nil {
			o.Fatal(err)
		}
		for _, p := range proposals {
			o.is(maxMail, false, p.ID, ProposalRejected)
		}
		o.is(maxMail, false, other.ID, ProposalOpen)
	})
}

func TestWhoProposesTheirOwnRemovalNeedsNoSessionToObject(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		no := false
		may := func(email string) bool {
			o.Helper()
			return read(o.T, o.db, func(ctx context.Context, tx *store.Tx) (bool, error) { return MayObject(ctx, tx, o.must(email).ID) })
		}
		_, _, err := o.d.PutPerson(o.Context(), o.as(adaMail), adaMail, PersonSpec{Active: &no}, 0)
		p := wantPending(o.T, err)
		if o.is(adaMail, false, p.ID, ProposalOpen); may(adaMail) {
			o.Error("nobody could end the sessions of ada")
		}
		if o.disable(maxMail, adaMail); !may(adaMail) {
			o.Error("ada may be kept from objecting")
		}
	})
}

func TestTheServerItselfRemovesAnAdministratorAtOnce(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		p := o.disable(adaMail, maxMail)
		no := false
		mustPerson(o.T, o.d, maxMail, PersonSpec{DisplayName: "max", Active: &no})
		if m := o.must(maxMail); m.Active || m.Suspended != "" || o.state(p.ID) != ProposalExpired {
			o.Errorf("max is %+v, the proposal %s", m, o.state(p.ID))
		}
		told, err := o.g.Told(o.Context(), o.as(adaMail))
		if err != nil || told[0].By != root.Email || !strings.Contains(told[0].Words, "can no longer object") {
			o.Errorf("ada is told %+v, %v", told, err)
		}
	})
}

func TestARemovalOfWhatChangedMeanwhileLapses(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		p := o.disable(adaMail, maxMail)
		mustPerson(o.T, o.d, maxMail, PersonSpec{DisplayName: "Max"})
		o.clock.add(objectFor)
		o.settle()
		o.is(maxMail, false, p.ID, ProposalExpired)
		// A new address ends it, too.
		o.clock.add(restAfter)
		p = o.disable(adaMail, maxMail)
		rename(o.T, o.d, maxMail, "maximilian@hyfin.example")
		o.is("maximilian@hyfin.example", false, p.ID, ProposalExpired)
	})
}

func TestWhoCannotSignInIsNotRemovedByTime(t *testing.T) {
	t.Parallel()
	eachRemoval(t, func(o removals) {
		has := false
		o.g.SignIns = func(_ context.Context, _ *store.Tx, ids []PersonID, _ time.Time) (map[PersonID]SignIns, error) {
			known := map[PersonID]SignIns{}
			for _, id := range ids {
				known[id] = SignIns{HasPassword: has}
			}
			return known, nil
		}
		p := o.disable(adaMail, maxMail)
		o.clock.add(objectFor)
		o.settle()
		o.is(maxMail, true, p.ID, ProposalOpen)
		if list, err := o.g.List(o.Context(), o.as(adaMail), store.Page{}); err != nil || list.Items[0].TakesEffectAt != nil {
			o.Errorf("%+v, %v", list, err)
		}
		has = true
		o.settle()
		if o.must(maxMail).Active {
			o.Error("max is still there")
		}
	})
}

type heldKey struct{}

func TestAnObjectionAndTheEndOfItsTimeHaveOneOrder(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"objection", "end"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			eachRemoval(t, func(o removals) {
				p := o.disable(adaMail, maxMail)
				o.clock.add(objectFor)
				by := o.as(maxMail)
				reached, released := make(chan struct{}), make(chan struct{})
				var once sync.Once
				audit.Listen(o.db, func(ctx context.Context, _ *store.Tx, _ []audit.Event) error { // it has locked what it changes
					if ctx.Value(heldKey{}) != nil {
						once.Do(func() { close(reached) })
						<-released
					}
					return nil
				})
				acts := map[string]func(ctx context.Context) error{
					"objection": func(ctx context.Context) error { _, err := o.g.Object(ctx, by, p.ID, "no"); return err },
					"end":       o.g.Settle,
				}
				errs := map[string]error{}
				var lock sync.Mutex
				var all sync.WaitGroup
				start := func(name string, ctx context.Context) {
					all.Go(func() {
						err := acts[name](ctx)
						lock.Lock()
						defer lock.Unlock()
						errs[name] = err
					})
				}
				start(first, context.WithValue(o.Context(), heldKey{}, true))
				<-reached
				second := map[string]string{"objection": "end", "end": "objection"}[first]
				start(second, o.Context())
				close(released)
				all.Wait()
				if errs["end"] != nil {
					o.Error(errs["end"])
				}
				if first == "objection" {
					if errs["objection"] != nil || !o.must(maxMail).Active {
						o.Errorf("objected: %v", errs["objection"])
					}
					o.is(maxMail, false, p.ID, ProposalRejected)
					return
				}
				wantFault(o.T, errs["objection"], fault.Conflict, "proposal_ended")
				if o.must(maxMail).Active {
					o.Error("max is still there")
				}
			})
		})
	}
}

// Whatever one of two administrators does alone, by tokens that act as the other, too: before three days are over the other is an
// administrator, or by objecting becomes one again, and nobody decides who did not before.
func TestOneAdministratorAloneNeverTakesOver(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	g, d, clock := governed(t, db)
	mustPerson(t, d, eveMail, PersonSpec{DisplayName: "eve"})
	admins := []string{adaMail, maxMail}
	no, yes := false, true
	ctx := t.Context()
	rapid.Check(t, func(r *rapid.T) {
		clock.add(2 * restAfter)
		if err := g.Settle(ctx); err != nil { // what is left of the run before lapses
			r.Fatal(err)
		}
		mustPerson(t, d, maxMail, PersonSpec{DisplayName: "max", Active: &yes})
		mustGroup(t, d, "admins", GroupSpec{Roles: []Role{Admin}, Members: admins})
		left := objectFor
		for range rapid.IntRange(1, 12).Draw(r, "acts") {
			by := actor(t, db, adaMail)
			if rapid.Bool().Draw(r, "as max") {
				by = actor(t, db, maxMail)
				ada := actor(t, db, adaMail).PersonID
				by.Credential.MadeBy, by.Credential.MadeByID, by.Makers = adaMail, string(ada), PersonIDs{ada}
			}
			person := func(email string, spec PersonSpec) { _, _, _ = d.PutPerson(ctx, by, email, spec, 0) }
			group := func(name string, spec GroupSpec) { _, _, _ = d.PutGroup(ctx, by, name, spec, 0) }
			open, err := g.List(ctx, actor(t, db, adaMail), store.Page{})
			if err != nil {
				r.Fatal(err)
			}
			switch act := rapid.SampledFrom([]string{
				"disable", "agent", "rename", "take out", "drop role", "delete", "add", "approver", "enable", "withdraw", "confirm", "wait",
			}).Draw(r, "act"); act {
			case "disable":
				person(maxMail, PersonSpec{DisplayName: "max", Active: &no})
			case "enable":
				person(maxMail, PersonSpec{DisplayName: "max", Active: &yes})
			case "agent":
				person(maxMail, PersonSpec{DisplayName: "max", Agent: true})
			case "rename":
				person(maxMail, PersonSpec{DisplayName: "max", Email: "other@hyfin.example"})
			case "take out":
				group("admins", GroupSpec{Roles: []Role{Admin}, Members: []string{adaMail}})
			case "drop role":
				group("admins", GroupSpec{Members: admins})
			case "delete":
				_ = d.DeleteGroup(ctx, by, "admins", 0)
			case "add":
				group("admins", GroupSpec{Roles: []Role{Admin}, Members: append(slices.Clone(admins), eveMail)})
			case "approver":
				group("product", moreApprovers)
			case "withdraw", "confirm":
				if len(open.Items) > 0 {
					id := rapid.SampledFrom(open.Items).Draw(r, "proposal").ID
					if act == "confirm" {
						_, _ = g.Confirm(ctx, by, id)
					} else {
						_, _ = g.Withdraw(ctx, by, id)
					}
				}
			case "wait":
				passed := time.Duration(rapid.Int64Range(0, left.Microseconds()-1).Draw(r, "µs")) * time.Microsecond // as the database keeps it
				left -= passed
				clock.add(passed)
			}
			if err := g.Settle(ctx); err != nil {
				r.Fatal(err)
			}
			other := actor(t, db, maxMail)
			if !other.Has(Admin) || other.Agent || actor(t, db, eveMail).Has(Admin) || actor(t, db, alice).Has(Approver) {
				r.Fatalf("max is %+v", other)
			}
		}
		if p := mustRead(t, d, maxMail); p.Suspended != "" {
			if _, err := g.Object(ctx, actor(t, db, maxMail), p.Suspended, "no"); err != nil {
				r.Fatal(err)
			}
		}
		if other := actor(t, db, maxMail); other.Suspended || Can(other, GovernWrite, Scope{}) != nil {
			r.Fatalf("after objecting max is %+v", other)
		}
	})
}
