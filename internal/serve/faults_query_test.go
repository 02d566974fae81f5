package serve_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// parameter is what the document says of one.
type parameter struct {
	Name   string
	In     string
	Schema struct {
		Type any
		Enum []any
	}
}

// reads gives every operation that reads, with the ids of a story filled in, and its parameters.
func (s *site) reads(ids *strings.Replacer) map[string][]parameter {
	s.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			ID         string `json:"operationId"`
			Parameters []parameter
		}
	}
	if err := json.Unmarshal(s.as("").get("/api/v1/openapi.json").Body.Bytes(), &document); err != nil {
		s.Fatal(err)
	}
	all := map[string][]parameter{}
	for path, methods := range document.Paths {
		operation, reads := methods["get"]
		if !reads || operation.ID == "watch" || operation.ID == "take-backup" || operation.ID == "export-audit-log" {
			continue
		}
		if row := rights[operation.ID]; row.path != "" {
			path = "/api/v1" + ids.Replace(row.path)
		}
		path, _, _ = strings.Cut(path, "?")
		all[path] = operation.Parameters
	}
	return all
}

func TestHostileQueriesAreRefusedOrMeanNothing(t *testing.T) {
	each(t, func(s *site) {
		r := s.published("eat")
		root := s.as("root")
		root.post("/api/v1/tokens", object{"scope": "read"}).want(s, http.StatusCreated)
		root.post("/api/v1/tokens", object{"scope": "read"}).want(s, http.StatusCreated)
		foreign := root.get("/api/v1/tokens?limit=1").text("next")
		events := root.get("/api/v1/audit/events?limit=1").text("next")
		if foreign == "" || events == "" {
			s.Fatal("no cursor of another list is to be had")
		}
		raw := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		ids := strings.NewReplacer("{request}", r.text("id"), "{rollout}", r.text("rollout_id"), "where2eat", "eat")
		bad := map[string][]string{ // which are refused whatever the list
			"limit":  {"0", "-1", "1001", "x", "1.5", "10x", "9223372036854775808", "1e2", " 1", "%00", "%ff", ""},
			"cursor": {"x", "%27", "%00", "%ff", raw(`[]`), raw(`{}`), raw(`[1]`), raw(`["\u0000"]`), raw(`"x"`), "====", strings.Repeat("A", 15_000)},
		}
		odd := []string{ // which may find something, find nothing or be refused
			"", "'", "' OR 1=1 --", "%25", "_", "%5C", "*", "%2A%2A", "(", "%F0%9F%92%A9", "%E2%80%AE", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
			"-292277-01-01T00:00:00Z", "true", "null", "NaN", "99999999999999999999", "%3Cscript%3E", "..%2F..%2Fetc", strings.Repeat("a", 15_000), strings.Repeat("%25", 5_000),
		}
		check := func(path, query string, refused bool) {
			got := root.get(path + "?" + query)
			if got.Code >= 500 || got.Code >= 300 && got.Code < 400 || refused && got.Code < 400 {
				s.Errorf("%s with %.60q is answered %d: %.300s", path, query, got.Code, got.Body)
			}
			if got.Code >= 400 && got.Header().Get("Content-Type") != "application/problem+json" {
				s.Errorf("%s with %.60q is refused as %s", path, query, got.Header().Get("Content-Type"))
			}
		}
		for path, parameters := range s.reads(ids) {
			for _, p := range parameters {
				if p.In != "query" {
					continue
				}
				for _, value := range bad[p.Name] {
					check(path, p.Name+"="+value, value != "")
				}
				values := odd
				if p.Name == "cursor" { // of other lists, or made by hand with one key more or less
					values = []string{foreign, events, raw(`["x"]`), raw(`["1"]`), raw(`["x","y"]`), raw(`["1","2","3","4"]`), raw(`["-1","x"]`), raw(`["99999999999999999999","x"]`), raw(`["` + strings.Repeat("a", 5_000) + `"]`)}
				}
				for _, value := range values {
					check(path, p.Name+"="+value, false)
				}
				check(path, p.Name+"=%00", true)
				check(path, p.Name+"=a%ff", true)
				check(path, p.Name+"="+strings.Repeat("a", 100_000), true)
				if p.Schema.Type != "array" {
					check(path, p.Name+"=1&"+p.Name+"=2", true)
				}
			}
			check(path, "nonsense=1&;&&=&%3D=%26", false)
			check(path, "%00=1", true)
			check(path, strings.Repeat("a=1&", 30_000), true)
		}
	})
}

