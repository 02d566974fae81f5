package serve_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// rename moves somebody to another address, by the local socket.
func (o *office) rename(from, to string) (p access.Person) {
	o.Helper()
	version := o.do("", "GET", "/api/v1/people/"+from+at, nil).must(200).Header.Get("ETag")
	o.do("", "PUT", "/api/v1/people/"+from+at, map[string]any{"display_name": from, "email": to + at}, "If-Match", version).must(200).into(&p)
	return p
}

// busy is what alice and root have to do with before they are renamed, in every table that names people.
func (o *office) busy() (half review.Request) {
	o.Helper()
	o.mission()
	o.approved(where2eat(30))
	o.do("alice", "POST", "/api/v1/flags/where2eat.enabled/environments/production/kill", map[string]any{"reason": "it burns"}).must(200)
	second := where2eat(30)
	second["app"].(map[string]any)["slug"], second["app"].(map[string]any)["url"] = "second", "https://second.hyfin.example"
	o.do("alice", "POST", "/api/v1/requests", second).must(201).into(&half)
	o.do("pat", "POST", "/api/v1/requests/"+half.ID+"/approve", map[string]any{"digest": half.Digest}).must(200).into(&half)
	o.do("alice", "POST", "/api/v1/requests/"+half.ID+"/comments", map[string]any{"reason": "when?"}).must(201)
	second["app"].(map[string]any)["slug"], second["draft"] = "third", true
	o.do("alice", "POST", "/api/v1/requests", second).must(201)
	o.do("alice", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "staging", "app": "where2eat"}).must(201)
	o.do("alice", "POST", "/api/v1/tokens", map[string]any{"scope": "read"}).must(201)
	o.do("alice", "POST", "/api/v1/session", map[string]any{"token": o.tokens["alice"]}).must(200)
	o.do("root", "POST", "/api/v1/tokens", map[string]any{"as": "bob" + at, "scope": "all"}).must(201)
	o.do("root", "POST", "/api/v1/people/eve"+at+"/invite", map[string]any{}).must(201)
	return half
}

// former is what still says the address that somebody had before: what tells what was then, and what people wrote.
var former = map[string]string{
	"audit_event.actor":    "events say the address of then",
	"audit_event.body":     "likewise",
	"audit_event.search":   "likewise",
	"audit_event.subject":  "likewise",
	"person_address.email": "who had which address",
	"audit_text.text":      "the texts of events",
	"flag.contact":         "whom to ask, as the request says",
	"app.contact":          "likewise",
	"request.content":      "what was asked for, over which the digest is taken",
	"request.bulk":         "what of it no list shows: the difference that it makes",
	"request.search":       "requests are found by both addresses",
	"flag_revision.actor":  "the history of a flag says the address of then",
	"policy_module.owner":  "who put the policy, to ask about it",
	"proposal.body":        "what was asked for, as it was written: here the new addresses themselves",
	"proposal.subject":     "likewise",
	"proposal.words":       "likewise",
}

