package serve_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/store"
)

// unchanged fails the test if what was tried left a trace.
func (s *site) unchanged(before map[string]string, tried string) {
	s.Helper()
	if diff := cmp.Diff(before, s.state()); diff != "" {
		s.Errorf("%s was refused and yet changed something:\n%s", tried, diff)
	}
}

func TestWhatIsNoPlainJSONIsRefusedAndLeavesNothing(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		before := s.state()
		deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
		for name, body := range map[string]struct{ body, code, field string }{
			"unknown member":          {`{"kind":"publish_app","reasn":"x"}`, "unknown_member", "reasn"},
			"unknown inner member":    {`{"kind":"publish_app","app":{"slugg":"x"}}`, "unknown_member", "app.slugg"},
			"member of another case":  {`{"Kind":"publish_app"}`, "unknown_member", "Kind"},
			"duplicate member":        {`{"kind":"publish_app","reason":"a","reason":"b"}`, "duplicate_member", "reason"},
			"duplicate by escape":     {`{"kind":"publish_app","reason":"a","re\u0061son":"b"}`, "duplicate_member", "reason"},
			"duplicate in fields":     {`{"kind":"publish_app","fields":{"ttl_days":30,"ttl_days":9999}}`, "duplicate_member", "fields.ttl_days"},
			"deep nesting":            {`{"kind":"publish_app","fields":` + deep + `}`, "too_deep", ""},
			"deep lists":              {`{"kind":"publish_app","fields":{"x":` + strings.Repeat("[", 200_000), "too_deep", ""},
			"NUL":                     {`{"kind":"publish_app","reason":"a\u0000b"}`, "invalid_text", "reason"},
			"NUL in a name":           {`{"kind":"publish_app","fields":{"a\u0000":1}}`, "invalid_text", ""},
			"invalid UTF-8":           {"{\"kind\":\"publish_app\",\"reason\":\"\xff\xfe\"}", "invalid_text", ""},
			"overlong UTF-8":          {"{\"kind\":\"publish_app\",\"reason\":\"\xc0\xaf\"}", "invalid_text", ""},
			"no JSON":                 {`kind=publish_app`, "malformed_json", ""},
			"cut off":                 {`{"kind":"publish_app"`, "malformed_json", ""},
			"something after it":      {`{"kind":"publish_app"}{}`, "malformed_json", ""},
			"NaN":                     {`{"kind":"publish_app","fields":{"ttl_days":NaN}}`, "malformed_json", ""},
			"a number beyond numbers": {`{"kind":"publish_app","fields":{"ttl_days":1e999}}`, "malformed_json", ""},
			"a list":                  {`[]`, "invalid", ""},
			"a text":                  {`"publish_app"`, "invalid", ""},
			"null":                    {`null`, "invalid", ""},
			"empty":                   {``, "invalid", ""},
			"app of a wrong type":     {`{"kind":"publish_app","app":[]}`, "invalid", "app"},
			"fields of a wrong type":  {`{"kind":"publish_app","fields":"x"}`, "invalid", "fields"},
			"reason of a wrong type":  {`{"kind":"publish_app","reason":{"a":1}}`, "invalid", "reason"},
			"unknown kind":            {`{"kind":"drop_tables"}`, "invalid", "kind"},
			"no kind":                 {`{}`, "unknown_kind", "kind"},
		} {
			for _, path := range []string{"/api/v1/requests", "/api/v1/requests:check"} {
				if name == "no kind" && strings.HasSuffix(path, ":check") {
					continue // any part of a request can be checked
				}
				a := alice.post(path, body.body)
				a.what = name + ": " + path
				a.refused(s, http.StatusBadRequest, body.code)
				if field := a.text("errors", 0, "field"); body.field != "" && field != body.field {
					s.Errorf("%s: the problem is at %q, want %q", name, field, body.field)
				}
			}
		}
		if a := alice.post("/api/v1/requests", `{"kind":"publish_app","reasn":"x"}`); !strings.Contains(a.text("detail"), `"reason"`) {
			s.Errorf("%s does not name the nearest member", a)
		}
		for _, media := range []string{
			"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor",
			"application/json; charset=utf-16", "a/b/c",
		} {
			alice.send(media, "POST", "/api/v1/requests", `{"kind":"publish_app"}`).
				refused(s, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
		s.unchanged(before, "a body that is no plain JSON")
	})
}

