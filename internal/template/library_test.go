package template_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
)

var admin = access.Actor{
	PersonID: "1", Email: "root@hyfin.example", TokenScope: access.ScopeAll,
	Groups:     []access.Membership{{Group: "admins", Roles: []access.Role{access.Admin}}},
	Credential: audit.Credential{Kind: "session"},
}

func library(db *store.DB) *template.Library {
	now := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
	return &template.Library{DB: db, Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}
}

func events(t *testing.T, db *store.DB) (names []string) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event ORDER BY id`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestVersionsNeverChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l, ctx := library(db), t.Context()
		first, created, err := l.Put(ctx, admin, mission(t))
		if err != nil || !created || first.Version != 1 {
			t.Fatal(first.Version, created, err)
		}
		same, created, err := l.Put(ctx, admin, mission(t))
		if err != nil || created || same.Version != 1 || !same.CreatedAt.Equal(first.CreatedAt) {
			t.Fatal(same.Version, created, err)
		}
		second, created, err := l.Put(ctx, admin, edit(t, `365`, `200`))
		if err != nil || !created || second.Version != 2 {
			t.Fatal(second.Version, created, err)
		}
		for version, want := range map[int]float64{0: 200, 1: 365, 2: 200} {
			got, err := l.Get(ctx, admin, "microapp-basic-toggle-v1", version)
			if err != nil {
				t.Fatal(err)
			}
			if *got.Fields["ttl_days"].Max != want {
				t.Errorf("version %d has the max %v, want %v", version, *got.Fields["ttl_days"].Max, want)
			}
		}
		if diff := cmp.Diff([]string{"template.created", "template.updated"}, events(t, db)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOnlyAdminsPutTemplates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := library(db)
		viewer := admin
		viewer.Groups = nil
		if _, _, err := l.Put(t.Context(), viewer, mission(t)); !fault.Is(err, fault.Forbidden) {
			t.Errorf("Put by a viewer: %v", err)
		}
		_, _, err := l.Put(t.Context(), admin, []byte(`{"templateId": "x"}`))
		if !fault.Is(err, fault.Unprocessable) {
			t.Errorf("Put of a template without safeguards: %v", err)
		}
		if got := events(t, db); len(got) != 0 {
			t.Errorf("refused writes left events: %v", got)
		}
		if _, err := l.Get(t.Context(), viewer, "nothing", 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("Get of an unknown template: %v", err)
		}
	})
}

func TestStartersAreSeededOnceAndLeaveAdminsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l, ctx := library(db), t.Context()
		for range 2 {
			if err := l.Seed(ctx); err != nil {
				t.Fatal(err)
			}
		}
		all, err := l.List(ctx, admin, template.Filter{}, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, item := range all.Items {
			ids = append(ids, item.TemplateID)
			if item.Version != 1 {
				t.Errorf("%s is at version %d", item.TemplateID, item.Version)
			}
		}
		if diff := cmp.Diff([]string{
			"user-segment-toggle-v1", "percentage-toggle-v1", "notification-v1", "microapp-basic-toggle-v1", "dashboard-v1", "boolean-toggle-v1", "automation-v1",
		}, ids); diff != "" {
			t.Error(diff)
		}
		if _, _, err := l.Put(ctx, admin, edit(t, `365`, `200`)); err != nil {
			t.Fatal(err)
		}
		if err := l.Seed(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := l.Get(ctx, admin, "microapp-basic-toggle-v1", 0)
		if err != nil || got.Version != 2 || got.CreatedBy != admin.Email {
			t.Errorf("after seeding again: version %d by %s, %v", got.Version, got.CreatedBy, err)
		}
	})
}

func TestListIsReadInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l, ctx := library(db), t.Context()
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			raw := strings.Replace(string(mission(t)), "microapp-basic-toggle-v1", id, 1)
			if _, _, err := l.Put(ctx, admin, []byte(raw)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		page := store.Page{Limit: 2}
		for {
			listing, err := l.List(ctx, admin, template.Filter{}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range listing.Items {
				got = append(got, item.TemplateID)
			}
			if page.Cursor = listing.Next; page.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"e", "d", "c", "b", "a"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestATemplateThatNamesACheckWhichNobodyProvidesIsNotStored(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, near := range map[string]string{"securty_scan": "security_scan", "house_style": ""} {
			raw := edit(t, `"security_scan"`, `"`+name+`"`)
			if _, findings := template.Parse(raw); len(findings) != 1 || findings[0].Severity != fault.SeverityWarning ||
				findings[0].Field != "requiredChecks[0]" || !strings.Contains(findings[0].Remediation, near) {
				t.Errorf("%s: %+v", name, findings)
			}
			_, _, err := library(db).Put(t.Context(), admin, raw)
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != "bad_template" || e.Findings[0].Code != template.UnknownCheck {
				t.Errorf("%s was stored: %v", name, err)
			}
		}
	})
}
