package review_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

func TestADraftIsSeenByItsRequesterAloneAndReservesNothing(t *testing.T) {
	each(t, func(o *office) {
		c := where2eat()
		c.Draft, c.App.Category = true, "no such"
		draft := o.submit(c)
		if draft.State != review.Draft || draft.Flag != nil || len(draft.Checks) != 0 || !slices.Contains(draft.Can, "submit") {
			o.Errorf("state %s, flag %+v, checks %+v, can %v", draft.State, draft.Flag, draft.Checks, draft.Can)
		}
		for _, who := range []string{"bob", "pat", "root"} {
			_, err := o.desk.Get(o.Context(), o.as(who), draft.ID)
			o.refused(err, fault.NotFound, "no_such_request")
			_, err = o.desk.Edit(o.Context(), o.as(who), draft.ID, draft.Revision, json.RawMessage(`{"reason": "x"}`))
			o.refused(err, fault.NotFound, "no_such_request")
			_, err = o.desk.Comment(o.Context(), o.as(who), draft.ID, review.CommentSpec{Words: "hello"})
			o.refused(err, fault.NotFound, "no_such_request")
			for _, q := range []review.Query{{}, {States: []review.State{review.Draft}}, {Mine: true}, {App: "where2eat"}} {
				if list, err := o.desk.List(o.Context(), o.as(who), q, store.Page{}); err != nil || len(list.Items) != 0 {
					o.Errorf("%s sees %+v, %v", who, list.Items, err)
				}
			}
		}
		list, err := o.desk.List(o.Context(), o.as("alice"), review.Query{Mine: true, States: []review.State{review.Draft}}, store.Page{})
		if err != nil || len(list.Items) != 1 {
			o.Errorf("alice has %d drafts, %v", len(list.Items), err)
		}
		// The slug is free for who submits first.
		kept, err := o.desk.Edit(o.Context(), o.as("alice"), draft.ID, draft.Revision, json.RawMessage(`{"app": {"category": "dashboard"}}`))
		if err != nil || kept.Request.State != review.Draft {
			o.Fatalf("%s, %v", kept.Request.State, err)
		}
		out, err := o.desk.Edit(o.Context(), o.as("alice"), draft.ID, kept.Request.Revision, json.RawMessage(`{"draft": false}`))
		if err != nil || out.Request.State != review.NeedsApproval || out.Request.Flag.Key != key || out.Request.Draft {
			o.Fatalf("%+v, %v", out.Request, err)
		}
		_, err = o.desk.Edit(o.Context(), o.as("alice"), draft.ID, out.Request.Revision, json.RawMessage(`{"draft": true}`))
		o.refused(err, fault.Conflict, "submitted")
		if _, err := o.desk.Get(o.Context(), o.as("pat"), draft.ID); err != nil {
			o.Error(err)
		}
	})
}

func TestAWithdrawnDraftStaysHidden(t *testing.T) {
	each(t, func(o *office) {
		c := where2eat()
		c.Draft = true
		draft := o.submit(c)
		if r, err := o.desk.Withdraw(o.Context(), o.as("alice"), draft.ID, ""); err != nil || r.State != review.Withdrawn {
			o.Fatalf("%s, %v", r.State, err)
		}
		_, err := o.desk.Get(o.Context(), o.as("pat"), draft.ID)
		o.refused(err, fault.NotFound, "no_such_request")
		if list, err := o.desk.List(o.Context(), o.as("pat"), review.Query{}, store.Page{}); err != nil || len(list.Items) != 0 {
			o.Errorf("%+v, %v", list.Items, err)
		}
		var seen map[string]review.Seen
		if err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			seen, err = review.SeenBy(ctx, tx, []string{draft.ID})
			return err
		}); err != nil || !seen[draft.ID].Draft {
			o.Errorf("others are told of it: %+v, %v", seen, err)
		}
	})
}

