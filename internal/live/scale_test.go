package live_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// servings are of a flag with the variants on and off.
var servings = []registry.Serving{
	{Mode: registry.ServeOff},
	{Mode: registry.ServeOn},
	custom(`{"if":[{"$ref":"beta"},"on"]}`), custom(`{"if":[{"$ref":"beta"},"off"]}`),
	{Mode: registry.ServeCustom, DefaultVariant: "on"},
	{Mode: registry.ServeAudience, Audience: "pilot", Percent: 25},
	{Mode: registry.ServeAudience, Audience: "beta", Percent: 100},
	{Mode: registry.ServeAudience, Audience: "internal", Percent: 50},
}

// TestLiveGoesOnFromWhatItServes compares a snapshot that lived through random changes with one that is read anew.
func TestLiveGoesOnFromWhatItServes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), Reached: nothing}
		l := load(t, db, "", nil)
		var keys []string
		round := 0
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 4).Draw(rt, "changes") {
				act := rapid.SampledFrom([]string{"new", "serve", "serve", "kill", "restore", "remove", "segment", "withdraw"}).Draw(rt, "act")
				environment := rapid.SampledFrom([]string{"sandbox", "production"}).Draw(rt, "environment")
				key := ""
				if len(keys) > 0 {
					key = rapid.SampledFrom(keys).Draw(rt, "key")
				}
				round++
				switch {
				case act == "new" || key == "":
					key = propose(t, db, "where2eat", fmt.Sprintf("Flag %d", round)).Key
					install(t, db, key)
					keys = append(keys, key)
				case act == "withdraw":
					key = propose(t, db, "where2eat", fmt.Sprintf("Flag %d", round)).Key
					kill(t, db, key, environment)
					storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (string, error) {
						return "", registry.Withdraw(ctx, tx, by("alice@hyfin.example"), key)
					})
				case act == "serve":
					c := by("pat@hyfin.example")
					c.Cause = registry.CauseChanged
					s := rapid.SampledFrom(servings).Draw(rt, "serving")
					storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
						return registry.Serve(ctx, tx, c, key, environment, s)
					})
				case act == "kill":
					kill(t, db, key, environment)
				case act == "restore":
					restore(t, db, key, environment)
				case act == "remove":
					storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
						return registry.Remove(ctx, tx, by("pat@hyfin.example"), key)
					})
					keys = slices.DeleteFunc(keys, func(k string) bool { return k == key })
				case act == "segment":
					all, err := r.Segments(t.Context(), access.System("test"))
					if err != nil {
						rt.Fatal(err)
					}
					i := slices.IndexFunc(all, func(s registry.Segment) bool { return s.Name == "beta" })
					all[i].Groups = []string{rapid.SampledFrom([]string{"beta", "pilot"}).Draw(rt, "group"), fmt.Sprintf("group%d", round)}
					if _, err := r.PutSegment(t.Context(), access.System("test"), all[i]); err != nil {
						rt.Fatal(err)
					}
				}
			}
			sameAsAnew(rt, l, db)
		})
	})
}

// TestWhatChangedIsFoundByAnIndex looks at the plans that both engines make, not at the clock: a changed flag is found without looking
// at the others.
func TestWhatChangedIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("seeds thousands of flags")
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const n = 5_000
		registrytest.Seed(t, db, n)
		for name, query := range live.LoadQueries {
			args := []any{"production", int64(n)}
			if name == "sum" {
				args = args[:1]
				if db.Engine() == store.PostgreSQL {
					continue // until autovacuum has been there, it reads the table itself rather than the index
				}
			}
			for _, step := range storetest.Plan(t, db, query, args) {
				if strings.Contains(step, "Seq Scan on flag") || strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "USING") ||
					strings.Contains(step, "flag_environment_changed (environment=?)") {
					t.Errorf("%s: %s", name, step)
				}
			}
		}
	})
}

