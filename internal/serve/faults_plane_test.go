package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSDKsGetNothingButWhatTheirKeyIsFor(t *testing.T) {
	each(t, func(s *site) {
		flag := s.published("eat").text("flag", "key")
		proposed := s.submitted("eat2").text("flag", "key")
		production, sandbox := s.sdkKey("production"), s.sdkKey("sandbox")
		made := s.as("olu").post("/api/v1/sdk-keys", object{"environment": "production", "app": "eat2"}).want(s, http.StatusCreated)
		browser := s.as("olu").post("/api/v1/sdk-keys", object{
			"environment": "production", "client_side": true, "origins": []string{"https://eat.hyfin.example"},
		}).want(s, http.StatusCreated).text("secret")
		token := s.as("root").post("/api/v1/tokens", object{"scope": "all"}).want(s, http.StatusCreated).text("secret")
		person := object{"targetingKey": "bob" + at}

		one, all := "/ofrep/v1/evaluate/flags/"+flag, "/ofrep/v1/evaluate/flags"
		for _, headers := range [][]string{
			nil,
			{"Authorization: Bearer x"},
			{"Authorization: Bearer " + token},
			{"Authorization: Basic " + production},
			{"X-API-Key: " + token},
			{"Authorization: Bearer " + production + "x"},
			{"Authorization: Bearer " + strings.ToUpper(production)},
			{"X-API-Key: "},
			{"Cookie: key=" + production},
			{s.as("root").headers[0]},
		} {
			for _, path := range []string{one, all, one + "?key=" + production + "&token=" + production} {
				if got := s.as("").with(headers...).post(path, object{"context": person}); got.Code != http.StatusUnauthorized {
					s.Errorf("%s with %v, want 401", got, headers)
				}
			}
		}
		if got := s.evaluate(sandbox, flag, person); got.at("value") != true { // on at once in a sandbox
			s.Errorf("%s, want the sandbox's value", got)
		}
		if got := s.evaluate(production, flag, person); got.at("value") != false {
			s.Errorf("%s, want production's value", got)
		}
		for _, unknown := range []struct{ key, flag string }{
			{production, proposed},
			{production, "no.such"},
			{made.text("secret"), flag},
			{browser, flag},
			{production, flag + "%00"},
			{production, "..%2f..%2fapi%2fv1%2fflags"},
			{production, "a/b/c"},
			{production, "a%2fb"},
			{production, strings.ToUpper(flag)},
			{production, flag + "/"},
			{production, "%3Cscript%3E"},
			{production, strings.Repeat("k", 10_000)},
		} {
			got := s.evaluate(unknown.key, unknown.flag, person)
			if got.Code != http.StatusNotFound || got.text("errorCode") != "FLAG_NOT_FOUND" {
				s.Errorf("%s, want FLAG_NOT_FOUND", got)
			}
		}
		if bulk := s.as("").with("Authorization: Bearer "+production).post(all, object{"context": person}).want(s, http.StatusOK); strings.Contains(bulk.Body.String(), proposed) {
			s.Errorf("%s shows a proposed flag", bulk)
		}
		for _, origin := range []string{"https://evil.example", "https://eat.hyfin.example.evil.example", "http://eat.hyfin.example", "null", "https://eat.hyfin.example:444"} {
			got := s.as("").with("Authorization: Bearer "+browser, "Origin: "+origin).post(all, object{"context": person})
			if got.Code != http.StatusForbidden || got.Header().Get("Access-Control-Allow-Origin") != "" {
				s.Errorf("%s from %s, want 403", got, origin)
			}
		}
		// A key opens nothing of the control plane.
		s.as("").with("Authorization: Bearer "+production).get("/api/v1/flags").refused(s, http.StatusUnauthorized, "bad_token")
		// A revoked key is out within two seconds everywhere, and here at once.
		id := made.text("id")
		s.as("olu").with(`If-Match: "1"`).do("DELETE", "/api/v1/sdk-keys/"+id, nil).want(s, http.StatusOK)
		if got := s.evaluate(made.text("secret"), flag, person); got.Code != http.StatusUnauthorized {
			s.Errorf("%s with a revoked key", got)
		}
	})
}

