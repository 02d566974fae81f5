package signin

import (
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestFailuresAreToldWithinTheHourThoughNobodyTriesAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		guess := func(email string, times int) {
			for range times {
				_ = a.signIn(t, "203.0.113.9:1", email, "a guess of many words")
			}
		}
		after := func(d time.Duration) int {
			t.Helper()
			clock.Add(d)
			if err := a.TellGuesses(t.Context()); err != nil {
				t.Fatal(err)
			}
			return count(accesstest.Events(t, db), "person.guessed_at")
		}
		guess(accesstest.Alice, 3) // the second tells of the first
		guess("nobody@hyfin.example", 3)
		for _, one := range []struct {
			after time.Duration
			told  int
			why   string
		}{
			{0, 1, "what was told this hour is not told again"},
			{30 * time.Minute, 1, "not yet"},
			{31 * time.Minute, 2, "those after the first"},
			{time.Hour, 2, "nothing is left to tell"},
		} {
			if told := after(one.after); told != one.told {
				t.Errorf("%s: told %d times, want %d", one.why, told, one.told)
			}
		}
		guess("pat@hyfin.example", 1)
		if told := after(0); told != 2 {
			t.Error("an attempt that may still succeed is told as a failure")
		}
		if told := after(2 * time.Minute); told != 3 {
			t.Errorf("a single failure is told %d times", told-2)
		}
	})
}
