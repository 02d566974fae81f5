package signin

import (
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/access/accesstest"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// outlasting is every way in which a token that ends in an hour might make what does not; each returns the end of what it made.
var outlasting = map[string]func(t *testing.T, d desk, by access.Actor) (*time.Time, error){
	"a token without an end": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		token, _, err := d.tokens.Create(t.Context(), by, TokenSpec{Scope: access.ScopeAll})
		return token.ExpiresAt, err
	},
	"a token that ends later": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		later := accesstest.Noon.Add(24 * time.Hour)
		_, _, err := d.tokens.Create(t.Context(), by, TokenSpec{Scope: access.ScopeAll, ExpiresAt: &later})
		accesstest.WantFault(t, err, fault.Invalid, "outlasts_its_maker")
		return by.Ends, nil
	},
	"a token for somebody else": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		token, _, err := d.tokens.Create(t.Context(), by, TokenSpec{As: "pat@hyfin.example", Scope: access.ScopeAll})
		return token.ExpiresAt, err
	},
	"itself, rotated": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		token, _, err := d.tokens.Rotate(t.Context(), by, d.token.ID, access.Rotation{})
		return token.ExpiresAt, err
	},
	"another token of one's own, rotated": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		lasting, _, err := d.tokens.Create(t.Context(), d.by["session"], TokenSpec{Scope: access.ScopeAll})
		if err != nil || lasting.ExpiresAt != nil {
			t.Fatalf("by a session: %v, %v", lasting.ExpiresAt, err)
		}
		token, _, err := d.tokens.Rotate(t.Context(), by, lasting.ID, access.Rotation{})
		return token.ExpiresAt, err
	},
	"an invitation": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		link, err := d.accounts.Invite(t.Context(), by, "pat@hyfin.example", Invitation{})
		return &link.ExpiresAt, err
	},
	"a link to a password of one's own": func(t *testing.T, d desk, by access.Actor) (*time.Time, error) {
		_, err := d.accounts.ResetLink(t.Context(), by, by.Email)
		accesstest.WantFault(t, err, fault.Forbidden, "outlasts_its_maker")
		return by.Ends, nil
	},
}

func TestNothingOutlastsTheTokenThatMadeIt(t *testing.T) {
	t.Parallel()
	if len(outlasting) != 7 {
		t.Errorf("%d attempts", len(outlasting))
	}
	for name, try := range outlasting {
		for _, way := range []string{"token", "session by token"} {
			t.Run(name+" by "+way, func(t *testing.T) {
				t.Parallel()
				storetest.Each(t, func(t *testing.T, db *store.DB) {
					d := newDesk(t, db)
					accesstest.Group(t, d.accounts.Directory, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: []string{accesstest.Alice}})
					by := accesstest.Actor(t, db, accesstest.Alice)
					by.Ends, by.Credential = d.by[way].Ends, d.by[way].Credential
					end, err := try(t, d, by)
					if err != nil || end == nil || end.After(*d.token.ExpiresAt) {
						t.Errorf("it ends at %v, and its maker at %v; %v", end, d.token.ExpiresAt, err)
					}
				})
			})
		}
	}
}
