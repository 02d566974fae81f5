package rollout

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Act is something that is done to a rollout.
type Act string

// The acts.
const (
	Start   Act = "start"
	Promote Act = "promote"
	Pause   Act = "pause"
	Resume  Act = "resume"
	Abort   Act = "abort"
)

// acts is the one table of what may be done when: from which states, which state means that it holds already, and the
// right that it takes.
var acts = []struct {
	act   Act
	from  []State
	holds State
	right access.Action
}{
	{Start, []State{Ready}, Running, access.RolloutRun},
	{Promote, []State{Running}, Completed, access.RolloutRun},
	{Pause, []State{Running}, Paused, access.RolloutStop},
	{Resume, []State{Paused}, Running, access.RolloutRun},
	{Abort, []State{Ready, Running, Paused}, Aborted, access.RolloutStop},
}

// Next says what time asks of a rollout: to promote the step that bakes, to ask a person, or nothing. A clock that jumps
// ends one step at most, since the next begins to bake at now.
func Next(r Rollout, now time.Time) Verdict {
	if r.State != Running {
		return Nothing
	}
	step := r.Steps[r.Current]
	if step.State != StepBaking || step.BakedAt == nil || now.Before(*step.BakedAt) {
		return Nothing
	}
	switch step.Promote {
	case ByTime:
		if r.WaitsAt != nil {
			return WaitForUse
		}
		return GoOn
	case ByPerson:
	}
	return AskPerson
}

// bakesIn reports whether the rollout is at a step in production whose bake is not over.
func (r Rollout) bakesIn(production []string, now time.Time) bool {
	step := r.Steps[r.Current]
	return r.State == Running && step.BakedAt != nil && now.Before(*step.BakedAt) && slices.Contains(production, step.Environment)
}

// judge decides whether an act fits the state: done is true where it holds already. What does not fit is a fault of kind
// Conflict that names the state.
func (r Rollout) judge(act Act) (done bool, err error) {
	var open []string
	for _, row := range acts {
		fits := slices.Contains(row.from, r.State)
		if fits {
			open = append(open, string(row.act))
		}
		if row.act == act && (fits || r.State == row.holds) {
			return !fits, nil
		}
	}
	f := fault.New(fault.Conflict, "rollout_state", "the rollout is %s; it cannot be told to %s", r.State, act).Showing(r)
	if len(open) == 0 {
		return false, f.Fix("it is over; ask for a new change of the flag")
	}
	return false, f.Fix("now it can be told to %s", strings.Join(open, " or "))
}

// viewer is who looks at rollouts, and when.
type viewer struct {
	by         access.Actor
	at         time.Time
	production []string // environments
}

func viewerIn(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time) (viewer, error) {
	environments, err := registry.Environments(ctx, tx)
	v := viewer{by: by, at: at}
	for _, e := range environments {
		if e.Tier == registry.TierProduction {
			v.production = append(v.production, e.Name)
		}
	}
	return v, err
}

// right is the right that an act takes, apart from the moment.
func (a Act) right() access.Action {
	for _, row := range acts {
		if row.act == a {
			return row.right
		}
	}
	return ""
}

// right is the right that an act takes now. A step in production is watched for as long as was approved, unless operations say otherwise.
func (v viewer) right(r Rollout, act Act) access.Action {
	if act == Promote && r.bakesIn(v.production, v.at) {
		return access.RolloutEarly
	}
	return act.right()
}

// ever refuses an act that the viewer has the right for at no moment.
func (v viewer) ever(act Act, on access.Scope) error {
	err := access.Can(v.by, act.right(), on)
	if err != nil && act == Promote && access.Can(v.by, access.RolloutEarly, on) == nil {
		return nil
	}
	return err
}

// allow refuses an act that the viewer has no right for now.
func (v viewer) allow(r Rollout, act Act, on access.Scope) error {
	right := v.right(r, act)
	err := access.Can(v.by, right, on)
	if err == nil || right != access.RolloutEarly || access.Can(v.by, access.RolloutRun, on) != nil {
		return err
	}
	step := r.Steps[r.Current]
	return fault.New(fault.Forbidden, "bake_not_over", "the step in %s is watched until %s", step.Environment, step.BakedAt.UTC().Format("2 January 2006, 15:04 UTC")).
		Fix("wait until then, or ask somebody with the role operator or admin to go on earlier").Showing(v.of(r, on))
}

