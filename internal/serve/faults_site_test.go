package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// object is a JSON object.
type object = map[string]any

// site is the whole program, with a small company, on a database of its own.
type site struct {
	testing.TB
	app     *serve.App
	cfg     serve.Config
	handler http.Handler
	clock   *clock
	people  map[string]*caller
	hasty   bool // after hurry
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people are who can sign in; the groups below say what they may do. vera is in no group: a viewer.
var people = []string{"alice", "bob", "eve", "pat", "sam", "petra", "max", "olu", "ada", "root", "vera"}

var groups = map[string]access.GroupSpec{
	"team-lunch": {Roles: []access.Role{access.Publisher}, Members: []string{"alice" + at, "bob" + at}},
	"team-other": {Roles: []access.Role{access.Publisher}, Members: []string{"eve" + at}},
	"product":    {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}, Members: []string{"pat" + at, "alice" + at}},
	"security":   {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"security"}, Members: []string{"sam" + at}},
	"platform":   {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"platform"}, Members: []string{"petra" + at}},
	"both":       {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product", "security"}, Members: []string{"max" + at}},
	"on-call":    {Roles: []access.Role{access.Operator}, Members: []string{"olu" + at}},
	"auditors":   {Roles: []access.Role{access.Auditor}, Members: []string{"ada" + at}},
	"admins":     {Roles: []access.Role{access.Admin}, Members: []string{"root" + at}},
}

// each runs the test on both engines, each with a site of its own.
func each(t *testing.T, test func(s *site)) {
	t.Helper()
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) { test(openSite(t, engine)) })
}

// atOnce is each for a test of what happens at the same time.
func atOnce(t *testing.T, test func(s *site)) {
	t.Helper()
	t.Parallel()
	storetest.AtOnce(t, func(t *testing.T, engine store.Engine) { test(openSite(t, engine)) })
}

