package serve_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// cookie gives the session cookie that an answer sets.
func (a *reply) cookie(t failer) *http.Cookie {
	t.Helper()
	cookies := a.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-souk" {
		t.Fatalf("%s sets the cookies %v", a, cookies)
	}
	return cookies[0]
}

func (s *site) withCookies(values ...string) *caller {
	c := &caller{site: s, name: "cookies"}
	for _, value := range values {
		c.headers = append(c.headers, "Cookie: __Host-souk="+value)
	}
	return c
}

// whoami is the e-mail address of who a caller is to the server; empty for nobody.
func (c *caller) whoami() string {
	c.Helper()
	return c.get("/api/v1/session").want(c, http.StatusOK).text("person", "email")
}

func TestSessionsAreNobodyElses(t *testing.T) {
	each(t, func(s *site) {
		nobody := s.as("")
		first := nobody.post("/api/v1/session", object{"email": "alice" + at}).want(s, http.StatusOK).cookie(s)
		if !first.HttpOnly || !first.Secure || first.SameSite != http.SameSiteLaxMode || first.Path != "/" || first.Domain != "" {
			s.Errorf("the cookie is %+v", first)
		}
		// Fixation: whatever came along, a sign-in makes a new secret and ends the old one.
		second := s.withCookies(first.Value).post("/api/v1/session", object{"email": "alice" + at}).want(s, http.StatusOK).cookie(s)
		planted := s.withCookies("chosen-by-the-attacker").post("/api/v1/session", object{"email": "pat" + at}).want(s, http.StatusOK).cookie(s)
		if second.Value == first.Value || planted.Value == "chosen-by-the-attacker" {
			s.Error("a sign-in keeps the secret that came along")
		}
		for value, want := range map[string]string{first.Value: "", second.Value: "alice" + at, planted.Value: "pat" + at, "": "", "x": "", strings.Repeat("a", 5000): "", "' OR 1=1 --": ""} {
			if got := s.withCookies(value).whoami(); got != want {
				s.Errorf("the cookie %.20q is %q, want %q", value, got, want)
			}
		}
		// Tossed cookies: of two, nobody knows which is whose.
		for _, both := range [][]string{{second.Value, planted.Value}, {planted.Value, second.Value}, {"x", second.Value}, {second.Value, second.Value}} {
			if got := s.withCookies(both...).whoami(); got != "" {
				s.Errorf("two cookies are %q", got)
			}
		}
		// Signed out is out, also for whoever copied the cookie.
		out := s.withCookies(second.Value).do("DELETE", "/api/v1/session", nil).want(s, http.StatusOK).cookie(s)
		if out.MaxAge >= 0 || out.Value != "" {
			s.Errorf("signing out leaves the cookie %+v", out)
		}
		s.withCookies(second.Value).get("/api/v1/flags").refused(s, http.StatusUnauthorized, "signed_out")
		nobody.do("DELETE", "/api/v1/session", nil).want(s, http.StatusOK)

		// Credentials are taken from headers alone.
		secret := s.as("root").post("/api/v1/tokens", object{"scope": "all"}).want(s, http.StatusCreated).text("secret")
		for _, query := range []string{"token", "access_token", "authorization", "__Host-souk", "bearer", "api_key"} {
			nobody.get("/api/v1/flags?"+query+"="+secret).refused(s, http.StatusUnauthorized, "signed_out")
		}
		nobody.with("X-API-Key: "+secret).get("/api/v1/flags").refused(s, http.StatusUnauthorized, "signed_out")
		s.withCookies(secret).get("/api/v1/flags").refused(s, http.StatusUnauthorized, "signed_out")
		for _, header := range []string{"Basic cm9vdDpyb290", "Bearer", "Bearer ", "Bearer souk_x", "Bearer " + secret + "x", secret, "Bearer " + strings.ToUpper(secret), "Digest x"} {
			nobody.with("Authorization: "+header).get("/api/v1/flags").refused(s, http.StatusUnauthorized, "bad_token")
		}
		if got := nobody.with("Authorization: bearer " + secret).whoami(); got != "root"+at {
			s.Errorf("a good token is %q", got)
		}
		for body, status := range map[string]int{
			`{"email":"stranger@hyfin.example"}`: 403, `{}`: 400, `{"email":"pat@hyfin.example","token":"x"}`: 400, `{"token":"souk_x"}`: 401,
			`{"email":"ALICE@hyfin.example' --"}`: 403, `{"email":["alice@hyfin.example"]}`: 400,
		} {
			if got := nobody.post("/api/v1/session", body); got.Code != status || len(got.Result().Cookies()) != 0 {
				s.Errorf("%s for %s, want %d and no cookie", got, body, status)
			}
		}
		// A session ends when nobody uses it, and a clock that is set back prolongs none.
		s.clock.pass(-48 * time.Hour)
		s.withCookies(planted.Value).whoami()
		s.clock.pass(48*time.Hour + 13*time.Hour)
		if got := s.withCookies(planted.Value).whoami(); got != "" {
			s.Errorf("a session that nobody used for 13 hours is %q", got)
		}
	})
}

