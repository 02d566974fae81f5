package signin

import (
	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// ownCredential refuses, by a credential that somebody else made, to change how its own person signs in, or to end what that person
// signed in by: whoever made it may be who acts by it, and would keep the person out, or become them for good. For another person it
// refuses nothing, since what one may do to others needs rights of its own.
func ownCredential(by access.Actor, of access.Identity) error {
	if len(by.Makers) == 0 || !by.Identity().Is(of) {
		return nil
	}
	return fault.New(fault.Forbidden, "own_credential", "you act by a token or link that somebody else made, and how %s signs in is changed with "+
		"a credential of one's own", of.Email).Fix("sign in with your password; without one, ask for a link to choose one, which souk invite --reset %s makes "+
		"on the server", of.Email)
}

// ownToken is ownCredential for ending a token: what such a credential is, or others like it, it may end.
func ownToken(by access.Actor, token Token) error {
	if len(token.makers) > 0 {
		return nil
	}
	return ownCredential(by, token.as())
}
