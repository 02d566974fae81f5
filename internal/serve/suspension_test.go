package serve_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// password sets one of the person, by a link that only the local socket could see.
func (o *office) password(who string) {
	o.Helper()
	var link signin.NewLink
	o.do("", "POST", "/api/v1/people/"+who+at+"/reset-link", nil).must(201).into(&link)
	o.do("nobody", "POST", "/api/v1/links:use", signin.LinkUse{Secret: secretOf(link.Link), Password: phrase}).must(200)
}

// signsIn returns the cookie of a new session of the person, by their password.
func (o *office) signsIn(who string) string {
	o.Helper()
	in := o.do("nobody", "POST", "/api/v1/session", api.Credentials{Email: who + at, Password: phrase}).must(200)
	cookie, _, _ := strings.Cut(in.Header.Get("Set-Cookie"), ";")
	return cookie
}

// disables asks, as who, for what suspends rita.
func (o *office) disables(who string) answer {
	o.Helper()
	path := "/api/v1/people/rita" + at
	return o.do(who, "PUT", path, map[string]any{"display_name": "rita", "active": false}, "If-Match", o.do("root", "GET", path, nil).must(200).Header.Get("ETag"))
}

// keeping are attempts of one of two administrators to keep the other, who is suspended, from objecting, and how each is answered.
func keeping(session, proposal string) map[string]struct {
	method, path string
	body         any
	status       int
	code         string
} {
	type row = struct {
		method, path string
		body         any
		status       int
		code         string
	}
	rita := "/people/rita" + at
	return map[string]row{
		"her sessions end":        {"POST", rita + "/sign-out", nil, 409, "may_object"},
		"her session ends":        {"POST", "/sessions/" + session + "/end", nil, 409, "may_object"},
		"another password":        {"POST", rita + "/reset-link", nil, 202, ""},
		"another address":         {"PUT", rita, map[string]any{"display_name": "rita", "email": "mallory" + at}, 202, ""},
		"an agent":                {"PUT", rita, map[string]any{"display_name": "rita", "agent": true}, 202, ""},
		"no group":                {"DELETE", "/groups/more-admins", nil, 202, ""},
		"another administrator":   {"PUT", "/groups/admins", map[string]any{"roles": []string{"admin"}, "members": []string{"root" + at, "rita" + at, "eve" + at}}, 202, ""},
		"what loosens the rules":  {"PUT", "/environments/production", map[string]any{"position": 3, "tier": "production", "governed": false}, 202, ""},
		"one's own confirmation":  {"POST", "/proposals/" + proposal + "/confirm", nil, 409, "own_proposal"},
		"an objection of another": {"POST", "/proposals/" + proposal + "/object", map[string]any{"reason": "x"}, 409, "own_proposal"},
	}
}

