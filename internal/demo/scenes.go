package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// scene is something that happened some time before the reader comes. Scenes are in the order of time.
type scene struct {
	name   string
	before time.Duration
	play   func(ctx context.Context, s *story, end time.Time) error
}

// untilProduction is how long it takes from asking for an app to its first step in production, here.
const untilProduction = 5 * time.Hour

// due gives when an app has to be asked for that lives ttl days in production and has left days of them.
func due(ttl, left int) time.Duration {
	return time.Duration(ttl-left)*day + untilProduction - 3*time.Hour
}

// living publishes an app and rolls it out to the end of its plan.
func living(p publication) func(ctx context.Context, s *story, end time.Time) error {
	return func(ctx context.Context, s *story, _ time.Time) error { return s.live(ctx, p, true) }
}

var scenes = []scene{
	{"publish Rate Board", due(180, 120), living(rateBoard)},
	{"publish Old Search", due(60, 9), living(oldSearch)},
	{"publish Branch Queue", 24 * day, living(branchQueue)},
	{"publish Meeting Cost", due(30, 7), living(meetingCost)},
	{"publish Onboarding Buddy", due(21, 1), living(onboardingBuddy)},
	{"publish Cash Forecast", due(30, 14), living(cashForecast)},
	{"publish Trip Claims", 11 * day, living(tripClaims)},
	{"deny Voice Notes", 8 * day, denyVoiceNotes},
	{"retire Old Search", 4 * day, retireOldSearch},
	{"publish Fraud Digest", 2 * day, func(ctx context.Context, s *story, _ time.Time) error { return s.live(ctx, fraudDigest, false) }},
	{"ask for more people on Rate Board", 26 * time.Hour, widenRateBoard},
	{"turn off Trip Claims", 20 * time.Hour, killTripClaims},
	{"ask for more time for Meeting Cost", 7 * time.Hour, extendMeetingCost},
	{"ask for Card Limits", 3 * time.Hour, askCardLimits},
	{"begin Shift Swap", 2 * time.Hour, beginShiftSwap},
	{"show Fraud Digest to people", 10 * time.Minute, showFraudDigest},
}

// denyVoiceNotes is a request that security did not let pass, with a reason that its team can act on.
func denyVoiceNotes(ctx context.Context, s *story, _ time.Time) error {
	request, err := s.submit(ctx, voiceNotes.by, voiceNotes.content)
	if err != nil {
		return err
	}
	if err := s.comment(ctx, "sam", request.ID, "Where are the recordings kept, and for how long?"); err != nil {
		return err
	}
	if err := s.comment(ctx, voiceNotes.by, request.ID, "With the vendor, who says thirty days. I have asked for it in writing."); err != nil {
		return err
	}
	by, err := s.as(ctx, "sam")
	if err != nil {
		return err
	}
	s.clock = s.clock.Add(5 * time.Hour)
	_, err = s.Desk.Deny(ctx, by, request.ID, review.Judgement{
		Digest: request.Digest, Domain: "security",
		Reason: "Recordings of customers may not be kept outside the bank. Ask again with our own transcription service.",
	})
	return err
}

// retireOldSearch is a switch on its way out.
func retireOldSearch(ctx context.Context, s *story, _ time.Time) error {
	request, err := s.submit(ctx, oldSearch.by, review.Content{
		Kind: review.Deprecate, FlagKey: "old-search.enabled", Reason: "the intranet's own search finds all of it now",
		RemovalPlan: "Links to it are gone by Friday; then take the page down.",
	})
	if err != nil {
		return err
	}
	_, err = s.approve(ctx, request)
	return err
}

// widenRateBoard is a change that waits for approvals: more people than before.
func widenRateBoard(ctx context.Context, s *story, _ time.Time) error {
	flag, err := s.flag(ctx, "rate-board.enabled")
	if err != nil {
		return err
	}
	in, _ := flag.In("production")
	request, err := s.submit(ctx, rateBoard.by, review.Content{
		Kind: review.ChangeFlag, FlagKey: flag.Key, Environment: "production", BaseRevision: in.Revision,
		Change: &review.ContentChange{FlagChange: review.FlagChange{Mode: registry.ServeAudience, Audience: "internal"}}, Reason: "branches ask for the rates every morning",
	})
	if err != nil {
		return err
	}
	return s.comment(ctx, "pat", request.ID, "Can the page stand the whole company at nine o'clock?")
}

// killTripClaims is what on-call did last night, and what its team sees this morning.
func killTripClaims(ctx context.Context, s *story, _ time.Time) error {
	by, err := s.as(ctx, "olu")
	if err != nil {
		return err
	}
	_, err = s.Kills.Kill(ctx, by, "trip-claims.running", "production", rollout.Word{
		Reason: "claims were sent twice; accounting asked to stop it until they are sorted out",
	}, live.Sent{})
	return err
}

func extendMeetingCost(ctx context.Context, s *story, end time.Time) error {
	_, err := s.submit(ctx, meetingCost.by, review.Content{
		Kind: review.ExtendTTL, FlagKey: "meeting-cost.sending", Until: end.Add(40 * day).UTC().Format(time.DateOnly),
		Reason: "the pilot wants it through the planning round",
	})
	return err
}

func askCardLimits(ctx context.Context, s *story, _ time.Time) error {
	request, err := s.submit(ctx, cardLimits.by, cardLimits.content)
	if err != nil {
		return err
	}
	return s.comment(ctx, "ines", request.ID, "Is next month's table final, or will it change again?")
}

// beginShiftSwap is somebody's draft, which nobody else sees.
func beginShiftSwap(ctx context.Context, s *story, _ time.Time) error {
	draft := shiftSwap.content
	draft.Draft = true
	_, err := s.submit(ctx, shiftSwap.by, draft)
	return err
}

// showFraudDigest begins the first step in production, which bakes when the reader comes.
func showFraudDigest(ctx context.Context, s *story, _ time.Time) error {
	owner, err := s.as(ctx, fraudDigest.by)
	if err != nil {
		return err
	}
	running, err := s.Rollouts.List(ctx, owner, rollout.Filter{FlagKey: "fraud-digest.enabled"}, store.Page{})
	if err != nil || len(running.Items) != 1 {
		return fmt.Errorf("Fraud Digest has %d rollouts: %w", len(running.Items), err)
	}
	_, err = s.promote(ctx, owner, running.Items[0].ID)
	return err
}

func (s *story) flag(ctx context.Context, key string) (found registry.Flag, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		var ok bool
		if found, ok, err = registry.Get(ctx, tx, key); err == nil && !ok {
			err = fmt.Errorf("there is no flag %s", key)
		}
		return err
	})
	return found, err
}