// sameAsAnew brings a Live up to date and holds what it serves against what is read from nothing.
func sameAsAnew(t interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}, l *live.Live, db *store.DB,
) {
	t.Helper()
	anew := &live.Live{DB: db, Log: slog.New(slog.DiscardHandler)}
	for _, one := range []*live.Live{l, anew} {
		if err := one.Load(t.Context()); err != nil {
			t.Fatalf("load: %v", err)
		}
	}
	for _, environment := range []string{"sandbox", "staging", "production"} {
		got, want := l.Snapshot(environment), anew.Snapshot(environment)
		if got.Tag != want.Tag || got.Revision != want.Revision || string(got.Document()) != string(want.Document()) || got.Flags.Len() != want.Flags.Len() {
			t.Fatalf("%s at %d, want %d: %s", environment, got.Revision, want.Revision, cmp.Diff(string(want.Document()), string(got.Document())))
		}
		for _, groups := range [][]string{{"pilot"}, {"beta"}} {
			ours, theirs := got.Flags.Context(noon), want.Flags.Context(noon)
			ours.Set(map[string]any{"targetingKey": "ann@hyfin.example", "groups": groups})
			theirs.Set(map[string]any{"targetingKey": "ann@hyfin.example", "groups": groups})
			for o := range want.Flags.All(theirs) {
				if mine := got.Flags.Evaluate(o.Key, ours); mine == nil || !bytes.Equal(mine.JSON, o.JSON) {
					t.Fatalf("%s: %s is %v, want %s", environment, o.Key, mine, o.JSON)
				}
			}
			ours.Release()
			theirs.Release()
		}
	}
}

// TestLiveNoticesAnotherPast puts a database in place that went on from an older state, as a restored backup does, and is
// ahead by now: it is followed once somebody says so.
func TestLiveNoticesAnotherPast(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		other := propose(t, db, "where2eat", "Other").Key
		install(t, db, key)
		install(t, db, other)
		l := load(t, db, "", nil)
		kill(t, db, key, "sandbox")
		before := get(t, db, key)
		if err := l.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (int64, error) { // the kill never was
			state, _ := before.In("sandbox")
			return tx.Exec(ctx, `UPDATE flag_environment SET killed_at = NULL, definition = $1, revision = $2 WHERE flag_key = $3 AND environment = 'sandbox'`,
				strings.Replace(strings.Replace(string(state.Definition), `"defaultVariant":"off"`, `"defaultVariant":"on"`, 1), `,"killed":true`, "", 1),
				state.Revision-1, key)
		})
		kill(t, db, other, "sandbox")
		served := l.Snapshot("sandbox").Revision
		reload(t, l)
		if b := l.Behind(); len(b) != 1 || answer(t, l, "sandbox", key) != "false STATIC" || answer(t, l, "sandbox", other) != "false STATIC" {
			t.Errorf("%+v, it serves %s", b, answer(t, l, "sandbox", key))
		}
		storetest.Write(t, db, func(ctx context.Context, tx *store.Tx) (none struct{}, err error) {
			return none, registry.GiveUp(ctx, tx, by("root@hyfin.example"), "sandbox", served, nil)
		})
		sameAsAnew(t, l, db)
		if got := answer(t, l, "sandbox", key); got != "true STATIC" {
			t.Errorf("it serves %s from before the backup", got)
		}
	})
}

func BenchmarkLoad100000Flags(b *testing.B) {
	db := storetest.Open(b, store.SQLite)
	registrytest.Seed(b, db, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		l := &live.Live{DB: db, Log: slog.New(slog.DiscardHandler)}
		if err := l.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKillAmong100000Flags is from the kill to the moment it is served.
func BenchmarkKillAmong100000Flags(b *testing.B) {
	db := storetest.Open(b, store.SQLite)
	registrytest.Seed(b, db, 100_000)
	l := &live.Live{DB: db, Log: slog.New(slog.DiscardHandler)}
	if err := l.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		if err := db.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, _, err := registry.Kill(ctx, tx, by("olu@hyfin.example"), fmt.Sprintf("app%d.flag%d", i%1000, i), "production")
			return err
		}); err != nil {
			b.Fatal(err)
		}
		if err := l.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
