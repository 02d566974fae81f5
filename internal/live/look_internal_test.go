package live

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// TestWhatIsBehindIsLoggedOnceUntilItIsSomethingElse looks several times while the owners, then also the flags, cannot be read.
func TestWhatIsBehindIsLoggedOnceUntilItIsSomethingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var log bytes.Buffer
		l := &Live{DB: db, Log: slog.New(slog.NewTextHandler(&log, nil))}
		rename := func(from, to string) {
			t.Helper()
			if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Exec(ctx, `ALTER TABLE `+from+` RENAME TO `+to)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		said := ""
		for _, step := range []struct {
			from, to string
			want     []string
		}{
			{"", "", nil},
			{"flag_tag", "away_tag", []string{"ERROR " + ownersBehind}},
			{"environment", "away_environment", []string{"ERROR " + flagsBehind}},
			{"away_environment", "environment", []string{"ERROR " + ownersBehind}},
			{"away_tag", "flag_tag", []string{"INFO flags are current again"}},
		} {
			if step.from != "" {
				rename(step.from, step.to)
			}
			log.Reset()
			for range 3 {
				said = l.look(t.Context(), said)
			}
			var got []string
			for _, line := range regexp.MustCompile(`level=(\w+) msg="([^"]+)"`).FindAllStringSubmatch(log.String(), -1) {
				got = append(got, line[1]+" "+line[2])
			}
			if d := cmp.Diff(step.want, got); d != "" {
				t.Errorf("%s renamed to %s: %s", step.from, step.to, d)
			}
		}
	})
}
