package review

import (
	"context"
	"fmt"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// restoring is restore_flag: a flag that was turned off for everybody is turned on again.
type restoring struct{ ofFlag }

func (*restoring) title(c Content) string {
	return fmt.Sprintf("Turn %s on again in %s", quoted(c.FlagKey, "a switch"), c.Environment)
}

func (*restoring) takes() []string { return []string{"flag_key", "environment"} }

func (s *restoring) ask(by access.Actor, c Content) error {
	if s.Flag == nil {
		return unknownFlag(c.FlagKey)
	}
	return access.Can(by, access.Restore, s.Flag.Scope())
}

func (s *restoring) conflict(Content, World) *fault.Error {
	if s.Flag == nil {
		return nil
	}
	return readOnly(*s.Flag)
}

// base is the kill that is to be undone, by its time.
func (s *restoring) base(c Content) any {
	if s.Flag == nil || killedIn(*s.Flag, c.Environment) == nil {
		return int64(0)
	}
	return store.Micros(killedIn(*s.Flag, c.Environment).At)
}

func (*restoring) effect(ctx context.Context, m move, _ Assessed) (map[string]int64, error) {
	if err := m.desk.Kills.Free(ctx, m.tx, m.r.content.Environment, m.r.content.FlagKey); err != nil {
		return nil, err
	}
	o, err := kill.Restore(ctx, m.tx, m.change(registry.CauseRestore), m.r.content.FlagKey, m.r.content.Environment)
	m.r.rolloutID = o.Rollout.ID // what was left of a rollout that the kill had aborted
	return revealed(o), err
}

// check judges a request to turn a flag on again. What policy says of a flag that was approved before only warns.
func (s *restoring) check(c Content, w World) checked {
	seen := s.begin(c, w)
	seen.lenient, seen.exposes = true, true
	if s.Flag == nil {
		return seen
	}
	killed := killedIn(*s.Flag, c.Environment)
	_, known := w.environment(c.Environment)
	switch {
	case !known:
		seen.schema = append(seen.schema, w.unknownEnvironment(c.Environment))
	case killed == nil:
		seen.schema = append(seen.schema, wrong("flag_key", "not_killed", "withdraw this request: there is nothing to turn on again",
			"%s is not turned off in %s", c.FlagKey, c.Environment))
	default:
		state, _ := s.Flag.In(c.Environment)
		words := fmt.Sprintf("%s is turned on again in %s: %s", s.Flag.Key, c.Environment, state.Serving.Words())
		seen.impact.Words = "turned on again in " + c.Environment + ", for the people it reached before"
		if state.Serving.Mode == registry.ServeOff {
			words = fmt.Sprintf("%s is no longer blocked in %s, where it stays off until its rollout starts", s.Flag.Key, c.Environment)
			seen.impact.Words = "no longer blocked in " + c.Environment + ", where nobody had it before, and nobody gets it by this"
		}
		seen.diff = []Change{{Path: "flag." + s.Flag.Key + "." + c.Environment + ".killed", Words: words, Before: true, After: false}}
	}
	seen.impact.Environments = []string{c.Environment}
	return seen
}

// RestoreOutcome is the request that was made, or else the revisions that SDKs are to see.
type RestoreOutcome struct {
	Request  *Request
	Revealed map[string]int64
}

// Restore turns a killed flag on again: at once where the environment is not governed, else as a request, of which there is
// one at a time. Restoring what is not killed changes nothing. A revision in w is the flag's.
func (d *Desk) Restore(ctx context.Context, by access.Actor, flagKey, environment string, w rollout.Word) (RestoreOutcome, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return RestoreOutcome{}, err
	}
	if err := checkReason(w.Reason); err != nil {
		return RestoreOutcome{}, err
	}
	var out RestoreOutcome
	err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		out = RestoreOutcome{}
		flag, env, err := kill.Target(ctx, tx, by, access.Restore, flagKey, environment, w)
		if err != nil {
			return err
		}
		if killedIn(flag, environment) == nil {
			return nil
		}
		if err := d.Kills.Free(ctx, tx, environment, flagKey); err != nil {
			return err
		}
		if !env.Governed {
			change := registry.Change{By: by, At: d.Now(), Reason: orElse(w.Reason, "turned on again by "+by.Email), Cause: registry.CauseRestore}
			o, err := kill.Restore(ctx, tx, change, flagKey, environment)
			out.Revealed = revealed(o)
			return err
		}
		// Whoever clicks twice waits here, and finds the request of the first click.
		if flag, err = registry.Lock(ctx, tx, flagKey); err != nil || killedIn(flag, environment) == nil {
			return err
		}
		r, ok, err := openRequest(ctx, tx, RestoreFlag, flagKey, environment)
		if err != nil {
			return err
		}
		if ok { // one for an earlier kill is of no use
			if ok, err = r.current(undoing(flag)); err != nil {
				return err
			}
		}
		if !ok {
			r, _, err = d.submit(ctx, tx, h, by, Content{
				Kind: RestoreFlag, FlagKey: flagKey, Environment: environment, Reason: orElse(w.Reason, "turn on again"),
			})
			if err != nil {
				return err
			}
		}
		view, err := d.view(ctx, tx, by, r)
		out.Request = &view
		return err
	})
	return out, err
}