// columnsWith are the columns of a backup, as table.column, in which the text stands.
func (o *office) columnsWith(text string) []string {
	o.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(o.do("", "GET", "/api/v1/backup", nil).must(200).Body))
	if err != nil {
		o.Fatal(err)
	}
	found := map[string]bool{}
	var head struct {
		Table   string
		Columns []string
	}
	lines := bufio.NewReader(zip)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		if line[0] == '{' {
			if err := json.Unmarshal(line, &head); err != nil {
				o.Fatal(err)
			}
			continue
		}
		var row []any
		if err := json.Unmarshal(line, &row); err != nil {
			o.Fatal(err)
		}
		for i, value := range row {
			if cell, ok := value.(string); ok && strings.Contains(cell, text) {
				found[head.Table+"."+head.Columns[i]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestARenamedPersonIsTheSameAndWhoGetsTheirAddressIsSomebodyElse(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		half := o.busy()
		alice := o.rename("alice", "a.smith")
		o.rename("root", "r.smith")
		still := slices.Compact(slices.Sorted(slices.Values(slices.Concat(o.columnsWith("alice"+at), o.columnsWith("root"+at)))))
		if diff := cmp.Diff(slices.Sorted(maps.Keys(former)), still); diff != "" {
			o.Errorf("the former addresses stand elsewhere than where they tell what was (-want +got):\n%s", diff)
		}

		// The same person goes on, by what they signed in with.
		var session api.Session
		o.do("alice", "GET", "/api/v1/session", nil).must(200).into(&session)
		if session.Person == nil || session.Person.ID != alice.ID || session.Person.Email != "a.smith"+at {
			o.Errorf("alice is signed in as %+v", session.Person)
		}
		var r review.Request
		o.do("pat", "GET", "/api/v1/requests/"+half.ID, nil).must(200).into(&r)
		if r.Requester != "a.smith"+at || r.RequesterID != alice.ID || r.Digest != half.Digest || r.Revision != half.Revision ||
			r.State != review.NeedsApproval || len(r.Decisions) != 1 || r.Decisions[0].Void != "" || r.Comments[0].By != "a.smith"+at {
			o.Errorf("half approved it was %+v, now it is %+v", half, r)
		}
		for _, address := range []string{"alice" + at, "a.smith" + at} {
			var requests store.Listing[review.Request]
			o.do("pat", "GET", "/api/v1/requests?requester="+url.QueryEscape(address), nil).must(200).into(&requests)
			if len(requests.Items) != 2 {
				o.Errorf("%s asked for %d", address, len(requests.Items))
			}
			var events store.Listing[audit.Entry]
			o.do("ada", "GET", "/api/v1/audit/events?event=flag.killed&actor="+url.QueryEscape(address), nil).must(200).into(&events)
			if len(events.Items) != 1 || events.Items[0].ActorID != string(alice.ID) || events.Items[0].Actor != "alice"+at {
				o.Errorf("%s turned off %+v", address, events.Items)
			}
		}
		o.do("alice", "PATCH", "/api/v1/requests/"+half.ID, map[string]any{"reason": "still hungry"}, "If-Match", strconv.Quote(strconv.FormatInt(r.Revision, 10))).must(200).into(&r)

		// Whoever gets the address next has nothing of theirs.
		o.do("", "PUT", "/api/v1/people/alice"+at, map[string]any{"groups": []string{}}, "If-None-Match", "*").must(201)
		var token api.NewToken
		o.do("", "POST", "/api/v1/tokens", map[string]any{"as": "alice" + at, "scope": "all"}).must(201).into(&token)
		o.tokens["another"] = token.Secret
		o.do("another", "PATCH", "/api/v1/requests/"+half.ID, map[string]any{"reason": "mine"}, "If-Match", strconv.Quote(strconv.FormatInt(r.Revision, 10))).problem(403, "forbidden")
		o.do("another", "POST", "/api/v1/flags/where2eat.enabled/environments/production/restore", map[string]any{"reason": "mine"}).problem(403, "forbidden")
		for path, want := range map[string]int{"/api/v1/requests?mine=true": 0, "/api/v1/flags?mine=true": 0, "/api/v1/tokens": 1, "/api/v1/sessions": 0} {
			var list store.Listing[json.RawMessage]
			if o.do("another", "GET", path, nil).must(200).into(&list); len(list.Items) != want {
				o.Errorf("%s: somebody else has %d", path, len(list.Items))
			}
		}
		var flag registry.Flag
		o.do("another", "GET", "/api/v1/flags/where2eat.enabled", nil).must(200).into(&flag)
		if flag.Owner != "a.smith"+at || flag.OwnerID != alice.ID {
			o.Errorf("the flag is of %s, %s", flag.Owner, flag.OwnerID)
		}
	})
}