func TestASuspendedAdministratorSignsInToReadAndToObject(t *testing.T) {
	t.Parallel()
	if got, want := len(keeping("", "")), 10; got != want {
		t.Errorf("%d attempts, want %d", got, want)
	}
	eachEngine(t, func(o *office) {
		o.second()
		o.password("rita")
		before := o.signsIn("rita")
		var waits api.Proposed
		o.disables("root").must(202).into(&waits)
		id := waits.Proposal.ID
		if p := waits.Proposal; p.TakesEffectAt == nil || p.TakesEffectAt.Sub(p.At) != 72*time.Hour || len(p.Removes) != 1 {
			o.Errorf("%+v", p)
		}
		// All that she had ends at once, and what she signs in by lets her read.
		o.do("rita", "GET", "/api/v1/people", nil).problem(401, "bad_token")
		o.do("nobody", "GET", "/api/v1/people", nil, "Cookie", before).must(401)
		cookie := o.signsIn("rita")
		rita := func(method, path string, body any, headers ...string) answer {
			o.Helper()
			return o.do("nobody", method, "/api/v1"+path, body, append(headers, "Cookie", cookie)...)
		}
		var session api.Session
		if rita("GET", "/session", nil).must(200).into(&session); !session.Person.Suspended || slices.Contains(session.Can, access.GovernWrite) {
			o.Errorf("the session is %+v", session)
		}
		var inbox store.Listing[api.InboxItem]
		rita("GET", "/inbox", nil).must(200).into(&inbox)
		if !slices.ContainsFunc(inbox.Items, func(i api.InboxItem) bool {
			return i.Kind == "removal" && strings.Contains(i.Words, "unless you object")
		}) {
			o.Errorf("she is told %+v", inbox.Items)
		}
		o.suspendedRights(rita)
		// Nothing keeps her from objecting.
		var sessions store.Listing[signin.SignedIn]
		rita("GET", "/sessions", nil).must(200).into(&sessions)
		for what, k := range keeping(sessions.Items[0].ID, id) {
			version := o.do("root", "GET", "/api/v1"+k.path, nil).Header.Get("ETag")
			if version == "" { // it cannot be read alone
				version = `"1"`
			}
			if got := o.do("root", k.method, "/api/v1"+k.path, k.body, "If-Match", version); got.Status != k.status || !strings.Contains(string(got.Body), k.code) {
				o.Errorf("%s: %d %s", what, got.Status, got.Body)
			}
		}
		o.do("alice", "POST", "/api/v1/proposals/"+id+"/object", map[string]any{"reason": "x"}).problem(403, "forbidden")
		var done api.Proposed
		rita("POST", "/proposals/"+id+"/object", map[string]any{"reason": "It was not me."}).must(200).into(&done)
		if done.Proposal.State != access.ProposalRejected {
			o.Errorf("%+v", done.Proposal)
		}
		rita("POST", "/proposals/"+id+"/object", map[string]any{"reason": "again"}).problem(409, "proposal_ended")
		if rita("GET", "/session", nil).must(200).into(&session); session.Person.Suspended || !slices.Contains(session.Can, access.GovernWrite) {
			o.Errorf("the session is %+v", session)
		}
		o.do("pat", "GET", "/api/v1/inbox", nil).must(200).into(&inbox) // an approver
		if text := words(inbox.Items); !strings.Contains(text, "is suspended") || !strings.Contains(text, "It was not me.") {
			o.Errorf("approvers are told %s", text)
		}
		log := string(o.do("ada", "GET", "/api/v1/audit/events?limit=1000", nil).must(200).Body)
		// What she objected stands against the proposal to make her an agent, too.
		for event, want := range map[string]int{"person.suspended": 1, "person.unsuspended": 1, "proposal.objected": 2, "proposal.rejected": 2} {
			if got := strings.Count(log, `"event":"`+event+`"`); got != want {
				o.Errorf("%d of %s in the log, want %d", got, event, want)
			}
		}
		// Within the week she is proposed to be disabled, and stays what she is.
		o.disables("root").must(202)
		rita("GET", "/setup", nil).must(200)
	})
}

func TestASuspendedAdministratorEndsItByNoPasswordThatTheyChose(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.second()
		o.password("rita")
		rita := hand{"Cookie", o.signsIn("rita"), "Sec-Fetch-Site", "same-origin"}
		o.chosen(rita, "eve")
		members := []string{"root" + at, "rita" + at, "eve" + at}
		o.do("", "PUT", "/api/v1/groups/admins", object{"roles": []string{"admin"}, "members": members}, "If-Match", `"2"`).must(200)
		var waits api.Proposed
		o.disables("root").must(202).into(&waits)
		eve := o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": "eve" + at, "password": phrase}))
		path := "/api/v1/proposals/" + waits.Proposal.ID
		version := func(path string) string { return o.do("root", "GET", path, nil).must(200).Header.Get("ETag") }
		for what, attempt := range map[string]struct {
			method, path string
			body         any
			code         string
		}{
			"withdrawing it":           {"POST", path + "/withdraw", nil, "own_credential"},
			"confirming it":            {"POST", path + "/confirm", nil, "own_credential"},
			"objecting to it":          {"POST", path + "/object", object{"reason": "It was not her."}, "not_concerned"},
			"suspending who asked":     {"PUT", "/api/v1/people/root" + at, object{"display_name": "root", "active": false}, "own_credential"},
			"making who asked no more": {"PUT", "/api/v1/groups/admins", object{"roles": []string{"admin"}, "members": members[1:]}, "own_credential"},
		} {
			headers := append(hand{}, eve...)
			if attempt.method == "PUT" {
				headers = append(headers, "If-Match", version(attempt.path))
			}
			if got := o.do("nobody", attempt.method, attempt.path, attempt.body, headers...); got.Status != 403 || !strings.Contains(string(got.Body), attempt.code) {
				o.Errorf("%s, by a password that she chose: %d %s", what, got.Status, got.Body)
			}
		}
		var person access.Person
		if o.do("root", "GET", "/api/v1/people/rita"+at, nil).must(200).into(&person); person.Suspended == "" {
			o.Error("rita is suspended no more")
		}
		// What nobody else made may.
		o.password("eve")
		eve = o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": "eve" + at, "password": phrase}))
		o.do("nobody", "POST", path+"/withdraw", nil, eve...).must(200)
	})
}

