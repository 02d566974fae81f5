package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

const phrase = "lamp trellis onion"

// started is a server that runs as souk serve does.
type started struct {
	*testing.T
	url   string
	links chan string // for set-up, as printed
	stop  func()
}

func start(t *testing.T, cfg serve.Config) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &started{T: t, links: make(chan string, 1)}
	listening := make(chan string, 1)
	cfg.Addr = "127.0.0.1:0"
	cfg.Listening = func(addresses []string) { listening <- "http://" + addresses[0] }
	cfg.SetUp = func(link string) { s.links <- link }
	app, err := serve.New(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		defer close(listening)
		if err := app.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	s.stop = func() { cancel(); running.Wait() }
	t.Cleanup(s.stop)
	if s.url = <-listening; s.url == "" {
		t.Fatal("the server does not start")
	}
	return s
}

// send sends a request over the network, with a cookie or without, and reads the answer into out.
func (s *started) send(cookie *http.Cookie, method, path string, body, out any) (int, *http.Cookie) {
	s.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if cookie != nil {
		r.AddCookie(cookie)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil && out != nil {
		s.Fatal(err)
	}
	for _, c := range answer.Cookies() {
		cookie = c
	}
	return answer.StatusCode, cookie
}

func secretOf(link string) string {
	_, secret, _ := strings.Cut(link, "/join#")
	return secret
}

func TestFirstAdministratorComesByTheLinkThatTheServerPrints(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		where := storetest.Config(t, engine)
		cfg := serve.Defaults()
		cfg.Data, cfg.DatabaseURL = shortDir(t), where.URL
		first := start(t, cfg)
		void := <-first.links
		var session api.Session
		if code, _ := first.send(nil, "GET", "/session", nil, &session); code != 200 || !session.SetUp || session.Person != nil {
			t.Errorf("before set-up the session is %d %+v", code, session)
		}
		first.stop()

		s := start(t, cfg)
		link := <-s.links
		if link == void || !strings.HasPrefix(link, "http://localhost:") {
			t.Errorf("links %q and %q", void, link)
		}
		var problem api.Problem
		use := signin.LinkUse{Secret: secretOf(void), Email: "root" + at, DisplayName: "Root", Password: phrase}
		if code, _ := s.send(nil, "POST", "/links:use", use, &problem); code != 409 || problem.Code != "link_void" {
			t.Errorf("the link of the start before: %d %+v", code, problem)
		}
		use.Secret = secretOf(link)
		code, root := s.send(nil, "POST", "/links:use", use, &session)
		if code != 200 || session.Person == nil || session.Person.Email != "root"+at || !session.Person.HasPassword || session.SetUp || root == nil || !root.HttpOnly {
			t.Fatalf("set up: %d %+v", code, session)
		}
		var list api.SetupChecklist
		if code, _ := s.send(root, "GET", "/setup", nil, &list); code != 200 || len(list.Items) == 0 || list.Items[0].ID != "people" || list.Items[0].Done {
			t.Errorf("the checklist is %d %+v", code, list)
		}
		var invited signin.NewLink
		if code, _ := s.send(root, "POST", "/people/pat"+at+"/invite", signin.Invitation{DisplayName: "Pat", Groups: []string{"pilot"}}, &invited); code != 201 {
			t.Fatalf("invitation: %d", code)
		}
		var read signin.Link
		if code, _ := s.send(nil, "POST", "/links:read", api.LinkSecret{Secret: secretOf(invited.Link)}, &read); code != 200 || read.InvitedBy != "Root" || read.Email != "pat"+at {
			t.Errorf("the invitation reads %d %+v", code, read)
		}
		code, pat := s.send(nil, "POST", "/links:use", signin.LinkUse{Secret: secretOf(invited.Link), Password: phrase}, &session)
		if code != 200 || session.Person.Email != "pat"+at || len(session.Person.Groups) != 1 {
			t.Fatalf("joining: %d %+v", code, session)
		}
		if code, _ := s.send(pat, "GET", "/setup", nil, &problem); code != 403 {
			t.Errorf("pat sees the checklist: %d", code)
		}
		s.stop()

		again := start(t, cfg)
		if code, _ := again.send(root, "GET", "/session", nil, &session); code != 200 || session.Person == nil || session.SetUp {
			t.Errorf("after a restart: %d %+v", code, session)
		}
		again.stop()
		select {
		case link := <-again.links:
			t.Errorf("another link for a first administrator: %s", link)
		default:
		}
	})
}