func TestACommentIsSaidOnceAndKnowsWhichContentItIsAbout(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		first, err := o.desk.Comment(o.Context(), o.as("pat"), r.ID, review.CommentSpec{Words: "why pilot?", Digest: r.Digest})
		if err != nil {
			o.Fatal(err)
		}
		again, err := o.desk.Comment(o.Context(), o.as("pat"), r.ID, review.CommentSpec{Words: "why pilot?", Digest: r.Digest})
		if err != nil || again.ID != first.ID {
			o.Errorf("said twice: %+v, %v", again, err)
		}
		if open, err := o.desk.Unanswered(o.Context(), o.as("alice")); err != nil || len(open) != 1 || open[0].Words != "why pilot?" || open[0].Title != "Publish Where2Eat" {
			o.Errorf("alice's comments: %+v, %v", open, err)
		}
		if _, err := o.desk.Comment(o.Context(), o.as("alice"), r.ID, review.CommentSpec{Words: "since it is new"}); err != nil {
			o.Fatal(err)
		}
		if open, err := o.desk.Unanswered(o.Context(), o.as("alice")); err != nil || len(open) != 0 {
			o.Errorf("alice answered, and still has %+v, %v", open, err)
		}
		edited, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision, json.RawMessage(`{"fields": {"ttl_days": 20}}`))
		if err != nil {
			o.Fatal(err)
		}
		_, err = o.desk.Comment(o.Context(), o.as("pat"), r.ID, review.CommentSpec{Words: "fine", Digest: r.Digest})
		o.refused(err, fault.Conflict, "digest_stale")
		_, err = o.desk.Comment(o.Context(), o.as("pat"), r.ID, review.CommentSpec{Words: " \n"})
		o.refused(err, fault.Invalid, "required")
		o.approve("sam", o.approve("pat", edited.Request))
		if _, err := o.desk.Comment(o.Context(), o.as("eve"), r.ID, review.CommentSpec{Words: "nice"}); err != nil {
			o.Errorf("a decided request takes no comment: %v", err)
		}
		done, err := o.desk.Get(o.Context(), o.as("alice"), r.ID)
		if err != nil || len(done.Comments) != 3 || !done.Comments[0].Earlier || done.Comments[2].Earlier {
			o.Errorf("%+v, %v", done.Comments, err)
		}
		said := slices.IndexFunc(done.Timeline, func(e review.TimelineEntry) bool { return e.Event == audit.RequestCommented })
		if said < 0 || done.Timeline[said].Reason != "why pilot?" {
			o.Errorf("the timeline lacks the comment: %+v", done.Timeline)
		}
	})
}

func TestPoliciesOfTheCompanyLetGoWhatTheyWouldNotTake(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		o.strict("package marketplace.company\ndeny contains \"no apps about food\" if input.fields.owner")
		out, err := o.asks("alice", review.Content{Kind: review.Deprecate, FlagKey: key})
		if err != nil || out.Request.State != review.NeedsApproval {
			o.Errorf("retiring is %s, %v, %+v", out.Request.State, err, out.Request.Checks)
		}
		if out, err = o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff})); err != nil || out.Request.State != review.NeedsApproval {
			o.Errorf("giving less is %s, %v", out.Request.State, err)
		}
		if out, err = o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOn})); err != nil || out.Request.State != review.NeedsFixes {
			o.Errorf("giving more is %s, %v", out.Request.State, err)
		}
	})
}

func TestTheMissionsPolicyHasWhatItNeedsOfEveryKind(t *testing.T) {
	each(t, func(o *office) {
		o.missionPolicy()
		o.active()
		for _, c := range []review.Content{
			o.change("production", review.FlagChange{Mode: registry.ServeOn}),
			{Kind: review.ExtendTTL, FlagKey: key, Until: o.now.AddDate(0, 0, 60).Format(time.DateOnly)},
			{Kind: review.Deprecate, FlagKey: key},
			{Kind: review.ChangeApp, App: &review.App{Slug: "where2eat", Description: "x"}, BaseRevision: 2},
		} {
			out, err := o.asks("alice", c)
			if err != nil || statuses(out.Request)["policy"] != review.Passed {
				o.Errorf("%s: %+v, %v", c.Kind, out.Request.Checks, err)
			}
		}
		long, err := o.asks("alice", review.Content{Kind: review.ExtendTTL, FlagKey: key, Until: o.now.AddDate(1, 0, 0).Format(time.DateOnly)})
		if err != nil || long.Request.State != review.NeedsFixes || len(findings(long.Request.Checks, "until")) < 2 {
			o.Errorf("a year: %+v, %v", long.Request.Checks, err)
		}
	})
}

