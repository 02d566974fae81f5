package serve_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/audit"
)

// verified checks that the exported log proves all that happened.
func (s *site) verified() {
	s.Helper()
	export := s.as("ada").get("/api/v1/audit/export").want(s, http.StatusOK)
	report, err := audit.Verify(bytes.NewReader(export.Body.Bytes()), audit.VerifyOptions{})
	if err != nil || !report.OK {
		s.Errorf("the log does not verify: %v %+v", err, report.Problems)
	}
}

func TestAMegabyteOfFaultsIsAnsweredSoonAndInFew(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		var fields, results []string
		for i := range 60_000 {
			fields = append(fields, fmt.Sprintf(`"f%d":%d`, i, i))
		}
		for i := range 5_000 {
			results = append(results, fmt.Sprintf(`{"ruleId":"r%d","level":"error","message":{"text":"m%d"}}`, i, i))
		}
		sarif := `{"version":"2.1.0","$schema":"x","runs":[{"tool":{"driver":{"name":"x"}},"results":[` + strings.Join(results, ",") + `]}]}`
		for name, body := range map[string]any{
			"unknown fields":  `{"kind":"publish_app","template_id":"microapp-basic-toggle-v1","fields":{` + strings.Join(fields, ",") + `}}`,
			"unknown members": `{"kind":"publish_app",` + strings.Join(fields, ",") + `}`,
			"SARIF":           altered(lunch("eat"), "attachments", []object{{"name": "x.sarif", "content": sarif}}),
			"deep SARIF":      altered(lunch("eat"), "attachments", []object{{"name": "x.sarif", "content": strings.Repeat(`{"runs":[`, 40_000)}}),
			"a long list":     `{"kind":"publish_app","template_id":"microapp-basic-toggle-v1","fields":{"name":[` + strings.Repeat("1,", 400_000) + `1]}}`,
			"a long slug":     altered(lunch("eat"), "app.slug", strings.Repeat("a-", 400_000)),
			"a long owner":    altered(lunch("eat"), "app.owner", strings.Repeat("o", 900_000)),
			"a long template": altered(lunch("eat"), "template_id", strings.Repeat("t", 900_000)),
			"a long segment":  altered(lunch("eat"), "fields.audiences", strings.Repeat("s", 900_000)),
		} {
			began := time.Now()
			got := alice.post("/api/v1/requests:check", body)
			took := time.Since(began)
			if got.Code != http.StatusOK && got.Code != http.StatusBadRequest {
				s.Errorf("%s: %s", name, got)
			}
			if took > 30*time.Second || got.Body.Len() > 1<<20 { // a plan may give back the name that was sent for an audience
				s.Errorf("%s: %d bytes after %v", name, got.Body.Len(), took)
			}
		}
	})
}

func TestWhoeverComesFirstWinsAndNothingIsHalfDone(t *testing.T) {
	atOnce(t, func(s *site) {
		alice, bob, pat, sam, root := s.as("alice"), s.as("bob"), s.as("pat"), s.as("sam"), s.as("root")
		for i := range 8 {
			slug := fmt.Sprintf("eat-%d", i)
			r := s.submitted(slug)
			path, yes := "/api/v1/requests/"+r.text("id"), object{"digest": r.text("digest")}
			acts := []func() *reply{
				func() *reply { return pat.post(path+"/approve", yes) },
				func() *reply { return sam.post(path+"/approve", yes) },
			}
			switch i % 4 {
			case 0:
				acts = append(acts, func() *reply {
					return bob.with(`If-Match: "1"`).do("PATCH", path, object{"app": object{"url": "https://evil.hyfin.example"}})
				})
			case 1:
				acts = append(acts, func() *reply { return alice.post(path+"/withdraw", nil) })
			case 2:
				acts = append(acts, func() *reply {
					return s.as("max").post(path+"/deny", object{"digest": r.text("digest"), "domain": "product", "reason": "no"})
				})
				s.as("max")
			case 3:
				version := root.get("/api/v1/groups/security").Header().Get("ETag")
				acts = append(acts, func() *reply {
					return root.with("If-Match: "+version).do("PUT", "/api/v1/groups/security", object{"roles": []string{"approver"}, "domains": []string{"security"}, "members": []string{}})
				})
			}
			for _, a := range together(acts...) {
				a.want(s, http.StatusOK, http.StatusAccepted, http.StatusConflict, http.StatusPreconditionFailed, http.StatusForbidden)
			}
			done := alice.get(path)
			flag := alice.get("/api/v1/flags/" + slug + ".enabled")
			app := alice.get("/api/v1/apps/" + slug)
			rollouts := len(alice.get("/api/v1/rollouts?app=" + slug).items())
			switch state := done.text("state"); state {
			case "approved":
				if flag.text("lifecycle", "state") != "approved" || app.at("listed") != true || rollouts != 1 ||
					done.text("app", "url") != "https://where2eat.hyfin.example" || done.at("decisions", 1) == nil {
					s.Errorf("approved, but %s, %s, %d rollouts", flag, app, rollouts)
				}
			case "denied", "withdrawn":
				if flag.Code != http.StatusNotFound || rollouts != 0 {
					s.Errorf("%s, but %s, %d rollouts", state, flag, rollouts)
				}
			case "needs_approval":
				if flag.text("lifecycle", "state") != "proposed" || app.at("listed") != false || rollouts != 0 {
					s.Errorf("not approved, but %s, %s, %d rollouts", flag, app, rollouts)
				}
			default:
				s.Errorf("%s is %s", done, state)
			}
			if i%4 == 3 {
				version := root.get("/api/v1/groups/security").Header().Get("ETag")
				root.with("If-Match: "+version).do("PUT", "/api/v1/groups/security", object{
					"roles": []string{"approver"}, "domains": []string{"security"}, "members": []string{"sam" + at},
				}).want(s, http.StatusOK)
			}
		}
		s.verified()
	})
}

