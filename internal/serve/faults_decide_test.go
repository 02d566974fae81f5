package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// together runs the acts at the same instant and gives their answers in order.
func together(acts ...func() *reply) []*reply {
	answers := make([]*reply, len(acts))
	begin := make(chan struct{})
	var running sync.WaitGroup
	for i, act := range acts {
		running.Go(func() {
			<-begin
			answers[i] = act()
		})
	}
	close(begin)
	running.Wait()
	return answers
}

// times repeats an act.
func times(n int, act func() *reply) []func() *reply {
	acts := make([]func() *reply, n)
	for i := range acts {
		acts[i] = act
	}
	return acts
}

// events counts the audit events of that name and request, or flag.
func (s *site) events(filter string) int {
	s.Helper()
	return len(s.as("root").get("/api/v1/audit/events?limit=1000&"+filter).want(s, http.StatusOK).items())
}

func TestAnEditSaysWhatItWasMadeFrom(t *testing.T) {
	each(t, func(s *site) {
		alice := s.as("alice")
		r := s.submitted("eat")
		path := "/api/v1/requests/" + r.text("id")
		edit := func(headers ...string) *reply {
			return alice.with(headers...).do("PATCH", path, object{"app": object{"name": "Lunch " + fmt.Sprint(headers)}})
		}
		edit().refused(s, http.StatusPreconditionRequired, "version_required")
		for _, bad := range []string{"1", `"x"`, `""`, `*`, `"-1"`, `"1.5"`, `"1", "2"`, `"99999999999999999999"`} {
			edit("If-Match: "+bad).refused(s, http.StatusBadRequest, "bad_version")
		}
		edit("If-None-Match: *").refused(s, http.StatusPreconditionRequired, "version_required")
		edit(`If-Match: "1"`).want(s, http.StatusOK)
		stale := edit(`If-Match: "1"`).refused(s, http.StatusPreconditionFailed, "stale")
		if stale.at("current", "revision") != 2.0 || stale.text("current", "app", "name") == "" {
			s.Errorf("%s does not show what is there now", stale)
		}
		if got := alice.get(path); got.at("revision") != 2.0 || got.Header().Get("ETag") != `"2"` {
			s.Errorf("%s, want revision 2", got)
		}
		// Patches that are no objects, or that reach for what is not theirs.
		for body, code := range map[string]string{
			`[]`: "", `null`: "", `"x"`: "", `{"kind":"restore_flag"}`: "kind_is_fixed", `{"state":"approved"}`: "unknown_member",
			`{"requester":"bob@hyfin.example"}`: "unknown_member", `{"digest":"x"}`: "unknown_member", `{"app":{"owner":"team-other"}}`: "forbidden",
			`{"app":{"slug":"a","slug":"b"}}`: "duplicate_member", `{"fields":{"__proto__":{"x":1}}}`: "ok", `{"app":"x"}`: "", `{"kind":null}`: "kind_is_fixed",
		} {
			got := alice.with(`If-Match: "2"`).do("PATCH", path, body)
			switch {
			case code == "ok":
				if got.Code != http.StatusOK || got.text("state") != "needs_fixes" {
					s.Errorf("%s, want findings", got)
				}
				alice.with(`If-Match: "3"`).do("PATCH", path, `{"fields":{"__proto__":null}}`).want(s, http.StatusOK)
			case got.Code < 400 || got.Code >= 500 || code != "" && got.text("code") != code:
				s.Errorf("%s after %s, want it refused with %q", got, body, code)
			}
			if code == "ok" {
				break
			}
		}
		for target, body := range map[string]any{
			"PUT /api/v1/people/alice" + at: object{"display_name": "A"}, "PUT /api/v1/groups/product": object{"roles": []string{"approver"}, "domains": []string{"product"}},
			"PUT /api/v1/segments/pilot": object{"title": "x", "everybody": true}, "PUT /api/v1/environments/sandbox": object{"position": 5, "tier": "sandbox"},
			"PUT /api/v1/policies/marketplace.ttl": object{"source": "package marketplace.ttl\n"}, "PUT /api/v1/lifecycle": object{"lifecycle": object{"max_active_days": 10, "reminder_schedule_days": []int{1}, "deprecated_grace_days": 1}},
		} {
			method, target := target[:3], target[4:]
			s.as("root").do(method, target, body).refused(s, http.StatusPreconditionRequired, "version_required")
			got := s.as("root").with(`If-Match: "77"`).do(method, target, body)
			if got.Code != http.StatusPreconditionFailed || got.at("current") == nil || got.text("remediation") == "" {
				s.Errorf("%s, want 412 with what is there now", got)
			}
			got = s.as("root").with(`If-Match: "0"`).do(method, target, body)
			if strings.Contains(target, "/policies/") {
				continue // a standard policy that nobody touched is at revision 0
			}
			if got.Code != http.StatusPreconditionFailed {
				s.Errorf("%s, want 412", got)
			}
			got = s.as("root").with(`If-None-Match: *`).do(method, target, body)
			if got.Code != http.StatusPreconditionFailed {
				s.Errorf("%s, want 412: it is there already", got)
			}
		}
	})
}

