package serve_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPoliciesThatCannotBeTrustedAreRefused(t *testing.T) {
	each(t, func(s *site) {
		root := s.as("root")
		before := s.state()
		put := func(source any) *reply {
			return root.with("If-None-Match: *").do("PUT", "/api/v1/policies/marketplace.mallory", object{"source": source, "file": "mallory.rego"})
		}
		const head = "package marketplace.mallory\n"
		for name, source := range map[string]string{
			"no Rego":          "allow everything please",
			"empty":            "",
			"a comment":        "# nothing",
			"does not parse":   head + "deny contains msg if {",
			"no such function": head + "deny contains msg if { msg := nonsense(input) }",
			"http.send":        head + `deny contains msg if { r := http.send({"method": "get", "url": "http://169.254.169.254/"}); msg := r.raw_body }`,
			"opa.runtime":      head + `deny contains msg if { msg := sprintf("%v", [opa.runtime()]) }`,
			"env":              head + `deny contains msg if { msg := opa.runtime().env.PATH }`,
			"net.lookup":       head + `deny contains msg if { net.lookup_ip_addr("evil.example"); msg := "x" }`,
			"rand":             head + `deny contains msg if { rand.intn("x", 2) == 1; msg := "x" }`,
			"recursion":        head + "p if { q }\nq if { p }\ndeny contains msg if { p; msg := \"x\" }",
			"another package":  "package marketplace.other\nallow := true",
			"a foreign root":   "package system.authz\nallow := true",
			"NUL":              head + "# \u0000",
			"huge":             head + "# " + strings.Repeat("x", 100_000),
			"many rules":       head + strings.Repeat("deny contains \"x\" if { input.a == 1 }\n", 3000),
		} {
			got := put(source)
			if got.Code < 400 || got.Code >= 500 {
				s.Errorf("%s: %s, want it refused", name, got)
				continue
			}
			got.refused(s, got.Code, got.text("code"))
		}
		put(7).refused(s, http.StatusBadRequest, "invalid")
		root.with("If-None-Match: *").do("PUT", "/api/v1/policies/marketplace.mallory", object{"sauce": "x"}).refused(s, http.StatusBadRequest, "unknown_member")
		// Who may not write policies learns nothing of them, not even that theirs would not parse.
		s.as("alice").with("If-None-Match: *").do("PUT", "/api/v1/policies/marketplace.mallory", object{"source": "package marketplace.other"}).
			refused(s, http.StatusForbidden, "forbidden")
		s.as("alice").with(`If-Match: "1"`).do("PUT", "/api/v1/lifecycle", object{"lifecycle": object{"max_active_days": 1, "reminder_schedule_days": []int{1}, "deprecated_grace_days": 1}}).
			refused(s, http.StatusForbidden, "forbidden")
		s.unchanged(before, "a policy that cannot be trusted")
		s.submitted("eat") // and requests go on
	})
}

func TestAPolicyThatBreaksCountsAgainstTheRequest(t *testing.T) {
	each(t, func(s *site) {
		for name, attempt := range map[string]struct{ body, code string }{
			"loops":     {`deny contains "x" if { some i in numbers.range(1, 9999); some j in numbers.range(1, 9999); some k in numbers.range(1, 9999); i * j * k == -1 }`, "policy_slow"},
			"conflicts": {"allow := x if { x := input.fields.name }\nallow := y if { y := input.fields.owner }", "policy_failed"},
		} {
			path := "/api/v1/policies/marketplace.mallory"
			got := s.as("root").with("If-None-Match: *").do("PUT", path, object{"source": "package marketplace.mallory\n" + attempt.body})
			if got.Code != http.StatusOK {
				got.refused(s, got.Code, got.text("code")) // refused at once is fine, too
				continue
			}
			began := time.Now()
			check := s.as("alice").post("/api/v1/requests:check", lunch("eat")).want(s, http.StatusOK)
			if took := time.Since(began); took > 20*time.Second {
				s.Errorf("%s: the check took %v", name, took)
			}
			if !strings.Contains(check.Body.String(), attempt.code) {
				s.Errorf("%s: %s, want the finding %s", name, check, attempt.code)
			}
			r := s.as("alice").post("/api/v1/requests", lunch("eat")).want(s, http.StatusCreated)
			if r.text("state") != "needs_fixes" {
				s.Errorf("%s: %s passes in spite of a policy that breaks", name, r)
			}
			s.as("pat").post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).refused(s, http.StatusConflict, "needs_fixes")
			s.as("alice").post("/api/v1/requests/"+r.text("id")+"/withdraw", nil).want(s, http.StatusOK)
			s.as("root").post(path+"/deactivate", nil).want(s, http.StatusOK)
			passes := s.as("alice").post("/api/v1/requests:check", lunch("eat")).want(s, http.StatusOK)
			if strings.Contains(passes.Body.String(), "policy_") {
				s.Errorf("%s: %s still breaks", name, passes)
			}
		}
	})
}