// of fills in what depends on who looks and when.
func (v viewer) of(r Rollout, on access.Scope) Rollout {
	r.Verdict, r.Can = Next(r, v.at), []string{}
	for _, row := range acts {
		if slices.Contains(row.from, r.State) && access.Can(v.by, v.right(r, row.act), on) == nil {
			r.Can = append(r.Can, string(row.act))
		}
	}
	return r
}

// bake begins the current step.
func (r *Rollout) bake(now time.Time) {
	step := &r.Steps[r.Current]
	end := now.Add(time.Duration(step.BakeSeconds) * time.Second)
	step.State, step.StartedAt, step.BakedAt = StepBaking, &now, &end
	r.State = Running
}

// endStep ends the current step; last tells that it was the last, which completes the rollout.
func (r *Rollout) endStep(now time.Time, by, reason, evidence string) (last bool) {
	step := &r.Steps[r.Current]
	step.State, step.EndedAt, step.EndedBy, step.Reason, step.Evidence = StepPromoted, &now, by, reason, evidence
	r.WaitsAt = nil
	if r.Current == len(r.Steps)-1 {
		r.State = Completed
		return true
	}
	r.Current++
	return false
}

func (r *Rollout) pause(now time.Time, reason string) {
	r.State, r.Reason, r.PausedAt, r.WaitsAt = Paused, reason, &now, nil
}

// resume goes on, and gives the bake the time that the pause took from it.
func (r *Rollout) resume(now time.Time) {
	step := &r.Steps[r.Current]
	if r.PausedAt != nil && step.BakedAt != nil && r.PausedAt.Before(*step.BakedAt) && now.After(*r.PausedAt) {
		end := step.BakedAt.Add(now.Sub(*r.PausedAt))
		step.BakedAt = &end
	}
	r.State, r.Reason, r.PausedAt = Running, "", nil
}

// abort ends the rollout for good; what SDKs see stays. killedIn is the environment whose kill did it, if one did.
func (r *Rollout) abort(now time.Time, by, reason, killedIn string) {
	if step := &r.Steps[r.Current]; step.State == StepBaking {
		step.State, step.EndedAt, step.EndedBy, step.Reason = StepAborted, &now, by, reason
	}
	r.State, r.Reason, r.PausedAt, r.WaitsAt, r.KilledIn = Aborted, reason, nil, nil, killedIn
}

// again gives the steps from the current one on, to be gone through once more.
func (r *Rollout) again() []Step {
	steps := make([]Step, 0, len(r.Steps))
	for _, s := range r.Steps[r.Current:] {
		steps = append(steps, Step{
			Environment: s.Environment, Audience: s.Audience, Percent: s.Percent, People: s.People, BakeSeconds: s.BakeSeconds,
			Promote: s.Promote, State: StepPending, Serving: s.Serving,
		})
	}
	return steps
}

// serving is what a step lets an environment serve.
func (s Step) serving() registry.Serving {
	if s.Serving != nil {
		return *s.Serving
	}
	if s.Audience == "" {
		return registry.Serving{Mode: registry.ServeOn}
	}
	return registry.Serving{Mode: registry.ServeAudience, Audience: s.Audience, Percent: s.Percent}
}

// full reports whether the rollout ends with the full audience in each production environment that it reaches, and reaches one.
func (r Rollout) full(environments []registry.Environment) (full bool) {
	for _, e := range environments {
		if e.Tier != registry.TierProduction {
			continue
		}
		for i := len(r.Steps) - 1; i >= 0; i-- {
			if r.Steps[i].Environment == e.Name {
				if !r.Steps[i].whole() {
					return false
				}
				full = true
				break
			}
		}
	}
	return full
}

// whole reports whether a step gives the flag to all of an audience, or to whom its own rules name.
func (s Step) whole() bool {
	serving := s.serving()
	switch serving.Mode {
	case registry.ServeOn, registry.ServeCustom:
		return true
	case registry.ServeAudience:
		return serving.Percent == 100
	case registry.ServeOff:
	}
	return false
}

// due is when time promotes; nil if it will not.
func (r Rollout) due() *time.Time {
	if r.State != Running || r.Steps[r.Current].Promote != ByTime {
		return nil
	}
	return r.Steps[r.Current].BakedAt
}

// asks is when a person is to be asked whether to go on; nil if nobody will.
func (r Rollout) asks() *time.Time {
	if r.State != Running || r.Steps[r.Current].Promote != ByPerson {
		return nil
	}
	return r.Steps[r.Current].BakedAt
}

// stored is the time as the database keeps it.
func stored(at time.Time) time.Time { return store.Time(store.Micros(at)) }