func TestTwoEditsAtOnceLoseNeither(t *testing.T) {
	atOnce(t, func(s *site) {
		path := "/api/v1/requests/" + s.submitted("eat").text("id")
		edit := func(who, name string) func() *reply {
			c := s.as(who).with(`If-Match: "1"`)
			return func() *reply { return c.do("PATCH", path, object{"app": object{"name": name}}) }
		}
		both := together(edit("alice", "Lunch"), edit("bob", "Dinner"))
		won, lost := both[0], both[1]
		if won.Code != http.StatusOK {
			won, lost = lost, won
		}
		won.want(s, http.StatusOK)
		lost.refused(s, http.StatusPreconditionFailed, "stale")
		if got := s.as("alice").get(path); got.at("revision") != 2.0 || got.text("app", "name") != won.text("app", "name") {
			s.Errorf("%s, want what the winner wrote", got)
		}
		lifecycle := s.as("root").get("/api/v1/lifecycle")
		set := func(days int) func() *reply {
			c := s.as("root").with("If-Match: " + lifecycle.Header().Get("ETag"))
			return func() *reply {
				return c.do("PUT", "/api/v1/lifecycle", object{"lifecycle": object{
					"max_active_days": days, "reminder_schedule_days": []int{1}, "deprecated_grace_days": 1,
				}})
			}
		}
		fine := 0
		for _, a := range together(set(40), set(41), set(42), set(43)) {
			if a.want(s, http.StatusOK, http.StatusPreconditionFailed).Code == http.StatusOK {
				fine++
			}
		}
		if fine != 1 {
			s.Errorf("%d of four administrators who read the same lifecycle policy changed it, want one", fine)
		}
	})
}

