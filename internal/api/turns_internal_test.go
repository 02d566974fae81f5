package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestCallsOfOneNameRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all turns
		end, err := all.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		running, most := 1, 1
		for range 3 {
			go func() {
				end, err := all.take(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				running++
				most = max(most, running)
				running--
				end()
			}()
		}
		synctest.Wait() // the others wait
		if most != 1 {
			t.Error("two run at once")
		}
		if other, err := all.take(t.Context(), "b"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		ctx, giveUp := context.WithCancel(t.Context())
		giveUp()
		if _, err := all.take(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up gets %v", err)
		}
		running--
		end()
		synctest.Wait()
		if most != 1 || len(all.running) != 0 {
			t.Errorf("%d ran at once, %d are left", most, len(all.running))
		}
	})
}
