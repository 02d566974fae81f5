package review_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
)

// ask asks for a change of the request as it is.
func (o *office) ask(name string, r review.Request, reason string) review.Request {
	o.Helper()
	asked, err := o.desk.Ask(o.Context(), o.as(name), r.ID, review.Judgement{Digest: r.Digest, Reason: reason})
	if err != nil {
		o.Fatal(err)
	}
	return asked
}

func (o *office) takeBack(name string, r review.Request) review.Request {
	o.Helper()
	taken, err := o.desk.TakeBack(o.Context(), o.as(name), r.ID, review.Judgement{Digest: r.Digest})
	if err != nil {
		o.Fatal(err)
	}
	return taken
}

func (o *office) answer(name string, r review.Request, words string) error {
	o.Helper()
	_, err := o.desk.Comment(o.Context(), o.as(name), r.ID, review.CommentSpec{Words: words, Answers: true})
	return err
}

func (o *office) get(name, id string) review.Request {
	o.Helper()
	r, err := o.desk.Get(o.Context(), o.as(name), id)
	if err != nil {
		o.Fatal(err)
	}
	return r
}

func TestAnAnswerBringsARequestBackToItsApproversAndKeepsTheApprovalsOfOthers(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("sam", o.submit(where2eat()))
		r = o.ask("pat", r, "why only the pilot?")
		if r.State != review.NeedsFixes {
			o.Fatalf("asked for a change it is %s", r.State)
		}
		if again := o.ask("pat", r, "why only the pilot?"); again.Revision != r.Revision {
			o.Error("asking the same again changed the request")
		}
		for _, name := range []string{"pat", "max"} {
			_, err := o.desk.Approve(o.Context(), o.as(name), r.ID, review.Judgement{Digest: r.Digest, Domain: "product"})
			o.refused(err, fault.Conflict, "change_asked")
		}
		o.refused(o.answer("bob", r, "since it is new"), fault.Forbidden, "not_an_author")
		o.refused(o.answer("eve", r, "since it is new"), fault.Forbidden, "forbidden")
		if got := o.get("alice", r.ID); !slices.Contains(got.Can, "answer") {
			o.Errorf("alice can %v", got.Can)
		}
		for range 2 { // sent again after an answer that was lost
			if err := o.answer("alice", r, "since it is new"); err != nil {
				o.Fatal(err)
			}
		}
		o.refused(o.answer("alice", r, "and cold"), fault.Conflict, "nothing_asked")
		r = o.get("pat", r.ID)
		if r.State != review.NeedsApproval || len(r.Comments) != 1 || !r.Comments[0].Answers || !slices.Contains(r.Can, "approve") {
			o.Errorf("answered it is %s, pat can %v, said was %+v", r.State, r.Can, r.Comments)
		}
		if r = o.approve("pat", r); r.State != review.Approved {
			o.Errorf("sam's approval did not stay: %s, %+v", r.State, r.Decisions)
		}
		for _, event := range []audit.Name{audit.RequestChangeAsked, audit.RequestAnswered} {
			if n := len(slices.DeleteFunc(slices.Clone(r.Timeline), func(e review.TimelineEntry) bool { return e.Event != event })); n != 1 {
				o.Errorf("the timeline has %s %d times", event, n)
			}
		}
	})
}

func TestAskingForAChangeVoidsOnesOwnApprovalAndAnEditVoidsAll(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("sam", o.submit(where2eat()))
		r = o.ask("sam", r, "what does it store?")
		if r.Decisions[0].Void != review.VoidReplaced || r.State != review.NeedsFixes {
			o.Errorf("it is %s by %+v", r.State, r.Decisions)
		}
		out, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision, json.RawMessage(`{"fields": {"ttl_days": 20}}`))
		if err != nil {
			o.Fatal(err)
		}
		r = out.Request
		if r.State != review.NeedsApproval || r.Decisions[1].Void != review.VoidEdited {
			o.Errorf("edited it is %s by %+v", r.State, r.Decisions)
		}
		if r = o.takeBack("pat", o.ask("pat", r, "why?")); r.State != review.NeedsApproval {
			o.Errorf("with the wish taken back it is %s", r.State)
		}
	})
}

