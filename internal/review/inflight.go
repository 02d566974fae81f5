package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// freshFor is how old the last approval may be of those that a request is carried out on by itself. After that one of those who
// approved does so once more.
const freshFor = 7 * 24 * time.Hour

// SettleMarked judges the open requests whose facts changed, oldest first, and settles each in a transaction of its own: by souk, on
// the approvals given. One process at a time runs it. It judges in no queue, so that nobody who is waited for keeps it waiting. A
// request that cannot be settled is told of in the log and tried again, later each time, and the others are settled all the same.
func (d *Desk) SettleMarked(ctx context.Context) error {
	for {
		var marks, requests []string
		if err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			marks, requests, err = marked(ctx, tx, d.Now())
			return err
		}); err != nil || len(marks) == 0 {
			return err
		}
		for _, id := range requests {
			err := d.resettle(ctx, id)
			if err == nil {
				continue
			}
			if err := d.putOff(ctx, id, err); err != nil { // the marks stay
				return err
			}
			marks = slices.DeleteFunc(marks, func(mark string) bool { return mark == id })
		}
		if len(marks) == 0 {
			continue
		}
		if err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return unmark(ctx, tx, marks) }); err != nil {
			return err
		}
	}
}

// putOff has a request settled later that could not be settled now, and tells of it.
func (d *Desk) putOff(ctx context.Context, id string, why error) error {
	var tries int64
	if err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		tries, err = putOff(ctx, tx, id, d.Now())
		return err
	}); err != nil {
		return errors.Join(why, err)
	}
	d.log(ctx, slog.LevelError, "request not settled", slog.String("request", id), slog.Int64("tries", tries), slog.Any("error", why))
	return nil
}

func (d *Desk) log(ctx context.Context, level slog.Level, words string, attrs ...slog.Attr) {
	if d.Log != nil {
		d.Log.LogAttrs(ctx, level, words, attrs...)
	}
}

// resettle judges one open request by the facts as they are, and carries it out if it has all that it needs.
func (d *Desk) resettle(ctx context.Context, id string) error {
	by := access.System("review")
	atOnce := func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
	var seen map[string]int64
	err := d.hearBy(ctx, atOnce, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		seen = nil
		r, err := load(ctx, tx, by, id)
		if err != nil || !r.state.undecided() {
			return err
		}
		f, err := d.held(ctx, tx, &r, by)
		if err != nil {
			return err
		}
		judged, err := h.judge(question{content: r.content, facts: f})
		if err != nil {
			return err
		}
		before := r
		if err := r.inFlight(judged.Assessed, f); err != nil {
			return err
		}
		lapsed, err := d.settle(ctx, tx, &r, f.World)
		if err != nil {
			return err
		}
		if r.state == Approved && (r.expired(f.Now) || refused(r.timely(f))) {
			r.state = NeedsApproval
		}
		m := move{desk: d, tx: tx, by: by, at: d.Now(), w: f.World, r: &r}
		if r.state == Approved {
			if seen, err = m.carryOut(ctx, f.subject, judged.Assessed); err != nil {
				return err
			}
			return r.save(ctx, tx, d.Now())
		}
		if !lapsed && r.standsAs(before) {
			return nil
		}
		e := by.Event(audit.RequestJudgedAnew, d.Now())
		e.From, e.To = string(before.state), string(r.state)
		if err := appendEvent(ctx, tx, &r, e); err != nil {
			return err
		}
		if err := m.recordExceptions(ctx, judged.uses); err != nil {
			return err
		}
		return r.save(ctx, tx, d.Now())
	})
	if err == nil && len(seen) > 0 {
		d.log(ctx, slog.LevelInfo, "request carried out", slog.String("request", id), slog.Any("revisions", seen))
	}
	return err
}

func refused(err error) bool {
	_, is := errors.AsType[*fault.Error](err)
	return is
}

// standsAs reports whether a judgement left the request as it was before.
func (r record) standsAs(before record) bool {
	return r.state == before.state && r.stricter == before.stricter && r.stuck == before.stuck &&
		reflect.DeepEqual(r.quorum, before.quorum) && r.assessment.Risk == before.assessment.Risk &&
		slices.EqualFunc(r.assessment.Checks, before.assessment.Checks, sameCheck)
}

func sameCheck(a, b CheckResult) bool {
	return a.Name == b.Name && a.Status == b.Status && slices.EqualFunc(a.Findings, b.Findings, func(x, y fault.Finding) bool {
		return x.Code == y.Code && x.Field == y.Field && x.Message == y.Message
	})
}

// inFlight judges a request that is open already. While the rules are those by which it was judged before, what is judged now
// counts. Where the rules are others, the stricter of both counts: the checks that failed, except by a report, and the higher risk stay. More approvals that
// were needed once stay needed either way.
func (r *record) inFlight(judged Assessed, f Facts) error {
	rules, err := f.rules()
	if err != nil {
		return err
	}
	was := r.assessment
	least := min(was.Impact.People, judged.Impact.People)
	if r.least != nil {
		least = min(least, *r.least)
	}
	r.least = &least
	r.assessment, r.quorum = judged.Assessment, stricter(r.quorum, judged.Quorum)
	r.stricter = !maps.Equal(r.quorum, judged.Quorum)
	if rules == r.rules {
		return nil
	}
	kept := risks[was.Risk] > risks[judged.Risk]
	if kept {
		r.assessment.Risk, r.assessment.RiskReasons = was.Risk, was.RiskReasons
	}
	r.assessment.Checks = slices.Clone(r.assessment.Checks)
	for _, old := range was.Checks {
		at := slices.IndexFunc(r.assessment.Checks, func(c CheckResult) bool { return c.Name == old.Name })
		if old.Status != Failed || old.Reported != nil || at >= 0 && r.assessment.Checks[at].Status == Failed {
			continue
		}
		kept = true
		if at >= 0 {
			r.assessment.Checks[at] = old
		} else {
			r.assessment.Checks = append(r.assessment.Checks, old)
		}
	}
	if !kept {
		r.rules = rules
	}
	r.stricter = r.stricter || kept
	return nil
}

// rules names the rules that requests are judged by: policies, the rules of lifecycle, and which environments are governed. What is
// served in these changes with every flag, and is no rule.
func (w World) rules() (string, error) {
	places := slices.Clone(w.Environments)
	for i := range places {
		places[i].Revision = 0
	}
	text, err := json.Marshal([]any{w.Policies, w.Rules, places})
	if err != nil {
		return "", fmt.Errorf("encode the rules: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// expired reports whether the last approval is so old that the request is no longer carried out on it.
func (r record) expired(now time.Time) bool {
	var last time.Time
	for _, d := range r.decisions {
		if d.approves() && d.At.After(last) {
			last = d.At
		}
	}
	return !last.IsZero() && now.Sub(last) > freshFor
}
