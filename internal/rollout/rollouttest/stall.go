// Package rollouttest opens a stall: one approved flag whose rollout is ready, for the tests of what moves it.
package rollouttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// Noon is when a stall opens.
var Noon = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func person(name, group string, roles ...access.Role) access.Actor {
	return access.Actor{
		PersonID: access.PersonID(name), Email: name + "@hyfin.example", TokenScope: access.ScopeAll,
		Groups:     []access.Membership{{Group: group, Roles: roles}},
		Credential: audit.Credential{Kind: "session"},
	}
}

// Alice owns the flag, Pat approves, and Olu operates.
var (
	Alice = person("alice", "team-lunch", access.Publisher)
	Pat   = person("pat", "product", access.Approver)
	Olu   = person("olu", "on-call", access.Operator)
)

// Stall is a database with one approved flag whose rollout is ready, and a clock that the test moves.
type Stall struct {
	*testing.T
	Rollouts *rollout.Rollouts
	Kills    *kill.Kills
	Usage    *measure.Usage
	Clock    time.Time
	Flag     registry.Flag
	ID       string // of the rollout
}

// Open returns a stall with a flag that is called Enabled: its TTL is in days, and a number of people below 0 is not known.
func Open(t *testing.T, db *store.DB, ttl int, people int) *Stall {
	t.Helper()
	s := Empty(t, db, Noon)
	s.Ask("Enabled", ttl, people)
	return s
}

// Empty returns a stall without a flag, at a time.
func Empty(t *testing.T, db *store.DB, at time.Time) *Stall {
	t.Helper()
	s := &Stall{T: t, Clock: at}
	now := func() time.Time { return s.Clock }
	s.Usage = &measure.Usage{DB: db, Now: now, Counters: measure.NewCounters()}
	s.Rollouts, s.Kills = &rollout.Rollouts{DB: db, Now: now, Usage: s.Usage}, &kill.Kills{DB: db, Now: now}
	return s
}

// Told writes a plan, a line a step.
func Told(steps []rollout.Step) []string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, fmt.Sprintf("%s %q %d%% %s %s", s.Environment, s.Audience, s.Percent, time.Duration(s.BakeSeconds)*time.Second, s.Promote))
	}
	return lines
}

// Restore is what review does when a restore_flag request is approved.
func (s *Stall) Restore(environment string) (o rollout.Outcome) {
	s.Helper()
	s.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		o, err = kill.Restore(ctx, tx, registry.Change{By: Pat, At: s.Clock, Reason: "mended", RequestID: "request-2"}, s.Flag.Key, environment)
		return err
	})
	return o
}

// Ask makes another approved flag with a rollout that is ready, and lets a program ask for it in the sandbox.
func (s *Stall) Ask(name string, ttl, people int) {
	s.Helper()
	s.Approve(name, ttl, people)
	s.Caller("sandbox").Count(s.Outcome())
}

// Caller counts the use of flags in an environment.
func (s *Stall) Caller(environment string) *measure.Caller {
	return s.Usage.Counters.Caller(environment, "key", "ofrep")
}

// Outcome is what a program gets that asks for the flag.
func (s *Stall) Outcome() *flag.Outcome {
	return &flag.Outcome{Key: s.Flag.Key, Variant: "on", Reason: flag.Static}
}

// Approve makes another approved flag that no program has asked for, with a rollout that is ready.
func (s *Stall) Approve(name string, ttl, people int) {
	s.Helper()
	s.Write(func(ctx context.Context, tx *store.Tx) error {
		c := registry.Change{By: Alice, At: s.Clock, RequestID: "request-1", Reason: "approved"}
		flag, err := registry.Propose(ctx, tx, c, registry.Spec{
			App: "where2eat", Name: name, Type: "boolean", OwnerGroup: "team-lunch", Owner: Alice.Email, Contact: Alice.Email,
			Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off", Audience: "pilot",
		})
		if err != nil {
			return err
		}
		if _, err := lifecycle.Begin(ctx, tx, s.Clock, flag.Key, lifecycle.Terms{TTLDays: ttl}); err != nil {
			return err
		}
		if _, err := lifecycle.Move(ctx, tx, Pat, s.Clock, lifecycle.Of(flag), lifecycle.Approved, "approved", "request-1"); err != nil {
			return err
		}
		if s.Flag, err = registry.Install(ctx, tx, c, flag.Key); err != nil {
			return err
		}
		places, err := registry.Environments(ctx, tx)
		if err != nil {
			return err
		}
		steps, found := rollout.Plan(nil, "pilot", people, places)
		if len(found) > 0 {
			return errors.New(found[0].Message)
		}
		r, err := rollout.Create(ctx, tx, Alice, s.Clock, lifecycle.Of(flag), "request-1", steps)
		s.ID = r.ID
		return err
	})
}

