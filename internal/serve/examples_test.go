package serve_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
)

// What the document shows is made, call by call, against a running server, and answered as it says; and whatever is written
// meanwhile is told to the audit log, except what audit.Unlogged lists.
func TestEveryExampleWorks(t *testing.T) {
	each(t, func(s *site) {
		writes := s.probe()
		operations := s.operations()
		kept := map[string]string{}
		fill := func(text string) string {
			for _, word := range slices.Sorted(maps.Keys(kept)) {
				text = strings.ReplaceAll(text, word, kept[word])
			}
			return text
		}
		for i, example := range api.ReadExamples() {
			name := fmt.Sprintf("example %d, %s", i, example.Operation)
			call := operations[example.Operation]
			method, path := call[0], call[1]
			if example.Path != "" {
				path = "/api/v1" + fill(example.Path)
			}
			who := s.as(example.As)
			if example.New {
				who = who.with("If-None-Match: *")
			}
			if example.Read != "" {
				who = who.with("If-Match: " + who.get("/api/v1"+fill(example.Read)).want(s, http.StatusOK).Header().Get("ETag"))
			}
			if example.Revision != "" {
				who = who.with("If-Match: " + strconv.Quote(example.Revision))
			}
			got := who.do(method, path, fill(string(example.Body)))
			if got.Code != example.Status || example.Code != "" && got.text("code") != example.Code {
				s.Errorf("%s: %s, want %d %s", name, got, example.Status, example.Code)
				continue
			}
			if example.SignsIn != "" {
				cookie := got.cookie(s)
				s.people[example.SignsIn] = &caller{site: s, name: example.SignsIn, headers: []string{"Cookie: " + cookie.Name + "=" + cookie.Value}}
			}
			for word, member := range example.Keep {
				value := got.text(member)
				if _, secret, ok := strings.Cut(value, "#"); ok {
					value = secret
				}
				if value == "" {
					s.Errorf("%s: the answer has no %s: %s", name, member, got)
				}
				raw, err := json.Marshal(value)
				if err != nil {
					s.Fatal(err)
				}
				kept[word] = strings.Trim(string(raw), `"`)
			}
		}
		draft := s.as("alice").post("/api/v1/requests", object{"kind": "publish_app", "draft": true}).want(s, http.StatusCreated)
		s.as("alice").with("If-Match: "+draft.Header().Get("ETag")).do("PATCH", "/api/v1/requests/"+draft.text("id"), object{"reason": "lunch"}).want(s, http.StatusOK)
		writes.tells()
	})
}
