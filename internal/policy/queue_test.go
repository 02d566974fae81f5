package policy

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/soukhq/souk/internal/fault"
)

func TestSoManyEvaluationsRunAtATimeAndTheRestWaitNoLongerThanTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(2, 10*time.Second)
		var mu sync.Mutex
		running, most, refused := 0, 0, 0
		var all sync.WaitGroup
		for range 9 { // four rounds of two in 12 seconds, of which the last has waited 9, and one that waits in vain
			all.Go(func() {
				err := q.Run(t.Context(), func(context.Context) error {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(3 * time.Second)
					mu.Lock()
					running--
					mu.Unlock()
					return nil
				})
				if fault.Is(err, fault.Unavailable) {
					mu.Lock()
					refused++
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != 2 || refused != 1 {
			t.Errorf("%d ran at a time, %d were refused", most, refused)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		release := make(chan struct{})
		for range 2 {
			go func() { _ = q.Run(t.Context(), func(context.Context) error { <-release; return nil }) }()
		}
		synctest.Wait()
		if err := q.Run(gone, func(context.Context) error { t.Error("it ran"); return nil }); err == nil {
			t.Error("who has gone waits for a turn")
		}
		close(release)
	})
}
