// Package rollout brings an approved flag to its audience in steps that people or time promote.
package rollout

import (
	"time"

	"github.com/soukhq/souk/internal/registry"
)

// State is where a rollout stands.
type State string

// The states. Completed and aborted are final.
const (
	Ready     State = "ready"
	Running   State = "running"
	Paused    State = "paused"
	Completed State = "completed"
	Aborted   State = "aborted"
)

// Promotion says what ends a step.
type Promotion string

// The promotions. Guard arrives with the guard.
const (
	ByPerson Promotion = "person" // after the bake an owner goes on, with a reason
	ByTime   Promotion = "time"   // the end of the bake goes on by itself
)

// StepState is where a step stands.
type StepState string

// The states of a step.
const (
	StepPending  StepState = "pending"
	StepBaking   StepState = "baking"
	StepPromoted StepState = "promoted"
	StepAborted  StepState = "aborted"
)

// Step is one stage of a plan and, once begun, how it went. An empty audience is everybody.
type Step struct {
	Environment string            `json:"environment"`
	Audience    string            `json:"audience,omitempty" doc:"Segment; empty is everybody"`
	Percent     int               `json:"percent" minimum:"1" maximum:"100"`
	People      *int              `json:"people,omitempty" doc:"So many people were on the closed list that the audience is when the plan was approved; absent where it is none, or has 200 and more"`
	Serving     *registry.Serving `json:"serving,omitempty" doc:"What the environment serves in this step of a change; absent in a first rollout, where audience and percent say it"`
	BakeSeconds int64             `json:"bake_seconds" minimum:"0"`
	Promote     Promotion         `json:"promote" enum:"person,time"`
	State       StepState         `json:"state" enum:"pending,baking,promoted,aborted"`
	StartedAt   *time.Time        `json:"started_at,omitempty"`
	BakedAt     *time.Time        `json:"baked_at,omitempty" doc:"When the bake is over"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	EndedBy     string            `json:"ended_by,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Evidence    string            `json:"evidence,omitempty" enum:"none,time" doc:"What the promotion rested on"`
}

// Rollout is a plan and where it stands. Current is the index of the step that bakes, or of the next one while ready.
type Rollout struct {
	ID        string     `json:"id"`
	FlagKey   string     `json:"flag_key"`
	App       string     `json:"app"`
	RequestID string     `json:"request_id"`
	State     State      `json:"state" enum:"ready,running,paused,completed,aborted"`
	Current   int        `json:"current"`
	Steps     []Step     `json:"steps"`
	Reason    string     `json:"reason,omitempty" doc:"Why it was paused or aborted"`
	PausedAt  *time.Time `json:"paused_at,omitempty"`
	KilledIn  string     `json:"killed_in,omitempty" doc:"Production environment where a kill aborted it"`
	Unseen    string     `json:"unseen,omitempty" doc:"Why it began in production although no program had asked for the flag by its key before"`
	WaitsAt   *time.Time `json:"waits_at,omitempty" doc:"Since when time would have gone on to production, and waits for a program to ask for the flag by its key"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	Revision  int64      `json:"revision"`
	Verdict   Verdict    `json:"verdict" enum:"nothing,promote,ask,wait" doc:"What time says now: nothing to do, promote by itself, ask a person to go on, or wait for a program to ask for the flag"`
	Can       []string   `json:"can" nullable:"false" doc:"What the caller may do now: start, promote, pause, resume, abort"`
}

// Verdict says what is to be done with a rollout now.
type Verdict string

// The verdicts.
const (
	Nothing    Verdict = "nothing" // it bakes, waits to be started or resumed, or is over
	GoOn       Verdict = "promote" // the bake is over, and time promotes
	AskPerson  Verdict = "ask"     // the bake is over, and a person has to say whether to go on
	WaitForUse Verdict = "wait"    // the bake is over, and time promotes once a program has asked for the flag by its key
)

// Outcome is a rollout after a verb or a step, and what SDKs must come to see: the revision of an environment that
// live.Live has to reach. Without a change for SDKs the revision is 0.
type Outcome struct {
	Rollout     Rollout
	Environment string
	Revision    int64
}
