package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Rollouts holds the verbs.
type Rollouts struct {
	DB    *store.DB
	Now   func() time.Time
	Log   *slog.Logger   // nil logs nothing
	Usage *measure.Usage // what this process counts of the use of flags; nil where it serves none
}

// Word is what somebody says with an act. A revision of 0 means the rollout as it stands; another makes the act a fault of
// kind Stale if the rollout has moved on from it. Unseen says why the first step in production begins although no program has asked for the
// flag by its key; where one has, it is not kept.
type Word struct {
	Reason   string
	Unseen   string
	Revision int64
}

const reasonLimit = 2000 // bytes

// Get returns one rollout.
func (rs *Rollouts) Get(ctx context.Context, by access.Actor, id string) (Rollout, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Rollout{}, err
	}
	var all []Rollout
	err := rs.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, id, "")
		if err != nil {
			return err
		}
		all = []Rollout{r}
		return rs.show(ctx, tx, by, all)
	})
	if err != nil {
		return Rollout{}, err
	}
	return all[0], nil
}

// show fills in what the actor may do with each.
func (rs *Rollouts) show(ctx context.Context, tx *store.Tx, by access.Actor, all []Rollout) error {
	v, err := viewerIn(ctx, tx, by, rs.Now())
	if err != nil {
		return err
	}
	scopes := map[string]access.Scope{}
	for i, r := range all {
		on, ok := scopes[r.FlagKey]
		if !ok {
			flag, err := flagOf(ctx, tx, r)
			if err != nil {
				return err
			}
			on = flag.Scope()
			scopes[r.FlagKey] = on
		}
		all[i] = v.of(r, on)
	}
	return nil
}

// Start begins the first step in the same transaction, and makes an approved flag staged. Owners do it. A rollout that runs
// already stays as it is. One that begins in production is a fault of kind Conflict and code not_seen while no program has asked for the
// flag by its key, unless unseen says why.
func (rs *Rollouts) Start(ctx context.Context, by access.Actor, id string, w Word) (Outcome, error) {
	if strings.TrimSpace(w.Reason) == "" {
		w.Reason = "rollout started by " + by.Email
	}
	return rs.act(ctx, by, id, Start, w)
}

// Promote ends the step that bakes and begins the next; after the last one the flag is active. A reason is required, since
// it is what the promotion rests on; where none is given, unseen is it. Owners do it; in production, before the bake is over, operators and
// admins do. Into production it is refused as Start is.
func (rs *Rollouts) Promote(ctx context.Context, by access.Actor, id string, w Word) (Outcome, error) {
	if strings.TrimSpace(w.Reason) == "" {
		w.Reason = w.Unseen
	}
	return rs.act(ctx, by, id, Promote, w)
}

// Pause stops a rollout where it is; what SDKs see stays. Owners, operators and admins do it.
func (rs *Rollouts) Pause(ctx context.Context, by access.Actor, id string, w Word) (Outcome, error) {
	if strings.TrimSpace(w.Reason) == "" {
		w.Reason = "paused by " + by.Email
	}
	return rs.act(ctx, by, id, Pause, w)
}

// Resume goes on with a paused rollout; its bake gets the time that the pause took. Owners do it.
func (rs *Rollouts) Resume(ctx context.Context, by access.Actor, id string, w Word) (Outcome, error) {
	return rs.act(ctx, by, id, Resume, w)
}

// Abort ends a rollout for good; what SDKs see stays. Owners, operators and admins do it.
func (rs *Rollouts) Abort(ctx context.Context, by access.Actor, id string, w Word) (Outcome, error) {
	if strings.TrimSpace(w.Reason) == "" {
		w.Reason = "aborted by " + by.Email
	}
	return rs.act(ctx, by, id, Abort, w)
}