// posing are attempts to change how rita signs in, or to end what she signed in by, as herself.
func posing(session, token string) []struct {
	what, method, path string
	body               any
} {
	return []struct {
		what, method, path string
		body               any
	}{
		{"a link to another password", "POST", "/people/rita" + at + "/reset-link", nil},
		{"another password", "POST", "/session/password", map[string]any{"current": "not " + phrase, "new": "lantern orchid gravel"}},
		{"the end of all her sessions", "POST", "/people/rita" + at + "/sign-out", nil},
		{"the end of her other sessions", "POST", "/sessions:end-others", nil},
		{"the end of one", "POST", "/sessions/" + session + "/end", nil},
		{"the end of her token", "DELETE", "/tokens/" + token, nil},
		{"another token instead of hers", "POST", "/tokens/" + token + "/rotate", map[string]any{}},
	}
}

func TestNobodyPosesAsAnAdministratorForGood(t *testing.T) {
	t.Parallel()
	if got, want := len(posing("", "")), 7; got != want {
		t.Errorf("%d attempts, want %d", got, want)
	}
	eachEngine(t, func(o *office) {
		o.second()
		o.password("rita")
		cookie := o.signsIn("rita")
		own := hand{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}
		var token api.NewToken
		o.do("nobody", "POST", "/api/v1/tokens", object{"scope": "all"}, own...).must(201).into(&token)
		var sessions store.Listing[signin.SignedIn]
		o.do("nobody", "GET", "/api/v1/sessions", nil, own...).must(200).into(&sessions)
		pose := func() {
			o.Helper()
			made := o.bearer(o.hand("root"), "rita")
			secret := strings.TrimPrefix(made[1], "Bearer ")
			opened := o.opened(o.do("nobody", "POST", "/api/v1/session", object{"token": secret}))
			for way, by := range map[string]hand{"a token": made, "a session by it": opened, "a token by that": o.bearer(opened, "rita")} {
				for _, one := range posing(sessions.Items[0].ID, token.ID) {
					code, status := "own_credential", 403
					switch {
					case one.path == "/session/password" && way == "a session by it": // whoever knows the present one could sign in by it
						code, status = "wrong_password", 422
					case one.path == "/session/password":
						code = "session_needed"
					}
					got := o.do("nobody", one.method, "/api/v1"+one.path, one.body, append(slices.Clone(by), "If-Match", `"1"`)...)
					if got.Status != status || !strings.Contains(string(got.Body), `"`+code+`"`) {
						o.Errorf("%s, by %s that root made: %d %s", one.what, way, got.Status, got.Body)
					}
				}
			}
			// What somebody else made ends by itself.
			var held store.Listing[signin.SignedIn]
			o.do("nobody", "GET", "/api/v1/sessions", nil, opened...).must(200).into(&held)
			for _, s := range held.Items {
				if s.Current {
					o.do("nobody", "POST", "/api/v1/sessions/"+s.ID+"/end", nil, opened...).must(200)
				}
			}
		}
		path := "/api/v1/people/rita" + at // which she may object to, and so is not to be kept from
		o.do("root", "PUT", path, map[string]any{"display_name": "rita", "agent": true}, "If-Match", o.do("root", "GET", path, nil).must(200).Header.Get("ETag")).must(202)
		pose()
		o.do("nobody", "GET", "/api/v1/people", nil, own...).must(200)
		o.do("nobody", "GET", "/api/v1/people", nil, "Authorization", "Bearer "+token.Secret).must(200)
		// She may end what she likes by what is hers.
		o.signsIn("rita")
		o.do("nobody", "POST", "/api/v1/sessions:end-others", nil, own...).must(200)
		o.do("nobody", "DELETE", "/api/v1/tokens/"+token.ID, nil, append(slices.Clone(own), "If-Match", `"1"`)...).must(200)
	})
}

