package signin

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

func TestRotatedTokenWorksBesideTheNewOneForAWhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accesstest.Company(t, directory(db))
		clock := &accesstest.Wall{At: accesstest.Noon}
		tokens := &Tokens{DB: db, Now: clock.Now}
		end := accesstest.Noon.Add(90 * 24 * time.Hour)
		by := accesstest.Actor(t, db, accesstest.Alice)
		old, secret, err := tokens.Create(t.Context(), by, TokenSpec{Name: "nightly", Scope: access.ScopeRead, ExpiresAt: &end})
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
		clock.Add(80 * 24 * time.Hour)
		fresh, second, err := tokens.Rotate(t.Context(), by, old.ID, access.Rotation{})
		if err != nil || fresh.ID == old.ID || second == secret || fresh.Name != "nightly" || fresh.As != accesstest.Alice || fresh.Scope != access.ScopeRead ||
			!fresh.ExpiresAt.Equal(clock.At.Add(90*24*time.Hour)) || !works(secret) || !works(second) {
			t.Fatalf("got %+v, %v", fresh, err)
		}
		_, _, err = tokens.Rotate(t.Context(), by, old.ID, access.Rotation{})
		accesstest.WantFault(t, err, fault.Conflict, "rotated_already")
		_, _, err = tokens.Rotate(t.Context(), accesstest.Actor(t, db, "pat@hyfin.example"), fresh.ID, access.Rotation{})
		accesstest.WantFault(t, err, fault.NotFound, "unknown_token")
		_, _, err = tokens.Rotate(t.Context(), by, fresh.ID, hours(-1))
		accesstest.WantFault(t, err, fault.Invalid, "invalid_overlap")
		clock.Add(24 * time.Hour)
		if works(secret) || !works(second) {
			t.Error("the old one outlives the overlap, or took the new one along")
		}
		_, _, err = tokens.Rotate(t.Context(), by, old.ID, access.Rotation{})
		accesstest.WantFault(t, err, fault.Conflict, "ended")
		narrow := by
		narrow.TokenScope = access.ScopeRequests
		_, _, err = tokens.Rotate(t.Context(), narrow, fresh.ID, access.Rotation{})
		accesstest.WantFault(t, err, fault.Forbidden, "token_scope")
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
