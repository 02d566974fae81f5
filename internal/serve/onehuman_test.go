package serve_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/signin"
)

// hand is what somebody shows to act under a name, as headers.
type hand []string

// bearer is a token that the maker, by what they show, makes for somebody.
func (o *office) bearer(maker hand, who string) hand {
	o.Helper()
	var token api.NewToken
	o.do("nobody", "POST", "/api/v1/tokens", object{"as": who + at, "scope": "all"}, maker...).must(201).into(&token)
	return hand{"Authorization", "Bearer " + token.Secret}
}

// opened is a session that a link opens, or a sign-in.
func (o *office) opened(a answer) hand {
	o.Helper()
	return hand{"Cookie", a.must(200).Header.Get("Set-Cookie"), "Sec-Fetch-Site", "same-origin"}
}

// linked is the session of somebody that whoever asked for the link opens by it.
func (o *office) linked(path string) hand {
	o.Helper()
	var link signin.NewLink
	o.do("root", "POST", path, object{}).must(201).into(&link)
	return o.opened(o.do("nobody", "POST", "/api/v1/links:use", signin.LinkUse{Secret: secretOf(link.Link), Password: phrase}))
}

// hands are the ways in which root, an administrator, gets hold of something to act as somebody else.
var hands = []struct {
	name string
	as   func(o *office, root hand, who string) hand
}{
	{"an invitation", func(o *office, _ hand, who string) hand { return o.linked("/api/v1/people/" + who + at + "/invite") }}, // first: who has joined is not invited
	{"a reset link", func(o *office, _ hand, who string) hand {
		return o.linked("/api/v1/people/" + who + at + "/reset-link")
	}},
	{"a token made in a session by a link", func(o *office, _ hand, who string) hand {
		return o.bearer(o.linked("/api/v1/people/"+who+at+"/reset-link"), who)
	}},
	{"a token", func(o *office, root hand, who string) hand { return o.bearer(root, who) }},
	{"a token made with a token", func(o *office, root hand, who string) hand { return o.bearer(o.bearer(root, who), who) }},
	{"a token made with a token for a third", func(o *office, root hand, who string) hand { return o.bearer(o.bearer(root, "rita"), who) }},
	{"a token that is rotated", func(o *office, root hand, who string) hand {
		var old, fresh api.NewToken
		o.do("nobody", "POST", "/api/v1/tokens", object{"as": who + at, "scope": "all"}, root...).must(201).into(&old)
		o.do("nobody", "POST", "/api/v1/tokens/"+old.ID+"/rotate", object{}, "Authorization", "Bearer "+old.Secret).must(201).into(&fresh)
		return hand{"Authorization", "Bearer " + fresh.Secret}
	}},
	{"somebody's own token that one rotates", func(o *office, root hand, who string) hand {
		var own, fresh api.NewToken
		o.do(who, "POST", "/api/v1/tokens", object{"scope": "all"}).must(201).into(&own)
		o.do("nobody", "POST", "/api/v1/tokens/"+own.ID+"/rotate", object{}, root...).must(201).into(&fresh)
		return hand{"Authorization", "Bearer " + fresh.Secret}
	}},
	{"a session by a token", func(o *office, root hand, who string) hand {
		var token api.NewToken
		o.do("nobody", "POST", "/api/v1/tokens", object{"as": who + at, "scope": "all"}, root...).must(201).into(&token)
		return o.opened(o.do("nobody", "POST", "/api/v1/session", object{"token": token.Secret}))
	}},
}