// counted counts what is read of an endless body.
type counted struct {
	read  int64
	limit int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.read >= c.limit {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	c.read += int64(len(p))
	return len(p), nil
}

func TestATooLargeBodyIsRefusedWithoutBeingKept(t *testing.T) {
	each(t, func(s *site) {
		before := s.state()
		const size = 10 << 20
		for _, target := range []string{
			"POST /api/v1/requests", "POST /api/v1/requests:check", "POST /api/v1/templates", "PUT /api/v1/policies/marketplace.x",
			"POST /api/v1/tokens", "PUT /api/v1/people/x" + at, "PUT /api/v1/groups/x", "POST /api/v1/session", "PUT /api/v1/lifecycle",
			"PUT /api/v1/segments/pilot", "POST /api/v1/sdk-keys",
		} {
			method, path, _ := strings.Cut(target, " ")
			body := &counted{limit: size}
			s.as("root").with(`If-Match: "1"`).do(method, path, body).refused(s, http.StatusRequestEntityTooLarge, "body_too_large")
			if body.read > 2<<20 {
				s.Errorf("%s: %d bytes were read of a body that may have 1 MB", target, body.read)
			}
		}
		body := &counted{limit: 40 << 20}
		s.as("root").post("/api/v1/apply", body).refused(s, http.StatusRequestEntityTooLarge, "body_too_large")
		if body.read > 18<<20 {
			s.Errorf("apply: %d bytes were read of a body that may have 16 MB", body.read)
		}
		// Nobody needs to be listened to before it is known who it is.
		body = &counted{limit: size}
		s.as("").post("/api/v1/requests", body).refused(s, http.StatusUnauthorized, "signed_out")
		if body.read > 0 {
			s.Errorf("%d bytes were read from nobody", body.read)
		}
		s.as("vera").post("/api/v1/apply", body).refused(s, http.StatusForbidden, "forbidden")
		if body.read > 0 {
			s.Errorf("%d bytes were read from somebody who may not send them", body.read)
		}
		s.unchanged(before, "a body of 10 MB")
	})
}

func TestEveryTextOfARequestIsJudgedWhereItStands(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		type attempt struct {
			path  string
			value any
			field string // of the finding, if it is not path
		}
		var attempts []attempt
		for _, field := range []string{"reason", "removal_plan", "app.name", "app.description", "app.owner", "app.contact", "app.category", "app.slug", "app.url", "fields.name", "fields.owner"} {
			attempts = append(attempts, attempt{path: field, value: "lunch\u202egpj.exe"}, attempt{path: field, value: "a\u2066b"}, attempt{path: field, value: "bell\u0007"}, attempt{path: field, value: "esc\u001b[2J"})
			attempts = append(attempts, attempt{path: field, value: strings.Repeat("x", 100_000)})
		}
		for _, field := range []string{"app.name", "app.owner", "app.contact", "app.category", "app.slug", "app.url", "fields.name", "fields.owner"} {
			attempts = append(attempts, attempt{path: field, value: ""}, attempt{path: field, value: "  \t "})
		}
		for _, ttl := range []any{-1, 0, 366, 1e15, 1e300, 30.5, "30", true, []any{30}, object{"days": 30}} {
			attempts = append(attempts, attempt{path: "fields.ttl_days", value: ttl})
		}
		for field, value := range map[string]any{
			"fields.default": "yes", "fields.audiences": "everyone", "fields.kill_switch": false, "fields.name": 7,
		} {
			attempts = append(attempts, attempt{path: field, value: value})
		}
		attempts = append(attempts, attempt{path: "fields.audiences", value: 7}, attempt{path: "fields.nme", value: "x"},
			attempt{path: "fields.__proto__", value: object{"x": 1}}, attempt{path: "app.kind", value: "hosted"},
			attempt{path: "template_id", value: "microapp-basic-togle-v1"}, attempt{path: "template_id", value: "../../etc/passwd"})
		for _, slug := range []string{
			"a", "Where2Eat", "where--eat", "-eat", "eat-", "eat_it", "eat.it", "1eat", "admin", "api", "xn--eat", "where２eat", "whеre2eat", "../eat",
			"eat/../..", "a%2fb", "0190b6ab-1234-7000-8000-000000000000", "deadbeefdeadbeefdeadbeef", strings.Repeat("a", 41), "eat it", "<b>",
		} {
			attempts = append(attempts, attempt{path: "app.slug", value: slug})
		}
		for _, url := range []string{
			"http://eat.hyfin.example", "javascript:alert(1)", "data:text/html,x", "//eat.hyfin.example", "https://", "https:///x", "https://localhost/",
			"https://eat.localhost", "https://127.0.0.1", "https://0x7f.1", "https://2130706433", "https://[::1]/", "https://169.254.169.254/latest",
			"https://user:pw@eat.hyfin.example", "https://eat", "https://eat.hyfin.example:0", "https://eat.hyfin.example:99999", "ftp://eat.hyfin.example",
			"https://eat.hyfin.example\\@evil.example", "https://ea t.hyfin.example", "https://еat.hyfin.example", "https://eat..example", "file:///etc/passwd",
		} {
			attempts = append(attempts, attempt{path: "app.url", value: url})
		}
		for _, a := range attempts {
			got := alice.post("/api/v1/requests:check", altered(lunch("eat"), a.path, a.value))
			got.what = fmt.Sprintf("%s = %.60q", a.path, fmt.Sprint(a.value))
			if got.Code != http.StatusOK {
				s.Errorf("%s, want findings", got)
				continue
			}
			field := a.path
			if a.field != "" {
				field = a.field
			}
			if got.finding(field) == "" {
				s.Errorf("%s has no finding at %s", got, field)
			}
		}
		if n := len(s.as("root").get("/api/v1/requests").items()); n != 0 {
			s.Errorf("checking left %d requests behind", n)
		}
	})
}

