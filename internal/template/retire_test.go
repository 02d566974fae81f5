package template_test

import (
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
)

func TestARetiredTemplateStaysReadableAndComesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l, ctx := library(db), t.Context()
		raw := string(mission(t))
		for _, name := range []string{"First", "Second"} {
			if _, _, err := l.Put(ctx, admin, []byte(strings.Replace(raw, "Micro-app Basic Toggle", name, 1))); err != nil {
				t.Fatal(err)
			}
		}
		const id = "microapp-basic-toggle-v1"
		for range 2 { // the second time it holds already
			got, err := l.SetActive(ctx, admin, id, false)
			if err != nil || got.Active || got.Version != 2 {
				t.Fatalf("retired is %+v, %v", got, err)
			}
		}
		list, err := l.List(ctx, admin, template.Filter{Active: true}, store.Page{})
		if err != nil || len(list.Items) != 0 {
			t.Errorf("among those in use: %+v, %v", list, err)
		}
		list, err = l.List(ctx, admin, template.Filter{}, store.Page{})
		if err != nil || len(list.Items) != 1 || list.Items[0].Active {
			t.Errorf("among all: %+v, %v", list, err)
		}
		third, _, err := l.Put(ctx, admin, []byte(strings.Replace(raw, "Micro-app Basic Toggle", "Third", 1)))
		if err != nil || third.Active || third.Version != 3 {
			t.Errorf("a new version of a retired template is %+v, %v", third, err)
		}
		versions, err := l.Versions(ctx, admin, id, store.Page{Limit: 2})
		if err != nil || len(versions.Items) != 2 || versions.Items[0].DisplayName != "Third" || versions.Next == "" {
			t.Errorf("versions are %+v, %v", versions, err)
		}
		versions, err = l.Versions(ctx, admin, id, store.Page{Limit: 2, Cursor: versions.Next})
		if err != nil || len(versions.Items) != 1 || versions.Items[0].DisplayName != "First" || versions.Next != "" {
			t.Errorf("the last versions are %+v, %v", versions, err)
		}
		if got, err := l.SetActive(ctx, admin, id, true); err != nil || !got.Active {
			t.Errorf("back in use is %+v, %v", got, err)
		}
		if _, err := l.SetActive(ctx, access.Actor{Email: "alice@hyfin.example", TokenScope: access.ScopeAll}, id, false); !fault.Is(err, fault.Forbidden) {
			t.Errorf("retired by somebody else: %v", err)
		}
		if _, err := l.SetActive(ctx, admin, "microapp-basic-toggle", false); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown one: %v", err)
		}
		if _, err := l.Versions(ctx, admin, "x", store.Page{}); !fault.Is(err, fault.NotFound) {
			t.Errorf("versions of an unknown one: %v", err)
		}
	})
}

func TestACheckShowsFormAndPlanAndStoresNothing(t *testing.T) {
	t.Parallel()
	raw := edit(t, `"requiredChecks"`, `"rollout": [{"environment": "production", "audience": "{audience}", "percent": 5, "bake": "30m"}], "requiredChecks"`)
	got := template.Check(raw, map[string]any{"audiences": "pilot", "ttl_days": 500.0})
	if len(got.Findings) != 0 || got.Document == nil || !strings.Contains(string(got.Schema), "TTL in days") {
		t.Errorf("a good document: %+v", got)
	}
	if len(got.Plan) != 1 || got.Plan[0].Audience != "pilot" || got.Fields["kill_switch"] != true {
		t.Errorf("plan %+v, fields %v", got.Plan, got.Fields)
	}
	var fields []string
	for _, f := range got.Verdict {
		fields = append(fields, f.Field)
	}
	if strings.Join(fields, " ") != "fields.name fields.owner fields.ttl_days" {
		t.Errorf("the form says %v", fields)
	}
	got = template.Check(edit(t, `"default": 30`, `"default": 400`), nil)
	if len(got.Findings) != 1 || got.Document == nil || got.Schema != nil {
		t.Errorf("a document with an error: %+v", got)
	}
	got = template.Check([]byte(`{"templateId": 7}`), nil)
	if len(got.Findings) == 0 || got.Document != nil || got.Verdict == nil || got.Plan == nil {
		t.Errorf("what is no document: %+v", got)
	}
}
