// Package lifecycle moves flags through their states and knows when their time is up.
package lifecycle

import "time"

// State is where a flag stands in its life.
type State string

// The states, in the order of a life.
const (
	Proposed   State = "proposed"   // asked for, in no snapshot
	Approved   State = "approved"   // ready for rollout, off outside the sandbox
	Staged     State = "staged"     // limited rollout
	Active     State = "active"     // its full audience has it in production
	Deprecated State = "deprecated" // read-only, on its way out
	Removed    State = "removed"    // gone; its key stays taken
)

// Status is a flag's place in its life. ExpiresAt is set from the first production step on.
type Status struct {
	FlagKey       string     `json:"flag_key"`
	State         State      `json:"state" enum:"proposed,approved,staged,active,deprecated,removed"`
	Since         time.Time  `json:"since"`
	TTLDays       int        `json:"ttl_days"`
	MaxActiveDays int        `json:"max_active_days"`
	Left          State      `json:"left,omitempty" doc:"State that it left when it was deprecated or removed; an extension leads back there"`
	ProductionAt  *time.Time `json:"production_at,omitempty" doc:"When the first production step started"`
	ActiveAt      *time.Time `json:"active_at,omitempty"`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" doc:"The earlier of TTL from the first production step and max_active_days from active, or what an extension made of it"`
	ExtendedUntil *time.Time `json:"extended_until,omitempty" doc:"What an approved extension granted"`
	ExtendedAt    *time.Time `json:"extended_at,omitempty"`
	GraceEndsAt   *time.Time `json:"grace_ends_at,omitempty" doc:"While deprecated: until then an extension leads back, from then on it may be removed"`
	RemovalPlan   string     `json:"removal_plan,omitempty"`
	Revision      int64      `json:"revision"`
	GraceDays     int        `json:"-"` // that deprecation gives; fewer than 0: the deployment's default at that time
}

// Rules is a lifecycle policy: the mission's lifecycle.json.
type Rules struct {
	MaxActiveDays        int   `json:"max_active_days" minimum:"1"`
	ReminderScheduleDays []int `json:"reminder_schedule_days"`
	DeprecatedGraceDays  int   `json:"deprecated_grace_days" minimum:"0"`
}
