package sdkkey

import (
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func hours(n int) access.Rotation { return access.Rotation{OverlapHours: &n} }

func TestRotatedKeyIsServedBesideTheNewOneForAWhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, &access.Directory{DB: db, Now: (&accesstest.Wall{At: accesstest.Noon}).Now})
		k, clock := keys(db), &accesstest.Wall{At: accesstest.Noon}
		k.Now = clock.Now
		old, secret, err := k.Create(t.Context(), accesstest.Root, Spec{
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
			_, ok := k.Lookup(secret, clock.At)
			return ok
		}
		if !serves(secret) {
			t.Fatal("the key is not served")
		}
		_, _, err = k.Rotate(t.Context(), accesstest.Actor(t, db, accesstest.Alice), old.ID, access.Rotation{}) // production is governed
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		_, _, err = k.Rotate(t.Context(), accesstest.Root, "none", access.Rotation{})
		accesstest.WantFault(t, err, fault.NotFound, "unknown_key")
		fresh, second, err := k.Rotate(t.Context(), accesstest.Root, old.ID, hours(2))
		if err != nil || fresh.App != "where2eat" || !fresh.ClientSide || !fresh.AllowsOrigin("https://a.example") || fresh.ExpiresAt != nil ||
			!serves(secret) || !serves(second) {
			t.Fatalf("got %+v, %v", fresh, err)
		}
		clock.Add(2 * time.Hour)
		if serves(secret) || !serves(second) {
			t.Error("the old one outlives the overlap, or took the new one along")
		}
		for ended, want := range map[bool]int{false: 1, true: 2} {
			l, err := k.List(t.Context(), accesstest.Root, "", ended, store.Page{})
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
		key, secret, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox"})
		if err != nil || k.Load(t.Context()) != nil {
			t.Fatal(err)
		}
		lastUsed := func() *time.Time {
			t.Helper()
			l, err := k.List(t.Context(), accesstest.Root, "", true, store.Page{})
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
		k.Lookup(secret, accesstest.Noon)
		k.Lookup(secret, accesstest.Noon.Add(time.Minute))
		k.Lookup(secret, accesstest.Noon.Add(30*time.Second)) // a clock that was set back
		if lastUsed() != nil {
			t.Error("an evaluation wrote to the database")
		}
		if _, _, err := k.Create(t.Context(), accesstest.Root, Spec{Environment: "sandbox"}); err != nil || k.Load(t.Context()) != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := k.WriteUse(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if at := lastUsed(); at == nil || !at.Equal(accesstest.Noon.Add(time.Minute)) {
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
	_, secret, err := k.Create(b.Context(), accesstest.Root, Spec{Environment: "sandbox"})
	if err != nil || k.Load(b.Context()) != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := k.Lookup(secret, accesstest.Noon); !ok {
			b.Fatal("not served")
		}
	}
}
