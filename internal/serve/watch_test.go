package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/watch"
)

// ear is an open stream of /api/v1/watch.
type ear struct {
	*site
	answer *http.Response
	events chan heard // closed when the stream ended
}

// heard is one event of a stream.
type heard struct {
	name, id string
	change   watch.Change
}

// listen serves the site on a real port, as the server does, and gives its address.
func (s *site) listen(adjust ...func(*http.Server)) string {
	s.Helper()
	server := httptest.NewUnstartedServer(s.handler)
	for _, change := range adjust {
		change(server.Config)
	}
	server.Start()
	s.Cleanup(server.CloseClientConnections)
	s.Cleanup(func() { go server.Close() })
	return server.URL
}

// settled waits until streams that are opened from now on are told of nothing that happened before.
func (s *site) settled(address string) {
	s.Helper()
	e := s.as("root").watch(address)
	s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/settled", object{}).want(s, http.StatusCreated)
	e.untilChange("group", "settled")
	_ = e.answer.Body.Close()
}

// watch opens a stream with the caller's credential, and waits until it is open.
func (c *caller) watch(address string, headers ...string) *ear {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodGet, address+"/api/v1/watch", nil)
	if err != nil {
		c.Fatal(err)
	}
	for _, line := range append(slices.Clone(c.headers), headers...) {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		c.Fatalf("the stream is answered %s %s", answer.Status, answer.Header)
	}
	e := &ear{site: c.site, answer: answer, events: make(chan heard, 4096)}
	c.Cleanup(func() { _ = answer.Body.Close() })
	first := make(chan struct{})
	go func() {
		defer close(e.events)
		lines := bufio.NewScanner(answer.Body)
		var h heard
		for opened := false; lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				h.name = value
			case "data":
				_ = json.Unmarshal([]byte(value), &h.change)
			case "id":
				h.id = value
			case "":
				if h.name != "" || h.id != "" {
					e.events <- h
				}
				if !opened {
					opened = true
					close(first)
				}
				h = heard{}
			}
		}
	}()
	select {
	case <-first:
	case <-time.After(time.Minute):
		c.Fatal("the stream says nothing when it is opened")
	}
	return e
}

// until gives what is heard up to an event that fits, which has to come within a minute.
func (e *ear) until(what string, fits func(heard) bool) (all []heard) {
	e.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case h, open := <-e.events:
			if !open {
				e.Fatalf("the stream ended before %s; heard was %v", what, all)
			}
			if all = append(all, h); fits(h) {
				return all
			}
		case <-timeout:
			e.Fatalf("in vain: %s; heard was %v", what, all)
		}
	}
}

func (e *ear) untilChange(noun audit.Noun, id string) []heard {
	e.Helper()
	return e.until(fmt.Sprintf("a change of the %s %s", noun, id), func(h heard) bool { return h.change.Noun == noun && h.change.ID == id })
}

// ends waits until the stream ended, and tells how long that took.
func (e *ear) ends() time.Duration {
	e.Helper()
	began, timeout := time.Now(), time.After(time.Minute)
	for {
		select {
		case _, open := <-e.events:
			if !open {
				return time.Since(began)
			}
		case <-timeout:
			e.Fatal("the stream goes on")
		}
	}
}

func nounsOf(all []heard) (nouns []audit.Noun) {
	for _, h := range all {
		if h.change.Noun != "" && !slices.Contains(nouns, h.change.Noun) {
			nouns = append(nouns, h.change.Noun)
		}
	}
	slices.Sort(nouns)
	return nouns
}

func TestWatchTellsEachReaderWhatTheyMaySee(t *testing.T) {
	each(t, func(s *site) {
		address := s.listen()
		for _, name := range people {
			s.as(name)
		}
		token := s.as("olu").token("kill")
		s.settled(address)
		eve, ada := s.as("eve").watch(address), s.as("ada").watch(address)
		kills := token.watch(address)
		r := s.published("eat")
		root := s.as("root")
		root.post("/api/v1/tokens", object{"as": "alice" + at, "scope": "read"}).want(s, http.StatusCreated)
		root.post("/api/v1/sdk-keys", object{"environment": "production"}).want(s, http.StatusCreated)
		root.with(`If-None-Match: *`).do("PUT", "/api/v1/groups/last", object{}).want(s, http.StatusCreated)

		all := eve.untilChange("group", "last")
		if got, want := nounsOf(all), []audit.Noun{"app", "flag", "group", "request", "rollout"}; !slices.Equal(got, want) {
			s.Errorf("eve is told of %v, want %v", got, want)
		}
		var last heard
		for _, h := range all {
			if h.change.Noun == "request" && h.change.ID != r.text("id") || h.change.Noun == "app" && h.change.ID != "eat" || h.change.Noun == "flag" && h.change.ID != "eat.enabled" {
				s.Errorf("eve is told of %+v", h.change)
			}
			if h.change.Noun == "request" {
				last = h
			}
		}
		if float64(last.change.Revision) != r.at("revision") {
			s.Errorf("the request has the revision %v, told is %d", r.at("revision"), last.change.Revision)
		}
		if got := nounsOf(ada.untilChange("group", "last")); !slices.Contains(got, "audit") || slices.Contains(got, "token") {
			s.Errorf("an auditor is told of %v", got)
		}
		if got := nounsOf(kills.untilChange("group", "last")); slices.Contains(got, "audit") || slices.Contains(got, "sdk_key") || slices.Contains(got, "token") {
			s.Errorf("a token that turns off is told of %v", got)
		}
	})
}