func TestWritesFromOtherSitesAreRefused(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		before := s.state()
		for _, headers := range [][]string{
			{"Sec-Fetch-Site: cross-site"},
			{"Sec-Fetch-Site: same-site"},
			{"Sec-Fetch-Site: cross-site", "Origin: http://localhost:8080"},
			{"Origin: https://evil.example"},
			{"Origin: null"},
			{"Origin: http://localhost:9999"},
			{"Origin: http://localhost:8080.evil.example"},
			{"Origin: http://evil.localhost:8080"},
			{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate"},
			{"Sec-Fetch-Site: nonsense"},
		} {
			for _, media := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded"} {
				alice.with(headers...).send(media, "POST", "/api/v1/requests", lunch("eat")).refused(s, http.StatusForbidden, "cross_origin")
				alice.with(headers...).send(media, "DELETE", "/api/v1/session", nil).refused(s, http.StatusForbidden, "cross_origin")
				s.as("").with(headers...).send(media, "POST", "/api/v1/session", object{"email": "eve" + at}).refused(s, http.StatusForbidden, "cross_origin")
			}
		}
		s.unchanged(before, "a write from another site")
		for _, headers := range [][]string{{}, {"Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: none"}, {"Origin: http://localhost:8080"}} {
			alice.with(headers...).post("/api/v1/requests:check", lunch("eat")).want(s, http.StatusOK)
		}
	})
}

