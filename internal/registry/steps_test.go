package registry_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon = registrytest.Noon

// Steps that tests of other packages take, too.
var (
	by      = registrytest.By
	spec    = registrytest.Spec
	propose = registrytest.Propose
	install = registrytest.Install
	serve   = registrytest.Serve
	kill    = registrytest.Kill
	restore = registrytest.Restore
)

// write runs a step in a transaction of its own.
func write[T any](t *testing.T, db *store.DB, step func(ctx context.Context, tx *store.Tx) (T, error)) (T, error) {
	t.Helper()
	var result T
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		result, err = step(ctx, tx)
		return err
	})
	return result, err
}

func must[T any](t *testing.T, db *store.DB, step func(ctx context.Context, tx *store.Tx) (T, error)) T {
	t.Helper()
	return storetest.Write(t, db, step)
}

func get(t *testing.T, db *store.DB, key string) (f registry.Flag, ok bool) {
	t.Helper()
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		f, ok, err = registry.Get(ctx, tx, key)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return f, ok
}

func events(t *testing.T, db *store.DB, key string) (names []string) {
	t.Helper()
	if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event WHERE flag_key = $1 ORDER BY id`, key)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return names
}

func servings(f registry.Flag) map[string]string {
	all := map[string]string{}
	for _, e := range f.Environments {
		all[e.Environment] = e.Serving.Words()
		if !e.Live {
			all[e.Environment] = "not live"
		}
		if e.Kill != nil {
			all[e.Environment] += ", killed"
		}
	}
	return all
}

func TestProposedFlagIsLiveNowhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := propose(t, db, "where2eat", "Enabled")
		if f.Key != "where2eat.enabled" || f.FlagID != "microapp-where2eat-001" {
			t.Errorf("key %q, flag_id %q", f.Key, f.FlagID)
		}
		if diff := cmp.Diff(map[string]string{"sandbox": "not live", "staging": "not live", "production": "not live"}, servings(f)); diff != "" {
			t.Error(diff)
		}
		stored, ok := get(t, db, f.Key)
		if !ok {
			t.Fatal("not stored")
		}
		if diff := cmp.Diff(f, stored); diff != "" {
			t.Errorf("what Propose gave differs from what is stored: %s", diff)
		}
	})
}

func TestTakenKeyIsRefusedAndTakesNoNumber(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		propose(t, db, "where2eat", "Enabled")
		_, err := write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Propose(ctx, tx, by("alice@hyfin.example"), spec("where2eat", "enabled!"))
		})
		if !fault.Is(err, fault.Conflict) {
			t.Fatalf("got %v", err)
		}
		if f := propose(t, db, "where2eat", "Dark mode"); f.FlagID != "microapp-where2eat-002" || f.Key != "where2eat.dark-mode" {
			t.Errorf("key %q, flag_id %q", f.Key, f.FlagID)
		}
	})
}

func TestApprovedFlagIsOnInSandboxAndOffElsewhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		propose(t, db, "where2eat", "Enabled")
		f := install(t, db, "where2eat.enabled")
		if diff := cmp.Diff(map[string]string{"sandbox": "on for everybody", "staging": "off", "production": "off"}, servings(f)); diff != "" {
			t.Error(diff)
		}
		again := install(t, db, f.Key)
		if diff := cmp.Diff(f, again); diff != "" {
			t.Errorf("installing again changed something: %s", diff)
		}
		if diff := cmp.Diff([]string{"flag.created", "flag.installed"}, events(t, db, f.Key)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKillWorksInEveryStateAndOutlivesApproval(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		if _, changed := kill(t, db, key, "production"); !changed {
			t.Error("a proposed flag was not killed")
		}
		f := install(t, db, key)
		if got := servings(f)["production"]; got != "off, killed" {
			t.Errorf("after approval production serves %q", got)
		}
		if _, changed := kill(t, db, key, "production"); changed {
			t.Error("killing twice changed something")
		}
		_, err := write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Serve(ctx, tx, by("souk:rollout"), key, "production", registry.Serving{Mode: registry.ServeOn})
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("a rollout went over a kill: %v", err)
		}
	})
}

func TestRestoreServesWhatWasServedBeforeTheKill(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		before := serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 25})
		killed, _ := kill(t, db, key, "production")
		state, _ := killed.In("production")
		want := `{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"off",` +
			`"metadata":{"app":"where2eat","flag_id":"microapp-where2eat-001","killed":true}}`
		if diff := cmp.Diff(want, string(state.Definition)); diff != "" {
			t.Error(diff)
		}
		after, changed := restore(t, db, key, "production")
		if !changed {
			t.Error("restore changed nothing")
		}
		was, _ := before.In("production")
		is, _ := after.In("production")
		if diff := cmp.Diff(string(was.Definition), string(is.Definition)); diff != "" {
			t.Error(diff)
		}
		if is.Revision != was.Revision+2 {
			t.Errorf("revision %d after %d", is.Revision, was.Revision)
		}
		if _, changed := restore(t, db, key, "production"); changed {
			t.Error("restoring twice changed something")
		}
		var causes []registry.Cause
		if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			history, err := registry.History(ctx, tx, key, "production", store.Page{})
			for _, r := range history.Items {
				causes = append(causes, r.Cause)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]registry.Cause{"restore", "kill", "rollout", "approved"}, causes); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"flag.created", "flag.installed", "flag.updated", "flag.killed", "flag.restored"}, events(t, db, key)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestKillWinsOverChangesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		var together sync.WaitGroup
		for percent := range 8 {
			together.Go(func() {
				_, err := write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
					return registry.Serve(ctx, tx, by("souk:rollout"), key, "production",
						registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: percent})
				})
				if err != nil && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		together.Go(func() {
			_, err := write(t, db, func(ctx context.Context, tx *store.Tx) (f registry.Flag, err error) {
				f, _, err = registry.Kill(ctx, tx, by("olu@hyfin.example"), key, "production")
				return f, err
			})
			if err != nil {
				t.Error(err)
			}
		})
		together.Wait()
		f, _ := get(t, db, key)
		if state, _ := f.In("production"); state.Kill == nil || !strings.Contains(string(state.Definition), `"killed":true`) {
			t.Errorf("not killed: %+v", state)
		}
	})
}

func TestKillNeedsNoSegment(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 25})
		must(t, db, func(ctx context.Context, tx *store.Tx) (int64, error) { return tx.Exec(ctx, `DELETE FROM segment`) })
		if _, changed := kill(t, db, key, "production"); !changed {
			t.Error("not killed")
		}
	})
}

func TestWithdrawnFlagFreesItsKeyAndApprovedOneDoesNot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		withdraw := func() error {
			return db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return registry.Withdraw(ctx, tx, by("alice@hyfin.example"), key)
			})
		}
		if err := withdraw(); err != nil {
			t.Fatal(err)
		}
		if _, ok := get(t, db, key); ok {
			t.Error("still there")
		}
		if f := propose(t, db, "where2eat", "Enabled"); f.FlagID != "microapp-where2eat-002" {
			t.Errorf("flag_id %q", f.FlagID)
		}
		install(t, db, key)
		if err := withdraw(); !fault.Is(err, fault.Conflict) {
			t.Errorf("withdrawing an approved flag: %v", err)
		}
		removed := must(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Remove(ctx, tx, by("souk:lifecycle"), key)
		})
		if slices.ContainsFunc(removed.Environments, func(e registry.FlagEnvironment) bool { return e.Live }) {
			t.Error("removed flag is live")
		}
	})
}

func TestRevisedProposalKeepsItsNumberAndMayChangeItsKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		old := propose(t, db, "where2eat", "Enabled")
		propose(t, db, "where2eat", "Taken")
		revise := func(key string, s registry.Spec) (registry.Flag, error) {
			return write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
				return registry.Revise(ctx, tx, by("alice@hyfin.example"), key, s)
			})
		}
		s := spec("where2eat", "Turned on")
		s.Audience = "beta"
		f, err := revise(old.Key, s)
		if err != nil {
			t.Fatal(err)
		}
		if f.Key != "where2eat.turned-on" || f.FlagID != old.FlagID || f.Audience != "beta" || len(f.Environments) != 3 {
			t.Errorf("got %+v", f)
		}
		stored, _ := get(t, db, f.Key)
		if diff := cmp.Diff(f, stored); diff != "" {
			t.Error(diff)
		}
		if same, err := revise(f.Key, s); err != nil || same.Revision != f.Revision {
			t.Errorf("the same spec again: revision %d after %d, %v", same.Revision, f.Revision, err)
		}
		if _, err := revise(f.Key, spec("where2eat", "Taken")); !fault.Is(err, fault.Conflict) {
			t.Errorf("a taken key: %v", err)
		}
	})
}

func TestListPagesNewestFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, name := range []string{"One", "Two", "Three", "Four", "Five"} {
			propose(t, db, "where2eat", name)
		}
		propose(t, db, "other", "100%_sure")
		kill(t, db, "where2eat.two", "staging")
		list := func(filter registry.Filter, limit int) (keys []string) {
			page := store.Page{Limit: limit}
			for {
				var listing store.Listing[registry.Flag]
				if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
					listing, err = registry.List(ctx, tx, filter, page)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				for _, f := range listing.Items {
					if len(f.Environments) != 3 {
						t.Errorf("%s has %d environments", f.Key, len(f.Environments))
					}
					keys = append(keys, f.Key)
				}
				if listing.Next == "" {
					return keys
				}
				page.Cursor = listing.Next
			}
		}
		five := []string{"where2eat.two", "where2eat.three", "where2eat.one", "where2eat.four", "where2eat.five"} // made at the same time
		for limit := 1; limit < 7; limit++ {
			if diff := cmp.Diff(five, list(registry.Filter{App: "where2eat"}, limit)); diff != "" {
				t.Errorf("limit %d: %s", limit, diff)
			}
		}
		if diff := cmp.Diff([]string{"where2eat.two"}, list(registry.Filter{Killed: true}, 0)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"other.100-sure"}, list(registry.Filter{Search: "0%_S"}, 0)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestServingIsWrittenInFlagdsWords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		for words, c := range map[string]struct {
			serving   registry.Serving
			variant   string
			targeting string
		}{
			"on":              {registry.Serving{Mode: registry.ServeOn}, "on", ``},
			"all of everyone": {registry.Serving{Mode: registry.ServeAudience, Audience: "internal", Percent: 100}, "on", ``},
			"half of all":     {registry.Serving{Mode: registry.ServeAudience, Audience: "internal", Percent: 50}, "off", `{"fractional":[["on",50],["off",50]]}`},
			"all of pilot":    {registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100}, "off", `{"if":[{"$ref":"pilot"},"on"]}`},
			"some of pilot":   {registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 5}, "off", `{"if":[{"$ref":"pilot"},{"fractional":[["on",5],["off",95]]}]}`},
		} {
			state, _ := serve(t, db, key, "staging", c.serving).In("staging")
			var got struct {
				DefaultVariant string
				Targeting      json.RawMessage
			}
			if err := json.Unmarshal(state.Definition, &got); err != nil {
				t.Fatal(err)
			}
			if got.DefaultVariant != c.variant || string(got.Targeting) != c.targeting {
				t.Errorf("%s: default %s, targeting %s", words, got.DefaultVariant, got.Targeting)
			}
		}
		for field, s := range map[string]registry.Serving{
			"percent":  {Mode: registry.ServeAudience, Audience: "pilot", Percent: 101},
			"audience": {Mode: registry.ServeAudience, Audience: "nobody-knows", Percent: 5},
			"mode":     {Mode: "sideways"},
		} {
			_, err := write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
				return registry.Serve(ctx, tx, by("souk:rollout"), key, "staging", s)
			})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}
