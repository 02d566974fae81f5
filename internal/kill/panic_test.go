package kill_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/rollout/rollouttest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// crowd is a database with n flags of 100 teams.
func crowd(t testing.TB, db *store.DB, n int) *kill.Kills {
	t.Helper()
	registrytest.Seed(t, db, n)
	return &kill.Kills{DB: db, Now: func() time.Time { return noon }}
}

func member(group string) access.Actor {
	return access.Actor{
		PersonID: "p", Email: "tim@hyfin.example", TokenScope: access.ScopeAll, Groups: []access.Membership{{Group: group}},
		Credential: audit.Credential{Kind: "session", ID: "s"},
	}
}

func count(t *testing.T, db *store.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPanicTurnsOffAllOfATeamUnderOneRevisionAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ks := crowd(t, db, 400)
		order := kill.Order{Select: registry.Selection{Owner: "team1"}, Environment: "production", Reason: "it burns"}
		seen, err := ks.Count(t.Context(), olu, order)
		if err != nil || seen.Flags != 4 || seen.Apps != 4 || seen.Killed != 0 || len(seen.Keys) != 4 {
			t.Fatalf("counted %+v, %v", seen, err)
		}
		order.ExpectFlags = seen.Flags - 1
		if _, err := ks.Panic(t.Context(), olu, order); !fault.Is(err, fault.Conflict) {
			t.Errorf("with more flags than were expected: %v", err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM kill_act`); n != 0 {
			t.Errorf("%d kills were kept of one that was refused", n)
		}
		order.ExpectFlags = seen.Flags + 10 // fewer than expected is fine
		before := count(t, db, `SELECT revision FROM environment WHERE name = 'production'`)
		act, err := ks.Panic(t.Context(), olu, order)
		if err != nil {
			t.Fatal(err)
		}
		want := kill.Act{
			ID: act.ID, Select: registry.Selection{Owner: "team1"}, Environment: "production", Revision: int64(before) + 1, Flags: 4, Standing: 4,
			Reason: "it burns", By: olu.Email, ByID: olu.PersonID, At: noon, CommittedAt: &noon, Can: []string{"restore"},
		}
		if diff := cmp.Diff(want, act); diff != "" {
			t.Error(diff)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM flag_environment WHERE killed_by = $1 AND kill_reason = 'it burns'`, olu.Email); n != 4 {
			t.Errorf("%d states are killed", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM flag_environment s JOIN flag f ON f.key = s.flag_key JOIN flag_revision r
			ON r.flag_key = s.flag_key AND r.environment = s.environment AND r.revision = s.revision
			WHERE s.revision = $1 AND s.environment = 'production' AND f.owner_group = 'team1' AND r.killed AND r.definition = s.definition
				AND s.definition LIKE '%"killed":true%' AND f.revision = 2`, act.Revision); n != 4 {
			t.Errorf("%d states are as a kill leaves them", n)
		}
		if flags, acts := count(t, db, `SELECT COUNT(*) FROM audit_event WHERE name = 'flag.killed'`), count(t, db, `SELECT COUNT(*) FROM audit_event WHERE name = 'kill.carried_out'`); flags != 4 || acts != 1 {
			t.Errorf("%d flag.killed, %d kill.carried_out", flags, acts)
		}
		again, err := ks.Panic(t.Context(), olu, order)
		if diff := cmp.Diff(act, again); err != nil || diff != "" {
			t.Errorf("clicked twice: %v %s", err, diff)
		}
		list, err := ks.List(t.Context(), olu, kill.Filter{Many: true, Environment: "production"}, store.Page{})
		if diff := cmp.Diff([]kill.Act{act}, list.Items); err != nil || diff != "" {
			t.Errorf("listed: %v %s", err, diff)
		}
	})
}

func TestAPanicIsForOwnersOfAllOfItAndForOperators(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ks := crowd(t, db, 200)
		team := kill.Order{Select: registry.Selection{Owner: "team1"}, Environment: "staging", ExpectFlags: 1000}
		everything := kill.Order{Select: registry.Selection{Environment: "staging"}, ExpectFlags: 1000}
		for _, refused := range []struct {
			by    access.Actor
			order kill.Order
			kind  fault.Kind
		}{
			{member("team2"), team, fault.Forbidden},
			{member("team1"), everything, fault.Forbidden},
			{access.Actor{}, team, fault.Unauthenticated},
			{olu, kill.Order{Environment: "staging"}, fault.Invalid},
			{olu, kill.Order{Select: registry.Selection{Owner: "team1"}}, fault.Invalid},
			{olu, kill.Order{Select: registry.Selection{Owner: "team1", App: "app1"}, Environment: "staging"}, fault.Invalid},
			{olu, kill.Order{Select: registry.Selection{Environment: "staging"}, Environment: "production"}, fault.Unprocessable},
			{olu, kill.Order{Select: registry.Selection{App: "nothing"}, Environment: "staging"}, fault.NotFound},
			{olu, kill.Order{Select: registry.Selection{Owner: "team1"}, Environment: "nowhere"}, fault.NotFound},
			{olu, kill.Order{Select: registry.Selection{Owner: "nobody"}, Environment: "staging"}, fault.Conflict},
		} {
			if _, err := ks.Panic(t.Context(), refused.by, refused.order); !fault.Is(err, refused.kind) {
				t.Errorf("%s orders %+v: %v", refused.by.Email, refused.order, err)
			}
		}
		if act, err := ks.Panic(t.Context(), member("team1"), team); err != nil || act.Flags != 2 {
			t.Errorf("a member: %+v, %v", act, err)
		}
		if act, err := ks.Panic(t.Context(), olu, everything); err != nil || act.Flags != 200-2-2 { // two were killed by the seed
			t.Errorf("an operator: %+v, %v", act, err)
		}
	})
}

func TestAPanicByTagIsForWhoOwnsAllThatIsTagged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ks := crowd(t, db, 200)
		r := &registry.Registry{DB: db, Now: ks.Now}
		for key, tags := range map[string][]string{ // of team1, of team2, and one of team1 besides
			"app1.flag1": {"card-data"}, "app101.flag101": {"card-data", "slow"}, "app2.flag2": {"slow"},
		} {
			if _, err := r.SetTags(t.Context(), olu, key, tags, 1); err != nil {
				t.Fatal(err)
			}
		}
		cards := kill.Order{Select: registry.Selection{Tag: "card-data"}, Environment: "production", Reason: "a leak", ExpectFlags: 2}
		slow := kill.Order{Select: registry.Selection{Tag: "slow"}, Environment: "production", ExpectFlags: 2}
		for _, refused := range []struct {
			by    access.Actor
			order kill.Order
			kind  fault.Kind
		}{
			{member("team1"), slow, fault.Forbidden},
			{member("team2"), cards, fault.Forbidden},
			{olu, kill.Order{Select: registry.Selection{Tag: "nothing"}, Environment: "production"}, fault.NotFound},
			{olu, kill.Order{Select: registry.Selection{Tag: "slow", App: "app1"}, Environment: "production"}, fault.Invalid},
		} {
			if _, err := ks.Panic(t.Context(), refused.by, refused.order); !fault.Is(err, refused.kind) {
				t.Errorf("%v orders %+v: %v", refused.by.Groups, refused.order, err)
			}
		}
		act, err := ks.Panic(t.Context(), member("team1"), cards)
		if err != nil || act.Flags != 2 || act.Select.Tag != "card-data" {
			t.Fatalf("whose it all is: %+v, %v", act, err)
		}
		if act, err := ks.Panic(t.Context(), olu, slow); err != nil || act.Flags != 1 { // the other one is off already
			t.Errorf("an operator: %+v, %v", act, err)
		}
		if off := count(t, db, `SELECT COUNT(*) FROM flag_environment WHERE environment = 'production' AND kill_reason <> 'it failed' AND killed_at > 0`); off != 3 {
			t.Errorf("%d flags are off, 3 were tagged", off)
		}
	})
}

func TestTakingBackAPanicLeavesAloneWhatOthersTouchedSince(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ks := crowd(t, db, 300)
		serving := `SELECT COUNT(*) FROM flag_environment WHERE environment = 'staging' AND definition LIKE '%"killed":true%'`
		order := kill.Order{Select: registry.Selection{Owner: "team1"}, Environment: "staging", ExpectFlags: 10}
		act, err := ks.Panic(t.Context(), olu, order)
		if err != nil || act.Flags != 3 {
			t.Fatalf("%+v, %v", act, err)
		}
		s := rollouttest.Empty(t, db, noon)
		change := registry.Change{By: olu, At: noon, Reason: "mended"}
		s.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := kill.Restore(ctx, tx, change, "app101.flag101", "staging")
			return err
		})
		if _, err := ks.Kill(t.Context(), olu, "app101.flag101", "staging", rollout.Word{}, live.Sent{}); err != nil { // by the same person at the same moment
			t.Fatal(err)
		}
		s.Write(func(ctx context.Context, tx *store.Tx) error {
			restored, _, err := kill.Undo(ctx, tx, change, act)
			if restored != 1 { // another one is deprecated
				t.Errorf("%d were restored", restored)
			}
			return err
		})
		if n := count(t, db, serving); n != 2 {
			t.Errorf("%d are off", n)
		}
		if got, err := ks.Get(t.Context(), olu, act.ID); err != nil || got.Standing != 1 {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
		s.Write(func(ctx context.Context, tx *store.Tx) error {
			restored, revision, err := kill.Undo(ctx, tx, change, act)
			if restored != 0 || revision != 0 {
				t.Errorf("taking back twice restored %d at %d", restored, revision)
			}
			return err
		})
	})
}

func TestAPanicStopsRolloutsAsAKillDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := rollouttest.Open(t, db, 30, -1)
		s.Must(s.Rollouts.Start(t.Context(), alice, s.ID, rollout.Word{}))
		for range 2 {
			s.GoOn()
		}
		act, err := s.Kills.Panic(t.Context(), olu, kill.Order{Select: registry.Selection{Environment: "production"}, ExpectFlags: 1})
		if err != nil || act.Rollouts != 1 || act.Flags != 1 {
			t.Fatalf("%+v, %v", act, err)
		}
		if r := s.Now(); r.State != rollout.Aborted || r.KilledIn != "production" {
			t.Errorf("rollout: %+v", r)
		}
		s.Write(func(ctx context.Context, tx *store.Tx) error {
			_, _, err := kill.Undo(ctx, tx, registry.Change{By: olu, At: s.Clock, Reason: "mended"}, act)
			return err
		})
		list, err := s.Rollouts.List(t.Context(), alice, rollout.Filter{FlagKey: s.Flag.Key}, store.Page{})
		if err != nil || list.Items[0].State != rollout.Ready || len(list.Items) != 2 {
			t.Errorf("after it was taken back: %+v, %v", list.Items, err)
		}
	})
}

// BenchmarkPanic turns off all of 5,000 flags in one transaction; it grows with their number.
func BenchmarkPanic(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			db := storetest.Open(b, engine)
			ks := crowd(b, db, 5_000)
			for i := 0; b.Loop(); i++ {
				environment := []string{"production", "staging", "sandbox"}[i%3]
				order := kill.Order{Select: registry.Selection{Environment: environment}, ExpectFlags: 5_000}
				act, err := ks.Panic(b.Context(), olu, order)
				if err != nil || act.Flags == 0 && i < 3 {
					b.Fatal(fmt.Sprint(act, err))
				}
			}
		})
	}
}
