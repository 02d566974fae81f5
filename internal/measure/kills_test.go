package measure_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTheReceiptOfAnEarlyKillNamesWhoHasNotConfirmed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		made := map[string]*measure.Replicas{}
		beat := func(name string) {
			if made[name] == nil {
				made[name] = &measure.Replicas{DB: db, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), ID: "id of " + name, Name: name}
			}
			if err := made[name].Beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"web-1", "web-2", "web-3", "web-1"} {
			beat(name)
		}
		// web-3 is not heard of any more.
		now = now.Add(time.Minute)
		beat("web-2")
		beat("web-1")
		for _, tt := range []struct {
			confirmed, silent []string
		}{
			{nil, []string{"web-1", "web-2"}},
			{[]string{"id of web-1"}, []string{"web-2"}},
			{[]string{"id of web-1", "id of web-2", "id of one that restarted"}, []string{}},
		} {
			var got measure.Receipt
			if err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
				got, err = made["web-1"].Early(ctx, tx, tt.confirmed)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.silent, got.Silent); diff != "" || got.Settled || len(got.Replicas) != 2 {
				t.Errorf("%s confirmed: %+v, %s", tt.confirmed, got, diff)
			}
		}
	})
}
