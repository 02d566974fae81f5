package serve_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/access"
)

// late is a body that arrives after something happened: the caller was recognized before the first byte of it is read.
type late struct {
	happen sync.Once
	what   func()
	rest   io.Reader
}

func (b *late) Read(p []byte) (int, error) {
	b.happen.Do(b.what)
	return b.rest.Read(p)
}

// A slow body has made a production key 26 seconds after its token was revoked.
func TestACallWhoseRightsEndWhileItArrivesDoesNothing(t *testing.T) {
	no := false
	admin := access.Local("root")
	for _, loss := range []struct {
		name string
		lose func(s *site, token string) error
		by   []string // whose rights end
		code string
	}{
		{"revoked", func(s *site, token string) error {
			_, err := s.app.Tokens.Revoke(s.Context(), admin, token, 0)
			return err
		}, []string{"token"}, "credential_ended"},
		{"signed out", func(s *site, _ string) error {
			s.as("olu").do("DELETE", "/api/v1/session", nil).want(s, http.StatusOK)
			return nil
		}, []string{"session"}, "credential_ended"},
		{"disabled", func(s *site, _ string) error {
			_, _, err := s.app.Directory.PutPerson(s.Context(), admin, "olu"+at, access.PersonSpec{Active: &no}, 0)
			return err
		}, []string{"token", "session"}, "credential_ended"},
		{"demoted", func(s *site, _ string) error {
			_, _, err := s.app.Directory.PutGroup(s.Context(), admin, "on-call", access.GroupSpec{}, 0)
			return err
		}, []string{"token", "session"}, "rights_changed"},
		{"removed from the group", func(s *site, _ string) error {
			_, _, err := s.app.Directory.PutGroup(s.Context(), admin, "on-call", access.GroupSpec{Roles: []access.Role{access.Operator}, Members: []string{}}, 0)
			return err
		}, []string{"token", "session"}, "rights_changed"},
	} {
		for _, by := range loss.by {
			t.Run(loss.name+", by a "+by, func(t *testing.T) {
				atOnce(t, func(s *site) {
					made := s.as("olu").post("/api/v1/tokens", object{"scope": "all"}).want(s, http.StatusCreated)
					c := s.as("olu")
					if by == "token" {
						c = &caller{site: s, name: "olu's token", headers: []string{"Authorization: Bearer " + made.text("secret")}}
					}
					status := map[string]int{"credential_ended": http.StatusUnauthorized, "rights_changed": http.StatusForbidden}[loss.code]
					c.post("/api/v1/sdk-keys", &late{rest: strings.NewReader(`{"environment": "production"}`), what: func() {
						if err := loss.lose(s, made.text("id")); err != nil {
							t.Error(err)
						}
					}}).refused(s, status, loss.code)
					if keys := s.as("root").get("/api/v1/sdk-keys").want(s, http.StatusOK); len(keys.items()) != 0 {
						s.Errorf("a key was made: %s", keys)
					}
				})
			})
		}
	}
}