func openSite(t testing.TB, engine store.Engine) *site {
	t.Helper()
	s := &site{TB: t, clock: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}, people: map[string]*caller{}}
	var cast []api.DemoPerson
	for _, name := range people {
		cast = append(cast, api.DemoPerson{Email: name + at, ShortName: name})
	}
	where := storetest.Config(t, engine) // migrated already
	if where.Dir == "" {
		where.Dir = t.TempDir()
	}
	s.cfg = serve.Config{
		Data: where.Dir, DatabaseURL: where.URL, Mode: api.Demo, People: cast, Version: "test", Now: s.clock.Now,
	}
	s.start()
	t.Cleanup(func() { s.stop() })
	admin := access.System("test")
	for _, name := range people {
		if _, _, err := s.app.Directory.PutPerson(t.Context(), admin, name+at, access.PersonSpec{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, spec := range groups {
		if _, _, err := s.app.Directory.PutGroup(t.Context(), admin, name, spec, 0); err != nil {
			t.Fatal(err)
		}
	}
	securityLooks(t, s.app)
	return s
}

// start opens the installation and begins its loops, as Run does.
func (s *site) start() {
	s.Helper()
	app, err := serve.New(s.Context(), s.cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.app, s.handler = app, app.Handler()
	if !s.hasty {
		app.Kills.Patience = patient
	}
	app.Start(context.WithoutCancel(s.Context()))
}

// hurry has kills wait for the writer no longer than they do outside of tests.
func (s *site) hurry() { s.hasty, s.app.Kills.Patience = true, 0 }

func (s *site) stop() {
	if s.app == nil {
		return
	}
	if err := s.app.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
	s.app = nil
}

// caller is somebody with a credential: header lines that go with each request.
type caller struct {
	*site
	name    string
	headers []string // "Name: value"
}

// as is the person, signed in. Nobody is "".
func (s *site) as(name string) *caller {
	s.Helper()
	if name == "" {
		return &caller{site: s}
	}
	if c, ok := s.people[name]; ok {
		return c
	}
	in := (&caller{site: s}).do("POST", "/api/v1/session", object{"email": name + at})
	if in.Code != http.StatusOK {
		s.Fatalf("sign in as %s: %s", name, in)
	}
	cookies := in.Result().Cookies()
	if len(cookies) != 1 {
		s.Fatalf("sign in as %s sets %d cookies", name, len(cookies))
	}
	c := &caller{site: s, name: name, headers: []string{"Cookie: " + cookies[0].Name + "=" + cookies[0].Value}}
	s.people[name] = c
	return c
}

// with is the same caller, who sends further header lines.
func (c *caller) with(headers ...string) *caller {
	return &caller{site: c.site, name: c.name, headers: append(append([]string{}, c.headers...), headers...)}
}

// within is the same caller, whose requests have that context.
func (c *caller) within(ctx context.Context) *caller {
	handler := c.handler
	return &caller{name: c.name, headers: c.headers, site: c.by(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))}
}

// token is a caller with a new API token of that scope, made by the person for themselves.
func (c *caller) token(scope string) *caller {
	c.Helper()
	made := c.do("POST", "/api/v1/tokens", object{"scope": scope}).want(c, http.StatusCreated)
	return &caller{site: c.site, name: c.name + "'s " + scope + " token", headers: []string{"Authorization: Bearer " + made.text("secret")}}
}

// reply is what came back.
type reply struct {
	*httptest.ResponseRecorder
	what string
}

// do sends a request, its body as JSON. A body of type string, []byte or io.Reader goes as it is, any other as JSON; nil is none.
func (c *caller) do(method, target string, body any) *reply {
	c.Helper()
	return c.send("application/json", method, target, body)
}

// send is do under another media type.
func (c *caller) send(media, method, target string, body any) *reply {
	c.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	case []byte:
		reader = bytes.NewReader(body)
	case io.Reader:
		reader = body
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			c.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	// Not httptest.NewRequest, which panics on targets that a client may well send.
	path, query, _ := strings.Cut(target, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		c.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.Context(), method, "http://localhost/", reader)
	if err != nil {
		c.Fatal(err)
	}
	r.URL = &url.URL{Path: decoded, RawPath: path, RawQuery: query}
	if reader == nil {
		r.Body = http.NoBody // as a server does
	}
	r.RequestURI, r.RemoteAddr, r.Host = target, "127.0.0.1:40000", "localhost:8080"
	if reader != nil {
		r.Header.Set("Content-Type", media)
	}
	for _, line := range c.headers {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); strings.EqualFold(name, "Host") {
			r.Host = value
		} else {
			r.Header.Add(name, value)
		}
	}
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, r)
	return &reply{ResponseRecorder: recorder, what: fmt.Sprintf("%s: %s %s", c.name, method, target)}
}

func (c *caller) get(target string) *reply {
	c.Helper()
	return c.do("GET", target, nil)
}

func (c *caller) post(target string, body any) *reply {
	c.Helper()
	return c.do("POST", target, body)
}

// String is the reply for people.
func (a *reply) String() string {
	body := a.Body.String()
	if len(body) > 1500 {
		body = body[:1500] + "…"
	}
	return fmt.Sprintf("%s → %d %s", a.what, a.Code, body)
}

// failer is what can fail a test.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// want ends the test unless the status is one of those.
func (a *reply) want(t failer, codes ...int) *reply {
	t.Helper()
	for _, code := range codes {
		if a.Code == code {
			return a
		}
	}
	t.Fatalf("%s, want %v", a, codes)
	return a
}

// refused checks that the reply is a problem that a person can act on, and gives it.
func (a *reply) refused(t failer, status int, code string) *reply {
	t.Helper()
	p := a.json(t)
	if a.Code != status || p["code"] != code {
		t.Errorf("%s, want %d %s", a, status, code)
		return a
	}
	if a.Header().Get("Content-Type") != "application/problem+json" || p["status"] != float64(status) || p["title"] == "" || p["detail"] == "" {
		t.Errorf("%s is no proper problem (%s)", a, a.Header().Get("Content-Type"))
	}
	if fix, _ := p["remediation"].(string); fix == "" {
		t.Errorf("%s does not say how to mend it", a)
	}
	return a
}

