package access

import (
	"context"
	"encoding/json"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Verb is one that changes what governs, with the pure function that says what gets looser. S is what it changes.
type Verb[S any] struct {
	Method string // such as Registry.PutEnvironment
	Action string // its name in proposals, such as environment.put
	Right  Action // what whoever asks for it has to hold; KeyMake is meant where the environment is governed
	// Looser says in plain words what gets looser; nothing where the change only tightens, or loosens nothing.
	Looser func(before, after S) []string
}

// Second is the step that the verb takes before it writes. It returns nil where the change may take effect: nothing gets looser,
// whoever acts holds the installation itself, nobody else could confirm it, or another administrator has asked for the same.
// Otherwise it keeps the change as a proposal and returns that: the verb then changes nothing, lets the transaction commit, and
// returns (*Proposal).Pending(), which the API answers with 202. What gets looser on the word of one alone is told to all
// administrators and approvers.
//
//	var waiting *access.Proposal
//	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
//		if waiting, err = verb.Second(ctx, tx, by, now, before, after, access.Loosening{…}); err != nil || waiting != nil {
//			return err
//		}
//		… the change …
//	})
//	if err == nil {
//		err = waiting.Pending()
//	}
func (v Verb[S]) Second(ctx context.Context, tx *store.Tx, by Actor, at time.Time, before, after S, l Loosening) (*Proposal, error) {
	l.action, l.right, l.words = v.Action, v.Right, v.Looser(before, after)
	return l.second(ctx, tx, by, at)
}

// Governing is a row of the table of all verbs that need a right to govern.
type Governing struct {
	Method string
	Action string // empty where nothing that it does loosens anything
	Right  Action
	Why    string // why nothing that it does loosens anything
	// Perform calls the verb for the administrator who confirms a proposal, with the change that was kept and the revision that
	// it was made from.
	Perform func(ctx context.Context, by Actor, change json.RawMessage, base int64) error
}

// Row makes the row of a verb that may loosen. C is what its proposals keep.
func Row[S, C any](v Verb[S], perform func(ctx context.Context, by Actor, change C, base int64) error) Governing {
	return Governing{Method: v.Method, Action: v.Action, Right: v.Right, Perform: func(ctx context.Context, by Actor, change json.RawMessage, base int64) error {
		var c C
		if err := json.Unmarshal(change, &c); err != nil {
			return fault.Wrap("read proposal", err)
		}
		return perform(ctx, by, c, base)
	}}
}

// Harmless makes the row of a verb that loosens nothing, and says why.
func Harmless(method string, right Action, why string) Governing {
	return Governing{Method: method, Right: right, Why: why}
}