func TestAnApprovalIsTakenBackOrDeniedAfterUntilItIsCarriedOut(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("pat", o.submit(where2eat()))
		r = o.takeBack("pat", r)
		if again := o.takeBack("pat", r); again.Revision != r.Revision {
			o.Error("taking back again changed the request")
		}
		if r = o.approve("sam", r); r.State != review.NeedsApproval || r.Decisions[0].Void != review.VoidTakenBack {
			o.Errorf("what was taken back counts: %s, %+v", r.State, r.Decisions)
		}
		r = o.approve("pat", r)
		_, err := o.desk.TakeBack(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Conflict, "request_approved")

		other := where2eat()
		other.App.Slug, other.App.URL = "dinner", "https://dinner.hyfin.example"
		r = o.submit(other)
		if _, err := o.desk.Approve(o.Context(), o.as("max"), r.ID, review.Judgement{Digest: r.Digest, Domain: "product"}); err != nil {
			o.Fatal(err)
		}
		out, err := o.desk.Deny(o.Context(), o.as("max"), r.ID, review.Judgement{Digest: r.Digest, Reason: "there is one already"})
		if err != nil || out.Request.State != review.Denied || out.Request.Decisions[0].Void != review.VoidReplaced {
			o.Errorf("denied after approving it is %s by %+v, %v", out.Request.State, out.Request.Decisions, err)
		}
	})
}

func TestAskingAndTakingBackAreRefusedToWhoMayNot(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		full := review.Judgement{Digest: r.Digest, Reason: "why?"}
		attempts := []struct {
			name string
			ask  bool
			j    review.Judgement
			kind fault.Kind
			code string
		}{
			{"alice", true, full, fault.Forbidden, "own_request"},
			{"eve", true, full, fault.Forbidden, "forbidden"},
			{"petra", true, full, fault.Forbidden, "not_an_approver"},
			{"max", true, full, fault.Unprocessable, "domain_required"},
			{"pat", true, review.Judgement{Digest: r.Digest, Reason: " "}, fault.Invalid, "reason_required"},
			{"pat", true, review.Judgement{Reason: "why?"}, fault.Invalid, "digest_required"},
			{"pat", true, review.Judgement{Digest: "sha256:0", Reason: "why?"}, fault.Conflict, "digest_stale"},
			{"eve", false, full, fault.Forbidden, "forbidden"},
			{"pat", false, full, fault.Conflict, "nothing_to_take_back"},
			{"pat", false, review.Judgement{}, fault.Invalid, "digest_required"},
			{"pat", false, review.Judgement{Digest: "sha256:0"}, fault.Conflict, "digest_stale"},
		}
		if len(attempts) != 11 {
			o.Errorf("%d attempts", len(attempts))
		}
		for _, a := range attempts {
			act := o.desk.TakeBack
			if a.ask {
				act = o.desk.Ask
			}
			_, err := act(o.Context(), o.as(a.name), r.ID, a.j)
			o.refused(err, a.kind, a.code)
		}
		if got := o.get("alice", r.ID); got.Revision != r.Revision {
			o.Error("a refused act changed the request")
		}
	})
}

func TestTakingBackAndTheLastApprovalHaveOneOrder(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("pat", o.submit(where2eat()))
		pat, sam := o.as("pat"), o.as("sam")
		var taken, approved error
		var both sync.WaitGroup
		both.Go(func() { _, taken = o.desk.TakeBack(o.Context(), pat, r.ID, review.Judgement{Digest: r.Digest}) })
		both.Go(func() { _, approved = o.desk.Approve(o.Context(), sam, r.ID, review.Judgement{Digest: r.Digest}) })
		both.Wait()
		if approved != nil {
			o.Fatal(approved)
		}
		got := o.get("alice", r.ID)
		if want := map[bool]review.State{true: review.NeedsApproval, false: review.Approved}[taken == nil]; got.State != want {
			o.Errorf("taken back: %v; the request is %s", taken, got.State)
		}
		if taken != nil {
			o.refused(taken, fault.Conflict, "request_approved")
		}
	})
}
