package signin

import (
	"slices"
	"testing"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestOnlyPublishersAskWhereTheInstallationSaysSo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := directory(db)
		accesstest.Company(t, d)
		accesstest.Person(t, d, "pat@hyfin.example", access.PersonSpec{DisplayName: "pat", Groups: []string{"team-lunch"}})
		accesstest.Group(t, d, "team-lunch", access.GroupSpec{Members: []string{accesstest.Alice, "pat@hyfin.example"}})
		accesstest.Group(t, d, "writers", access.GroupSpec{Roles: []access.Role{access.Publisher}, Members: []string{accesstest.Alice}})
		tokens := &Tokens{DB: db, Now: d.Now, Publishers: access.PublishersByRole}
		s := &Sessions{DB: db, Now: d.Now, Publishers: access.PublishersByRole}
		for email, may := range map[string]bool{accesstest.Alice: true, "pat@hyfin.example": false} {
			_, secret, err := tokens.Create(t.Context(), accesstest.Root, TokenSpec{As: email, Scope: access.ScopeAll})
			if err != nil {
				t.Fatal(err)
			}
			byToken, err := tokens.Actor(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			c, opened, err := s.SignIn(t.Context(), request(), email)
			if err != nil {
				t.Fatal(err)
			}
			bySession, _, err := s.Actor(t.Context(), request(c))
			if err != nil {
				t.Fatal(err)
			}
			for _, by := range []access.Actor{byToken, opened, bySession} {
				if err := access.Can(by, access.RequestMake, access.Scope{OwnerGroup: "team-lunch"}); (err == nil) != may {
					t.Errorf("%s: %v", email, err)
				} else if !may {
					accesstest.WantFault(t, err, fault.Forbidden, "publishers_only")
				}
				if slices.Contains(access.Held(by), access.RequestMake) != may {
					t.Errorf("%s is offered what is refused", email)
				}
				if err := access.Can(by, access.Kill, access.Scope{OwnerGroup: "team-lunch"}); err != nil {
					t.Errorf("%s may not even turn it off: %v", email, err)
				}
			}
		}
	})
}