func TestALostRoleIsLostAtOnce(t *testing.T) {
	each(t, func(s *site) {
		root, pat := s.as("root"), s.as("pat")
		r := s.submitted("eat")
		token := s.as("olu").token("kill")
		kill := "/api/v1/flags/eat.enabled/environments/production/kill"
		root.with(`If-Match: "1"`).do("PUT", "/api/v1/groups/product", object{"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{}}).want(s, http.StatusOK)
		pat.post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).refused(s, http.StatusForbidden, "forbidden")
		root.with(`If-Match: "1"`).do("PUT", "/api/v1/groups/on-call", object{"roles": []string{"viewer"}, "members": []string{"olu" + at}}).want(s, http.StatusOK)
		token.post(kill, nil).refused(s, http.StatusForbidden, "forbidden")
		s.as("olu").post(kill, nil).refused(s, http.StatusForbidden, "forbidden")
		if got := s.as("alice").get("/api/v1/flags/eat.enabled"); killedIn(got, "production") {
			s.Errorf("%s was killed by somebody who lost the right", got)
		}
		// Whoever leaves is out: sessions and tokens end.
		revision := root.get("/api/v1/people/olu" + at).Header().Get("ETag")
		root.with("If-Match: "+revision).do("PUT", "/api/v1/people/olu"+at, object{"active": false}).want(s, http.StatusOK)
		s.as("olu").get("/api/v1/flags").refused(s, http.StatusUnauthorized, "signed_out")
		token.get("/api/v1/flags").refused(s, http.StatusUnauthorized, "bad_token")
		s.as("").post("/api/v1/session", object{"email": "olu" + at}).refused(s, http.StatusUnauthorized, "nobody")
		// The last administrator cannot be lost.
		for path, body := range map[string]object{
			"/api/v1/groups/admins":    {"roles": []string{"admin"}, "members": []string{}},
			"/api/v1/people/root" + at: {"active": false},
		} {
			revision := root.get(path).Header().Get("ETag")
			got := root.with("If-Match: "+revision).do("PUT", path, body)
			if got.Code != http.StatusConflict && got.Code != http.StatusUnprocessableEntity {
				s.Errorf("%s takes the last administrator away", got)
			}
			got.refused(s, got.Code, got.text("code"))
		}
		if root.whoami() != "root"+at {
			s.Error("the last administrator is gone")
		}
	})
}

func TestANarrowTokenDoesNothingElse(t *testing.T) {
	each(t, func(s *site) {
		root := s.as("root")
		for _, group := range slices.Sorted(maps.Keys(groups)) { // root is everything, so that only the scope refuses
			spec := groups[group]
			root.with(`If-Match: "1"`).do("PUT", "/api/v1/groups/"+group, object{
				"roles": spec.Roles, "domains": spec.Domains, "members": append(slices.Clone(spec.Members), "root"+at),
			}).want(s, http.StatusOK)
		}
		r := s.published("eat")
		token := root.post("/api/v1/tokens", object{"scope": "read"}).want(s, http.StatusCreated).text("id")
		key := root.post("/api/v1/sdk-keys", object{"environment": "production"}).want(s, http.StatusCreated).text("id")
		ids := strings.NewReplacer("{request}", r.text("id"), "{rollout}", r.text("rollout_id"), "{token}", token, "{key}", key, "where2eat", "eat")
		var document struct {
			Paths map[string]map[string]struct {
				ID string `json:"operationId"`
			}
		}
		if err := json.Unmarshal(s.as("").get("/api/v1/openapi.json").Body.Bytes(), &document); err != nil {
			s.Fatal(err)
		}
		for _, scope := range []string{"read", "requests", "kill", "outcomes", "checks"} {
			caller := root.token(scope)
			before := s.state()
			for path, methods := range document.Paths {
				for method, operation := range methods {
					row, known := rights[operation.ID]
					if method == "get" || !known || slices.Equal(row.may, public) || slices.Contains(strings.Fields(scopes[operation.ID]), scope) {
						continue
					}
					target := path
					if row.path != "" {
						target = "/api/v1" + ids.Replace(row.path)
					}
					got := caller.with(`If-Match: "1"`).do(strings.ToUpper(method), target, row.body)
					if got.Code != http.StatusForbidden && got.Code != http.StatusNotFound {
						s.Errorf("%s, want it refused", got)
					}
				}
			}
			s.unchanged(before, "what a token of scope "+scope+" tried")
			if code := caller.get("/api/v1/flags").Code; (code == http.StatusOK) == (scope == "outcomes") {
				s.Errorf("a token of scope %s reads flags with %d", scope, code)
			}
			// A session opened with it may do no more.
			in := s.as("").post("/api/v1/session", object{"token": strings.TrimPrefix(caller.headers[0], "Authorization: Bearer ")})
			session := s.withCookies(in.want(s, http.StatusOK).cookie(s).Value)
			session.post("/api/v1/tokens", object{"scope": "all"}).refused(s, http.StatusForbidden, "token_scope")
			session.with(`If-Match: "1"`).do("PUT", "/api/v1/people/x"+at, object{}).refused(s, http.StatusForbidden, "token_scope")
		}
	})
}

func TestNoOtherHostAndNoTrickPathReachesAnything(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		for _, host := range []string{"localhost", "localhost:8080", "eat.localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:8080", "127.0.0.2"} {
			alice.with("Host: "+host).get("/api/v1/flags").want(s, http.StatusOK)
		}
		for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "evillocalhost", "10.0.0.1", "192.168.1.1:8080", "0.0.0.0", "127.0.0.1.nip.io", "localhost:8080@evil.example", "xn--localhost"} {
			for _, path := range []string{"/api/v1/session", "/", "/healthz", "/api/v1/openapi.json", "/ofrep/v1/evaluate/flags"} {
				if got := alice.with("Host: "+host, "X-Forwarded-Host: localhost").get(path); got.Code != http.StatusMisdirectedRequest {
					s.Errorf("%s at the host %s, want 421", got, host)
				}
			}
		}
		for path, status := range map[string]int{
			"/api/v1/nothing": 404, "/api/": 404, "/api/v2/flags": 404, "/api/v1/flags/": 404, "/api/v1/flags/no.such": 404, "/api/v1/requests/..%2f..%2fflags": 404,
			"/api/v1/requests/%2e%2e": 404, "/api/v1/requests/%00": 400, "/api/v1/requests/%ff": 400, "/api/v1/flags?q=%00": 400, "/api/v1/flags?q=%ff": 400,
			"/api/v1/requests/" + strings.Repeat("a", 20_000): 404, "/api/v1/flags?limit=0": 400, "/api/v1/flags?limit=1001": 400, "/api/v1/flags?limit=x": 400,
			"/api/v1/flags?cursor=x": 400, "/api/v1/requests?cursor=eyJ4Ijox": 400, "/api/v1/rollouts?cursor=x": 400, "/api/v1/tokens?cursor=%27": 400,
			"/api/v1/apps?cursor=x": 400, "/api/v1/people?cursor=x": 400, "/api/v1/requests?state=gone": 400, "/api/v1/policies?cursor=x": 400, "/api/v1/templates?cursor=x": 400,
			"/api/v1/templates/microapp-basic-toggle-v1?version=-1": 400, "/api/v1/templates/microapp-basic-toggle-v1?version=99999999999999999999": 400,
			"/api/v1/templates/microapp-basic-toggle-v1?version=999": 404, "/api/v1/templates/..%2f..%2fx": 404,
			"/api/v1/flags/x%5c..%5cy": 404, "/api/v1/flags/a%2fb": 404, "/api/v1/groups/%3Cscript%3E": 404, "/api/v1/people/%27%20OR%201=1": 404,
			"/api": 404, "/mcp": 404, "/mcp/x": 404, "/scim/v2/Users": 404, "/otlp/v1/metrics": 404, "/ofrep": 404, "/ofrep/v2/x": 404,
		} {
			got := alice.get(path)
			got.refused(s, status, got.text("code"))
		}
		alice.do("DELETE", "/api/v1/flags", nil).refused(s, http.StatusMethodNotAllowed, "method_not_allowed")
		alice.do("PUT", "/api/v1/openapi.json", nil).refused(s, http.StatusMethodNotAllowed, "method_not_allowed")
		// Paths that are cleaned lead to the same host, or nowhere.
		for _, path := range []string{"//evil.example", "//evil.example/..", "/api/v1//flags", "/api/v1/./flags", "/api/v1/requests/../flags", "/%2f%2fevil.example", "/\\evil.example", "///", "/..//evil.example/"} {
			got := s.as("").get(path)
			where := got.Header().Get("Location")
			if strings.HasPrefix(where, "//") || strings.Contains(where, "://") || strings.HasPrefix(where, "/\\") {
				s.Errorf("%s is led to %q", path, where)
			}
			if strings.Contains(got.Body.String(), `"items"`) {
				s.Errorf("%s is answered to nobody: %s", path, got)
			}
		}
	})
}

