package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

const at = "@hyfin.example"

// office is an installation with a small company in it, reached through its handler alone.
type office struct {
	*testing.T
	app    *serve.App
	tokens map[string]string // of people, by short name
	ahead  atomic.Int64      // nanoseconds that the clock runs ahead
}

// eachEngine runs a story on both engines.
func eachEngine(t *testing.T, story func(o *office)) {
	t.Helper()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) { story(open(t, storetest.Config(t, engine))) })
}

func open(t *testing.T, where store.Config) *office {
	t.Helper()
	o := begin(t, where)
	securityLooks(t, o.app)
	o.hire()
	return o
}

// securityLooks makes it the policy of the company that security looks at every app that nobody scanned, so that two must approve even
// what is small.
func securityLooks(t testing.TB, app *serve.App) {
	t.Helper()
	source := `package marketplace.approvals

import data.marketplace.lib
import data.marketplace.risk

product := 1

platform := 1 if risk.level in {"medium", "high"}

security := 1 if risk.level == "high"

security := 1 if lib.scan_warned
`
	if _, _, err := app.Policies.Put(t.Context(), access.System("test"), policy.Draft{Source: source}); err != nil {
		t.Fatal(err)
	}
}

// usualApprovals takes the company's own policy of approvals away.
func (o *office) usualApprovals() {
	o.Helper()
	if err := o.app.Policies.Delete(o.Context(), access.System("test"), "marketplace.approvals", 1); err != nil {
		o.Fatal(err)
	}
}

// patient is how long a kill waits for the writer in a test that is not about that: the machine may be busy.
const patient = 30 * time.Second

// begin is an installation with what its database holds already.
func begin(t *testing.T, where store.Config) *office {
	t.Helper()
	o := &office{T: t, tokens: map[string]string{}}
	cfg := serve.Defaults()
	cfg.Data, cfg.DatabaseURL = where.Dir, where.URL
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	o.app = app
	app.Kills.Patience = patient
	app.Start(t.Context())
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// hire makes the company's people, groups and tokens, by the local socket.
func (o *office) hire() {
	o.Helper()
	for _, name := range []string{"alice", "bob", "eve", "pat", "sam", "petra", "olu", "ada", "root"} {
		o.do("", "PUT", "/api/v1/people/"+name+at, map[string]any{"display_name": name}, "If-None-Match", "*").must(201)
	}
	for name, group := range map[string]map[string]any{
		"team-lunch": {"members": []string{"alice" + at}},
		"team-other": {"members": []string{"eve" + at}},
		"pilot":      {"members": []string{"bob" + at}},
		"product":    {"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{"pat" + at, "alice" + at}},
		"security":   {"roles": []string{"approver"}, "domains": []string{"security"}, "members": []string{"sam" + at}},
		"platform":   {"roles": []string{"approver"}, "domains": []string{"platform"}, "members": []string{"petra" + at}},
		"on-call":    {"roles": []string{"operator"}, "members": []string{"olu" + at}},
		"audit":      {"roles": []string{"auditor"}, "members": []string{"ada" + at}},
	} {
		version, status := []string{"If-None-Match", "*"}, 201
		if name == "pilot" { // it is there from the start
			version, status = []string{"If-Match", `"1"`}, 200
		}
		o.do("", "PUT", "/api/v1/groups/"+name, group, version...).must(status)
	}
	// Last, since from then on the others are told what the local socket alone loosens.
	o.do("", "PUT", "/api/v1/groups/admins", map[string]any{"roles": []string{"admin"}, "members": []string{"root" + at}}, "If-None-Match", "*").must(201)
	for _, name := range []string{"alice", "bob", "eve", "pat", "sam", "petra", "olu", "ada", "root"} {
		var token api.NewToken
		o.do("", "POST", "/api/v1/tokens", map[string]any{"as": name + at, "scope": "all"}).must(201).into(&token)
		o.tokens[name] = token.Secret
	}
}

// answer is what came back.
type answer struct {
	*office
	what   string
	Status int
	Header http.Header
	Body   []byte
}

// do sends a request as the named person, or as the local administrator without a name. A body that is text is sent as it is.
func (o *office) do(who, method, path string, body any, headers ...string) answer {
	o.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	case []byte:
		reader = bytes.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			o.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host = "localhost:8080"
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if who == "" {
		r = r.WithContext(serve.Local(r.Context()))
	} else if secret, ok := o.tokens[who]; ok {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	o.app.Handler().ServeHTTP(w, r)
	return answer{o, fmt.Sprintf("%s %s by %q", method, path, who), w.Code, w.Header(), w.Body.Bytes()}
}

// must fails the test unless the status is the wanted one.
func (a answer) must(status int) answer {
	a.Helper()
	if a.Status != status {
		a.Fatalf("%s is answered %d, not %d:\n%s", a.what, a.Status, status, a.Body)
	}
	return a
}

// into decodes the body.
func (a answer) into(v any) {
	a.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.Fatalf("%s: %v in %s", a.what, err, a.Body)
	}
}

// problem fails the test unless the answer is an error with the status and the code.
func (a answer) problem(status int, code string) {
	a.Helper()
	a.must(status)
	var p api.Problem
	a.into(&p)
	if p.Code != code || p.Status != status || a.Header.Get("Content-Type") != "application/problem+json" {
		a.Fatalf("%s is refused with %q (%s), not %q", a.what, p.Code, p.Detail, code)
	}
}

// eventually waits until a condition holds, at most a minute.
func (o *office) eventually(what string, holds func() bool) {
	o.Helper()
	deadline, poll := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-deadline:
			o.Fatalf("in vain: %s", what)
		case <-poll.C:
		}
	}
}

func (o *office) file(name string) string {
	o.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		o.Fatal(err)
	}
	return string(raw)
}