func TestDocumentsThatCannotAllBeAppliedChangeNothing(t *testing.T) {
	each(t, func(s *site) {
		root := s.as("root")
		fine := object{"kind": "Person", "name": "new" + at, "spec": object{"display_name": "New"}}
		before := s.state()
		for name, bad := range map[string]any{
			"unknown kind":        object{"kind": "Persn", "name": "x" + at, "spec": object{}},
			"kind without spec":   object{"kind": "Group", "name": "x"},
			"unknown member":      object{"kind": "Group", "name": "x", "spec": object{"membrs": []string{}}},
			"unknown role":        object{"kind": "Group", "name": "x", "spec": object{"roles": []string{"god"}}},
			"unknown person":      object{"kind": "Group", "name": "x", "spec": object{"members": []string{"nobody" + at}}},
			"wrong type":          object{"kind": "Group", "name": "x", "spec": object{"members": "alice"}},
			"a bad address":       object{"kind": "Person", "name": "nobody", "spec": object{}},
			"deceptive title":     object{"kind": "Group", "name": "x", "spec": object{"title": "a\u202eb"}},
			"a policy that loops": object{"kind": "Policy", "name": "marketplace.x", "spec": object{"rego": "package marketplace.x\np if { q }\nq if { p }"}},
			"negative days":       object{"kind": "Lifecycle", "name": "default", "spec": object{"max_active_days": -1, "reminder_schedule_days": []int{1}, "deprecated_grace_days": 1}},
			"an unknown tier":     object{"kind": "Environment", "name": "x", "spec": object{"tier": "moon", "order": 1}},
			"an unknown segment":  object{"kind": "Segment", "name": "x y", "spec": object{"title": "X", "everybody": true}},
			"the same twice":      fine,
			"text":                "x",
			"null":                nil,
		} {
			got := root.post("/api/v1/apply", object{"documents": []any{fine, bad}})
			got.what = name
			if got.Code < 400 || got.Code >= 500 {
				s.Errorf("%s, want it refused", got)
				continue
			}
			got.refused(s, got.Code, got.text("code"))
			s.unchanged(before, name)
		}
		for _, who := range []string{"alice", "olu", "ada", "vera"} {
			s.as(who).post("/api/v1/apply", object{"documents": []any{fine}}).refused(s, http.StatusForbidden, "forbidden")
		}
		s.unchanged(before, "documents of somebody who may not")
		root.post("/api/v1/apply", object{"documents": []any{
			object{"kind": "Group", "name": "admins", "spec": object{"roles": []string{"admin"}, "members": []string{}}},
		}}).refused(s, http.StatusConflict, "last_admin")
		s.unchanged(before, "taking the last administrator away")
		root.post("/api/v1/apply", object{"documents": []any{fine}, "dry_run": true}).want(s, http.StatusOK)
		s.unchanged(before, "a dry run")
		root.post("/api/v1/apply", object{"documents": []any{fine}}).want(s, http.StatusOK)
		after := s.state()
		root.post("/api/v1/apply", object{"documents": []any{fine}}).want(s, http.StatusOK)
		s.unchanged(after, "the same again")
	})
}