func TestWatchTellsOfOnesOwnTokensAndSessionsAndNobodyElses(t *testing.T) {
	each(t, func(s *site) {
		address := s.listen()
		for _, name := range people {
			s.as(name)
		}
		s.settled(address)
		alice, bob, root := s.as("alice").watch(address), s.as("bob").watch(address), s.as("root").watch(address)
		made := s.as("root").post("/api/v1/tokens", object{"as": "alice" + at, "scope": "read"}).want(s, http.StatusCreated)
		s.as("").post("/api/v1/session", object{"email": "alice" + at}).want(s, http.StatusOK)
		s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/last", object{}).want(s, http.StatusCreated)
		for name, e := range map[string]*ear{"alice": alice, "root": root} {
			all := e.untilChange("group", "last")
			got := nounsOf(all)
			if !slices.Contains(got, "token") || !slices.Contains(got, "session") {
				s.Errorf("%s is told of %v", name, got)
			}
			if at := slices.IndexFunc(all, func(h heard) bool { return h.change.Noun == "token" }); at >= 0 && all[at].change.ID != made.text("id") {
				s.Errorf("%s is told of %+v", name, all[at])
			}
		}
		if got := nounsOf(bob.untilChange("group", "last")); !slices.Equal(got, []audit.Noun{"group"}) {
			s.Errorf("bob is told of %v", got)
		}
	})
}

func TestAStreamEndsWithinASecondOfItsCredential(t *testing.T) {
	each(t, func(s *site) {
		address := s.listen()
		root := s.as("root")
		token := func(as string, body object) (*caller, string) {
			body["as"], body["scope"] = as+at, "read"
			made := root.post("/api/v1/tokens", body).want(s, http.StatusCreated)
			return &caller{site: s, name: as, headers: []string{"Authorization: Bearer " + made.text("secret")}}, made.text("id")
		}
		byToken, id := token("bob", object{})
		inSession := s.as("").post("/api/v1/session", object{"token": strings.TrimPrefix(byToken.headers[0], "Authorization: Bearer ")})
		expires, _ := token("eve", object{"expires_at": s.clock.Now().Add(time.Hour)})
		in := s.as("").post("/api/v1/session", object{"email": "alice" + at}).want(s, http.StatusOK).cookie(s)
		signsOut := s.withCookies(in.Value)
		stays := s.as("pat").watch(address)
		left := root.get("/api/v1/people/max"+at).want(s, http.StatusOK)
		for _, end := range []struct {
			how string
			who []*caller
			act func()
		}{
			{"its token, or the one that it signed in with, is revoked", []*caller{byToken, s.withCookies(inSession.want(s, http.StatusOK).cookie(s).Value)}, func() {
				root.with(`If-Match: "1"`).do("DELETE", "/api/v1/tokens/"+id, nil).want(s, http.StatusOK)
			}},
			{"its person signs out", []*caller{signsOut}, func() { signsOut.do("DELETE", "/api/v1/session", nil).want(s, http.StatusOK) }},
			{"its token expires", []*caller{expires}, func() { s.clock.pass(2 * time.Hour) }},
			{"its person leaves", []*caller{s.as("max")}, func() {
				root.with("If-Match: "+left.Header().Get("ETag")).do("PUT", "/api/v1/people/max"+at, object{"active": false}).want(s, http.StatusOK)
			}},
			{"nobody used its session for 13 hours", []*caller{s.as("vera")}, func() {
				s.clock.pass(7 * time.Hour)
				for _, name := range []string{"pat", "root"} {
					s.as(name).get("/api/v1/flags").want(s, http.StatusOK)
				}
				s.clock.pass(6 * time.Hour)
			}},
		} {
			var open []*ear
			for _, who := range end.who {
				open = append(open, who.watch(address))
			}
			end.act()
			began := time.Now()
			for _, e := range open {
				e.ends()
			}
			s.Logf("%s: the stream ended after %s", end.how, time.Since(began))
		}
		s.settled(address)
		stays.untilChange("group", "settled")
	})
}

func TestAStreamFollowsTheRightsOfItsPerson(t *testing.T) {
	atOnce(t, func(s *site) {
		address := s.listen()
		root := s.as("root")
		s.as("ada")
		s.as("vera") // a sign-in is an event, too, which ada as an auditor is told of
		s.settled(address)
		ada, vera := s.as("ada").watch(address), s.as("vera").watch(address)
		root.with(`If-Match: "1"`).do("PUT", "/api/v1/groups/auditors", object{"roles": []string{"auditor"}, "members": []string{"vera" + at}}).want(s, http.StatusOK)
		root.with(`If-None-Match: *`).do("PUT", "/api/v1/groups/last", object{}).want(s, http.StatusCreated)
		if got := nounsOf(ada.untilChange("group", "last")); slices.Contains(got, "audit") {
			s.Errorf("who is no auditor any more is told of %v", got)
		}
		if got := nounsOf(append(vera.untilChange("group", "last"), vera.until("an audit event", func(h heard) bool { return h.change.Noun == "audit" })...)); !slices.Contains(got, "audit") {
			s.Errorf("a new auditor is told of %v", got)
		}
	})
}