func TestGuessersAreToldNothingAndWhenToComeBack(t *testing.T) {
	eachEngine(t, func(o *office) {
		var link signin.NewLink
		o.do("root", "POST", "/api/v1/people/alice"+at+"/reset-link", nil).must(201).into(&link)
		o.do("nobody", "POST", "/api/v1/links:use", signin.LinkUse{Secret: secretOf(link.Link), Password: phrase}).must(200)
		o.do("nobody", "POST", "/api/v1/links:use", signin.LinkUse{Secret: secretOf(link.Link), Password: phrase}).problem(409, "link_used")
		o.do("nobody", "POST", "/api/v1/links:read", api.LinkSecret{Secret: "soukjoin_guess"}).problem(404, "unknown_link")
		from := func(who string, i int) answer { // each from somewhere else
			return o.do("nobody", "POST", "/api/v1/session", api.Credentials{Email: who + at, Password: "a guess of many words"}, "X-Forwarded-For", strconv.Itoa(i))
		}
		var bodies []string
		for _, who := range []string{"bob", "stranger"} { // bob has no password, and the stranger is none of the people
			for range 5 {
				got := from(who, 1)
				got.problem(401, "wrong_password")
				bodies = append(bodies, string(got.Body))
				if len(got.Header.Values("Set-Cookie")) != 0 {
					o.Errorf("%s sets a cookie", got.what)
				}
			}
			got := from(who, 1)
			got.problem(429, "too_many_attempts")
			if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 10 || wait > 15 {
				o.Errorf("%s: Retry-After is %q", got.what, got.Header.Get("Retry-After"))
			}
		}
		for _, body := range bodies {
			if body != bodies[0] {
				o.Errorf("answers differ:\n%s\n%s", bodies[0], body)
			}
		}
		in := o.do("nobody", "POST", "/api/v1/session", api.Credentials{Email: "Alice" + at, Password: phrase}).must(200)
		if len(in.Header.Values("Set-Cookie")) != 1 {
			o.Error("alice gets no cookie")
		}
		o.do("nobody", "POST", "/api/v1/session", api.Credentials{Email: "alice" + at, Password: phrase, Token: "souk_x"}).problem(400, "no_credential")
		o.do("nobody", "POST", "/api/v1/session", api.Credentials{Email: "alice" + at}).problem(403, "not_a_demo")
		// Of a password not even a hash is kept for an Idempotency-Key, which would be quick to guess.
		cookie, _, _ := strings.Cut(in.Header.Get("Set-Cookie"), ";")
		change := api.PasswordChange{Current: phrase, New: "gravel sunday kettle"}
		o.do("nobody", "POST", "/api/v1/session/password", change, "Cookie", cookie, "Idempotency-Key", "once").must(200)
		o.do("nobody", "POST", "/api/v1/session/password", change, "Cookie", cookie, "Idempotency-Key", "once").problem(422, "wrong_password")
		for range 60 {
			o.do("nobody", "GET", "/api/v1/flags", nil, "Authorization", "Bearer souk_nonsense")
		}
		got := o.do("nobody", "GET", "/api/v1/flags", nil, "Authorization", "Bearer souk_nonsense")
		got.problem(429, "too_many_attempts")
		if got.Header.Get("Retry-After") != "1" {
			o.Errorf("Retry-After is %q", got.Header.Get("Retry-After"))
		}
	})
}

func TestWhatLoosensTheRulesIsAnsweredWithAProposal(t *testing.T) {
	eachEngine(t, func(o *office) {
		put := func(who string, members ...string) answer {
			return o.do(who, "PUT", "/api/v1/groups/security", map[string]any{"roles": []string{"approver"}, "domains": []string{"security"}, "members": members}, "If-Match", `"1"`)
		}
		o.do("root", "PUT", "/api/v1/groups/admins", map[string]any{"roles": []string{"admin"}, "members": []string{"root" + at, "petra" + at}}, "If-Match", `"1"`).must(200)
		var waiting api.Proposed
		got := put("root", "sam"+at, "eve"+at)
		got.must(202).into(&waiting)
		if got.Header.Get("Content-Type") != "application/json" || waiting.Proposal.By != "root"+at || !strings.Contains(waiting.Proposal.Words, "eve"+at) {
			o.Errorf("%s: %s %s", got.what, got.Header.Get("Content-Type"), got.Body)
		}
		var list store.Listing[access.Proposal]
		o.do("petra", "GET", "/api/v1/proposals", nil).must(200).into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != waiting.Proposal.ID {
			o.Errorf("petra sees %+v", list.Items)
		}
		confirm := "/api/v1/proposals/" + waiting.Proposal.ID + "/confirm"
		o.do("root", "POST", confirm, nil).problem(409, "own_proposal")
		o.do("sam", "POST", confirm, nil).problem(403, "forbidden")
		o.do("petra", "POST", confirm, nil, "Idempotency-Key", "once").must(200)
		o.do("petra", "POST", confirm, nil, "Idempotency-Key", "once").must(200)
		o.do("petra", "POST", confirm, nil).problem(409, "proposal_ended")
		var g access.Group
		o.do("petra", "GET", "/api/v1/groups/security", nil).must(200).into(&g)
		if len(g.Members) != 2 || g.Revision != 2 {
			o.Errorf("the group is %+v", g)
		}
		o.do("root", "POST", "/api/v1/people/petra"+at+"/reset-link", nil).must(202)
		o.do("", "POST", "/api/v1/people/petra"+at+"/reset-link", nil).must(201)
	})
}
