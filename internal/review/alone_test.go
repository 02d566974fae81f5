package review_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/review"
)

// A request is approved only by two people, neither of whom wrote any of it, who both approved of just what it said at the end and did
// not take that back, whatever happened before in whatever order.
func TestNoOrderOfEditsAndDecisionsLetsOnePersonDecideAlone(t *testing.T) {
	each(t, func(o *office) {
		n := 0
		rapid.Check(o.TB, func(t *rapid.T) {
			n++
			c := where2eat()
			c.App.Slug = fmt.Sprintf("lunch-%d", n)
			c.App.URL = "https://" + c.App.Slug + ".hyfin.example"
			r := o.submit(c)
			authors := map[string]bool{"alice": true}
			given := map[string]access.Domain{}
			for range rapid.IntRange(6, 12).Draw(t, "acts") {
				act := rapid.SampledFrom([]string{"approve", "approve", "approve", "edit", "edit", "ask", "answer", "take back", "resubmit"}).Draw(t, "act")
				people := []string{"pat", "sam", "max"}
				if act == "edit" || act == "answer" || act == "resubmit" {
					people = []string{"alice", "bob"}
				}
				who := rapid.SampledFrom(people).Draw(t, "who")
				domain := map[string]access.Domain{"pat": "product", "sam": "security"}[who]
				if domain == "" {
					domain = rapid.SampledFrom([]access.Domain{"product", "security"}).Draw(t, "domain")
				}
				j := review.Judgement{Digest: r.Digest, Domain: domain, Reason: "why?"}
				switch act {
				case "approve":
					if _, err := o.desk.Approve(o.Context(), o.as(who), r.ID, j); err == nil {
						given[who] = domain
					}
				case "ask":
					if _, err := o.desk.Ask(o.Context(), o.as(who), r.ID, j); err == nil {
						delete(given, who)
					}
				case "take back":
					if _, err := o.desk.TakeBack(o.Context(), o.as(who), r.ID, j); err == nil {
						delete(given, who)
					}
				case "answer":
					_ = o.answer(who, r, "so that") // refused unless something was asked
				case "edit", "resubmit":
					patch := `{"resubmit": true}`
					if act == "edit" {
						patch = fmt.Sprintf(`{"fields": {"ttl_days": %d}}`, rapid.SampledFrom([]int{20, 25, 30}).Draw(t, "days"))
					}
					out, err := o.desk.Edit(o.Context(), o.as(who), r.ID, r.Revision, json.RawMessage(patch))
					if err == nil && out.Request.Revision != r.Revision { // else it changed nothing
						authors[who] = true
					}
				}
				was := r.Digest
				if r = o.get("alice", r.ID); r.Digest != was {
					clear(given)
				}
				if r.State == review.Approved {
					break
				}
			}
			for who := range authors {
				delete(given, who)
			}
			domains := map[access.Domain]bool{}
			for _, domain := range given {
				domains[domain] = true
			}
			if r.State == review.Approved && (len(given) < 2 || len(domains) < 2) {
				t.Fatalf("it is approved by %v", given)
			}
		})
	})
}