func TestAStreamThatComesBackMissesNothing(t *testing.T) {
	atOnce(t, func(s *site) {
		address := s.listen()
		stays, leaves := s.as("alice").watch(address), s.as("alice").watch(address)
		group := func(name string) {
			s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/"+name, object{}).want(s, http.StatusCreated)
		}
		group("first")
		leaves.untilChange("group", "first")
		position := leaves.until("its position", func(h heard) bool { return h.id != "" && h.name == "" })
		_ = leaves.answer.Body.Close()
		group("second")
		stays.untilChange("group", "second")
		back := s.as("alice").watch(address, "Last-Event-ID: "+position[len(position)-1].id)
		if all := back.untilChange("group", "second"); slices.ContainsFunc(all, func(h heard) bool { return h.name == "resync" || h.change.ID == "first" }) {
			s.Errorf("whoever comes back hears %v", all)
		}
		// Where the position means nothing here, all has to be fetched anew.
		for _, position := range []string{"-1", "999999999", "x", "99999999999999999999999"} {
			again := s.as("alice").watch(address, "Last-Event-ID: "+position)
			again.until("resync after "+position, func(h heard) bool { return h.name == "resync" })
		}
	})
}

func TestNobodyElseOpensAStream(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
	s.as("").get("/api/v1/watch").refused(s, http.StatusUnauthorized, "signed_out")
	s.as("olu").token("outcomes").get("/api/v1/watch").refused(s, http.StatusForbidden, "token_scope")
	for _, site := range []string{"cross-site", "same-site", "nonsense"} {
		s.as("alice").with("Sec-Fetch-Site: "+site).get("/api/v1/watch").refused(s, http.StatusForbidden, "cross_origin")
	}
	address := s.listen()
	for range 100 {
		s.as("bob").watch(address)
	}
	s.as("bob").get("/api/v1/watch").refused(s, http.StatusTooManyRequests, "too_many_streams")
	s.as("eve").watch(address)
}

// A server's limit on the time that a request takes to arrive has ended streams of other programs.
func TestAStreamOutlivesTheTimeThatARequestMayTake(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
	limit := 150 * time.Millisecond
	e := s.as("alice").watch(s.listen(func(server *http.Server) { server.ReadTimeout = limit }))
	for began, n := time.Now(), 0; time.Since(began) < 4*limit; n++ {
		name := fmt.Sprintf("g%d", n)
		s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/"+name, object{}).want(s, http.StatusCreated)
		e.untilChange("group", name)
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	t.Parallel()
	listening, ended := make(chan []string, 1), make(chan error, 1)
	cfg := serve.Defaults()
	cfg.Data, cfg.Addr, cfg.Listening = shortDir(t), "127.0.0.1:0", func(addresses []string) { listening <- addresses }
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	admin := access.System("test")
	if _, _, err := app.Directory.PutPerson(t.Context(), admin, "alice"+at, access.PersonSpec{}, 0); err != nil {
		t.Fatal(err)
	}
	_, secret, err := app.Tokens.Create(t.Context(), admin, signin.TokenSpec{As: "alice" + at, Scope: access.ScopeAll})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- app.Run(ctx) }()
	s := &site{TB: t}
	e := (&caller{site: s, headers: []string{"Authorization: Bearer " + secret}}).watch("http://" + (<-listening)[0])
	stop()
	if took := e.ends(); took > 10*time.Second { // the drain's own limit
		t.Errorf("the stream ended after %s", took)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the server is held up by streams")
	}
}

// shortDir is a directory whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "souk") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestADraftIsToldToNobodyButItsEditors(t *testing.T) {
	each(t, func(s *site) {
		address := s.listen()
		for _, name := range people {
			s.as(name)
		}
		s.settled(address)
		alice, eve, root := s.as("alice").watch(address), s.as("eve").watch(address), s.as("root").watch(address)
		draft := s.as("alice").post("/api/v1/requests", altered(lunch("eat"), "draft", true)).want(s, http.StatusCreated)
		s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/between", object{}).want(s, http.StatusCreated)
		alice.untilChange("request", draft.text("id"))
		for name, e := range map[string]*ear{"eve": eve, "an administrator": root} {
			if got := nounsOf(e.untilChange("group", "between")); slices.Contains(got, "request") || slices.Contains(got, "app") {
				s.Errorf("%s is told of %v while it is a draft", name, got)
			}
		}
		s.as("alice").with("If-Match: "+draft.Header().Get("ETag")).do("PATCH", "/api/v1/requests/"+draft.text("id"), object{"draft": false}).want(s, http.StatusOK)
		eve.untilChange("request", draft.text("id"))
	})
}
