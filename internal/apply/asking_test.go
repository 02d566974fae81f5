package apply_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// plan applies the files as whoever reads the data directory, and gives the whole plan.
func plan(t *testing.T, to *apply.Target, root fs.FS, o apply.Options) apply.Plan {
	t.Helper()
	documents, _, err := apply.Load(root)
	if err != nil {
		t.Fatal(describe(err))
	}
	p, err := to.Apply(t.Context(), access.Local("ops"), documents, o)
	if err != nil {
		t.Fatal(describe(err), err)
	}
	return p
}

func step(t *testing.T, p apply.Plan, kind apply.Kind, name string) apply.Step {
	t.Helper()
	for _, s := range p.Steps {
		if s.Kind == kind && s.Name == name {
			return s
		}
	}
	t.Fatalf("the plan says nothing of %s %s", kind, name)
	return apply.Step{}
}

const people = `
apiVersion: souk/v1
kind: Person
metadata: {name: alice@hyfin.example}
spec: {groups: [team-lunch]}
---
apiVersion: souk/v1
kind: Person
metadata: {name: pat@hyfin.example}
---
apiVersion: souk/v1
kind: Person
metadata: {name: sam@hyfin.example}
---
apiVersion: souk/v1
kind: Group
metadata: {name: team-lunch}
---
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {roles: [approver], domains: [product, platform], members: [pat@hyfin.example]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: security}
spec: {roles: [approver], domains: [security], members: [sam@hyfin.example]}
`

const market = `
apiVersion: souk/v1
kind: App
metadata: {name: where2eat}
spec:
  name: Where2Eat
  description: Where the team eats today
  category: dashboard
  owner: team-lunch
  contact: alice@hyfin.example
  kind: external
  url: https://where2eat.hyfin.example
  data: {classification: none}
  template_id: microapp-basic-toggle-v1
  fields: {name: Enabled, owner: alice@hyfin.example, audiences: pilot, ttl_days: 30}
`

// approveAll lets pat and sam approve what the request needs.
func approveAll(t *testing.T, to *apply.Target, id string) {
	t.Helper()
	r, err := to.Desk.Get(t.Context(), access.Local("ops"), id)
	if err != nil {
		t.Fatal(err)
	}
	if r.State != review.NeedsApproval {
		t.Fatalf("the request is %s: %+v", r.State, r.Checks)
	}
	for _, need := range r.ApprovalsNeeded {
		var by access.Actor
		err := to.DB.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			by, err = access.ActorAt(ctx, tx, need.Eligible[0], audit.Credential{Kind: "session", ID: "s"}, access.ScopeAll)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := to.Desk.Approve(t.Context(), by, id, review.Judgement{Digest: r.Digest, Domain: need.Domain, Reason: "fine"})
		if err != nil {
			t.Fatal(err)
		}
		r = out.Request
	}
	if r.State != review.Approved {
		t.Fatalf("the request is %s: %+v", r.State, r.ApprovalsNeeded)
	}
}

func TestAppsAndFlagsOfFilesAreAskedForOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		if err := to.Library.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		run(t, to, files("people.yaml", people), false)
		root := files("market.yaml", market)

		first := plan(t, to, root, apply.Options{DryRun: true})
		if s := step(t, first, apply.App, "where2eat"); s.Action != apply.Ask || len(s.Requests) > 0 {
			t.Fatalf("%+v", s)
		}
		done := step(t, plan(t, to, root, apply.Options{}), apply.App, "where2eat")
		if len(done.Requests) != 1 || !done.Done {
			t.Fatalf("%+v", done)
		}
		again := step(t, plan(t, to, root, apply.Options{}), apply.App, "where2eat")
		if again.Action != apply.Keep || !strings.Contains(again.Waiting, done.Requests[0]) || len(again.Requests) > 0 {
			t.Errorf("while it waits: %+v", again)
		}
		approveAll(t, to, done.Requests[0])
		settled := step(t, plan(t, to, root, apply.Options{}), apply.App, "where2eat")
		if settled.Action != apply.Keep || settled.Waiting != "" || len(settled.Changes) > 0 {
			t.Errorf("once it is approved: %+v", settled)
		}

		// A change of the file is asked for as a change, and what a flag is to serve as well.
		changed := files("market.yaml", strings.Replace(market, "Where the team eats today", "Lunch, decided", 1), "flag.yaml", `
apiVersion: souk/v1
kind: Flag
metadata: {name: where2eat.enabled}
spec: {environments: {sandbox: {mode: "off"}}}
`)
		p := plan(t, to, changed, apply.Options{})
		app, flag := step(t, p, apply.App, "where2eat"), step(t, p, apply.Flag, "where2eat.enabled")
		want := []apply.Change{{Field: "description", Before: "Where the team eats today", After: "Lunch, decided"}}
		if d := cmp.Diff(want, app.Changes); d != "" || app.Action != apply.Ask || len(app.Requests) != 1 {
			t.Errorf("%+v %s", app, d)
		}
		if flag.Action != apply.Ask || len(flag.Requests) != 1 {
			t.Errorf("%+v", flag)
		}
		if s := step(t, plan(t, to, changed, apply.Options{}), apply.Flag, "where2eat.enabled"); s.Action != apply.Keep {
			t.Errorf("the sandbox is not governed, so it was done: %+v", s)
		}

		// Tags are set at once, beside whatever is asked for, and nothing is left to do afterwards.
		tagged := files("flag.yaml", `
apiVersion: souk/v1
kind: Flag
metadata: {name: where2eat.enabled}
spec: {tags: [lunch, location-data], environments: {sandbox: {mode: "on"}}}
`)
		flag = step(t, plan(t, to, tagged, apply.Options{}), apply.Flag, "where2eat.enabled")
		tags := apply.Change{Field: "tags", Before: []string{}, After: []string{"location-data", "lunch"}}
		if d := cmp.Diff(tags, flag.Changes[len(flag.Changes)-1]); d != "" || !flag.Done || len(flag.Requests) != 1 {
			t.Errorf("%+v %s", flag, d)
		}
		if s := step(t, plan(t, to, tagged, apply.Options{}), apply.Flag, "where2eat.enabled"); s.Action != apply.Keep || len(s.Changes) > 0 {
			t.Errorf("tagged already: %+v", s)
		}
		if s := step(t, plan(t, to, changed, apply.Options{DryRun: true}), apply.Flag, "where2eat.enabled"); len(s.Changes) != 1 {
			t.Errorf("a document that names no tags leaves them: %+v", s)
		}

		// A segment of the same files moves the flags that it is served to, before their tags are set.
		run(t, to, files("flag.yaml", `
apiVersion: souk/v1
kind: Flag
metadata: {name: where2eat.enabled}
spec: {environments: {sandbox: {mode: audience, audience: pilot, percent: 50}}}
`), false)
		together := plan(t, to, files("both.yaml", `
apiVersion: souk/v1
kind: Segment
metadata: {name: pilot}
spec: {title: The pilots, everybody: true}
---
apiVersion: souk/v1
kind: Flag
metadata: {name: where2eat.enabled}
spec: {tags: [dinner]}
`), apply.Options{})
		if s := step(t, together, apply.Flag, "where2eat.enabled"); !s.Done || len(s.Changes) != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAChangeByHandShowsAsDrift(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		root := files("company.yaml", company)
		run(t, to, root, false)
		if _, _, err := to.Directory.PutGroup(t.Context(), access.System("test"), "team-lunch", access.GroupSpec{Title: "By hand"}, 0); err != nil {
			t.Fatal(err)
		}
		s := step(t, plan(t, to, root, apply.Options{DryRun: true}), apply.Group, "team-lunch")
		if s.Action != apply.Update {
			t.Fatalf("%+v", s)
		}
		for _, c := range s.Changes {
			if c.Field == "title" && !c.Drift {
				t.Errorf("the title was changed by hand, and is not marked: %+v", c)
			}
		}
		// A change of the file is no drift.
		edited := files("company.yaml", strings.Replace(company, "People who eat", "Hungry people", 1))
		for _, c := range step(t, plan(t, to, edited, apply.Options{DryRun: true}), apply.Segment, "lunchers").Changes {
			if c.Drift {
				t.Errorf("only the file was changed: %+v", c)
			}
		}
	})
}

