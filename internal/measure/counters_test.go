package measure_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/measure"
)

var noon = time.Date(2026, 3, 4, 12, 0, 30, 0, time.UTC)

func total(s measure.State) (sum int64) {
	for _, n := range s.Totals {
		sum += n
	}
	return sum
}

// Evaluations are counted while others are and while what was counted is collected; between, all is forgotten and learnt anew.
func TestNoEvaluationIsLostOrCountedTwiceWhileManyCount(t *testing.T) {
	t.Parallel()
	c := measure.NewCounters()
	outcomes := make([]*flag.Outcome, 50)
	for i := range outcomes {
		outcomes[i] = &flag.Outcome{Key: fmt.Sprint("f", i), Variant: "on", Reason: flag.Static}
	}
	const workers, phases, rounds = 8, 5, 2_000
	for phase := range phases {
		var working sync.WaitGroup
		for w := range workers {
			working.Go(func() {
				for i := range rounds {
					caller := c.Caller("production", fmt.Sprint("key", w%2), "ofrep")
					switch i % 4 {
					case 0:
						batch := caller.Bulk()
						batch.Count(outcomes[i%len(outcomes)])
					case 1:
						caller.Fail("nobody", flag.FlagNotFound)
					default:
						caller.Count(outcomes[(i+w)%len(outcomes)])
					}
					if i%100 == 0 {
						c.State(noon.Add(time.Duration(phase) * time.Hour))
					}
				}
			})
		}
		working.Wait()
		for minute := range 4 {
			c.State(noon.Add(time.Duration(phase)*time.Hour + time.Duration(minute+1)*time.Minute))
		}
	}
	s := c.State(noon.Add(100 * time.Hour))
	want := map[measure.Total]int64{
		{Environment: "production", Protocol: "ofrep", Reason: flag.Static}:                          phases * workers * rounds * 3 / 4,
		{Environment: "production", Protocol: "ofrep", Reason: flag.Failed, Code: flag.FlagNotFound}: phases * workers * rounds / 4,
	}
	if diff := cmp.Diff(want, s.Totals); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsNotAskedForAnyMoreMakesRoom(t *testing.T) {
	t.Parallel()
	c := measure.NewCounters()
	for minute := range 5 {
		for i := range measure.MaxSeries / 2 {
			c.Caller("production", "key", "ofrep").Count(&flag.Outcome{Key: fmt.Sprint(minute/3, "f", i), Variant: "on", Reason: flag.Static})
		}
		c.State(noon.Add(time.Duration(minute) * time.Minute))
	}
	s := c.State(noon.Add(9 * time.Minute))
	if s.Beyond != 0 || total(s) != 5*measure.MaxSeries/2 {
		t.Errorf("%d of %d were counted without a name", s.Beyond, total(s))
	}
	for minute := range 4 {
		s = c.State(noon.Add(time.Duration(10+minute) * time.Minute))
	}
	if s.Series != 0 {
		t.Errorf("%d series are held that nobody counts with", s.Series)
	}
}

func TestBeyondTheBoundsEvaluationsAreCountedWithoutNames(t *testing.T) {
	t.Parallel()
	c := measure.NewCounters()
	caller := c.Caller("production", "key", "ofrep")
	for i := range measure.MaxSeries + 500 {
		caller.Count(&flag.Outcome{Key: fmt.Sprint("f", i), Variant: "on", Reason: flag.Static})
	}
	s := c.State(noon)
	if s.Beyond != 500 || s.Series != measure.MaxSeries+1 || total(s) != measure.MaxSeries+500 {
		t.Errorf("%d without a name, %d series, %d in all", s.Beyond, s.Series, total(s))
	}

	c = measure.NewCounters()
	for i := range measure.MaxStrangers + 70 {
		c.Caller("production", "key", "ofrep").Fail(fmt.Sprint("guess", i), flag.FlagNotFound)
	}
	for _, name := range []string{"", "a\nb", "\xff", string(make([]byte, 300))} {
		c.Caller("production", "key", "ofrep").Fail(name, flag.FlagNotFound)
	}
	if s := c.State(noon); s.Beyond != 74 || total(s) != measure.MaxStrangers+74 {
		t.Errorf("%d made-up names without a name, %d in all", s.Beyond, total(s))
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c := measure.NewCounters()
	o := &flag.Outcome{Key: "f", Variant: "on", Reason: flag.Static}
	count := func() { c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Count(o) }
	count()
	if n := testing.AllocsPerRun(100, count); n != 0 {
		t.Errorf("%v allocations", n)
	}
	c = nil
	if n := testing.AllocsPerRun(100, count); n != 0 { // without counters nothing is counted
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	c := measure.NewCounters()
	outcomes := make([]*flag.Outcome, 500)
	for i := range outcomes {
		outcomes[i] = &flag.Outcome{Key: fmt.Sprint("f", i), Variant: "on", Reason: flag.Static}
		c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Count(outcomes[i])
		c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Count(outcomes[i])
	}
	for range 3 {
		for _, o := range outcomes {
			c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Count(o)
		}
	}
	b.Run("single", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Count(outcomes[7])
			}
		})
	})
	b.Run("bulk of 500", func(b *testing.B) {
		for b.Loop() {
			batch := c.Caller("production", "0197c0de-0000-7000-8000-000000000001", "ofrep").Bulk()
			for _, o := range outcomes {
				batch.Count(o)
			}
		}
	})
}
