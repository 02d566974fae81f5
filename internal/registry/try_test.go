package registry_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// to is the edit to a serving.
func to(s registry.Serving) registry.Edit {
	return func(registry.Flag, registry.Serving) registry.Serving { return s }
}

func TestATrialTellsWhatIsAnsweredAndWhatAnEditWouldAnswer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
		key := propose(t, db, "where2eat", "Enabled").Key
		try := func(attributes map[string]any, edit registry.Edit) registry.Trial {
			t.Helper()
			trial, err := r.Try(t.Context(), access.System("test"), key, "production", attributes, edit)
			if err != nil {
				t.Fatal(err)
			}
			return trial
		}
		ann := map[string]any{"targetingKey": "ann@hyfin.example", "groups": []any{"pilot"}}
		if trial := try(ann, nil); trial.Live || trial.Now.Variant != "off" {
			t.Errorf("before its approval: %+v", trial)
		}
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		everybody := to(registry.Serving{Mode: registry.ServeAudience, Audience: "internal", Percent: 100})
		trial := try(ann, everybody)
		if !trial.Live || trial.Now.Variant != "on" || trial.Now.Matched == nil || len(trial.Now.Evaluators) != 1 || trial.Edited.Reason != flag.Static {
			t.Errorf("ann: %+v", trial)
		}
		if trial := try(nil, everybody); trial.Now.Variant != "off" || trial.Edited.Variant != "on" {
			t.Errorf("nobody: %+v", trial)
		}
		kill(t, db, key, "production")
		if trial := try(ann, everybody); !trial.Killed || trial.Now.Variant != "off" || trial.Now.Reason != flag.Static || trial.Edited.Variant != "on" {
			t.Errorf("killed: %+v", trial)
		}
		bad := to(registry.Serving{Mode: registry.ServeAudience, Audience: "pilto", Percent: 100})
		if _, err := r.Try(t.Context(), access.System("test"), key, "production", ann, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("an edit that cannot be: %v", err)
		}
		for _, name := range [][2]string{{key + "x", "production"}, {key, "moon"}} {
			if _, err := r.Try(t.Context(), access.System("test"), name[0], name[1], ann, nil); !fault.Is(err, fault.NotFound) {
				t.Errorf("%v: %v", name, err)
			}
		}
	})
}

func TestARehearsalCountsWhoseAnswerAnEditChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		var contexts []map[string]any
		for i := range 10 {
			c := map[string]any{"targetingKey": fmt.Sprintf("p%d", i), "plan": []any{"free", "pro"}[i%2], "phone": "not read by any rule"}
			if i < 4 {
				c["groups"] = []any{"pilot"}
			}
			contexts = append(contexts, c)
		}
		edit := to(ruled(`{"if":[{"==":[{"var":"plan"},"pro"]},"on","off"]}`))
		owner := access.Actor{PersonID: "1", Email: "alice@hyfin.example", TokenScope: access.ScopeAll, Groups: []access.Membership{{Group: spec("where2eat", "x").OwnerGroup}}}
		got, err := r.Rehearse(t.Context(), owner, key, "production", edit, contexts)
		if err != nil {
			t.Fatal(err)
		}
		on, off := registry.Answer{Variant: "on", Value: []byte("true")}, registry.Answer{Variant: "off", Value: []byte("false")}
		want := registry.Rehearsal{Environment: "production", Contexts: 10, Same: 5, Moves: []registry.Moved{
			{Before: off, After: on, Count: 3, Examples: []map[string]any{
				{"targetingKey": "p5", "plan": "pro"}, {"targetingKey": "p7", "plan": "pro"}, {"targetingKey": "p9", "plan": "pro"},
			}},
			{Before: on, After: off, Count: 2, Examples: []map[string]any{
				{"targetingKey": "p0", "plan": "free", "groups": []any{"pilot"}}, {"targetingKey": "p2", "plan": "free", "groups": []any{"pilot"}},
			}},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		stranger := access.Actor{PersonID: "2", Email: "eve@hyfin.example", TokenScope: access.ScopeAll}
		if _, err := r.Rehearse(t.Context(), stranger, key, "production", edit, contexts); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a stranger sees who asked: %v", err)
		}
	})
}
