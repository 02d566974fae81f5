package apply_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
)

func target(db *store.DB) *apply.Target {
	now := func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }
	engine := &policy.Engine{DB: db, Now: now}
	return &apply.Target{
		DB: db, Directory: &access.Directory{DB: db, Now: now, EndCredentials: signin.EndCredentials}, Registry: &registry.Registry{DB: db, Now: now},
		Library: &template.Library{DB: db, Now: now}, Engine: engine, Lifecycle: &lifecycle.Lifecycles{DB: db, Now: now},
		Desk: &review.Desk{DB: db, Now: now, Policies: engine, Segments: &registry.Registry{DB: db, Now: now, Reached: review.ReachedBySegment}}, Now: now,
	}
}

// run applies the files and tells what the plan did, save what it left alone.
func run(t *testing.T, to *apply.Target, root fs.FS, dryRun bool) []string {
	t.Helper()
	documents, _, err := apply.Load(root)
	if err != nil {
		t.Fatal(describe(err))
	}
	plan, err := to.Apply(t.Context(), access.System("test"), documents, apply.Options{DryRun: dryRun})
	if err != nil {
		t.Fatal(describe(err), err)
	}
	told := []string{}
	for _, s := range plan.Steps {
		if s.Action == apply.Keep {
			continue
		}
		if s.Done == dryRun {
			t.Errorf("%s %s is done: %v", s.Kind, s.Name, s.Done)
		}
		for _, c := range s.Changes {
			told = append(told, fmt.Sprintf("%s %s %s %s", s.Action, s.Kind, s.Name, c.Field))
		}
	}
	return told
}

const company = `
apiVersion: souk/v1
kind: Person
metadata: {name: Alice@hyfin.example}
spec: {display_name: Alice, groups: [team-lunch]}
---
apiVersion: souk/v1
kind: Person
metadata: {name: pat@hyfin.example}
spec: {groups: [team-lunch, product]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {roles: [approver], domains: [product], members: [pat@hyfin.example]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: team-lunch}
spec: {title: Team Lunch, roles: [publisher]}
---
apiVersion: souk/v1
kind: Environment
metadata: {name: edge}
spec: {order: 4, tier: test}
---
apiVersion: souk/v1
kind: Segment
metadata: {name: lunchers}
spec: {title: People who eat, groups: [team-lunch]}
`

func TestApplyingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		for _, root := range []fs.FS{files("company.yaml", company), os.DirFS("testdata")} {
			planned := run(t, to, root, true)
			if len(planned) == 0 {
				t.Error("the first plan is empty")
			}
			if d := cmp.Diff(planned, run(t, to, root, false)); d != "" {
				t.Errorf("apply did something else than it planned: %s", d)
			}
			if again := run(t, to, root, true); len(again) > 0 {
				t.Errorf("the second plan is not empty: %v", again)
			}
		}
		team, err := to.Directory.Group(t.Context(), access.System("test"), "team-lunch")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"alice@hyfin.example", "pat@hyfin.example"}, team.Members); d != "" {
			t.Error(d)
		}
	})
}

func TestPlanTellsWhichMembersChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		run(t, to, files("company.yaml", company), false)
		got := run(t, to, files("changed.yaml", `
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {title: Product, roles: [approver], domains: [product, platform], members: [pat@hyfin.example, alice@hyfin.example]}
---
apiVersion: souk/v1
kind: Environment
metadata: {name: edge}
spec: {order: 4, tier: test, governed: true}
`), false)
		want := []string{"update Environment edge governed", "update Group product domains", "update Group product members", "update Group product title"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestNothingIsDoneWhenOneDocumentCannotBe(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		documents, _, err := apply.Load(files("a.yaml", company, "b.yaml", `
apiVersion: souk/v1
kind: Group
metadata: {name: security}
spec: {members: [alice@hyfin.example, pit@hyfin.example]}
`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = to.Apply(t.Context(), access.System("test"), documents, apply.Options{})
		want := "b.yaml:2 unknown_person: Group security: there is no person \"pit@hyfin.example\" → did you mean pat@hyfin.example"
		if got := describe(err); !strings.Contains(got, want) {
			t.Errorf("told\n%s\nwant %s", got, want)
		}
		if planned := run(t, to, files("a.yaml", company), true); len(planned) == 0 {
			t.Error("some of it was done")
		}
	})
}

func TestApplyIsForAdmins(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	documents, _, err := apply.Load(files("a.yaml", company))
	if err != nil {
		t.Fatal(err)
	}
	by := access.Actor{Email: "alice@hyfin.example", TokenScope: access.ScopeAll}
	if _, err := target(db).Apply(t.Context(), by, documents, apply.Options{DryRun: true}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a plan was shown to somebody who is no admin: %v", err)
	}
}

func TestHostileSpecsAreRefusedNotCarriedOut(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	for _, d := range []apply.Document{
		{Kind: "Planet", Name: "x", Spec: []byte(`{}`)},
		{Kind: apply.Person, Name: "no address", Spec: []byte(`{}`)},
		{Kind: apply.Person, Name: "a@b.example", Spec: []byte(`null`)},
		{Kind: apply.Person, Name: "a@b.example", Spec: []byte(`{"agent": "yes"}`)},
		{Kind: apply.Group, Name: "g", Spec: []byte(`{"members": [1]}`)},
		{Kind: apply.Template, Name: "t", Spec: []byte(`[]`)},
		{Kind: apply.Lifecycle, Name: "default", Spec: []byte(`{}, "max_active_days": 3}`)},
	} {
		if _, err := target(db).Apply(t.Context(), access.System("test"), []apply.Document{d}, apply.Options{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s %s %s: %v, want a fault of kind invalid", d.Kind, d.Name, d.Spec, err)
		}
	}
}

func TestAPersonsDocumentAddsNobodyToAGroupThatListsItsMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		run(t, to, files("company.yaml", company), false)
		documents, _, err := apply.Load(files("new.yaml", `
apiVersion: souk/v1
kind: Person
metadata: {name: new@hyfin.example}
spec: {groups: [product]}
`))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := to.Apply(t.Context(), access.System("test"), documents, apply.Options{})
		if err != nil {
			t.Fatal(describe(err))
		}
		if plan.Warnings[0].Code != "group_lists_members" || !plan.Steps[0].Done {
			t.Errorf("%+v", plan)
		}
		if product, err := to.Directory.Group(t.Context(), access.System("test"), "product"); err != nil || len(product.Members) != 1 {
			t.Errorf("%+v, %v", product, err)
		}
	})
}

func TestAPlanThatNoRolloutFollowsIsAWarning(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		documents, _, err := apply.Load(fstest.MapFS{"hasty.json": {Data: []byte(`{"templateId": "hasty-v1", "displayName": "Hasty", "description": "A switch",
			"fields": {"name": {"type": "string", "required": true}, "owner": {"type": "string", "required": true},
				"audiences": {"type": "enum", "values": ["internal"], "required": true}, "ttl_days": {"type": "integer", "default": 30, "max": 90},
				"kill_switch": {"type": "boolean", "default": true}, "default": {"type": "boolean", "default": false}}, "requiredChecks": [],
			"rollout": [{"environment": "staging", "percent": 100, "promote": "time"}, {"environment": "production", "audience": "{audience}", "percent": 100, "promote": "time"}]}`)}})
		if err != nil {
			t.Fatal(describe(err))
		}
		plan, err := to.Apply(t.Context(), access.System("test"), documents, apply.Options{DryRun: true})
		if err != nil {
			t.Fatal(describe(err))
		}
		var said []string
		for _, w := range plan.Warnings {
			said = append(said, w.File+" "+w.Field+" "+w.Code)
		}
		if diff := cmp.Diff([]string{"hasty.json:1 rollout[1].promote by_time", "hasty.json:1 rollout[1].percent large_first_step"}, said); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPolicyThatNobodyWillHearIsAWarningOfThePlan(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		to := target(db)
		documents, _, err := apply.Load(fstest.MapFS{
			"unheard.rego": {Data: []byte("package marketplace.unheard\n\ndeni contains \"x\" if input.fields.colour\n\nwarn contains \"y\" if input.fields.colur")},
			"colours.json": {Data: []byte(`{"templateId": "colours-v1", "displayName": "Colours", "description": "A switch with a colour", "fields": {
				"name": {"type": "string", "required": true}, "owner": {"type": "string", "required": true}, "colour": {"type": "string"},
				"audiences": {"type": "enum", "values": ["internal"], "required": true}, "ttl_days": {"type": "integer", "default": 30, "max": 90},
				"kill_switch": {"type": "boolean", "default": true}, "default": {"type": "boolean", "default": false}}, "requiredChecks": []}`)},
		})
		if err != nil {
			t.Fatal(describe(err))
		}
		plan, err := to.Apply(t.Context(), access.System("test"), documents, apply.Options{DryRun: true})
		if err != nil {
			t.Fatal(describe(err))
		}
		var said []string
		for _, w := range plan.Warnings {
			said = append(said, w.File+" "+w.Code+" "+w.Remediation)
		}
		want := []string{"unheard.rego:3 not_heard did you mean deny?", "unheard.rego:5 unknown_field did you mean colour?"}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Error(diff)
		}
	})
}
