// Package registry holds flags, environments and segments as stored, and is the only writer of flags.
//
// Live is the other half: an immutable snapshot per environment, swapped as a whole when something changed, that the data
// plane evaluates without touching the database.
package registry

import (
	"encoding/json"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// Tier says what an environment is for.
type Tier string

// The tiers.
const (
	TierSandbox    Tier = "sandbox"
	TierTest       Tier = "test"
	TierProduction Tier = "production"
)

// Environment is one place where flags have values of their own. Revision grows with every change of a flag in it, Version
// with every change of the environment itself.
type Environment struct {
	Name     string `json:"name"`
	Position int    `json:"position" doc:"Order, from the most harmless on"`
	Tier     Tier   `json:"tier" enum:"sandbox,test,production"`
	Governed bool   `json:"governed" doc:"Changes need a request"`
	Revision int64  `json:"revision" doc:"Grows with every change of what SDKs see here"`
	Version  int64  `json:"version" doc:"Grows with every change of these settings"`
}

// Serving says, in words that people know, what a flag serves in an environment while it is not killed.
//
// It is compared with Equal: what its mode does not use does not count.
type Serving struct {
	Mode           ServingMode     `json:"mode" enum:"off,on,audience,custom"`
	Audience       string          `json:"audience,omitempty" doc:"Segment, with mode audience"`
	Percent        int             `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Share of the audience that gets the on variant, in whole percent"`
	Targeting      json.RawMessage `json:"targeting,omitempty" doc:"flagd targeting, with mode custom; absent serves the default variant to everybody"`
	DefaultVariant string          `json:"default_variant,omitempty" doc:"Variant where targeting names none, with mode custom; absent is what people outside an audience get"`
	Title          string          `json:"title,omitempty" doc:"What a custom rule does, in plain words, where Souk made the rule"`
	Imported       *Imported       `json:"imported,omitempty" doc:"What an import brought, with mode custom; targeting and default_variant repeat it"`
	Variants       map[string]any  `json:"variants,omitempty" doc:"Variants of this environment alone: more of them, or other values; the off variant stays as it is"`
}

// ServingMode is a closed set.
type ServingMode string

// The modes of serving.
const (
	ServeOff      ServingMode = "off"      // the off variant to everybody
	ServeOn       ServingMode = "on"       // the on variant to everybody
	ServeAudience ServingMode = "audience" // the on variant to a share of a segment, the outside variant to all others
	ServeCustom   ServingMode = "custom"   // what a rule in flagd's targeting says
)

// Flag is a flag as stored.
type Flag struct {
	Key             string            `json:"key" doc:"Global key, such as where2eat.enabled"`
	FlagID          string            `json:"flag_id" doc:"Such as microapp-where2eat-001"`
	App             string            `json:"app"`
	Name            string            `json:"name"`
	Description     string            `json:"description"`
	Type            string            `json:"type" enum:"boolean,string,number,object,mixed" doc:"mixed: imported, with values of several types"`
	OwnerGroup      string            `json:"owner_group"`
	Owner           string            `json:"owner" doc:"E-mail of the person, or name of the group, that answers for the flag"`
	OwnerID         access.PersonID   `json:"owner_id,omitempty" doc:"Id of the person that answers for the flag; absent where that is the group"`
	Contact         string            `json:"contact"`
	TemplateID      string            `json:"template_id"`
	TemplateVersion int               `json:"template_version"`
	Variants        map[string]any    `json:"variants"`
	On              string            `json:"on" doc:"Variant that a rollout gives to its audience"`
	Off             string            `json:"off" doc:"Variant that a kill serves"`
	Outside         string            `json:"outside" doc:"Variant for people outside the audience"`
	Audience        string            `json:"audience" doc:"Segment that the flag was approved for"`
	ClientSide      bool              `json:"client_side"`
	Tags            []string          `json:"tags" nullable:"false" doc:"Words that flags are found by, and turned off together by"`
	Imported        string            `json:"imported,omitempty" enum:"flagd,launchdarkly,unleash,goff,flipt,growthbook,csv" doc:"Format that the flag was imported from; absent: it was made here"`
	Environments    []FlagEnvironment `json:"environments" doc:"One for each environment, in their order; live is false until the flag is approved"`
	CreatedAt       time.Time         `json:"created_at"`
	UpdatedAt       time.Time         `json:"updated_at" doc:"Last change of the flag, of its life or of what it serves anywhere"`
	InstalledAt     *time.Time        `json:"installed_at,omitempty" doc:"When its approval first made it live"`
	RemovedAt       *time.Time        `json:"removed_at,omitempty" doc:"When it was removed; its key stays taken"`
	ReadOnly        bool              `json:"read_only" doc:"Deprecated or removed: it can be killed, extended and removed, and nothing else"`
	Revision        int64             `json:"revision"`
}

// In gives the state of the flag in an environment.
func (f Flag) In(environment string) (FlagEnvironment, bool) {
	for _, e := range f.Environments {
		if e.Environment == environment {
			return e, true
		}
	}
	return FlagEnvironment{}, false
}

// FlagEnvironment is the state of a flag in one environment.
type FlagEnvironment struct {
	Environment string          `json:"environment"`
	Live        bool            `json:"live" doc:"SDKs see the flag here: true from its approval to its removal"`
	Revision    int64           `json:"revision" doc:"Revision of the environment at the last change of this flag"`
	Serving     Serving         `json:"serving"`
	Kill        *Killed         `json:"kill,omitempty" doc:"Absent unless the flag is killed here"`
	Definition  json.RawMessage `json:"definition" doc:"flagd definition that SDKs get"`
	UpdatedAt   time.Time       `json:"updated_at"`
	KillServes  *string         `json:"kill_serves,omitempty" doc:"Of one flag by itself: variant that a kill serves here; empty: a kill leaves programs their own default"`
	Can         []string        `json:"can,omitempty" doc:"Of one flag by itself: what the caller may do here: kill, restore, change, rollback"`
}

// Killed is who turned a flag off for everybody, by which act, when and why.
type Killed struct {
	ID     string          `json:"id,omitempty" doc:"Of the act that turned it off; absent where that was before acts were kept"`
	By     string          `json:"by"`
	ByID   access.PersonID `json:"by_id,omitempty" doc:"Absent where no person turned it off"`
	At     time.Time       `json:"at"`
	Reason string          `json:"reason"`

	Uncommitted bool `json:"uncommitted,omitempty" doc:"It is served, and being written to the log"`
}

// Revision is one past or present state of a flag in an environment.
type Revision struct {
	Environment string          `json:"environment"`
	Revision    int64           `json:"revision"`
	Cause       Cause           `json:"cause" enum:"approved,rollout,changed,rollback,kill,restore,removed,segment,imported"`
	Serving     Serving         `json:"serving"`
	Killed      bool            `json:"killed"`
	Definition  json.RawMessage `json:"definition"`
	By          string          `json:"by"`
	At          time.Time       `json:"at"`
	Reason      string          `json:"reason"`
	RequestID   string          `json:"request_id,omitempty"`
	RolloutID   string          `json:"rollout_id,omitempty"`
}

// Change is who changes a flag, when and why. Cause is needed by Serve only: the other steps imply it.
type Change struct {
	By        access.Actor
	At        time.Time
	Reason    string
	RequestID string
	RolloutID string
	KillID    string     // of the act that turns off; needed by Kill and KillAll only
	ServedAt  *time.Time // when that act was served, where that was before it is committed
	Cause     Cause
}

// killed is the kill that the change is, as it is stored.
func (c Change) killed() *Killed {
	at := c.At
	if c.ServedAt != nil {
		at = *c.ServedAt
	}
	return &Killed{ID: c.KillID, By: c.By.Email, ByID: c.By.PersonID, At: store.Time(store.Micros(at)), Reason: c.Reason}
}

// Spec is what a flag is made from.
type Spec struct {
	App             string // slug
	Name            string // its slug is the second half of the key
	Description     string
	Type            string // boolean, string, number or object
	OwnerGroup      string
	Owner           string
	OwnerID         access.PersonID // of the owner, where that is a person
	Contact         string
	TemplateID      string
	TemplateVersion int
	Variants        map[string]any
	On              string
	Off             string
	Outside         string // empty is Off
	Audience        string // segment
	ClientSide      bool
}

// Cause says why a revision came to be.
type Cause string

// The causes.
const (
	CauseApproved Cause = "approved"
	CauseRollout  Cause = "rollout"
	CauseChanged  Cause = "changed"  // an approved change that acts at once
	CauseRollback Cause = "rollback" // back to an earlier revision
	CauseKill     Cause = "kill"
	CauseRestore  Cause = "restore"
	CauseRemoved  Cause = "removed"
	CauseSegment  Cause = "segment"
	CauseImported Cause = "imported"
)
