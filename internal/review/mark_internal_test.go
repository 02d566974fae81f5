package review

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
)

func TestEventsMarkTheRequestsThatRestOnThem(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		events []audit.Event
		want   []mark
	}{
		"a group":             {[]audit.Event{{Event: "group.updated"}}, []mark{{}}},
		"a person":            {[]audit.Event{{Event: "person.updated"}}, []mark{{}}},
		"a sign-in":           {[]audit.Event{{Event: "person.signed_in"}}, nil},
		"a policy":            {[]audit.Event{{Event: "policy.activated"}}, []mark{{}}},
		"a segment":           {[]audit.Event{{Event: "segment.updated"}}, []mark{{}}},
		"a template":          {[]audit.Event{{Event: "template.updated"}}, []mark{{}}},
		"rules":               {[]audit.Event{{Event: "lifecycle.rules_changed"}}, []mark{{}}},
		"a flag":              {[]audit.Event{{Event: "flag.killed", FlagKey: "a.b"}}, []mark{{FlagKey: "a.b"}}},
		"a rollout":           {[]audit.Event{{Event: "rollout.started", FlagKey: "a.b"}}, []mark{{FlagKey: "a.b"}}},
		"a flag by a request": {[]audit.Event{{Event: "flag.created", FlagKey: "a.b", RequestID: "r"}}, []mark{{FlagKey: "a.b", Besides: "r"}}},
		"an app":              {[]audit.Event{{Event: "app.changed", App: "a", RequestID: "r"}}, []mark{{App: "a", Besides: "r"}}},
		"an approval":         {[]audit.Event{{Event: "flag.approval.granted", FlagKey: "a.b", RequestID: "r"}}, nil},
		"a request":           {[]audit.Event{{Event: "request.edited", RequestID: "r"}}, nil},
		"many flags": {[]audit.Event{
			{Event: "flag.killed", FlagKey: "a.1"}, {Event: "flag.killed", FlagKey: "a.2"}, {Event: "flag.killed", FlagKey: "a.3"}, {Event: "flag.killed", FlagKey: "a.4"},
		}, []mark{{}}},
	} {
		if diff := cmp.Diff(one.want, marksOf(one.events)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