// undoing is the subject of requests to turn the flag on again, as far as their base needs it.
func undoing(flag registry.Flag) *restoring { return &restoring{ofFlag{target: target{Flag: &flag}}} }

// openRequest returns the newest request of a kind about a flag in an environment that waits to be mended or decided.
func openRequest(ctx context.Context, tx *store.Tx, kind Kind, flagKey, environment string) (record, bool, error) {
	r, ok, err := store.One(ctx, tx, scanWhole, `SELECT `+wholeColumns+` FROM request
		WHERE flag_key = $1 AND environment = $2 AND kind = $3 AND `+undecided+` ORDER BY id DESC LIMIT 1`,
		flagKey, environment, kind)
	if err != nil {
		return record{}, false, fmt.Errorf("look for an open request: %w", err)
	}
	return r, ok, nil
}

// killedIn returns the kill of a flag in an environment; nil if it is not killed there.
func killedIn(f registry.Flag, environment string) *registry.Killed {
	state, _ := f.In(environment)
	return state.Kill
}

// revealed gives the revision that SDKs are to see after a rollout moved; 0 means that nothing changed for them.
func revealed(o rollout.Outcome) map[string]int64 {
	if o.Revision == 0 {
		return nil
	}
	return map[string]int64{o.Environment: o.Revision}
}

// undoAtOnce is how many requests one act of UndoKill makes: each flag has owners and approvers of its own, so each has a request.
const undoAtOnce = 100

// UndoOutcome is what became of the flags that a kill still held off.
type UndoOutcome struct {
	Restored int              `json:"restored" doc:"Flags that are on again"`
	Requests []string         `json:"requests" doc:"Requests that were made now, where the environment is governed: one for each flag"`
	Left     int              `json:"left" doc:"Flags that there is no request for yet; the same call again asks for the next of them"`
	Revealed map[string]int64 `json:"-"`
}

// UndoKill turns on again what a kill still holds off, and nothing that somebody else turned off or on since: at once and under
// one revision where the environment is not governed, else as requests, one for each flag and at most 100 at a time. Flags that are
// deprecated stay off.
func (d *Desk) UndoKill(ctx context.Context, by access.Actor, id, reason string) (out UndoOutcome, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return UndoOutcome{}, err
	}
	if err := checkReason(reason); err != nil {
		return UndoOutcome{}, err
	}
	out.Requests = []string{}
	var act kill.Act
	var env registry.Environment
	var keys []string
	if err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		if act, env, err = d.Kills.TargetAct(ctx, tx, by, id); err != nil || !env.Governed {
			return err
		}
		keys, err = registry.HeldBy(ctx, tx, act.ID)
		return err
	}); err != nil {
		return UndoOutcome{}, err
	}
	if !env.Governed {
		return d.undoKill(ctx, by, id, reason)
	}
	for i, key := range keys {
		if len(out.Requests) == undoAtOnce {
			out.Left = len(keys) - i
			break
		}
		// Each in a transaction of its own, since each is judged; the same call again asks for what is left.
		var made string
		err := d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) (err error) {
			made, err = d.askToRestore(ctx, tx, h, by, key, env.Name, reason)
			return err
		})
		if err != nil {
			return UndoOutcome{}, err
		}
		if made != "" {
			out.Requests = append(out.Requests, made)
		}
	}
	return out, nil
}

// undoKill turns on again at once what a kill still holds off in an environment that is not governed.
func (d *Desk) undoKill(ctx context.Context, by access.Actor, id, reason string) (out UndoOutcome, err error) {
	err = d.DB.WriteLarge(ctx, func(ctx context.Context, tx *store.Tx) error {
		out = UndoOutcome{Requests: []string{}}
		act, env, err := d.Kills.TargetAct(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if env.Governed {
			return fault.New(fault.Conflict, "environment_governed", "%s is governed by now", env.Name).Fix("try again: then it is asked for")
		}
		keys, err := registry.HeldBy(ctx, tx, act.ID)
		if err == nil {
			err = d.Kills.Free(ctx, tx, env.Name, keys...)
		}
		if err != nil {
			return err
		}
		change := registry.Change{By: by, At: d.Now(), Reason: orElse(reason, "turned on again by "+by.Email)}
		var revision int64
		out.Restored, revision, err = kill.Undo(ctx, tx, change, act)
		if revision != 0 {
			out.Revealed = map[string]int64{env.Name: revision}
		}
		return err
	})
	return out, err
}

// askToRestore makes a request to turn a flag on again, unless there is one: then it returns "".
func (d *Desk) askToRestore(
	ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, key, environment, reason string,
) (id string, err error) {
	flag, err := registry.Lock(ctx, tx, key)
	if err != nil || killedIn(flag, environment) == nil {
		return "", err
	}
	r, ok, err := openRequest(ctx, tx, RestoreFlag, key, environment)
	if err != nil {
		return "", err
	}
	if ok {
		if ok, err = r.current(undoing(flag)); err != nil || ok {
			return "", err
		}
	}
	r, _, err = d.submit(ctx, tx, h, by, Content{
		Kind: RestoreFlag, FlagKey: key, Environment: environment, Reason: orElse(reason, "turn on again"),
	})
	return r.id, err
}