// alone are the ways in which root, an approver of both domains that are needed, would be two people with such a hand. Each ends in an
// approval that is refused.
var alone = []struct {
	name   string
	try    func(o *office, root hand, as func(who string) hand, slug string) answer
	status int
	code   string
}{
	{"asks as another and approves", func(o *office, root hand, as func(string) hand, slug string) answer {
		return o.approveWith(root, o.submitWith(as("alice"), lunch(slug)), "product")
	}, 403, "own_request"},
	{"edits as another and approves", func(o *office, root hand, as func(string) hand, slug string) answer {
		r := o.submitWith(o.hand("alice"), lunch(slug))
		o.do("nobody", "PATCH", "/api/v1/requests/"+r.ID, object{"fields": object{"ttl_days": 20}},
			append(as("alice"), "If-Match", fmt.Sprintf(`"%d"`, r.Revision))...).must(200).into(&r)
		return o.approveWith(root, r, "product")
	}, 403, "own_request"},
	{"drafts as another, who submits it, and approves", func(o *office, root hand, as func(string) hand, slug string) answer {
		content := lunch(slug)
		content["draft"] = true
		r := o.submitWith(as("alice"), content)
		o.do("alice", "PATCH", "/api/v1/requests/"+r.ID, object{"draft": false}, "If-Match", fmt.Sprintf(`"%d"`, r.Revision)).must(200).into(&r)
		return o.approveWith(root, r, "product")
	}, 403, "own_request"},
	{"asks and approves as another", func(o *office, root hand, as func(string) hand, slug string) answer {
		return o.approveWith(as("pat"), o.submitWith(root, lunch(slug)), "")
	}, 403, "own_credential"},
	{"asks as one and approves as another", func(o *office, _ hand, as func(string) hand, slug string) answer {
		return o.approveWith(as("pat"), o.submitWith(as("alice"), lunch(slug)), "")
	}, 403, "own_credential"},
	{"approves, and once more as another", func(o *office, root hand, as func(string) hand, slug string) answer {
		r := o.submitWith(o.hand("alice"), lunch(slug))
		o.approveWith(root, r, "product").must(200)
		return o.approveWith(as("sam"), r, "")
	}, 409, "already_decided"},
	{"approves as another, and once more", func(o *office, root hand, as func(string) hand, slug string) answer {
		r := o.submitWith(o.hand("alice"), lunch(slug))
		o.approveWith(as("pat"), r, "").must(200)
		return o.approveWith(root, r, "security")
	}, 409, "already_decided"},
	{"approves as two others", func(o *office, _ hand, as func(string) hand, slug string) answer {
		r := o.submitWith(o.hand("alice"), lunch(slug))
		o.approveWith(as("pat"), r, "").must(200)
		return o.approveWith(as("sam"), r, "")
	}, 409, "already_decided"},
}

// hand is what the person shows who was hired: a token from the server.
func (o *office) hand(who string) hand { return hand{"Authorization", "Bearer " + o.tokens[who]} }

func (o *office) submitWith(by hand, content object) (r review.Request) {
	o.Helper()
	o.do("nobody", "POST", "/api/v1/requests", content, by...).must(201).into(&r)
	return r
}

func (o *office) approveWith(by hand, r review.Request, domain string) answer {
	o.Helper()
	return o.do("nobody", "POST", "/api/v1/requests/"+r.ID+"/approve", object{"digest": r.Digest, "domain": domain}, by...)
}

// rooted is an office in which root is an approver of both domains, and of the team that asks, and rita another administrator.
func (o *office) rooted() hand {
	o.Helper()
	o.mission()
	o.second()
	for name, g := range map[string]object{
		"product":    {"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{"pat" + at, "root" + at}},
		"security":   {"roles": []string{"approver"}, "domains": []string{"security"}, "members": []string{"sam" + at, "root" + at}},
		"team-lunch": {"members": []string{"alice" + at, "root" + at}},
	} {
		o.do("", "PUT", "/api/v1/groups/"+name, g, "If-Match", `"1"`).must(200)
	}
	return o.hand("root")
}

func TestWhoMadeACredentialIsNoOtherHumanThanWhoActsByIt(t *testing.T) {
	t.Parallel()
	if len(hands)*len(alone) != 72 {
		t.Errorf("%d attempts", len(hands)*len(alone))
	}
	eachEngine(t, func(o *office) {
		root := o.rooted()
		for i, h := range hands {
			held := map[string]hand{}
			as := func(who string) hand {
				o.Helper()
				if held[who] == nil {
					held[who] = h.as(o, root, who)
				}
				return append(hand{}, held[who]...)
			}
			for j, way := range alone {
				got := way.try(o, root, as, fmt.Sprintf("lunch-%d-%d", i, j))
				var p api.Problem
				if err := json.Unmarshal(got.Body, &p); err != nil || got.Status != way.status || p.Code != way.code || p.Remediation == "" {
					o.Errorf("with %s root %s: %d %s", h.name, way.name, got.Status, got.Body)
				}
			}
		}
	})
}

func TestWhoSignedInWithAPasswordIsAnotherHumanThanWhoInvitedThem(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		root := o.rooted()
		signedIn := func(who string) hand {
			o.Helper()
			o.linked("/api/v1/people/" + who + at + "/invite")
			return o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": who + at, "password": phrase}))
		}
		alice, sam := signedIn("alice"), signedIn("sam")
		for i, by := range []hand{alice, o.bearer(alice, "alice")} {
			r := o.submitWith(by, lunch(fmt.Sprintf("lunch-%d", i)))
			o.approveWith(root, r, "product").must(200)
			o.approveWith([]hand{sam, o.bearer(sam, "sam")}[i], r, "").must(200).into(&r)
			if r.State != review.Approved || !r.Decisions[1].ForeignToken {
				o.Errorf("it is %s by %+v", r.State, r.Decisions)
			}
		}
	})
}