func TestApprovalsAreGivenOnceByOthersToWhatTheyRead(t *testing.T) {
	each(t, func(s *site) {
		r := s.submitted("eat")
		path, yes := "/api/v1/requests/"+r.text("id"), object{"digest": r.text("digest")}
		before := s.state()
		s.as("alice").post(path+"/approve", yes).refused(s, http.StatusForbidden, "own_request")
		s.as("alice").post(path+"/deny", object{"digest": r.text("digest"), "reason": "x"}).refused(s, http.StatusForbidden, "own_request")
		for _, who := range []string{"bob", "eve", "olu", "ada", "root", "vera"} {
			s.as(who).post(path+"/approve", yes).refused(s, http.StatusForbidden, "forbidden")
		}
		s.as("petra").post(path+"/approve", yes).refused(s, http.StatusForbidden, "not_an_approver")
		s.as("pat").post(path+"/approve", object{}).refused(s, http.StatusBadRequest, "invalid")
		s.as("pat").post(path+"/approve", object{"digest": ""}).refused(s, http.StatusBadRequest, "digest_required")
		s.as("pat").post(path+"/approve", nil).refused(s, http.StatusBadRequest, "invalid")
		s.as("pat").post(path+"/approve", object{"digest": "sha256:00"}).refused(s, http.StatusConflict, "digest_stale")
		s.as("pat").post(path+"/approve", object{"digest": r.text("digest"), "domain": "security"}).refused(s, http.StatusForbidden, "not_your_domain")
		s.as("pat").post(path+"/deny", yes).refused(s, http.StatusBadRequest, "reason_required")
		s.as("max").post(path+"/approve", yes).refused(s, http.StatusUnprocessableEntity, "domain_required")
		s.unchanged(before, "an approval that must not be")

		// Somebody in two domains counts once.
		s.as("max").post(path+"/approve", object{"digest": r.text("digest"), "domain": "product"}).want(s, http.StatusOK)
		s.as("max").post(path+"/approve", object{"digest": r.text("digest"), "domain": "security"}).refused(s, http.StatusConflict, "already_decided")
		again := s.as("max").post(path+"/approve", object{"digest": r.text("digest"), "domain": "product"}).want(s, http.StatusOK)
		if again.text("state") != "needs_approval" || again.at("approvals_needed", 0, "given") != 1.0 || again.at("decisions", 1) != nil {
			s.Errorf("%s, want one approval of two", again)
		}

		// An edit voids what was given, and makes approvals of the old content conflicts.
		alice := s.as("alice")
		edited := alice.with(`If-Match: "2"`).do("PATCH", path, object{"app": object{"url": "https://other.hyfin.example"}}).want(s, http.StatusOK)
		if edited.text("digest") == r.text("digest") || edited.at("decisions", 0, "void") != "edited" || edited.at("approvals_needed", 0, "given") != 0.0 {
			s.Errorf("%s keeps the approval of other content", edited)
		}
		s.as("sam").post(path+"/approve", yes).refused(s, http.StatusConflict, "digest_stale")

		// Who edits is an author and decides no longer.
		s.as("root").do("PUT", "/api/v1/groups/team-lunch", object{"members": []string{"alice" + at, "bob" + at, "sam" + at}})
		s.as("root").with(`If-Match: "1"`).do("PUT", "/api/v1/groups/team-lunch", object{"roles": []string{"publisher"}, "members": []string{"alice" + at, "bob" + at, "sam" + at}}).want(s, http.StatusOK)
		by := s.as("sam").with(`If-Match: "3"`).do("PATCH", path, object{"reason": "mine now"}).want(s, http.StatusOK)
		s.as("sam").post(path+"/approve", object{"digest": by.text("digest")}).refused(s, http.StatusForbidden, "own_request")

		// Who is no approver any more counts no longer, though the approval was given in time.
		s.as("pat").post(path+"/approve", object{"digest": by.text("digest")}).want(s, http.StatusOK)
		s.as("root").with(`If-Match: "1"`).do("PUT", "/api/v1/groups/product", object{"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{"alice" + at}}).want(s, http.StatusOK)
		last := s.as("max").post(path+"/approve", object{"digest": by.text("digest"), "domain": "security"}).want(s, http.StatusOK)
		if last.text("state") != "needs_approval" {
			s.Errorf("%s settles on the approval of somebody who is no approver any more", last)
		}

		// Denied is final.
		// (pat, who approved, stays out of the group: back in it, the approval would count again and settle the request)
		s.as("root").with(`If-Match: "2"`).do("PUT", "/api/v1/groups/product", object{"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{"vera" + at}}).want(s, http.StatusOK)
		s.as("vera").post(path+"/deny", object{"digest": by.text("digest"), "reason": "not like this"}).want(s, http.StatusOK)
		s.as("petra").post(path+"/approve", object{"digest": by.text("digest")}).refused(s, http.StatusConflict, "request_denied")
		alice.post(path+"/withdraw", nil).refused(s, http.StatusConflict, "request_denied")
		alice.with(`If-Match: "99"`).do("PATCH", path, object{"reason": "x"}).want(s, http.StatusPreconditionFailed)
		if flags := alice.get("/api/v1/flags").items(); len(flags) != 0 {
			s.Errorf("a denied request left the flag %v", flags)
		}
	})
}

func TestAnApprovalThroughAForeignTokenIsMarkedHoweverItComes(t *testing.T) {
	each(t, func(s *site) {
		made := s.as("root").post("/api/v1/tokens", object{"as": "pat" + at, "scope": "all"}).want(s, http.StatusCreated)
		r := s.submitted("eat")
		foreign := &caller{site: s, name: "root as pat"}
		in := foreign.post("/api/v1/session", object{"token": made.text("secret")}).want(s, http.StatusOK)
		foreign.headers = []string{"Cookie: " + in.Result().Cookies()[0].Name + "=" + in.Result().Cookies()[0].Value}
		got := foreign.post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, http.StatusOK)
		if got.at("decisions", 0, "foreign_token") != true {
			s.Errorf("%s hides that root spoke for pat", got)
		}
		own := s.as("sam").token("all").post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, http.StatusOK)
		if own.at("decisions", 1, "foreign_token") != false {
			s.Errorf("%s marks a token of sam's own", own)
		}
	})
}

func TestWhatIsClickedTwiceIsDoneOnce(t *testing.T) {
	atOnce(t, func(s *site) {
		alice := s.as("alice")
		// Submits: one takes the short name, the others learn that it is taken.
		waiting := 0
		for _, a := range together(times(4, func() *reply { return alice.post("/api/v1/requests", lunch("eat")) })...) {
			switch a.want(s, http.StatusCreated).text("state") {
			case "needs_approval":
				waiting++
			case "needs_fixes":
				if a.finding("app.slug") == "" {
					s.Errorf("%s does not say that the short name is taken, but %v", a, a.at("checks"))
				}
			}
		}
		if apps, flags := len(alice.get("/api/v1/apps").items()), len(alice.get("/api/v1/flags").items()); waiting != 1 || apps != 1 || flags != 1 {
			s.Errorf("four submits made %d live requests, %d apps and %d flags, want one of each", waiting, apps, flags)
		}

		// Approvals: of each person one counts, and the effect comes once.
		r := s.submitted("eat2")
		path := "/api/v1/requests/" + r.text("id")
		approve := func(who string) func() *reply {
			c := s.as(who)
			return func() *reply { return c.post(path+"/approve", object{"digest": r.text("digest")}) }
		}
		for _, a := range together(append(times(3, approve("pat")), times(3, approve("sam"))...)...) {
			a.want(s, http.StatusOK)
		}
		done := alice.get(path)
		if done.text("state") != "approved" || done.at("decisions", 2) != nil {
			s.Errorf("%s, want it approved by two decisions", done)
		}
		key, rollout := done.text("flag", "key"), "/api/v1/rollouts/"+done.text("rollout_id")
		if n := len(alice.get("/api/v1/rollouts?flag=" + key).items()); n != 1 {
			s.Errorf("%d rollouts came of one request", n)
		}
		for event, want := range map[string]int{"flag.approval.granted": 2, "request.approved": 1, "flag.installed": 1} {
			if n := s.events("event=" + event + "&request=" + r.text("id")); n != want {
				s.Errorf("%d events %s, want %d", n, event, want)
			}
		}

		// Starts and promotions: one step at a time.
		for _, a := range together(times(4, func() *reply { return alice.post(rollout+"/start", nil) })...) {
			a.want(s, http.StatusOK, http.StatusConflict)
		}
		if a := alice.get(rollout); a.text("state") != "running" || a.at("current") != 0.0 {
			s.Errorf("%s, want the first step running", a)
		}
		running := alice.with("If-Match: " + alice.get(rollout).Header().Get("ETag"))
		promoted := 0
		for _, a := range together(times(4, func() *reply {
			return running.post(rollout+"/promote", object{"reason": "fine", "unseen": "nothing runs here"})
		})...) {
			if a.want(s, http.StatusOK, http.StatusPreconditionFailed, http.StatusConflict).Code == http.StatusOK {
				promoted++
			}
		}
		if a := alice.get(rollout); a.at("current") != 1.0 || promoted != 1 || s.events("event=rollout.step_promoted&flag="+key) != 1 {
			s.Errorf("%s after %d promotions, want one", a, promoted)
		}

		// Kills: one, whoever clicks how often.
		kill := func(who string) func() *reply {
			c := s.as(who)
			return func() *reply { return c.post("/api/v1/flags/"+key+"/environments/production/kill", nil) }
		}
		for _, a := range together(append(times(3, kill("alice")), times(3, kill("olu"))...)...) {
			a.want(s, http.StatusOK, http.StatusAccepted)
		}
		if n := s.events("event=flag.killed&flag=" + key); n != 1 {
			s.Errorf("%d kills are recorded, want one", n)
		}

		// Restores: one request.
		ids := map[string]bool{}
		for _, a := range together(times(4, func() *reply {
			return alice.post("/api/v1/flags/"+key+"/environments/production/restore", object{"reason": "mended"})
		})...) {
			ids[a.want(s, http.StatusAccepted).text("request", "id")] = true
		}
		if len(ids) != 1 {
			s.Errorf("four clicks on restore made %d requests", len(ids))
		}

		// Withdrawals, and revocations, which a revision of 0 does not get round.
		open := s.submitted("eat3")
		for _, a := range together(times(3, func() *reply { return alice.post("/api/v1/requests/"+open.text("id")+"/withdraw", nil) })...) {
			a.want(s, http.StatusOK)
		}
		if n := s.events("event=request.withdrawn"); n != 1 {
			s.Errorf("%d withdrawals are recorded, want one", n)
		}
		token := alice.post("/api/v1/tokens", object{"scope": "read"}).want(s, http.StatusCreated).text("id")
		revoke := func(version string) func() *reply {
			c := alice.with("If-Match: " + version)
			return func() *reply { return c.do("DELETE", "/api/v1/tokens/"+token, nil) }
		}
		revoke(`"0"`)().refused(s, http.StatusPreconditionFailed, "stale")
		revoke(`"7"`)().refused(s, http.StatusPreconditionFailed, "stale")
		for _, a := range together(times(3, revoke(`"1"`))...) {
			a.want(s, http.StatusOK)
		}
		if n := s.events("event=token.revoked"); n != 1 {
			s.Errorf("%d revocations are recorded, want one", n)
		}
	})
}

func TestAnApprovalToRestoreIsForTheKillThatItWasAskedFor(t *testing.T) {
	each(t, func(s *site) {
		r := s.published("eat")
		key := r.text("flag", "key")
		prod := "/api/v1/flags/" + key + "/environments/production"
		s.as("olu").post(prod+"/kill", object{"reason": "first"}).want(s, http.StatusOK)
		ask := func() *reply {
			return s.as("alice").post("/api/v1/requests", object{"kind": "restore_flag", "flag_key": key, "environment": "production", "reason": "mended"}).want(s, http.StatusCreated)
		}
		one, two := ask(), ask()
		approve := func(r *reply) *reply {
			var last *reply
			for _, who := range []string{"pat", "sam", "petra"} {
				last = s.as(who).post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")})
			}
			return last
		}
		approve(one)
		if got := s.as("alice").get("/api/v1/requests/" + one.text("id")); got.text("state") != "approved" {
			s.Fatalf("%s, want it approved", got)
		}
		s.clock.pass(time.Minute)
		s.as("olu").post(prod+"/kill", object{"reason": "second, and worse"}).want(s, http.StatusOK)
		approve(two)
		if got := s.as("alice").get("/api/v1/flags/" + key); !killedIn(got, "production") {
			s.Errorf("approving what was asked for before undid a later kill: %s", got)
		}
		// Asking anew works.
		again := s.as("alice").post(prod+"/restore", object{"reason": "now really"}).want(s, http.StatusAccepted)
		fresh := s.as("alice").get("/api/v1/requests/" + again.text("request", "id"))
		approve(fresh)
		if got := s.as("alice").get("/api/v1/flags/" + key); killedIn(got, "production") {
			s.Errorf("an approved restore of the kill that holds does nothing: %s", got)
		}
	})
}

// killedIn tells whether a flag is killed in an environment.
func killedIn(flag *reply, environment string) bool {
	for i := range 10 {
		if flag.text("environments", i, "environment") == environment {
			return flag.at("environments", i, "kill") != nil
		}
	}
	return false
}

func TestKillWinsWhateverElseHappensAtTheSameInstant(t *testing.T) {
	atOnce(t, func(s *site) {
		key := s.sdkKey("production")
		for i := range 6 {
			slug := fmt.Sprintf("eat%d", i)
			flag := slug + ".enabled"
			kill := func() *reply {
				return s.as("olu").post("/api/v1/flags/"+flag+"/environments/production/kill", object{"reason": "now"})
			}
			s.as("olu")
			var others []func() *reply
			if i%2 == 0 { // the last approval
				r := s.submitted(slug)
				s.as("pat").post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, http.StatusOK)
				sam := s.as("sam")
				others = times(1, func() *reply {
					return sam.post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")})
				})
			} else { // the promotion into production
				r := s.published(slug)
				alice, rollout := s.as("alice"), "/api/v1/rollouts/"+r.text("rollout_id")
				alice.post(rollout+"/start", nil).want(s, http.StatusOK)
				others = times(2, func() *reply {
					return alice.post(rollout+"/promote", object{"reason": "go", "unseen": "nothing runs here"})
				})
			}
			answers := together(append(others, kill)...)
			answers[len(answers)-1].want(s, http.StatusOK, http.StatusAccepted)
			for _, a := range answers[:len(answers)-1] {
				a.want(s, http.StatusOK, http.StatusAccepted, http.StatusConflict, http.StatusForbidden)
			}
			// Whoever came first, and whatever is tried afterwards.
			rollouts := s.as("alice").get("/api/v1/rollouts?flag=" + flag)
			if id := rollouts.text("items", 0, "id"); id != "" {
				for _, act := range []string{"start", "promote", "resume", "promote", "promote"} {
					words := object{"reason": "go on"}
					if act != "resume" {
						words["unseen"] = "nothing runs here"
					}
					s.as("alice").post("/api/v1/rollouts/"+id+"/"+act, words)
				}
			}
			s.clock.pass(3 * time.Hour)
			if got := s.as("alice").get("/api/v1/flags/" + flag); !killedIn(got, "production") {
				s.Errorf("an acknowledged kill is gone: %s", got)
			}
			got := s.evaluate(key, flag, object{"targetingKey": "bob" + at, "groups": []string{"pilot"}})
			if got.Code == http.StatusNotFound {
				continue // never approved
			}
			if got.at("value") != false || got.at("reason") != "STATIC" || got.at("metadata", "killed") != true {
				s.Errorf("%s, want off by the kill", got)
			}
		}
	})
}

// sdkKey is the secret of a new SDK key.
func (s *site) sdkKey(environment string) string {
	s.Helper()
	return s.as("olu").post("/api/v1/sdk-keys", object{"environment": environment, "name": "tests"}).want(s, http.StatusCreated).text("secret")
}

// evaluate asks for a flag as an SDK does.
func (s *site) evaluate(key, flag string, context any) *reply {
	s.Helper()
	return s.as("").with("Authorization: Bearer "+key).post("/ofrep/v1/evaluate/flags/"+flag, object{"context": context})
}