func TestSDKsThatSendNonsenseGetAnAnswerAndHurtNobody(t *testing.T) {
	each(t, func(s *site) {
		flag := s.published("eat").text("flag", "key")
		key := s.sdkKey("production")
		sdk := s.as("").with("Authorization: Bearer " + key)
		deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
		for name, body := range map[string]string{
			"no JSON": "x", "cut off": `{"context":`, "a list": `[]`, "context is a list": `{"context":[]}`, "context is text": `{"context":"x"}`,
			"targetingKey is a number": `{"context":{"targetingKey":7}}`, "NUL": "{\"context\":{\"a\":\"\x00\"}}", "invalid UTF-8": "{\"context\":{\"a\":\"\xff\"}}",
			"deep": `{"context":{"x":` + deep + `}}`, "deep lists": `{"context":{"x":` + strings.Repeat("[", 60_000), "something after it": `{"context":{}} {}`,
			"huge": `{"context":{"a":"` + strings.Repeat("x", 200_000) + `"}}`,
		} {
			for _, path := range []string{"/ofrep/v1/evaluate/flags/" + flag, "/ofrep/v1/evaluate/flags"} {
				got := sdk.post(path, body)
				if name == "targetingKey is a number" && got.Code == http.StatusOK {
					continue
				}
				if got.Code != http.StatusBadRequest || got.text("errorCode") == "" || got.text("errorDetails") == "" {
					s.Errorf("%s: %s, want 400 with an errorCode", name, got)
				}
			}
		}
		body := &counted{limit: 10 << 20}
		if got := sdk.post("/ofrep/v1/evaluate/flags/"+flag, body); got.Code != http.StatusBadRequest || body.read > 1<<20 {
			s.Errorf("%s after reading %d bytes", got, body.read)
		}
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
			if got := sdk.do(method, "/ofrep/v1/evaluate/flags/"+flag, nil); got.Code != http.StatusMethodNotAllowed {
				s.Errorf("%s, want 405", got)
			}
		}
		for _, path := range []string{"/ofrep/v1/", "/ofrep/v1/evaluate", "/ofrep/v1/evaluate/flag", "/ofrep/v2/evaluate/flags", "/ofrep/v1/configuration"} {
			if got := sdk.post(path, object{}); got.Code != http.StatusNotFound && got.Code != http.StatusMethodNotAllowed {
				s.Errorf("%s, want 404", got)
			}
		}
		// A key is what stands there, and no path to be cleaned.
		for _, key := range []string{"team//a", "../flags/" + flag, "./" + flag, flag + "/"} {
			if got := sdk.post("/ofrep/v1/evaluate/flags/"+key, object{}); got.Code != http.StatusNotFound || got.text("key") != key {
				s.Errorf("%s, want that there is no flag %q", got, key)
			}
		}
		// Contexts that are odd but legal are answered.
		for name, context := range map[string]any{
			"empty": object{}, "odd groups": object{"targetingKey": "bob", "groups": "pilot"}, "groups of numbers": object{"groups": []any{1, nil, object{}}},
			"prototype": object{"__proto__": object{"groups": []string{"pilot"}}, "constructor": 1}, "markup": object{"targetingKey": "<script>"},
			"long key": object{"targetingKey": strings.Repeat("k", 50_000)}, "null": object{"targetingKey": nil}, "overrides": object{"targetingKey": "a\u202eb"},
			"own metadata": object{"$flagd": object{"timestamp": 0, "flagKey": "x"}, "killed": false},
		} {
			got := s.evaluate(key, flag, context)
			if got.Code != http.StatusOK && got.Code != http.StatusBadRequest {
				s.Errorf("%s: %s", name, got)
			}
			if got.Code == http.StatusOK && got.at("value") != false {
				s.Errorf("%s: %s is let in", name, got)
			}
		}
		if got := s.evaluate(key, flag, object{"targetingKey": "bob"}); got.Code != http.StatusOK {
			s.Errorf("afterwards: %s", got)
		}
	})
}