func TestARequestWithFaultsIsKeptAndReservesNothingUntilItIsMended(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		r := alice.post("/api/v1/requests", altered(altered(lunch("Eat It"), "fields.ttl_days", -3), "fields.owner", " ")).want(s, http.StatusCreated)
		if r.text("state") != "needs_fixes" || r.at("flag") != nil {
			s.Fatalf("%s, want needs_fixes without a flag", r)
		}
		if apps := alice.get("/api/v1/apps").items(); len(apps) != 0 {
			s.Errorf("a request with a bad short name made the app %v", apps)
		}
		edited := alice.with(`If-Match: "1"`).do("PATCH", "/api/v1/requests/"+r.text("id"), object{
			"app": object{"slug": "eat"}, "fields": object{"ttl_days": 30, "owner": "alice" + at},
		}).want(s, http.StatusOK)
		if edited.text("state") != "needs_approval" || edited.text("flag", "key") != "eat.enabled" {
			s.Errorf("%s, want needs_approval for eat.enabled", edited)
		}
		// Somebody else's request for the same short name is no conflict of servers but a finding.
		eve := altered(altered(lunch("eat"), "app.owner", "team-other"), "fields.owner", "eve"+at)
		if second := s.as("eve").post("/api/v1/requests", eve).want(s, http.StatusCreated); second.finding("app.slug") == "" {
			s.Errorf("%s took the short name of another", second)
		}
		for _, attachments := range []any{
			[]object{{"name": "big.json", "content": strings.Repeat("x", 600_000)}},
			[]object{{"name": "", "content": "x"}},
			[]object{{"name": "a\u202eb", "content": "x"}},
			func() (many []object) {
				for i := range 21 {
					many = append(many, object{"name": fmt.Sprint(i), "content": "x"})
				}
				return many
			}(),
		} {
			got := alice.post("/api/v1/requests:check", altered(lunch("eat2"), "attachments", attachments)).want(s, http.StatusOK)
			if got.finding("attachments") == "" && got.finding("attachments.0") == "" {
				s.Errorf("%s has no finding at the attachments", got)
			}
		}
	})
}

