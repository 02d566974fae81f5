package demo

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/verbs"
)

const day = 24 * time.Hour

// story tells the company's last weeks through the verbs that people use, by a clock of its own. It is not safe for
// concurrent use.
type story struct {
	*verbs.Verbs
	db      *store.DB
	clock   time.Time
	usage   *measure.Usage
	keys    map[string]sdkkey.Key // made in the story, by environment
	secrets map[string]string     // theirs
}

func newStory(db *store.DB, begin time.Time) *story {
	s := &story{db: db, clock: begin, keys: map[string]sdkkey.Key{}, secrets: map[string]string{}}
	s.usage = &measure.Usage{DB: db, Now: s.now, Counters: measure.NewCounters()}
	s.Verbs = verbs.New(verbs.Config{DB: db, Now: s.now, Usage: s.usage})
	return s
}

// now is the story's clock: it moves a little each time that somebody looks, so that no two events are at the same moment.
func (s *story) now() time.Time {
	s.clock = s.clock.Add(700 * time.Millisecond)
	return s.clock
}

// until sets the clock on to some time before the end of the story.
func (s *story) until(at time.Time) {
	if at.After(s.clock) {
		s.clock = at
	}
}

// as gives a person of the company as an actor, with the groups of that moment.
func (s *story) as(ctx context.Context, name string) (by access.Actor, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		by, err = access.ActorAt(ctx, tx, name+domain, audit.Credential{Kind: "system", ID: "demo"}, access.ScopeAll)
		return err
	})
	return by, err
}

// publication is an app that somebody publishes.
type publication struct {
	by      string
	content review.Content
	tags    []string // of its flag, once that is approved
}

// tell plays the weeks before the reader comes, which end at end.
func (s *story) tell(ctx context.Context, end time.Time) error {
	if err := s.Library.Seed(ctx); err != nil {
		return err
	}
	if err := s.found(ctx); err != nil {
		return err
	}
	if err := s.key(ctx, staging); err != nil {
		return err
	}
	for _, scene := range scenes {
		s.until(end.Add(-scene.before))
		if err := scene.play(ctx, s, end); err != nil {
			return fmt.Errorf("%s: %w", scene.name, err)
		}
	}
	s.until(end.Add(-time.Minute))
	return nil
}

// live publishes an app: asked for, approved by whomever it needs, and rolled out; to the end of its plan, or until the next
// step would be in production.
func (s *story) live(ctx context.Context, p publication, toTheEnd bool) error {
	request, err := s.submit(ctx, p.by, p.content)
	if err != nil {
		return err
	}
	s.clock = s.clock.Add(3 * time.Hour)
	if request, err = s.approve(ctx, request); err != nil {
		return err
	}
	s.clock = s.clock.Add(40 * time.Minute)
	owner, err := s.as(ctx, p.by)
	if err != nil {
		return err
	}
	if len(p.tags) > 0 {
		flag, err := s.flag(ctx, request.Flag.Key)
		if err != nil {
			return err
		}
		if _, err := s.Registry.SetTags(ctx, owner, flag.Key, p.tags, flag.Revision); err != nil {
			return err
		}
	}
	out, err := s.Rollouts.Start(ctx, owner, request.RolloutID, rollout.Word{Reason: "ready to show it"})
	if err != nil {
		return err
	}
	if err := s.asks(ctx, request.Flag.Key); err != nil {
		return err
	}
	for r := out.Rollout; r.State == rollout.Running; r = out.Rollout {
		s.clock = s.clock.Add(time.Duration(r.Steps[r.Current].BakeSeconds)*time.Second + 20*time.Minute)
		if !toTheEnd && r.Steps[r.Current+1].Environment == "production" {
			return nil
		}
		if out, err = s.promote(ctx, owner, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// asks lets an app ask for its switch once in staging, as its SDK does: one that no app asks for does not go to production.
func (s *story) asks(ctx context.Context, key string) error {
	l := &live.Live{DB: s.db, Log: slog.New(slog.DiscardHandler), Now: s.now}
	if err := l.Load(ctx); err != nil {
		return err
	}
	flags := l.Snapshot(staging).Flags
	about := flags.Context(s.now())
	defer about.Release()
	about.Set(map[string]any{"targetingKey": crowd[0].name + domain})
	outcome := flags.Evaluate(key, about)
	if outcome == nil {
		return fmt.Errorf("%s does not serve %s", staging, key)
	}
	s.usage.Counters.Caller(staging, s.keys[staging].ID, dataplane.OFREP).Count(outcome)
	return s.usage.Flush(ctx)
}

func (s *story) promote(ctx context.Context, owner access.Actor, id string) (rollout.Outcome, error) {
	return s.Rollouts.Promote(ctx, owner, id, rollout.Word{Reason: "nobody complained"})
}

func (s *story) submit(ctx context.Context, who string, c review.Content) (review.Request, error) {
	by, err := s.as(ctx, who)
	if err != nil {
		return review.Request{}, err
	}
	made, err := s.Desk.Submit(ctx, by, c)
	if err != nil {
		return review.Request{}, err
	}
	request := made.Request
	if !c.Draft && request.State != review.NeedsApproval {
		return review.Request{}, fmt.Errorf("the request %q is %s: %+v", request.Title, request.State, request.Checks)
	}
	return request, nil
}

// comment says something about a request.
func (s *story) comment(ctx context.Context, who, id, words string) error {
	by, err := s.as(ctx, who)
	if err != nil {
		return err
	}
	s.clock = s.clock.Add(12 * time.Minute)
	_, err = s.Desk.Comment(ctx, by, id, review.CommentSpec{Words: words})
	return err
}

// approve lets the first who may decide for each needed domain decide.
func (s *story) approve(ctx context.Context, request review.Request) (review.Request, error) {
	for _, need := range request.ApprovalsNeeded {
		for n := need.Given; n < need.Quorum; n++ {
			by, err := s.approver(ctx, need, n)
			if err != nil {
				return review.Request{}, err
			}
			s.clock = s.clock.Add(25 * time.Minute)
			out, err := s.Desk.Approve(ctx, by, request.ID, review.Judgement{Digest: request.Digest, Domain: need.Domain, Reason: "fine by me"})
			if err != nil {
				return review.Request{}, err
			}
			request = out.Request
		}
	}
	if request.State != review.Approved {
		return review.Request{}, fmt.Errorf("the request %s is %s after all approvals", request.ID, request.State)
	}
	return request, nil
}

func (s *story) approver(ctx context.Context, need review.Need, n int) (by access.Actor, err error) {
	if n >= len(need.Eligible) {
		return by, fmt.Errorf("nobody may decide for %s", need.Domain)
	}
	err = s.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		by, err = access.ActorAt(ctx, tx, need.Eligible[n], audit.Credential{Kind: "system", ID: "demo"}, access.ScopeAll)
		return err
	})
	return by, err
}

// key makes an SDK key for all apps of an environment, as on-call would.
func (s *story) key(ctx context.Context, environment string) error {
	by, err := s.as(ctx, "olu")
	if err != nil {
		return err
	}
	s.keys[environment], s.secrets[environment], err = s.Keys.Create(ctx, by, sdkkey.Spec{Environment: environment, Name: "demo"})
	if err != nil {
		return fmt.Errorf("make SDK key: %w", err)
	}
	return nil
}
