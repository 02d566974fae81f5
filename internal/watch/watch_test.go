package watch

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/access/accesstest"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func person(email string, roles ...access.Role) access.Actor {
	return access.Actor{
		PersonID: access.PersonID(email), Email: email, TokenScope: access.ScopeAll, Groups: []access.Membership{{Group: "g", Roles: roles}},
		Credential: audit.Credential{Kind: "session", ID: "s"},
	}
}

func TestAnEventTellsOfAllThatItNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event audit.Event
		want  []string
	}{
		"a kill":                    {audit.Event{Event: audit.FlagKilled, FlagKey: "a.b", App: "a"}, []string{"flag a.b", "app a"}},
		"a submission":              {audit.Event{Event: audit.RequestSubmitted, RequestID: "r", App: "a"}, []string{"request r", "app a"}},
		"a step":                    {audit.Event{Event: audit.RolloutStepStarted, RolloutID: "o", FlagKey: "a.b", App: "a", RequestID: "r"}, []string{"request r", "flag a.b", "rollout o", "app a"}},
		"a group":                   {audit.Event{Event: audit.GroupUpdated, Subject: "group:product"}, []string{"group product"}},
		"a policy":                  {audit.Event{Event: audit.PolicyActivated, Subject: "policy:marketplace.risk"}, []string{"policy marketplace.risk"}},
		"lifecycle":                 {audit.Event{Event: audit.LifecycleRulesChanged, Subject: "lifecycle"}, []string{"lifecycle default"}},
		"a sign-in":                 {audit.Event{Event: audit.PersonSignedIn, Subject: "person:a@x"}, []string{"session a@x"}},
		"an SDK key":                {audit.Event{Event: audit.SDKKeyCreated, Subject: "sdk_key:k", App: "a"}, []string{"sdk_key k"}},
		"a log key":                 {audit.Event{Event: audit.SigningKeyAdded, Subject: "audit_key:k"}, nil},
		"a shared rule":             {audit.Event{Event: audit.EvaluatorImported, Subject: "evaluator:k", RequestID: "r"}, []string{"request r"}},
		"what a newer server wrote": {audit.Event{Subject: "person:a", FlagKey: "a.b"}, []string{"flag a.b"}},
	} {
		c.event.ID = "e"
		var got []string
		for _, change := range changesOf(c.event) {
			got = append(got, string(change.Noun)+" "+change.ID)
		}
		if diff := cmp.Diff(append(c.want, "audit e"), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRightsFollowPeopleAndGroups(t *testing.T) {
	t.Parallel()
	group := func(details map[string]any) audit.Event {
		return audit.Event{Event: audit.GroupUpdated, Subject: "group:g", Details: details}
	}
	members := func(all ...any) map[string]any { return map[string]any{"members": all} }
	for name, c := range map[string]struct {
		event audit.Event
		want  []string
		all   bool
	}{
		"a person":                  {event: audit.Event{Event: audit.PersonUpdated, Subject: "person:a"}, want: []string{"a"}},
		"a sign-in":                 {event: audit.Event{Event: audit.PersonSignedIn, Subject: "person:a"}},
		"who left and came":         {event: group(map[string]any{"before": members("a", "b"), "after": members("b", "c")}), want: []string{"a", "b", "b", "c"}},
		"a new group":               {event: group(map[string]any{"after": members("a")}), want: []string{"a"}},
		"a group without more":      {event: group(nil), all: true},
		"a flag":                    {event: audit.Event{Event: audit.FlagKilled, FlagKey: "k"}},
		"what a newer server wrote": {event: audit.Event{Subject: "person:a"}, all: true},
	} {
		people, everybody := actorsOf(c.event)
		if !slices.Equal(people, c.want) || everybody != c.all {
			t.Errorf("%s: %v, %v", name, people, everybody)
		}
	}
}

func TestEveryNounHasARightAndStandsInTheAPI(t *testing.T) {
	t.Parallel()
	var known []audit.Noun
	field, _ := reflect.TypeFor[Change]().FieldByName("Noun")
	for _, noun := range strings.Split(field.Tag.Get("enum"), ",") {
		known = append(known, audit.Noun(noun))
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(known)), slices.Sorted(maps.Keys(rights))); diff != "" {
		t.Errorf("the API names other nouns than there are rights for (-API +rights):\n%s", diff)
	}
	for _, kind := range audit.Catalogue() {
		if rights[kind.Noun] == "" {
			t.Errorf("%s changes a %s, of which nobody is told", kind.Name, kind.Noun)
		}
	}
}

func TestADraftIsToldToItsEditorsAlone(t *testing.T) {
	t.Parallel()
	draft := told{change: Change{Noun: audit.NounRequest, ID: "r"}, only: []access.Identity{person("a@x").Identity()}}
	if !draft.may(person("a@x")) || draft.may(person("b@x", access.Admin)) {
		t.Error("a draft is told to others, or not to its editor")
	}
	open := told{change: Change{Noun: audit.NounRequest, ID: "r"}}
	if !open.may(person("b@x")) || open.may(access.Actor{}) {
		t.Error("an open request is told to nobody, or to who is not signed in")
	}
}

func TestWhoReadsSlowerThanChangesAreKeptStartsAnew(t *testing.T) {
	t.Parallel()
	all := &tail{first: 10, next: 14}
	for leaf := int64(10); leaf < 14; leaf++ {
		all.changes = append(all.changes, told{leaf: leaf, change: Change{Noun: audit.NounFlag}, text: []byte(string(rune('a' + leaf - 10)))})
		all.changes = append(all.changes, told{leaf: leaf, change: Change{Noun: audit.NounAudit}, text: []byte("!")})
	}
	for at, want := range map[int64]string{
		9: resync + "id: 14\n\n", 10: "abcdid: 14\n\n", 12: "cdid: 14\n\n", 13: "did: 14\n\n", 14: "", 15: resync + "id: 14\n\n",
	} {
		if got := string(all.since(at, person("a@x"))); got != want {
			t.Errorf("from %d on: %q, want %q", at, got, want)
		}
	}
	if got := string(all.since(13, person("a@x", access.Auditor))); got != "d!id: 14\n\n" {
		t.Errorf("an auditor is sent %q", got)
	}
}

// stuck is a connection whose reader does not read.
type stuck struct {
	*httptest.ResponseRecorder
	freed chan struct{}
	once  sync.Once
}

func (w *stuck) Write([]byte) (int, error) {
	<-w.freed
	return 0, errors.New("deadline exceeded")
}

func (w *stuck) SetWriteDeadline(at time.Time) error {
	if at.Before(time.Unix(100, 0)) {
		w.once.Do(func() { close(w.freed) })
	}
	return nil
}

func TestAReaderThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &stuck{ResponseRecorder: httptest.NewRecorder(), freed: make(chan struct{})}
		began := time.Now()
		out := &eventWriter{w: w, control: http.NewResponseController(w)}
		if out.send([]byte("x")) {
			t.Error("what nobody read is said to be sent")
		}
		if took := time.Since(began); took != writeTime {
			t.Errorf("given up after %s", took)
		}
	})
}

