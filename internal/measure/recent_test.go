package measure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/measure"
)

func TestRecentKeepsABurstThenOneASecond(t *testing.T) {
	t.Parallel()
	var recent measure.Recent
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ask := func(times int) (kept int) {
		for i := range times {
			if recent.Due("production", now) {
				recent.Keep("production", map[string]any{"targetingKey": fmt.Sprint(now.Unix(), i)})
				kept++
			}
		}
		return kept
	}
	if got := ask(10_000); got != 100 {
		t.Errorf("at once %d were kept, want a burst of 100", got)
	}
	now = now.Add(5 * time.Second)
	if got := ask(10_000); got != 5 {
		t.Errorf("after five seconds %d were kept, want 5", got)
	}
	now = now.Add(time.Hour)
	if got := ask(10_000); got != 100 {
		t.Errorf("after an hour %d were kept, want a burst", got)
	}
	now = now.Add(-24 * time.Hour)
	if got := ask(10_000); got != 100 {
		t.Errorf("after the clock was put back %d were kept, want a burst", got)
	}
	for range 20 {
		now = now.Add(time.Hour)
		ask(100)
	}
	if got := len(recent.Of("production")); got != 600 {
		t.Errorf("%d are held, want no more than 600", got)
	}
	if got := len(recent.Of("staging")); got != 0 {
		t.Errorf("another environment has %d", got)
	}
}