func TestNamesThatDeceiveAreRefusedEverywhere(t *testing.T) {
	each(t, func(s *site) {
		root, alice := s.as("root"), s.as("alice")
		r := s.published("eat")
		key := r.text("flag", "key")
		open := s.submitted("eat2")
		before := s.state()
		fresh := "If-None-Match: *"
		for _, text := range []string{"a\u202eb", "a\u2067b", "bell\u0007", "esc\u001b[2J", "del\u007f"} {
			for target, body := range map[string]any{
				"PUT /api/v1/people/mallory" + at: object{"display_name": text},
				"PUT /api/v1/groups/mallory":      object{"title": text},
				"PUT /api/v1/segments/mallory":    object{"title": text, "everybody": true},
				"POST /api/v1/templates": object{
					"templateId": "mallory-v1", "displayName": text, "description": "x", "requiredChecks": []string{},
					"fields": object{"owner": object{"type": "string", "required": true}, "name": object{"type": "string", "required": true}, "audiences": object{"type": "enum", "values": []string{"pilot"}, "required": true}, "ttl_days": object{"type": "integer", "default": 30}, "kill_switch": object{"type": "boolean", "default": true}},
				},
				"POST /api/v1/tokens":   object{"scope": "read", "name": text},
				"POST /api/v1/sdk-keys": object{"environment": "sandbox", "name": text},
				"POST /api/v1/flags/" + key + "/environments/production/kill":    object{"reason": text},
				"POST /api/v1/rollouts/" + r.text("rollout_id") + "/abort":       object{"reason": text},
				"POST /api/v1/requests/" + open.text("id") + "/withdraw":         object{"reason": text},
				"POST /api/v1/requests/" + open.text("id") + "/deny":             object{"reason": text, "digest": open.text("digest")},
				"POST /api/v1/flags/" + key + "/removal-plan":                    object{"removal_plan": text},
				"POST /api/v1/flags/" + key + "/environments/production/restore": object{"reason": text},
			} {
				method, path, _ := strings.Cut(target, " ")
				by := root
				switch {
				case strings.HasSuffix(path, "/deny"):
					by = s.as("pat")
				case strings.HasSuffix(path, "/withdraw"), strings.HasSuffix(path, "/removal-plan"):
					by = alice
				}
				got := by.with(fresh).do(method, path, body)
				if got.Code != http.StatusBadRequest && got.text("code") != "bad_template" {
					s.Errorf("%s with %q, want 400", got, text)
					continue
				}
				got.refused(s, got.Code, got.text("code"))
			}
		}
		long := strings.Repeat("reason ", 2000)
		for _, path := range []string{
			"/api/v1/flags/" + key + "/environments/production/kill", "/api/v1/rollouts/" + r.text("rollout_id") + "/abort",
			"/api/v1/requests/" + open.text("id") + "/withdraw",
		} {
			alice.post(path, object{"reason": long}).refused(s, http.StatusBadRequest, "too_long")
		}
		for _, name := range []string{"Mallory", "mal lory", "mal_lory", "-m", "m--m", "mаllory", strings.Repeat("m", 64), "%3Cscript%3E", "..%2Fadmins"} {
			got := root.with(fresh).do("PUT", "/api/v1/groups/"+name, object{"members": []string{}})
			got.refused(s, http.StatusBadRequest, "invalid_name")
		}
		for _, address := range []string{"mallory", "m@", "@x", "mаllory" + at, "a%20b" + at, "a%0Ab" + at, "%3Cb%3E" + at} {
			got := root.with(fresh).do("PUT", "/api/v1/people/"+address, object{})
			got.refused(s, http.StatusBadRequest, "invalid_email")
		}
		s.unchanged(before, "a name that deceives")
	})
}

// The limit on the time that a body takes to arrive has ended the context of requests whose work took longer, which were answered
// 500 then.
func TestAWriteMayTakeLongerThanItsBodyMayTakeToArrive(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	limit := 100 * time.Millisecond
	address := s.listen(func(server *http.Server) { server.ReadTimeout = limit })
	db, err := sql.Open("pgx", s.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	flag := s.published("eat").text("flag", "key")
	alice := s.as("alice").token("all")
	for path, body := range map[string]string{"/api/v1/tokens": `{"scope":"read"}`, "/api/v1/flags/" + flag + "/environments/sandbox/kill": ""} {
		blocking, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blocking.ExecContext(t.Context(), `LOCK TABLE audit_event`); err != nil {
			t.Fatal(err)
		}
		answered := make(chan int, 1)
		go func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+path, strings.NewReader(body))
			if err != nil {
				answered <- 0
				return
			}
			for _, header := range alice.headers {
				name, value, _ := strings.Cut(header, ": ")
				request.Header.Set(name, value)
			}
			request.Header.Set("Content-Type", "application/json")
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				answered <- 0
				return
			}
			_ = answer.Body.Close()
			answered <- answer.StatusCode
		}()
		<-time.After(5 * limit) // so that the limit is over
		if err := blocking.Rollback(); err != nil {
			t.Fatal(err)
		}
		if status := <-answered; status != http.StatusOK && status != http.StatusCreated && status != http.StatusAccepted {
			t.Errorf("%s is answered %d", path, status)
		}
	}
}
