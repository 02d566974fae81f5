package review

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
)

func TestEventsMarkTheRequestsThatRestOnThem(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		events []audit.Event
		want   []mark
	}{
		"a group":             {[]audit.Event{{Event: audit.GroupUpdated}}, []mark{{}}},
		"its members":         {[]audit.Event{{Event: audit.GroupMembersChanged}}, []mark{{}}},
		"a person":            {[]audit.Event{{Event: audit.PersonUpdated}}, []mark{{}}},
		"a password":          {[]audit.Event{{Event: audit.PersonPasswordReset}}, nil},
		"a sign-in":           {[]audit.Event{{Event: audit.PersonSignedIn}}, nil},
		"a policy":            {[]audit.Event{{Event: audit.PolicyActivated}}, []mark{{}}},
		"a segment":           {[]audit.Event{{Event: audit.SegmentUpdated}}, []mark{{}}},
		"a template":          {[]audit.Event{{Event: audit.TemplateUpdated}}, []mark{{}}},
		"rules":               {[]audit.Event{{Event: audit.LifecycleRulesChanged}}, []mark{{}}},
		"a flag":              {[]audit.Event{{Event: audit.FlagKilled, FlagKey: "a.b"}}, []mark{{FlagKey: "a.b"}}},
		"a rollout":           {[]audit.Event{{Event: audit.RolloutStarted, FlagKey: "a.b"}}, []mark{{FlagKey: "a.b"}}},
		"a flag by a request": {[]audit.Event{{Event: audit.FlagCreated, FlagKey: "a.b", RequestID: "r"}}, []mark{{FlagKey: "a.b", Besides: "r"}}},
		"an app":              {[]audit.Event{{Event: audit.AppChanged, App: "a", RequestID: "r"}}, []mark{{App: "a", Besides: "r"}}},
		"an approval":         {[]audit.Event{{Event: audit.FlagApprovalGranted, FlagKey: "a.b", RequestID: "r"}}, nil},
		"a request":           {[]audit.Event{{Event: audit.RequestEdited, RequestID: "r"}}, nil},
		"an answer":           {[]audit.Event{{Event: audit.RequestAnswered, FlagKey: "a.b", RequestID: "r"}}, []mark{{Request: "r"}}},
		"what is taken back":  {[]audit.Event{{Event: audit.FlagApprovalTakenBack, FlagKey: "a.b", RequestID: "r"}}, []mark{{Request: "r"}}},
		"many flags": {[]audit.Event{
			{Event: audit.FlagKilled, FlagKey: "a.1"}, {Event: audit.FlagKilled, FlagKey: "a.2"}, {Event: audit.FlagKilled, FlagKey: "a.3"}, {Event: audit.FlagKilled, FlagKey: "a.4"},
		}, []mark{{}}},
	} {
		if diff := cmp.Diff(one.want, marksOf(one.events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestARequestThatCannotBeSettledWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int64]time.Duration{
		1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 10: 512 * time.Second, 11: 10 * time.Minute, 1_000: 10 * time.Minute,
	} {
		if got := backOff(tries); got != want {
			t.Errorf("after %d tries: %v, want %v", tries, got, want)
		}
	}
}
