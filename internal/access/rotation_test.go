package access

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRotationNeverProlongsTheOldSecretNorShortensTheNewOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		made := noon
		now := made.Add(time.Duration(rapid.IntRange(0, 10_000).Draw(t, "age in min")) * time.Minute)
		var expires *time.Time
		if rapid.Bool().Draw(t, "expires") {
			end := now.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "left in min")) * time.Minute)
			expires = &end
		}
		overlap := rapid.IntRange(-2, maxOverlap+2).Draw(t, "overlap")
		old, fresh, err := Rotation{OverlapHours: &overlap}.Ends(made, expires, now)
		if bad := overlap < 0 || overlap > maxOverlap; (err != nil) != bad {
			t.Fatalf("an overlap of %d: %v", overlap, err)
		} else if bad {
			return
		}
		if old.After(now.Add(time.Duration(overlap)*time.Hour)) || expires != nil && old.After(*expires) || old.Before(now) {
			t.Fatalf("the old one ends at %s", old)
		}
		if (fresh == nil) != (expires == nil) || fresh != nil && fresh.Before(*expires) {
			t.Fatalf("the new one ends at %v, the old one would have at %v", fresh, expires)
		}
	})
}
