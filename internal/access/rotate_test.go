package access

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func hours(n int) Rotation { return Rotation{OverlapHours: &n} }

func TestRotationNeverProlongsTheOldSecretNorShortensTheNewOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		made := noon
		now := made.Add(time.Duration(rapid.IntRange(0, 10_000).Draw(t, "age in min")) * time.Minute)
		var expires *time.Time
		if rapid.Bool().Draw(t, "expires") {
			end := now.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "left in min")) * time.Minute)
			expires = &end
		}
		overlap := rapid.IntRange(-2, maxOverlap+2).Draw(t, "overlap")
		old, fresh, err := hours(overlap).rotated(made, expires, now)
		if bad := overlap < 0 || overlap > maxOverlap; (err != nil) != bad {
			t.Fatalf("an overlap of %d: %v", overlap, err)
		} else if bad {
			return
		}
		if old.After(now.Add(time.Duration(overlap)*time.Hour)) || expires != nil && old.After(*expires) || old.Before(now) {
			t.Fatalf("the old one ends at %s", old)
		}
		if (fresh == nil) != (expires == nil) || fresh != nil && fresh.Before(*expires) {
			t.Fatalf("the new one ends at %v, the old one would have at %v", fresh, expires)
		}
	})
}

func TestRotatedTokenWorksBesideTheNewOneForAWhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		company(t, directory(db))
		clock := &wall{noon}
		tokens := &Tokens{DB: db, Now: clock.now}
		end := noon.Add(90 * 24 * time.Hour)
		by := actor(t, db, alice)
		old, secret, err := tokens.Create(t.Context(), by, TokenSpec{Name: "nightly", Scope: ScopeRead, ExpiresAt: &end})
		if err != nil {
			t.Fatal(err)
		}
		works := func(secret string) bool {
			t.Helper()
			_, err := tokens.Actor(t.Context(), secret)
			if err != nil && !fault.Is(err, fault.Unauthenticated) {
				t.Fatal(err)
			}
			return err == nil
		}
		clock.add(80 * 24 * time.Hour)
		fresh, second, err := tokens.Rotate(t.Context(), by, old.ID, Rotation{})
		if err != nil || fresh.ID == old.ID || second == secret || fresh.Name != "nightly" || fresh.As != alice || fresh.Scope != ScopeRead ||
			!fresh.ExpiresAt.Equal(clock.at.Add(90*24*time.Hour)) || !works(secret) || !works(second) {
			t.Fatalf("got %+v, %v", fresh, err)
		}
		_, _, err = tokens.Rotate(t.Context(), by, old.ID, Rotation{})
		wantFault(t, err, fault.Conflict, "rotated_already")
		_, _, err = tokens.Rotate(t.Context(), actor(t, db, "pat@hyfin.example"), fresh.ID, Rotation{})
		wantFault(t, err, fault.NotFound, "unknown_token")
		_, _, err = tokens.Rotate(t.Context(), by, fresh.ID, hours(-1))
		wantFault(t, err, fault.Invalid, "invalid_overlap")
		clock.add(24 * time.Hour)
		if works(secret) || !works(second) {
			t.Error("the old one outlives the overlap, or took the new one along")
		}
		_, _, err = tokens.Rotate(t.Context(), by, old.ID, Rotation{})
		wantFault(t, err, fault.Conflict, "ended")
		narrow := by
		narrow.TokenScope = ScopeRequests
		_, _, err = tokens.Rotate(t.Context(), narrow, fresh.ID, Rotation{})
		wantFault(t, err, fault.Forbidden, "token_scope")
		_, third, err := tokens.Rotate(t.Context(), by, fresh.ID, hours(0))
		if err != nil || works(second) || !works(third) {
			t.Errorf("without an overlap the old one ends at once; %v", err)
		}
		for ended, want := range map[bool]int{false: 1, true: 3} {
			l, err := tokens.List(t.Context(), by, ended, store.Page{})
			if err != nil || len(l.Items) != want {
				t.Errorf("with ended ones %v: %d, %v", ended, len(l.Items), err)
			}
		}
		l, err := tokens.List(t.Context(), by, true, store.Page{})
		if err != nil || l.Items[2].ReplacedBy != l.Items[1].ID || l.Items[1].ReplacedBy != l.Items[0].ID || l.Items[0].ReplacedBy != "" {
			t.Errorf("got %+v, %v", l.Items, err)
		}
	})
}