func TestStreamsComeBackSpreadOut(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for i := range 200 {
		after := retryAfter(strings.Repeat("x", i))
		if after < comeBackAfter || after >= comeBackAfter+comeBackSpread {
			t.Errorf("a stream comes back after %s", after)
		}
		seen[after.Round(100*time.Millisecond)] = true
	}
	if len(seen) < 10 {
		t.Errorf("200 streams come back at %d moments", len(seen))
	}
}

func TestAStreamFollowsItsPersonToANewAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		people := &access.Directory{DB: db, Now: time.Now}
		accesstest.Company(t, people)
		hub := NewHub(db, slog.New(slog.DiscardHandler), &signin.Sessions{DB: db, Now: time.Now})
		alice := accesstest.Actor(t, db, accesstest.Alice)
		s, err := hub.open(alice)
		if err != nil {
			t.Fatal(err)
		}
		accesstest.Person(t, people, accesstest.Alice, access.PersonSpec{Email: "new@hyfin.example"})
		accesstest.Person(t, people, accesstest.Alice, access.PersonSpec{}) // somebody else, in no team
		if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error { return hub.refresh(ctx, tx, hub.readers()) }); err != nil {
			t.Fatal(err)
		}
		if now := s.by.Load(); now.PersonID != alice.PersonID || now.Email != "new@hyfin.example" || !now.In("team-lunch") {
			t.Errorf("the stream is that of %+v", now)
		}
		if hub.close(s, false); len(hub.counted) != 0 {
			t.Errorf("counted are %v", hub.counted)
		}
	})
}
