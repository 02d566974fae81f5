package serve_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
)

// Tokens: who may do everything else is held back by the scope of the token alone. What only reads is open to read, requests and
// kill and checks; what writes to none of them; this table says where it is otherwise. A scope of outcomes opens none
// of them.
const reading = "read requests kill checks"

var scopes = map[string]string{
	"check-request": reading, "check-template": reading, "try-flag": reading, // they write nothing
	"submit-request": "requests", "edit-request": "requests", "withdraw-request": "requests", "comment-request": "requests",
	"report-check":  "checks",
	"rehearse-flag": "requests", // it shows who asked
	"kill-flag":     "kill", "pause-rollout": "kill", "abort-rollout": "kill", "count-kill": "kill", "kill-many": "kill",
	"roll-back-flag": "kill", // to what gives nobody more than now

	"list-audit-events": "read", "list-audit-checkpoints": "read", "get-audit-checkpoint": "read", "get-audit-consistency": "read",
	"get-audit-proof": "read", "export-audit-log": "read", "list-sdk-keys": "read", "list-proposals": "read",
	"list-tokens": "", "list-sessions": "", "get-setup": "", "examine": "", "take-backup": "", "export-documents": "",
}

func (s *site) operations() (all map[string][2]string) {
	s.Helper()
	var document struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(s.as("").get("/api/v1/openapi.json").Body.Bytes(), &document); err != nil {
		s.Fatal(err)
	}
	all = map[string][2]string{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			all[operation.ID] = [2]string{strings.ToUpper(method), path}
		}
	}
	return all
}

func TestATokenDoesWhatItsScopeNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
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
	kill := root.post("/api/v1/kills", object{"select": object{"app": "eat"}, "environment": "sandbox", "expect_flags": 1}).want(s, http.StatusOK).text("id")
	ids := strings.NewReplacer("{request}", r.text("id"), "{rollout}", r.text("rollout_id"), "{token}", token, "{key}", key, "{kill}", kill, "where2eat", "eat")
	operations := s.operations()
	for id := range scopes {
		if _, ok := operations[id]; !ok {
			t.Errorf("the table of scopes has a row for %s, which is no operation", id)
		}
	}
	for _, scope := range []string{"read", "requests", "kill", "outcomes", "checks"} {
		caller := root.token(scope)
		for _, id := range slices.Sorted(maps.Keys(operations)) {
			row, known := rights[id]
			method, path := operations[id][0], operations[id][1]
			if !known || slices.Equal(row.may, public) || slices.Equal(row.may, browser) || id == "watch" {
				continue
			}
			if row.path != "" {
				path = "/api/v1" + ids.Replace(row.path)
			}
			want, said := scopes[id]
			if !said && method == http.MethodGet {
				want = reading
			}
			got := caller.with(`If-Match: "1"`).do(method, path, row.body)
			refused := got.Code == http.StatusForbidden && got.text("code") == "token_scope"
			hidden := got.Code == http.StatusNotFound && strings.HasPrefix(path, "/api/v1/tokens/")
			if may := slices.Contains(strings.Fields(want), scope); may == refused || !may && !refused && !hidden || got.Code == http.StatusUnauthorized {
				t.Errorf("a token of scope %s: %s", scope, got)
			}
		}
	}
}

// owned is a row about who owns what, and whether the environment is governed: the right hangs on the object, not on a role.
var owned = []struct {
	what         string
	method, path string
	body         any
	may          []string // all others are refused
}{
	{"an SDK key for one's own app where nothing is governed", "POST", "/sdk-keys", object{"environment": "sandbox", "app": "eat"}, []string{"alice", "bob", "olu", "root"}},
	{"an SDK key for one's own app in production", "POST", "/sdk-keys", object{"environment": "production", "app": "eat"}, []string{"olu", "root"}},
	{"an SDK key for all apps where nothing is governed", "POST", "/sdk-keys", object{"environment": "sandbox"}, []string{"olu", "root"}},
	{"the SDK keys of one's own app", "GET", "/sdk-keys?app=eat", nil, []string{"alice", "bob", "olu", "root"}},
	{"turning off one's own app where nothing is governed", "POST", "/flags/eat.enabled/environments/sandbox/kill", object{}, []string{"alice", "bob", "olu", "root"}},
	{"turning on again where nothing is governed", "POST", "/flags/eat.enabled/environments/sandbox/restore", object{}, []string{"alice", "bob", "olu", "root"}},
	{"turning off in production", "POST", "/flags/eat.enabled/environments/production/kill", object{}, []string{"alice", "bob", "olu", "root"}},
	{"a token for oneself", "POST", "/tokens", object{"scope": "read"}, people},
	{"a token for somebody else", "POST", "/tokens", object{"scope": "read", "as": "vera" + at}, []string{"vera", "root"}},
	{"the sessions of somebody else", "GET", "/sessions?person=vera" + at, nil, []string{"vera", "root"}},
	{"the tokens of somebody else", "GET", "/tokens?as=vera" + at, nil, people}, // everybody sees their own alone
	{"a request for a team of one's own", "POST", "/requests", lunch("mine"), []string{"alice", "bob"}},
}

func TestRightsHangOnWhatOneOwnsAndOnWhetherItIsGoverned(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
	s.published("eat")
	for _, row := range owned {
		for _, name := range people {
			got := s.as(name).do(row.method, "/api/v1"+row.path, row.body)
			may := slices.Contains(row.may, name)
			if refused := got.Code == http.StatusForbidden; refused == may || got.Code == http.StatusUnauthorized {
				t.Errorf("%s: %s", row.what, got)
			}
		}
	}
	for _, row := range owned {
		s.as("").do(row.method, "/api/v1"+row.path, row.body).refused(s, http.StatusUnauthorized, "signed_out")
	}
}
