package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// question is what policies are to judge: a content by all the facts that one transaction saw, and an approval of it where one
// is given.
type question struct {
	content  Content
	facts    Facts
	approval map[string]any // as decision policies see it; nil: none is given
}

// sum names the question by all that its answer rests on, except the time: two questions of the same sum have the same answer.
func (q question) sum() (string, error) {
	world := q.facts.World
	world.Now = time.Time{}
	text, err := json.Marshal([]any{q.content, world, q.facts.Reports, q.facts.subject, q.facts.subject.base(q.content), q.approval})
	if err != nil {
		return "", fmt.Errorf("encode the facts of a judgement: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// opinion is the answer to a question.
type opinion struct {
	Assessed
	approval []fault.Finding // what decision policies say of the approval
}

// answer asks the policies. No transaction is open.
func (q question) answer(ctx context.Context) (o opinion, err error) {
	if o.Assessed, err = Check(ctx, q.content, q.facts); err != nil || q.approval == nil {
		return o, err
	}
	o.approval, err = judgeApproval(ctx, q)
	return o, err
}

// hearing is one act that policies judge, and what was judged for it so far, by the sums of the questions.
type hearing struct {
	opinions map[string]opinion
	open     *question // that the last transaction ended for
}

// judge returns the opinion on a question if that was found out before, from the same facts. Otherwise it ends the transaction
// with store.ErrMoved, and the question is answered outside of it.
func (h *hearing) judge(q question) (opinion, error) {
	sum, err := q.sum()
	if err != nil {
		return opinion{}, err
	}
	o, ok := h.opinions[sum]
	if !ok {
		h.open = &q
		return opinion{}, store.ErrMoved
	}
	return o, nil
}

// answer answers the open question, when it is its turn.
func (h *hearing) answer(ctx context.Context, turn turn) error {
	q := *h.open
	h.open = nil
	sum, err := q.sum()
	if err != nil {
		return err
	}
	return turn(ctx, func(ctx context.Context) error {
		o, err := q.answer(ctx)
		if err == nil {
			h.opinions[sum] = o
		}
		return err
	})
}

// hear runs an act that policies judge: act is a write transaction that asks h once, before it writes. First it runs in a read
// transaction, up to its question or its first write, so that the question is answered with no transaction open; then it runs as a
// write transaction, which takes its locks, reads the facts again and goes on only if they are the same. Other facts are judged
// anew, three times in all, then it is a fault.Unavailable with the code busy.
func (d *Desk) hear(ctx context.Context, act func(ctx context.Context, tx *store.Tx, h *hearing) error) error {
	return d.hearBy(ctx, d.Policies.Evaluate, act)
}

// turn runs an evaluation of policies when it is its turn.
type turn func(ctx context.Context, fn func(ctx context.Context) error) error

func (d *Desk) hearBy(ctx context.Context, turn turn, act func(ctx context.Context, tx *store.Tx, h *hearing) error) error {
	h := &hearing{opinions: map[string]opinion{}}
	run := func(ctx context.Context, tx *store.Tx) error {
		err := act(ctx, tx, h)
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Conflict && (e.Field == "app.slug" || e.Field == "fields.name") {
			// Another transaction took what the facts had found free. That is a finding of its check, and no refusal.
			return store.ErrMoved
		}
		return err
	}
	prepare := func(ctx context.Context) error {
		if h.open == nil {
			err := d.DB.Read(ctx, run)
			if err != nil && !errors.Is(err, store.ErrMoved) && !errors.Is(err, store.ErrReadOnly) {
				return err
			}
		}
		if h.open == nil { // there is nothing to judge
			return nil
		}
		return h.answer(ctx, turn)
	}
	return store.Prepared(ctx, d.DB.WriteLarge, prepare, run)
}
