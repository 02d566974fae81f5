package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/insight"
)

func TestComplianceShowsHowTheNumberOfCompleteFlagsChanged(t *testing.T) {
	t.Parallel()
	days := func(names ...string) (all []insight.Day) {
		for i, name := range names {
			all = append(all, insight.Day{Day: name, Flags: 40, Complete: i})
		}
		return all
	}
	for name, c := range map[string]struct {
		before []string
		want   []string
	}{
		"on the first day there is nothing to compare with": {nil, nil},
		"of yesterday alone":         {[]string{"2026-11-29"}, []string{"2026-11-29", "2026-11-30"}},
		"the last known day before":  {[]string{"2026-10-01", "2026-10-02", "2026-11-20", "2026-11-29"}, []string{"2026-10-01", "2026-10-02", "2026-11-20", "2026-11-30"}},
		"one day is not shown twice": {[]string{"2024-01-01", "2026-11-23"}, []string{"2024-01-01", "2026-11-23", "2026-11-30"}},
		"a year, a quarter, a month and a week": {
			[]string{"2025-11-01", "2025-11-30", "2026-08-31", "2026-10-31", "2026-11-23", "2026-11-24"},
			[]string{"2025-11-01", "2025-11-30", "2026-08-31", "2026-10-31", "2026-11-23", "2026-11-30"},
		},
	} {
		all := insight.Compliance{Now: insight.Day{Day: "2026-11-30", Flags: 41, Complete: 12, Owner: 3, Contact: 5, TTL: 20, Kill: 1}, Days: days(c.before...)}
		var got []string
		for _, d := range progress(all) {
			got = append(got, d.Day)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		var b strings.Builder
		printCompliance(&b, all)
		last := "2026-11-30       12 of 41         3           5      20              1\n"
		if shown := strings.HasSuffix(b.String(), last); shown != (c.want != nil) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}