func TestOnlyWhatFilesNamedIsPrunedAndOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		run(t, to, files("company.yaml", company), false)
		if _, _, err := to.Directory.PutGroup(t.Context(), access.System("test"), "by-hand", access.GroupSpec{}, 0); err != nil {
			t.Fatal(err)
		}
		at := strings.Index(company, "---\napiVersion: souk/v1\nkind: Segment")
		without := files("company.yaml", company[:at])
		kept := plan(t, to, without, apply.Options{DryRun: true})
		if kept.Count(apply.Remove) != 0 || len(kept.Warnings) != 1 || !strings.Contains(kept.Warnings[0].Message, "Segment lunchers") {
			t.Errorf("without being asked: %+v", kept)
		}
		pruned := plan(t, to, without, apply.Options{Prune: true})
		if s := step(t, pruned, apply.Segment, "lunchers"); s.Action != apply.Remove || !s.Done || pruned.Count(apply.Remove) != 1 {
			t.Errorf("%+v", pruned)
		}
		segments, err := to.Registry.Segments(t.Context(), access.System("test"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			if s.Name == "lunchers" {
				t.Error("the segment is still there")
			}
		}
		if again := plan(t, to, without, apply.Options{Prune: true}); again.Count(apply.Remove) != 0 {
			t.Errorf("pruning again: %+v", again)
		}
		if _, err := to.Directory.Group(t.Context(), access.System("test"), "by-hand"); err != nil {
			t.Errorf("what no file named: %v", err)
		}
	})
}

func TestWhatASecondAdministratorHasToConfirmWaitsAndTheRestIsDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		run(t, to, files("admins.yaml", `
apiVersion: souk/v1
kind: Person
metadata: {name: root@hyfin.example}
---
apiVersion: souk/v1
kind: Person
metadata: {name: rita@hyfin.example}
---
apiVersion: souk/v1
kind: Group
metadata: {name: admins}
spec: {roles: [admin], members: [root@hyfin.example, rita@hyfin.example]}
`), false)
		// Whoever could confirm has joined: she has a token.
		tokens := &signin.Tokens{DB: db, Now: to.Now}
		if _, _, err := tokens.Create(t.Context(), access.Local("ops"), signin.TokenSpec{As: "rita@hyfin.example", Scope: access.ScopeAll}); err != nil {
			t.Fatal(err)
		}
		var root access.Actor
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			root, err = access.ActorAt(ctx, tx, "root@hyfin.example", audit.Credential{Kind: "session", ID: "s"}, access.ScopeAll)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		documents, _, err := apply.Load(files("more.yaml", `
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {roles: [approver], domains: [product], members: [root@hyfin.example]}
---
apiVersion: souk/v1
kind: Segment
metadata: {name: lunchers}
spec: {title: People who eat, groups: [admins]}
`))
		if err != nil {
			t.Fatal(err)
		}
		done, err := to.Apply(t.Context(), root, documents, apply.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s := step(t, done, apply.Segment, "lunchers"); !s.Done {
			t.Errorf("%+v", s)
		}
		if s := step(t, done, apply.Group, "product"); s.Done || !strings.Contains(s.Waiting, "second administrator") {
			t.Errorf("%+v", s)
		}
	})
}
