package review

import (
	"context"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Ask returns a request to its requester with what should be changed or answered. It is not final: the request needs fixes until
// its content is edited, an author answers, or the approver takes it back. An approval that the approver gave before no longer
// counts; those of others stay.
func (d *Desk) Ask(ctx context.Context, by access.Actor, id string, j Judgement) (Request, error) {
	if err := access.Can(by, access.RequestDecide, access.Scope{}); err != nil {
		return Request{}, err
	}
	if strings.TrimSpace(j.Reason) == "" {
		return Request{}, fault.New(fault.Invalid, "reason_required", "asking for a change needs words").At("reason").
			Fix("say what the requester should change or answer")
	}
	if err := checkReason(j.Reason); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		world, err := electors(ctx, tx)
		if err != nil {
			return err
		}
		repeated, err := d.admit(&r, Facts{World: world}, by, VerdictAsked, &j)
		if err != nil {
			return err
		}
		if !repeated {
			if err := d.decided(ctx, tx, by, &r, VerdictAsked, j); err != nil {
				return err
			}
			if err := d.standAnew(ctx, tx, &r, world); err != nil {
				return err
			}
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// TakeBack voids what the actor decided on a request, as long as it is not carried out. Taking back again changes nothing.
func (d *Desk) TakeBack(ctx context.Context, by access.Actor, id string, j Judgement) (Request, error) {
	if err := access.Can(by, access.RequestDecide, access.Scope{}); err != nil {
		return Request{}, err
	}
	if err := checkReason(j.Reason); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		repeated, err := r.mayTakeBack(by, j)
		if err != nil {
			return err
		}
		if !repeated {
			if err := d.takeBack(ctx, tx, by, &r, j); err != nil {
				return err
			}
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// mayTakeBack decides whether the actor has something to take back. repeated is true if it is taken back already.
func (r record) mayTakeBack(by access.Actor, j Judgement) (repeated bool, err error) {
	if r.wroteIt(by) {
		return false, fault.New(fault.Forbidden, "own_request", "you asked for this or edited it, so you decided nothing on it").
			Fix("withdraw or edit it instead")
	}
	if err := r.open("decided otherwise"); err != nil {
		return false, err
	}
	if err := r.names(j.Digest); err != nil {
		return false, err
	}
	mine, decided := r.decisionOf(by.Identity())
	if decided && (j.Domain == "" || j.Domain == mine.Domain) {
		return false, nil
	}
	if !decided && slices.ContainsFunc(r.decisions, func(x Decision) bool {
		return x.by().Is(by.Identity()) && x.Digest == r.digest && x.Void == VoidTakenBack
	}) {
		return true, nil
	}
	return false, fault.New(fault.Conflict, "nothing_to_take_back", "nothing that you decided on this request counts now").
		Fix("read it again: an edit voids what was decided before")
}

func (d *Desk) takeBack(ctx context.Context, tx *store.Tx, by access.Actor, r *record, j Judgement) error {
	mine, _ := r.decisionOf(by.Identity())
	if err := r.void(ctx, tx, VoidTakenBack, func(x Decision) bool { return x.ID == mine.ID }); err != nil {
		return err
	}
	e := by.Event(audit.FlagApprovalTakenBack, d.Now())
	e.Reason = orElse(j.Reason, "taken back by "+by.Email)
	e.Details = map[string]any{"digest": r.digest, "domain": mine.Domain, "verdict": mine.Verdict}
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return err
	}
	world, err := electors(ctx, tx)
	if err != nil {
		return err
	}
	return d.standAnew(ctx, tx, r, world)
}

// mayAnswer decides whether the actor may answer what approvers asked for: only authors may, who never decide.
func (r record) mayAnswer(by access.Actor) error {
	if err := access.Can(by, access.RequestEdit, r.scope()); err != nil {
		return err
	}
	if !r.wroteIt(by) {
		return fault.New(fault.Forbidden, "not_an_author", "only who asked for this or edited it answers for it").
			Fix("leave the answer to %s, or say it as a comment", r.requester.Email)
	}
	return nil
}

// answer closes what approvers asked for, so that they may decide on the content as it is.
func (d *Desk) answer(ctx context.Context, tx *store.Tx, r *record) error {
	if err := r.open("answered for"); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.decisions, Decision.open) {
		return fault.New(fault.Conflict, "nothing_asked", "nobody waits for an answer on this request").At("answers").
			Fix("say it as a comment, without answers")
	}
	if err := r.void(ctx, tx, VoidAnswered, Decision.open); err != nil {
		return err
	}
	world, err := electors(ctx, tx)
	if err != nil {
		return err
	}
	return d.standAnew(ctx, tx, r, world)
}

// standAnew settles a request after an act that no judgement belongs to. It never carries the request out, since what was judged at its
// last edit or approval may be wrong by now: the leader judges it anew, whom the mark of the act's event tells.
func (d *Desk) standAnew(ctx context.Context, tx *store.Tx, r *record, w World) error {
	if _, err := d.settle(ctx, tx, r, w); err != nil {
		return err
	}
	if r.state == Approved {
		r.state = NeedsApproval
	}
	return r.save(ctx, tx, d.Now())
}
