package registry_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestADifferenceIsToldInWordsAndAsValues(t *testing.T) {
	t.Parallel()
	pilot := registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 25}
	more := registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 50}
	custom := ruled(`{"if":[{"$ref":"pilot"},"on"]}`)
	custom.DefaultVariant, custom.Variants = "off", map[string]any{"maybe": true}
	for name, tt := range map[string]struct {
		from, to registry.Revision
		want     map[string]string // words by path
	}{
		"the same":  {registry.Revision{Serving: pilot}, registry.Revision{Serving: pilot, By: "pat"}, map[string]string{}},
		"a kill":    {registry.Revision{Serving: pilot}, registry.Revision{Serving: pilot, Killed: true}, map[string]string{"killed": "turned off for everybody"}},
		"a restore": {registry.Revision{Killed: true}, registry.Revision{}, map[string]string{"killed": "no longer turned off for everybody"}},
		"a share more": {registry.Revision{Serving: pilot}, registry.Revision{Serving: more}, map[string]string{
			"serving": "on for 50 % of pilot instead of on for 25 % of pilot", "serving.percent": "50 % instead of 25 %",
		}},
		"a rule": {registry.Revision{Serving: pilot}, registry.Revision{Serving: custom}, map[string]string{
			"serving":      "by a rule of its own instead of on for 25 % of pilot",
			"serving.mode": "way of serving: custom instead of audience", "serving.audience": "audience: nothing instead of pilot",
			"serving.percent": "0 % instead of 25 %", "serving.targeting": "a rule of its own",
			"serving.default_variant": "what all others get: off instead of nothing", "serving.variants.maybe": "maybe is true here",
		}},
		"other people": {
			registry.Revision{Serving: pilot, Definition: json.RawMessage(`{"a":1}`)},
			registry.Revision{Serving: pilot, Definition: json.RawMessage(`{"a":2}`)},
			map[string]string{"definition": "the audience means other people now"},
		},
	} {
		got := map[string]string{}
		for _, d := range registry.Compare(tt.from, tt.to) {
			got[d.Path] = d.Words
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnyTwoRevisionsCanBeCompared(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
		key := propose(t, db, "where2eat", "Enabled").Key
		if _, err := r.Compare(t.Context(), access.System("test"), key, "production", 0, 0); !fault.Is(err, fault.NotFound) {
			t.Errorf("a flag without a past: %v", err)
		}
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 25})
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
		past, err := r.History(t.Context(), access.System("test"), key, "production", store.Page{})
		if err != nil || len(past.Items) != 3 {
			t.Fatalf("%d revisions, %v", len(past.Items), err)
		}
		last, before, first := past.Items[0].Revision, past.Items[1].Revision, past.Items[2].Revision
		for _, tt := range []struct{ from, to, wantFrom, wantTo int64 }{
			{0, 0, before, last},
			{first, 0, first, last},
			{first, before, first, before},
			{last, first, last, first},
			{0, before, first, before},
			{0, first, first, first},
		} {
			c, err := r.Compare(t.Context(), access.System("test"), key, "production", tt.from, tt.to)
			if err != nil || c.From.Revision != tt.wantFrom || c.To.Revision != tt.wantTo || (len(c.Changes) == 0) != (tt.wantFrom == tt.wantTo) {
				t.Errorf("%d to %d: %d to %d, %v, %v", tt.from, tt.to, c.From.Revision, c.To.Revision, c.Changes, err)
			}
		}
		for name, compare := range map[string]func() (registry.Comparison, error){
			"revision": func() (registry.Comparison, error) {
				return r.Compare(t.Context(), access.System("test"), key, "production", 999, 0)
			},
			"environment": func() (registry.Comparison, error) {
				return r.Compare(t.Context(), access.System("test"), key, "nowhere", 0, 0)
			},
			"flag": func() (registry.Comparison, error) {
				return r.Compare(t.Context(), access.System("test"), "no.such", "production", 0, 0)
			},
		} {
			if _, err := compare(); !fault.Is(err, fault.NotFound) {
				t.Errorf("an unknown %s: %v", name, err)
			}
		}
		if _, err := r.Compare(t.Context(), access.Actor{}, key, "production", 0, 0); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("signed out: %v", err)
		}
	})
}