func (rs *Rollouts) act(ctx context.Context, by access.Actor, id string, act Act, w Word) (Outcome, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Outcome{}, err
	}
	if err := checkWords("unseen", w.Unseen); err != nil {
		return Outcome{}, err
	}
	if err := CheckReason(w.Reason); err != nil {
		return Outcome{}, err
	}
	// Read before the transaction waits for its turn: of two people who act at once, the second meant the rollout as it was
	// before the first, and must not promote a step that only just began.
	var meant Rollout
	var missing *fault.Error
	err := rs.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if meant, err = load(ctx, tx, id, ""); err != nil || act != Start && act != Promote {
			return err
		}
		missing, err = meant.missing(ctx, tx)
		return err
	})
	if err == nil && missing != nil && rs.Usage != nil { // what was asked for in the last seconds may be in memory yet
		err = rs.Usage.Flush(store.Beside(ctx))
	}
	if err != nil {
		return Outcome{}, err
	}
	var out Outcome
	err = rs.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, id, tx.ForUpdate())
		if err != nil {
			return err
		}
		flag, err := flagOf(ctx, tx, r)
		if err != nil {
			return err
		}
		now := stored(rs.Now())
		v, err := viewerIn(ctx, tx, by, now)
		if err != nil {
			return err
		}
		if err := v.ever(act, flag.Scope()); err != nil {
			return err
		}
		shown := v.of(r, flag.Scope())
		if w.Revision != 0 && w.Revision != r.Revision {
			return stale(shown)
		}
		if err := v.allow(meant, act, flag.Scope()); err != nil {
			return err
		}
		done, err := shown.judge(act)
		switch {
		case err != nil:
			return err
		case done:
			out = Outcome{Rollout: r}
		case meant.Revision != r.Revision:
			return fault.New(fault.Conflict, "changed_meanwhile", "somebody else acted at the same moment; the rollout is %s at step %d", r.State, r.Current+1).
				Fix("look at where it stands now, then try again").Showing(shown)
		default:
			if v.right(r, act) != access.RolloutStop { // a read-only flag can only be stopped
				if err := flag.Writable(); err != nil {
					return err
				}
			}
			r.Steps = slices.Clone(r.Steps) // what is refused shows them as they are
			m := motion{by: by, at: now, ident: lifecycle.Of(flag), reason: w.Reason, unseen: strings.TrimSpace(w.Unseen)}
			if out, err = m.do(ctx, tx, act, r, flag); err != nil {
				if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Conflict && f.Current == nil {
					err = f.Showing(shown)
				}
				return err
			}
		}
		out.Rollout = v.of(out.Rollout, flag.Scope())
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (m motion) do(ctx context.Context, tx *store.Tx, act Act, r Rollout, flag registry.Flag) (Outcome, error) {
	switch act {
	case Start:
		return m.start(ctx, tx, r)
	case Promote:
		if strings.TrimSpace(m.reason) == "" {
			return Outcome{}, fault.New(fault.Invalid, "required", "a reason is missing").At("reason").
				Fix("say why it is fine to go on, such as: no complaints since yesterday")
		}
		return m.promote(ctx, tx, r, "none")
	case Pause:
		return m.pause(ctx, tx, r)
	case Resume:
		return m.resume(ctx, tx, r, flag)
	case Abort:
		return m.abort(ctx, tx, r, "")
	}
	return Outcome{}, fmt.Errorf("no act %q", act)
}

// CheckReason refuses a reason that is too long or holds what cannot be stored.
func CheckReason(reason string) error { return checkWords("reason", reason) }

func checkWords(field, words string) error {
	if len(words) > reasonLimit {
		return fault.New(fault.Invalid, "too_long", "the reason is too long").At(field).Fix("shorten it")
	}
	return store.CheckText(field, words)
}

// Tick promotes the rollouts whose time has come, each in a transaction of its own and by one step at most. One that cannot
// go on, such as since its flag is killed, is paused and says why; one that would enter production with a flag that no program has
// asked for waits until one has. The leader calls it every few seconds.
func (rs *Rollouts) Tick(ctx context.Context) error {
	now := stored(rs.Now())
	var due []string
	err := rs.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all, err := store.List(ctx, tx, scan, `SELECT `+columns+` FROM rollout WHERE state = $1 AND due_at <= $2
			ORDER BY waits_at IS NOT NULL, due_at LIMIT 1000`, Running, store.Micros(now))
		for _, r := range all {
			if r.WaitsAt != nil {
				if missing, err := r.missing(ctx, tx); err != nil {
					return err
				} else if missing != nil {
					continue
				}
			}
			due = append(due, r.ID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("find rollouts that are due: %w", err)
	}
	var failed error
	for _, id := range due {
		err := rs.tick(ctx, id, now, nil)
		if refused, ok := errors.AsType[*fault.Error](err); ok && refused.Kind == fault.Conflict {
			err = rs.tick(ctx, id, now, refused)
		}
		if err != nil && !fault.Is(err, fault.Stale) { // whoever acted meanwhile wins
			failed = errors.Join(failed, fmt.Errorf("promote rollout %s: %w", id, err))
		}
	}
	return failed
}

// tick promotes a rollout that is due, or pauses it if that was refused.
func (rs *Rollouts) tick(ctx context.Context, id string, now time.Time, refused *fault.Error) error {
	by := access.System("rollout")
	var out Outcome
	err := rs.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, id, tx.ForUpdate())
		if verdict := Next(r, now); err != nil || verdict != GoOn && verdict != WaitForUse {
			return err
		}
		flag, err := flagOf(ctx, tx, r)
		if err != nil {
			return err
		}
		m := motion{by: by, at: now, ident: lifecycle.Of(flag)}
		if refused != nil {
			m.reason = refused.Message + "; " + refused.Remediation
			out, err = m.pause(ctx, tx, r)
			return err
		}
		if err := flag.Writable(); err != nil {
			return err
		}
		missing, err := r.missing(ctx, tx)
		if err != nil || missing != nil && r.WaitsAt != nil {
			return err
		}
		if missing != nil {
			m.reason = missing.Message
			out, err = m.wait(ctx, tx, r)
			return err
		}
		m.reason = fmt.Sprintf("the bake of %s is over", time.Duration(r.Steps[r.Current].BakeSeconds)*time.Second)
		out, err = m.promote(ctx, tx, r, "time")
		return err
	})
	if err == nil && out.Rollout.ID != "" && rs.Log != nil {
		rs.Log.InfoContext(ctx, "moved a rollout by time", "rollout", id, "flag", out.Rollout.FlagKey,
			"state", out.Rollout.State, "step", out.Rollout.Current+1, "reason", out.Rollout.Reason)
	}
	return err
}