// Every text that people or systems outside may name is given back as it is, in JSON, and shown by a console that runs no script
// but its own.
func TestNamesFromOutsideStayText(t *testing.T) {
	each(t, func(s *site) {
		root := s.as("root")
		for i, name := range []string{
			`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `{{constructor.constructor('alert(1)')()}}`,
			`${alert(1)}`, `' onmouseover='alert(1)`, `</script><svg/onload=alert(1)>`, `<!--`, `]]>`, `&lt;b&gt;`, `a\u003cb`, `=cmd|' /C calc'!A0`, "😀 ä ß \u00a0x",
		} {
			slug := "g" + string(rune('a'+i))
			path := "/api/v1/people/" + slug + at
			made := root.with(`If-None-Match: *`).do("PUT", path, object{"display_name": name})
			if made.Code >= 500 {
				s.Errorf("%s", made)
			}
			if made.Code == http.StatusCreated {
				got := root.get(path).want(s, http.StatusOK)
				if got.text("display_name") != name || got.Header().Get("Content-Type") != "application/json" || got.Header().Get("X-Content-Type-Options") != "nosniff" {
					s.Errorf("%q is given back as %q, %s", name, got.text("display_name"), got.Header())
				}
			}
			group := root.with(`If-None-Match: *`).do("PUT", "/api/v1/groups/"+slug, object{"title": name})
			if group.Code == http.StatusCreated && root.get("/api/v1/groups/"+slug).text("title") != name {
				s.Errorf("the title %q is given back as %q", name, root.get("/api/v1/groups/"+slug).text("title"))
			}
			token := root.post("/api/v1/tokens", object{"scope": "read", "name": name})
			if token.Code == http.StatusCreated && token.text("name") != name {
				s.Errorf("the name %q is given back as %q", name, token.text("name"))
			}
			r := s.as("alice").post("/api/v1/requests", altered(altered(lunch("eat"+string(rune('a'+i))), "reason", name), "app.name", name)).want(s, 201, 400)
			if r.Code == http.StatusCreated && (r.text("reason") != name || r.text("app", "name") != name) {
				s.Errorf("%q is given back as %q and %q", name, r.text("reason"), r.text("app", "name"))
			}
			// In errors, which quote what was sent, too.
			for _, path := range []string{"/api/v1/flags/" + url.PathEscape(name), "/api/v1/people/" + url.PathEscape(name), "/api/v1/flags?cursor=" + url.QueryEscape(name)} {
				got := root.get(path)
				if got.Code < 400 || got.Code >= 500 || got.Header().Get("Content-Type") != "application/problem+json" {
					s.Errorf("%s", got)
				}
				if csp := got.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
					s.Errorf("%s under the policy %q", got, csp)
				}
			}
			page := root.get("/flags/" + url.PathEscape(name))
			csp := page.Header().Get("Content-Security-Policy")
			if strings.Contains(page.Body.String(), name) && len(name) > 4 || !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "script-src 'self' 'unsafe") || strings.Contains(csp, "unsafe-eval") {
				s.Errorf("the console's page for %q is under %q", name, csp)
			}
		}
	})
}

func TestAClockThatJumpsProlongsAndPromotesNothing(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
	r := s.published("eat")
	alice, root := s.as("alice"), s.as("root")
	rollout := "/api/v1/rollouts/" + r.text("rollout_id")
	if got := alice.get(rollout); got.text("state") == "ready" {
		alice.post(rollout+"/start", nil).want(s, 200, 202)
	}
	s.evaluate(s.sdkKey("staging"), "eat.enabled", object{}).want(s, http.StatusOK) // else its time waits for a program
	before := alice.get(rollout).want(s, http.StatusOK)
	// Keys that repeat a request, hours back and forth. By token: a session ages with every jump ahead, and gets none of it back.
	script := root.token("all")
	group := func() *reply {
		return script.with(`If-None-Match: *`, "Idempotency-Key: jump").do("PUT", "/api/v1/groups/jump", object{})
	}
	first := group().want(s, http.StatusCreated)
	expiring := root.post("/api/v1/tokens", object{"scope": "read", "expires_at": s.clock.Now().Add(48 * 3600e9)}).want(s, http.StatusCreated)
	token := s.as("").with("Authorization: Bearer " + expiring.text("secret"))
	for _, hours := range []int{-1, 2, -1, -24, 24} {
		s.clock.pass(timeHours(hours))
		if again := group(); again.Code != http.StatusCreated || again.Body.String() != first.Body.String() {
			t.Errorf("%d hours on, the same key is answered %s", hours, again)
		}
		token.get("/api/v1/flags").want(t, http.StatusOK)
	}
	// Ten years ahead: whatever bakes is over, and one step follows, which then bakes for as long as its plan says.
	s.clock.pass(timeHours(10 * 365 * 24))
	token.get("/api/v1/flags").refused(t, http.StatusUnauthorized, "bad_token")
	if got := alice.whoami(); got != "" {
		t.Errorf("after ten years a session is still %q", got)
	}
	back := s.as("").post("/api/v1/session", object{"email": "alice" + at}).want(s, http.StatusOK).cookie(s)
	again := s.withCookies(back.Value)
	s.eventually("the step that was over is promoted", func() bool {
		return again.get(rollout).at("current") != before.at("current") || again.get(rollout).text("state") != "running"
	})
	for range 20 { // ticks of the leader in between
		if got := again.get(rollout); got.at("current").(float64) > before.at("current").(float64)+1 {
			t.Fatalf("one jump of the clock promoted more than one step: %s", got)
		}
		s.settledOnce()
	}
	// Back to 1970: nobody's session is prolonged by it, and nothing fails.
	s.clock.pass(-timeHours(56 * 365 * 24))
	again.get("/api/v1/flags").want(t, http.StatusOK)
	s.clock.pass(timeHours(56*365*24 + 13))
	if got := again.whoami(); got != "" {
		t.Errorf("a session that nobody used for 13 hours is still %q", got)
	}
}

func timeHours(n int) time.Duration { return time.Duration(n) * time.Hour }

// settledOnce waits for the log to be sequenced once more: a moment in which the leader's other loops ran too.
func (s *site) settledOnce() {
	s.Helper()
	s.as("").post("/api/v1/session", object{"email": "vera" + at}).want(s, http.StatusOK)
	in := s.as("").post("/api/v1/session", object{"email": "root" + at}).want(s, http.StatusOK).cookie(s)
	s.eventually("the log is sequenced", func() bool {
		return s.withCookies(in.Value).get("/api/v1/audit/events?limit=1").at("items", 0, "leaf") != nil
	})
}