// lending are the ways in which a request is of alice, whose password was chosen by a link that root made.
var lending = map[string]func(o *office, alice hand, slug string) review.Request{
	"asked for": func(o *office, alice hand, slug string) review.Request { return o.submitWith(alice, lunch(slug)) },
	"drafted": func(o *office, alice hand, slug string) (r review.Request) {
		content := lunch(slug)
		content["draft"] = true
		r = o.submitWith(alice, content)
		o.do("alice", "PATCH", "/api/v1/requests/"+r.ID, object{"draft": false}, "If-Match", fmt.Sprintf(`"%d"`, r.Revision)).must(200).into(&r)
		return r
	},
	"edited": func(o *office, alice hand, slug string) (r review.Request) {
		content := lunch(slug)
		content["draft"] = true
		r = o.submitWith(o.hand("alice"), content)
		by := append(append(hand{}, alice...), "If-Match", fmt.Sprintf(`"%d"`, r.Revision))
		o.do("nobody", "PATCH", "/api/v1/requests/"+r.ID, object{"draft": false}, by...).must(200).into(&r)
		return r
	},
}

// choosing are the ways in which root gets at what begins with a password of alice that root chose. Each returns what acts as alice.
var choosing = []struct {
	name string
	as   func(o *office, root hand) hand
}{
	{"a link", func(o *office, root hand) hand { return o.chosen(root, "alice") }},
	{"a link made with a token for another administrator", func(o *office, root hand) hand { return o.chosen(o.bearer(root, "rita"), "alice") }},
	{"a link made with a token made with such a token", func(o *office, root hand) hand {
		return o.chosen(o.bearer(o.bearer(root, "rita"), "rita"), "alice")
	}},
	{"a link made with a session by such a token", func(o *office, root hand) hand {
		secret := strings.TrimPrefix(o.bearer(root, "rita")[1], "Bearer ")
		return o.chosen(o.opened(o.do("nobody", "POST", "/api/v1/session", object{"token": secret})), "alice")
	}},
	{"a link made by a third whose password root chose", func(o *office, root hand) hand {
		who := "nina"
		if o.do("", "GET", "/api/v1/groups/ninas-admins", nil).Status == 200 {
			who = "nora" // a link for an administrator needs two
		}
		o.do("", "PUT", "/api/v1/people/"+who+at, object{"display_name": who}, "If-None-Match", "*").must(201)
		by := o.chosen(root, who)
		o.do("", "PUT", "/api/v1/groups/"+who+"s-admins", object{"roles": []string{"admin"}, "members": []string{who + at}}, "If-None-Match", "*").must(201)
		return o.chosen(by, "alice")
	}},
	{"a password instead of such a one", func(o *office, root hand) hand {
		own := o.chosen(o.bearer(root, "rita"), "alice")
		o.do("nobody", "POST", "/api/v1/session/password", object{"current": phrase, "new": "lantern orchid gravel"}, own...).must(200)
		return o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": "alice" + at, "password": "lantern orchid gravel"}))
	}},
	{"a token made by such a password", func(o *office, root hand) hand {
		return o.bearer(o.chosen(o.bearer(root, "rita"), "alice"), "alice")
	}},
	{"a session by a rotated one", func(o *office, root hand) hand {
		var old, fresh api.NewToken
		by := o.chosen(o.bearer(root, "rita"), "alice")
		o.do("nobody", "POST", "/api/v1/tokens", object{"scope": "all"}, by...).must(201).into(&old)
		o.do("nobody", "POST", "/api/v1/tokens/"+old.ID+"/rotate", object{}, by...).must(201).into(&fresh)
		return o.opened(o.do("nobody", "POST", "/api/v1/session", object{"token": fresh.Secret}))
	}},
}