func TestListsAreFilteredSortedAndCutWithoutGaps(t *testing.T) {
	each(t, func(o *office) {
		var all []review.Request
		for i, slug := range []string{"aa-one", "bb-two", "cc-three", "dd-four", "ee-five"} {
			c := where2eat()
			c.App.Slug, c.App.Name = slug, "Lunch "+slug
			c.Fields["default"] = i%2 == 0 // high risk
			o.now = o.now.Add(time.Minute)
			all = append(all, o.submit(c))
		}
		o.now = o.now.Add(time.Minute)
		o.approve("pat", all[0])
		walk := func(who string, q review.Query) (slugs []string) {
			o.Helper()
			page := store.Page{Limit: 2}
			for {
				list, err := o.desk.List(o.Context(), o.as(who), q, page)
				if err != nil {
					o.Fatal(err)
				}
				for _, r := range list.Items {
					slugs = append(slugs, r.AppSlug[:2])
				}
				if page.Cursor = list.Next; list.Next == "" {
					return slugs
				}
			}
		}
		for _, c := range []struct {
			name string
			who  string
			q    review.Query
			want string
		}{
			{"newest first", "pat", review.Query{}, "ee dd cc bb aa"},
			{"oldest first", "pat", review.Query{Ascending: true}, "aa bb cc dd ee"},
			{"last touched first", "pat", review.Query{Sort: review.ByUpdate}, "aa ee dd cc bb"},
			{"most risky first", "pat", review.Query{Sort: review.ByRisk}, "ee cc aa dd bb"},
			{"least risky first", "pat", review.Query{Sort: review.ByRisk, Ascending: true}, "bb dd aa cc ee"},
			{"by risk", "pat", review.Query{Risk: review.High}, "ee cc aa"},
			{"by kinds", "pat", review.Query{Kinds: []review.Kind{review.CreateFlag, review.Remove}}, ""},
			{"by states", "pat", review.Query{States: []review.State{review.NeedsFixes, review.NeedsApproval}}, "ee dd cc bb aa"},
			{"decided by me", "pat", review.Query{DecidedByMe: true}, "aa"},
			{"waiting for me", "pat", review.Query{WaitingForMe: true, Sort: review.ByRisk}, "ee cc dd bb"},
			{"by requester", "pat", review.Query{Requester: "bob" + at}, ""},
			{"by flag", "pat", review.Query{FlagKey: "bb-two.enabled"}, "bb"},
			{"by words in any order", "pat", review.Query{Search: "THREE lunch"}, "cc"},
			{"by what is no pattern", "pat", review.Query{Search: "%"}, ""},
		} {
			if got := strings.Join(walk(c.who, c.q), " "); got != c.want {
				o.Errorf("%s: got %q, want %q", c.name, got, c.want)
			}
		}
		_, err := o.desk.List(o.Context(), o.as("pat"), review.Query{Sort: review.ByRisk}, store.Page{Cursor: "bm8"})
		if fault.Of(err) != fault.Invalid {
			o.Errorf("a cursor of nobody gives %v", err)
		}
	})
}

func TestADryRunOfAPolicyNamesTheFlagsThatItWouldRefuse(t *testing.T) {
	each(t, func(o *office) {
		o.published()
		source := "package marketplace.company\ndeny contains {\"msg\": \"at most ten days\", \"field\": \"fields.ttl_days\"} if input.fields.ttl_days > 10"
		trial, err := o.desk.DryRun(o.Context(), o.as("root"), source)
		if err != nil || trial.Judged != 1 || len(trial.WouldFail) != 1 || trial.WouldFail[0].FlagKey != key ||
			len(trial.WouldFail[0].Findings) != 1 || trial.WouldFail[0].Findings[0].Field != "fields.ttl_days" {
			o.Errorf("%+v, %v", trial, err)
		}
		trial, err = o.desk.DryRun(o.Context(), o.as("root"), strings.Replace(source, "> 10", "> 100", 1))
		if err != nil || trial.Judged != 1 || len(trial.WouldFail) != 0 {
			o.Errorf("%+v, %v", trial, err)
		}
		_, err = o.desk.DryRun(o.Context(), o.as("alice"), source)
		o.refused(err, fault.Forbidden, "forbidden")
	})
}

func TestTheContentOfARequestBeginsANewOne(t *testing.T) {
	each(t, func(o *office) {
		o.active()
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
		if err != nil {
			o.Fatal(err)
		}
		o.approve("pat", out.Request)
		c, err := o.desk.Content(o.Context(), o.as("bob"), out.Request.ID)
		if err != nil || c.BaseRevision != o.serving(key, "production").Revision || c.Change.Mode != registry.ServeOff || c.Draft {
			o.Errorf("%+v, %v", c, err)
		}
	})
}

func TestAPolicyMayRefuseApprovalsByTokensOfOthers(t *testing.T) {
	each(t, func(o *office) {
		o.strict("package marketplace.decision.company\ndeny contains \"not by a foreign token\" if input.approval.own_credential == false")
		r := o.submit(where2eat())
		pat := o.as("pat")
		pat.Credential = audit.Credential{Kind: "token", ID: "t", MadeBy: "root" + at}
		_, err := o.desk.Approve(o.Context(), pat, r.ID, review.Judgement{Digest: r.Digest})
		if fault.Of(err) != fault.Forbidden {
			o.Errorf("approved by a foreign token: %v", err)
		}
		o.approve("pat", r)
	})
}

func TestWhoWouldHaveToSignInWithAPasswordIsOfferedToApproveAndToldSo(t *testing.T) {
	each(t, func(o *office) {
		r := o.submit(where2eat())
		pat := o.as("pat")
		pat.Makers = access.PersonIDs{o.as("alice").PersonID}
		if seen, err := o.desk.Get(o.Context(), pat, r.ID); err != nil || !slices.Contains(seen.Can, "approve") {
			o.Errorf("pat may %v, %v", seen.Can, err)
		}
		_, err := o.desk.Approve(o.Context(), pat, r.ID, review.Judgement{Digest: r.Digest})
		o.refused(err, fault.Forbidden, "own_credential")
		if e, ok := err.(*fault.Error); !ok || !strings.Contains(e.Remediation, "sign in with a password") { //nolint:errorlint // the fault itself
			o.Errorf("pat is told %v", err)
		}
	})
}