func TestMarkupComesBackAsText(t *testing.T) {
	each(t, func(s *site) {
		const evil = `<img src=x onerror=alert(1)></script><script>alert("1")</script>`
		content := altered(altered(lunch("eat"), "app.name", "Lunch "+evil), "reason", evil)
		r := s.as("alice").post("/api/v1/requests", altered(content, "app.description", evil)).want(s, http.StatusCreated)
		if r.text("reason") != evil {
			s.Errorf("%s, want the text as it was", r)
		}
		for _, path := range []string{
			"/api/v1/requests/" + r.text("id"), "/api/v1/apps/eat", "/api/v1/requests?app=%3Cscript%3E", "/api/v1/audit/events", "/api/v1/inbox",
			"/api/v1/%3Cscript%3Ealert(1)%3C/script%3E", "/api/v1/flags/%3Cscript%3E", "/ofrep/v1/%3Cscript%3E",
		} {
			got := s.as("root").get(path)
			kind := got.Header().Get("Content-Type")
			if !strings.Contains(kind, "json") || got.Header().Get("X-Content-Type-Options") != "nosniff" {
				s.Errorf("%s is %q, %q", path, kind, got.Header().Get("X-Content-Type-Options"))
			}
		}
		// The console's page is the same whatever is asked for.
		page := s.as("").get("/requests/%3Cscript%3Ealert(1)%3C/script%3E?q=%3Cimg%3E")
		if strings.Contains(page.Body.String(), "alert(1)") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			s.Errorf("%s reflects the address, or has no policy", page)
		}
		if policy := page.Header().Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") {
			s.Errorf("the console's policy is %q", policy)
		}
	})
}