func (a *reply) json(t failer) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(a.Body.Bytes(), &o); err != nil {
		t.Fatalf("%s is not a JSON object", a)
	}
	return o
}

// at gives what is found along the path in the reply; list indexes are numbers; nil if there is nothing.
func (a *reply) at(path ...any) any {
	var value any
	if json.Unmarshal(a.Body.Bytes(), &value) != nil {
		return nil
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, _ := value.(object)
			value = o[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

func (a *reply) text(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

func (a *reply) items() []any {
	list, _ := a.at("items").([]any)
	return list
}

// finding gives the code of the first finding at the field in the checks of a request; empty if there is none.
func (a *reply) finding(field string) string {
	checks, _ := a.at("checks").([]any)
	for i := range checks {
		found, _ := a.at("checks", i, "findings").([]any)
		for j := range found {
			if a.text("checks", i, "findings", j, "field") == field {
				return a.text("checks", i, "findings", j, "code")
			}
		}
	}
	return ""
}

// lunch is the request of the mission, for the app of that slug.
func lunch(slug string) object {
	return object{
		"kind": "publish_app", "template_id": "microapp-basic-toggle-v1", "reason": "team lunch picks take too long",
		"app": object{
			"slug": slug, "name": "Where2Eat", "description": "Where to have lunch", "category": "dashboard", "owner": "team-lunch",
			"contact": "alice" + at, "kind": "external", "url": "https://where2eat.hyfin.example",
			"data": object{"classification": "none"},
		},
		"fields": object{"name": "Enabled", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 30},
	}
}

// altered is a copy of the object with another value at the dotted path.
func altered(o object, path string, value any) object {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err) // tests only
	}
	var copied object
	if err := json.Unmarshal(raw, &copied); err != nil {
		panic(err)
	}
	inner := copied
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		inner, _ = inner[step].(object)
	}
	inner[steps[len(steps)-1]] = value
	return copied
}

// submitted is a request of alice's that needs approvals.
func (s *site) submitted(slug string) *reply {
	s.Helper()
	r := s.as("alice").post("/api/v1/requests", lunch(slug)).want(s, http.StatusCreated)
	if r.text("state") != "needs_approval" {
		s.Fatalf("%s does not wait for approval", r)
	}
	return r
}

// published is a request of alice's that was approved.
func (s *site) published(slug string) *reply {
	s.Helper()
	r := s.submitted(slug)
	for _, name := range []string{"pat", "sam"} {
		r = s.as(name).post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, 200, 202)
	}
	if r.text("state") != "approved" {
		s.Fatalf("%s is not approved", r)
	}
	return r
}

// state is everything that a refused request must leave as it was.
func (s *site) state() map[string]string {
	s.Helper()
	for _, name := range people { // so that a sign-in between two looks changes nothing
		s.as(name)
	}
	all := map[string]string{}
	for _, noun := range []string{
		"requests", "apps", "flags?removed=true", "rollouts", "templates", "policies", "people", "groups", "environments", "segments",
		"lifecycle", "tokens", "sdk-keys", "audit/events?limit=1000",
	} {
		a := s.as("root").get("/api/v1/"+noun).want(s, http.StatusOK)
		if noun == "audit/events?limit=1000" { // their leaves are given to them in the background
			all[noun] = fmt.Sprint(len(a.items()), a.text("items", 0, "id"))
			continue
		}
		all[noun] = lastUsed.ReplaceAllString(a.Body.String(), "")
	}
	return all
}

// lastUsed is when a token or a key was last used, which is written down some time later.
var lastUsed = regexp.MustCompile(`"last_used":"[^"]*",?`)
