package signin

import (
	"context"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Still is the step that every write transaction of a call begins with (store.Guard): the actor, who was recognized when the call
// began, still has the credential and all the rights of that time. They may have ended while the body of the call arrived, or
// while it waited. What takes them away (the end of a session, the revocation of a token, a change of the person or of a group)
// waits for this transaction, or this one for it, so that the two have one order, that of the audit log.
//
// It returns a fault of kind Unauthenticated if the credential ended, and of kind Forbidden if the actor lost a right.
func (s *Sessions) Still(ctx context.Context, tx *store.Tx, by access.Actor) error {
	if by.PersonID == "" { // the local socket, and Souk itself
		return nil
	}
	if err := hold(ctx, tx, by); err != nil {
		return err
	}
	lasting, err := s.Lasting(ctx, tx, []audit.Credential{by.Credential})
	if err != nil {
		return err
	}
	ended := fault.New(fault.Unauthenticated, "credential_ended", "what you signed in with ended before this was done, so nothing was changed").
		Fix("sign in again, or ask an administrator")
	if !lasting[by.Credential] {
		return ended
	}
	now, err := access.ActorOf(ctx, tx, by.PersonID, by.Credential, by.TokenScope)
	if fault.Is(err, fault.Unauthenticated) {
		return ended
	}
	if err != nil {
		return err
	}
	if !now.Covers(by) {
		return fault.New(fault.Forbidden, "rights_changed", "your rights became fewer before this was done, so nothing was changed").
			Fix("send it again: what you may still do is done then")
	}
	return nil
}

// hold is a step: until the transaction ends, nobody takes the actor's credential away, or a right of theirs.
func hold(ctx context.Context, tx *store.Tx, by access.Actor) error {
	for _, held := range []struct{ query, id string }{
		{`SELECT id FROM person WHERE id = $1`, string(by.PersonID)},
		{`SELECT id FROM session WHERE id = $1`, by.Credential.ID},
		{`SELECT id FROM api_token WHERE id = $1 OR id = (SELECT token_id FROM session WHERE id = $1)`, by.Credential.ID},
	} {
		if _, err := store.List(ctx, tx, store.ScanString, held.query+tx.ForKeyShare(), held.id); err != nil {
			return fault.Wrap("hold credential", err)
		}
	}
	return nil
}
