package access

import (
	"context"
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
