package review_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const at = "@hyfin.example"

// office is a small company with a desk, on a database of its own.
type office struct {
	testing.TB
	db       *store.DB
	desk     *review.Desk
	rollouts *rollout.Rollouts
	kills    *kill.Kills
	policies *policy.Engine
	now      time.Time
}

func open(t testing.TB, db *store.DB) *office {
	t.Helper()
	o := &office{TB: t, db: db, now: start}
	now := func() time.Time { return o.now }
	root := access.System("test")
	directory := &access.Directory{DB: db, Now: now}
	for name, g := range map[string]access.GroupSpec{
		"team-lunch": {Members: []string{"alice" + at, "bob" + at}},
		"team-other": {Members: []string{"eve" + at}},
		"product":    {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product"}, Members: []string{"pat" + at, "alice" + at}},
		"security":   {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"security"}, Members: []string{"sam" + at}},
		"both":       {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"product", "security"}, Members: []string{"max" + at}},
		"platform":   {Roles: []access.Role{access.Approver}, Domains: []access.Domain{"platform"}, Members: []string{"petra" + at}},
		"on-call":    {Roles: []access.Role{access.Operator}, Members: []string{"olu" + at}},
		"admins":     {Roles: []access.Role{access.Admin}, Members: []string{"root" + at}},
		"pilot":      {Members: []string{"bob" + at}},
	} {
		for _, member := range g.Members {
			if _, _, err := directory.PutPerson(t.Context(), root, member, access.PersonSpec{}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := directory.PutGroup(t.Context(), root, name, g, 0); err != nil {
			t.Fatal(err)
		}
	}
	library := &template.Library{DB: db, Now: now}
	o.policies = &policy.Engine{DB: db, Now: now}
	o.rollouts = &rollout.Rollouts{DB: db, Now: now}
	o.kills = &kill.Kills{DB: db, Now: now}
	o.desk = &review.Desk{
		DB: db, Now: now, Policies: o.policies, Segments: &registry.Registry{
			DB: db, Now: now, Reached: review.ReachedBySegment, SegmentInUse: review.NeedsSegment,
		},
	}
	if _, _, err := library.Put(t.Context(), root, o.file("template.json")); err != nil {
		t.Fatal(err)
	}
	o.strict(securityLooks)
	return o
}

// securityLooks is the policy of a company whose security looks at every app that nobody scanned, so that two must approve even what is
// small.
const securityLooks = `package marketplace.approvals

import data.marketplace.lib
import data.marketplace.risk

product := 1

platform := 1 if risk.level in {"medium", "high"}

security := 1 if risk.level == "high"

security := 1 if lib.scan_warned
`

func (o *office) file(name string) []byte {
	o.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		o.Fatal(err)
	}
	return raw
}

// missionPolicy makes the mission's policy.rego active.
func (o *office) missionPolicy() {
	o.Helper()
	if _, _, err := o.policies.Put(o.Context(), access.System("test"), policy.Draft{Source: string(o.file("policy.rego"))}); err != nil {
		o.Fatal(err)
	}
}

func (o *office) as(name string) access.Actor {
	o.Helper()
	var actor access.Actor
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		actor, err = access.ActorAt(ctx, tx, name+at, audit.Credential{Kind: "session", ID: "s-" + name}, access.ScopeAll)
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	return actor
}

// where2eat is the request of contract.md.
func where2eat() review.Content {
	return review.Content{
		Kind: review.PublishApp, TemplateID: "microapp-basic-toggle-v1", Reason: "team lunch picks take too long",
		App: &review.App{
			Slug: "where2eat", Name: "Where2Eat", Description: "Where to have lunch", Category: "dashboard", Owner: "team-lunch",
			Contact: "alice" + at, Kind: "external", URL: "https://where2eat.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields: map[string]any{"name": "Enabled", "owner": "alice" + at, "audiences": "pilot", "ttl_days": 30.0},
	}
}

func (o *office) submit(c review.Content) review.Request {
	o.Helper()
	out, err := o.desk.Submit(o.Context(), o.as("alice"), c)
	if err != nil {
		o.Fatal(err)
	}
	return out.Request
}

func (o *office) approve(name string, r review.Request) review.Request {
	o.Helper()
	out, err := o.desk.Approve(o.Context(), o.as(name), r.ID, review.Judgement{Digest: r.Digest})
	if err != nil {
		o.Fatal(err)
	}
	return out.Request
}