func words(items []api.InboxItem) string {
	var all strings.Builder
	for _, item := range items {
		all.WriteString(item.Words + "\n")
	}
	return all.String()
}

// suspendedRights holds that every operation is refused to whoever is suspended, except what reads, objects or is about their sessions.
func (o *office) suspendedRights(rita func(method, path string, body any, headers ...string) answer) {
	o.Helper()
	kept := []access.Action{
		access.Public, access.SignIn, access.Read, access.AuditRead, access.KeyRead, access.SessionManage, access.ProposalRead, access.ProposalObject,
	}
	var document struct {
		Paths map[string]map[string]struct {
			ID     string        `json:"operationId"`
			Action access.Action `json:"x-souk-action"`
		}
	}
	if err := json.Unmarshal(o.do("", "GET", "/api/v1/openapi.json", nil).must(200).Body, &document); err != nil {
		o.Fatal(err)
	}
	tried := 0
	for path, methods := range document.Paths {
		for method, operation := range methods {
			row := rights[operation.ID]
			if row.path != "" {
				path = "/api/v1" + row.path
			}
			if slices.Contains(kept, operation.Action) {
				continue
			}
			tried++
			got := rita(strings.ToUpper(method), strings.TrimPrefix(path, "/api/v1"), row.body, "If-Match", `"1"`)
			// What does not exist is not told of before the right is asked for.
			if got.Status != 403 && got.Status != 404 {
				o.Errorf("%s is answered %d: %s", operation.ID, got.Status, got.Body)
			}
		}
	}
	if tried < 40 {
		o.Errorf("only %d operations were tried", tried)
	}
}

func TestTheOnlyOtherAdministratorIsRemovedByTheLeaderAfterThreeDays(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.second()
		o.password("rita")
		o.disables("root").must(202)
		state := func() (p access.Person) {
			o.do("root", "GET", "/api/v1/people/rita"+at, nil).must(200).into(&p)
			return p
		}
		if p := state(); !p.Active || p.Suspended == "" {
			o.Errorf("rita is %+v", p)
		}
		o.ahead.Store(int64(72*time.Hour + time.Second))
		o.eventually("rita is removed", func() bool { return !state().Active })
		log := string(o.do("ada", "GET", "/api/v1/audit/events?limit=1000", nil).must(200).Body)
		if strings.Count(log, `"event":"proposal.unopposed"`) != 1 || !strings.Contains(log, `"actor":"souk:governors"`) {
			o.Errorf("the log has %s", log)
		}
		var inbox store.Listing[api.InboxItem]
		o.do("pat", "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
		if text := words(inbox.Items); !strings.Contains(text, "nobody objected in time") {
			o.Errorf("approvers are told %s", text)
		}
		// From now on root is alone, and the checklist asks for a second administrator.
		var list api.SetupChecklist
		o.do("root", "GET", "/api/v1/setup", nil).must(200).into(&list)
		if !slices.ContainsFunc(list.Items, func(i access.SetupItem) bool { return i.ID == "second-admin" && !i.Done }) {
			o.Errorf("the checklist is %+v", list.Items)
		}
	})
}

func TestTheLocalSocketRemovesAnAdministratorAtOnceAndItIsTold(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.second()
		o.disables("").must(200)
		var inbox store.Listing[api.InboxItem]
		for _, who := range []string{"root", "pat"} {
			o.do(who, "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
			if text := words(inbox.Items); !strings.Contains(text, "rita"+at+" can no longer object") {
				o.Errorf("%s is told %s", who, text)
			}
		}
		// Whoever administers alone loosens, and approvers are told.
		o.do("root", "PUT", "/api/v1/environments/production", map[string]any{"position": 3, "tier": "production", "governed": false}, "If-Match", `"1"`).must(200)
		o.do("pat", "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
		if text := words(inbox.Items); !strings.Contains(text, "need no request") {
			o.Errorf("pat is told %s", text)
		}
	})
}