func TestRotatedKeyIsServedBesideTheNewOneForAWhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		company(t, directory(db))
		k, clock := keys(db), &wall{noon}
		k.Now = clock.now
		old, secret, err := k.Create(t.Context(), root, KeySpec{
			Environment: "production", App: "where2eat", ClientSide: true, Origins: []string{"https://a.example"},
		})
		if err != nil {
			t.Fatal(err)
		}
		serves := func(secret string) bool {
			t.Helper()
			if err := k.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, ok := k.Lookup(secret, clock.at)
			return ok
		}
		if !serves(secret) {
			t.Fatal("the key is not served")
		}
		_, _, err = k.Rotate(t.Context(), actor(t, db, alice), old.ID, Rotation{}) // production is governed
		wantFault(t, err, fault.Forbidden, "forbidden")
		_, _, err = k.Rotate(t.Context(), root, "none", Rotation{})
		wantFault(t, err, fault.NotFound, "unknown_key")
		fresh, second, err := k.Rotate(t.Context(), root, old.ID, hours(2))
		if err != nil || fresh.App != "where2eat" || !fresh.ClientSide || !fresh.AllowsOrigin("https://a.example") || fresh.ExpiresAt != nil ||
			!serves(secret) || !serves(second) {
			t.Fatalf("got %+v, %v", fresh, err)
		}
		clock.add(2 * time.Hour)
		if serves(secret) || !serves(second) {
			t.Error("the old one outlives the overlap, or took the new one along")
		}
		for ended, want := range map[bool]int{false: 1, true: 2} {
			l, err := k.List(t.Context(), root, "", ended, store.Page{})
			if err != nil || len(l.Items) != want {
				t.Errorf("with ended ones %v: %d, %v", ended, len(l.Items), err)
			}
		}
	})
}

func TestUseOfAKeyIsWrittenAsideAndOutlivesARefresh(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := keys(db)
		key, secret, err := k.Create(t.Context(), root, KeySpec{Environment: "sandbox"})
		if err != nil || k.Load(t.Context()) != nil {
			t.Fatal(err)
		}
		lastUsed := func() *time.Time {
			t.Helper()
			l, err := k.List(t.Context(), root, "", true, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range l.Items {
				if item.ID == key.ID {
					return item.LastUsed
				}
			}
			return nil
		}
		k.Lookup(secret, noon)
		k.Lookup(secret, noon.Add(time.Minute))
		k.Lookup(secret, noon.Add(30*time.Second)) // a clock that was set back
		if lastUsed() != nil {
			t.Error("an evaluation wrote to the database")
		}
		if _, _, err := k.Create(t.Context(), root, KeySpec{Environment: "sandbox"}); err != nil || k.Load(t.Context()) != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := k.WriteUse(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if at := lastUsed(); at == nil || !at.Equal(noon.Add(time.Minute)) {
			t.Errorf("last used at %v", at)
		}
		if got := k.held.Load().byID[key.ID].use; got.at.Load() != got.written.Load() {
			t.Error("it would be written again each minute")
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	db := storetest.Open(b, store.SQLite)
	k := keys(db)
	_, secret, err := k.Create(b.Context(), root, KeySpec{Environment: "sandbox"})
	if err != nil || k.Load(b.Context()) != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := k.Lookup(secret, noon); !ok {
			b.Fatal("not served")
		}
	}
}