func TestTemplatesWithoutSafeguardsAreRefused(t *testing.T) {
	each(t, func(s *site) {
		root := s.as("root")
		fine := object{
			"templateId": "mallory-v1", "displayName": "Mallory", "description": "A template", "requiredChecks": []string{"security_scan"},
			"fields": object{
				"name": object{"type": "string", "required": true}, "owner": object{"type": "string", "required": true},
				"audiences": object{"type": "enum", "values": []string{"pilot"}, "required": true},
				"ttl_days":  object{"type": "integer", "default": 30, "max": 365}, "kill_switch": object{"type": "boolean", "default": true},
			},
		}
		before := s.state()
		for name, bad := range map[string]any{
			"no owner":         altered(fine, "fields.owner", object{"type": "string"}),
			"no kill switch":   altered(fine, "fields.kill_switch", object{"type": "boolean", "default": false}),
			"optional kill":    altered(fine, "fields.kill_switch", object{"type": "boolean"}),
			"no TTL":           altered(fine, "fields.ttl_days", object{"type": "integer"}),
			"TTL of zero":      altered(fine, "fields.ttl_days", object{"type": "integer", "default": 0}),
			"negative TTL":     altered(fine, "fields.ttl_days", object{"type": "integer", "default": -5}),
			"TTL is text":      altered(fine, "fields.ttl_days", object{"type": "string", "default": "30"}),
			"unknown member":   altered(fine, "displayNam", "x"),
			"unknown type":     altered(fine, "fields.name", object{"type": "strng", "required": true}),
			"bad id":           altered(fine, "templateId", "../../etc"),
			"blank id":         altered(fine, "templateId", " "),
			"no id":            altered(fine, "templateId", nil),
			"fields is a list": altered(fine, "fields", []int{1}),
			"hostile pattern":  altered(fine, "fields.name", object{"type": "string", "required": true, "pattern": "("}),
			"percent over 100": altered(fine, "rollout", []object{{"environment": "production", "percent": 1000}}),
			"negative quorum":  altered(fine, "approvals", object{"product": -1}),
			"huge quorum":      altered(fine, "approvals", object{"product": 1e12}),
			"a list":           []object{fine},
			"no object":        "template",
			"null":             "null",
			"duplicate member": `{"templateId":"a-v1","templateId":"b-v1"}`,
			"deep":             `{"templateId":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
			"over a megabyte":  `{"description":"` + strings.Repeat("x", 2<<20) + `"}`,
			"many fields": func() object {
				many := altered(fine, "displayName", "Many")
				fields, _ := many["fields"].(object)
				for i := range 5000 {
					fields["f"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/100)] = object{"type": "string"}
				}
				return many
			}(),
		} {
			got := root.post("/api/v1/templates", bad)
			got.what = name
			if got.Code < 400 || got.Code >= 500 {
				s.Errorf("%s, want it refused", got)
				continue
			}
			got.refused(s, got.Code, got.text("code"))
		}
		s.unchanged(before, "a template without safeguards")
		root.post("/api/v1/templates", fine).want(s, http.StatusCreated)
		root.post("/api/v1/templates", fine).want(s, http.StatusOK)
		// A request keeps the version that it was made with.
		r := s.as("alice").post("/api/v1/requests", altered(lunch("eat"), "template_id", "mallory-v1")).want(s, http.StatusCreated)
		root.post("/api/v1/templates", altered(altered(fine, "fields.ttl_days.max", 10), "fields.ttl_days.default", 5)).want(s, http.StatusCreated)
		for _, who := range []string{"pat", "sam"} {
			r = s.as(who).post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, http.StatusOK)
		}
		if r.text("state") != "approved" || r.at("template_version") != 1.0 {
			s.Errorf("%s, want it approved by version 1", r)
		}
		second := s.as("alice").post("/api/v1/requests", altered(lunch("eat2"), "template_id", "mallory-v1")).want(s, http.StatusCreated)
		if second.finding("fields.ttl_days") != "too_large" {
			s.Errorf("%s is judged by the old version", second)
		}
		// A plan may name an environment that is yet to come; requests find that it is not there.
		root.post("/api/v1/templates", altered(altered(fine, "templateId", "mars-v1"), "rollout", []object{{"environment": "mars", "percent": 100}})).
			want(s, http.StatusCreated)
		mars := s.as("alice").post("/api/v1/requests", altered(lunch("eat3"), "template_id", "mars-v1")).want(s, http.StatusCreated)
		if mars.text("state") != "needs_fixes" || mars.text("checks", 0, "status") != "failed" {
			s.Errorf("%s goes to Mars", mars)
		}
	})
}
