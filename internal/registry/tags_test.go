package registry_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestFlagsAreFoundByTheirTagsAndSDKsSeeNothingOfThem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }}
		admin := access.System("test")
		eat, travel := propose(t, db, "where2eat", "Enabled"), propose(t, db, "travel", "Enabled")
		before := install(t, db, eat.Key)
		tagged, err := r.SetTags(t.Context(), admin, eat.Key, []string{"lunch", "2026-q4", "lunch"}, before.Revision)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"2026-q4", "lunch"}, tagged.Tags); diff != "" || tagged.Revision != before.Revision+1 {
			t.Error(tagged.Revision, diff)
		}
		for i, e := range tagged.Environments {
			if diff := cmp.Diff(before.Environments[i], e); diff != "" {
				t.Errorf("SDKs see of it: %s", diff)
			}
		}
		if _, err := r.SetTags(t.Context(), admin, travel.Key, []string{"lunch"}, travel.Revision); err != nil {
			t.Fatal(err)
		}
		for filter, want := range map[registry.Filter]string{
			{Tag: "lunch", Sort: registry.SortKey, Ascending: true}: "travel.enabled where2eat.enabled", {Tag: "2026-q4"}: eat.Key, {Tag: "lun"}: "",
			{Tag: "lunch", App: "travel"}: travel.Key,
		} {
			list, err := r.Flags(t.Context(), admin, filter, store.Page{})
			var keys []string
			for _, f := range list.Items {
				keys = append(keys, f.Key)
			}
			if got := strings.Join(keys, " "); err != nil || got != want {
				t.Errorf("%+v gives %q, %v", filter, got, err)
			}
		}
		all, err := r.Tags(t.Context(), admin, "UN")
		if diff := cmp.Diff([]registry.Tag{{Name: "lunch", Flags: 2}}, all); err != nil || diff != "" {
			t.Error(err, diff)
		}
		// Who has the tags already is left alone, and a proposal that is withdrawn leaves none behind.
		if same, err := r.SetTags(t.Context(), admin, eat.Key, []string{"2026-q4", "lunch"}, 1); err != nil || same.Revision != tagged.Revision {
			t.Errorf("%d, %v", same.Revision, err)
		}
		must(t, db, func(ctx context.Context, tx *store.Tx) (struct{}, error) {
			return struct{}{}, registry.Withdraw(ctx, tx, by("alice@hyfin.example"), travel.Key)
		})
		if all, err := r.Tags(t.Context(), admin, "lunch"); err != nil || len(all) != 1 || all[0].Flags != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		if none, err := r.SetTags(t.Context(), admin, eat.Key, nil, tagged.Revision); err != nil || len(none.Tags) != 0 {
			t.Errorf("%+v, %v", none.Tags, err)
		}
	})
}

func TestARenamedProposalKeepsItsTags(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }}
		f := propose(t, db, "where2eat", "Enabled")
		if _, err := r.SetTags(t.Context(), access.System("test"), f.Key, []string{"lunch"}, f.Revision); err != nil {
			t.Fatal(err)
		}
		renamed := must(t, db, func(ctx context.Context, tx *store.Tx) (registry.Flag, error) {
			return registry.Revise(ctx, tx, by("alice@hyfin.example"), f.Key, spec("where2eat", "Open"))
		})
		read, err := r.Flag(t.Context(), access.System("test"), "where2eat.open")
		if diff := cmp.Diff([][]string{{"lunch"}, {"lunch"}}, [][]string{renamed.Tags, read.Tags}); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

func TestBadTagsAreRefusedWithTheWayOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }}
		f := propose(t, db, "where2eat", "Enabled")
		many := make([]string, 21)
		for i := range many {
			many[i] = "t" + strings.Repeat("x", i)
		}
		for _, refused := range []struct {
			by       access.Actor
			key      string
			tags     []string
			revision int64
			kind     fault.Kind
		}{
			{access.System("test"), f.Key, []string{"Card Data"}, f.Revision, fault.Invalid},
			{access.System("test"), f.Key, []string{""}, f.Revision, fault.Invalid},
			{access.System("test"), f.Key, []string{strings.Repeat("x", 64)}, f.Revision, fault.Invalid},
			{access.System("test"), f.Key, []string{"\x00"}, f.Revision, fault.Invalid},
			{access.System("test"), f.Key, many, f.Revision, fault.Invalid},
			{access.System("test"), f.Key, []string{"lunch"}, f.Revision + 1, fault.Stale},
			{access.System("test"), "nothing.here", []string{"lunch"}, 1, fault.NotFound},
			{access.Actor{}, f.Key, []string{"lunch"}, f.Revision, fault.Unauthenticated},
			{access.Actor{Email: "eve@hyfin.example", TokenScope: access.ScopeAll}, f.Key, []string{"Card Data"}, f.Revision, fault.Forbidden},
		} {
			if _, err := r.SetTags(t.Context(), refused.by, refused.key, refused.tags, refused.revision); !fault.Is(err, refused.kind) {
				t.Errorf("%q on %s by %q: %v", refused.tags, refused.key, refused.by.Email, err)
			}
		}
	})
}