// chosen is a session of somebody by a password that the maker chose by a link.
func (o *office) chosen(maker hand, who string) hand {
	o.Helper()
	var link signin.NewLink
	o.do("nobody", "POST", "/api/v1/people/"+who+at+"/reset-link", nil, maker...).must(201).into(&link)
	o.do("nobody", "POST", "/api/v1/links:use", signin.LinkUse{Secret: secretOf(link.Link), Password: phrase}).must(200)
	return o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": who + at, "password": phrase}))
}

func TestAllWhoMayHaveChosenThePasswordOfTheRequesterAreMarkedAndRefusedByThePolicy(t *testing.T) {
	t.Parallel()
	if len(choosing) != 8 {
		t.Errorf("%d ways", len(choosing))
	}
	eachEngine(t, func(o *office) {
		o.rooted()
		o.password("root")
		root := hand{"Cookie", o.signsIn("root"), "Sec-Fetch-Site", "same-origin"}
		for i, way := range choosing {
			var r review.Request
			o.approveWith(root, o.submitWith(way.as(o, root), lunch(fmt.Sprintf("before-%d", i))), "product").must(200).into(&r)
			if !r.Decisions[0].ForeignToken {
				o.Errorf("%s, and approved by root: %+v", way.name, r.Decisions)
			}
		}
		o.do("", "POST", "/api/v1/policies/marketplace.decision.require_own_credential/activate", object{}).must(200)
		for i, way := range choosing {
			got := o.approveWith(root, o.submitWith(way.as(o, root), lunch(fmt.Sprintf("after-%d", i))), "product")
			if got.Status != 403 || !strings.Contains(string(got.Body), "foreign_credential") {
				o.Errorf("%s, and approved by root under the policy: %d %s", way.name, got.Status, got.Body)
			}
		}
	})
}

func TestAnApprovalByWhoeverMadeTheLinkOfTheRequesterIsMarkedAndRefusedByThePolicy(t *testing.T) {
	t.Parallel()
	if len(lending) != 3 {
		t.Errorf("%d ways", len(lending))
	}
	eachEngine(t, func(o *office) {
		o.rooted()
		o.password("root")
		root := hand{"Cookie", o.signsIn("root"), "Sec-Fetch-Site", "same-origin"}
		o.linked("/api/v1/people/alice" + at + "/invite")
		alice := o.opened(o.do("nobody", "POST", "/api/v1/session", object{"email": "alice" + at, "password": phrase}))
		approve := func(way, when string) answer {
			o.Helper()
			return o.approveWith(root, lending[way](o, alice, way[:4]+"-"+when), "product")
		}
		for way := range lending {
			var r review.Request
			if approve(way, "before").must(200).into(&r); !r.Decisions[0].ForeignToken {
				o.Errorf("%s by a password from a link of root, and approved by root: %+v", way, r.Decisions)
			}
		}
		policy := "/api/v1/policies/marketplace.decision.require_own_credential/activate"
		o.do("", "POST", policy, object{}).must(200)
		for way := range lending {
			approve(way, "after").problem(403, "foreign_credential")
		}
		var own review.Request
		if o.approveWith(root, o.submitWith(o.hand("alice"), lunch("own")), "product").must(200).into(&own); own.Decisions[0].ForeignToken {
			o.Errorf("by what is of alice alone: %+v", own.Decisions)
		}
	})
}