func TestAKilledFlagIsOffForEverybodyInWhateverStateItIs(t *testing.T) {
	each(t, func(s *site) {
		key := s.sdkKey("production")
		olu := s.as("olu")
		off := func(flag string) {
			s.Helper()
			for _, context := range []object{{}, {"targetingKey": "bob" + at, "groups": []string{"pilot"}}, {"killed": false, "targetingKey": "x"}} {
				got := s.evaluate(key, flag, context)
				if got.at("value") != false || got.at("reason") != "STATIC" || got.at("variant") != "off" || got.at("metadata", "killed") != true {
					s.Errorf("%s, want off, STATIC and killed", got)
				}
			}
		}
		kill := func(flag string) {
			s.Helper()
			got := olu.post("/api/v1/flags/"+flag+"/environments/production/kill", nil).want(s, http.StatusOK)
			if got.at("receipt", "served_here") != true {
				s.Errorf("%s is not served", got)
			}
		}
		// Proposed: it stays unknown, and once approved it is off.
		r := s.submitted("eat")
		kill("eat.enabled")
		if got := s.evaluate(key, "eat.enabled", object{}); got.text("errorCode") != "FLAG_NOT_FOUND" {
			s.Errorf("%s shows a proposed flag", got)
		}
		// An edit, even of the name, does not shed the kill.
		r = s.as("alice").with(`If-Match: "1"`).do("PATCH", "/api/v1/requests/"+r.text("id"), object{"fields": object{"name": "Other", "default": true}}).want(s, http.StatusOK)
		for _, need := range []string{"pat", "sam", "petra"} {
			r = s.as(need).post("/api/v1/requests/"+r.text("id")+"/approve", object{"digest": r.text("digest")}).want(s, http.StatusOK)
		}
		flag := r.text("flag", "key")
		off(flag)
		// Nor does another short name, even there and back.
		other := s.submitted("lunch")
		kill("lunch.enabled")
		for i, slug := range []string{"dinner", "lunch"} {
			other = s.as("alice").with(fmt.Sprintf(`If-Match: "%d"`, i+1)).
				do("PATCH", "/api/v1/requests/"+other.text("id"), object{"app": object{"slug": slug}}).want(s, http.StatusOK)
		}
		for _, who := range []string{"pat", "sam"} {
			other = s.as(who).post("/api/v1/requests/"+other.text("id")+"/approve", object{"digest": other.text("digest")}).want(s, http.StatusOK)
		}
		off("lunch.enabled")
		// Nothing that a rollout does changes that.
		rollout := "/api/v1/rollouts/" + r.text("rollout_id")
		s.as("alice").post(rollout+"/start", nil)
		s.clock.pass(time.Hour)
		s.as("alice").post(rollout+"/promote", object{"unseen": "x"})
		off(flag)
		// Nor does an administrator who changes the segment, or adds an environment.
		s.as("root").with(`If-Match: "1"`).do("PUT", "/api/v1/segments/pilot", object{"title": "All", "groups": []string{"pilot"}}).want(s, http.StatusOK)
		off(flag)

		// Approved, staged and active ones.
		for i, promotions := range []int{0, 1, 2} {
			slug := fmt.Sprintf("eat-%d", i)
			r := s.published(slug)
			rollout := "/api/v1/rollouts/" + r.text("rollout_id")
			if i > 0 {
				s.as("alice").post(rollout+"/start", nil).want(s, http.StatusOK)
			}
			for _, who := range []string{"alice", "olu"}[:promotions] {
				s.as(who).post(rollout+"/promote", object{"unseen": "x"}).want(s, http.StatusOK)
			}
			kill(slug + ".enabled")
			off(slug + ".enabled")
			// A restore that was only asked for changes nothing, nor does a denied one.
			asked := s.as("alice").post("/api/v1/flags/"+slug+".enabled/environments/production/restore", nil).want(s, http.StatusAccepted)
			s.as("pat").post("/api/v1/requests/"+asked.text("request", "id")+"/deny", object{"digest": asked.text("request", "digest"), "reason": "no"}).want(s, http.StatusOK)
			off(slug + ".enabled")
		}
	})
}