// Write runs a write transaction that has to succeed.
func (s *Stall) Write(fn func(ctx context.Context, tx *store.Tx) error) {
	s.Helper()
	if err := s.Rollouts.DB.Write(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

// Must returns the outcome of a verb that has to succeed.
func (s *Stall) Must(o rollout.Outcome, err error) rollout.Outcome {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return o
}

// Refused fails the test unless err is a fault of the kind and code that says what to do.
func (s *Stall) Refused(err error, kind fault.Kind, code string) {
	s.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != kind || f.Code != code || f.Remediation == "" {
		s.Fatalf("got %v, want a fault %s %s with a remediation", err, kind, code)
	}
}

// GoOn lets the owner promote the step once its bake is over.
func (s *Stall) GoOn() rollout.Outcome {
	s.Helper()
	r := s.Now()
	if end := r.Steps[r.Current].BakedAt; end != nil && s.Clock.Before(*end) {
		s.Clock = *end
	}
	return s.Must(s.Rollouts.Promote(s.Context(), Alice, s.ID, rollout.Word{Reason: "nothing bad seen"}))
}

// Tick lets time promote what is due. What was counted until then is in the database.
func (s *Stall) Tick() {
	s.Helper()
	if err := s.Usage.Flush(s.Context()); err != nil {
		s.Fatal(err)
	}
	if err := s.Rollouts.Tick(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// Now returns the rollout.
func (s *Stall) Now() rollout.Rollout {
	s.Helper()
	r, err := s.Rollouts.Get(s.Context(), Alice, s.ID)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// Serves returns what an environment serves, in words.
func (s *Stall) Serves(environment string) string {
	s.Helper()
	state := s.State(environment)
	if state.Kill != nil {
		return "killed"
	}
	return state.Serving.Words()
}

// State returns how the flag stands in an environment.
func (s *Stall) State(environment string) (state registry.FlagEnvironment) {
	s.Helper()
	s.Read(func(ctx context.Context, tx *store.Tx) error {
		flag, _, err := registry.Get(ctx, tx, s.Flag.Key)
		state, _ = flag.In(environment)
		return err
	})
	return state
}

// Life returns where the flag's life stands.
func (s *Stall) Life() (status lifecycle.Status) {
	s.Helper()
	s.Read(func(ctx context.Context, tx *store.Tx) (err error) {
		status, _, err = lifecycle.Get(ctx, tx, s.Flag.Key)
		return err
	})
	return status
}

// Read runs a read transaction that has to succeed.
func (s *Stall) Read(fn func(ctx context.Context, tx *store.Tx) error) {
	s.Helper()
	if err := s.Rollouts.DB.Read(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

// Events returns the names of the events that begin with a prefix, in their order.
func (s *Stall) Events(prefix string) (names []string) {
	s.Helper()
	s.Read(func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event WHERE name LIKE $1 ORDER BY id`, prefix+"%")
		return err
	})
	return names
}

// Details returns what the events of a name have in details, in their order.
func (s *Stall) Details(name string) (details []string) {
	s.Helper()
	s.Read(func(ctx context.Context, tx *store.Tx) (err error) {
		details, err = store.List(ctx, tx, store.ScanString, `SELECT body FROM audit_event WHERE name = $1 ORDER BY id`, name)
		return err
	})
	return details
}
