package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func custom(rule string) registry.Serving {
	return registry.Serving{Mode: registry.ServeCustom, Targeting: json.RawMessage(rule)}
}

func TestACustomRuleIsServedAndOneThatDoesNotCompileIsNeverStored(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		wanted := registry.Serving{
			Mode: registry.ServeCustom, Targeting: json.RawMessage(` {"if": [{"$ref":"pilot"}, "maybe", {">": [{"var":"age"}, 3]}, "on"]}`),
			DefaultVariant: "off", Variants: map[string]any{"maybe": true},
		}
		f := serve(t, db, key, "production", wanted)
		again := get(t, db, key)
		if diff := cmp.Diff(f, again); diff != "" {
			t.Errorf("it is read as another than it was written: %s", diff)
		}
		if same := serve(t, db, key, "production", wanted); same.Revision != f.Revision {
			t.Error("serving the same again changed something")
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := registry.Serve(ctx, tx, by("alice@hyfin.example"), key, "production", custom(`{"if":[{"$ref":"pilot"},"onn"]}`))
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a rule with an unknown variant: %v", err)
		}
		l := load(t, db, "", nil)
		if got := answer(t, l, "production", key, "pilot"); got != "true TARGETING_MATCH" {
			t.Error(got)
		}
		if got := answer(t, l, "production", key, "beta"); got != "false DEFAULT" {
			t.Error(got)
		}
		if _, err := flagProblems(l.Snapshot("production").Document()); err != nil {
			t.Error(err)
		}
		kill(t, db, key, "production")
		l = load(t, db, "", nil)
		if got := answer(t, l, "production", key, "pilot"); got != "false STATIC" {
			t.Errorf("killed, it serves %s", got)
		}
	})
}

func flagProblems(document json.RawMessage) ([]flag.Problem, error) {
	_, problems, err := flag.Compile(document)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%v", problems)
	}
	return problems, err
}

func TestAKilledFlagStaysKilledThroughEveryChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		kill(t, db, key, "production")
		for _, s := range []registry.Serving{
			{Mode: registry.ServeOn},
			{Mode: registry.ServeAudience, Audience: "pilot", Percent: 50},
			custom(`{"if":[{"$ref":"pilot"},"on"]}`),
			{Mode: registry.ServeOn, Variants: map[string]any{"maybe": true}},
			{Mode: registry.ServeOff},
			{Mode: registry.ServeAudience, Audience: "internal", Percent: 100},
		} {
			c := by("pat@hyfin.example")
			c.Cause = registry.CauseChanged
			f := storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
				return registry.Serve(ctx, tx, c, key, "production", s)
			})
			state, _ := f.In("production")
			if state.Kill == nil || !state.Serving.Equal(s) {
				t.Errorf("%s: %+v", s.Words(), state)
			}
			if got := answer(t, load(t, db, "", nil), "production", key, "pilot"); got != "false STATIC" {
				t.Errorf("%s: it serves %s", s.Words(), got)
			}
		}
		restore(t, db, key, "production")
		if got := answer(t, load(t, db, "", nil), "production", key, "pilot"); got != "true STATIC" {
			t.Errorf("restored, it serves %s", got)
		}
	})
}
